"""Ctrl-C and a request to end (SIGTERM) arrive between two steps, not within one."""

import _thread
import contextlib
import signal
import sys
import threading
import time

# Closing a terminal sends SIGHUP, or SIGBREAK on Windows, which knows no SIGTERM from another process.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
ENDINGS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))

COMPILER = "llvmlite"  # its C++ code calls back into Python, and lets no exception through
MOMENT = 0.02  # seconds until a signal that came at a bad time comes again

_postponed = set()  # the signals that are to come again


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
        _postponed.discard(number)
        if self.asked:
            _interrupt(number, frame)
        self.asked = True


@contextlib.contextmanager
def endings_as_interrupts():
    """While this lasts, SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does, unless they are ignored (nohup).

    None is lost. What LLVM or the deletion of an object has called can pass no exception on: Python prints and forgets
    it. There KeyboardInterrupt is raised a moment later instead, at the latest when the block ends without an error.
    """
    before, hook = {}, sys.unraisablehook
    if threading.current_thread() is threading.main_thread():
        for number in ENDINGS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, _interrupt)
    if before:
        sys.unraisablehook = _postpone_what_is_lost(hook)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if before:
            sys.unraisablehook = hook
        open_requests = _postponed & before.keys()
        _postponed.difference_update(open_requests)
    if open_requests:
        raise KeyboardInterrupt


def _interrupt(number, frame):
    """Raise KeyboardInterrupt with the signal's number, or have the signal come again if LLVM waits for an answer.

    An exception would leave it without one, and what is compiled without its code.
    """
    _postponed.discard(number)  # it has come
    if _compiler_waits(frame):
        _postpone(number)
    else:
        raise KeyboardInterrupt(number)


def _compiler_waits(frame):
    """Whether the frame, or one that waits for it, is of the compiler."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] == COMPILER:
            return True
        frame = frame.f_back
    return False


def _postpone_what_is_lost(hook):
    """Return a hook for exceptions that can't be passed on: ours come again, others are left to the given one."""

    def postpone(unraisable):
        error = unraisable.exc_value
        if isinstance(error, KeyboardInterrupt) and error.args:
            _postpone(*error.args)
        else:
            hook(unraisable)

    return postpone


def _postpone(number):
    _postponed.add(number)
    # Not threading's: whoever is interrupted may hold its locks.
    _thread.start_new_thread(_ask_again, (number,))


def _ask_again(number):
    time.sleep(MOMENT)
    if number in _postponed:  # else it has come meanwhile, or the block has ended
        _thread.interrupt_main(number)
