from dataclasses import replace

import numpy as np
import pytest
from made_up_results import changed, geography_run, last_token, results_of

from minicluster.experiments import GeographySettings, dissolving, geography
from minicluster.experiments.measure import measure_end
from minicluster.experiments.trial import train
from minicluster.files import json_text
from minicluster.tasks.examples import Split

TINY = GeographySettings(
    n_places=12, n_instructions=3, n_unseen_instructions=1, n_places_each=2, d_model=8, n_layers=2, n_heads=2, steps=4,
    batch_size=8, n_recordings=2, restarts=2,
)  # fmt: skip


def split(task, place, answer):
    """Rows of three tokens, of which the second is the last before the answer."""
    n = len(task)
    targets = np.stack([np.full(n, 9), answer, np.full(n, 9)], axis=1)
    mask = np.array([[False, True, True]] * n)
    zeros = np.zeros((n, 3), np.int64)
    return Split(
        zeros, targets, mask, np.array(task), np.array(task), np.array(place), np.array(["q"] * n), zeros[:, 0], zeros
    )


@pytest.fixture(scope="module")
def trained():
    return train(TINY, 0, "numpy")


@pytest.fixture(scope="module")
def measured(trained):
    return geography.measure(trained)


def holds(*runs):
    return [verdict["holds"] for verdict in geography.summarise(list(runs))["verdicts"]]


def test_the_trainings_differ_in_the_place_and_in_the_questions():
    found = geography.trainings(GeographySettings())
    assert list(found) == ["plain", "inside", "hard"] and found["plain"] == GeographySettings()
    assert [(own.inside, own.hard) for own in found.values()] == [(False, False), (True, False), (False, True)]
    assert found["inside"].strange == 0 and found["hard"].strange == found["plain"].strange > 0
    short = geography.trainings(GeographySettings(steps=60))
    assert all(own.steps <= 60 for own in short.values())


def test_what_is_measured_has_the_form_of_the_made_up_run(trained, measured):
    made_up = geography_run()["plain"]
    assert measured.keys() | {"pictured"} == made_up.keys()
    assert measured["by_step"]["last"].keys() == made_up["by_step"]["last"].keys()
    for key in ("accuracy_by_attribute", "most_common_answer", "bag_of_words"):
        assert measured[key].keys() == made_up[key].keys()
    assert "NaN" not in json_text(measured)
    end = measure_end(trained)
    for key in ("accuracy", "ari", "cross_pattern_1nn", "untrained", "regrouping_null_99", "chance_1nn"):
        assert measured[key] == end[key]
    # The last recorded step's clusters at the separator are those of the end.
    assert measured["by_step"]["separator"]["ari"][-1] == end["ari"]["train"]
    assert measured["by_step"]["separator"]["ari"][0] == end["untrained"]["ari"]["train"]
    weights = np.bincount(trained.dataset.unseen_instruction.task)
    mean = np.average(measured["accuracy_by_attribute"]["unseen_instruction"], weights=weights)
    assert mean == pytest.approx(measured["accuracy"]["unseen_instruction"], rel=1e-12)


def test_where_place_and_question_end_in_the_separator_both_tokens_are_one():
    measured = geography.measure(replace(train(replace(TINY, inside=True), 0, "numpy"), pictured=True))
    made_up = geography_run()["plain"]["pictured"]
    assert measured["pictured"].keys() == made_up.keys()
    assert [panel.keys() for panel in measured["pictured"]["panels"]] == [panel.keys() for panel in made_up["panels"]]
    assert "NaN" not in json_text(measured)
    assert measured["by_step"]["last"]["ari"] == measured["by_step"]["separator"]["ari"]


def test_the_pictured_panels_are_the_best_and_the_last_step(trained, measured):
    for best in (0, 1):
        ari = [[0.0, 0.0, float(at == best)] for at in range(len(measured["steps"]))]
        found = geography.picture(trained, changed(measured, ("by_step", "last", "ari"), ari))
        panels = [(panel["token"], panel["step"], panel["layer"], panel["ari"]) for panel in found["panels"]]
        end = measured["steps"][-1]
        assert panels[2:] == [("last", measured["steps"][best], 2, 1.0), ("last", end, 2, ari[-1][-1])]
        separator = measured["by_step"]["separator"]["ari"]
        assert panels[:2] == [("separator", 0, 1, separator[0][1]), ("separator", end, 1, separator[-1][1])]
        assert np.shape(found["panels"][0]["points"]) == (len(found["task"]), 2)


