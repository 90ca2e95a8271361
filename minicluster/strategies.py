"""Hypothesis strategies to property-test a layer of your own: shapes, well-conditioned arrays, configurations.

A layer that is not ours, a linear layer whose result is gated by another one:

    def gated_forward(x, gate, weight):
        opening = 1 / (1 + np.exp(-(x @ gate)))  # (..., n_out)
        value = x @ weight  # (..., n_out)
        return opening * value, (x, gate, weight, opening, value)

    def gated_backward(dy, cache):
        x, gate, weight, opening, value = cache
        dvalue, dscore = dy * opening, dy * value * opening * (1 - opening)  # (..., n_out) both
        rows = tuple(range(x.ndim - 1))
        return {
            "x": dvalue @ weight.T + dscore @ gate.T,
            "gate": np.tensordot(x, dscore, (rows, rows)),
            "weight": np.tensordot(x, dvalue, (rows, rows)),
        }

and its whole test, in five lines. Hypothesis draws shapes, size 1 included, and arrays; the checker compares every
gradient with numerical derivatives:

    from minicluster.gradcheck import check_gradients
    from minicluster.strategies import layer_inputs

    @given(layer_inputs({"x": "... n_in", "gate": "n_in n_out", "weight": "n_in n_out"}))
    def test_gated_linear(inputs):
        check_gradients(gated_forward, gated_backward, inputs)

It passes. Now plant a bug: forget that x has two paths to y, and leave `+ dscore @ gate.T` out. The loss of a model
with this layer would still fall. The test fails: "gradient of input 'x' is wrong at ...", with the smallest shapes that
show it.

Values are random but tame: bounded, no two of one array alike, none near 0. So kinks at 0 and ties are avoided, and a
failure is a wrong formula, not an unlucky number. A failing example shrinks to small shapes; its values stay random
numbers, since a wrong gradient is wrong for nearly all of them.
"""

from collections.abc import Mapping
from numbers import Real

import numpy as np

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        "minicluster.strategies needs hypothesis, which is not installed: pip install hypothesis"
    ) from error

from .checks import check_whole_number
from .nn import TransformerConfig

LEADING = "..."  # in a shape: any number of axes, the same for all arrays of a layer
GAP_SHARE = 0.5  # neighbouring magnitudes of an array keep this share of their average distance
seeds = st.integers(0, 2**32 - 1)


def well_conditioned_arrays(shape, least=0.1, most=2.0):
    """Arrays for which derivatives are easy to compare: no entry near 0, none large, no two alike in magnitude.

    Magnitudes are spread over [least, most] and shuffled, signs are random. Draw all arrays of a layer together, by
    `layer_inputs`: drawn one by one, two of the same shape are often equal, as Hypothesis likes to repeat itself.

    Parameters
    ----------
    shape : tuple of int
    least, most : float
        The smallest and the largest magnitude, 0 < least < most.

    Returns
    -------
    strategy for float64 arrays

    Raises
    ------
    TypeError, ValueError
        If `shape` is no tuple of sizes, or the magnitudes are not in that order.
    """
    _check_shape("shape", shape)
    _check_magnitudes(least, most)
    return seeds.map(lambda seed: _tame_array(np.random.default_rng(seed), shape, least, most))


def layer_sizes(names, max_size=4):
    """Sizes of named axes, such as B, T and C, each from 1 to max_size.

    Parameters
    ----------
    names : str
        Separated by blanks: "B T C".
    max_size : int

    Returns
    -------
    strategy for tuples of int, in the order of the names

    Raises
    ------
    TypeError, ValueError
        If `names` is no string, or max_size no whole number of at least 1.
    """
    if not isinstance(names, str):
        raise TypeError(f"names = {names!r}, expected a string of names, separated by blanks")
    check_whole_number("max_size", max_size, 1)
    return st.tuples(*(st.integers(1, max_size) for _ in names.split()))


def layer_inputs(shapes, max_size=4, least=0.1, most=2.0, min_size=1):
    """Inputs of a layer: well-conditioned arrays, no two of them alike, of shapes that fit one another.

    Parameters
    ----------
    shapes : dict from str to str
        For each input its axes, separated by blanks: {"x": "... n_in", "weight": "n_in n_out", "bias": "n_out"}. The
        same name has the same size everywhere, from min_size to max_size; a number is a fixed size; "..." is any number
        of axes, 0 to 2, the same everywhere; "" is a scalar.
    max_size : int
    least, most : float
        As in `well_conditioned_arrays`.
    min_size : int
        With 2, a failing example keeps two of everything, from which the checker can tell more causes than from one.

    Returns
    -------
    strategy for dicts from name to float64 array

    Raises
    ------
    TypeError, ValueError
        If an axis is neither a name, nor a number of at least 1, nor a single "...", or another argument is not of its
        kind.
    """
    check_whole_number("min_size", min_size, 1)
    check_whole_number("max_size", max_size, min_size)
    _check_magnitudes(least, most)
    if not isinstance(shapes, Mapping):
        raise TypeError(f"shapes = {shapes!r}, expected a dict from names of inputs to their axes")
    for name, axes in shapes.items():
        _check_axes(name, axes)
    return _layer_inputs(shapes, st.integers(min_size, max_size), least, most)


