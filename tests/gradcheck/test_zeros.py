"""Gradients that are 0 in theory are rounding noise; small ones beside large results are not."""

import numpy as np
import pytest
from small_layers import (
    BIAS,
    METHODS,
    SQUARE,
    C,
    N,
    X,
    every_method,
    every_way,
    softmax,
    softmax_gradients,
    wrong,
)

from minicluster.gradcheck import GradientError, check_gradients
from minicluster.gradcheck.arguments import checked_generator


def scores_with_key_bias(query, key, key_bias):
    """Attention weights; a key bias moves all scores of a query alike, so softmax does not see it."""
    weights, _ = softmax(query @ (key + key_bias).T)
    return weights, (query, key + key_bias, weights)


def scores_with_key_bias_gradients(dweights, cache):
    query, keys, weights = cache
    dscores = softmax_gradients(dweights, weights)["x"]
    dkeys = dscores.T @ query
    return {"query": dscores @ keys, "key": dkeys, "key_bias": dkeys.sum(axis=0)}


@every_way
@pytest.mark.parametrize("size", [0.1, 1.0, 3.0])
def test_gradient_that_is_zero_up_to_rounding(method, directions, size):
    """Noise on both sides is not an error, whatever its relative size."""
    inputs = {"query": size * X, "key": size * X[::-1], "key_bias": size * BIAS}
    options = dict(method=method, directions=directions)
    report = check_gradients(scores_with_key_bias, scores_with_key_bias_gradients, inputs, **options)
    assert report.inputs["key_bias"].numeric != report.inputs["key_bias"].analytic  # else this test shows nothing

    # A real error of the same place: a gradient of 1e-3 of the others' size, where none should be.
    def backward(dout, cache):
        gradients = scores_with_key_bias_gradients(dout, cache)
        gradients["key_bias"] = gradients["key_bias"] + 1e-3 * np.abs(gradients["key"]).max()
        return gradients

    with pytest.raises(GradientError, match="'key_bias'"):
        check_gradients(scores_with_key_bias, backward, inputs, **options)


@pytest.mark.parametrize("method", METHODS)
def test_rounding_of_many_entries_along_a_direction(method):
    """The noise of 2000 entries adds up along a direction, to 45 times that of one."""
    width = 2000
    query, key = np.random.default_rng(0).normal(size=(2, N, width))
    inputs = {"query": query / np.sqrt(width), "key": key, "key_bias": np.ones(width)}
    check_gradients(scores_with_key_bias, scores_with_key_bias_gradients, inputs, method=method, directions=5)


@pytest.mark.parametrize("method", METHODS)
def test_many_entries_that_work_together(method):
    """Along a direction, the sum of 10,000 entries moves by 100 steps: the step must be short enough for the sine."""

    def forward(x):
        return np.sin(3 * x.sum()), x

    def backward(dy, x):
        return {"x": np.full(x.shape, dy * 3 * np.cos(3 * x.sum()))}

    check_gradients(forward, backward, {"x": np.full((100, 100), 1e-4)}, method=method, directions=3)


@pytest.mark.parametrize("method", METHODS)
def test_a_direction_along_which_nothing_changes(method):
    """Its derivative is 0 by chance; errors are relative to what could be expected along it."""
    rng = checked_generator(0)
    rng.standard_normal()  # dout, of a scalar
    direction = rng.standard_normal(3)
    x = np.ones(3)
    weight = np.cross(x, direction)  # so that out is 0 as well, up to rounding
    check_gradients(
        lambda x: ((weight * x**3).sum(), x),
        lambda dout, x: {"x": dout * 3 * weight * x**2},
        {"x": x},
        method=method,
        directions=1,
    )


@every_way
def test_input_without_influence(method, directions):
    def forward(x, unused):
        return np.tanh(x), np.tanh(x)

    def backward(gradient):
        return lambda dy, y: {"x": dy * (1 - y**2), "unused": np.full(C, gradient)}

    inputs = {"x": X, "unused": BIAS}
    options = dict(method=method, directions=directions)
    report = check_gradients(forward, backward(0.0), inputs, **options)
    assert report.inputs["unused"].relative_error == 0
    with pytest.raises(GradientError, match="'unused'"):
        check_gradients(forward, backward(1e-3), inputs, **options)


@every_way
def test_output_of_zero_everywhere(method, directions):
    """Agreement is an error of 0. A difference has nothing to be relative to but itself, along directions."""

    def forward(x):
        return 0 * x, None

    report = check_gradients(forward, lambda dy, cache: {"x": 0 * dy}, {"x": X}, method=method, directions=directions)
    assert report.worst == 0
    with pytest.raises(GradientError) as caught:
        check_gradients(forward, lambda dy, cache: {"x": 1e-30 * dy}, {"x": X}, method=method, directions=directions)
    assert caught.value.relative_error == np.inf if directions is None else caught.value.relative_error > 0.1


