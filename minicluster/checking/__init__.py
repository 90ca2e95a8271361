"""Exercises that check themselves: a learner's functions are run on drawn inputs, and a failure is explained in words.

`exercise.py` says what an exercise is, `lessons/` has those of each lesson, `judge.py` compares and explains,
`worker.py` runs one function in a process of its own, `runner.py` starts it and watches the time.
"""

from .exercise import Exercise, Mistake
from .runner import Verdict, check_function, check_functions, exercises_of, find_exercises

__all__ = ["Exercise", "Mistake", "Verdict", "check_function", "check_functions", "exercises_of", "find_exercises"]
