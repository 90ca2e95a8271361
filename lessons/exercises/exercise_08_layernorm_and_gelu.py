"""Exercises for lesson 8, LayerNorm and GELU. Check them with `python -m minicluster check 08`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next. The second exercise is the easiest.
"""

import numpy as np


def rmsnorm_backward(dout, x, weight):
    """Go back through RMSNorm, LayerNorm without the mean. Core, medium, 25 minutes.

    RMSNorm (Zhang & Sennrich 2019) divides each row by its root mean square and subtracts nothing. The forward is

        rstd = 1 / sqrt(mean of x^2)       one number a row, the mean over its C places
        xhat = x * rstd
        out  = xhat * weight

    No row is all zeros, so there is no eps. Given dout, by how much the loss grows for each entry of out, return the
    same for x and for weight.

    Parameters
    ----------
    dout : (n, C) float64
        Upstream gradient.
    x : (n, C) float64
    weight : (C,) float64

    Returns
    -------
    {"x": (n, C) float64, "weight": (C,) float64}
        An example with one row: for x = [[1, 7, -7, 1]], weight = [1, 1, 1, 1] and dout = [[10, 0, 0, 0]] it is
        {"x": [[1.98, -0.14, 0.14, -0.02]], "weight": [2, 0, 0, 0]}. The root mean square of that row is 5.

    Hints
    -----
    1. Compute rstd and xhat again; keepdims=True keeps rstd a column, (n, 1). The gradients of weight and of xhat
       (call it dxhat) are found as in LayerNorm.
    2. For x think of the lesson's "The same without calculus": LayerNorm's dx is dxhat without its parts along what the
       layer ignores, times rstd. LayerNorm ignores a shift and a stretch. Which of the two does RMSNorm ignore?
    3. If all entries of a row are multiplied by 3, xhat stays as it is. If 100 is added to all, it doesn't. So one part
       goes: the one along xhat.
    4. That part is xhat times mean(dxhat * xhat), the mean over the places of each row.
    """
    raise NotImplementedError("your turn")


def swish_backward(dout, x):
    """Go back through swish, a bend much like GELU. Core, easy, 10 minutes.

    GELU is x times a gate between 0 and 1. Swish, also called SiLU, is x times another gate:

        swish(x) = x * s        with the gate        s = 1 / (1 + exp(-x)),

    and the derivative of this gate is s (1 - s).

    Parameters
    ----------
    dout : (n, C) float64
        Upstream gradient: by how much the loss grows for each entry of swish(x).
    x : (n, C) float64

    Returns
    -------
    {"x": (n, C) float64}
        By how much the loss grows for each entry of x. For x = 1 and dout = 2 it is 1.8553, where s is 0.7311.

    Hints
    -----
    1. x stands in x * s twice: in front, and inside s. So there are two terms: the product rule.
    2. The first term is s. The second is x times the derivative of the gate.
    3. Multiply the sum of both by dout, entry by entry.
    """
    raise NotImplementedError("your turn")


def moved_by_others(layer, x):
    """Find out whether a layer lets one row see another. Medium, 15 minutes.

    Lesson 8's second planted mistake, the wrong axis, passes every gradient check. What finds it is this test: let each
    row go through the layer together with all others, then alone, and compare.

    Parameters
    ----------
    layer : function
        Takes rows, (n, C) with any n, and returns as many rows, (n, C). You don't know what it does. (The checker uses
        four: centre_columns subtracts the mean of each column, centre_rows the mean of each row; mean_so_far takes the
        mean of each row and those above it; add_last_row adds the last row to every row.)
    x : (n, C) float64

    Returns
    -------
    (n,) float64
        For each row, the largest move of one of its output's entries, as a number that is not negative. 0 everywhere if
        the layer treats each row by itself.

        An example: a layer that subtracts the mean of each column (the wrong axis) makes of x = [[1, 2], [5, 8]] the
        rows [-2, -3] and [2, 3]. Each row alone comes out as [0, 0]. So the answer is [3, 3].

    Hints
    -----
    1. `layer(x)` gives all rows together. For the rows alone you need a loop, and n calls.
    2. `x[i]` has shape (C,), but a layer takes a table of rows: `x[i : i + 1]` has shape (1, C).
    3. Row i moved by `layer(x)[i] - layer(x[i : i + 1])[0]`, (C,). Take off the signs, then take the largest.
    """
    raise NotImplementedError("your turn")
