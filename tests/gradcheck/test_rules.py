"""What check_gradients refuses or warns of because the check would mean nothing, and what it lets pass."""

import textwrap
import warnings
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from small_layers import every_method

from minicluster import gradcheck
from minicluster.gradcheck import GradientError, SharedMemoryWarning, check_gradients, memory

X = np.random.default_rng(6).normal(size=(4, 3))
WEIGHT = np.random.default_rng(7).normal(size=(3, 2))


def double(x):
    return 2 * x, None


def double_gradients(dy, cache):
    return {"x": 2 * dy}


# Several results ----------------------------------------------------------------------------------


def mean_and_spread(x):
    mean = x.mean(axis=0)
    return (mean, ((x - mean) ** 2).sum()), (x, mean)


def mean_and_spread_gradients(dout, cache):
    (dmean, dspread), (x, mean) = dout, cache
    return {"x": dmean / len(x) + dspread * 2 * (x - mean)}


@every_method
@pytest.mark.parametrize("directions", [None, 2])
def test_a_tuple_gets_a_tuple(method, directions):
    options = dict(method=method, directions=directions)
    check_gradients(mean_and_spread, mean_and_spread_gradients, {"x": X}, **options)

    def without_spread(dout, cache):
        return {"x": np.broadcast_to(dout[0] / len(X), X.shape)}

    with pytest.raises(GradientError):
        check_gradients(mean_and_spread, without_spread, {"x": X}, **options)


@every_method
def test_results_without_gradient_get_none(method):
    def forward(x):
        return (x.real.argmax(), 3 * x, None, x.real > 0), None

    def backward(dout, cache):
        assert dout[0] is None and dout[2] is None and dout[3] is None
        assert dout[1].shape == X.shape
        return {"x": 3 * dout[1]}

    check_gradients(forward, backward, {"x": X}, method=method)


def test_a_tuple_of_one_stays_a_tuple():
    check_gradients(lambda x: ((2 * x,), None), lambda dout, cache: {"x": 2 * dout[0]}, {"x": X})


def test_a_namedtuple_gets_its_like():
    class Moments(NamedTuple):
        mean: np.ndarray
        spread: np.ndarray

    def backward(dout, cache):
        return mean_and_spread_gradients((dout.mean, dout.spread), cache)

    check_gradients(lambda x: (Moments(*mean_and_spread(x)[0]), mean_and_spread(x)[1]), backward, {"x": X})


def test_a_scalar_result_gets_a_scalar():
    def backward(dout, x):
        assert np.isscalar(dout[0]) and dout[1].shape == (4, 3)
        return {"x": 2 * x * dout[0] + dout[1]}

    check_gradients(lambda x: (((x * x).sum(), x.copy()), x), backward, {"x": X})


# Layers that are objects --------------------------------------------------------------------------


class Linear:
    """Keeps its input for the way back, and adds up its weight's gradient, as many libraries do."""

    def __init__(self, weight):
        self.weight = weight
        self.weight_gradient = np.zeros_like(weight)

    def forward(self, x):
        self.x = x
        return x @ self.weight

    def backward(self, dy):
        self.weight_gradient += self.x.T @ dy
        return dy @ self.weight.T


@every_method
def test_an_object_is_wrapped_in_two_lines(method):
    # fmt: off
    def forward(x, weight): layer = Linear(weight); return layer.forward(x), layer  # noqa: E702, E704
    def backward(dy, layer): return {"x": layer.backward(dy), "weight": layer.weight_gradient}  # noqa: E704
    # fmt: on
    inputs = {"x": X, "weight": WEIGHT}
    check_gradients(forward, backward, inputs, method=method)
    with pytest.raises(GradientError, match="'weight'.*2 times"):
        check_gradients(
            forward,
            lambda dy, layer: {**backward(dy, layer), "weight": 2 * layer.weight_gradient},
            inputs,
            method=method,
        )


def test_the_examples_of_the_docstring(capsys):
    blocks, lines = [[]], gradcheck.__doc__.splitlines()
    for line in lines:
        if line.startswith("    ") or not line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    first, objects, results = ["\n".join(block) for block in blocks if any(block)][:3]
    inputs = {"x": X, "weight": WEIGHT}
    names = {"np": np, "check_gradients": check_gradients, "Linear": Linear, **inputs}
    exec(textwrap.dedent(first), names)
    assert "weight  (3, 2)" in capsys.readouterr().out
    exec(textwrap.dedent(objects), names)
    check_gradients(names["forward"], names["backward"], inputs)
    exec(textwrap.dedent(results), names)
    check_gradients(names["forward"], names["backward"], {"x": X})


