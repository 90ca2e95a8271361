"""The grammar of `patterns` over words: patterns of English sentences.

    it's  7           one word: lower-case ASCII letters, digits and apostrophes
    what is           one word after the other; so many spaces as one likes stand between them
    [red green]       one of these words
    (the|a small)     one of these alternatives; groups nest
    please?           the word, class or group before it, or nothing
    X{m,n}  X{m}      X between m and n times; X exactly m times

A space separates words and means nothing else: it may stand before and behind whatever is not a word, and need not.
What draws, matches, weighs and counts is the same as for letters. Only the parser and the strings differ.
"""

import re

from .patterns import Parser, Pattern

__all__ = ["WordPattern"]

WORD = re.compile("[a-z0-9']+")


class _WordParser(Parser):
    """The same descent, where a symbol is a word and spaces are skipped before whatever comes next."""

    symbols = "a lower-case letter, digit, apostrophe, [red green]"
    class_refusal = "a class lists one or more words of lower-case letters, digits and apostrophes, as in [red green]"

    def literal(self, refusal):
        """Read a sequence of one symbol, a tuple with one word."""
        self.next()
        word = WORD.match(self.text, self.position)
        self.check(word, self.position, refusal)
        self.position = word.end()
        return (word[0],)

    def next(self):
        while self.text.startswith(" ", self.position):
            self.position += 1
        return super().next()


class WordPattern(Pattern):
    """A pattern over words and the distribution over strings it stands for; equal if the texts are.

    Its methods are those of `Pattern`; a symbol is a word, and a string is words with single spaces between them. No
    other string matches, neither "red  green" nor " red". A `WordPattern` never equals a `Pattern`.

    Parameters
    ----------
    text : str
        For example "(state|tell me) the [capital currency] of this place please?".

    Raises
    ------
    PatternError
        If the text is outside the grammar, nests more than 50 groups or has strings of more than 1,000 words.
    TypeError
        If the text, or an argument of a method, is of the wrong type.
    """

    _parser = _WordParser
    _between = " "

    def __init__(self, text):
        super().__init__(text)
        self._words = frozenset(WORD.findall(self.text))  # and the numbers in braces, which do no harm

    def matches(self, string):
        """Say whether the whole string matches; see `Pattern.matches`.

        A word that the pattern lacks decides it, without a walk: most sentences of other patterns have one.
        """
        return self._words.issuperset(self._symbols(string)) and super().matches(string)

    def _symbols(self, string):
        """Return the string as a tuple of words; two spaces in a row have between them "", which is no word."""
        string = super()._symbols(string)
        return tuple(string.split(" ")) if string else ()
