"""Where numbers can't tell right from wrong: lost imaginary parts, kinks, steps that disagree, rounding."""

from dataclasses import dataclass, replace

import numpy as np

from .arguments import FLOAT32
from .layer import REPEATABLE, Layer
from .numeric import CENTRAL_STEP, DERIVATIVES, Directions, central, complex_step, neighbours

__tracebackhide__ = True  # in pytest, a failure shows the line of the test, not ours

EPS = np.finfo(np.float64).eps
# Without a common factor: where out is rounded to a few values, a step and its tenth would agree by construction.
STEPS = (CENTRAL_STEP, CENTRAL_STEP / 3.1, CENTRAL_STEP / 10.3)
DISTRUST = 10  # times what the steps disagree by: so far off may all of them be
PLAIN = 1e-8  # of a derivative: steps in full agreement are not trusted with less
LOST = 100  # roundings of dout * out that numbers on the way may have cost a central difference
VAGUE = 1e-3  # of a derivative: steps that differ by more have no opinion
KEPT = 0.1  # of the gap between the derivatives from both sides: at a kink each of them stays while the step shrinks
ROUNDINGS = 64  # of the largest gradient that another gradient may be off by: a few on the way, magnified by weights
OUT_ROUNDINGS = 4  # of dout * out
# By how much inputs are nudged, relative: by their last digit, and more where forward is too flat for it to show.
NUDGES = (1e-15, 1e-11, 1e-8, 1e-5)
NUDGE_REPEATS = 3
STEADY = 0.3  # of a difference: a wrong formula is as wrong next door, while rounding falls anew each time
# Rounding may blur a derivative by this share of dout * out, or of dout: far above what float64 leaves, 2e-16 and in
# central differences 2e-11, and well below what float32 leaves, 6e-8 and 6e-3. Beyond, forward computes in single
# precision on the way, or numbers cancel.
BLUR = {"complex-step": 1e-11, "central": 1e-8}
BLUR_FLOAT32 = 1e-3


@dataclass(frozen=True)
class Study:
    """A layer with what was found at its points, and how it is looked at.

    Attributes
    ----------
    layer : Layer
    out, dout : (size of out,) arrays
        What forward returned, flat, and the random upstream gradient.
    method : str
        A key of `DERIVATIVES`.
    rng : numpy.random.Generator
    """

    layer: Layer
    out: np.ndarray
    dout: np.ndarray
    method: str
    rng: np.random.Generator

    def along(self, derivative, name, direction, unit, *step):
        """The derivative of sum(dout * out) along a direction of input `name`, by one of `DERIVATIVES`."""
        return float(np.sum(self.dout * derivative(self.layer, name, direction, unit, *step)))


def refuse_if_complex_step_errs(study, name, moves):
    """Raise unless central differences along a random direction of input `name` allow what the complex step says.

    What they contradict is not the derivative, and backward may agree with it or not.

    Parameters
    ----------
    study : Study
    name : str
    moves : (size of out,) bool array
        From `numeric_gradient`.

    Raises
    ------
    TypeError
        If `forward` loses the imaginary part.
    ValueError
        If it has a kink here.
    """
    direction, unit = Directions(study.layer.points[name], 1, study.rng).direction((0,))
    claimed = study.along(complex_step, name, direction, unit)
    opinions = {}
    for step in STEPS:
        try:
            with np.errstate(all="ignore"):  # the step may leave the function's domain
                opinions[step] = study.along(central, name, direction, unit, step)
        except Exception:  # of any kind: a second opinion that fails is none
            return
    step = min(STEPS, key=lambda step: abs(opinions[step] - claimed))
    spread = max(opinions.values()) - min(opinions.values())
    size = max(abs(claimed), *map(abs, opinions.values()))
    if spread > VAGUE * size:
        return
    scale = size_of_result(study, moves) if any(opinions.values()) else _norm(study.dout)  # 0: swallowed beside 1
    lost = LOST * EPS * scale / (step * unit)
    if abs(opinions[step] - claimed) <= max(DISTRUST * spread, PLAIN * size, lost):
        return
    refuse_kink(study, name, direction, unit)
    raise TypeError(
        f"input {name!r}: forward drops the imaginary part, as np.abs, np.var and .real do: along a random direction "
        f'the complex step gives {claimed:.9g}, central differences {opinions[step]:.9g}; use method="central"'
    )


def refuse_kink(study, name, direction, unit):
    """Raise ValueError if sum(dout * out) has one derivative from one side, and another one from the other."""
    layer, dout = study.layer, study.dout
    out = layer.out(layer.points, name)  # in float64, whatever the pair is checked in
    sides = []
    for step in STEPS:
        try:
            with np.errstate(all="ignore"):
                ahead, back = neighbours(layer, name, direction, step * unit)
        except Exception:  # of any kind, as above
            return
        sides.append([np.sum(dout * (ahead - out)) / (step * unit), np.sum(dout * (out - back)) / (step * unit)])
    right, left = sides[-1]
    gap, moved = abs(right - left), np.ptp(sides, axis=0).max()
    rounding = 4 * EPS * _norm(dout * out) / (STEPS[-1] * unit)
    if gap > max(moved / KEPT, PLAIN * max(abs(right), abs(left)), DISTRUST * rounding):
        raise ValueError(
            f"input {name!r}: forward is not smooth here, as ReLU is not at 0, nor a maximum of equal numbers: from "
            f"one side its derivative is {right:.6g}, from the other {left:.6g}; check it at other inputs"
        )


