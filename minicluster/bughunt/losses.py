"""Bug hunts in the loss and in perplexity."""

import numpy as np

from ..checking.exercise import Exercise, numbers
from .hunt import Bug, Hunt, rows_sum_to

# Loss ---------------------------------------------------------------------------------------------


def _draw_mask(rng, shape):
    """Draw which tokens count: at least one does, and one doesn't."""
    mask = rng.random(shape) < 0.6
    mask.flat[0], mask.flat[-1] = True, False
    return mask


def _draw_cross_entropy(rng, size):
    n, V = 2 + size, 2 + size % 3
    logits = numbers(rng, size, n, V) * (20 if size % 3 == 2 else 1)
    if size % 3 == 0:
        logits[-1] += 1000  # rows far from one another
    return {"logits": logits, "targets": rng.integers(0, V, n), "mask": _draw_mask(rng, n)}


def _cross_entropy(logits, targets, mask):
    surprises, gradient = [], np.zeros(logits.shape)
    counted = int(np.count_nonzero(mask))
    for i in np.flatnonzero(mask):
        log_total = np.logaddexp.reduce(logits[i])
        surprises.append(log_total - logits[i, targets[i]])
        gradient[i] = (np.exp(logits[i] - log_total) - (np.arange(logits.shape[1]) == targets[i])) / counted
    return float(np.mean(surprises)), gradient


def _gradient_sums_to_0(function, inputs, got):
    return rows_sum_to(0, "adding a constant to a token's logits changes nothing")(function, inputs, got[1])


def _does_not_read_what_does_not_count(function, inputs, got):
    logits = inputs["logits"].copy()
    logits[~inputs["mask"]] *= -3
    if np.isclose(function(**inputs | {"logits": logits})[0], got[0], rtol=1e-9, atol=1e-9, equal_nan=True):
        return None
    return "the loss changes with the logits of a token whose mask is False"


CROSS_ENTROPY = Hunt(
    title="the cross-entropy loss with a mask, and its gradient",
    source='''\
def cross_entropy(logits, targets, mask):
    """Mean of -log softmax(logits)[target], in nats, over the tokens that count, and its gradient.

    logits : (n, V), of any size; targets : (n,) integers; mask : (n,), True where a token counts.
    Returns (loss, dlogits): a number, and (n, V), 0 where the mask is False.
    By hand: one token that counts, logits [0, log 3], target 1: loss log(4/3), gradient [.25, -.25].
    """
    rows = np.arange(len(targets))
    N = np.count_nonzero(mask)
    shifted = logits - logits.max(axis=1, keepdims=True)  # (n, V)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (n, V)
    loss = -log_p[rows, targets][mask].sum() / N
    dlogits = np.exp(log_p)  # (n, V)
    dlogits[rows, targets] -= 1
    dlogits[~mask] = 0
    return loss, dlogits / N
''',
    exercise=Exercise(
        "cross_entropy",
        _draw_cross_entropy,
        _cross_entropy,
        rules=(_does_not_read_what_does_not_count, _gradient_sums_to_0),
    ),
    bugs=(
        Bug(
            "mean over all tokens",
            "N = np.count_nonzero(mask)",
            "N = len(mask)",
            "The loss is divided by the number of all tokens, padding included. It looks lower the more padding there "
            "is, and the learning rate depends on the length of the longest sequence.",
        ),
        Bug(
            "logarithm of p plus a tiny number",
            "log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  #",
            "log_p = np.log(np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True) + 1e-9)  #",
            "1e-9 keeps log from 0, and the loss of a token from growing above 20.7: where the model is most wrong, "
            "the reported loss is too small. Subtracting the logarithm of the sum needs no such help.",
        ),
        Bug(
            "gradient not divided",
            "return loss, dlogits / N",
            "return loss, dlogits",
            "The loss is a mean, so its gradient is divided by N as well. Without it gradients grow with the batch, "
            "and clipping, not the learning rate, decides how far a step goes.",
        ),
        Bug(
            "gradient of tokens that don't count",
            "    dlogits[~mask] = 0\n",
            "",
            "Tokens that don't count get a gradient: the model is trained to predict padding, or the question, though "
            "the loss doesn't say so.",
        ),
        Bug(
            "one maximum for all rows",
            "logits - logits.max(axis=1, keepdims=True)  #",
            "logits - logits.max()  #",
            "The largest logit of the batch is subtracted from every row. A row far below it underflows: log 0 is "
            "-inf, and the loss inf or nan, once in a thousand steps.",
        ),
    ),
)


def _draw_perplexity(rng, size):
    B, T = 1 + size, 2 + size % 4
    mask = _draw_mask(rng, (B, T))
    mask[:, 0] = True
    return {"log_p": -np.round(3 * rng.random((B, T)), 1 + size // 3), "mask": mask}


def _perplexity(log_p, mask):
    product = np.prod([np.exp(-value) for value, counts in zip(log_p.ravel(), mask.ravel()) if counts])
    return float(product ** (1 / mask.sum()))


PERPLEXITY = Hunt(
    title="perplexity",
    source='''\
def perplexity(log_p, mask):
    """exp of the mean surprise of the tokens that count: among how many tokens the model wavers.

    log_p : (B, T), natural logarithm of the probability that each right token got; mask : (B, T) bool,
    True where a token counts, at least one a sequence. Every token that counts has the same weight.
    Returns a number. By hand: two tokens with probabilities 1/2 and 1/8 give exp(log(16) / 2) = 4.
    """
    surprise = -log_p * mask  # (B, T), 0 where a token doesn't count
    mean = surprise.sum() / mask.sum()
    return np.exp(mean)
''',
    exercise=Exercise("perplexity", _draw_perplexity, _perplexity),
    bugs=(
        Bug(
            "mean over all tokens",
            "surprise.sum() / mask.sum()",
            "surprise.mean()",
            "Tokens that don't count come into the mean as zeros: the more padding, the better the model looks.",
        ),
        Bug(
            "mean of sequences' means",
            "surprise.sum() / mask.sum()",
            "(surprise.sum(axis=1) / mask.sum(axis=1)).mean()",
            "Each sequence has the same weight, so a token in a short one weighs more. Results then depend on how a "
            "text is cut into sequences, and can't be compared with others'.",
        ),
        Bug(
            "another base",
            "return np.exp(mean)",
            "return np.exp2(mean)",
            "The logarithms are natural, the power is of 2: 2^H belongs to bits. The perplexity comes out far too low, "
            "and nothing about it looks odd.",
        ),
        Bug(
            "mean of perplexities",
            "    mean = surprise.sum() / mask.sum()\n    return np.exp(mean)\n",
            "    return (np.exp(surprise) * mask).sum() / mask.sum()\n",
            "exp of a mean is not the mean of exps: a few improbable tokens decide everything, and the number is never "
            "smaller than the perplexity.",
        ),
    ),
)

HUNTS = (CROSS_ENTROPY, PERPLEXITY)
