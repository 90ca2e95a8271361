"""The picture of a training: what is drawn is what was given."""

import numpy as np
import pytest
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots.transformer_training import draw_training

STEPS = [0, 5, 50, 600]
PARTS = {"which task?": [2.3, 2.2, 1.5, 0.01], "which ten?": [2.31, 1.2, 0.3, 0.0], "an output?": [0.2, 0.19, 0.05, 0.0]}
ACCURACY = {"trained on": [0.0, 0.1, 0.6, 1.0], "unseen": [0.01, 0.1, 0.3, 0.97]}
LEVELS = {"nothing known": 4.82, "ten left": 2.3}


@pytest.fixture
def picture():
    picture = draw_training(STEPS, PARTS, ACCURACY, LEVELS, "A title")
    yield picture
    pyplot.close(picture.figure)


def test_the_parts_are_stacked_up_to_the_loss(picture):
    stack, _ = picture.figure.axes
    curve, *levels = stack.lines
    loss = np.sum(list(PARTS.values()), axis=0)
    np.testing.assert_allclose(curve.get_xydata(), np.transpose([STEPS, loss]))
    tops = np.cumsum(list(PARTS.values()), axis=0)
    for band, top, part in zip(stack.collections, tops, PARTS.values(), strict=True):
        corners = {(x, round(y, 9)) for x, y in band.get_paths()[0].vertices}
        assert {(x, round(y, 9)) for x, y in zip(STEPS, top)} <= corners
        assert {(x, round(y, 9)) for x, y in zip(STEPS, top - part)} <= corners
    assert [line.get_ydata()[0] for line in levels] == list(LEVELS.values())


def test_the_answers_are_drawn_and_told_apart(picture):
    _, right = picture.figure.axes
    for line, (name, values) in zip(right.lines, ACCURACY.items(), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), np.transpose([STEPS, values]))
        assert line.get_label() == f"{name}: {values[-1]:.2f} at the end"
    assert len({(line.get_marker(), line.get_linestyle()) for line in right.lines}) == len(ACCURACY)


def test_the_words_have_the_numbers_and_fit(picture):
    assert picture.figure.texts[0].get_text() == "A title" and picture.alt.startswith("A title. Above, the loss")
    for words in ("4.81 at step 0", "which ten? from 2.31 to 0.00", "ten left, 2.30", "trained on 1.00, unseen 0.97."):
        assert words in picture.alt
    shown = {text.get_text() for text in picture.figure.axes[0].texts}
    assert shown == {*PARTS, "nothing known = 4.82", "ten left = 2.30"}
    assert not list(texts_cut_off(picture))
