from dataclasses import asdict, replace

import numpy as np
import pytest
from made_up_results import TINY, Silent, changed, pretraining_run, results_of

from minicluster.cluster import adjusted_rand_score
from minicluster.experiments import ShapedSettings, prepare, pretraining
from minicluster.experiments.measure import cluster, measure_end, neighbour_scores
from minicluster.experiments.trial import train
from minicluster.files import json_text
from minicluster.training import answer

SHAPED = ShapedSettings(**asdict(TINY))
NAMES = ["plain", "true tasks", "pseudo-tasks", "pairs", "pairs first", "bottleneck", "3 of 10 right", "6 of 10 right"]


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
        "pseudo-tasks": {"shaping": "groups", "n_right": 0},
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


def test_the_first_recording_with_enough_accuracy_is_looked_at(measured):
    trained, _ = measured["true tasks"]
    last = trained.recordings[-1]
    accuracies = (0.2, 0.96, 1.0)
    recordings = [
        replace(own, accuracy={**own.accuracy, "train": accuracy})
        for own, accuracy in zip(trained.recordings[-3:], accuracies)
    ]
    found = pretraining._at_first_recording(replace(trained, recordings=recordings), 0.95)
    chosen = trained.recordings[-2]
    assert chosen.step != last.step and found["step"] == chosen.step
    assert found["accuracy"] == recordings[1].accuracy
    train_states, new_states = (chosen.states[name][1] for name in ("train", "unseen_instruction"))
    labels, _ = cluster(trained.setup, train_states, new_states)
    assert found["ari"] == adjusted_rand_score(trained.strings["train"].task, labels)
    assert found["cross_pattern_1nn"] == neighbour_scores(trained.strings, train_states, new_states)[1]


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


def clock_of(seconds):
    """Return a clock by which the steps take these seconds, two readings a step."""
    readings = np.cumsum([part for own in seconds for part in (0.0, own)]).tolist()
    return iter(readings).__next__


@pytest.mark.parametrize(("stage", "cost"), [(0, 1.5), (3, 1.25)])
def test_the_cost_is_the_ratio_of_medians_without_the_first_step(monkeypatch, stage, cost):
    monkeypatch.setattr(pretraining, "TIMED_STEPS", 3)
    # In turns, this training's and the plain one's: the first pair counts nothing, then medians 3 and 2.
    monkeypatch.setattr(pretraining.time, "perf_counter", clock_of([90.0, 1.0, 3.0, 2.0, 3.0, 70.0, 50.0, 2.0]))
    settings = replace(SHAPED, shaping="pairs", shaping_steps=stage)
    assert settings.steps == 6
    assert pretraining.step_cost(settings, 0, "numpy") == pytest.approx(cost, rel=1e-12)  # a few roundings


def test_what_is_timed_is_this_training_and_a_plain_one(monkeypatch):
    asked = []

    def steps_of(settings, seed, backend):
        asked.append((settings, seed, backend))
        return iter(range(100))

    monkeypatch.setattr(pretraining, "_steps_of", steps_of)
    pretraining.step_cost(replace(SHAPED, share=3, shaping="pairs", shaping_steps=2), 5, "numpy")
    (own, *_), (plain, *others) = asked
    assert others == [5, "numpy"] and plain.shaping is None and plain.share == own.share == 3
    assert own.shaping == "pairs" and own.shaping_steps > pretraining.TIMED_STEPS  # all timed steps are of the stage
    pretraining.step_cost(replace(SHAPED, share=3, bottleneck=True), 5, "numpy")
    (own, *_), (plain, *_) = asked[2:]
    assert own.bottleneck and not plain.bottleneck


def test_timed_steps_are_those_of_the_training():
    settings = replace(SHAPED, shaping="groups", share=3)
    steps = list(pretraining._steps_of(settings, 0, "numpy"))
    assert len(steps) == pretraining.TIMED_STEPS + 1
    training = pretraining.Training(prepare(settings, 0, backend="numpy"))
    rows = next(training.batches)
    model, split = training.setup.model, training.setup.dataset.train
    objective = training.objective_of(1, rows)
    loss, _ = objective(model, split.tokens[rows], split.targets[rows], split.mask[rows], split.start[rows])
    assert steps[0][1] == pytest.approx(loss, rel=1e-5)  # float32, over rows of another padding


