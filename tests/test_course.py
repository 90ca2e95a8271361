"""The form of the lessons, of README and of the gallery; that lessons run, and run in time: check_promises.py."""

import ast
import re
import struct
import sys

import promises
import pytest

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


def description(path):
    """Return the alt text and the size, in pixels, that a PNG file says."""
    data = path.read_bytes()
    at, text, size = 8, None, None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        if kind == b"tEXt" and body.startswith(b"Description\0"):
            text = body.split(b"\0", 1)[1].decode("latin-1")
        if kind == b"iTXt" and body.startswith(b"Description\0"):
            text = body.split(b"\0", 5)[-1].decode("utf-8")
        at += 12 + length
    return text, size


def shown_in(page):
    """Return [(alt, file name)] of the pictures that a page shows."""
    folder = "figures/" if page.parent == promises.COURSE else ""
    pattern = rf"^!\[(.*)\]\({folder}([a-z0-9_]+\.png)\)$"
    return re.findall(pattern, page.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_lessons_are_1_to_18():
    assert [int(path.name.split("_")[1]) for path in LESSONS] == list(range(1, 19))
    assert all(re.fullmatch(r"lesson_[0-9]{2}(_[a-z]+)+", path.stem) for path in LESSONS)


@each
def test_a_lesson_begins_with_its_number_goals_time_and_what_it_assumes(path):
    kind, opening = cells_of(path)[0]
    number = int(path.name.split("_")[1])
    assert kind == MARKDOWN and re.match(rf"# Lesson {number}( \(optional\))?: .", opening)
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
def test_it_runs_cell_by_cell_and_alone(path):
    """Every cell is Python by itself; nothing but what the project may use is imported, and no other lesson."""
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


def test_what_readme_promises_of_commands_and_results_can_be_found():
    assert set(promises.of_commands()) == {"reproduce", "reproduce --quick", "gradcheck"}
    results = promises.of_results()
    assert len(results) > 8 and all(low < high for _, _, low, high in results)


def test_a_range_is_read_from_readme_as_it_is_written(monkeypatch):
    table = "| what | this run | expect |\n| --- | --- | --- |\n| ARI of x, layers 3 to 6 | 1.00 | 0.95 to 1.00 |\n"
    table += "| ARI of x, layer 2 | .9 | at most 0.25 |\n| control: y, 99 % | 0.29 | 0.2 to 0.4 |\n"
    monkeypatch.setattr(promises, "readme", lambda: table)
    three, two, none = promises.of_results()
    assert three == ("ARI of x", range(3, 7), 0.95, 1.0) and none == ("control: y, 99 %", None, 0.2, 0.4)
    assert two == ("ARI of x", range(2, 3), float("-inf"), 0.25)


def test_figures_are_small_and_of_one_shape():
    pictures = sorted(FIGURES.glob("*.png"))
    assert sum(path.stat().st_size for path in FIGURES.iterdir() if path.suffix != ".npz") < MOST_FOR_FIGURES
    for path in pictures:
        text, (width, height) = description(path)
        assert text and abs(width / height - 16 / 9) < 0.01, path.name
        assert path.stat().st_size < MOST_FOR_ONE, path.name
    assert {path.stem for path in LESSONS} <= {path.stem for path in pictures}


def test_readme_shows_three_pictures_and_the_gallery_all():
    readme, gallery = shown_in(promises.COURSE / "README.md"), shown_in(FIGURES / "README.md")
    assert len(readme) == 3
    assert sorted(name for _, name in gallery) == sorted(path.name for path in FIGURES.glob("*.png"))
    for alt, name in readme + gallery:
        assert alt == description(FIGURES / name)[0], name


@each
def test_reading_time_is_counted_the_same_way_in_all_lessons(path):
    """README: 60 words and 12 lines of code a minute, without the exercises."""
    words = len(re.findall(r"[A-Za-z']+", prose_of(path).split("## Exercises")[0]))
    lines = sum(bool(line.strip()) for kind, text in cells_of(path) if kind == CODE for line in text.splitlines())
    assert abs(promises.of_a_lesson(path)[0] - words / 60 - lines / 12) <= 8
