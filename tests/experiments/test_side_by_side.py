"""Seeds side by side: the same numbers, no seed stops another, and no process is left."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skips import needs_posix_signals

from minicluster.experiments import Job, Settings, side_by_side
from minicluster.experiments.job import run_job
from minicluster.experiments.reproduce import reproduce
from minicluster.experiments.side_by_side import Failure, run_jobs
from minicluster.training import Checkpoint, Progress, load_checkpoint

SMALL = Settings(
    n_tasks=3, n_distributions=2, n_inputs=4, n_instructions=4, n_unseen_instructions=2, n_held_out_inputs=1,
    d_model=8, n_layers=1, n_heads=2, steps=8, batch_size=8, n_recordings=3, restarts=2,
)  # fmt: skip
DIVERGES = replace(SMALL, lr=1e30, warmup=0)
LONG = replace(SMALL, steps=1_000_000)


def no_children():
    return not multiprocessing.active_children()


def assert_same(one, other):
    assert one.results == other.results
    for name, array in one.result_arrays.items():
        np.testing.assert_array_equal(array, other.result_arrays[name])


def test_the_numbers_are_those_of_one_after_the_other(tmp_path):
    jobs = [Job(SMALL, seed, seed, path=tmp_path / f"{seed}.npz") for seed in (3, 4, 5)]
    beside = dict(run_jobs(jobs, processes=2))
    assert beside.keys() == set(jobs) and no_children()
    for job in jobs:
        alone = run_job(replace(job, path=None))
        assert_same(beside[job], alone)
        assert_same(load_checkpoint(job.path), alone)
        threads = beside[job].environment["threads"]
        assert threads["NUMBA_NUM_THREADS"] == "1" and threads["OPENBLAS_NUM_THREADS"] == "1"


@pytest.mark.parametrize("processes", [1, 2])
def test_a_seed_that_fails_is_told_and_the_others_go_on(processes):
    jobs = [Job(SMALL, 0, 0), Job(DIVERGES, 1, 1), Job(SMALL, 2, 2)]
    told = []
    results, pictures, finished = reproduce(jobs, processes, tell=lambda job, failure: told.append((job, failure)))
    (job, failure) = told[0]
    assert job is jobs[1] and len(told) == 1 and "no longer finite at step" in failure.message
    assert results["seeds"] == [0, 2] == [run["seed"] for run in results["runs"]]
    assert results["failed"] == [{"seed": 1, "message": failure.message}]
    assert [job for job, _ in finished] == [jobs[0], jobs[2]] and pictures["dataset"] is not None


@pytest.mark.parametrize("processes", [1, 2])
def test_if_all_fail_there_is_no_result(processes):
    told = []
    jobs = [Job(DIVERGES, seed, seed) for seed in (0, 1)]
    results, _, finished = reproduce(jobs, processes, tell=lambda *failure: told.append(failure))
    assert results is None and finished == [] and len(told) == 2


def test_a_process_that_cannot_be_started_costs_its_seed_alone(monkeypatch):
    jobs = [Job(SMALL, seed, seed) for seed in (0, 1)]
    started = []

    def start(context, running, really=side_by_side._start):
        started.append(None)
        if len(started) == 1:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return really(context, running)

    monkeypatch.setattr(side_by_side, "_start", start)
    outcomes = dict(run_jobs(jobs, 2))
    assert outcomes[jobs[0]].message == f"its process can't be started: {os.strerror(errno.EAGAIN)}"
    assert outcomes[jobs[1]].finished and no_children()


@needs_posix_signals
def test_a_process_that_is_killed_costs_its_seed_alone():
    jobs = [Job(replace(LONG, steps=20_000), 0, 0), Job(SMALL, 1, 1), Job(SMALL, 2, 2)]
    killed = []

    class KillOnce(Progress):
        def update(self, step, **figures):
            if not killed and step > 100:  # of the long one
                first = min(multiprocessing.active_children(), key=lambda child: child.pid)
                killed.append(first.pid)
                first.kill()

    outcomes = dict(run_jobs(jobs, 2, KillOnce))
    assert isinstance(outcomes[jobs[0]], Failure) and "was killed by signal 9" in outcomes[jobs[0]].message
    assert all(isinstance(outcomes[job], Checkpoint) for job in jobs[1:]) and no_children()


def test_a_bad_checkpoint_is_its_seeds_failure(tmp_path):
    jobs = [Job(SMALL, seed, seed, path=tmp_path / f"{seed}.npz", resume=True) for seed in (0, 1)]
    jobs[0].path.write_bytes(b"nothing")
    outcomes = dict(run_jobs(jobs, 2))
    assert outcomes[jobs[0]].bad_input and "is no checkpoint" in outcomes[jobs[0]].message
    assert jobs[0].path.read_bytes() == b"nothing"
    assert outcomes[jobs[1]].finished


def test_an_interrupt_ends_all_and_each_keeps_its_checkpoint(tmp_path):
    jobs = [Job(LONG, seed, seed, path=tmp_path / f"{seed}.npz") for seed in (0, 1, 2)]

    class Interrupting(Progress):
        def update(self, step, **figures):
            if step > 400:  # of all together
                raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        for _ in run_jobs(jobs, 2, Interrupting):
            pytest.fail("no job is that short")
    assert no_children() and time.monotonic() - began < 60
    if os.name != "nt":  # where processes can't be asked to end
        left = [load_checkpoint(job.path).step for job in jobs if job.path.exists()]  # a second may not have begun
        assert left and max(left) > 200 and not jobs[2].path.exists()


PROGRAM = """
import sys
sys.path[:0] = {paths!r}
from test_side_by_side import LONG, Job, run_jobs, Progress
class Telling(Progress):
    def update(self, step, **figures):
        import multiprocessing
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
if __name__ == "__main__":
    list(run_jobs([Job(LONG, seed, seed) for seed in (0, 1)], 2, Telling))
"""


@needs_posix_signals
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_children_end_with_their_parent(tmp_path, how):
    here = Path(__file__).parent
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.format(paths=[str(here), str(here.parent), str(here.parents[1])]), encoding="utf-8")
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8") as parent:
        children = []
        while len(children) < 2:
            children = [int(pid) for pid in parent.stdout.readline().split()]
        parent.send_signal(getattr(signal, how))
        parent.stdout.read()
        parent.wait()
    deadline = time.monotonic() + 20
    while any(_is_running(pid) for pid in children):
        assert time.monotonic() < deadline, children
        time.sleep(0.05)


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:  # a child whose parent is gone may wait for someone to ask how it ended
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:1]
    except OSError:
        return False
