import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.nn import AdamW, Transformer, TransformerConfig, contrastive_loss, cross_entropy, group_loss
from minicluster.tasks import make_geography_dataset, make_instruction_dataset
from minicluster.training import (
    GroupLoss,
    Shaping,
    TrainingDiverged,
    answer_objective,
    pair_loss,
    train_step,
    training_steps,
)

LAYERS, WIDTH = 3, 8
ROWS = np.array([25, 3, 11, 31, 60])  # of three lengths, so that their separators stand at three places


@pytest.fixture(scope="module")
def dataset():
    return make_instruction_dataset(3, 2, 4, n_instructions=5, n_unseen_instructions=2, n_held_out_inputs=1)


@pytest.fixture(scope="module")
def train(dataset):
    assert len(set(dataset.train.separator[ROWS])) > 2
    return dataset.train


@pytest.fixture
def model(dataset):
    return model_of(dataset)


def model_of(dataset, dtype=np.float64, backend="numpy"):
    config = TransformerConfig(len(dataset.vocabulary), dataset.context_length, WIDTH, LAYERS, 2)
    return Transformer(config, seed=1, dtype=dtype, backend=backend)


class Pull:
    """A loss of its own: the states' product with fixed numbers, a row for each row of the split."""

    def __init__(self, n, seed=0):
        self.numbers = np.random.default_rng(seed).standard_normal((n, WIDTH))
        self.seen = []

    def __call__(self, states, rows):
        self.seen.append((states.copy(), rows.copy()))
        return float((states * self.numbers[rows]).sum()), self.numbers[rows]


def batch_of(split, rows):
    return split.tokens[rows], split.targets[rows], split.mask[rows], split.start[rows]


def states_of(model, split, rows, layer):
    """The states (B, C) at the separators, found in another way."""
    states = model.hidden_states(split.tokens[rows], split.start[rows])[layer]  # (B, T, C)
    return np.stack([states[b, split.separator[row]] for b, row in enumerate(rows)])


def answers_of(model, split, rows):
    """Loss and gradients of the answers alone."""
    tokens, targets, mask, start = batch_of(split, rows)
    logits, cache = model.forward(tokens, start)
    loss, dlogits = cross_entropy(logits, targets, mask)
    return loss, model.backward(dlogits, cache).flat


def pulled(model, split, rows, layer, numbers):
    """Gradients of `Pull` alone, one row after the other: a batch is their sum."""
    flat = 0
    for row in rows:
        logits, cache = model.forward(split.tokens[[row]], split.start[[row]])
        dstates = np.zeros((1, split.tokens.shape[1], WIDTH))
        dstates[0, split.separator[row]] = numbers[row]
        flat = flat + model.backward(np.zeros_like(logits), cache, {layer: dstates}).flat
    return flat


def assert_near(gradients, expected):
    np.testing.assert_allclose(gradients, expected, rtol=0, atol=1e-12 * np.abs(expected).max())  # sums in other orders


# What a step minimises ----------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_both_losses_at_every_step(model, train, layer, weight):
    pull = Pull(len(train))
    shaping = Shaping(train, layer, pull, weight)
    answers_loss, answers_gradients = answers_of(model, train, ROWS)
    states = states_of(model, train, ROWS, layer)
    expected = answers_gradients + weight * pulled(model, train, ROWS, layer, pull.numbers)
    for step in (1, 2, 1000):
        loss, gradients = shaping(step, ROWS)(model, *batch_of(train, ROWS))
        own = sum(float(state @ pull.numbers[row]) for state, row in zip(states, ROWS))
        assert math.isclose(loss, answers_loss + weight * own, rel_tol=1e-12)  # sums in another order
        assert_near(gradients.flat, expected)
    for seen, rows in pull.seen:
        np.testing.assert_array_equal(seen, states)
        np.testing.assert_array_equal(rows, ROWS)
    assert len(pull.seen) == 3


