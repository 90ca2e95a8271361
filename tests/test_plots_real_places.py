"""The picture of the lesson on real places: what is drawn is what was given."""

import numpy as np
from matplotlib import colors, pyplot
from test_plots import texts_cut_off

from minicluster.plots.real_places import draw_real_places


def test_states_scores_and_curves_are_those_given():
    rng = np.random.default_rng(0)
    names = ["continent", "capital", "internet domain"]
    task, points = np.array([2, 0, 1, 1, 0, 2, 2]), rng.normal(size=(7, 2))
    scores = {"trained": 0.93, "untrained": -0.001, "bag of words": 0.04, "99 % of deals below": 0.22}
    kinds = ("same fact, same answer", "same fact, other answer", "other fact")
    distances = dict(zip(kinds, rng.random((3, 5))))
    distances["other fact"][-1] = distances["same fact, other answer"][-1] + 0.01  # names must not overlap
    picture = draw_real_places(points, task, names, scores, distances)
    try:
        cloud, bars, curves = picture.figure.axes
        assert [dots.get_label() for dots in cloud.collections] == names
        for t, dots in enumerate(cloud.collections):
            np.testing.assert_array_equal(dots.get_offsets(), points[task == t])
        assert len({colors.to_hex(dots.get_facecolor()[0]) for dots in cloud.collections}) == 3
        assert len({dots.get_paths()[0].vertices.tobytes() for dots in cloud.collections}) == 3
        legend = [text.get_text() for figure in picture.figure.subfigs for own in figure.legends for text in own.texts]
        assert legend == names

        assert [bar.get_width() for bar in bars.patches] == list(scores.values())
        assert [label.get_text() for label in bars.get_yticklabels()] == list(scores)
        assert [text.get_text() for text in bars.texts] == ["0.93", "0.00", "0.04", "0.22"]

        lines = [line for line in curves.lines if line.get_marker() != "None"]
        for line, curve in zip(lines, distances.values(), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), curve)
            assert list(line.get_xdata()) == [0, 1, 2, 3, 4]
        assert len({(line.get_marker(), line.get_linestyle(), line.get_color()) for line in lines}) == 3
        assert [text.get_text().replace("\n", " ") for text in curves.texts] == list(kinds)
        assert [text.get_color() for text in curves.texts] == [line.get_color() for line in lines]
        assert not list(texts_cut_off(picture))
        boxes = [text.get_window_extent() for text in curves.texts]
        assert not any(box.overlaps(other) for at, box in enumerate(boxes) for other in boxes[:at])

        for label, curve in distances.items():
            assert f"{label} {', '.join(f'{value:.2f}' for value in curve)}" in picture.alt
        assert "which of 3 facts is asked for: continent, capital, internet domain." in picture.alt
        assert "trained 0.93; untrained 0.00; bag of words 0.04; 99 % of deals below 0.22." in picture.alt
    finally:
        pyplot.close(picture.figure)
