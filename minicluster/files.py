"""Every file is written whole or not at all.

A reader never sees half a file, and whatever goes wrong (a full disk, Ctrl-C, an error in the code that writes), the
file that was there before is still there. The way: write beside the target, make sure that it is on the disk, then
rename; a rename within one folder replaces the old file by the new one at once.
"""

import contextlib
import json
import os
import secrets
import stat
import time
from pathlib import Path

import numpy as np

TEMPORARY_PREFIX, TEMPORARY_SUFFIX = ".minicluster-", ".tmp"
RANDOM_BYTES = 8  # of a temporary file's name
# On Windows a file can't be replaced while a virus scanner or an indexer reads it, which takes a moment.
# Seconds before each new attempt, .6 in total.
REPLACE_PAUSES = (0.02, 0.04, 0.08, 0.16, 0.32)


class OutputError(OSError):
    """Something can't be written; the message is one line that says what and why."""


@contextlib.contextmanager
def whole_file(path, mode="wb"):
    """Open a file for writing that appears at `path` when the block ends well, and not at all if it raises.

        with whole_file("figures/states.npz") as file:
            np.savez(file, states=states)

    A symbolic link is followed, and the file that it points to is replaced. An existing file keeps its permissions; a
    new one gets those that the umask leaves.

    Parameters
    ----------
    path : str or Path
        The target, in a folder that exists.
    mode : {"wb", "w"}
        Bytes, or UTF-8 text with "\\n" line ends on every system.

    Yields
    ------
    file
        A file object. Don't close it.

    Raises
    ------
    OutputError
        If the file can't be written. What the block itself raises passes through.
    """
    text = {"wb": {}, "w": {"encoding": "utf-8", "newline": "\n"}}.get(mode)
    if text is None:
        raise ValueError(f"mode = {mode!r}, expected 'wb' or 'w'")
    target = ensure_replaceable(path)
    temporary = _temporary_in(target.parent)
    try:
        # open, not tempfile.mkstemp, whose files only their owner may read.
        with open(temporary, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut after the rename may leave an empty file
        with contextlib.suppress(FileNotFoundError):  # nothing to keep
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        _replace(temporary, target)
    except BaseException as error:  # Ctrl-C, too
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and _is_about(temporary, error):
            reason = "its folder does not exist" if isinstance(error, FileNotFoundError) else error.strerror
            raise OutputError(f"cannot write {path}: {reason}") from error
        raise


def write_bytes(path, data):
    """Write bytes to a file, whole or not at all; see `whole_file` for Parameters and Raises."""
    with whole_file(path) as file:
        file.write(data)


def write_text(path, text):
    """Write UTF-8 text to a file, whole or not at all; line ends stay as they are. See `whole_file`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path, data):
    """Write data as JSON in UTF-8, whole or not at all.

    Parameters
    ----------
    path : str or Path
        As for `whole_file`.
    data
        What JSON can say, and NumPy arrays (as nested lists) and scalars. JSON has no NaN: give None, which becomes
        null.

    Raises
    ------
    ValueError
        If a number is NaN or infinite.
    TypeError
        If something has no form in JSON.
    OutputError
        If the file can't be written.
    """
    try:
        text = json_text(data)
    except (TypeError, ValueError) as error:
        raise type(error)(f"cannot write {path}: {error}") from error
    write_text(path, text)


def json_text(data):
    """Return data as `write_json` writes it: lines of JSON, the last one ended."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2, default=_without_numpy) + "\n"


def _without_numpy(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def ensure_replaceable(path):
    """Make sure that what is at `path`, if anything, may be replaced by a file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Path
        Where a symbolic link leads, or `path` itself.

    Raises
    ------
    OutputError
        If a folder, a device or a read-only file is there.
    """
    target = Path(os.path.realpath(path))
    # os.path, since before Python 3.14 Path.exists raises where it may not look.
    if os.path.exists(target) and not os.path.isfile(target):
        # /dev/null, say: to replace it by a file would break the machine.
        what = "a folder" if os.path.isdir(target) else "something that is no file"
        raise OutputError(f"cannot write {path}: {what} is there")
    if os.path.exists(target) and not os.access(target, os.W_OK):
        # A rename would not ask, but who made the file read-only meant it.
        raise OutputError(f"cannot write {path}: the file there is read-only")
    return target


def ensure_writable_folder(path):
    """Create a folder, with its parents, unless it exists, and prove that files can be written in it.

    Long work calls this first, so as not to fail at its end.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        If it is no folder, can't be created, or takes no files.
    """
    folder = Path(path)
    probe = _temporary_in(folder)
    try:
        for place in (folder, *folder.parents):
            if place.exists() and not place.is_dir():  # said here, as each system has other, misleading words for it
                raise OutputError(f"cannot write to folder {folder}: {place} is not a folder")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b"On a full disk, an empty file would prove nothing.")
        finally:
            probe.unlink(missing_ok=True)
    except OutputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a character that no path may contain
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot write to folder {folder}: {reason}") from error
    return folder


def _temporary_in(folder):
    return folder / f"{TEMPORARY_PREFIX}{secrets.token_hex(RANDOM_BYTES)}{TEMPORARY_SUFFIX}"


def _replace(source, target):
    for pause in REPLACE_PAUSES:
        try:
            return os.replace(source, target)
        except PermissionError:
            time.sleep(pause)
    return os.replace(source, target)


def _is_about(temporary, error):
    """Whether an OSError is about this file, rather than about another that the writing block has touched."""
    if error.filename is None:
        return error.errno is not None  # from the system, which names no file where only a file's number is known
    return str(error.filename) == str(temporary)
