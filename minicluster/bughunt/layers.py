"""Bug hunts in layers: linear, embedding, GELU."""

import numpy as np

from ..checking.exercise import Exercise, numbers
from .hunt import Bug, Hunt, slopes

# Linear -------------------------------------------------------------------------------------------


def _draw_linear(rng, size):
    C = 2 + size % 3
    leading = (size + 1,) if size % 2 else (2, size)
    return {
        "dy": numbers(rng, size, *leading, C),
        "x": numbers(rng, size, *leading, C),
        "weight": numbers(rng, 3, C, C),
    }


def _linear_backward(dy, x, weight):
    return {
        "x": np.einsum("...o,io->...i", dy, weight),
        "weight": sum(np.outer(x[token], dy[token]) for token in np.ndindex(x.shape[:-1])),
        "bias": sum(dy[token] for token in np.ndindex(x.shape[:-1])),
    }


LINEAR_BACKWARD = Hunt(
    title="the gradients of a linear layer",
    source='''\
def linear_backward(dy, x, weight):
    """Gradients of y = x @ weight + bias, for a loss that is a sum over all tokens.

    x, dy : (n, C) or (B, T, C); weight : (C, C), its first axis that of x; bias : (C,).
    Returns {"x": like x, "weight": (C, C), "bias": (C,)}.
    By hand, C = 1, two tokens: x = [[2], [3]], dy = [[1], [10]], weight = [[5]]:
    "x" [[5], [50]], "weight" [[2 * 1 + 3 * 10]] = [[32]], "bias" [11].
    """
    C = weight.shape[0]
    flat_x = x.reshape(-1, C)  # (N, C), N tokens
    flat_dy = dy.reshape(-1, C)  # (N, C)
    dx = dy @ weight.T  # (..., C)
    dweight = flat_x.T @ flat_dy  # (C, N) @ (N, C) -> (C, C)
    dbias = flat_dy.sum(axis=0)  # (N, C) -> (C,)
    return {"x": dx, "weight": dweight, "bias": dbias}
''',
    exercise=Exercise("linear_backward", _draw_linear, _linear_backward),
    bugs=(
        Bug(
            "weight not transposed",
            "dx = dy @ weight.T  #",
            "dx = dy @ weight  #",
            "The way back goes through the transpose of the weight. With a square weight no shape complains, and every "
            "layer below learns from a gradient that points elsewhere.",
        ),
        Bug(
            "weight's gradient transposed",
            "dweight = flat_x.T @ flat_dy  #",
            "dweight = flat_dy.T @ flat_x  #",
            "The weight's gradient is the transpose of the right one: entry (i, o) pairs input o with output i. With a "
            "square weight no shape complains, and training is slow and poor rather than impossible.",
        ),
        Bug(
            "bias's gradient averaged",
            "dbias = flat_dy.sum(axis=0)  #",
            "dbias = flat_dy.mean(axis=0)  #",
            "The bias is used by every token, so its gradient is the sum over tokens, not the mean. It is N times too "
            "small beside the other gradients, so biases hardly learn and clipping weighs them wrongly.",
        ),
        Bug(
            "weight's gradient divided by the number of tokens",
            "dweight = flat_x.T @ flat_dy  #",
            "dweight = flat_x.T @ flat_dy / len(flat_x)  #",
            "The loss has divided by the number of tokens already, in dy. Divided twice, the weight's gradient is N "
            "times too small, which looks like a learning rate that is too low.",
        ),
    ),
)


# Embedding ----------------------------------------------------------------------------------------


def _draw_embedding(rng, size):
    B, T, C = 1 + size % 3, 1 + size, 1 + size % 2
    tokens = rng.integers(0, size + 2, (B, T))
    tokens[0, -1] = tokens[0, 0]  # one occurs twice
    return {"dx": numbers(rng, size, B, T, C), "tokens": tokens, "vocab_size": size + 2}


