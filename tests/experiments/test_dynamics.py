import numpy as np
import pytest
from made_up_results import TINY, Silent, both_splits, changed, dynamics_run, results_of

from minicluster.experiments import dynamics, prepare
from minicluster.experiments.measure import chance_of_neighbour, letter_counts
from minicluster.experiments.trial import Trained, one_row_a_string, train
from minicluster.files import json_text
from minicluster.training import Recording


def made_up(by="task", seed=0):
    """A training whose states are the same at layer 0 and hold nothing but a string's task (or pattern) deeper.

    The untrained ones are noise, and so are the input token's at layer 1.
    """
    setup, rng = prepare(TINY, seed, backend="numpy"), np.random.default_rng(seed)
    names = ("train", "unseen_instruction")
    strings = {name: one_row_a_string(setup.dataset.splits[name], rng) for name in names}
    untrained, trained = {}, {}
    for name, rows in strings.items():
        corner = 10 * np.eye(8)[getattr(rows, by)] + 0.1 * rng.standard_normal((len(rows), 8))  # (strings, C)
        noise = rng.standard_normal((3, *corner.shape))
        trained[name] = np.stack([np.zeros_like(corner), corner, corner])
        trained[f"{name}_input"] = np.stack([np.zeros_like(corner), noise[0], corner])
        untrained |= {name: noise, f"{name}_input": noise}
    accuracy = {name: 0.5 for name in setup.dataset.splits}
    recordings = [Recording(step, accuracy, accuracy, states) for step, states in ((0, untrained), (6, trained))]
    return Trained(setup, recordings, strings)


def test_states_that_hold_the_task_score_1_at_their_token_layer_and_step():
    measured = dynamics.measure(made_up())
    assert (measured["steps"], measured["middle_layer"]) == ([0, 6], 1)
    for token, layers in (("separator", (1, 2)), ("input", (2,))):
        for m in ("ari", "ami", "cross_pattern_1nn"):
            for split in ("train", "unseen_instruction"):
                untrained, last = measured[token][m][split]
                assert [layer for layer in range(3) if last[layer] > 0.999] == list(layers), (token, m, split)
                assert max(untrained) < 0.9
        silhouettes = measured[token]["silhouette"]
        assert [layer for layer in range(3) if silhouettes[1][layer] > 0.9] == list(layers)
        assert max(silhouettes[0]) < 0.5
    # ARI and AMI of one cluster of equal rows are 0; a row finds its task by chance, 1 in 5.
    assert measured["separator"]["ari"]["train"][1][0] == 0
    assert measured["separator"]["cross_pattern_1nn"]["train"][1][0] == pytest.approx(1 / 5, rel=1e-12)  # a mean
    assert measured["chance_1nn"] == 1 / 5 == chance_of_neighbour(made_up().dataset)


def test_what_holds_the_pattern_only_reaches_the_ceiling_and_not_more():
    by_task, by_pattern = (dynamics.measure(made_up(by)) for by in ("task", "distribution"))
    # Pairs of 36 strings in 6 patterns of 6 and 3 tasks of 12: 90 of a pattern, 198 of a task, 630 in all.
    expected = 90 * 198 / 630
    ceiling = (90 - expected) / ((90 + 198) / 2 - expected)
    assert by_task["ceiling"] == by_pattern["ceiling"] == pytest.approx(ceiling, rel=1e-12)  # a few roundings
    nested = by_pattern["by_distribution"]
    assert nested["distribution"][1][1:] == [1, 1]
    np.testing.assert_allclose(nested["task"][1][1:], ceiling, rtol=1e-12)  # likewise
    assert max(nested["distribution"][0]) < 0.9
    assert by_task["by_distribution"]["distribution"][1][1] < 0.9
    assert by_pattern["separator"]["ari"]["train"][1][1] <= by_pattern["regrouping_null_99"][1][1]
    assert by_task["regrouping_null_99"][1][0] == 0 < by_task["regrouping_null_99"][1][1]


def test_the_silhouette_prefers_the_number_of_clusters_that_there_are():
    assert dynamics.measure(made_up())["chosen_k"]["layers"] == [None, 3, 3]
    chosen = dynamics.measure(made_up("distribution"))["chosen_k"]
    assert chosen["layers"] == [None, 6, 6]
    assert chosen["steps"][1] == 6 and len(chosen["steps"]) == 2


