"""Exercises for lesson 17, the rungs of speed. Check them with `python -m minicluster check 17`.

Speed comes from going about the same work in another order. Here is that order, in plain NumPy: nothing is compiled,
nothing is timed, and the result has to be the same. Write each function where it says "your turn", and delete the line
that raises. Hints stand at the end of each docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def gradient_parts(x, dy, rows_of_a_task):
    """Cut the gradient of a weight into tasks, by its size. Easy, 10 minutes.

    Of y = x @ weight, the gradient of weight is x.T @ dy: a sum over the n rows. Cores can share it, if each task adds
    up some rows, and the parts are added in their order at the end. For the result to have the same bits on every
    machine, how long a task is must not depend on the number of cores: task 0 has the first `rows_of_a_task` rows,
    task 1 the next ones, and so on. The last task has what is left. No task is empty, and no row is in two.

    With n = 5 and rows_of_a_task = 2 there are 3 tasks, with rows 0 and 1, rows 2 and 3, row 4.

    Parameters
    ----------
    x : (n, K) float64
    dy : (n, N) float64
        The upstream gradient.
    rows_of_a_task : int
        1 or more; may be more than n.

    Returns
    -------
    (number of tasks, K, N) float64
        Each task's part of the gradient, x.T @ dy of its own rows. (The caller adds them up.)

    Hints
    -----
    1. How many tasks do 4 rows make, and how many 5, if a task has 2?
    2. `range(0, n, rows_of_a_task)` gives the first row of each.
    3. A slice may end behind the end of an array: `x[4:6]` of 5 rows is row 4.
    4. For each first row, `x[first:last].T @ dy[first:last]`; `np.array` makes one array of them all.
    """
    raise NotImplementedError("your turn")


def product_by_tiles(x, weight, tile, multiply):
    """Compute a matrix product from products of small tiles. Core, medium, 20 minutes.

    What is fetched should be used more than once while it is near. So y = x @ weight is cut along all three axes, rows
    of x, columns of weight, and the inner axis that is summed over, into pieces of length `tile`. (The last piece of an
    axis is shorter if tile doesn't divide its length.) A tile of y, a piece of rows by a piece of columns, is

        y[rows, columns]  =  sum over all pieces of the inner axis of  x[rows, piece] @ weight[piece, columns].

    The products of tiles are done by a function that you are given. It refuses whatever is larger than a tile.

    Parameters
    ----------
    x : (M, K) float64
    weight : (K, N) float64
    tile : int
        Of M, K and N it may divide some or none; it may be larger than they are.
    multiply : function
        `multiply(a, b)` returns a @ b. No axis of a and b may be longer than tile. It doesn't know where in y the
        result belongs, and adds it nowhere.

    Returns
    -------
    (M, N) float64
        x @ weight, but for rounding. With as few calls of multiply as the three cuts allow.

    Hints
    -----
    1. Three loops, one for each axis, and one call of multiply in the innermost.
    2. `range(0, M, tile)` gives where the pieces of the rows begin, the shorter last one included. A slice may end
       behind the end of an array.
    3. y begins as `np.zeros` of the right shape, and each tile of it gains a product for each piece of the inner axis:
       `+=`.
    4. The line in the middle is
       `y[i : i + tile, j : j + tile] += multiply(x[i : i + tile, k : k + tile], weight[k : k + tile, j : j + tile])`.
    """
    raise NotImplementedError("your turn")


def merge(maximum, total, more_maximum, more_total):
    """Put together what two parts of a row know of its softmax. Medium, 15 minutes.

    The softmax of a row of scores s is exp(s - m) / t, where m is the largest score and t, the total, is the sum of
    exp(s - m). (m keeps exp from becoming infinite.) It seems to take two passes: t needs m, and m needs all scores.
    But cut the row into two parts, and let each find its own m and t: then the m and t of the whole row follow from
    these four numbers, and no score is looked at again. So one pass is enough, part after part, and the row need never
    be in memory as a whole.

    The part [1, 3] has m = 3 and t = exp(-2) + exp(0). The part [5] has m = 5 and t = exp(0). Together: m = 5, and
    t = exp(-4) + exp(-2) + exp(0).

    Parameters
    ----------
    maximum : (n,) float64
        The largest score in the first part of each of n rows; -inf if all of it is masked.
    total : (n,) float64
        The sum of exp(score - maximum) over the first part; 0 if all of it is masked.
    more_maximum : (n,) float64
        The same of the second part. At most one of the two parts of a row is masked.
    more_total : (n,) float64
        The same of the second part.

    Returns
    -------
    maximum : (n,) float64
        Of the whole row.
    total : (n,) float64
        The sum of exp(score - maximum) over the whole row.

    Hints
    -----
    1. The new maximum is the larger one of both. What has the first total to be multiplied by, so that each exp(score -
       maximum) in it becomes exp(score - new maximum)?
    2. exp(score - new maximum) = exp(score - maximum) exp(maximum - new maximum).
    3. The same for the second total; then add. For the part with the larger maximum the factor is exp(0) = 1, for a
       masked one exp(-inf) = 0: no case needs an `if`.
    """
    raise NotImplementedError("your turn")
