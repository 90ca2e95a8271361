"""The frequent mistakes that a GradientError can name, and none where there is nothing to name."""

import numpy as np
import pytest
from small_layers import (
    LINEAR,
    X,
    every_method,
    linear,
    linear_gradients,
    mean_of_squares,
    mean_of_squares_gradients,
    softmax,
    wrong,
)

from minicluster.gradcheck import GradientError, check_gradients

TABLE, TOKENS = np.random.default_rng(5).normal(size=(6, 2)), np.array([4, 1, 4, 0, 1])


def gelu_residual(x):
    return x + np.tanh(x), np.tanh(x)


def norm(x):
    centred = x - x.mean(axis=-1, keepdims=True)
    rstd = 1 / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5)
    return centred * rstd, (centred * rstd, rstd)


def norm_of_columns(x):
    y, (xhat, rstd) = norm(x.T)
    return y.T, (xhat.T, rstd.T)


def norm_without(path):
    def backward(dy, cache):
        y, rstd = cache
        through = {"mean": dy.mean(-1, keepdims=True), "variance": y * (dy * y).mean(-1, keepdims=True)}
        return {"x": rstd * (dy - sum(value for name, value in through.items() if name != path))}

    return backward


def look_up(table, tokens):
    return table[tokens], (table.shape, tokens)


def look_up_and_overwrite(dout, cache):
    dtable = np.zeros(cache[0])
    dtable[cache[1]] += dout  # adds only one of those that share a row
    return {"table": dtable}


def mean_and_sum(x):
    return (x.mean(axis=0), 2 * x.sum(axis=1)), len(x)


