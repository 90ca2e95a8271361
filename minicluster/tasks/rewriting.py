"""STAND-IN for the module that another part of the work delivers: what a user typed, as the model reads it."""

import re
from dataclasses import dataclass

from .places import find_places

WORD = re.compile(r"\w+(?:'\w+)?|'s\b")


@dataclass(frozen=True)
class Rewritten:
    """A question as the model reads it, the places that it mentions, and the words that the tokenizer spells."""

    question: str
    places: tuple
    strange: tuple


def rewrite(text, places, tokenizer):
    """Return the Rewritten of a text."""
    if not any(character.isalnum() for character in text):
        raise ValueError(f"the question is {text!r}, expected words, such as 'what is the capital of Peru?'")
    found, pieces, last = [], [], 0
    for place, start, stop in find_places(text, places):
        pieces += [text[last:start], " this place "]
        last = stop
        if place not in found:
            found.append(place)
    whole = "".join([*pieces, text[last:]]).lower().replace("\u2019", "'")
    question = " ".join(WORD.findall(whole))
    return Rewritten(question, tuple(found), strange_of(question, tokenizer))


def shortened(rewritten, tokenizer, most_tokens):
    """Return the Rewritten without its longest strange words, so that it has at most so many tokens; and these."""
    words, left_out = rewritten.question.split(" "), []
    strange = sorted(dict.fromkeys(rewritten.strange), key=len, reverse=True)
    while len(tokenizer.encode(" ".join(words))) > most_tokens:
        if not strange:
            raise ValueError(f"the question has too many words, expected at most {most_tokens}")
        left_out.append(strange.pop(0))
        words = [word for word in words if word != left_out[-1]]
    question = " ".join(words)
    return Rewritten(question, rewritten.places, strange_of(question, tokenizer)), tuple(left_out)


def strange_of(question, tokenizer):
    return tuple(word for word in question.split(" ") if word not in tokenizer.words)
