from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from made_up_model import reading
from made_up_results import TINY, Silent, changed, moves, results_of, unseen_run

from minicluster.experiments import unseen
from minicluster.experiments.measure import measure_end
from minicluster.experiments.patching import random_steps
from minicluster.experiments.trial import train
from minicluster.files import json_text

N_FRESH = 60


@pytest.fixture(autouse=True)
def few_strings(monkeypatch):
    monkeypatch.setattr(unseen, "N_FRESH", N_FRESH)


def fault(trained, letters="abc"):
    """Let the model take strings that end in some letters for the next task's; return whether it does."""
    own = trained.model.task_of
    trained.model.place = lambda string: (own(string) + string.endswith(tuple(letters))) % 3
    return lambda strings: np.array([str(string).endswith(tuple(letters)) for string in strings])


def test_there_are_two_trainings():
    found = unseen.trainings(TINY)
    assert {name: own.bottleneck for name, own in found.items()} == {"plain": False, "bottleneck": True}
    assert all(own.n_recordings == 2 and own.steps == TINY.steps for own in found.values())


# Fresh strings ------------------------------------------------------------------------------------


def test_fresh_rows_are_of_new_strings_with_the_inputs_of_their_patterns_and_each_once():
    dataset = reading(TINY).dataset
    rows, string = unseen.fresh_rows(dataset, np.random.default_rng(0))
    assert not set(rows.instruction) & set(dataset.train.instruction)
    trained = set(zip(dataset.train.distribution.tolist(), dataset.train.input.tolist()))
    pairs = list(zip(rows.instruction.tolist(), rows.input.tolist()))
    assert len(set(pairs)) == len(pairs)
    expected = {
        (text, x)
        for text, distribution in zip(rows.instruction.tolist(), rows.distribution.tolist())
        for x in range(4)
        if (distribution, x) in trained
    }
    assert set(pairs) == expected and len(expected) == 3 * len(set(rows.instruction))  # one of four is held out
    assert 10 < len(set(rows.instruction)) < N_FRESH  # some were drawn more than once
    assert set(string) == set(range(len(set(rows.instruction))))
    assert len(set(zip(string.tolist(), rows.instruction.tolist()))) == string.max() + 1  # a number for each string


def test_distances_to_centroids_by_hand():
    found = unseen.to_centroids(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[3.0, 4.0], [0.0, 1.0], [3.0, 0.0]]))
    np.testing.assert_allclose(found, [[5, 1, 3], [0, np.sqrt(18), 4]], rtol=1e-15)  # rounding of a root


# Margins ------------------------------------------------------------------------------------------


def margins_of(tasks, distances, accuracy, edits, lengths, monkeypatch):
    strings = SimpleNamespace(
        task=np.array(tasks), instruction=np.array(["x"] * len(tasks)), separator=np.array(lengths),
        distribution=np.zeros(len(tasks), int),
    )  # fmt: skip
    strings = type("Strings", (), {**vars(strings), "__len__": lambda self: len(tasks)})()
    known = SimpleNamespace(instruction=np.array(["a", "b"]))
    monkeypatch.setattr(unseen, "edit_distances", lambda own, others: np.stack([edits, np.add(edits, 2)], axis=1))
    trained = SimpleNamespace(strings={"train": known})
    return unseen.margins(trained, strings, np.array(distances, float), np.array(accuracy), np.random.default_rng(0))


def test_margins_by_hand(monkeypatch):
    tasks, distances = [0, 0, 1, 1, 2, 2], [
        [0, 2, 5],  # (2 - 0) / 2 = 1
        [1, 9, 3],  # (3 - 1) / 4 = .5: the nearest of the others counts
        [1, 3, 9],  # (1 - 3) / 4 = -.5
        [2, 2, 9],  # 0
        [9, 4, 1],  # (4 - 1) / 5 = .6
        [3, 9, 2],  # .2
    ]  # fmt: skip
    accuracy, edits = [1.0, 0.9, 0.1, 0.3, 0.8, 0.5], [1, 1, 3, 2, 1, 2]
    found = margins_of(tasks, distances, accuracy, edits, [6, 7, 8, 6, 7, 8], monkeypatch)
    assert found["edges"] == [-1, 0, 0.2, 0.4, 0.6, 0.8, 1]
    assert found["n"] == [1, 1, 1, 1, 1, 1]  # a bin begins with its lower edge; 1 is in the last one
    assert found["accuracy"] == [0.1, 0.3, 0.5, 0.9, 0.8, 1.0]
    # Ranks of margins (6, 4, 1, 2, 5, 3), of accuracy (6, 5, 1, 2, 4, 3): 1 - 6 * 2 / (6 * 35).
    assert found["rank_correlation"] == pytest.approx(1 - 12 / 210, rel=1e-12)  # a few roundings
    # Edit distances to the nearest, ranks (2, 2, 6, 4.5, 2, 4.5), deviations (-1.5, -1.5, 2.5, 1, -1.5, 1), with those
    # of accuracy (2.5, 1.5, -2.5, -1.5, .5, -.5): products sum up to -15, squares to 15 and 17.5.
    assert found["edit_distance"] == pytest.approx(-15 / np.sqrt(15 * 17.5), rel=1e-12)