def test_the_states_alone_then_the_answers_alone(model, train):
    pull = Pull(len(train))
    shaping = Shaping(train, 2, pull, weight=0.5, alone=3)
    for step in (1, 3):
        loss, gradients = shaping(step, ROWS)(model, *batch_of(train, ROWS))
        expected = sum(float(state @ pull.numbers[row]) for state, row in zip(states_of(model, train, ROWS, 2), ROWS))
        assert math.isclose(loss, 0.5 * expected, rel_tol=1e-12)  # sums in another order
        assert_near(gradients.flat, 0.5 * pulled(model, train, ROWS, 2, pull.numbers))
        assert not gradients["ln_f.weight"].any() and not gradients["h.2.mlp.c_proj.bias"].any()  # above layer 2
    for step in (4, 5):
        assert shaping(step, ROWS) is answer_objective
        loss, gradients = shaping(step, ROWS)(model, *batch_of(train, ROWS))
        expected, expected_gradients = answers_of(model, train, ROWS)
        assert loss == expected
        np.testing.assert_array_equal(gradients.flat, expected_gradients)
    assert len(pull.seen) == 2


@pytest.mark.parametrize("layer", [1, 3])
def test_only_the_separators_state_of_that_layer_gets_a_gradient(model, train, layer, monkeypatch):
    given = []
    backward = Transformer.backward

    def watched(self, dlogits, cache, dstates=None):
        given.append(dstates)
        return backward(self, dlogits, cache, dstates)

    monkeypatch.setattr(Transformer, "backward", watched)
    pull = Pull(len(train))
    Shaping(train, layer, pull, weight=3.0)(1, ROWS)(model, *batch_of(train, ROWS))
    (dstates,) = given
    assert list(dstates) == [layer]
    expected = np.zeros((len(ROWS), train.tokens.shape[1], WIDTH))
    for b, row in enumerate(ROWS):
        expected[b, train.tokens[row].tolist().index(1)] = 3 * pull.numbers[row]  # 1 is the separator
    np.testing.assert_array_equal(dstates[layer], expected)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_step_is_the_sum_of_both_gradients_clipped(dataset, train, backend):
    model, by_hand = (model_of(dataset, backend=name) for name in (backend, "numpy"))
    pull = Pull(len(train))
    tokens, targets, mask, start = batch_of(train, ROWS)
    before = by_hand.parameters.flat.copy()
    loss, norm = train_step(
        model, AdamW(model.parameters, lr=0.1, eps=1.0), tokens, targets, mask, 0.5, start,
        objective=Shaping(train, 2, pull)(1, ROWS),
    )  # fmt: skip
    answers_loss, gradients = answers_of(by_hand, train, ROWS)
    gradients = gradients + pulled(by_hand, train, ROWS, 2, pull.numbers)
    own = float((states_of(by_hand, train, ROWS, 2) * pull.numbers[ROWS]).sum())
    assert math.isclose(loss, answers_loss + own, rel_tol=1e-10)  # backends add up in other orders
    assert math.isclose(norm, np.linalg.norm(gradients), rel_tol=1e-10) and norm > 0.5
    scaled = by_hand.parameters.zeros_like()
    scaled.flat = gradients * 0.5 / norm
    AdamW(by_hand.parameters, lr=0.1, eps=1.0).step(scaled)
    np.testing.assert_allclose(model.parameters.flat, by_hand.parameters.flat, rtol=0, atol=1e-11)  # likewise
    assert (by_hand.parameters.flat != before).any()


def test_in_a_bottleneck_the_start_of_each_row_is_passed_on(model):
    narrow = make_instruction_dataset(
        3, 2, 4, n_instructions=5, n_unseen_instructions=2, n_held_out_inputs=1, bottleneck=True
    ).train
    seeing_all = replace(narrow, start=0 * narrow.start)
    loss, _ = Shaping(narrow, 1, lambda states, rows: (0.0, 0 * states))(1, ROWS)(model, *batch_of(narrow, ROWS))
    assert loss == answers_of(model, narrow, ROWS)[0] != answers_of(model, seeing_all, ROWS)[0]


def test_a_training_is_shaped_step_by_step_with_its_own_rows(dataset, train):
    model, by_hand = model_of(dataset), model_of(dataset)
    optimizer, optimizer_by_hand = AdamW(model.parameters), AdamW(by_hand.parameters)
    shaping, again = (Shaping(train, 2, GroupLoss(train.task, 3, WIDTH), alone=2) for _ in range(2))
    short = np.flatnonzero(train.separator == train.separator.min())[:5]  # its columns are cut
    batches = [ROWS, short, ROWS[::-1], short[::-1]]
    taken = training_steps(
        model, optimizer, train, 4, iter(batches), learning_rate=lambda step: 0.1, objective_of=shaping
    )
    for (step, loss), rows in zip(taken, batches):
        read = slice(train.separator[rows].max() + 2)
        batch = (array[:, read] for array in batch_of(train, rows))
        tokens, targets, mask, start = batch
        optimizer_by_hand.lr = 0.1
        expected, _ = train_step(
            by_hand, optimizer_by_hand, tokens, targets, mask, start=start, objective=again(step, rows)
        )
        assert loss == expected
    np.testing.assert_array_equal(model.parameters.flat, by_hand.parameters.flat)


