"""What may be passed, what forward and backward may answer, and how misuse is told."""

import numpy as np
import pytest
from small_layers import (
    BIAS,
    LINEAR,
    METHODS,
    SQUARE,
    C,
    N,
    X,
    every_way,
    linear,
    linear_gradients,
    tanh,
    tanh_gradients,
)

from minicluster.gradcheck import GradientError, check_gradients

# What is passed and what is left alone ------------------------------------------------------------


def test_upstream_gradient_is_random_real_and_chosen_by_the_seed():
    seen = []

    def backward(dy, cache):
        seen.append(dy)
        return linear_gradients(dy, cache)

    for seed in (0, 0, 1):
        check_gradients(linear, backward, LINEAR, seed=seed)
    same, again, other = seen
    assert same.dtype == np.float64 and same.shape == (N, C)
    assert len(np.unique(same)) == N * C
    assert np.array_equal(same, again) and not np.array_equal(same, other)


def test_analytic_side_runs_in_float64():
    dtypes = []

    def forward(x, weight, bias):
        dtypes.append({x.dtype.name, weight.dtype.name, bias.dtype.name})
        return linear(x, weight, bias)

    def backward(dy, cache):
        assert all(array.dtype == np.float64 for array in cache)
        return linear_gradients(dy, cache)

    check_gradients(forward, backward, LINEAR)
    assert dtypes[:2] == [{"float64"}] * 2  # twice, since forward must answer the same
    # Then each entry of each input, and one direction of each to hold against central differences of three steps.
    assert dtypes.count({"complex128"}) == X.size + SQUARE.size + BIAS.size + 3
    assert dtypes[2:].count({"float64"}) == 3 * 3 * 2


@pytest.mark.parametrize("method, calls_a_direction, agreement", [("complex-step", 1, 7), ("central", 2, 0)])
def test_directions_cost_few_forwards(method, calls_a_direction, agreement):
    calls = []

    def forward(x, weight, bias):
        calls.append(1)
        return linear(x, weight, bias)

    report = check_gradients(forward, linear_gradients, LINEAR, method=method, directions=4)
    # Two analytic forwards, then 3 inputs in 4 directions, and whether complex step and central differences agree.
    assert len(calls) == 2 + 3 * (4 * calls_a_direction + agreement)
    assert [check.checked for check in report.inputs.values()] == [4, 4, 4]


@every_way
def test_integers_booleans_and_none_are_passed_on(method, directions):
    tokens, mask = np.array([2, 0, 2]), np.array([True, False, True])

    def forward(table, tokens, mask, n_heads, start):
        assert tokens.dtype.kind == "i" and mask.dtype == bool and n_heads == 4 and start is None
        return table[tokens] * mask[:, None], (table, tokens, mask)

    def backward(dout, cache):
        table, tokens, mask = cache
        dtable = np.zeros_like(table)
        np.add.at(dtable, tokens, dout * mask[:, None])  # token 2 is used twice, so its gradients add up
        return {"table": dtable}

    inputs = {"table": SQUARE, "tokens": tokens, "mask": mask, "n_heads": 4, "start": None}
    report = check_gradients(forward, backward, inputs, method=method, directions=directions)
    assert list(report.inputs) == ["table"]


def test_a_buffer_that_is_used_again_does_not_matter():
    out, gradient = np.empty_like(X), np.empty_like(X)

    def forward(x):
        out[...] = np.tanh(x)
        gradient[...] = 0
        return out, None

    def backward(dy, cache):
        gradient[...] = dy * (1 - out**2)
        return {"x": gradient}

    check_gradients(forward, backward, {"x": X}, method="central")


def test_arrays_keep_their_memory_order():
    def forward(x):
        assert x.flags.f_contiguous
        return 2 * x, None

    check_gradients(forward, lambda dy, cache: {"x": 2 * dy}, {"x": np.asfortranarray(X)}, method="central")


