"""What is wrong with this installation, if anything: one screen, to be pasted into a question."""

import os
import platform
import re
import shutil
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import __version__
from .compiler import missing_numba
from .cores import THREAD_VARIABLES, usable_cores

OLDEST_PYTHON = (3, 10)
OLDEST = {"numpy": (1, 25), "numba": (0, 58), "matplotlib": (3, 7)}  # as setup.cfg has them
FOR_TESTS = ("pytest", "hypothesis")
LEAST_DISK = 500_000_000  # bytes: compiled kernels, checkpoints and pictures
LESSONS = 18


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    what : str
        What was looked at, in a word.
    found : str
    remedy : str
        What to do; empty if all is well.
    hinders : bool
        Whether something can't work; otherwise a remedy is advice.
    """

    what: str
    found: str
    remedy: str = ""
    hinders: bool = False


def examine(variables=None):
    """Look at everything, one thing after the other.

    Parameters
    ----------
    variables : dict, optional
        The environment variables as the user has set them; by default those of this process.

    Yields
    ------
    Finding
    """
    yield _python()
    variables = os.environ if variables is None else variables
    yield Finding("minicluster", f"{__version__} in {Path(__file__).parent}")
    for package in OLDEST:
        yield _package(package)
    yield _test_packages()
    yield _cores()
    yield _blas(variables)
    yield _cache()
    yield _display()
    yield _this_folder()
    yield _lessons()
    yield self_test()


def _quoted(path):
    return f'"{path}"' if " " in str(path) else str(path)


def _python():
    bits = 8 * struct.calcsize("P")
    found = f"{platform.python_version()}, {bits} bit, {platform.platform()}, in {sys.prefix}"
    if sys.version_info < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        return Finding("Python", found, f"install Python {needed} or newer", hinders=True)
    if bits < 64:
        return Finding("Python", found, "install a 64-bit Python: Numba has none for 32 bits", hinders=True)
    return Finding("Python", found)


def _package(name):
    oldest = ".".join(map(str, OLDEST[name]))
    install = f"{_quoted(sys.executable)} -m pip install --upgrade {name}"
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(name, "not installed", install, hinders=name != "numba")
    if tuple(map(int, re.findall(r"\d+", found)[:2])) < OLDEST[name]:
        return Finding(name, f"{found}, older than {oldest}", install, hinders=True)
    if name == "numba":
        try:
            missing = missing_numba()
        except ValueError as error:
            missing = str(error)
        if missing:
            return Finding(name, f"{found} can't be imported: {missing}", f"{install}; until then plain NumPy is used")
        if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
            return Finding(name, f"{found}, switched off", "unset NUMBA_DISABLE_JIT, unless you debug kernels")
    return Finding(name, found)


def _test_packages():
    found, missing = [], []
    for name in FOR_TESTS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    note = " (which only the tests need)" if missing else ""
    return Finding("tests", ", ".join(found + [f"no {name}" for name in missing]) + note)


def _cores():
    cores, asked = usable_cores(), os.environ.get("NUMBA_NUM_THREADS")
    found = f"{cores} of {os.cpu_count()} usable; NUMBA_NUM_THREADS {asked or 'not set'}"
    if asked and asked.isdecimal() and int(asked) > cores:
        return Finding("cores", found, f"set NUMBA_NUM_THREADS to {cores} or less: threads wait for each other")
    return Finding("cores", found)


def _blas(variables):
    names = [name for name in THREAD_VARIABLES if name != "NUMBA_NUM_THREADS"]
    set_ones = [f"{name}={variables[name]}" for name in names if name in variables]
    return Finding("BLAS", ", ".join(set_ones) or "no thread variables set: commands take one thread, lessons all")


def _cache():
    if missing_numba_quietly():
        return Finding("cache", "not needed without Numba")
    from .jit import cache_folder

    folder = cache_folder()
    if folder is None:
        place = os.environ.get("NUMBA_CACHE_DIR") or "your cache folder"
        remedy = "set NUMBA_CACHE_DIR to a folder of yours; until then kernels are compiled each time"
        return Finding("cache", f"{place} can't be written", remedy)
    compiled = "kernels are there" if any(folder.rglob("*.nbc")) else "empty: the first run takes half a minute more"
    return Finding("cache", f"{folder}, {compiled}")


def missing_numba_quietly():
    """Whether Numba can't be used, for whatever reason."""
    try:
        return missing_numba() is not None
    except ValueError:
        return True


