import itertools
import warnings
from dataclasses import replace

import numpy as np
import pytest

from minicluster.nn import AdamW, Transformer, TransformerConfig, cross_entropy
from minicluster.tasks import make_instruction_dataset
from minicluster.training import ShuffledBatches, TrainingDiverged, answer_objective, train_step, training_steps


@pytest.fixture
def dataset():
    return make_instruction_dataset(2, 2, 3, n_instructions=4, n_unseen_instructions=2, n_held_out_inputs=1)


@pytest.fixture(params=["numpy", "auto"])
def training(request, dataset):
    """A model and its optimiser, on either backend; "auto" is Numba's where its compiler is not switched off."""
    return small_training(dataset, backend=request.param)


def small_training(dataset, lr=1e-2, backend="auto"):
    config = TransformerConfig(len(dataset.vocabulary), dataset.context_length, 8, 1, 2)
    model = Transformer(config, backend=backend)
    return model, AdamW(model.parameters, lr=lr)


def change_cross_entropy(model, change):
    """Let the model's training steps see another loss and gradient: change(loss, dlogits)."""
    operations = model.reusing_memory().operations
    right = operations.cross_entropy
    operations.cross_entropy = lambda *arguments: change(*right(*arguments))


def take_steps(training, split, steps, batch_size, seed, learning_rate, **options):
    batches = ShuffledBatches(len(split), batch_size, seed)
    return training_steps(*training, split, steps, batches, learning_rate=learning_rate, **options)


def steps_of(dataset, steps, lr, seed=0):
    model, optimizer = small_training(dataset)
    taken = take_steps((model, optimizer), dataset.train, steps, 8, seed, learning_rate=lambda step: lr)
    return model, taken


def test_a_step_is_forward_loss_backward_clip_update(dataset, training):
    model, optimizer = training
    by_hand, optimizer_by_hand = small_training(dataset)
    batch = dataset.train[:8]
    loss, norm = train_step(model, optimizer, batch.tokens, batch.targets, batch.mask, max_norm=1e-3)

    logits, cache = by_hand.forward(batch.tokens)
    expected, dlogits = cross_entropy(logits, batch.targets, batch.mask)
    gradients = by_hand.backward(dlogits, cache)
    expected_norm = float(np.linalg.norm(gradients.flat))
    assert expected_norm > 1e-3  # so that clipping does something
    gradients.flat *= 1e-3 / expected_norm
    optimizer_by_hand.step(gradients)
    # float32 of several operations, which the backends round differently
    assert loss == pytest.approx(expected, rel=1e-6)
    assert norm == pytest.approx(expected_norm, rel=1e-6)  # float32, another order of sums
    # The norm's rounding scales all gradients, and the step's own roundings are of 6e-8. Adam's first step has the size
    # lr, here 1e-2, whatever the gradient's, except where that is near eps.
    np.testing.assert_allclose(model.parameters.flat, by_hand.parameters.flat, rtol=1e-5, atol=1e-7)


def test_an_optimiser_of_ones_own_gets_clipped_gradients(dataset, training):
    class Descent(AdamW):
        def step(self, gradients, lr=None):
            self.norm = float(np.linalg.norm(gradients.flat))
            self.parameters.flat -= 0.1 * gradients.flat

    model, _ = training
    batch, before = dataset.train[:8], model.parameters.flat.copy()
    optimizer = Descent(model.parameters)
    _, norm = train_step(model, optimizer, batch.tokens, batch.targets, batch.mask, max_norm=1e-3)
    assert norm > 1e-3 and optimizer.norm == pytest.approx(1e-3, rel=1e-5)  # float32, some thousand squares
    assert (model.parameters.flat != before).any()


def test_parameters_in_a_dict_are_trained_too(dataset, training):
    model, optimizer = training
    by_dict = small_training(dataset)[0]
    by_dict.operations = model.operations
    batch = dataset.train[:8]
    train_step(model, optimizer, batch.tokens, batch.targets, batch.mask)
    train_step(by_dict, AdamW(dict(by_dict.parameters), lr=1e-2), batch.tokens, batch.targets, batch.mask)
    # Adam's first step has the size lr whatever the gradient's, except where that is near eps: float32 roundings.
    np.testing.assert_allclose(by_dict.parameters.flat, model.parameters.flat, rtol=1e-4, atol=1e-6)