def test_more_clusters_than_different_rows_are_not_preferred():
    x = np.repeat(np.eye(4), 5, axis=0)  # 20 rows, four different ones
    assert dynamics.preferred_k(x, prepare(TINY, 0, backend="numpy")) == 4
    x = np.repeat(np.eye(7), 5, axis=0)  # 7 is not tried: eight clusters, one of them empty, would fit best
    assert dynamics.preferred_k(x, prepare(TINY, 0, backend="numpy")) == 6
    assert dynamics.preferred_k(np.ones((20, 4)), prepare(TINY, 0, backend="numpy")) is None


def test_the_bag_of_letters_is_scored_like_a_layer():
    trained = made_up()
    measured = dynamics.measure(trained)["bag_of_letters"]
    letters = [letter_counts(rows, trained.dataset.vocabulary) for rows in trained.strings.values()]
    scores = dynamics.layer_scores(trained, *letters)
    assert measured == {m: scores[m] for m in ("ari", "ami", "cross_pattern_1nn")}
    assert measured["ari"]["train"] < 0.9


def test_a_real_training_is_measured_at_every_recorded_step_and_has_the_form_of_the_made_up_run():
    trained = train(TINY, 0, "numpy", Silent)
    measured, expected = dynamics.measure(trained), dynamics_run()["plain"]
    assert measured.keys() == expected.keys()
    for key in ("separator", "input", "by_distribution", "chosen_k", "bag_of_letters", "accuracy"):
        assert measured[key].keys() == expected[key].keys()
    n = len(measured["steps"])
    assert n == len(trained.recordings) == len(measured["regrouping_null_99"]) == len(measured["chosen_k"]["steps"])
    for token in ("separator", "input"):
        for values in (measured[token]["silhouette"], *measured[token]["ami"].values()):
            assert len(values) == n and all(len(layers) == 3 for layers in values)
    assert all(len(values) == n for values in measured["accuracy"].values())
    results = results_of("dynamics", {"seed": 0, "plain": measured}, {"seed": 1, "plain": measured})
    json_text(results)
    header, rows = dynamics.table(results)
    assert len(rows) == 2 * (n * 3 * 2 * 2 + 3) and {len(row) for row in rows} == {len(header)}


def verdicts(*runs):
    return [verdict["holds"] for verdict in dynamics.summarise(list(runs))["verdicts"]]


def test_a_good_run_holds_and_its_numbers_are_those_of_its_best_layer():
    found = dynamics.summarise([dynamics_run(), dynamics_run(1)])["verdicts"]
    assert [verdict["holds"] for verdict in found] == [True] * 3
    clusters, neighbours, rise = found
    assert clusters["median"] == 0.98
    assert {name: own["median"] for name, own in clusters["controls"].items()} == {
        "untrained": 0.06, "bag of letters": 0.12, "regrouping null, 99 %": 0.32
    }  # fmt: skip
    assert neighbours["median"] == 0.93
    assert {name: own["median"] for name, own in neighbours["controls"].items()} == {
        "untrained": 0.08, "bag of letters": 0.3, "chance": 0.077
    }  # fmt: skip
    assert rise["median"] == 0.96 - 0.05
    assert rise["controls"]["drift over the second half"]["median"] == 0.96 - 0.9


SEPARATOR, LETTERS = ("plain", "separator"), ("plain", "bag_of_letters")


@pytest.mark.parametrize(
    ("path", "value", "which"),
    [
        ((*SEPARATOR, "ari", "train", 2), [0.0, 0.2, 0.94, 0.94], 0),  # the best layer is not good enough
        ((*SEPARATOR, "ari", "train", 0, 3), 0.98, 0),  # no better than untrained
        ((*LETTERS, "ari", "train"), 0.98, 0),
        (("plain", "regrouping_null_99", 2, 3), 0.98, 0),
        ((*SEPARATOR, "ari", "train", 2, 0), 0.96, 0),  # a shallow layer is as good as the middle one
        ((*SEPARATOR, "ari", "train", 2, 1), 0.97, 0),
        ((*SEPARATOR, "ari", "train", 2), [0.0, 0.9, 0.89, 0.98], 0),  # a deep layer below a shallow one
        ((*SEPARATOR, "cross_pattern_1nn", "train", 2, 2), 0.89, 1),
        ((*SEPARATOR, "ari", "train", 0, 2), 0.47, 2),  # rises by less than .5
        ((*SEPARATOR, "ari", "train", 1, 2), 0.85, 2),  # still rising in the second half
    ],
)
def test_each_part_of_a_rule_can_decide(path, value, which):
    run = changed(dynamics_run(), path, value)
    found = verdicts(run)
    assert found.pop(which) is False
    assert False not in found
    assert verdicts(dynamics_run(), run)[which] is False  # one seed is enough


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*SEPARATOR, "ari", "train", 0, 2), 0.45),
        ((*SEPARATOR, "ari", "train", 1, 2), 0.87),
        (("plain", "steps"), [0, 49, 100]),  # the drift was in the first half
        ((*SEPARATOR, "cross_pattern_1nn", "train", 2, 2), 0.9),
        ((*SEPARATOR, "cross_pattern_1nn", "train", 2, 3), 0.5),  # another layer
        ((*SEPARATOR, "ari", "train", 2, 3), 0.95),
        ((*SEPARATOR, "ari", "train", 2, 3), 0.961),  # a little above the middle one
        ((*SEPARATOR, "ari", "unseen_instruction", 2), [0.0] * 4),
    ],
)
def test_what_is_at_the_bounds_or_not_of_the_rule_holds(path, value):
    assert verdicts(changed(dynamics_run(), path, value)) == [True] * 3