def test_a_bag_of_words_has_the_known_words_before_the_separator_only(trained):
    strings, tokenizer = trained.strings["train"], trained.dataset.tokenizer
    counts = geography.word_counts(strings, tokenizer.vocabulary)
    assert counts.shape == (len(strings), len(tokenizer.words))
    for row in (0, 7, -1):
        words = [word for word in strings.instruction[row].split(" ") if word in tokenizer.words]
        expected = [words.count(word) for word in tokenizer.words]
        assert counts[row].tolist() == expected and sum(expected) > 0


def test_answers_are_numbered_by_task_and_first_token():
    found = dissolving.answers(split([0, 0, 0, 1, 1], [0, 1, 2, 0, 1], [5, 6, 5, 5, 5]))
    assert found[0] == found[2] and found[3] == found[4] and found.shape == (5,)
    assert len({found[0], found[1], found[3]}) == 3  # the same token in another task is another answer


def test_an_answer_is_shared_if_another_place_has_it():
    rows = split([0, 0, 0, 0, 1, 1], [0, 1, 2, 2, 3, 3], [5, 5, 6, 6, 5, 5])
    assert dissolving.shared_answers(rows).tolist() == [True, True, False, False, False, False]


def test_dealt_answers_keep_task_and_place_together():
    task, place = np.repeat([0, 1], 40), np.tile(np.arange(20), 4)
    rows = split(task, place, np.where(task == 0, place % 4, place % 2))
    dealt, own = dissolving.deal_answers(rows, np.random.default_rng(0)), dissolving.answers(rows)
    for t in (0, 1):
        pairs = {(p, a) for p, a in zip(place[task == t], dealt[task == t])}
        assert len(pairs) == 20  # one answer a place
        assert sorted(dealt[task == t]) == sorted(own[task == t])
    assert (dealt != own).any()


def test_the_scatter_is_shared_out():
    # Tasks at -3 and 3, answers 1 to the left and right of them, rows 1 up and down: 9 + 1 + 1 a row.
    task = np.repeat([0, 1], 4)
    answer = np.repeat([0, 1, 2, 3], 2)
    x = np.stack([np.repeat([-4, -2, 2, 4], 2), np.tile([-1, 1], 4)], axis=1)
    assert dissolving.scatter_shares(x, task, answer) == pytest.approx((9 / 11, 1 / 11), rel=1e-12)
    assert dissolving.scatter_shares(x + 5.0, task, answer) == pytest.approx((9 / 11, 1 / 11), rel=1e-12)
    assert dissolving.scatter_shares(np.ones((8, 2)), task, answer) == (None, None)
    assert dissolving.scatter_shares(x * np.inf, task, answer) == (None, None)
    assert dissolving.scatter_shares(x[:0], task[:0], answer[:0]) == (None, None)


def test_answers_are_judged_by_their_share_of_the_scatter_within_attributes():
    last = {
        "ari": [[0.5, 0.5]], "regrouping_null_99": [0.1],
        "between_attributes": [[0.75, 0.5], [1.0, None]],
        "between_answers": [[0.125, 0.125], [0.0, None]],
        "dealt_answers": [[0.0625, 0.0], [0.0, None]],
    }  # fmt: skip
    found = dissolving.with_shares_within(last)
    assert found == {
        **last,
        "answers_within": [[0.5, 0.25], [None, None]],
        "dealt_within": [[0.25, 0.0], [None, None]],
    }
    # Nothing but rounding is left.
    left = dissolving.with_shares_within({**last, "between_attributes": [[1 - 1e-15, 0.5], [1.0, None]]})
    assert left["answers_within"][0] == [None, 0.25]


def test_the_most_common_answer_is_that_of_the_training_rows():
    known = split([0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2], [5, 5, 6, 7, 8, 8])
    asked = split([0, 0, 1, 1], [0, 1, 2, 3], [5, 6, 8, 5])
    assert geography.most_common_answer(known, asked) == 0.5
    assert geography.most_common_answer(known, known) == pytest.approx(4 / 6)


