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

from .layer import NotFiniteError

__tracebackhide__ = True  # in pytest, a failure shows the line of the test, not ours

COMPLEX_STEP = 1e-30
CENTRAL_STEP = 1e-5  # balances the truncation, h² = 1e-10 times f'''/6, with the rounding, 2e-16 / h = 2e-11
SHORTER = (1, 1e-3, 1e-6)  # of the step, where a longer one leaves the function's domain, as that of log(1e-9)


class Entries:
    """Every entry of an input: one direction each, 1 at the entry and 0 elsewhere."""

    def __init__(self, point):
        self.shape = point.shape
        self.units = _units(point)

    def direction(self, index):
        """(direction, like the input; the size of a step along it)."""
        direction = np.zeros(self.shape)
        direction[index] = 1.0
        return direction, self.units[index]

    def analytic(self, gradient):
        """What backward says in each place, and how large such values are at least."""
        return gradient, 0.0

    def by_units(self, numeric):
        """The largest change of sum(dout * out) if an entry changes by its unit."""
        return np.abs(numeric * self.units).max()

    @property
    def least_unit(self):
        """The smallest change of an input for which `by_units` is told."""
        return self.units.min()


class Directions:
    """Random directions of an input, each normal in units of the entries."""

    def __init__(self, point, count, rng):
        self.shape = (count,)
        self.directions = rng.standard_normal((count, *point.shape)) * _units(point)

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

    def by_units(self, numeric):
        """The largest change of sum(dout * out) along a direction, which is in units."""
        return np.abs(numeric).max()

    least_unit = 1.0


def _units(point):
    """How large a step of size 1 is for each entry: large numbers take large steps, or rounding swallows them."""
    return np.maximum(1.0, np.abs(point))


def complex_step(layer, name, direction, unit):
    """Derivative of out along a direction of input `name`: (size of out,)."""
    step = COMPLEX_STEP * unit
    # All inputs become complex, not this one alone, so that buffers with another input's dtype can hold the result.
    moved = {other: point.astype(np.complex128) for other, point in layer.points.items()}
    moved[name] += 1j * step * direction
    return layer.complex_out(moved, name).imag / step


def central(layer, name, direction, unit, step=CENTRAL_STEP):
    """Derivative of out along a direction of input `name`: (size of out,)."""
    for shorter in SHORTER:
        try:
            above, below = neighbours(layer, name, direction, step * shorter * unit)
            return (above - below) / (2 * step * shorter * unit)
        except NotFiniteError:
            if shorter == SHORTER[-1]:
                raise


def neighbours(layer, name, direction, step):
    """out one step further along a direction of input `name`, and one step back: (size of out,) each."""
    outs = []
    for distance in (step, -step):
        moved = layer.points[name].copy(order="K")
        moved += distance * direction
        outs.append(layer.out({**layer.points, name: moved}, name))
    return outs


DERIVATIVES = {"complex-step": complex_step, "central": central}


def numeric_gradient(layer, name, probes, dout, method):
    """The numerical derivative of sum(dout * out) by each entry, or along each direction, in parts.

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
    parts : (number of results, *probes.shape) array
        What comes through each of forward's results; the derivative is their sum.
    moves : (size of out,) bool array
        Which entries of out depend on the input.
    """
    parts = np.empty((len(layer.pieces), *probes.shape))
    moves = np.zeros(dout.shape, bool)
    for index in np.ndindex(probes.shape):
        derivative = DERIVATIVES[method](layer, name, *probes.direction(index))  # (size of out,)
        moves |= derivative != 0
        parts[(slice(None), *index)] = [(dout[piece] * derivative[piece]).sum() for piece in layer.pieces]
    return parts, moves
