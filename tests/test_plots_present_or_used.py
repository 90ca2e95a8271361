"""The picture of lesson 13: what is drawn is what was given."""

import numpy as np
from matplotlib import colors, pyplot
from test_plots import texts_cut_off

from minicluster.plots.present_or_used import LOOKS, draw_present_or_used


def test_curves_are_those_given():
    rng = np.random.default_rng(0)
    ari, bar = ({name: rng.random(5) for name in ("plain", "bottleneck")} for _ in range(2))
    moved = {name: {patch: rng.random(5) for patch in (*LOOKS, "random_held")} for name in ari}
    picture = draw_present_or_used(ari, bar, moved)
    try:
        above, below = picture.figure.axes[:2], picture.figure.axes[2:]
        for present, used, name in zip(above, below, ("plain", "bottleneck"), strict=True):
            assert present.get_title().startswith(name)
            expected = [ari[name], bar[name], *(moved[name][patch] for patch in LOOKS)]
            for line, curve in zip([*present.lines, *used.lines], expected, strict=True):
                np.testing.assert_array_equal(line.get_xdata(), range(5))
                np.testing.assert_array_equal(line.get_ydata(), curve)
            for axis in (present, used):
                assert len({line.get_marker() for line in axis.lines}) == 2
                assert len({(colors.to_hex(line.get_color()), line.get_linestyle()) for line in axis.lines}) == 2
            for curve in expected:
                assert ", ".join(f"{value:.2f}" for value in curve) in picture.alt
            assert f"moved by random steps at most {max(moved[name]['random_held']):.2f};" in picture.alt
        most = f"{max(moved['bottleneck']['random_held']):.2f}"
        assert [text.get_text() for text in below[1].texts] == [f"control: random steps\nmove {most} at most"]
        (legend,) = picture.figure.legends
        assert [text.get_text() for text in legend.get_texts()] == [label for label, *_ in LOOKS.values()]
        assert not list(texts_cut_off(picture))
    finally:
        pyplot.close(picture.figure)