def test_a_good_run_holds():
    found = geography.summarise([geography_run(), geography_run(1)])
    assert [verdict["holds"] for verdict in found["verdicts"]] == [True] * 6
    assert {verdict["claim"] for verdict in found["verdicts"]} == {6}
    answered, clusters, neighbours, hard, plain, inside = found["verdicts"]
    assert answered["values"] == [0.98, 0.98] and neighbours["values"] == [0.95, 0.95]
    assert clusters["values"] == hard["values"] == [1.0, 1.0]
    assert plain["values"] == inside["values"] == pytest.approx([0.35, 0.35])
    assert clusters["controls"]["regrouping null, 99 %, its best layer"]["values"] == [0.31, 0.31]
    assert clusters["controls"]["untrained, its best layer"]["values"] == [0.06, 0.06]
    assert neighbours["controls"]["bag of words"]["values"] == [0.35, 0.35]
    assert plain["controls"]["regrouping null, 99 %, at that step"]["values"] == [0.15, 0.15]
    numbers = found["over_seeds"]["plain"]
    assert numbers["ari"]["train"][1] == {"median": 0.8, "low": 0.8, "high": 0.8}
    assert numbers["by_step"]["last"]["between_answers"][-1][-1]["median"] == 0.45
    assert numbers["by_step"]["last"]["answers_within"][-1][-1]["median"] == pytest.approx(0.45 / 0.6)
    for label, value in (
        ("when that between attributes is largest", 0.01 / 0.2), ("last step", 0.45 / 0.6),
    ):  # fmt: skip
        assert plain["controls"][f"of that within, between answers, {label}"]["values"] == pytest.approx([value] * 2)
    control = plain["controls"]["of that within, between answers dealt at random, last step"]
    assert control["values"] == pytest.approx([0.05 / 0.6] * 2)


WORSE = [  # where, the last number that holds, the first that doesn't, the verdict
    (("plain", "accuracy", "train"), 0.99, 0.989, 0),
    (("plain", "accuracy", "unseen_instruction"), 0.95, 0.949, 0),
    (("plain", "accuracy", "unseen_combination"), 0.95, 0.949, 0),
    (("plain", "ari", "train"), [0, 0.9, 0.2], [0, 0.89, 0.2], 1),
    (("plain", "untrained", "ari", "train"), [0, 0.1, 0], [0, 0.11, 0], 1),
    (("plain", "bag_of_words", "ari", "train"), 0.99, 1.0, 1),
    (("plain", "regrouping_null_99"), [0, 0.99, 0], [0, 1.0, 0], 1),
    (("plain", "cross_pattern_1nn", "unseen_instruction"), [0, 0.36, 0], [1, 0.35, 1], 2),
    (("plain", "untrained", "cross_pattern_1nn", "unseen_instruction"), [1, 0.94, 1], [0, 0.95, 0], 2),
    (("plain", "chance_1nn"), 0.94, 0.95, 2),
    (("hard", "ari", "train"), [0, 0.9, 0.2], [0, 0.89, 0.2], 3),
    (("hard", "bag_of_words", "ari", "train"), 0.1, 0.11, 3),
    (("hard", "untrained", "ari", "train"), [0, 0.9, 0], [0, 1.0, 0], 3),
]


@pytest.mark.parametrize(("where", "good", "bad", "at"), WORSE)
def test_each_number_decides_its_verdict(where, good, bad, at):
    others = [True] * 6
    assert holds(changed(geography_run(), where, good)) == others
    others[at] = False
    assert holds(changed(geography_run(), where, bad)) == others
    assert holds(geography_run(), changed(geography_run(1), where, bad)) == others  # one seed is enough to fail