@pytest.mark.parametrize("factor", [1e-20, 1e20])
@pytest.mark.parametrize("change, verdict", [(1.0, True), (1.001, False)])
def test_verdict_does_not_depend_on_the_unit_of_the_output(factor, change, verdict):
    def forward(x):
        y = np.tanh(x)
        return factor * y, y

    def backward(dout, y):
        return {"x": change * factor * dout * (1 - y**2)}

    if verdict:
        check_gradients(forward, backward, {"x": X})
    else:
        with pytest.raises(GradientError):
            check_gradients(forward, backward, {"x": X})


# A large constant beside a gradient --------------------------------------------------------------


@every_way
@pytest.mark.parametrize("fill", [-1e9, -1e30])
def test_a_mask_of_large_numbers_hides_nothing(fill, method, directions):
    """Entries of out that depend on no input are no measure of how large a gradient should be."""
    visible = np.tri(3, dtype=bool)

    def scores(query, key):
        return np.where(visible, query @ key.T, fill), (query, key)

    def scores_gradients(dscores, cache):
        dscores = dscores * visible
        return {"query": dscores @ cache[1], "key": dscores.T @ cache[0]}

    inputs = {"query": SQUARE, "key": SQUARE + 0.5}
    options = dict(method=method, directions=directions)
    check_gradients(scores, scores_gradients, inputs, **options)
    with pytest.raises(GradientError, match="'query'"):
        check_gradients(scores, wrong(scores_gradients, "query", lambda g, *_: 0 * g), inputs, **options)
    with pytest.raises(GradientError, match="'key'"):
        check_gradients(scores, wrong(scores_gradients, "key", lambda g, d, c: 1.01 * g), inputs, **options)


@every_method
@pytest.mark.parametrize("wrong_by", [0.0, 0.9, 1.1])
def test_a_mean_over_many_hides_nothing_in_float32(method, wrong_by):
    many = np.random.default_rng(0).normal(size=(200, 200))

    def mean_of(factor):
        return lambda dloss, x: {"x": (np.float32(2 * factor) * dloss * x / x.size).astype(x.dtype)}

    options = dict(method=method, directions=2, dtype=np.float32)
    check_gradients(lambda x: ((x * x).mean(), x), mean_of(1.0), {"x": many}, **options)
    with pytest.raises(GradientError, match="2 of 2 directions"):
        check_gradients(lambda x: ((x * x).mean(), x), mean_of(wrong_by), {"x": many}, **options)


@every_method
def test_huge_results_are_compared(method):
    def forward(x):
        return 1e160 * x, None

    check_gradients(forward, lambda dy, cache: {"x": 1e160 * dy}, {"x": X}, method=method)
    with pytest.raises(GradientError):
        check_gradients(forward, lambda dy, cache: {"x": 0.7e160 * dy}, {"x": X}, method=method)


@pytest.mark.parametrize("size", [1e5, 1e100])
def test_huge_inputs_have_small_gradients_that_are_compared(size):
    def forward(x):
        return np.tanh(x / size), np.tanh(x / size)

    check_gradients(forward, lambda dy, y: {"x": dy * (1 - y * y) / size}, {"x": size * X})
    with pytest.raises(GradientError):
        check_gradients(forward, lambda dy, y: {"x": 1.001 * dy * (1 - y * y) / size}, {"x": size * X})


@every_method
def test_noise_is_told_from_a_gradient_of_its_size(method):
    """Where a large number is added and taken off again, only some digits are left, and they are compared."""

    def forward(x):
        y = (x + 1e4) - 1e4
        return y**2, y

    check_gradients(forward, lambda dy, y: {"x": 2 * dy * y}, {"x": X}, method=method)
    with pytest.raises(GradientError):
        check_gradients(forward, lambda dy, y: {"x": 2.01 * dy * y}, {"x": X}, method=method)


def test_a_slope_that_rounding_has_swallowed():
    """tanh(20) is 1 to the last digit and 1 - tanh^2 is 0; the complex step knows better, by 1e-17."""

    def forward(x, y):
        return np.tanh(x) + np.tanh(y), (np.tanh(x), np.tanh(y))

    def backward(dout, cache):
        return {"x": dout * (1 - cache[0] ** 2), "y": dout * (1 - cache[1] ** 2)}

    report = check_gradients(forward, backward, {"x": np.array([20.0, 21.0]), "y": np.array([0.5, -0.2])})
    assert report.inputs["x"].to_rounding and not report.inputs["y"].to_rounding
    assert [row.split("  ")[-1].strip() for row in str(report).splitlines()[2:]] == ["ok, to rounding", "ok"]
