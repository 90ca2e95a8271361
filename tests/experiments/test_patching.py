import numpy as np
import pytest

from minicluster.experiments import patching
from minicluster.experiments.patching import (
    answer_logits,
    at_separator,
    in_instruction,
    other_tasks,
    random_steps,
)
from minicluster.nn import Transformer, TransformerConfig, block_forward
from minicluster.tasks import make_instruction_dataset

N_LAYERS = 2
# In float64, products of matrices of other sizes may sum in another order; two blocks with weights of size 1 magnify
# that.
OTHER_ORDER = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(patching, "BATCH", 7)


def example(bottleneck=False):
    """A model with random parameters of size 1, 20 rows of mixed lengths, and their streams (L + 1, n, T, C)."""
    dataset = make_instruction_dataset(
        3, 2, 4, n_instructions=6, n_unseen_instructions=3, n_held_out_inputs=1, bottleneck=bottleneck
    )
    config = TransformerConfig(len(dataset.vocabulary), dataset.context_length, 6, N_LAYERS, 2)
    model, rng = Transformer(config, dtype=np.float64, backend="numpy"), np.random.default_rng(0)
    model.parameters.flat[:] = rng.standard_normal(model.parameters.flat.shape)
    rows = dataset.train[rng.permutation(len(dataset.train))[:20]]
    assert len(set(rows.separator.tolist())) > 1
    return model, rows, model.hidden_states(rows.tokens, rows.start)


def everywhere(rows):
    return np.ones(rows.tokens.shape, bool)


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("layer", range(N_LAYERS + 1))
def test_without_a_patch_or_with_the_own_states_the_answer_is_the_models(layer, bottleneck):
    model, rows, streams = example(bottleneck)
    plain = answer_logits(model, rows, layer)
    assert plain.shape == (20, model.config.vocab_size)  # over three batches
    np.testing.assert_allclose(plain, model.forward(rows.tokens, rows.start)[0][rows.mask], **OTHER_ORDER)
    own = answer_logits(model, rows, layer, everywhere(rows), streams[layer], list(streams))
    np.testing.assert_allclose(own, plain, **OTHER_ORDER)


@pytest.mark.parametrize("layer", range(N_LAYERS + 1))
def test_with_all_states_of_another_row_the_answer_is_that_rows(layer):
    model, rows, streams = example()
    (same_length,) = np.nonzero(rows.separator == np.bincount(rows.separator).argmax())
    rows, other = rows[same_length], np.roll(np.arange(len(same_length)), 3)
    states = streams[layer][same_length]
    patched = answer_logits(model, rows, layer, everywhere(rows), states[other])
    plain = answer_logits(model, rows, layer)
    np.testing.assert_allclose(patched, plain[other], **OTHER_ORDER)
    assert (np.abs(patched - plain).max(axis=1) > 1e-3).all()


@pytest.mark.parametrize("layer", range(N_LAYERS + 1))
def test_only_the_chosen_positions_are_replaced_and_each_row_by_its_own_states(layer):
    model, rows, streams = example()
    new = np.random.default_rng(1).standard_normal((20, 1, 6))
    patched = answer_logits(model, rows, layer, at_separator(rows), new)
    x = streams[layer].copy()
    x[np.arange(20), rows.separator] = new[:, 0]
    expected = model.logits_from(x, layer, rows.start)[rows.mask]
    np.testing.assert_allclose(patched, expected, **OTHER_ORDER)


@pytest.mark.parametrize("layer", range(N_LAYERS + 1))
def test_what_comes_after_the_input_changes_nothing(layer):
    model, rows, _ = example()
    after = np.arange(rows.tokens.shape[1]) > rows.separator[:, None] + 1
    assert after.any()
    new = np.full((20, 1, 6), 3.0)
    np.testing.assert_array_equal(answer_logits(model, rows, layer, after, new), answer_logits(model, rows, layer))


