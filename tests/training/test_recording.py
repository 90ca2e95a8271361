import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.nn import Transformer, TransformerConfig, cross_entropy
from minicluster.tasks import make_instruction_dataset
from minicluster.tasks.examples import Split
from minicluster.training import answer, hidden_states_at, recording, recording_steps


def small():
    dataset = make_instruction_dataset(3, 2, 4, n_instructions=8, n_unseen_instructions=2, n_held_out_inputs=1)
    config = TransformerConfig(len(dataset.vocabulary), dataset.context_length, 8, 2, 2)
    return dataset, Transformer(config, dtype=np.float64)


def test_steps_by_hand():
    assert recording_steps(1000, 3) == [0, 10, 100, 1000]
    assert recording_steps(64, 4) == [0, 1, 4, 16, 64]
    assert recording_steps(4, 50) == [0, 1, 2, 3, 4]
    assert recording_steps(1, 2) == [0, 1]


@given(steps=st.integers(1, 5000), n=st.integers(2, 40))
def test_steps_begin_at_0_rise_and_end_at_the_end(steps, n):
    recorded = recording_steps(steps, n)
    assert recorded[0] == 0 and recorded[-1] == steps
    assert recorded[1] == max(1, round(steps / 100))
    assert (np.diff(recorded) > 0).all()
    assert len(recorded) <= n + 1


def test_answers_agree_with_the_loss_and_with_the_likeliest_token():
    dataset, model = small()
    split = dataset.train
    assert len(split) > 64  # more than one batch
    losses, right = answer(model, split)
    logits, _ = model.forward(split.tokens)
    loss, _ = cross_entropy(logits, split.targets, split.mask)
    np.testing.assert_allclose(losses.mean(), loss, rtol=1e-12)  # other order of sums
    answers = logits[np.arange(len(split)), split.separator + 1].argmax(axis=1)
    np.testing.assert_array_equal(right, answers == dataset.outputs[split.task, split.input])


def test_a_model_that_knows_an_answer_is_right():
    dataset, model = small()
    # A head that looks at nothing but its bias: the last LayerNorm gives out the row of one output token.
    output = int(dataset.outputs[1, 2])
    model.parameters["ln_f.weight"][:] = 0
    model.parameters["ln_f.bias"][:] = 100 * model.parameters["wte.weight"][output]
    _, right = answer(model, dataset.train)
    np.testing.assert_array_equal(right, (dataset.train.task == 1) & (dataset.train.input == 2))


def made_up_answers(model, n, seed):
    """Return a split of answers of 1 to 3 tokens, and (prompt, answer) for each row.

    A third of the answers are as the model writes them, the others have one token that it would not write.
    """
    rng, config = np.random.default_rng(seed), model.config
    T = config.context_length
    tokens, mask = rng.integers(0, config.vocab_size, (n, T + 1)), np.zeros((n, T), bool)  # noise is the padding
    pairs = []
    for row in range(n):
        length, size = rng.integers(1, 5), rng.integers(1, 4)
        end = length + size
        tokens[row, :end] = model.generate(tokens[row, :length], size)
        if row % 3:
            wrong = rng.integers(length, end)
            tokens[row, wrong] = (tokens[row, wrong] + rng.integers(1, config.vocab_size)) % config.vocab_size
            # What follows is as the model would go on from there.
            tokens[row, :end] = model.generate(tokens[row, : wrong + 1], end - wrong - 1)
        mask[row, length - 1 : end - 1] = True
        pairs.append((tokens[row, :length], tokens[row, length:end]))
    unread = [np.zeros(n, np.int64)] * 5
    return Split(tokens[:, :-1], tokens[:, 1:], mask, *unread, start=np.zeros((n, T), np.int64)), pairs


def test_answers_of_several_tokens_are_right_if_generation_writes_them_whole(monkeypatch):
    monkeypatch.setattr(recording, "EVALUATION_BATCH", 25)  # so that there are three batches, the last one smaller
    model = Transformer(TransformerConfig(6, 9, 8, 2, 2), dtype=np.float64)
    model.parameters.flat[:] = np.random.default_rng(1).standard_normal(model.parameters.flat.shape)
    split, pairs = made_up_answers(model, 60, seed=2)
    losses, right = answer(model, split)
    assert losses.dtype == np.float64 and losses.shape == (60,)
    assert right.dtype == bool and right.shape == (60,)
    for row, (prompt, expected) in enumerate(pairs):
        written = model.generate(prompt, len(expected))[len(prompt) :]
        assert right[row] == (written == expected).all() == (row % 3 == 0)
        read, loss = list(prompt), 0
        for token in expected:  # token by token, each after the right ones before it
            logits = model.forward([read])[0][0, -1]
            loss += np.log(np.exp(logits - logits[token]).sum())
            read.append(token)
        # Sums in another order, which two blocks with weights of size 1 magnify.
        np.testing.assert_allclose(losses[row], loss, rtol=1e-9, atol=1e-9)
    assert {len(expected) for _, expected in pairs} == {1, 2, 3}


def test_several_tokens_are_likely_together_as_their_product():
    dataset, model = small()
    model.parameters.flat[:] = 0  # each token is equally likely
    split = dataset.train[:3]
    split.mask[:] = False
    split.mask[0, 2], split.mask[1, [0, 3]], split.mask[2, :4] = True, True, True  # gaps are fine
    losses, _ = answer(model, split)
    np.testing.assert_allclose(losses, np.array([1, 2, 4]) * np.log(len(dataset.vocabulary)), rtol=1e-14)


def test_a_row_without_a_counted_token_is_named():
    dataset, model = small()
    split = dataset.train[:3]
    split.mask[1:] = False
    with pytest.raises(ValueError, match=r"^mask\[1\] is False everywhere, expected at least one counted token"):
        answer(model, split)


def test_hidden_states_are_those_of_the_chosen_token_in_every_layer():
    dataset, model = small()
    split = dataset.train
    states = hidden_states_at(model, split.tokens, split.separator)
    everything = model.hidden_states(split.tokens)  # (L + 1, n, T, C)
    assert states.shape == (3, len(split), 8)
    for row in (0, 63, 64, len(split) - 1):
        # Matrix products of other sizes may sum in another order.
        np.testing.assert_allclose(states[:, row], everything[:, row, split.separator[row]], rtol=1e-12, atol=1e-13)


def test_hidden_states_of_several_tokens_are_those_of_each_and_honour_start(monkeypatch):
    dataset, model = small()
    split = dataset.train
    monkeypatch.setattr(recording, "EVALUATION_BATCH", 50)  # so that there are three batches
    model.parameters.flat[:] = np.random.default_rng(0).standard_normal(model.parameters.flat.shape)
    both = np.stack([split.separator, split.separator + 1], axis=1)
    start = np.where(split.mask, split.separator[:, None], 0)
    found, seeing_all = hidden_states_at(model, split.tokens, both, start), hidden_states_at(model, split.tokens, both)
    assert found.shape == (3, len(split), 2, 8)
    everything = model.hidden_states(split.tokens, start)  # (L + 1, n, T, C)
    for k in range(2):
        expected = everything[:, np.arange(len(split)), split.separator + k]
        # Matrix products of other sizes may sum in another order, which two blocks with weights of size 1 magnify.
        np.testing.assert_allclose(found[:, :, k], expected, rtol=1e-9, atol=1e-9)
    assert (found[1:, :, 1] != seeing_all[1:, :, 1]).any(axis=-1).all()
    np.testing.assert_array_equal(found[:, :, 0], seeing_all[:, :, 0])  # the separator sees all in both
