"""Real places: text from tokens, what to answer and when to say nothing, and how sure a wrong answer is."""

import numpy as np

from ..exercise import Exercise, Mistake, numbers

SPELL = 256  # the token that says "letters follow"; those below are bytes, those above are known words
KNOWN = ("the", "capital", "of", "this", "place", "money", "who", "is")
UNKNOWN = ("narnia", "perú", "kapital", "zürich", "utopia", "日本")


def _draw_tokens(rng, size):
    words = [str(word) for word in rng.permutation(KNOWN)[: 2 + size % 5]]
    tokens = []
    for _ in range(size + 1):
        if rng.random() < 0.4:
            tokens.append(SPELL + 1 + rng.integers(len(words)))
        else:
            tokens += [SPELL, *rng.choice(UNKNOWN).encode("utf-8")]
    return {"tokens": np.array(tokens, np.int64), "words": words}


def text_of(tokens, words):
    """Text that the tokens came from."""
    return " ".join(_pieces(tokens, words))


def _pieces(tokens, words, read=lambda spelled: spelled.decode("utf-8"), joined=False, at_end=True):
    """Words that the tokens came from; the arguments behind `words` make mistakes."""
    found, spelled = [], None
    for token in [*tokens, None]:
        if token is not None and token < SPELL:
            spelled.append(token)
            continue
        if spelled is not None and not (joined and token == SPELL) and (at_end or token is not None):
            found.append(read(bytes(int(byte) for byte in spelled)))
            spelled = None
        if token == SPELL:
            spelled = spelled if joined and spelled else []
        elif token is not None:
            found.append(words[token - SPELL - 1])
    return found


def _letter_by_letter(tokens, words):
    return " ".join(
        words[token - SPELL - 1] if token > SPELL else chr(token) for token in tokens.tolist() if token != SPELL
    )


def _draw_questions(rng, size):
    q, K, C = size + 1, 1 + (size + 1) // 2, 2 + size % 2
    n, m = 2 * K + size, K + 1
    fact = rng.permutation(np.arange(n) % K)  # every fact has a question
    while True:
        x, training, nothing = (numbers(rng, size, count, C) for count in (q, n, m))
        centroids = np.array([training[fact == k].mean(axis=0) for k in range(K)])
        nearest = np.stack([_squared(x, other).min(axis=1) for other in (training, nothing)], axis=1)  # (q, 2)
        to_centroids = np.sort(_squared(x, centroids), axis=1)
        if (np.abs(np.diff(nearest)) > 1e-6).all() and (np.diff(to_centroids) > 1e-6).all():  # no ties
            return {"x": x, "training": training, "fact": fact, "nothing": nothing}


def _squared(x, others):
    return ((x[:, None] - others) ** 2).sum(axis=2)


def _centroids(training, fact):
    return np.array([training[fact == k].mean(axis=0) for k in range(fact.max() + 1)])


def fact_or_nothing(x, training, fact, nothing):
    """Fact of the nearest centroid, -1 where a question that asks for nothing is nearest."""
    ours = _squared(x, training).min(axis=1) <= _squared(x, nothing).min(axis=1)
    return np.where(ours, _squared(x, _centroids(training, fact)).argmin(axis=1), -1)


def _by_centroid(x, training, fact, nothing):
    to_centroids = _squared(x, _centroids(training, fact))
    return np.where(to_centroids.min(axis=1) <= _squared(x, nothing).min(axis=1), to_centroids.argmin(axis=1), -1)


def _by_neighbour(x, training, fact, nothing):
    ours = _squared(x, training)
    return np.where(ours.min(axis=1) <= _squared(x, nothing).min(axis=1), fact[ours.argmin(axis=1)], -1)


def _by_mean_of_nothing(x, training, fact, nothing):
    both = np.vstack([_centroids(training, fact), nothing.mean(axis=0)])
    nearest = _squared(x, both).argmin(axis=1)
    return np.where(nearest < len(both) - 1, nearest, -1)


def _turned_round(x, training, fact, nothing):
    ours = _squared(x, training).min(axis=1) <= _squared(x, nothing).min(axis=1)
    return np.where(ours, -1, _squared(x, _centroids(training, fact)).argmin(axis=1))


def _each_is_where_it_belongs(function, inputs, got):
    x, training, nothing = inputs["x"], inputs["training"], inputs["nothing"]
    ours, other = (np.sqrt(_squared(x, those).min(axis=1)) for those in (training, nothing))
    for i, says in enumerate(np.asarray(got).tolist()):
        if (says == -1) == (ours[i] < other[i]):
            return (
                f"question {i} gets {says}; its distance to the nearest of `training` is {ours[i]:.3g}, to the nearest "
                f"of `nothing` {other[i]:.3g}, so it is {'ours' if ours[i] < other[i] else 'outside'}"
            )
        to_centroids = np.sqrt(_squared(x[i : i + 1], _centroids(training, inputs["fact"]))[0])
        if says != -1 and says != to_centroids.argmin():
            shown = ", ".join(f"{distance:.3g}" for distance in to_centroids)
            return f"question {i} gets {says}; its distances to the facts' centroids, from fact 0 on, are {shown}"
    return None


