"""What an exercise asks: inputs to draw, the right answer, what else must hold, and which mistakes are typical."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

# Sizes that inputs are drawn in, one case each: small ones first, so that the first failure is a small one.
SIZES = (1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 8, 10)
LARGEST_ROUND = 2  # up to this size numbers are whole, so that a failure can be worked out by hand
SEED = 2402  # of the inputs: the same for everybody


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer.

    Attributes
    ----------
    says : str
        What its author should read, in a sentence that goes on from "f: ": what it computes, and what it should.
    formula : callable
        Takes what the exercise's function takes, and returns the wrong answer.
    """

    says: str
    formula: Callable


@dataclass(frozen=True)
class Exercise:
    """A function for a learner to write.

    Attributes
    ----------
    name : str
        The function's name.
    draw : callable
        Takes a generator of random numbers and a size from 1 on, and returns {name: input}, the function's keyword
        arguments: arrays, numbers, strings, lists, or functions. Larger sizes give larger inputs.
    answer : callable or None
        Takes the same arguments and returns the right answer: an array, a number, a string, a bool, or a tuple, a list
        or a dict of these. None if there are several right ones; then rules alone decide.
    rules : tuple of callables
        Each takes (function, inputs, got) and returns what is wrong in a sentence, or None; or (the sentence, the
        inputs to show), if it saw it on others than these. They are asked in their order, once shapes are right and
        before values are compared, so that the most telling comes first.
    mistakes : tuple of Mistake
        Recognised if they give what the learner's function gives, on every case.
    core : bool
        Whether it is one of those that everybody should do.
    tolerance : float
        Relative to the largest entry of the right answer: what rounding, or another order of adding, may change.
    sizes : tuple of int
        Of the cases.
    parts : tuple of str
        What the values of an answer with several are called; without it, "value 1", "value 2".
    """

    name: str
    draw: Callable
    answer: Callable | None = None
    rules: tuple = ()
    mistakes: tuple = ()
    core: bool = False
    tolerance: float = 1e-9
    sizes: tuple = field(default=SIZES)
    parts: tuple = ()

    def __post_init__(self):
        if self.answer is None and not self.rules:
            raise ValueError(f"{self.name}: neither a right answer nor rules")

    def cases(self):
        """Return the drawn inputs, the smallest first: a list of dicts, the same each time."""
        rng = np.random.default_rng(SEED)
        return [self.draw(rng, size) for size in self.sizes]


def numbers(rng, size, *shape):
    """Draw numbers that are easily read: whole ones from -3 to 3 for small sizes, else normal ones of two digits.

    Parameters
    ----------
    rng : Generator
    size : int
        Of the case.
    *shape : int
        Of the array.

    Returns
    -------
    float64 array
    """
    if size <= LARGEST_ROUND:
        return rng.integers(-3, 4, shape).astype(float)
    return np.round(rng.standard_normal(shape), 2)


def nonzero(rng, size, *shape):
    """Draw numbers as `numbers` does, but none is 0, so that every entry has something to say."""
    drawn = numbers(rng, size, *shape)
    return np.where(drawn == 0, rng.choice([-2.0, 2.0, 3.0], shape), drawn)
