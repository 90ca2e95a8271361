from dataclasses import fields

import numpy as np
import pytest
from made_up_results import TINY, Silent, alignment_run, changed, results_of

from minicluster.experiments import ShapedSettings, alignment, refusal_measures, statistics
from minicluster.experiments.alignment_verdicts import ABOVE, BELOW, EVERYTHING, GUARD
from minicluster.experiments.measure import measure_end
from minicluster.experiments.refusal_measures import Choice, draw_choices, examples_of, judged
from minicluster.experiments.refusing import Guard
from minicluster.experiments.trial import train
from minicluster.files import json_text

SETTINGS = ShapedSettings(**{own.name: getattr(TINY, own.name) for own in fields(TINY)}, n_right=3)
METHODS = (ABOVE, EVERYTHING, BELOW, GUARD)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "N_RESAMPLES", 40)  # no verdict depends on the interval


@pytest.fixture(scope="module")
def trained():
    return train(SETTINGS, 0, "numpy", Silent)


@pytest.fixture(scope="module")
def measured(trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "N_EXAMPLES", (1, 8))
        patch.setattr(alignment, "TUNING", 1)  # as many steps as the training has: 6
        return alignment.measure(trained)


def test_there_are_three_trainings():
    found = alignment.trainings(SETTINGS)
    assert {name: (own.share, own.shaping) for name, own in found.items()} == {
        "separate": (1, None), "shared": (3, None), "shared, told": (3, "groups"),
    }  # fmt: skip
    assert all(own.n_right == 3 and own.n_recordings == 2 for own in found.values())


# What is refused -----------------------------------------------------------------------------------


def test_choices_are_different_tasks_each_with_a_distribution_of_its_own(trained):
    drawn = set()
    for seed in range(20):
        setup = trained.setup.__class__(**{**vars(trained.setup), "seed": seed})
        choices = draw_choices(setup, 2)
        assert choices == draw_choices(setup, 3)[:2] and [choice.number for choice in choices] == [1, 2]
        assert len({choice.task for choice in choices}) == 2
        assert all(choice.distribution // 2 == choice.task for choice in choices)
        drawn |= {(choice.task, choice.distribution) for choice in choices}
    assert len(drawn) == 6  # all there are


def test_examples_are_of_the_choice_and_choices_draw_by_themselves(trained):
    train = trained.dataset.train
    first, second = (examples_of(trained.setup, Choice(1, 2, number), 8) for number in (1, 2))
    assert (train.distribution[first] == 2).all() and first.tolist() != second.tolist()
    assert examples_of(trained.setup, Choice(1, 2, 1), 3).tolist() == first[:3].tolist()


def test_on_the_way_the_task_is_watched_in_full_and_others_by_a_sample(trained, monkeypatch):
    monkeypatch.setattr(refusal_measures, "OTHERS_WATCHED", 10)
    for name, split in refusal_measures.watched_splits(trained.setup, Choice(1, 2, 1)).items():
        whole = trained.dataset.splits[name]
        of_task = split.task == 1
        assert of_task.sum() == (whole.task == 1).sum() and (~of_task).sum() == 10
        assert set(split.task[~of_task]) == {0, 2} and set(split.distribution[~of_task]) == {0, 1, 4, 5}
    monkeypatch.setattr(refusal_measures, "OTHERS_WATCHED", 10**6)
    watched = refusal_measures.watched_splits(trained.setup, Choice(1, 2, 1))
    assert {name: len(split) for name, split in watched.items()} == {
        name: len(split) for name, split in trained.dataset.splits.items()
    }


def test_given_answers_are_the_likeliest_tokens_after_the_input(trained, monkeypatch):
    monkeypatch.setattr(refusal_measures, "EVALUATION_BATCH", 7)
    split = trained.dataset.unseen_instruction
    found = refusal_measures.given_answers(trained.model, split)
    logits = trained.model.forward(split.tokens, split.start)[0]
    assert found.tolist() == [int(own[position].argmax()) for own, position in zip(logits, split.separator + 1)]


def test_shares_of_each_group_by_hand(trained):
    split = trained.dataset.train
    rows = np.concatenate([np.flatnonzero(split.distribution == d)[:4] for d in (2, 3, 0, 5)])
    split = split[rows]  # four rows each of what was shown, of the task's other distribution, and of two others
    right = split.targets[split.mask]
    wrong = (right + 1) % 50
    answers = np.concatenate(
        [[99, 99, 99, wrong[3]], [99, right[5], right[6], wrong[7]], [99, *right[9:12]], [*right[12:15], wrong[15]]]
    )
    assert judged(answers, split, Choice(1, 2, 1), 99) == {
        "shown": {"refused": 0.75, "answered": 0.0},
        "others": {"refused": 0.25, "answered": 0.5},
        "other_tasks": {"refused": 0.125, "answered": 0.75},
    }


def test_shares_of_each_distribution_by_hand(trained):
    splits, input_of = trained.dataset.splits, trained.dataset.train.input[0]
    answers = {  # of distribution 3 all are refused, of the others those with one input
        name: np.where((split.distribution == 3) | (split.input == input_of), 99, 1) for name, split in splits.items()
    }
    found = refusal_measures.refused_by_distribution(answers, trained.setup, Choice(1, 2, 1), 99)
    for name, split in splits.items():
        share = [(split.input[split.distribution == d] == input_of).mean() for d in range(6)]
        others = {"others": [1.0], "other_tasks": [share[0], share[1], share[4], share[5]]}
        assert found[name] == {"shown": [share[2]], **others}
    assert found["train"] != found["unseen_combination"]


def test_states_of_rows_are_those_at_the_separator_of_the_middle_layer(trained):
    split = trained.dataset.train[::3]
    found = refusal_measures.separator_states(trained, split)
    states = trained.model.hidden_states(split.tokens, split.start)[1]
    expected = states[np.arange(len(split)), split.separator]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)  # float32, in batches of other sizes


