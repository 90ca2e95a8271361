"""Pictures of clustering and projecting: what is drawn is what was given, in marks told apart without colour."""

import numpy as np
import pytest
from matplotlib import colors, pyplot
from test_plots import texts_cut_off

from minicluster import plots


@pytest.fixture
def keep():
    """A picture goes in, and is closed after the test."""
    pictures = []
    yield lambda picture: pictures.append(picture) or picture
    for picture in pictures:
        pyplot.close(picture.figure)


def points_of(axis):
    """{colour: (m, 2) points} of an axis's scatter plots."""
    return {colors.to_hex(dots.get_facecolor()[0]): np.array(dots.get_offsets()) for dots in axis.collections}


@pytest.fixture
def run():
    """Four moments of some k-means with two centres, and an inertia."""
    x = np.random.default_rng(0).normal(size=(20, 2))
    steps = [(t, np.array([[t, 0.0], [0.0, 2.0 * t]]), (np.arange(20) < 5 + 3 * t).astype(int)) for t in (0, 1, 2, 7)]
    return x, steps, [90.4, 50.0, 30.0, 20.6]


def test_k_means_at_work(run, keep):
    x, steps, history = run
    picture = keep(plots.draw_lloyd(x, steps, history))
    *moments, curve = picture.figure.axes
    titles = [axis.get_title() for axis in moments]
    assert titles == ["start", "after 1 iteration", "after 2 iterations", "after 7 iterations"]
    for axis, (_, centers, labels) in zip(moments, steps):
        dots = points_of(axis)
        shown = sorted(dots.values(), key=len)
        for points, cluster in zip(shown, np.argsort(np.bincount(labels))):
            np.testing.assert_array_equal(points, x[labels == cluster])
        marks = [line for line in axis.lines if line.get_marker() != "None"]
        np.testing.assert_array_equal(np.hstack([line.get_xydata().T for line in marks]).T, centers)
        assert len({line.get_marker() for line in marks}) == 2
        assert {colors.to_hex(line.get_color()) for line in marks} == set(dots)
    ways = [line.get_xydata() for line in moments[-1].lines if line.get_marker() == "None"]
    np.testing.assert_array_equal(ways, np.swapaxes([centers for _, centers, _ in steps], 0, 1))
    np.testing.assert_array_equal(curve.lines[0].get_ydata(), history)
    np.testing.assert_array_equal(curve.lines[0].get_xdata(), range(4))
    assert "after each iteration: 90, 50, 30, 21." in picture.alt and "20 points" in picture.alt
    assert "the start, iteration 1, iteration 2, iteration 7" in picture.alt
    assert not list(texts_cut_off(picture))


def test_fewer_moments_leave_places_empty(run, keep):
    x, steps, history = run
    assert len(keep(plots.draw_lloyd(x, steps[:2], history[:2])).figure.axes) == 3


def test_more_centres_than_colours_are_told_apart(keep):
    centers = np.random.default_rng(1).normal(size=(9, 2))
    axis = keep(plots.draw_lloyd(centers, [(0, centers, np.arange(9))], [0.0])).figure.axes[0]
    marks = {(line.get_color(), line.get_marker()) for line in axis.lines if line.get_marker() != "None"}
    assert len(marks) == 9


def test_scores_of_chance(keep):
    scores = {
        "homogeneity": [0.01, 0.3, 0.63], "Rand index": [0.5, 0.8, 0.9], "NMI": [0.0, 0.2, 0.38],
        "AMI": [0.001, 0.0, -0.001], "ARI": [0.0, 0.001, 0.002],
    }  # fmt: skip
    picture = keep(plots.draw_chance_scores([2, 20, 300], scores, n_samples=600, n_classes=10))
    (axis,) = picture.figure.axes
    curves = [line for line in axis.lines if line.get_marker() != "None"]
    for line, curve in zip(curves, scores.values()):
        np.testing.assert_array_equal(line.get_xdata(), [2, 20, 300])
        np.testing.assert_array_equal(line.get_ydata(), curve)
    assert len({line.get_marker() for line in curves}) == len({line.get_color() for line in curves}) == 5
    labels = {text.get_text(): text for text in axis.texts}
    assert {*scores, "0: nothing found"} == {*labels}
    for line, name in zip(curves, scores):
        assert labels[name].get_color() == line.get_color()
        above = labels[name].get_position()[1] - scores[name][-1]
        assert -1e-3 < above < 0.07  # beside the curve's end, or just above
    assert (axis.get_xscale(), "600 samples in 10 classes" in axis.get_title()) == ("log", True)
    ami, ari = curves[3:]  # both at 0: the one is seen inside the other's hollow marks
    assert (ari.get_fillstyle(), ari.get_linestyle()) == ("none", ":")
    assert ari.get_markersize() > 2 * ami.get_markersize()
    assert "Rand index 0.50 to 0.90" in picture.alt and "AMI 0.00 to 0.00" in picture.alt
    assert not list(texts_cut_off(picture))


def test_labels_that_would_overlap_are_moved_apart(keep):
    scores = {name: [0.1, 0.2] for name in "abcd"}
    picture = keep(plots.draw_chance_scores([2, 3], scores, n_samples=6, n_classes=2))
    heights = sorted(text.get_position()[1] for text in picture.figure.axes[0].texts if text.get_text() in scores)
    assert heights[0] == 0.2 and np.diff(heights).min() > 0.05


def test_perplexities(keep):
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], [3, 4, 5])
    note = "width ratio {}.0 (true 3)\ndistance ratio 1.0"
    panels = [(k, rng.normal(size=(12, 2)) * k, note.format(k)) for k in (2, 30, 100)]
    picture = keep(plots.draw_perplexities(panels, group, ["near", "other", "wide"], "Some data"))
    assert len(picture.figure.axes) == 3
    for axis, (perplexity, points, note) in zip(picture.figure.axes, panels):
        assert [text.get_text() for text in axis.texts] == [f"perplexity {perplexity}", note]
        for g, shown in enumerate(points_of(axis).values()):
            np.testing.assert_array_equal(shown, points[group == g])
        (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
        assert right - left == pytest.approx(high - low)  # a square: as the points are
        assert left < points[:, 0].min() and points[:, 0].max() < right
        assert low < points[:, 1].min() and points[:, 1].max() < high
    (legend,) = picture.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["near", "other", "wide"]
    assert picture.alt.startswith("Some data. The same 12 rows at 3 perplexities: at 2, width ratio 2.0 (true 3), ")
    assert not list(texts_cut_off(picture))
