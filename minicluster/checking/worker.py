"""One function of a learner, checked in a process of its own: `python -m minicluster.checking.worker`.

Started by runner.py with the module that has the exercises, the function's name, the learner's file and a file to
report into. The report, JSON, is written before every case, so that whoever stops this process knows where it was.
What the learner's file prints goes nowhere.
"""

import importlib.util
import json
import sys
import traceback
import warnings
from importlib import import_module
from pathlib import Path

FINE, BLANK, WRONG, RAISED, MISSING, NO_FILE = "fine", "blank", "wrong", "raised", "missing", "no file"
MARK = "minicluster_exercise"  # the name under which a learner's file is imported


def main(module, name, path, report):
    """Check one function and report."""
    from .judge import Problem, judge, show

    exercise = next(exercise for exercise in import_module(module).EXERCISES if exercise.name == name)
    report = Path(report)

    def tell(outcome, says="", inputs=None):
        lines = show(inputs) if inputs is not None else []
        report.write_text(json.dumps({"outcome": outcome, "says": says, "inputs": lines}), encoding="utf-8")

    def watch(number, inputs):
        current.update(inputs=inputs)
        tell("running", f"case {number + 1}", inputs)

    current = {"inputs": None}
    try:
        module = load(path)
    except Exception as error:  # whatever a learner's file may raise
        return tell(NO_FILE, told(error, path))
    function = getattr(module, name, None)
    if not callable(function):
        return tell(MISSING, f"there is no function {name} in {Path(path).name}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem = judge(exercise, function, watch)
    except NotImplementedError:
        return tell(BLANK, "not written yet")
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
    spec.loader.exec_module(module)
    return module


def told(error, path):
    """Return an exception in a line, with the last line of the learner's file that it came through."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    text = f"raises {type(error).__name__}: {error}".splitlines()[0]
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{text}, in line {own[-1].lineno}: {own[-1].line}" if own else text


if __name__ == "__main__":
    main(*sys.argv[1:])
