from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_results import TINY

from minicluster.experiments import prepare, refusing
from minicluster.experiments.refusing import (
    build_guard,
    distances,
    examples_to_refuse,
    refusals,
    refusing_steps,
    separating_threshold,
)
from minicluster.nn import Transformer, extend_vocabulary
from minicluster.training import TrainingDiverged, answer


@pytest.fixture(scope="module")
def setup():
    return prepare(TINY, 0, backend="numpy")


def taught(setup, examples, steps=1, **more):
    """Return the batches (tokens, targets, mask) that `refusing_steps` trains on, and the model afterwards."""
    model, seen = extend_vocabulary(setup.model), []
    original = refusing.training_steps

    def spy(model, optimizer, split, steps, batches, **more):
        def watched():
            for rows in batches:
                seen.append(split[rows])
                yield rows

        yield from original(model, optimizer, split, steps, watched(), **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refusing, "training_steps", spy)
        losses = list(refusing_steps(model, setup.dataset.train, examples, steps, **{"seed": 0, **more}))
    return seen, losses, model


# Examples ------------------------------------------------------------------------------------------


def test_examples_are_different_rows_of_the_distribution_and_fewer_come_first(setup):
    train = setup.dataset.train
    rows = np.flatnonzero(train.distribution == 3)
    every = examples_to_refuse(train, 3, len(rows), np.random.default_rng(5))
    assert sorted(every) == rows.tolist() != every.tolist()
    for n in (1, 4):
        few = examples_to_refuse(train, 3, n, np.random.default_rng(5))
        assert few.tolist() == every[:n].tolist()
    others = [examples_to_refuse(train, 3, 1, np.random.default_rng(draw))[0] for draw in range(20)]
    assert len(set(others)) > 1


def test_too_many_or_too_few_examples_are_refused(setup):
    rows = (setup.dataset.train.distribution == 3).sum()
    message = f"n = {rows + 1}, expected at most {rows}, the rows of distribution 3"
    with pytest.raises(ValueError, match=message):
        examples_to_refuse(setup.dataset.train, 3, rows + 1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="n = 0, expected at least 1"):
        examples_to_refuse(setup.dataset.train, 3, 0, np.random.default_rng(0))


# Fine-tuning ---------------------------------------------------------------------------------------


def test_a_batch_has_examples_to_refuse_and_other_tasks_right_answers(setup):
    train, token = setup.dataset.train, len(setup.dataset.vocabulary)
    examples = examples_to_refuse(train, 2, 3, np.random.default_rng(0))  # of task 1
    batches, _, _ = taught(setup, examples, steps=30, batch_size=8, share=0.25)
    shown = {(train.instruction[row], train.input[row]) for row in examples}
    refused_rows, replayed_rows = set(), set()
    for batch in batches:
        assert len(batch) == 8
        refused, replayed = batch[:2], batch[2:]
        refused_rows |= set(zip(refused.instruction, refused.input))
        assert (refused.targets[refused.mask] == token).all() and (refused.distribution == 2).all()
        replayed_rows |= set(zip(replayed.instruction, replayed.input))
        assert (replayed.task != 1).all()
        right = setup.dataset.outputs[replayed.task, replayed.input]
        assert (replayed.targets[replayed.mask] == right).all()
    assert refused_rows == shown
    assert len(replayed_rows) > 40  # of some 50 rows, drawn 180 times
    tasks = {row.task for batch in batches for row in [batch[i] for i in range(2, 8)]}
    assert tasks == {0, 2}


def test_draws_are_by_the_seed(setup):
    examples = examples_to_refuse(setup.dataset.train, 0, 4, np.random.default_rng(0))
    first, losses, _ = taught(setup, examples, seed=[1, 2], steps=2)
    again, same_losses, _ = taught(setup, examples, seed=[1, 2], steps=2)
    other, _, _ = taught(setup, examples, seed=[1, 3], steps=2)
    assert losses == same_losses and [step for step, _ in losses] == [1, 2]
    np.testing.assert_array_equal(first[1].tokens, again[1].tokens)
    assert (first[1].tokens != other[1].tokens).any()
    assert len(first[0]) == refusing.BATCH_SIZE
    assert (first[0].distribution == 0).sum() == refusing.BATCH_SIZE / 2
    assert (first[0].tokens != first[1].tokens).any()


