"""The command line: `python -m minicluster`, or `minicluster`."""

import argparse
import os
import signal
import sys

from . import __version__
from .commands import BAD_INPUT, DONE, FAILED, INTERRUPTED, fail, say
from .commands import ask, bench, bughunt, check, checks, doctor, experiment, notebook, reproduce
from .interruption import endings_as_interrupts

# OpenBLAS's threads gain nothing on matrices as small as ours, and lose tenfold when they have to share the cores.
# With one thread, results don't depend on the number of cores either. Whoever sets these variables is obeyed.
BLAS_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message):
        self.exit(BAD_INPUT, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv=None):
    """Run a command.

    Parameters
    ----------
    argv : list of str, optional
        By default the command line's arguments.

    Returns
    -------
    int
        The exit code: 0 done, 1 the run failed, 2 bad input, 130 interrupted.
    """
    environment = dict(os.environ)  # as the user has set it
    for variable in BLAS_THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")  # before NumPy is imported, which is when it is read
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows ? instead of failing
    try:
        with endings_as_interrupts():
            code = _run(argv, environment)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        resumable = (sys.argv[1:] if argv is None else argv)[:1] in (["reproduce"], ["experiment"])
        if argv is None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks once more gets what he wants anyway
        what_now = "with --resume the same command goes on" if resumable else "no file was left half-written"
        say(f"interrupted; {what_now}")
        return INTERRUPTED
    except OSError as error:
        # Nobody reads what we print: a pipe's reader has left, as `| head` does, which is no error, or a disk is full.
        # Python would complain once more at exit, so what is left goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE if isinstance(error, BrokenPipeError) else fail(f"cannot print: {error.strerror}", FAILED)


def _run(argv, environment):
    try:
        arguments = _parser().parse_args(argv, argparse.Namespace(environment=environment))
    except SystemExit as stop:  # --help, --version or an error, already printed
        return stop.code
    return arguments.run(arguments)


def _parser():
    parser = _Parser(
        prog="minicluster", description="A GPT trained by hand-written backprop, and why it clusters by task."
    )
    parser.add_argument("--version", action="version", version=f"minicluster {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in (reproduce, experiment, ask, notebook, check, bughunt, checks, doctor, bench):
        command.add_to(commands)
    return parser
