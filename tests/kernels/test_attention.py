import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster import jit, kernels, nn

from .twins import DTYPES, assert_near, assert_twins, dtypes, normal, seeds

KERNELS = kernels.attention_forward, kernels.attention_backward
REFERENCES = nn.attention_forward, nn.attention_backward

batch_sizes, head_counts = st.integers(1, 3), st.integers(1, 6)
# Around multiples of 16 queries.
lengths = st.sampled_from((1, 2, 15, 16, 17, 31, 33, 50)) if jit.ENABLED else st.integers(1, 7)
widths = st.sampled_from((1, 2, 7, 8, 16, 17, 33)) if jit.ENABLED else st.integers(1, 3)


def attention_inputs(rng, B, T, H, D, start):
    qkv = normal(rng, (B, T, 3 * H * D))
    return {"qkv": qkv, "n_heads": H, "start": rng.integers(0, np.arange(T) + 1, (B, T)) if start else None}


@given(B=batch_sizes, T=lengths, H=head_counts, D=widths, start=st.booleans(), dtype=dtypes, seed=seeds)
def test_same_as_nn(B, T, H, D, start, dtype, seed):
    inputs = attention_inputs(np.random.default_rng(seed), B, T, H, D, start)
    assert_twins(KERNELS, REFERENCES, inputs, dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_heads_a_task(dtype):
    # 45 heads for at most 32 tasks, so that some tasks have one and some have two.
    B = 15 if jit.ENABLED else 2
    assert_twins(KERNELS, REFERENCES, attention_inputs(np.random.default_rng(0), B, 5, 3, 2, True), dtype)


@given(T=lengths, scale=st.sampled_from((0.0, 10.0, 30.0)), seed=seeds)
def test_scores_from_all_alike_to_hundreds(T, scale, seed):
    # Scores up to scale^2 times some units, where float64 leaves 1e-13, which the exponential passes on.
    inputs = attention_inputs(np.random.default_rng(seed), 2, T, 2, 2, True)
    inputs["qkv"][..., :8] *= scale  # queries and keys
    y, cache = kernels.attention_forward(**inputs)
    expected, reference_cache = nn.attention_forward(**inputs)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-11)
    dy = normal(np.random.default_rng(seed), y.shape)
    dqkv, expected = kernels.attention_backward(dy, cache)["qkv"], nn.attention_backward(dy, reference_cache)["qkv"]
    np.testing.assert_allclose(dqkv, expected, rtol=0, atol=1e-11 * max(1, np.abs(expected).max()))


def test_a_hidden_key_weighs_nothing_however_low_the_visible_scores():
    # As in tests/nn: token 0 sees itself only, at a score of -2e30 and with the value 0; token 1 has the value 7.
    q, k, v = [[1.0], [1.0]], [[-2e30], [0.0]], [[0.0], [7.0]]
    y, _ = kernels.attention_forward(np.concatenate([q, k, v], axis=1)[None], n_heads=1)
    assert y[0, 0, 0] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("third", [0, 1, 2])
def test_nan_and_infinity_pass_through(bad, third):
    # To where nn has it, and where a query sees it; the plain form also multiplies hidden values by 0, and 0 * NaN is
    # NaN, while the kernel does not read what comes later than its block of queries.
    T, token = 6, 2
    inputs = attention_inputs(np.random.default_rng(0), 2, T, 1, 2, False)
    inputs["qkv"] = abs(inputs["qkv"])  # so that infinity times it is not minus infinity, a score like another
    inputs["qkv"][1, token, 2 * third : 2 * third + 2] = bad
    dy = normal(np.random.default_rng(1), (2, T, 2))
    with np.errstate(all="ignore"):
        y, cache = kernels.attention_forward(**inputs)
        dqkv = kernels.attention_backward(dy, cache)["qkv"]
    assert np.isfinite(y[0]).all() and np.isfinite(dqkv[0]).all()  # the other sequence
    affected = slice(token, token + 1) if third == 0 else slice(token, T)  # a query is only its own
    assert not np.isfinite(y[1, affected]).any()
    assert not np.isfinite(dqkv[1, token]).all()


def test_no_sequences():
    for B, T in ((0, 3), (2, 0)):
        y, cache = kernels.attention_forward(np.zeros((B, T, 6)), 1)
        assert y.shape == (B, T, 2)
        assert kernels.attention_backward(y, cache)["qkv"].shape == (B, T, 6)


def test_arrays_that_do_not_lie_in_one_piece():
    rng = np.random.default_rng(0)
    qkv, dy = normal(rng, (12, 5, 2)).T, normal(rng, (4, 5, 2)).T
    start = np.array([[0, 0], [0, 1], [1, 2], [0, 3], [4, 2]]).T
    (y, cache), (expected, reference_cache) = (forward(qkv, 2, start) for forward in (KERNELS[0], REFERENCES[0]))
    assert_near(y, expected, np.float64)
    gradient, expected = KERNELS[1](dy, cache)["qkv"], REFERENCES[1](dy, reference_cache)["qkv"]
    assert_near(gradient, expected, np.float64)