def test_a_shuffle_stays_within_its_groups_and_reaches_every_place_there():
    groups, rng = np.array([2, 0, 2, 0, 2, 1]), np.random.default_rng(0)
    orders = np.array([unseen.shuffled_within(groups, rng) for _ in range(300)])
    for order in orders:
        np.testing.assert_array_equal(groups[order], groups)
        assert sorted(order.tolist()) == list(range(6))
    assert len({tuple(order) for order in orders.tolist()}) == 2 * 6  # all orders of two and of three
    assert set(orders[:, 0].tolist()) == {0, 2, 4} and set(orders[:, 5].tolist()) == {5}


def test_the_bar_is_that_of_accuracies_without_any_relation_and_well_placed_strings_are_told_apart(monkeypatch):
    rng, n = np.random.default_rng(1), 200
    margin = rng.uniform(-0.5, 0.9, n)
    distances = np.stack([1 - margin, 1 + margin], axis=1)  # (other - own) / 2 is the margin
    edits, lengths = rng.integers(1, 5, n), rng.integers(6, 9, n)
    found = margins_of([0] * n, distances, margin + 1, edits, lengths, monkeypatch)
    assert found["partial"] > 0.99 and found["well_placed"] == pytest.approx(1, rel=1e-12)  # a few roundings
    # Without a relation a correlation of 200 ranks has a standard deviation of 1 / sqrt(199); 1.645 of them is the 95th
    # percentile, of which 500 draws leave a tenth undetermined.
    assert found["shuffled_bar"] == pytest.approx(1.645 / np.sqrt(199), rel=0.3)


def test_margins_in_a_bin_are_averaged_and_empty_bins_have_no_accuracy(monkeypatch):
    found = margins_of([0, 0, 0], [[1, 3]] * 2 + [[3, 1]], [1.0, 0.5, 0.25], [1, 2, 3], [6, 6, 7], monkeypatch)
    assert found["n"] == [1, 0, 0, 2, 0, 0]
    assert found["accuracy"] == [0.25, None, None, 0.75, None, None]


def test_what_edit_distance_or_length_tells_is_taken_out_of_the_margin(monkeypatch):
    rng = np.random.default_rng(0)
    n = 12
    order = rng.permutation(n)  # ranks of accuracy
    distances = np.stack([1 + order.argsort().argsort()[::-1], np.full(n, 30)], axis=1)

    def partial(edits, lengths, accuracy):
        return margins_of([0] * n, distances, accuracy, edits, lengths, monkeypatch)

    margin_rank = np.argsort(np.argsort(-distances[:, 0]))
    noise = rng.permutation(n)
    own = partial(noise, rng.permutation(n), margin_rank)
    assert own["rank_correlation"] == pytest.approx(1, rel=1e-12)  # a few roundings
    assert own["partial"] == pytest.approx(1, rel=1e-9)
    assert partial(-margin_rank + 20, noise, margin_rank)["partial"] is None  # the edit distance tells all
    assert partial(noise, 6 + margin_rank, margin_rank)["partial"] is None  # so does the length
    assert partial(noise, rng.permutation(n), np.ones(n))["rank_correlation"] is None


# Moved states -------------------------------------------------------------------------------------


def moved(trained, rows, nearest, seed=0):
    return unseen.moved_states(trained, rows, np.asarray(nearest), np.random.default_rng(seed))


