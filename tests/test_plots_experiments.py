from dataclasses import replace

import numpy as np
import pytest
from made_up_results import RUNS, TINY, changed, results_of
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots import draw_experiment
from minicluster.plots.curves import layer_label, median_line, rounded, step_axis
from minicluster.plots.experiments import animation_of, experiment_title, frames_of

SMALLER = {  # of a second seed
    "dynamics": (("plain", "separator", "ari", "train", 2, 3), 0.5),
    "unseen": (("bottleneck", "rescue", "right", "right", 1), 0.55),
    "sharing": (("share 5", "ari", "train", 1), 0.3),
    "bottleneck": (("shared, bottleneck", "patches", "held", "moved", 1), 0.37),
}


@pytest.fixture(scope="module", params=[1, 2], ids=["one seed", "two seeds"])
def drawn(request):
    made = {}
    for name, smaller in SMALLER.items():
        runs = [RUNS[name](3), changed(RUNS[name](4), *smaller)][: request.param]
        results = results_of(name, *runs)
        made[name] = results, draw_experiment(results)
    yield made
    for _, pictures in made.values():
        for picture in pictures.values():
            pyplot.close(picture.figure)


def lines_of(axis):
    return {line.get_label(): line for line in axis.lines}


def panels(picture):
    return {axis.get_title().split("\n")[0]: axis for axis in picture.figure.axes}


def medians(numbers):
    return [number["median"] for number in numbers]


def test_each_experiment_has_its_pictures_whose_titles_say_the_seeds(drawn):
    names = {name: list(pictures) for name, (_, pictures) in drawn.items()}
    assert names == {
        "dynamics": ["dynamics", "dynamics_more"], "unseen": ["unseen"], "sharing": ["sharing"],
        "bottleneck": ["bottleneck"],
    }  # fmt: skip
    for results, pictures in drawn.values():
        for picture in pictures.values():
            title = picture.figure.get_suptitle().split("\n")[1]
            assert title == ("seed 3" if len(results["seeds"]) == 1 else "2 seeds, 3 to 4")


def test_no_text_is_cut_off(drawn):
    for name, (_, pictures) in drawn.items():
        for picture in pictures.values():
            assert not list(texts_cut_off(picture)), name


def test_several_seeds_show_their_range(drawn):
    for name, (results, pictures) in drawn.items():
        axes = next(iter(pictures.values())).figure.axes
        bands = [band for axis in axes for band in axis.collections]
        heights = [np.ptp([corner[1] for path in band.get_paths() for corner in path.vertices]) for band in bands]
        if name == "sharing":  # which draws a band of no height for one seed
            assert (max(heights) > 0.05) or len(results["runs"]) == 1
        else:
            assert bool(bands) == (len(results["runs"]) > 1)


def test_the_dynamics_drawn_are_the_results(drawn):
    results, pictures = drawn["dynamics"]
    curves = results["curves"]["separator"]
    for title, measure, split in (
        ("ARI, training strings", "ari", "train"),
        ("ARI, unseen strings", "ari", "unseen_instruction"),
        ("AMI, training strings", "ami", "train"),
        ("cross-pattern 1-NN, unseen strings", "cross_pattern_1nn", "unseen_instruction"),
    ):
        lines = lines_of(panels(pictures["dynamics"])[title])
        for layer in range(4):
            line = lines[layer_label(layer, 4)]
            np.testing.assert_array_equal(line.get_xdata(), [0, 50, 100])
            np.testing.assert_array_equal(line.get_ydata(), medians(step[layer] for step in curves[measure][split]))
        letters = results["controls"]["bag_of_letters"][measure][split]["median"]
        assert lines["control: bag of letters"].get_ydata()[0] == letters
        assert lines["control: untrained, its best layer"].get_ydata()[0] == max(medians(curves[measure][split][0]))
        assert ("control: regrouping null, 99 %" in lines) == (title == "ARI, training strings")
        assert ("chance" in lines) == (measure == "cross_pattern_1nn")
    null = lines_of(panels(pictures["dynamics"])["ARI, training strings"])["control: regrouping null, 99 %"]
    assert null.get_ydata().tolist() == [0.1, 0.3, 0.32]  # the highest of the layers
    last = ", ".join(rounded(value) for value in medians(curves["ari"]["train"][-1]))
    alt = pictures["dynamics"].alt
    assert f"ARI, training strings: {last}; ARI, unseen strings: 0.00, 0.10, 0.48, 0.49" in alt
    assert "bag of letters 0.12, untrained model, layer 2: 0.05, regrouping null, 99th percentile: 0.32" in alt


