"""How probable a string is of each task, exactly: what a model is compared with is the best that any reader can do."""

import itertools
import math
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicluster.tasks import Vocabulary, make_instruction_dataset
from minicluster.tasks.drawing import ALPHABET, draw_string
from minicluster.tasks.patterns import Pattern

RELATIVE = 1e-12  # sums of positive terms, each with some hundred roundings of 1.1e-16
DEVIATIONS = 5  # standard deviations of a binomial count, exceeded by a right sampler one time in a million


def within(count, n, p):
    return abs(count - n * p) <= DEVIATIONS * math.sqrt(n * p * (1 - p)) + 1e-9


# ---- The probability of a string whose letters were replaced

TEXTS = ("a", "ab?", "[ab]c{1,2}", "(ab|c)a?", "a?b?c?", "(a|a?)[bc]", "[abc]{0,3}a")


def all_strings(alphabet, longest):
    return ["".join(s) for n in range(longest + 1) for s in itertools.product(alphabet, repeat=n)]


@pytest.mark.parametrize("text", TEXTS)
@given(replaced=st.floats(0, 1))
@settings(max_examples=5)
def test_probabilities_sum_to_one_over_all_strings(text, replaced):
    total = math.fsum(Pattern(text).probability(string, replaced, 3) for string in all_strings("abc", 4))
    assert total == pytest.approx(1, rel=RELATIVE)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("replaced", [0.0, 0.1, 0.7, 1.0])
def test_a_string_comes_from_any_string_of_its_length(text, replaced):
    # Written out: the sum over what was drawn, times what became of each letter.
    pattern, strings = Pattern(text), all_strings("abc", 4)
    drawn = {string: pattern.probability(string) for string in strings}
    for string in strings:
        expected = math.fsum(
            p * math.prod((1 - replaced) * (a == b) + replaced / 3 for a, b in zip(source, string))
            for source, p in drawn.items()
            if len(source) == len(string)
        )
        assert pattern.probability(string, replaced, 3) == pytest.approx(expected, rel=RELATIVE, abs=0)


@pytest.mark.parametrize(
    ("text", "string", "replaced", "alphabet_size", "expected"),
    [
        ("a", "a", 0.3, 12, 0.7 + 0.3 / 12),
        ("a", "b", 0.3, 12, 0.3 / 12),
        ("a", "aa", 0.3, 12, 0.0),
        ("ab?", "a", 0.5, 2, 0.5 * 0.75),
        ("ab?", "ba", 0.5, 2, 0.5 * 0.25 * 0.25),
        ("[ab]", "a", 0.4, 4, 0.6 / 2 + 0.1),
        ("[ab]", "c", 0.4, 4, 0.1),
        ("(ab|ba)", "ab", 0.2, 4, (0.85 * 0.85 + 0.05 * 0.05) / 2),
        ("a{1,2}", "ab", 1.0, 5, 0.5 / 25),
    ],
)
def test_probabilities_by_hand(text, string, replaced, alphabet_size, expected):
    assert Pattern(text).probability(string, replaced, alphabet_size) == pytest.approx(expected, rel=RELATIVE, abs=0)


def test_frequencies_of_drawn_strings_agree():
    pattern, n, rng = Pattern("(ab|[ac]c?)"), 20_000, np.random.default_rng(0)
    counts = Counter(draw_string(pattern, (), rng, 0.4) for _ in range(n))
    strings = all_strings(ALPHABET, 2)[1:]
    assert set(counts) <= set(strings)
    for string in strings:
        assert within(counts[string], n, pattern.probability(string, 0.4, len(ALPHABET))), string


