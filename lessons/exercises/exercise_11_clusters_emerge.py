"""Exercises for lesson 11, clusters emerge. Check them with `python -m minicluster check 11`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def unique_states(hidden, separator, string):
    """Take the states at the separator, each string once. Core, medium, 10 minutes.

    A string is trained with several inputs, and each such pair is an example. At the separator the input is not known
    yet, so examples with one string have the same state there: copies, which would make clusters look firmer.

    Parameters
    ----------
    hidden : (L + 1, n, T, C) float64
        The states of n examples, in all layers and at all tokens.
    separator : (n,) int
        The place of the separator in each example, from 0 to T - 1.
    string : (n,) int
        The number of each example's string. All numbers from 0 to S - 1 come up, in any order.

    Returns
    -------
    (L + 1, S, C) float64
        Row s is the state at the separator of string s. With `string = [1, 0, 1]`, string 0 is taken from example 1,
        and string 1 from example 0 or 2, which are equal at the separator.

    Hints
    -----
    1. Two steps: find one example for each string; then read these at their separators.
    2. `np.unique(string, return_index=True)` gives the sorted numbers, and where each of them comes first.
    3. Two arrays of whole numbers in one pair of brackets go together: `a[[4, 7], [0, 2]]` is a[4, 0] and a[7, 2].
    4. With the examples in `rows`, the places to go with them are `separator[rows]`.
    """
    raise NotImplementedError("your turn")


def lands_in_its_task(x, task, pattern, new, new_task, new_pattern):
    """Say whether new strings land among known strings of their task. Core, medium, 15 minutes.

    This is cross-pattern 1-NN for strings that the model has never seen. For each new string, look for the nearest
    known string that is not of the new string's own pattern. Is it of the new string's task?

    Parameters
    ----------
    x : (n, C) float64
        States of the known strings.
    task, pattern : (n,) int
        Of the known strings. Patterns are numbered through all tasks, so that no two tasks share a number.
    new : (m, C) float64
        States of the new strings.
    new_task, new_pattern : (m,) int
        Of the new strings.

    Returns
    -------
    (m,) bool
        By squared distances; which is the nearest is never in doubt. With one number a state: known strings at 0, 1, 5
        of the tasks 0, 1, 0 and the patterns 0, 2, 1; a new string at 0.2 of task 0 and pattern 0. The string at 0 is
        hidden, the nearest of the others is the one at 1, of task 1: False.

    Hints
    -----
    1. Begin with one new string: squared distances to all known ones, (n,), then `argmin`.
    2. Before `argmin`, give those that must not be found a distance that is never the smallest: `np.inf`.
    3. Hidden are those with `pattern == new_pattern[i]`. `argmin` gives a place; `task` has the task at that place.
    """
    raise NotImplementedError("your turn")


def settles(scores, share):
    """Find out from when on each layer's score has settled. Medium, 10 minutes.

    "The ARI saturates at step 300" should not mean that it was high at step 300 and fell again. A score has settled
    from the first recording on after which it is never below a share of its last value.

    Parameters
    ----------
    scores : (S, L + 1) float64
        A row a recording, in the order of training, a column a layer. Those of the last row are above 0.
    share : float
        From 0 to 1.

    Returns
    -------
    (L + 1,) int
        For each layer the smallest s so that scores[s], scores[s + 1], ..., scores[S - 1] are all at least
        share * scores[S - 1] in that layer. For one layer with the scores 0.1, 0.9, 0.5, 0.8, 1.0 and the share 0.7 it
        is 3: 0.9 is above 0.7, but 0.5 is not.

    Hints
    -----
    1. For one layer: which is the last recording below the bar? And if there is none?
    2. Another way: what is the lowest score from s on? If that is high enough, all of them are.
    3. `np.minimum.accumulate` gives the lowest of all rows so far. Turn the rows round before and after, `[::-1]`.
    4. `argmax(axis=0)` of an array of True and False is the place of the first True.
    """
    raise NotImplementedError("your turn")
