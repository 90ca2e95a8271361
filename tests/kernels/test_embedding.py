import numpy as np
from hypothesis import given

from minicluster import kernels, nn

from .twins import (
    Unwritten,
    assert_same_entries_are_finite,
    assert_twins,
    dtypes,
    leading_shapes,
    long_sizes,
    normal,
    seeds,
    sizes,
)

EMBEDDING = (kernels.embedding_forward, kernels.embedding_backward), (nn.embedding_forward, nn.embedding_backward)
UNEMBEDDING = (
    (kernels.unembedding_forward, kernels.unembedding_backward),
    (nn.unembedding_forward, nn.unembedding_backward),
)


@given(B=sizes, T=sizes, unused=sizes, V=sizes, C=sizes, dtype=dtypes, seed=seeds)
def test_embedding_same_as_nn(B, T, unused, V, C, dtype, seed):
    rng = np.random.default_rng(seed)
    tokens = rng.integers(0, V, (B, T)).astype(rng.choice([np.int64, np.int32, np.uint8]))
    inputs = {"tokens": tokens, "wte": normal(rng, (V, C)), "wpe": normal(rng, (T + unused - 1, C))}
    assert_twins(*EMBEDDING, inputs, dtype, seed)


@given(leading=leading_shapes(), V=long_sizes, C=sizes, dtype=dtypes, seed=seeds)
def test_unembedding_same_as_nn(leading, V, C, dtype, seed):
    rng = np.random.default_rng(seed)
    assert_twins(*UNEMBEDDING, {"x": normal(rng, (*leading, C)), "wte": normal(rng, (V, C))}, dtype, seed)


def test_no_rows():
    for leading in ((0,), (2, 0)):
        assert_twins(*UNEMBEDDING, {"x": np.ones((*leading, 4)), "wte": np.ones((3, 4))}, np.float64)


def test_no_vocabulary_or_no_width():
    # nn can't go back through these. A sum of nothing is 0, not what happens to lie in the memory.
    for V, C in ((0, 4), (3, 0)):
        logits, cache = kernels.unembedding_forward(np.ones((5, C)), np.ones((V, C)), memory=Unwritten())
        np.testing.assert_array_equal(logits, np.zeros((5, V)))
        gradients = kernels.unembedding_backward(logits, cache, memory=Unwritten())
        np.testing.assert_array_equal(gradients["x"], np.zeros((5, C)))


def test_nan_and_infinity_pass_through():
    rng = np.random.default_rng(0)
    tokens = np.array([[0, 2, 2], [1, 0, 2]])
    tables = {"wte": normal(rng, (3, 4)), "wpe": normal(rng, (3, 4))}
    assert_same_entries_are_finite(*EMBEDDING, {"tokens": tokens, **tables})
    assert_same_entries_are_finite(*UNEMBEDDING, {"x": normal(rng, (5, 4)), "wte": normal(rng, (3, 4))})


def test_tokens_that_change_after_the_forward_do_not_change_the_backward():
    # A number out of range would write to somebody else's memory.
    tokens = np.array([[0, 1, 1]])
    x, cache = kernels.embedding_forward(tokens, np.zeros((2, 2)), np.zeros((3, 2)))
    tokens[:] = 1 << 40
    np.testing.assert_array_equal(kernels.embedding_backward(np.ones_like(x), cache)["wte"], [[1, 1], [2, 2]])
