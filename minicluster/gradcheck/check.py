"""The check itself: run the pair, differentiate numerically, compare."""

import math

import numpy as np

from .causes import Evidence, likely_cause, likely_cause_along
from .layer import FLOAT32, FLOAT64, Layer
from .numeric import DERIVATIVES, Directions, Entries, numeric_gradient, refuse_unless_central_agrees
from .report import GradientError, GradientReport, InputCheck

# The relative error allowed by default, and the least that errors are relative to, as a share of norm(dout * out).
# The share is ten times the noise that is left where a gradient is 0, over the error allowed. The noise relative to
# norm(dout * out): complex step 1e-15, a few roundings of 2e-16; central 1e-11, 2e-16 over twice the step of 1e-5;
# float32 3e-7, a few roundings of 6e-8.
TOLERANCES = {
    ("complex-step", FLOAT64): (1e-10, 1e-4),
    ("central", FLOAT64): (1e-7, 1e-3),
    ("complex-step", FLOAT32): (1e-4, 3e-2),
    ("central", FLOAT32): (1e-4, 3e-2),
}


def check_gradients(
    forward, backward, inputs, *, method="complex-step", directions=None, seed=0, rtol=None, dtype=np.float64
):
    """Compare every gradient that `backward` returns with a numerical derivative of `forward`.

    For each float input the shape is compared first, then every entry. The error is relative to the largest entry of
    that gradient: an entry that happens to be tiny can't be known to more digits than its neighbours leave it. A
    gradient that is 0 in theory, such as that of attention's key bias, comes out as rounding noise on both sides, and
    noise never equals noise; so what the error is relative to never falls below 1e-4 (complex step) or 1e-3 (central)
    of norm(dout * out), for an input of size 1 or less; for larger inputs it is less in proportion.

    Parameters
    ----------
    forward : callable
        forward(**inputs) -> (out, cache); out is a float64 array of any shape, a scalar such as a loss, or a tuple of
        these. Integers, booleans and None in such a tuple have no gradient.
    backward : callable
        backward(dout, cache) -> {name: gradient}, one float64 gradient for each float input, of its shape, and no
        others. dout is float64 with the shape of out: a tuple if out is one, with None where there is no gradient.
    inputs : mapping from names to arrays or numbers
        float64 inputs are checked. Integers, booleans, None and arrays of integers or booleans (tokens, masks, number
        of heads) are passed on and need no gradient. A float that is a setting (an epsilon) is best bound inside
        `forward`.
    method : {"complex-step", "central"}
        The numerical derivative, see `minicluster.gradcheck.numeric`. "complex-step" hands every float input over as
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
        `CENTRAL_STEP`) times third derivatives and sums, which deep models bring to 100 or so; 1e-4 for float32, which
        rounds to 6e-8. A wrong formula is wrong by more.
    dtype : {numpy.float64, numpy.float32}
        In which `forward` and `backward` compute. With float32 they get inputs rounded to float32, and are compared
        with the derivative of the same `forward` in double precision: a check of precision more than of formulas.

    Returns
    -------
    GradientReport
        For each input its shape, the number of entries checked and the worst error; `print` shows a table.

    Raises
    ------
    GradientError
        If a gradient is missing, superfluous, of the wrong shape or dtype, not finite, or wrong. An AssertionError.
    TypeError
        If an input, an option or what `forward` or `backward` returns is of the wrong type (float32, too, unless
        `dtype` says so: it has too few digits), or if `forward` drops the imaginary part.
    ValueError
        If an input is empty, an input or out is not finite, or an option is out of range; if `forward` is not
        deterministic or changes its inputs; if `backward` changes the inputs, out, the cache (its arrays and numbers
        in nested tuples, lists, dicts and namespaces; other objects may keep notes) or the upstream gradient.

    Warns
    -----
    SharedMemoryWarning
        If gradients share memory with one another, as those of a residual {"a": dy, "b": dy} do, or with an input.
    """
    if method not in DERIVATIVES:
        raise ValueError(f"method = {method!r}, expected one of {', '.join(map(repr, DERIVATIVES))}")
    dtype = _checked_dtype(dtype)
    default_rtol, smallest_share = TOLERANCES[method, dtype]
    rtol = default_rtol if rtol is None else _checked_rtol(rtol)
    _check_directions(directions)
    layer = Layer(forward, backward, inputs, dtype)
    rng = np.random.default_rng(seed)

    out, dout, gradients = layer.differentiate(rng)
    smallest = smallest_share * np.linalg.norm(dout * out)
    checks, parts, probes = {}, {}, {}
    for name, point in layer.points.items():
        probes[name] = Entries(point) if directions is None else Directions(point, directions, rng)
        parts[name] = numeric_gradient(layer, name, probes[name], dout, method)
        numeric = parts[name].sum(axis=0)
        if method == "complex-step":
            refuse_unless_central_agrees(layer, name, numeric, dout, smallest, rng)
        checks[name] = _compare(gradients[name], numeric, probes[name], smallest, rtol)

    report = GradientReport(checks, method, rtol, directions, dtype.name)
    if report.worst > rtol:
        layer.refuse_if_it_has_changed(out)
        name = max(checks, key=lambda name: checks[name].relative_error)
        raise _wrong_gradient(name, _cause(layer, name, gradients[name], parts[name], probes[name], out, dout), report)
    return report


def _checked_dtype(dtype):
    try:
        dtype = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"dtype = {dtype!r}, expected numpy.float64 or numpy.float32") from None
    if dtype not in (FLOAT64, FLOAT32):
        raise ValueError(f"dtype = {dtype}, expected float64 or float32")
    return dtype


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


def _compare(gradient, numeric, probes, smallest, rtol):
    analytic, size = probes.analytic(gradient)
    difference = np.abs(analytic - numeric)
    scale = max(np.abs(numeric).max(), size, smallest * probes.noise)
    errors = np.where(difference == 0, 0.0, difference / scale if scale > 0 else math.inf)
    index = tuple(map(int, np.unravel_index(np.argmax(difference), difference.shape)))
    wrong = int((errors > rtol).sum())
    at = float(errors[index]), index, float(analytic[index]), float(numeric[index])
    return InputCheck(gradient.shape, numeric.size, wrong, *at)


def _cause(layer, name, gradient, parts, probes, out, dout):
    numeric = parts.sum(axis=0)
    if isinstance(probes, Directions):
        return likely_cause_along(probes.analytic(gradient)[0], numeric)
    outs, upstream = layer.results(out), layer.results(dout)
    return likely_cause(Evidence(gradient, numeric, parts, layer.points[name], outs, upstream, layer.constants))


def _wrong_gradient(name, cause, report):
    check = report.inputs[name]
    place = f"at {check.index}" if report.directions is None else f"along random direction {check.index[0]}"
    what = "entries" if report.directions is None else "directions"
    message = (
        f"gradient of input {name!r} is wrong {place}: backward says {check.analytic:.8g}, "
        f"{report.method} {check.numeric:.8g}; relative error {check.relative_error:.1e}, "
        f"allowed {report.rtol:.0e}; {check.wrong} of {check.checked} {what} are wrong"
        + (f"; likely cause: {cause}" if cause else "")
        + f"\n{report}"
    )
    values = check.index, check.analytic, check.numeric, check.relative_error
    return GradientError(message, name, *values, cause=cause, report=report)
