import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.nn import AdamW, Parameters, clip_gradients, warmup_cosine

# Steps ---------------------------------------------------------------------------------------------


def test_two_steps_by_hand():
    # Gradients 2, then -1, lr 0.1, betas 0.5 and 0.75, no decay. Corrected means: 1 / 0.5 = 2, then
    # (0.5 * 1 - 0.5) / 0.75 = 0; corrected squares: 1 / 0.25 = 4, then irrelevant as the mean is 0.
    parameters = {"bias": np.array([1.0])}
    optimizer = AdamW(parameters, lr=0.1, betas=(0.5, 0.75), eps=1e-12, weight_decay=0.5)
    optimizer.step({"bias": np.array([2.0])})
    np.testing.assert_allclose(parameters["bias"], 1 - 0.1 * 2 / 2, rtol=1e-11)  # eps of 1e-12
    optimizer.step({"bias": np.array([-1.0])})
    np.testing.assert_allclose(parameters["bias"], 0.9, rtol=1e-11)  # likewise


def test_third_step_by_hand():
    # As above, then 1: mean (0.5 * 0 + 0.5) / 0.875; mean square 0.75 * (0.75 * 1 + 0.25) + 0.25 = 1, over 0.578125.
    parameters = {"bias": np.array([0.0])}
    optimizer = AdamW(parameters, lr=0.1, betas=(0.5, 0.75), eps=1e-12)
    for gradient in (2.0, -1.0, 1.0):
        before = parameters["bias"].copy()
        optimizer.step({"bias": np.array([gradient])})
    expected = -0.1 * (0.5 / 0.875) / math.sqrt(1 / (1 - 0.75**3))
    np.testing.assert_allclose(parameters["bias"] - before, expected, rtol=1e-10)  # eps; the difference cancels a digit


def test_many_steps_of_several_parameters_agree_with_the_formulas_in_plain_python():
    # Gradients that shrink, so that a mean square that never does (AMSGrad's) differs.
    numbers = {"first": 3.0, "second": -5.0, "third": 0.5}
    parameters = {name: np.array([[number]]) for name, number in numbers.items()}
    optimizer = AdamW(parameters, betas=(0.8, 0.95), eps=0.01, weight_decay=0.3)
    means, mean_squares = dict.fromkeys(numbers, 0.0), dict.fromkeys(numbers, 0.0)
    for step in range(1, 7):
        lr, gradients = 0.1 / step, {"first": 0.5**step, "second": -4 * 0.5**step, "third": 0.1}
        optimizer.step({name: np.array([[g]]) for name, g in gradients.items()}, lr=lr)
        for name, g in gradients.items():
            means[name] = 0.8 * means[name] + 0.2 * g
            mean_squares[name] = 0.95 * mean_squares[name] + 0.05 * g**2
            root = math.sqrt(mean_squares[name] / (1 - 0.95**step))
            numbers[name] -= lr * 0.3 * numbers[name] + lr * means[name] / (1 - 0.8**step) / (root + 0.01)
            np.testing.assert_allclose(parameters[name], numbers[name], rtol=1e-13)  # roundings of a few operations


def test_betas_of_0_leave_the_sign_of_the_gradient():
    parameters = {"bias": np.zeros(2)}
    AdamW(parameters, lr=0.5, betas=(0, 0), eps=1e-12).step({"bias": np.array([3.0, -0.1])})
    np.testing.assert_allclose(parameters["bias"], [-0.5, 0.5], rtol=1e-10)  # eps over 0.1


def test_eps_is_added_outside_the_root():
    parameters = {"bias": np.array([0.0])}
    AdamW(parameters, lr=1.0, eps=3.0).step({"bias": np.array([1.0])})
    np.testing.assert_allclose(parameters["bias"], -1 / (1 + 3), rtol=1e-12)  # 1 - 0.999 loses 3 digits


def test_decay_shrinks_matrices_only_and_stays_out_of_the_means():
    parameters = {"weight": np.full((2, 2), 8.0), "bias": np.full(2, 8.0)}
    optimizer = AdamW(parameters, lr=0.1, weight_decay=0.5)
    optimizer.step({name: np.zeros_like(p) for name, p in parameters.items()})
    np.testing.assert_allclose(parameters["weight"], 8 * (1 - 0.1 * 0.5), rtol=1e-15)  # rounding
    np.testing.assert_array_equal(parameters["bias"], 8)
    assert all((mean == 0).all() for mean in optimizer.mean.values())


