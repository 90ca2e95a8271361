"""`minicluster notebook` as a user runs it."""

import json

import pytest

from minicluster import cli

LESSON = "# %% [markdown]\n# # Lesson 3\n\n# %%\nprint(40 + 2)\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of our own, with one lesson in lessons/, is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "lesson_03_k_means.py").write_text(LESSON, encoding="utf-8")
    return tmp_path


def test_it_writes_the_lesson_with_its_name_into_this_folder(here, capsys):
    assert cli.main(["notebook", "03"]) == 0
    assert sorted(path.name for path in here.iterdir()) == ["lesson_03_k_means.ipynb", "lessons"]
    assert [path.name for path in (here / "lessons").iterdir()] == ["lesson_03_k_means.py"]
    text = (here / "lesson_03_k_means.ipynb").read_text(encoding="utf-8")
    first, second = json.loads(text)["cells"]
    assert (first["cell_type"], first["source"]) == ("markdown", ["# Lesson 3"])
    assert (second["cell_type"], second["source"]) == ("code", ["print(40 + 2)"])
    out, err = capsys.readouterr()
    assert (out.split(":")[0], err) == ("lesson_03_k_means.ipynb", "")


def test_a_notebook_with_work_in_it_is_replaced_only_if_one_says_so(here, capsys):
    out = here / "mine.ipynb"
    out.write_text("work", encoding="utf-8")
    assert cli.main(["notebook", "3", "--out", "mine.ipynb"]) == 2
    assert out.read_text(encoding="utf-8") == "work"
    told = "mine.ipynb is there already, perhaps with work of yours in it; --force replaces it"
    assert capsys.readouterr() == ("", f"minicluster: error: {told}\n")
    assert cli.main(["notebook", "3", "--out", "mine.ipynb", "--force"]) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["nbformat"] == 4
    assert cli.main(["notebook", "3", "--out", "new/mine.ipynb"]) == 0  # the folder is made
    assert (here / "new" / "mine.ipynb").read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["4"], "LESSON = '4', expected the number of a lesson in lessons: 03"),
        (["3", "--lessons", "gone"], "no folder gone here; --lessons DIR says where the lessons are"),
        (["3", "--out", "x.txt"], "--out = 'x.txt', expected a name that ends in .ipynb"),
        (["3", "--out", "plain.py/x.ipynb"], "cannot write to folder plain.py: plain.py is not a folder"),
        (["plain.py"], "plain.py: no line '# %%', which begins a cell"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(arguments, message, here, capsys):
    (here / "plain.py").write_text("print(1)\n", encoding="utf-8")
    assert cli.main(["notebook", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"minicluster: error: {message}\n")
    assert sorted(path.name for path in here.iterdir()) == ["lessons", "plain.py"]


def test_a_disk_that_is_full_is_a_failure_and_leaves_nothing(here, capsys, monkeypatch):
    def full(path, text):
        from minicluster.files import OutputError

        raise OutputError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr("minicluster.files.write_text", full)
    assert cli.main(["notebook", "3"]) == 1
    assert capsys.readouterr().err.startswith("minicluster: error: cannot write lesson_03_k_means.ipynb: No space left")
