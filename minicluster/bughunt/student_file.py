"""A student's bug hunt: chosen by the name, written as a file, read, and verified by what its function returns."""

import ast
import hashlib
import json
import re
import unicodedata
import warnings
from dataclasses import dataclass
from pathlib import Path

from ..checking.runner import FINE, TIME_LIMIT, run_apart
from . import HUNTS, Bug, Hunt

FEWEST_WORDS = 20  # of an explanation
SLUG_LENGTH, TAG_LENGTH = 60, 8  # characters of a file's name

TEMPLATE = '''\
"""Bug hunt: {title}.

The function below runs, and what it returns looks plausible. One formula in it is wrong; its docstring is right.

1. Ask the checker, with this file's name for FILE:  python -m minicluster bughunt verify FILE
   It says which property fails, with small inputs that show it. It does not say where the bug is.
2. Find the bug and mend the function. Any right formula will do; NumPy is all that it takes.
3. Fill EXPLANATION, at the end, with {words} words or more of your own: what was wrong, how you found it, and who would
   have noticed, by what.
4. Verify once more. When the function is right and explained, you see which bug was planted, to compare.

STUDENT, CLASS and SUBJECT say which hunt is yours: leave them as they are.
"""

import numpy as np

STUDENT = {student}
CLASS = {class_name}
SUBJECT = {subject}


{source}

EXPLANATION = """"""
'''


class HuntError(ValueError):
    """A name is no name, or a file is no bug hunt; the message is one line that says why."""


@dataclass(frozen=True)
class StudentFile:
    """What stands in a student's file.

    Attributes
    ----------
    student, class_name : str
    hunt : Hunt
    bug : Bug
        The one that was planted.
    explanation : str
    """

    student: str
    class_name: str
    hunt: Hunt
    bug: Bug
    explanation: str


@dataclass(frozen=True)
class Result:
    """What came of verifying a student's file.

    Attributes
    ----------
    student, class_name, subject : str
    outcome, says, inputs, printed
        Of the function, as in `minicluster.checking.Verdict`.
    words : int
        Of the explanation.
    bug : Bug or None
        The planted one, once the function is right and explained.
    """

    student: str
    class_name: str
    subject: str
    outcome: str
    says: str
    inputs: list
    printed: list
    words: int
    bug: Bug | None

    @property
    def mended(self):
        """Whether the function is right."""
        return self.outcome == FINE

    @property
    def explained(self):
        """Whether the explanation has enough words."""
        return self.words >= FEWEST_WORDS

    @property
    def done(self):
        """Whether the function is right and explained."""
        return self.mended and self.explained

    def as_dict(self):
        """Return it ready for JSON."""
        bug = None if self.bug is None else {"name": self.bug.name, "explanation": self.bug.explanation}
        return {
            "student": self.student,
            "class": self.class_name,
            "subject": self.subject,
            "done": self.done,
            "outcome": self.outcome,
            "says": self.says,
            "inputs": self.inputs,
            "printed": self.printed,
            "words": self.words,
            "explained": self.explained,
            "bug": bug,
        }


