"""Is an answer right, and if not, what is wrong with it, in words that help."""

import copy
import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

SHOWN_ENTRIES = 40  # of an array in a message
SAME = 1e-6  # relative: a wrong answer that is so near a mistake's is that mistake
HIGHEST_FACTOR = 1000
LARGEST_DENOMINATOR = 20  # of a factor that is worth telling
PRINTED = 2000  # characters of what a function prints that are kept


@dataclass(frozen=True)
class Problem:
    """What is wrong with a function.

    Attributes
    ----------
    says : str
        A sentence or two.
    inputs : dict
        Small inputs that showed it.
    """

    says: str
    inputs: dict


class Printed(io.TextIOBase):
    """Keeps the beginning of what is printed."""

    def __init__(self):
        self.text = ""

    def writable(self):
        """Return True."""
        return True

    def write(self, text):
        """Keep it, if there is room."""
        self.text += text[: PRINTED - len(self.text)]
        return len(text)

    def clear(self):
        """Forget all."""
        self.text = ""


def judge(exercise, function, watch=lambda number, inputs: None, printed=None):
    """Run a function on an exercise's inputs, and say what is wrong with it.

    Parameters
    ----------
    exercise : Exercise
    function : callable
        The learner's. What it raises passes through.
    watch : callable, optional
        Told (number of the case, its inputs) before each case.
    printed : Printed, optional
        Gets what the function prints when it is run on a case, and no longer what it printed on the case before.

    Returns
    -------
    Problem or None
    """
    printed = Printed() if printed is None else printed
    cases = exercise.cases()
    for number, inputs in enumerate(cases):
        watch(number, inputs)
        given = copy.deepcopy(inputs)
        printed.clear()
        with redirect_stdout(printed):
            got = function(**given)
        if got is None and printed.text:
            return Problem("prints and returns None: `return` the answer", inputs)
        says = _changed(inputs, given) or _wrong(exercise, function, inputs, got)
        if says is None and number == 0:
            says = _another_time(function, inputs, got)
        if says:
            watch(len(cases), inputs)
            says, inputs = (says, inputs) if isinstance(says, str) else says  # a rule may have changed the inputs
            return Problem(recognise(exercise, function, [inputs, *cases]) or says, inputs)
    return None


def recognise(exercise, function, cases):
    """Return what a typical mistake says if the function makes it, on every case."""
    for mistake in exercise.mistakes:
        if all(_same(mistake.formula, function, inputs) for inputs in cases):
            return mistake.says
    return None


def _wrong(exercise, function, inputs, got):
    if got is None:
        return "returns None: is its `return` missing?"
    expected = None
    if exercise.answer is not None:
        expected = exercise.answer(**copy.deepcopy(inputs))
        says = _of_another_form(got, expected, "the answer", exercise.parts)
        if says:
            return says
    for rule in exercise.rules:
        says = rule(function, copy.deepcopy(inputs), got)
        if says:
            return says
    return None if exercise.answer is None else _different(got, expected, "", exercise.tolerance, exercise.parts)


def _changed(before, after):
    for name, value in before.items():
        if isinstance(value, (np.ndarray, dict, list, tuple)) and not _equal(value, after[name]):
            return f"changes its argument `{name}`: compute in a new array, as `{name}` is still needed by the caller"
    return None


def _another_time(function, inputs, got):
    if _equal(got, function(**copy.deepcopy(inputs))):
        return None
    return "gives another result when it is called again with the same inputs: is something random, or kept?"


def _equal(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other))
    if not all(isinstance(value, (np.ndarray, np.generic, bool, int, float, complex, str)) for value in (one, other)):
        return type(one) is type(other)  # a function, None, a generator of random numbers: a copy is never equal
    one, other = np.asarray(one), np.asarray(other)
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc" and other.dtype.kind in "fc")


