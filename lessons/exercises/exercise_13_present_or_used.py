"""Exercises for lesson 13, present or used. Check them with `python -m minicluster check 13`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def patch(rest, x, place, new):
    """Replace one token's state in each example, and let the model go on. Core, easy, 10 minutes.

    Parameters
    ----------
    rest : function
        What is left of the model from here on. It takes states (n, T, C) and returns logits (n, V). In the checks it is
        a small formula, not a transformer.
    x : (n, T, C) float64
        The states of n examples, after some block. They are needed again, so leave them as they are.
    place : (n,) int
        The token to replace in each example, from 0 to T - 1; not the same in all examples.
    new : (n, C) float64
        The state that comes there, one an example.

    Returns
    -------
    (n, V) float64
        The logits of the patched examples. With place = [2, 0], token 2 of example 0 becomes new[0], and token 0 of
        example 1 becomes new[1]; nothing else changes.

    Hints
    -----
    1. Change a copy of x, and give the copy to `rest`.
    2. A loop over the examples is fine. For one of them: `copy[i, place[i]] = new[i]`.
    3. Without a loop: `x[:, place]` is not it, because it takes all places in every example. Two arrays of whole
       numbers in one pair of brackets go together; the first is `np.arange(n)`.
    """
    raise NotImplementedError("your turn")


def outcomes(before, after, own, donor):
    """Count what a patch did to the answers, by outcomes named beforehand. Core, easy, 10 minutes.

    A push that is large enough breaks any answer. So "wrong now" shows little; "now the answer of the donor's task"
    shows that the model goes by what was replaced. And an answer that was wrong before can't be moved away from the
    right one, so such strings are left out.

    Parameters
    ----------
    before, after : (n,) int
        The model's answer to each string, unpatched and patched.
    own : (n,) int
        The right answer.
    donor : (n,) int
        What would be right in the donor's task. It is never the own one.

    Returns
    -------
    (3,) float64
        Of the strings that were answered rightly before, at least one, the share whose answer is now the donor's, the
        share whose answer stayed right, and the share whose answer is now something else. With before = [1, 1, 1, 2],
        after = [5, 1, 5, 5], own = [1, 1, 1, 1] and donor = [5, 5, 6, 5] the last string is left out, and each share is
        1/3.

    Hints
    -----
    1. Which strings count? An array of True and False picks them, and it can pick from any other such array.
    2. The mean of an array of True and False is the share of True.
    3. `(after == donor)[before == own].mean()` is the first. The third is what is left, or `&` of two `!=`.
    """
    raise NotImplementedError("your turn")


def control(x, goal, noise):
    """Make the states for a control: a step of the same length that leads elsewhere. Medium, 15 minutes.

    A patch moves a state from x to a goal, say a centroid. The control must be as long, or the push alone may explain
    the effect. And it should not lead to the goal by chance: where directions are few, random ones do so in part. So
    let it go at a right angle to the way.

    Parameters
    ----------
    x : (n, C) float64
        The states, one a row.
    goal : (n, C) float64
        Where the patch moves each of them; never to where it is.
    noise : (n, C) float64
        A random direction for each, never along the way.

    Returns
    -------
    (n, C) float64
        The states where the control's steps end. For one row: the way is w = goal - x. Of the noise z take off the part
        along w, which leaves r = z - (z . w) / (w . w) w, where . is the sum of products; then r . w = 0. The step is
        r, made as long as w. With x = [0, 0], goal = [0, 3] and noise = [2, 7], r is [2, 0], and the result [3, 0].

    Hints
    -----
    1. Do it for one row, with two numbers, on paper.
    2. For all rows: the sum of products is `(noise * way).sum(axis=1, keepdims=True)`, shape (n, 1), so that it can
       multiply (n, C).
    3. The lengths are `np.linalg.norm(r, axis=1, keepdims=True)`. Divide r by its own, multiply by that of the way.
    4. Take off first, then scale; and add x at the end.
    """
    raise NotImplementedError("your turn")
