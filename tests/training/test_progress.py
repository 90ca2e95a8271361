"""The progress line, as it stands on a terminal that is only played, by a clock that is set by hand."""

import io
import os
import sys

import numpy as np
import pytest

from minicluster.training.progress import Progress


class Terminal(io.StringIO):
    """A terminal that remembers what was written, and knows what stands on its screen."""

    flushed = ""

    def isatty(self):
        return True

    def flush(self):
        self.flushed = self.getvalue()

    @property
    def screen(self):
        lines = []
        for line in self.getvalue().split("\n"):
            cells = []
            for part in line.split("\r"):  # each starts in the first column and overwrites
                cells[: len(part)] = part
            lines.append("".join(cells).rstrip())
        return lines


class Clock:
    def __init__(self):
        self.now = 1000.0  # not 0: a clock that starts anywhere must do

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def terminal():
    return Terminal()


@pytest.fixture
def clock():
    return Clock()


def test_the_line(terminal, clock):
    with Progress(2000, stream=terminal, clock=clock) as progress:
        progress.update(1, loss=4.5)
        assert terminal.screen == ["training     1/2000  loss 4.5"]  # no rate after one update
        clock.now += 12.2
        progress.update(611, loss=0.41239, batch=64, split="train")
        assert terminal.screen == [
            # 12.2 s for 610 steps, and 1389 steps to go
            "training   611/2000  loss 0.412  batch 64  split train  20.0 ms/step  0:28 left"
        ]
        clock.now += 27.78
        progress.update(2000, loss=0.01)
    assert terminal.screen == ["training  2000/2000  loss 0.01  20.0 ms/step", ""]


def test_seconds_and_hours(terminal, clock):
    progress = Progress(1442, label="reading", stream=terminal, clock=clock)
    progress.update(0)
    clock.now += 2.5
    progress.update(1)
    assert terminal.screen == ["reading     1/1442  2.5 s/step  1:00:02 left"]  # 1441 times 2.5 s
    clock.now += 69.5
    progress.update(1440)
    assert terminal.screen == ["reading  1440/1442  50.0 ms/step  0:00 left"]


def test_first_step_and_earlier_runs_do_not_count(terminal, clock):
    """A run that resumes at step 1000, and compiles for 20 seconds before its first step is done."""
    with Progress(2000, stream=terminal, clock=clock) as progress:
        clock.now += 20
        progress.update(1001)
        clock.now += 1
        progress.update(1101)
        assert terminal.screen == ["training  1101/2000  10.0 ms/step  0:09 left"]


def test_the_rate_is_the_mean_not_the_latest_step(terminal, clock):
    progress = Progress(100, stream=terminal, clock=clock)
    for step, seconds in ((0, 0), (10, 1), (11, 9)):
        clock.now += seconds
        progress.update(step)
    assert terminal.screen == ["training   11/100  909.1 ms/step  1:21 left"]  # 10 s for 11 steps, 89 to go


def test_a_shorter_line_leaves_nothing_of_a_longer_one(terminal, clock):
    progress = Progress(10, stream=terminal, clock=clock)
    progress.update(1, loss=0.5, note="a long explanation")
    clock.now += 1
    progress.update(2)
    assert terminal.screen == ["training   2/10  1.0 s/step  0:08 left"]


def test_at_most_ten_updates_a_second(terminal, clock):
    progress = Progress(1000, stream=terminal, clock=clock)
    for step in range(1000):  # one a millisecond, .999 s in all
        progress.update(step)
        clock.now += 0.001
    assert 9 <= terminal.getvalue().count("\r") <= 10  # 9 if the sum of the milliseconds falls short of a tenth


def test_the_last_figures_are_shown_even_if_they_came_too_soon(terminal, clock):
    with Progress(10, stream=terminal, clock=clock) as progress:
        progress.update(9, loss=0.9)
        clock.now += 0.001
        progress.update(10, loss=0.1)
        assert terminal.screen == ["training   9/10  loss 0.9"]
    assert terminal.screen == ["training  10/10  loss 0.1  1.0 ms/step", ""]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_line_is_finished(terminal, clock, error):
    with pytest.raises(error):
        with Progress(10, stream=terminal, clock=clock) as progress:
            progress.update(3, loss=0.9)
            raise error
    assert terminal.screen == ["training   3/10  loss 0.9", ""]  # a traceback starts on a line of its own


def test_no_update_no_line(terminal):
    with Progress(10, stream=terminal):
        pass
    assert terminal.getvalue() == ""


