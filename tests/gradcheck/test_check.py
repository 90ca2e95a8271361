"""check_gradients: right gradients pass, and each planted wrong one fails."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from small_layers import (
    LINEAR,
    C,
    N,
    X,
    every_way,
    linear,
    linear_gradients,
    mean_of_squares,
    mean_of_squares_gradients,
    product,
    product_gradients,
    root,
    root_gradients,
    root_of_minus,
    root_of_minus_gradients,
    softmax,
    softmax_gradients,
    tanh,
    tanh_gradients,
    wrong,
)

from minicluster.gradcheck import GradientError, check_gradients
from minicluster.gradcheck.arguments import checked_generator

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
    assert error.relative_error == pytest.approx(1e-3 / largest, rel=1e-6)  # 1e-3 is known to 1e-12, as above
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
