"""Every file is written whole or not at all.

A reader never sees half a file, and whatever goes wrong (a full disk, Ctrl-C, an error in the code that writes), the
file that was there before is still there. The way: write beside the target, make sure that it is on the disk, then
rename; a rename within one folder replaces the old file by the new one at once.
"""

import contextlib
import csv
import errno
import hashlib
import io
import json
import os
import secrets
import stat
import sys
import time
from pathlib import Path

import numpy as np

if os.name == "nt":
    import msvcrt
else:
    import fcntl

TEMPORARY_PREFIX, TEMPORARY_SUFFIX = ".minicluster-", ".tmp"
TAG_LENGTH = 12  # hexadecimal digits of a temporary file's name that say which file it is to become
RANDOM_BYTES = 8  # of a temporary file's name
PROBE = "probe"  # stands for the target in the names of files that only try whether a folder takes files
LOCK_NAME = ".minicluster.lock"
LOCKED_BYTE = 2**30  # where Windows locks one byte, which nobody could read then; the file's text lies before it
HELD_BY_ANOTHER = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
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
    mode : {"wb", "w+b", "w"}
        Bytes, bytes that the block also reads again, or UTF-8 text with "\\n" line ends on every system.

    Yields
    ------
    file
        A file object. Don't close it.

    Raises
    ------
    OutputError
        If the file can't be written. What the block itself raises passes through.
    """
    text = {"wb": {}, "w+b": {}, "w": {"encoding": "utf-8", "newline": "\n"}}.get(mode)
    if text is None:
        raise ValueError(f"mode = {mode!r}, expected 'wb', 'w+b' or 'w'")
    target = ensure_replaceable(path)
    temporary = _temporary_for(target)
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


def write_csv(path, header, rows):
    """Write a table as comma-separated values in UTF-8, whole or not at all.

    Parameters
    ----------
    path : str or Path
        As for `whole_file`.
    header : sequence of str
    rows : iterable of sequences
        As long as the header; None becomes an empty cell.

    Raises
    ------
    ValueError
        If a row has another length than the header.
    OutputError
        If the file can't be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row has {len(row)} cells, expected {len(header)}: {', '.join(header)}")
        writer.writerow(row)
    write_text(path, text.getvalue())


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
    probe = _temporary_for(folder / PROBE)
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


@contextlib.contextmanager
def locked_folder(path):
    """Keep other runs out of a folder while the block lasts.

    The system holds the lock, and lets go of it when the process ends, however it ends; so a run that was killed
    blocks nobody. On a file system that has no locks, this does nothing.

    Parameters
    ----------
    path : str or Path
        A folder that exists.

    Raises
    ------
    OutputError
        If another run has it, or the lock's file, .minicluster.lock, can't be written.
    """
    lock = Path(path) / LOCK_NAME
    file = _open_lock(lock, path)
    try:
        yield
    finally:
        ours = _is_at(lock, file)  # unless someone has moved the folder, and another run begun in a new one
        if ours and os.name != "nt":  # while it is locked, so that nobody's new lock is deleted
            with contextlib.suppress(OSError):
                lock.unlink()
        file.close()
        if ours and os.name == "nt":  # where an open file can't be deleted, whoever has it open
            with contextlib.suppress(OSError):
                lock.unlink()


def _open_lock(lock, folder):
    """Return the lock's file, open and locked."""
    while True:
        try:
            file = open(lock, "a+b", buffering=0)
        except OSError as error:
            raise OutputError(f"cannot write to folder {folder}: {error.strerror}") from error
        try:
            _lock(file)
            if _is_at(lock, file):
                with contextlib.suppress(OSError):  # no space for our number, which is only for who asks
                    file.truncate(0)
                    file.write(f"process {os.getpid()}\n".encode("ascii"))
                return file
            file.close()  # who had it has deleted it after we opened it
        except OSError as error:
            if error.errno not in HELD_BY_ANOTHER:
                return file  # no locks here
            with file:
                file.seek(0)
                holder = file.readline().decode("ascii", "replace").strip()
            raise OutputError(
                f"another run is writing to folder {folder}{f' ({holder})' if holder else ''}, "
                "expected one at a time: wait, or take another folder"
            ) from error
        except BaseException:
            file.close()
            raise


def _is_at(path, file):
    """Whether an open file is the one at this path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def _lock(file):
    """Lock an open file, or raise OSError at once if another process has locked it."""
    if os.name == "nt":
        os.lseek(file.fileno(), LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def user_cache():
    """Return the folder that the system has for a user's caches, which need not exist.

    Returns
    -------
    Path

    Raises
    ------
    RuntimeError
        If the user has no home.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def remove_leftovers(paths):
    """Delete what killed processes have left of unfinished files.

    To be called while nobody else can be writing these files: see `locked_folder`.

    Parameters
    ----------
    paths : iterable of str or Path
        The files that were to be written.
    """
    for path in paths:
        real = Path(os.path.realpath(path))
        for target in (real, real.parent / PROBE):
            for leftover in target.parent.glob(f"{TEMPORARY_PREFIX}{_tag(target)}-*{TEMPORARY_SUFFIX}"):
                with contextlib.suppress(OSError):
                    leftover.unlink()


def _temporary_for(target):
    """Return where a file is written before it is whole: under a name that tells the target's, however long that is."""
    return target.parent / f"{TEMPORARY_PREFIX}{_tag(target)}-{secrets.token_hex(RANDOM_BYTES)}{TEMPORARY_SUFFIX}"


def _tag(target):
    return hashlib.sha256(target.name.encode("utf-8", "surrogatepass")).hexdigest()[:TAG_LENGTH]


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
