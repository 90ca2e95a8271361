"""What holds a transformer and its training together: residual connections, AdamW, and clipping."""

import numpy as np

from ..exercise import LARGEST_ROUND, Exercise, Mistake, numbers

KEEP_MEAN, KEEP_SQUARE, EPS = 0.9, 0.999, 1e-8


def _draw_stack(rng, size):
    n, C, L = (1, 2, 2) if size == 1 else (size, 1 + size % 3, 2 + size // 3)
    C += C == n
    return {"dout": numbers(rng, size, n, C), "weights": numbers(rng, size, L, C, C)}


def residual_backward(dout, weights):
    """Gradients of all states of the stream, each by one matrix from there to the top."""
    C = weights.shape[1]
    to_the_top = [np.eye(C)]
    for weight in weights[::-1]:
        to_the_top.insert(0, (np.eye(C) + weight) @ to_the_top[0])
    return np.array([dout @ matrix.T for matrix in to_the_top])


def _stack_mistake(step, weights_of=lambda weights: weights[::-1], order=lambda states: states[::-1]):
    def formula(dout, weights):
        states = [dout]
        for weight in weights_of(weights):
            states.append(step(states[-1], weight, dout))
        return np.array(order(states))

    return formula


def _dout_on_top(function, inputs, got):
    if np.allclose(got[-1], inputs["dout"], atol=1e-9):
        return None
    return "the last entry, state L, is what the loss reads: its gradient is dout itself"


def _straight_way(function, inputs, got):
    through = np.asarray(function(inputs["dout"], 0 * inputs["weights"]))
    lost = np.argwhere(np.abs(through - inputs["dout"]).max(axis=(1, 2)) > 1e-9)
    if not len(lost):
        return None
    return (
        "with weights of 0 every layer adds nothing, so dout should arrive unchanged at each state; "
        f"at state {lost[-1][0]} it does not"
    )


def _draw_adamw(rng, size):
    shape = (3,) if size % 2 else (2, 3) if size <= LARGEST_ROUND else (1 + size % 3, size)
    gradients = numbers(rng, size, size, *shape)
    gradients[gradients == 0] = 2
    gradients[(0,) + (0,) * len(shape)] = 0
    rates = np.full(size, 0.1) if size <= LARGEST_ROUND else np.round(rng.uniform(0.05, 0.3, size), 2)
    return {
        "parameter": numbers(rng, size, *shape),
        "gradients": gradients,
        "rates": rates,
        "weight_decay": float(rng.integers(1, 10)) / 10,
    }


def adamw(parameter, gradients, rates, weight_decay):
    """Parameter after all steps, each running mean as a weighted sum over the gradients so far."""
    decayed = parameter.ndim == 2
    for step, rate in enumerate(rates, start=1):
        ago = np.arange(step)[::-1]
        means = []
        for keep, power in ((KEEP_MEAN, 1), (KEEP_SQUARE, 2)):
            shares = keep**ago / (keep**ago).sum()
            means.append(np.tensordot(shares, gradients[:step] ** power, axes=1))
        parameter = parameter * (1 - rate * weight_decay * decayed) - rate * means[0] / (np.sqrt(means[1]) + EPS)
    return parameter


def _adamw_mistake(
    first_step=1,
    corrected=lambda step: (1 - KEEP_MEAN**step, 1 - KEEP_SQUARE**step),
    seen=lambda gradient, decay: gradient,
    kept=lambda rate, decay: 1 - rate * decay,
    root=np.sqrt,
    eps=EPS,
    sign=-1,
    matrices_only=True,
    late=False,
):
    def formula(parameter, gradients, rates, weight_decay):
        mean, mean_square = np.zeros_like(parameter), np.zeros_like(parameter)
        decay = 0 if matrices_only and parameter.ndim == 1 else weight_decay
        with np.errstate(all="ignore"):
            for step, (gradient, rate) in enumerate(zip(gradients, rates), start=first_step):
                gradient = seen(gradient, decay * parameter)
                mean = KEEP_MEAN * mean + (1 - KEEP_MEAN) * gradient
                mean_square = KEEP_SQUARE * mean_square + (1 - KEEP_SQUARE) * gradient**2
                of_mean, of_square = corrected(np.float64(step))
                move = rate * (mean / of_mean) / (root(mean_square / of_square) + eps)
                factor = kept(rate, decay)
                parameter = (parameter + sign * move) * factor if late else parameter * factor + sign * move
        return parameter

    return formula


def _adamw_keeps_corrected(parameter, gradients, rates, weight_decay):
    mean, mean_square = np.zeros_like(parameter), np.zeros_like(parameter)
    for step, (gradient, rate) in enumerate(zip(gradients, rates), start=1):
        mean = (KEEP_MEAN * mean + (1 - KEEP_MEAN) * gradient) / (1 - KEEP_MEAN**step)
        mean_square = (KEEP_SQUARE * mean_square + (1 - KEEP_SQUARE) * gradient**2) / (1 - KEEP_SQUARE**step)
        kept = 1 - rate * weight_decay * (parameter.ndim == 2)
        parameter = parameter * kept - rate * mean / (np.sqrt(mean_square) + EPS)
    return parameter


def _adamw_with_one_array(parameter, gradients, rates, weight_decay):
    both = np.zeros_like(parameter)
    with np.errstate(invalid="ignore"):
        for step, (gradient, rate) in enumerate(zip(gradients, rates), start=1):
            both = KEEP_MEAN * both + (1 - KEEP_MEAN) * gradient
            both = KEEP_SQUARE * both + (1 - KEEP_SQUARE) * gradient**2
            move = both / (1 - KEEP_MEAN**step) / (np.sqrt(both / (1 - KEEP_SQUARE**step)) + EPS)
            parameter = parameter * (1 - rate * weight_decay * (parameter.ndim == 2)) - rate * move
    return parameter


def _numbers_all(function, inputs, got):
    if not np.isnan(np.asarray(got)).any():
        return None
    return "gives nan: is something divided by 0? Where all gradients so far are 0, so is the root; EPS is added to it"


def _first_step(function, inputs, got):
    one = {"parameter": np.zeros(3), "gradients": np.array([[4.0, -0.5, 2.0]]), "rates": np.array([0.1])}
    moved = np.asarray(function(**one, weight_decay=0.0))
    if np.allclose(moved, [-0.1, 0.1, -0.1], atol=1e-6):
        return None
    shown = ", ".join(f"{number:.4g}" for number in moved)
    return (
        "the first step should be the rate, against the gradient's sign: from [0, 0, 0], with the gradients [4, "
        f"-0.5, 2] and rate 0.1, to [-0.1, 0.1, -0.1]; yours leads to [{shown}]"
    )


def _draw_pieces(rng, size):
    n_pieces = 2 if size <= LARGEST_ROUND else 1 + size % 4
    shapes = {"weight": (1, 2), "bias": (2,)} if size <= LARGEST_ROUND else {"weight": (size, 3), "bias": (3,)}
    pieces = [{name: numbers(rng, size, *shape) for name, shape in shapes.items()} for _ in range(n_pieces)]
    counts = rng.permutation(np.arange(1, n_pieces + 1) ** 2)  # 1 and 4 for two pieces
    room = 0.5 if size % 2 else 50  # half the norm, so that it is clipped; or far above it, so that it isn't
    max_norm = float(np.round(room * _norm(_mean(pieces, counts)), 1))
    return {"pieces": pieces, "counts": counts, "max_norm": max_norm}


def _mean(pieces, counts, divide_by=None):
    shares = counts / (divide_by or counts.sum())
    return {name: sum(share * piece[name] for share, piece in zip(shares, pieces)) for name in pieces[0]}


def _norm(gradients):
    return np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))


