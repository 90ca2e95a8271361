"""Bug hunts: a small layer or measure with one wrong formula, chosen by a student's name, to be found and mended.

`hunt.py` says what a hunt is, the modules beside it have them, `student_file.py` chooses one, writes the student's file
and verifies it. A mended function is judged as an exercise is (`minicluster.checking`), never by its text.
"""

from . import agreement, attention, clusters, layers, losses, normalisation, optimiser
from .hunt import Bug, Hunt

_MODULES = (layers, normalisation, attention, losses, optimiser, clusters, agreement)

HUNTS = tuple(hunt for module in _MODULES for hunt in module.HUNTS)
EXERCISES = tuple(hunt.exercise for hunt in HUNTS)  # where the process that judges a function looks

__all__ = ["Bug", "EXERCISES", "HUNTS", "Hunt"]
