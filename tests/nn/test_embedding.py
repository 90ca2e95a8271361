import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from layer_checks import assert_right, inputs_of_any_size

from minicluster.nn import embedding_backward, embedding_forward, unembedding_backward, unembedding_forward
from minicluster.strategies import layer_sizes, token_arrays


def test_forward_by_hand():
    wte = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    wpe = np.array([[0.1, 0.2], [0.3, 0.4], [7.0, 7.0]])
    x, _ = embedding_forward(np.array([[2, 0]]), wte, wpe)
    np.testing.assert_array_equal(x, [[[5.1, 6.2], [1.3, 2.4]]])


def test_rows_read_several_times_receive_the_sum():
    tokens = np.array([[1, 1, 0], [1, 0, 0]])
    _, cache = embedding_forward(tokens, np.zeros((3, 1)), np.zeros((4, 1)))
    dx = np.array([[1.0, 2, 4], [8, 16, 32]])[:, :, None]
    gradients = embedding_backward(dx, cache)
    np.testing.assert_array_equal(gradients["wte"][:, 0], [4 + 16 + 32, 1 + 2 + 8, 0])
    np.testing.assert_array_equal(gradients["wpe"][:, 0], [1 + 8, 2 + 16, 4 + 32, 0])


@given(tables=inputs_of_any_size({"wte": "V C", "wpe": "positions C"}), sizes=layer_sizes("B T"), data=st.data())
def test_gradients(tables, sizes, data):
    B, T = sizes
    positions = len(tables["wpe"])  # some may be without a token
    tokens = data.draw(token_arrays((B, min(T, positions)), len(tables["wte"])))
    assert_right(embedding_forward, embedding_backward, {"tokens": tokens, **tables})


def test_unembedding_scores_every_token_by_the_product_with_its_row():
    wte = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    logits, _ = unembedding_forward(np.array([[10.0, 1.0]]), wte)
    np.testing.assert_array_equal(logits, [[12, 34, 56]])


@given(inputs_of_any_size({"x": "... C", "wte": "V C"}))
def test_gradients_of_unembedding(inputs):
    assert_right(unembedding_forward, unembedding_backward, inputs)