LOSS = {"x": X, "target": X[::-1].copy()}
CUBE = np.random.default_rng(6).normal(size=(2, 2, 2))
CASES = {
    "transposed": (linear, wrong(linear_gradients, "weight", lambda g, dy, c: g.T), LINEAR, "it is transposed"),
    "axes in another order": (
        lambda x: (x**2, x),
        lambda dy, x: {"x": (2 * x * dy).transpose(1, 2, 0)},
        {"x": CUBE},
        "it is transposed: its axes are in the order (1, 2, 0)",
    ),
    "sign": (
        mean_of_squares,
        wrong(mean_of_squares_gradients, "target", lambda g, *_: -g),
        LOSS,
        "the sign is wrong",
    ),
    "sign of a scalar": (lambda x: (x * 2, None), lambda dy, c: {"x": -2 * dy}, {"x": 1.5}, "the sign is wrong"),
    "half": (
        mean_of_squares,
        wrong(mean_of_squares_gradients, "x", lambda g, *_: g / 2),
        LOSS,
        "a constant factor: it is 1/2 times what it should be",
    ),
    "mean for a sum": (
        linear,
        wrong(linear_gradients, "bias", lambda g, dy, c: dy.mean(axis=0)),
        LINEAR,
        "a constant factor: it is 1/5 times what it should be (perhaps a mean for a sum over 5, or the other way "
        "round)",
    ),
    "sum for a mean": (
        mean_of_squares,
        wrong(mean_of_squares_gradients, "x", lambda g, *_: g * X.size),
        LOSS,
        "a constant factor: it is 15 times what it should be (perhaps a mean for a sum over 15, or the other way "
        "round)",
    ),
    "odd factor": (
        linear,
        wrong(linear_gradients, "x", lambda g, *_: g * 1.7),
        LINEAR,
        "a constant factor: it is 17/10 times what it should be",
    ),
    "a root forgotten": (
        linear,
        wrong(linear_gradients, "x", lambda g, *_: g * np.sqrt(3)),
        LINEAR,
        "a constant factor: it is 1.73205 times what it should be (perhaps the square root of a length of 3)",
    ),
    "n for n - 1": (
        lambda x: (((x - x.mean(axis=0)) ** 2).sum() / (len(x) - 1), x),
        lambda dout, x: {"x": 2 * dout * (x - x.mean(axis=0)) / len(x)},
        {"x": X},
        "a constant factor: it is 4/5 times what it should be (perhaps 5 - 1 for 5, or the other way round)",
    ),
    "negative fraction": (
        linear,
        wrong(linear_gradients, "x", lambda g, *_: g * -3 / 7),
        LINEAR,
        "a constant factor: it is -3/7 times what it should be",
    ),
    "upstream left out": (
        gelu_residual,
        lambda dy, t: {"x": 2 - t * t},
        {"x": X},
        "it is not multiplied by the upstream gradient",
    ),
    "a loss that ignores its upstream": (
        mean_of_squares,
        wrong(mean_of_squares_gradients, "x", lambda g, dloss, e: g / dloss),
        LOSS,
        "it is not multiplied by the upstream gradient",
    ),
    "a loss for each row that ignores its upstream": (
        lambda x: ((x * x).sum(axis=1), x),
        lambda dloss, x: {"x": 2 * x},
        {"x": X},
        "it is not multiplied by the upstream gradient",
    ),
    "nothing": (
        linear,
        wrong(linear_gradients, "bias", lambda g, *_: 0 * g),
        LINEAR,
        "a path is missing: backward says 0 everywhere, as if out did not depend on this input",
    ),
    "residual's straight path": (
        gelu_residual,
        lambda dy, t: {"x": dy * (1 - t * t)},
        {"x": X},
        "a path is missing: the upstream gradient itself, which comes straight through a residual",
    ),
    "only the straight path": (
        gelu_residual,
        lambda dy, t: {"x": dy.copy()},
        {"x": X},
        "a path is missing: all but the upstream gradient itself",
    ),
    "softmax's cross term": (
        softmax,
        lambda dy, p: {"x": dy * p},
        {"x": X},
        "a path is missing: one through a sum along axis 1 (softmax's cross term, the square in a root-mean-square "
        "norm)",
    ),
    "a norm's mean": (
        norm,
        norm_without("mean"),
        {"x": X},
        "a path is missing: one through a mean or a sum along axis 1, as a norm's mean is",
    ),
    "a norm's variance": (
        norm,
        norm_without("variance"),
        {"x": X},
        "a path is missing: one through the variance along axis 1",
    ),
    "a norm over rows": (
        lambda x: norm_of_columns(x),
        lambda dy, cache: {"x": norm_without("mean")(dy.T, (cache[0].T, cache[1].T))["x"].T},
        {"x": X},
        "a path is missing: one through a mean or a sum along axis 0, as a norm's mean is",
    ),
    "logarithm of softmax": (
        lambda x: (np.log(softmax(x)[0]), None),
        lambda dy, c: {"x": dy.copy() * 1},
        {"x": X + 0.0},
        "a path is missing: all but the upstream gradient itself",
    ),
    "logarithm of softmax, half": (
        lambda x: (np.log(softmax(x)[0]), softmax(x)[0]),
        lambda dy, p: {"x": dy - 0.5 * p * dy.sum(axis=-1, keepdims=True)},
        {"x": X},
        "a path is missing: one through the sum along axis 1 that a logarithm of softmax takes off",
    ),
    "overwritten rows": (
        look_up,
        look_up_and_overwrite,
        {"table": TABLE, "tokens": TOKENS},
        "a path is missing: rows that 'tokens' reads more than once must add up, not overwrite",
    ),
    "a tied table's lower path": (
        lambda table, tokens: (table[tokens] @ table.T, (table, tokens)),
        lambda dy, cache: {"table": dy.T @ cache[0][cache[1]]},
        {"table": TABLE, "tokens": TOKENS},
        "a path is missing: what comes back to the rows that 'tokens' reads",
    ),
    "digits": (
        linear,
        wrong(linear_gradients, "x", lambda g, *_: g.astype(np.float32).astype(float)),
        LINEAR,
        "all but right: off by less than a millionth of the largest entry; digits lost, as to float32 or in a "
        "saturated function, or a small term that is missing, as an epsilon",
    ),
    "one of two results": (
        mean_and_sum,
        lambda dout, n: {"x": np.tile(dout[0] / n, (n, 1))},
        {"x": X},
        "a path is missing: what comes through result 1 of forward",
    ),
    "nothing that is known": (
        linear,
        wrong(linear_gradients, "x", lambda g, dy, c: dy @ c[1]),
        LINEAR,
        None,
    ),
    "one entry only": (
        lambda table, tokens: (table[tokens] ** 2, table[tokens]),
        lambda dy, x: {"table": np.array([[0.0], [3 * (dy * x).sum()], [0.0]])},
        {"table": X[:3, :1].copy(), "tokens": np.array([1])},
        "a path is missing: what comes back to the rows that 'tokens' reads",
    ),
    "a wrong scalar": (lambda x: (x * 2, None), lambda dy, c: {"x": 3 * dy}, {"x": 1.5}, None),
    "one entry": (
        linear,
        wrong(linear_gradients, "weight", lambda g, *_: g + np.diag([0, 1e-3, 0])),
        LINEAR,
        None,
    ),
}