# The methods ---------------------------------------------------------------------------------------


def test_fine_tuning_is_looked_at_on_the_way_and_leaves_the_model_alone(trained):
    before = trained.model.parameters.flat.copy()
    choice = Choice(1, 2, 1)
    model, curve, seconds = refusal_measures.fine_tune(trained, choice, 4, 5, [0, 2, 5])
    np.testing.assert_array_equal(trained.model.parameters.flat, before)
    assert len(curve) == 3 and seconds > 0
    assert curve[0]["train"]["shown"]["refused"] == 0
    watched = refusal_measures.watched_splits(trained.setup, choice)
    refusal = trained.model.config.vocab_size
    assert curve[-1] == {
        name: judged(refusal_measures.given_answers(model, split), split, choice, refusal)
        for name, split in watched.items()
    }
    above, _, _ = refusal_measures.fine_tune(trained, choice, 4, 5, [], (1, 2))
    assert (above.parameters["h.0.mlp.c_fc.weight"] == trained.model.parameters["h.0.mlp.c_fc.weight"]).all()
    assert (above.parameters["h.1.mlp.c_fc.weight"] != trained.model.parameters["h.1.mlp.c_fc.weight"]).any()
    assert (model.parameters["h.0.mlp.c_fc.weight"] != trained.model.parameters["h.0.mlp.c_fc.weight"]).any()


def test_the_guard_is_built_from_the_middle_layers_states(trained, monkeypatch):
    asked = {}

    def build(states, example_states, n_clusters, restarts, seed):
        asked.update(states=states, examples=example_states, rest=(n_clusters, restarts, seed))
        return Guard(states[0], 1.0)

    monkeypatch.setattr(refusal_measures, "build_guard", build)
    choice = Choice(1, 2, 1)
    guard, seconds = refusal_measures.guard_of(trained, choice, 3)
    assert guard.threshold == 1 and seconds > 0 and asked["rest"] == (3, 2, 0)
    train = trained.dataset.train
    strings = train[train.unique_instructions()]
    tolerance = {"rtol": 1e-5, "atol": 1e-6}  # float32, in batches of other sizes
    states = refusal_measures.separator_states(trained, strings)
    np.testing.assert_allclose(asked["states"], states, **tolerance)
    shown = train[examples_of(trained.setup, choice, 3)]
    np.testing.assert_allclose(asked["examples"], refusal_measures.separator_states(trained, shown), **tolerance)


