"""Is a backward pass that was written by hand right? Compare it with numerical derivatives.

    def forward(x, weight):
        return x @ weight, (x, weight)

    def backward(dy, cache):
        x, weight = cache
        return {"x": dy @ weight.T, "weight": x.T @ dy}

    print(check_gradients(forward, backward, {"x": x, "weight": weight}))

The number that is differentiated is sum(dout * out) with a random upstream gradient dout. Ones would not do:
a softmax's rows always sum to 1, so under ones its true gradient is 0, and a backward that returns zeros would pass.

Two ways to a numerical derivative f'(x):
complex step  f(x + ih) = f(x) + ih f'(x) - h² f''(x) / 2 - ..., so f'(x) = Im f(x + ih) / h up to h². No two nearly
              equal numbers are subtracted, so h may be so small that h² vanishes: the result is good to the last
              digits. `forward` must compute with complex numbers and must not drop the imaginary part, as np.abs
              and np.var do.
central       f'(x) = (f(x + h) - f(x - h)) / 2h up to h² f'''(x) / 6. Works for every forward, but the subtraction
              loses about six of float64's sixteen digits, and truncation leaves no more than those ten.
Both need a function that is smooth around x: keep away from kinks (ReLU at 0) and ties (max of two equal numbers).
"""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

COMPLEX_STEP = 1e-30
CENTRAL_STEP = 1e-5  # balances the truncation, h² = 1e-10 times f'''/6, with the rounding, 2e-16 / h = 2e-11


@dataclass(frozen=True)
class _Method:
    """A way to differentiate, and what it can resolve."""

    derivative: Callable  # (function, points, name, direction, unit) -> derivative of out along the direction
    rtol: float
    zero_scale: float  # times norm(dout * out): the least that an error is relative to


class GradientError(AssertionError):
    """A gradient is wrong.

    Attributes
    ----------
    input : str
        Name of the input whose gradient it is.
    index : tuple of int or None
        The worst entry, or (d,) for random direction d; None if the gradient is missing or of a wrong shape or dtype.
    analytic, numeric : float or None
        What `backward` says there, and what it should be.
    relative_error : float or None
        Their difference relative to the largest entry of the gradient.
    report : GradientReport or None
        All inputs, the right ones too: what is right helps to find what is wrong.
    """

    def __init__(self, message, input, index=None, analytic=None, numeric=None, relative_error=None, report=None):
        super().__init__(message)
        self.input = input
        self.index = index
        self.analytic = analytic
        self.numeric = numeric
        self.relative_error = relative_error
        self.report = report