def _embedding_backward(dx, tokens, vocab_size):
    onehot = (tokens[..., None] == np.arange(vocab_size)).astype(float)  # (B, T, V)
    return {"wte": np.einsum("btv,btc->vc", onehot, dx), "wpe": np.einsum("btc->tc", dx)}


EMBEDDING_BACKWARD = Hunt(
    title="the gradients of token and position embeddings",
    source='''\
def embedding_backward(dx, tokens, vocab_size):
    """Gradients of x[b, t] = wte[tokens[b, t]] + wpe[t], for a loss that is a sum over all tokens.

    dx : (B, T, C); tokens : (B, T) integers from 0 to vocab_size - 1.
    Returns {"wte": (vocab_size, C), "wpe": (T, C)}.
    """
    C = dx.shape[-1]
    dwte = np.zeros((vocab_size, C))  # rows of tokens that don't occur stay 0
    np.add.at(dwte, tokens, dx)  # (B, T, C) -> (V, C)
    dwpe = dx.sum(axis=0)  # (B, T, C) -> (T, C)
    return {"wte": dwte, "wpe": dwpe}
''',
    exercise=Exercise("embedding_backward", _draw_embedding, _embedding_backward),
    bugs=(
        Bug(
            "repeated tokens counted once",
            "np.add.at(dwte, tokens, dx)  #",
            "dwte[tokens] += dx  #",
            "With an index array, += keeps only one of the additions to a row: a token that occurs five times learns "
            "from one of its places. Frequent tokens learn least, and nothing raises.",
        ),
        Bug(
            "divided by the number of occurrences",
            "np.add.at(dwte, tokens, dx)  # (B, T, C) -> (V, C)\n",
            "np.add.at(dwte, tokens, dx)  # (B, T, C) -> (V, C)\n"
            "    dwte /= np.maximum(np.bincount(tokens.ravel(), minlength=vocab_size), 1)[:, None]  # (V, C)\n",
            "A row's gradient is the sum over the token's places; this is their mean. Frequent tokens get the gradient "
            "of rare ones, so the loss that is reported is not the one that falls.",
        ),
        Bug(
            "positions averaged over the batch",
            "dwpe = dx.sum(axis=0)  #",
            "dwpe = dx.mean(axis=0)  #",
            "Every sequence of the batch uses the same position row, so gradients add up over the batch. The mean is B "
            "times too small: positions learn B times slower than tokens.",
        ),
    ),
)


# GELU ---------------------------------------------------------------------------------------------