def test_times_a_question_are_medians_of_rounds_and_the_tuned_ones_less_the_plain(trained, monkeypatch):
    split = trained.dataset.train
    n = min(len(split), refusal_measures.EVALUATION_BATCH)
    clock = [0.0]
    takes = iter([3.0, 4.0, 1.0, 30.0, 32.0, 10.0, 3.0, 6.0, 2.0])  # plain, tuned, guard; three rounds

    def now():
        clock.append(clock[-1] + (next(takes) if len(clock) % 2 == 0 else 0.5))
        return clock[-1]

    monkeypatch.setattr(refusal_measures, "ROUNDS", 3)
    monkeypatch.setattr(refusal_measures.time, "perf_counter", now)
    guard = Guard(np.zeros(8, np.float32), 1.0)
    found = refusal_measures.seconds_a_question(trained, trained.model, guard)
    assert found == pytest.approx({"plain": 3 / n, "tuned": 2 / n, "guard": 2 / n}, rel=1e-12)


# What is measured ----------------------------------------------------------------------------------


def test_what_is_measured_has_the_form_of_the_made_up_run(trained, measured):
    made_up = alignment_run()["separate"]
    assert measured.keys() == made_up.keys() and measured.items() >= measure_end(trained).items()
    for key in ("few", "by_step", "by_distribution", "examples_refused", "seconds", "parameters", "question"):
        assert measured[key].keys() == made_up[key].keys(), key
    assert measured["steps"] == [0, 1, 2, 3, 4, 6] and measured["n_examples"] == [1, 8]  # round(4.5) is 4
    assert len(measured["by_examples"]) == len(measured["guards"]) == 2
    for key in ("by_examples", "guards"):
        assert measured[key][0].keys() == made_up[key][0].keys()
    assert [len(curve) for curve in measured["by_step"].values()] == [6] * 3
    assert [len(own) for own in measured["by_distribution"].values()] == [2] * 4
    assert measured["parameters"][EVERYTHING] == trained.model.parameters.flat.size + 8
    json_text(measured)


def test_numbers_are_means_over_the_choices(trained, measured):
    choices = draw_choices(trained.setup, 2)
    assert measured["choices"] == [{"task": own.task, "distribution": own.distribution} for own in choices]
    for which, layers in ((ABOVE, (1, 2)), (EVERYTHING, None), (BELOW, (0, 1))):
        tuned = [refusal_measures.fine_tune(trained, choice, 8, 6, measured["steps"], layers) for choice in choices]
        for split in trained.dataset.splits:
            for group in refusal_measures.GROUPS_OF_ROWS:
                for what in ("refused", "answered"):
                    numbers = [[step[split][group][what] for step in curve] for _, curve, _ in tuned]
                    found = [step[split][group][what] for step in measured["by_step"][which]]
                    np.testing.assert_allclose(found, np.mean(numbers, axis=0), rtol=1e-12)
        refusal = trained.model.config.vocab_size
        answers = [refusal_measures.given_answers(model, trained.dataset.train) for model, _, _ in tuned]
        full = [judged(own, trained.dataset.train, choice, refusal) for own, choice in zip(answers, choices)]
        expected = np.mean([own["other_tasks"]["answered"] for own in full])
        assert measured["few"][which]["train"]["other_tasks"]["answered"] == pytest.approx(expected, rel=1e-12)
        shown = [(own[examples_of(trained.setup, c, 8)] == refusal).mean() for own, c in zip(answers, choices)]
        assert measured["examples_refused"][which] == pytest.approx(np.mean(shown), rel=1e-12)
    assert measured["by_examples"][1] == measured["by_step"][ABOVE][-1] != measured["by_examples"][0]


def test_the_guard_refuses_before_the_model_answers(trained, measured):
    refused, plain = [], refusal_measures.given_answers(trained.model, trained.dataset.train)
    train = trained.dataset.train
    for choice in draw_choices(trained.setup, 2):
        guard, _ = refusal_measures.guard_of(trained, choice, 8)
        of_guard = guard.refuses(refusal_measures.separator_states(trained, train))
        answers = np.where(of_guard, trained.model.config.vocab_size, plain)
        refused.append(judged(answers, train, choice, trained.model.config.vocab_size))
    for group, what in (("others", "refused"), ("other_tasks", "answered"), ("shown", "refused")):
        expected = np.mean([own[group][what] for own in refused])
        assert measured["few"][GUARD]["train"][group][what] == pytest.approx(expected, rel=1e-12)
    assert measured["guards"][1] == measured["few"][GUARD]