def test_a_misplaced_string_is_rescued_where_the_separator_is_read_and_not_where_it_is_not():
    for reads in ("separator", "letters"):
        trained = reading(TINY, reads=reads)
        at_fault = fault(trained)
        rows = trained.dataset.train[at_fault(trained.dataset.train.instruction)]
        assert len(rows) > 5
        effects, change = moved(trained, rows, (rows.task + 1) % 3)
        assert effects["n_rows"] == len(rows) and change == 0
        back = reads == "separator"
        # Block 2 reads what block 1 leaves there: only what is moved after block 1 counts.
        assert effects["right"]["right"] == [0, int(back), 0]
        assert effects["right"]["none"] == effects["right"]["random"] == effects["right"]["other"] == [0, 0, 0]
        assert effects["followed"] == [0, int(back), 0]
        for layer, gain in enumerate(effects["gain"]):
            numbers = {g for pattern, g in enumerate(gain) if pattern in rows.distribution}
            assert numbers == {float(back and layer == 1)}
            assert {g for pattern, g in enumerate(gain) if pattern not in rows.distribution} <= {None}


def test_a_well_placed_string_is_harmed_where_the_separator_is_read_and_not_where_it_is_not():
    for reads in ("separator", "letters"):
        trained = reading(TINY, reads=reads)
        rows = trained.dataset.train[::3]
        effects, change = moved(trained, rows, rows.task)
        lost = int(reads == "separator")
        assert effects["right"]["other"] == [1, 1 - lost, 1]
        assert effects["right"]["none"] == effects["right"]["random"] == effects["right"]["right"] == [1, 1, 1]
        assert effects["followed"] == [0, lost, 0] and change == 0
        assert set(effects["gain"][1]) == {lost} and set(effects["gain"][2]) == {0.0}


@pytest.mark.parametrize("harm", [False, True])
def test_the_other_task_is_neither_the_own_nor_the_nearest_and_random_steps_are_as_long(harm, monkeypatch):
    trained = reading(TINY)
    at_fault = fault(trained)
    rows = trained.dataset.train[at_fault(trained.dataset.train.instruction) != harm]
    nearest = rows.task if harm else (rows.task + 1) % 3
    # Centroids at different distances, so that lengths tell which one was meant.
    far = np.arange(1, 4)[:, None] * trained.centroids(1)
    twin = SimpleNamespace(model=trained.model, dataset=trained.dataset, centroids=lambda layer: far)
    taken, excluded = [], []

    def step(states, lengths, rng):
        taken.append((states, lengths))
        return random_steps(states, lengths, rng)

    def others(own, n_tasks, rng, not_these):
        excluded.append((own, not_these))
        return np.array([next(t for t in (2, 1, 0) if t not in pair) for pair in zip(own, not_these)])

    monkeypatch.setattr(unseen, "random_steps", step)
    monkeypatch.setattr(unseen, "other_tasks", others)
    unseen.moved_states(twin, rows, nearest, np.random.default_rng(0))
    ((own, second),) = excluded
    np.testing.assert_array_equal(own, rows.task)
    np.testing.assert_array_equal(second, nearest)
    goals = np.array([next(t for t in (2, 1, 0) if t not in pair) for pair in zip(own, second)]) if harm else rows.task
    for states, lengths in taken:
        np.testing.assert_allclose(lengths, np.linalg.norm(far[goals] - states, axis=1), rtol=1e-12)  # the same sums
    assert len(taken) == 3


def test_a_harm_is_what_the_goal_costs_beyond_a_random_step(monkeypatch):
    trained = reading(TINY, reads="separator")
    rows = trained.dataset.train[~fault(trained)(trained.dataset.train.instruction)]

    def ruinous(states, lengths, rng):
        """Random steps that change every answer, as the step to another centroid does."""
        return trained.centroids(1).astype(states.dtype)[(rows.task + 1) % 3]

    gentle, _ = moved(trained, rows, rows.task)
    monkeypatch.setattr(unseen, "random_steps", ruinous)
    effects, _ = moved(trained, rows, rows.task)
    assert {g for g in gentle["gain"][1] if g is not None} == {1}
    assert effects["right"]["random"][1] == effects["right"]["other"][1] == 0
    assert {g for g in effects["gain"][1] if g is not None} == {0}


def test_without_rows_nothing_is_moved():
    trained = reading(TINY)
    assert moved(trained, trained.dataset.train[:0], []) == (None, 0.0)