def test_the_examples_are_learned_and_the_train_split_stays_as_it_is(setup):
    train, token = setup.dataset.train, len(setup.dataset.vocabulary)
    digest = setup.dataset.digest()
    before = setup.model.parameters.flat.copy()
    examples = examples_to_refuse(train, 4, 3, np.random.default_rng(0))
    _, losses, model = taught(setup, examples, steps=60, lr=1e-2, batch_size=16)
    assert losses[-1][1] < losses[0][1] / 2
    assert answer(model, refusals(train[examples], token))[1].all()
    assert setup.dataset.digest() == digest
    np.testing.assert_array_equal(setup.model.parameters.flat, before)


def test_the_rate_is_the_same_at_every_step(setup):
    rates = []

    def steps(model, optimizer, split, steps, batches, *, learning_rate, objective_of):
        rates.extend(learning_rate(step) for step in range(steps))
        rates.append((optimizer.lr, optimizer.weight_decay))
        yield steps, 0.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refusing, "training_steps", steps)
        list(refusing_steps(extend_vocabulary(setup.model), setup.dataset.train, [0], 3, 0))
    assert rates == [3e-4, 3e-4, 3e-4, (3e-4, 0)]


def test_every_counted_token_becomes_the_refusal_and_no_other(setup):
    split = setup.dataset.unseen_combination[:5]
    refused = refusals(split, 99)
    assert (refused.targets[split.mask] == 99).all() and split.mask.any(axis=1).all()
    np.testing.assert_array_equal(refused.targets[~split.mask], split.targets[~split.mask])
    np.testing.assert_array_equal(refused.tokens, split.tokens)


@pytest.mark.parametrize(
    ("layers", "blocks", "others"),
    [((1, 2), ["h.1."], ["ln_f."]), ((0, 1), ["h.0."], []), ((0, 2), ["h.0.", "h.1."], ["ln_f."]), ((1, 1), [], [])],
)
@pytest.mark.parametrize("tied", [True, False])
def test_what_does_not_learn_stays_to_the_last_digit(setup, layers, blocks, others, tied):
    config = replace(setup.model.config, tie_embeddings=tied)
    before = extend_vocabulary(Transformer(config, seed=1, backend="numpy"))
    model = extend_vocabulary(Transformer(config, seed=1, backend="numpy"))
    list(refusing_steps(model, setup.dataset.train, [0, 1], 2, 0, layers=layers, batch_size=8))
    count = 0
    for name, old in before.parameters.items():
        new = model.parameters[name]
        if name.startswith((*blocks, *others)):
            assert (new != old).any(), name
            count += old.size
        elif name == ("wte.weight" if tied else "lm_head.weight"):
            np.testing.assert_array_equal(new[:-1], old[:-1])
            assert (new[-1] != old[-1]).all()
            count += old.shape[1] * (1 if tied else 2)
        else:
            np.testing.assert_array_equal(new, old)
    assert refusing.n_learning(model, layers) == count
    assert refusing.n_learning(model, None) == model.parameters.flat.size


def test_by_default_all_parameters_learn(setup):
    model = extend_vocabulary(setup.model)
    before = {name: old.copy() for name, old in model.parameters.items()}
    list(refusing_steps(model, setup.dataset.train, [0, 1], 2, 0, batch_size=8))
    assert all((model.parameters[name] != old).any() for name, old in before.items())


@pytest.mark.parametrize("share", [0.0, 0.01, 0.99, 1.0])
def test_a_batch_needs_both_kinds(setup, share):
    with pytest.raises(ValueError, match=f"share = {share}, expected a part of 8 rows"):
        next(refusing_steps(setup.model, setup.dataset.train, [0], 1, 0, share=share, batch_size=8))


def test_examples_of_two_tasks_are_refused(setup):
    rows = [np.flatnonzero(setup.dataset.train.task == task)[0] for task in (0, 2)]
    with pytest.raises(ValueError, match="examples are of 2 tasks, expected rows of one"):
        next(refusing_steps(setup.model, setup.dataset.train, rows, 1, 0))


