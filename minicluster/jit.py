"""What all compiled code shares: how it is compiled, where it is kept, and that one thread at a time runs it."""

import contextlib
import functools
import hashlib
import os
import shutil
import sys
import threading
from pathlib import Path

import llvmlite
import numba
import numpy
from numba import prange, types
from numba.extending import intrinsic

from .files import user_cache

__all__ = [
    "ANY_ORDER",
    "ENABLED",
    "FASTMATH",
    "compiled",
    "number_of_threads",
    "prange",
    "start_threads",
    "unsigned",
    "widest_vectors",
]

ENABLED = not numba.config.DISABLE_JIT  # False under NUMBA_DISABLE_JIT=1: kernels then run as ordinary Python

# Python's negative indices need a check at each access, and that check keeps LLVM from vectorising a loop over sums of
# indices. An unsigned index needs none.
unsigned = numpy.uintp if ENABLED else int

# What the compiler may change. `contract`: a * b + c in one rounding. `reassoc` besides: the order of a sum; without it
# a sum along a row is not vectorised. Only small functions of one loop get the second, ANY_ORDER. Numba optimises a
# function again wherever it is called from, and the process that compiles may run another of these copies than a later
# one that loads them; with more to reorder than one loop, they have differed in the last bit. Never allowed is to
# assume that no number is NaN or infinite, as `fastmath=True` does: a model that diverges must show it.
FASTMATH = {"contract"}
ANY_ORDER = {"contract", "reassoc"}

# Numba notices a changed function, but not a changed function that it calls in another file. So compiled code is kept
# in a folder named by a hash of all these sources: other sources, other folder.
PACKAGE = Path(__file__).parent
SOURCES = (Path(__file__), *sorted((PACKAGE / "kernels").glob("*.py")), PACKAGE / "cluster" / "_compiled.py")
FOLDER_PREFIX = "compiled-"
KEPT_FOLDERS = 4  # of other versions, in case several are in use side by side; older ones are deleted

# Numba's "workqueue" threads, which macOS often has, abort the process if two Python threads use them at once.
_ONE_AT_A_TIME = threading.RLock()


def _renew_lock():
    global _ONE_AT_A_TIME
    _ONE_AT_A_TIME = threading.RLock()


if hasattr(os, "register_at_fork"):  # a fork would copy the lock as it is, held perhaps by a thread that is not there
    os.register_at_fork(after_in_child=_renew_lock)


def compiled(parallel=False, fastmath=FASTMATH):
    """Decorate a function that Numba compiles when it is first called, and keeps for later runs.

    Parameters
    ----------
    parallel : bool
        Whether the function has `prange` loops. It is then called from Python only, by one thread at a time.
    fastmath : set of str
        The liberties that the compiler may take; LLVM's names.

    Returns
    -------
    function
        A decorator. NaN and infinity pass through what it compiles, and a division by 0 gives infinity, as in NumPy.
    """

    def decorate(function):
        if not ENABLED:
            return function
        dispatcher = _with_cache(function, parallel=parallel, fastmath=fastmath)
        if not parallel:
            return dispatcher

        @functools.wraps(function)
        def run(*arguments):
            start_threads()
            with _ONE_AT_A_TIME:
                return dispatcher(*arguments)

        return run

    return decorate


@functools.cache
def start_threads():
    """Start Numba's threads, if they have not been started; a process that is to be forked had better not.

    Raises
    ------
    ValueError
        If they can't be started: NUMBA_THREADING_LAYER asks for what is not installed, say.
    """
    try:
        numba.get_num_threads()
    except ValueError as error:
        layer, reason = numba.config.THREADING_LAYER, " ".join(str(error).split())
        raise ValueError(f"Numba can't start its threads, NUMBA_THREADING_LAYER = {layer!r}: {reason}") from error


def number_of_threads():
    """Return how many threads a parallel function runs on: an int."""
    return numba.get_num_threads() if ENABLED else 1


@intrinsic
def _widest_vectors(typing_context):
    def generate(context, builder, signature, arguments):
        with contextlib.suppress(TypeError):  # a llvmlite to come may keep attributes otherwise: only speed is lost
            # A set of names that llvmlite knows, which this isn't among; LLVM does know it.
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


def _nothing():
    """What `widest_vectors` is to Python."""


# To be called first in a function whose loops should have vectors as wide as the machine's registers. For AVX-512
# LLVM takes half of their width on most processors, since the first that had it lowered their clock for more; today's
# hardly do.
widest_vectors = _widest_vectors if ENABLED else _nothing


def _with_cache(function, **options):
    """Return the function as Numba's dispatcher, with its compiled code kept in `cache_folder()`."""
    folder, before = cache_folder(), numba.config.CACHE_DIR
    try:
        if folder is not None:
            numba.config.CACHE_DIR = str(folder)  # read at decoration; other people's functions keep their own place
        dispatcher = numba.njit(function, cache=folder is not None, error_model="numpy", **options)
    finally:
        numba.config.CACHE_DIR = before
    _keep_if_possible(dispatcher)
    return dispatcher


def _keep_if_possible(dispatcher):
    """Have what can't be kept, on a full disk, cost later runs the time to compile it, and this one nothing."""
    cache = getattr(dispatcher, "_cache", None)  # Numba's own business: without it, only this comfort is lost
    save = getattr(cache, "save_overload", None)
    if save is None:
        return

    def save_overload(signature, data):
        with contextlib.suppress(OSError):
            save(signature, data)

    cache.save_overload = save_overload


@functools.cache
def cache_folder():
    """Return the folder that keeps the compiled code of these very sources; None if no such folder can be written.

    It lies in NUMBA_CACHE_DIR if that is set, else where the system keeps a user's caches, never in the package, which
    may be read-only. The folders of sources that are long gone are deleted.
    """
    try:
        folder = _user_cache() / "minicluster" / f"{FOLDER_PREFIX}{_fingerprint()}"
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}-{threading.get_ident()}"
        probe.write_bytes(b"")
        probe.unlink()
        os.utime(folder)  # used now, so deleted last
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        return None
    with contextlib.suppress(OSError):  # another process may be deleting them, too
        _delete_old(folder)
    return folder


def _user_cache():
    return Path(numba.config.CACHE_DIR) if numba.config.CACHE_DIR else user_cache()


def _fingerprint():
    """Return a hash of all sources, of versions, and of the settings that change what is compiled."""
    config = numba.config
    settings = (config.BOUNDSCHECK, config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE)
    versions = (numba.__version__, llvmlite.__version__, numpy.__version__)
    digest = hashlib.sha256(repr((versions, settings)).encode())
    for path in SOURCES:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _delete_old(current):
    others = [path for path in current.parent.glob(f"{FOLDER_PREFIX}*") if path != current]
    for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT_FOLDERS:]:
        shutil.rmtree(path, ignore_errors=True)


def _announce_compilation():
    """Have the first compilation of this process say on stderr what is happening: it takes a while."""
    from numba.core import event

    class Announcement(event.Listener):
        said = False

        def on_start(self, compilation):
            function = compilation.data["dispatcher"].py_func
            if not self.said and (function.__module__ or "").startswith(f"{__package__}."):
                self.said = True
                kept = "only this once" if cache_folder() else "each time: no folder to keep them in could be written"
                print(f"minicluster: compiling its kernels for this machine ({kept}) ...", file=sys.stderr, flush=True)

        def on_end(self, compilation):
            pass

    event.register("numba:compile", Announcement())


if ENABLED:
    _announce_compilation()
