"""A student's bug hunt: the name decides, however it is typed; a file is read without being run."""

import ast

import pytest

from minicluster.bughunt import HUNTS
from minicluster.bughunt.student_file import (
    HuntError,
    check_name,
    choose,
    file_name,
    normalise,
    read_student_file,
    student_file,
)


@pytest.mark.parametrize(
    "one, other",
    [
        ("Anna Weiss", "  anna   WEISS "),
        ("Anna\tWeiss", "anna\nweiss"),
        ("Weiß", "WEISS"),
        ("Zoë", "Zoe\u0308"),  # one character, or two
        ("ＡＮＮＡ", "anna"),  # wide letters
        ("ﬁona", "Fiona"),
        ("an\u200dna", "anna"),  # a joiner that nobody sees
        ("\ufeffanna", "Anna"),
        ("Ἀλέξανδρος", "ἈΛΈΞΑΝΔΡΟΣ"),
    ],
)
def test_a_name_is_the_same_however_it_is_typed(one, other):
    assert normalise(one) == normalise(other)
    assert choose(one) == choose(other) and file_name(one) == file_name(other)


def test_the_choice_is_the_same_on_every_machine_and_in_every_version():
    """Changing what is chosen would make the files of a class that is under way those of nobody."""
    chosen = [choose("Ada Lovelace"), choose("Zoë Müller", "2026"), choose("李雷")]
    assert [(hunt.subject, bug.name) for hunt, bug in chosen] == [
        ("attention_weights", "masked after the softmax"),
        ("softmax_backward", "sum over the batch"),
        ("principal_components", "columns for rows"),
    ]


def test_another_class_gets_others():
    students = [f"student {n}" for n in range(50)]
    one, other = [choose(name, "2026") for name in students], [choose(name, "2027") for name in students]
    assert sum(a[0] is b[0] for a, b in zip(one, other)) < 10
    assert [choose(name, " 2026 ") for name in students] == one
    assert len({hunt.subject for hunt, _ in one}) >= len(HUNTS) / 2


def test_student_and_class_are_not_run_together():
    assert any(choose(f"{n} a", "b") != choose(f"{n}", "a b") for n in range(3))
    assert any(choose(f"x{n}", "") != choose("", f"x{n}") for n in range(3))


@pytest.mark.parametrize(
    "student, name",
    [
        ("Anna Weiss", "bughunt_anna_weiss.py"),
        ("Weiß", "bughunt_weiss.py"),
        ("Zoë O'Brien-Lee", "bughunt_zoe_o_brien_lee.py"),
        ("../../etc/passwd", "bughunt_etc_passwd.py"),
        ("CON", "bughunt_con.py"),
        ("x" * 200, f"bughunt_{'x' * 60}.py"),
    ],
)
def test_a_file_is_named_like_its_student(student, name):
    assert file_name(student) == name


def test_letters_that_ascii_lacks_are_kept_apart():
    names = [file_name(name) for name in ("李雷", "韩梅梅", "Łukasz", "ukasz", "!?")]
    assert len(set(names)) == len(names)
    assert all(name.isascii() and name.startswith("bughunt_") and "__" not in name for name in names)


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "a\x00b", "a\x1b[31m", "\udc80"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(HuntError, match="--student = .*, expected a name"):
        check_name(name, "--student")


@pytest.mark.parametrize("name", ['Robert"); import os', "O'Brien", "back\\slash", '"""', "{student}", "{0}", "%s"])
def test_any_name_makes_a_file_that_is_its_own(tmp_path, name):
    text = student_file(name, name)
    values = {
        node.targets[0].id: node.value.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and node.targets[0].id.isupper() and isinstance(node.value, ast.Constant)
    }
    assert values["STUDENT"] == values["CLASS"] == name
    path = tmp_path / file_name(name)
    path.write_text(text, encoding="utf-8")
    found = read_student_file(path)
    assert (found.student, found.class_name, found.explanation) == (name, name, "")
    assert (found.hunt, found.bug) == choose(name, name)


def test_a_file_is_read_without_being_run(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(student_file("Anna") + "\nraise SystemExit(3)\n", encoding="utf-8")
    assert read_student_file(path).student == "Anna"


def test_a_file_with_a_byte_order_mark_or_windows_line_ends_is_read(tmp_path):
    path = tmp_path / "mine.py"
    text = student_file("Zoë").replace('EXPLANATION = """"""', 'EXPLANATION = """one\ntwo"""')
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("utf-8"))
    found = read_student_file(path)
    assert (found.student, found.explanation) == ("Zoë", "one\ntwo")


def test_a_file_without_class_is_one_of_no_class(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(student_file("Anna").replace('CLASS = ""\n', ""), encoding="utf-8")
    assert read_student_file(path).class_name == ""


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('STUDENT = "Anna"', "", 'no STUDENT = "..." in it, expected a file that `bughunt start` wrote'),
        ('EXPLANATION = """"""', "", 'no EXPLANATION = "..." in it'),
        ('STUDENT = "Anna"', "STUDENT = 3", "STUDENT is not a text in quotes"),
        ('EXPLANATION = """"""', "EXPLANATION = print", "EXPLANATION is not a text in quotes"),
        ('STUDENT = "Anna"', 'STUDENT = "Bert"', "this hunt is not that of 'Bert': SUBJECT = '"),
        ('CLASS = ""', 'CLASS = "2026"', "this hunt is not that of 'Anna': SUBJECT = '"),
        ("import numpy as np", "import numpy as", "SyntaxError: "),
        ("import numpy as np", "\0", "null bytes"),
        ("import numpy as np", "(" * 1000, ""),
    ],
)
def test_what_is_no_hunt_is_refused(tmp_path, old, new, words):
    text = student_file("Anna")
    assert text.count(old) == 1
    path = tmp_path / "mine.py"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(HuntError) as told:
        read_student_file(path)
    assert str(told.value).startswith(f"{path}: ") and words in str(told.value) and "\n" not in str(told.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(HuntError, match="cannot read .*: No such file"):
        read_student_file(tmp_path / "nothing.py")
    with pytest.raises(HuntError, match="cannot read "):
        read_student_file(tmp_path)
    (tmp_path / "latin.py").write_bytes('STUDENT = "Zoë"'.encode("latin-1"))
    with pytest.raises(HuntError, match="latin.py: .*utf-8"):
        read_student_file(tmp_path / "latin.py")