def _of_another_form(got, expected, what, names=()):
    """Say that types, names, lengths, shapes or dtypes differ, the outermost first; else None."""
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return f"{what} is {_kind(got)}, expected a dict with {_names(expected)}"
        if got.keys() != expected.keys():
            return f"{what} has {_names(got) or 'no entries'}, expected {_names(expected)}"
        where = "" if what == "the answer" else f" of {what}"
        parts = ((got[key], expected[key], f"{key!r}{where}") for key in expected)
        return next(filter(None, (_of_another_form(*part) for part in parts)), None)
    if isinstance(expected, (tuple, list)):
        if not isinstance(got, (tuple, list)):
            return f"{what} is {_kind(got)}, expected {len(expected)} values{_called(names)}"
        if len(got) != len(expected):
            return f"{what} has {len(got)} values, expected {len(expected)}{_called(names)}"
        names = names or [f"value {number} of {what}" for number in range(1, len(expected) + 1)]
        parts = zip(got, expected, names)
        return next(filter(None, (_of_another_form(*part) for part in parts)), None)
    if isinstance(expected, str):
        return None if isinstance(got, str) else f"{what} is {_kind(got)}, expected a string"
    if got is None or isinstance(got, (str, dict)) or callable(got):
        return f"{what} is {_kind(got)}, expected {_kind(expected)}"
    kind = _kind(got)
    try:
        got = np.asarray(got)
    except ValueError:  # rows of different lengths
        return f"{what} has rows of different lengths, expected shape {_shape(np.shape(expected))}"
    if got.dtype.kind == "O" and not got.ndim:  # a set, or what `(... for ... in ...)` makes
        return f"{what} is {kind}, expected {_kind(expected)}"
    expected = np.asarray(expected)
    if got.shape != expected.shape:
        return f"{what} has shape {_shape(got.shape)}, expected {_shape(expected.shape)}{_why_shape(got, expected)}"
    return _of_another_dtype(got, expected, what)


def _of_another_dtype(got, expected, what):
    kinds = {"b": "True and False (bool)", "i": "whole numbers (int)", "u": "whole numbers (int)", "f": "float64"}
    if not got.size:
        return None  # np.asarray([]) is float64, whatever it might have held
    if got.dtype.kind == "O":
        if all(isinstance(entry, (int, float, np.number, np.ndarray)) and not np.ndim(entry) for entry in got.flat):
            return f"{what} has dtype object: make it an array of numbers, np.array(..., dtype=float) say"
        return f"{what} has dtype object: its entries are not all numbers"
    if got.dtype.kind in "US" and expected.dtype.kind not in "US":
        return f"{what} has dtype {got.dtype}: its entries are strings"
    if got.dtype.kind == "c" and expected.dtype.kind != "c":
        return f"{what} is complex, expected {kinds[expected.dtype.kind]}"
    if expected.dtype.kind in "fc" and got.dtype.kind == "b":
        return f"{what} has dtype bool, expected {kinds['f']}"
    if expected.dtype.kind == "f" and got.dtype.kind in "iu":
        if not got.ndim:
            return None  # a single number: if it had a fraction, its value tells
        return f"{what} has dtype {got.dtype}, expected float64: fractions are lost (begin with np.zeros(...), say)"
    if expected.dtype.kind == "f" and got.dtype.itemsize < 8:
        return f"{what} has dtype {got.dtype}, expected float64: half of the digits are lost"
    if expected.dtype.kind in "iu" and got.dtype.kind not in "iu":
        return f"{what} has dtype {got.dtype}, expected {kinds[expected.dtype.kind]}"
    if expected.dtype.kind == "b" and got.dtype.kind != "b":
        return f"{what} has dtype {got.dtype}, expected {kinds['b']}"
    return None


def _why_shape(got, expected):
    if got.ndim > 1 and got.shape == expected.shape[::-1]:
        return ": it is transposed"
    if [n for n in got.shape if n != 1] == [n for n in expected.shape if n != 1]:
        return ": an axis of length 1 too many, or too few (keepdims?)"
    if got.ndim == expected.ndim + 1:
        return ": is a sum over an axis missing?"
    if got.ndim == expected.ndim - 1:
        return ": is there a sum over an axis too many?"
    return ""


def _different(got, expected, what, tolerance, names=()):
    """Say where values differ, and how, if that can be told; else None."""
    if isinstance(expected, dict):
        parts = ((got[key], expected[key], f"{what}{key!r}: ") for key in expected)
        return next(filter(None, (_different(*part, tolerance) for part in parts)), None)
    if isinstance(expected, (tuple, list)):
        names = names or [f"value {number}" for number in range(1, len(expected) + 1)]
        parts = ((g, e, f"{what}{name}: ") for g, e, name in zip(got, expected, names))
        return next(filter(None, (_different(*part, tolerance) for part in parts)), None)
    if isinstance(expected, str):
        return None if got == expected else f"{what}{got!r}, expected {expected!r}"
    got, expected = np.asarray(got), np.asarray(expected)
    if not expected.size:
        return None
    if expected.dtype.kind not in "fc":
        wrong = got != expected
    else:
        nan = np.isnan(got) & ~np.isnan(expected)
        if nan.any():
            right = _number(expected[_first(nan)])
            return f"{what}nan{_at(nan)}, expected {right}: 0/0, inf - inf or the log of less than 0"
        scale = max(1.0, np.abs(expected[np.isfinite(expected)]).max(initial=0))
        with np.errstate(invalid="ignore"):
            near = np.abs(got - expected) <= tolerance * scale
        wrong = ~(near | (got == expected) | (np.isnan(got) & np.isnan(expected)))
    if not wrong.any():
        return None
    first = _first(wrong)
    difference = f"{what}{_number(got[first])}{_at(wrong)}, expected {_number(expected[first])}"
    if _number(got[first]) == _number(expected[first]):
        difference += f": the difference is {abs(got[first] - expected[first]):.1g}"
    hint = _hint(got, expected) if expected.dtype.kind == "f" else None
    return f"{difference}. {hint}" if hint else difference


