import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicluster.tasks import make_instruction_dataset, random_pattern

# Of the data with default settings, seed 0. It changes only with the code that makes the data, or with NumPy's
# generator, whose stream of numbers NumPy may change in a new version; then every figure in README is to be made anew.
DEFAULT_DIGEST = "ab482cceeeeb116124cee52579e0105ebb0edf2b7f2cc7b0a7ae987caeab51da"


@pytest.fixture(scope="module")
def dataset():
    return make_instruction_dataset()


def pairs(split):
    return set(zip(split.distribution.tolist(), split.input.tolist()))


def test_the_default_data_is_pinned(dataset):
    assert dataset.digest() == DEFAULT_DIGEST
    assert make_instruction_dataset(seed=1).digest() != DEFAULT_DIGEST


def test_the_example_in_the_docstring(dataset):
    row = dataset.train[1]
    shown = make_instruction_dataset.__doc__
    assert f"task {row.task}, pattern {dataset.patterns[row.distribution].text}, instruction {row.instruction}" in shown

    def numbers(label):
        line = next(line for line in shown.splitlines() if line.strip().startswith(label))
        return [int(word) for word in line.split()[1 : 1 + len(row.tokens)]]

    assert numbers("tokens") == row.tokens.tolist()
    assert numbers("targets") == row.targets.tolist()
    assert dataset.vocabulary.names[26] == "y2" and row.mask.nonzero()[0].tolist() == [8] and row.separator == 7


def test_sizes(dataset):
    assert len(dataset.train) == 10 * 4 * 15 * 7
    assert len(dataset.unseen_instruction) == 10 * 4 * 5 * 7
    assert len(dataset.unseen_combination) == 10 * 4 * 15 * 3


