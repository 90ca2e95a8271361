import copy

import pytest

from minicluster.experiments.claims import STATEMENTS, judge


def good_run():
    """Four layers (middle: 2), recorded at steps 0, 50 and 100: what a run that shows everything looks like."""
    return {
        "steps": [0, 50, 100],
        "accuracy": {"train": [0.0, 0.99, 1.0]},
        "ari": {"train": [[0.0, 0.04, 0.05, 0.05], [0.0, 0.1, 0.9, 0.95], [0.0, 0.1, 0.95, 1.0]]},
        "cross_pattern_1nn": {"unseen_instruction": [[0.08] * 4, [0.1] * 4, [0.08, 0.1, 0.9, 0.95]]},
        "controls": {
            "regrouping_null_99": {"train": [0.0, 0.1, 0.3, 0.3]},
            "bag_of_letters": {"ari": {"train": 0.12}, "cross_pattern_1nn": {"unseen_instruction": 0.1}},
            "cross_pattern_1nn_by_chance": 0.077,
        },
        "landing": {"n_misplaced": 8, "accuracy_landed": 0.99, "accuracy_misplaced": 0.5},
    }


def verdicts(*runs):
    return {claim["id"]: claim["holds"] for claim in judge(list(runs), middle_layer=2)}


def test_a_good_run_holds_and_the_rest_is_not_measured():
    claims = judge([good_run()], middle_layer=2)
    assert [claim["id"] for claim in claims] == [1, 2, 3, 4, 5, 6]
    assert [claim["holds"] for claim in claims] == [True, True, None, True, None, None]
    for claim in claims:
        measured = claim["holds"] is not None
        assert claim["statement"] == STATEMENTS[claim["id"]]
        assert (claim["measured"] is not None) == (claim["rule"] is not None) == measured
    assert claims[0]["measured"][0]["number"] == 0.95


@pytest.mark.parametrize(
    ("claim", "path", "value"),
    [
        (1, ("ari", "train", -1, 2), 0.29),  # below the regrouping null
        (1, ("controls", "regrouping_null_99", "train", 3), 1.0),  # equal to it
        (1, ("controls", "bag_of_letters", "ari", "train"), 0.96),
        (1, ("ari", "train", 0, 2), 0.96),  # untrained
        (1, ("ari", "train", -1, 1), 0.96),  # a shallow layer
        (1, ("ari", "train", -1, 3), 0.49),  # above all controls, but hardly clusters
        (2, ("ari", "train", 0, 2), 0.5),  # rises by less than 0.5
        (2, ("ari", "train", 1, 2), 0.8),  # still rising in the second half
        (4, ("cross_pattern_1nn", "unseen_instruction", -1, 2), 0.49),
        (4, ("cross_pattern_1nn", "unseen_instruction", 0, 2), 0.9),  # no better than untrained
        (4, ("controls", "bag_of_letters", "cross_pattern_1nn", "unseen_instruction"), 0.95),
        (4, ("landing", "accuracy_misplaced"), 0.98),  # wrong only twice as often where misplaced
        (4, ("landing", "accuracy_misplaced"), 1.0),
    ],
)
def test_each_condition_can_fail(claim, path, value):
    run = good_run()
    entry = run
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value
    found = verdicts(run)
    assert found.pop(claim) is False
    if path[:2] != ("ari", "train"):  # which two claims read
        assert False not in found.values()


def test_one_bad_seed_is_enough():
    bad = good_run()
    bad["ari"]["train"][-1][3] = 0.2
    assert verdicts(good_run(), good_run())[1] is True
    assert verdicts(good_run(), bad)[1] is False


def test_what_a_run_could_not_measure_is_no_verdict():
    run = good_run()
    run["landing"]["accuracy_misplaced"] = None  # there are none
    run["steps"] = [0, 49, 100]  # one recording in the second half
    assert verdicts(run) == {1: True, 2: None, 3: None, 4: None, 5: None, 6: None}
    assert verdicts(good_run(), run)[4] is None
    run = good_run()
    run["accuracy"]["train"][1] = 0.98  # still learning when the second half begins
    run["ari"]["train"][1][2] = 0.5  # and clustering
    assert verdicts(run)[2] is None
    run["ari"]["train"][2][2] = 0.5  # but a rise that is missing at the end is missing
    assert verdicts(run)[2] is False
    bad = copy.deepcopy(good_run())
    bad["landing"]["accuracy_misplaced"] = 0.985
    assert verdicts(bad, run)[4] is False


def test_few_errors_are_enough_if_they_are_the_misplaced_strings():
    run = good_run()
    run["landing"] = {"n_misplaced": 3, "accuracy_landed": 1.0, "accuracy_misplaced": 0.9}
    assert verdicts(run)[4] is True
    run["landing"]["n_misplaced"] = 2
    assert verdicts(run)[4] is None
    run["landing"] |= {"n_misplaced": 9, "accuracy_misplaced": 1.0}  # no errors at all
    assert verdicts(run)[4] is None
