"""Measures cases with all rivals in turn, and notes what does not fit."""

from .contestants import ONE_THREAD
from .processes import WorkerFailed
from .timing import summary, take_turns

AGREEMENT = 1e-2  # relative: far more than rounding, far less than another model


class Stopwatch:
    """What measures.

    Parameters
    ----------
    plan : Plan
    workers : Workers
    threads : int
        Of the rivals.
    progress : Progress

    Attributes
    ----------
    disagreements : list of str
        Lines that say which rivals computed something else than the others, so that times can't be compared.
    """

    def __init__(self, plan, workers, threads, progress):
        self.plan, self.workers, self.threads = plan, workers, threads
        self.disagreements = []
        self._progress, self._turns = progress, 0

    def contestants(self):
        """The names of the rivals on all threads that know layers."""
        return [name for name in self.workers.rivals if name != ONE_THREAD and not name.startswith("sklearn")]

    def kernels(self):
        """The name of the rival with the kernels, or None if it failed."""
        return "numba" if "numba" in self.workers.rivals else None

    def tell(self, what):
        """Show on the progress line whose turn begins."""
        self._turns += 1
        self._progress.update(self._turns, now=what)

    def measure(self, what, cases, seconds):
        """Time some cases.

        Parameters
        ----------
        what : str
            For the progress line.
        cases : dict from rival's name to list of (case, flops)
            A case as `rivals.NumpyRival.prepare` takes it, and the floating-point operations that it needs.
        seconds : float
            How long a turn repeats each case.

        Returns
        -------
        dict from rival's name to list of dict
            `timing.summary` of each case; without rivals that failed.
        """
        checks = {}
        for name in [name for name in cases if name in self.workers.rivals]:
            try:
                checks[name] = self.workers.ask(name, "prepare", cases=[case for case, _ in cases[name]])
            except WorkerFailed as error:
                self.workers.leave_out(name, error)
        self._compare(what, checks)

        def turn(name):
            self.tell(f"{what}, {self.workers.rivals[name].label}")
            return self.workers.ask(name, "time", seconds=seconds)

        times, failures = take_turns(list(checks), self.plan.rounds, self.plan.pause, turn, WorkerFailed)
        for name, error in failures.items():
            self.workers.leave_out(name, error)
        return {
            name: [summary(calls, flops) for calls, (_, flops) in zip(found, cases[name])]
            for name, found in times.items()
        }

    def _compare(self, what, checks):
        """Note it if rivals that had to compute the same have not."""
        for values in zip(*checks.values()):
            known = {name: value for name, value in zip(checks, values) if value is not None}
            first = next(iter(known.values()), None)
            if not all(abs(value - first) <= AGREEMENT * abs(first) for value in known.values()):  # nor if one is NaN
                each = ", ".join(f"{name} {value:.4g}" for name, value in known.items())
                self.disagreements.append(f"{what}: not the same result, so times can't be compared: {each}")