def test_decay_comes_before_the_update_and_with_the_rate_of_the_step():
    parameters = {"weight": np.full((1, 1), 8.0)}
    optimizer = AdamW(parameters, lr=9.0, eps=1e-12, weight_decay=0.5)
    optimizer.step({"weight": np.ones((1, 1))}, lr=0.1)
    # 8 (1 - 0.1 * 0.5) - 0.1 = 7.5; decay after the update would give 7.505, and with rate 9 something negative.
    np.testing.assert_allclose(parameters["weight"], 7.5, rtol=1e-11)  # bias corrections, eps


def test_lr_of_one_step_does_not_stay():
    parameters = {"bias": np.array([0.0])}
    optimizer = AdamW(parameters, lr=0.5, eps=1e-12)
    optimizer.step({"bias": np.array([1.0])}, lr=0.0)
    assert parameters["bias"] == 0
    optimizer.step({"bias": np.array([1.0])})
    np.testing.assert_allclose(parameters["bias"], -0.5, rtol=1e-9)  # bias corrections, and eps of 1e-12


def test_a_step_leaves_the_gradients_alone():
    gradients = {"weight": np.full((1, 2), 3.0), "bias": np.array([-2.0])}
    AdamW({"weight": np.ones((1, 2)), "bias": np.ones(1)}).step(gradients)
    np.testing.assert_array_equal(gradients["weight"], [[3, 3]])
    np.testing.assert_array_equal(gradients["bias"], [-2])


def test_wider_gradients_are_taken_and_the_means_keep_the_parameters_dtype():
    parameters = {"bias": np.ones(2, np.float32)}
    optimizer = AdamW(parameters, lr=0.5)
    optimizer.step({"bias": np.ones(2)})  # float64
    np.testing.assert_allclose(parameters["bias"], 0.5, rtol=1e-6)  # float32 rounds to 6e-8
    assert optimizer.mean["bias"].dtype == optimizer.mean_square["bias"].dtype == np.float32


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        ({}, "differ in a, b"),
        ({"a": np.ones(2), "b": np.ones(2), "c": np.ones(2)}, "differ in c"),
        ({"a": np.ones(3), "b": np.ones(2)}, "gradients['a'] has shape (3,), expected (2,)"),
        ({"a": np.ones(2), "b": np.ones(3)}, "gradients['b'] has shape (3,), expected (2,)"),
        ({"a": np.ones(2), "b": np.ones(2, complex)}, "gradients['b'] has dtype complex128, expected float64"),
    ],
)
def test_gradients_that_do_not_fit_change_nothing(gradients, message):
    parameters = {"a": np.ones(2), "b": np.ones(2)}
    optimizer = AdamW(parameters)
    with pytest.raises((TypeError, ValueError)) as caught:
        optimizer.step(gradients)
    assert message in str(caught.value)
    assert optimizer.steps == 0 and (parameters["a"] == 1).all()


def test_a_rate_below_0_changes_nothing():
    parameters = {"bias": np.array([1.0])}
    optimizer = AdamW(parameters)
    with pytest.raises(ValueError, match="lr = -1, expected"):
        optimizer.step({"bias": np.array([1.0])}, lr=-1)
    assert parameters["bias"] == 1 and optimizer.steps == 0


# Settings ------------------------------------------------------------------------------------------


def test_default_settings_are_those_documented():
    optimizer = AdamW({"weight": np.ones((1, 1))})
    settings = (optimizer.lr, optimizer.betas, optimizer.eps, optimizer.weight_decay)
    assert settings == (1e-3, (0.9, 0.999), 1e-8, 0.01)