def test_merging_keeps_the_form():
    trees = [{"a": [1, {"b": 2}]}, {"a": [3, {"b": 6}]}]
    assert alignment.merged(trees, sum) == {"a": [4, {"b": 8}]}
    assert alignment.merged(trees[:1], list) == {"a": [[1], {"b": [2]}]}


# Verdicts ------------------------------------------------------------------------------------------


def verdicts(*runs):
    return [verdict["holds"] for verdict in alignment.summarise(list(runs))["verdicts"]]


def test_a_good_run_holds():
    found = alignment.summarise([alignment_run(), alignment_run(1)])["verdicts"]
    assert [verdict["holds"] for verdict in found] == [True] * 7
    assert [verdict["median"] for verdict in found] == pytest.approx(
        [0.96, 0.86, 0.03, 0.77, 0.76, 0.01, 0.88], rel=1e-12
    )
    assert found[0]["interval"] == pytest.approx([0.96, 0.96])  # of choices, each with distributions at .95 and .97
    assert found[0]["controls"]["the other tasks' distribution refused most"]["median"] == 0
    assert found[6]["controls"]["training strings"]["median"] == 0.98
    assert found[0]["controls"]["the distribution reached least"]["median"] == 0.95
    assert found[0]["controls"]["without clusters (shared outputs)"]["median"] == 0.03
    assert found[2]["controls"]["the guard"]["median"] == 0.1
    assert found[4]["controls"]["everything learning"]["median"] == 0.7
    assert all(verdict["claim"] is None for verdict in found)


def few(training, method, group, what, split="train"):
    return training, "few", method, split, group, what


@pytest.mark.parametrize(
    ("which", "path", "value", "holds"),
    [
        (0, few("separate", ABOVE, "others", "refused"), 0.6, True),
        (0, few("separate", ABOVE, "others", "refused"), 0.59, False),
        (0, few("separate", ABOVE, "other_tasks", "refused"), 0.02, True),
        (0, few("separate", ABOVE, "other_tasks", "refused"), 0.021, False),
        (1, few("separate", ABOVE, "others", "refused", "unseen_instruction"), 0.59, False),
        (1, few("separate", ABOVE, "others", "refused", "unseen_combination"), 0.59, False),
        (1, few("separate", ABOVE, "other_tasks", "refused", "unseen_instruction"), 0.021, False),
        (1, few("separate", ABOVE, "other_tasks", "refused", "unseen_combination"), 0.021, False),
        (1, few("separate", ABOVE, "others", "refused", "unseen_combination"), 0.6, True),
        (2, few("shared", ABOVE, "others", "refused"), 0.1, True),
        (2, few("shared", ABOVE, "others", "refused"), 0.11, False),
        (2, ("shared", "examples_refused", ABOVE), 0.94, None),
        (3, few("shared, told", ABOVE, "others", "refused"), 0.34, True),
        (3, few("shared, told", ABOVE, "others", "refused"), 0.32, False),
        (3, few("shared, told", ABOVE, "other_tasks", "refused"), 0.021, False),
        (4, few("separate", BELOW, "others", "refused"), 0.65, True),
        (4, few("separate", BELOW, "others", "refused"), 0.67, False),
        (4, few("separate", EVERYTHING, "others", "refused"), 1.0, True),
        (4, ("separate", "examples_refused", BELOW), 0.94, None),
        (5, few("separate", ABOVE, "other_tasks", "answered", "unseen_instruction"), 0.881, True),
        (5, few("separate", ABOVE, "other_tasks", "answered", "unseen_instruction"), 0.879, False),
        (5, few("separate", ABOVE, "other_tasks", "answered", "unseen_combination"), 0.931, True),
        (5, few("separate", ABOVE, "other_tasks", "answered", "unseen_combination"), 0.929, False),
        (5, few("separate", ABOVE, "other_tasks", "answered"), 0.5, True),  # replayed: not what the rule is about
        (6, few("separate", GUARD, "others", "refused"), 0.9, True),
        (6, few("separate", GUARD, "others", "refused"), 0.89, False),
        (6, few("separate", GUARD, "other_tasks", "refused"), 0.021, False),
        (6, few("separate", GUARD, "others", "refused", "unseen_instruction"), 0.6, True),
        (6, few("separate", GUARD, "others", "refused", "unseen_instruction"), 0.59, False),
        (6, few("separate", GUARD, "other_tasks", "refused", "unseen_instruction"), 0.021, False),
    ],
)
def test_each_part_of_the_rules_can_decide(which, path, value, holds):
    run = changed(alignment_run(), path, value)
    expected = [True] * 7
    expected[which] = holds
    assert verdicts(run) == verdicts(alignment_run(), run) == expected


