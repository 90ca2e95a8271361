import io

import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from minicluster import plots
from minicluster.experiments import Job, Settings
from minicluster.experiments.reproduce import reproduce
from minicluster.plots.results import MARKERS, TASK_COLOURS
from minicluster.tasks import make_instruction_dataset


@pytest.fixture(scope="module", params=[1, 2], ids=["one seed", "two seeds"])
def drawn(request):
    settings = Settings(
        n_tasks=3, n_distributions=2, n_inputs=4, n_instructions=4, n_unseen_instructions=2, n_held_out_inputs=1,
        d_model=8, n_layers=2, n_heads=2, steps=6, batch_size=8, n_recordings=4, restarts=2,
    )  # fmt: skip
    results, pictures, _ = reproduce([Job(settings, seed, data_seed=seed) for seed in range(request.param)])
    figures = plots.draw_all(results, pictures)
    yield results, pictures, figures
    for picture in figures.values():
        pyplot.close(picture.figure)


def axes_by_title(picture):
    return {axis.get_title(): axis for axis in picture.figure.axes}


def test_the_curves_drawn_are_the_results(drawn):
    results, _, figures = drawn
    for title, split in (("training strings", "train"), ("unseen strings of the same patterns", "unseen_instruction")):
        axis = axes_by_title(figures["ari_by_layer"])[title]
        curves = {line.get_label(): line for line in axis.lines}
        for layer in range(3):
            line = curves[f"layer {layer}" + {0: " (embedding)", 2: " (read by nothing)"}.get(layer, "")]
            np.testing.assert_array_equal(line.get_xdata(), results["steps"])
            np.testing.assert_array_equal(line.get_ydata(), [values[layer] for values in results["ari"][split]])
        null = curves["regrouping null, 99th\npercentile, last step"].get_ydata()[0]
        assert null == max(results["controls"]["regrouping_null_99"][split])
        assert curves["bag of letters"].get_ydata()[0] == results["controls"]["bag_of_letters"]["ari"][split]
        assert curves["untrained model"].get_ydata()[0] == max(results["ari"][split][0])
        early = next(line for label, line in curves.items() if label.startswith("early stopping"))
        assert early.get_xdata()[0] == results["early_stopping_step"]
    loss, accuracy = figures["learning"].figure.axes
    for axis, name in ((loss, "loss"), (accuracy, "accuracy")):
        lines = {line.get_label(): line for line in axis.lines}
        for split, values in results[name].items():
            np.testing.assert_array_equal(lines[split.replace("_", " ")].get_ydata(), values)


def test_several_seeds_show_their_range(drawn):
    results, _, figures = drawn
    bands = figures["learning"].figure.axes[0].collections
    assert len(bands) == (3 if len(results["runs"]) > 1 else 0)
    for band, split in zip(bands, results["loss"]):
        corners = {tuple(corner) for path in band.get_paths() for corner in path.vertices}
        for run in results["runs"]:
            assert set(zip(results["steps"], run["loss"][split])) <= corners


def test_tasks_have_different_colours_and_markers(drawn):
    scatters = drawn[2]["hidden_states"].figure.axes[-1].collections
    assert len({tuple(scatter.get_facecolor()[0]) for scatter in scatters}) == len(scatters) == 3
    assert len({scatter.get_paths()[0].vertices.tobytes() for scatter in scatters}) == 3
    assert len(set(TASK_COLOURS)) == len(set(MARKERS)) == 10


def test_the_chance_level_is_one_of_all_outputs(drawn):
    lines = {line.get_label(): line for line in drawn[2]["learning"].figure.axes[1].lines}
    assert lines["chance: any output"].get_ydata()[0] == 1 / (3 * 4)


def test_the_principal_components_have_a_panel_for_each_layer_and_step(drawn):
    _, pictures, figures = drawn
    components = pictures["principal_components"]
    axes = figures["hidden_states"].figure.axes
    assert len(axes) == len(components["steps"]) * 3
    last = np.concatenate([scatter.get_offsets() for scatter in axes[-1].collections])
    expected = components["points"][-1, -1][np.argsort(components["task"], kind="stable")]
    np.testing.assert_allclose(last, expected, rtol=1e-6)  # drawn in float32


