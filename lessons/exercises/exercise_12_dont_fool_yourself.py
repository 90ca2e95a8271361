"""Exercises for lesson 12, don't fool yourself. Check them with `python -m minicluster check 12`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def deal(task_of_pattern, pattern, seed):
    """Deal the patterns into pseudo-tasks, for a null that is hard enough. Core, easy, 10 minutes.

    Strings of one pattern are alike, so chance must not tear them apart: what is dealt are patterns. (This is not the
    lesson's `deal`: it deals once, and does not score.)

    Parameters
    ----------
    task_of_pattern : (P,) int
        The task of each pattern. Tasks may have different numbers of patterns.
    pattern : (n,) int
        The pattern of each string, from 0 to P - 1. Every pattern has a string.
    seed : int
        Make the generator from it, `np.random.default_rng(seed)`: the same seed gives the same deal.

    Returns
    -------
    (n,) int
        The pseudo-task of each string. Strings of one pattern have the same; a pseudo-task has as many patterns as the
        task with its number; and every such deal is as likely as any other. With task_of_pattern = [0, 0, 1] there are
        three: [0, 0, 1], [0, 1, 0] and [1, 0, 0]. In the last one, pattern = [2, 0, 2] gives [0, 1, 0].

    Hints
    -----
    1. Two steps: a pseudo-task for each pattern; then, for each string, that of its pattern.
    2. `permutation` of a generator puts the entries of an array into a random order.
    3. With the pseudo-tasks of the patterns in `dealt`, those of the strings are `dealt[pattern]`.
    """
    raise NotImplementedError("your turn")


def guess_new_patterns(x, task, pattern):
    """Let a probe guess the tasks of patterns that it was not told of. Core, medium, 15 minutes.

    The probe is the simplest there is: each task has a mean, and the guess is the task whose mean is nearest. To be
    judged fairly it may not know the pattern that is asked for: hold out the unit that the claim is about. Unlike the
    lesson, which left out one pattern of each task at once, leave out only the pattern of the string that is asked for.

    Parameters
    ----------
    x : (n, C) float64
        States of the strings.
    task : (n,) int
        From 0 to K - 1. K is `task.max() + 1`, and each of them occurs.
    pattern : (n,) int
        Numbered through all tasks, in any order. Each task has at least two patterns.

    Returns
    -------
    (n,) int
        The guess for each string: the task whose mean is nearest by squared distance. The mean of a task is taken over
        its strings, except those of the pattern of the string that is asked for. With one number a state,
        x = [[0], [6], [7], [9]], task = [0, 0, 1, 1] and pattern = [0, 1, 2, 3]: for string 0 the means are 6 (string 1
        alone) and 8, so the guess is 0. For string 1 they are 0 and 8, so the guess is 1, which is wrong.

    Hints
    -----
    1. For one string: which strings may its probe know? `known = pattern != pattern[i]`. The guesses begin as
       `np.zeros(n, dtype=int)`.
    2. `x[known & (task == t)]` are those of task t among them; their mean is over axis 0.
    3. All strings of a pattern share the same means, so a loop over patterns will do; one over strings is right, too.
    4. Stack the means to (K, C), subtract x[i], square, add up over C, `argmin`.
    """
    raise NotImplementedError("your turn")


def resampled_means(shares, seeds, patterns):
    """Compute the means of a bootstrap that draws seeds, then patterns. Medium, 10 minutes.

    "The unit is the seed, then the pattern, never the row." The drawing is done for you; take the means. The middle
    95 % of what you return is the interval.

    Parameters
    ----------
    shares : (S, P) float64
        What was measured: a row a seed, a column a pattern.
    seeds : (R, S) int
        For each of R resamples, S seeds drawn with replacement. Some come up twice, some never.
    patterns : (R, S, P) int
        `patterns[r, j]` are the P patterns that are drawn, with replacement, for the j-th seed of resample r; that is
        for the seed with the number `seeds[r, j]`.

    Returns
    -------
    (R,) float64
        For each resample the mean of its S times P shares. With shares = [[0, 1], [4, 6]] and a resample with the
        seeds [1, 1] and the patterns [[0, 0], [0, 1]]: the mean of 4, 4, 4 and 6, which is 4.5.

    Hints
    -----
    1. For one resample and its j-th seed: the row `shares[seeds[r, j]]`, and in it the entries `patterns[r, j]`.
    2. Two loops are fine. Without loops: index `shares` with two arrays of whole numbers that go together.
    3. `seeds[:, :, None]` has shape (R, S, 1) and goes with (R, S, P). The mean is over the last two axes.
    """
    raise NotImplementedError("your turn")
