"""Finds exercises, and has each function checked in a process of its own, with a time limit."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from pathlib import Path

# Those that have exercises.
LESSONS = sorted(int(path.stem[-2:]) for path in (Path(__file__).parent / "lessons").glob("lesson_[0-9][0-9].py"))
TIME_LIMIT = 20.0  # seconds for one function, its imports included
FINE = "fine"
# Without the current folder in front, where the learner may have a random.py.
START = "import sys; sys.path.pop(0); from minicluster.checking.worker import main; main(*sys.argv[1:])"
STUCK = "the file does not get to its functions"


@dataclass(frozen=True)
class Verdict:
    """What came of checking a function.

    Attributes
    ----------
    lesson : int
    function : str
    core : bool
        Whether everybody should do this exercise.
    outcome : str
        "fine", "blank" (not written yet), "wrong", "raised" (an exception), "missing" (no such function), "no file",
        "unreadable" (the file can't be run), "too slow", or "ended" (the process stopped by itself).
    says : str
        What is wrong, and what may help.
    inputs : list of str
        Small inputs that showed it, one a line.
    printed : list of str
        What the function printed when it was run on them, line by line; of much, the beginning.
    """

    lesson: int
    function: str
    core: bool
    outcome: str
    says: str
    inputs: list
    printed: list = field(default_factory=list)

    @property
    def fine(self):
        """Whether all is right."""
        return self.outcome == FINE

    def as_dict(self):
        """Return it ready for JSON."""
        return asdict(self)


def exercises_of(lesson):
    """Return a lesson's exercises: a tuple of Exercise."""
    return import_module(_module_of(lesson)).EXERCISES


class TwoFilesError(ValueError):
    """Two files may have a lesson's exercises; the message is one line that names them."""


def find_exercises(lesson, folder):
    """Return the file with a lesson's exercises in lessons/exercises, or in a folder of the learner's own, else None.

    Parameters
    ----------
    lesson : int
    folder : str or Path
        It, or its subfolder exercises, has the files exercise_NN_title.py.

    Raises
    ------
    TwoFilesError
        If it has two for this lesson, as after a second download.
    """
    for place in (Path(folder) / "exercises", Path(folder)):
        found = sorted(place.glob(f"exercise_{lesson:02}_*.py"))
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise TwoFilesError(f"{place} has several files for lesson {lesson:02}: {names}; keep one")
        if found:
            return found[0]
    return None


def check_functions(lesson, exercises, path, time_limit=TIME_LIMIT):
    """Check functions of a learner's file, each in a process of its own.

    Parameters
    ----------
    lesson : int
    exercises : sequence of Exercise
    path : Path or None
        The file; None if there is none.
    time_limit : float
        Seconds for one function.

    Yields
    ------
    Verdict
        For each exercise. If the file does not even get to its functions in time, that is said of all of them, and
        tried once.
    """
    stuck = None
    for exercise in exercises:
        if stuck is None:
            verdict = check_function(lesson, exercise, path, time_limit)
            stuck = verdict if verdict.says.startswith(STUCK) or verdict.outcome == "unreadable" else None
        else:
            verdict = replace(stuck, function=exercise.name, core=exercise.core)
        yield verdict


def check_function(lesson, exercise, path, time_limit=TIME_LIMIT):
    """Check one function of a learner's file in a process of its own.

    Parameters
    ----------
    lesson : int
    exercise : Exercise
    path : Path or None
        The file; None if there is none.
    time_limit : float
        Seconds.

    Returns
    -------
    Verdict
    """
    if path is None:
        return Verdict(lesson, exercise.name, exercise.core, "no file", f"no file exercise_{lesson:02}_*.py", [])
    told = run_apart(_module_of(lesson), exercise.name, path, time_limit)
    return Verdict(lesson, exercise.name, exercise.core, **told)


def run_apart(module, name, path, time_limit=TIME_LIMIT):
    """Check a function of a file in a process of its own, by an exercise of a module.

    Parameters
    ----------
    module : str
        The full name of a module of this package whose EXERCISES, a sequence of Exercise, has it.
    name : str
        The exercise's, and the function's.
    path : str or Path
        The file.
    time_limit : float
        Seconds.

    Returns
    -------
    dict
        `outcome`, `says`, `inputs` and `printed` as in `Verdict`.
    """
    with tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True) as folder:
        report = Path(folder, "report.json")
        path = Path(path).resolve()
        command = [sys.executable, "-c", START, module, name, path, report]
        environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": _path_of_package()}
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=path.parent,
        )
        try:
            code = process.wait(time_limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            process.kill()
            process.wait()
        try:
            told = json.loads(report.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # it ended before the first case, or while writing
            told = {"outcome": "running", "says": "", "inputs": [], "printed": []}
    if code is None:
        told["outcome"] = "too slow"
        if told["inputs"]:
            told["says"] = f"did not end within {time_limit:g} seconds: is there a loop that never ends?"
        else:
            told["says"] = f"{STUCK} within {time_limit:g} seconds: is there a loop outside of them that never ends?"
    elif told["outcome"] == "running":
        told["outcome"], told["says"] = "ended", f"the process ended with exit code {code} before the function returned"
    return told


def _module_of(lesson):
    return f"{__package__}.lessons.lesson_{lesson:02}"


def _path_of_package():
    """Return what PYTHONPATH must be for a process elsewhere to import this very package."""
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
