"""A small regular-expression grammar that can also be sampled, weighed and counted.

It is a subset of Python's `re`, and what it accepts means the same there:

    a  7            one symbol: an ASCII letter or digit
    [abc]           one of these symbols
    (ab|cd)         one of these alternatives; groups nest
    X?              X or nothing
    X{m,n}  X{m}    X between m and n times; X exactly m times

A pattern is more than a test here, it is a distribution over strings: every class, every alternative and every
number of repetitions is drawn uniformly. It is parsed into a tree of four kinds of node. One walk through the tree
does for matching, for probabilities and for counting, which differ in what they carry along. The tree knows
sequences of symbols only: a string is one, of letters, and a tuple of words is another (see `word_patterns`).
"""

import re
import string as characters
from dataclasses import dataclass

import numpy as np

__all__ = ["Pattern", "PatternError"]

LONGEST_STRING = 1_000  # symbols; what is repeated is at least one long, so this bounds the length of every walk
DEEPEST_NESTING = 50  # groups; a walk makes up to six calls a level, and Python's own limit is 1,000
STRING_LIMIT = 10_000  # distinct strings that are counted unless the caller says otherwise
EXCERPT = 40  # characters of a long pattern that an error shows on either side of the offending one

LITERALS = frozenset(characters.ascii_letters + characters.digits)
QUANTIFIER = re.compile(r"\{([0-9]{1,4})(?:,([0-9]{1,4}))?\}")  # four digits suffice for LONGEST_STRING
REFUSED = {
    "|": "'|' must stand in a group, as in (ab|cd)",
    ")": "')' closes no group",
    "?": "'?' has nothing to repeat",
    "{": "'{' has nothing to repeat",
}


class PatternError(ValueError):
    """A text is not a pattern. The message's first line says all; below it a caret points at the offending character.

    Parameters
    ----------
    pattern : str
        The whole text.
    position : int
        Index of the offending character, from 0 as in `re.error`.
    reason : str
        What is wrong there.
    """

    def __init__(self, pattern, position, reason):
        super().__init__(pattern, position, reason)  # these very arguments, or the error could not be unpickled
        self.pattern, self.position, self.reason = pattern, position, reason

    def __str__(self):
        start, stop = max(0, self.position - EXCERPT), self.position + EXCERPT + 1
        left, right = "..." if start else "", "..." if stop < len(self.pattern) else ""
        # One column a character, or the caret would stand under the wrong one.
        shown = "".join(c if c.isascii() and c.isprintable() else "_" for c in self.pattern[start:stop])
        caret = " " * (len(left) + self.position - start) + "^"
        excerpt = left + shown + right
        return f"pattern '{excerpt}': {self.reason}, at position {self.position}\n  {excerpt}\n  {caret}"


# The tree. Every kind of node has `longest`, the length of its longest string, and two methods:
#
# draw(rng, out) appends the symbols of a random string of the node to the list `out`.
#
# walk(step, mix, state) carries a state through the node, from before its strings to behind them. What a state is
# only the caller knows: step(state, symbols) is the state behind one of `symbols`, mix(n, states) unites the states
# of n choices. An empty state means that nothing gets there.
#
# In the formulas, X(i, j) is the probability that X writes exactly symbols[i:j]. As a matrix, X turns probabilities
# of where it begins into those of where it ends. Products and sums of matrices sum over all derivations of a string,
# so ambiguous patterns need no extra care.


@dataclass(frozen=True)
class _SymbolClass:
    """One of k symbols; a literal is a class of one.  X(i, i + 1) = 1/k if symbols[i] is among them, else 0."""

    symbols: str  # or a tuple of words
    longest: int = 1

    def draw(self, rng, out):
        out.append(self.symbols[rng.integers(len(self.symbols))] if len(self.symbols) > 1 else self.symbols[0])

    def walk(self, step, mix, state):
        return step(state, self.symbols)


@dataclass(frozen=True)
class _Concatenation:
    """One part after the other.  (A B)(i, j) = sum over k of A(i, k) B(k, j)."""

    parts: tuple
    longest: int

    def draw(self, rng, out):
        for part in self.parts:
            part.draw(rng, out)

    def walk(self, step, mix, state):
        for part in self.parts:
            state = part.walk(step, mix, state)
            if not state:  # most strings fail at the first symbol or two
                break
        return state


@dataclass(frozen=True)
class _Alternation:
    """One of k options.  X(i, j) = (A_1(i, j) + ... + A_k(i, j)) / k."""

    options: tuple
    longest: int

    def draw(self, rng, out):
        self.options[rng.integers(len(self.options))].draw(rng, out)

    def walk(self, step, mix, state):
        return mix(len(self.options), [option.walk(step, mix, state) for option in self.options])


