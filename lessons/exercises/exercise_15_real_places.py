"""Exercises for lesson 15, real places. Check them with `python -m minicluster check 15`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np

SPELL = 256  # the token that says "letters follow"


def text_of(tokens, words):
    """Turn tokens back into text. Medium, 15 minutes.

    Tokens 0 to 255 are bytes. Token 256, SPELL, begins a spelled word: the bytes that follow, up to the next token that
    is not a byte, or to the end, are its text in UTF-8. Token 257 + i is the known word words[i]. Between words stands
    one space.

    By hand: with words = ["the", "of"] the tokens 257, 256, 195, 169, 256, 97, 98, 258 say "the é ab of". The bytes
    195 and 169 are one letter, é.

    Parameters
    ----------
    tokens : (n,) int64
        No word is empty: SPELL is always followed by a byte. There is no byte without a SPELL before.
    words : list of str
        The known words.

    Returns
    -------
    str

    Hints
    -----
    1. Gather a list of words first, and put them together with " ".join.
    2. While a word is being spelled, gather its bytes in a list; turn them into text only when it has ended.
    3. Each SPELL can begin a list of its own: found.append([]), and each byte goes to the last one, found[-1].
    4. bytes(gathered).decode("utf-8") makes text of a list of ints; tokens.tolist() makes ints of the tokens.
    """
    raise NotImplementedError("your turn")


def fact_or_nothing(x, training, fact, nothing):
    """Say which fact each question asks for, and where to say nothing. Core, medium, 15 minutes.

    A question is ours if its nearest neighbour, among all training questions and all that ask for nothing, is a
    training question. Then the answer is the fact with the nearest centroid, the mean of its training questions.
    Otherwise the answer is -1.

    Parameters
    ----------
    x : (q, C) float64
        States of the new questions.
    training : (n, C) float64
        States of the training questions.
    fact : (n,) int
        The fact that each of them asks for, from 0 to K - 1. Every fact has a training question.
    nothing : (m, C) float64
        States of questions that ask for nothing.

    Returns
    -------
    (q,) int
        Facts, or -1. (No two distances that matter are equal.)

    Hints
    -----
    1. Two different things are compared: whether a question is ours by single questions, which fact by means.
    2. ((x[:, None] - others) ** 2).sum(axis=2) has all squared distances, (q, number of others).
    3. Ours is where the least of those to `training` is below the least of those to `nothing`.
    4. np.where(ours, nearest_centroid, -1) puts both together.
    """
    raise NotImplementedError("your turn")


def sureness(logits, truth, level):
    """Measure how right a model is, how sure, and how often both sure and wrong. Easy, 10 minutes.

    What the model says is the token with the highest logit, and how sure it is of it is that token's softmax
    probability.

    Parameters
    ----------
    logits : (n, V) float64
        One row an answer. They may be as large as 1000.
    truth : (n,) int
        The right token of each.
    level : float
        A probability, such as 0.9.

    Returns
    -------
    dict
        "right": share of answers that are right; "probability": mean probability of what the model says;
        "sure_and_wrong": share, of all n answers, of those that are wrong and have a probability above the level. Three
        floats.

    Hints
    -----
    1. Softmax: exp of the logits, divided by the row's sum. Subtract the row's maximum before, or exp overflows.
    2. The highest probability of a row belongs to the token with the highest logit: max(axis=1), argmax(axis=1).
    3. The mean of an array of True and False is a share; & combines two of them.
    """
    raise NotImplementedError("your turn")