def test_a_loss_on_states_that_is_nan_ends_the_training(dataset, train):
    model = model_of(dataset)
    shaping = Shaping(train, 2, lambda states, rows: (math.nan, 0 * states))
    taken = training_steps(
        model, AdamW(model.parameters), train, 3, iter([ROWS] * 3), learning_rate=lambda step: 0.1, objective_of=shaping
    )
    before = model.parameters.flat.copy()
    with pytest.raises(TrainingDiverged, match="at step 1"):
        next(taken)
    np.testing.assert_array_equal(model.parameters.flat, before)


def test_real_places_have_separators_too():
    for inside in (False, True):
        places = make_geography_dataset(
            n_places=30, n_instructions=3, n_unseen_instructions=2, n_places_each=5, inside=inside
        )
        Shaping(places.train, 1, pair_loss)  # raises if one is not read


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"layer": 0}, ValueError, "layer = 0, expected at least 1"),
        ({"layer": 1.5}, TypeError, "layer = 1.5, expected a whole number"),
        ({"weight": 0}, ValueError, "weight = 0, expected a finite number above 0"),
        ({"weight": math.nan}, ValueError, "weight = nan, expected a finite number above 0"),
        ({"alone": -1}, ValueError, "alone = -1, expected at least 0"),
        ({"alone": 2.0}, TypeError, "alone = 2.0, expected a whole number"),
    ],
)
def test_a_shaping_that_can_not_be_is_named(train, changes, error, message):
    with pytest.raises(error) as caught:
        Shaping(**{"split": train, "layer": 1, "state_loss": pair_loss} | changes)
    assert str(caught.value) == message


def test_a_layer_that_the_model_lacks_is_named(model, train):
    objective = Shaping(train, LAYERS + 1, pair_loss)(1, ROWS)
    with pytest.raises(ValueError, match="layer = 4, expected at most 3, the number of blocks"):
        objective(model, *batch_of(train, ROWS))


@pytest.mark.parametrize("wrong", [-1, 9])
def test_a_separator_that_is_not_read_is_named(train, wrong):
    separator = train.separator.copy()
    separator[4] = wrong if wrong < 0 else train.lengths[4]
    message = rf"split.separator\[4\] = {separator[4]}, expected 0 to {train.lengths[4] - 1}: tokens that are read"
    with pytest.raises(ValueError, match=message):
        Shaping(replace(train, separator=separator), 1, pair_loss)
    separator[4] = train.lengths[4] - 1
    Shaping(replace(train, separator=separator), 1, pair_loss)


# Groups -------------------------------------------------------------------------------------------


def blobs(n_each, n_groups, rng):
    """States in clusters, and the group of each."""
    groups = np.tile(np.arange(n_groups), n_each)
    centres = 3 * rng.standard_normal((n_groups, WIDTH))
    return (centres[groups] + rng.standard_normal((len(groups), WIDTH))).astype(np.float32), groups


def test_a_reader_begins_with_nothing_and_learns():
    states, groups = blobs(20, 4, np.random.default_rng(0))
    loss_of, rows = GroupLoss(groups, 4, WIDTH), np.arange(80)
    losses = [float(loss_of(states, rows)[0]) for _ in range(100)]
    assert math.isclose(losses[0], math.log(4), rel_tol=1e-6)  # float32
    assert losses[-1] < 0.1 * losses[0]
    assert all(after < before for before, after in zip(losses, losses[1:]))  # one batch, small steps


