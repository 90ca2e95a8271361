"""Word patterns against letter patterns of the same shape, and what is theirs alone: words, spaces, refusals."""

import math
import pickle
import re
from itertools import cycle, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_patterns import FOREIGN, LETTERS, MOST_STRINGS, RELATIVE, knowns, knowns_and_strings

from minicluster.tasks import Pattern, PatternError, WordPattern

# ---- Random letter patterns, whose distributions are known exactly, and the same patterns over words. Some words begin
# ---- or end like others, and one is nothing but an apostrophe.

LETTERS_THEMSELVES = dict(zip(LETTERS + FOREIGN, LETTERS + FOREIGN))
ALIKE = dict(zip(LETTERS + FOREIGN, ("it", "it's", "'", "t")))
dictionaries = st.sampled_from([LETTERS_THEMSELVES, ALIKE])
PARTS = re.compile(r"\{[0-9,]*\}|.")  # of a letter pattern: quantifiers in braces stay whole


@st.composite
def in_words(draw, text, dictionary):
    """The letter pattern with a word for each letter: spaces between neighbouring words, and perhaps elsewhere."""
    gaps = cycle(draw(st.lists(st.sampled_from(["", " ", "  "]), min_size=1, max_size=8)))
    parts = PARTS.findall(text)
    spaced = ""
    for part, before, gap in zip(parts, [None, *parts], gaps):
        needed = part in dictionary and before in dictionary
        spaced += (gap or " " if needed else gap) + dictionary.get(part, part)
    return spaced + next(gaps)


def sentence(string, dictionary):
    return " ".join(dictionary[letter] for letter in string)


@given(st.data(), knowns_and_strings(), dictionaries)
def test_words_match_and_weigh_as_letters_do(data, case, dictionary):
    known, string = case
    letters, words = Pattern(known.text), WordPattern(data.draw(in_words(known.text, dictionary)))
    assert words.matches(sentence(string, dictionary)) is letters.matches(string)
    assert words.probability(sentence(string, dictionary)) == letters.probability(string)
    replaced = letters.probability(string, 0.25, 4)
    assert words.probability(sentence(string, dictionary), 0.25, 4) == pytest.approx(replaced, rel=RELATIVE, abs=0)


@given(st.data(), knowns, dictionaries, st.integers(1, MOST_STRINGS + 1), st.integers(0, 2**32))
def test_words_are_counted_and_drawn_as_letters_are(data, known, dictionary, limit, seed):
    letters, words = Pattern(known.text), WordPattern(data.draw(in_words(known.text, dictionary)))
    assert words.count() == len(known.strings)
    assert words.count(limit) == letters.count(limit)
    one, other = np.random.default_rng(seed), np.random.default_rng(seed)
    for _ in range(5):
        drawn = words.sample(one)
        assert type(drawn) is str and drawn == sentence(letters.sample(other), dictionary)
        assert words.matches(drawn)


@given(st.data(), knowns)
def test_probabilities_of_all_strings_sum_to_one(data, known):
    words = WordPattern(data.draw(in_words(known.text, ALIKE)))
    assert abs(math.fsum(words.probability(sentence(string, ALIKE)) for string in known.strings) - 1) <= RELATIVE


# ---- Sentences by hand

QUESTION = "(state|name|tell me) the (capital|seat of government) of (this place|the place below)"


def test_a_question_has_the_strings_that_can_be_read_off_it():
    pattern = WordPattern(QUESTION)
    verbs, things = ("state", "name", "tell me"), ("capital", "seat of government")
    places = ("this place", "the place below")
    strings = [f"{verb} the {thing} of {place}" for verb, thing, place in product(verbs, things, places)]
    assert pattern.count() == len(strings) == 12
    for string in strings:
        assert pattern.matches(string)
        assert pattern.probability(string) == pytest.approx(1 / 12, rel=RELATIVE)
    rng = np.random.default_rng(0)
    assert {pattern.sample(rng) for _ in range(200)} == set(strings)  # one is missing in 1 of 3 million seeds