def _display():
    try:
        from matplotlib import pyplot

        backend = pyplot.get_backend()
    except Exception as error:  # matplotlib missing, or a backend that it refuses
        return Finding("display", f"{type(error).__name__}: {error}".splitlines()[0], "unset MPLBACKEND", hinders=True)
    if backend.lower() == "agg":
        return Finding("display", "no window (agg); lessons keep their pictures with --save")
    return Finding("display", f"windows by {backend}")


def _this_folder():
    here = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=here):
            pass
        free = shutil.disk_usage(here).free
    except OSError as error:
        return Finding("folder", f"{here}: {error.strerror}", "go to a folder of yours, or give --out", hinders=True)
    found = f"{here} can be written, {free / 1e9:.1f} GB free"
    return Finding("folder", found, "make room" if free < LEAST_DISK else "", hinders=free < LEAST_DISK)


def _lessons():
    here = len(list(Path("lessons").glob("lesson_*.py")))
    if here >= LESSONS:
        return Finding("lessons", f"{here} in {Path('lessons')}")
    return Finding("lessons", f"{here} in {Path('lessons')}", "to read them, go to the folder that README.md is in")


def self_test():
    """Run what everything rests on, in plain NumPy and compiled if that is possible, within about two seconds."""
    began = time.perf_counter()
    try:
        what = ", ".join(_run_a_little())
    except Exception as error:  # whatever a broken installation may raise
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        return Finding("self-test", text, "paste this page into your question", hinders=True)
    return Finding("self-test", f"{what}; {time.perf_counter() - began:.1f} s")


def _sum(a, b):
    return a + b


# Otherwise it would be announced as one of the kernels, see jit.py.
_sum.__module__ = "doctor"


def _run_a_little():
    import numpy as np

    from .cluster import PCA
    from .gradcheck import check_gradients
    from .nn import AdamW, Transformer, TransformerConfig, layernorm_backward, layernorm_forward
    from .training import train_step

    rng = np.random.default_rng(0)
    inputs = {"x": rng.standard_normal((3, 4)), "weight": rng.standard_normal(4), "bias": rng.standard_normal(4)}
    worst = check_gradients(layernorm_forward, layernorm_backward, inputs).worst
    yield f"gradients right to {worst:.0e}"

    config = TransformerConfig(vocab_size=10, context_length=6, d_model=16, n_layers=1, n_heads=2)
    model = Transformer(config, backend="numpy")
    optimizer, tokens = AdamW(model.parameters, lr=1e-2), rng.integers(10, size=(8, 6))
    losses = [train_step(model, optimizer, tokens, np.roll(tokens, -1, axis=1))[0] for _ in range(20)]
    if not losses[-1] < losses[0]:
        raise ArithmeticError(f"the loss rose from {losses[0]:.2f} to {losses[-1]:.2f} in 20 steps")
    yield f"loss falls from {losses[0]:.2f} to {losses[-1]:.2f}"

    x = rng.standard_normal((50, 5))
    if not np.allclose(PCA(5).fit(x).explained_variance_.sum(), x.var(axis=0, ddof=1).sum()):
        raise ArithmeticError("PCA's variances don't add up")
    yield "PCA right"

    if not missing_numba_quietly():
        from numba import njit

        added = njit(_sum)(1.5, 2.0)
        if added != 3.5:
            raise ArithmeticError(f"compiled, 1.5 + 2.0 is {added}")
        yield "the compiler works"
