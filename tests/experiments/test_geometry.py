import copy
from dataclasses import asdict, replace

import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from minicluster.cluster import PCA
from minicluster.experiments import Settings
from minicluster.experiments.geometry import (
    MEASURES,
    N_DRAWS,
    centroid_distances,
    centroids,
    deal,
    deviations,
    effective_dimension,
    geometry,
    measure,
    over_seeds,
    regrouped_shares,
    rise_by_depth,
    scatter,
    shown_share,
    summarise,
    table,
    trainings,
)
from minicluster.experiments.run import Recording
from minicluster.experiments.trial import train
from minicluster.files import OutputError, json_text
from minicluster.plots.geometry import FRAMES_A_SECOND, LAST_SHOWN, draw_geometry, frames, save_animation
from minicluster.training import Progress

TINY = Settings(
    n_tasks=4, n_distributions=2, n_inputs=4, n_instructions=5, n_unseen_instructions=3, n_held_out_inputs=1,
    d_model=8, n_layers=4, n_heads=2, steps=6, batch_size=8, n_recordings=4, restarts=5,
)  # fmt: skip
ROUNDING = 1e-12  # sums of some hundred float64 numbers of size 1

# Five strings of two tasks, by hand: centroids (1, 0) and (11, 1), mean (7, 0.6).
BY_HAND = np.array([[0.0, 0], [10, 0], [2, 0], [12, 0], [11, 3]])
TASK = np.array([0, 1, 0, 1, 1])


@pytest.fixture(scope="module")
def trained():
    return train(TINY, seed=3)


@pytest.fixture(scope="module")
def pictured(trained):
    return measure(replace(trained, pictured=True))


def with_states(trained, *steps):
    """The same training, as if it had recorded these (L + 1, strings, C) arrays."""
    return replace(trained, recordings=[Recording(10 * i, {}, {}, {"train": states}) for i, states in enumerate(steps)])


def corners(by, spread, seed=0):
    """States that hold nothing but a group (of 4 or 8), and noise."""
    return np.eye(8)[by] + spread * np.random.default_rng(seed).standard_normal((len(by), 8))


def test_scatter_by_hand():
    within, between = scatter(BY_HAND, TASK)
    assert within == pytest.approx((1 + 1 + 2 + 2 + 4) / 5, rel=ROUNDING)
    assert between == pytest.approx((2 * (6**2 + 0.6**2) + 3 * (4**2 + 0.4**2)) / 5, rel=ROUNDING)


def test_within_and_between_add_up_to_the_scatter_of_all():
    rng = np.random.default_rng(0)
    x, group = rng.standard_normal((40, 5)) + 3, rng.integers(7, size=40)
    assert sum(scatter(x, group)) == pytest.approx(x.var(axis=0).sum(), rel=ROUNDING)
    assert scatter(x, np.zeros(40)) == pytest.approx((x.var(axis=0).sum(), 0), rel=ROUNDING, abs=ROUNDING)
    assert scatter(x, np.arange(40)) == pytest.approx((0, x.var(axis=0).sum()), rel=ROUNDING, abs=ROUNDING)


def test_centroids_and_deviations_by_hand():
    np.testing.assert_array_equal(centroids(BY_HAND, TASK), [[1, 0], [11, 1]])
    np.testing.assert_array_equal(deviations(BY_HAND, TASK), [[-1, 0], [-1, -1], [1, 0], [1, -1], [0, 2]])


@pytest.mark.parametrize(
    ("rows", "dimension"),
    [
        ([[2, 0, 0]], 1),
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], 3),
        ([[2, 0, 0], [0, 1, 0]], 25 / 17),  # eigenvalues as 4 to 1: (4 + 1)^2 / (16 + 1)
    ],
)
def test_effective_dimension_of_known_spectra(rows, dimension):
    x = np.array([*rows, *np.negative(rows)], float)
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))
    assert effective_dimension(x) == pytest.approx(dimension, rel=ROUNDING)
    assert effective_dimension(7 * x @ turn) == pytest.approx(dimension, rel=ROUNDING)


