"""The picture of the lesson on real places: what is drawn is what was given."""

import numpy as np
from matplotlib import colors, pyplot
from test_plots import texts_cut_off

from minicluster.plots.real_places import draw_real_places


def same_curves(axis, expected):
    """Whether the lines of an axis are those curves, by layer, each with a look of its own, and named by the legend."""
    assert len(axis.lines) == len(expected)
    for line, (label, curve) in zip(axis.lines, expected.items()):
        np.testing.assert_array_equal(line.get_ydata(), curve)
        assert len(curve) == 2 or list(line.get_xdata()) == [0, 1, 2, 3, 4]
        assert line.get_label() == label
    assert len({(line.get_color(), line.get_linestyle()) for line in axis.lines}) == len(expected)
    assert len({line.get_marker() for line in axis.lines}) == len(expected)
    assert [text.get_text() for text in axis.get_legend().get_texts()] == [*expected]


def test_states_and_curves_are_those_given():
    rng = np.random.default_rng(0)
    names = ["continent", "capital", "internet domain"]
    tasks = [np.array([2, 0, 1, 1, 0, 2, 2])] + [np.array([2, 0, 0, 2, 0, 2, 0])] * 2
    clouds = {f"panel\n{at}": (rng.normal(size=(7, 2)), task) for at, task in enumerate(tasks)}
    ari = {name: rng.random(5) for name in ("separator", "last token", "untrained")}
    distances = {name: rng.random(5) for name in ("same fact, same answer", "other answer", "other fact")}
    bar = rng.random(5)
    picture = draw_real_places(clouds, names, ari, 0.04, bar, distances)
    try:
        *panels, left, right = picture.figure.axes
        assert len(panels) == 3
        looks = {}
        for axis, (title, (points, task)) in zip(panels, clouds.items()):
            assert axis.get_title() == title
            assert [dots.get_label() for dots in axis.collections] == [names[t] for t in np.unique(task)]
            for t, dots in zip(np.unique(task), axis.collections):
                np.testing.assert_array_equal(dots.get_offsets(), points[task == t])
                shape = dots.get_paths()[0].vertices.tobytes()
                looks.setdefault(t, set()).add((colors.to_hex(dots.get_facecolor()[0]), shape))
        assert all(len(own) == 1 for own in looks.values())  # a task looks the same in every panel
        assert len({colour for own in looks.values() for colour, _ in own}) == 3
        assert len({shape for own in looks.values() for _, shape in own}) == 3
        same_curves(left, {**ari, "99 % of regroupings below": bar, "bag of words (no layers)": [0.04, 0.04]})
        same_curves(right, {label.replace(", ", ",\n"): curve for label, curve in distances.items()})
        for label, curve in [*ari.items(), ("99 % of regroupings stay below", bar), *distances.items()]:
            assert f"{label} {', '.join(f'{value:.2f}' for value in curve)}" in picture.alt
        assert "which of 3 facts" in picture.alt and "bag of words 0.04." in picture.alt
        assert "panel 0; panel 1; panel 2." in picture.alt
        assert not list(texts_cut_off(picture))
    finally:
        pyplot.close(picture.figure)
