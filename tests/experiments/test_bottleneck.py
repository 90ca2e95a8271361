from dataclasses import replace

import numpy as np
import pytest
from made_up_model import SIZE, reading
from made_up_results import TINY, Silent, bottleneck_run, changed, results_of

from minicluster.experiments import bottleneck, prepare
from minicluster.experiments.measure import measure_end
from minicluster.experiments.patching import random_steps
from minicluster.experiments.trial import one_row_a_string, train
from minicluster.files import json_text

def test_there_are_four_trainings():
    found = bottleneck.trainings(TINY)
    assert {name: (own.share, own.bottleneck) for name, own in found.items()} == {
        "separate, plain": (1, False), "separate, bottleneck": (1, True),
        "shared, plain": (3, False), "shared, bottleneck": (3, True),
    }  # fmt: skip


def test_donors_are_as_long_of_another_task_and_their_pattern_was_trained_with_the_input():
    for seed in range(3):
        dataset = prepare(TINY, seed, backend="numpy").dataset
        rows = one_row_a_string(dataset.train, np.random.default_rng(seed))
        donors = bottleneck._donors(dataset, rows, np.random.default_rng(seed))
        known = set(zip(dataset.train.distribution.tolist(), dataset.train.input.tolist()))
        for row, donor in enumerate(donors):
            fitting = [
                other for other in range(len(rows))
                if len(rows.instruction[other]) == len(rows.instruction[row]) and rows.task[other] != rows.task[row]
                and (rows.distribution[other], rows.input[row]) in known
            ]  # fmt: skip
            assert donor in fitting if fitting else donor == -1
        draws = [bottleneck._donors(dataset, rows, np.random.default_rng(draw))[0] for draw in range(20)]
        assert len(set(draws)) > 1


def test_a_row_without_a_donor_has_none():
    dataset = prepare(TINY, 0, backend="numpy").dataset
    rows = one_row_a_string(dataset.train, np.random.default_rng(0))
    alone = rows[rows.task == 1]
    assert (bottleneck._donors(dataset, alone, np.random.default_rng(0)) == -1).all()


def shares(measured, what="moved"):
    return {patch: own[what] for patch, own in measured["patches"].items()}


def test_patches_move_the_answers_of_a_model_that_reads_the_separator():
    # Block 2 reads what block 1 has left there; block 1 writes it anew from the letters. Random steps are too short.
    measured = bottleneck.measure(reading(TINY))
    assert shares(measured) == {
        "held": [1, 1, 0],
        "centroid": [0, 1, 0],
        "string": [0, 1, 0],
        "instruction": [1, 1, 0],
        "random": [0, 0, 0],
        "random_held": [0, 0, 0],
    }
    assert shares(measured, "stayed") == {p: [1 - share for share in own] for p, own in shares(measured).items()}
    assert measured["last_layer"] == 0
    assert set(measured["moved_by_pattern"]) <= {1.0, None} and len(measured["moved_by_pattern"]) == 6


def test_patches_move_the_answers_of_a_model_that_reads_the_letters():
    measured = bottleneck.measure(reading(TINY, reads="letters"))
    found = shares(measured)
    assert found.pop("instruction") == [1, 1, 0]
    assert all(own == [0, 0, 0] for own in found.values())
    assert set(measured["moved_by_pattern"]) <= {0.0, None}


def test_random_steps_are_as_long_as_the_way_to_the_other_centroid(monkeypatch):
    taken = []

    def step(states, lengths, rng):
        taken.append(lengths)
        return random_steps(states, lengths, rng)

    monkeypatch.setattr(bottleneck, "random_steps", step)
    measured = bottleneck.measure(reading(TINY))
    assert len(taken) == 3 and {len(lengths) for lengths in taken} == {measured["n_patched"]}
    # From one corner to another, two channels change by SIZE; at layer 0 all separators are the same.
    for lengths, expected in zip(taken, (0, SIZE * np.sqrt(2), SIZE * np.sqrt(2))):
        np.testing.assert_allclose(lengths, expected, rtol=1e-12, atol=1e-12)  # means of equal numbers


@pytest.mark.parametrize("share", [1, 3])
def test_only_rows_that_are_answered_rightly_and_differ_from_their_donors_are_patched(share):
    settings = replace(TINY, share=share)
    trained = reading(settings)
    own, at_fault = trained.model.task_of, set(trained.strings["train"].instruction[::4])

    def place(string):
        return (own(string) + 1) % 3 if string in at_fault else own(string)

    trained.model.place = place
    rows, outputs = trained.strings["train"], trained.dataset.outputs
    donors = bottleneck._donors(trained.dataset, rows, np.random.default_rng([0, bottleneck.PATCH_STREAM]))
    expected = 0
    for row, donor in enumerate(donors):
        task, x = rows.task[row], rows.input[row]
        wrong = outputs[place(rows.instruction[row]), x] != outputs[task, x]
        expected += donor >= 0 and outputs[task, x] != outputs[rows.task[donor], x] and not wrong
    measured = bottleneck.measure(trained)
    assert measured["n_patched"] == expected
    assert 0 < expected < (donors >= 0).sum()
    assert shares(measured, "stayed")["random"] == [1, 1, 1]
    assert shares(measured)["held"][0] > 0.9  # the centroids are those of the recorded states, of tasks that are right


def test_what_is_measured_besides_is_the_end_of_the_training():
    trained = reading(TINY)
    assert bottleneck.measure(trained).items() >= measure_end(trained).items()