@pytest.mark.parametrize(
    ("replaced", "alphabet_size", "message"),
    [
        (1.5, 12, "replaced = 1.5, expected a probability, 0 to 1"),
        (-0.1, 12, "replaced = -0.1, expected a probability, 0 to 1"),
        (math.nan, 12, "replaced = nan, expected a probability, 0 to 1"),
        (0.1, None, "alphabet_size = None, expected the number of symbols that may replace one"),
        (0.1, 0, "alphabet_size = 0, expected the number of symbols that may replace one"),
    ],
)
def test_impossible_replacements_are_named(replaced, alphabet_size, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Pattern("a").probability("a", replaced, alphabet_size)


# ---- Fresh instructions


def tiny(patterns, **more):
    """Two tasks whose patterns overlap; the more a pattern is trained, the less of it is fresh."""
    settings = {"n_instructions": 2, "n_unseen_instructions": 0, "n_held_out_inputs": 0, "exclusive": False}
    return make_instruction_dataset(2, len(patterns[0]), 2, patterns=patterns, **{**settings, **more})


OVERLAPPING = [["[abc][abc]", "[cd]b?"], ["[ab][cd]", "c[abd]?"]]


@pytest.mark.parametrize("more", [{}, {"replaced": 0.3}])
def test_task_probabilities_are_the_shares_of_the_tasks_that_a_string_is_drawn_from(more):
    n, dataset = 6_000, tiny(OVERLAPPING, **more)
    fresh = dataset.fresh_instructions(n, np.random.default_rng(1))[::2]
    assert len(fresh) == n
    counts = Counter(zip(fresh.instruction.tolist(), fresh.task.tolist()))
    strings = sorted(set(fresh.instruction.tolist()))
    of_string = Counter(fresh.instruction.tolist())
    probabilities = dataset.task_probabilities(strings)
    assert probabilities.shape == (len(strings), 2)
    mixed = 0
    for string, own in zip(strings, probabilities):
        assert own.sum() == pytest.approx(1, rel=RELATIVE)
        for task in (0, 1):
            assert within(counts[string, task], of_string[string], min(own[task], 1)), (string, task)
        mixed += 0.05 < own[0] < 0.95
    assert mixed >= 2  # there were strings of both tasks to be wrong about
    # How often each string comes: as the four patterns make it, given that it is fresh.
    weights = {s: sum(p.probability(s, dataset.replaced, 12) for p in dataset.patterns) for s in strings}
    trained = set(dataset.train.instruction.tolist())
    letters = set("".join(trained))
    everything = [s for s in all_strings(ALPHABET, 2)[1:] if s not in trained and letters.issuperset(s)]
    total = sum(sum(p.probability(s, dataset.replaced, 12) for p in dataset.patterns) for s in everything)
    for string in strings:
        assert within(of_string[string], n, weights[string] / total), string


def test_task_probabilities_by_hand():
    dataset = tiny(OVERLAPPING)
    # Given a pattern: "ac" 1/9, 0 | 1/4, 0. "c" 0, 1/4 | 0, 1/2. "db" 0, 1/4 | 0, 0. "cb" 1/9, 1/4 | 0, 1/6.
    found = dataset.task_probabilities(["ac", "c", "db", "cb", "zz"])
    expected = [[4 / 13, 9 / 13], [1 / 3, 2 / 3], [1, 0], [13 / 19, 6 / 19]]
    np.testing.assert_allclose(found[:4], expected, rtol=RELATIVE, atol=0)
    assert np.isnan(found[4]).all()  # no pattern makes it


def test_replaced_letters_leave_every_task_possible():
    dataset = tiny([["ab"], ["cd"]], replaced=0.6)
    kept, other = 0.4 + 0.05, 0.05
    found = dataset.task_probabilities(["ab", "ad", "gh"])
    first = kept * kept / (kept * kept + other * other)
    np.testing.assert_allclose(found, [[first, 1 - first], [0.5, 0.5], [0.5, 0.5]], rtol=RELATIVE)


def test_no_reader_does_better_than_the_ceiling_and_the_best_reaches_it():
    n, dataset = 4_000, tiny(OVERLAPPING, replaced=0.2)
    fresh = dataset.fresh_instructions(n, np.random.default_rng(2))[::2]
    probabilities = dataset.task_probabilities(fresh.instruction)
    ceiling = probabilities.max(axis=1).mean()
    right = (probabilities.argmax(axis=1) == fresh.task).sum()
    # Given the strings, right answers are independent with these probabilities: their variance is at most n / 4.
    assert abs(right - n * ceiling) <= DEVIATIONS * math.sqrt(n / 4)
    assert 0.6 < ceiling < 0.95


@pytest.mark.parametrize("more", [{}, {"bottleneck": True}, {"exclusive": False, "replaced": 0.2}])
def test_fresh_rows_are_each_new_string_with_every_input(more):
    dataset = make_instruction_dataset(3, 2, 4, n_instructions=5, n_unseen_instructions=2, n_held_out_inputs=1, **more)
    fresh = dataset.fresh_instructions(30, np.random.default_rng(3))
    assert len(fresh) == 30 * 4 and fresh.tokens.shape[1] == dataset.context_length
    assert set(fresh.instruction).isdisjoint(dataset.train.instruction)
    np.testing.assert_array_equal(fresh.input, np.tile(np.arange(4), 30))
    for array in (fresh.instruction, fresh.task, fresh.distribution):
        np.testing.assert_array_equal(array, np.repeat(array[::4], 4))
    np.testing.assert_array_equal(fresh.task, fresh.distribution // 2)
    assert set(fresh.distribution.tolist()) == set(range(6))
    np.testing.assert_array_equal(fresh.targets[fresh.mask], dataset.outputs[fresh.task, fresh.input])
    seen_from = np.where(more.get("bottleneck", False), fresh.separator, 0)
    rows = np.arange(len(fresh))
    np.testing.assert_array_equal(fresh.start[rows, fresh.separator + 1], seen_from)
    for row in rows[::4]:
        string, d = fresh.instruction[row], fresh.distribution[row]
        assert dataset.vocabulary.decode(fresh.tokens[row, : fresh.separator[row]]) == list(string)
        matching = [k for k, pattern in enumerate(dataset.patterns) if pattern.matches(string)]
        if not dataset.replaced:
            assert matching == [d]  # of its own pattern alone
    if dataset.replaced:
        assert not all(dataset.patterns[d].matches(s) for s, d in zip(fresh.instruction, fresh.distribution))


def test_fresh_strings_of_exclusive_data_match_their_own_pattern_alone():
    dataset = tiny([["[abcdefgh]"], ["[ghijkl]"]], exclusive=True)
    dataset = replace(dataset, vocabulary=Vocabulary([*ALPHABET, "<pad>", "<sep>", "x0", "x1"]))  # all can be read
    fresh = dataset.fresh_instructions(200, np.random.default_rng(9))
    trained = set(dataset.train.instruction.tolist())
    assert set(fresh.instruction.tolist()) == set("abcdefijkl") - trained


def test_the_same_generator_draws_the_same_strings():
    dataset = tiny(OVERLAPPING)
    one, again, other = (dataset.fresh_instructions(20, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.tokens, again.tokens)
    assert one.instruction.tolist() != other.instruction.tolist()


def test_strings_with_letters_that_the_model_has_no_token_for_are_left_out():
    dataset = tiny([["[abcdefghijkl]"], ["[abcdefghijkl][ab]"]], n_instructions=1)
    letters = {name for name in dataset.vocabulary.names if name in ALPHABET}
    assert len(letters) <= 3
    fresh = dataset.fresh_instructions(20, np.random.default_rng(7))
    assert set("".join(fresh.instruction)) <= letters


def test_fresh_strings_fit_into_the_context():
    dataset = tiny([["a{1,9}"], ["b{1,9}"]], n_instructions=1, seed=2)
    longest = dataset.context_length - 2
    assert longest < 9
    fresh = dataset.fresh_instructions(200, np.random.default_rng(8))
    assert max(map(len, fresh.instruction)) == longest


@pytest.mark.parametrize(
    ("patterns", "n", "error", "message"),
    [
        ([["[ab]"], ["[cd]"]], 3, ValueError, "the patterns gave 0 new strings in 600 draws, expected 3"),
        ([["[abc]"], ["[ab]"]], 0, ValueError, "n = 0, expected at least 1"),
        ([["[abc]"], ["[ab]"]], 1.5, TypeError, "n = 1.5, expected a whole number"),
    ],
)
def test_impossible_numbers_of_fresh_strings_are_named(patterns, n, error, message):
    with pytest.raises(error, match=re.escape(message)):
        tiny(patterns).fresh_instructions(n, np.random.default_rng(0))
