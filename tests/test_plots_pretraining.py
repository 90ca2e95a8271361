import pytest
from made_up_results import changed, pretraining_run, results_of
from matplotlib import pyplot
from test_plots import texts_cut_off
from test_plots_experiments import lines_of

from minicluster.plots import draw_experiment
from minicluster.plots.pretraining import COLUMNS

LABELS = {
    "unseen_combination": "accuracy on unseen combinations",
    "ari": "ARI of clusters, training strings",
    "cross_pattern_1nn": "cross-pattern 1-NN, unseen strings",
}


def runs():
    """Two seeds: the second one's pairs cluster less, and its model told 3 of 10 generalises less within."""
    second = changed(pretraining_run(4), ("pairs", "ari", "train", 1), 0.2)
    second = changed(second, ("3 of 10 right", "by_task", 0), 0.7)
    return [pretraining_run(3), changed(second, ("bottleneck", "steps_to_95"), None)]


@pytest.fixture(scope="module", params=[1, 2], ids=["one seed", "two seeds"])
def drawn(request):
    results = results_of("pretraining", *runs()[: request.param])
    pictures = draw_experiment(results)
    assert list(pictures) == ["pretraining", "pretraining_steps"]
    yield results, pictures["pretraining"]
    for picture in pictures.values():
        pyplot.close(picture.figure)


def test_the_title_says_the_seeds_and_no_text_is_cut_off(drawn):
    results, picture = drawn
    every = "seed 3" if len(results["seeds"]) == 1 else "2 seeds, 3 to 4"
    assert picture.figure.get_suptitle().split("\n")[1] == every
    assert not list(texts_cut_off(picture))


def test_each_training_has_its_medians_in_its_row(drawn):
    results, picture = drawn
    left = picture.figure.axes[0]
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == list(results["by_training"])
    markers = {}  # colour -> {row: x}
    for line in left.lines:
        if line.get_marker() not in ("None", None):
            markers.setdefault(line.get_color(), {})[round(line.get_ydata()[0])] = line.get_xdata()[0]
    for key, label in LABELS.items():
        colour = lines_of(left)[label].get_color()
        assert markers[colour] == {row: results["by_training"][name][key]["median"] for row, name in enumerate(names)}
    assert lines_of(left)["chance, unseen combinations"].get_xdata()[0] == 0.1


def test_lines_show_the_range_over_seeds(drawn):
    results, picture = drawn
    colour = lines_of(picture.figure.axes[0])[LABELS["ari"]].get_color()
    rows = [line for line in picture.figure.axes[0].lines if line.get_color() == colour and len(line.get_xdata()) == 2]
    ranges = {round(line.get_ydata()[0]): list(line.get_xdata()) for line in rows}
    assert ranges[4] == ([0.4, 0.4] if len(results["seeds"]) == 1 else [0.2, 0.4])
    assert ranges[1] == [0.98, 0.98] and len(ranges) == 9


def test_steps_and_cost_stand_beside(drawn):
    _, picture = drawn
    texts = {text.get_position(): text.get_text() for text in picture.figure.axes[0].texts}
    assert [texts[COLUMNS[0], row] for row in range(9)] == [str(steps) for steps in range(300, 210, -10)]
    assert [texts[COLUMNS[1], row] for row in (0, 3, 8)] == ["1.00", "1.03", "1.08"]


def test_a_training_that_never_gets_there_says_so():
    results = results_of("pretraining", runs()[1])
    pictures = draw_experiment(results)
    picture = pictures["pretraining"]
    texts = {text.get_position(): text.get_text() for text in picture.figure.axes[0].texts}
    assert texts[COLUMNS[0], 6] == "never"
    assert "bottleneck 0.60, 0.65, 0.95, 95 % of training answers never" in picture.alt
    for picture in pictures.values():
        pyplot.close(picture.figure)


def test_the_doses_drawn_are_the_results(drawn):
    results, picture = drawn
    lines = lines_of(picture.figure.axes[1])
    right, others = lines["grouped rightly"], lines["the others"]
    three = 0.85 if len(results["seeds"]) == 1 else 0.825
    assert right.get_xdata().tolist() == [3, 6, 10] and others.get_xdata().tolist() == [0, 3, 6]
    assert right.get_ydata().tolist() == pytest.approx([three, 0.88, 0.9])  # means and medians: a few roundings
    assert others.get_ydata().tolist() == pytest.approx([0.22, 0.24, 0.2])
    assert lines["plain, all tasks"].get_ydata()[0] == pytest.approx(0.2)
    assert lines["chance"].get_ydata()[0] == 0.1
    assert bool(picture.figure.axes[1].collections) == (len(results["seeds"]) == 2)


def test_the_same_in_words(drawn):
    _, picture = drawn
    plain = "plain 0.20, 0.20, 0.95, 95 % of training answers after 300 steps, each step taking 1.00 times as long"
    assert f"{plain}; true tasks" in picture.alt
    assert picture.alt.endswith("the others, by how many are told rightly: 0 0.22, 3 0.24, 6 0.20.")


def test_the_way_there_is_drawn_step_by_step():
    second = changed(pretraining_run(4), ("pairs first", "ari_curve", 1), 0.4)
    results = results_of("pretraining", pretraining_run(3), second)
    pictures = draw_experiment(results)
    picture = pictures["pretraining_steps"]
    assert not list(texts_cut_off(picture))
    ari, unseen = picture.figure.axes
    lines = lines_of(ari)
    assert {"plain", "true tasks", "pseudo-tasks", "pattern names", "pairs", "pairs first", "bottleneck"} <= set(lines)
    assert not any("right" in label for label in lines)
    assert lines["pairs first"].get_xdata().tolist() == [0, 100, 200, 400]
    assert lines["pairs first"].get_ydata().tolist() == pytest.approx([0, 0.2875, 0.35, 0.7])  # medians, rounded
    assert lines_of(unseen)["plain"].get_ydata().tolist() == [0.1, 0.5, 0.9, 1.0]
    assert "pairs first 0.00, 0.29, 0.35, 0.70" in picture.alt and "at steps 0, 100, 200, 400" in picture.alt
    stage = lines["end of the stage of pairs"].get_xdata()
    assert list(stage) == [results["stage"]] * 2
    for picture in pictures.values():
        pyplot.close(picture.figure)
