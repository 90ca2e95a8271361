"""Does what README and the lessons promise, and holds times and numbers against it.

    python tests/check_promises.py              all of it, some six minutes
    python tests/check_promises.py 03 11        these lessons only
    python tests/check_promises.py commands     README's commands only
    python tests/check_promises.py results DIR/results.json   the numbers of a run that is there already, of every seed

Each lesson runs as a script, alone, in a process and an empty folder of its own, with warnings as errors. A time is kept
if it is within a factor of 3 of what is promised, a number if it is in the range that README's table says. Nothing else
should run meanwhile. The environment's minicluster is what runs; kernels are compiled before.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import promises

FACTOR = 3
LIMIT, LIMIT_OF_FIRST, LIMIT_OF_ALL = 60, 15, 360  # seconds
LAST = -1  # step


def accuracy(split):
    """Return what gets the accuracy on a split from a run's results."""
    return lambda run: run["accuracy"][split][LAST]


def at_layers(get):
    """Return what gets a measure of some layers, given what gets that of all."""
    return lambda run, layers: [get(run)[layer] for layer in layers]


NUMBERS = {
    "accuracy, train": accuracy("train"),
    "accuracy, unseen instruction": accuracy("unseen_instruction"),
    "accuracy, unseen combination": accuracy("unseen_combination"),
    "ARI of training strings": at_layers(lambda run: run["ari"]["train"][LAST]),
    "ARI of unseen strings": at_layers(lambda run: run["ari"]["unseen_instruction"][LAST]),
    "cross-pattern 1-NN of unseen strings": at_layers(lambda run: run["cross_pattern_1nn"]["unseen_instruction"][LAST]),
    "control: untrained, ARI": at_layers(lambda run: run["ari"]["train"][0]),
    "control: regrouping null, 99 %": at_layers(lambda run: run["controls"]["regrouping_null_99"]["train"]),
    "control: bag of letters, ARI": lambda run: run["controls"]["bag_of_letters"]["ari"]["train"],
}


class Account:
    """What was promised, what happened, and whether that is the same."""

    def __init__(self):
        self.broken = []

    def tell(self, kept, line):
        """Print a line, and remember it if the promise is broken."""
        print(f"{'ok    ' if kept else 'BROKEN'}  {line}", flush=True)
        if not kept:
            self.broken.append(line)

    def time(self, what, promised, took, limit=None):
        """Hold a time, in seconds, against what was promised, and against a limit."""
        kept = promised / FACTOR <= took <= promised * FACTOR and (limit is None or took <= limit)
        self.tell(kept, f"{what}: promised {promised} s, took {took:.1f} s" + (f", limit {limit} s" if limit else ""))


def run(account, what, arguments):
    """Run Python in an empty folder with warnings as errors; return how long it took and the folder's files' names."""
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-W", "error", *map(str, arguments)]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8")
        took = time.perf_counter() - began
        told = [line for line in done.stderr.splitlines() if "compiling its kernels" not in line]
        if done.returncode or told:
            account.tell(False, f"{what}: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr}")
        files = {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*")}
        results = Path(folder, "figures", "results.json")
        return took, files, json.loads(results.read_text(encoding="utf-8")) if results.exists() else None


def check_lessons(account, lessons):
    """Run lessons, and check their times and that they leave no file."""
    total = 0
    for path in lessons:
        _, seconds = promises.of_a_lesson(path)
        took, files, _ = run(account, path.name, [path])
        account.time(path.name, seconds, took, LIMIT_OF_FIRST if path.name.startswith("lesson_01") else LIMIT)
        if files:
            account.tell(False, f"{path.name}: left {', '.join(sorted(files))}")
        total += took
    if lessons == promises.LESSONS:
        account.tell(total <= LIMIT_OF_ALL, f"all lessons: took {total:.0f} s, limit {LIMIT_OF_ALL} s")


def check_commands(account):
    """Run README's commands, and check their times and the main job's numbers."""
    for command, seconds in promises.of_commands().items():
        took, _, results = run(account, command, ["-m", "minicluster", *command.split()])
        account.time(command, seconds, took)
        if results is not None:
            check_results(account, results)


def check_results(account, results):
    """Hold every seed's numbers against README's table."""
    expected = promises.of_results()
    missing = sorted(NUMBERS.keys() ^ {what for what, *_ in expected})
    if missing:
        account.tell(False, f"README's table and tests/check_promises.py don't agree on {', '.join(missing)}")
    for one in results["runs"]:
        for what, layers, low, high in expected:
            values = [NUMBERS[what](one)] if layers is None else NUMBERS[what](one, layers)
            values = [round(value, 2) + 0.0 for value in values]  # README's digits
            where = "" if layers is None else f", layers {layers[0]} to {layers[-1]}"
            wanted = f"{low:.2f} to {high:.2f}" if low > -math.inf else f"at most {high:.2f}"
            line = f"seed {one['seed']}, {what}{where}: expected {wanted}, got "
            account.tell(all(low <= value <= high for value in values), line + " ".join(f"{v:.2f}" for v in values))


def main(arguments):
    """Check what is asked for, and return the exit code."""
    account = Account()
    if arguments[:1] == ["results"]:
        for path in arguments[1:]:
            check_results(account, json.loads(Path(path).read_text(encoding="utf-8")))
    else:
        numbers = [argument for argument in arguments if argument != "commands"]
        chosen = [path for path in promises.LESSONS if path.name.split("_")[1] in numbers]
        if len(chosen) != len(numbers):
            sys.exit(f"check_promises.py: {' '.join(arguments)}, expected numbers of lessons such as 03, or commands")
        if not arguments or chosen:
            check_lessons(account, chosen or promises.LESSONS)
        if not arguments or "commands" in arguments:
            check_commands(account)
    print(f"{len(account.broken)} promises are broken" if account.broken else "every promise is kept")
    return 1 if account.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