@settings(max_examples=15)  # data sets of some hundred strings
@given(
    n_tasks=st.integers(1, 4),
    n_distributions=st.integers(1, 3),
    n_inputs=st.integers(3, 5),
    n_instructions=st.integers(1, 6),
    n_unseen=st.integers(0, 3),
    held_out=st.integers(0, 3),
    shared=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_every_promise(n_tasks, n_distributions, n_inputs, n_instructions, n_unseen, held_out, shared, seed):
    held_out = min(held_out, n_inputs * (n_distributions - 1) // n_distributions)
    dataset = make_instruction_dataset(
        n_tasks,
        n_distributions,
        n_inputs,
        n_instructions=n_instructions,
        n_unseen_instructions=n_unseen,
        n_held_out_inputs=held_out,
        share=n_tasks if shared else 1,
        seed=seed,
    )
    vocabulary, patterns = dataset.vocabulary, dataset.patterns
    train, unseen, combination = dataset.splits.values()
    for split in dataset.splits.values():
        for row in range(len(split)):
            example = split[row]
            string, x, end = str(example.instruction), int(example.input), int(example.separator)
            assert example.task == example.distribution // n_distributions
            # A string matches its own pattern and no other, so none of another task.
            assert [d for d, p in enumerate(patterns) if re.fullmatch(p.text, string)] == [example.distribution]
            # Letters, separator, input, padding; the output and the task stand nowhere in it.
            names = vocabulary.decode(example.tokens)
            assert names == [*string, "<sep>", f"x{x}", *["<pad>"] * (len(names) - end - 2)]
            np.testing.assert_array_equal(
                example.targets[:-1][~example.mask[:-1]], example.tokens[1:][~example.mask[:-1]]
            )
            assert example.mask.nonzero()[0].tolist() == [end + 1]
            assert example.targets[end + 1] == dataset.outputs[example.task, x]
            assert vocabulary.names[example.targets[end + 1]].startswith("y")

    # No split leaks into another.
    assert set(train.instruction).isdisjoint(unseen.instruction)
    assert set(combination.instruction) <= set(train.instruction)
    assert pairs(train).isdisjoint(pairs(combination))
    assert pairs(unseen) <= pairs(train)
    # Each held-out pair's input is trained with another pattern of its task, its pattern with other inputs.
    assert {(d // n_distributions, x) for d, x in pairs(train)} == set(np.ndindex(n_tasks, n_inputs))
    assert {d for d, _ in pairs(train)} == set(range(len(patterns)))
    assert len(pairs(combination)) == held_out * len(patterns)
    # As many strings as asked for, each once with each input.
    for split, n, inputs in ((train, n_instructions, n_inputs - held_out), (unseen, n_unseen, n_inputs - held_out)):
        rows = set(zip(split.instruction, split.input.tolist()))
        assert len(rows) == len(split) == n * inputs * len(patterns)


@pytest.mark.parametrize("share", [1, 2, 5, 10])
def test_share_tasks_use_the_same_outputs(share):
    outputs = make_instruction_dataset(share=share, n_instructions=2, n_unseen_instructions=0).outputs
    groups = [{frozenset(outputs[task]) for task in range(first, first + share)} for first in range(0, 10, share)]
    assert all(len(group) == 1 for group in groups)  # one set of outputs in a group
    assert len(frozenset().union(*itertools.chain(*groups))) == 10 * 10 // share  # and no output in two groups


def test_inputs_say_nothing_of_the_task(dataset):
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (dataset.train.task, dataset.train.input), 1)
    assert (counts.sum(axis=1) == counts.sum() / 10).all()
    assert (counts > 0).all()


def test_unique_instructions_are_the_first_rows_of_each(dataset):
    rows = dataset.train.unique_instructions()
    assert len(rows) == 600
    assert len(set(dataset.train.instruction[rows])) == 600
    for row in rows[:50]:
        assert dataset.train.instruction[row] not in dataset.train.instruction[:row]


def test_patterns_of_ones_own():
    dataset = make_instruction_dataset(
        2,
        2,
        3,
        n_instructions=2,
        n_unseen_instructions=1,
        n_held_out_inputs=1,
        patterns=[["a[bcd]", "b[abd]"], ["c(a|b|dd)", "XY?Z{1,2}"]],
    )
    assert [p.text for p in dataset.patterns] == ["a[bcd]", "b[abd]", "c(a|b|dd)", "XY?Z{1,2}"]
    assert set("".join(dataset.train.instruction)) <= set("abcdXYZ")


def test_a_longer_context_pads_more(dataset):
    longer = make_instruction_dataset(context_length=13)
    assert longer.context_length == 13 and dataset.context_length == 10
    np.testing.assert_array_equal(longer.train.tokens[:, :10], dataset.train.tokens)
    assert (longer.train.tokens[:, 10:] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_tasks": 0}, ValueError, "n_tasks = 0, expected at least 1"),
        ({"n_inputs": -1}, ValueError, "n_inputs = -1, expected at least 1"),
        ({"n_distributions": 2.0}, TypeError, "n_distributions = 2.0, expected a whole number"),
        ({"seed": -1}, ValueError, "seed = -1, expected at least 0"),
        ({"share": 3}, ValueError, "share = 3, expected a divisor of n_tasks = 10"),
        ({"share": 0}, ValueError, "share = 0, expected at least 1"),
        ({"share": 10, "n_inputs": 3, "n_held_out_inputs": 0}, ValueError, "share = 10, expected at most 6"),
        ({"n_held_out_inputs": 8}, ValueError, "n_held_out_inputs = 8, expected at most 7"),
        ({"n_distributions": 1}, ValueError, "n_held_out_inputs = 3, expected at most 0"),
        ({"context_length": 9}, ValueError, "context_length = 9, expected at least 10, the longest sequence"),
        ({"n_instructions": 500}, ValueError, "different strings, expected at least 505"),
        ({"patterns": [["a"]]}, ValueError, "expected 10 lists of 4 patterns"),
        ({"patterns": [5]}, ValueError, "patterns = [5], expected 10 lists of 4 patterns"),
        ({"context_length": 10.5}, TypeError, "context_length = 10.5, expected a whole number"),
        (
            {"n_tasks": 2, "n_distributions": 1, "n_held_out_inputs": 0, "patterns": [["ab"], ["ab"]]},
            ValueError,
            "'ab' more than once",
        ),
        (
            {"n_tasks": 2, "n_distributions": 1, "n_held_out_inputs": 0, "patterns": [["[abc]"], ["[abcdef]{1,2}"]],
             "n_instructions": 1, "n_unseen_instructions": 0},
            ValueError,
            "pattern '[abc]' gave 0 different strings that match no other pattern in 200 draws, expected 1",
        ),
    ],
)  # fmt: skip
def test_impossible_data_is_named(arguments, error, message):
    with pytest.raises(error) as caught:
        make_instruction_dataset(**arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(seed=st.integers(0, 2**32 - 1))
def test_random_patterns_make_enough_strings_of_six_to_eight_letters(seed):
    pattern = random_pattern(np.random.default_rng(seed))
    assert pattern.count() >= 30  # of 72 at most: a letter next to its own repetition makes some alike
    strings = {pattern.sample(np.random.default_rng([seed, draw])) for draw in range(20)}
    assert {len(string) for string in strings} <= {6, 7, 8}


def test_tasks_that_share_outputs_have_different_functions():
    # Three inputs have just six orders, so six tasks that drew theirs without looking would nearly always collide.
    for seed in range(5):
        dataset = make_instruction_dataset(
            6, 2, 3, n_instructions=2, n_unseen_instructions=0, n_held_out_inputs=1, share=6, seed=seed
        )
        assert len({tuple(row) for row in dataset.outputs}) == 6


SMALLER = {"n_instructions": 6, "n_unseen_instructions": 3, "n_held_out_inputs": 1}


def test_replacing_needs_data_that_is_not_exclusive():
    with pytest.raises(ValueError, match="replaced = 0.1 and exclusive = True"):
        make_instruction_dataset(3, 2, 4, replaced=0.1, **SMALLER)
    with pytest.raises(ValueError, match="replaced = 1.5, expected a probability"):
        make_instruction_dataset(3, 2, 4, replaced=1.5, exclusive=False, **SMALLER)
    assert make_instruction_dataset(3, 2, 4, replaced=0.1, exclusive=False, **SMALLER).replaced == 0.1
