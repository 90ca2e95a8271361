"""What a user types, rewritten as the questions that the model has learned are written.

    "Which money do people use in Peru?"    which money do people use in this place
    "PERU’S capital, please!"               this place 's capital please

The place goes behind the separator by its own name, so in the question stands "this place", whatever it is called.
"""

import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

from .places import APOSTROPHES, find_places

__all__ = ["Rewritten", "rewrite", "shortened"]

HERE = "this place"
OF = "'s"  # a word of its own behind a name
WITHOUT_APOSTROPHE = {"whats": "what's", "wheres": "where's", "whos": "who's", "im": "i'm", "ive": "i've", "id": "i'd"}


@dataclass(frozen=True)
class Rewritten:
    """A question as the model reads it.

    Attributes
    ----------
    question : str
        Words in lower case with single spaces between them, without punctuation and accents, with "this place" where
        a place was mentioned and "this place 's" for its possessive.
    places : tuple of Place
        The places that were mentioned, each once, in the order of their first mention.
    strange : tuple of str
        The words of the question that the tokenizer does not know and spells, in their order.
    """

    question: str
    places: tuple
    strange: tuple


def rewrite(text, places, tokenizer):
    """Rewrite a question as the model reads it.

    How many places there are is for the caller to judge: without one the question has no "this place", and the model
    can still tell what it asks for.

    Parameters
    ----------
    text : str
        Any. Time grows in proportion to its length.
    places : sequence of Place
    tokenizer : WordTokenizer

    Returns
    -------
    Rewritten

    Raises
    ------
    ValueError
        If the text has neither a letter nor a digit.
    TypeError
        If the text is no str.
    """
    mentions = find_places(text, places)
    pieces, behind = [], 0
    for _, start, stop in mentions:
        pieces += [_plain(text[behind:start]), " ", HERE, " "]
        behind = stop
        if _is_plural_possessive(text, start, stop):
            behind += 1
            pieces += [OF, " "]
    pieces.append(_plain(text[behind:]))
    known = frozenset(tokenizer.words)
    words = [part for word in "".join(pieces).split() for part in _parts(word, known)]
    if not any(any(map(str.isalnum, word)) for word in words):
        raise ValueError("the question has no words; ask for example: what is the capital of Peru?")
    return Rewritten(
        question=" ".join(words),
        places=tuple(dict.fromkeys(place for place, _, _ in mentions)),
        strange=tuple(word for word in words if word not in known),
    )


def shortened(rewritten, tokenizer, most_tokens):
    """Leave out words that the tokenizer spells, those with the most tokens first, until the question is short enough.

    Parameters
    ----------
    rewritten : Rewritten
    tokenizer : WordTokenizer
    most_tokens : int
        That the question alone may have, the separator and what follows not counted.

    Returns
    -------
    Rewritten
        The same one if it is short enough.
    left_out : tuple of str
        The words that are missing, in their order.

    Raises
    ------
    ValueError
        If nothing would be left, or the words that the tokenizer knows are too many.
    """
    words, known = rewritten.question.split(" "), frozenset(tokenizer.words)
    costs = [1 if word in known else len(tokenizer.encode(word)) for word in words]
    total, missing = sum(costs), set()
    for i in sorted((i for i, word in enumerate(words) if word not in known), key=lambda i: -costs[i]):
        if total <= most_tokens:
            break
        total -= costs[i]
        missing.add(i)
    if total > most_tokens or len(missing) == len(words):
        raise ValueError(f"the question is too long, {len(words)} words; ask for one fact in one short sentence")
    if not missing:
        return rewritten, ()
    kept = [word for i, word in enumerate(words) if i not in missing]
    left_out = tuple(words[i] for i in sorted(missing))
    strange = tuple(word for word in kept if word not in known)
    return replace(rewritten, question=" ".join(kept), strange=strange), left_out


def _is_plural_possessive(text, start, stop):
    """Say whether the mention text[start:stop] is followed by an apostrophe that means "of", as in "Laos' money".

    The apostrophe of "Peru's" needs nothing: what is left behind the name is "'s".
    """
    quoted = start > 0 and text[start - 1] in APOSTROPHES
    apostrophe, space, letter = text[stop : stop + 3].ljust(3)
    owns = apostrophe in APOSTROPHES and space.isspace() and letter.isalnum()
    return owns and text[stop - 1] in "sS" and not quoted


def _plain(text):
    """Return the text in lower case without accents, all but letters, digits and apostrophes made spaces."""
    return unicodedata.normalize("NFC", "".join(map(_plain_character, text)))


@lru_cache(maxsize=4096)
def _plain_character(character):
    """Return what stands for one character."""
    if character in APOSTROPHES:
        return "'"
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    letters = "".join(c for c in folded if unicodedata.category(c)[0] != "M" and unicodedata.category(c) != "Cf")
    if not letters and folded:
        return ""  # an accent or a soft hyphen inside a word
    return "".join(c if c.isalnum() else "'" if c in APOSTROPHES else " " for c in letters) or " "


def _parts(word, known):
    """Return the words that a word without spaces is read as: itself, or it and the possessive "'s", or none."""
    if word in known:
        return [word]
    word = word.strip("'")
    word = WITHOUT_APOSTROPHE.get(word, word)
    if word.endswith(OF) and word not in known:
        return [*_parts(word[: -len(OF)], known), OF]
    return [word] if word else []
