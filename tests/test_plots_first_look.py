"""The picture of lesson 1: what is drawn is what was given."""

import numpy as np
import pytest
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots.first_look import draw_first_look


@pytest.fixture
def keep():
    """A picture goes in, and is closed after the test."""
    pictures = []
    yield lambda picture: pictures.append(picture) or picture
    for picture in pictures:
        pyplot.close(picture.figure)


TASK = np.repeat(np.arange(10), 3)


@pytest.fixture
def clouds():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(30, 2)) for name in ("before", "after")}


def test_the_points_are_those_given_and_named_ones_ringed(keep, clouds):
    marked = {"abcdefgh": 0, "hgfedcba": 1, "cccccccc": 17}
    picture = keep(draw_first_look(clouds, TASK, [0.061, 0.987], 3 / 39, marked))
    assert len(picture.figure.axes) == 2
    for axis, (name, points), share in zip(picture.figure.axes, clouds.items(), ("6%", "99%")):
        assert axis.get_title() == name
        for t, dots in enumerate(axis.collections):
            np.testing.assert_array_equal(dots.get_offsets(), points[TASK == t])
        assert len({dots.get_paths()[0].vertices.tobytes() for dots in axis.collections}) == 10  # marker shapes
        rings = {tuple(ring.get_xydata()[0]) for ring in axis.lines}
        assert rings == {tuple(points[row]) for row in marked.values()}
        named = {text.get_text(): text for text in axis.texts}
        assert all(tuple(named[string].xy) == tuple(points[row]) for string, row in marked.items())
        heights = np.sort([named[string].xyann[1] for string in marked])
        assert np.diff(heights).min() > 0.07 * np.ptp(points[:, 1])  # no name lies over another
        assert f"neighbour of the same task: {share} (chance 8%)" in named
        assert f"{name}: {share}" in picture.alt
    assert "30 strings" in picture.alt and "10 tasks" in picture.alt and "chance: 8%" in picture.alt
    assert "abcdefgh, hgfedcba, cccccccc" in picture.alt
    assert not list(texts_cut_off(picture))


def test_names_at_one_place_stay_inside(keep, clouds):
    clouds["after"][:4] = clouds["after"].max(axis=0)  # all in the upper right corner
    picture = keep(draw_first_look(clouds, TASK, [0, 1], 0.1, {name * 8: row for row, name in enumerate("abcd")}))
    assert not list(texts_cut_off(picture))
    axis = picture.figure.axes[1]
    heights = [text.xyann[1] for text in axis.texts if hasattr(text, "xyann")]
    assert len(heights) == 4 and max(heights) <= axis.get_ylim()[1] and min(heights) >= axis.get_ylim()[0]


def test_nothing_need_be_named_and_colours_are_ten(keep, clouds):
    picture = keep(draw_first_look(clouds, TASK, [0, 1], 0.1, {}))
    assert "Ringed" not in picture.alt and not any(axis.lines for axis in picture.figure.axes)
    with pytest.raises(ValueError, match="goes up to 10, expected at most 9"):
        draw_first_look(clouds, TASK + 1, [0, 1], 0.1, {})
