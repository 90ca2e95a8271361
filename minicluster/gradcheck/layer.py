"""A forward and a backward under test: called with copies, and watched for what would make the check meaningless."""

import copy
import itertools
import warnings

import numpy as np

from .answers import checked_gradients, checked_results
from .arguments import COMPLEX128, FLOAT32, FLOAT64, split_inputs
from .memory import arrays_in, differ, refuse_changes, warn_of_shared_memory

__tracebackhide__ = True  # in pytest, a failure shows the line of the test, not ours

# Two calls with the same inputs may differ by this much, relative to the largest entry of out: sums of threaded
# libraries may be taken in another order, a dropout is off by far more.
REPEATABLE = {FLOAT64: 1e-12, FLOAT32: 1e-4}
LAST_DIGITS = 4  # roundings


class NotFiniteError(ValueError):
    """forward returned NaN or infinity."""


class Layer:
    """`forward` and `backward` as functions of the float inputs alone, with one flat out.

    Parameters
    ----------
    forward, backward, inputs
        As in `check_gradients`.
    dtype : NumPy dtype
        In which the pair computes: float64 or float32.

    Attributes
    ----------
    points : dict
        Name -> float64 array: where to differentiate.
    constants : dict
        The other inputs.
    shapes : list
        Of forward's results, None for a result without gradient. Known after the first call, as `form` is.
    form : function or None
        From a list of results to what forward returned: a tuple or a namedtuple; None for a single result.

    Raises
    ------
    TypeError, ValueError
        If `inputs` can't be checked.
    """

    def __init__(self, forward, backward, inputs, dtype):
        self.forward = forward
        self.backward = backward
        self.dtype = dtype
        self.points, self.constants = split_inputs(inputs, dtype)
        self.shapes = self.form = None

    @property
    def pieces(self):
        """Where each of forward's float results lies in the flat out: a list of slices."""
        ends = list(itertools.accumulate(int(np.prod(shape)) for shape in self.shapes if shape is not None))
        return [slice(first, last) for first, last in zip([0, *ends], ends)]

    def results(self, flat):
        """Cut a flat out, or dout, into arrays of the shapes of forward's float results."""
        shapes = [shape for shape in self.shapes if shape is not None]
        return [flat[piece].reshape(shape) for piece, shape in zip(self.pieces, shapes)]

    def out(self, points, moved=None):
        """out at these float64 points as a flat array; `moved` names the input that was moved to get there."""
        return self._run(points, moved, (FLOAT64,))[0]

    def complex_out(self, points, moved):
        """out for complex points, of which only `moved` has an imaginary part, as a flat array."""
        advice = 'use method="central"'
        with warnings.catch_warnings():
            # NumPy only warns when a complex number is written into a float array.
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                out = self._run(points, moved, (FLOAT64, COMPLEX128))[0]
            except Exception as error:  # of any kind, since the same forward has just worked with real numbers
                reason = f"{type(error).__name__}: {error}"
                raise TypeError(f"input {moved!r}: forward fails when it is complex ({reason}); {advice}") from error
        if out.dtype != COMPLEX128:
            raise TypeError(
                f"input {moved!r} is complex, but forward returned {out.dtype}: it drops the imaginary part; {advice}"
            )
        return out

    def differentiate(self, rng):
        """Run forward, then backward under a random upstream gradient, and refuse what breaks the rules.

        Returns
        -------
        out, dout : (size of out,) float64 arrays
        gradients : dict
            Name -> float64 array of the input's shape.
        """
        first, _, _, _ = self._run_here()
        out, results, cache, arguments = self._run_here()
        if self._has_changed(first, out):
            raise ValueError(
                f"forward is not deterministic: with the same inputs it returned {_worst(first, out)}; make its random "
                "numbers the same at each call (a mask as an input, or a generator with a fixed seed inside forward)"
            )
        dout = rng.standard_normal(out.shape).astype(self.dtype)
        upstream = self._upstream(dout)
        watched = {
            "the upstream gradient": upstream,
            **{f"input {name!r}": argument for name, argument in arguments.items()},
            "cache": cache,
            "out": results,
        }
        before = {place: array.copy() for place, array in arrays_in(watched).items()}
        answer = self.backward(upstream, cache)
        gradients = checked_gradients(answer, self.points, self.constants, self.dtype)
        refuse_changes(before, arrays_in(watched))
        warn_of_shared_memory(answer, arguments, stacklevel=3)  # where check_gradients was called
        return out.astype(np.float64), dout.astype(np.float64), gradients

    def gradients(self, dout):
        """What backward says once more, for a fresh forward at the points, under the same flat dout."""
        _, _, cache, _ = self._run_here()
        answer = self.backward(self._upstream(dout.astype(self.dtype)), cache)
        return checked_gradients(answer, self.points, self.constants, self.dtype)

    def refuse_if_it_has_changed(self, out):
        """Raise ValueError unless forward still answers `out`, as it did at first."""
        now = self._run_here()[0]
        if self._has_changed(out, now):
            raise ValueError(
                "forward answers otherwise than at first, with the same inputs: backward, or an earlier call, has "
                f"changed what it computes with; it returned {_worst(out, now)}"
            )

    def nudged(self, rng, size):
        """The same layer at points that differ by this share of themselves, or in their last digits if that is more."""
        other = copy.copy(self)
        size = max(size, LAST_DIGITS * np.finfo(self.dtype).eps)
        moved = {name: point * (1 + rng.uniform(-size, size, point.shape)) for name, point in self.points.items()}
        other.points = {name: np.asarray(point).astype(self.dtype).astype(np.float64) for name, point in moved.items()}
        return other

    def _run_here(self):
        points = {name: point.astype(self.dtype) for name, point in self.points.items()}
        return self._run(points, None, (self.dtype,))

    def _run(self, points, moved, dtypes):
        """(out as a flat array, the results themselves, cache, the arguments that forward got)."""
        inputs = {**points, **self.constants}
        arguments = {name: _copy(value) for name, value in inputs.items()}
        arrays, results, cache = checked_results(self.forward(**arguments), dtypes)
        for name, value in inputs.items():
            if differ(arguments[name], value):
                raise ValueError(
                    f"forward changes input {name!r} in place, so whoever called it no longer has what was passed in; "
                    "let it work on a copy"
                )
        self._check_shapes(results, [None if array is None else array.shape for array in arrays])
        # A copy: the next run may reuse the buffer.
        flat = np.concatenate([array.ravel() for array in arrays if array is not None])
        if not np.isfinite(flat).all():
            place = int(np.argwhere(~np.isfinite(flat))[0, 0])
            when = "" if moved is None else f" after a small step of input {moved!r}"
            raise NotFiniteError(
                f"forward returned {flat[place]} at {self._where(place)}{when}, expected finite numbers"
            )
        return flat, results, cache, arguments

    def _check_shapes(self, results, shapes):
        if self.shapes is None:
            self.shapes = shapes
            if isinstance(results, tuple):
                self.form = getattr(results, "_make", tuple)  # namedtuples have _make
        if shapes != self.shapes:
            first, then = (each[0] if self.form is None else tuple(each) for each in (self.shapes, shapes))
            raise ValueError(f"forward returned shape {first} first and {then} then, for the same shapes")

    def _where(self, place):
        """Say which entry of forward's results stands at this place of the flat out."""
        numbers = [number for number, shape in enumerate(self.shapes) if shape is not None]
        number, piece = next(found for found in zip(numbers, self.pieces) if place < found[1].stop)
        index = np.unravel_index(place - piece.start, self.shapes[number])
        return f"{tuple(map(int, index))}" + ("" if self.form is None else f" of out[{number}]")

    def _has_changed(self, first, second):
        return np.abs(first - second).max() > REPEATABLE[self.dtype] * np.abs(first).max()

    def _upstream(self, dout):
        """dout in the form of forward's results, backward's own copy."""
        results = iter(self.results(dout))
        # [()] makes a scalar of an array without axes.
        parts = [None if shape is None else next(results).copy()[()] for shape in self.shapes]
        return parts[0] if self.form is None else self.form(parts)


def _copy(value):
    """A copy that forward may spoil; an array keeps its memory order."""
    return value.copy(order="K") if isinstance(value, np.ndarray) else copy.deepcopy(value)


def _worst(first, second):
    place = int(np.abs(first - second).argmax())
    return f"{first[place]:.6g} and then {second[place]:.6g}"