@every_method
@pytest.mark.parametrize("case", CASES)
def test_cause(case, method):
    forward, backward, inputs, cause = CASES[case]
    rtol = 1e-9 if case == "digits" else None  # of central's 1e-7, float32's 6e-8 keeps clear
    with pytest.raises(GradientError) as caught:
        check_gradients(forward, backward, inputs, method=method, rtol=rtol)
    assert caught.value.cause == cause
    assert ("likely cause" in str(caught.value)) == (cause is not None)
    assert cause is None or str(caught.value).splitlines()[0].endswith(f"; likely cause: {cause}")


@pytest.mark.parametrize("factor, cause", [(-1.0, "the sign is wrong"), (0.25, "a constant factor: it is 1/4 times")])
def test_sign_and_factor_show_along_directions(factor, cause):
    scaled = wrong(linear_gradients, "weight", lambda g, *_: factor * g)
    with pytest.raises(GradientError) as caught:
        check_gradients(linear, scaled, LINEAR, directions=2)
    assert caught.value.cause.startswith(cause)
    with pytest.raises(GradientError) as caught:
        check_gradients(linear, scaled, LINEAR, directions=1)  # any number is a multiple of another
    assert caught.value.cause is None


def test_lost_digits_show_along_directions():
    with pytest.raises(GradientError) as caught:
        check_gradients(linear, CASES["digits"][1], LINEAR, directions=1)
    assert caught.value.cause.startswith("all but right: off by less than a millionth")


def test_a_transposed_gradient_is_not_seen_along_directions():
    with pytest.raises(GradientError) as caught:
        check_gradients(linear, CASES["transposed"][1], LINEAR, directions=3)
    assert caught.value.cause is None


@pytest.mark.parametrize(
    "name, change, cause",
    [
        ("x", lambda g: g.T, "it is transposed"),
        (
            "bias",
            lambda g: np.ones((5, 3)),
            "it is not summed over the axes along which the input was broadcast",
        ),
        ("bias", lambda g: g[:, None], "an axis of length 1 is kept, or lost"),
        ("x", lambda g: g[:2], None),
        ("column", lambda g: np.ones((5, 3)), "it is not summed over the axes along which the input was broadcast"),
    ],
)
def test_cause_of_a_wrong_shape(name, change, cause):
    with pytest.raises(GradientError, match="has shape") as caught:
        if name == "column":
            check_gradients(lambda column: (X * column, None), lambda dy, c: {name: change(dy)}, {"column": X[:, :1]})
        check_gradients(linear, wrong(linear_gradients, name, lambda g, *_: change(g)), LINEAR)
    assert caught.value.cause == cause
    assert cause is None or str(caught.value).endswith(f"; likely cause: {cause}")


def test_an_error_survives_pickling():
    import pickle

    with pytest.raises(GradientError) as caught:
        check_gradients(linear, CASES["transposed"][1], LINEAR)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value) and copy.index == caught.value.index and copy.report.worst > 0
