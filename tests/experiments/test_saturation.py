"""The times, their comparison, the design and the verdicts of the experiment `saturation`."""

import itertools
import json
from dataclasses import replace

import matplotlib
import numpy as np
import pytest

from minicluster.experiments import Settings, saturation
from minicluster.experiments.saturation import (
    L9,
    SHARED,
    compare,
    fall_step,
    lowest_with_patience,
    measure,
    saturation_step,
    smoothed,
    summarise,
    table,
    trainings,
)
from minicluster.experiments.statistics import partial_correlation
from minicluster.experiments.trial import Trained, train
from minicluster.files import json_text
from minicluster.plots.saturation import draw_saturation
from minicluster.training import Recording

matplotlib.use("Agg")
BAR = "95th percentile when validation times are dealt to other runs"
TINY = Settings(
    n_tasks=3, n_distributions=2, n_inputs=4, n_instructions=6, n_unseen_instructions=3, n_held_out_inputs=1,
    d_model=8, n_layers=4, n_heads=2, steps=12, warmup=3, batch_size=8, n_recordings=6, restarts=5,
)  # fmt: skip


def run_of(t_cluster, t_validation, t_train, t_validation_fall=None, censored=False, **more):
    """A measured run of which only the times matter."""
    fall = t_train if t_validation_fall is None else t_validation_fall
    times = {"t_cluster": t_cluster, "t_validation": t_validation, "t_train": t_train, "t_validation_fall": fall}
    return {**times, "censored": censored, "steps": [0, 10, 100, 900], **more}


def runs_by_seed(n_seeds, follows):
    """Nine runs a seed whose clustering follows training loss and, by `follows`, what is validation's own."""
    rng, seeds = np.random.default_rng(3), []
    for seed in range(n_seeds):
        train_time = np.linspace(4, 5, 9)
        own, noise = rng.standard_normal((2, 9)) * 0.2
        validation, clusters = train_time + 0.3 + own, train_time + follows * own + 0.1 * noise
        times = np.exp(np.stack([clusters, validation, train_time]))
        nine = {f"run {i + 1}": whole_run(*times[:, i].tolist(), levels=L9[i]) for i in range(9)}
        seeds.append({"seed": seed, **nine, SHARED: whole_run(30.0, 90.0, 100.0, levels=(1, 1, 1), ari=0.2, share=10)})
    return seeds


def whole_run(*times, levels, ari=1.0, share=1, **more):
    curves = {"ari": [0, 0.1, ari, ari], "train_loss": [4, 2, 1, 0.1], "validation_loss": [4, 2, 1, 0.2]}
    factors = {"lr": (1, 2, 3)[levels[0]], "n_instructions": levels[1], "n_tasks": levels[2], "share": share}
    return run_of(*times, **curves, **factors, train_accuracy=[0, 0.2, 0.8, 0.99], **more)


def test_the_design_holds_every_pair_of_levels_of_any_two_factors_once():
    for one, other in itertools.combinations(range(3), 2):
        assert sorted((row[one], row[other]) for row in L9) == list(itertools.product(range(3), repeat=2))


def test_trainings_vary_the_three_factors_and_nothing_else():
    base = Settings().as_small()
    found = trainings(base)
    assert len(found) == 10
    for name, levels in zip(found, L9):
        own = found[name]
        assert own == replace(
            base, steps=800, n_recordings=36, lr=saturation.LEARNING_RATES[levels[0]],
            n_instructions=saturation.N_INSTRUCTIONS[levels[1]], n_tasks=saturation.N_TASKS[levels[2]],
        )  # fmt: skip
    assert found[SHARED] == replace(base, steps=800, n_recordings=36, share=10)


def test_smoothing_takes_away_a_single_outlier_and_keeps_a_step_where_it_is():
    assert smoothed([0, 0, 9, 0, 0]).tolist() == [0, 0, 0, 0, 0]
    assert smoothed([0, 0, 1, 1, 1]).tolist() == [0, 0, 1, 1, 1]
    assert smoothed([7, 1, 2, 3, 9]).tolist() == [7, 2, 2, 3, 9]


def test_saturation_is_the_first_step_at_95_percent_of_the_last_value():
    steps = [0, 10, 20, 30, 40, 50]
    assert saturation_step(steps, [0, 0.5, 0.74, 0.77, 0.8, 0.8]) == 30  # .95 * .8 = .76
    assert saturation_step(steps, [0, 0.5, 0.74, 0.75, 0.8, 0.8]) == 40
    assert saturation_step(steps, [0, 0.9, 0.1, 0.1, 0.8, 0.8]) == 40  # the peak at 10 is smoothed away
    assert saturation_step([*steps, 60], [0, 0.5, 0.78, 0.9, 0.9, 0.8, 0.8]) == 20  # of the last, not of the highest


