"""The form of the lessons, of README and of the gallery; that lessons run, and run in time: check_promises.py."""

import ast
import json
import re
import sys

import check_promises
import promises
import pytest
from mutants import MUTANTS
from skips import need_the_headline_run

from minicluster.lessons import CODE, MARKDOWN, split_cells

LESSONS, FIGURES = promises.LESSONS, promises.COURSE / "figures"
MOST_FOR_FIGURES = 8_000_000  # bytes
MOST_FOR_ONE = 600_000
ALLOWED = {"matplotlib", "minicluster", "numba", "numpy", *sys.stdlib_module_names}
READ_FIRST = ("Goals", "Time", "Assumes")

each = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def cells_of(path):
    return split_cells(path.read_text(encoding="utf-8"))


def prose_of(path):
    return "\n\n".join(text for kind, text in cells_of(path) if kind == MARKDOWN)


def headings_of(path):
    return re.findall(r"^## (.*)$", prose_of(path), re.MULTILINE)


def test_the_lessons_are_1_to_18():
    assert [int(path.name.split("_")[1]) for path in LESSONS] == list(range(1, 19))
    assert all(re.fullmatch(r"lesson_[0-9]{2}(_[a-z]+)+", path.stem) for path in LESSONS)


@each
def test_a_lesson_begins_with_its_number_goals_time_and_what_it_assumes(path):
    kind, opening = cells_of(path)[0]
    number = int(path.name.split("_")[1])
    optional = r" \(optional\)" if number > 16 else ""
    assert kind == MARKDOWN and re.match(rf"# Lesson {number}{optional}: .", opening)
    at = [opening.index(f"**{name}.**") for name in READ_FIRST]
    assert at == sorted(at)
    words = " ".join(opening.split())
    assert f"`.venv/bin/python lessons/{path.name}`" in words and f"`figures/{path.stem}.png`" in words
    assert f"`.venv/bin/python -m minicluster notebook {number}`" in words


@each
def test_it_asks_to_predict_plants_a_mistake_and_ends_with_summary_and_exercises(path):
    headings = headings_of(path)
    assert re.search(r"\*\*Predict\b", prose_of(path))
    assert any("planted mistake" in heading.lower() for heading in headings)
    assert headings[-2:] == ["Summary", "Exercises"]
    exercises = prose_of(path).split("## Exercises")[1]
    assert re.findall(r"^([0-9]+)\. ", exercises, re.MULTILINE)[:2] == ["1", "2"]
    number, words = path.name.split("_")[1], " ".join(exercises.split())
    assert f"`lessons/exercises/exercise{path.stem.removeprefix('lesson')}.py`" in words
    assert f"`.venv/bin/python -m minicluster check {number}`" in words