def refuse_if_steps_disagree(study, name, probes, index, difference):
    """Raise ValueError if a central difference is off by as much as it differs from backward.

    Parameters
    ----------
    study, name
        As in `refuse_if_complex_step_errs`.
    probes : Entries or Directions
    index : tuple of int
        The worst place.
    difference : float
        Between backward and the central difference there.
    """
    direction, unit = probes.direction(index)
    opinions = [study.along(central, name, direction, unit, step) for step in STEPS]
    if DISTRUST * (max(opinions) - min(opinions)) > difference:
        raise ValueError(
            f"input {name!r}: central differences can't tell: at {index} they give {opinions[0]:.9g} with one step and "
            f"{opinions[-1]:.9g} with a tenth of it; let forward compute in float64, choose inputs near 1 where it is "
            'less curved, or use method="complex-step"'
        )


def refuse_unless_backward_repeats(study, name, gradient):
    """Raise ValueError unless backward, after a fresh forward at the same point, says the same."""
    again = study.layer.gradients(study.dout)[name]
    if np.abs(again - gradient).max() > REPEATABLE[study.layer.dtype] * np.abs(gradient).max():
        raise ValueError(
            f"backward answers otherwise the second time, in the gradient of {name!r}: it keeps something from call to "
            "call, such as gradients that add up; let each forward begin anew"
        )


def is_rounding(study, name, gradient, numeric, probes, index, moves):
    """Whether backward and the numerical derivative differ at a place by rounding alone.

    A wrong formula is as wrong at inputs that are a little different. Rounding is not: it falls anew each time.

    Parameters
    ----------
    study, name, moves
        As in `refuse_if_complex_step_errs`.
    gradient, numeric : arrays
        What backward says, and the numerical derivative by each of the probes.
    probes : Entries or Directions
    index : tuple of int
        The worst place.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If it is rounding, but so much that float64 (or float32, if that is checked) can't be the reason.
    """
    derivative = DERIVATIVES[study.method]
    said, true = probes.analytic(gradient)[0][index], numeric[index]
    for size in np.repeat(NUDGES, NUDGE_REPEATS):
        other = replace(study, layer=study.layer.nudged(study.rng, size))
        try:
            with np.errstate(all="ignore"):
                said_there = probes.analytic(other.layer.gradients(study.dout)[name])[0][index]
                true_there = other.along(derivative, name, *probes.direction(index))
        except (TypeError, ValueError):  # at the border of the function's domain
            continue
        if abs((said_there - true_there) - (said - true)) > STEADY * abs(said - true):
            if abs(said - true) <= blur(study, moves):
                return True
            if abs(true_there - true) > STEADY * abs(said - true):
                raise ValueError(
                    f"input {name!r}: rounding changes the derivative by {abs(true_there - true):.1e}, so nothing can "
                    "be told; does forward compute in single precision, or subtract nearly equal numbers?"
                )
            return False  # it is backward that loses digits
    return False


def blur(study, moves):
    """How large a difference rounding may make."""
    share = BLUR_FLOAT32 if study.layer.dtype == FLOAT32 else BLUR[study.method]
    return share * max(size_of_result(study, moves), _norm(study.dout))


def size_of_result(study, moves):
    """The size of dout * out where out depends on the input; if out is 0 there, that of dout."""
    size = _norm(np.where(moves, study.dout * study.out, 0.0))
    return size if size > 0 else _norm(study.dout)


def _norm(vector):
    """Euclidean norm of numbers whose squares may overflow."""
    largest = np.abs(vector).max()
    return largest * np.linalg.norm(vector / largest) if largest > 0 else 0.0


def invisible(study, name, probes, numerics, moves):
    """Differences of gradients so small that rounding has swallowed them, beside other gradients or beside out.

    A GELU of -6 has a slope of 1e-7, which float32 computes as 1 - 1; in a model whose other gradients are near 1 no
    check can tell more of it. And a softmax that is all but sure subtracts numbers near 1 to get its gradient of 1e-10.

    Parameters
    ----------
    study, name
        As in `refuse_if_complex_step_errs`.
    probes, numerics : dict from name to Entries or Directions, and to array
        Of all inputs: where the numerical derivative was taken, and what it is.
    moves : (size of out,) bool array
        Which entries of out depend on any input.

    Returns
    -------
    float
    """
    if not moves.any():
        return 0.0
    eps = np.finfo(study.layer.dtype).eps
    largest = max(probes[other].by_units(numeric) for other, numeric in numerics.items())
    blurred = eps * max(ROUNDINGS * largest, OUT_ROUNDINGS * size_of_result(study, moves))
    return float(blurred / probes[name].least_unit)