def test_a_drift_in_the_first_half_is_learning():
    run = changed(dynamics_run(), (*SEPARATOR, "ari", "train", 1, 2), 0.3)
    assert verdicts(run)[2] is False
    assert verdicts(changed(run, ("plain", "steps"), [0, 49, 100]))[2] is True


def test_a_fall_at_the_end_is_a_drift_too():
    run = changed(dynamics_run(), (*SEPARATOR, "ari", "train", 1, 2), 1.0)
    run = changed(run, (*SEPARATOR, "ari", "train", 2, 2), 0.85)
    assert verdicts(run)[2] is False


def test_medians_and_ranges_are_taken_over_seeds_at_each_step_and_layer():
    other = changed(dynamics_run(1), (*SEPARATOR, "ami", "unseen_instruction", 1, 3), 0.07)
    other = changed(other, ("plain", "chosen_k", "layers"), [2, 7, 12, 10])
    other = changed(other, (*LETTERS, "ami"), both_splits(0.4, 0.5))
    found = dynamics.summarise([dynamics_run(), other])
    curve = found["curves"]["separator"]["ami"]["unseen_instruction"]
    assert curve[1][3] == {"median": (0.47 + 0.07) / 2, "low": 0.07, "high": 0.47}
    assert curve[1][2] == {"median": 0.45, "low": 0.45, "high": 0.45}
    assert [number["median"] for number in found["chosen_k"]["layers"]] == [2, 6, 11, 10]
    assert [number["median"] for number in found["chosen_k"]["steps"]] == [3, 11, 10]
    assert found["by_distribution"]["task"][2][3]["median"] == 0.49
    assert found["controls"]["regrouping_null_99"][1][2]["median"] == 0.3
    letters = found["controls"]["bag_of_letters"]["ami"]["unseen_instruction"]
    assert letters == {"median": 0.345, "low": 0.19, "high": 0.5}
    assert found["controls"]["ceiling"]["median"] == 0.375
    assert found["curves"]["input"]["silhouette"]["train"][2][3]["median"] == 0.6


def test_the_table_has_the_numbers_of_each_step_layer_token_and_split():
    header, rows = dynamics.table(results_of("dynamics", dynamics_run(7)))
    assert len(rows) == 3 * 4 * 2 * 2 + 2 + 1
    assert {len(row) for row in rows} == {len(header)}
    at = {row[1:5]: dict(zip(header, row)) for row in rows}
    row = at[50, 3, "separator", "train"]
    assert [row[m] for m in ("seed", "ari", "ami", "cross_pattern_1nn", "silhouette", "regrouping_null_99")] == [
        7, 0.94, 0.47, 0.9, 0.5, 0.3
    ]  # fmt: skip
    assert at[50, 3, "input", "train"]["regrouping_null_99"] is None
    unseen = at[50, 3, "separator", "unseen_instruction"]
    assert unseen["silhouette"] is None and unseen["regrouping_null_99"] is None
    assert unseen["ari"] == 0.47
    assert (row["ari_distributions_by_distribution"], row["ari_distributions_by_task"]) == (0.94, 0.47)
    assert row["chosen_k"] is None and at[50, 2, "separator", "train"]["chosen_k"] == 11
    assert at[50, 3, "input", "train"]["ari_distributions_by_task"] is unseen["ari_distributions_by_task"] is None
    letters = at[None, None, "bag of letters", "unseen_instruction"]
    assert [letters[m] for m in ("ari", "ami", "cross_pattern_1nn")] == [0.1, 0.19, 0.2]
    assert at[None, None, "perfect distributions", "train"]["ari"] == 0.375