@dataclass(frozen=True)
class _Repetition:
    """A body m to n times.  X(i, j) = (A^m + ... + A^n)(i, j) / (n - m + 1), A^0 being the identity."""

    body: object
    minimum: int
    maximum: int
    longest: int

    def draw(self, rng, out):
        for _ in range(rng.integers(self.minimum, self.maximum, endpoint=True)):
            self.body.draw(rng, out)

    def walk(self, step, mix, state):
        return mix(self.maximum - self.minimum + 1, self.rounds(step, mix, state))

    def rounds(self, step, mix, state):
        """Yield the states after minimum, ..., maximum rounds."""
        before = None
        for count in range(self.maximum + 1):
            if count >= self.minimum:
                yield state
            if count < self.maximum and state != before:  # a round that changed nothing is like all that follow
                before, state = state, self.body.walk(step, mix, state)


def _union(n, states):
    """Unite sets, the `mix` of all states that are sets."""
    total = set()
    for state in states:
        total |= state
    return total


class Parser:
    """Recursive descent: every method reads on from `position`, and but for the last three returns a node."""

    symbols = "a letter, digit, [abc]"
    class_refusal = "a class lists one or more letters or digits, as in [abc], without ranges or negation"

    def __init__(self, text):
        self.text, self.position = text, 0

    def sequence(self, depth=0):
        """Read parts up to the end, or of the group."""
        parts, longest = [], 0
        while self.next() and not (depth and self.next() in "|)"):
            start = self.position
            parts.append(self.quantified(depth))
            longest += parts[-1].longest
            too_long = f"strings would have up to {longest} symbols, expected at most {LONGEST_STRING}"
            self.check(longest <= LONGEST_STRING, start, too_long)
        unclosed = depth and not self.next()  # group will say so
        self.check(parts or unclosed, self.position, "nothing to match; 'ab or nothing' is (ab)?")
        return parts[0] if len(parts) == 1 else _Concatenation(tuple(parts), longest)

    def quantified(self, depth):
        """Read a symbol, class or group, and the quantifier behind it."""
        character = self.next()
        if character == "(":
            body = self.group(depth + 1)
        elif character == "[":
            body = self.symbol_class()
        else:
            other = f"{ascii(character)} is not {self.symbols}, (ab|cd), ?, {{m}} or {{m,n}}"
            body = _SymbolClass(self.literal(REFUSED.get(character, other)))
        if self.next() not in ("?", "{"):
            return body
        start = self.position
        match = QUANTIFIER.match(self.text, start)
        self.check(match or self.next() == "?", start, "a quantifier is ?, {m} or {m,n}, up to four digits each")
        minimum, maximum = (int(match[1]), int(match[2] or match[1])) if match else (0, 1)
        self.check(minimum <= maximum, start + 1, f"{{m,n}} needs m <= n, not {minimum} and {maximum}")
        self.check(maximum, start + 1, "0 repetitions match nothing")
        self.position = match.end() if match else start + 1
        self.check(self.next() not in ("?", "{"), self.position, "a quantifier on a quantifier needs a group")
        return _Repetition(body, minimum, maximum, maximum * body.longest)

    def group(self, depth):
        """Read alternatives in round brackets."""
        start = self.position
        self.check(depth <= DEEPEST_NESTING, start, f"groups nest more than {DEEPEST_NESTING} deep")
        options = []
        while not options or self.next() == "|":
            self.position += 1  # "(" or "|"
            options.append(self.sequence(depth))
        self.check(self.next(), start, "'(' is never closed")
        self.position += 1  # ")"
        longest = max(option.longest for option in options)
        return options[0] if len(options) == 1 else _Alternation(tuple(options), longest)

    def symbol_class(self):
        """Read symbols in square brackets."""
        start = self.position
        self.check("]" in self.text[start:], start, "'[' is never closed")
        self.position += 1  # "["
        symbols = self.literal(self.class_refusal)
        while self.next() != "]":
            start = self.position
            symbol = self.literal(self.class_refusal)
            self.check(symbol[0] not in symbols, start, f"{symbol[0]!r} is listed twice in its class")
            symbols += symbol
        self.position += 1  # "]"
        return _SymbolClass(symbols)

    def literal(self, refusal):
        """Read a sequence of one symbol. This is the only method that knows what a symbol looks like."""
        self.check(self.next() in LITERALS, self.position, refusal)
        self.position += 1
        return self.text[self.position - 1]

    def next(self):
        """Return the next character without reading it."""
        return self.text[self.position : self.position + 1]  # "" at the end

    def check(self, holds, position, reason):
        """Raise a PatternError unless what is asked for holds."""
        if not holds:
            raise PatternError(self.text, position, reason)