def gelu(x):
    """GELU in its tanh form, for real or complex numbers."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _draw_gelu(rng, size):
    return {"x": numbers(rng, size, 1 + size, 1 + size % 2)}


def _reflects(function, inputs, got):
    x = inputs["x"]
    difference = np.asarray(got) - np.asarray(function(x=-x))
    wrong = np.abs(difference - x) > 1e-9 * max(1.0, np.abs(x).max())
    if not wrong.any():
        return None
    first = tuple(np.argwhere(wrong)[0])
    return f"gelu({x[first]:g}) - gelu({-x[first]:g}) is {difference[first]:.6g}, expected {x[first]:g}"


def _exponential_form(x):
    # (1 + tanh(z)) / 2 is the logistic function of 2 z, which is how some libraries write it.
    return x / (1 + np.exp(-2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


GELU_FORWARD = Hunt(
    title="GELU in the tanh form of GPT-2",
    source='''\
def gelu_forward(x):
    """0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), entry by entry.

    x : an array; returns one of its shape. gelu(1) = 0.841192, gelu(-1) = -0.158808.
    """
    cube = x**3
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * cube)
    return 0.5 * x * (1 + np.tanh(inner))
''',
    exercise=Exercise("gelu_forward", _draw_gelu, _exponential_form, rules=(_reflects,)),
    bugs=(
        Bug(
            "digit lost in the constant",
            "0.044715 * cube",
            "0.44715 * cube",
            "0.44715 in place of 0.044715 makes the cubic term ten times too large: gelu(1) is .91, not .84. A model "
            "trained with it learns, but weights from elsewhere give other answers.",
        ),
        Bug(
            "constant of the other form",
            "np.sqrt(2 / np.pi) *",
            "np.sqrt(1 / 2) *",
            "1/sqrt(2) belongs to the form with erf, sqrt(2/pi) to that with tanh. The curve is a little too flat: "
            "gelu(1) is .81, not .84, which only shows when weights from elsewhere are loaded.",
        ),
        Bug(
            "parenthesis closed too early",
            "np.sqrt(2 / np.pi) * (x + 0.044715 * cube)",
            "np.sqrt(2 / np.pi) * x + 0.044715 * cube",
            "sqrt(2/pi) must multiply the cube, too. No value is off by more than .01, so a plot of the curve looks "
            "right, and a model with weights from elsewhere is a little worse without a reason that anybody finds.",
        ),
        Bug(
            "square for the cube",
            "cube = x**3",
            "cube = x * x",
            "x squared has lost the sign of x: positive inputs are nearly right, negative ones come out too low by up "
            "to .06. Who tests with positive numbers only, or at 0 and 1, sees nothing.",
        ),
    ),
)


def _draw_gelu_backward(rng, size):
    shape = 1 + size, 1 + size % 2
    return {"dy": numbers(rng, 3, *shape), "x": numbers(rng, 3, *shape)}


GELU_BACKWARD = Hunt(
    title="the gradient of GELU in its tanh form",
    source='''\
def gelu_backward(dy, x):
    """Gradient of y = 0.5 x (1 + tanh(inner)), inner = sqrt(2/pi) (x + 0.044715 x^3), entry by entry.

    dy, x : arrays of one shape; returns dx, of that shape. Where dy = 1: x = 0 gives 0.5, x = 1 gives 1.082964.
    """
    scale = np.sqrt(2 / np.pi)
    tanh = np.tanh(scale * (x + 0.044715 * x**3))
    dinner = scale * (1 + 3 * 0.044715 * x**2)
    dtanh = (1 - tanh**2) * dinner
    return dy * (0.5 * (1 + tanh) + 0.5 * x * dtanh)
''',
    exercise=Exercise(
        "gelu_backward",
        _draw_gelu_backward,
        lambda dy, x: slopes(gelu, {"x": x}, dy)["x"],
    ),
    bugs=(
        Bug(
            "factor 3 of the cube's derivative forgotten",
            "(1 + 3 * 0.044715 * x**2)",
            "(1 + 0.044715 * x**2)",
            "The derivative of x^3 is 3 x^2. The gradient is off by .025 at most, so the loss falls all the same, and "
            "only a comparison with differences of the forward pass shows it.",
        ),
        Bug(
            "second half of the product rule forgotten",
            "    dinner = scale * (1 + 3 * 0.044715 * x**2)\n"
            "    dtanh = (1 - tanh**2) * dinner\n"
            "    return dy * (0.5 * (1 + tanh) + 0.5 * x * dtanh)\n",
            "    return dy * 0.5 * (1 + tanh)\n",
            "x occurs twice, as the factor and inside tanh; the second path is missing. At 0 and far out the gradient "
            "is right, in between, where most activations are, it is not.",
        ),
        Bug(
            "tanh not squared",
            "(1 - tanh**2)",
            "(1 - tanh)",
            "The derivative of tanh is 1 - tanh^2. For positive inputs the gradient is off by a tenth at most, for "
            "negative ones it is around -2 where it should be near 0: units that are off get the largest gradients.",
        ),
        Bug(
            "half forgotten in the second path",
            "+ 0.5 * x * dtanh",
            "+ x * dtanh",
            "The 0.5 in front multiplies both halves of the product rule. Without it the gradient is off by up to a "
            "quarter around 1 and -1, and right at 0 and far out.",
        ),
    ),
)

HUNTS = (LINEAR_BACKWARD, EMBEDDING_BACKWARD, GELU_FORWARD, GELU_BACKWARD)
