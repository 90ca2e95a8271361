"""Readers of the surface: what tells a new instruction's task without a model.

Each names the task of the nearest training string, and they differ in what near means: in how often each letter occurs,
in which letters stand side by side, or in how many letters must be changed. Of training strings equally near, the
earliest counts.
"""

import numpy as np

from ..cluster import KNeighborsClassifier
from ..tasks.drawing import ALPHABET
from .measure import letter_counts

READERS = ("edit_distance", "bigrams", "bag_of_letters")


def surface_readings(known, new, vocabulary):
    """Let each reader name the tasks of new strings.

    Parameters
    ----------
    known, new : Split
        n training strings and m others, one row each, over the letters a to l.
    vocabulary : Vocabulary

    Returns
    -------
    dict from reader to (m,) int64 array
        Tasks, for each of READERS.
    """
    nearest = {
        "edit_distance": edit_distances(new.instruction, known.instruction).argmin(axis=1),  # (m, n) -> (m,)
        "bigrams": nearest_rows(bigram_counts(known.instruction), bigram_counts(new.instruction)),
        "bag_of_letters": nearest_rows(letter_counts(known, vocabulary), letter_counts(new, vocabulary)),
    }
    return {reader: known.task[nearest[reader]] for reader in READERS}


def nearest_rows(known, new):
    """Return, for each row of `new` (m, C), the nearest row of `known` (n, C), the earliest of equals: (m,) int64."""
    search = KNeighborsClassifier(1).fit(known, np.arange(len(known)))
    return search.kneighbors(new, return_distance=False)[:, 0]  # (m, 1) -> (m,)


def bigram_counts(strings, alphabet=ALPHABET):
    """Count which symbols stand side by side, where a string begins and ends with one and the same further symbol.

    Parameters
    ----------
    strings : (n,) sequence of str
    alphabet : str
        K symbols, among them all of the strings'.

    Returns
    -------
    (n, (K + 1)**2) float64 array
        How often each pair occurs, ordered by first, then second symbol; begin and end come before the alphabet.

    Raises
    ------
    ValueError
        If a string has another symbol.
    """
    place = {symbol: number for number, symbol in enumerate(alphabet, start=1)}
    counts = np.zeros((len(strings), len(alphabet) + 1, len(alphabet) + 1))
    for row, string in enumerate(strings):
        unknown = [symbol for symbol in string if symbol not in place]
        if unknown:
            raise ValueError(f"strings has {str(string)!r} with {unknown[0]!r}, expected symbols of {alphabet!r}")
        symbols = [0, *(place[symbol] for symbol in string), 0]
        np.add.at(counts[row], (symbols[:-1], symbols[1:]), 1)
    return counts.reshape(len(strings), -1)  # (n, (K + 1)**2)


def edit_distances(strings, others):
    """Return how many symbols must be inserted, deleted or replaced to turn each string into each other one.

    All pairs advance together, a symbol of `strings` at a time. In the table of a pair, row i has the distances d of
    the first i symbols of the one to the first j of the other, for every j:

        d(i, j) = min(d(i-1, j-1) + (symbols differ), d(i-1, j) + 1, d(i, j-1) + 1)

    The last of the three steps along the row: it makes d(i, j) the least of t(k) + j - k over k <= j, t being the least
    of the other two; which is a running minimum of t(k) - k.

    Parameters
    ----------
    strings : (n,) sequence of str
    others : (m,) sequence of str

    Returns
    -------
    (n, m) int64 array

    Source: Wagner & Fischer 1974, The string-to-string correction problem.
    """
    symbols, lengths = _code_points(strings)  # (n, S), (n,)
    other_symbols, other_lengths = _code_points(others)  # (m, R), (m,)
    n, m = len(symbols), len(other_symbols)
    along = np.arange(other_symbols.shape[1] + 1)  # j
    row = np.broadcast_to(along, (n, m, len(along)))  # i = 0: (n, m, R + 1)
    distances = np.broadcast_to(other_lengths, (n, m)).copy()  # right for empty strings
    for i, symbol in enumerate(symbols.T, start=1):  # (n,)
        replacing = row[..., :-1] + (symbol[:, None, None] != other_symbols)  # (n, m, R)
        deleting = row + 1  # (n, m, R + 1)
        deleting[..., 1:] = np.minimum(deleting[..., 1:], replacing)
        row = np.minimum.accumulate(deleting - along, axis=-1) + along  # (n, m, R + 1)
        ending = lengths == i  # what stands in a row beyond a string's end is never read
        distances[ending] = row[ending][:, np.arange(m), other_lengths]  # (ending, m)
    return distances


def _code_points(strings):
    """Return the symbols' numbers (n, longest), with 0 behind a string's end, and the lengths (n,) int64."""
    strings = np.array(list(strings), str)
    longest = strings.dtype.itemsize // np.dtype("U1").itemsize
    return strings.view(np.uint32).reshape(len(strings), longest), np.char.str_len(strings).astype(np.int64)