class Pattern:
    """A pattern of the grammar above and the distribution over strings it stands for; equal if the texts are.

    Parameters
    ----------
    text : str
        For example "ab?(cd|[ef]){1,3}".

    Raises
    ------
    PatternError
        If the text is outside the grammar, nests more than 50 groups or has strings of more than 1,000 symbols.
    TypeError
        If the text, or an argument of a method, is of the wrong type.
    """

    _parser = Parser
    _between = ""  # the symbols of a string

    def __init__(self, text):
        self.text = str(_checked("text", text, str, "a str"))  # a subclass such as np.str_ would show in the repr
        self._root = self._parser(self.text).sequence()

    def __repr__(self):
        return f"{type(self).__name__}({self.text!r})"

    def __eq__(self, other):
        return self.text == other.text if type(other) is type(self) else NotImplemented

    def __hash__(self):
        return hash(self.text)

    def _symbols(self, string):
        """Return the string as a sequence of symbols, which a string of letters is as it stands."""
        return _checked("string", string, str, "a str")

    def sample(self, rng):
        """Draw a string; numbers of repetitions, alternatives and symbols of a class are equally likely.

        Parameters
        ----------
        rng : np.random.Generator

        Returns
        -------
        str
        """
        symbols = []
        self._root.draw(_checked("rng", rng, np.random.Generator, "an np.random.Generator"), symbols)
        return self._between.join(symbols)

    def matches(self, string):
        """Say whether the whole string matches, as `re.fullmatch(text, string)` would.

        Parameters
        ----------
        string : str

        Returns
        -------
        bool
        """
        symbols = self._symbols(string)
        length = len(symbols)

        def step(positions, choices):
            return {i + 1 for i in positions if i < length and symbols[i] in choices}

        return length in self._root.walk(step, _union, {0})

    def probability(self, string, replaced=0.0, alphabet_size=None):
        """Return the probability that `sample` draws exactly this string, summed over all the ways to derive it.

        Parameters
        ----------
        string : str
        replaced : float
            The probability that a symbol, once drawn, is replaced by one drawn from an alphabet, itself included.
        alphabet_size : int, optional
            How many symbols there are, all of the pattern's and the string's among them; needed if `replaced` is not 0.

        Returns
        -------
        float
            0.0 for a string that does not match, and below 5e-324, which takes hundreds of choices to reach.

        Raises
        ------
        ValueError
            If `replaced` is no probability, or lacks an alphabet.
        """
        if not 0 <= replaced <= 1:
            raise ValueError(f"replaced = {replaced}, expected a probability, 0 to 1")
        if replaced and not alphabet_size:
            raise ValueError(f"alphabet_size = {alphabet_size}, expected the number of symbols that may replace one")
        anything = replaced / alphabet_size if replaced else 0.0  # of any symbol, wherever one stands
        symbols = self._symbols(string)
        length = len(symbols)

        def step(mass, choices):  # mass is {position: probability}
            kept = (1 - replaced) / len(choices)
            behind = {}
            for i, p in mass.items():
                one = (kept if i < length and symbols[i] in choices else 0.0) + anything
                if i < length and one:
                    behind[i + 1] = p * one
            return behind

        def mean(n, masses):
            total = {}
            for mass in masses:
                for i, p in mass.items():
                    total[i] = total.get(i, 0.0) + p / n
            return total

        return self._root.walk(step, mean, {0: 1.0}).get(length, 0.0)

    def count(self, limit=STRING_LIMIT):
        """Count the distinct strings, up to a limit.

        Parameters
        ----------
        limit : int
            At least 1. Time and memory grow in proportion.

        Returns
        -------
        int
            The smaller of the limit and the true number.

        Raises
        ------
        ValueError
            If the limit is less than 1.
        """
        if _checked("limit", limit, (int, np.integer), "a whole number of at least 1") < 1:
            raise ValueError(f"limit = {limit}, expected a whole number of at least 1")

        # A state is a set of distinct prefixes, so how many ways lead to one does not matter. Every node has a string
        # to append and so makes n prefixes into n or more: once there are `limit`, so will be in the end.
        def step(prefixes, choices):
            if len(prefixes) >= limit:
                return prefixes
            return {prefix + choices[k : k + 1] for prefix in prefixes for k in range(len(choices))}

        return min(len(self._root.walk(step, _union, {self._symbols("")})), int(limit))


def _checked(name, value, kind, expected):
    """Return the value if it is of that kind, or say in one line what it is."""
    if not isinstance(value, kind):
        shown = " ".join(repr(value).split())[:EXCERPT]  # the repr of an array has many lines
        raise TypeError(f"{name} = {shown} ({type(value).__name__}), expected {expected}")
    return value
