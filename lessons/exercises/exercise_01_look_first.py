"""Exercises for lesson 1, Look first. Check them with `python -m minicluster check 01`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next. Core exercises are those that everybody
should do.
"""

import numpy as np


def share_of_same_task(x, task, pattern, k):
    """Ask each string for its k nearest from other patterns: how many are of its task? Core, easy, 10 minutes.

    The lesson asked for the nearest one. Here it is the k nearest of the rows that have another pattern. Find for each
    row which share of these k is of the row's own task, and return the mean of this share over all rows.

    By hand: four strings at 0, 1, 3 and 7 on a line, of the patterns 0, 0, 1, 2 and the tasks 0, 0, 0, 1. With k = 1
    the rows at 0 and 1 find 3, which is of their task; 3 finds 1, of its task; 7 finds 3, which is not. The mean of
    1, 1, 1, 0 is 0.75. With k = 2 the row at 0 finds 3 and 7, share 1/2; the mean of 1/2, 1/2, 1, 0 is 0.5.

    Parameters
    ----------
    x : (n, C) float64
        A string's hidden state in each row.
    task : (n,) int
        The task of each row.
    pattern : (n,) int
        The pattern of each row.
    k : int
        How many neighbours to ask for. Every row has as many rows of other patterns, or more. No row has two others
        at the same distance.

    Returns
    -------
    float
        From 0 to 1.

    Hints
    -----
    1. Begin with one row: its squared distances to all rows, `((x - x[i]) ** 2).sum(axis=1)`.
    2. Which rows may not be found? Give them a distance so large that they come last.
    3. `distance.argsort()[:k]` are the numbers of the k rows with the smallest distances.
    4. Then `(task[nearest] == task[i]).mean()` is the share for row i. Return the mean over all i.
    """
    raise NotImplementedError("your turn")


def share_in_view(chosen, others):
    """Choose a view by some rows, and see how much it shows of those held back. Medium, 15 minutes.

    The view consists of the two directions, at right angles, along which the rows of `chosen` vary most around their
    mean (PCA, as in the lesson). Return how much of the variance of `others` it shows: the variance of their two
    numbers in the view, added up, divided by the variance of their C numbers, added up.

    By hand: if `chosen` varies along the first two of three axes only, the view is these two axes. If the three columns
    of `others` then have the variances 4, 1 and 5, it shows (4 + 1) / (4 + 1 + 5) = 0.5.

    Parameters
    ----------
    chosen : (m, C) float64
        Rows to choose the view by. There are more rows than columns, and at least three columns.
    others : (n, C) float64
        Rows held back, to judge it with.

    Returns
    -------
    float
        From 0 to 1.

    Hints
    -----
    1. Which of the two arrays may `svd` see?
    2. Subtract the mean row of `chosen`, then `_, _, directions = np.linalg.svd(..., full_matrices=False)`.
    3. The rows `directions[:2]` are the view, and `others @ directions[:2].T` are the others in it, (n, 2).
    4. `array.var(axis=0).sum()` is the variance of the columns, added up.
    """
    raise NotImplementedError("your turn")
