from dataclasses import asdict, replace

import numpy as np
import pytest
from made_up_results import TINY, Silent, changed, pretraining_run, results_of

from minicluster.cluster import adjusted_rand_score
from minicluster.experiments import ShapedSettings, pretraining
from minicluster.experiments.measure import cluster, measure_end, neighbour_scores
from minicluster.experiments.trial import train
from minicluster.files import json_text
from minicluster.training import answer

SHAPED = ShapedSettings(**asdict(TINY))
NAMES = ["plain", "true tasks", "pseudo-tasks", "pattern names", "pairs", "pairs first", "bottleneck"]
NAMES += ["3 of 10 right", "6 of 10 right"]


def verdicts(*runs):
    return [verdict["holds"] for verdict in pretraining.summarise(list(runs))["verdicts"]]


def with_unseen(run, name, accuracy):
    return changed(run, (name, "accuracy", "unseen_combination"), accuracy)


def test_all_trainings_share_their_outputs_and_differ_in_one_thing():
    found = pretraining.trainings(ShapedSettings(n_recordings=5))
    assert list(found) == NAMES
    assert {own.share for own in found.values()} == {10} and {own.steps for own in found.values()} == {1000}
    plain = asdict(found["plain"])
    assert plain["shaping"] is None and not plain["bottleneck"]
    differs = {
        name: {key: value for key, value in asdict(own).items() if value != plain[key]} for name, own in found.items()
    }
    assert differs == {
        "plain": {},
        "true tasks": {"shaping": "groups"},
        "pseudo-tasks": {"shaping": "groups", "n_right": 0, "dealt": True},
        "pattern names": {"shaping": "groups", "n_right": 0},
        "pairs": {"shaping": "pairs"},
        "pairs first": {"shaping": "pairs", "shaping_steps": 300},
        "bottleneck": {"bottleneck": True},
        "3 of 10 right": {"shaping": "groups", "n_right": 3},
        "6 of 10 right": {"shaping": "groups", "n_right": 6},
    }


@pytest.fixture(scope="module")
def measured():
    """{name: (Trained, what was measured)} of trainings of a few steps."""
    found = {}
    for name, settings in pretraining.trainings(SHAPED).items():
        trained = train(settings, 3, "numpy", Silent)
        found[name] = trained, pretraining.measure(trained)
    return found


def test_what_is_measured_has_the_form_of_the_made_up_run(measured):
    for trained, own in measured.values():
        assert own.keys() == pretraining_run()["plain"].keys()
        assert own.items() >= measure_end(trained).items()
        assert own["steps"] == [recording.step for recording in trained.recordings]
        assert own["curves"]["train"] == [recording.accuracy["train"] for recording in trained.recordings]
        assert own["cost"] > 0
        json_text(own)


def test_accuracy_by_task_and_the_tasks_told_rightly(measured):
    for name, (trained, own) in measured.items():
        unseen = trained.dataset.unseen_combination
        _, right = answer(trained.model, unseen)
        assert own["by_task"] == [right[unseen.task == task].mean() for task in range(3)]
        assert len(own["right_tasks"]) == {"true tasks": 3, "1 of 3 right": 1}.get(name, 0)


def test_accuracy_by_task_tells_tasks_apart(measured, monkeypatch):
    trained, _ = measured["plain"]
    task = trained.dataset.unseen_combination.task
    first_of_1 = np.flatnonzero(task == 1)[0]

    def only_some(model, split):
        return np.zeros(len(split)), (split.task == 2) | (np.arange(len(split)) == first_of_1)

    monkeypatch.setattr(pretraining, "answer", only_some)
    assert pretraining.measure(trained)["by_task"] == [0, 1 / (task == 1).sum(), 1]


def test_nothing_is_said_of_a_point_that_is_never_reached(measured):
    _, own = measured["plain"]
    assert max(own["curves"]["train"]) < 0.95 and own["steps_to_95"] is None and own["at_95"] is None


def test_what_there_is_where_enough_is_first_answered(measured):
    trained, _ = measured["true tasks"]
    recordings = trained.recordings[-3:]
    steps = [recording.step for recording in recordings]
    curves = {"train": [0.2, 0.9, 1.0], "unseen_combination": [0.1, 0.3, 0.5]}
    found = pretraining._at_crossing(replace(trained, recordings=recordings), steps, curves, [0.1, 0.2, 0.3])
    assert found["step"] == steps[2] and found["unseen_combination"] == pytest.approx(0.4)  # half of the way, rounded
    states = (recordings[2].states[name][1] for name in ("train", "unseen_instruction"))
    assert found["ari"] == 0.3 and found["cross_pattern_1nn"] == neighbour_scores(trained.strings, *states)[1]
    curves["train"][1] = 0.95  # exactly there
    found = pretraining._at_crossing(replace(trained, recordings=recordings), steps, curves, [0.1, 0.2, 0.3])
    assert found["step"] == steps[1] and found["unseen_combination"] == pytest.approx(0.3) and found["ari"] == 0.2


