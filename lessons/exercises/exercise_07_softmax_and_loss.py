"""Exercises for lesson 7, softmax and loss. Check them with `python -m minicluster check 07`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next. Core exercises are those that everybody
should do.
"""

import numpy as np


def log_softmax(x):
    """Compute the logarithm of softmax, for scores of any size. Core, easy, 10 minutes.

    On paper log p_i = log(exp(x_i) / S) with S the sum of all exp(x_j). It must come out right also for scores so large
    or far apart that exp overflows or becomes 0: no inf, no nan. For the scores [0, 800] it is [-800, 0] to the last
    digit; for [0, 800, 800] it is [-800.693, -0.693, -0.693], as the two largest share the probability.

    Parameters
    ----------
    x : (n, V) or (B, T, V) float64
        Scores, V for each token. Some are as far apart as 800, and in some rows all are large.

    Returns
    -------
    float64 array of the shape of x
        The logarithms of the probabilities of the V words, each token's on their own.

    Hints
    -----
    1. exp(-800) is 0 in the machine, so p must not occur. The logarithm of a fraction is a difference.
    2. log p_i = x_i - log S. Adding the same number to all scores of a row changes nothing: which number keeps exp
       small?
    3. Subtract the row's largest score first, x = x - x.max(axis=-1, keepdims=True). Then S is at least 1.
    """
    raise NotImplementedError("your turn")


def weighted_loss(logits, targets, weights):
    """Compute a loss in which some tokens count more, and its gradient. Core, easy, 15 minutes.

    The loss is the weighted mean of the surprises: the sum over all tokens of weight * surprise, divided by the sum of
    the weights. A mask is the special case of weights 0 and 1.

    An example, V = 2: logits [[[0, 0], [log 3, 0]]], targets [[0, 1]], weights [[3, 1]]. The probabilities are 1/2, 1/2
    and 3/4, 1/4, so the surprises are log 2 and log 4, and the loss is (3 log 2 + 1 log 4) / 4 = 0.8664. The gradient
    is [[[-3/8, 3/8], [3/16, -3/16]]].

    Parameters
    ----------
    logits : (B, T, V) float64
        Scores, none far from 0.
    targets : (B, T) int
        The right word of each token, from 0 to V - 1.
    weights : (B, T) float64
        Not negative; some are 0, in some lines all, and not all together.

    Returns
    -------
    loss : float
    dlogits : (B, T, V) float64
        The derivative of the loss by each score.

    Hints
    -----
    1. For one token, the surprise is -log p of the right word, and its derivative by the scores is p - onehot. What
       does the weighted mean do to both?
    2. It multiplies both by weight / (sum of the weights).
    3. `onehot = np.eye(V)[targets]` has the shape (B, T, V), and (p * onehot).sum(axis=-1) is p of the right word.
    4. To multiply (B, T, V) by weights, give them a last axis: weights[..., None], of shape (B, T, 1).
    """
    raise NotImplementedError("your turn")


def lowest_loss(tokens, targets, V):
    """Say, without training, how low the loss of a bigram model can go. Medium, 15 minutes.

    The model sees one token and predicts the next. The best it can do on these n pairs is to predict what it would
    count: after token a comes b with probability (how often b came after a) / (how often a occurs). Its loss is the
    mean over the n pairs of -log of the probability that it gives to the pair's target.

    Example: tokens [0, 0, 0, 1], targets [1, 1, 0, 0], V = 3. After 0 comes 1 with 2/3 and 0 with 1/3; after 1 always
    0. So the loss is (2 log(3/2) + log 3 + log 1) / 4 = 0.4774.

    Parameters
    ----------
    tokens : (n,) int
        From 0 to V - 1. Some tokens of the vocabulary may never occur.
    targets : (n,) int
        What came next, from 0 to V - 1.
    V : int

    Returns
    -------
    float
        In nats.

    Hints
    -----
    1. Count the pairs in a table (V, V): row a, column b says how often b came after a.
    2. `np.add.at(counts, (tokens, targets), 1)` counts. Each row divided by its sum gives frequencies.
    3. Zeros trouble the logarithm, and rows without counts the division. You need frequencies only at the n pairs that
       occur, and there no count is 0.
    4. counts[tokens, targets] has the shape (n,), and so has counts.sum(axis=1)[tokens]. Divide, take -log and
       the mean.
    """
    raise NotImplementedError("your turn")
