import pytest
from made_up_results import changed, geography_run, results_of
from matplotlib import pyplot
from test_plots import texts_cut_off
from test_plots_experiments import lines_of, medians, panels

from minicluster.experiments.dissolving import with_shares_within
from minicluster.plots import draw_experiment
from minicluster.plots.curves import rounded


@pytest.fixture(scope="module", params=[1, 2], ids=["one seed", "two seeds"])
def drawn(request):
    runs = [geography_run(3), changed(geography_run(4), ("plain", "ari", "train", 1), 0.4)][: request.param]
    results = results_of("geography", *runs)
    pictures = draw_experiment(results)
    yield results, pictures
    for picture in pictures.values():
        pyplot.close(picture.figure)


def test_there_are_three_pictures_whose_titles_say_the_seeds(drawn):
    results, pictures = drawn
    every = "seed 3" if len(results["seeds"]) == 1 else "2 seeds, 3 to 4"
    titles = {stem: picture.figure.get_suptitle().split("\n")[1] for stem, picture in pictures.items()}
    assert titles == {"geography": every, "geography_steps": every, "geography_pca": "seed 3"}


def test_no_text_is_cut_off(drawn):
    for picture in drawn[1].values():
        assert not list(texts_cut_off(picture))


def test_several_seeds_show_their_range(drawn):
    results, pictures = drawn
    (separator, *_) = pictures["geography"].figure.axes
    corners = [tuple(corner) for band in separator.collections for path in band.get_paths() for corner in path.vertices]
    assert {y for x, y in corners if x == 1} == ({0.4, 0.8} if len(results["seeds"]) == 2 else set())


def test_the_places_drawn_are_the_results(drawn):
    results, pictures = drawn
    numbers, axes = results["over_seeds"], panels(pictures["geography"])
    lines = lines_of(axes["separator: ARI with the attributes"])
    assert lines["place behind separator"].get_ydata().tolist() == medians(numbers["plain"]["ari"]["train"])
    assert lines["hard questions"].get_ydata().tolist() == [0, 0.8, 1]
    assert lines["untrained"].get_ydata().tolist() == [0, 0.05, 0.06]
    assert lines["regrouping null,\n99 %"].get_ydata().tolist() == [0, 0.3, 0.31]
    assert lines["bag of words"].get_ydata()[0] == 0.05
    assert [text.get_text() for text in axes["accuracy"].texts] == ["1.00", "0.98", "0.97"] * 3 + [
        "each attribute's most common answer"
    ]
    assert {0.3, 0.28, 0.31} <= {line.get_ydata()[0] for line in axes["accuracy"].lines}
    lines = lines_of(axes["last token: place in the sentence"])
    assert lines["ARI with\nthe attributes"].get_xdata().tolist() == [0, 10, 20, 40]
    assert lines["ARI with\nthe attributes"].get_ydata().tolist() == [0.02, 0.5, 0.6, 0.25]
    assert lines["scatter between\nattributes"].get_ydata().tolist() == [0.02, 0.8, 0.7, 0.4]
    within = lines["of the rest, between\nanswers"].get_ydata().tolist()
    assert within == pytest.approx([0.04 / 0.98, 0.01 / 0.2, 0.2 / 0.3, 0.45 / 0.6])
    dealt = lines["the same, answers\ndealt at random"].get_ydata().tolist()
    assert dealt == pytest.approx([0.03 / 0.98, 0.02 / 0.2, 0.03 / 0.3, 0.05 / 0.6])
    assert lines["ARI: regrouping\nnull, 99 %"].get_ydata().tolist() == [0.01, 0.1, 0.15, 0.05]
    alt = pictures["geography"].alt
    middle = rounded(numbers["plain"]["ari"]["train"][1]["median"])
    assert f"place behind separator: ARI at the separator 0.00, {middle}, 1.00, untrained at most 0.06" in alt
    assert "accuracy: train 1.00, unseen phrasing 0.98, unseen combination 0.97" in alt
    assert "of the rest, between answers 0.04, 0.05, 0.67, 0.75" in alt


def test_the_places_drawn_step_by_step_are_the_results(drawn):
    results, pictures = drawn
    axes = pictures["geography_steps"].figure.axes
    found = [[line.get_ydata().tolist() for line in axis.lines] for axis in axes]
    history = results["runs"][0]["plain"]["by_step"]

    def by_layer(steps):
        return [list(values) for values in zip(*steps)]

    last = [by_layer(with_shares_within(history["last"])[measure]) for measure in ("ari", "answers_within")]
    assert found == [by_layer(history["separator"]["ari"]), *last, [], *last]
    assert [text.get_text() for text in axes[3].get_legend().get_texts()] == [
        "layer 0 (embedding)", "layer 1", "layer 2"
    ]  # fmt: skip
    assert "scatter within: answers 0.10, 0.60, 0.75" in pictures["geography_steps"].alt


def test_the_states_of_places_are_drawn_in_the_attributes_colours(drawn):
    results, pictures = drawn
    picture = pictures["geography_pca"]
    titles = [axis.get_title() for axis in picture.figure.axes]
    assert titles == [
        "separator, layer 1, untrained: ARI 0.00", "separator, layer 1, step 40: ARI 0.80",
        "last token, layer 2, step 20: ARI 0.60", "last token, layer 2, step 40: ARI 0.25",
    ]  # fmt: skip
    for axis in picture.figure.axes:
        capital, coast = axis.collections
        assert capital.get_offsets().tolist() == [[0, 1]] and coast.get_offsets().tolist() == [[1, 0.5], [2, 0]]
    (legend,) = picture.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["capital", "coast"]
    for title in titles:
        assert f"{title}, 40%" in picture.alt
    without = changed(results["runs"][0], ("plain",), {
        key: value for key, value in results["runs"][0]["plain"].items() if key != "pictured"
    })  # fmt: skip
    made = draw_experiment(results_of("geography", without))
    assert list(made) == ["geography", "geography_steps"]
    for own in made.values():
        pyplot.close(own.figure)
