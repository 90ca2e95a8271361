"""What the complex step and central differences can't tell is not blamed on backward."""

import numpy as np
import pytest
from small_layers import (
    METHODS,
    SQUARE,
    X,
    relu,
    relu_gradients,
    tanh,
    tanh_gradients,
    wrong,
)

from minicluster.gradcheck import GradientError, check_gradients


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


def test_inputs_at_the_border_of_the_domain():
    """A step of 1e-5 leaves the logarithm's domain; shorter ones are tried, and no second opinion is none."""
    inputs = {"p": np.array([1e-8, 0.3, 0.7])}
    for method in METHODS:
        forward, backward = lambda p: (-np.log(p).sum(), p), lambda dloss, p: {"p": -dloss / p}
        with np.errstate(all="ignore"):  # NumPy warns of each logarithm of 0 or less
            # The step is 1e-11 there, a thousandth of 1e-8: the logarithm's curvature costs its square, 1e-6.
            check_gradients(forward, backward, inputs, method=method, rtol=1e-5)


def small_norm(x):
    rstd = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-20)
    return x * rstd, (x * rstd, rstd)


def small_norm_gradients(dy, cache):
    y, rstd = cache
    return {"x": rstd * (dy - y * (dy * y).mean(axis=-1, keepdims=True))}


def test_steps_larger_than_the_inputs_have_no_opinion():
    check_gradients(small_norm, small_norm_gradients, {"x": 1e-6 * X})
    with pytest.raises(ValueError, match="central differences can't tell: .* with one step and .* with a tenth of it"):
        check_gradients(small_norm, small_norm_gradients, {"x": 1e-6 * X}, method="central")


@pytest.mark.parametrize("weight", [1e-4, 1e-6])
def test_a_small_lost_part_is_found(weight):
    """A penalty on the sizes of weights, beside a loss a million times larger."""

    def forward(x):
        return (x * x).sum() + weight * np.abs(x).sum(), x

    for backward in (lambda d, x: {"x": 2 * x * d}, lambda d, x: {"x": (2 * x + weight * np.sign(x)) * d}):
        with pytest.raises(TypeError, match="forward drops the imaginary part"):
            check_gradients(forward, backward, {"x": X})


def test_a_lost_part_of_a_tiny_result_is_found():
    with pytest.raises(TypeError, match="forward drops the imaginary part"):
        check_gradients(lambda x: (1e-10 * x * np.abs(x), x), lambda d, x: {"x": 1e-10 * d * np.abs(x)}, {"x": X})


def test_single_precision_on_the_way_is_not_blamed_on_backward():
    def forward(x):
        return np.tanh(x.astype(np.float32)).astype(np.float64), x

    with pytest.raises(ValueError, match="single precision|can't tell"):
        check_gradients(forward, lambda dy, x: {"x": dy / np.cosh(x) ** 2}, {"x": X}, method="central")


class Adder:
    """Adds up its weight's gradient from call to call."""

    def __init__(self, weight):
        self.weight, self.gradient = weight, np.zeros_like(weight)

    def backward(self, dy, x):
        self.gradient += x.T @ dy
        return {"x": dy @ self.weight.T, "weight": 1.01 * self.gradient}


def test_a_backward_that_adds_up_is_told_so_when_it_is_wrong():
    adder = Adder(SQUARE)
    with pytest.raises(ValueError, match="backward answers otherwise the second time, in the gradient of 'weight'"):
        check_gradients(lambda x, weight: (x @ weight, x), adder.backward, {"x": X, "weight": SQUARE})


def test_inputs_from_the_same_seed_are_not_the_upstream_gradient():
    """Under a dout that equals x the gradient of a norm is 0, and a path left out does not show."""
    x = np.random.default_rng(0).standard_normal((4, 3))
    with pytest.raises(GradientError):
        check_gradients(small_norm, lambda dy, cache: {"x": 0 * dy}, {"x": x}, seed=0)


def test_at_the_border_of_a_domain_that_forward_guards():
    """No step is possible there, neither for a second opinion nor to see a kink or the rounding."""

    def forward(x):
        if (x.real > 1).any():
            raise ValueError("x must be at most 1")
        return x**3, x

    x = np.array([1.0, 0.5])
    check_gradients(forward, lambda dy, x: {"x": 3 * dy * x**2}, {"x": x})
    with pytest.raises(GradientError, match="'x' is wrong"):
        check_gradients(forward, lambda dy, x: {"x": 2 * dy * x**2}, {"x": x})


def test_where_rounding_leaves_no_digit_backward_is_not_blamed():
    """The inverse of a Hilbert matrix: its last digits decide on the sixth digit of the result."""
    rows = np.arange(1.0, 7)
    hilbert = 1 / (rows[:, None] + rows - 1)

    def backward(dinverse, inverse):
        return {"x": -inverse.T @ dinverse @ inverse.T}

    with pytest.raises(ValueError, match="rounding changes the derivative by .*, so nothing can be told"):
        check_gradients(lambda x: (np.linalg.inv(x),) * 2, backward, {"x": hilbert})
    check_gradients(lambda x: (np.linalg.inv(x),) * 2, backward, {"x": hilbert + np.eye(6)})


# Saturated layers ---------------------------------------------------------------------------------


def log_loss(logits, targets):
    shifted = logits - logits.real.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    rows = np.arange(len(targets))
    return -log_p[rows, targets].mean(), (np.exp(log_p), rows, targets)


def log_loss_gradients(dloss, cache):
    p, rows, targets = cache
    gradient = p.copy()
    gradient[rows, targets] -= 1
    return {"logits": dloss * gradient / len(rows)}


@pytest.mark.parametrize("lead", [5.0, 11.0, 16.0, 22.0])
def test_a_loss_that_is_all_but_sure_is_not_blamed(lead):
    """p - 1 leaves few digits there, and a small nudge changes neither: only larger ones show that it is rounding."""
    logits, targets = X.copy(), np.array([0, 1, 2, 0, 1])
    logits[np.arange(len(X)), targets] += lead
    inputs = {"logits": logits, "targets": targets}
    check_gradients(log_loss, log_loss_gradients, inputs)
    for change in (lambda g, *_: 1.001 * g, lambda g, *_: -g, lambda g, *_: 0 * g):
        with pytest.raises(GradientError):
            check_gradients(log_loss, wrong(log_loss_gradients, "logits", change), inputs)


@pytest.mark.parametrize("size", [5.0, 9.0, 15.0])
def test_a_saturated_tanh_is_not_blamed(size):
    inputs = {"x": np.array([size, -0.9 * size])}
    check_gradients(tanh, tanh_gradients, inputs)
    with pytest.raises(GradientError):
        check_gradients(tanh, lambda dy, y: {"x": 2 * dy * (1 - y * y)}, inputs)