def _clip(gradients, max_norm):
    return {name: gradient * min(1, max_norm / _norm(gradients)) for name, gradient in gradients.items()}


def batch_gradient(pieces, counts, max_norm):
    """Gradient of all tokens together, clipped: all entries in one long vector, then cut up again."""
    rows = np.array([np.concatenate([gradient.ravel() for gradient in piece.values()]) for piece in pieces])
    mean = counts @ rows / counts.sum()
    mean = mean * min(1, max_norm / np.linalg.norm(mean))
    ends = np.cumsum([gradient.size for gradient in pieces[0].values()])
    parts = np.split(mean, ends[:-1])
    return {name: part.reshape(gradient.shape) for (name, gradient), part in zip(pieces[0].items(), parts)}


def _not_too_long(function, inputs, got):
    norm = _norm({name: np.asarray(gradient) for name, gradient in got.items()})
    if norm <= inputs["max_norm"] * (1 + 1e-9):
        return None
    return f"all entries together have the norm {norm:.4g}, more than max_norm = {inputs['max_norm']:g}"


EXERCISES = (
    Exercise(
        name="residual_backward",
        draw=_draw_stack,
        answer=residual_backward,
        core=True,
        rules=(_dout_on_top, _straight_way),
        mistakes=(
            Mistake(
                "has only the way through the layers: x is used in the straight way, too, and what is used twice gets "
                "both gradients, added up",
                _stack_mistake(lambda dx, weight, dout: dx @ weight.T),
            ),
            Mistake(
                "has only the straight way: each layer also hands back dx @ weight.T, which is added",
                _stack_mistake(lambda dx, weight, dout: dx),
            ),
            Mistake(
                "goes through the layers from the first to the last: backward begins with the last one",
                _stack_mistake(lambda dx, weight, dout: dx + dx @ weight.T, weights_of=lambda weights: weights),
            ),
            Mistake(
                "multiplies by weight as the forward does: the way back is dx @ weight.T, transposed",
                _stack_mistake(lambda dx, weight, dout: dx + dx @ weight),
            ),
            Mistake(
                "sends dout itself through each layer: what goes through a layer is the gradient that has arrived "
                "above it, with all that was added on the way",
                _stack_mistake(lambda dx, weight, dout: dx + dout @ weight.T),
            ),
            Mistake(
                "adds dout again at each layer: what goes the straight way is the gradient that has arrived above the "
                "layer, with all that was added on the way",
                _stack_mistake(lambda dx, weight, dout: dout + dx @ weight.T),
            ),
            Mistake(
                "is upside down: entry 0 belongs to x, the bottom, and the last entry is dout",
                _stack_mistake(lambda dx, weight, dout: dx + dx @ weight.T, order=lambda states: states),
            ),
        ),
    ),
    Exercise(
        name="adamw",
        draw=_draw_adamw,
        answer=adamw,
        core=True,
        tolerance=1e-6,  # whether EPS, 1e-8, stands inside or outside the root does not matter here
        rules=(_numbers_all, _first_step),
        mistakes=(
            Mistake(
                "leaves out the bias correction: after t steps divide the mean by 1 - 0.9^t and the mean square by "
                "1 - 0.999^t, as both began at 0",
                _adamw_mistake(corrected=lambda step: (1, 1)),
            ),
            Mistake(
                "counts steps from 0, so that 1 - 0.9^t is 0 at the first one: count from 1",
                _adamw_mistake(first_step=0),
            ),
            Mistake(
                "corrects every step as if it were the first: t grows, and 1 - 0.9^t with it",
                _adamw_mistake(corrected=lambda step: (1 - KEEP_MEAN, 1 - KEEP_SQUARE)),
            ),
            Mistake(
                "keeps the corrected means for the next step: the running means stay as they are, and the corrected "
                "ones are used for this step only",
                _adamw_keeps_corrected,
            ),
            Mistake(
                "has one array for both running means: `mean = mean_square = np.zeros_like(...)` gives one array two "
                "names, and what changes in place changes for both",
                _adamw_with_one_array,
            ),
            Mistake(
                "adds the decay to the gradient, where it is divided by the root like everything else: in AdamW it is "
                "decoupled, the parameter itself is multiplied by 1 - rate * weight_decay",
                _adamw_mistake(seen=lambda gradient, decay: gradient + decay, kept=lambda rate, decay: 1),
            ),
            Mistake(
                "shrinks vectors as well: biases and scales (one axis) are left alone, only matrices decay",
                _adamw_mistake(matrices_only=False),
            ),
            Mistake(
                "does not shrink matrices: with two axes, multiply by 1 - rate * weight_decay",
                _adamw_mistake(kept=lambda rate, decay: 1),
            ),
            Mistake(
                "shrinks matrices by weight_decay without the rate: the factor is 1 - rate * weight_decay",
                _adamw_mistake(kept=lambda rate, decay: 1 - decay),
            ),
            Mistake(
                "shrinks matrices after the move, and with them the move: multiply before you move",
                _adamw_mistake(late=True),
            ),
            Mistake(
                "divides by the mean square: take its root, so that a step is about as long as the rate",
                _adamw_mistake(root=lambda square: square),
            ),
            Mistake(
                "divides 0 by 0 where all gradients so far are 0: add EPS to the root",
                _adamw_mistake(eps=0),
            ),
            Mistake(
                "goes uphill: the step is taken away, since the loss grows along the gradient",
                _adamw_mistake(sign=1),
            ),
        ),
    ),
    Exercise(
        name="batch_gradient",
        draw=_draw_pieces,
        answer=batch_gradient,
        rules=(_not_too_long,),
        mistakes=(
            Mistake(
                "counts all pieces alike: a piece is the mean over its own tokens, so one with four times as many "
                "tokens weighs four times as much",
                lambda pieces, counts, max_norm: _clip(_mean(pieces, np.ones(len(pieces))), max_norm),
            ),
            Mistake(
                "adds up tokens and does not divide: the loss is a mean, so divide by the number of all tokens",
                lambda pieces, counts, max_norm: _clip(_mean(pieces, counts, 1), max_norm),
            ),
            Mistake(
                "divides by the number of pieces where it should divide by the number of all tokens",
                lambda pieces, counts, max_norm: _clip(_mean(pieces, counts, len(pieces)), max_norm),
            ),
            Mistake(
                "adds up the norms of the arrays, which is more than their common norm: add up the squares of all "
                "entries, then take the root",
                lambda pieces, counts, max_norm: {
                    name: gradient * min(1, max_norm / sum(map(np.linalg.norm, _mean(pieces, counts).values())))
                    for name, gradient in _mean(pieces, counts).items()
                },
            ),
            Mistake(
                "clips each array by itself, which turns the gradient: all arrays are one long vector, with one norm "
                "and one factor",
                lambda pieces, counts, max_norm: {
                    name: gradient * min(1, max_norm / np.linalg.norm(gradient))
                    for name, gradient in _mean(pieces, counts).items()
                },
            ),
            Mistake(
                "clips the pieces and then takes their mean: first the gradient of the whole batch, then clip it",
                lambda pieces, counts, max_norm: _mean([_clip(piece, max_norm) for piece in pieces], counts),
            ),
            Mistake(
                "makes every gradient max_norm long: one that is shorter stays as it is",
                lambda pieces, counts, max_norm: {
                    name: gradient * max_norm / _norm(_mean(pieces, counts))
                    for name, gradient in _mean(pieces, counts).items()
                },
            ),
            Mistake(
                "cuts off each entry at max_norm: scale all entries by one factor, so that their common norm is "
                "max_norm",
                lambda pieces, counts, max_norm: {
                    name: np.clip(gradient, -max_norm, max_norm) for name, gradient in _mean(pieces, counts).items()
                },
            ),
            Mistake(
                "does not clip: if the common norm is above max_norm, scale all arrays by max_norm / norm",
                lambda pieces, counts, max_norm: _mean(pieces, counts),
            ),
        ),
    ),
)