def test_a_good_run_holds():
    found = pretraining.summarise([pretraining_run(), pretraining_run(1)])
    assert [verdict["holds"] for verdict in found["verdicts"]] == [True] * 7
    true, pseudo, pairs, first, bottleneck, three, six = found["verdicts"]
    # Means and differences of two-digit numbers: approximate to a few roundings, here as below.
    assert true["values"] == pytest.approx([0.7, 0.7]) and pseudo["values"] == pytest.approx([0.05, 0.05])
    assert pairs["values"] == pytest.approx([0.6, 0.6]) and first["values"] == pytest.approx([0.3, 0.3])
    assert bottleneck["values"] == pytest.approx([0.4, 0.4])
    assert three["values"] == pytest.approx([0.61, 0.61]) and six["values"] == pytest.approx([0.68, 0.68])
    assert six["controls"]["rightly grouped, plain training"]["median"] == pytest.approx(0.2)
    assert true["controls"]["accuracy of the plain training"]["low"] == pytest.approx(0.2)
    assert true["controls"]["lift where each first answers 0.95 of train"]["median"] == pytest.approx(0.35)
    assert pairs["controls"]["ARI at layer 1"]["median"] == 0.4
    assert pairs["controls"]["ARI at layer 1, plain training"]["median"] == 0.2
    assert true["controls"]["ARI at layer 1"]["median"] == 0.98
    assert true["controls"]["ARI at layer 1, regrouping null"]["median"] == 0.3
    assert found["n_right"] == {"true tasks": 10, "pseudo-tasks": 0, "3 of 10 right": 3, "6 of 10 right": 6}
    assert found["within"]["3 of 10 right"]["others"]["median"] == pytest.approx(0.24)
    assert found["within"]["true tasks"]["others"]["median"] is None
    numbers = found["by_training"]["pairs"]
    assert numbers["ari"]["median"] == 0.4 and numbers["best_ari"]["median"] == 0.99
    assert numbers["cross_pattern_1nn"]["median"] == 0.95 and numbers["steps_to_95"]["median"] == 270
    assert numbers["at_95"]["unseen_combination"]["median"] == pytest.approx(0.4) and numbers["cost"]["median"] == 1.03
    assert numbers["at_95"]["ari"]["median"] == 0.2 and numbers["at_95"]["cross_pattern_1nn"]["median"] == 0.7


@pytest.mark.parametrize(
    ("name", "accuracy", "place", "holds"),
    [
        ("true tasks", 0.71, 0, True),
        ("true tasks", 0.69, 0, False),
        ("pseudo-tasks", 0.29, 1, True),
        ("pseudo-tasks", 0.31, 1, False),
        ("pairs", 0.51, 2, True),
        ("pairs", 0.49, 2, False),
        ("pairs first", 0.31, 3, True),
        ("pairs first", 0.29, 3, False),
        ("bottleneck", 0.41, 4, True),
        ("bottleneck", 0.39, 4, False),
    ],
)
def test_the_lift_over_the_plain_training_decides(name, accuracy, place, holds):
    run = with_unseen(pretraining_run(), name, accuracy)
    expected = [True] * 7
    expected[place] = holds
    assert verdicts(run) == expected
    assert verdicts(pretraining_run(), run) == expected  # one seed is enough to fail


@pytest.mark.parametrize(
    ("name", "task", "accuracy", "holds"),
    [
        ("3 of 10 right", 0, 0.0, True),  # of three tasks that are told rightly, .57 in the mean
        ("3 of 10 right", 1, -0.2, False),  # in the mean .5, against the others' .24: .26 above
        ("3 of 10 right", 9, 3.0, False),  # of seven others: in the mean .63, against .85
        ("plain", 0, 0.85, True),  # its own in the plain training: in the mean .42, against .85
        ("plain", 1, 1.4, False),  # .6: the tasks are easy
    ],
)
def test_within_one_model_the_others_and_the_plain_training_are_compared_with(name, task, accuracy, holds):
    run = changed(pretraining_run(), (name, "by_task", task), accuracy)
    assert verdicts(run)[5] is holds


def test_models_that_have_not_learned_are_not_judged():
    for name, places in (("plain", range(7)), ("pairs", [2]), ("6 of 10 right", [6])):
        for accuracy, judged in ((0.949, None), (0.95, True)):
            found = verdicts(changed(pretraining_run(), (name, "accuracy", "train"), accuracy))
            assert found == [judged if place in places else True for place in range(7)]


def test_a_point_never_reached_is_left_out_of_the_medians():
    run = changed(changed(pretraining_run(1), ("pairs", "at_95"), None), ("pairs", "steps_to_95"), None)
    found = pretraining.summarise([pretraining_run(), run])["by_training"]["pairs"]
    assert found["steps_to_95"]["median"] == 270 and found["at_95"]["ari"]["median"] == 0.2
    found = pretraining.summarise([pretraining_run(), run])["verdicts"][2]["controls"]
    assert found["lift where each first answers 0.95 of train"]["values"] == [pytest.approx(0.3), None]
    alone = pretraining.summarise([run])["by_training"]["pairs"]
    assert alone["steps_to_95"]["median"] is None and alone["at_95"]["ari"]["median"] is None


def test_the_table_has_a_row_for_each_seed_and_training():
    run = changed(pretraining_run(4), ("plain", "at_95"), None)
    results = results_of("pretraining", pretraining_run(3), run)
    header, rows = pretraining.table(results)
    assert len(rows) == 16 and {len(row) for row in rows} == {len(header)}
    assert [row[:2] for row in rows[:8]] == [(3, name) for name in NAMES]
    row = dict(zip(header, rows[6]))
    assert (row["ari"], row["cost"], row["right_tasks"]) == (0.5, 1.06, "0 1 2")
    assert (row["right"], row["others"]) == pytest.approx((0.85, 0.24))
    assert (row["accuracy_train"], row["accuracy_unseen_instruction"]) == (1.0, 0.9)
    assert row["at_95_ari"] == 0.25 and row["cross_pattern_1nn_unseen"] == 0.95 and row["steps_to_95"] == 240
    missing = dict(zip(header, rows[8]))
    assert missing["at_95_unseen_combination"] is missing["at_95_ari"] is None
    json_text(results)
