"""A forward and a backward under test: called with copies, watched for what would make the check meaningless."""

import itertools
import warnings
from collections.abc import Mapping

import numpy as np

from .causes import likely_cause_of_shape
from .memory import arrays_in, differ, refuse_changes, warn_of_shared_memory
from .report import GradientError

# Two calls with the same inputs may differ by this much, relative to the largest entry of out: sums of threaded
# libraries may be taken in another order, a dropout is off by far more.
REPEATABLE = {"float64": 1e-12, "float32": 1e-4}
FLOAT32, FLOAT64, COMPLEX128 = map(np.dtype, (np.float32, np.float64, np.complex128))


class Layer:
    """`forward` and `backward` as functions of the float inputs alone, with one flat out.

    Parameters
    ----------
    forward, backward, inputs, dtype
        As in `check_gradients`.

    Attributes
    ----------
    points : dict
        Name -> float64 array: where to differentiate.
    pieces : list of slice
        Where each of forward's results lies in the flat out. Known after the first call.

    Raises
    ------
    TypeError, ValueError
        If `inputs` can't be checked.
    """

    def __init__(self, forward, backward, inputs, dtype):
        self.forward = forward
        self.backward = backward
        self.dtype = dtype
        self.points, self.constants = _split(inputs, dtype)
        self.shapes = None  # of forward's results; None for a result that is no float array
        self.is_tuple = None  # whether forward returns several

    @property
    def pieces(self):
        ends = list(itertools.accumulate(int(np.prod(shape)) for shape in self.shapes if shape is not None))
        return [slice(first, last) for first, last in zip([0, *ends], ends)]

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

    def results(self, flat):
        """Cut a flat out, or dout, into arrays of the shapes of forward's float results."""
        shapes = [shape for shape in self.shapes if shape is not None]
        return [flat[piece].reshape(shape) for piece, shape in zip(self.pieces, shapes)]

    def differentiate(self, rng):
        """Run forward, then backward under a random upstream gradient, and refuse what breaks the rules.

        Returns
        -------
        out, dout : (size of out,) float64 arrays
        gradients : dict
            Name -> float64 copy, of the input's shape, in the order of the inputs.
        """
        points = {name: point.astype(self.dtype) for name, point in self.points.items()}
        first, _, _, _ = self._run(points, None, (self.dtype,))
        out, results, cache, arguments = self._run(points, None, (self.dtype,))
        self._refuse_if_different(first, out)

        dout = rng.standard_normal(out.shape).astype(self.dtype)
        upstream = self._upstream(dout)
        watched = {
            "the upstream gradient": upstream,
            **{f"input {name!r}": argument for name, argument in arguments.items()},
            "cache": cache,
            "out": results,
        }
        before = arrays_in(watched)
        copies = {place: array.copy() for place, array in before.items()}
        gradients = self.backward(upstream, cache)
        if not isinstance(gradients, Mapping):
            raise TypeError(f"backward returned {describe(gradients)}, expected a dict from input names to gradients")
        refuse_changes(copies, arrays_in(watched))
        checked = self._checked(gradients)
        warn_of_shared_memory(gradients, arguments, stacklevel=3)  # where check_gradients was called
        return out.astype(np.float64), dout.astype(np.float64), checked

    def refuse_if_it_has_changed(self, out):
        """Raise ValueError unless forward still answers `out`, as it did at first."""
        points = {name: point.astype(self.dtype) for name, point in self.points.items()}
        self._refuse_if_different(out, self._run(points, None, (self.dtype,))[0])

    def _run(self, points, moved, dtypes):
        """(out as a flat array, the results themselves, cache, the arguments that forward got)."""
        # Copies, so that a forward which works in place spoils only its own arguments.
        arguments = {name: _copy(value) for name, value in {**points, **self.constants}.items()}
        answer = self.forward(**arguments)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise TypeError(f"forward returned {describe(answer)}, expected a pair (out, cache)")
        for name, value in {**points, **self.constants}.items():
            if differ(arguments[name], value):
                raise ValueError(
                    f"forward changes input {name!r} in place, so whoever called it no longer has what was passed in; "
                    "let it work on a copy"
                )
        results, cache = answer
        if isinstance(results, tuple):
            outs = [_checked_out(f"out[{number}]", result, dtypes, True) for number, result in enumerate(results)]
        else:
            outs = [_checked_out("out", results, dtypes, False)]
        self._check_shapes(results, outs)
        differentiable = [out for out in outs if out is not None]
        if not differentiable:
            raise TypeError("forward returned a tuple without a float array, so there is nothing to differentiate")
        flat = np.concatenate([out.ravel() for out in differentiable])  # a copy: the next run may reuse the buffer
        if not np.isfinite(flat).all():
            self._refuse_not_finite(flat, moved)
        return flat, results, cache, arguments

    def _check_shapes(self, results, outs):
        shapes = [None if out is None else out.shape for out in outs]
        if self.shapes is None:
            self.shapes, self.is_tuple = shapes, isinstance(results, tuple)
        if shapes != self.shapes:
            first, then = (_one_or_all(shapes) for shapes in (self.shapes, shapes))
            raise ValueError(f"forward returned shape {first} first and {then} then, for the same shapes")

    def _refuse_not_finite(self, flat, moved):
        place = int(np.argwhere(~np.isfinite(flat))[0, 0])
        when = "" if moved is None else f" after a small step of input {moved!r}"
        raise ValueError(f"forward returned {flat[place]} at {self._where(place)}{when}, expected finite numbers")

    def _where(self, place):
        """Say which entry of forward's results stands at this place of the flat out."""
        numbers = [number for number, shape in enumerate(self.shapes) if shape is not None]
        for number, piece in zip(numbers, self.pieces):
            if place < piece.stop:
                index = np.unravel_index(place - piece.start, self.shapes[number])
                return f"{tuple(map(int, index))}" + (f" of out[{number}]" if self.is_tuple else "")

    def _refuse_if_different(self, first, second):
        difference = np.abs(first - second)
        place = int(difference.argmax())
        if difference[place] > REPEATABLE[self.dtype.name] * np.abs(first).max():
            raise ValueError(
                f"forward is not deterministic: with the same inputs it returned {first[place]:.6g} and then "
                f"{second[place]:.6g}; make its random numbers the same at each call (a mask as an input, or a "
                "generator with a fixed seed made inside forward)"
            )

    def _upstream(self, dout):
        """dout in the form of forward's results, backward's own copy."""
        results = iter(self.results(dout))
        # [()] makes a scalar of an array without axes.
        parts = [None if shape is None else next(results).copy()[()] for shape in self.shapes]
        return tuple(parts) if self.is_tuple else parts[0]

    def _checked(self, gradients):
        """float64 copies of the gradients, in the order of the inputs, once names, shapes and dtypes are right."""
        for name, gradient in gradients.items():
            if name not in self.points and not (name in self.constants and gradient is None):
                message = f"backward returned a gradient of {name!r}, but the float inputs are {list(self.points)}"
                raise GradientError(message, name)
        checked, given = {}, [name for name, gradient in gradients.items() if gradient is not None]
        for name, point in self.points.items():
            if gradients.get(name) is None:
                raise GradientError(f"backward returned no gradient of input {name!r}, only of {given}", name)
            checked[name] = self._checked_gradient(name, gradients[name], point.shape)
        return checked

    def _checked_gradient(self, name, gradient, shape):
        try:
            gradient = np.array(gradient)  # a copy: later runs of forward may reuse the buffer
        except ValueError:  # a ragged list
            raise GradientError(f"gradient of input {name!r} is no array: {describe(gradient)}", name) from None
        if gradient.shape != shape:
            cause = likely_cause_of_shape(gradient.shape, shape)
            message = f"gradient of input {name!r} has shape {gradient.shape}, expected {shape}"
            raise GradientError(message + (f"; likely cause: {cause}" if cause else ""), name, cause=cause)
        if gradient.dtype != self.dtype:
            expected = f"expected {self.dtype}, as dout is"
            raise GradientError(f"gradient of input {name!r} is {gradient.dtype}, {expected}", name)
        if not np.isfinite(gradient).all():
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(gradient))[0])
            message = f"gradient of input {name!r} is {gradient[index]} at {index}, expected finite numbers"
            raise GradientError(message, name, index, analytic=float(gradient[index]))
        return gradient.astype(np.float64)


