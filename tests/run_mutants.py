"""Try every wrong formula of tests/mutants: does a test fail on it?

    python tests/run_mutants.py [TEXT ...] [--jobs N] [--sample N [--seed N]]

Each mutant is written into a copy of the package, in a temporary folder, and the tests that should notice it are run
against that copy. Killed: a test failed. Survived: all passed, so the tests have a hole. Broken: the tests could not
say, because nothing was collected, the code no longer runs at all, or the time was up.

Exit codes: 0 all killed, 1 not all, 2 no mutant matches a TEXT, 130 interrupted or told to stop.
"""

import argparse
import importlib.util
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))  # so that this also works when it is imported, or run from elsewhere

from mutants import MUTANTS, StaleMutantError  # noqa: E402

TIMEOUT = 120  # seconds; the slowest test file takes five, and other work may go on beside it
TESTS_FAILED = 1  # pytest's exit code

WORDS = {"failed": "killed", "passed": "survived", "broken": "broken"}  # what a run's outcome means for its mutant

# A failure of this kind shows that the mutant is no formula but a slip of the pen; any test would notice. TypeError is
# not among them: the gradient checker raises one when a wrong forward loses the imaginary part or changes the dtype.
SLIPS = (
    "NameError",
    "UnboundLocalError",
    "AttributeError",
    "ImportError",
    "ModuleNotFoundError",
    "SyntaxError",
    "IndentationError",
)

RUNNING = set()  # the processes of test runs under way


@dataclass(frozen=True)
class Verdict:
    """What the tests said: "passed", "failed" (then `detail` names the test) or "broken" (`detail` says why)."""

    outcome: str
    detail: str
    seconds: float


def package_folder():
    """Return the folder of minicluster's source: beside tests/ in a checkout, else wherever it is installed."""
    beside = TESTS.parent / "minicluster"
    if beside.is_dir():
        return beside
    spec = importlib.util.find_spec("minicluster")
    if spec is None:
        raise SystemExit("minicluster is neither beside tests/ nor installed")
    return Path(spec.origin).parent


def run_tests(test_files, mutant=None):
    """Run test files against a copy of the package, with a mutant in it or as it is, and return the Verdict."""
    started = time.perf_counter()
    # Files may stay open a little longer on Windows after a run that was killed.
    with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "minicluster"
        shutil.copytree(package_folder(), copy, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            target = copy / mutant.file
            target.write_text(mutant.applied_to(target.read_text(encoding="utf-8")), encoding="utf-8")
        outcome, detail = _pytest(test_files, copy)
    return Verdict(outcome, detail, time.perf_counter() - started)


def _pytest(test_files, copy):
    """Run pytest in a process of its own that imports `copy`; return the outcome and a detail."""
    options = ["-x", "-rfE", "--tb=short", "-p", "no:cacheprovider", "-p", "mutants.guard"]
    files = [str(TESTS / name) for name in test_files]
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *files],
        cwd=copy.parent,  # python -m looks there first
        env=_environment(copy),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as run:
        RUNNING.add(run)
        try:
            output, _ = run.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            run.kill()
            return "broken", f"not done after {TIMEOUT} s"
        finally:
            RUNNING.discard(run)
    return _judge(run.returncode, output)


