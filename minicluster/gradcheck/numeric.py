"""Numerical derivatives: what is true, as far as floating point can tell.

Two ways to a derivative f'(x):
complex step  f(x + ih) = f(x) + ih f'(x) - h² f''(x) / 2 - ..., so f'(x) = Im f(x + ih) / h up to h². No two nearly
              equal numbers are subtracted, so h may be so small that h² vanishes: the result is good to the last
              digits. `forward` must compute with complex numbers and must not drop the imaginary part, as np.abs
              and np.var do.
central       f'(x) = (f(x + h) - f(x - h)) / 2h up to h² f'''(x) / 6. Works for every forward, but the subtraction
              loses about six of float64's sixteen digits, and truncation leaves no more than those ten.
Both need a function that is smooth around x: keep away from kinks (ReLU at 0) and ties (max of two equal numbers).

Source: Squire & Trapp 1998, "Using complex variables to estimate derivatives of real functions", SIAM Review 40(1);
Martins, Sturdza & Alonso 2003, "The complex-step derivative approximation", ACM TOMS 29(3).
"""

import numpy as np

COMPLEX_STEP = 1e-30
CENTRAL_STEP = 1e-5  # balances the truncation, h² = 1e-10 times f'''/6, with the rounding, 2e-16 / h = 2e-11
# Two derivatives of the same smooth function differ by less: central differences are good to 1e-7 even in deep models.
# Where f''' is huge a shorter step has the better truncation, so one of two steps has to agree.
AGREEMENT = 1e-5
AGREEMENT_STEPS = (CENTRAL_STEP, CENTRAL_STEP / 100)
# What central differences can't see, as a share of a step times dout: if numbers on the way are of the inputs' size,
# their rounding, 2e-16, over the step of 1e-5, with some to spare. GELU of -12 is 0 to them, its slope is 1e-58.
UNSEEN = 1e-10


class Entries:
    """Every entry of an input: one direction each, 1 at the entry and 0 elsewhere."""

    def __init__(self, point):
        self.shape = point.shape
        self.units = _units(point)
        self.noise = 1 / self.units.min()  # how strongly the rounding of out shows in the derivative

    def direction(self, index):
        """(direction, like the input; the size of a step along it)."""
        direction = np.zeros(self.shape)
        direction[index] = 1.0
        return direction, self.units[index]

    def analytic(self, gradient):
        """What backward says in each place, and how large such values are at least."""
        return gradient, 0.0


class Directions:
    """Random directions of an input, each normal in units of the entries."""

    def __init__(self, point, count, rng):
        self.shape = (count,)
        directions = rng.standard_normal((count, *point.shape))
        self.noise = np.linalg.norm(directions.reshape(count, -1), axis=1).max()  # of many entries adds up
        self.directions = directions * _units(point)

    def direction(self, index):
        """(direction, like the input; the size of a step along it)."""
        # All N entries move at once, by about sqrt(N) together. Truncation grows with the square of the step and
        # rounding with its inverse, so a step shortened by the root of that distance keeps both small.
        return self.directions[index], self.directions[index].size ** -0.25

    def analytic(self, gradient):
        """What backward says along each direction, and how large such values are to be expected."""
        terms = (self.directions * gradient).reshape(*self.shape, -1)
        # A sum of terms with random signs may be near 0 by chance; the norm is the size to expect.
        return terms.sum(axis=1), np.linalg.norm(terms, axis=1).max()


def _units(point):
    """How large a step of size 1 is for each entry: large numbers take large steps, or rounding swallows them."""
    return np.maximum(1.0, np.abs(point))


def complex_step(layer, name, direction, unit):
    """Derivative of out along a direction of input `name`: (size of out,)."""
    step = COMPLEX_STEP * unit
    # All inputs become complex, not this one alone, so that buffers with another input's dtype can hold the result.
    moved = {other: point.astype(np.complex128) for other, point in layer.points.items()}
    moved[name] = np.asarray(layer.points[name] + 1j * step * direction)
    return layer.complex_out(moved, name).imag / step


def central(layer, name, direction, unit, step=CENTRAL_STEP):
    """Derivative of out along a direction of input `name`: (size of out,)."""
    step = step * unit
    above = layer.out({**layer.points, name: np.asarray(layer.points[name] + step * direction)}, name)
    below = layer.out({**layer.points, name: np.asarray(layer.points[name] - step * direction)}, name)
    return (above - below) / (2 * step)


DERIVATIVES = {"complex-step": complex_step, "central": central}


def numeric_gradient(layer, name, probes, dout, method):
    """The numerical derivative of sum(dout * out) by each entry, or along each direction, and its parts.

    Parameters
    ----------
    layer : Layer
    name : str
        Of the input.
    probes : Entries or Directions
    dout : (size of out,) array
    method : str
        A key of `DERIVATIVES`.

    Returns
    -------
    (number of results, *probes.shape) array
        What comes through each of forward's results; the derivative is their sum.
    """
    parts = np.empty((len(layer.pieces), *probes.shape))
    for index in np.ndindex(probes.shape):
        terms = dout * DERIVATIVES[method](layer, name, *probes.direction(index))  # (size of out,)
        parts[(slice(None), *index)] = [terms[piece].sum() for piece in layer.pieces]
    return parts


def refuse_unless_central_agrees(layer, name, numeric, dout, smallest, rng):
    """Raise TypeError if the complex step contradicts central differences along a random direction of input `name`.

    Then what the complex step says is not the derivative, and backward may agree with it or not.

    Parameters
    ----------
    layer : Layer
    name : str
    numeric : array
        What the complex step has found for this input; shows how large derivatives are.
    dout : (size of out,) array
    smallest : float
        The least that a difference is relative to, for directions of size 1.
    rng : numpy.random.Generator
    """
    probe = Directions(layer.points[name], 1, rng)
    direction, unit = probe.direction((0,))
    unseen = UNSEEN * np.linalg.norm(dout) * np.linalg.norm(direction)
    from_complex = np.sum(dout * complex_step(layer, name, direction, unit))
    for step in AGREEMENT_STEPS:
        from_central = np.sum(dout * central(layer, name, direction, unit, step))
        size = max(abs(from_complex), abs(from_central), np.abs(numeric).max(), smallest * probe.noise)
        if abs(from_complex - from_central) <= max(AGREEMENT * size, unseen):
            return
    raise TypeError(
        f"input {name!r}: forward drops the imaginary part, as np.abs, np.var and .real do, or is not smooth here (a "
        f"kink, a tie): along a random direction the complex step gives {from_complex:.6g}, central differences "
        f'{from_central:.6g}; use method="central", or other inputs'
    )
