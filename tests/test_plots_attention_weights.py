"""The picture of attention weights: what is drawn is what was given."""

import numpy as np
import pytest
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots.attention_weights import draw_attention_weights

TOKENS = ["b2", "a5", "b?"]
PANELS = {
    "before": np.array([[1, 0, 0], [0.5, 0.5, 0], [0.25, 0.35, 0.4]]),
    "after": np.array([[1, 0, 0], [0.3, 0.7, 0], [0.94, 0.05, 0.01]]),
}


@pytest.fixture
def picture():
    picture = draw_attention_weights("A title", TOKENS, PANELS, {2: 0, 1: 1})
    yield picture
    pyplot.close(picture.figure)


def test_weights_are_drawn_and_the_future_is_not(picture):
    *axes, _ = picture.figure.axes  # the last is the colour bar
    future = ~np.tri(3, dtype=bool)
    for axis, (heading, weights) in zip(axes, PANELS.items(), strict=True):
        assert axis.get_title() == heading
        (image,) = axis.images
        drawn = image.get_array()
        np.testing.assert_array_equal(drawn.mask, future)
        np.testing.assert_array_equal(drawn.filled(0), weights)
        assert image.get_clim() == (0, 1)  # the same colour means the same weight in all panels
        for labels in (axis.get_xticklabels(), axis.get_yticklabels()):
            assert [label.get_text() for label in labels] == TOKENS


def test_wanted_cells_are_framed_and_written_in(picture):
    for axis, numbers in zip(picture.figure.axes, (["0.25", "0.50"], ["0.94", "0.70"])):
        corners = [frame.get_xy() for frame in axis.patches]
        np.testing.assert_allclose(corners, [(-0.47, 1.53), (0.53, 0.53)])  # half a cell up and left of (key, query)
        written = [(text.get_text(), text.get_position()) for text in axis.texts[:2]]
        assert written == [(numbers[0], (0, 2)), (numbers[1], (1, 1))]
        assert [label.get_fontweight() for label in axis.get_yticklabels()] == ["normal", "bold", "bold"]


def test_the_alt_text_has_the_numbers(picture):
    assert "sequence b2 a5 b?" in picture.alt
    assert "before: b? to b2 0.25, a5 to a5 0.50; after: b? to b2 0.94, a5 to a5 0.70." in picture.alt
    assert not list(texts_cut_off(picture))
