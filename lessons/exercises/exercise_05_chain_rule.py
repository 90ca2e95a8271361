"""Exercises for lesson 5, the chain rule. Check them with `python -m minicluster check 05`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def gradients(x, w, target):
    """Differentiate a loss in which two numbers are used twice. Core, easy, 10 minutes.

    The loss is (x * x * w + w - target)^2, in steps:

        p = x * x,  q = p * w,  y = q + w,  e = y - target,  loss = e * e

    For x = 2, w = 1 and target = 3: p = 4, q = 4, y = 5, e = 2, and the loss is 4. Its derivative by x is 16, by w 20,
    by target -4.

    Parameters
    ----------
    x, w, target : float

    Returns
    -------
    dict
        "x", "w", "target": the derivative of the loss by each, a float.

    Hints
    -----
    1. Compute the steps first, then walk backward: de = 2 * e, dy = de, and so on to the left.
    2. Along a way, multiply; where ways meet, add. w is used in q and in y. x is used twice in p.
    3. dq = dy and dp = dq * w. Then dw = dq * p + dy, and dx = dp * x + dp * x.
    """
    raise NotImplementedError("your turn")


def linear_backward(dy, x, weight):
    """Send a gradient back through a linear layer whose weight is stored the other way. Core, medium, 20 minutes.

    Some libraries store the weight as (n_out, n_in), the transpose of the lesson's, and compute

        y = x @ weight.T + bias        that is, for each token,    y_j = (sum over i of x_i weight_ji) + bias_j

    Parameters
    ----------
    dy : (B, T, n_out) float64
        Upstream gradient: the derivative of the loss by each entry of y.
    x : (B, T, n_in) float64
        Input of the layer: B sequences of T tokens.
    weight : (n_out, n_in) float64

    Returns
    -------
    dict
        "x" (B, T, n_in), "weight" (n_out, n_in), "bias" (n_out,): the derivative of the loss by each entry of each. All
        float64.

    Hints
    -----
    1. Ask of one x_i, one weight_ji and one bias_j of the formula: where is it used, with which local derivative, and
       what comes back from there?
    2. dx_i is the sum over j of dy_j weight_ji. dweight_ji is the sum, over all B T rows, of dy_j x_i. dbias_j is the
       sum of dy_j over all rows.
    3. `x.reshape(-1, x.shape[-1])` lays the sequences one below the other, (B T, n_in). Do the same with dy. (.T turns
       all axes of a (B, T, C) array around: make rows first.)
    4. With `x_rows` and `dy_rows`, dweight is dy_rows.T @ x_rows. For dx nothing has to be turned around.
    """
    raise NotImplementedError("your turn")


def bag_backward(dy, tokens, V):
    """Send a gradient back through a bag of words. Core, medium, 15 minutes.

    The forward looks up the row of each token and takes the mean over each sequence, whatever the order of its tokens:

        y = table[tokens].mean(axis=1)        table (V, C), tokens (B, T) -> (B, T, C) -> y (B, C)

    Example: with tokens [[2, 0, 2, 2]], V = 3 and dy = [[8]], the answer is [[2], [0], [6]]. Each place hands 8 / 4
    back, row 0 was used once, row 1 never, row 2 three times.

    Parameters
    ----------
    dy : (B, C) float64
        Upstream gradient: the derivative of the loss by each entry of y.
    tokens : (B, T) int
        From 0 to V - 1. A token may occur several times.
    V : int
        Rows of the table.

    Returns
    -------
    dict
        "table" (V, C) float64: the derivative of the loss by each entry of the table.

    Hints
    -----
    1. Take one place: sequence b, place t. Its row of the table is one of T in the mean of row b. What comes back
       there?
    2. dy[b] / T comes back, at each place t of sequence b. Add it to row tokens[b, t] of a table of zeros.
    3. A row that was used several times gets the sum: two loops do it, or `np.add.at(table, tokens, ...)`, which wants
       an array that fits (B, T, C).
    4. `dy[:, None] / T` has the shape (B, 1, C), and `np.add.at` repeats it along the T places.
    """
    raise NotImplementedError("your turn")
