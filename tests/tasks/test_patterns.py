"""Patterns against Python's `re`, exact distributions in fractions and hand-computed cases."""

import math
import pickle
import re
from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.tasks import patterns
from minicluster.tasks.patterns import Pattern, PatternError

LETTERS = "ab1"
FOREIGN = "c"  # no generated pattern has it
MOST_STRINGS = 300  # of a generated pattern, so that its distribution can be written out
LONGEST = 12  # symbols of its strings, so that `re` can't backtrack for long
# A probability is a sum of positive terms, each with at most some hundred roundings of 2**-53 = 1.1e-16.
RELATIVE = 1e-12


# ---- Random patterns. Each is generated with its exact distribution over strings, which is computed string by
# ---- string in fractions; the code under test works by positions in one given string, in floats.


class Known(NamedTuple):
    text: str
    strings: dict  # {string: Fraction}

    def fits(self):
        return len(self.strings) <= MOST_STRINGS and max(map(len, self.strings)) <= LONGEST


def one_of(letters):
    return {letter: Fraction(1, len(letters)) for letter in letters}


def followed_by(first, second):
    total = Counter()
    for a, p in first.items():
        for b, q in second.items():
            total[a + b] += p * q
    return dict(total)


def average(distributions):
    total = Counter()
    for distribution in distributions:
        for string, p in distribution.items():
            total[string] += p / len(distributions)
    return dict(total)


QUANTIFIERS = {"?": (0, 1), "{1}": (1, 1), "{2}": (2, 2), "{0,2}": (0, 2), "{1,2}": (1, 2), "{2,3}": (2, 3)}


def quantified(unit, quantifier):
    minimum, maximum = QUANTIFIERS[quantifier]
    powers = [{"": Fraction(1)}]
    for _ in range(maximum):
        powers.append(followed_by(powers[-1], unit.strings))
        if not Known("", powers[-1]).fits():
            return unit  # too large to write out: leave the quantifier away
    result = Known(unit.text + quantifier, average(powers[minimum:]))
    return result if result.fits() else unit


def sequence(units):
    whole = units[0]
    for unit in units[1:]:
        longer = Known(whole.text + unit.text, followed_by(whole.strings, unit.strings))
        whole = longer if longer.fits() else whole
    return whole


def group(options):
    result = Known("(" + "|".join(option.text for option in options) + ")", average([o.strings for o in options]))
    return result if result.fits() else Known(f"({options[0].text})", options[0].strings)


def sequences(units):
    parts = units | st.builds(quantified, units, st.sampled_from(sorted(QUANTIFIERS)))
    return st.lists(parts, min_size=1, max_size=4).map(sequence)


literals = st.sampled_from(LETTERS).map(lambda letter: Known(letter, one_of(letter)))
classes = st.lists(st.sampled_from(LETTERS), min_size=1, unique=True).map(
    lambda letters: Known("[" + "".join(letters) + "]", one_of(letters))
)
units = st.recursive(
    literals | classes, lambda inner: st.lists(sequences(inner), min_size=1, max_size=3).map(group), max_leaves=8
)
knowns = sequences(units)


@st.composite
def knowns_and_strings(draw):
    """A pattern and a string: one of the pattern's own, one that differs by a letter, or any."""
    known = draw(knowns)
    own = draw(st.sampled_from(sorted(known.strings)))
    cut = draw(st.integers(0, len(own)))
    letter = draw(st.sampled_from(LETTERS + FOREIGN))
    before, behind = own[:cut], own[cut + 1 :]
    changed = st.sampled_from([before + letter + own[cut:], before + behind, before + letter + behind])
    return known, draw(st.just(own) | changed | st.text(LETTERS + FOREIGN, max_size=LONGEST))


@given(knowns_and_strings())
def test_matches_agrees_with_re(case):
    known, string = case
    assert Pattern(known.text).matches(string) is (re.fullmatch(known.text, string) is not None)


@given(knowns_and_strings())
def test_probability_agrees_with_exact_fractions(case):
    known, string = case
    expected = known.strings.get(string, 0)
    probability = Pattern(known.text).probability(string)
    assert abs(probability - float(expected)) <= RELATIVE * expected  # so exactly 0.0 where nothing matches


