"""Exercises for lesson 6, trust no gradient. Check them with `python -m minicluster check 06`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def jacobian(f, x):
    """Differentiate every output by every input, to the last digits. Core, medium, 15 minutes.

    The table of these derivatives is the Jacobian. For f(x) = [x[0] * x[1], x[0], x[1] * x[1]] at x = [2, 3] it is

        [[3, 2],
         [1, 0],
         [0, 6]]

    one row for each entry of f(x), one column for each entry of x.

    Parameters
    ----------
    f : function
        Takes an (n,) array and returns an (m,) array. Smooth; it may be given complex numbers.
    x : (n,) float64

    Returns
    -------
    (m, n) float64
        Entry [i, j] is the derivative of f(x)[i] by x[j], right to 13 digits.

    Hints
    -----
    1. Differences lose digits, as two nearly equal numbers are subtracted. The complex step subtracts nothing.
    2. For column j: take a copy of x that can hold complex numbers, `x.astype(complex)`, and add 1e-30 * 1j to its
       entry j.
    3. The imaginary part of f, divided by 1e-30, is column j. `np.stack(columns, axis=1)` puts columns side by side.
    """
    raise NotImplementedError("your turn")


def which_are_right(forward, backwards, x):
    """Tell right backward passes from wrong ones. Core, medium, 20 minutes.

    You are given a layer's forward and several backwards for it, some right, some wrong. A right one gives the
    derivative of sum(dout * out) by each entry of x, whatever the upstream gradient dout is. You choose dout: choose
    well.

    Parameters
    ----------
    forward : function
        `out, cache = forward(x)`, with out of the shape of x. Smooth; it may be given complex numbers.
    backwards : list of k functions
        Each is called as `backward(dout, cache)`, and returns {"x": an array of the shape of x}.
    x : (n, C) float64

    Returns
    -------
    (k,) bool
        True where the backward is right, that is, off by less than 1e-6 in every entry. (Wrong ones are off by more.)

    Hints
    -----
    1. With which dout do even zeros pass, if each row of out has a fixed sum? (The lesson's first planted mistake.)
       Take `np.random.default_rng(0).standard_normal(out.shape)` instead: random, and the same at each call.
    2. Then compute what is right, without any backward: for each entry of x, move it by a small step and see what
       sum(dout * out) does. `for index in np.ndindex(x.shape)` goes through all entries.
    3. With the complex step: `moved = x.astype(complex)`, `moved[index] += 1e-30 * 1j`, and
       (dout * forward(moved)[0].imag).sum() / 1e-30 is the derivative. Central differences with h = 1e-5 will do, too.
    4. Last, call each backward with dout and the cache of `forward(x)`, and compare its "x" entry by entry:
       np.abs(its "x" - yours).max() < 1e-6.
    """
    raise NotImplementedError("your turn")


def tied_backward(dout, table, tokens):
    """Send a gradient back to a table that is used at both ends. Medium, 15 minutes.

    A model without a middle looks up a row for each token, and scores all V rows by their products with it:

        x = table[tokens]        (V, C), (T,) -> (T, C)
        out = x @ table.T        (T, C) @ (C, V) -> (T, V)

    Example, with C = 1: table [[2], [5]], tokens [0], dout [[1, 10]]. Then out = [[2 * 2, 2 * 5]], and sum(dout * out)
    is 1 * table[0]^2 + 10 * table[0] * table[1]. Its derivative by table[0] is 2 * 2 + 10 * 5 = 54, that by table[1] is
    10 * 2 = 20, so the answer is [[54], [20]].

    Parameters
    ----------
    dout : (T, V) float64
        Upstream gradient: the derivative of the loss by each entry of out.
    table : (V, C) float64
    tokens : (T,) int
        From 0 to V - 1. A token may occur several times.

    Returns
    -------
    dict
        "table" (V, C) float64: the derivative of the loss by each entry of the table.

    Hints
    -----
    1. Name the two uses apart: x = one[tokens], out = x @ two.T. What comes back to `one`, and what to `two`? Then add.
    2. To `two`: out_tv is the sum over c of x_tc two_vc, so dtwo_vc is the sum over t of dout_tv x_tc.
    3. To `one`, by way of x: dx = dout @ table, (T, C). Each row of dx belongs to the row of its token.
    4. `dtable = dout.T @ table[tokens]`, and then `np.add.at(dtable, tokens, dx)`.
    """
    raise NotImplementedError("your turn")
