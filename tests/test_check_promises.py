"""What is held against README: a promise that is broken is told, and nothing is called kept unseen."""

import json

import check_promises
import promises
import pytest
from check_promises import Account, check_lessons, main, run

TIME = "**Time.** 5 minutes to read, without the exercises; the script runs in about 1 second."
FINE = f"# %% [markdown]\n# {TIME}\n\n# %%\n"


@pytest.fixture
def lesson(tmp_path):
    """Writes a lesson of a few lines."""

    def write(text, name="lesson_02_small.py"):
        path = tmp_path / name
        path.write_text(FINE + text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    "promised, took, limit, kept",
    [
        (30, 29.0, None, True),
        (30, 89.0, None, True),
        (30, 91.0, None, False),
        (30, 11.0, None, True),
        (30, 9.0, None, False),
        (2, 0.3, None, True),  # two seconds are nothing
        (1, 3.5, None, False),
        (30, 61.0, 60, False),
    ],
)
def test_a_time_is_kept_within_a_factor_of_three_or_two_seconds(promised, took, limit, kept, capsys):
    account = Account()
    account.time("x", promised, took, limit)
    assert (not account.broken) == kept
    assert capsys.readouterr().out.startswith("ok " if kept else "BROKEN")


def test_a_lesson_that_keeps_its_promise(lesson, capsys):
    account = Account()
    check_lessons(account, [lesson("print('\u00d7')\n")])
    assert account.broken == [] and "ok      lesson_02_small.py: promised 1 s, took" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text, words",
    [
        ("import warnings\nwarnings.warn('old')\n", "exit code 1"),
        ("import sys\nprint('a word', file=sys.stderr)\n", "a word"),
        ("open('left.txt', 'w', encoding='utf-8').close()\n", "left left.txt"),
        ("raise SystemExit(3)\n", "exit code 3"),
    ],
)
def test_one_that_does_not(text, words, lesson):
    account = Account()
    check_lessons(account, [lesson(text)])
    assert len(account.broken) == 1 and words in account.broken[0]


def test_one_that_hangs(lesson, monkeypatch):
    monkeypatch.setattr(check_promises, "PATIENCE", 1)
    account = Account()
    check_lessons(account, [lesson("import time\ntime.sleep(60)\n")])
    assert "still running after 1 s" in account.broken[0]


def test_what_compiles_is_run_again(lesson, tmp_path):
    seen = tmp_path / "seen"
    text = f"import sys, time, pathlib\nseen = pathlib.Path({str(seen)!r})\nif not seen.exists():\n"
    text += "    seen.write_text('')\n    time.sleep(3.5)\n    print('compiling its kernels', file=sys.stderr)\n"
    account = Account()
    took, _, _ = run(account, "x", [lesson(text)])
    assert account.broken == [] and took < 3.5


def results_with(**changes):
    one = json.loads((promises.COURSE / "figures" / "results.json").read_text(encoding="utf-8"))["runs"][0]
    one = json.loads(json.dumps(one))
    one["accuracy"]["train"][-1] = changes.get("train", 1.0)
    one["accuracy"]["unseen_instruction"][-1] = 0.96
    return {"runs": [one]}


def test_numbers_out_of_their_range_are_told(capsys):
    account = Account()
    check_promises.check_results(account, results_with(train=0.5))
    assert "seed 0, accuracy, train: expected 0.99 to 1.00, got 0.50" in account.broken


def test_a_row_that_nobody_knows_is_told(monkeypatch, capsys):
    monkeypatch.setattr(promises, "of_results", lambda: [("luck", None, "1.00", 0.0, 1.0)])
    account = Account()
    check_promises.check_results(account, results_with())
    assert len(account.broken) == 1 and "don't agree on" in account.broken[0] and "luck" in account.broken[0]


@pytest.mark.parametrize("arguments", [["99"], ["results"], ["results", "gone.json"], ["lessons"], ["pages", "x"]])
def test_bad_input_gets_one_line_and_exit_code_2(arguments, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"check_promises.py: {' '.join(arguments)}: expected numbers of lessons")
    assert err.count("\n") == 1


def test_a_page_that_says_something_else_of_a_picture_is_told(tmp_path, monkeypatch, capsys):
    path = next(path for _, path in promises.pictures_of(promises.PAGES[0]))
    (tmp_path / path.name).write_bytes(path.read_bytes())
    text = promises.description(path)[0]
    page = tmp_path / "README.md"
    page.write_text(f"![{text}]({path.name})\n![something else]({path.name})\n![x](gone.png)\n", encoding="utf-8")
    monkeypatch.setattr(promises, "PAGES", (page,))
    monkeypatch.setattr(promises, "COURSE", tmp_path)
    assert main(["pages"]) == 1
    assert [line[:6] for line in capsys.readouterr().out.splitlines()] == ["ok    ", "BROKEN", "BROKEN", "2 prom"]