# The whole ----------------------------------------------------------------------------------------


def test_a_model_that_reads_the_separator_is_measured_as_one():
    trained = reading(TINY)
    at_fault = fault(trained)
    measured = unseen.measure(trained)
    rng = np.random.default_rng([0, unseen.FRESH_STREAM])
    rows, _ = unseen.fresh_rows(trained.dataset, rng)
    strings = np.unique(rows.instruction)
    assert measured["n_strings"] == len(strings)
    assert measured["n_misplaced"] == at_fault(strings).sum()
    # Own or other centroid: margins are 1 or -1 but for the few training strings that the centroids are taken from.
    margin = measured["margin"]
    assert margin["n"][0] == measured["n_misplaced"] and sum(margin["n"]) == len(strings)
    assert margin["accuracy"][0] == 0 and {own for own in margin["accuracy"][1:] if own is not None} == {1.0}
    assert margin["rank_correlation"] > 0.9
    assert measured["rescue"]["right"]["right"] == [0, 1, 0] and measured["harm"]["right"]["other"] == [1, 0, 1]
    assert measured["rescue"]["n_rows"] == at_fault(rows.instruction).sum()  # all inputs of a misplaced string
    assert measured["harm"]["n_rows"] == (~at_fault(rows.instruction)).sum()
    assert measured["last_layer"] == 0
    new = ~at_fault(trained.strings["unseen_instruction"].instruction)
    assert measured["landing"]["centroid"][1:] == [1, 1]  # recorded before the model was at fault
    assert new.any()
    assert measured.items() >= measure_end(trained).items()
    json_text(measured)


def test_no_more_than_some_well_placed_strings_are_harmed(monkeypatch):
    monkeypatch.setattr(unseen, "N_HARMED", 4)
    measured = unseen.measure(reading(TINY))
    assert measured["harm"]["n_rows"] == 4 * 3 and measured["rescue"] is None and measured["n_misplaced"] == 0


def test_landing_is_judged_by_neighbours_and_by_centroids():
    trained = reading(TINY)
    new, last = trained.strings["unseen_instruction"], trained.recordings[-1].states
    wrong = np.zeros(len(new), bool)
    wrong[::3] = True
    corner = trained.centroids(1)
    last["unseen_instruction"][1] = corner[np.where(wrong, (new.task + 1) % 3, new.task)]
    found = unseen.landing_by_layer(trained)
    share = 1 - wrong.mean()
    assert found["centroid"][1] == found["nearest_5"][1] == pytest.approx(share, rel=1e-12)  # a mean
    assert found["centroid"][2] == found["nearest_5"][2] == 1
    assert found["centroid"][0] == pytest.approx(1 / 3, rel=1e-12)  # all the same: the first task's
    by_pattern = unseen._cross_pattern_by_pattern(trained, 1)
    expected = [1 - wrong[new.distribution == d].mean() for d in range(6)]
    np.testing.assert_allclose(by_pattern, expected, rtol=1e-12)  # likewise


def test_five_neighbours_vote_and_the_centroid_may_say_otherwise():
    trained = reading(TINY)
    known, new = trained.strings["train"], trained.strings["unseen_instruction"]
    last = trained.recordings[-1].states
    x = np.zeros((36, 400))
    x[:, 0] = 100 * known.task
    x[np.flatnonzero(known.task == 1)[:3], 0] = 1  # three of task 1 among those of task 0
    last["train"][1] = x
    unseen_states = np.zeros((len(new), 400))
    unseen_states[:, 0] = 1
    last["unseen_instruction"][1] = unseen_states
    found = unseen.landing_by_layer(trained)
    # Three of five are of task 1, and two of task 0.
    assert found["nearest_5"][1] == pytest.approx((new.task == 1).mean(), rel=1e-12)
    assert found["centroid"][1] == pytest.approx((new.task == 0).mean(), rel=1e-12)


def test_a_neighbour_of_the_same_pattern_does_not_count():
    trained = reading(TINY)
    known, new = trained.strings["train"], trained.strings["unseen_instruction"]
    last = trained.recordings[-1].states
    # Each pattern by itself; its next pattern, of another task, is nearer than the other one of its own.
    place = np.array([0, 30, 1, 40, 31, 41])
    for name, rows in (("train", known), ("unseen_instruction", new)):
        last[name][1] = np.zeros((len(rows), 400))
        last[name][1][:, 0] = place[rows.distribution]
    assert unseen._cross_pattern_by_pattern(trained, 1) == [0.0] * 6
    assert unseen.landing_by_layer(trained)["nearest_5"][1] == 1


