import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minicluster.nn import Transformer, TransformerConfig, cross_entropy
from minicluster.tasks import make_instruction_dataset
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