def test_an_object_that_lives_on():
    layer = Linear(WEIGHT)

    def forward(x):
        return layer.forward(x), None

    check_gradients(forward, lambda dy, cache: {"x": layer.backward(dy)}, {"x": X})


# Single precision ---------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [np.float32, np.float64])
@every_method
def test_single_precision_if_asked_for(given, method):
    seen = set()

    def forward(x):
        seen.add(x.dtype.name)
        y = np.tanh(x)
        return y, y

    def backward(dy, y):
        assert dy.dtype == y.dtype == np.float32
        return {"x": dy * (1 - y * y)}

    report = check_gradients(forward, backward, {"x": X.astype(given)}, dtype=np.float32, method=method)
    assert seen == {"float32", "float64"} | ({"complex128"} if method == "complex-step" else set())
    assert report.dtype == "float32" and report.rtol == 1e-4
    assert 1e-9 < report.worst < 1e-5  # it was computed in single precision, which rounds to 6e-8
    with pytest.raises(GradientError):
        check_gradients(forward, lambda dy, y: {"x": dy * (1 - y)}, {"x": X}, dtype=np.float32, method=method)


def test_single_precision_must_stay_single():
    with pytest.raises(TypeError, match="forward returned float64 as out, expected float32"):
        check_gradients(lambda x: (x * np.float64(2), None), double_gradients, {"x": X}, dtype=np.float32)
    with pytest.raises(GradientError, match="'x' is float64, expected float32"):
        check_gradients(double, lambda dy, c: {"x": dy.astype(float) * 2}, {"x": X}, dtype=np.float32)


# Not the same twice -------------------------------------------------------------------------------


@every_method
def test_a_forward_that_draws_anew_is_refused(method):
    rng = np.random.default_rng(0)

    def dropout(x):
        mask = rng.random(x.shape) < 0.5
        return x * mask, mask

    with pytest.raises(ValueError, match="forward is not deterministic: with the same inputs it returned"):
        check_gradients(dropout, lambda dy, mask: {"x": dy * mask}, {"x": X}, method=method)


def test_a_forward_that_changes_later_is_not_taken_for_a_wrong_backward():
    calls = []

    def forward(x):
        calls.append(1)
        return x * (1 if len(calls) < 5 else 3), None

    with pytest.raises(ValueError, match="forward answers otherwise than at first"):
        check_gradients(forward, lambda dy, cache: {"x": dy.copy()}, {"x": X}, method="central")


def test_sums_in_another_order_are_no_other_result():
    """Threads may add up in any order; the last digits of a sum tell."""
    orders = iter([1, -1] * 100)

    def forward(x):
        return x[:: next(orders)].sum(axis=0), None

    many = np.random.default_rng(0).normal(size=(50, 3))
    assert (forward(many)[0] != forward(many)[0]).any()
    check_gradients(forward, lambda dy, cache: {"x": np.tile(dy, (50, 1))}, {"x": many})


# In place -----------------------------------------------------------------------------------------


def spoil(array):
    array *= 3


SPOILERS = {
    "the upstream gradient": lambda dy, cache: spoil(dy),
    "input 'x'": lambda dy, cache: spoil(cache[0]),
    "input 'table'": lambda dy, cache: spoil(cache[1]),
    r"cache\[2\]\['tanh'\]": lambda dy, cache: spoil(cache[2]["tanh"]),
    r"cache\[3\]\[0\]": lambda dy, cache: cache[3].clear(),
    r"cache\[4\]\['calls'\]": lambda dy, cache: setattr(cache[4], "calls", 2),
    "out": lambda dy, cache: spoil(cache[5].y),
}


@every_method
@pytest.mark.parametrize("what", SPOILERS)
def test_a_backward_that_changes_what_is_not_its_own_is_refused(what, method):
    def forward(x, table):
        y = np.tanh(x) * table.sum()
        tanh = np.tanh(x)
        return y, (x, table, {"tanh": tanh}, [np.ones(2)], SimpleNamespace(calls=1), Result(y))

    def backward(dy, cache):
        gradient = dy * (1 - cache[2]["tanh"] ** 2) * cache[1].sum()
        if spoils:
            SPOILERS[what](dy, cache)
        return {"x": gradient}

    inputs = {"x": X, "table": np.arange(3)}
    spoils = False
    check_gradients(forward, backward, inputs, method=method)
    spoils = True
    with pytest.raises(ValueError, match=f"^backward changes {what}, which is not its own"):
        check_gradients(forward, backward, inputs, method=method)


class Result:
    """An object, into which the check doesn't look."""

    def __init__(self, y):
        self.y = y


def test_an_upstream_gradient_among_several_is_named():
    def backward(dout, cache):
        spoil(dout[1])
        return {"x": dout[0] + dout[1]}

    with pytest.raises(ValueError, match=r"backward changes the upstream gradient\[1\]"):
        check_gradients(lambda x: ((x.copy(), x.copy()), None), backward, {"x": X})


