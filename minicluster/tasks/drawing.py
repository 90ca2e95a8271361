"""What is drawn at random of the data: patterns, alone or alike, and their strings."""

import numpy as np

from ..checks import check_whole_number
from .patterns import Pattern

ALPHABET = "abcdefghijkl"
TRIES_PER_STRING = 200  # draws before a pattern is said to have no further usable string
N_PARTS = 6  # of a random pattern


def random_pattern(rng):
    """Draw a pattern over the letters a to l with six parts in random order, such as `f[ahk]b?(dc|ia)e{1,2}[bdl]`.

    Parameters
    ----------
    rng : np.random.Generator

    Returns
    -------
    Pattern
        It makes strings of 6 to 8 letters.
    """
    parts = _random_parts(rng)
    return Pattern("".join(parts[i] for i in rng.permutation(N_PARTS)))


def alike_patterns(rng, n_tasks, n_distributions, n_alike):
    """Draw patterns of different tasks that are made alike.

    The tasks' first patterns share `n_alike` of their six parts, word for word and in the same places, and differ in
    the others; so do their second patterns, with other shared parts, and so on. With 5, for example:

        task 0  f[ahk]b?(dc|ia)e{1,2}[bdl]
        task 1  f[ahk]b?(dc|ia)k{1,2}[bdl]

    Such patterns overlap: a string may be one of several tasks'.

    Parameters
    ----------
    rng : np.random.Generator
    n_tasks : int
        At most 12, the letters that a single part can differ in.
    n_distributions : int
    n_alike : int
        0 to 5.

    Returns
    -------
    list of n_tasks lists of n_distributions str
        All different.

    Raises
    ------
    ValueError, TypeError
        If a number is out of range.
    """
    check_whole_number("n_alike", n_alike, 0)
    if n_alike >= N_PARTS:
        raise ValueError(f"n_alike = {n_alike}, expected at most {N_PARTS - 1} of {N_PARTS} parts")
    check_whole_number("n_tasks", n_tasks, 1)
    if n_tasks > len(ALPHABET):
        raise ValueError(f"n_tasks = {n_tasks}, expected at most {len(ALPHABET)}, the letters that patterns differ in")
    columns, drawn = [], set()  # columns: n_distributions lists of n_tasks texts
    for _ in range(n_distributions):
        common, order = _random_parts(rng), rng.permutation(N_PARTS)
        shared, column = set(rng.permutation(N_PARTS)[:n_alike].tolist()), []
        while len(column) < n_tasks:
            own = _random_parts(rng)
            text = "".join(common[i] if i in shared else own[i] for i in order)
            if text not in drawn:
                drawn.add(text)
                column.append(text)
        columns.append(column)
    return [list(own) for own in zip(*columns)]


def _random_parts(rng):
    """Return the texts of six parts, always of the same kinds in the same order."""

    def letters(n):
        return "".join(rng.choice(list(ALPHABET), n, replace=False))

    pair = letters(4)
    return [
        letters(1),
        letters(1) + "?",
        letters(1) + "{1,2}",
        f"[{letters(3)}]",
        f"[{letters(3)}]",
        f"({pair[:2]}|{pair[2:]})",
    ]


def draw_string(own, others, rng, replaced=0.0):
    """Draw a string of the pattern `own`, or None if the string drawn matches one of the patterns `others`.

    Parameters
    ----------
    own : Pattern
    others : iterable of Pattern
    rng : np.random.Generator
    replaced : float
        The probability that a letter is replaced by one drawn from all twelve (itself included).

    Returns
    -------
    str or None
    """
    string = own.sample(rng)
    if replaced:
        hit, new = rng.random(len(string)) < replaced, rng.integers(len(ALPHABET), size=len(string))
        string = "".join(ALPHABET[i] if h else letter for letter, h, i in zip(string, hit, new))
    return None if any(other.matches(string) for other in others) else string


def draw_strings(own, others, n, rng, replaced=0.0):
    """Return a list of n different strings of the pattern `own` that match none of `others`; see `draw_string`.

    Raises
    ------
    ValueError
        If there are no more such strings, or they are too seldom.
    """
    if not replaced and own.count(limit=n) < n:
        raise ValueError(f"pattern {own.text!r} makes {own.count(limit=n)} different strings, expected at least {n}")
    strings = {}  # a dict keeps the order of drawing, which a set doesn't
    for _ in range(TRIES_PER_STRING * n):
        string = draw_string(own, others, rng, replaced)
        if string is not None:
            strings[string] = None
        if len(strings) == n:
            return list(strings)
    raise ValueError(
        f"pattern {own.text!r} gave {len(strings)} different strings that match no other pattern "
        f"in {TRIES_PER_STRING * n} draws, expected {n}"
    )


def deal_held_out(n_tasks, n_distributions, n_inputs, n_held_out, rng):
    """Return which inputs each pattern is never trained with: (n_tasks * n_distributions, n_inputs) bool.

    Each task's inputs are shuffled and dealt out like cards, pattern after pattern, starting over when all are
    dealt, so that no input is held out twice before every other has been held out once.
    """
    held_out = np.zeros((n_tasks, n_distributions, n_inputs), bool)
    for task in range(n_tasks):
        deck = np.resize(rng.permutation(n_inputs), (n_distributions, n_held_out))
        np.put_along_axis(held_out[task], deck, True, axis=1)
    return held_out.reshape(-1, n_inputs)
