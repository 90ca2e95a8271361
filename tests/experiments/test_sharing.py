import math

import pytest
from made_up_results import TINY, changed, end, results_of, sharing_run

from minicluster.experiments import sharing
from minicluster.experiments.measure import measure_end
from minicluster.experiments.statistics import rank_correlation
from minicluster.experiments.trial import train
from minicluster.files import json_text

SHARES = (1, 2, 5, 10)


def verdicts(*runs):
    return [verdict["holds"] for verdict in sharing.summarise(list(runs))["verdicts"]]


def test_there_is_a_training_for_each_place_of_the_dial():
    found = sharing.trainings(TINY)
    assert list(found) == [f"share {share}" for share in SHARES]
    assert [own.share for own in found.values()] == list(SHARES)
    assert all(own.d_model == TINY.d_model and own.steps == TINY.steps for own in found.values())


def test_what_is_measured_has_the_form_of_the_made_up_run():
    trained = train(TINY, 0, "numpy")
    measured = sharing.measure(trained)
    assert measured["share"] == 1
    assert measured.keys() == sharing_run()["share 1"].keys()
    assert measured.items() >= measure_end(trained).items()
    json_text(measured)


def test_a_good_run_holds():
    found = sharing.summarise([sharing_run(), sharing_run(1)])
    assert [verdict["holds"] for verdict in found["verdicts"]] == [True, True]
    first, second = found["verdicts"]
    assert first["values"] == [0.26, 0.26] and first["controls"]["no output shared"]["median"] == 0.97
    assert second["values"] == [1.0, 1.0]
    assert found["by_share"]["share 5"]["ari"] == {"median": 0.4, "low": 0.4, "high": 0.4}
    assert found["by_share"]["share 5"]["unseen_combination"]["median"] == 0.6
    assert found["by_share"]["share 10"]["train"]["median"] == 1.0


@pytest.mark.parametrize(
    ("name", "unseen_combination", "holds"),
    [
        ("share 1", 0.89, False),
        ("share 1", 0.9, True),
        ("share 10", 0.51, False),
        ("share 10", 0.5, True),
        ("share 5", 0.3, True),  # not what the rule is about
    ],
)
def test_both_ends_of_the_dial_decide(name, unseen_combination, holds):
    run = changed(sharing_run(), (name, "accuracy", "unseen_combination"), unseen_combination)
    assert verdicts(run)[0] is holds
    assert verdicts(sharing_run(), run)[0] is holds  # one seed is enough to fail


def test_the_correlation_decides_over_the_trainings_of_a_seed():
    run = sharing_run()
    for share, ari in zip(SHARES, (0.2, 0.4, 0.9, 1.0)):  # the other way round
        run = changed(run, (f"share {share}", "ari", "train", 1), ari)
    assert verdicts(run) == [True, False]
    for share, ari in zip(SHARES, (0.9, 1.0, 0.4, 0.2)):
        run = changed(run, (f"share {share}", "ari", "train", 1), ari)
    # Ranks (3, 4, 2, 1) and (4, 3, 2, 1) differ by 1 twice: 1 - 6 * 2 / (4 * 15) = .8.
    found = sharing.summarise([run])["verdicts"][1]
    assert found["holds"] is True and math.isclose(found["values"][0], 0.8, rel_tol=1e-12)  # a few roundings
    assert found["values"] == [rank_correlation((0.9, 1.0, 0.4, 0.2), (0.97, 0.9, 0.6, 0.26))]
    run = changed(run, ("share 5", "ari", "train", 1), 0.1)  # ranks (3, 4, 1, 2): .6
    assert verdicts(run) == [True, False]


def test_models_that_have_not_learned_are_not_judged():
    assert verdicts(changed(sharing_run(), ("share 5", "accuracy", "train"), 0.949)) == [None, None]
    assert verdicts(changed(sharing_run(), ("share 5", "accuracy", "train"), 0.95)) == [True, True]


def test_without_any_variation_the_correlation_is_not_judged():
    run = sharing_run()
    for share in SHARES:
        run[f"share {share}"]["ari"]["train"][1] = 0.5
    assert verdicts(run)[1] is None
    assert verdicts(run, sharing_run())[1] is None


def test_the_middle_layer_is_the_one_that_is_judged():
    run = sharing_run()
    for share, ari in zip(SHARES, (0.2, 0.4, 0.9, 1.0)):
        run = changed(run, (f"share {share}", "ari", "train", 2), ari)
    assert verdicts(run) == [True, True]


def test_the_table_has_a_row_for_each_seed_share_and_layer():
    results = results_of("sharing", sharing_run(3), sharing_run(4))
    header, rows = sharing.table(results)
    assert len(rows) == 2 * 4 * 3 and {len(row) for row in rows} == {len(header)}
    assert dict(zip(header, rows[1])) == {
        "seed": 3, "share": 1, "layer": 1, "ari": 1.0, "regrouping_null_99": 0.3, "accuracy_train": 1.0,
        "accuracy_unseen_combination": 0.97,
    }  # fmt: skip
    assert [row[0] for row in rows] == [3] * 12 + [4] * 12
    json_text(results)


def test_the_made_up_end_has_the_form_of_the_measured_one():
    measured, made_up = measure_end(train(TINY, 0, "numpy")), end()
    assert measured.keys() == made_up.keys()
    for key in ("ari", "cross_pattern_1nn", "untrained", "bag_of_letters", "accuracy"):
        assert measured[key].keys() == made_up[key].keys()
    assert len(measured["regrouping_null_99"]) == len(measured["ari"]["train"]) == 3
