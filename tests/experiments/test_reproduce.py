import json

import numpy as np
import pytest

from minicluster.experiments import Job, Settings
from minicluster.experiments.reproduce import median, reproduce, table

SMALL = Settings(
    n_tasks=3, n_distributions=2, n_inputs=4, n_instructions=4, n_unseen_instructions=2, n_held_out_inputs=1,
    d_model=8, n_layers=2, n_heads=2, steps=8, batch_size=8, n_recordings=4, restarts=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def results():
    return reproduce([Job(SMALL, seed, data_seed=seed) for seed in (5, 6, 7)])[0]


def test_median_keeps_the_shape_of_lists_and_dicts():
    values = [{"a": [[1, 2]], "b": 5}, {"a": [[7, 4]], "b": 1}, {"a": [[3, 9]], "b": 3}]
    assert median(values) == {"a": [[3, 4]], "b": 3}


def test_medians_are_over_the_runs(results):
    assert results["seed"] == 5 and results["seeds"] == [5, 6, 7]
    assert [run["seed"] for run in results["runs"]] == [5, 6, 7]
    for name in ("loss", "accuracy", "ari", "cross_pattern_1nn"):
        for split, values in results[name].items():
            np.testing.assert_array_equal(values, np.median([run[name][split] for run in results["runs"]], axis=0))
    assert results["early_stopping_step"] == np.median([run["early_stopping_step"] for run in results["runs"]])


def test_each_seed_is_the_run_that_it_would_be_alone(results):
    alone = reproduce([Job(SMALL, 6, data_seed=6)])[0]["runs"][0]
    assert alone == results["runs"][1]
    digests = [run["parameters_digest"] for run in results["runs"]]
    assert len(set(digests)) == 3


def test_seeds_that_failed_are_not_among_those_of_the_table(results):
    for seeds, shown in (([0, 2], "0, 2"), ([5, 6, 7, 9, 11, 12], "5 to 7, 9, 11 to 12")):
        assert f"medians of seeds {shown}, 8 steps" in table({**results, "seeds": seeds}).splitlines()[0]


def test_results_are_plain(results):
    assert json.loads(json.dumps(results, allow_nan=False)) == results


def test_the_table_shows_the_last_step_and_every_verdict(results):
    lines = table(results).splitlines()
    assert lines[0].startswith("medians of seeds 5 to 7, 8 steps, 3 tasks x 2 patterns")
    shown = {line[:32].strip(): line[32:].split() for line in lines}
    assert shown["unseen combination"] == [f"{results['accuracy']['unseen_combination'][-1]:.3f}"]
    null = results["controls"]["regrouping_null_99"]["train"]
    assert shown["control: regrouping null, 99 %"] == [f"{round(v, 2) + 0:.2f}" for v in null]
    assert "-0.00" not in table(results)
    for name in ("ari", "cross_pattern_1nn"):
        for label, values in (("train", results[name]["train"][-1]), ("control: untrained", results[name]["train"][0])):
            row = f"  {label:30}" + "".join(f"{round(value, 2) + 0:6.2f}" for value in values)
            assert row in lines
    assert len([line for line in lines if line.startswith("claim ")]) == 6
    assert any("not measured  Clustering saturates" in line for line in lines)
