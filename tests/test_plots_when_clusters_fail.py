"""The picture of lesson 14: what is drawn is what was given."""

import numpy as np
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots.when_clusters_fail import SCORES, WORDS, draw_when_clusters_fail


def test_clouds_and_scores_are_those_given():
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(10), 3)
    clouds = {name: rng.normal(size=(30, 2)) for name in WORDS}
    measured = {name: {score: rng.random() for score in (*SCORES, "bar")} for name in WORDS}
    picture = draw_when_clusters_fail(clouds, task, measured, 2)
    try:
        *shown, scores = picture.figure.axes
        for axis, (name, points) in zip(shown, clouds.items(), strict=True):
            assert axis.get_title() == name
            assert len(axis.collections) == 10
            for t, dots in enumerate(axis.collections):
                np.testing.assert_array_equal(dots.get_offsets(), points[task == t])
        for line, score in zip(scores.lines, SCORES):
            np.testing.assert_array_equal(line.get_ydata(), [own[score] for own in measured.values()])
            np.testing.assert_array_equal(np.round(line.get_xdata()), range(len(WORDS)))
        assert len({line.get_marker() for line in scores.lines[:3]}) == 3
        for line, own in zip(scores.lines[3:], measured.values()):
            np.testing.assert_array_equal(line.get_ydata(), [own["bar"]] * 2)
        assert list(scores.lines[-1].get_ydata()) == [1 / 3, 1 / 3]
        assert [label.get_text() for label in scores.get_xticklabels()] == list(WORDS.values())
        for own in measured.values():
            assert ", ".join(f"{own[score]:.2f}" for score in (*SCORES, "bar")) in picture.alt
        assert "layer 2" in picture.alt
        assert not list(texts_cut_off(picture))
    finally:
        pyplot.close(picture.figure)
