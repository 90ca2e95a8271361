"""One function of a learner, checked in a process of its own.

Started by runner.py with the module that has the exercises, the function's name, the learner's file and a file to
report into. The report, JSON, is written before every case, so that whoever stops this process knows where it was.
What the function prints when it is run on the inputs that are shown is reported, too; else, what the learner's file
prints goes nowhere.
"""

import ast
import importlib.util
import json
import sys
import traceback
import warnings
from importlib import import_module
from pathlib import Path

SHOWN_LINES = 10  # of what a function prints
FINE, BLANK, WRONG, RAISED, MISSING, UNREADABLE = "fine", "blank", "wrong", "raised", "missing", "unreadable"
NOT_WRITTEN, STILL_THERE = "not written yet", ": its line `raise NotImplementedError` is still there"
MARK = "minicluster_exercise"  # the name under which a learner's file is imported


def main(module, name, path, report):
    """Check one function and report."""
    from .judge import Printed, Problem, judge, show

    exercise = next(exercise for exercise in import_module(module).EXERCISES if exercise.name == name)
    report = Path(report)

    def tell(outcome, says="", inputs=None):
        lines = show(inputs) if inputs is not None else []
        shown = printed.text.splitlines()
        shown = shown[:SHOWN_LINES] + ["..."] * (len(shown) > SHOWN_LINES) if outcome in (WRONG, RAISED) else []
        entries = {"outcome": outcome, "says": says, "inputs": lines, "printed": shown}
        report.write_text(json.dumps(entries), encoding="utf-8")

    def watch(number, inputs):
        current.update(inputs=inputs)
        tell("running", f"case {number + 1}", inputs)

    current, printed = {"inputs": None}, Printed()
    try:
        module = load(path)
    except Exception as error:  # whatever a learner's file may raise
        where = "" if isinstance(error, SyntaxError) else "outside of its functions the file "
        return tell(UNREADABLE, where + told(error, path))
    function = getattr(module, name, None)
    if not callable(function):
        return tell(MISSING, f"there is no function {name} in {Path(path).name}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem = judge(exercise, function, watch, printed)
    except NotImplementedError:
        return tell(BLANK, NOT_WRITTEN + STILL_THERE * is_begun(path, name))
    except Exception as error:
        return tell(RAISED, told(error, path), current["inputs"])
    if isinstance(problem, Problem):
        return tell(WRONG, problem.says, problem.inputs)
    return tell(FINE)


def load(path):
    """Import a learner's file."""
    spec = importlib.util.spec_from_file_location(MARK, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[MARK] = module
    sys.path.append(str(Path(path).parent))  # last: a random.py of the learner's must not be taken for Python's
    spec.loader.exec_module(module)
    return module


def is_begun(path, name):
    """Whether a function of a file has more than its docstring and one more line."""
    tree = ast.parse(Path(path).read_bytes())
    written = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    return any(len(node.body) > 1 + (ast.get_docstring(node) is not None) for node in written)


def told(error, path):
    """Return an exception in a line, with the last line of the learner's file that it came through."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    text = f"raises {type(error).__name__}{f': {error}' if str(error) else ''}".splitlines()[0]
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{text}, in line {own[-1].lineno}: {own[-1].line}" if own else text