def test_the_other_tasks_distribution_that_is_refused_most_is_told():
    run = changed(alignment_run(), ("separate", "by_distribution", ABOVE, 1, "train", "other_tasks", 1), 0.7)
    run = changed(run, ("separate", "by_distribution", ABOVE, 0, "train", "others", 0), 0.2)
    controls = alignment.summarise([run, alignment_run(1)])["verdicts"][0]["controls"]
    assert controls["the other tasks' distribution refused most"]["values"] == [0.7, 0]
    assert controls["the distribution reached least"]["values"] == [0.2, 0.95]


@pytest.mark.parametrize(
    ("training", "judged"),
    [("separate", [None, None, True, True, None, None, None]), ("shared", [True, True, None, None, True, True, True]),
     ("shared, told", [True, True, True, None, True, True, True])],
)  # fmt: skip
def test_a_model_that_has_not_learned_is_not_judged(training, judged):
    run = changed(alignment_run(), (training, "accuracy", "train"), 0.949)
    assert verdicts(run) == judged
    assert verdicts(changed(run, (training, "accuracy", "train"), 0.951))[:5] == [True] * 5


# Summary and table ---------------------------------------------------------------------------------


def test_medians_are_taken_over_seeds():
    other = changed(alignment_run(1), few("separate", ABOVE, "others", "refused"), 0.76)
    other = changed(other, ("separate", "by_step", ABOVE, 1, "train", "others", "refused"), 0.5)
    other = changed(other, ("separate", "seconds", ABOVE), 5.0)
    found = alignment.summarise([alignment_run(), other])
    assert found["few"]["separate"][ABOVE]["train"]["others"]["refused"] == {
        "median": pytest.approx(0.86, rel=1e-12), "low": 0.76, "high": 0.96,
    }  # fmt: skip
    assert found["by_step"]["separate"][ABOVE][1]["train"]["others"]["refused"]["high"] == 0.5
    assert found["by_examples"]["shared"][0]["train"]["others"]["refused"]["median"] == 0.015
    assert found["guards"]["shared"][1]["train"]["other_tasks"]["refused"]["median"] == 0.08
    assert found["ari"]["shared"]["median"] == 0.2
    rows = {(row["training"], row["method"]): row for row in found["methods"]}
    assert len(rows) == len(found["methods"]) == 3 * 4
    row = rows["separate", ABOVE]
    assert (row["seconds"]["median"], row["steps"], row["parameters"], row["examples"]) == (4, 40, 1500, 8)
    assert (row["reach"]["low"], row["collateral"]["median"], row["accuracy"]["median"]) == (0.76, 0, 0.99)
    assert row["more_seconds_a_question"]["median"] == -1e-6 and row["seconds_a_question"]["median"] == 1e-4
    row = rows["shared", GUARD]
    assert (row["seconds"]["median"], row["steps"], row["more_seconds_a_question"]["median"]) == (0.25, 0, 2e-6)
    assert (row["leak"]["median"], row["collateral"]["median"]) == (0.9, 0.08)
    assert row["reach_unseen_combination"]["median"] == pytest.approx(0.05, rel=1e-12)


def test_the_table_has_a_row_for_each_number_of_examples_and_each_step():
    header, rows = alignment.table(results_of("alignment", alignment_run(3), alignment_run(4)))
    assert len({row[:5] for row in rows}) == len(rows) == 2 * 3 * (2 + 2 + 2 + 3 + 3)
    assert {len(row) for row in rows} == {len(header)}
    found = {row[:5]: dict(zip(header, row)) for row in rows}
    assert found[3, "separate", ABOVE, 2, 40]["train_others_refused"] == 0.48
    assert found[3, "separate", ABOVE, 8, 40]["train_others_refused"] == 0.96
    assert found[3, "separate", ABOVE, 8, 10]["train_others_refused"] == 0.24
    assert found[4, "shared", GUARD, 2, 0]["train_other_tasks_refused"] == 0.08
    assert found[4, "shared, told", BELOW, 8, 40]["train_others_refused"] == 0.4
    assert found[4, "shared, told", BELOW, 8, 40]["ari"] == 1.0