def test_effective_dimension_is_the_eigenvalues():
    x = np.random.default_rng(0).standard_normal((30, 4)) * [3, 2, 1, 1]
    x -= x.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T))
    assert effective_dimension(x) == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=ROUNDING)


def test_distances_of_a_right_triangle():
    x = np.array([[-1.0, 0], [1, 0], [3, 0], [0, 4]])  # centroids (0, 0), (3, 0), (0, 4)
    assert centroid_distances(x, np.array([0, 0, 1, 2])) == pytest.approx((4, 3), rel=ROUNDING)


def test_patterns_are_dealt_into_groups_of_the_same_size():
    task_of_pattern = np.array([0, 0, 1, 1, 1, 2])
    dealt = deal(task_of_pattern, 50, 0)
    assert dealt.shape == (50, 6)
    assert (np.sort(dealt, axis=1) == task_of_pattern).all()
    assert len(np.unique(dealt, axis=0)) > 25
    np.testing.assert_array_equal(dealt, deal(task_of_pattern, 50, 0))
    assert (dealt != deal(task_of_pattern, 50, 1)).any()


def test_regrouped_shares_are_those_of_the_pseudo_tasks():
    rng = np.random.default_rng(0)
    pattern = np.repeat(np.arange(6), [3, 8, 5, 5, 2, 7])  # patterns of different sizes
    x = rng.standard_normal((30, 4)) + 2 * rng.standard_normal((6, 4))[pattern] + 5
    dealt = deal(np.arange(6) // 2, 10, 0)
    expected = [scatter(x, one[pattern])[1] / x.var(axis=0).sum() for one in dealt]
    np.testing.assert_allclose(regrouped_shares(x, pattern, dealt), expected, rtol=ROUNDING)


def test_geometry_by_hand():
    pattern = np.array([0, 2, 1, 3, 3])
    dealt = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
    found = geometry(BY_HAND, TASK, pattern, dealt)
    within, between = scatter(BY_HAND, TASK)
    assert (found["within_tasks"], found["between_tasks"]) == (within, between)
    # Only pattern 3 has two strings: (12, 0) and (11, 3), at a distance of sqrt(10) from each other.
    assert found["within_patterns"] == pytest.approx(10 / 2 / 5, rel=ROUNDING)
    assert found["between_share"] == pytest.approx(between / (within + between), rel=ROUNDING)
    assert found["within_pattern_share"] == pytest.approx(1 / (within + between), rel=ROUNDING)
    assert found["mean_distance"] == found["least_distance"] == pytest.approx(np.sqrt(101 / 2), rel=ROUNDING)
    first, second = regrouped_shares(BY_HAND, pattern, dealt)
    assert first == found["between_share"] > second  # the first draw is the tasks themselves
    assert found["regrouping_null_99"] == pytest.approx(second + 0.99 * (first - second), rel=ROUNDING)
    assert found["dimension"] == pytest.approx(effective_dimension(BY_HAND - BY_HAND.mean(axis=0)), rel=ROUNDING)
    # Within tasks: (-1, 0), (1, 0), (-1, -1), (1, -1), (0, 2) vary alike by 4 and 6, and not together.
    assert found["dimension_within_tasks"] == pytest.approx(10**2 / (4**2 + 6**2), rel=ROUNDING)


def test_shares_dimensions_and_distances_have_no_unit():
    pattern, dealt = np.array([0, 2, 1, 3, 3]), deal(np.array([0, 0, 1, 1]), 20, 0)
    one, other = (geometry(x, TASK, pattern, dealt) for x in (BY_HAND, 1000 * BY_HAND + 7))
    for name in MEASURES[3:]:
        assert one[name] == pytest.approx(other[name], rel=1e-9), name
    for name in MEASURES[:3]:
        assert 1e6 * one[name] == pytest.approx(other[name], rel=1e-9), name


def test_where_tasks_are_points_there_is_no_radius():
    task = np.repeat(np.arange(4), 6)
    found = geometry(np.eye(8, dtype=np.float32)[task], task, np.arange(24) // 3, deal(np.arange(8) // 2, 20, 0))
    assert found["between_share"] == 1 and found["within_tasks"] == 0
    assert found["dimension"] == pytest.approx(3, rel=ROUNDING)  # a regular simplex of 4 corners
    assert found["dimension_within_tasks"] is found["mean_distance"] is found["least_distance"] is None
    assert found["regrouping_null_99"] < 1


@pytest.mark.parametrize("value", [0, 0.1, 1e6])
def test_where_nothing_varies_there_are_no_shares(value):
    x = np.full((24, 8), value, np.float32)
    x[::5] = np.nextafter(x[::5], np.float32(2 * value))  # rounded otherwise in another batch
    found = geometry(x, np.arange(24) // 6, np.arange(24) // 3, deal(np.arange(8) // 2, 20, 0))
    assert all(found[name] is None for name in MEASURES[3:])
    json_text(found)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_states_that_are_not_finite_have_no_geometry(value):
    x = BY_HAND.copy()
    x[2, 1] = value
    assert geometry(x, TASK, np.array([0, 2, 1, 3, 3]), np.array([[0, 0, 1, 1]])) == dict.fromkeys(MEASURES)


def test_states_that_hold_the_task_pass_the_null_and_those_that_hold_the_pattern_do_not(trained):
    strings = trained.strings["train"]
    by_task, by_pattern = corners(strings.task, 0.1), corners(strings.distribution, 0.1)
    measured = measure(with_states(trained, np.stack([by_task, by_pattern])))
    (of_task, of_pattern), nulls = measured["between_share"][0], measured["regrouping_null_99"][0]
    # Of 8 patterns in pairs there are 105 groupings, and one is the real one: the null's upper end may reach it.
    assert of_task > 0.85 and of_task >= nulls[0] - ROUNDING
    assert of_pattern < 0.5 and of_pattern <= nulls[1] + ROUNDING


def test_each_step_and_layer_is_measured_in_its_place(trained):
    rng = np.random.default_rng(1)
    steps = [rng.standard_normal((3, len(trained.strings["train"]), 8)).astype(np.float32) for _ in range(2)]
    measured = measure(with_states(trained, *steps))
    assert measured["steps"] == [0, 10] and measured["n_tasks"] == 4 and measured["middle_layer"] == 2
    strings = trained.strings["train"]
    for step, layers in enumerate(steps):
        for layer, states in enumerate(layers):
            own = geometry(states, strings.task, strings.distribution, deal(np.arange(8) // 2, N_DRAWS, [3, 5]))
            assert {name: measured[name][step][layer] for name in MEASURES} == own
    assert "pictured" not in measured
    json_text(measured)


def test_the_picture_shows_one_plane_at_all_steps(trained, pictured):
    drawn, recordings = pictured["pictured"], trained.recordings
    assert drawn["layer"] == 2 and drawn["steps"] == pictured["steps"] == [0, 1, 2, 3, 6]
    assert drawn["task"] == trained.strings["train"].task.tolist()
    last = recordings[-1].states["train"][2].astype(float)
    plane = PCA(2).fit(last)
    for recording, points in zip(recordings, drawn["points"]):
        expected = (recording.states["train"][2] - last.mean(axis=0)) @ plane.components_.T
        np.testing.assert_allclose(points, expected, rtol=0, atol=0.0005 + 1e-9)  # rounded to 3 decimals
    assert drawn["explained"][-1] == pytest.approx(plane.explained_variance_ratio_.sum(), rel=1e-9)
    assert 0 <= min(drawn["explained"]) <= max(drawn["explained"]) <= 1
    assert drawn["tsne"]["layers"] == [1, 2, 4] and drawn["tsne"]["perplexity"] == 40 / 3
    assert np.shape(drawn["tsne"]["points"]) == (3, 40, 2)
    json_text(pictured)


def test_neighbours_stay_neighbours_in_the_picture_of_t_sne(trained):
    strings = trained.strings["train"]
    states = np.stack([corners(strings.task, spread, seed) for seed, spread in enumerate((9, 0.01, 9, 9, 0.01))])
    drawn = measure(replace(with_states(trained, states), pictured=True))["pictured"]["tsne"]
    for layer, points in zip(drawn["layers"], np.array(drawn["points"])):
        squared = ((points[:, None] - points) ** 2).sum(axis=2) + 1e9 * np.eye(40)
        together = (strings.task[squared.argmin(axis=1)] == strings.task).mean()
        assert together == 1 if layer in (1, 4) else together < 0.8


def test_shown_share_by_hand():
    states = np.array([[1.0, 0, 2], [-1, 0, -2]])
    assert shown_share(states, states[:, :2]) == pytest.approx(1 / 5, rel=ROUNDING)
    assert shown_share(np.zeros((3, 4)), np.zeros((3, 2))) is None


def test_rises_by_depth_leave_layer_0_out():
    assert rise_by_depth([9, 0.1, 0.2, 0.3, 0.3], [0, 0.3, 0.6, 0.8, 1.0], 2) == pytest.approx((0.3, 0.6))
    assert rise_by_depth([None, 0, 0, 0], [None, 1, 1, None], 1) == (1, None)
    assert rise_by_depth([0, 0], [1, 1], 1) == (1, None)


def test_over_seeds_takes_each_number_by_itself():
    grids = [[[1.0, None], [3, 4]], [[5, None], [7, 0]], [[0, None], [8, 2]]]
    assert over_seeds(grids) == {
        "median": [[1, None], [7, 2]],
        "low": [[0, None], [3, 0]],
        "high": [[5, None], [8, 4]],
    }


def run_of(seed, share=(0.02, 0.5, 0.8, 0.9, 0.9), untrained=0.1, null=0.3, distance=1.5):
    """One seed's numbers at two steps and five layers."""
    grid = [[None] * 5, [None] * 5]
    return {
        "seed": seed,
        "plain": {
            "middle_layer": 2,
            "n_tasks": 10,
            "steps": [0, 9],
            **dict.fromkeys(MEASURES, grid),
            "between_share": [[untrained] * 5, list(share)],
            "regrouping_null_99": [[0.9] * 5, [0.9, 0.9, null, 0.9, 0.9]],
            "least_distance": [[0.2] * 5, [0.1, 0.1, distance, 0.1, 0.1]],
        },
    }


def held(*runs):
    return [verdict["holds"] for verdict in summarise(list(runs))["verdicts"]]


def test_the_verdicts_hold_where_they_should():
    assert held(run_of(0)) == [True, True, True]
    found = summarise([run_of(0), run_of(1, distance=1.1)])["verdicts"]
    assert [v["median"] for v in found] == pytest.approx([0.8, (0.8 + 0.8) / 2 - (0.4 + 0.7) / 2, 1.3])
    assert found[0]["controls"]["regrouping null, 99th percentile"]["values"] == [0.3, 0.3]
    assert found[0]["controls"]["untrained model"]["values"] == [0.1, 0.1]
    assert found[1]["controls"]["rise, layers 1 to 2"]["median"] == pytest.approx((0.4 + 0.7) / 2)
    assert found[1]["controls"]["rise, layers after 2"]["median"] == pytest.approx(0.8)
    assert found[2]["controls"]["untrained model"]["values"] == [0.2, 0.2]
    assert all(v["claim"] is None for v in found)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"null": 0.8}, [False, True, True]),  # not above the null
        ({"share": (0.02, 0.3, 0.59, 0.9, 0.9)}, [False, True, True]),  # above the null, but too small a rise
        ({"share": (0.02, 0.9, 0.8, 0.94, 0.94)}, [True, False, True]),  # deeper layers lead by .09
        ({"share": (0.02, 0.9, 0.8, 0.96, 0.96)}, [True, True, True]),  # and by .11
        ({"distance": 1.0}, [True, True, False]),
        ({"distance": None}, [True, True, None]),
        ({"share": (None,) * 5}, [None, None, True]),
    ],
)
def test_each_rule_can_fail_alone_and_one_seed_is_enough(wrong, expected):
    assert held(run_of(0, **wrong)) == expected
    assert held(run_of(0), run_of(1, **wrong)) == expected


def test_one_training_a_seed_as_the_settings_are():
    assert trainings(TINY) == {"plain": TINY}


@pytest.fixture(scope="module")
def results(trained, pictured):
    other = copy.deepcopy(pictured)
    del other["pictured"]
    for name in MEASURES:
        other[name] = [[None if value is None else 0.9 * value for value in row] for row in other[name]]
    runs = [{"seed": 0, "plain": pictured}, {"seed": 1, "plain": other}]
    return {"experiment": "geometry", "config": asdict(TINY), "seeds": [0, 1], "runs": runs, **summarise(runs)}


def test_the_table_has_a_row_for_each_seed_step_and_layer(results):
    header, rows = table(results)
    assert header[:3] == ("seed", "step", "layer") and len(rows) == 2 * 5 * 5
    for row in rows:
        own = dict(zip(header, row, strict=True))
        numbers = results["runs"][own["seed"]]["plain"]
        at = numbers["steps"].index(own["step"])
        assert all(own[name] == numbers[name][at][own["layer"]] for name in MEASURES)
    assert len({row[:3] for row in rows}) == 50


def test_the_curves_drawn_are_the_medians_and_bands_the_ranges(results):
    pictures = draw_geometry(results)
    assert set(pictures) == {"geometry", "geometry_pca", "geometry_tsne"}
    share, rise, dimension, distance = pictures["geometry"].figure.axes
    numbers = results["over_seeds"]
    for axis, label, expected in (
        (share, "trained", numbers["between_share"]["median"][-1]),
        (share, "untrained", numbers["between_share"]["median"][0]),
        (share, "regrouping null, 99th percentile", numbers["regrouping_null_99"]["median"][-1]),
        (rise, "between tasks", [row[2] for row in numbers["between_share"]["median"]]),
        (rise, "within patterns", [row[2] for row in numbers["within_pattern_share"]["median"]]),
        (rise, "regrouping null, 99th percentile", [row[2] for row in numbers["regrouping_null_99"]["median"]]),
        (dimension, "all states, trained", numbers["dimension"]["median"][-1]),
        (dimension, "all states, untrained", numbers["dimension"]["median"][0]),
        (dimension, "within tasks, trained", numbers["dimension_within_tasks"]["median"][-1]),
        (distance, "mean, trained", numbers["mean_distance"]["median"][-1]),
        (distance, "least, trained", numbers["least_distance"]["median"][-1]),
        (distance, "mean, untrained", numbers["mean_distance"]["median"][0]),
    ):
        lines = {line.get_label(): line for line in axis.lines}
        np.testing.assert_array_equal(lines[label].get_ydata(), expected, err_msg=label)
        np.testing.assert_array_equal(lines[label].get_xdata(), results["steps"] if axis is rise else range(5))
    corners_drawn = {tuple(corner) for path in share.collections[0].get_paths() for corner in path.vertices}
    for key in ("low", "high"):
        assert set(enumerate(numbers["between_share"][key][-1])) <= corners_drawn
    assert f"{numbers['between_share']['median'][-1][4]:.2f}" in pictures["geometry"].alt
    for picture in pictures.values():
        pyplot.close(picture.figure)


def test_numbers_that_are_missing_are_left_out_of_curves_and_told():
    runs = [run_of(0, share=(None, 0.5, 0.8, 0.9, 0.9))]
    results = {"config": asdict(TINY), "seeds": [0], "runs": runs, **summarise(runs)}
    pictures = draw_geometry(results)
    assert set(pictures) == {"geometry"}  # nothing was kept of one training
    line = next(line for line in pictures["geometry"].figure.axes[0].lines if line.get_label() == "trained")
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
    assert "none, 0.50, 0.80" in pictures["geometry"].alt
    pyplot.close(pictures["geometry"].figure)


def drawn_points(axis):
    return np.concatenate([scatter.get_offsets() for scatter in axis.collections])


def in_order_of_tasks(points, task):
    return np.array(points)[np.argsort(task, kind="stable")]


def test_still_frames_and_layers_show_the_points(results, pictured):
    pictures, own = draw_geometry(results), pictured["pictured"]
    panels = pictures["geometry_pca"].figure.axes
    assert [axis.get_title() for axis in panels] == [f"step {step}" for step in own["steps"]]  # 5 of at most 8
    for axis, points in zip(panels, own["points"]):
        np.testing.assert_array_equal(drawn_points(axis), in_order_of_tasks(points, own["task"]))
        assert len({tuple(one.get_facecolor()[0]) for one in axis.collections}) == 4
        assert len({one.get_paths()[0].vertices.tobytes() for one in axis.collections}) == 4
    panels = pictures["geometry_tsne"].figure.axes
    assert [axis.get_title() for axis in panels] == ["layer 1", "layer 2", "layer 4"]
    for axis, points in zip(panels, own["tsne"]["points"]):
        np.testing.assert_array_equal(drawn_points(axis), in_order_of_tasks(points, own["task"]))
    assert "mean nothing" in pictures["geometry_tsne"].alt
    for picture in pictures.values():
        pyplot.close(picture.figure)


def test_the_frames_are_comparable_and_say_what_they_show(pictured):
    shares = [[step + layer / 10 for layer in range(5)] for step in (0.01, 0.02, 0.03, 0.04, 0.05)]
    nulls = [[0.1 + share for share in row] for row in shares]
    told = {**pictured, "between_share": shares, "regrouping_null_99": nulls}
    drawn = frames({"runs": [{"seed": 3, "plain": told}]})
    assert [step for step, _ in drawn] == pictured["steps"]
    limits = {(*picture.figure.axes[0].get_xlim(), *picture.figure.axes[0].get_ylim()) for _, picture in drawn}
    assert len(limits) == 1
    left, right, low, high = limits.pop()
    everything = np.concatenate(pictured["pictured"]["points"])
    assert (everything > [left, low]).all() and (everything < [right, high]).all()
    for (step, picture), points, row in zip(drawn, pictured["pictured"]["points"], shares):
        shown = drawn_points(picture.figure.axes[0])
        np.testing.assert_array_equal(shown, in_order_of_tasks(points, pictured["pictured"]["task"]))
        assert f"Step {step}:" in picture.alt and f"between tasks: {row[2]:.2f}" in picture.alt
        assert f"99th percentile, {row[2] + 0.1:.2f}" in picture.alt
        assert f"tasks {row[2]:.0%}\n(regrouping null {row[2] + 0.1:.0%})" in picture.figure.texts[1].get_text()
        assert tuple(picture.figure.get_size_inches()) == (9.6, 5.4)
        pyplot.close(picture.figure)


def test_the_animation_shows_every_frame_and_stays_on_the_last(results, tmp_path):
    path = tmp_path / "forming.gif"
    open_before = pyplot.get_fignums()
    told = save_animation(results, path)
    assert "Step 6:" in told and pyplot.get_fignums() == open_before
    durations = []
    with Image.open(path) as image:
        assert image.size == (960, 540) and image.info["loop"] == 0
        for at in range(image.n_frames):
            image.seek(at)
            durations.append(image.info["duration"])
    assert sum(durations) == (5 - 1 + LAST_SHOWN) * 1000 // FRAMES_A_SECOND
    assert durations[:4] == [1000 // FRAMES_A_SECOND] * 4
    assert path.stat().st_size < 2e6
    assert [file.name for file in tmp_path.iterdir()] == ["forming.gif"]


def test_an_animation_that_cannot_be_made_leaves_nothing(results, tmp_path):
    with pytest.raises(OutputError, match="its folder does not exist"):
        save_animation(results, tmp_path / "nowhere" / "forming.gif")
    without, open_before = {**results, "runs": results["runs"][1:]}, pyplot.get_fignums()
    assert frames(without) == []
    assert save_animation(without, tmp_path / "forming.gif") is None
    assert list(tmp_path.iterdir()) == [] and pyplot.get_fignums() == open_before