@given(knowns)
def test_probabilities_of_all_strings_sum_to_one(known):
    pattern = Pattern(known.text)
    assert abs(math.fsum(map(pattern.probability, known.strings)) - 1) <= RELATIVE


@given(knowns, st.integers(1, MOST_STRINGS + 1))
def test_count_is_the_number_of_distinct_strings_up_to_the_limit(known, limit):
    pattern = Pattern(known.text)
    assert pattern.count() == len(known.strings)
    assert pattern.count(limit) == min(len(known.strings), limit)


@given(knowns, st.integers(0, 2**32))
def test_samples_are_strings_of_the_pattern(known, seed):
    pattern = Pattern(known.text)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        string = pattern.sample(rng)
        assert type(string) is str and string in known.strings and pattern.matches(string)


def test_sample_frequencies_agree_with_probability():
    # Pattern with every kind of choice, ambiguous ("a" is written in several ways). A count is binomial: the bound is
    # five standard deviations, which a right sampler passes for all of some 60 strings in 99.99 % of seeds.
    pattern, n = Pattern("a?(b|[ab1]|a{2,4}){0,2}"), 40_000
    rng = np.random.default_rng(2)
    counts = Counter(pattern.sample(rng) for _ in range(n))
    assert math.fsum(map(pattern.probability, counts)) > 0.999  # next to nothing is never drawn
    for string, count in counts.items():
        p = pattern.probability(string)
        assert abs(count - n * p) <= 5 * math.sqrt(n * p * (1 - p)), string


def test_same_seed_same_samples():
    pattern = Pattern("[abc]{1,9}(de|f?){2}")
    one, other = np.random.default_rng(5), np.random.default_rng(5)
    first = [pattern.sample(one) for _ in range(20)]
    assert first == [pattern.sample(other) for _ in range(20)]
    assert len(set(first)) > 10


@pytest.mark.parametrize(
    "text, string, expected",
    [
        ("ab1", "ab1", 1),
        ("[abc]", "b", 1 / 3),
        ("[abc]{2}", "ca", 1 / 9),
        ("x{1,3}", "xx", 1 / 3),
        ("x{2}", "xx", 1),
        ("a?", "", 1 / 2),
        ("a?a?", "", 1 / 4),
        ("a?a?", "a", 1 / 2),
        ("a?a?", "aa", 1 / 4),
        ("(a|a)", "a", 1),
        ("(a|b|cd)", "cd", 1 / 3),
        ("(a|(b|cd))", "cd", 1 / 4),
        ("ab?(cd|[ef])", "abe", 1 / 8),
        # One or two rounds, 1/2 each; in a round "a" or "aa", 1/2 each.
        ("(a|aa){1,2}", "a", 1 / 4),
        ("(a|aa){1,2}", "aa", 1 / 4 + 1 / 8),
        ("(a|aa){1,2}", "aaa", 2 / 8),
        ("(a|aa){1,2}", "aaaa", 1 / 8),
        ("(a?){1,2}", "", 1 / 4 + 1 / 8),
        ("(a?){1,2}", "a", 1 / 4 + 2 / 8),
        # Three rounds of which none can change anything after the first: the mean still has three terms.
        ("(a?){0,3}", "", (1 + 1 / 2 + 1 / 4 + 1 / 8) / 4),
        ("a?", "b", 0),
        ("a{2,3}", "a", 0),
        ("a", "", 0),
        ("a", "aa", 0),
    ],
)
def test_probabilities_by_hand(text, string, expected):
    assert Pattern(text).probability(string) == pytest.approx(expected, rel=RELATIVE, abs=0)


@pytest.mark.parametrize(
    "text, expected",
    [("a", 1), ("a?", 2), ("a?a?", 3), ("(a|aa){1,2}", 4), ("[abc]{2}", 9), ("(ab|[ab]b)", 2), ("(a?){1,30}", 31)],
)
def test_counts_by_hand(text, expected):
    assert Pattern(text).count() == expected