def test_repeating_a_batch_lowers_its_loss(dataset):
    model, optimizer = small_training(dataset)
    batch = dataset.train[:8]
    losses = [train_step(model, optimizer, batch.tokens, batch.targets, batch.mask)[0] for _ in range(40)]
    assert losses[-1] < losses[0] / 2


def test_same_seed_same_training(dataset):
    runs = []
    for seed in (3, 3, 4):
        model, taken = steps_of(dataset, 5, 1e-2, seed)
        runs.append(([loss for _, loss in taken], model.parameters.flat))
    assert runs[0][0] == runs[1][0] and (runs[0][1] == runs[1][1]).all()
    assert runs[0][0] != runs[2][0]


def test_learning_rates_are_used_in_order(dataset):
    model, optimizer = small_training(dataset)
    rates = [0.0, 0.5, 0.0]
    taken = take_steps((model, optimizer), dataset.train, 3, 4, 0, learning_rate=rates.__getitem__)
    before, moved = model.parameters.flat.copy(), []
    for _ in taken:
        moved.append(bool((model.parameters.flat != before).any()))
        before = model.parameters.flat.copy()
    assert moved == [False, True, False]


def test_a_loss_that_turns_nan_stops_the_run_without_warnings(dataset):
    model, taken = steps_of(dataset, 10, lr=1e-2)
    step, loss = next(itertools.islice(taken, 1, None))
    assert step == 2
    model.parameters["wte.weight"][:] = np.nan
    before = model.parameters["ln_f.bias"].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TrainingDiverged) as caught:
            next(taken)
    assert (caught.value.step, caught.value.last_finite_loss) == (3, loss)
    assert f"at step 3; the last finite loss was {loss:.4g}" in str(caught.value)
    np.testing.assert_array_equal(model.parameters["ln_f.bias"], before)  # nothing was updated


def test_a_learning_rate_far_too_high_is_said_so(dataset):
    with pytest.raises(TrainingDiverged, match="no longer finite at step"):
        for _ in steps_of(dataset, 50, lr=1e30)[1]:
            pass


def test_many_steps_are_single_steps_with_shuffled_rows_masks_rates_and_norms(dataset):
    model, optimizer = small_training(dataset)
    by_hand, optimizer_by_hand = small_training(dataset)
    rates = [0.1, 0.02, 0.3]
    taken = take_steps((model, optimizer), dataset.train, 3, 5, 9, learning_rate=rates.__getitem__, max_norm=0.01)
    losses = [loss for _, loss in taken]
    batches = ShuffledBatches(len(dataset.train), 5, 9)
    for loss, rate in zip(losses, rates):
        batch = dataset.train[next(batches)]
        optimizer_by_hand.lr = rate
        expected, norm = train_step(by_hand, optimizer_by_hand, batch.tokens, batch.targets, batch.mask, max_norm=0.01)
        assert loss == expected and norm > 0.01
    np.testing.assert_array_equal(model.parameters.flat, by_hand.parameters.flat)


def test_what_stands_behind_the_last_counted_position_is_not_read_and_changes_nothing(dataset):
    train = dataset.train
    ends = train.mask.argmax(axis=1)  # (n,)
    assert len(set(ends)) > 1  # rows of several lengths, so that shorter ones are padded
    assert ends.max() == train.tokens.shape[1] - 1  # all read: the training that it is compared with
    longer = {
        name: np.pad(getattr(train, name), [(0, 0), (0, 4)], constant_values=fill)
        for name, fill in (("tokens", 1), ("targets", 0), ("mask", False), ("start", 0))
    }
    padded = replace(train, **longer)  # further tokens, for which the model has no positions
    trained = []
    for split in (train, padded):
        training = small_training(dataset)
        list(take_steps(training, split, 3, len(train), 0, learning_rate=lambda step: 1e-2))
        trained.append(training[0].parameters.flat)
    np.testing.assert_array_equal(*trained)