@each
def test_every_cell_is_python_and_imports_only_what_it_may(path):
    """So a notebook can run it cell by cell, and it needs no other lesson."""
    cells = [text for kind, text in cells_of(path) if kind == CODE]
    for cell in cells:
        for node in ast.walk(ast.parse(cell)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                assert top in ALLOWED and not top.startswith("lesson"), name
                assert top not in ("multiprocessing", "concurrent"), "a process that starts runs the lesson anew"
            assert not (isinstance(node, ast.Name) and node.id == "__file__")
    assert f'picture.show("{path.stem}", save="--save" in sys.argv)' in "\n".join(cells)
    assert all(len(line) <= 120 for line in path.read_text(encoding="utf-8").splitlines())


@each
def test_readme_and_lesson_promise_the_same_times(path):
    minutes, seconds = promises.of_a_lesson(path)
    assert promises.of_readme_for_lessons()[path.stem] == (minutes, seconds)
    assert seconds <= (15 if path.name.startswith("lesson_01") else 60)


def test_readme_lists_the_lessons_in_their_order_then_the_model():
    listed = re.findall(r"\]\(lessons/(lesson_\w+)\.py\)", promises.readme())
    assert listed == [path.stem for path in LESSONS]
    assert sum(seconds for _, seconds in promises.of_readme_for_lessons().values()) <= 360
    order = promises.readme().split("## Reading order")[1]
    assert order.index("lessons/lesson_18") < order.index("`minicluster/nn/`") < order.index("`minicluster/gradcheck/`")


def test_what_readme_promises_of_commands_can_be_found():
    assert set(promises.of_commands()) == {"reproduce", "reproduce --quick", "gradcheck"}
    listed = sum(seconds for _, seconds in promises.of_readme_for_lessons().values())
    assert 0.7 < promises.of_all_lessons() / listed < 1.3


def test_readme_says_of_this_run_what_its_results_say():
    results = json.loads((FIGURES / "results.json").read_text(encoding="utf-8"))
    need_the_headline_run(results)
    (one,) = results["runs"]
    for what, layers, this_run, _, _ in promises.of_results():
        said = [float(number) for number in re.findall(r"[0-9]\.[0-9]{2}", this_run)]
        values = check_promises.values_of(one, what, layers)
        assert [min(values), max(values)] == [min(said), max(said)] or values == said, what


def test_a_range_is_read_from_readme_as_it_is_written(monkeypatch):
    rows = "| --- | --- | --- |\n| ARI of x, layers 3 to 6 | 1.00 | 0.95 to 1.00 |\n"
    rows += "| ARI of x, layer 2 | .9 | at most 0.25 |\n| control: y, 99 % | 0.29 | 0.2 to 0.4 |\n"
    monkeypatch.setattr(promises, "readme", lambda: f"text\n{promises.TABLE_HEAD}{rows}\nmore\n")
    three, two, none = promises.of_results()
    assert three == ("ARI of x", range(3, 7), "1.00", 0.95, 1.0)
    assert none == ("control: y, 99 %", None, "0.29", 0.2, 0.4)
    assert two == ("ARI of x", range(2, 3), ".9", float("-inf"), 0.25)
    spoiled = rows.replace("0.2 to 0.4", "0.2 - 0.4")
    monkeypatch.setattr(promises, "readme", lambda: f"text\n{promises.TABLE_HEAD}{spoiled}\nmore\n")
    with pytest.raises(AssertionError, match="2 rows of README's table can be read, of 3"):
        promises.of_results()


def test_readme_shows_three_pictures_and_the_gallery_all_of_them_once():
    """What the files say of themselves may differ where somebody has run the main job: see check_promises.py pages."""
    readme, gallery = (promises.pictures_of(page) for page in promises.PAGES)
    assert len(readme) == 3 and set(readme) <= {(alt, FIGURES / path.name) for alt, path in gallery}
    names = [path.name for _, path in gallery]
    assert len(set(names)) == len(names) and {f"{path.stem}.png" for path in LESSONS} <= set(names)
    assert all(alt for alt, _ in gallery)


def test_the_gallerys_pictures_are_small_and_of_one_shape():
    paths = [path for _, path in promises.pictures_of(FIGURES / "README.md")]
    sizes = [path.stat().st_size for path in [*paths, *FIGURES.glob("results*.json")]]
    assert sum(sizes) < MOST_FOR_FIGURES and max(sizes) < MOST_FOR_ONE
    for path in paths:
        text, (width, height) = promises.description(path)
        assert text and abs(width / height - 16 / 9) < 0.01, path.name


def test_readme_counts_the_mutants():
    assert re.findall(r"puts ([0-9,]+) wrong formulas", " ".join(promises.readme().split())) == [f"{len(MUTANTS):,}"]


@each
def test_reading_time_is_counted_the_same_way_in_all_lessons(path):
    """README: 60 words and 12 lines of code a minute, without the exercises."""
    words = len(re.findall(r"[A-Za-z']+", prose_of(path).split("## Exercises")[0]))
    lines = sum(bool(line.strip()) for kind, text in cells_of(path) if kind == CODE for line in text.splitlines())
    assert abs(promises.of_a_lesson(path)[0] - words / 60 - lines / 12) <= 8


def test_the_teachers_map_has_the_lessons_minutes():
    guide = (promises.COURSE / "lessons" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([0-9]{2}) \|[^|\n]*\|[^|\n]*\|[^|\n]*\| ([0-9]+) \| (?:core|stretch|capstone) \|$", guide, re.MULTILINE)
    minutes = [promises.of_a_lesson(path)[0] for path in LESSONS]
    assert [(int(number), int(said)) for number, said in rows] == list(enumerate(minutes, start=1))
