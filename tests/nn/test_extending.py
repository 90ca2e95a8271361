import numpy as np
import pytest

from minicluster.nn import Transformer, TransformerConfig, extend_vocabulary

V, C = 7, 4


def model_of(tied, dtype=np.float64, backend="numpy"):
    config = TransformerConfig(V, 5, C, 2, 2, d_ff=6, tie_embeddings=tied)
    model = Transformer(config, seed=3, dtype=dtype, backend=backend)
    model.parameters.flat = np.random.default_rng(0).standard_normal(model.parameters.flat.size)
    return model


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("tied", [True, False])
def test_new_rows_are_the_mean_of_the_old_and_all_else_is_as_before(tied, n):
    model = model_of(tied)
    before = model.parameters.flat.copy()
    extended = extend_vocabulary(model, n)
    assert (extended.config.vocab_size, model.config.vocab_size) == (V + n, V)
    assert (extended.config.d_ff, extended.config.tie_embeddings) == (6, tied)
    assert extended.parameters.keys() == model.parameters.keys()
    for name, old in model.parameters.items():
        new = extended.parameters[name]
        if name in ("wte.weight", "lm_head.weight"):
            assert new.shape == (V + n, C)
            np.testing.assert_array_equal(new[:V], old)
            for row in new[V:]:
                np.testing.assert_allclose(row, old.sum(axis=0) / V, rtol=1e-13)  # a sum of seven
        else:
            np.testing.assert_array_equal(new, old)
    extended.parameters.flat[:] = 0
    np.testing.assert_array_equal(model.parameters.flat, before)


@pytest.mark.parametrize("tied", [True, False])
def test_it_computes_as_before_and_the_new_logit_is_the_mean_of_the_others(tied):
    model = model_of(tied)
    extended = extend_vocabulary(model, 2)
    tokens = np.random.default_rng(1).integers(V, size=(3, 5))
    start = np.array([[0, 0, 1, 1, 2]] * 3)
    old_logits, new_logits = model.forward(tokens, start)[0], extended.forward(tokens, start)[0]
    np.testing.assert_array_equal(extended.hidden_states(tokens, start), model.hidden_states(tokens, start))
    tolerance = {"rtol": 0, "atol": 1e-13}  # sums of four products of size 1 to 10, perhaps in another order
    np.testing.assert_allclose(new_logits[..., :V], old_logits, **tolerance)
    for token in (V, V + 1):
        np.testing.assert_allclose(new_logits[..., token], old_logits.mean(axis=-1), **tolerance)
    assert (new_logits.argmax(axis=-1) < V).all()


@pytest.mark.parametrize(
    ("dtype", "backend"),
    [(np.float32, "numpy"), (np.float64, "numpy"), (np.complex128, "numpy"), (np.float32, "numba")],
)
def test_dtype_and_backend_stay(dtype, backend):
    extended = extend_vocabulary(model_of(True, dtype, backend))
    assert extended.dtype == extended.parameters.flat.dtype == dtype
    assert extended.operations.backend == backend


@pytest.mark.parametrize(
    ("n", "error", "message"),
    [(0, ValueError, "n = 0, expected at least 1"), (1.5, TypeError, "n = 1.5, expected a whole number")],
)
def test_a_bad_number_of_tokens_is_refused(n, error, message):
    with pytest.raises(error, match=message):
        extend_vocabulary(model_of(True), n)