def test_a_batch_of_short_rows_is_cut_to_the_longest_of_them(dataset, monkeypatch):
    train = dataset.train
    shortest = np.flatnonzero(train.separator == train.separator.min())
    seen = []

    def step(model, optimizer, tokens, targets, mask, max_norm, start, objective):
        seen.append((tokens, targets, mask, start))
        return 0.0, 0.0

    monkeypatch.setattr("minicluster.training.step.train_step", step)
    list(training_steps(*small_training(dataset), train, 1, iter([shortest]), learning_rate=lambda step: 1e-2))
    length = train.separator.min() + 2  # separator and input
    assert length < train.tokens.shape[1]
    for found, name in zip(seen[0], ("tokens", "targets", "mask", "start")):
        np.testing.assert_array_equal(found, getattr(train, name)[shortest, :length])


def test_start_reaches_the_model(dataset, training):
    model, optimizer = training
    batch = dataset.train[:4]
    start = np.broadcast_to(np.arange(dataset.context_length), batch.tokens.shape)
    expected = cross_entropy(model.forward(batch.tokens, start)[0], batch.targets, batch.mask)[0]
    assert expected != cross_entropy(model.forward(batch.tokens)[0], batch.targets, batch.mask)[0]
    loss, _ = train_step(model, optimizer, batch.tokens, batch.targets, batch.mask, start=start)
    assert loss == pytest.approx(expected, rel=1e-6)  # float32


def test_the_loop_trains_with_the_start_of_its_rows():
    narrow = make_instruction_dataset(
        2, 2, 3, n_instructions=4, n_unseen_instructions=2, n_held_out_inputs=1, bottleneck=True
    )
    rows = np.array([9, 2, 5, 14])  # not the first ones, whose separators are elsewhere
    model, optimizer = small_training(narrow)
    batch, by_hand = narrow.train[rows], small_training(narrow)[0]
    expected = cross_entropy(by_hand.forward(batch.tokens, batch.start)[0], batch.targets, batch.mask)[0]
    ((_, loss),) = training_steps(model, optimizer, narrow.train, 1, iter([rows]), learning_rate=lambda step: 1e-2)
    # float32 of several operations, which the backends round differently
    assert loss == pytest.approx(expected, rel=1e-6)
    seeing_all = cross_entropy(by_hand.forward(batch.tokens)[0], batch.targets, batch.mask)[0]
    assert loss != pytest.approx(seeing_all, rel=1e-5)


def test_an_infinite_gradient_updates_nothing(dataset, training):
    model, optimizer = training
    change_cross_entropy(model, lambda loss, dlogits: (loss, dlogits * np.inf))
    batch, before = dataset.train[:8], model.parameters.flat.copy()
    with np.errstate(all="ignore"):
        loss, norm = train_step(model, optimizer, batch.tokens, batch.targets, batch.mask)
    assert np.isfinite(loss) and not np.isfinite(norm)
    np.testing.assert_array_equal(model.parameters.flat, before)
    assert optimizer.steps == 0


def test_a_wrong_max_norm_is_named_whatever_the_loss(dataset, training):
    model, optimizer = training
    model.parameters["wte.weight"][:] = np.nan
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="max_norm = 0, expected a number above 0"):
        train_step(model, optimizer, dataset.train.tokens, dataset.train.targets, dataset.train.mask, max_norm=0)


def test_a_loss_that_is_nan_updates_nothing_even_if_the_gradient_is_finite(dataset, training):
    model, optimizer = training
    batch, before = dataset.train[:8], model.parameters.flat.copy()
    change_cross_entropy(model, lambda loss, dlogits: (np.nan, dlogits))
    loss, norm = train_step(model, optimizer, batch.tokens, batch.targets, batch.mask)
    assert np.isnan(loss) and np.isfinite(norm)
    np.testing.assert_array_equal(model.parameters.flat, before)
    assert optimizer.steps == 0


def test_an_infinite_gradient_ends_the_training_even_at_its_first_step(dataset, training):
    model, optimizer = training
    change_cross_entropy(model, lambda loss, dlogits: (loss, dlogits * np.inf))
    taken = take_steps((model, optimizer), dataset.train, 3, 8, 0, learning_rate=lambda step: 0.1)
    with pytest.raises(TrainingDiverged, match="it was the first step") as caught:
        next(taken)
    assert (caught.value.step, caught.value.last_finite_loss) == (1, None)


# What is minimised --------------------------------------------------------------------------------


