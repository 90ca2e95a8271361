"""Exercises for lesson 18, t-SNE. Check them with `python -m minicluster check 18`.

First how many neighbours a distribution has, then how much each pair of rows belongs together, last the gradient of KL
for a picture whose affinities fall off faster than t-SNE's. Write each function where it says "your turn", and delete
the line that raises. Hints stand at the end of each docstring, the first one the smallest: read one, try, then read the
next.
"""

import numpy as np


def perplexity(p):
    """Count the neighbours of each row, in effect. Easy, 10 minutes.

    The entropy of a distribution, in nats, is minus the sum of p log p. Its perplexity is e to the power of that: m, if
    m neighbours are equally likely and all others out of the question. A neighbour with p = 0 adds nothing to the
    entropy, as p log p goes to 0 with p.

    [0.5, 0.5, 0] has entropy -2 * 0.5 log 0.5 = log 2, and perplexity 2.

    Parameters
    ----------
    p : (n, m) float64
        Each row is a distribution over m neighbours: not below 0, of sum 1. Some are 0.

    Returns
    -------
    (n,) float64
        The perplexity of each row.

    Hints
    -----
    1. What does NumPy make of `0 * np.log(0)`? It should count as 0.
    2. `np.where(p > 0, p, 1)` replaces what is 0 by 1, and log 1 is 0.
    3. Multiply that logarithm by p, add up along axis 1, change the sign, take `np.exp`.
    """
    raise NotImplementedError("your turn")


def joint_affinities(squared, precision):
    """Say how much each pair of rows belongs together. Core, medium, 20 minutes.

    Seen from row i, with the precision that it was given,

        p(j | i)  is proportional to  exp(-precision_i squared_ij)     for j other than i, and p(i | i) = 0.

    Over j these add up to 1. A pair's affinity is the mean of both views, divided by n, so that all of them add up to
    1:

        p_ij  =  (p(j | i) + p(i | j)) / 2n.

    It has to be right also where a row is so far from all others that each exp(-precision_i squared_ij) is rounded to
    0.

    For three rows at 0, 1 and 3 on a line, and precisions so high that each row sees only the nearest: row 0 sees row
    1, row 1 sees row 0, row 2 sees row 1. So p_01 = p_10 = (1 + 1) / 6, p_12 = p_21 = (0 + 1) / 6, and all others are
    0.

    Parameters
    ----------
    squared : (n, n) float64
        The squared distance of each two rows; 0 on the diagonal.
    precision : (n,) float64
        Of each row's view.

    Returns
    -------
    (n, n) float64
        p_ij. Symmetric, with a diagonal of 0, of sum 1.

    Hints
    -----
    1. First make the n views, an array with p(j | i) at [i, j] whose rows add up to 1. Its transpose has p(i | j).
    2. `precision[:, None] * squared` has precision_i squared_ij at [i, j].
    3. Whatever is taken off a whole row of squared distances cancels when the row is divided by its sum. Take off the
       smallest one: then something always has weight exp(0) = 1. But which is the smallest in a row with the diagonal?
    4. Set the diagonal of a copy to infinity (`np.fill_diagonal`): then it is no longer the smallest, and its weight
       is exp(-inf) = 0. `min` and `sum` along axis 1, with `keepdims=True`.
    """
    raise NotImplementedError("your turn")


def kl_gradient(y, p, freedom):
    """Derive the gradient of t-SNE for tails of any weight. Hard, 30 minutes.

    The lesson takes w = 1 / (1 + s) for a pair at squared distance s: Student's t distribution with one degree of
    freedom. With more of them, it falls off faster:

        w_ij  =  (1 + s_ij / freedom) ** (-(freedom + 1) / 2)  for i other than j,    s_ij = |y_i - y_j|^2
        q_ij  =  w_ij / z,    z = sum of all w,    KL  =  sum over pairs with p_ij > 0 of p_ij log(p_ij / q_ij)

    Find dKL / dy. The lesson's derivation holds up to the place where log w is derived by s.

    Parameters
    ----------
    y : (n, 2) float64
        Points of the picture. Two of them may lie at the same place.
    p : (n, n) float64
        Affinities: symmetric, with a diagonal of 0, of sum 1.
    freedom : float
        Degrees of freedom, more than 0. With 1 it is the lesson's gradient.

    Returns
    -------
    (n, 2) float64
        dKL / dy_i for each point.

    Hints
    -----
    1. KL = constant - sum of p log w + log z. Let g be what -log w gains when s grows by 1. By how much does each of
       the two terms change, in p, q and g?
    2. z changes by -w g, so log z changes by -q g, and KL by (p - q) g. For one degree of freedom g is w: that is why
       the lesson has (p - q) w.
    3. log w = -(freedom + 1) / 2 log(1 + s / freedom), so g = (freedom + 1) / (2 freedom) / (1 + s / freedom).
    4. dKL / dy_i = 4 sum over j of (p_ij - q_ij) g_ij (y_i - y_j). `y[:, None] - y` has shape (n, n, 2), with
       y_i - y_j at [i, j]; multiply it by an array of shape (n, n, 1), and add up over j, which is axis 1.
    """
    raise NotImplementedError("your turn")
