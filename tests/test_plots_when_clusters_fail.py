"""The picture of lesson 14: what is drawn is what was given."""

import numpy as np
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots.when_clusters_fail import SCORES, WORDS, draw_when_clusters_fail


def test_clouds_and_scores_are_those_given():
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(10), 3)
    clouds = {name: rng.normal(size=(30, 2)) for name in WORDS}
    measured = {name: {score: rng.random() for score in ("train", *SCORES, "bar")} for name in WORDS}
    picture = draw_when_clusters_fail(clouds, task, measured, 2)
    try:
        *shown, scores = picture.figure.axes
        for axis, (name, points) in zip(shown, clouds.items(), strict=True):
            assert axis.get_title() == f"{name}: {WORDS[name]}"
            assert len(axis.collections) == 10
            for t, dots in enumerate(axis.collections):
                np.testing.assert_array_equal(dots.get_offsets(), points[task == t])
        marks = [line for line in scores.lines if line.get_marker() != "None"]
        for line, score in zip(marks, SCORES, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), [own[score] for own in measured.values()])
            np.testing.assert_array_equal(np.round(line.get_ydata()), range(len(WORDS)))
        assert len({line.get_marker() for line in marks}) == 2
        strokes = [line.get_xdata()[0] for line in scores.lines if line.get_marker() == "None"]
        assert strokes == [1 / 3] * len(WORDS) + [own["bar"] for own in measured.values()]
        numbers = [text.get_text() for text in scores.texts]
        assert numbers == [f"{own[score]:.2f}" for score in SCORES for own in measured.values()]
        assert [label.get_text() for label in scores.get_yticklabels()] == list(WORDS)
        for own in measured.values():
            assert ", ".join(f"{own[score]:.2f}" for score in ("train", *SCORES, "bar")) in picture.alt
        assert "layer 2" in picture.alt
        assert not list(texts_cut_off(picture))
    finally:
        pyplot.close(picture.figure)