def test_a_curve_that_does_not_rise_has_no_time():
    assert saturation_step([0, 10, 20], [0.5, 0.5, 0.5]) is None
    assert saturation_step([0, 10, 20], [0.3, 0.1, -0.02]) is None
    assert fall_step([0, 10, 20], [2, 2, 2]) is None
    assert fall_step([0, 10, 20], [2, 3, 4]) is None


def test_the_fall_is_95_percent_of_the_way_to_the_lowest():
    steps = [0, 10, 20, 30, 40]
    assert fall_step(steps, [5, 3, 1.3, 1.1, 1]) == 20 + 10  # 5 - .95 * 4 = 1.2
    assert fall_step(steps, [5, 3, 1.2, 1.1, 1]) == 20
    assert fall_step(steps, [5, 2, 1, 1, 4]) == 20  # what rises afterwards is no part of it


def test_patience_ends_the_search_four_recordings_after_the_last_gain():
    steps = [0, 1, 2, 3, 4, 5, 6]
    assert lowest_with_patience(steps, [9, 5, 5, 5, 5, 5, 1]) == (1, False)
    assert lowest_with_patience(steps, [9, 5, 5, 5, 5, 1, 1]) == (5, True)


def test_only_a_gain_of_a_twentieth_of_the_best_counts():
    steps = [1, 2, 3, 4, 5, 6]
    assert lowest_with_patience(steps, [10, 9.6, 9.57, 9.55, 9.51, 9.51]) == (1, False)
    assert lowest_with_patience(steps, [10, 9.6, 9.4, 9.4, 9.4, 9.4]) == (3, True)  # small gains add up


def test_a_minimum_that_may_still_come_is_censored():
    assert lowest_with_patience([1, 2, 3], [3, 2, 1]) == (3, True)
    assert lowest_with_patience([1, 2, 3, 4, 5], [3, 3, 3, 3, 1]) == (5, True)
    assert lowest_with_patience([1, 2, 3, 4, 5], [3, 3, 3, 3, 3]) == (1, False)


def test_recordings_before_the_end_of_the_warm_up_are_not_judged():
    steps, losses = [0, 1, 2, 3, 4, 50, 60, 70], [5, 5, 5, 5, 5, 4, 2, 1]
    assert lowest_with_patience(steps, losses)[0] == 0
    assert lowest_with_patience(steps, losses, first_step=50)[0] == 70
    assert lowest_with_patience([0, 50, 60, 70, 80, 90], [1, 4, 2, 3, 3, 3], first_step=50) == (60, True)


def test_ratios_and_the_share_within_a_factor_of_2():
    runs = [run_of(100, 100 * factor, 50, 25) for factor in (1, 0.5, 2, 2.1, 4, 0.4)]
    found = compare([runs])
    assert found["n"] == 6 and found["censored"] == 0 and found["late"] == 0
    assert found["within"] == 3 / 6
    assert found["ratio"]["low"] == pytest.approx(1 / 4, rel=1e-12)
    assert found["ratio"]["high"] == pytest.approx(1 / 0.4, rel=1e-12)
    assert found["ratio_train"]["median"] == pytest.approx(2, rel=1e-12)
    assert found["ratio_fall"]["median"] == pytest.approx(4, rel=1e-12)
    assert found["correlation"] is None and found["shuffled_p"] is None  # t_cluster does not vary


def test_pairs_with_other_runs_leave_out_the_own_and_other_seeds():
    runs = [run_of(t, t, t) for t in (10, 100, 1000)]
    found = compare([runs, [run_of(10, 10, 10)]])
    assert found["within"] == 1 and found["shuffled_within"] == 0
    close = compare([[run_of(10, 10, 10), run_of(15, 15, 15), run_of(90, 90, 90)]])
    assert close["shuffled_within"] == pytest.approx(2 / 6)


def test_censored_runs_and_those_without_a_time_are_left_out_and_late_ones_counted():
    runs = [run_of(10 + i, 20, 30 + i * i) for i in range(6)]
    left_out = [run_of(10, 10, 10, censored=True), run_of(None, 10, 10), run_of(10, 10, None)]
    late = [run_of(10, 601, 30), run_of(10, 600, 30)]  # of 900 steps
    found = compare([runs + left_out + late])
    assert (found["n"], found["censored"], found["late"]) == (8, 1, 1)


