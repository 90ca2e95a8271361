"""Clipping and AdamW over the flat storage, as `nn/adamw.py` computes them."""

import functools
import math

import numpy as np

from ..checks import check_max_norm
from ..jit import ANY_ORDER, compiled, prange, widest_vectors
from .arguments import float_arrays
from .tasks import count

BLOCK = 8192  # entries of one task


def clip_and_update(optimizer, gradients, max_norm):
    """Clip the gradients to `max_norm` and move the parameters; as `nn.clip_and_update`.

    Fused: all parameters are one array, and so are their gradients and both running means, so that the update is one
    pass, which scales each gradient as it reads it. The plain form makes twelve passes over each of 60 arrays.
    The norm has to be known before; that is a pass of its own, summed in double precision over fixed blocks.

    Parameters
    ----------
    optimizer, gradients, max_norm
        As in `nn.clip_and_update`. The gradients are left as they are, not clipped.

    Returns
    -------
    norm : float
        Before clipping. If it is not finite, nothing was updated.
    """
    check_max_norm(max_norm)
    _check_layout(optimizer, gradients)
    norm = gradient_norm(gradients)
    if math.isfinite(norm):
        lr, correction1, correction2 = optimizer.begin_step(gradients)
        _adamw(
            optimizer.parameters.flat,
            gradients.flat,
            optimizer.mean.flat,
            optimizer.mean_square.flat,
            *_ends_and_matrices(tuple(optimizer.parameters.shapes.values())),
            *(
                optimizer.parameters.flat.dtype.type(number)
                for number in (
                    min(1, max_norm / norm) if norm else 1,
                    lr / correction1,
                    1 / correction2,
                    *optimizer.betas,
                    *(1 - beta for beta in optimizer.betas),  # in double precision: float32 keeps 4 digits of it
                    optimizer.eps,
                    1 - lr * optimizer.weight_decay,
                )
            ),
        )
    return norm


def _check_layout(optimizer, gradients):
    """Raise TypeError or ValueError unless all are Parameters with the same entries in the same places."""
    parameters = optimizer.parameters
    for name, mapping in (
        ("optimizer.parameters", parameters),
        ("optimizer.mean", optimizer.mean),
        ("optimizer.mean_square", optimizer.mean_square),
        ("gradients", gradients),
    ):
        _check_parameters(name, mapping)
        if list(mapping.shapes.items()) != list(parameters.shapes.items()):
            raise ValueError(f"{name} has other names, shapes or another order than optimizer.parameters")
        float_arrays(parameters=parameters.flat, **{name: mapping.flat})


def _check_parameters(name, mapping):
    if not (hasattr(mapping, "flat") and hasattr(mapping, "shapes")):
        raise TypeError(f"{name} has type {type(mapping).__name__}, expected Parameters such as a model's")


@functools.lru_cache
def _ends_and_matrices(shapes):
    """Where each array of these shapes ends in the flat storage, and whether it is a matrix, which decays."""
    return np.cumsum([math.prod(shape) for shape in shapes]), np.array([len(shape) >= 2 for shape in shapes])


def gradient_norm(gradients):
    """Return the Euclidean norm of all entries together: a float.

    Parameters
    ----------
    gradients : Parameters
        float32 or float64.

    Raises
    ------
    TypeError
        If they are of another type or dtype.
    """
    _check_parameters("gradients", gradients)
    (flat,) = float_arrays(gradients=gradients.flat)
    blocks = np.empty(-(-flat.size // BLOCK))
    _sums_of_squares(flat, blocks)
    return math.sqrt(blocks.sum())


@compiled(parallel=True)
def _sums_of_squares(flat, blocks):
    for task in prange(blocks.size):
        blocks[task] = _sum_of_squares(flat[task * BLOCK : min(task * BLOCK + BLOCK, flat.size)])


@compiled(fastmath=ANY_ORDER)
def _sum_of_squares(block):
    widest_vectors()
    total = 0.0
    for i in range(block.size):
        total += np.float64(block[i]) * np.float64(block[i])
    return total


@compiled()
def _adamw_range(parameter, gradient, mean, mean_square, keep, scale, rate, grow, beta1, beta2, gain1, gain2, eps):
    widest_vectors()
    for i in range(parameter.size):
        g = gradient[i] * scale
        m = beta1 * mean[i] + gain1 * g
        s = beta2 * mean_square[i] + gain2 * g * g
        mean[i], mean_square[i] = m, s
        parameter[i] = keep * parameter[i] - rate * m / (np.sqrt(s * grow) + eps)


@compiled(parallel=True)
def _adamw(
    parameter, gradient, mean, mean_square, ends, is_matrix, scale, rate, grow, beta1, beta2, gain1, gain2, eps, keep
):
    one = parameter.dtype.type(1)
    for task in prange(count(parameter.size, BLOCK)):
        first = task * BLOCK
        block_end = min(first + BLOCK, parameter.size)
        array = np.searchsorted(ends, first, side="right")  # the array that the block begins in
        while first < block_end:
            last = min(block_end, ends[array])
            kept = keep if is_matrix[array] else one
            _adamw_range(
                parameter[first:last],
                gradient[first:last],
                mean[first:last],
                mean_square[first:last],
                kept,
                scale,
                rate,
                grow,
                beta1,
                beta2,
                gain1,
                gain2,
                eps,
            )
            first = last
            array += 1