def cells_of(picture):
    """The texts of the table in the picture of the data, one list a row of inputs, from top to bottom."""
    (axis,) = picture.figure.axes
    texts = [text for text in axis.texts if text.get_position()[0] > 3.75 and 0.5 < text.get_position()[1] < 3.4]
    heights = sorted({text.get_position()[1] for text in texts}, reverse=True)
    rows = [sorted((t for t in texts if t.get_position()[1] == y), key=lambda t: t.get_position()[0]) for y in heights]
    return [[text.get_text() for text in row] for row in rows]


def test_the_dataset_picture_marks_every_held_out_pair_of_its_task(drawn):
    _, pictures, figures = drawn
    dataset, table = pictures["dataset"], cells_of(figures["dataset"])
    assert len(table) == dataset.n_distributions == 2
    task = int(dataset.train.task[1])
    trained = set(zip(dataset.train.distribution.tolist(), dataset.train.input.tolist()))
    for row, shown in enumerate(table):
        answers = [dataset.vocabulary.names[token] for token in dataset.outputs[task]]
        known = [(task * 2 + row, x) in trained for x in range(4)]
        assert shown == [answer if there else "?" for answer, there in zip(answers, known)]
        assert shown.count("?") == 1


@pytest.mark.parametrize(
    "arguments", [{}, {"share": 10}, {"n_inputs": 24}, {"n_distributions": 7, "share": 2}, {"n_held_out_inputs": 0}]
)
def test_the_dataset_picture_has_another_task_if_outputs_are_shared(arguments):
    dataset = make_instruction_dataset(**arguments)
    picture = plots.draw_dataset(dataset)
    try:
        table = cells_of(picture)
        assert len(table) == dataset.n_distributions + ("share" in arguments)
        if "share" in arguments:
            assert sorted(table[-1]) == sorted(dataset.vocabulary.names[token] for token in dataset.outputs[0])
            assert table[-1] == [dataset.vocabulary.names[token] for token in dataset.outputs[1]]
        words = " ".join(text.get_text() for text in picture.figure.axes[0].texts)
        assert ("another task" in words) == ("share" in arguments) == ("answers with the same words" in picture.alt)
        example = dataset.train[1]
        answer = dataset.vocabulary.names[dataset.outputs[example.task, example.input]]
        assert picture.alt.isascii() and f"<sep> x{example.input}, to which the answer is {answer}." in picture.alt
        assert not list(texts_cut_off(picture))
    finally:
        pyplot.close(picture.figure)


def test_alt_texts_carry_the_numbers(drawn):
    results, pictures, figures = drawn
    last = ", ".join(f"{round(value, 2) + 0:.2f}" for value in results["ari"]["train"][-1])
    assert f"training strings {last}; unseen" in figures["ari_by_layer"].alt
    first, last = (", ".join(f"{round(v, 2) + 0:.2f}" for v in results["runs"][0]["ari"]["train"][i]) for i in (0, -1))
    assert f"{first} at the first step, {last} at the last" in figures["hidden_states"].alt
    assert f"train {results['accuracy']['train'][-1]:.3f}" in figures["learning"].alt
    assert all(p.text in figures["dataset"].alt for p in pictures["dataset"].patterns[:2])


def texts_cut_off(picture):
    figure = picture.figure
    figure.canvas.draw()
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    texts += [text for axis in figure.axes for text in (axis.title, *axis.texts)]
    assert any(text.get_text() for text in texts)
    for text in texts:
        box = text.get_window_extent()
        # One pixel of tolerance, for glyphs that are wider than their advance.
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
        if text.get_text() and not inside:
            yield text.get_text(), box


def test_no_text_is_cut_off(drawn):
    for name, picture in drawn[2].items():
        assert not list(texts_cut_off(picture)), name