@pytest.mark.parametrize("bottleneck", [False, True])
def test_a_real_training_has_the_form_of_the_made_up_run_and_its_last_separator_is_read_by_nothing(bottleneck):
    measured = unseen.measure(train(replace(TINY, bottleneck=bottleneck), 0, "numpy", Silent))
    expected = unseen_run()["plain"]
    assert measured.keys() == expected.keys() and measured["margin"].keys() == expected["margin"].keys()
    for kind in ("rescue", "harm"):
        assert measured[kind].keys() == expected[kind].keys()
        assert measured[kind]["right"].keys() == expected[kind]["right"].keys()
        for own in measured[kind]["right"].values():
            assert len(own) == 3 and own[2] == measured[kind]["right"]["none"][2]
        assert len(measured[kind]["gain"]) == 3 and len(measured[kind]["gain"][0]) == 6
    assert measured["last_layer"] == 0
    assert sum(measured["margin"]["n"]) == measured["n_strings"]
    assert len(measured["cross_pattern_by_pattern"]) == 6
    json_text(measured)


# Verdicts -----------------------------------------------------------------------------------------


def verdicts(*runs):
    return [verdict["holds"] for verdict in unseen.summarise(list(runs))["verdicts"]]


def test_a_good_run_holds():
    found = unseen.summarise([unseen_run(), unseen_run(1)])
    assert [verdict["holds"] for verdict in found["verdicts"]] == [True] * 5
    landing, partial, rescue, harm, unread = found["verdicts"]
    assert unread["values"] == [0, 0]
    assert landing["median"] == 0.95 and 0.9 <= landing["interval"][0] < landing["interval"][1] <= 1
    assert {name: own["median"] for name, own in landing["controls"].items()} == {
        "untrained": 0.07, "bag of letters": 0.15, "chance": 0.077
    }  # fmt: skip
    assert partial["median"] == 0.2 and partial["controls"]["rank correlation of edit distance"]["median"] == -0.3
    # Means of two patterns' gains, a third having none; a rounding each.
    assert rescue["median"] == harm["median"] == pytest.approx(0.7, rel=1e-12)
    (control,) = rescue["controls"].values()
    assert control["median"] == pytest.approx(0.04, rel=1e-12)
    (control,) = harm["controls"].values()
    assert control["median"] == pytest.approx(0.07, rel=1e-12)
    # Of two patterns with a gain of .6 and .8 at the middle layer.
    np.testing.assert_allclose(rescue["interval"], [0.6, 0.8], rtol=1e-12)  # a mean of equal numbers


@pytest.mark.parametrize(
    ("path", "value", "which"),
    [
        (("plain", "cross_pattern_1nn", "unseen_instruction", 1), 0.79, 0),
        (("plain", "untrained", "cross_pattern_1nn", "unseen_instruction", 1), 0.95, 0),
        (("plain", "bag_of_letters", "cross_pattern_1nn", "unseen_instruction"), 0.95, 0),
        (("plain", "chance_1nn"), 0.95, 0),
        (("plain", "margin", "partial"), 0.05, 1),
        (("plain", "margin", "shuffled_bar"), 0.2, 1),
        (("bottleneck", "rescue"), moves(0.95, 0.1, 0.35, 0.8, 0.29), 2),
        (("bottleneck", "harm"), moves(0.99, 0.05, 0.93, 0.85, 0.29), 3),
        (("bottleneck", "last_layer"), 1e-30, 4),
        (("plain", "last_layer"), 1e-30, 4),
    ],
)
def test_each_part_of_a_rule_can_decide(path, value, which):
    run = changed(unseen_run(), path, value)
    found = verdicts(run)
    assert found.pop(which) is False
    assert found == [True] * 4
    assert verdicts(unseen_run(), run)[which] is False  # one seed is enough


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("plain", "cross_pattern_1nn", "unseen_instruction", 1), 0.8),
        (("plain", "cross_pattern_1nn", "unseen_instruction", 2), 0.1),  # another layer
        (("bottleneck", "cross_pattern_1nn", "unseen_instruction", 1), 0.1),  # another training
        (("plain", "margin", "partial"), 0.051),
        (("bottleneck", "margin", "shuffled_bar"), 0.9),
        (("bottleneck", "n_misplaced"), 3),
        (("plain", "accuracy", "train"), 0.95),
        (("bottleneck", "margin", "partial"), -0.5),
        (("bottleneck", "rescue"), moves(0.1, 0.1, 0.9, 0.1, 0.31)),  # what counts is the mean of patterns
        (("bottleneck", "harm"), moves(0.5, 0.9, 0.1, 0.1, 0.31)),
        (("plain", "rescue"), moves(0.4, 0.4, 0.4, 0.4)),
    ],
)
def test_what_is_at_the_bounds_or_not_of_the_rule_holds(path, value):
    assert verdicts(changed(unseen_run(), path, value)) == [True] * 5


