"""Several seeds at once, each in a process of its own with one thread, so that no thread waits for another.

A training as small as ours gains little from a second thread, so two processes with one thread each do more than one
process with two. The numbers are the same: they do not depend on the number of threads.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import wait

from ..interruption import endings_as_interrupts
from ..training import CheckpointError, Progress, TrainingDiverged
from .environment import THREAD_VARIABLES

PATIENCE = 10  # seconds that a process gets to write its checkpoint and end
SECONDS_BETWEEN_MESSAGES = 0.1
SECONDS_BETWEEN_LOOKS = 0.5  # Windows notices Ctrl-C only between two of them
FAILURES = (TrainingDiverged, CheckpointError, OSError, MemoryError, ValueError)  # what ends one seed and no other
INTERRUPTED = 130  # exit code


@dataclass(frozen=True)
class Failure:
    """Why a seed came to nothing.

    Attributes
    ----------
    message : str
        One line.
    bad_input : bool
        Whether its checkpoint is to blame.
    """

    message: str
    bad_input: bool = False


def run_jobs(jobs, processes=1, progress=Progress):
    """Run each job, one after the other or side by side; one that fails does not stop the others.

    Parameters
    ----------
    jobs : list of Job, or of anything alike that can be pickled
        Different ones, each with `settings.steps`, `seed` and a method `run`, which takes such a `progress` as below.
    processes : int
        How many at once. With 1 they run in this process, with all its threads.
    progress : callable
        Takes how much there is to do and a label, returns a Progress.

    Yields
    ------
    job : Job
        In the order in which they end.
    outcome : Failure, or what `run` returns
    """
    if min(processes, len(jobs)) > 1:
        yield from _side_by_side(jobs, processes, progress)
        return
    for job in jobs:
        try:
            outcome = job.run(progress)
        except FAILURES as error:
            outcome = _failure(error)
        yield job, outcome


def _failure(error):
    return Failure(str(error) or "not enough memory", isinstance(error, CheckpointError))


def _side_by_side(jobs, processes, progress):
    context = multiprocessing.get_context("spawn")  # a fork would copy locks and threads as they happen to be
    waiting, running, steps = deque(jobs), {}, dict.fromkeys(jobs, 0)  # running: connection -> (job, process)
    label = f"seeds {min(job.seed for job in jobs)} to {max(job.seed for job in jobs)}: training"
    try:
        with progress(sum(job.settings.steps for job in jobs), label) as line:
            while waiting or running:
                while waiting and len(running) < processes:
                    try:
                        connection, process = _start(context, running)
                    except OSError as error:  # too many processes
                        yield waiting.popleft(), Failure(f"its process can't be started: {error.strerror or error}")
                        continue
                    running[connection] = _hand_over(waiting, connection), process
                for connection in wait(list(running), SECONDS_BETWEEN_LOOKS):
                    job, process = running[connection]
                    kind, value = _receive(connection, process)
                    if kind == "note":
                        line.note(value)
                        continue
                    steps[job] = value if kind == "step" else job.settings.steps
                    line.update(sum(steps.values()))
                    if kind == "step":
                        continue
                    if waiting and process.is_alive():
                        running[connection] = _hand_over(waiting, connection), process
                    else:
                        del running[connection]
                        connection.close()  # which ends the process
                        process.join()
                    if isinstance(value, Failure):
                        line.clear()  # for who tells it
                    yield job, value
    finally:
        _end([process for _, process in running.values()])


def _start(context, running):
    """Start a process: a connection to it, and the process, which are among those that are running from now on."""
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,))
    running[ours] = None, process  # before it starts: whatever interrupts us, it is found and ended
    with _environment(dict.fromkeys(THREAD_VARIABLES, "1")), _interrupts_held_back():
        process.start()
    theirs.close()  # so that the end of the process ends the connection
    return ours, process


def _hand_over(waiting, connection):
    """Send the next job to a process, and return the job."""
    job = waiting.popleft()
    with contextlib.suppress(OSError):  # it has died meanwhile: then it will not answer, which `_receive` tells
        connection.send(job)
    return job


@contextlib.contextmanager
def _environment(variables):
    """Set environment variables for processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_held_back():
    """Let processes that are started meanwhile never see Ctrl-C, which a terminal sends to all: we end them.

    They inherit the mask. Ours is lifted again, and a Ctrl-C that came meanwhile arrives then.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows: `_work` has to see to it
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _receive(connection, process):
    """Return a process's message, or what its silence means."""
    try:
        return connection.recv()
    except (EOFError, OSError):
        process.join(PATIENCE)
        code = process.exitcode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return "failed", Failure(f"its process {how}")


def _end(processes):
    """Tell processes to end, which write a checkpoint first, and kill those that don't."""
    processes = [process for process in processes if process.pid is not None]  # which one that never started has not
    patience = PATIENCE
    while any(process.is_alive() for process in processes):
        try:
            for process in processes:
                process.terminate() if patience else process.kill()
            deadline = time.monotonic() + PATIENCE
            for process in processes:
                process.join(max(0, deadline - time.monotonic()))
            patience = 0
        except KeyboardInterrupt:  # who asks again does not want to wait
            patience = 0


def _work(connection):
    """The life of a process: one job after the other, until there are no more."""
    for name in ("SIGINT", "SIGHUP"):  # which a terminal sends to all; our parent ends us
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with endings_as_interrupts():
            while True:
                job = connection.recv()
                try:
                    message = "done", job.run(lambda total, label: _Messages(connection, label))
                except FAILURES as error:
                    message = "failed", _failure(error)
                connection.send(message)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (EOFError, BrokenPipeError):  # there is no more to do, or nobody to tell
        pass


def _end_with_parent():
    """A parent that is killed can't end its children."""
    multiprocessing.parent_process().join()
    os._exit(1)


class _Messages:
    """A Progress that tells the parent process instead of the terminal."""

    def __init__(self, connection, label):
        self.connection, self.told_at = connection, None
        self.is_training = label.endswith("training")  # clustering takes a tenth of the time

    def update(self, step, **figures):
        now = time.monotonic()
        if self.is_training and (self.told_at is None or now - self.told_at >= SECONDS_BETWEEN_MESSAGES):
            self.connection.send(("step", step))
            self.told_at = now

    def note(self, text):
        self.connection.send(("note", text))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass
