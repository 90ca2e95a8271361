"""Exercises for lesson 2, The task. Check them with `python -m minicluster check 02`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def string_probabilities(parts):
    """Say how probable each string of a pattern is. Medium, 15 minutes.

    A pattern is given as its parts. From each part one option is chosen by a fair throw, and the string is what was
    chosen, joined in order. So `g[kl]e?` is [["g"], ["k", "l"], ["", "e"]].

    By hand: [["", "a"], ["", "a"]] has four ways, each with probability 1/4: "" + "", "" + "a", "a" + "", "a" + "a".
    Two of them make "a". The answer is {"": 0.25, "a": 0.5, "aa": 0.25}.

    Parameters
    ----------
    parts : list of lists of str
        The options of each part. The options of one part are all different.

    Returns
    -------
    dict from str to float
        The probability of every string that can be drawn.

    Hints
    -----
    1. Can two ways lead to the same string? What is its probability then?
    2. Work from left to right: keep a dict of what can have been drawn so far, with its probability, beginning with
       {"": 1.0}.
    3. For each part make a new dict: each string so far, with each option behind it. A way's probability is divided by
       the number of options.
    4. `new[string] = new.get(string, 0) + p / len(options)` adds, where the string is there already.
    """
    raise NotImplementedError("your turn")


def targets_and_mask(tokens, separator, outputs):
    """Make the targets of some examples, and the mask of what counts. Core, medium, 15 minutes.

    A row is letters, separator, input, then padding, which is token 0. The target at each position is the next token
    of the row. There are two exceptions. Where the input is read, which is one position behind the separator, the
    target is the output. And at the last position, where no token comes next, it is 0, unless the input is read there.

    By hand: with letters 5 and 6, the separator's token 9 (at position 2, so `separator` is [2]), input 3 and output
    25,

        tokens     5    6    9    3    0    0
        targets    6    9    3   25    0    0
        mask       .    .    .    T    .    .

    Parameters
    ----------
    tokens : (B, T) int64
    separator : (B,) int64
        The position of the separator in each row; the input is read at the next one.
    outputs : (B,) int64
        The output that belongs to each row.

    Returns
    -------
    targets : (B, T) int64
    mask : (B, T) bool
        True where the output is the target, else False. Return both as a tuple: `return targets, mask`.

    Hints
    -----
    1. Begin with zeros: `np.zeros_like(tokens)`. Which part of them does `tokens[:, 1:]` go into?
    2. The output's place differs from row to row. `targets[:, place]` is not what you want: it takes all these places
       in every row.
    3. `targets[np.arange(B), place]` pairs row 0 with place[0], row 1 with place[1], and so on.
    4. The mask: zeros of dtype bool, and True at the same pairs.
    """
    raise NotImplementedError("your turn")


def seen_in_training(train, test):
    """Say what each test example shares with training. Core, medium, 15 minutes.

    An example is a row of three numbers: task, pattern, input. For each test row, give

        0  if its pattern was trained with its input,
        1  if not, but another pattern of its task was trained with that input,
        2  if no pattern of its task was.

    Memory is enough for a 0. Only who puts the patterns of a task together can answer a 1 (these are the lesson's
    unseen combinations), and nobody can know a 2.

    By hand: let train be [[0, 0, 7], [0, 1, 8]]. The test row [0, 0, 7] is a 0. [0, 0, 8] is a 1: pattern 0 was
    trained, and input 8 was, but never together; pattern 1 of the same task had that input. [0, 1, 9] is a 2.

    Parameters
    ----------
    train : (m, 3) int64
        The task, the pattern and the input of each training example. A pattern is of one task.
    test : (n, 3) int64
        The same of each test example.

    Returns
    -------
    (n,) int array

    Hints
    -----
    1. Is it enough that the pattern and the input both occur in training?
    2. Make a set of the pairs (pattern, input) that were trained, and one of the pairs (task, input).
    3. `{(p, x) for t, p, x in train.tolist()}` is the first.
    4. Then go through `test.tolist()`: in the first set, 0; else in the second, 1; else 2. Return an array.
    """
    raise NotImplementedError("your turn")
