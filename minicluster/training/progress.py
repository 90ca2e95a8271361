"""One line on the terminal that says how far the work is, and how long it will still take."""

import os
import shutil
import sys
import time
from numbers import Integral, Real

SECONDS_BETWEEN_UPDATES = 0.1  # more often is too fast to read
USUAL_TERMINAL = (80, 24)  # columns and rows, where the terminal does not tell
SECONDS_PER_MINUTE, MINUTES_PER_HOUR = 60, 60
MILLISECONDS = 1000  # a second


class Progress:
    """A line that is rewritten in place while the work goes on; nothing at all if the stream is not a terminal.

        with Progress(2000) as progress:
            for step in range(1, 2001):
                ...
                progress.update(step, loss=loss)

    shows, cut to the width of the terminal,

        training   612/2000  loss 0.412  1.2 ms/step  0:38 left

    The time left comes from the mean over all steps since the first update: it is steadier than the latest step, and
    neither the first step, which compiles kernels, nor the steps before a resumed run began distort it.

    Parameters
    ----------
    total : int
        The number of steps, those of an earlier run included if this one resumes it.
    label : str
        First on the line.
    stream : text file, optional
        By default sys.stderr.
    clock : callable, optional
        Returns seconds since some fixed time.

    Raises
    ------
    ValueError
        If `total` is negative.
    """

    def __init__(self, total, label="training", stream=None, clock=time.monotonic):
        if total < 0:
            raise ValueError(f"total = {total}, expected at least 0")
        self.total = total
        self.label = label
        self.stream = sys.stderr if stream is None else stream
        self.clock = clock
        # sys.stderr is None in a program without a console.
        self.shown = self.stream is not None and self.stream.isatty()
        self.first = None  # (step, time) of the first update
        self.latest = None  # (step, time, figures) of the latest
        self.drawn_at = None
        self.drawn_width = 0

    def update(self, step, **figures):
        """Say that `step` steps are done.

        Parameters
        ----------
        step : int
            Steps done, 1 to `total`.
        **figures : numbers or str
            Shown with their names, numbers with three digits.
        """
        if not self.shown:
            return
        now = self.clock()
        if self.first is None:
            self.first = (step, now)
        self.latest = (step, now, figures)
        if self.drawn_at is None or now - self.drawn_at >= SECONDS_BETWEEN_UPDATES:
            self._draw()

    def note(self, text):
        """Write a line above, terminal or not."""
        self.clear()
        self._write(f"{text}\n")

    def clear(self):
        """Wipe the line out, so that others can write where it stands."""
        if self.drawn_width:
            self._write("\r" + " " * self.drawn_width + "\r")
            self.drawn_width = 0

    def _write(self, text):
        """Write to the stream; the work is worth more than its progress, so nothing is said if that can't be done."""
        try:
            if self.stream is not None:
                self.stream.write(text)
                self.stream.flush()
        except (OSError, ValueError):  # the terminal or the disk is gone, or the stream is closed
            self.stream, self.shown = None, False

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        """Leave the line with the latest figures, and go to the next, where a traceback may follow."""
        if self.latest is not None:
            self._draw()
            self._write("\n")
            self.drawn_width = 0

    def _draw(self):
        # Writing in the last column would wrap on some terminals, and then "\r" can't go back.
        width = _columns(self.stream) - 1
        line = self._line()[:width]
        # Spaces wipe out what a longer line has left, except where the terminal has become narrower.
        self._write("\r" + line.ljust(min(self.drawn_width, width)))
        self.drawn_at = self.latest[1]
        self.drawn_width = len(line)

    def _line(self):
        step, now, figures = self.latest
        first_step, first_time = self.first
        parts = [f"{self.label}  {step:>{len(str(self.total))}}/{self.total}"]
        parts += [f"{name} {_number(value)}" for name, value in figures.items()]
        if step > first_step:
            seconds_a_step = (now - first_time) / (step - first_step)
            parts.append(f"{_duration(seconds_a_step)}/step")
            if step < self.total:
                parts.append(f"{_clock_time(seconds_a_step * (self.total - step))} left")
        # A terminal may know ASCII alone, and a line break would leave the line.
        return "".join(character if " " <= character <= "~" else "?" for character in "  ".join(parts))


def _columns(stream):
    """The width of the stream's terminal; COLUMNS, if set, overrules it."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (AttributeError, OSError, ValueError):
        size = USUAL_TERMINAL
    return shutil.get_terminal_size(fallback=tuple(size)).columns


def _number(value):
    if isinstance(value, Real) and not isinstance(value, Integral):
        return f"{float(value):.3g}"
    return str(value)


def _duration(seconds):
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * MILLISECONDS:.1f} ms"


def _clock_time(seconds):
    """Minutes and seconds, as 0:38, or hours too, as 1:02:38."""
    minutes, seconds = divmod(round(seconds), SECONDS_PER_MINUTE)
    hours, minutes = divmod(minutes, MINUTES_PER_HOUR)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