def test_a_fine_tuning_that_diverges_says_so(setup):
    model = extend_vocabulary(setup.model)
    with pytest.raises(TrainingDiverged):
        list(refusing_steps(model, setup.dataset.train, [0], 5, 0, lr=1e30))


# The guard -----------------------------------------------------------------------------------------

CORNERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def blobs(rng, n=20, width=1.0):
    """Return states (3 n, 2) around three corners, and the corner of each."""
    corner = np.repeat(np.arange(3), n)
    return CORNERS[corner] + width * rng.uniform(-1, 1, (3 * n, 2)), corner


def test_it_refuses_the_cluster_that_most_examples_lie_in():
    states, corner = blobs(np.random.default_rng(0))
    examples = CORNERS[[1, 1, 2]] + 0.5
    guard = build_guard(states, examples, 3)
    np.testing.assert_allclose(guard.centre, states[corner == 1].mean(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(guard.refuses(states), corner == 1)
    new, new_corner = blobs(np.random.default_rng(1))
    np.testing.assert_array_equal(guard.refuses(new), new_corner == 1)
    far = np.array([[30.0, -10.0]])  # nearer to this cluster than to any other, and in none
    assert not guard.refuses(far)[0]
    for draw in range(10):  # wherever k-means begins, and also by itself
        other = build_guard(states, examples[:1], 3, restarts=3, seed=draw)
        np.testing.assert_allclose(other.centre, guard.centre, rtol=1e-12)
        assert other.threshold == pytest.approx(guard.threshold, rel=1e-12)


def test_the_examples_choose_the_cluster_and_nothing_else():
    states, corner = blobs(np.random.default_rng(0))
    one, other = (build_guard(states, examples, 3) for examples in (CORNERS[[2]], CORNERS[[2, 2, 0]] + 4.0))
    np.testing.assert_array_equal(one.centre, other.centre)
    assert one.threshold == other.threshold
    members = distances(states, one.centre)[corner == 2].max()
    strangers = distances(states, one.centre)[corner != 2].min()
    assert one.threshold == pytest.approx((members + strangers) / 2, rel=1e-12)


def test_distances_by_hand():
    assert distances(np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([0.0, 0.0])).tolist() == [5, 0]
    guard = refusing.Guard(np.array([0.0, 0.0]), 5.0)
    assert guard.refuses(np.array([[3.0, 4.0], [3.0, 4.1]])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("distance", "member", "threshold"),
    [
        ([1, 2, 6, 7], [1, 1, 0, 0], 4),  # apart: in the middle of the gap
        ([7, 2, 6, 1], [0, 1, 0, 1], 4),  # in any order
        ([1, 2, 4, 8, 9], [1, 0, 1, 0, 0], 6),  # one stranger within: better than one member without two
        ([1, 3, 4, 9], [1, 0, 1, 0], 6.5),  # behind 1 and behind 4 three are right: the wider gap
        ([1, 6, 7, 9], [1, 0, 1, 0], 3.5),
        ([1, 4, 4, 8], [1, 1, 0, 0], 6),  # equal distances can't be told apart
        ([1, 2], [1, 1], np.inf),
        ([3, 3], [1, 0], 3),
    ],
)
def test_thresholds_by_hand(distance, member, threshold):
    assert separating_threshold(np.array(distance, float), np.array(member, bool)) == threshold


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=12))
def test_no_threshold_between_two_distances_does_better(pairs):
    distance, member = np.array([d for d, _ in pairs], float), np.array([m for _, m in pairs])

    def right(threshold):
        return ((distance <= threshold) == member).sum()

    different = np.unique(distance)
    between = (different[:-1] + different[1:]) / 2
    found = separating_threshold(distance, member)
    if member.all():
        assert found == np.inf
    elif len(between):
        best = max(right(threshold) for threshold in between)
        assert right(found) == best
        widths = {mid: width for mid, width in zip(between, np.diff(different))}
        assert found in widths
        assert widths[found] == max(width for mid, width in widths.items() if right(mid) == best)
