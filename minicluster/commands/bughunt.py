"""`minicluster bughunt`: a function with a bug, chosen by a student's name, to be found, mended and explained."""

import json
from pathlib import Path

from . import BAD_INPUT, DONE, FAILED, fail, write_for_work
from .check import WORDS, tell_outcome


def add_to(commands):
    """Add the command to argparse's."""
    parser = commands.add_parser(
        "bughunt",
        help="find the bug in a function that is chosen by your name",
        description="A small layer or measure with one wrong formula, chosen by your name: find it with the checker, "
        "mend it and explain it.",
    )
    steps = parser.add_subparsers(required=True, metavar="start|verify")
    _add_start(steps)
    _add_verify(steps)


def _add_start(steps):
    parser = steps.add_parser(
        "start",
        help="write your file",
        description="Write bughunt_NAME.py, which says what to do. The same name gets the same bug everywhere.",
    )
    parser.set_defaults(run=_start)
    add = parser.add_argument
    add("--student", required=True, metavar="NAME", help="your name; capitals and spaces don't matter")
    add("--class", dest="class_name", default="", metavar="TEXT", help="such as 2026: other classes get other bugs")
    add("--out", type=Path, metavar="FILE", help="the file (default: named like you, in this folder)")
    add("--force", action="store_true", help="replace a file that is there, and with it what you wrote into it")


def _add_verify(steps):
    parser = steps.add_parser(
        "verify",
        help="say whether the function is right, and explained",
        description="Test the function of each file on drawn inputs, in a process of its own, and look for its "
        "explanation. Exit code 0: all are right and explained.",
    )
    parser.set_defaults(run=_verify)
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="what `bughunt start` wrote, and you have mended")
    add("--time-limit", type=float, default=20.0, metavar="S", help="seconds for one function (default: 20)")
    add("--json", action="store_true", help="print one JSON object, for grading")


def _start(arguments):
    from ..bughunt.student_file import HuntError, file_name, student_file

    try:
        text = student_file(arguments.student, arguments.class_name)
    except HuntError as error:
        return fail(error, BAD_INPUT)
    out = arguments.out or Path(file_name(arguments.student))
    code = write_for_work(out, ".py", text, arguments.force)
    if code == DONE:
        print(f"{out}: open it in your editor, it says what to do")
    return code


def _verify(arguments):
    from ..bughunt.student_file import HuntError, verify

    if not arguments.time_limit > 0:
        return fail(f"--time-limit = {arguments.time_limit:g}, expected more than 0", BAD_INPUT)
    entries, done, code = [], 0, DONE
    for path in arguments.files:
        try:
            result = verify(path, arguments.time_limit)
        except HuntError as error:
            fail(error, BAD_INPUT)  # and go on: one bad file should not keep a teacher from the others
            entries.append({"file": str(path), "done": False, "outcome": "refused", "says": str(error)})
            code = BAD_INPUT
            continue
        done += result.done
        code = max(code, DONE if result.done else FAILED)
        entries.append({"file": str(path)} | result.as_dict())
        if not arguments.json:
            _tell(path, result)
    if arguments.json:
        print(json.dumps({"done": done, "of": len(entries), "files": entries}, indent=1))
    else:
        print(f"{done} of {len(entries)} mended and explained")
    return code


def _tell(path, result):
    from ..bughunt.student_file import FEWEST_WORDS

    print(f"{path}: {result.student}{f', class {result.class_name}' if result.class_name else ''}")
    width = max(len(result.subject), len("EXPLANATION"))
    says = "" if result.outcome in ("fine", "blank") else result.says
    tell_outcome(result.subject, width, WORDS[result.outcome], says, result.inputs, result.printed)
    wanted = f", expected {FEWEST_WORDS} or more: what was wrong, how you found it, who would have noticed"
    print(f"  {'EXPLANATION':{width}}  {result.words} words{'' if result.explained else wanted}")
    if result.bug is not None:
        print(f"  the bug that was planted, to compare: {result.bug.name}. {result.bug.explanation}")