@pytest.mark.parametrize(
    "text, string, expected",
    [
        ("what is it", "what is it", 1),
        ("please? what is (it's|its) [red green] thing{1,2}", "what is its green thing", 1 / 16),
        ("please? what is (it's|its) [red green] thing{1,2}", "please what is it's red thing thing", 1 / 16),
        ("tell me? more", "tell more", 1 / 2),  # the quantifier is the last word's alone
        ("tell me? more", "more", 0),
        ("(tell me)? more", "more", 1 / 2),
        ("(tell me)? more", "tell more", 0),
        ("no{2}", "no no", 1),
        ("no{2}", "noo", 0),
        ("please?", "", 1 / 2),
        ("[red green]?", "green", 1 / 4),
        ("7 50", "7 50", 1),
        # A space means nothing but an end of a word.
        ("  what   is  ", "what is", 1),
        ("( red | green )", "green", 1 / 2),
        ("[ red  green ]", "green", 1 / 2),
        ("the[red green]thing", "the red thing", 1 / 2),
        ("the(red|green)thing", "the green thing", 1 / 2),
        ("red?green", "green", 1 / 2),
        ("red{1,2}green", "red red green", 1 / 2),
        ("red ? green", "green", 1 / 2),
        ("(red|green) {2}", "red green", 1 / 4),
        # A word is no sequence of letters, and a class of one word has that word alone.
        ("[ab]", "ab", 1),
        ("[ab]", "a", 0),
        ("[red green]", "re", 0),
        ("[red green]", "red green", 0),
        ("red", "r", 0),
        ("r e d", "red", 0),
        ("red", "r e d", 0),
    ],
)
def test_probabilities_by_hand(text, string, expected):
    pattern = WordPattern(text)
    assert pattern.probability(string) == pytest.approx(expected, rel=RELATIVE, abs=0)
    assert pattern.matches(string) is (expected > 0)


@pytest.mark.parametrize("string", ["red  green", " red green", "red green ", "red\tgreen", "redgreen", " "])
def test_strings_are_words_with_single_spaces_between_them(string):
    pattern = WordPattern("red please? green")
    assert pattern.matches("red green")
    assert not pattern.matches(string) and pattern.probability(string) == 0


def test_the_empty_string_has_no_word_and_a_space_two_empty_ones():
    pattern = WordPattern("please?")
    assert pattern.matches("") and not pattern.matches(" ")
    assert not WordPattern("please").matches("")
    assert pattern.count() == 2
    rng = np.random.default_rng(0)
    assert {pattern.sample(rng) for _ in range(50)} == {"", "please"}


def test_a_word_is_replaced_by_any_of_the_alphabet():
    pattern = WordPattern("the [red green] thing")
    # Kept or replaced by itself: 0.8 + 0.2 / 5; another word in its place: 0.2 / 5.
    assert pattern.probability("the red thing", 0.2, 5) == pytest.approx(0.84**2 * (0.8 / 2 + 0.04), rel=RELATIVE)
    assert pattern.probability("a red thing", 0.2, 5) == pytest.approx(0.04 * (0.8 / 2 + 0.04) * 0.84, rel=RELATIVE)


# ---- What is refused