@dataclass(frozen=True)
class InputCheck:
    """How well the gradient of one input agrees.

    Attributes
    ----------
    shape : tuple of int
        Of the input.
    checked : int
        The number of entries, or of random directions.
    relative_error : float
        The worst one.
    index : tuple of int
        Where: an entry, or (d,) for direction d.
    analytic, numeric : float
        What `backward` and the numerical derivative say there.
    """

    shape: tuple
    checked: int
    relative_error: float
    index: tuple
    analytic: float
    numeric: float


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradients` found. Prints as a table.

    Attributes
    ----------
    inputs : dict
        Name -> `InputCheck`, in the order of the inputs.
    method : str
        "complex-step" or "central".
    rtol : float
        The relative error that was allowed.
    directions : int or None
        The number of random directions, None if every entry was checked.
    """

    inputs: dict
    method: str
    rtol: float
    directions: int | None = None

    @property
    def worst(self):
        """The largest relative error of all inputs, a float."""
        return max(check.relative_error for check in self.inputs.values())

    def __str__(self):
        what = "entries" if self.directions is None else "directions"
        rows = [("input", "shape", what, "relative error", "worst at", "")]
        for name, check in self.inputs.items():
            verdict = "ok" if check.relative_error <= self.rtol else "WRONG"
            error = f"{check.relative_error:.1e}"
            rows.append((name, str(check.shape), str(check.checked), error, str(check.index), verdict))
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        return "\n".join([f"gradients against {self.method}, allowed relative error {self.rtol:.0e}", *lines])


def check_gradients(forward, backward, inputs, *, method="complex-step", directions=None, seed=0, rtol=None):
    """Compare every gradient that `backward` returns with a numerical derivative of `forward`.

    For each float input the shape is compared first, then every entry. The error is relative to the largest entry of
    that gradient: an entry that happens to be tiny can't be known to more digits than its neighbours leave it. A
    gradient that is 0 in theory, such as that of attention's key bias, comes out as rounding noise on both sides, and
    noise never equals noise; so what the error is relative to never falls below 1e-4 (complex step) or 1e-3 (central)
    of norm(dout * out), for an input of size 1 or less; for larger inputs it is less in proportion.

    Parameters
    ----------
    forward : callable
        forward(**inputs) -> (out, cache); out is a float64 array of any shape, or a scalar such as a loss.
    backward : callable
        backward(dout, cache) -> {name: gradient}, one float64 gradient for each float input, of its shape, and no
        others. dout is float64 with the shape of out.
    inputs : mapping from names to arrays or numbers
        float64 inputs are checked. Integers, booleans, None and arrays of integers or booleans (tokens, masks, number
        of heads) are passed on and need no gradient. A float that is a setting (an epsilon) is best bound inside
        `forward`.
    method : {"complex-step", "central"}
        The numerical derivative, see the top of this module. "complex-step" hands every float input over as
        complex128.
    directions : int, optional
        Instead of every entry, check this many random directions v of each input: sum(gradient * v) against the
        derivative along v. A wrong entry still shows, but not where. For large models, since an input then costs this
        many forward passes (twice as many with "central") instead of one for each entry.
    seed : int
        Of dout and of the directions.
    rtol : float, optional
        Largest relative error allowed. By default 1e-10 for "complex-step", whose own error is that of float64
        arithmetic, about 1e-15, and 1e-13 after long sums; 1e-7 for "central", whose own error is about 1e-10 (see
        `CENTRAL_STEP`) times third derivatives and sums, which deep models bring to 100 or so. A wrong formula is
        wrong by more.

    Returns
    -------
    GradientReport
        For each input its shape, the number of entries checked and the worst error; `print` shows a table.

    Raises
    ------
    GradientError
        If a gradient is missing, superfluous, of the wrong shape or dtype, not finite, or wrong. An AssertionError.
    TypeError
        If an input, an option or what `forward` or `backward` returns is of the wrong type (float32, too: it has too
        few digits), or if `forward` drops the imaginary part.
    ValueError
        If an input is empty, an input or out is not finite, or an option is out of range.

    Source: Squire & Trapp 1998, "Using complex variables to estimate derivatives of real functions", SIAM Review
    40(1); Martins, Sturdza & Alonso 2003, "The complex-step derivative approximation", ACM TOMS 29(3).
    """
    if method not in _METHODS:
        raise ValueError(f"method = {method!r}, expected one of {', '.join(map(repr, _METHODS))}")
    rtol = _METHODS[method].rtol if rtol is None else _checked_rtol(rtol)
    _check_directions(directions)
    points, constants = _split(inputs)
    function = _Function(forward, constants)
    rng = np.random.default_rng(seed)

    out, cache = function.run(points)
    dout = rng.standard_normal(out.shape)
    # [()] makes a scalar of an array without axes; the copy is backward's own, to change as it likes.
    gradients = _checked_gradients(backward(dout.copy()[()], cache), points)
    smallest_scale = _METHODS[method].zero_scale * np.linalg.norm(dout * out)

    probes, checks = {}, {}
    for name, gradient in gradients.items():
        probes[name] = _Entries(points[name]) if directions is None else _Directions(points[name], directions, rng)
        numeric = _numeric(function, points, name, probes[name], dout, method)
        checks[name] = _compare(gradient, numeric, probes[name], smallest_scale)

    report = GradientReport(checks, method, rtol, directions)
    if report.worst > rtol:
        name = max(checks, key=lambda name: checks[name].relative_error)
        if method == "complex-step":
            _refuse_if_imaginary_part_drops(function, points, name, probes[name], dout, checks[name])
        raise _wrong_gradient(name, report)
    return report


# What is asked for -------------------------------------------------------------------------------


def _checked_rtol(rtol):
    if isinstance(rtol, bool) or not isinstance(rtol, (int, float, np.integer, np.floating)):
        raise TypeError(f"rtol = {rtol!r}, expected a number")
    if not 0 < rtol < math.inf:
        raise ValueError(f"rtol = {rtol!r}, expected a finite number above 0")
    return float(rtol)


def _check_directions(directions):
    if directions is None:
        return
    if isinstance(directions, bool) or not isinstance(directions, (int, np.integer)):
        raise TypeError(f"directions = {directions!r}, expected a whole number, or None to check every entry")
    if directions < 1:
        raise ValueError(f"directions = {directions}, expected at least 1")


def _split(inputs):
    """The inputs to differentiate by, as float64 arrays, and those to pass on as they are."""
    if not isinstance(inputs, Mapping):
        raise TypeError(f"inputs is a {type(inputs).__name__}, expected a dict from names to arrays")
    points, constants = {}, {}
    for name, value in inputs.items():
        dtype = np.asarray(value).dtype
        if value is None or dtype.kind in "iub":
            constants[name] = value
        elif dtype.kind == "f" and dtype.itemsize == np.dtype(np.float64).itemsize:
            points[name] = np.asarray(value, dtype=np.float64)
            _check_point(name, points[name])
        else:
            raise TypeError(f"input {name!r} is {dtype}: pass float64 (integers, booleans and None are not checked)")
    if not points:
        raise ValueError(f"no input to check: none of {list(inputs)} is float64")
    return points, constants


def _check_point(name, point):
    if point.size == 0:
        raise ValueError(f"input {name!r} is empty, shape {point.shape}: nothing could be wrong with its gradient")
    if not np.isfinite(point).all():
        index = _first(~np.isfinite(point))
        raise ValueError(f"input {name!r} is {point[index]} at {index}, expected finite numbers")


# What the functions answer -----------------------------------------------------------------------


class _Function:
    """`forward` as a function of its float inputs alone; what it returns is checked."""

    def __init__(self, forward, constants):
        self.forward = forward
        self.constants = constants
        self.shape = None

    def run(self, points, moved=None, dtypes=(np.float64,)):
        """(out, cache) at these points, out as an array; `moved` names the input that was moved to get there."""
        # Copies, so that a forward which works in place spoils only its own arguments.
        answer = self.forward(**{name: point.copy() for name, point in points.items()}, **self.constants)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise TypeError(f"forward returned {_describe(answer)}, expected a pair (out, cache)")
        out, cache = answer
        if not isinstance(out, (np.ndarray, np.generic, float, complex)):
            raise TypeError(f"forward returned {_describe(out)} as out, expected an array or a number")
        out = np.array(out)  # a copy: the next run may reuse the buffer
        if out.dtype not in dtypes:
            raise TypeError(f"forward returned {out.dtype} as out, expected float64, the precision of its inputs")
        if out.size == 0:
            raise ValueError(f"forward returned an empty out, shape {out.shape}: nothing depends on the inputs")
        if self.shape is not None and out.shape != self.shape:
            raise ValueError(f"forward returned shape {self.shape} first and {out.shape} then, for the same shapes")
        self.shape = out.shape
        if not np.isfinite(out).all():
            index = _first(~np.isfinite(out))
            when = "" if moved is None else f" after a small step of input {moved!r}"
            raise ValueError(f"forward returned {out[index]} at {index}{when}, expected finite numbers")
        return out, cache

    def run_complex(self, points, name):
        """out for complex points, of which only `name` has an imaginary part."""
        advice = 'use method="central"'
        with warnings.catch_warnings():
            # NumPy only warns when a complex number is written into a float array.
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                out, _ = self.run(points, name, dtypes=(np.float64, np.complex128))
            except Exception as error:  # of any kind, since the same forward has just worked with real numbers
                reason = f"{type(error).__name__}: {error}"
                raise TypeError(f"input {name!r}: forward fails when it is complex ({reason}); {advice}") from error
        if out.dtype != np.complex128:
            raise TypeError(
                f"input {name!r} is complex, but forward returned {out.dtype}: it drops the imaginary part; {advice}"
            )
        return out


def _checked_gradients(gradients, points):
    """Copies of the gradients, in the order of the inputs, once names, shapes and dtypes are right."""
    if not isinstance(gradients, Mapping):
        raise TypeError(f"backward returned {_describe(gradients)}, expected a dict from input names to gradients")
    for name in gradients:
        if name not in points:
            message = f"backward returned a gradient of {name!r}, but the float inputs are {list(points)}"
            raise GradientError(message, name)
    checked = {}
    for name, point in points.items():
        if name not in gradients:
            raise GradientError(f"backward returned no gradient of input {name!r}, only of {list(gradients)}", name)
        gradient = np.array(gradients[name])  # a copy: later runs of forward may reuse the buffer
        if gradient.shape != point.shape:
            message = f"gradient of input {name!r} has shape {gradient.shape}, expected {point.shape}"
            raise GradientError(message, name)
        if gradient.dtype != np.float64:
            raise GradientError(f"gradient of input {name!r} is {gradient.dtype}, expected float64, as dout is", name)
        if not np.isfinite(gradient).all():
            index = _first(~np.isfinite(gradient))
            message = f"gradient of input {name!r} is {gradient[index]} at {index}, expected finite numbers"
            raise GradientError(message, name, index, analytic=float(gradient[index]))
        checked[name] = gradient
    return checked


# Where to look -----------------------------------------------------------------------------------


class _Entries:
    """Every entry of an input: one direction each, 1 at the entry and 0 elsewhere."""

    def __init__(self, point):
        self.shape = point.shape
        self.units = _units(point)
        self.noise = 1 / self.units.min()  # how strongly the rounding of out shows in the derivative

    def direction(self, index):
        direction = np.zeros(self.shape)
        direction[index] = 1.0
        return direction

    def unit(self, index):
        return self.units[index]

    def analytic(self, gradient):
        """What backward says in each place, and how large such values are at least."""
        return gradient, 0.0


class _Directions:
    """Random directions of an input, each normal in units of the entries."""

    def __init__(self, point, count, rng):
        self.shape = (count,)
        directions = rng.standard_normal((count, *point.shape))
        self.noise = np.linalg.norm(directions.reshape(count, -1), axis=1).max()  # of many entries adds up
        self.directions = directions * _units(point)

    def direction(self, index):
        return self.directions[index]

    def unit(self, index):
        # All N entries move at once, by about sqrt(N) together. Truncation grows with the square of the step and
        # rounding with its inverse, so a step shortened by the root of that distance keeps both small.
        return self.directions[index].size ** -0.25

    def analytic(self, gradient):
        terms = (self.directions * gradient).reshape(*self.shape, -1)
        # A sum of terms with random signs may be near 0 by chance; the norm is the size to expect.
        return terms.sum(axis=1), np.linalg.norm(terms, axis=1).max()


def _units(point):
    """How large a step of size 1 is for each entry: large numbers take large steps, or rounding swallows them."""
    return np.maximum(1.0, np.abs(point))


# What is true ------------------------------------------------------------------------------------


def _complex_step(function, points, name, direction, unit):
    step = COMPLEX_STEP * unit
    # All inputs become complex, not this one alone, so that buffers with another input's dtype can hold the result.
    moved = {other: point.astype(np.complex128) for other, point in points.items()}
    moved[name] = np.asarray(points[name] + 1j * step * direction)
    return function.run_complex(moved, name).imag / step


def _central(function, points, name, direction, unit):
    step = CENTRAL_STEP * unit
    above, _ = function.run({**points, name: np.asarray(points[name] + step * direction)}, name)
    below, _ = function.run({**points, name: np.asarray(points[name] - step * direction)}, name)
    return (above - below) / (2 * step)


# zero_scale is ten times the noise that is left where a gradient is 0, over rtol. The noise relative to
# norm(dout * out): complex step 1e-15, a few roundings of 2e-16; central 1e-11, 2e-16 over twice the step of 1e-5.
_METHODS = {
    "complex-step": _Method(_complex_step, rtol=1e-10, zero_scale=1e-4),
    "central": _Method(_central, rtol=1e-7, zero_scale=1e-3),
}


def _numeric(function, points, name, probes, dout, method):
    """The numerical derivative of sum(dout * out) by each entry, or along each direction."""
    numeric = np.empty(probes.shape)
    for index in np.ndindex(probes.shape):
        numeric[index] = _numeric_at(function, points, name, probes, index, dout, method)
    return numeric


def _numeric_at(function, points, name, probes, index, dout, method):
    derivative = _METHODS[method].derivative
    return np.sum(dout * derivative(function, points, name, probes.direction(index), probes.unit(index)))


# Verdict -----------------------------------------------------------------------------------------


def _compare(gradient, numeric, probes, smallest_scale):
    analytic, size = probes.analytic(gradient)
    difference = np.abs(analytic - numeric)
    index = np.unravel_index(np.argmax(difference), difference.shape)
    index = tuple(int(i) for i in index)
    scale = max(np.abs(numeric).max(), size, smallest_scale * probes.noise)
    if difference[index] == 0:
        error = 0.0
    else:
        error = float(difference[index] / scale) if scale > 0 else math.inf
    return InputCheck(gradient.shape, numeric.size, error, index, float(analytic[index]), float(numeric[index]))


def _refuse_if_imaginary_part_drops(function, points, name, probes, dout, check):
    """Raise if the central difference contradicts the complex step, and agrees with backward.

    Then backward is right, and np.abs, np.var, .real or the like lost the imaginary part on its way through forward.
    """
    central = _numeric_at(function, points, name, probes, check.index, dout, "central")
    tolerance = _METHODS["central"].rtol * max(abs(central), abs(check.numeric))
    if abs(central - check.analytic) <= tolerance < abs(central - check.numeric):
        raise TypeError(
            f"input {name!r}: forward drops the imaginary part, as np.abs, np.var and .real do: the complex step "
            f"gives {check.numeric:.6g} at {check.index}, a central difference {central:.6g} as backward does; "
            'use method="central"'
        )


def _wrong_gradient(name, report):
    check = report.inputs[name]
    place = f"at {check.index}" if report.directions is None else f"along random direction {check.index[0]}"
    message = (
        f"gradient of input {name!r} is wrong {place}: backward says {check.analytic:.8g}, "
        f"{report.method} {check.numeric:.8g}; relative error {check.relative_error:.1e}, "
        f"allowed {report.rtol:.0e}\n{report}"
    )
    return GradientError(message, name, check.index, check.analytic, check.numeric, check.relative_error, report)


def _first(mask):
    """Index of the first True of a boolean array, as a tuple of int."""
    return tuple(int(i) for i in np.argwhere(mask)[0])


def _describe(value):
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"a value of type {type(value).__name__}"