def test_count_stops_at_its_limit():
    pattern = Pattern("[ab]{13}")  # 8,192 strings
    assert [pattern.count(limit) for limit in (1, 8_191, 8_192, 8_193)] == [1, 8_191, 8_192, 8_192]
    assert Pattern("[ab]{14}").count() == 10_000
    assert type(pattern.count(np.int64(5))) is int


# ---- What is refused


@pytest.mark.parametrize(
    "text, position",
    [
        ("", 0),
        ("a|b", 1),
        ("|a", 0),
        ("(a|b)|c", 5),
        ("()", 1),
        ("a()", 2),
        ("(|a)", 1),
        ("(a|)", 3),
        ("(a||b)", 3),
        ("(a", 0),
        ("x(a|b", 1),
        ("x(a|", 1),
        ("(", 0),
        ("(a(b)", 0),
        ("((a)", 0),
        (")", 0),
        ("a)", 1),
        ("(a))", 3),
        ("[]", 1),
        ("[", 0),
        ("a[bc", 1),
        ("a]", 1),
        ("[a]]", 3),
        ("[[a]]", 1),
        ("[a-c]", 2),
        ("[-a]", 1),
        ("[^ab]", 1),
        ("[a|b]", 2),
        ("[a b]", 2),
        ("[aba]", 3),
        ("[11]", 2),
        ("ab{3,2}", 3),
        ("a{0,0}", 2),
        ("a{0}", 2),
        ("a{,2}", 1),
        ("a{2,}", 1),
        ("a{}", 1),
        ("a{,}", 1),
        ("a{x}", 1),
        ("a{1", 1),
        ("a{1,2", 1),
        ("a{-1}", 1),
        ("a{1, 2}", 1),
        ("a{1,2,3}", 1),
        ("a{\u0663}", 1),  # a digit, but not an ASCII one
        ("a}", 1),
        ("?", 0),
        ("{2}", 0),
        ("(?a)", 1),
        ("(?:a)", 1),
        ("(a|?)", 3),
        ("a??", 2),
        ("a{1,2}?", 6),
        ("a?{2}", 2),
        ("a{2}{3}", 4),
        ("a?+", 2),
        ("a*", 1),
        ("a+", 1),
        ("a.", 1),
        ("a\\d", 1),
        ("^a", 0),
        ("a$", 1),
        ("a b", 1),
        (" a", 0),
        ("a\n", 1),
        ("a_b", 1),
        ("a,b", 1),
        ("a-b", 1),
        ("\u00e4", 0),
        ("a\u0660", 1),
        ("a\x00", 1),
        ("a{1001}", 0),
        ("ba{99999}", 2),  # more than four digits
        ("ba{" + "9" * 5_000 + "}", 2),  # more digits than int() takes
        ("a{600}b{600}", 6),
        ("c(ab{500}){2}", 1),
        ("(a{600}|b)c{600}", 10),
        ("(b|a{600})c{600}", 10),
        ("a" * 1_001, 1_000),
        ("(" * 51 + "a" + ")" * 51, 50),
        ("(" * 5_000 + "a" + ")" * 5_000, 50),
        ("(" * 5_000, 50),
    ],
)
def test_what_is_outside_the_grammar_is_refused_where_it_stands(text, position):
    with pytest.raises(PatternError) as caught:
        Pattern(text)
    error = caught.value
    assert (error.pattern, error.position) == (text, position)
    headline, excerpt, caret = str(error).split("\n")
    assert headline.startswith("pattern '") and headline.endswith(f", at position {position}")
    assert str(error).isascii() and len(headline) < 250
    under = excerpt[caret.index("^") : caret.index("^") + 1]
    assert caret.strip() == "^" and under in (text[position : position + 1], "_")