@pytest.mark.parametrize(
    "setting",
    [
        {"betas": 0.9},
        {"lr": -1},
        {"lr": math.nan},
        {"lr": math.inf},
        {"betas": (0.9, 1.0)},
        {"betas": (-0.1, 0.9)},
        {"betas": (0.9,)},
        {"eps": 0},
        {"weight_decay": -0.1},
    ],
)
def test_impossible_settings_are_named(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        AdamW({"a": np.ones(2)}, **setting)


# Clipping ------------------------------------------------------------------------------------------


def test_clipping_scales_all_gradients_together():
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    assert clip_gradients(gradients, 4.0) == 5.0
    np.testing.assert_allclose(gradients["a"], [2.4, 0.0], rtol=1e-15)  # rounding
    np.testing.assert_allclose(gradients["b"], [[3.2]], rtol=1e-15)  # rounding


def test_clipping_to_less_than_1():
    gradients = {"a": np.array([3.0, 4.0])}
    assert clip_gradients(gradients, 0.5) == 5.0
    np.testing.assert_allclose(gradients["a"], [0.3, 0.4], rtol=1e-15)  # rounding


@pytest.mark.parametrize("bound", [5.0, 10.0])
def test_gradients_no_longer_than_the_bound_are_left_alone(bound):
    gradients = {"a": np.array([3.0, 4.0])}
    assert clip_gradients(gradients, bound) == 5.0
    np.testing.assert_array_equal(gradients["a"], [3, 4])


def test_the_norm_is_as_precise_as_the_gradients():
    gradients = {"a": np.array([0.1, 0.7]), "b": np.array([[0.3]])}
    # The root of .01 + .49 + .09; float32 would be off by some 1e-8.
    assert math.isclose(clip_gradients(gradients, 1.0), math.sqrt(0.59), rel_tol=1e-15)  # rounding


def test_clipping_to_nothing_is_refused():
    with pytest.raises(ValueError, match="max_norm = 0"):
        clip_gradients({"a": np.ones(2)}, 0)


# Schedule ------------------------------------------------------------------------------------------


def test_schedule_by_hand():
    # 2 steps of warm-up: a third, two thirds, then half a cosine from 1 to 0.1 over the steps 2, 3, 4.
    rates = [warmup_cosine(step, steps=5, lr=3.0, warmup=2) for step in range(5)]
    np.testing.assert_allclose(rates, [1.0, 2.0, 3.0, 3 * 0.55, 0.3], rtol=1e-15)  # rounding


def test_the_last_rate_is_the_share_asked_for():
    # From 8 to 4: 6 + 2 cos of 0, 60, 120 and 180 degrees.
    rates = [warmup_cosine(step, steps=4, lr=8.0, warmup=0, final=0.5) for step in range(4)]
    np.testing.assert_allclose(rates, [8, 7, 5, 4], rtol=1e-15)  # rounding


def test_a_cosine_of_two_steps_ends_at_the_last_rate():
    assert warmup_cosine(3, steps=5, lr=1.0, warmup=3) == 1.0
    assert math.isclose(warmup_cosine(4, steps=5, lr=1.0, warmup=3), 0.1, rel_tol=1e-15)  # cos of a rounded pi


@given(steps=st.integers(1, 50), warmup=st.integers(0, 60))
def test_schedule_rises_then_falls_within_its_bounds(steps, warmup):
    rates = np.array([warmup_cosine(step, steps, 1.0, warmup) for step in range(steps)])
    assert (rates > 0).all() and (rates <= 1).all()
    assert (np.diff(rates[: warmup + 1]) > 0).all()
    assert (np.diff(rates[warmup:]) < 0).all()


def test_a_step_at_rate_0_counts_and_moves_the_means():
    optimizer = AdamW({"bias": np.zeros(1)}, betas=(0.5, 0.75))
    optimizer.step({"bias": np.array([2.0])}, lr=0.0)
    assert (optimizer.steps, optimizer.mean["bias"], optimizer.mean_square["bias"]) == (1, 1, 1)  # .5 * 2 and .25 * 4


def test_flat_parameters_step_as_separate_arrays_do():
    shapes, rng = {"weight": (2, 3), "bias": (3,)}, np.random.default_rng(0)
    flat = Parameters(shapes, np.float64)
    flat.flat = rng.standard_normal(9)
    separate = {name: array.copy() for name, array in flat.items()}
    optimizers = AdamW(flat, lr=0.1), AdamW(separate, lr=0.1)
    for _ in range(3):
        gradients = flat.zeros_like()
        gradients.flat = rng.standard_normal(9)
        optimizers[0].step(gradients)
        optimizers[1].step(dict(gradients))
    for name, array in separate.items():
        np.testing.assert_array_equal(flat[name], array)


def test_flat_gradients_of_other_shapes_are_refused():
    optimizer = AdamW(Parameters({"weight": (2, 3)}, np.float64))
    with pytest.raises(ValueError, match=r"gradients\['weight'\] has shape \(1, 3\), expected \(2, 3\)"):
        optimizer.step(Parameters({"weight": (1, 3)}, np.float64))
