"""The picture of lesson 16: what is drawn is what was given."""

import numpy as np
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots.refuse_a_task import LOOKS, draw_refusals


def test_shares_are_those_given():
    rng, steps = np.random.default_rng(0), [0, 25, 50, 75, 100]
    names = ("own words", "shared words", "shared, told")
    refused = {name: rng.random((5, 3)) for name in names}
    spread = {name: np.sort(rng.random((2, 5)), axis=0) for name in names}
    guard = {name: rng.random(2) for name in names}
    ari = dict(zip(names, (0.98, 0.081, 1.0)))
    picture = draw_refusals(steps, refused, spread, guard, ari)
    try:
        assert len(picture.figure.axes) == len(names)
        for axis, name in zip(picture.figure.axes, names):
            assert axis.get_title().startswith(name) and f"{ari[name]:.2f}" in axis.get_title()
            curves = axis.lines[: len(LOOKS)]
            for line, curve in zip(curves, refused[name].T):
                np.testing.assert_array_equal(line.get_xydata(), np.transpose([steps, curve]))
            assert len({line.get_marker() for line in curves}) == len({line.get_linestyle() for line in curves}) == 3
            level, star = axis.lines[len(LOOKS) :]
            assert list(level.get_ydata()) == [guard[name][0]] * 2
            assert star.get_xydata().tolist() == [[100, guard[name][0]]]
            corners = {tuple(corner) for path in axis.collections[0].get_paths() for corner in path.vertices}
            for edge in spread[name]:
                assert set(zip(steps, edge)) <= corners
            for number in (*refused[name][-1], *guard[name], ari[name]):
                assert f"{number:.2f}" in picture.alt
        assert not list(texts_cut_off(picture))
    finally:
        pyplot.close(picture.figure)
