"""The commands: one module each, with `add_to(commands)`, which says what it takes, and what it does.

Nothing slow is imported before a command runs.
"""

import contextlib
import os
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


def write_for_work(out, suffix, text, force):
    """Write a file that its reader will work in, and never over such work unless told to.

    Parameters
    ----------
    out : Path
    suffix : str
        That its name must end in.
    text : str
    force : bool
        Whether what is there may be replaced.

    Returns
    -------
    int
        The exit code; if it is not 0, why has been said.
    """
    from ..files import OutputError, ensure_replaceable, ensure_writable_folder, write_text

    if out.suffix != suffix:
        return fail(f"--out = {str(out)!r}, expected a name that ends in {suffix}", BAD_INPUT)
    if os.path.lexists(out) and not force:
        return fail(f"{out} is there already, perhaps with work of yours in it; --force replaces it", BAD_INPUT)
    try:
        ensure_writable_folder(out.parent)
        ensure_replaceable(out)
    except OutputError as error:
        return fail(error, BAD_INPUT)
    try:
        write_text(out, text)
    except OutputError as error:
        return fail(error, FAILED)
    return DONE