def test_the_second_picture_of_dynamics_has_input_silhouette_and_numbers_of_clusters(drawn):
    results, pictures = drawn["dynamics"]
    found = panels(pictures["dynamics_more"])
    line = lines_of(found["input token: ARI, training strings"])[layer_label(3, 4)]
    np.testing.assert_array_equal(line.get_ydata(), medians(s[3] for s in results["curves"]["input"]["ari"]["train"]))
    line = lines_of(found["separator: silhouette of the tasks"])[layer_label(1, 4)]
    assert line.get_ydata().tolist() == [0, 0.1, 0.1]
    nested = lines_of(found["ARI of k = 6 clusters (distributions), layer 2"])
    assert nested["against the distributions"].get_ydata().tolist() == [0.05, 0.9, 0.96]
    assert nested["against the tasks"].get_ydata().tolist() == [0.025, 0.45, 0.48]
    assert nested["perfect distributions against tasks: 0.38"].get_ydata()[0] == 0.375
    chosen = lines_of(found["number of clusters by silhouette, layer 2"])
    assert chosen["k with the best silhouette"].get_ydata().tolist() == [3, 11, 10]
    assert chosen["tasks: 3"].get_ydata()[0] == 3
    alt = pictures["dynamics_more"].alt
    assert "6 clusters at layer 2 score 0.96 against the distributions and 0.48 against the tasks" in alt
    assert "silhouette at layer 2 is 10 at the end; there are 3 tasks." in alt


def test_the_dial_drawn_is_the_results(drawn):
    results, pictures = drawn["sharing"]
    picture = pictures["sharing"]
    left, right = picture.figure.axes
    dots = lines_of(left)
    for share in (1, 2, 5, 10):
        runs = [run[f"share {share}"] for run in results["runs"]]
        assert dots[f"share {share}"].get_xdata().tolist() == [own["ari"]["train"][1] for own in runs]
        ys = [own["accuracy"]["unseen_combination"] for own in runs]
        assert dots[f"share {share}"].get_ydata().tolist() == ys
    assert dots["chance, all outputs shared"].get_ydata()[0] == 0.1
    curves = lines_of(right)
    assert curves["unseen-combination accuracy"].get_ydata().tolist() == [0.97, 0.9, 0.6, 0.26]
    middle = results["by_share"]["share 5"]["ari"]["median"]
    assert curves["ARI, layer 1"].get_ydata().tolist() == [1, 0.9, middle, 0.2]
    assert f"share 5: ARI {middle:.2f}, unseen combinations 0.60, train 1.00" in picture.alt


def test_the_patches_drawn_are_the_results(drawn):
    results, pictures = drawn["bottleneck"]
    axes = panels(pictures["bottleneck"])
    assert len(axes) == 4
    lines = lines_of(axes["shared outputs, input sees the separator only"])
    held = medians(results["moved"]["shared, bottleneck"]["held"])
    assert lines["separator: another centroid, from here on"].get_ydata().tolist() == held
    assert lines["(clusters: ARI by task, training strings)"].get_ydata().tolist() == [0, 0.5, 1]
    lines = lines_of(axes["shared outputs, input may see the letters"])
    assert lines["separator: another string's state, here only"].get_ydata().tolist() == [0.1, 0.45, 0]
    assert lines["whole instruction: another string's states"].get_ydata().tolist() == [0.96, 0.6, 0]
    told = ", ".join(map(rounded, held))
    alt = pictures["bottleneck"].alt
    assert f"shared, bottleneck: held separator moves {told}, ARI 0.00, 0.50, 1.00, unseen combinations 0.50" in alt
    assert "separate, plain: held separator moves 0.10, 0.23, 0.00" in alt