def normalise(name):
    """Return a name so that everybody who types it gets the same: form NFKC, case folded, single spaces.

    Parameters
    ----------
    name : str
        Of a student or a class. Characters that only say how others are joined or shown are dropped.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join("".join(c for c in folded if unicodedata.category(c) != "Cf").split())


def check_name(name, what):
    """Return a name as it goes into a file, with single spaces.

    Parameters
    ----------
    name : str
    what : str
        Names it in the message.

    Raises
    ------
    HuntError
        If nothing is left of it, or it has characters that are no text.
    """
    if not normalise(name):
        raise HuntError(f"{what} = {name!r}, expected a name")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in normalise(name)):
        raise HuntError(f"{what} = {name!r}, expected a name without control characters")
    return " ".join(name.split())


def choose(student, class_name=""):
    """Choose a student's hunt and bug: the same for the same names, on every machine.

    Every hunt gets a number from the SHA-256 of names and subject, and the smallest wins; so a hunt that is added to
    the course later changes the choice of few students.

    Parameters
    ----------
    student : str
    class_name : str, optional
        Gives other classes, and other years, others.

    Returns
    -------
    hunt : Hunt
    bug : Bug
    """

    def lot(*names):
        text = "\n".join([normalise(class_name), normalise(student), *names])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    hunt = min(HUNTS, key=lambda hunt: lot(hunt.subject))
    return hunt, min(hunt.bugs, key=lambda bug: lot(hunt.subject, bug.name))


def file_name(student):
    """Return the name of a student's file: bughunt_SLUG.py, in letters that every system takes.

    Parameters
    ----------
    student : str
        Where its letters are not ASCII, a part of its checksum keeps it apart from others.
    """
    name = normalise(student)
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    slug = re.sub("[^a-z0-9]+", "_", plain).strip("_")[:SLUG_LENGTH]
    if not plain.isascii() or not slug:
        tag = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:TAG_LENGTH]
        slug = f"{slug}_{tag}" if slug else tag
    return f"bughunt_{slug}.py"


def student_file(student, class_name=""):
    """Return the text of a student's file: what to do, whose it is, the function with its bug, room to explain.

    Parameters
    ----------
    student : str
    class_name : str, optional

    Raises
    ------
    HuntError
        See `check_name`.
    """
    student = check_name(student, "--student")
    class_name = check_name(class_name, "--class") if class_name else ""
    hunt, bug = choose(student, class_name)
    return TEMPLATE.format(
        title=hunt.title,
        words=FEWEST_WORDS,
        student=_quoted(student),
        class_name=_quoted(class_name),
        subject=_quoted(hunt.subject),
        source=hunt.with_bug(bug),
    )


def read_student_file(path):
    """Read whose a file is, and the explanation, without running it.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    StudentFile

    Raises
    ------
    HuntError
        If the file can't be read, is no bug hunt, or not that of its STUDENT.
    """
    texts = _texts(path)
    for name in ("STUDENT", "SUBJECT", "EXPLANATION"):
        if name not in texts:
            raise HuntError(f'{path}: no {name} = "..." in it, expected a file that `bughunt start` wrote')
    for name, text in texts.items():
        if not isinstance(text, str):
            raise HuntError(f"{path}: {name} is not a text in quotes")
    student, class_name = texts["STUDENT"], texts.get("CLASS", "")
    hunt, bug = choose(student, class_name)
    if texts["SUBJECT"] != hunt.subject:
        raise HuntError(
            f"{path}: this hunt is not that of {student!r}: SUBJECT = {texts['SUBJECT']!r}, but STUDENT and CLASS "
            f"({class_name!r}) give {hunt.subject!r}"
        )
    return StudentFile(student, class_name, hunt, bug, texts["EXPLANATION"])


def verify(path, time_limit=TIME_LIMIT):
    """Read a student's file, and judge its function in a process of its own.

    Parameters
    ----------
    path : str or Path
    time_limit : float
        Seconds.

    Returns
    -------
    Result

    Raises
    ------
    HuntError
        See `read_student_file`.
    """
    found = read_student_file(path)
    told = run_apart("minicluster.bughunt", found.hunt.subject, path, time_limit)
    words = sum(any(c.isalpha() for c in word) for word in found.explanation.split())
    done = told["outcome"] == FINE and words >= FEWEST_WORDS
    return Result(
        found.student,
        found.class_name,
        found.hunt.subject,
        told["outcome"],
        told["says"],
        told["inputs"],
        told["printed"],
        words,
        found.bug if done else None,
    )


def _quoted(text):
    """Return a text without control characters as Python writes it, in double quotes, which JSON's are, too."""
    return json.dumps(text, ensure_ascii=False)


def _texts(path):
    """Return the constants that are assigned at a file's top level: {name: value, None if it isn't plainly written}."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise HuntError(f"cannot read {path}: {error.strerror}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of \d in an explanation
            tree = ast.parse(data)
    except SyntaxError as error:
        raise HuntError(f"{path}: line {error.lineno}: {type(error).__name__}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:  # bytes that are no text, or brackets without end
        raise HuntError(f"{path}: no Python file: {error}") from error
    texts = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in ("STUDENT", "CLASS", "SUBJECT", "EXPLANATION"):
                value = node.value
                texts[node.targets[0].id] = value.value if isinstance(value, ast.Constant) else None
    return texts
