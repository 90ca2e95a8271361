"""Patterns made alike, strings with letters replaced, and inputs that are held out."""

import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.tasks import alike_patterns
from minicluster.tasks.drawing import ALPHABET, deal_held_out, draw_string, draw_strings
from minicluster.tasks.patterns import Pattern

PART = re.compile(r"\[[a-l]{3}\]|\([a-l]{2}\|[a-l]{2}\)|[a-l]\{1,2\}|[a-l]\?|[a-l]")
DEVIATIONS = 5  # standard deviations of a binomial count, exceeded by a right sampler one time in a million


def parts_of(text):
    parts = PART.findall(text)
    assert "".join(parts) == text and len(parts) == 6
    return parts


def kind(part):
    """The part without its letters."""
    return re.sub("[a-l]", "", part)


def shared_places(column):
    """Places at which the patterns of all tasks have the same part."""
    return [place for place, parts in enumerate(zip(*map(parts_of, column))) if len(set(parts)) == 1]


@given(st.integers(0, 5), st.integers(0, 2**32))
def test_patterns_of_different_tasks_share_so_many_parts_and_no_more(n_alike, seed):
    patterns = alike_patterns(np.random.default_rng(seed), 8, 3, n_alike)
    assert [len(own) for own in patterns] == [3] * 8
    assert len({text for own in patterns for text in own}) == 24
    for column in zip(*patterns):
        # That 8 tasks draw one part alike by chance happens once in 12**7 times at most.
        assert len(shared_places(column)) == n_alike
        for parts in zip(*map(parts_of, column)):
            assert len(set(map(kind, parts))) == 1  # what differs differs in its letters only
        assert sorted(map(kind, parts_of(column[0]))) == sorted(["", "?", "{1,2}", "[]", "[]", "(|)"])


def test_a_tasks_patterns_have_different_parts_in_common_with_other_tasks():
    patterns = alike_patterns(np.random.default_rng(0), 4, 6, 5)
    columns = list(zip(*patterns))
    common = [[parts_of(column[0])[place] for place in shared_places(column)] for column in columns]
    assert len(set(map(tuple, common))) == 6
    assert len({tuple(map(kind, parts_of(column[0]))) for column in columns}) > 1  # the order of parts
    # Which kind of part differs is drawn, too: not always the same one of the six.
    assert len({tuple(sorted(map(kind, parts))) for parts in common}) > 1


def test_every_kind_of_part_may_be_the_one_that_differs():
    seen = Counter()
    for seed in range(60):
        column = [own[0] for own in alike_patterns(np.random.default_rng(seed), 5, 1, 5)]
        (place,) = set(range(6)) - set(shared_places(column))
        seen[kind(parts_of(column[0])[place])] += 1
    assert set(seen) == {"", "?", "{1,2}", "[]", "(|)"}
    assert 20 - 18 <= seen["[]"] <= 20 + 18  # two parts of six: 20 of 60, five standard deviations of 3.65


def test_twelve_tasks_that_differ_in_one_letter_use_all_twelve():
    for seed in range(40):
        column = [own[0] for own in alike_patterns(np.random.default_rng(seed), 12, 1, 5)]
        (place,) = set(range(6)) - set(shared_places(column))
        own = [parts_of(text)[place] for text in column]
        if kind(own[0]) in ("", "?", "{1,2}"):
            assert {part[0] for part in own} == set(ALPHABET)
            return
    raise AssertionError("no pattern differed in a single letter")


