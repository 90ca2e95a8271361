"""The picture of LayerNorm and GELU: what is drawn is what was given."""

import numpy as np
import pytest
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots.layernorm_and_gelu import draw_layernorm_and_gelu, short

PLAIN = {"large": np.array([1, 1.5, 2.0, 3.5, 250.4]), "small": np.array([1, 0.6, 0.3, 0.1, 0.0123])}
NORMALISED = {"large": np.array([1, 1.3, 1.2, 1.3, 1.25]), "small": np.array([1, 0.7, 0.8, 0.7, 0.75])}
X = np.linspace(-3, 3, 121)
GELU, RELU, SLOPE = X / (1 + np.exp(-1.7 * X)), np.maximum(X, 0), 1.1 / (1 + np.exp(-2 * X))


@pytest.fixture(scope="module")
def picture():
    picture = draw_layernorm_and_gelu(PLAIN, NORMALISED, X, GELU, RELU, SLOPE)
    yield picture
    pyplot.close(picture.figure)


def test_the_curves_are_the_sizes_and_the_functions(picture):
    sizes, bends = picture.figure.axes
    drawn = [line.get_ydata() for line in sizes.lines]
    np.testing.assert_array_equal(drawn, [PLAIN["large"], NORMALISED["large"], PLAIN["small"], NORMALISED["small"]])
    assert all(list(line.get_xdata()) == [0, 1, 2, 3, 4] for line in sizes.lines)
    assert sizes.get_yscale() == "log"
    _, _, *curves = bends.lines  # after the two axes
    np.testing.assert_array_equal([line.get_ydata() for line in curves], [GELU, RELU, SLOPE])
    assert all((line.get_xdata() == X).all() for line in curves)
    assert len({(line.get_linestyle(), line.get_marker()) for line in curves}) == 3  # told apart in grey, too


def test_words_carry_the_numbers(picture):
    sizes, bends = picture.figure.axes
    assert {text.get_text() for text in sizes.texts} == {
        "large:\n250 at the end", "small:\n0.012 at the end", "with LayerNorm",
    }  # fmt: skip
    lowest = GELU.argmin()
    assert f"lowest: \N{MINUS SIGN}{-GELU[lowest]:.2f}" in [text.get_text() for text in bends.texts]
    assert "after each of 4 linear layers" in picture.alt
    assert "large: 250 without LayerNorm, 1.2 with it; small: 0.012 without LayerNorm, 0.75 with it." in picture.alt
    assert f"lowest value is {GELU[lowest]:.2f}, at x = {X[lowest]:.2f}" in picture.alt
    assert f"from {SLOPE.min():.2f} to {SLOPE.max():.2f}." in picture.alt
    assert not list(texts_cut_off(picture))


def test_numbers_in_short():
    assert [short(number) for number in (250.4, 99.0, 1.23, 0.00081)] == ["250", "99", "1.2", "0.00081"]