def _draw_answers(rng, size):
    n, V = size + 3, 3 + size % 3
    while True:
        logits = rng.permuted(np.tile(np.arange(-3.0, 4.0), (n, 1)), axis=1)[:, :V]  # no two are alike
        if size > 2:
            logits = logits + np.round(rng.random((n, V)) / 2, 2)
        truth = np.where(rng.random(n) < 0.5, logits.argmax(axis=1), rng.integers(V, size=n))
        share = (logits.argmax(axis=1) == truth).mean()
        if 0 < share < 1:
            return {"logits": logits, "truth": truth, "level": float(rng.choice([0.5, 0.75, 0.9]))}


def _said(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return logits.argmax(axis=1), e / e.sum(axis=1, keepdims=True)


def sureness(logits, truth, level):
    """Share right, mean probability of what is said, share wrong and surer than the level."""
    said, shares = _said(logits)
    sure = shares.max(axis=1)
    return {
        "right": float((said == truth).mean()),
        "probability": float(sure.mean()),
        "sure_and_wrong": float(((said != truth) & (sure > level)).mean()),
    }


def _probability_of_truth(logits, truth, level):
    shares = _said(logits)[1]
    return sureness(logits, truth, level) | {"probability": float(shares[np.arange(len(truth)), truth].mean())}


def _of_the_wrong(logits, truth, level):
    said, shares = _said(logits)
    return sureness(logits, truth, level) | {
        "sure_and_wrong": float((shares.max(axis=1) > level)[said != truth].mean())
    }


def _of_the_sure(logits, truth, level):
    said, shares = _said(logits)
    sure = shares.max(axis=1) > level
    share = float((said != truth)[sure].mean()) if sure.any() else np.nan
    return sureness(logits, truth, level) | {"sure_and_wrong": share}


def _all_sure(logits, truth, level):
    return sureness(logits, truth, level) | {"sure_and_wrong": float((_said(logits)[1].max(axis=1) > level).mean())}


def _logits_for_probabilities(logits, truth, level):
    said, highest = logits.argmax(axis=1), logits.max(axis=1)
    return sureness(logits, truth, level) | {
        "probability": float(highest.mean()),
        "sure_and_wrong": float(((said != truth) & (highest > level)).mean()),
    }


def _large_logits_do_no_harm(function, inputs, got):
    with np.errstate(all="ignore"):
        again = function(**inputs | {"logits": inputs["logits"] + 1000})["probability"]
    if not abs(again - got["probability"]) < 1e-6:
        return (
            f"with 1000 added to all logits 'probability' is {again:.6g} instead of {got['probability']:.6g}: subtract "
            "each row's maximum before exp"
        )
    return None


EXERCISES = (
    Exercise(
        name="text_of",
        draw=_draw_tokens,
        answer=text_of,
        mistakes=(
            Mistake(
                "turns each byte into a letter by itself, but some letters have several: gather a word's bytes, then "
                'bytes(gathered).decode("utf-8")',
                lambda tokens, words: " ".join(_pieces(tokens, words, lambda spelled: "".join(map(chr, spelled)))),
            ),
            Mistake(
                "joins spelled words that follow one another: token 256 ends the word before it, too",
                lambda tokens, words: " ".join(_pieces(tokens, words, joined=True)),
            ),
            Mistake(
                "loses a spelled word at the very end: no token comes behind it, so end it after the loop",
                lambda tokens, words: " ".join(_pieces(tokens, words, at_end=False)),
            ),
            Mistake("puts a space between the letters of a spelled word", _letter_by_letter),
            Mistake("puts no space between words", lambda tokens, words: "".join(_pieces(tokens, words))),
        ),
    ),
    Exercise(
        name="fact_or_nothing",
        draw=_draw_questions,
        answer=fact_or_nothing,
        rules=(_each_is_where_it_belongs,),
        core=True,
        mistakes=(
            Mistake(
                "always names a fact: every state is nearest to some centroid, also one that asks for nothing. Give -1 "
                "where a question of `nothing` is nearer than all of `training`",
                lambda x, training, fact, nothing: _squared(x, _centroids(training, fact)).argmin(axis=1),
            ),
            Mistake(
                "compares the distance to a centroid with that to a single question, but a mean is mostly farther away "
                "than the nearest of its questions: compare the nearest of `training` with the nearest of `nothing`",
                _by_centroid,
            ),
            Mistake(
                "gives the fact of the nearest training question: once a question is ours, the nearest centroid says "
                "which",
                _by_neighbour,
            ),
            Mistake(
                "takes the mean of `nothing` for one more centroid: these questions have nothing in common, so ask for "
                "the nearest of them",
                _by_mean_of_nothing,
            ),
            Mistake("gives -1 to questions that are ours, and a fact to those that are not", _turned_round),
        ),
    ),
    Exercise(
        name="sureness",
        draw=_draw_answers,
        answer=sureness,
        rules=(_large_logits_do_no_harm,),
        mistakes=(
            Mistake(
                "takes the probability of the true answer: how sure the model is, shows in that of what it says",
                _probability_of_truth,
            ),
            Mistake("gives the sure ones' share among the wrong answers: it is asked among all answers", _of_the_wrong),
            Mistake("gives the wrong ones' share among the sure answers: it is asked among all answers", _of_the_sure),
            Mistake("counts all sure answers: only those that are wrong as well", _all_sure),
            Mistake("takes logits for probabilities: softmax makes them such", _logits_for_probabilities),
        ),
    ),
)
