import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicluster.nn import Transformer, TransformerConfig
from minicluster.nn.generation import choose_tokens

ALMOST_1 = np.nextafter(1.0, 0.0)  # the largest number that is drawn


def model_of(dtype=np.float64, backend="numpy", vocab_size=5, context_length=8, seed=None):
    """A model with its own head; with random parameters of size 1 if there is a seed, else all of them 0."""
    config = TransformerConfig(vocab_size, context_length, vocab_size, 2, 1, tie_embeddings=False)
    model = Transformer(config, dtype=dtype, backend=backend)
    model.parameters.flat[:] = 0
    if seed is not None:
        model.parameters.flat[:] = np.random.default_rng(seed).standard_normal(model.parameters.flat.shape)
    return model


def counting(**options):
    """A model that counts: after v comes v + 1, after the last token 0. The blocks add nothing to the stream."""
    model = model_of(**options)
    model.parameters["wte.weight"] = np.eye(5)
    model.parameters["ln_f.weight"] = np.ones(5)
    model.parameters["lm_head.weight"] = np.roll(np.eye(5), 1, axis=0)  # row v compares with token v - 1
    return model


def with_logits(logits, **options):
    """A model with these logits (V,), whatever it reads."""
    model = model_of(vocab_size=len(logits), **options)
    model.parameters["ln_f.bias"][0] = 1
    model.parameters["lm_head.weight"][:, 0] = logits
    return model


# The likeliest token ------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_model_that_counts_counts_on(dtype, backend):
    model = counting(dtype=dtype, backend=backend)
    for integers in (np.int64, np.uint8):
        prompt = np.array([1, 2], integers)
        written = model.generate(prompt, 5)
        assert written.dtype == np.int64 and written.shape == (7,)
        np.testing.assert_array_equal(written, [1, 2, 3, 4, 0, 1, 2])
        np.testing.assert_array_equal(prompt, [1, 2])
    written = model.generate([[1, 4, 3], [0, 0, 4]], 2)
    assert written.dtype == np.int64
    np.testing.assert_array_equal(written, [[1, 4, 3, 4, 0], [0, 0, 4, 0, 1]])
    np.testing.assert_array_equal(model.generate([2], 1), [2, 3])


def test_the_real_parts_of_complex_logits_decide():
    model = counting(dtype=np.complex128)
    model.parameters["lm_head.weight"] += 1j * np.random.default_rng(0).standard_normal((5, 5))
    np.testing.assert_array_equal(model.generate([3], 4), [3, 4, 0, 1, 2])
    model = with_logits([1 + 0j, 1 + 1j, 0, 0], dtype=np.complex128)  # NumPy would put 1 + 1j above 1
    np.testing.assert_array_equal(model.generate([3], 1), [3, 0])
    uniform = with_logits([0j, 0, 0, 0], dtype=np.complex128).generate([3], 7, temperature=1.0)
    np.testing.assert_array_equal(uniform, with_logits([0.0, 0, 0, 0]).generate([3], 7, temperature=1.0))


@pytest.mark.parametrize("seed", [0, 2, 3])  # of models that do not write the same whatever they read
def test_each_token_is_the_likeliest_after_all_before_it(seed):
    model, rng = model_of(seed=seed), np.random.default_rng(seed)
    expected = prompts = rng.integers(0, 5, (6, 2))
    for _ in range(6):
        likeliest = model.forward(expected)[0][:, -1].argmax(axis=-1)  # (B,)
        expected = np.column_stack([expected, likeliest])
    np.testing.assert_array_equal(model.generate(prompts, 6), expected)  # up to the context length
    for prompt, row in zip(prompts, expected):
        np.testing.assert_array_equal(model.generate(prompt, 6), row)
    assert len(np.unique(expected[:, 2:], axis=0)) > 3


def test_of_equally_likely_tokens_the_first_is_written():
    np.testing.assert_array_equal(with_logits([0.0, 2, 1, 2]).generate([3, 0], 2), [3, 0, 1, 1])


def test_nothing_to_write_returns_a_copy():
    model = counting()
    for prompt in (np.array([1, 2]), np.array([[1, 2], [3, 4]]), np.zeros(8, np.int64)):
        for temperature in (0, 1):
            written = model.generate(prompt, 0, temperature)
            np.testing.assert_array_equal(written, prompt)
            assert not np.shares_memory(written, prompt)