def test_the_loss_and_gradient_are_those_of_the_reader_before_its_step():
    rng = np.random.default_rng(1)
    states, groups = blobs(3, 4, rng)
    loss_of, rows = GroupLoss(groups, 4, WIDTH, lr=0.05), np.array([7, 2, 9])
    by_hand = {name: array.copy() for name, array in loss_of.reader.items()}
    optimizer = AdamW(by_hand, lr=0.05)
    for _ in range(3):
        loss, dstates = loss_of(states[rows], rows)
        expected, gradients = group_loss(states[rows], groups[rows], by_hand["weight"], by_hand["bias"])
        assert loss == expected
        np.testing.assert_array_equal(dstates, gradients.pop("x"))
        optimizer.step(gradients)
        for name, array in by_hand.items():
            np.testing.assert_allclose(loss_of.reader[name], array, rtol=1e-6, atol=1e-8)  # float32, in another order
    assert loss_of.reader["weight"].any() and loss_of.reader["bias"].any()


def test_groups_are_those_of_the_rows():
    states, groups = np.ones((2, WIDTH), np.float32), [0, 1, 2, 2]
    for rows, group in (([0, 0], 0), ([1, 1], 1), ([2, 3], 2)):
        loss_of = GroupLoss(groups, 3, WIDTH)
        loss_of(states, np.array(rows))
        assert loss_of.reader["bias"].argmax() == group  # it has learned one thing


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_reader_learns_nothing_from_a_loss_that_is_not_finite(bad):
    loss_of = GroupLoss([0, 1], 2, WIDTH)
    loss_of(np.ones((2, WIDTH), np.float32), np.array([0, 1]))
    before = loss_of.reader.flat.copy()
    with np.errstate(all="ignore"):
        loss, _ = loss_of(np.full((2, WIDTH), bad, np.float32), np.array([0, 1]))
    assert not np.isfinite(loss) and loss_of.optimizer.steps == 1
    np.testing.assert_array_equal(loss_of.reader.flat, before)


def test_a_group_beyond_the_last_is_named():
    with pytest.raises(ValueError, match=r"groups\[1\] = 2, expected 0 to 1"):
        GroupLoss([0, 2, 1], 2, WIDTH)(np.ones((2, WIDTH), np.float32), np.array([0, 1]))


def test_shaping_by_groups_makes_groups_that_the_answers_say_nothing_of(dataset, train):
    model = model_of(dataset)
    groups = np.random.default_rng(0).integers(0, 2, len(dataset.patterns))[train.distribution]
    loss_of = GroupLoss(groups, 2, WIDTH)
    batches = (np.random.default_rng([0, step]).permutation(len(train))[:32] for step in range(60))
    losses = [
        loss
        for _, loss in training_steps(
            model, AdamW(model.parameters), train, 60, batches, learning_rate=lambda step: 1e-2,
            objective_of=Shaping(train, 2, loss_of, alone=60),
        )
    ]  # fmt: skip
    assert math.isclose(losses[0], math.log(2), rel_tol=1e-6)  # float32 of the reader
    assert losses[-1] < 0.3


# Pairs --------------------------------------------------------------------------------------------


@given(half=st.integers(1, 5), seed=st.integers(0, 99))
def test_each_half_stands_opposite_the_other(half, seed):
    states = np.random.default_rng(seed).standard_normal((2 * half, 3))
    rows = np.random.default_rng(seed).integers(0, 50, 2 * half)  # which rows they are changes nothing
    partner = [i + half if i < half else i - half for i in range(2 * half)]
    for ours, expected in zip(pair_loss(states, rows), contrastive_loss(states, partner)):
        np.testing.assert_array_equal(ours, expected)


def test_pairs_come_in_even_numbers():
    with pytest.raises(ValueError, match="rows has 3 entries, expected an even number: two halves of pairs"):
        pair_loss(np.eye(3), np.arange(3))


def test_shaping_by_pairs_brings_pairs_together(dataset, train):
    model = model_of(dataset)
    rows = np.concatenate([np.flatnonzero(train.task == task)[[0, -1]] for task in range(3)])[[0, 2, 4, 1, 3, 5]]
    taken = training_steps(
        model, AdamW(model.parameters), train, 60, iter([rows] * 60), learning_rate=lambda step: 1e-2,
        objective_of=Shaping(train, 2, pair_loss, alone=60),
    )  # fmt: skip
    losses = [loss for _, loss in taken]
    assert losses[-1] < 0.1 < losses[0]
    states = states_of(model, train, rows, 2)
    directions = states / np.linalg.norm(states, axis=1, keepdims=True)
    cosines = directions @ directions.T
    np.fill_diagonal(cosines, -1)
    np.testing.assert_array_equal(cosines.argmax(axis=1), [3, 4, 5, 0, 1, 2])
