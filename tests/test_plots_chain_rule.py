"""The picture of the chain rule: what is drawn is what was given."""

import pytest
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots.chain_rule import draw_graph

STEPS = [
    ("p", "times", ("a", "w")),
    ("s", "plus", ("p", "w")),
    ("e", "minus", ("s", "goal")),
    ("cost", "square", ("e",)),
]
VALUES = {"a": 0.5, "w": -4.0, "goal": 1.0, "p": -2.0, "s": -6.0, "e": -7.0, "cost": 49.0}
LOCAL = {"p": (-4.0, 0.5), "s": (1, 1), "e": (1, -1), "cost": (-14.0,)}
GRADIENTS = {"cost": 1.0, "e": -14.0, "s": -14.0, "goal": 14.0, "p": -14.0, "w": -21.0, "a": 56.0}
PLACES = {"a": (1, 5.2), "w": (1, 2), "p": (3.5, 4.5), "s": (6, 3.7), "goal": (8, 1.6)}
PLACES |= {"e": (8, 3.7), "cost": (10, 3.7)}


@pytest.fixture
def picture():
    drawn = draw_graph(STEPS, VALUES, LOCAL, GRADIENTS, PLACES, "A title\nits formula")
    yield drawn
    pyplot.close(drawn.figure)


def test_each_edge_has_its_value_and_what_comes_back(picture):
    (axis,) = picture.figure.axes
    texts = [text.get_text() for text in axis.texts]
    for value in ("a = 0.5", "p = −2", "s = −6", "goal = 1", "e = −7", "49"):
        assert texts.count(value) == 1
    assert texts.count("w = −4") == 2  # used twice
    for product in ("−14 × (−4)", "−14 × 0.5", "−14 × (−1)", "1 × (−14)"):
        assert texts.count(product) == 1
    assert texts.count("−14 × 1") == 3
    assert {"56", "−7", "14", "1"} <= set(texts) and texts.count("−14") == 4
    assert {"da = 56", "dw = −7 + (−14) = −21", "dgoal = 14"} <= set(texts)
    assert {"×", "+", "−", "( )²", "a", "w", "goal", "cost"} <= set(texts)


def test_its_words_say_the_same(picture):
    for words in (
        "A title. its formula. A graph of 4 small steps",
        "a = 0.5, w = -4, goal = 1; p = a * w = -2; s = p + w = -6; e = s - goal = -7; cost = e squared = 49",
        "dcost = 1; de = -14; ds = -14; dp = -14; da = 56; dw = -7 + (-14) = -21, one contribution for each use",
    ):
        assert words in picture.alt
    assert picture.alt.isascii()
    assert not list(texts_cut_off(picture))


def test_the_texts_of_one_edge_stand_above_and_below_it(picture):
    (axis,) = picture.figure.axes
    height = {text.get_text(): text.get_position()[1] for text in axis.texts}
    assert height["s = −6"] > PLACES["s"][1] > height["1 × (−14)"]