@st.composite
def _layer_inputs(draw, shapes, any_size, least, most):
    names = sorted({axis for axes in shapes.values() for axis in axes.split() if axis.isidentifier()})
    sizes = {name: [draw(any_size)] for name in names}
    sizes[LEADING] = draw(st.lists(any_size, max_size=2))
    rng = np.random.default_rng(draw(seeds))  # one for all: seeds of their own would often be the same
    inputs = {}
    for name, axes in shapes.items():
        shape = tuple(size for axis in axes.split() for size in (sizes[axis] if axis in sizes else [int(axis)]))
        inputs[name] = _tame_array(rng, shape, least, most)
    return inputs


def _tame_array(rng, shape, least, most):
    size = int(np.prod(shape))
    # One random number in each of `size` cells of equal width, away from the cell's ends by half of the gap.
    place = np.arange(size) + GAP_SHARE / 2 + (1 - GAP_SHARE) * rng.random(size)
    magnitudes = least + (most - least) * place / max(size, 1)
    return (rng.permutation(magnitudes) * rng.choice([-1.0, 1.0], size)).reshape(shape)


def _check_axes(name, axes):
    if not isinstance(axes, str):
        raise TypeError(f"shapes[{name!r}] = {axes!r}, expected a string of axes such as '... n_in'")
    for axis in axes.split():
        if not (axis == LEADING or axis.isidentifier() or (axis.isdecimal() and int(axis) > 0)):
            raise ValueError(f"shapes[{name!r}] has an axis {axis!r}, expected a name, a number or '...'")
    if axes.split().count(LEADING) > 1:
        raise ValueError(f"shapes[{name!r}] = {axes!r}, expected '...' once at most")


def _check_magnitudes(least, most):
    if not isinstance(least, Real) or not isinstance(most, Real):
        raise TypeError(f"least = {least!r}, most = {most!r}, expected numbers")
    if not 0 < least < most < np.inf:
        raise ValueError(f"least = {least}, most = {most}, expected 0 < least < most, both finite")


def _check_shape(name, shape):
    if not isinstance(shape, tuple):
        raise TypeError(f"{name} = {shape!r}, expected a tuple of sizes")
    for size in shape:
        check_whole_number(f"a size in {name}", size, 1)


def masks(shape):
    """Boolean arrays of a shape (a tuple of int), True somewhere: which tokens count in the loss."""
    _check_shape("shape", shape)
    size = int(np.prod(shape))
    values = st.lists(st.booleans(), min_size=size, max_size=size).filter(any)
    return values.map(lambda mask: np.array(mask).reshape(shape))


def starts(B, T):
    """Attention's `start`: None, or (B, T) int64, from 0 to t for query t."""
    _check_shape("(B, T)", (B, T))
    row = st.tuples(*(st.integers(0, t) for t in range(T)))
    return st.none() | st.lists(row, min_size=B, max_size=B).map(lambda rows: np.array(rows, np.int64))


def token_arrays(shape, vocab_size):
    """Token ids, int64 of a shape (a tuple of int), from 0 to vocab_size - 1."""
    _check_shape("shape", shape)
    check_whole_number("vocab_size", vocab_size, 1)
    size = int(np.prod(shape))
    tokens = st.lists(st.integers(0, vocab_size - 1), min_size=size, max_size=size)
    return tokens.map(lambda tokens: np.array(tokens, np.int64).reshape(shape))


def transformer_configs(max_size=4, max_layers=2):
    """Configurations of small Transformers: every size from 1 on, tied and untied.

    Parameters
    ----------
    max_size : int
        Of vocabulary, context, number of heads, width of a head and width of the MLP.
    max_layers : int

    Returns
    -------
    strategy for TransformerConfig

    Raises
    ------
    TypeError, ValueError
        If an argument is no whole number of at least 1.
    """
    check_whole_number("max_size", max_size, 1)
    check_whole_number("max_layers", max_layers, 1)
    sizes = st.integers(1, max_size)
    return st.builds(
        lambda V, context_length, H, D, L, F, tied: TransformerConfig(V, context_length, H * D, L, H, F, tied),
        *(sizes, sizes, sizes, sizes, st.integers(1, max_layers), sizes, st.booleans()),
    )
