"""The picture of lesson 13: what is drawn is what was given."""

import numpy as np
from matplotlib import colors, pyplot
from test_plots import texts_cut_off

from minicluster.plots.present_or_used import LOOKS, draw_present_or_used


def test_curves_are_those_given():
    rng = np.random.default_rng(0)
    ari, bar = ({name: rng.random(5) for name in ("plain", "bottleneck")} for _ in range(2))
    moved = {name: {patch: rng.random(5) for patch in LOOKS} for name in ari}
    picture = draw_present_or_used(ari, bar, moved)
    try:
        for axis, name in zip(picture.figure.axes, ("plain", "bottleneck")):
            assert axis.get_title().startswith(name)
            expected = [ari[name], bar[name], *(moved[name][patch] for patch in LOOKS)]
            assert len(axis.lines) == len(expected)
            for line, curve in zip(axis.lines, expected):
                np.testing.assert_array_equal(line.get_xdata(), range(5))
                np.testing.assert_array_equal(line.get_ydata(), curve)
            assert len({line.get_marker() for line in axis.lines}) == len(expected)
            looks = {(colors.to_hex(line.get_color()), line.get_linestyle()) for line in axis.lines}
            assert len(looks) == len(expected)
            for curve in expected:
                assert ", ".join(f"{value:.2f}" for value in curve) in picture.alt
        assert not list(texts_cut_off(picture))
    finally:
        pyplot.close(picture.figure)
