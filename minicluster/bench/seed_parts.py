"""Whole runs: seeds side by side against one after the other, and what checkpoints cost."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .processes import WorkerFailed

WAYS = ("in a row", "side by side")
# One training with a stopwatch around its checkpoints: seconds in all, seconds of writing, checkpoints, megabytes.
TIMED = """
import sys, time
from pathlib import Path
from minicluster.experiments import Job, Settings
from minicluster.experiments import job
path, quick = Path(sys.argv[1]), sys.argv[2] == "quick"
class Timed(job.CheckpointWriter):
    seconds, written, largest = 0, 0, 0
    def save(self, *arguments, **options):
        began = time.perf_counter()
        super().save(*arguments, **options)
        Timed.seconds += time.perf_counter() - began
        Timed.written += 1
        Timed.largest = max(Timed.largest, path.stat().st_size)
job.CheckpointWriter = Timed
settings = Settings().as_quick() if quick else Settings()
began = time.perf_counter()
job.run_job(job.Job(settings, 0, 0, path=path))
print(time.perf_counter() - began, Timed.seconds, Timed.written, Timed.largest / 1e6)
"""


def seed_turns(plan):
    """How many turns `seeds` takes, for the progress line."""
    return len(WAYS) * plan.seed_rounds + plan.seed_rounds


def seeds(stopwatch):
    """Time `reproduce` on several seeds, one command after the other and one command for all, and checkpoints.

    Returns
    -------
    dict
        `seeds`: {n, quick, rounds, in_a_row_seconds, side_by_side_seconds, ratio} (medians; the ratio is of those) and
        `checkpoints` {run_seconds, writing_seconds, share, written, largest_megabytes} (medians of each).
    """
    plan = stopwatch.plan
    quick = ["--quick"] if plan.quick_seeds else []
    times, parts = {way: [] for way in WAYS}, []
    with tempfile.TemporaryDirectory() as work:
        _reproduce(work, *quick, "--seed", 0)  # compiles, where that is still to be done
        for _ in range(plan.seed_rounds):
            for way in WAYS:
                stopwatch.tell(f"seeds, {way}")
                began = time.perf_counter()
                if way == "side by side":
                    _reproduce(work, *quick, "--seeds", plan.seeds)
                else:
                    for seed in range(plan.seeds):
                        _reproduce(work, *quick, "--seed", seed)
                times[way].append(time.perf_counter() - began)
            stopwatch.tell("checkpoints")
            path = Path(work, "timed.npz")
            parts.append(_run("-c", TIMED, path, "quick" if quick else "whole").split())
    in_a_row, side_by_side = (statistics.median(times[way]) for way in WAYS)
    run_seconds, writing, written, megabytes = (statistics.median(map(float, values)) for values in zip(*parts))
    return {
        "seeds": {
            "n": plan.seeds,
            "quick": plan.quick_seeds,
            "rounds": plan.seed_rounds,
            "in_a_row_seconds": in_a_row,
            "side_by_side_seconds": side_by_side,
            "ratio": in_a_row / side_by_side,
        },
        "checkpoints": {
            "run_seconds": run_seconds,
            "writing_seconds": writing,
            "share": writing / run_seconds,
            "written": written,
            "largest_megabytes": megabytes,
        },
    }


def seed_lines(results):
    """Return what was found, as lines of text."""
    seeds, checkpoints = results["seeds"], results["checkpoints"]
    what = "reproduce --quick" if seeds["quick"] else "reproduce"
    return [
        f"{what}, seconds (median of {seeds['rounds']})",
        f"  {seeds['n']} seeds, one command after the other  {seeds['in_a_row_seconds']:8.1f}",
        f"  {seeds['n']} seeds, side by side (--seeds)       {seeds['side_by_side_seconds']:8.1f}  "
        f"{seeds['ratio']:.2f} times as fast",
        f"  checkpoints of one run: {checkpoints['written']:.0f}, up to {checkpoints['largest_megabytes']:.0f} MB, "
        f"{checkpoints['writing_seconds']:.2f} of {checkpoints['run_seconds']:.1f} s: {checkpoints['share']:.1%}",
    ]


def _reproduce(folder, *options):
    _run("-m", "minicluster", "reproduce", "--out", folder, *options)


def _run(*arguments):
    """Run a program of Python's and return what it printed."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise WorkerFailed(f"seeds: {last}")
    return done.stdout
