from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_results import TINY, Silent

from minicluster.experiments import GeographySettings, Settings, ShapedSettings, prepare
from minicluster.experiments.shaping import batches_and_objective, partner_rows, told_groups
from minicluster.experiments.trial import train
from minicluster.training import GroupLoss, PairedBatches, Shaping, ShuffledBatches, pair_loss

SMALL = ShapedSettings(**asdict(TINY), n_right=3)
DEFAULT = ShapedSettings()


def told(n_tasks, n_distributions, n_right, seed=0):
    """The groups (n_tasks, n_distributions) that a data set of so many tasks would be told."""
    dataset = SimpleNamespace(n_tasks=n_tasks, n_distributions=n_distributions)
    groups = told_groups(SimpleNamespace(settings=SimpleNamespace(n_right=n_right), dataset=dataset, seed=seed))
    assert groups.shape == (n_tasks * n_distributions,) and groups.dtype == np.int64
    return groups.reshape(n_tasks, n_distributions)


# Groups -------------------------------------------------------------------------------------------


@given(n_tasks=st.integers(2, 12), n_distributions=st.integers(2, 6), seed=st.integers(0, 2**32), data=st.data())
def test_groups_are_right_for_so_many_tasks_and_dealt_for_the_others(n_tasks, n_distributions, seed, data):
    n_right = data.draw(st.integers(0, n_tasks - 2) | st.just(n_tasks))
    groups = told(n_tasks, n_distributions, n_right, seed)
    np.testing.assert_array_equal(np.bincount(groups.ravel(), minlength=n_tasks), n_distributions)  # each as large
    right = (groups == np.arange(n_tasks)[:, None]).all(axis=1)  # a task with its own number
    members = {group: np.nonzero(groups == group)[0] for group in range(n_tasks)}  # the task of each pattern in it
    dealt = n_tasks - n_right
    if dealt:
        wrong = np.flatnonzero(~right)
        assert right.sum() == n_right and set(groups[wrong].ravel()) == set(wrong)  # dealt among themselves
        together = -(-n_distributions // dealt)  # of a task's patterns, where they can't all be apart
        for group in wrong:
            _, counts = np.unique(members[group], return_counts=True)
            assert counts.max() == together
            assert len(counts) == min(n_distributions, dealt)
    else:
        assert right.all()


@pytest.mark.parametrize("n_right", [*range(9), 10])
def test_in_the_default_data_no_two_patterns_of_a_task_that_is_dealt_are_together(n_right):
    groups = told(10, 4, n_right)
    spread = [len(set(own)) for own in groups.tolist()]
    assert sorted(spread) == [1] * n_right + [min(4, 10 - n_right)] * (10 - n_right)


def test_groups_follow_from_the_seed():
    drawn = [told(10, 4, 5, seed).tolist() for seed in (0, 0, 1, 2)]
    assert drawn[0] == drawn[1] and drawn[1] != drawn[2] != drawn[3]


def test_which_tasks_are_right_is_drawn_too():
    right = np.zeros(10)
    for seed in range(300):
        groups = told(10, 4, 3, seed)
        right += (groups == np.arange(10)[:, None]).all(axis=1)
    # A share of .3 scatters by sqrt(.3 * .7 / 300) = .026; 5 of these.
    assert np.abs(right / 300 - 0.3).max() < 0.13


def test_any_two_patterns_of_different_tasks_may_come_together():
    together = np.zeros((40, 40))
    for seed in range(400):
        groups = told(10, 4, 0, seed).ravel()
        together += groups[:, None] == groups
    task = np.arange(40) // 4
    share = together[task[:, None] != task] / 400
    # Each has 3 companions among 36: a share of .083, which scatters by sqrt(.083 * .917 / 400) = .014; 5 of these.
    assert np.abs(share - 3 / 36).max() < 0.07
    # A pattern that is dealt may be dealt anywhere, its own task's number included.
    own = np.mean([told(10, 4, 0, seed) == np.arange(10)[:, None] for seed in range(400)])
    assert 0.05 < own < 0.15


def test_a_pattern_is_dealt_to_any_group():
    numbers = np.array([told(5, 2, 0, seed) for seed in range(500)])  # (seeds, tasks, patterns)
    share = np.stack([(numbers == group).mean(axis=0) for group in range(5)])  # (groups, tasks, patterns)
    # A share of .2 scatters by sqrt(.2 * .8 / 500) = .018; 5 of these.
    assert np.abs(share - 0.2).max() < 0.09


# Pairs --------------------------------------------------------------------------------------------


def assert_partners(split, partners):
    """Rows of one string of the same task and of another pattern, the same for all rows of a string."""
    assert len(partners) == len(split)
    partner_of = {}
    for row, rows in enumerate(partners):
        assert rows.dtype.kind == "i" and len(rows)
        first = rows[0]
        assert split.task[first] == split.task[row] and split.distribution[first] != split.distribution[row]
        of_string = (split.instruction == split.instruction[first]) & (split.distribution == split.distribution[first])
        np.testing.assert_array_equal(rows, np.flatnonzero(of_string))  # all its rows, whichever input they have
        string = split.distribution[row], split.instruction[row]
        assert partner_of.setdefault(string, first) == first
    return partner_of


def test_a_partner_is_a_string_of_the_same_task_and_of_another_pattern():
    split = prepare(TINY, 0, backend="numpy").dataset.train
    partner_of = assert_partners(split, partner_rows(split, np.random.default_rng(0)))
    assert len(partner_of) == 36


def test_rows_in_another_order_have_partners_too():
    split = prepare(replace(TINY, n_distributions=3), 1, backend="numpy").dataset.train
    split = split[np.random.default_rng(2).permutation(len(split))[:70]]
    assert_partners(split, partner_rows(split, np.random.default_rng(0)))


def test_a_string_that_two_patterns_make_is_a_string_of_each():
    split = prepare(replace(TINY, replaced=0.5), 0, backend="numpy").dataset.train
    instruction = split.instruction.copy()
    shared = instruction[0]
    instruction[split.instruction == split.instruction[split.task == 2][0]] = shared  # one of task 0, one of task 2
    split = replace(split, instruction=instruction)
    assert {0, 2} == set(split.task[instruction == shared])
    assert_partners(split, partner_rows(split, np.random.default_rng(0)))


def test_partners_are_drawn_from_all_that_fit_by_the_generator():
    split = prepare(replace(TINY, n_distributions=3), 0, backend="numpy").dataset.train
    runs = [[rows[0] for rows in partner_rows(split, np.random.default_rng(seed))] for seed in (0, 0, *range(1, 150))]
    assert runs[0] == runs[1] != runs[2]
    drawn = {int(run[0]) for run in runs}  # first rows of the partners of row 0
    strings = split[sorted(drawn)].instruction
    fitting = split.instruction[(split.task == 0) & (split.distribution != split.distribution[0])]
    # 12 strings: one is missed by 150 draws once in e^13.
    assert len(drawn) == 12 and set(strings) == set(fitting)


# What a training takes its batches and its objective from -------------------------------------------


def next_rows(batches, n=3):
    return np.stack([next(batches) for _ in range(n)])


@pytest.mark.parametrize("settings", [TINY, SMALL, replace(TINY, by_length=True), replace(SMALL, by_length=True)])
def test_without_shaping_batches_are_shuffled_rows_and_there_is_no_objective(settings):
    setup = prepare(settings, 4, backend="numpy")
    batches, objective_of = batches_and_objective(setup)
    train = setup.dataset.train
    expected = ShuffledBatches(len(train), 8, [4, 1], train.lengths if settings.by_length else None)
    assert objective_of is None and type(batches) is ShuffledBatches
    np.testing.assert_array_equal(next_rows(batches), next_rows(expected))


@pytest.mark.parametrize("by_length", [False, True])
def test_groups_come_with_the_same_batches(by_length):
    settings = replace(SMALL, shaping="groups", n_right=1, shaping_weight=0.5, shaping_steps=3, by_length=by_length)
    setup, plain = (prepare(s, 4, backend="numpy") for s in (settings, replace(TINY, by_length=by_length)))
    batches, shaping = batches_and_objective(setup)
    np.testing.assert_array_equal(next_rows(batches), next_rows(batches_and_objective(plain)[0]))
    assert type(shaping) is Shaping and type(shaping.state_loss) is GroupLoss
    assert (shaping.layer, shaping.weight, shaping.alone) == (1, 0.5, 3)
    train = setup.dataset.train
    np.testing.assert_array_equal(shaping.separator, train.separator)
    np.testing.assert_array_equal(shaping.state_loss.groups, told_groups(setup)[train.distribution])
    assert {name: array.shape for name, array in shaping.state_loss.reader.items()} == {"weight": (8, 3), "bias": (3,)}


@pytest.mark.parametrize("by_length", [False, True])
def test_pairs_come_with_batches_of_pairs(by_length):
    settings = replace(SMALL, shaping="pairs", n_layers=4, shaping_weight=2.0, by_length=by_length)
    setup = prepare(settings, 4, backend="numpy")
    batches, shaping = batches_and_objective(setup)
    assert type(shaping) is Shaping and shaping.state_loss is pair_loss
    assert (shaping.layer, shaping.weight, shaping.alone) == (2, 2.0, 0)
    assert type(batches) is PairedBatches
    train = setup.dataset.train
    rows = next_rows(batches, 12)
    firsts, opposite = rows[:, :4], rows[:, 4:]
    assert rows.shape == (12, 8)
    halves = ShuffledBatches(len(train), 4, [4, 1], train.lengths if by_length else None)
    np.testing.assert_array_equal(firsts, next_rows(halves, 12))
    assert (train.task[firsts] == train.task[opposite]).all()
    assert (train.distribution[firsts] != train.distribution[opposite]).all()
    assert (train.input[firsts] != train.input[opposite]).any()  # an own input each
    again = batches_and_objective(prepare(settings, 4, backend="numpy"))[0]
    np.testing.assert_array_equal(next_rows(again, 12), rows)
    partner_of = {}
    for first, other in zip(firsts.ravel(), opposite.ravel()):
        of_string = partner_of.setdefault(train.instruction[first], train.instruction[other])
        assert of_string == train.instruction[other]  # one for ever


def test_real_places_are_trained_as_before():
    settings = GeographySettings(n_places=30, n_instructions=3, n_unseen_instructions=2, n_places_each=5)
    setup = prepare(settings, 0, backend="numpy")
    batches, objective_of = batches_and_objective(setup)
    train = setup.dataset.train
    assert objective_of is None
    np.testing.assert_array_equal(next(batches), next(ShuffledBatches(len(train), 64, [0, 1], train.lengths)))


# Trainings ----------------------------------------------------------------------------------------


def test_shaped_settings_that_tell_nothing_train_bit_for_bit_as_settings():
    plain, shaped = (train(settings, 2, "numpy", Silent) for settings in (TINY, SMALL))
    np.testing.assert_array_equal(plain.model.parameters.flat, shaped.model.parameters.flat)
    assert [own.loss for own in plain.recordings] == [own.loss for own in shaped.recordings]


@pytest.mark.parametrize("kind", ["groups", "pairs"])
def test_a_shaped_training_is_another_one_and_the_same_again(kind):
    settings = replace(SMALL, shaping=kind)
    flats = [train(s, 2, "numpy", Silent).model.parameters.flat for s in (settings, settings, SMALL)]
    np.testing.assert_array_equal(flats[0], flats[1])
    assert (flats[0] != flats[2]).any() and np.isfinite(flats[0]).all()


@pytest.mark.parametrize("kind", ["groups", "pairs"])
def test_after_the_states_alone_the_answers_are_learned_alone(kind):
    settings = replace(SMALL, shaping=kind, shaping_steps=6)  # all of them
    alone, both, before = (train(s, 2, "numpy", Silent) for s in (
        settings, replace(settings, shaping_steps=0), replace(settings, shaping_steps=3)
    ))  # fmt: skip
    untrained = prepare(TINY, 2, backend="numpy").model
    for name in ("h.1.mlp.c_proj.bias", "ln_f.weight"):  # above the middle layer, 1 of 2
        np.testing.assert_array_equal(alone.model.parameters[name], untrained.parameters[name])
        assert (both.model.parameters[name] != untrained.parameters[name]).any()
        assert (before.model.parameters[name] != untrained.parameters[name]).any()


def test_told_the_tasks_the_states_cluster_by_task_and_told_others_they_do_not():
    settings = replace(
        SMALL, share=3, d_model=16, steps=150, batch_size=32, lr=1e-2, warmup=10, n_recordings=2, shaping="groups"
    )
    share_of_nearest = {}
    for n_right in (3, 0):
        trained = train(replace(settings, n_right=n_right), 0, "numpy", Silent)
        states, task = trained.recordings[-1].states["train"][1], trained.strings["train"].task
        pattern = trained.strings["train"].distribution
        distances = ((states[:, None] - states) ** 2).sum(axis=-1)
        distances[pattern[:, None] == pattern] = np.inf
        share_of_nearest[n_right] = (task[distances.argmin(axis=1)] == task).mean()
    assert share_of_nearest[3] > 0.9 and share_of_nearest[0] < 0.2  # at random it would be one in five


def test_by_default_the_numbers_are_those_of_the_main_job():
    assert asdict(Settings()).items() <= asdict(DEFAULT).items()