def _hint(got, expected):
    """Say in which simple way all of an answer differs from the right one."""
    if not (np.isfinite(got).all() and np.isfinite(expected).all()) or got.size < 2 or not expected.any():
        return None
    scale = SAME * np.abs(expected).max()
    if not got.any():
        return "It is 0 everywhere."
    if np.abs(got + expected).max() <= scale:
        return "Everything has the opposite sign."
    if got.ndim == 2 and got.shape[0] == got.shape[1] and np.abs(got.T - expected).max() <= scale:
        return "It is the transpose of the right one."
    largest = np.unravel_index(np.abs(expected).argmax(), expected.shape)
    factor = float(got[largest] / expected[largest])
    if _simple(factor) and np.abs(got - factor * expected).max() <= scale * abs(factor):
        return f"Everything is {_number(factor)} times what it should be."
    offset = float((got - expected).flat[0])
    if np.abs(got - expected - offset).max() <= scale:
        return f"Everything is off by {_number(offset)}."
    return None


def _simple(factor):
    """Whether a factor, or its square, is a fraction of small numbers: others are found by accident."""

    def is_fraction(number):
        return abs(number - Fraction(number).limit_denominator(LARGEST_DENOMINATOR)) <= SAME * abs(number)

    if not 1 / HIGHEST_FACTOR < abs(factor) < HIGHEST_FACTOR:
        return False
    return is_fraction(factor) or is_fraction(1 / factor) or (0.1 < abs(factor) < 10 and is_fraction(factor**2))


def _same(formula, function, inputs):
    """Whether a mistake's formula gives what the learner's function gives, or both fail."""
    with np.errstate(all="ignore"):
        outcomes = []
        for compute in (formula, function):
            try:
                outcomes.append(compute(**copy.deepcopy(inputs)))
            except Exception:  # whatever a learner's function may raise
                outcomes.append(None)
    wrong, got = outcomes
    if wrong is None or got is None:
        return wrong is None and got is None
    if _of_another_form(got, wrong, "") is not None:
        return False
    return _different(got, wrong, "", SAME) is None


def _first(mask):
    return tuple(int(index) for index in np.argwhere(mask)[0]) if mask.ndim else ()


def _at(mask):
    first = _first(mask)
    return f" at [{', '.join(map(str, first))}]" if first else ""


def _shape(shape):
    return str(tuple(int(n) for n in shape)) if shape else "() (a single number)"


def _called(names):
    return f", {' and '.join(names)}" if names else ""


def _names(entries):
    return ", ".join(map(repr, entries))


def _kind(value):
    if value is None:
        return "None"
    if callable(value):
        return "a function"
    if isinstance(value, np.ndarray):
        return f"an array of shape {_shape(value.shape)}"
    if isinstance(value, (bool, np.bool_)):
        return "True or False"
    if isinstance(value, (int, float, np.number)):
        return "a number"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return "a string" if isinstance(value, str) else f"a {type(value).__name__}"


def _number(value):
    value = np.asarray(value)[()]
    return f"{value + 0.0:.6g}" if isinstance(value, (float, np.floating)) else str(value)  # -0.0 + 0.0 is 0.0


def show(inputs):
    """Return inputs as lines that can be read, and typed in again: `x = [[1, 2], [3, 4]]`."""
    return [f"{name} = {shown(value)}" for name, value in inputs.items()]


def shown(value):
    """Return a value as a short text: arrays as lists, long ones by shape only."""
    if callable(value):
        return f"the function {getattr(value, '__name__', 'given')}"
    if isinstance(value, np.ndarray):
        if value.size > SHOWN_ENTRIES or (value.ndim > 1 and not value.size):
            return f"an array of shape {_shape(value.shape)}"
        options = {"separator": ", ", "threshold": SHOWN_ENTRIES + 1, "max_line_width": 10_000, "formatter": _FORMAT}
        text = np.array2string(value, **options)
        return " ".join(text.split()) if value.ndim else _number(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {shown(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, (list, tuple)) and len(value) <= SHOWN_ENTRIES:
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, (list, tuple)):
        return f"{len(value)} values"
    return repr(value) if isinstance(value, str) else _number(value)


_FORMAT = {"float_kind": _number, "int_kind": str, "bool": str}