def test_the_curve_of_clusters_ends_in_what_is_measured_at_the_end(measured):
    for trained, own in measured.values():
        assert len(own["ari_curve"]) == len(trained.recordings)
        assert own["ari_curve"][-1] == own["ari"]["train"][1]
        assert own["ari_curve"][0] == own["untrained"]["ari"]["train"][1]
        between = (trained.recordings[1].states[name][1] for name in ("train", "unseen_instruction"))
        labels, _ = cluster(trained.setup, *between)
        assert own["ari_curve"][1] == adjusted_rand_score(trained.strings["train"].task, labels)


def test_neighbours_by_task_add_up_to_those_of_all(measured):
    for trained, own in measured.values():
        task = trained.strings["unseen_instruction"].task
        every = sum(score * (task == number).sum() for number, score in enumerate(own["neighbours_by_task"]))
        # A mean of means, rounded.
        assert every / len(task) == pytest.approx(own["cross_pattern_1nn"]["unseen_instruction"][1], rel=1e-12)


def test_only_pairs_have_chains(measured):
    for name, (_, own) in measured.items():
        assert (own["chains"] is not None) == name.startswith("pairs")


@pytest.mark.parametrize(
    ("values", "level", "step"),
    [
        ([0.0, 0.5, 1.0], 0.75, 150),
        ([0.0, 0.5, 1.0], 0.5, 100),
        ([0.0, 0.4, 1.0], 0.1, 25),
        ([0.8, 0.9, 1.0], 0.7, 0),
        ([0.0, 0.5, 0.4], 0.51, None),
        ([0.0, 0.9, 0.1], 0.45, 50),  # the first time
    ],
)
def test_the_crossing_is_interpolated(values, level, step):
    found = pretraining.step_of_crossing([0, 100, 200], values, level)
    assert found == (None if step is None else pytest.approx(step, rel=1e-12))  # a few roundings


def test_a_good_run_holds():
    found = pretraining.summarise([pretraining_run(), pretraining_run(1)])
    assert [verdict["holds"] for verdict in found["verdicts"]] == [True] * 8
    true, pseudo, names, pairs, first, bottleneck, three, six = found["verdicts"]
    # Means and differences of two-digit numbers: approximate to a few roundings, here as below.
    assert true["values"] == pytest.approx([0.7, 0.7]) and pseudo["values"] == pytest.approx([0.05, 0.05])
    assert pairs["values"] == pytest.approx([0.6, 0.6]) and first["values"] == pytest.approx([0.3, 0.3])
    assert bottleneck["values"] == pytest.approx([0.4, 0.4])
    assert three["values"] == pytest.approx([0.65, 0.65]) and six["values"] == pytest.approx([0.68, 0.68])
    assert three["controls"]["lift of the others"]["median"] == pytest.approx(0.04)
    assert six["controls"]["cross-pattern 1-NN of the tasks grouped rightly"]["median"] == pytest.approx(0.9)
    assert six["controls"]["cross-pattern 1-NN of the others"]["median"] == pytest.approx(0.3)
    assert six["controls"]["accuracy of the others"]["median"] == pytest.approx(0.2)
    assert names["values"] == pytest.approx([0.02, 0.02])
    assert pairs["controls"]["ARI of the chains of pairs"]["median"] == 0.8
    assert true["controls"]["accuracy of the plain training"]["low"] == pytest.approx(0.2)
    assert true["controls"]["lift where each first answers 0.95 of train"]["median"] == pytest.approx(0.35)
    assert pairs["controls"]["ARI at layer 1"]["median"] == 0.4
    assert pairs["controls"]["ARI at layer 1, plain training"]["median"] == 0.2
    assert true["controls"]["ARI at layer 1"]["median"] == 0.98
    assert true["controls"]["ARI at layer 1, regrouping null"]["median"] == 0.3
    assert found["n_right"] == {"true tasks": 10, "pattern names": 0, "3 of 10 right": 3, "6 of 10 right": 6}
    assert found["within"]["3 of 10 right"]["others"]["median"] == pytest.approx(0.24)
    assert found["within"]["true tasks"]["others"]["median"] is None
    numbers = found["by_training"]["pairs"]
    assert numbers["ari"]["median"] == 0.4 and numbers["best_ari"]["median"] == 0.99
    assert numbers["cross_pattern_1nn"]["median"] == 0.95 and numbers["steps_to_95"]["median"] == 260
    assert numbers["at_95"]["unseen_combination"]["median"] == pytest.approx(0.4) and numbers["cost"]["median"] == 1.04
    assert numbers["at_95"]["ari"]["median"] == 0.2 and numbers["at_95"]["cross_pattern_1nn"]["median"] == 0.7