@pytest.mark.parametrize(
    ("path", "value", "which"),
    [
        (("plain", "accuracy", "train"), 0.949, (0, 1)),
        (("bottleneck", "accuracy", "train"), 0.949, (2, 3)),
        (("bottleneck", "n_misplaced"), 2, (2,)),
    ],
)
def test_a_model_that_has_not_learned_and_a_few_strings_are_not_judged(path, value, which):
    run = changed(unseen_run(), path, value)
    assert verdicts(run) == [None if at in which else True for at in range(5)]


@pytest.mark.parametrize(
    ("path", "which"),
    [(("plain", "margin", "partial"), 1), (("bottleneck", "rescue"), 2), (("bottleneck", "harm"), 3)],
)
def test_what_could_not_be_measured_is_not_judged(path, which):
    run = changed(unseen_run(), path, None)
    expected = [True] * 5
    expected[which] = None
    assert verdicts(run) == verdicts(unseen_run(), run) == expected
    found = unseen.summarise([run])
    assert found["verdicts"][which]["median"] is None
    if which > 1:
        assert found["verdicts"][which]["interval"] is None
        assert found["moves"]["bottleneck"][path[1]]["right"][1] == {"median": None, "low": None, "high": None}
    json_text(results_of("unseen", run))


def test_medians_are_taken_over_seeds_at_each_layer():
    other = changed(unseen_run(1), ("plain", "landing", "nearest_5"), [0.3, 0.7, 0.75])
    other = changed(other, ("plain", "margin", "accuracy"), [0.1, 0.5, 0.8, 0.9, 0.95, 1.0])
    other = changed(other, ("bottleneck", "last_layer"), 0.5)
    found = unseen.summarise([unseen_run(), other])
    assert [n["median"] for n in found["landing"]["nearest_5"]] == pytest.approx([0.2, 0.8, 0.85], rel=1e-12)
    assert [n["median"] for n in found["landing"]["centroid"]] == [0.1, 0.88, 0.93]
    assert [n["median"] for n in found["landing"]["cross_pattern_1nn"]] == [0.08, 0.95, 0.96]
    assert [n["median"] for n in found["margin"]["accuracy"]][:2] == [0.2, 0.5]  # of those that have one
    assert found["moves"]["bottleneck"]["rescue"]["followed"][1]["median"] == 0.8
    assert found["moves"]["plain"]["harm"]["random"][0]["median"] == 0.87
    assert found["verdicts"][4]["values"] == [0, 0.5]


def test_the_table_has_a_row_for_each_move_that_was_made():
    run = changed(unseen_run(3), ("plain", "rescue"), None)
    header, rows = unseen.table(results_of("unseen", run))
    assert len(rows) == (1 + 2) * 3 * 4 + 2 * 6 and {len(row) for row in rows} == {len(header)}
    at = {(row[1], row[2], *row[6:8]): row for row in rows}
    assert at["bottleneck", 1, "harm", "other"] == (3, "bottleneck", 1, 0.95, 0.9, 0.88, "harm", "other", 0.05, 0.85)
    assert at["bottleneck", 1, "harm", "none"][-1] is None
    assert at["plain", 1, "margin", "-1 to 0"][6:] == ("margin", "-1 to 0", 0.3, None)
    assert at["plain", 1, "margin", "0 to 0.2"][8] is None
    assert not any(key[0] == "plain" and key[2] == "rescue" for key in at)
