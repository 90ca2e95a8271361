"""Ctrl-C and a request to end (SIGTERM) arrive between two steps, not within one."""

import contextlib
import signal
import threading

# Closing a terminal sends SIGHUP, or SIGBREAK on Windows, which knows no SIGTERM from another process.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
ENDINGS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))


class Interruption:
    """A context that holds KeyboardInterrupt back until `check` is called, or its end is reached.

        with Interruption() as interruption:
            for step in range(steps):
                ...  # whole or not at all
                if interruption.asked:
                    ...  # keep what there is
                interruption.check()

    Who asks twice does not want to wait: the second time it is raised at once. Signals that are ignored or end the
    process without Python's doing are left as they are, and so are all in a thread other than the main one, where
    Python delivers none.

    Attributes
    ----------
    asked : bool
        Whether the process was told to end.
    entered : bool
        Whether the context has begun.
    """

    def __init__(self):
        self.asked = self.entered = False
        self._before = {}

    def check(self):
        """Raise KeyboardInterrupt if the process was told to end."""
        if self.asked:
            raise KeyboardInterrupt

    def __enter__(self):
        self.entered = True
        if threading.current_thread() is threading.main_thread():
            for number in ENDINGS:
                if callable(signal.getsignal(number)):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind, error, trace):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None:
            self.check()

    def _note(self, number, frame):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextlib.contextmanager
def endings_as_interrupts():
    """While this lasts, SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does, unless they are ignored (nohup)."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in ENDINGS:
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number, frame):
    raise KeyboardInterrupt
