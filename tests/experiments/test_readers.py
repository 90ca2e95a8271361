import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.experiments.readers import (
    READERS,
    bigram_counts,
    edit_distances,
    nearest_rows,
    surface_readings,
)
from minicluster.tasks import make_instruction_dataset
from minicluster.tasks.examples import encode_examples

words = st.lists(st.text("abc", max_size=6), min_size=1, max_size=5)


def by_definition(one, other):
    """The recursion as it is written in books, a pair at a time."""

    @functools.cache
    def distance(i, j):
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (one[i - 1] != other[j - 1])
        )

    return distance(len(one), len(other))


@given(words, words)
def test_edit_distances_agree_with_the_definition(strings, others):
    found = edit_distances(strings, others)
    assert found.shape == (len(strings), len(others)) and found.dtype == np.int64
    assert found.tolist() == [[by_definition(one, other) for other in others] for one in strings]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("kitten", "sitting", 3),
        ("intention", "execution", 5),
        ("flaw", "lawn", 2),
        ("ab", "ba", 2),
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("a", "aaaa", 3),
        ("abcdef", "abcdef", 0),
        ("äb", "ab", 1),
    ],
)
def test_edit_distances_by_hand(one, other, expected):
    assert edit_distances([one], [other]).tolist() == [[expected]]
    assert edit_distances([other], [one]).tolist() == [[expected]]


def test_edit_distances_take_arrays_of_any_layout_and_leave_them_alone():
    strings = np.array(["abc", "", "ca", "abcde", "b"])
    kept = strings.copy()
    whole = edit_distances(strings, strings)
    np.testing.assert_array_equal(whole, whole.T)
    np.testing.assert_array_equal(edit_distances(strings[::2], strings[::-1]), whole[::2, ::-1])
    np.testing.assert_array_equal(strings, kept)
    assert edit_distances([], strings).shape == (0, 5) and edit_distances(strings, []).shape == (5, 0)


def test_bigram_counts_by_hand():
    counts = bigram_counts(["aba", "", "bb"], alphabet="ab")
    assert counts.shape == (3, 9) and counts.dtype == np.float64
    #        end  a  b   after the beginning; then after a, after b
    assert counts.reshape(3, 3, 3).tolist() == [
        [[0, 1, 0], [1, 0, 1], [0, 1, 0]],
        [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 1], [0, 0, 0], [1, 0, 1]],
    ]


def test_bigram_counts_are_over_the_letters_of_the_data_unless_told():
    counts = bigram_counts(["ab", "al"])
    assert counts.shape == (2, 13 * 13)
    assert counts[0].sum() == 3 and counts[0, 1] == counts[0, 13 + 2] == counts[0, 2 * 13] == 1
    assert counts[1, 13 + 12] == counts[1, 12 * 13] == 1
    assert bigram_counts(["aaaa"])[0, 13 + 1] == 3
    with pytest.raises(ValueError, match="strings has 'az' with 'z', expected symbols of 'abcdefghijkl'"):
        bigram_counts(["a", "az"])


def test_the_earliest_of_equally_near_rows_counts():
    known = np.array([[5.0], [1.0], [3.0], [1.0]])
    assert nearest_rows(known, np.array([[1.0], [2.0], [4.0], [9.0]])).tolist() == [1, 1, 0, 0]


@pytest.fixture(scope="module")
def dataset():
    patterns = [["[abcd]{3}"], ["[abcd]{4}"], ["[abcd]{2}"]]
    return make_instruction_dataset(
        3, 1, 2, patterns=patterns, n_instructions=4, n_unseen_instructions=2, n_held_out_inputs=0
    )


def split(dataset, tasks_of_strings):
    examples = [(string, task, task, 0) for string, task in tasks_of_strings]
    return encode_examples(examples, dataset.outputs, dataset.vocabulary, 8)


def readings(dataset, known, new):
    found = surface_readings(split(dataset, known), split(dataset, [(s, 0) for s in new]), dataset.vocabulary)
    assert tuple(found) == READERS
    return {reader: tasks.tolist() for reader, tasks in found.items()}


def test_each_reader_sees_what_it_sees(dataset):
    # Turned round, "aabbdd" keeps its letters and all pairs but one: 6 counts differ, counting begin and end. To edit
    # it back takes 4 steps. "dcacbc" is 3 replacements away, but has hardly a pair in common: 12 counts differ.
    found = readings(dataset, [("dcacbc", 1), ("aabbdd", 0)], ["ddaabb"])
    assert found == {"edit_distance": [1], "bigrams": [0], "bag_of_letters": [0]}
    # All are of the same letters, so that who knows no more takes the first; one letter is missing.
    found = readings(dataset, [("abcd", 0), ("dcba", 1), ("cdab", 2)], ["dab"])
    assert found == {"edit_distance": [2], "bigrams": [2], "bag_of_letters": [0]}


def test_of_strings_equally_near_the_earliest_counts_for_every_reader(dataset):
    known = [("ab", 1), ("ab", 2), ("ac", 0)]
    found = readings(dataset, known, ["ab", "ad"])
    assert found == {"edit_distance": [1, 1], "bigrams": [1, 1], "bag_of_letters": [1, 1]}


def test_readers_of_training_strings_know_them(dataset):
    rows = dataset.train[dataset.train.unique_instructions()]
    found = surface_readings(rows, rows, dataset.vocabulary)
    np.testing.assert_array_equal(found["edit_distance"], rows.task)
    np.testing.assert_array_equal(found["bigrams"], rows.task)
