import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster import jit, kernels, nn

from .twins import assert_near, dtypes, seeds, sizes, tolerance

# Several blocks of 8192 entries (5 when uncompiled), and arrays that begin within a block, span it, and have no
# entries; and what is drawn.
if jit.ENABLED:
    SHAPES = {"a.weight": (3, 5), "a.bias": (5,), "b.weight": (99, 170), "none": (0,), "b.bias": (9000,), "c": (2, 2)}
else:
    SHAPES = {"a.weight": (3, 2), "a.bias": (1,), "b.weight": (2, 6), "none": (0,), "b.bias": (7,), "c": (1, 1)}

drawn_shapes = st.lists(st.lists(sizes, max_size=2).map(tuple), min_size=1, max_size=6).map(
    lambda shapes: {f"{number}.weight": shape for number, shape in enumerate(shapes)}
)


def parameters_like(shapes, rng, dtype, size=1.0):
    parameters = nn.Parameters(shapes, dtype)
    parameters.flat = size * rng.standard_normal(parameters.flat.size)
    return parameters


def copy_of(parameters, dtype):
    copy = nn.Parameters(parameters.shapes, dtype)
    copy.flat = parameters.flat
    return copy


@given(
    shapes=st.one_of(st.just(SHAPES), drawn_shapes),
    betas=st.tuples(st.sampled_from((0, 0.5, 0.9)), st.sampled_from((0, 0.9, 0.999, 0.99999))),
    decay=st.sampled_from((0, 0.01, 3.0)),
    max_norm=st.sampled_from((1e-3, 1.0, 50.0, 1e9)),
    sizes_of_gradients=st.lists(st.sampled_from((1e-4, 1.0, 30.0)), min_size=1, max_size=4),
    dtype=dtypes,
    seed=seeds,
)
def test_same_as_nn(shapes, betas, decay, max_norm, sizes_of_gradients, dtype, seed):
    rng = np.random.default_rng(seed)
    parameters = parameters_like(shapes, rng, dtype)
    reference = copy_of(parameters, np.float64)
    # eps far above float32's rounding, which an entry's root mean square near 0 would magnify.
    settings = {"lr": 0.03, "betas": betas, "eps": 1e-3, "weight_decay": decay}
    optimizer, reference_optimizer = nn.AdamW(parameters, **settings), nn.AdamW(reference, **settings)
    for size in sizes_of_gradients:
        gradients = parameters_like(shapes, rng, dtype, size)
        before = gradients.flat.copy()
        norm = kernels.clip_and_update(optimizer, gradients, max_norm)
        expected = nn.clip_and_update(reference_optimizer, copy_of(gradients, np.float64), max_norm)
        assert type(norm) is float
        assert math.isclose(norm, expected, rel_tol=tolerance(np.float64))  # summed in double precision either way
        np.testing.assert_array_equal(gradients.flat, before)
    assert optimizer.steps == reference_optimizer.steps
    assert_near(optimizer.mean.flat, reference_optimizer.mean.flat, dtype)
    assert_near(optimizer.mean_square.flat, reference_optimizer.mean_square.flat, dtype)
    # Of rounding relative to the largest gradient, lr / eps = 30 reaches a parameter.
    assert_near(parameters.flat, reference.flat, dtype, size=30)


def test_betas_near_1_lose_nothing_in_float32():
    # 1 - float32(0.99999) is 1.0014e-5: the first step would be 7e-4 short.
    parameters = nn.Parameters({"bias": (1,)}, np.float32)
    optimizer = nn.AdamW(parameters, lr=1.0, betas=(0.9, 0.99999), eps=1e-12)
    gradients = parameters.zeros_like()
    gradients.flat = 3.0
    kernels.clip_and_update(optimizer, gradients, 10.0)
    np.testing.assert_allclose(parameters.flat, -1, rtol=1e-6)  # some float32 roundings of 6e-8


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_norm_that_is_not_finite_updates_nothing(bad):
    parameters = parameters_like(SHAPES, np.random.default_rng(0), np.float64)
    before, optimizer, gradients = parameters.flat.copy(), nn.AdamW(parameters), parameters.zeros_like()
    gradients.flat[-1] = bad
    assert not math.isfinite(kernels.clip_and_update(optimizer, gradients, 1.0))
    np.testing.assert_array_equal(parameters.flat, before)
    assert optimizer.steps == 0 and not optimizer.mean.flat.any()


def test_a_gradient_of_0():
    parameters = parameters_like(SHAPES, np.random.default_rng(0), np.float64)
    before = parameters.flat.copy()
    assert kernels.clip_and_update(nn.AdamW(parameters, weight_decay=0), parameters.zeros_like(), 1.0) == 0
    np.testing.assert_array_equal(parameters.flat, before)


def test_float32_gradients_whose_squares_overflow_still_have_a_norm():
    gradients = nn.Parameters({"bias": (4,)}, np.float32)
    gradients.flat = 1e30
    assert math.isclose(kernels.gradient_norm(gradients), 2e30, rel_tol=1e-7)  # float32's rounding of 1e30


@pytest.mark.parametrize("state", ["mean", "mean_square"])
@pytest.mark.parametrize("wrong", [nn.Parameters({"w": (2,)}, np.float64), {"w": np.zeros(50)}, np.zeros(50)])
def test_running_means_of_another_layout_are_refused_before_the_step_is_counted(state, wrong):
    parameters = nn.Parameters({"w": (50,)}, np.float64)
    optimizer, gradients = nn.AdamW(parameters), parameters.zeros_like()
    setattr(optimizer, state, wrong)
    with pytest.raises((TypeError, ValueError), match=f"optimizer.{state} has "):
        kernels.clip_and_update(optimizer, gradients, 1.0)
    assert optimizer.steps == 0
