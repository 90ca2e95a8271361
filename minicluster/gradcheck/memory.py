"""Which arrays a backward may change, and which memory two of its gradients may share: none."""

import itertools
import warnings
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np

OVERLAP_WORK = 10_000  # how long NumPy may search for a shared element before we take it that there is none


class SharedMemoryWarning(UserWarning):
    """A gradient is, in part, the same memory as another gradient or as an input."""


def arrays_in(value):
    """All arrays and numbers in nested tuples, lists, mappings and namespaces.

    Other objects are opaque: a layer that is an object may note in itself what it likes.

    Returns
    -------
    dict
        Where it is, such as "cache[1]['x']" for a mapping with a key "cache" -> array.
    """
    found, visited, to_visit = {}, set(), [("", value)]
    while to_visit:
        place, value = to_visit.pop()
        if isinstance(value, (np.ndarray, np.generic, int, float, complex)):
            found[place] = np.asarray(value)
        elif id(value) not in visited:  # a list may contain itself
            visited.add(id(value))
            to_visit += reversed(_parts(place, value))
    return found


def _parts(place, value):
    """Pairs (where, part) of a container, none of anything else."""
    if isinstance(value, SimpleNamespace):
        value = vars(value)
    if isinstance(value, Mapping):
        return [(f"{place}[{key!r}]" if place else str(key), part) for key, part in value.items()]
    if isinstance(value, (tuple, list)):
        return [(f"{place}[{number}]", part) for number, part in enumerate(value)]
    return []


def refuse_changes(before, after):
    """Raise ValueError if an array that was there before backward is now another, or gone.

    Parameters
    ----------
    before, after : dict
        From `arrays_in`; `before` holds copies.
    """
    for place, array in before.items():
        if place not in after or differ(after[place], array):
            raise ValueError(
                f"backward changes {place}, which is not its own: what needs it later, a second backward or another "
                "layer, computes with wrong numbers; let it work on a copy"
            )


def differ(array, other):
    """Whether two arrays differ in shape or in any bit, so that NaN equals NaN; other values never do."""
    if not isinstance(array, np.ndarray):
        return False
    return array.shape != other.shape or array.tobytes() != other.tobytes()


def warn_of_shared_memory(gradients, arguments, stacklevel):
    """Warn of each pair of gradients, or of a gradient and an input, that share memory.

    Parameters
    ----------
    gradients, arguments : mapping
        Name -> array; what is no array is passed over.
    stacklevel : int
        How far up the caller stands whose line the warning names, 1 for the one who calls this.
    """
    gradients = {f"gradient of {name!r}": g for name, g in gradients.items() if isinstance(g, np.ndarray)}
    inputs = {f"input {name!r}": a for name, a in arguments.items() if isinstance(a, np.ndarray)}
    pairs = [*itertools.combinations(gradients.items(), 2), *itertools.product(gradients.items(), inputs.items())]
    for (name, array), (other_name, other) in pairs:
        if _overlap(array, other):
            warnings.warn(
                f"the {name} and the {other_name} share memory: whoever changes one in place, as clipping does, "
                "changes the other",
                SharedMemoryWarning,
                stacklevel=stacklevel + 1,
            )


def _overlap(array, other):
    try:
        return np.shares_memory(array, other, max_work=OVERLAP_WORK)
    except np.exceptions.TooHardError:
        return False
