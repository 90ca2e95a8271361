"""The benchmark as a whole."""

import os
import time

from .. import __version__
from ..training import Progress
from . import parts as measurements
from .contestants import ONE_THREAD, default_threads, make_rivals
from .machine import describe_system, variables
from .processes import WorkerFailed, Workers
from .sizes import FULL
from .stopwatch import Stopwatch

PARTS = ("ladder", "layers", "steps", "growth", "clusters", "seeds")


def bench(plan=FULL, threads=None, parts=PARTS, environment=None, stream=None):
    """Time what is asked for.

    Parameters
    ----------
    plan : Plan
    threads : int, optional
        For all rivals alike; by default as many as NUMBA_NUM_THREADS says, or as there are usable cores.
    parts : sequence of str
        Some of "ladder", "layers", "steps", "growth", "clusters", "seeds".
    environment : mapping from str to str, optional
        By default os.environ.
    stream : text file, optional
        Where progress is shown if it is a terminal; by default sys.stderr.

    Returns
    -------
    dict
        Ready for JSON: `minicluster`, `date`, `seconds`, `threads`, `rounds`, `machine`, `variables` {bending,
        threads}, `rivals` {name: {label, version, threads, ...}}, `reference` (the rival that ratios refer to),
        `left_out` {label: reason}, `disagreements` [line], and what the parts return (see `parts`).

    Raises
    ------
    WorkerFailed
        If nothing is left that can be timed.
    """
    began = time.perf_counter()
    environment = dict(os.environ if environment is None else environment)
    threads = default_threads(environment) if threads is None else threads
    with Workers(make_rivals(threads, environment, "clusters" in parts)) as workers:
        rivals, found = _describe(workers), {}
        with Progress(measurements.turns(plan, parts, workers.rivals), "measuring", stream) as progress:
            stopwatch = Stopwatch(plan, workers, threads, progress)
            for part in parts:
                found |= getattr(measurements, part)(stopwatch)
        return {
            "minicluster": __version__,
            "date": time.strftime("%Y-%m-%d"),
            "seconds": round(time.perf_counter() - began, 1),
            "threads": threads,
            "rounds": plan.rounds,
            "machine": describe_system(),
            "variables": variables(environment),
            "rivals": rivals,
            "reference": _reference(workers.rivals),
            "left_out": workers.left_out,
            "disagreements": stopwatch.disagreements,
            **found,
        }


def _describe(workers):
    """Ask every rival who it is, and do without those that can't say."""
    described = {}
    for name, rival in list(workers.rivals.items()):
        try:
            described[name] = {"label": rival.label, **workers.ask(name, "describe")}
        except WorkerFailed as error:
            workers.leave_out(name, error)
    if not described.keys() - {ONE_THREAD}:
        raise WorkerFailed("; ".join(f"{label}: {reason}" for label, reason in workers.left_out.items()))
    return described


def _reference(names):
    """PyTorch, or else NumPy; without the variables that bend it, if some are set."""
    return next((name for name in ("torch_unset", "torch", "numpy_unset", "numpy") if name in names), None)
