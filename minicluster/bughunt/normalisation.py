"""Bug hunts in layer normalisation."""

import numpy as np

from ..checking.exercise import Exercise, numbers
from .hunt import Bug, Hunt, rows_sum_to

EPS = 1e-5


def _draw_layernorm(rng, size):
    n, C = 1 + size, 2 + size % 4
    x = numbers(rng, 3, n, C)
    if size % 3 == 2:
        x[0] = 2.5  # constant
    return {"x": x, "weight": numbers(rng, 3, C), "bias": numbers(rng, size, C)}


def _layernorm_forward(x, weight, bias):
    y = np.empty(x.shape)
    for i, row in enumerate(x):
        centred = row - row.sum() / len(row)
        y[i] = weight * centred * (centred @ centred / len(row) + EPS) ** -0.5 + bias
    return y


def _normalises(function, inputs, got):
    x = inputs["x"]
    C = x.shape[1]
    y = np.asarray(function(x=x, weight=np.ones(C), bias=np.zeros(C)))
    for i in range(len(x)):
        expected = x[i].var() / (x[i].var() + EPS)
        if abs(y[i].mean()) > 1e-9:
            return f"with weight 1 and bias 0, row {i} has mean {y[i].mean():.6g}, expected 0"
        if abs(y[i].var() - expected) > 1e-9:
            return f"with weight 1 and bias 0, row {i} has variance {y[i].var():.6g}, expected {expected:.6g}"
    return None


LAYERNORM_FORWARD = Hunt(
    title="layer normalisation",
    source='''\
EPS = 1e-5


def layernorm_forward(x, weight, bias):
    """Normalise each row of x, then scale and shift: y = weight * (x - mean) / sqrt(variance + EPS) + bias.

    x : (n, C); weight, bias : (C,). Returns y : (n, C).
    Mean and variance are a row's own, the variance the mean of squared deviations:
    with weight 1 and bias 0, the row [1, 3] becomes [-1, 1], but for EPS.
    """
    mean = x.mean(axis=-1, keepdims=True)  # (n, 1)
    variance = x.var(axis=-1, keepdims=True)
    xhat = (x - mean) / np.sqrt(variance + EPS)  # (n, C)
    return weight * xhat + bias
''',
    exercise=Exercise("layernorm_forward", _draw_layernorm, _layernorm_forward, rules=(_normalises,)),
    bugs=(
        Bug(
            "variance with C - 1",
            "x.var(axis=-1, keepdims=True)",
            "x.var(axis=-1, keepdims=True, ddof=1)",
            "The variance is divided by C - 1, as for an estimate from a sample. Outputs are too small by sqrt(1 - "
            "1/C), so weights of GPT-2 loaded into this give slightly other logits at every layer.",
        ),
        Bug(
            "eps outside the root",
            "np.sqrt(variance + EPS)",
            "(np.sqrt(variance) + EPS)",
            "EPS is added to the standard deviation, not to the variance. Where a row varies little, outputs are up to "
            "300 times larger than the model has learned with; elsewhere nobody notices.",
        ),
        Bug(
            "variance over the batch",
            "x.var(axis=-1, keepdims=True)",
            "x.var(axis=0, keepdims=True)",
            "The variance is that of a column over the rows, as in batch normalisation: what a token becomes depends "
            "on which other tokens are in the batch, the later ones included.",
        ),
        Bug(
            "eps forgotten",
            "np.sqrt(variance + EPS)",
            "np.sqrt(variance)",
            "Without EPS a constant row, such as one of padding, is 0/0: one nan, and after the next step all "
            "parameters are nan.",
        ),
    ),
)


def _draw_layernorm_backward(rng, size):
    n, C = 1 + size, 2 + size % 3
    x = numbers(rng, 3, n, C)
    rstd = 1 / np.sqrt(x.var(axis=1, keepdims=True) + EPS)
    xhat = (x - x.mean(axis=1, keepdims=True)) * rstd
    return {"dy": numbers(rng, 3, n, C), "xhat": xhat, "rstd": rstd, "weight": numbers(rng, 3, C)}


