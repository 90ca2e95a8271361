"""Lessons as text: where one is, which cells it has, and the notebook that they make."""

import ast
import json
import re
from pathlib import Path

MARKDOWN, CODE = "markdown", "code"
CELL = re.compile(r"#\s*%%(?P<title>[^\[]*)(\[(?P<kind>[^\]]*)\].*)?")  # a line that begins a cell, as editors know it
KINDS = {None: CODE, "code": CODE, "markdown": MARKDOWN, "md": MARKDOWN}


class LessonError(ValueError):
    """A lesson can't be found or is no lesson; the message is one line that says why."""


def find_lesson(lesson, folder):
    """Find the file of a lesson.

    Parameters
    ----------
    lesson : str
        Its number, such as "3" or "03", or the path of its file.
    folder : str or Path
        Where lessons lie, for numbers.

    Returns
    -------
    Path

    Raises
    ------
    LessonError
        If there is no such file.
    """
    if not re.fullmatch("[0-9]{1,4}", lesson):
        path = Path(lesson)
        if path.suffix != ".py" or not path.is_file():
            raise LessonError(f"LESSON = {lesson!r}, expected a number such as 03, or a lesson's file (.py)")
        return path
    folder = Path(folder)
    if not folder.is_dir():
        raise LessonError(f"no folder {folder} here; --lessons DIR says where the lessons are")
    found = sorted(path for path in folder.glob("lesson_*_*.py") if path.name.split("_")[1].isdecimal())
    numbers = {path: int(path.name.split("_")[1]) for path in found}
    fitting = [path for path, number in numbers.items() if number == int(lesson)]
    if not fitting:
        there = ", ".join(f"{number:02}" for number in sorted(set(numbers.values()))) or "none"
        raise LessonError(f"LESSON = {lesson!r}, expected the number of a lesson in {folder}: {there}")
    if len(fitting) > 1:
        names = ", ".join(path.name for path in fitting)
        raise LessonError(f"LESSON = {lesson!r} may be any of {names}: give the file")
    return fitting[0]


def read_lesson(path):
    """Read a lesson's text.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    str

    Raises
    ------
    LessonError
        If the file can't be read, or is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LessonError(f"{path}: not UTF-8 text at byte {error.start}") from None
    except OSError as error:
        raise LessonError(f"{path}: {error.strerror}") from None


def split_cells(text):
    """Split a script into its cells.

    A cell begins with a line `# %%`; one of prose with `# %% [markdown]`, and then each of its lines begins with `#`.
    What stands before the first such line is a cell of code.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of (str, str)
        "markdown" or "code", and the text: prose without the `#` of its lines, neither with blank lines around it.
        Cells without text are left out.

    Raises
    ------
    LessonError
        If there is no cell, a line of prose does not begin with `#`, a cell is of an unknown kind, or a cell of code is
        no Python by itself.
    """
    cells = [(CODE, 1, [])]  # kind, number of the first line, lines
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        begins = CELL.fullmatch(line)
        if begins:
            if begins["kind"] is not None and begins["kind"].lower() not in KINDS:
                raise LessonError(f"line {number}: a cell of kind [{begins['kind']}], expected [markdown] or none")
            cells.append((KINDS[begins["kind"] and begins["kind"].lower()], number + 1, []))
            continue
        kind, _, lines = cells[-1]
        if kind == MARKDOWN and line.strip():
            if not line.startswith("#"):
                raise LessonError(f"line {number}: {line!r} in a cell of prose, expected # at its beginning")
            line = line[1:].removeprefix(" ")
        lines.append(line)
    if len(cells) == 1:
        raise LessonError("no line '# %%', which begins a cell")
    found = []
    for kind, first, lines in cells:
        if kind == CODE:
            _check_python("\n".join(lines), first)
        if any(line.strip() for line in lines):
            found.append((kind, "\n".join(lines).strip("\n")))
    return found


def _check_python(source, first):
    """Refuse a cell of code that ends in the middle of a statement; `first` is its first line's number."""
    try:
        ast.parse(source)
    except SyntaxError as error:
        raise LessonError(f"line {first + error.lineno - 1}: no Python by itself: {error.msg}") from None


def notebook(text):
    """Turn a script of cells into a Jupyter notebook, format 4.5 (nbformat.readthedocs.io).

    Titles of cells of code, which a notebook has no place for, are left out.

    Parameters
    ----------
    text : str
        See `split_cells`.

    Returns
    -------
    str
        The JSON text of an .ipynb file, without outputs. The same script gives the same text.

    Raises
    ------
    LessonError
        See `split_cells`.
    """
    cells = []
    for number, (kind, source) in enumerate(split_cells(text), start=1):
        lines = re.findall(r"[^\n]*\n|[^\n]+", source)
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": lines}
        if kind == CODE:
            cell |= {"execution_count": None, "outputs": []}
        cells.append(cell)
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
