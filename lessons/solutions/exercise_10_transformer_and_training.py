"""Solutions of the exercises for lesson 10, transformer and training."""

import numpy as np

KEEP_MEAN, KEEP_SQUARE, EPS = 0.9, 0.999, 1e-8


def residual_backward(dout, weights):
    states = [dout]  # from the top down
    for weight in weights[::-1]:
        dx = states[-1]  # (n, C)
        states.append(dx + dx @ weight.T)  # the straight way, and the way through the layer
    return np.array(states[::-1])  # (L + 1, n, C)


def adamw(parameter, gradients, rates, weight_decay):
    mean, mean_square = np.zeros_like(parameter), np.zeros_like(parameter)
    for t, (g, rate) in enumerate(zip(gradients, rates), start=1):
        mean = KEEP_MEAN * mean + (1 - KEEP_MEAN) * g
        mean_square = KEEP_SQUARE * mean_square + (1 - KEEP_SQUARE) * g * g
        corrected, corrected_square = mean / (1 - KEEP_MEAN**t), mean_square / (1 - KEEP_SQUARE**t)
        if parameter.ndim == 2:
            parameter = parameter * (1 - rate * weight_decay)
        parameter = parameter - rate * corrected / (np.sqrt(corrected_square) + EPS)
    return parameter


def batch_gradient(pieces, counts, max_norm):
    total = counts.sum()
    mean = {name: sum(n * piece[name] for n, piece in zip(counts, pieces)) / total for name in pieces[0]}
    norm = np.sqrt(sum((gradient * gradient).sum() for gradient in mean.values()))
    return {name: gradient * min(1, max_norm / norm) for name, gradient in mean.items()}
