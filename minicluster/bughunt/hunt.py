"""What a bug hunt is: a small function that is right, what it must fulfil, and the bugs that may be planted in it."""

from dataclasses import dataclass

import numpy as np

from ..checking.exercise import Exercise


@dataclass(frozen=True)
class Bug:
    """A wrong formula, such as real code has had.

    Attributes
    ----------
    name : str
        What is wrong, in a few words.
    old : str
        The right text, found exactly once in the hunt's source.
    new : str
        The wrong text in its place.
    explanation : str
        One or two sentences: what is wrong, and what that does to whoever uses the function.
    """

    name: str
    old: str
    new: str
    explanation: str


@dataclass(frozen=True)
class Hunt:
    """A function in which a student finds a bug.

    Attributes
    ----------
    title : str
        What the function is, in a few words that go on from "Bug hunt: ".
    source : str
        The right function, with all that it needs but NumPy, as Python text. Its docstring says what to compute.
    exercise : Exercise
        Judges the function; has its name. No mistakes are listed, since they would name the bug.
    bugs : tuple of Bug

    Raises
    ------
    ValueError
        If the right text of a bug is not in the source exactly once.
    """

    title: str
    source: str
    exercise: Exercise
    bugs: tuple

    def __post_init__(self):
        for bug in self.bugs:
            count = self.source.count(bug.old)
            if count != 1:
                raise ValueError(f"{self.subject}, {bug.name}: its old text is there {count} times, expected once")

    @property
    def subject(self):
        """The function's name."""
        return self.exercise.name

    def with_bug(self, bug):
        """Return the source with a bug in it: a str.

        Parameters
        ----------
        bug : Bug
            One of the hunt's.
        """
        return self.source.replace(bug.old, bug.new)


def rows_sum_to(total, because, part=None):
    """Return a rule of an exercise: each row of the answer has this sum.

    Parameters
    ----------
    total : float
    because : str
        Why it must be so; ends the sentence.
    part : str, optional
        Of a dict, the entry that is meant.

    Returns
    -------
    callable
        See `Exercise.rules`.
    """

    def rule(function, inputs, got):
        rows = np.asarray(got if part is None else got[part])
        sums = rows.sum(axis=-1).ravel()
        # A sum of nan is no sum; that there is a nan is said where values are compared.
        wrong = np.abs(sums - total) > 1e-9 * max(1.0, np.abs(rows).max())  # rounding, relative to the largest entry
        if not wrong.any():
            return None
        row, of = int(wrong.argmax()), f" of {part!r}" if part else ""
        return f"row {row}{of} sums to {sums[row]:.6g}, expected {total:g}: {because}"

    return rule


def slopes(forward, inputs, upstream):
    """Differentiate by the complex step: exact to rounding, and without a formula for the derivative.

    Parameters
    ----------
    forward : callable
        Takes the inputs as keyword arguments; smooth, and at home in complex numbers.
    inputs : dict of float64 arrays
    upstream : array like what `forward` returns
        The loss's gradient with respect to it.

    Returns
    -------
    dict of float64 arrays
        The loss's gradient with respect to each input.

    Source: Squire & Trapp 1998, SIAM Review 40.
    """
    tiny = 1e-30
    gradients = {}
    for name, value in inputs.items():
        gradient = np.zeros(value.shape)
        for index in np.ndindex(value.shape):
            moved = value.astype(complex)
            moved[index] += tiny * 1j
            gradient[index] = (upstream * forward(**inputs | {name: moved}).imag).sum() / tiny
        gradients[name] = gradient
    return gradients