@pytest.mark.parametrize(
    ("name", "accuracy", "place", "holds"),
    [
        ("true tasks", 0.71, 0, True),
        ("true tasks", 0.69, 0, False),
        ("pseudo-tasks", 0.29, 1, True),
        ("pseudo-tasks", 0.31, 1, False),
        ("pattern names", 0.29, 2, True),
        ("pattern names", 0.31, 2, False),
        ("pairs", 0.51, 3, True),
        ("pairs", 0.49, 3, False),
        ("pairs first", 0.31, 4, True),
        ("pairs first", 0.29, 4, False),
        ("bottleneck", 0.41, 5, True),
        ("bottleneck", 0.39, 5, False),
    ],
)
def test_the_lift_over_the_plain_training_decides(name, accuracy, place, holds):
    run = with_unseen(pretraining_run(), name, accuracy)
    expected = [True] * 8
    expected[place] = holds
    assert verdicts(run) == expected
    assert verdicts(pretraining_run(), run) == expected  # one seed is enough to fail


@pytest.mark.parametrize(
    ("name", "task", "accuracy", "holds"),
    [
        ("3 of 10 right", 0, -0.1, True),  # of three told rightly: in the mean .53, .33 above the plain .2
        ("3 of 10 right", 1, -0.25, False),  # .48, .28 above
        ("plain", 0, 0.6, True),  # .33, so that .85 is .52 above
        ("plain", 1, 1.4, False),  # .6: the tasks are easy, and .85 is .25 above
        ("3 of 10 right", 9, 0.64, True),  # of seven others: in the mean .3, .1 above the plain .2
        ("3 of 10 right", 9, 0.7, False),
    ],
)
def test_within_one_model_the_others_and_the_plain_training_are_compared_with(name, task, accuracy, holds):
    run = changed(pretraining_run(), (name, "by_task", task), accuracy)
    assert verdicts(run)[6] is holds


def test_models_that_have_not_learned_are_not_judged():
    for name, places in (("plain", range(8)), ("pairs", [3]), ("6 of 10 right", [7])):
        for accuracy, judged in ((0.949, None), (0.95, True)):
            found = verdicts(changed(pretraining_run(), (name, "accuracy", "train"), accuracy))
            assert found == [judged if place in places else True for place in range(8)]


def test_a_point_never_reached_is_left_out_of_the_medians():
    run = changed(changed(pretraining_run(1), ("pairs", "at_95"), None), ("pairs", "steps_to_95"), None)
    found = pretraining.summarise([pretraining_run(), run])["by_training"]["pairs"]
    assert found["steps_to_95"]["median"] == 260 and found["at_95"]["ari"]["median"] == 0.2
    found = pretraining.summarise([pretraining_run(), run])["verdicts"][3]["controls"]
    assert found["lift where each first answers 0.95 of train"]["values"] == [pytest.approx(0.3), None]
    alone = pretraining.summarise([run])["by_training"]["pairs"]
    assert alone["steps_to_95"]["median"] is None and alone["at_95"]["ari"]["median"] is None


def test_the_table_has_a_row_for_each_seed_and_training():
    run = changed(pretraining_run(4), ("plain", "at_95"), None)
    results = results_of("pretraining", pretraining_run(3), run)
    header, rows = pretraining.table(results)
    assert len(rows) == 18 and {len(row) for row in rows} == {len(header)}
    assert [row[:2] for row in rows[:9]] == [(3, name) for name in NAMES]
    row = dict(zip(header, rows[7]))
    assert (row["ari"], row["cost"], row["right_tasks"]) == (0.5, 1.07, "0 1 2")
    assert (row["right"], row["others"]) == pytest.approx((0.85, 0.24))
    assert (row["accuracy_train"], row["accuracy_unseen_instruction"]) == (1.0, 0.9)
    assert row["at_95_ari"] == 0.25 and row["cross_pattern_1nn_unseen"] == 0.95 and row["steps_to_95"] == 230
    missing = dict(zip(header, rows[9]))
    assert missing["at_95_unseen_combination"] is missing["at_95_ari"] is None
    json_text(results)
