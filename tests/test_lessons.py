"""Lessons as text: finding one, its cells, its notebook."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.lessons import LessonError, find_lesson, notebook, read_lesson, split_cells

LESSON = """import early

# %% [markdown]
# # A title
#
# Text, and a formula:
#
#     y = x @ w
#no space

# %%
import sys


def f():  # %% is no cell here
    return "# not prose"

# %% a cell with a title

# %% [markdown]
#
# %%
f()
"""


def test_cells_are_prose_and_code_in_their_order():
    assert split_cells(LESSON) == [
        ("code", "import early"),
        ("markdown", "# A title\n\nText, and a formula:\n\n    y = x @ w\nno space"),
        ("code", 'import sys\n\n\ndef f():  # %% is no cell here\n    return "# not prose"'),
        ("code", "f()"),
    ]


def test_line_ends_of_windows_make_the_same_cells(tmp_path):
    path = tmp_path / "lesson_01_x.py"
    path.write_bytes(b"\xef\xbb\xbf" + LESSON.replace("\n", "\r\n").encode())
    assert split_cells(read_lesson(path)) == split_cells(LESSON)


@pytest.mark.parametrize(
    "text, message",
    [
        ("print(1)\n", "no line '# %%', which begins a cell"),
        ("", "no line '# %%', which begins a cell"),
        ("# %% [markdown]\n# a\nprint(1)\n", "line 3: 'print(1)' in a cell of prose, expected # at its beginning"),
        ("# %%\n1\n# %% [raw]\n# a\n", "line 3: a cell of kind [raw], expected [markdown] or none"),
        ('# %%\nx = """\n# %% a text\n"""\n', "line 2: no Python by itself: unterminated triple-quoted string literal"),
        ("# %%\n1\n# %%\nif x:\n", "line 4: no Python by itself: expected an indented block"),
    ],
)
def test_what_is_no_lesson_is_refused(text, message):
    with pytest.raises(LessonError) as refused:
        notebook(text)
    assert str(refused.value).startswith(message)


def test_marks_of_cells_are_those_that_editors_take():
    text = "# %% A title [markdown]\n# a\n#%%\nb\n# %%  title\nc\n# %% [MD]\n# d\n# %% [code]\ne = 1\n"
    assert split_cells(text) == [("markdown", "a"), ("code", "b"), ("code", "c"), ("markdown", "d"), ("code", "e = 1")]


def test_only_line_ends_end_lines():
    source = "x = 'a\x0cb\u2028c'\ny = 2"
    assert split_cells(f"# %%\n{source}\n") == [("code", source)]
    assert json.loads(notebook(f"# %%\n{source}\n"))["cells"][0]["source"] == ["x = 'a\x0cb\u2028c'\n", "y = 2"]


def test_a_notebook_has_what_jupyter_asks_for():
    """The required keys of nbformat 4.5 (nbformat.readthedocs.io, "The notebook file format")."""
    written = json.loads(notebook(LESSON))
    assert (written["nbformat"], written["nbformat_minor"]) == (4, 5)
    assert set(written) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert written["metadata"]["kernelspec"]["name"] == "python3"
    assert written["metadata"]["language_info"] == {"name": "python"}
    for cell in written["cells"]:
        needed = {"cell_type", "id", "metadata", "source"}
        needed |= {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == needed
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None
        assert all(line.endswith("\n") for line in cell["source"][:-1]) and not cell["source"][-1].endswith("\n")
    assert [("".join(cell["source"])) for cell in written["cells"]] == [text for _, text in split_cells(LESSON)]
    assert [cell["cell_type"] for cell in written["cells"]] == ["code", "markdown", "code", "code"]
    ids = [cell["id"] for cell in written["cells"]]
    assert len(set(ids)) == len(ids) and all(id.replace("-", "").isalnum() for id in ids)


def test_letters_beyond_ascii_are_written_as_they_are():
    assert "naïve −" in notebook("# %%\nx = 'naïve −'\n")


prose = st.text(alphabet="ab#[]% \u2028", min_size=1, max_size=12).map(lambda line: f"a{line}".rstrip())
code = st.sampled_from(["x = 1", "# a comment", "x = '# %%'", "# x %%", "y = [1]  # %% [markdown]", "'\x0c'"])
cell = st.tuples(st.just("markdown"), st.lists(prose, min_size=1, max_size=4))
cell |= st.tuples(st.just("code"), st.lists(code, min_size=1, max_size=4))


@given(st.lists(cell, min_size=1, max_size=5))
def test_cells_that_are_written_down_are_found_again(cells):
    text = ""
    for kind, content in cells:
        text += "# %% [markdown]\n" if kind == "markdown" else "# %%\n"
        text += "".join(f"# {line}\n" if kind == "markdown" else f"{line}\n" for line in content)
    assert split_cells(text) == [(kind, "\n".join(content)) for kind, content in cells]


def test_a_lesson_is_found_by_its_number_or_its_path(tmp_path):
    for name in ("lesson_03_k_means.py", "lesson_12_nulls.py", "lesson_x_draft.py", "other.py"):
        (tmp_path / name).write_text("# %%\n", encoding="utf-8")
    assert find_lesson("3", tmp_path) == find_lesson("03", tmp_path) == tmp_path / "lesson_03_k_means.py"
    assert find_lesson("12", str(tmp_path)) == tmp_path / "lesson_12_nulls.py"
    assert find_lesson(str(tmp_path / "other.py"), "nowhere") == tmp_path / "other.py"
    for lesson, folder, message in (
        ("4", tmp_path, f"LESSON = '4', expected the number of a lesson in {tmp_path}: 03, 12"),
        ("4", tmp_path / "none", f"no folder {tmp_path / 'none'} here; --lessons DIR says where the lessons are"),
        ("k.py", tmp_path, "LESSON = 'k.py', expected a number such as 03, or a lesson's file (.py)"),
        ("k", tmp_path, "LESSON = 'k', expected a number such as 03, or a lesson's file (.py)"),
        ("-3", tmp_path, "LESSON = '-3', expected a number such as 03, or a lesson's file (.py)"),
        ("9" * 5000, tmp_path, f"LESSON = '{'9' * 5000}', expected a number such as 03, or a lesson's file (.py)"),
    ):
        with pytest.raises(LessonError) as refused:
            find_lesson(lesson, folder)
        assert str(refused.value) == message
    (tmp_path / "text.txt").write_text("# %%\n", encoding="utf-8")
    with pytest.raises(LessonError, match="expected a number such as 03"):
        find_lesson(str(tmp_path / "text.txt"), tmp_path)
    (tmp_path / "lesson_3_again.py").write_text("# %%\n", encoding="utf-8")
    with pytest.raises(LessonError, match="may be any of lesson_03_k_means.py, lesson_3_again.py: give the file"):
        find_lesson("3", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LessonError, match="in .*empty: none$"):
        find_lesson("4", tmp_path / "empty")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "lesson_01_x.py"
    path.write_bytes(b"# %%\nx = '\xff'\n")
    with pytest.raises(LessonError, match="lesson_01_x.py: not UTF-8 text at byte 10$"):
        read_lesson(path)
    with pytest.raises(LessonError, match="gone.py: No such file"):
        read_lesson(tmp_path / "gone.py")