@pytest.mark.parametrize(
    ("measure", "last_layer", "verdict"),
    [
        ("ari", [0.02, 0.5, 0.45, 0.29], True),
        ("ari", [0.02, 0.5, 0.45, 0.31], False),  # it does not fall
        ("ari", [0.02, 0.09, 0.3, 0.0], True),
        ("ari", [0.02, 0.0, 0.22, 0.0], True),
        ("ari", [0.02, 0.3, 0.31, 0.0], True),
        ("between_attributes", [0.02, 0.8, 0.7, 0.59], True),
        ("between_attributes", [0.02, 0.8, 0.7, 0.61], False),
        ("between_attributes", [0.02, 0.7, 0.8, 0.4], False),  # the step decides: from 20 on answers fall from 1 to .75
        ("between_answers", [0.04, 0.01, 0.2, 0.18], True),  # of that within from .05 to .3, dealt .08
        ("between_answers", [0.04, 0.1, 0.2, 0.41], False),  # from .5 to .68, though of all from .1 to .41
        ("between_answers", [0.04, 0.15, 0.2, 0.45], False),  # .75 at both
        ("between_answers", [0.04, 0.01, 0.2, 0.16], False),  # to .27: not enough above dealt ones
        ("dealt_answers", [0.9, 0.9, 0.9, 0.32], True),  # at the end .75 - .53
        ("dealt_answers", [0.0, 0.0, 0.0, 0.34], False),  # .75 - .57
        ("between_attributes", [None, 0.8, 0.7, 0.4], True),
        ("between_attributes", [None] * 4, None),
    ],
)
@pytest.mark.parametrize(("name", "at"), [("plain", 4), ("inside", 5)])
def test_clusters_have_to_dissolve_as_answers_separate(measure, last_layer, verdict, name, at):
    curve = [[*layers[:-1], value] for layers, value in zip(last_token()[measure], last_layer)]
    expected = [True] * 6
    expected[at] = verdict
    assert holds(changed(geography_run(), (name, "by_step", "last", measure), curve)) == expected


def test_clusters_have_to_appear_first():
    nulls = [0.01, 0.1, 0.6, 0.05]  # ARI is .6 at that step
    assert holds(changed(geography_run(), ("plain", "by_step", "last", "regrouping_null_99"), nulls))[4] is False
    nulls = [0.7, 0.7, 0.59, 0.7]
    assert holds(changed(geography_run(), ("plain", "by_step", "last", "regrouping_null_99"), nulls))[4] is True


def test_clusters_are_not_judged_in_models_that_have_not_learned():
    for name, verdicts in (("plain", (1, 2, 4)), ("inside", (5,)), ("hard", (3,))):
        found = holds(changed(geography_run(), (name, "accuracy", "train"), 0.949))
        expected = [None if at in verdicts else True for at in range(6)]
        expected[0] = name != "plain"  # a model that learns nothing answers nothing
        assert found == expected
        assert holds(changed(geography_run(), (name, "accuracy", "train"), 0.95))[1:] == [True] * 5


def test_the_table_has_every_number_once_with_its_controls():
    results = results_of("geography", geography_run(3), geography_run(4))
    header, rows = geography.table(results)
    n_accuracies, n_end, n_step = 3 + 2 * 2, 2 * 2 * 3, 7 * 4 * 3
    assert len(rows) == 2 * 3 * (n_accuracies + n_end + n_step) and {len(row) for row in rows} == {len(header)}
    keys = [row[: header.index("value")] for row in rows]
    assert len(set(keys)) == len(keys)
    found = dict(zip(keys, rows))

    def row(*key):
        return dict(zip(header[len(key) :], found[key][len(key) :]))

    nothing = {"untrained": None, "bag_of_words": None, "regrouping_null_99": None, "chance": None}
    assert row(3, "plain", "ari", "train", None, 40, 1) == {
        "value": 0.8, "untrained": 0.05, "bag_of_words": 0.05, "regrouping_null_99": 0.3, "chance": None
    }  # fmt: skip
    assert row(4, "hard", "cross_pattern_1nn", "unseen_instruction", None, 40, 2) == {
        "value": 0.96, "untrained": 0.1, "bag_of_words": 0.35, "regrouping_null_99": None, "chance": 0.077
    }  # fmt: skip
    assert row(3, "inside", "accuracy", "unseen_combination", "coast", 40, None) == {**nothing, "value": 0.99}
    assert row(3, "plain", "accuracy", "train", None, 40, None) == {**nothing, "value": 1.0, "chance": 0.3}
    key = (3, "plain", "ari by step, last token", "train", None, 20)
    assert row(*key, 2) == {**nothing, "value": 0.6, "regrouping_null_99": 0.15}
    assert row(*key, 1) == {**nothing, "value": 0.3}
    assert row(3, "plain", "between_answers by step, last token", "train", None, 20, 2) == {**nothing, "value": 0.2}
    key = (3, "plain", "answers_within by step, last token", "train", None, 20, 2)
    assert row(*key) == {**nothing, "value": pytest.approx(0.2 / 0.3)}
    json_text(results)