@pytest.mark.parametrize("name, pair", [("forward", (None, tanh_gradients)), ("backward", (tanh, 3))])
def test_what_can_not_be_called_is_named(name, pair):
    with pytest.raises(TypeError, match=f"{name} is a .*, expected a function"):
        check_gradients(*pair, {"x": X})


# Misuse -------------------------------------------------------------------------------------------


def backward_returning(value):
    return lambda dy, cache: value


@pytest.mark.parametrize(
    "backward, message, name",
    [
        (lambda dy, y: {}, "no gradient of input 'x'", "x"),
        (lambda dy, y: {"X": dy}, "gradient of 'X'", "X"),
        (lambda dy, y: {"x": dy, "mask": dy}, "gradient of 'mask'", "mask"),
        (lambda dy, y: {"x": dy[0]}, r"'x' has shape \(3,\), expected \(5, 3\)", "x"),
        (lambda dy, y: {"x": dy[None]}, r"'x' has shape \(1, 5, 3\)", "x"),
        (lambda dy, y: {"x": None}, "no gradient of input 'x'", "x"),
        (lambda dy, y: {"x": [[1.0], [1.0, 2.0]]}, "gradient of input 'x' is no array", "x"),
        (lambda dy, y: {"x": dy.astype(np.float32)}, "'x' is float32, expected float64", "x"),
        (lambda dy, y: {"x": dy + 0j}, "'x' is complex128", "x"),
        (lambda dy, y: {"x": np.where(y == y[2, 1], np.nan, dy)}, r"'x' is nan at \(2, 1\)", "x"),
        (lambda dy, y: {"x": dy / 0.0}, "'x' is -?inf at", "x"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_gradients_that_need_no_numbers_to_be_wrong(backward, message, name):
    with pytest.raises(GradientError, match=message) as caught:
        check_gradients(tanh, backward, {"x": X})
    assert caught.value.input == name and caught.value.relative_error is None


@pytest.mark.parametrize("value", [None, [X], (X,), X], ids=["None", "list", "tuple", "array"])
def test_backward_must_return_a_dict(value):
    with pytest.raises(TypeError, match="backward returned a .*expected a dict"):
        check_gradients(tanh, backward_returning(value), {"x": X})


@pytest.mark.parametrize(
    "answer, error, message",
    [
        (X, TypeError, "forward returned a value of type ndarray, expected a pair"),
        ([X, None], TypeError, "type list, expected a pair"),
        (None, TypeError, "type NoneType, expected a pair"),
        ((X, None, None), TypeError, "a tuple of 3, expected a pair"),
        ((None, X), TypeError, "type NoneType as out"),
        (([X, X], None), TypeError, "type list as out, expected an array, a number or a tuple"),
        (((X, [X]), None), TypeError, r"type list as out\[1\]"),
        ((((X, X), X), None), TypeError, r"a tuple of 2 as out\[0\]"),
        (((3, True), None), TypeError, "a tuple without a float array"),
        (((), None), TypeError, "a tuple without a float array"),
        (((X, X.astype(np.float32)), None), TypeError, r"float32 as out\[1\], expected float64"),
        (((X, X[:0]), None), ValueError, r"empty out\[1\], shape \(0, 3\)"),
        (((0.0, np.array([0.0, np.nan])), None), ValueError, r"forward returned nan at \(1,\) of out\[1\]"),
        (("loss", None), TypeError, "type str as out"),
        ((X.astype(np.float32), None), TypeError, "float32 as out, expected float64"),
        ((X.astype(np.int64), None), TypeError, "int64 as out, expected float64"),
        ((X + 0j, None), TypeError, "complex128 as out, expected float64"),
        ((X[:0], None), ValueError, r"empty out, shape \(0, 3\)"),
        ((np.full((2, 2), np.nan), None), ValueError, r"forward returned nan at \(0, 0\)"),
        ((float("inf"), None), ValueError, r"forward returned inf at \(\)"),
    ],
)
def test_what_forward_may_return(answer, error, message):
    with pytest.raises(error, match=message):
        check_gradients(lambda x: answer, tanh_gradients, {"x": X})


@pytest.mark.parametrize("method", METHODS)
def test_forward_that_breaks_after_a_small_step_is_named(method):
    def forward(x):
        moved = not np.array_equal(x, X)
        return (np.full(X.shape, np.nan) if moved else x), x

    with pytest.raises((TypeError, ValueError), match="nan at .*input 'x'"):
        check_gradients(forward, lambda dy, x: {"x": dy}, {"x": X}, method=method)


def test_forward_whose_shape_changes():
    shapes = iter([(N, C), (C,)])

    def forward(x):
        return np.zeros(next(shapes)), None

    with pytest.raises(ValueError, match=r"shape \(5, 3\) first and \(3,\) then"):
        check_gradients(forward, lambda dy, cache: {"x": dy}, {"x": X}, method="central")


@pytest.mark.parametrize(
    "inputs, error, message",
    [
        ([X], TypeError, "inputs is a list, expected a dict"),
        ({}, ValueError, "no input to check"),
        ({"x": np.arange(3)}, ValueError, "no input to check"),
        ({"x": X[:0]}, ValueError, r"input 'x' is empty, shape \(0, 3\)"),
        ({"x": np.array([0.0, np.nan])}, ValueError, r"input 'x' is nan at \(1,\)"),
        ({"x": -np.inf}, ValueError, r"input 'x' is -inf at \(\)"),
        ({"x": X.astype(np.float32)}, TypeError, "input 'x' is float32: pass float64, or dtype=np.float32"),
        ({"x": X.astype(np.float16)}, TypeError, "input 'x' is float16: pass float64"),
        ({"x": X + 0j}, TypeError, "input 'x' is complex128: pass float64"),
        ({"x": [[1.0], [1.0, 2.0]]}, ValueError, "input 'x' has rows of different lengths"),
        ({3: X}, TypeError, "inputs has the key 3, expected names"),
        ({"x": np.ma.array(X)}, TypeError, "input 'x' is a masked array"),
        ({"x": "text"}, TypeError, "input 'x' is <U4: pass float64"),
    ],
)
def test_what_inputs_may_be(inputs, error, message):
    with pytest.raises(error, match=message):
        check_gradients(tanh, tanh_gradients, inputs)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"method": "complex"}, ValueError, "method = 'complex', expected one of 'complex-step', 'central'"),
        ({"rtol": 0}, ValueError, "rtol = 0"),
        ({"rtol": -1e-3}, ValueError, "rtol = -0.001"),
        ({"rtol": float("nan")}, ValueError, "rtol = nan"),
        ({"rtol": float("inf")}, ValueError, "rtol = inf"),
        ({"rtol": "1e-3"}, TypeError, "rtol = '1e-3'"),
        ({"rtol": True}, TypeError, "rtol = True"),
        ({"directions": 0}, ValueError, "directions = 0, expected at least 1"),
        ({"directions": 2.0}, TypeError, "directions = 2.0"),
        ({"directions": True}, TypeError, "directions = True"),
        ({"dtype": np.float16}, ValueError, "dtype = float16, expected float64 or float32"),
        ({"dtype": None}, TypeError, "dtype = None, expected"),
        ({"seed": -1}, ValueError, "seed = -1, expected a whole number of at least 0"),
        ({"seed": "a"}, ValueError, "seed = 'a', expected"),
        ({"method": ["central"]}, ValueError, r"method = \['central'\], expected one of"),
        ({"dtype": "no such"}, TypeError, "dtype = 'no such', expected"),
    ],
)
def test_what_options_may_be(options, error, message):
    with pytest.raises(error, match=message):
        check_gradients(tanh, tanh_gradients, {"x": X}, **options)