def test_silent_where_there_is_no_terminal(clock, monkeypatch, capsys):
    stream = io.StringIO()
    for silent in (stream, None):  # None: sys.stderr, which pytest has replaced by a file
        with Progress(10, stream=silent, clock=clock) as progress:
            progress.update(1)
    assert stream.getvalue() == "" and capsys.readouterr().err == ""

    monkeypatch.setattr(sys, "stderr", None)  # a Windows program without a console
    with Progress(10, clock=clock) as progress:
        progress.update(1)


def test_stderr_by_default(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress(10) as progress:
        progress.update(1)
    assert terminal.screen == ["training   1/10", ""]


@pytest.mark.parametrize("columns", [20, 37, 80])
def test_never_as_wide_as_the_terminal(terminal, clock, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    with Progress(1000, stream=terminal, clock=clock) as progress:
        for step in range(3):
            progress.update(step, loss=0.123, note="x" * 100)
            clock.now += 1
    widths = [len(part) for line in terminal.getvalue().split("\n") for part in line.split("\r")]
    assert max(widths) == columns - 1  # the last column would wrap on some terminals


def test_the_width_is_that_of_the_stream_s_own_terminal(terminal, monkeypatch):
    """Standard output may go to a file, or to another terminal, while stderr is watched."""
    monkeypatch.delenv("COLUMNS")
    terminal.fileno = lambda: 1234

    def size(number):
        if number != 1234:
            raise OSError("not a terminal")
        return os.terminal_size((40, 24))

    monkeypatch.setattr(os, "get_terminal_size", size)
    Progress(1000, stream=terminal).update(1, note="x" * 100)
    assert len(terminal.screen[0]) == 39


def test_every_line_reaches_the_terminal_at_once(terminal, clock):
    with Progress(10, stream=terminal, clock=clock) as progress:
        progress.update(1)
        assert terminal.flushed == terminal.getvalue() != ""
    assert terminal.flushed == terminal.getvalue()


def test_a_terminal_that_becomes_narrower(terminal, clock, monkeypatch):
    progress = Progress(1000, stream=terminal, clock=clock)
    progress.update(1, note="x" * 100)
    monkeypatch.setenv("COLUMNS", "30")
    clock.now += 1
    progress.update(2)
    assert len(terminal.getvalue().split("\r")[-1]) == 29


def test_plain_ascii_on_one_line(terminal):
    with Progress(10, label="Zürich", stream=terminal) as progress:
        progress.update(1, note="a\nb\r\tc\x1b→")
    assert terminal.screen == ["Z?rich   1/10  note a?b??c??", ""]


@pytest.mark.parametrize("value, text", [(0.412345, "0.412"), (123456, "123456"), (float("nan"), "nan"), ("x", "x")])
def test_figures(terminal, value, text):
    Progress(10, stream=terminal).update(1, figure=value)
    assert terminal.screen == [f"training   1/10  figure {text}"]


def test_numpy_figures(terminal):
    Progress(10, stream=terminal).update(1, loss=np.float32(0.1), count=np.int64(1234567))
    assert terminal.screen == ["training   1/10  loss 0.1  count 1234567"]


def test_total(terminal):
    with pytest.raises(ValueError, match="total = -1"):
        Progress(-1, stream=terminal)
    with Progress(0, stream=terminal):  # nothing to train is not an error
        pass


def test_a_note_stands_above_the_line(terminal, clock):
    with Progress(20, stream=terminal, clock=clock) as progress:
        progress.note("before")
        progress.update(1, loss=4.5)
        progress.note("short")  # shorter than the line that it takes the place of
        assert terminal.screen == ["before", "short", ""]
        clock.now += 1
        progress.update(2, loss=4.25)
        assert terminal.screen == ["before", "short", "training   2/20  loss 4.25  1.0 s/step  0:18 left"]
        assert terminal.flushed == terminal.getvalue()


def test_a_stream_that_is_gone_costs_the_work_nothing(clock):
    class Gone(Terminal):
        def write(self, text):
            raise OSError(5, "Input/output error")

    with Progress(20, stream=Gone(), clock=clock) as progress:
        progress.update(1)
        progress.note("nobody reads this")
        clock.now += 1
        progress.update(2)
    closed = io.StringIO()
    closed.close()
    Progress.note(Progress(3, stream=Terminal()), "fine")
    progress.stream = closed
    progress.note("nor this")


def test_a_note_is_written_where_there_is_no_terminal_too():
    stream = io.StringIO()
    with Progress(20, stream=stream) as progress:
        progress.update(1)
        progress.note("a warning")
    assert stream.getvalue() == "a warning\n"