def test_a_run_without_a_minimum_counts_in_what_is_within_at_most():
    runs = [run_of(10, 20, 10), run_of(None, 9, 9)]
    without = [run_of(10, 15, 10, censored=True), run_of(10, 30, 10, censored=True), run_of(90, 30, 10, censored=True)]
    found = compare([runs + without])  # the minimum of the last one may still come at step 90
    assert found["within"] == 1 and found["within_at_most"] == 3 / 4


def test_too_few_runs_are_not_judged():
    found = compare([[run_of(10, 20, 30), run_of(20, 30, 10), run_of(20, 50, 60)]])
    assert found["n"] == 3 and found["partial_correlation"] is None and found["shuffled_bar"] is None
    none = compare([[run_of(10, 10, 10, censored=True)]])
    assert none["n"] == 0 and none["within"] is None and none["ratio"]["median"] is None


def test_what_only_follows_training_loss_has_a_high_plain_and_no_partial_correlation():
    (run,) = runs_by_seed(1, follows=0.0)
    found = compare([[run[f"run {i}"] for i in range(1, 10)]])
    assert found["correlation"] > 0.7 and found["correlation_train"] > 0.9
    assert found["partial_correlation"] < found["shuffled_bar"] and found["shuffled_p"] > 0.05


def test_what_follows_validation_loss_beats_its_shuffles():
    (run,) = runs_by_seed(1, follows=1.0)
    nine = [run[f"run {i}"] for i in range(1, 10)]
    found = compare([nine])
    logs = [np.log([own[name] for own in nine]) for name in ("t_cluster", "t_validation", "t_train")]
    assert found["partial_correlation"] == partial_correlation(*logs[:2], [logs[2]])
    assert found["partial_correlation"] > 0.8 > found["shuffled_bar"] > 0.3
    assert found["shuffled_p"] < 0.01
    opposite = compare([[{**own, "t_validation": own["t_train"] ** 2 / own["t_validation"]} for own in nine]])
    assert opposite["partial_correlation"] < -0.8 and opposite["shuffled_p"] > 0.99  # one-sided


def test_shuffles_stay_within_a_seed():
    # Both times differ between seeds and not within: dealing within a seed changes nothing, so nothing is beaten.
    two = [[run_of(c, v, 50 + i) for i in range(6)] for c, v in ((100, 100), (200, 200))]
    found = compare(two)
    assert found["partial_correlation"] > 0.99 and found["shuffled_p"] > 0.02
    assert compare([two[0] + two[1]])["shuffled_p"] < 0.01


def test_shuffles_agree_with_all_permutations_of_what_training_loss_leaves():
    rng = np.random.default_rng(1)
    t = np.array([0, 0.1, 0.2, 0.3, 0.4, 2.5])  # had validation times themselves been dealt, p would be .75
    c, v = t + 0.3 * rng.standard_normal((2, 6))
    slope, intercept = np.polyfit(t, v, 1)
    rest = v - slope * t - intercept
    real = partial_correlation(c, v, [t])
    all_of_them = [partial_correlation(c, rest[list(order)], [t]) for order in itertools.permutations(range(6))]
    found = compare([[run_of(*times) for times in np.exp(np.stack([c, v, t], axis=1) + 1).tolist()]])
    # Of 2000 draws a share has a standard error of .011 at most.
    assert found["shuffled_p"] == pytest.approx(np.mean(np.array(all_of_them) >= real - 1e-9), abs=0.05)
    assert found["shuffled_bar"] == pytest.approx(np.quantile(all_of_them, 0.95), abs=0.05)


def test_the_same_shuffles_every_time():
    (run,) = runs_by_seed(1, follows=0.5)
    nine = [[run[f"run {i}"] for i in range(1, 10)]]
    assert compare(nine) == compare(nine)


@pytest.mark.parametrize(("follows", "holds"), [(1.0, True), (0.0, False)])
def test_verdicts(follows, holds):
    found = summarise(runs_by_seed(2, follows))
    alignment, beyond, dissociation = found["verdicts"]
    assert alignment["claim"] == beyond["claim"] == dissociation["claim"] == 3
    assert alignment["holds"] is True
    assert beyond["holds"] is holds
    assert beyond["values"] == [own["partial_correlation"] for own in found["by_seed"]]
    assert dissociation["holds"] is True and dissociation["values"] == [0.2, 0.2]
    assert found["over_all"]["n"] == 18 and [own["n"] for own in found["by_seed"]] == [9, 9]


def test_a_correlation_that_shuffles_reach_does_not_hold():
    beyond = summarise(runs_by_seed(2, 0.05))["verdicts"][1]
    assert 0.1 < beyond["values"][1] < beyond["controls"][BAR]["values"][1]
    assert beyond["holds_by_seed"] == [True, False]


