from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_results import TINY, Silent

from minicluster.cluster import adjusted_rand_score
from minicluster.experiments import GeographySettings, Settings, ShapedSettings, prepare, shaping
from minicluster.experiments.run import Training
from minicluster.experiments.shaping import batches_and_objective, pair_chains, partner_rows, right_tasks, told_groups
from minicluster.experiments.trial import train
from minicluster.training import GroupLoss, PairedBatches, Shaping, ShuffledBatches, pair_loss

SMALL = ShapedSettings(**asdict(TINY))
DEFAULT = ShapedSettings()


def told(n_tasks, n_distributions, n_right, dealt, seed=0):
    """The groups (n_tasks, n_distributions) that a data set of so many tasks would be told."""
    groups = told_groups(setup_of(n_tasks, n_distributions, n_right, dealt, seed))
    assert groups.shape == (n_tasks * n_distributions,) and groups.dtype == np.int64
    return groups.reshape(n_tasks, n_distributions)


def setup_of(n_tasks, n_distributions, n_right, dealt, seed):
    dataset = SimpleNamespace(n_tasks=n_tasks, n_distributions=n_distributions)
    settings = SimpleNamespace(n_right=n_right, dealt=dealt, shaping="groups")
    return SimpleNamespace(settings=settings, dataset=dataset, seed=seed)


# Groups -------------------------------------------------------------------------------------------

SIZES = {"n_tasks": st.integers(2, 12), "n_distributions": st.integers(2, 6), "seed": st.integers(0, 2**32)}


@given(**SIZES, dealt=st.booleans(), data=st.data())
def test_groups_are_right_for_so_many_tasks(n_tasks, n_distributions, seed, dealt, data):
    n_right = data.draw(st.integers(0, n_tasks) | st.none())
    groups = told(n_tasks, n_distributions, n_right, dealt, seed)
    right = right_tasks(setup_of(n_tasks, n_distributions, n_right, dealt, seed))
    assert len(right) == (n_tasks if n_right is None else n_right) and right == sorted(set(right))
    for task in right:
        assert (groups[task] == task).all()
    others = np.setdiff1d(np.arange(n_tasks), right)
    assert not np.isin(groups[others], right).any()
    if dealt:  # among themselves, into groups of the same size
        numbers, counts = np.unique(groups[others], return_counts=True)
        assert numbers.tolist() == others.tolist() and (counts == n_distributions).all()
    else:
        assert len(np.unique(groups[others])) == groups[others].size and (groups[others] >= n_tasks).all()


def test_groups_follow_from_the_seed():
    for dealt in (True, False):
        drawn = [told(10, 4, 5, dealt, seed).tolist() for seed in (0, 0, 1, 2)]
        assert drawn[0] == drawn[1] and drawn[1] != drawn[2] != drawn[3]


def test_which_tasks_are_right_is_drawn_too():
    right = np.zeros(10)
    for seed in range(300):
        right += (told(10, 4, 3, True, seed) == np.arange(10)[:, None]).all(axis=1)
    # A share of .3 scatters by sqrt(.3 * .7 / 300) = .026; 5 of these.
    assert np.abs(right / 300 - 0.3).max() < 0.13


def test_any_two_patterns_may_be_dealt_together_those_of_a_task_no_more_often():
    together = np.zeros((40, 40))
    for seed in range(400):
        groups = told(10, 4, 0, True, seed).ravel()
        together += groups[:, None] == groups
    share = together[~np.eye(40, dtype=bool)] / 400
    # Each has 3 companions among 39: a share of .077, which scatters by sqrt(.077 * .923 / 400) = .013; 5 of these.
    assert np.abs(share - 3 / 39).max() < 0.067


def test_only_a_training_of_groups_is_told_tasks():
    for shaping in (None, "pairs"):
        assert right_tasks(prepare(replace(SMALL, shaping=shaping), 0, backend="numpy")) == []
    assert right_tasks(prepare(replace(SMALL, shaping="groups"), 0, backend="numpy")) == [0, 1, 2]


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
    assert {name: array.shape for name, array in shaping.state_loss.reader.items()} == {"weight": (8, 7), "bias": (7,)}


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