# Draws --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1, 3.0, np.inf])
def test_frequencies_are_softmax_of_logits_over_temperature(temperature):
    logits, n = np.array([1.0, -0.5, 0.0, 2.0]), 4000
    written = with_logits(logits).generate(np.zeros((n, 1), int), 2, temperature, seed=3)[:, 1:]  # (n, 2)
    p = np.exp(logits / temperature)
    p /= p.sum()
    # The share of a token of probability p scatters by sqrt(p (1 - p) / n); 4 of these. The seed is fixed.
    for shares, expected in (
        (np.bincount(written[:, 0], minlength=4) / n, p),
        (np.bincount(written[:, 1], minlength=4) / n, p),
        (np.bincount(written @ [4, 1], minlength=16) / n, np.outer(p, p).ravel()),  # the second is drawn anew
    ):
        np.testing.assert_array_less(np.abs(shares - expected), 4 * np.sqrt(expected * (1 - expected) / n))


def test_the_point_in_the_sum_of_probabilities_decides():
    logits = np.log([[1.0, 2, 1]] * 6)
    uniform = np.array([0, 0.24, 0.26, 0.74, 0.76, ALMOST_1])
    np.testing.assert_array_equal(choose_tokens(logits, 1.0, uniform), [0, 0, 1, 1, 2, 2])
    uniform = np.array([0, 0.16, 0.17, 0.83, 0.84, ALMOST_1])
    np.testing.assert_array_equal(choose_tokens(logits, 0.5, uniform), [0, 0, 1, 1, 2, 2])  # 1, 4 and 1 sixths


@given(
    logits=hnp.arrays(np.float64, st.tuples(st.just(1), st.integers(1, 6)), elements=st.floats(-1e3, 1e3)),
    temperature=st.sampled_from([5e-324, 1e-30, 0.1, 1.0, 1e30, np.inf]),
    uniform=st.one_of(st.just(0.0), st.just(ALMOST_1), st.floats(0, ALMOST_1)),
)
def test_what_is_drawn_has_a_probability_and_nothing_overflows(logits, temperature, uniform):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (token,) = choose_tokens(logits, temperature, np.array([uniform]))
    assert 0 <= token < logits.shape[1]
    # Probabilities below exp(-746) times the largest are 0 in float64.
    assert logits[0, token] >= logits.max() - 746 * temperature
    if temperature == np.inf:
        assert token == int(uniform * logits.shape[1])


def test_next_to_no_temperature_writes_the_likeliest():
    model, prompts = model_of(seed=3), np.arange(5)[:, None]
    for temperature in (5e-324, 1e-30, np.float32(1e-30)):
        np.testing.assert_array_equal(model.generate(prompts, 7, temperature, seed=9), model.generate(prompts, 7))


