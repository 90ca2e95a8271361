"""check_gradients: right gradients pass, each planted wrong one fails, and misuse is told plainly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicluster.gradcheck import GradientError, check_gradients
from minicluster.gradcheck.arguments import checked_generator

METHODS = ("complex-step", "central")
WAYS = [(method, directions) for method in METHODS for directions in (None, 1, 3)]
every_way = pytest.mark.parametrize("method, directions", WAYS)

RNG = np.random.default_rng(20240219)
N, C = 5, 3  # small enough to check every entry, not square, so that a transposed result has the wrong shape
X, SQUARE, BIAS = RNG.normal(size=(N, C)), RNG.normal(size=(C, C)), RNG.normal(size=C)


# Small layers with gradients known to be right ----------------------------------------------------


def linear(x, weight, bias):
    return x @ weight + bias, (x, weight)


def linear_gradients(dy, cache):
    x, weight = cache
    return {"x": dy @ weight.T, "weight": x.T @ dy, "bias": dy.sum(axis=0)}


def softmax(x):
    exponentials = np.exp(x - x.real.max(axis=-1, keepdims=True))
    y = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return y, y


def softmax_gradients(dy, y):
    return {"x": y * (dy - (dy * y).sum(axis=-1, keepdims=True))}


def mean_of_squares(x, target):
    error = x - target
    return (error**2).sum() / error.size, error


def mean_of_squares_gradients(dloss, error):
    return {"x": dloss * 2 * error / error.size, "target": -dloss * 2 * error / error.size}


def tanh(x):
    y = np.tanh(x)
    return y, y


def tanh_gradients(dy, y):
    return {"x": dy * (1 - y**2)}


def root(x):
    y = np.sqrt(x)
    return y, y


def root_gradients(dy, y):
    return {"x": dy / (2 * y)}


def root_of_minus(x):
    return root(-x)


def root_of_minus_gradients(dy, y):
    return {"x": -dy / (2 * y)}


def relu(x):
    return x * (x.real > 0), x


def relu_gradients(dy, x):
    return {"x": dy * (x > 0)}


def product(x, y):
    return x * y, (x, y)


def product_gradients(dout, cache):
    x, y = cache
    return {"x": dout * y, "y": dout * x}


LINEAR = {"x": X, "weight": SQUARE, "bias": BIAS}
RIGHT = {
    "linear": (linear, linear_gradients, LINEAR),
    "softmax": (softmax, softmax_gradients, {"x": X}),
    "a loss, which is a scalar": (mean_of_squares, mean_of_squares_gradients, {"x": X, "target": X[::-1]}),
    "scalar inputs": (product, product_gradients, {"x": 0.7, "y": np.float64(-1.3)}),
    "large and small entries": (tanh, tanh_gradients, {"x": np.array([1e-4, 0.5, 3.0])}),
    # out is 1e4 and gradients are 1e-4: steps must grow with the numbers, and what counts as zero must shrink.
    "large numbers": (root, root_gradients, {"x": np.array([1e8, 2e8, 3e8])}),
    "large negative numbers": (root_of_minus, root_of_minus_gradients, {"x": np.array([-1e8, -2e8, -3e8])}),
}


@every_way
@pytest.mark.parametrize("case", RIGHT)
def test_right_gradients_pass(case, method, directions):
    forward, backward, inputs = RIGHT[case]
    report = check_gradients(forward, backward, inputs, method=method, directions=directions)
    assert list(report.inputs) == list(inputs)


# The mutants: wrong formulas seen in the wild ------------------------------------------------------


def wrong(right, name, change):
    """A backward that is right but for the gradient of one input."""

    def backward(dout, cache):
        gradients = right(dout, cache)
        gradients[name] = change(gradients[name], dout, cache)
        return gradients

    return backward


WRONG = {
    "square matrix not transposed": (linear, wrong(linear_gradients, "x", lambda g, dy, c: dy @ c[1]), "x"),
    "transposed result": (linear, wrong(linear_gradients, "weight", lambda g, dy, c: g.T), "weight"),
    "factor missing": (mean_of_squares, wrong(mean_of_squares_gradients, "x", lambda g, dy, c: g / 2), "x"),
    "sum instead of mean": (mean_of_squares, wrong(mean_of_squares_gradients, "x", lambda g, dy, c: g * X.size), "x"),
    "sign": (mean_of_squares, wrong(mean_of_squares_gradients, "target", lambda g, dy, c: -g), "target"),
    "upstream left out": (mean_of_squares, wrong(mean_of_squares_gradients, "x", lambda g, dy, c: g / dy), "x"),
    "bias averaged": (linear, wrong(linear_gradients, "bias", lambda g, dy, c: dy.mean(axis=0)), "bias"),
    "bias from one row": (linear, wrong(linear_gradients, "bias", lambda g, dy, c: dy[0]), "bias"),
    "zeros": (linear, wrong(linear_gradients, "bias", lambda g, dy, c: 0 * g), "bias"),
    "softmax without the cross term": (softmax, lambda dy, y: {"x": dy * y * (1 - y)}, "x"),
    # Under dout = 1 the right gradient is 0 as well.
    "softmax of zeros": (softmax, lambda dy, y: {"x": 0 * dy}, "x"),
    "derivative at the output": (tanh, lambda dy, y: {"x": dy * (1 - np.tanh(y) ** 2)}, "x"),
    "wrong for large numbers": (root, lambda dy, y: {"x": dy / (2.00001 * y)}, "x"),
    "slightly wrong constant": (tanh, lambda dy, y: {"x": dy * (1 - 1.00001 * y**2)}, "x"),
}
INPUTS = {
    linear: LINEAR,
    softmax: {"x": X},
    mean_of_squares: {"x": X, "target": X[::-1]},
    tanh: {"x": X},
    root: {"x": np.array([1e8, 2e8, 3e8])},
}


@every_way
@pytest.mark.parametrize("case", WRONG)
def test_wrong_gradients_fail(case, method, directions):
    forward, backward, name = WRONG[case]
    with pytest.raises(GradientError, match=f"gradient of input '{name}' is wrong") as caught:
        check_gradients(forward, backward, INPUTS[forward], method=method, directions=directions)
    assert caught.value.input == name


@pytest.mark.parametrize("axis, shape", [(1, (C,)), (0, (1, C))], ids=["other axis", "axis kept"])
def test_bias_summed_wrongly_has_the_wrong_shape(axis, shape):
    backward = wrong(linear_gradients, "bias", lambda g, dy, c: dy.sum(axis=axis, keepdims=axis == 0))
    with pytest.raises(GradientError, match=r"gradient of input 'bias' has shape .*expected \(3,\)"):
        check_gradients(linear, backward, LINEAR)


def test_bias_summed_over_the_wrong_axis_of_a_square_batch():
    backward = wrong(linear_gradients, "bias", lambda g, dy, c: dy.sum(axis=1))
    with pytest.raises(GradientError, match="gradient of input 'bias' is wrong"):
        check_gradients(linear, backward, {**LINEAR, "x": X[:C]})


def test_a_wrong_entry_among_many_is_found_and_named():
    def change(gradient, dy, cache):
        gradient = gradient.copy()
        gradient[1, 2] += 1e-3
        return gradient

    with pytest.raises(GradientError) as caught:
        check_gradients(linear, wrong(linear_gradients, "weight", change), LINEAR)
    error = caught.value
    assert error.index == (1, 2)
    assert "; 1 of 9 entries are wrong" in str(error)
    # 1e-3 was added; the subtraction of two numbers of size 1 leaves 1e-15 of rounding.
    assert error.analytic - error.numeric == pytest.approx(1e-3, abs=1e-12)
    largest = np.abs(X.T @ checked_generator(0).normal(size=(N, C))).max()  # dout is the first draw
    assert error.relative_error == pytest.approx(1e-3 / largest, rel=1e-6)
    numbers = f"{error.analytic:.8g}", f"{error.numeric:.8g}", f"{error.relative_error:.1e}"
    for text in ("'weight'", "(1, 2)", *numbers):
        assert text in str(error).splitlines()[0]
    assert {name: check.relative_error > 1e-10 for name, check in error.report.inputs.items()} == {
        "x": False,
        "weight": True,
        "bias": False,
    }


@pytest.mark.parametrize("method, rtol", [("complex-step", 1e-10), ("central", 1e-7)])
def test_default_tolerance(method, rtol):
    """An error of half the tolerance passes, of twice the tolerance fails."""

    def backward(relative_error):
        def change(gradient, dy, cache):
            gradient = gradient.copy()
            largest = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
            gradient[largest] *= 1 + relative_error
            return gradient

        return wrong(linear_gradients, "x", change)

    report = check_gradients(linear, backward(rtol / 2), LINEAR, method=method)
    assert report.rtol == rtol
    assert report.worst == pytest.approx(rtol / 2, rel=0.1)  # central's own error is about 1e-2 of its tolerance
    with pytest.raises(GradientError):
        check_gradients(linear, backward(2 * rtol), LINEAR, method=method)
    check_gradients(linear, backward(2 * rtol), LINEAR, method=method, rtol=4 * rtol)


@every_way
@given(
    x=hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(-3, 3)),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_false_alarm_and_no_miss(method, directions, x, seed):
    options = dict(method=method, directions=directions, seed=seed)
    check_gradients(tanh, tanh_gradients, {"x": x}, **options)
    with pytest.raises(GradientError):
        check_gradients(tanh, lambda dy, y: {"x": 2 * dy * (1 - y**2)}, {"x": x}, **options)


# Gradients of zero --------------------------------------------------------------------------------


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
    # Then each entry of each input, and one direction of each to hold against central differences of two steps.
    assert dtypes.count({"complex128"}) == X.size + SQUARE.size + BIAS.size + 3
    assert dtypes[2:].count({"float64"}) == 3 * 2 * 2


@pytest.mark.parametrize("method, calls_a_direction, agreement", [("complex-step", 1, 5), ("central", 2, 0)])
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


# Forwards that complex numbers do not survive -----------------------------------------------------


def real_part(x, scale):
    return scale * x.real, (x, scale)


def cast(x, scale):
    return scale * x.astype(np.float64), (x, scale)


def written_into_a_float_buffer(x, scale):
    product = np.empty(x.shape)
    product[...] = scale * x
    return product, (x, scale)


def refused_by_the_function(x, scale):
    if np.iscomplexobj(x):
        raise NotImplementedError("real numbers only")
    return scale * x, (x, scale)


def scale_gradients(dy, cache):
    x, scale = cache
    return {"x": scale * dy, "scale": (x * dy).sum()}


@pytest.mark.parametrize("forward", [real_part, cast, written_into_a_float_buffer, refused_by_the_function])
def test_forward_that_loses_the_imaginary_part_is_refused(forward):
    inputs = {"x": X, "scale": 1.5}
    with pytest.raises(TypeError, match="input 'x'.*method=\"central\"") as caught:
        check_gradients(forward, scale_gradients, inputs)
    assert not isinstance(caught.value, AssertionError)
    check_gradients(forward, scale_gradients, inputs, method="central")


def test_lost_imaginary_part_is_told_before_a_wrong_backward():
    with pytest.raises(TypeError, match=r"input 'x': forward fails when it is complex \(ComplexWarning"):
        wrong_gradients = {"x": X, "scale": 1.0}
        check_gradients(written_into_a_float_buffer, lambda dy, cache: wrong_gradients, {"x": X, "scale": 1.5})


def test_forward_that_returns_float_is_refused():
    """Of one input: nothing else keeps the output complex."""
    with pytest.raises(TypeError, match='drops the imaginary part; use method="central"'):
        check_gradients(lambda x: (np.abs(x) ** 2, x), lambda dy, x: {"x": 2 * x * dy}, {"x": X})


def variance(x):
    """np.var is half right for complex numbers: its mean keeps the imaginary part, its squares do not."""
    return x.mean() + np.var(x), x


def variance_gradients(dout, x):
    return {"x": dout * (1 / x.size + 2 * (x - x.mean()) / x.size)}


@pytest.mark.parametrize("directions", [None, 2])
def test_forward_that_loses_a_part_of_it_is_not_taken_for_a_wrong_backward(directions):
    with pytest.raises(TypeError, match="input 'x': forward drops the imaginary part"):
        check_gradients(variance, variance_gradients, {"x": X}, directions=directions)
    check_gradients(variance, variance_gradients, {"x": X}, method="central", directions=directions)


def test_a_backward_that_forgets_what_the_complex_step_loses_does_not_pass():
    """|x| is constant for the complex step; a backward that takes it for one is just as wrong, and agrees."""

    def forward(x):
        return x * np.abs(x), x

    def wrong(dout, x):
        return {"x": dout * np.abs(x)}  # twice that is right

    for directions in (None, 2):
        with pytest.raises(TypeError, match="input 'x': forward drops the imaginary part"):
            check_gradients(forward, wrong, {"x": X}, directions=directions)
    with pytest.raises(GradientError, match="1/2 times what it should be"):
        check_gradients(forward, wrong, {"x": X}, method="central")


def test_a_kink_is_refused():
    """At 0 a ReLU has no derivative: each method has its own opinion, and backward a third."""
    for method in METHODS:
        with pytest.raises(ValueError, match="forward is not smooth here, as ReLU is not at 0"):
            check_gradients(relu, relu_gradients, {"x": np.array([0.0, 1.0])}, method=method)
        check_gradients(relu, relu_gradients, {"x": X}, method=method)


def test_a_tie_is_refused():
    def pool(x):
        return x.max(axis=-1), x

    def pool_gradients(dy, x):
        return {"x": dy[..., None] * (x == x.max(axis=-1, keepdims=True))}

    for method in METHODS:
        with pytest.raises(ValueError, match="nor a maximum of equal numbers"):
            check_gradients(pool, pool_gradients, {"x": np.array([[2.0, 2.0, 1.0]])}, method=method)


def test_what_central_differences_cannot_see_is_no_contradiction():
    """1 + tanh(-50) rounds to 0, and stays 0 for small steps; the complex step knows its slope of 1e-43."""
    check_gradients(lambda x: (1 + np.tanh(x), x), lambda dy, x: {"x": dy / np.cosh(x) ** 2}, {"x": np.array([-50.0])})


@pytest.mark.parametrize("method, wrong_by", [("complex-step", 1e-5), ("central", 1e-2)])
def test_a_small_gradient_beside_a_large_result_is_still_compared(method, wrong_by):
    """1e-6 of the result's size: what errors are relative to leaves it six digits of ten, four of seven."""

    def forward(x, y):
        return x + 1e-6 * y, None

    def backward(dy, cache):
        return {"x": dy.copy(), "y": 1e-6 * (1 + wrong_by) * dy}

    with pytest.raises(GradientError, match="input 'y'"):
        check_gradients(forward, backward, {"x": X, "y": X[::-1].copy()}, method=method)


