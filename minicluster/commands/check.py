"""`minicluster check`: a learner's exercises, tested and explained."""

import argparse
import json
from pathlib import Path

from . import BAD_INPUT, DONE, FAILED, fail

WORDS = {
    "fine": "right",
    "blank": "not written yet",
    "wrong": "WRONG",
    "raised": "STOPPED",
    "missing": "MISSING",
    "no file": "NO FILE",
    "unreadable": "CANNOT BE RUN",
    "too slow": "TOO SLOW",
    "ended": "ENDED",
}


def add_to(commands):
    """Add the command to argparse's."""
    parser = commands.add_parser(
        "check",
        help="check the exercises of a lesson",
        description="Test the functions that you wrote in lessons/exercises/exercise_NN_title.py on drawn inputs, each "
        "in a process of its own, and say what is wrong, with small inputs that show it. Exit code 0: all are right.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=_check)
    add = parser.add_argument
    add("lesson", nargs="*", metavar="LESSON", help="number of a lesson, such as 03", default=argparse.SUPPRESS)
    add("--all", action="store_true", help="the exercises of every lesson")
    add("--lessons", type=Path, default=Path("lessons"), metavar="DIR", help="where exercises/, or the files, are")
    add("--time-limit", type=float, default=20.0, metavar="S", help="seconds for one function")
    add("--json", action="store_true", help="print one JSON object, for grading")


def _check(arguments):
    from ..checking import check_functions, exercises_of, find_exercises
    from ..checking.runner import LESSONS, TwoFilesError

    numbers = getattr(arguments, "lesson", [])
    if bool(numbers) == arguments.all:
        return fail("check needs the number of a lesson, such as 03, or --all", BAD_INPUT)
    for number in numbers:
        if not number.isdecimal() or int(number) not in LESSONS:
            return fail(f"LESSON = {number!r}, expected a number from 01 to {LESSONS[-1]}", BAD_INPUT)
    if not arguments.lessons.is_dir():
        return fail(f"no folder {arguments.lessons} here; --lessons DIR says where the exercises are", BAD_INPUT)
    if not arguments.time_limit > 0:
        return fail(f"--time-limit = {arguments.time_limit:g}, expected more than 0", BAD_INPUT)
    lessons = list(LESSONS) if arguments.all else sorted({int(number) for number in numbers})
    try:
        files = {lesson: find_exercises(lesson, arguments.lessons) for lesson in lessons}
    except TwoFilesError as error:
        return fail(error, BAD_INPUT)
    if not any(files.values()):
        names = ", ".join(f"exercise_{lesson:02}_*.py" for lesson in lessons) if not arguments.all else "exercise_*.py"
        return fail(f"no {names} in {arguments.lessons}/exercises or {arguments.lessons}", BAD_INPUT)
    verdicts = []
    for lesson in lessons:
        exercises = exercises_of(lesson)
        if not arguments.json:
            print(f"lesson {lesson:02}: {files[lesson] or 'no file'}")
        width = max(len(exercise.name) for exercise in exercises)
        for verdict in check_functions(lesson, exercises, files[lesson], arguments.time_limit):
            verdicts.append(verdict)
            if not arguments.json:
                _tell(verdict, width)
    right = sum(verdict.fine for verdict in verdicts)
    if arguments.json:
        entries = [verdict.as_dict() | {"file": str(files[verdict.lesson] or "")} for verdict in verdicts]
        print(json.dumps({"right": right, "of": len(verdicts), "exercises": entries}, indent=1))
    else:
        print(f"{right} of {len(verdicts)} right")
    return DONE if right == len(verdicts) else FAILED


def _tell(verdict, width):
    word, says = (verdict.says, "") if verdict.outcome == "blank" else (WORDS[verdict.outcome], verdict.says)
    tell_outcome(verdict.function, width, word, says, verdict.inputs, verdict.printed)


def tell_outcome(function, width, word, says, inputs, printed=()):
    """Print what came of checking a function, and small inputs that show it.

    Parameters
    ----------
    function : str
        Its name.
    width : int
        Of the column of names.
    word : str
        The outcome.
    says : str
        What is wrong, or nothing.
    inputs : list of str
        One a line.
    printed : list of str
        What the function printed, line by line.
    """
    name = f"  {function:{width}}  "
    print(f"{name}{word}{f': {says}' if says else ''}", flush=True)
    if inputs:
        _tell_lines(name, "small inputs that show it:", inputs)
    if printed:
        _tell_lines(name, "printed on the way:", printed)


def _tell_lines(name, title, lines):
    print(f"{' ' * len(name)}{title}")
    for line in lines:
        print(f"{' ' * len(name)}  {line}")
