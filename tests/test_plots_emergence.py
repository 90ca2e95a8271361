"""Pictures of clusters that form and of controls: what is drawn is what was given."""

import numpy as np
import pytest
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots.emergence import draw_controls, draw_emergence


@pytest.fixture
def keep():
    """A picture goes in, and is closed after the test."""
    pictures = []
    yield lambda picture: pictures.append(picture) or picture
    for picture in pictures:
        pyplot.close(picture.figure)


def test_clusters_forming(keep):
    steps, loss = [0, 6, 30, 600], [4.8, 4.0, 2.0, 0.05]
    ari = np.array([[-0.001, 0.1], [0.0, 0.2], [0.0, 0.6], [0.0, 0.97]])
    task = np.array([0, 0, 1, 1, 1])
    clouds = {name: np.random.default_rng(at).normal(size=(5, 2)) for at, name in enumerate(("before", "after"))}
    picture = keep(draw_emergence(steps, ari, loss, [0.05, 0.07, 0.2, 0.29], clouds, task, bar_layer=1))
    curves, falling, *shown = picture.figure.axes
    lines = [line for line in curves.lines if line.get_marker() != "None"]
    np.testing.assert_array_equal([line.get_ydata() for line in lines], ari.T)
    np.testing.assert_array_equal([line.get_xdata() for line in lines], [steps] * 2)
    assert len({line.get_marker() for line in lines}) == 2
    assert [list(line.get_ydata()) for line in curves.lines if line not in lines] == [[0.05, 0.07, 0.2, 0.29]]
    assert "a dashed line, from 0.05 to 0.29" in picture.alt
    np.testing.assert_array_equal(falling.lines[0].get_xydata(), np.transpose([steps, loss]))
    assert [text.get_text() for text in curves.texts] == ["1 random deal in 100\ngets here (layer 1)"]
    assert "with layer 1's clusters" in picture.alt and "coloured by task: before; after." in picture.alt
    assert [axis.get_xlabel() for axis in shown] == ["", "marker and colour: the task"]
    for axis, (name, points) in zip(shown, clouds.items()):
        assert axis.get_title() == name
        for t, dots in enumerate(axis.collections):
            np.testing.assert_array_equal(dots.get_offsets(), points[task == t])
    assert "0.00, 0.10 at step 0, 0.00, 0.97 at step 600" in picture.alt and "before; after" in picture.alt
    assert not list(texts_cut_off(picture))


def test_a_finding_and_its_controls(keep):
    draws = np.repeat([0.1, 0.2, 0.16], [10, 5, 2])
    below = np.repeat([-0.02, 0.0], [3, 3])
    seeds = [("found", [0.7, 0.5, 0.9], "seeds"), ("letters", [0.1, 0.1, 0.2], "seeds")]
    rows = [*seeds, ("dealt", draws, "draws"), ("one", [0.36], "draws"), ("shuffled", below, "draws")]
    picture = keep(draw_controls(rows, "A title", "ARI", bar=("deals stay below", 0.25)))
    (axis,) = picture.figure.axes
    dots = [line for line in axis.lines if line.get_marker() != "None"]
    assert [line.get_xdata()[0] for line in dots] == [0.7, 0.5, 0.9, 0.1, 0.1, 0.2]
    assert len({line.get_marker() for line in dots}) == 3
    height = {round(bar.get_x() + bar.get_width() / 2, 2): bar.get_height() for bar in axis.patches if bar.get_height()}
    assert set(height) == {-0.02, 0.0, 0.1, 0.16, 0.2}
    np.testing.assert_allclose([height[0.16] / height[0.1], height[0.2] / height[0.1]], [0.2, 0.5])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["found", "letters", "dealt", "one", "shuffled"]
    note = "dots: one a seed, and their median\ngrey: many draws, and their range"
    numbers = {"0.70", "0.10", "0.10 to 0.20", "0.36", "\N{MINUS SIGN}0.02 to 0.00"}
    assert {text.get_text() for text in axis.texts} == {*numbers, "deals stay below 0.25", note}
    assert "found: 0.70, 0.50, 0.90; letters" in picture.alt
    assert "0.10 to 0.20 in 17 draws; one: 0.36; shuffled: -0.02 to" in picture.alt
    assert "deals stay below 0.25." in picture.alt and "dashed" not in keep(draw_controls(rows, "A title", "ARI")).alt
    assert not list(texts_cut_off(picture))
