"""Who takes part: NumPy, Numba, PyTorch, scikit-learn, each with the environment that its process needs."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from ..cores import usable_cores
from .machine import BENDING, BLAS_THREADS, THREADS

ONE_THREAD = "numpy_one_thread"  # for the ladder only


@dataclass(frozen=True)
class Rival:
    """Something to be timed.

    Attributes
    ----------
    label : str
        For tables.
    kind : str
        "numpy", "numba", "torch" or "sklearn".
    environment : dict from str to str
        All variables of its process.
    """

    label: str
    kind: str
    environment: dict


def environment_for(kind, threads, environment, unset=(), **more):
    """Return the environment of a worker.

    Parameters
    ----------
    kind : str
        "numpy", "numba", "torch" or "sklearn".
    threads : int
        Numba's or the library's. Where Numba computes, BLAS gets one thread.
    environment : mapping from str to str
        The user's.
    unset : iterable of str
        Variables to leave out.
    **more : str
        Variables to add.

    Returns
    -------
    dict from str to str
    """
    found = {name: value for name, value in environment.items() if name not in unset}
    found |= dict.fromkeys(THREADS, str(threads))
    if kind == "numba":
        found |= dict.fromkeys(BLAS_THREADS, "1")
        found.pop("NUMBA_DISABLE_JIT", None)  # there would be nothing to time
    package_folder = str(Path(__file__).parents[2])
    found["PYTHONPATH"] = os.pathsep.join(filter(None, (package_folder, environment.get("PYTHONPATH"))))
    return found | more


def make_rivals(threads, environment, clusters=True):
    """Return {name: Rival} of all that might be timed here.

    Parameters
    ----------
    threads : int
    environment : mapping from str to str
        Where variables in it bend NumPy's BLAS or PyTorch, these appear twice: with the variables and without.
    clusters : bool
        Whether scikit-learn, which only knows about clusters, is wanted.

    Returns
    -------
    dict from str to Rival
    """
    rivals = {}

    def add(name, label, kind, threads=threads, **more):
        rivals[name] = Rival(label, kind, environment_for(kind, threads, environment, **more))

    def add_library(name, label):
        bending = [variable for variable in BENDING[name] if variable in environment]
        add(name, label + (", as set" if bending else ""), name)
        if bending:
            add(f"{name}_unset", f"{label}, unset", name, unset=bending)

    add_library("numpy", "NumPy")
    add("numba", "Numba", "numba")
    if importlib.util.find_spec("torch") is not None:
        add_library("torch", "PyTorch")
    if clusters and importlib.util.find_spec("sklearn") is not None:
        add_library("sklearn", "scikit-learn")
    if threads > 1:
        add(ONE_THREAD, "NumPy, one thread", "numpy", threads=1, unset=BENDING["numpy"])  # NumPy at its best
    return rivals


def default_threads(environment):
    """As many threads as NUMBA_NUM_THREADS says, or as there are usable cores."""
    text = environment.get("NUMBA_NUM_THREADS", "")
    return int(text) if text.isdecimal() and int(text) > 0 else usable_cores()