def test_a_model_that_has_learned_nothing_is_measured_and_not_judged():
    trained = train(TINY, 0, "numpy", Silent)
    trained.model.parameters["ln_f.weight"][:] = 0
    trained.model.parameters["ln_f.bias"][:] = trained.model.parameters["wte.weight"][0]  # it answers with padding
    measured = bottleneck.measure(trained)
    assert measured["n_patched"] == 0 and measured["patches"]["held"]["moved"] == [None] * 3
    assert measured.keys() == bottleneck_run()["shared, plain"].keys()
    assert len(measured["moved_by_pattern"]) == 6
    results = results_of("bottleneck", {"seed": 0, **dict.fromkeys(bottleneck.trainings(TINY), measured)})
    assert [verdict["holds"] for verdict in results["verdicts"]] == [None, None, True]
    assert results["moved"]["shared, plain"]["held"][1]["median"] is None
    learned = results["runs"][0]
    for name in bottleneck.trainings(TINY):
        learned = changed(learned, (name, "accuracy", "train"), 1.0)
    assert verdicts(learned) == [None, None, True]
    json_text(results)


def test_what_is_measured_has_the_form_of_the_made_up_run():
    measured = bottleneck.measure(reading(TINY))
    assert measured.keys() == bottleneck_run()["shared, plain"].keys()
    assert measured["patches"].keys() == bottleneck_run()["shared, plain"]["patches"].keys()


def verdicts(*runs):
    return [verdict["holds"] for verdict in bottleneck.summarise(list(runs))["verdicts"]]


def test_a_good_run_holds():
    found = bottleneck.summarise([bottleneck_run(), bottleneck_run(1)])["verdicts"]
    assert [verdict["holds"] for verdict in found] == [True, True, True]
    for verdict in found[:2]:
        assert verdict["values"] == [0.97, 0.97] and verdict["interval"] == [0.97, 0.97]
        assert {name: own["median"] for name, own in verdict["controls"].items()} == {
            "random steps": 0.04, "the same without the bottleneck": 0.23, "whole instruction, layer 0": 0.96,
            "the centroid in one layer only, where that moves most": 0.5,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("patch", "layer", "value", "holds"),
    [
        ("held", 1, 0.89, False),
        ("held", 1, 0.9, True),
        ("held", 2, 0.0, True),  # not the layer that is judged
        ("random_held", 1, 0.97, False),  # no less than by design
        ("random_held", 1, 0.96, True),
        ("random", 1, 0.97, True),
        ("instruction", 0, 0.89, False),
        ("instruction", 0, 0.9, True),
        ("instruction", 1, 0.0, True),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_each_part_of_the_rule_can_decide(patch, layer, value, holds, which):
    name = ("separate, bottleneck", "shared, bottleneck")[which]
    path = ("moved_by_pattern",) if patch == "held" and layer == 1 else ("patches", patch, "moved", layer)
    run = changed(bottleneck_run(), (name, *path), [value, None, value] if len(path) == 1 else value)
    expected = [True, True, True]
    expected[which] = holds
    assert verdicts(run) == verdicts(bottleneck_run(), run) == expected


@pytest.mark.parametrize(("accuracy", "judged"), [(0.949, False), (0.95, True)])
def test_a_model_that_has_not_learned_is_not_judged(accuracy, judged):
    run = changed(bottleneck_run(), ("shared, bottleneck", "accuracy", "train"), accuracy)
    assert verdicts(run) == [True, True if judged else None, True]
    run = changed(run, ("shared, bottleneck", "moved_by_pattern"), [0.2, None, 0.2])
    assert verdicts(run) == [True, False if judged else None, True]
    learned = changed(run, ("shared, bottleneck", "accuracy", "train"), 1.0)
    assert verdicts(run, learned)[1] is False


def test_medians_are_taken_over_seeds_at_each_layer():
    other = changed(bottleneck_run(1), ("shared, plain", "patches", "string", "moved"), [0.3, 0.65, 0.2])
    other = changed(other, ("shared, plain", "last_layer"), 0.25)
    found = bottleneck.summarise([bottleneck_run(), other])
    moved = [number["median"] for number in found["moved"]["shared, plain"]["string"]]
    assert moved == pytest.approx([0.2, 0.55, 0.1], rel=1e-12)  # means of two
    assert found["moved"]["separate, plain"]["string"][1] == {"median": 0.45, "low": 0.45, "high": 0.45}
    assert found["accuracy"]["shared, plain"]["unseen_combination"]["median"] == 0.5
    assert [number["median"] for number in found["ari"]["shared, bottleneck"]] == [0, 0.5, 1]
    assert found["verdicts"][2]["values"] == [0, 0.25] and found["verdicts"][2]["holds"] is False


def test_the_table_has_a_row_for_each_seed_training_and_layer():
    header, rows = bottleneck.table(results_of("bottleneck", bottleneck_run(3), bottleneck_run(4)))
    assert len(rows) == 2 * 4 * 3 and {len(row) for row in rows} == {len(header)}
    row = dict(zip(header, rows[4]))
    assert (row["seed"], row["training"], row["layer"], row["ari_train"]) == (3, "separate, bottleneck", 1, 0.5)
    assert (row["held_moved"], row["held_stayed"], row["instruction_moved"]) == (0.97, 1 - 0.97, 0.6)