@pytest.mark.parametrize(
    "text, position, reason",
    [
        ("", 0, "nothing to match"),
        ("   ", 3, "nothing to match"),
        ("What is", 0, "'W' is not a lower-case letter, digit, apostrophe, [red green], (ab|cd), ?, {m} or {m,n}"),
        ("what iS", 6, "'S' is not a lower-case letter"),
        ("what is.", 7, "'.' is not"),
        ("so-called", 2, "'-' is not"),
        ("red,green", 3, "',' is not"),
        ('the "place"', 4, "'\"' is not"),
        ("red\tgreen", 3, r"'\t' is not"),
        ("red\n", 3, r"'\n' is not"),
        ("red\u00a0green", 3, r"'\xa0' is not"),  # a space, but another one
        ("it\u2019s", 2, r"'\u2019' is not"),
        ("peru \u00e4", 5, r"'\xe4' is not"),
        ("a \u0663", 2, r"'\u0663' is not"),
        ("red | green", 4, "'|' must stand in a group"),
        ("( | red)", 2, "'ab or nothing' is (ab)?"),
        ("(red| )", 6, "'ab or nothing' is (ab)?"),
        ("the ( )", 6, "'ab or nothing' is (ab)?"),
        ("the (red | green", 4, "'(' is never closed"),
        ("the (red | ", 4, "'(' is never closed"),
        ("red )", 4, "')' closes no group"),
        ("the [red green", 4, "'[' is never closed"),
        ("the []", 5, "one or more words of lower-case letters, digits and apostrophes, as in [red green]"),
        ("the [  ]", 7, "a class lists one or more words"),
        ("[red Green]", 5, "a class lists one or more words"),
        ("[red, green]", 4, "a class lists one or more words"),
        ("[red|green]", 4, "a class lists one or more words"),
        ("[red (green)]", 5, "a class lists one or more words"),
        ("[red  green red ]", 12, "'red' is listed twice in its class"),
        ("[it's it's]", 6, '"it\'s" is listed twice in its class'),
        (" ?", 1, "'?' has nothing to repeat"),
        ("( {2})", 2, "'{' has nothing to repeat"),
        ("red? ?", 5, "a quantifier on a quantifier needs a group"),
        ("red{3,2}", 4, "{m,n} needs m <= n, not 3 and 2"),
        ("red {1, 2}", 4, "a quantifier is ?, {m} or {m,n}"),
        ("red {0}", 5, "0 repetitions match nothing"),
        ("red{600}  green{600}", 10, "up to 1200 symbols, expected at most 1000"),
        ("red " * 1_001, 4_000, "up to 1001 symbols, expected at most 1000"),
        ("( " * 51, 100, "groups nest more than 50 deep"),
    ],
)
def test_what_is_outside_the_grammar_is_refused_where_it_stands(text, position, reason):
    with pytest.raises(PatternError) as caught:
        WordPattern(text)
    error = caught.value
    assert (error.pattern, error.position) == (text, position)
    headline, excerpt, caret = str(error).split("\n")
    assert headline.startswith("pattern '") and reason in headline and headline.endswith(f", at position {position}")
    under = excerpt[caret.index("^") : caret.index("^") + 1]
    assert caret.strip() == "^" and under in (text[position : position + 1], "_")


@given(st.text("ab'1 [](){}|?,02-A\t", max_size=14) | st.text(max_size=5))
def test_any_text_is_a_pattern_of_words_or_refused(text):
    try:
        pattern = WordPattern(text)
    except PatternError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert re.fullmatch(r"[a-z0-9', [\](){}|?]+", text)
        sample = pattern.sample(np.random.default_rng(0))
        assert set(sample.split()) <= set(re.findall("[a-z0-9']+", text))
        assert pattern.matches(sample)


@given(st.lists(st.text("ab'1", min_size=1, max_size=3), min_size=1, max_size=5))
def test_plain_words_are_a_pattern_of_themselves(words):
    string = " ".join(words)
    pattern = WordPattern(string)
    assert pattern.sample(np.random.default_rng(0)) == string
    assert pattern.probability(string) == 1 and pattern.count() == 1
    assert WordPattern(f"[{' '.join(dict.fromkeys(words))}]").count() == len(set(words))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda p: WordPattern(5), TypeError, "text = 5 (int), expected a str"),
        (lambda p: WordPattern(["red"]), TypeError, "text = ['red'] (list), expected a str"),
        (lambda p: p.matches(("red",)), TypeError, "string = ('red',) (tuple), expected a str"),
        (lambda p: p.probability(5), TypeError, "string = 5 (int), expected a str"),
        (lambda p: p.sample(0), TypeError, "rng = 0 (int), expected an np.random.Generator"),
        (lambda p: p.count(0), ValueError, "limit = 0, expected a whole number of at least 1"),
    ],
)
def test_bad_arguments_get_one_line_with_name_value_and_what_was_expected(call, kind, message):
    with pytest.raises(kind) as caught:
        call(WordPattern("red"))
    assert str(caught.value) == message


# ---- The object


def test_equality_hash_and_repr_go_by_the_text_and_the_grammar():
    pattern = WordPattern("[red green] thing")
    assert pattern == WordPattern("[red green] thing") and hash(pattern) == hash(WordPattern("[red green] thing"))
    assert pattern != WordPattern("[green red] thing")  # the same strings, but another text
    assert pattern != "[red green] thing"
    assert repr(pattern) == "WordPattern('[red green] thing')" and pattern.text == "[red green] thing"
    letters, words = Pattern("red"), WordPattern("red")
    assert letters != words and words != letters and not letters == words and not words == letters
    assert len({letters, words, WordPattern("red")}) == 2
    assert pickle.loads(pickle.dumps(pattern)) == pattern


def test_text_and_strings_may_be_of_a_subclass():
    pattern = WordPattern(np.str_("red green"))
    assert repr(pattern) == "WordPattern('red green')" and pattern.matches(np.str_("red green"))