@pytest.mark.parametrize(
    "text, reason",
    [
        ("a|b", "must stand in a group"),
        ("()", "'ab or nothing' is (ab)?"),
        ("(a", "'(' is never closed"),
        ("[a", "'[' is never closed"),
        ("a)", "')' closes no group"),
        ("[a-c]", "without ranges"),
        ("[aa]", "'a' is listed twice"),
        ("?", "nothing to repeat"),
        ("a{0}", "0 repetitions"),
        ("a{2,}", "{m,n}"),
        ("a??", "a quantifier on a quantifier needs a group"),
        ("a*", "'*' is not a letter, digit, [abc], (ab|cd), ?, {m} or {m,n}"),
        ("\u00e4", r"'\xe4' is not a letter"),
        ("a{800}b{800}", "up to 1600 symbols, expected at most 1000"),
        ("(" * 51, "more than 50 deep"),
    ],
)
def test_the_reason_says_what_is_wrong(text, reason):
    with pytest.raises(PatternError) as caught:
        Pattern(text)
    assert reason in str(caught.value).split("\n")[0]


@given(st.text("ab1[](){}|?,02-^*+. ", max_size=12))
def test_any_text_is_a_pattern_that_re_agrees_with_or_refused(text):
    try:
        pattern = Pattern(text)
    except PatternError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert re.fullmatch(r"[ab102,[\](){}|?]+", text)
        assert re.fullmatch(text, pattern.sample(np.random.default_rng(0)))


def test_the_first_line_of_an_error_is_enough():
    with pytest.raises(PatternError) as caught:
        Pattern("ab{3,2}")
    assert str(caught.value) == ("pattern 'ab{3,2}': {m,n} needs m <= n, not 3 and 2, at position 3\n  ab{3,2}\n     ^")


def test_errors_show_an_excerpt_of_a_long_pattern():
    with pytest.raises(PatternError) as caught:
        Pattern("a" * 100 + "*" + "b" * 100)
    shown = "..." + "a" * 40 + "*" + "b" * 40 + "..."
    assert str(caught.value).split("\n")[1:] == ["  " + shown, " " * (2 + 3 + 40) + "^"]


def test_errors_survive_pickling():
    error = PatternError("a*", 1, "no")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.pattern, copy.position) == (str(error), "a*", 1)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda p: Pattern(5), TypeError, "text = 5 (int), expected a str"),
        (lambda p: Pattern(None), TypeError, "text = None (NoneType), expected a str"),
        (lambda p: Pattern(b"ab"), TypeError, "text = b'ab' (bytes), expected a str"),
        (lambda p: p.matches(5), TypeError, "string = 5 (int), expected a str"),
        (lambda p: p.matches(np.zeros((2, 1))), TypeError, "string = array([[0.], [0.]]) (ndarray), expected a str"),
        (lambda p: p.probability(["a"]), TypeError, "string = ['a'] (list), expected a str"),
        (lambda p: p.sample(None), TypeError, "rng = None (NoneType), expected an np.random.Generator"),
        (lambda p: p.sample(0), TypeError, "rng = 0 (int), expected an np.random.Generator"),
        (lambda p: p.count(0), ValueError, "limit = 0, expected a whole number of at least 1"),
        (lambda p: p.count(-3), ValueError, "limit = -3, expected a whole number of at least 1"),
        (lambda p: p.count(2.5), TypeError, "limit = 2.5 (float), expected a whole number of at least 1"),
    ],
)
def test_bad_arguments_get_one_line_with_name_value_and_what_was_expected(call, kind, message):
    with pytest.raises(kind) as caught:
        call(Pattern("a"))
    assert str(caught.value) == message


# ---- Patterns that blow up elsewhere


@pytest.fixture
def steps(monkeypatch):
    """Count how often a symbol of a pattern is looked at; a timer would judge the machine instead."""
    counter = Counter()
    walk = patterns._SymbolClass.walk

    def counted(self, step, mix, state):
        counter["steps"] += 1
        assert len(state) <= 2 * patterns.STRING_LIMIT  # full, but for the symbols of one class
        return walk(self, step, mix, state)

    monkeypatch.setattr(patterns._SymbolClass, "walk", counted)
    return counter


