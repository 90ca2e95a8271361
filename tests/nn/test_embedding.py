import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minicluster.gradcheck import check_gradients
from minicluster.nn import embedding_backward, embedding_forward

sizes = st.integers(1, 5)
seeds = st.integers(0, 2**32 - 1)


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


@given(B=sizes, T=sizes, V=sizes, C=sizes, unused_positions=st.integers(0, 2), seed=seeds)
def test_gradients(B, T, V, C, unused_positions, seed):
    rng = np.random.default_rng(seed)
    inputs = {
        "tokens": rng.integers(0, V, (B, T)),
        "wte": rng.standard_normal((V, C)),
        "wpe": rng.standard_normal((T + unused_positions, C)),
    }
    check_gradients(embedding_forward, embedding_backward, inputs)