def test_seeds_repeat_and_differ():
    model, prompts = model_of(seed=2), np.zeros((8, 1), int)
    first, again, other = (model.generate(prompts, 7, 5.0, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(first, model.generate(prompts, 7, 5.0))  # 0 is the default
    assert (model.generate(prompts, 7, seed=0) == model.generate(prompts, 7, seed=1)).all()  # nothing is drawn


def test_rows_are_drawn_each_on_its_own():
    model, prompts = model_of(seed=2), np.array([[1, 2], [3, 4], [1, 2], [0, 0]])
    written = model.generate(prompts, 6, 5.0, seed=4)
    assert (written[0] != written[2]).any()  # the same prompt, drawn twice
    changed = prompts.copy()
    changed[[0, 3]] = [[4, 4], [2, 1]]
    np.testing.assert_array_equal(model.generate(changed, 6, 5.0, seed=4)[1:3], written[1:3])
    np.testing.assert_array_equal(model.generate(prompts[:2], 6, 5.0, seed=4), written[:2])
    np.testing.assert_array_equal(model.generate(prompts[0], 6, 5.0, seed=4), written[0])
    np.testing.assert_array_equal(model.generate(prompts, 3, 5.0, seed=4), written[:, :5])  # the beginning is the same


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_backends_agree(temperature):
    prompts = np.random.default_rng(0).integers(0, 5, (5, 3))
    # Their logits differ by roundings, and no draw is so close to a border.
    first, second = (model_of(backend=name, seed=6).generate(prompts, 5, temperature) for name in ("numpy", "numba"))
    np.testing.assert_array_equal(first, second)


# The end of a row ---------------------------------------------------------------------------------


def test_a_row_that_has_ended_writes_nothing_else():
    model = counting()
    written = model.generate([[0, 1], [4, 3], [4, 2]], 6, end=4)
    np.testing.assert_array_equal(written, [[0, 1, 2, 3, 4], [4, 3, 4, 4, 4], [4, 2, 3, 4, 4]])  # 3 columns, not 6
    np.testing.assert_array_equal(model.generate([[0, 1], [4, 3]], 2, end=4), [[0, 1, 2, 3], [4, 3, 4, 4]])
    np.testing.assert_array_equal(model.generate([3], 5, end=0), [3, 4, 0])


def test_the_end_within_the_prompt_ends_nothing():
    np.testing.assert_array_equal(counting().generate([4, 4, 0], 3, end=4), [4, 4, 0, 1, 2, 3])
    np.testing.assert_array_equal(counting().generate([0, 4], 3, end=4), [0, 4, 0, 1, 2])


def test_without_an_end_every_token_is_written_on_after():
    np.testing.assert_array_equal(counting().generate([4], 3), [4, 0, 1, 2])


def test_draws_up_to_the_end_are_those_without_it():
    model, prompts = model_of(seed=2), np.arange(5)[:, None]
    free, ended = (model.generate(prompts, 7, 5.0, seed=5, end=end) for end in (None, 2))
    for row, other in zip(free[:, 1:], ended[:, 1:]):
        until = [*np.flatnonzero(row == 2), len(other)][0]
        np.testing.assert_array_equal(other[:until], row[:until])
        np.testing.assert_array_equal(other[until:], 2)
    assert (free[:, : ended.shape[1]] != ended).any()  # some row would have gone on


def test_no_pass_is_made_for_nothing(monkeypatch):
    model, lengths, forward = counting(), [], Transformer.forward
    monkeypatch.setattr(Transformer, "forward", lambda self, x: lengths.append(x.shape[1]) or forward(self, x))
    model.generate([[1, 2], [3, 0]], 5, end=3)
    assert lengths == [2, 3, 4]  # 3 is written at once, and after 0, 1 and 2
    lengths.clear()
    model.generate([1, 2], 3)
    assert lengths == [2, 3, 4]


# Bad arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"tokens": []}, ValueError, "tokens has shape (0,), expected (T,) or (B, T), all at least 1"),
        ({"tokens": np.zeros((0, 3), int)}, ValueError, "tokens has shape (0, 3), expected (T,) or (B, T)"),
        ({"tokens": 3}, ValueError, "tokens has shape (), expected (T,) or (B, T)"),
        ({"tokens": [[[3]]]}, ValueError, "tokens has shape (1, 1, 1), expected (T,) or (B, T)"),
        ({"tokens": [1.0]}, TypeError, "tokens has dtype float64, expected integers"),
        ({"tokens": [[1, 5]]}, ValueError, "tokens[0, 1] = 5, expected 0 to 4"),
        ({"tokens": [-1]}, ValueError, "tokens[0, 0] = -1, expected 0 to 4"),
        ({"tokens": [0] * 9, "max_new_tokens": 0}, ValueError, "tokens has 9 positions, expected at most 8"),
        (
            {"max_new_tokens": 7},
            ValueError,
            "max_new_tokens = 7 after a prompt of T = 2 tokens, expected at most 6: the context length is 8",
        ),
        ({"max_new_tokens": -1}, ValueError, "max_new_tokens = -1, expected at least 0"),
        ({"max_new_tokens": 1.0}, TypeError, "max_new_tokens = 1.0, expected a whole number"),
        ({"temperature": -0.1}, ValueError, "temperature = -0.1, expected a number of at least 0"),
        ({"temperature": np.nan}, ValueError, "temperature = nan, expected a number of at least 0"),
        ({"temperature": "hot"}, TypeError, "temperature = 'hot', expected a number"),
        ({"temperature": None}, TypeError, "temperature = None, expected a number"),
        ({"seed": -1}, ValueError, "seed = -1, expected at least 0"),
        ({"seed": None}, TypeError, "seed = None, expected a whole number"),
        ({"end": 5}, ValueError, "end = 5, expected 0 to 4"),
        ({"end": -1}, ValueError, "end = -1, expected at least 0"),
        ({"end": 1.5}, TypeError, "end = 1.5, expected a whole number"),
    ],
)
def test_what_does_not_fit_is_named_before_anything_is_computed(changes, error, message, monkeypatch):
    monkeypatch.setattr(Transformer, "forward", lambda self, tokens: pytest.fail("computed"))
    with pytest.raises(error) as caught:
        counting().generate(**{"tokens": [1, 2], "max_new_tokens": 3} | changes)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_model_whose_logits_are_no_numbers_writes_nothing(broken, temperature):
    with pytest.raises(ArithmeticError, match="logits are NaN or infinite"):
        with_logits([0.0, 1, broken, 0]).generate([1], 2, temperature)