def test_a_picture_is_a_widescreen_png_with_its_description(drawn, tmp_path):
    picture = drawn[2]["learning"]
    picture.save(tmp_path / "learning.png")
    image = Image.open(io.BytesIO((tmp_path / "learning.png").read_bytes()))
    assert image.size == (1280, 720)
    assert image.text["Description"] == picture.alt
    assert not pyplot.fignum_exists(picture.figure.number)


def test_show_saves_only_if_asked(drawn, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    picture = drawn[2]["dataset"]
    picture.show("lesson")
    assert not any(tmp_path.iterdir())
    assert "--save" in capsys.readouterr().out
    picture.show("lesson", save=True)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["lesson.png"]


@pytest.fixture(scope="module")
def step_sizes():
    """The error of d exp(x) / dx at several x, worst of all."""
    x, steps = np.linspace(0.5, 2, 50), 10.0 ** np.arange(-18, 0.1, 0.5)
    derivatives = {
        "forward difference": lambda h: (np.exp(x + h) - np.exp(x)) / h,
        "central difference": lambda h: (np.exp(x + h) - np.exp(x - h)) / (2 * h),
        "complex step": lambda h: np.exp(x + 1j * h).imag / h,
    }
    errors = {
        name: np.array([np.abs(derivative(h) / np.exp(x) - 1).max() for h in steps]) + 1e-16
        for name, derivative in derivatives.items()
    }
    picture = plots.draw_step_sizes(steps, errors)
    yield steps, errors, picture
    pyplot.close(picture.figure)


def test_the_step_size_curves_are_the_errors(step_sizes):
    steps, errors, picture = step_sizes
    (axis,) = picture.figure.axes
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    curves = {line.get_label(): line for line in axis.lines}
    for name, curve in errors.items():
        np.testing.assert_array_equal(curves[name].get_xdata(), steps)
        np.testing.assert_array_equal(curves[name].get_ydata(), curve)
        assert [text.get_text() for text in axis.texts].count(name) == 1  # its label
    rings = {(*line.get_xdata(), *line.get_ydata()) for line in axis.lines if line.get_marker() == "o"}
    differences = [errors["forward difference"], errors["central difference"]]
    assert rings == {(steps[curve.argmin()], curve.min()) for curve in differences}
    low, high = axis.get_ylim()
    assert all(low < curve.min() and curve.max() < high for curve in errors.values())


def test_the_step_size_guides_have_the_slopes_that_they_name(step_sizes):
    (axis,) = step_sizes[2].figure.axes
    guides = [line for line in axis.lines if line.get_linestyle() == "--"]
    slopes = [np.diff(np.log(line.get_ydata()))[0] / np.diff(np.log(line.get_xdata()))[0] for line in guides]
    words = [text.get_text().split("slope ")[1] for text in axis.texts if "slope" in text.get_text()]
    # Logarithms of points in float64, and a difference of two.
    np.testing.assert_allclose(slopes, [float(word.replace("\N{MINUS SIGN}", "-")) for word in words], rtol=1e-12)
    assert sorted(np.round(slopes)) == [-1, 1, 2]
    kinds = [text.get_text().split("\n")[0] for text in axis.texts if "slope" in text.get_text()]
    assert kinds == ["rounding" if slope < 0 else "truncation" for slope in slopes]


def test_the_step_size_picture_says_its_numbers(step_sizes):
    steps, errors, picture = step_sizes
    assert not list(texts_cut_off(picture))
    forward = errors["forward difference"]
    best = steps[forward.argmin()]
    assert best == pytest.approx(1e-8, rel=9)  # where h = eps / h, within a factor of ten
    sentence = f"Forward difference: best h {best:.0e}, error {forward.min():.0e}.".replace("e-0", "e-")
    assert sentence in picture.alt
    floor = errors["complex step"][steps <= 1e-8].max()
    assert f"every h up to 1e-8: error at most {floor:.0e}" in picture.alt
    assert "from 1e-18 to 1," in picture.alt


RUNGS = [
    {"group": "product", "number": 1, "name": "slow", "kind": "one core", "gflops": 0.0076},
    {"group": "product", "number": 2, "name": "sums in vector registers", "kind": "one core", "gflops": 19.3},
    {"group": "product", "number": None, "name": "NumPy's product", "kind": "NumPy", "gflops": 143.4},
    {"group": "product", "number": 3, "name": "all of them", "kind": "all cores", "gflops": 38.6},
    {"group": "layer", "number": 4, "name": "fused", "kind": "all cores", "gflops": 2.25},
]


@pytest.fixture(params=[None, 351.2], ids=["no peak", "peak"])
def ladder(request):
    picture = plots.draw_rungs(RUNGS, request.param)
    yield request.param, picture
    pyplot.close(picture.figure)


def test_the_bars_of_the_rungs_end_at_their_speeds(ladder):
    peak, picture = ladder
    (axis,) = picture.figure.axes
    assert axis.get_xscale() == "log"
    low, high = axis.get_xlim()
    bars = [bar for bar in axis.patches if bar.get_height() < 1]
    # The width is drawn as end - begin, of which the begin is at most a third of the end: one rounding each.
    np.testing.assert_allclose([b.get_x() + b.get_width() for b in bars], [r["gflops"] for r in RUNGS], rtol=1e-15)
    assert {bar.get_x() for bar in bars} == {low}
    assert all(low < rung["gflops"] < high for rung in RUNGS)
    heights = [bar.get_y() + bar.get_height() / 2 for bar in bars]
    assert heights == sorted(heights) and axis.yaxis_inverted()  # from the top down
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels == [rung["name"] for rung in RUNGS]
    np.testing.assert_allclose(axis.get_yticks(), heights, rtol=1e-12)
    lines = [line.get_xdata()[0] for line in axis.lines]
    assert lines == ([] if peak is None else [peak])
    assert peak is None or peak < high


def test_the_kinds_of_rungs_differ_in_colour_and_one_in_its_hatching(ladder):
    (axis,) = ladder[1].figure.axes
    looks = {
        rung["kind"]: (bar.get_facecolor(), bar.get_hatch())
        for rung, bar in zip(RUNGS, [bar for bar in axis.patches if bar.get_height() < 1])
    }
    assert len({colour for colour, _ in looks.values()}) == 3
    assert [kind for kind, (_, hatch) in looks.items() if hatch] == ["NumPy"]
    (legend,) = ladder[1].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["one core", "all cores", "NumPy (BLAS)"]
    assert [patch.get_facecolor() for patch in legend.get_patches()] == [
        looks[kind][0] for kind in ("one core", "all cores", "NumPy")
    ]


def test_a_rung_says_its_number_its_speed_and_the_factor_over_the_rung_before(ladder):
    peak, picture = ladder
    words = [text.get_text() for text in picture.figure.axes[0].texts]
    assert words.count("product") == words.count("layer") == 1
    assert [word for word in words if word in "1234"] == list("1234")
    assert {"0.0076", "19", "143", "39", "2.2"} <= set(words)
    # Over NumPy's bar, which is no rung, to the one before; a group's first rung has none before it.
    assert [word for word in words if "\N{MULTIPLICATION SIGN}" in word] == ["× 2539", "× 2.0"]
    assert ("the machine's peak 351" in words) == (peak is not None)
    assert "product: slow 0.0076, sums in vector registers 19 (x 2539), NumPy's product 143, all of" in picture.alt
    assert picture.alt.isascii()
    assert picture.alt.endswith("layer: fused 2.2." + (" The machine's peak: 351." if peak else ""))


def test_no_text_of_the_rungs_is_cut_off_or_overlaps_another(ladder):
    picture = ladder[1]
    assert not list(texts_cut_off(picture))
    (axis,) = picture.figure.axes
    texts = [*axis.texts, *axis.get_yticklabels(), *picture.figure.legends[0].get_texts(), *picture.figure.texts]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    for index, (word, box) in enumerate(boxes):
        for other, other_box in boxes[:index]:
            assert not box.overlaps(other_box), (word, other)
    assert all(box.x0 >= 0 for _, box in boxes)