def test_the_last_layers_separator_changes_no_logit_and_those_before_do():
    model, rows, _ = example()
    new = np.random.default_rng(1).standard_normal((20, 1, 6))
    for layer in range(N_LAYERS + 1):
        change = answer_logits(model, rows, layer, at_separator(rows), new) - answer_logits(model, rows, layer)
        assert (np.abs(change).max(axis=1) > 1e-3).all() == (layer < N_LAYERS)
    assert not change.any()


def test_held_states_are_put_back_after_every_later_block():
    model, rows, streams = example()
    rng = np.random.default_rng(2)
    held = [rng.standard_normal((20, 1, 6)) for _ in range(N_LAYERS + 1)]
    for layer in range(N_LAYERS + 1):
        found = answer_logits(model, rows, layer, at_separator(rows), held[layer], held)
        x = streams[layer].copy()
        x[np.arange(20), rows.separator] = held[layer][:, 0]
        for block in range(layer, N_LAYERS):
            own = {n.removeprefix(f"h.{block}."): p for n, p in model.parameters.items() if n.startswith(f"h.{block}.")}
            x, _ = block_forward(x, own, 2, model.operations, rows.start)
            x[np.arange(20), rows.separator] = held[block + 1][:, 0]
        np.testing.assert_allclose(found, model.logits_from(x, N_LAYERS)[rows.mask], **OTHER_ORDER)
    once = answer_logits(model, rows, 0, at_separator(rows), held[0])
    assert np.abs(answer_logits(model, rows, 0, at_separator(rows), held[0], held) - once).max() > 1e-3


def test_in_the_bottleneck_letters_are_seen_through_the_separator_only():
    for bottleneck in (False, True):
        model, rows, _ = example(bottleneck)
        letters = in_instruction(rows) & ~at_separator(rows)
        new = np.random.default_rng(3).standard_normal((20, 1, 6))
        change = answer_logits(model, rows, 1, letters, new) - answer_logits(model, rows, 1)
        assert change.any() != bottleneck  # after block 1 the last block's separator would be read by nothing


def test_where_the_separator_and_the_instruction_are():
    _, rows, _ = example()
    for row in range(20):
        n = len(rows.instruction[row])
        assert np.flatnonzero(at_separator(rows)[row]).tolist() == [n]
        assert np.flatnonzero(in_instruction(rows)[row]).tolist() == list(range(n + 1))


def test_random_steps_have_their_lengths_and_directions_of_their_own():
    states = np.random.default_rng(4).standard_normal((400, 8)).astype(np.float32)
    kept, lengths = states.copy(), np.linspace(0, 5, 400)
    moved = random_steps(states, lengths, np.random.default_rng(5))
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(states, kept)
    np.testing.assert_array_equal(moved[0], states[0])  # a step of length 0
    # float32 rounds states of size 3 and steps of size 5 to 6e-8 of themselves.
    np.testing.assert_allclose(np.linalg.norm(moved - states, axis=1), lengths, rtol=1e-6, atol=1e-6)
    directions = (moved - states)[1:] / lengths[1:, None]
    # The mean of 399 random directions in 8 dimensions has the length 1 / sqrt(399) = .05; four of these.
    assert np.linalg.norm(directions.mean(axis=0)) < 0.2
    assert len(np.unique(directions.round(3), axis=0)) == 399


def test_another_task_is_drawn_evenly_and_neither_the_own_nor_the_excluded_one():
    own = np.full(3000, 2)
    drawn = other_tasks(own, 5, np.random.default_rng(6))
    # Each of four tasks 750 times, give or take sqrt(3000 / 4 * 3 / 4) = 24; five of these.
    assert (np.abs(np.bincount(drawn, minlength=5) - [750, 750, 0, 750, 750]) < 120).all()
    assert set(drawn[:50]) == {0, 1, 3, 4}
    excluded = np.tile([0, 4, 2], 1000)  # the own task itself is no second one
    drawn = other_tasks(own, 5, np.random.default_rng(6), excluded)
    for second, expected in ((0, {1, 3, 4}), (4, {0, 1, 3}), (2, {0, 1, 3, 4})):
        assert set(drawn[excluded == second]) == expected