def _layernorm_backward(dy, xhat, rstd, weight):
    C = len(weight)
    dx = np.empty(dy.shape)
    for i in range(len(dy)):
        jacobian = rstd[i] * (np.eye(C) - 1 / C - np.outer(xhat[i], xhat[i]) / C)  # (C, C), d xhat / d x
        dx[i] = jacobian @ (weight * dy[i])
    return {"x": dx, "weight": np.einsum("nc,nc->c", dy, xhat), "bias": np.einsum("nc->c", dy)}


LAYERNORM_BACKWARD = Hunt(
    title="the gradients of layer normalisation",
    source='''\
def layernorm_backward(dy, xhat, rstd, weight):
    """Gradients of y = weight * xhat + bias with xhat = (x - mean) * rstd, row by row.

    dy, xhat : (n, C); rstd : (n, 1), 1 / sqrt(variance + eps), from the forward pass; weight : (C,).
    Returns {"x": (n, C), "weight": (C,), "bias": (C,)}.
    The mean and the variance of a row depend on x, too:
    d xhat_j / d x_i = rstd (1[i = j] - 1/C - xhat_i xhat_j / C).
    """
    dbias = dy.sum(axis=0)  # (n, C) -> (C,)
    dweight = (dy * xhat).sum(axis=0)  # (n, C) -> (C,)
    dxhat = dy * weight  # (n, C)
    mean = dxhat.mean(axis=-1, keepdims=True)  # (n, 1)
    slope = (dxhat * xhat).mean(axis=-1, keepdims=True)  # (n, 1)
    dx = rstd * (dxhat - mean - xhat * slope)
    return {"x": dx, "weight": dweight, "bias": dbias}
''',
    exercise=Exercise(
        "layernorm_backward",
        _draw_layernorm_backward,
        _layernorm_backward,
        rules=(rows_sum_to(0, "adding a constant to a row of x changes nothing", part="x"),),
    ),
    bugs=(
        Bug(
            "path through the mean forgotten",
            "    mean = dxhat.mean(axis=-1, keepdims=True)  # (n, 1)\n"
            "    slope = (dxhat * xhat).mean(axis=-1, keepdims=True)  # (n, 1)\n"
            "    dx = rstd * (dxhat - mean - xhat * slope)\n",
            "    slope = (dxhat * xhat).mean(axis=-1, keepdims=True)  # (n, 1)\n"
            "    dx = rstd * (dxhat - xhat * slope)\n",
            "The mean of a row depends on x, and that path is missing. Each row's gradient should sum to 0, since "
            "adding a constant to x changes nothing; here the residual stream drifts along that useless direction.",
        ),
        Bug(
            "path through the variance forgotten",
            "    slope = (dxhat * xhat).mean(axis=-1, keepdims=True)  # (n, 1)\n"
            "    dx = rstd * (dxhat - mean - xhat * slope)\n",
            "    dx = rstd * (dxhat - mean)\n",
            "The variance of a row depends on x, and that path is missing. The gradient has a part along xhat, which "
            "the layer divides out again, so steps are wasted on growing activations.",
        ),
        Bug(
            "weight forgotten in x's gradient",
            "dxhat = dy * weight  # (n, C)",
            "dxhat = dy.copy()  # (n, C)",
            "x reaches y through the weight, so dy has to be multiplied by it. At the start, with all weights 1, the "
            "gradient is right, and it goes wrong as the weights learn: a test at initialisation passes.",
        ),
        Bug(
            "weight forgotten in one of the paths",
            "slope = (dxhat * xhat)",
            "slope = (dy * xhat)",
            "The path through the variance uses dy in place of dy * weight. At the start, with all weights 1, the "
            "gradient is right; it goes wrong as the weights learn.",
        ),
        Bug(
            "rstd squared",
            "dx = rstd * (",
            "dx = rstd**2 * (",
            "The chain rule divides by the standard deviation once. Squared, gradients are right for rows with "
            "variance 1, explode for quiet rows and vanish for loud ones.",
        ),
    ),
)

HUNTS = (LAYERNORM_FORWARD, LAYERNORM_BACKWARD)
