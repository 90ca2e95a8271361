"""The picture of the loss: what is drawn is what was given."""

import numpy as np
import pytest
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots.softmax_and_loss import draw_push_and_floor


@pytest.fixture
def drawn():
    """What goes in, and the picture, which is closed after the test."""
    margins = np.linspace(-5, 6, 23)
    losses = {"one": np.linspace(5, 0.25, 23), "other": np.linspace(1, 0, 23)}
    pushes = {"one": np.linspace(1, 0.125, 23), "other": np.linspace(0.5, 0, 23)}
    curves = {"good": np.geomspace(2.08, 1.2, 60), "bad": np.geomspace(6.5, 1.3, 60)}
    picture = draw_push_and_floor(margins, losses, pushes, curves, 2.08, 1.19)
    yield margins, losses, pushes, curves, picture
    pyplot.close(picture.figure)


def test_lines_are_what_was_given(drawn):
    margins, losses, pushes, curves, picture = drawn
    steps = np.arange(60)
    for axis, x, values in zip(picture.figure.axes, (margins, margins, steps), (losses, pushes, curves)):
        lines = [line for line in axis.lines if line.get_marker() != "None"]
        assert [line.get_label() for line in lines] == list(values)
        for line, heights in zip(lines, values.values()):
            np.testing.assert_array_equal(line.get_xydata(), np.transpose([x, heights]))
        assert len({(line.get_marker(), line.get_linestyle(), line.get_color()) for line in lines}) == 2
    levels = [line.get_ydata()[0] for line in picture.figure.axes[2].lines if line.get_marker() == "None"]
    assert levels == [2.08, 1.19]


def test_the_words_have_the_numbers(drawn):
    alt = drawn[-1].alt
    assert "from -5 to 6" in alt and "One: loss 5.00 and push 1.00 at -5, 0.25 and 0.12 at 6; other: loss 1.00" in alt
    assert "59 steps. Good: from 2.08 to 1.20; bad: from 6.50 to 1.30." in alt
    assert "log V, 2.08, and the entropy of the counted frequencies, 1.19." in alt
    texts = " ".join(text.get_text() for text in drawn[-1].figure.axes[2].texts)
    assert "log V = 2.08" in texts and "counted entropy = 1.19" in texts


def test_no_text_is_cut_off(drawn):
    assert not list(texts_cut_off(drawn[-1]))
