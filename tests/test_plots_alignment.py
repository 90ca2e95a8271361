import pytest
from made_up_results import RUNS, changed, results_of
from matplotlib import pyplot
from test_plots import texts_cut_off

from minicluster.plots import draw_experiment

HIGHER = ("separate", "by_examples", 1, "train", "others", "refused")


@pytest.fixture(scope="module", params=[1, 2], ids=["one seed", "two seeds"])
def drawn(request):
    runs = [RUNS["alignment"](3), changed(RUNS["alignment"](4), HIGHER, 0.5)][: request.param]
    results = results_of("alignment", *runs)
    pictures = draw_experiment(results)
    yield results, pictures["alignment"]
    pyplot.close(pictures["alignment"].figure)


def axes_of(picture):
    """Return the two panels and the table."""
    left, right, below = picture.figure.get_axes()
    return left, right, below.tables[0]


def lines_of(axis):
    return {line.get_label(): line for line in axis.lines}


def test_nothing_is_cut_off_and_the_title_says_the_seeds(drawn):
    results, picture = drawn
    assert not list(texts_cut_off(picture))
    title = picture.figure.get_suptitle().split("\n")[1]
    assert title == ("seed 3" if len(results["seeds"]) == 1 else "2 seeds, 3 to 4")


def test_reach_against_examples_is_the_results(drawn):
    results, picture = drawn
    left, _, _ = axes_of(picture)
    lines = {label: line.get_ydata().tolist() for label, line in lines_of(left).items()}
    middle = results["by_examples"]["separate"][1]["train"]["others"]["refused"]["median"]
    assert lines == {
        "clusters": [0.48, middle],
        "clusters by telling the task": [0.4, 0.8],
        "no clusters": [0.015, 0.03],
        "clusters, guard: nothing learns": [0.98, 0.98],
        "clusters: other tasks refused": [0, 0],
    }
    assert [label.get_text() for label in left.get_xticklabels()] == ["2", "8"]
    assert bool(left.collections) == (len(results["seeds"]) > 1)  # the range


def test_reach_against_steps_is_the_results(drawn):
    _, picture = drawn
    _, right, _ = axes_of(picture)
    lines = lines_of(right)
    assert {tuple(line.get_xdata()) for line in lines.values()} == {(0, 10, 40)}
    assert {label: line.get_ydata().tolist() for label, line in lines.items()} == {
        "clusters": [0, 0.24, 0.96],
        "clusters by telling the task": [0, 0.2, 0.8],
        "no clusters": [0, 0.0075, 0.03],
        "clusters, everything learns": [0, 0.175, 0.7],
        "clusters, below them learns": [0, 0.05, 0.2],
        "clusters: other tasks refused": [0, 0.01, 0],
    }
    assert len({line.get_marker() for line in lines.values()}) == len(lines)


def test_the_table_is_the_results(drawn):
    _, picture = drawn
    _, _, table = axes_of(picture)
    rows = {}
    for (row, column), cell in sorted(table.get_celld().items()):
        rows.setdefault(row, []).append(cell.get_text().get_text())
    assert rows[0][1] == "method, 8 examples"
    assert list(rows.values())[1:] == [
        ["clusters", "fine-tuned above the clusters", "1,500", "3.00", "-1%", "0.96", "0.00", "0.000", "0.99"],
        ["clusters", "fine-tuned everywhere", "3,000", "4.00", "-1%", "0.70", "0.00", "0.000", "0.99"],
        ["clusters", "fine-tuned below the clusters", "1,400", "3.50", "-1%", "0.20", "0.00", "0.000", "0.99"],
        ["clusters", "guard", "0", "0.25", "+2%", "0.98", "0.00", "0.000", "0.99"],
        ["clusters by telling", "fine-tuned above the clusters", "1,500", "3.00", "-1%", "0.80", "0.10", "0.000", "0.99"],
        ["no clusters", "fine-tuned above the clusters", "1,500", "3.00", "-1%", "0.03", "0.90", "0.000", "0.99"],
        ["no clusters", "guard", "0", "0.25", "+2%", "0.10", "0.90", "0.080", "0.91"],
    ]


def test_the_text_says_what_is_drawn(drawn):
    results, picture = drawn
    middle = results["by_examples"]["separate"][1]["train"]["others"]["refused"]["median"]
    assert f"After 2, 8 examples of one pattern: clusters: 0.48, {middle:.2f}; " in picture.alt
    assert "no clusters: 0.01, 0.03; guard: 0.98, 0.98." in picture.alt  # the double nearest to 0.015 lies below it
    assert "With 8 examples at steps 0, 10, 40: clusters: 0.00, 0.24, 0.96; " in picture.alt
    assert "clusters, below them learns: 0.00, 0.05, 0.20. Other tasks refused, with clusters: 0.00" in picture.alt
    assert "no clusters, guard, numbers changed 0, seconds to make 0.25, more time a question +2%, " in picture.alt
    assert picture.alt.endswith("never shown 0.10, leaks: still answered 0.90, others refused 0.080, others right 0.91.")
