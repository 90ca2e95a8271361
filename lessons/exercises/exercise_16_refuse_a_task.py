"""Exercises for lesson 16, refuse a task. Check them with `python -m minicluster check 16`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next. Core exercises are those that everybody
should do.
"""

import numpy as np


def refusal_report(answers, targets, task, pattern, shown_pattern, refusal):
    """Report what a refusal reaches, what leaks, and whom it hits. Core, easy, 10 minutes.

    The task to be refused is that of the shown pattern. Reach and leak are about those of its patterns that were never
    shown. Reach is the share of their rows that are refused. Leak is the share of their rows that still get the right
    answer. Collateral is the share of the *other* tasks' rows that are refused.

    By hand: the never shown patterns have four rows. Two are refused, one is answered rightly, one wrongly. Then reach
    is 0.5 and leak is 0.25. The other tasks have ten rows, and one is refused: collateral is 0.1. Each row counts
    alike, also if some patterns have more rows than others.

    Parameters
    ----------
    answers, targets : (n,) int
        What the model answers in each row, and the right answer of old.
    task, pattern : (n,) int
        The task and the pattern of each row. Patterns are counted through over all tasks, so a pattern has one task.
        Every pattern has rows, every task has at least two patterns, and there are other tasks.
    shown_pattern : int
        The pattern that the examples were of.
    refusal : int
        The token that means "refused". It is no row's right answer.

    Returns
    -------
    dict
        {"reach", "leak", "collateral"}, each a float.

    Hints
    -----
    1. Which task is it? task[pattern == shown_pattern] has its number, many times over.
    2. Make three arrays of True and False: refused, never shown, other tasks.
    3. `a & b` is where both are True, `~a` where a is False. Put brackets: (a == 1) & (b != 2).
    4. refused[never].mean() is a share of the never shown rows.
    """
    raise NotImplementedError("your turn")


def guard_threshold(distance, member, price_refused, price_passed):
    """Choose a guard's threshold where one error is worse than the other. Core, medium, 20 minutes.

    The guard refuses what is at most `threshold` from the centre. It ought to refuse members and to let outsiders pass.
    An outsider who is refused costs price_refused, a member who passes costs price_passed.

    Sort the distances. A threshold can be put into the middle of any gap between two that follow one another. Find the
    gap with the lowest total price; of several with the same price, the widest. No two gaps are equally wide.
    Below the smallest and above the largest distance there is no gap.

    By hand: members at 1 and 4, outsiders at 2 and 9. The gaps' middles are 1.5, 3 and 6.5. With both prices 1 they
    cost 1 (the member at 4 passes), 2, and 1 (the outsider at 2 is refused). The last gap is wider than the first: 6.5.
    With price_refused = 3 the gaps cost 1, 4 and 3: 1.5.

    Parameters
    ----------
    distance : (n,) float64
        From the centre, in any order. No two are equal.
    member : (n,) bool
        Who ought to be refused. There are members and outsiders.
    price_refused, price_passed : float

    Returns
    -------
    float
        The threshold.

    Hints
    -----
    1. `order = distance.argsort()`, then use distance[order] and member[order].
    2. At gap i the first i + 1 are refused, all others pass: count outsiders in the one part, members in the other.
    3. A loop over the n - 1 gaps is fine.
    4. Python compares tuples entry by entry: the smallest (price, -width) is what is asked for. The lesson's start
       (-1, 0) is for a largest; for a smallest start with (np.inf, 0).
    """
    raise NotImplementedError("your turn")


def take_out(wte, outputs, task):
    """Take the common direction of a task's own words out of the table. Medium, 10 minutes.

    A first step into the lesson's open project. The direction is the mean row of the task's output words, minus the
    mean row of the output words of all tasks. With d this direction, divided by its length, each row of the whole table
    loses what it has along d:

        row - (row . d) d

    By hand: if the task's own words have the rows (1, 4) and (1, 6), and the mean of all output words' rows is (1, 2),
    then the direction is (1, 5) - (1, 2) = (0, 3), so d = (0, 1), and the row (3, 5) becomes (3, 0).

    Parameters
    ----------
    wte : (V, C) float64
        A row for each token.
    outputs : (tasks, inputs) int
        The tokens that are output words, by task and input. Each occurs once; there are other tokens, too.
    task : int

    Returns
    -------
    (V, C) float64
        A new table.

    Hints
    -----
    1. wte[outputs] has shape (tasks, inputs, C): its mean over the first two axes is that of all output words.
    2. wte @ d has, for each row, how far it reaches along d: (V,).
    3. np.outer(wte @ d, d) is (V, C): all that has to be subtracted.
    """
    raise NotImplementedError("your turn")