def test_the_same_generator_draws_the_same_patterns():
    one, again, other = (alike_patterns(np.random.default_rng(seed), 3, 2, 4) for seed in (1, 1, 2))
    assert one == again != other


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((10, 4, 6), ValueError, "n_alike = 6, expected at most 5 of 6 parts"),
        ((10, 4, -1), ValueError, "n_alike = -1, expected at least 0"),
        ((10, 4, 2.5), TypeError, "n_alike = 2.5, expected a whole number"),
        ((13, 4, 3), ValueError, "n_tasks = 13, expected at most 12, the letters that patterns differ in"),
        ((0, 4, 3), ValueError, "n_tasks = 0, expected at least 1"),
    ],
)
def test_impossible_patterns_are_named(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        alike_patterns(np.random.default_rng(0), *arguments)


# ---- Strings


def within(count, n, p):
    return abs(count - n * p) <= DEVIATIONS * math.sqrt(n * p * (1 - p))


def test_without_replacement_a_string_is_the_patterns_own_sample():
    pattern = Pattern("a[bcd]{1,3}(ef|gh)?")
    for seed in range(20):
        drawn = draw_string(pattern, (), np.random.default_rng(seed))
        assert drawn == pattern.sample(np.random.default_rng(seed))


def test_a_string_of_another_pattern_is_refused():
    own, other = Pattern("[ab]"), Pattern("b")
    rng = np.random.default_rng(0)
    drawn = Counter(draw_string(own, [Pattern("c"), other], rng) for _ in range(400))
    assert set(drawn) == {"a", None} and within(drawn[None], 400, 1 / 2)


def test_replaced_letters_are_drawn_from_all_twelve():
    rng, n = np.random.default_rng(1), 20_000
    first = Counter(draw_string(Pattern("ab"), (), rng, 0.3) for _ in range(n))
    assert all(len(string) == 2 for string in first)
    for place, own in enumerate("ab"):
        letters = Counter()
        for string, count in first.items():
            letters[string[place]] += count
        assert set(letters) == set(ALPHABET)
        for letter in ALPHABET:  # kept, or drawn among twelve, itself included
            assert within(letters[letter], n, 0.7 * (letter == own) + 0.3 / 12), (place, letter)
    # The two letters are replaced independently of one another.
    both = sum(count for string, count in first.items() if string[0] != "a" and string[1] != "b")
    assert within(both, n, (0.3 * 11 / 12) ** 2)


def test_all_letters_replaced_leave_nothing_of_the_pattern_but_its_length():
    rng, n = np.random.default_rng(2), 6_000
    letters = Counter("".join(draw_string(Pattern("aaa"), (), rng, 1.0) for _ in range(n)))
    assert letters.total() == 3 * n
    assert all(within(letters[letter], 3 * n, 1 / 12) for letter in ALPHABET)


def test_a_replaced_string_is_refused_as_it_reads_afterwards():
    rng = np.random.default_rng(3)
    drawn = [draw_string(Pattern("a"), [Pattern("[bcdefghijkl]")], rng, 0.9) for _ in range(500)]
    assert set(drawn) == {"a", None}
    assert within(drawn.count(None), 500, 0.9 * 11 / 12)


def test_strings_are_different_and_in_the_order_of_drawing():
    pattern = Pattern("[abc][abc]")
    strings = draw_strings(pattern, (), 9, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    one_by_one = list(dict.fromkeys(pattern.sample(rng) for _ in range(1_000)))
    assert strings == one_by_one and len(set(strings)) == 9


def test_replacement_makes_more_strings_than_the_pattern_has():
    strings = draw_strings(Pattern("a"), (), 12, np.random.default_rng(5), 0.5)
    assert sorted(strings) == list(ALPHABET)


@pytest.mark.parametrize(
    ("text", "others", "n", "replaced", "message"),
    [
        ("[ab]", (), 3, 0.0, "pattern '[ab]' makes 2 different strings, expected at least 3"),
        ("[ab]", ("a",), 2, 0.0, "gave 1 different strings that match no other pattern in 400 draws, expected 2"),
        ("a", (), 13, 0.5, "gave 12 different strings that match no other pattern in 2600 draws, expected 13"),
    ],
)
def test_too_few_strings_are_named(text, others, n, replaced, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        draw_strings(Pattern(text), [Pattern(other) for other in others], n, np.random.default_rng(0), replaced)


# ---- Held out


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 9), st.integers(0, 9), st.integers(0, 2**32))
def test_inputs_are_dealt_out_like_cards(n_tasks, n_distributions, n_inputs, n_held_out, seed):
    n_held_out = min(n_held_out, n_inputs)
    held_out = deal_held_out(n_tasks, n_distributions, n_inputs, n_held_out, np.random.default_rng(seed))
    assert held_out.shape == (n_tasks * n_distributions, n_inputs) and held_out.dtype == bool
    assert (held_out.sum(axis=1) == n_held_out).all()
    for own in np.split(held_out, n_tasks):  # a task's patterns stand one below the other
        counts = own.sum(axis=0)
        assert counts.max() - counts.min() <= 1


def test_each_task_has_a_deck_of_its_own_and_each_seed_others():
    one, again, other = (deal_held_out(3, 2, 12, 3, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    assert len({own.any(axis=0).tobytes() for own in np.split(one, 3)}) == 3


def test_any_input_may_be_held_out_for_any_pattern():
    total = sum(deal_held_out(2, 3, 5, 1, np.random.default_rng(seed)).astype(int) for seed in range(200))
    assert total.sum() == 200 * 6
    assert (abs(total - 40) <= 5 * math.sqrt(200 * 0.2 * 0.8)).all()