def test_the_moves_drawn_are_the_results(drawn):
    results, pictures = drawn["unseen"]
    picture = pictures["unseen"]
    axes = panels(picture)
    landing = lines_of(axes["right task, by layer"])
    assert landing["five nearest"].get_ydata().tolist() == [0.1, 0.9, 0.95]
    assert landing["nearest of another pattern"].get_ydata().tolist() == [0.08, 0.95, 0.96]
    assert landing["chance: 0.08"].get_ydata()[0] == 0.077
    margin = lines_of(axes["accuracy by margin, layer 1"])["accuracy"]
    assert margin.get_ydata().tolist() == [0.3, 0.8, 0.9, 0.95, 1.0]  # without the empty bin
    np.testing.assert_allclose(margin.get_xdata(), [-0.5, 0.3, 0.5, 0.7, 0.9], rtol=1e-12)  # middles of bins, rounded
    rescue = lines_of(axes["misplaced strings, bottleneck"])
    right = medians(results["moves"]["bottleneck"]["rescue"]["right"])
    assert rescue["to the right one"].get_ydata().tolist() == right
    assert rescue["as far, at random"].get_ydata().tolist() == [0.35, 0.35, 0.5]
    harm = lines_of(axes["well-placed strings, no bottleneck"])
    assert harm["to another task's centroid"].get_ydata().tolist() == [0.8, 0.8, 0.5]
    assert f"bottleneck, rescue, to the right one: {', '.join(map(rounded, right))}" in picture.alt
    assert "from misplaced to well placed: 0.30, -, 0.80, 0.90, 0.95, 1.00." in picture.alt
    assert "five nearest 0.10, 0.90, 0.95" in picture.alt


def close(pictures):
    for picture in pictures.values():
        picture.figure.canvas.draw()
        pyplot.close(picture.figure)


def test_what_was_not_measured_is_left_out_of_pictures():
    run = changed(changed(RUNS["unseen"](), ("bottleneck", "rescue"), None), ("plain", "rescue"), None)
    pictures = draw_experiment(results_of("unseen", run))
    assert lines_of(panels(pictures["unseen"])["misplaced strings, bottleneck"]) == {}
    assert "rescue" not in pictures["unseen"].alt and "bottleneck, harm, not moved: 0.50" in pictures["unseen"].alt
    close(pictures)

    nothing = dict.fromkeys(("moved", "stayed"), [None] * 3)
    run = RUNS["bottleneck"]()
    run = changed(run, ("shared, plain", "patches"), dict.fromkeys(run["shared, plain"]["patches"], nothing))
    pictures = draw_experiment(results_of("bottleneck", run))
    assert "shared, plain: held separator moves -, -, -, ARI 0.00" in pictures["bottleneck"].alt
    close(pictures)

    run = changed(RUNS["dynamics"](), ("plain", "chosen_k", "steps"), [None] * 3)
    pictures = draw_experiment(results_of("dynamics", run))
    assert "silhouette at layer 2 is - at the end" in pictures["dynamics_more"].alt
    close(pictures)


def test_a_title_says_that_runs_are_small():
    results = results_of("sharing", RUNS["sharing"](), settings=replace(TINY, small=True))
    assert experiment_title(results, "What") == "What\nseed 0, small runs"
    assert experiment_title({**results, "seeds": [2, 4, 7]}, "What", [4, 7]) == "What\n2 seeds, 4, 7, small runs"


def test_experiments_without_an_animation_or_frames_have_none():
    assert animation_of("sharing") is None and frames_of("sharing") is None


def test_two_digits_and_no_minus_before_zero():
    assert [rounded(value) for value in (0.456, -0.001, -0.25, 1, None)] == ["0.46", "0.00", "-0.25", "1.00", "-"]


def test_medians_are_a_line_and_ranges_a_band():
    axis = pyplot.figure().add_subplot()
    numbers = [dict(zip(("median", "low", "high"), own)) for own in ((2, 1, 3), (None,) * 3, (5, 5, 6))]
    median_line(axis, "abc", numbers, color="red")
    median_line(axis, "abc", [numbers[1]] * 3, color="red")
    (line,), (band,) = axis.lines, axis.collections
    assert line.get_xdata().tolist() == ["a", "c"] and line.get_ydata().tolist() == [2, 5]
    heights = {float(corner[1]) for corner in band.get_paths()[0].vertices}
    assert heights == {1, 3, 5, 6}
    pyplot.close(axis.figure)


def test_the_axis_of_steps_has_room_for_the_untrained_model_and_ends_behind_the_last_step():
    axis = pyplot.figure().add_subplot()
    step_axis(axis, [0, 10, 40, 1000])
    assert axis.get_xlim()[0] == 0 and axis.get_xlim()[1] > 1000
    assert axis.get_xticks().tolist() == [0, 10, 30, 100, 300, 1000]
    assert [label.get_text() for label in axis.get_xticklabels()][-1] == "1,000"
    pyplot.close(axis.figure)
