"""The commands: one module each, with `add_to(commands)`, which says what it takes, and what it does.

Nothing slow is imported before a command runs.
"""

import contextlib
import sys

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130  # exit codes


def fail(error, code):
    """Print an error in one line, and return the exit code."""
    say(f"error: {error}")
    return code


def say(text):
    """Print a line on stderr; if that is gone, or its disk is full, there is nobody to tell."""
    with contextlib.suppress(OSError):
        print(f"minicluster: {text}", file=sys.stderr, flush=True)