def _split(inputs, dtype):
    """The inputs to differentiate by, as float64 arrays, and those to pass on as they are."""
    if not isinstance(inputs, Mapping):
        raise TypeError(f"inputs is a {type(inputs).__name__}, expected a dict from names to arrays")
    points, constants = {}, {}
    for name, value in inputs.items():
        try:
            kind = np.asarray(value).dtype.newbyteorder("=")
        except ValueError:  # NumPy's own message does not name the input
            raise ValueError(f"input {name!r} has rows of different lengths, expected an array") from None
        if value is None or kind.kind in "iub":
            constants[name] = value
        elif kind == FLOAT64 or kind == dtype == FLOAT32:
            points[name] = np.asarray(value, dtype=dtype).astype(np.float64)
            _check_point(name, points[name])
        elif kind == FLOAT32:
            raise TypeError(
                f"input {name!r} is float32: pass float64, or dtype=np.float32 to check single precision, whose "
                "gradients can be compared to four digits only"
            )
        else:
            raise TypeError(f"input {name!r} is {kind}: pass float64 (integers, booleans and None are not checked)")
    if not points:
        raise ValueError(f"no input to check: none of {list(inputs)} is float64")
    return points, constants


def _check_point(name, point):
    if point.size == 0:
        raise ValueError(f"input {name!r} is empty, shape {point.shape}: nothing could be wrong with its gradient")
    if not np.isfinite(point).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(point))[0])
        raise ValueError(f"input {name!r} is {point[index]} at {index}, expected finite numbers")


def _checked_out(name, out, dtypes, one_of_several):
    """A result of forward as an array; None for integers, booleans and None among several, which have no gradient."""
    if one_of_several and (out is None or np.asarray(out).dtype.kind in "iub"):
        return None
    if not isinstance(out, (np.ndarray, np.generic, float, complex)):
        raise TypeError(f"forward returned {describe(out)} as {name}, expected an array, a number or a tuple of them")
    out = np.asarray(out)
    if out.dtype not in dtypes:
        raise TypeError(f"forward returned {out.dtype} as {name}, expected {dtypes[0]}, the precision of its inputs")
    if out.size == 0:
        raise ValueError(f"forward returned an empty {name}, shape {out.shape}: nothing depends on the inputs")
    return out


def _copy(value):
    return value.copy() if isinstance(value, np.ndarray) else value


def _one_or_all(shapes):
    return shapes[0] if len(shapes) == 1 else tuple(shapes)


def describe(value):
    """Say what was returned in place of what was expected."""
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"a value of type {type(value).__name__}"