def test_by_default_it_is_the_answers_cross_entropy(dataset, training):
    model, _ = training
    batch, by_hand = dataset.train[:8], small_training(dataset)[0]
    start = np.minimum(1, np.arange(batch.tokens.shape[1])) * np.ones((8, 1), np.int64)  # all but the first see no 0
    for given in (None, start):
        loss, gradients = answer_objective(model, batch.tokens, batch.targets, batch.mask, given)
        logits, cache = by_hand.forward(batch.tokens, given)
        expected, dlogits = cross_entropy(logits, batch.targets, batch.mask)
        # float32, 6e-8 a rounding: the backends sum in other orders, and small gradients are differences of larger ones.
        assert loss == pytest.approx(expected, rel=1e-6)
        np.testing.assert_allclose(gradients.flat, by_hand.backward(dlogits, cache).flat, rtol=1e-3, atol=1e-7)
    counting_all = answer_objective(model, batch.tokens, batch.targets)[0]
    expected = cross_entropy(by_hand.forward(batch.tokens)[0], batch.targets)[0]
    assert counting_all == pytest.approx(expected, rel=1e-6) != loss


def test_a_step_minimises_the_objective_that_it_is_given(dataset, training):
    model, optimizer = training[0], AdamW(training[0].parameters, lr=1e-2, weight_decay=0)
    batch, seen = dataset.train[:8], []

    def objective(given_model, tokens, targets, mask, start):
        assert given_model.parameters is model.parameters
        seen.append((tokens, targets, mask, start))
        gradients = given_model.parameters.zeros_like()
        gradients["h.0.mlp.c_fc.bias"][3] = -5
        return np.float32(7.5), gradients

    before = model.parameters.flat.copy()
    arguments = (batch.tokens, batch.targets, batch.mask)
    found = train_step(model, optimizer, *arguments, max_norm=2.0, start=batch.start, objective=objective)
    assert found == (7.5, 5.0) and type(found[0]) is float
    for given, expected in zip(seen[0], (*arguments, batch.start)):
        np.testing.assert_array_equal(given, expected)
    rose = model.parameters.flat != before
    assert np.count_nonzero(rose) == 1
    assert model.parameters["h.0.mlp.c_fc.bias"][3] == pytest.approx(1e-2)  # Adam's first step has the size lr
    assert optimizer.mean["h.0.mlp.c_fc.bias"][3] == pytest.approx(-0.2)  # a tenth of the clipped gradient


def test_each_step_has_an_objective_of_its_own_number_and_rows(dataset):
    model, optimizer = small_training(dataset)
    batches = [np.array([4, 1]), np.array([0, 7]), np.array([3, 3])]
    asked, used = [], []

    def objective_of(step, rows):
        asked.append((step, rows.tolist()))

        def objective(model, tokens, targets, mask, start):
            used.append((step, tokens))
            return 10.0 + step, model.parameters.zeros_like()

        return objective

    taken = training_steps(
        model, optimizer, dataset.train, 3, iter(batches), learning_rate=lambda step: 0.0, objective_of=objective_of
    )
    assert list(taken) == [(1, 11.0), (2, 12.0), (3, 13.0)]
    assert asked == [(1, [4, 1]), (2, [0, 7]), (3, [3, 3])]
    for (step, tokens), rows in zip(used, batches):
        np.testing.assert_array_equal(tokens, dataset.train.tokens[rows, : tokens.shape[1]])
    assert [step for step, _ in used] == [1, 2, 3]


def test_a_training_that_goes_on_asks_for_the_steps_to_come(dataset):
    model, optimizer = small_training(dataset)
    asked = []

    def objective_of(step, rows):
        asked.append(step)
        return answer_objective

    for steps in (2, 4):
        options = {"objective_of": objective_of, "learning_rate": lambda step: 1e-2}
        list(training_steps(model, optimizer, dataset.train, steps, iter([np.arange(4)] * 2), **options))
    assert asked == [1, 2, 3, 4]


def test_the_answers_objective_at_each_step_is_a_plain_training(dataset):
    trained = []
    for objective_of in (None, lambda step, rows: answer_objective):
        training = small_training(dataset)
        options = {"objective_of": objective_of, "learning_rate": lambda step: 1e-2}
        losses = [loss for _, loss in take_steps(training, dataset.train, 4, 8, 0, **options)]
        trained.append((losses, training[0].parameters.flat.tolist()))
    assert trained[0] == trained[1]
