"""Does what README and the lessons promise, and holds times and numbers against it.

    python tests/check_promises.py              all of it, some four minutes
    python tests/check_promises.py 03 11        these lessons only
    python tests/check_promises.py commands     README's commands only
    python tests/check_promises.py results FILE...   numbers of runs that are there already: results.json
    python tests/check_promises.py solutions    whether the solutions of all exercises pass, and in time
    python tests/check_promises.py pages        whether README and the gallery say of each picture what it says itself

Each lesson runs as a script, alone, in a process and an empty folder of its own, with warnings as errors. A time is
kept if it is within a factor of 3 of what is promised, or within two seconds, a number if it is in the range that
README's table says. Nothing else should run meanwhile. What had to compile its kernels is run once more, and timed then.

Exit codes: 0 every promise is kept, 1 some are broken, 2 bad input.
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

FACTOR, SLACK = 3, 2.0  # seconds
LIMIT, LIMIT_OF_FIRST, LIMIT_OF_ALL = 60, 15, 360  # seconds
LIMIT_OF_SOLUTIONS = 120
PATIENCE = 900  # seconds until something is taken for hanging
LAST = -1  # step
COMPILING = "compiling its kernels"


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
        near = promised / FACTOR <= took <= promised * FACTOR or abs(took - promised) <= SLACK
        kept = near and (limit is None or took <= limit)
        self.tell(kept, f"{what}: promised {promised} s, took {took:.1f} s" + (f", limit {limit} s" if limit else ""))


def run(account, what, arguments):
    """Run Python in an empty folder with warnings as errors.

    Parameters
    ----------
    account : Account
        Told if it fails, warns or hangs.
    what : str
    arguments : list

    Returns
    -------
    seconds : float
    files : set of str
        That it left.
    results : dict or None
        What it wrote into figures/results.json.
    """
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONUTF8": "1"}
    command = [sys.executable, "-W", "error", *map(str, arguments)]
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            try:
                done = subprocess.run(
                    command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=PATIENCE
                )
            except subprocess.TimeoutExpired:
                account.tell(False, f"{what}: still running after {PATIENCE} s")
                return math.inf, set(), None
            took = time.perf_counter() - began
            files = {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*")}
            path = Path(folder, "figures", "results.json")
            results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        if COMPILING not in done.stderr:
            break
    told = [line for line in done.stderr.splitlines() if COMPILING not in line]
    if done.returncode or told:
        account.tell(False, f"{what}: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr}")
    return took, files, results


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
        account.time("all lessons", promises.of_all_lessons(), total, LIMIT_OF_ALL)


def check_commands(account):
    """Run README's commands, and check their times and the main job's numbers."""
    for command, seconds in promises.of_commands().items():
        took, _, results = run(account, command, ["-m", "minicluster", *command.split()])
        account.time(command, seconds, took)
        if command == "reproduce":
            if results is None:
                account.tell(False, "reproduce: no figures/results.json")
            else:
                check_results(account, results)


def check_results(account, results):
    """Hold every seed's numbers against README's table."""
    expected = promises.of_results()
    missing = sorted(NUMBERS.keys() ^ {what for what, *_ in expected})
    if missing:
        account.tell(False, f"README's table and tests/check_promises.py don't agree on {', '.join(missing)}")
        return
    for one in results["runs"]:
        for what, layers, _, low, high in expected:
            values = values_of(one, what, layers)
            where = "" if layers is None else f", layers {layers[0]} to {layers[-1]}"
            wanted = f"{low:.2f} to {high:.2f}" if low > -math.inf else f"at most {high:.2f}"
            line = f"seed {one['seed']}, {what}{where}: expected {wanted}, got "
            account.tell(all(low <= value <= high for value in values), line + " ".join(f"{v:.2f}" for v in values))


def values_of(one, what, layers):
    """Return a run's values of a row of README's table, with README's digits."""
    values = [NUMBERS[what](one)] if layers is None else NUMBERS[what](one, layers)
    return [round(value, 2) + 0.0 for value in values]


def check_solutions(account):
    """Check the solutions of all exercises, as a learner would his own."""
    folder = promises.COURSE / "lessons" / "solutions"
    took, _, _ = run(account, "solutions", ["-m", "minicluster", "check", "--all", "--lessons", folder])
    account.tell(took <= LIMIT_OF_SOLUTIONS, f"all solutions: took {took:.0f} s, limit {LIMIT_OF_SOLUTIONS} s")


def check_pages(account):
    """Hold what README and the gallery say of each picture against what the picture's file says."""
    for page in promises.PAGES:
        for alt, path in promises.pictures_of(page):
            kept = path.is_file() and promises.description(path)[0] == alt
            account.tell(kept, f"{page.relative_to(promises.COURSE).as_posix()}: what it says of {path.name}")


def main(arguments):
    """Check what is asked for, and return the exit code."""
    account = Account()
    asked, paths = arguments[:1], arguments[1:]
    numbers = [f"{int(argument):02}" for argument in arguments if argument.isdecimal()]
    chosen = [path for path in promises.LESSONS if path.name.split("_")[1] in numbers]
    if asked == ["results"] and paths and all(Path(path).is_file() for path in paths):
        for path in paths:
            check_results(account, json.loads(Path(path).read_text(encoding="utf-8")))
    elif asked == ["solutions"] and not paths:
        check_solutions(account)
    elif asked == ["pages"] and not paths:
        check_pages(account)
    elif len(chosen) + arguments.count("commands") == len(arguments) and asked != ["results"]:
        if not arguments or chosen:
            check_lessons(account, chosen or promises.LESSONS)
        if not arguments or "commands" in arguments:
            check_commands(account)
        if not arguments:
            check_solutions(account)
            check_pages(account)
    else:
        expected = "numbers of lessons such as 03, commands, solutions, pages, or results and files that exist"
        print(f"check_promises.py: {' '.join(arguments)}: expected {expected}", file=sys.stderr)
        return 2
    print(f"{len(account.broken)} promises are broken" if account.broken else "every promise is kept")
    return 1 if account.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