def test_verdicts_that_fail():
    runs = runs_by_seed(2, 1.0)
    for i in range(1, 5):  # four of nine: a third and more
        runs[1][f"run {i}"]["t_validation"] *= 8
    runs[0][SHARED]["train_accuracy"][-1] = 0.94
    runs[1][SHARED]["ari"][-1] = 0.5
    alignment, _, dissociation = summarise(runs)["verdicts"]
    assert alignment["holds_by_seed"] == [True, False]
    assert dissociation["holds_by_seed"] == [False, False]


def test_what_other_pairs_do_as_well_is_no_alignment():
    (run,) = runs_by_seed(1, 1.0)
    for i in range(1, 10):
        run[f"run {i}"] |= {"t_cluster": 100 + i, "t_validation": 110 - i}
    alignment = summarise([run])["verdicts"][0]
    assert alignment["values"] == [1] and alignment["holds"] is False


def test_a_seed_with_too_few_minima_is_not_judged():
    (run,) = runs_by_seed(1, 1.0)
    for i in range(1, 5):
        run[f"run {i}"]["censored"] = True
    alignment, beyond, _ = summarise([run])["verdicts"]
    assert alignment["holds"] is None and beyond["holds"] is None
    assert alignment["controls"]["runs without a minimum, of nine"]["values"] == [4]


class Quiet:
    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, *_, **__):
        pass


@pytest.fixture(scope="module")
def trained():
    return train(TINY, 0, "numpy", Quiet)


def states_at(trained, layer, perfect):
    """States of five layers that are all alike, but hold the task in one layer if asked to."""
    corner = 10 * np.eye(8)[trained.strings["train"].task]  # (strings, C)
    states = np.random.default_rng(0).standard_normal((5, *corner.shape))
    states[layer] += perfect * corner
    return {"train": states}


def test_measure_takes_layer_3_of_training_strings_and_the_right_losses(trained):
    numbers = [(0, 4.0, 4.0), (2, 2.0, 3.0), (3, 1.0, 2.5), (6, 0.5, 2.0), (12, 0.4, 1.0)]
    recordings = [
        Recording(step, {"train": a, "unseen_instruction": b, "unseen_combination": 9.0},
                  {"train": 1 - a / 8, "unseen_instruction": 0.1, "unseen_combination": 0.2},
                  states_at(trained, 3, step >= 6))
        for step, a, b in numbers
    ]  # fmt: skip
    found = measure(Trained(trained.setup, recordings, trained.strings))
    assert found["steps"] == [0, 2, 3, 6, 12]
    assert found["ari"][-2:] == [1, 1] and max(found["ari"][:3]) < 0.5
    assert found["train_loss"] == [a for _, a, _ in numbers] and found["validation_loss"] == [b for *_, b in numbers]
    assert found["train_accuracy"] == [1 - a / 8 for _, a, _ in numbers]
    assert found["t_cluster"] == 6
    assert found["t_train"] == 6 and found["t_validation_fall"] == 12
    assert (found["t_validation"], found["censored"]) == (12, True)
    other = [replace(r, states=states_at(trained, 2, True)) for r in recordings]
    assert max(measure(Trained(trained.setup, other, trained.strings))["ari"]) < 0.5


def test_a_real_training_is_measured_plainly(trained):
    found = measure(trained)
    assert len(found["ari"]) == len(trained.recordings) and all(-1 <= value <= 1 for value in found["ari"])
    assert json.loads(json_text(found)) == found


def results_of(runs):
    return {"runs": runs, "seeds": [run["seed"] for run in runs], "config": {"small": True}, **summarise(runs)}


def test_table_has_a_row_a_recording():
    header, rows = table(results_of(runs_by_seed(2, 1.0)))
    assert len(rows) == 2 * 10 * 4 and all(len(row) == len(header) for row in rows)
    first = dict(zip(header, rows[3]))
    assert first["training"] == "run 1" and first["step"] == 900 and first["validation_loss"] == 0.2


def test_pictures_say_the_numbers_and_bear_what_is_missing():
    runs = runs_by_seed(1, 1.0)
    pictures = draw_saturation(results_of(runs))
    over_all = compare([[runs[0][f"run {i}"] for i in range(1, 10)]])
    assert f"{over_all['partial_correlation']:.2f}" in pictures["saturation"].alt
    assert "0.20" in pictures["saturation_curves"].alt
    for i in range(1, 10):
        runs[0][f"run {i}"] |= {"censored": True}
    runs[0]["run 5"]["t_cluster"] = None
    json_text(results_of(runs))
    pictures = draw_saturation(results_of(runs))
    assert "partialled out none" in pictures["saturation"].alt
    for picture in pictures.values():
        matplotlib.pyplot.close(picture.figure)