def test_a_forward_that_works_in_place_is_refused():
    def forward(x, tokens):
        np.tanh(x, out=x)
        return x, x

    with pytest.raises(ValueError, match="forward changes input 'x' in place.*let it work on a copy"):
        check_gradients(forward, lambda dy, y: {"x": dy * (1 - y**2)}, {"x": X, "tokens": np.arange(3)})

    def forward_tokens(x, tokens):
        tokens += 1
        return x, None

    with pytest.raises(ValueError, match="forward changes input 'tokens' in place"):
        check_gradients(forward_tokens, lambda dy, cache: {"x": dy}, {"x": X, "tokens": np.arange(3)})


def test_lists_are_copied():
    lengths = [2, 1]

    def forward(x, lengths):
        lengths.append(3)
        return 2 * x, None

    check_gradients(forward, double_gradients, {"x": X, "lengths": lengths})
    assert lengths == [2, 1]


def test_what_the_caller_passed_in_is_left_alone():
    x, tokens = X.copy(), np.arange(3)

    def forward(x, tokens):
        tokens += 1
        return x, None

    with pytest.raises(ValueError):
        check_gradients(forward, lambda dy, cache: {"x": dy}, {"x": x, "tokens": tokens})
    check_gradients(double, double_gradients, {"x": x})
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(tokens, np.arange(3))


def test_nan_in_a_cache_that_nobody_touches_is_no_change():
    check_gradients(lambda x: (2 * x, np.full(3, np.nan)), double_gradients, {"x": X})


def test_a_cache_that_contains_itself():
    cache = [1.0]
    cache.append(cache)
    check_gradients(lambda x: (2 * x, cache), double_gradients, {"x": X})


# Shared memory ------------------------------------------------------------------------------------


def residual(a, b):
    return a + b, None


def test_a_residual_passes_with_a_warning():
    inputs = {"a": X, "b": X + 1}
    with pytest.warns(SharedMemoryWarning, match="gradient of 'a' and the gradient of 'b' share memory") as caught:
        check_gradients(residual, lambda dy, cache: {"a": dy, "b": dy}, inputs)
    assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_gradients(residual, lambda dy, cache: {"a": dy, "b": dy.copy()}, inputs)


def test_views_of_one_array_are_warned_of():
    both = np.empty((2, 4, 3))

    def backward(dy, cache):
        both[:] = dy
        return {"a": both[0], "b": both.reshape(8, 3)[2:6]}

    with pytest.warns(SharedMemoryWarning, match="gradient of 'a' and the gradient of 'b' share memory"):
        with pytest.raises(GradientError):
            check_gradients(lambda a, b: (a + 2 * b, None), backward, {"a": X, "b": X + 1})


def test_a_gradient_that_is_an_input_is_warned_of():
    inputs = {"x": np.array([1.0, 2.0]), "weight": np.array([3.0, 5.0])}

    def backward(dout, cache):
        return {"x": np.multiply(dout, cache[1]), "weight": cache[0]}

    with pytest.warns(SharedMemoryWarning, match="gradient of 'weight' and the input 'x' share memory"):
        with pytest.raises(GradientError):
            check_gradients(lambda x, weight: ((x * weight).sum(), (x, weight)), backward, inputs)


def test_neighbours_in_one_array_share_nothing():
    """Views that lie in each other's way without a common entry, as thirds of an attention's q, k, v do."""

    def backward(dy, cache):
        both = np.empty((4, 6))
        both[:, :3] = both[:, 3:] = dy
        return {"a": both[:, :3], "b": both[:, 3:]}

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_gradients(residual, backward, {"a": X, "b": X + 1})


def test_an_overlap_that_is_too_hard_to_find_is_passed_over(monkeypatch):
    """Whether strided views share an entry may take long to find out; NumPy gives up after so much work."""

    def too_hard(a, b, max_work):
        assert max_work == memory.OVERLAP_WORK
        raise np.exceptions.TooHardError

    monkeypatch.setattr(np, "shares_memory", too_hard)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_gradients(residual, lambda dy, cache: {"a": dy, "b": dy}, {"a": X, "b": X + 1})


def test_gradients_of_what_has_none_may_be_none():
    check_gradients(lambda x, n: (n * x, n), lambda dy, n: {"x": n * dy, "n": None}, {"x": X, "n": 3})
    with pytest.raises(GradientError, match="a gradient of 'n', but the float inputs are"):
        check_gradients(lambda x, n: (n * x, n), lambda dy, n: {"x": n * dy, "n": 0.0}, {"x": X, "n": 3})
