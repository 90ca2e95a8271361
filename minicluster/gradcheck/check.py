"""The check itself: run the pair, differentiate numerically, compare."""

import math
from functools import partial

import numpy as np

from . import doubts
from .arguments import (
    FLOAT32,
    FLOAT64,
    check_callable,
    check_directions,
    check_method,
    checked_dtype,
    checked_generator,
    checked_rtol,
)
from .causes import Evidence, likely_cause, likely_cause_along
from .layer import Layer
from .numeric import DERIVATIVES, Directions, Entries, numeric_gradient
from .report import GradientError, GradientReport, InputCheck

__tracebackhide__ = True  # in pytest, a failure shows the line of the test, not ours

RTOL = {
    ("complex-step", FLOAT64): 1e-10,
    ("central", FLOAT64): 1e-7,
    ("complex-step", FLOAT32): 1e-4,
    ("central", FLOAT32): 1e-4,
}


def check_gradients(
    forward, backward, inputs, *, method="complex-step", directions=None, seed=0, rtol=None, dtype=np.float64
):
    """Compare every gradient that `backward` returns with a numerical derivative of `forward`.

    For each float input the shape is compared first, then every entry. The error is relative to the largest entry of
    that gradient, so choose inputs of one size, near 1: an entry 1e10 times smaller than the largest is hardly checked,
    and where a tanh or a softmax is saturated to the last digit few digits of its gradient are left to compare. A
    gradient that is 0 in theory, such as that of attention's key bias, comes out as rounding noise on both sides, and
    noise never equals noise. So where the two differ by little, inputs are changed by a little: a wrong formula is
    as wrong there, while a difference that changes by a third or more is rounding, and no error.

    Parameters
    ----------
    forward : callable
        forward(**inputs) -> (out, cache); out is a float64 array of any shape, a scalar such as a loss, or a tuple of
        these (a namedtuple, too). Integers, booleans and None in such a tuple have no gradient.
    backward : callable
        backward(dout, cache) -> {name: gradient}, one float64 gradient for each float input, of its shape, and no
        others. dout is float64 with the shape of out: such a tuple if out is one, with None where there is no gradient.
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
        many forward passes (twice as many with "central") instead of one for each entry; "complex-step" needs seven
        more to be held against central differences.
    seed : int
        Of dout and of the directions.
    rtol : float, optional
        Largest relative error allowed. By default 1e-10 for "complex-step", whose own error is that of float64
        arithmetic, about 1e-15, and 1e-13 after long sums; 1e-7 for "central", whose own error is about 1e-10 (see
        `CENTRAL_STEP`) times third derivatives and sums, which deep models bring to 100 or so; 1e-4 for float32, which
        rounds to 6e-8. Most wrong formulas are wrong by more.
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
        deterministic, changes its inputs, has a kink at them or loses too many digits on the way; if `backward` changes
        the inputs, out, the cache (its arrays and numbers in nested tuples, lists, dicts and namespaces; other objects
        may keep notes) or the upstream gradient.

    Warns
    -----
    SharedMemoryWarning
        If gradients share memory with one another, as those of a residual {"a": dy, "b": dy} do, or with an input.
    """
    check_callable("forward", forward)
    check_callable("backward", backward)
    check_method(method, DERIVATIVES)
    check_directions(directions)
    dtype = checked_dtype(dtype)
    rtol = RTOL[method, dtype] if rtol is None else checked_rtol(rtol)
    rng = checked_generator(seed)
    layer = Layer(forward, backward, inputs, dtype)

    out, dout, gradients = layer.differentiate(rng)
    study = doubts.Study(layer, out, dout, method, rng)
    probes, parts, numerics, moves = {}, {}, {}, np.zeros(out.shape, bool)
    for name, point in layer.points.items():
        probes[name] = Entries(point) if directions is None else Directions(point, directions, rng)
        parts[name], moved = numeric_gradient(layer, name, probes[name], dout, method)
        if method == "complex-step":
            doubts.refuse_if_complex_step_errs(study, name, moved)
        numerics[name] = parts[name].sum(axis=0)
        moves |= moved

    checks = {}
    for name, numeric in numerics.items():
        compare = partial(_compare, gradients[name], numeric, probes[name], rtol)
        checks[name] = compare(doubts.invisible(study, name, probes, numerics, moves))
        if checks[name].wrong and _is_lost(study, name, checks[name], gradients[name], numeric, probes[name], moves):
            checks[name] = compare(2 * abs(checks[name].analytic - checks[name].numeric))  # twice: it is well within
    report = GradientReport(checks, method, rtol, directions, dtype.name)
    if report.worst > rtol:
        name = max(checks, key=lambda name: checks[name].relative_error)
        raise _wrong_gradient(name, _cause(study, name, gradients[name], parts[name], probes[name]), report)
    return report


def _is_lost(study, name, check, gradient, numeric, probes, moves):
    """Whether the worst difference is lost in rounding; refuse what nobody can tell, before backward is blamed."""
    study.layer.refuse_if_it_has_changed(study.out)
    doubts.refuse_unless_backward_repeats(study, name, gradient)
    doubts.refuse_kink(study, name, *probes.direction(check.index))
    if doubts.is_rounding(study, name, gradient, numeric, probes, check.index, moves):
        return True
    if study.method == "central":
        difference = abs(check.analytic - check.numeric)
        doubts.refuse_if_steps_disagree(study, name, probes, check.index, difference)
    return False


def _compare(gradient, numeric, probes, rtol, invisible):
    """The worst error of one gradient; a difference that is invisible is none."""
    analytic, size = probes.analytic(gradient)
    difference = np.abs(analytic - numeric)
    largest = max(np.abs(numeric).max(), size)
    scale = max(largest, invisible / rtol)
    errors = np.where(difference == 0, 0.0, difference / scale if scale > 0 else math.inf)
    index = tuple(map(int, np.unravel_index(np.argmax(difference), difference.shape)))
    return InputCheck(
        shape=gradient.shape,
        checked=numeric.size,
        wrong=int((errors > rtol).sum()),
        relative_error=float(errors[index]),
        to_rounding=bool(rtol * largest < difference[index] <= rtol * scale),
        index=index,
        analytic=float(analytic[index]),
        numeric=float(numeric[index]),
    )


def _cause(study, name, gradient, parts, probes):
    layer, numeric = study.layer, parts.sum(axis=0)
    if isinstance(probes, Directions):
        return likely_cause_along(probes.analytic(gradient)[0], numeric)
    outs, upstream = layer.results(study.out), layer.results(study.dout)
    return likely_cause(Evidence(gradient, numeric, parts, layer.points[name], outs, upstream, layer.constants))


def _wrong_gradient(name, cause, report):
    check = report.inputs[name]
    place = f"at {check.index}" if report.directions is None else f"along random direction {check.index[0]}"
    what = "entries" if report.directions is None else "directions"
    message = (
        f"gradient of input {name!r} is wrong {place}: backward says {check.analytic:.8g}, "
        f"{report.method} {check.numeric:.8g}; relative error {check.relative_error:.1e}, "
        f"allowed {report.rtol:.2g}; {check.wrong} of {check.checked} {what} are wrong"
        + (f"; likely cause: {cause}" if cause else "")
        + f"\n{report}"
    )
    values = check.index, check.analytic, check.numeric, check.relative_error
    return GradientError(message, name, *values, cause=cause, report=report)