def test_rounding_of_a_large_result_is_no_contradiction():
    """Beside 1e9 central differences lose nine more digits: what they say of a slope of 1 is good to 1e-2."""
    check_gradients(lambda x: (1e9 + x, None), lambda dy, cache: {"x": dy.copy()}, {"x": X})


def test_central_differences_may_be_rough_without_being_taken_for_a_contradiction():
    """sin(1e4 x): at a step of 1e-5 central differences are off by 2e-3; at 1e-7 they agree."""
    check_gradients(lambda x: (np.sin(1e4 * x), x), lambda dy, x: {"x": 1e4 * dy * np.cos(1e4 * x)}, {"x": X})


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
        ({"dtype": "no such"}, TypeError, "dtype = 'no such', expected"),
    ],
)
def test_what_options_may_be(options, error, message):
    with pytest.raises(error, match=message):
        check_gradients(tanh, tanh_gradients, {"x": X}, **options)


# The report ---------------------------------------------------------------------------------------


def test_report():
    report = check_gradients(linear, linear_gradients, LINEAR)
    assert report.method == "complex-step" and report.rtol == 1e-10 and report.directions is None
    assert {name: (check.shape, check.checked) for name, check in report.inputs.items()} == {
        "x": ((N, C), N * C),
        "weight": ((C, C), C * C),
        "bias": ((C,), C),
    }
    errors = {name: check.relative_error for name, check in report.inputs.items()}
    assert report.worst == max(errors.values())
    assert report.worst < 1e-14  # sums of five products of size 1, each rounded to 2e-16

    title, head, *rows = str(report).splitlines()
    assert "float64" in title and "complex-step" in title and "1e-10" in title
    assert head.split() == ["input", "shape", "entries", "relative", "error", "worst", "at"]
    assert [row.split()[0] for row in rows] == ["x", "weight", "bias"]
    assert all(row.endswith("ok") for row in rows)
    # Aligned: every shape starts in the column where its heading does.
    assert all(row[head.index("shape")] == "(" and row[head.index("shape") - 1] == " " for row in rows)


def test_report_marks_what_is_wrong():
    with pytest.raises(GradientError) as caught:
        check_gradients(linear, wrong(linear_gradients, "weight", lambda g, dy, c: 2 * g), LINEAR, directions=2)
    first, title, head, *rows = str(caught.value).splitlines()
    assert {row.split()[0]: row.split()[-1] for row in rows} == {"x": "ok", "weight": "WRONG", "bias": "ok"}
    assert "along random direction" in first and "2 of 2 directions are wrong" in first
    assert first.endswith("; likely cause: a constant factor: it is 2 times what it should be")
    assert "directions" in head