@pytest.mark.parametrize(
    "text, written_out",  # how many symbols the pattern has when every repetition is written out at full length
    [
        ("(a?){1,30}", 30),
        ("(a|a){1,30}", 60),
        ("(a|aa){1,30}", 90),
        ("((a?){1,30}){1,30}", 900),
        ("((a{0,5}){0,5}){0,5}", 125),
        ("((a|ab)(b|ba)?){30}", 180),
        ("(((((((((a?){2}){2}){2}){2}){2}){2}){2}){2}){2}", 512),
    ],
)
@pytest.mark.parametrize("string", ["a" * 30, "a" * 30 + "b", "a" * 30 + "c"])
def test_no_symbol_is_looked_at_twice_for_one_place_in_the_written_out_pattern(text, written_out, string, steps):
    pattern = Pattern(text)
    for call in (lambda: pattern.matches(string), lambda: pattern.probability(string), pattern.count):
        steps.clear()
        call()
        assert 0 < steps["steps"] <= written_out


def test_matching_stops_when_no_position_is_left_or_none_is_new(steps):
    for text, string, most in [
        ("abcdefgh", "zbcdefgh", 1),
        ("[abc][abc][abc]", "az", 2),
        ("a{1000}", "aaa", 5),
        ("(a?){1,1000}", "aaa", 5),
        ("(a?){1000}", "aaa", 5),
    ]:
        steps.clear()
        Pattern(text).matches(string)
        assert 0 < steps["steps"] <= most, text


def test_pathological_patterns_have_the_right_answers():
    pattern = Pattern("((a?){1,30}){1,30}")
    assert pattern.matches("a" * 900) and not pattern.matches("a" * 901)
    assert not pattern.matches("a" * 40 + "b")
    assert pattern.probability("a" * 40 + "b") == 0.0
    assert Pattern("(a|a){1,30}").probability("a" * 30) == pytest.approx(1 / 30, rel=RELATIVE)
    assert Pattern("(a|aa){1,30}").count() == 60


def test_underflow_does_not_turn_a_match_into_a_mismatch():
    pattern = Pattern("[abcdefgh]{1000}")  # 8**-1000 is about 1e-903
    assert pattern.matches("abcdefgh" * 125)
    assert pattern.probability("abcdefgh" * 125) == 0.0


def test_largest_patterns_that_are_allowed():
    text = "a"
    for _ in range(patterns.DEEPEST_NESTING):
        text = f"({text}b?|c)?"
    pattern = Pattern(text)
    string = "a" + "b" * patterns.DEEPEST_NESTING
    assert pattern.matches(string) and not pattern.matches(string + "b")
    # Outside in: each level is there (1/2), is the first alternative (1/2) and has its "b" (1/2).
    assert pattern.probability(string) == 0.5 ** (3 * patterns.DEEPEST_NESTING)
    assert pattern.matches(pattern.sample(np.random.default_rng(0)))
    # A "b" a level around the "a", the "c" or the empty level: 51 strings a..., 50 c..., 50 of "b" only or empty.
    assert pattern.count() == 151
    assert Pattern("a" * 1_000).matches("a" * 1_000)
    assert Pattern("a{400}b{600}").matches("a" * 400 + "b" * 600)
    assert Pattern("a{1000}").count() == 1


# ---- The object


def test_equality_hash_and_repr_go_by_the_text():
    pattern = Pattern("a[bc]")
    assert pattern == Pattern("a[bc]") and hash(pattern) == hash(Pattern("a[bc]"))
    assert pattern != Pattern("a[cb]")  # the same strings, but another text
    assert pattern != "a[bc]"
    assert pattern.text == "a[bc]" and repr(pattern) == "Pattern('a[bc]')"
    assert repr(Pattern(np.str_("a"))) == "Pattern('a')"
    assert Pattern("[ab]").matches(np.str_("a"))


def test_the_tree_works_on_words_as_on_letters():
    class Words(Pattern):
        def __init__(self):
            choices = ("where",), ("is", "was"), ("rome", "is", "oslo")
            where, verb, place = map(patterns._SymbolClass, choices)
            self._root = patterns._Concatenation((where, verb, patterns._Repetition(place, 0, 1, 1)), 3)

        def _symbols(self, string):
            return tuple(string.split())

    words = Words()
    assert words.matches("where is rome") and not words.matches("where is i") and not words.matches("whereis rome")
    assert words.probability("where was") == 1 / 4
    assert words.probability("where is is") == pytest.approx(1 / 12, rel=RELATIVE)
    assert words.count() == 8