def _environment(copy):
    paths = [str(copy.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    # Options that somebody has set for all runs of pytest would change what ours prints.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    return {
        **inherited,
        **threads,  # the jobs are what runs side by side
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONUTF8": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # half of the start-up, and no test needs a plugin
        "NUMBA_DISABLE_JIT": "1",  # compiling a kernel takes longer than its tests, which draw tiny sizes without
        "HYPOTHESIS_PROFILE": "mutants",
        "MUTATED_PACKAGE": str(copy),
        "COLUMNS": "1000",  # or pytest cuts its summary's lines short
    }


def _judge(exit_code, output):
    """Turn pytest's exit code and output into an outcome and a detail."""
    lines = output.strip().splitlines()
    failures = [line.removeprefix("FAILED ") for line in lines if line.startswith("FAILED ")]
    last = lines[-1] if lines else "no output"
    if exit_code == 0 and re.search(r"\b\d+ passed\b", last):  # code under test may end the process with a 0 of its own
        return "passed", ""
    if exit_code != TESTS_FAILED or not failures:
        causes = [line.removeprefix("E  ").strip() for line in lines if line.startswith("E  ")]
        errors = [line for line in lines if line.startswith(("ERROR", "error:"))]
        return "broken", f"pytest's exit code {exit_code}: {[*causes[-1:], *errors, last][0]}"
    test, _, error = failures[0].partition(" - ")
    test = test.partition(f"/{TESTS.name}/")[2] or test  # as far as it is the same for everybody
    if error.startswith(SLIPS):
        return "broken", f"{test}: {error}"
    return "failed", test


def run_mutants(mutants, jobs):
    """Try mutants, print what becomes of each, and return the exit code.

    Parameters
    ----------
    mutants : sequence of Mutant
    jobs : int
        How many test runs side by side.

    Returns
    -------
    int
        0 if all were killed, else 1.
    """
    started = time.perf_counter()
    stale = _stale(mutants)
    if stale:
        print("\n".join(stale))
        return 1
    if not _baseline_passes(mutants, jobs):
        return 1

    lost = []
    for mutant, verdict in _side_by_side(mutants, lambda mutant: run_tests(mutant.test_files(), mutant), jobs):
        word = WORDS[verdict.outcome]
        print(f"{word:8} {verdict.seconds:5.1f} s  {mutant.name}  [{verdict.detail}]", flush=True)
        if verdict.outcome != "failed":
            lost.append(f"{word.upper()} {mutant.name} ({mutant.file}): {mutant.why} {verdict.detail}".rstrip())
    print(*lost, sep="\n", end="\n" if lost else "")
    seconds = time.perf_counter() - started
    print(f"{len(mutants) - len(lost)} of {len(mutants)} mutants killed in {seconds:.0f} s")
    return 1 if lost else 0


def _stale(mutants):
    """Return a line for each mutant whose right formula is no longer in the package exactly once."""
    package, lines = package_folder(), []
    for mutant in mutants:
        try:
            mutant.applied_to((package / mutant.file).read_text(encoding="utf-8"))
        except (StaleMutantError, OSError) as error:
            lines.append(f"stale: {error}")
    return lines


def _baseline_passes(mutants, jobs):
    """Whether the tests pass as long as nothing is wrong; a test that fails anyway would kill everything."""
    passes = True
    for test_files, verdict in _side_by_side(sorted({mutant.test_files() for mutant in mutants}), run_tests, jobs):
        if verdict.outcome != "passed":
            print(f"without any mutant, {', '.join(test_files)} {verdict.outcome}: {verdict.detail}", flush=True)
            passes = False
    return passes


def _side_by_side(items, function, jobs):
    """Yield (item, function(item)) for all items as they are done, `jobs` at a time."""
    pool = ThreadPoolExecutor(jobs)  # threads that wait for processes
    try:
        item_of = {pool.submit(function, item): item for item in items}
        for future in as_completed(item_of):
            yield item_of[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for run in list(RUNNING):  # none, unless we were interrupted
            run.kill()
        pool.shutdown()


def _chosen(texts):
    """Return the mutants whose name or file contains one of the texts, all for none, or exit with code 2."""
    for text in texts:
        if not any(_contains(mutant, text) for mutant in MUTANTS):
            print(f"TEXT = {text!r}, expected a part of the name or file of some mutant", file=sys.stderr)
            raise SystemExit(2)
    return [mutant for mutant in MUTANTS if not texts or any(_contains(mutant, text) for text in texts)]


def _contains(mutant, text):
    return text.lower() in f"{mutant.name}\n{mutant.file}".lower()


def _at_least_1(text):
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}, expected a whole number of at least 1")
    return number


def _interrupt(signal_number, frame):
    raise KeyboardInterrupt


def _drawn(mutants, n, seed):
    """Return n of the mutants, drawn at random, in their order; all of them if n is None or there are fewer."""
    if n is None or n >= len(mutants):
        return mutants
    chosen = sorted(random.Random(seed).sample(range(len(mutants)), n))
    print(f"{n} of {len(mutants)} mutants, drawn with seed {seed}")
    return [mutants[i] for i in chosen]


def main(arguments=None):
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description="Try wrong formulas: does a test fail on each of them?")
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="only mutants whose name or file contains it")
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_at_least_1,
        default=min(2, os.cpu_count() or 1),
        help="runs side by side (%(default)s)",
    )
    parser.add_argument("--sample", metavar="N", type=_at_least_1, help="only so many of them, drawn at random")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the draw (%(default)s)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)  # which by itself would leave test runs and their folders behind
    try:
        return run_mutants(_drawn(_chosen(options.texts), options.sample, options.seed), options.jobs)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