def test_after_a_stage_of_pairs_batches_are_those_of_the_plain_training():
    settings = replace(SMALL, shaping="pairs", shaping_steps=3)
    setup = prepare(settings, 4, backend="numpy")
    batches, shaping = batches_and_objective(setup)
    paired = batches_and_objective(prepare(replace(settings, shaping_steps=0), 4, backend="numpy"))[0]
    plain = ShuffledBatches(len(setup.dataset.train), 8, [4, 1])
    np.testing.assert_array_equal(next_rows(batches, 3), next_rows(paired, 3))
    np.testing.assert_array_equal(next_rows(batches), next_rows(plain))
    assert shaping.alone == 3


def test_chains_follow_pairs_both_ways(monkeypatch):
    # Strings a, b of task 0 and c, d, e, f of task 1: a and b are each other's, c and e point to d, d to f, f to d.
    task = np.array([0, 0, 1, 1, 1, 1, 0])
    split = SimpleNamespace(instruction=np.array([*"abcdefa"]), task=task, unique_instructions=lambda: np.arange(6))
    partner = {"a": "b", "b": "a", "c": "d", "d": "f", "e": "d", "f": "d"}
    rows = [np.flatnonzero(split.instruction == partner[string]) for string in split.instruction]
    monkeypatch.setattr(shaping, "partner_rows", lambda *about: rows)
    setup = SimpleNamespace(dataset=SimpleNamespace(train=split), seed=0)
    assert pair_chains(setup) == {"n": 2, "ari": 1.0}
    rows[2] = np.flatnonzero(split.instruction == "a")  # c goes elsewhere
    found = pair_chains(setup)
    assert found["n"] == 2 and found["ari"] == adjusted_rand_score(task[:6], [0, 0, 0, 1, 1, 1])
    rows[4] = np.flatnonzero(split.instruction == "c")  # and e after it: from e to c to a
    assert pair_chains(setup)["ari"] == adjusted_rand_score(task[:6], [0, 0, 0, 1, 0, 1])


def test_chains_are_those_of_the_partners_that_are_trained():
    setup = prepare(replace(SMALL, shaping="pairs"), 4, backend="numpy")
    train, partners = setup.dataset.train, partner_rows(setup.dataset.train, np.random.default_rng([4, 7]))
    links = {(train.instruction[row], train.instruction[rows[0]]) for row, rows in enumerate(partners)}
    pieces = {string: {string} for string in train.instruction}
    for first, second in links:  # join the pieces of both
        joined = pieces[first] | pieces[second]
        pieces.update(dict.fromkeys(joined, joined))
    assert pair_chains(setup)["n"] == len({frozenset(piece) for piece in pieces.values()})


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
    for n_right in (3, 0):  # all told by their task, or each pattern by itself
        trained = train(replace(settings, n_right=n_right), 0, "numpy", Silent)
        states, task = trained.recordings[-1].states["train"][1], trained.strings["train"].task
        pattern = trained.strings["train"].distribution
        distances = ((states[:, None] - states) ** 2).sum(axis=-1)
        distances[pattern[:, None] == pattern] = np.inf
        share_of_nearest[n_right] = (task[distances.argmin(axis=1)] == task).mean()
    assert share_of_nearest[3] > 0.9 and share_of_nearest[0] < 0.2  # at random it would be one in five


def test_by_default_the_numbers_are_those_of_the_main_job():
    assert asdict(Settings()).items() <= asdict(DEFAULT).items()


@pytest.mark.parametrize("kind", ["groups", "pairs"])
def test_a_shaped_training_has_no_checkpoints(kind):
    training = Training(prepare(replace(SMALL, shaping=kind), 0, backend="numpy"))
    with pytest.raises(ValueError, match="has no checkpoints, expected shaping = None"):
        training.checkpoint()
    assert Training(prepare(SMALL, 0, backend="numpy")).checkpoint().step == 0
