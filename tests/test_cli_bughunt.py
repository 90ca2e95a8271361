"""`minicluster bughunt` as a student and a teacher run it."""

import json

import pytest

from minicluster import cli
from minicluster.bughunt.student_file import choose

BLANK = 'EXPLANATION = """"""'
WORDS = "The sum ran over the wrong axis. I compared two rows by hand with the checker's small inputs, "
WORDS += "and anybody who trains with more than one example would have noticed."


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of our own is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def start(here, capsys):
    """Starts a student's hunt, and returns the file."""

    def start(student, *more):
        assert cli.main(["bughunt", "start", "--student", student, *more]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return here / out.split(":")[0]

    return start


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def mend(path, student, class_name=""):
    hunt, bug = choose(student, class_name)
    edit(path, hunt.with_bug(bug), hunt.source)
    return hunt, bug


def explain(path, words=WORDS):
    edit(path, BLANK, f'EXPLANATION = """\n{words}\n"""')


def verify(capsys, *arguments):
    code = cli.main(["bughunt", "verify", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_start_writes_a_file_that_says_what_to_do(start, here, capsys):
    path = start("  Zoë   Müller ", "--class", "2026")
    assert [p.name for p in here.iterdir()] == [path.name] == ["bughunt_zoe_muller.py"]
    text = path.read_text(encoding="utf-8")
    hunt, bug = choose("Zoë Müller", "2026")
    assert text.startswith(f'"""Bug hunt: {hunt.title}.\n') and "bughunt verify FILE" in text
    assert 'STUDENT = "Zoë Müller"\nCLASS = "2026"\n' in text and f'SUBJECT = "{hunt.subject}"' in text
    assert text.endswith(f"\n\n{hunt.with_bug(bug)}\n\n{BLANK}\n")


def test_work_is_replaced_only_if_one_says_so(start, here, capsys):
    path = here / "bughunt_anna.py"
    path.write_text("work", encoding="utf-8")
    assert cli.main(["bughunt", "start", "--student", "Anna"]) == 2
    told = "bughunt_anna.py is there already, perhaps with work of yours in it; --force replaces it"
    assert capsys.readouterr() == ("", f"minicluster: error: {told}\n")
    assert path.read_text(encoding="utf-8") == "work"
    assert start("Anna", "--force") == path and "STUDENT" in path.read_text(encoding="utf-8")
    other = start("Anna", "--out", "new/mine.py")  # the folder is made
    assert other.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--student", " "], "--student = ' ', expected a name"),
        (["--student", "a\x07"], r"--student = 'a\x07', expected a name without control characters"),
        (["--student", "Anna", "--class", " "], "--class = ' ', expected a name"),
        (["--student", "Anna", "--out", "x.txt"], "--out = 'x.txt', expected a name that ends in .py"),
        (["--student", "Anna", "--out", "plain/x.py"], "cannot write to folder plain: plain is not a folder"),
    ],
)
def test_bad_input_to_start_gets_one_line_and_exit_code_2(arguments, message, here, capsys):
    (here / "plain").write_text("", encoding="utf-8")
    assert cli.main(["bughunt", "start", *arguments]) == 2
    assert capsys.readouterr() == ("", f"minicluster: error: {message}\n")
    assert [path.name for path in here.iterdir()] == ["plain"]


@pytest.mark.parametrize("arguments", [[], ["start"], ["verify"], ["mend", "x.py"], ["start", "--student"]])
def test_without_what_it_needs_it_says_so(arguments, capsys):
    assert cli.main(["bughunt", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("minicluster bughunt") and err.count("\n") == 1 and ": error: " in err


def test_a_disk_that_is_full_is_a_failure(capsys, monkeypatch, here):
    def full(path, text):
        from minicluster.files import OutputError

        raise OutputError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr("minicluster.files.write_text", full)
    assert cli.main(["bughunt", "start", "--student", "Anna"]) == 1
    assert capsys.readouterr().err == "minicluster: error: cannot write bughunt_anna.py: No space left on device\n"


def test_the_way_of_a_hunt(start, capsys):
    path = start("Ada Lovelace")
    hunt, bug = choose("Ada Lovelace")

    code, out, err = verify(capsys, path.name)
    assert (code, err) == (1, "")
    first, second, *middle, explanation, last = out.splitlines()
    assert first == "bughunt_ada_lovelace.py: Ada Lovelace"
    assert second.split()[:2] == [hunt.subject, "WRONG:"] and middle[0].strip() == "small inputs that show it:"
    inputs = [line.split(" = ")[0].strip() for line in middle[1:]]
    assert inputs == list(hunt.exercise.cases()[0])
    assert explanation.split(None, 1)[1].startswith("0 words, expected 20 or more: what was wrong")
    assert last == "0 of 1 mended and explained"
    assert bug.name not in out and bug.explanation not in out

    explain(path)  # what is still wrong
    code, out, err = verify(capsys, path.name)
    assert (code, err) == (1, "") and "WRONG" in out and "words\n" in out and bug.explanation not in out

    mend(path, "Ada Lovelace")
    code, out, err = verify(capsys, path.name)
    assert (code, err) == (0, "") and out.endswith("\n1 of 1 mended and explained\n")
    assert f"  {hunt.subject:{len('EXPLANATION')}}  right\n" in out
    assert f"  the bug that was planted, to compare: {bug.name}. {bug.explanation}\n" in out


def test_mended_but_not_explained(start, capsys):
    path = start("Anna")
    hunt, bug = mend(path, "Anna")
    explain(path, "too short " * 9 + "1 2 3 - - - 4")  # 18 words
    code, out, err = verify(capsys, path.name)
    assert (code, err) == (1, "") and "  right\n" in out and "  18 words, expected 20 or more: " in out
    assert bug.explanation not in out
    edit(path, "4\n", "one more\n")
    code, out, err = verify(capsys, path.name)
    assert code == 0 and "  20 words\n" in out and bug.explanation in out


def test_it_is_judged_by_what_it_returns_not_by_its_text(start, capsys):
    hunt, bug = next((h, b) for h, b in map(choose, NAMES) if h.subject == "softmax")
    name = next(name for name in NAMES if choose(name) == (hunt, bug))
    path = start(name)
    mine = "def softmax(x):\n    return np.array([[1 / np.exp(np.minimum(r - e, 700)).sum() for e in r] for r in x])\n"
    edit(path, hunt.with_bug(bug), mine)
    explain(path)
    code, out, err = verify(capsys, path)
    assert code == 0 and bug.name in out
    edit(path, "700)).sum()", "700)).mean()")
    code, out, err = verify(capsys, path)
    assert code == 1 and "WRONG: row 0 sums to" in out


NAMES = [f"student {n}" for n in range(300)]


@pytest.mark.parametrize(
    "body, words",
    [
        ("raise NotImplementedError", "not written yet\n"),
        ("return 1 / 0", "STOPPED: raises ZeroDivisionError: division by zero, in line "),
        ("return None", "WRONG: returns None"),
        ("while True: pass", "TOO SLOW: did not end within 1.5 seconds"),
        ("raise SystemExit(5)", "ENDED: the process ended with exit code 5"),
    ],
)
def test_whatever_the_function_does_there_is_one_verdict(body, words, start, capsys):
    path = start("Anna")
    hunt, bug = choose("Anna")
    edit(path, hunt.with_bug(bug), f"def {hunt.subject}(*arguments, **more):\n    {body}\n")
    explain(path)
    code, out, err = verify(capsys, path, "--time-limit", "1.5")
    assert (code, err) == (1, "") and f"{hunt.subject}  " in out and words in out and bug.explanation not in out


def test_a_function_that_is_gone_and_a_file_that_cannot_be_run(start, capsys):
    path = start("Anna")
    hunt, bug = choose("Anna")
    edit(path, hunt.with_bug(bug), "")
    code, out, err = verify(capsys, path)
    assert (code, err) == (1, "") and f"MISSING: there is no function {hunt.subject} in bughunt_anna.py" in out
    edit(path, "import numpy as np", "import nobody_has_this")
    code, out, err = verify(capsys, path)
    assert (code, err) == (1, "") and "CANNOT BE RUN: outside of its functions the file raises ModuleNotFoundError" in out


def test_two_students_at_once(start, capsys):
    one, other = start("Anna"), start("Bert", "--class", "2026")
    hunt, bug = mend(one, "Anna")
    explain(one)
    code, out, err = verify(capsys, one, other)
    assert (code, err) == (1, "") and f"{one}: Anna\n" in out and f"{other}: Bert, class 2026\n" in out
    assert out.endswith("\n1 of 2 mended and explained\n")
    assert verify(capsys, other, one)[0] == 1  # in whichever order
    mend(other, "Bert", "2026")
    explain(other)
    code, out, err = verify(capsys, other, one)
    assert code == 0 and out.endswith("\n2 of 2 mended and explained\n")


def test_json_for_grading(start, here, capsys):
    one, other = start("Anna"), start("Bert", "--class", "2026")
    hunt, bug = mend(one, "Anna")
    explain(one)
    edit(other, 'CLASS = "2026"', 'CLASS = "2027"')
    code, out, err = verify(capsys, "--json", "bughunt_anna.py", "bughunt_bert.py", "nothing.py")
    told = json.loads(out)
    assert code == 2 and err.count("\n") == 2 and "this hunt is not that of 'Bert'" in err
    assert (told["done"], told["of"]) == (1, 3)
    assert told["files"][0] == {
        "file": "bughunt_anna.py",
        "student": "Anna",
        "class": "",
        "subject": hunt.subject,
        "done": True,
        "outcome": "fine",
        "says": "",
        "inputs": [],
        "printed": [],
        "words": len(WORDS.split()),
        "explained": True,
        "bug": {"name": bug.name, "explanation": bug.explanation},
    }
    refused = told["files"][1]
    assert (refused["file"], refused["done"], refused["outcome"]) == ("bughunt_bert.py", False, "refused")
    assert refused["says"].startswith("bughunt_bert.py: this hunt is not")
    assert told["files"][2]["says"].startswith("cannot read nothing.py: ")
    edit(other, 'CLASS = "2027"', 'CLASS = "2026"')
    code, out, err = verify(capsys, "bughunt_bert.py", "--json")
    (entry,) = json.loads(out)["files"]
    assert (code, err) == (1, "") and entry["outcome"] == "wrong" and entry["says"] and entry["inputs"]
    assert (entry["bug"], entry["words"], entry["explained"]) == (None, 0, False)


def test_a_bad_file_gets_one_line_and_keeps_nobody_from_the_others(start, here, capsys):
    good = start("Anna")
    mend(good, "Anna")
    explain(good)
    (here / "notes.py").write_text("x = 1\n", encoding="utf-8")
    code, out, err = verify(capsys, "notes.py", good, here)
    assert code == 2 and out.endswith("\n1 of 3 mended and explained\n")
    first, second = err.splitlines()
    assert first.startswith('minicluster: error: notes.py: no STUDENT = "..." in it, expected a file that')
    assert second.startswith(f"minicluster: error: cannot read {here}: ")
    code, out, err = verify(capsys, good, "--time-limit", "0")
    assert (code, out, err) == (2, "", "minicluster: error: --time-limit = 0, expected more than 0\n")
