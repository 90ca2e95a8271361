"""The contingency table and the scores that count pairs: by hand, published values, every pair, a million samples.

Exact values are compared with ==: a Rand index is a quotient of whole numbers, rounded once, and so is float(Fraction);
the Fowlkes-Mallows score is the root of one.

Wrong versions that some test here fails on: the Rand index not adjusted; products of pair counts in int64 or
float64; ordered instead of unordered pairs in one of the four counts; a sample paired with itself; 0 or nan where
nothing can vary; labels taken for 0..k-1, or turned into strings or floats.
"""

import math
from fractions import Fraction
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.cluster import (
    KNeighborsClassifier,
    adjusted_rand_score,
    contingency_matrix,
    fowlkes_mallows_score,
    rand_score,
)

SCORES = [rand_score, adjusted_rand_score, fowlkes_mallows_score]

few_labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=25)


def look_at_every_pair(labels_true, labels_pred):
    """Whether each pair is together in a class, and whether in a cluster."""
    pairs = list(combinations(range(len(labels_true)), 2))
    return (
        [labels_true[i] == labels_true[j] for i, j in pairs],
        [labels_pred[i] == labels_pred[j] for i, j in pairs],
    )


def score_by_looking_at_every_pair(labels_true, labels_pred):
    in_class, in_cluster = look_at_every_pair(labels_true, labels_pred)
    if in_class == in_cluster:
        return Fraction(1)
    expected = Fraction(sum(in_class) * sum(in_cluster), len(in_class))
    shared = sum(a and b for a, b in zip(in_class, in_cluster))
    return (shared - expected) / (Fraction(sum(in_class) + sum(in_cluster), 2) - expected)


# Values -------------------------------------------------------------------------------------------


def test_rows_and_columns_are_sorted():
    labels = [("c", 1), ("a", 1), ("b", 1)]
    assert contingency_matrix(labels, [0, 1, 2]).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert contingency_matrix(["1", 1], [0, 1]).tolist() == [[1, 0], [0, 1]]  # can't be compared: by appearance


def test_contingency_by_hand():
    table = contingency_matrix(["b", "a", "a", "b", "b"], [7, 7, -1, 7, 3])
    assert table.tolist() == [[1, 0, 1], [0, 1, 2]]  # rows a, b; columns -1, 3, 7
    assert table.dtype == np.int64


def test_the_table_in_another_dtype():
    table = contingency_matrix([0, 0, 1], [0, 0, 0], dtype=np.float32)
    assert table.tolist() == [[2], [1]] and table.dtype == np.float32
    assert contingency_matrix([0] * 127, [0] * 127, dtype=np.int8).tolist() == [[127]]
    assert contingency_matrix([], []).shape == (0, 0)


def test_something_added_to_every_count():
    table = contingency_matrix([0, 0, 1], [0, 0, 1], eps=0.5, dtype=np.int64)  # dtype then has no say
    assert table.tolist() == [[2.5, 0.5], [0.5, 1.5]] and table.dtype == np.float64
    assert contingency_matrix([0], [0], eps=0).dtype == np.float64


@pytest.mark.parametrize(
    "labels_true, labels_pred, score",
    [
        # By hand: of 6 pairs 2 are together in classes, 1 in clusters, 1 in both. (1 - 2/6) / (3/2 - 2/6) = 4/7.
        ([0, 0, 1, 1], [0, 0, 1, 2], Fraction(4, 7)),
        # The same and the next four are in scikit-learn's documentation of adjusted_rand_score and its user guide.
        ([0, 0, 1, 2], [0, 0, 1, 1], Fraction(4, 7)),
        ([0, 0, 1, 1], [1, 1, 0, 0], 1),
        ([0, 0, 0, 0], [0, 1, 2, 3], 0),
        ([0, 0, 1, 1], [0, 1, 0, 1], Fraction(-1, 2)),
        # By hand: 15 pairs, 6 in classes, 3 in clusters, 2 in both. (2 - 18/15) / (9/2 - 18/15) = 8/33, there 0.24.
        ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2], Fraction(8, 33)),
        # Yeung & Ruzzo 2001, Details of the adjusted Rand index, work out .313 for the table 1 1 0, 1 2 1, 0 0 4.
        # 45 pairs, 13 in classes, 14 in clusters, 7 in both: (7 - 182/45) / (27/2 - 182/45) = 266/851.
        ([0, 0, 1, 1, 1, 1, 2, 2, 2, 2], [0, 1, 0, 1, 1, 2, 2, 2, 2, 2], Fraction(266, 851)),
    ],
)
def test_known_scores(labels_true, labels_pred, score):
    assert adjusted_rand_score(labels_true, labels_pred) == float(score)


@pytest.mark.parametrize(
    "labels_true, labels_pred, score",
    [
        # Rand 1971, section 3: abc | def and ab | cde | f agree on 9 of 15 pairs, 2 together (ab, de) and 7 apart.
        ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 2], Fraction(9, 15)),
        # By hand: of 6 pairs 1 is together in clusters but not in classes. In scikit-learn's documentation, as 0.83.
        ([0, 0, 1, 2], [0, 0, 1, 1], Fraction(5, 6)),
        # Manning, Raghavan & Schütze 2008, Introduction to Information Retrieval, section 16.3: clusters xxxxxo,
        # xoooo+, xx+++. Of 136 pairs 20 are together in both and 72 apart in both: 0.68.
        ("xxxxxoxoooo+xx+++", "11111122222233333", Fraction(92, 136)),
    ],
)
def test_known_rand_indices(labels_true, labels_pred, score):
    assert rand_score(labels_true, labels_pred) == float(score)


@pytest.mark.parametrize(
    "labels_true, labels_pred, square",
    [
        # By hand: 6 pairs in classes, 3 in clusters, 2 in both. scikit-learn's tests have 4 / sqrt(12 * 6), the same.
        ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2], Fraction(2 * 2, 6 * 3)),
        # As in scikit-learn's tests: 4 pairs in classes, 3 in clusters, 1 in both.
        ([0, 0, 0, 1, 1, 2], [1, 1, 2, 2, 0, 0], Fraction(1, 4 * 3)),
        ([0, 0, 1, 1], [1, 1, 0, 0], 1),
        ([0, 0, 1, 1], [0, 1, 0, 1], 0),
    ],
)
def test_known_fowlkes_mallows_scores(labels_true, labels_pred, square):
    assert fowlkes_mallows_score(labels_true, labels_pred) == math.sqrt(square)


@pytest.mark.parametrize(
    "labels_true, labels_pred, rand, adjusted, fowlkes_mallows",
    [
        # As scikit-learn 1.9 defines them; its own tests have the first four for the Rand indices.
        ([], [], 1.0, 1.0, 0.0),
        ([5], [3], 1.0, 1.0, 0.0),
        ([0, 0, 0], [1, 1, 1], 1.0, 1.0, 1.0),  # both all together
        ([0, 1, 2], [2, 0, 1], 1.0, 1.0, 0.0),  # both all apart
        ([0, 0, 0], [0, 1, 2], 0.0, 0.0, 0.0),  # one together, one apart
        ([0, 0, 0], [0, 0, 1], 1 / 3, 0.0, math.sqrt(1 / 3)),  # one together: nothing to agree with
        ([0, 1, 2], [0, 0, 1], 2 / 3, 0.0, 0.0),
    ],
)
def test_where_little_can_vary(labels_true, labels_pred, rand, adjusted, fowlkes_mallows):
    assert rand_score(labels_true, labels_pred) == rand
    assert adjusted_rand_score(labels_true, labels_pred) == adjusted
    assert fowlkes_mallows_score(labels_true, labels_pred) == fowlkes_mallows


@given(few_labels)
def test_against_every_pair(pairs):
    labels_true, labels_pred = zip(*pairs)
    expected = score_by_looking_at_every_pair(labels_true, labels_pred)
    assert adjusted_rand_score(labels_true, labels_pred) == float(expected)

    in_class, in_cluster = look_at_every_pair(labels_true, labels_pred)
    assert rand_score(labels_true, labels_pred) == sum(a == b for a, b in zip(in_class, in_cluster)) / len(in_class)
    shared = sum(a and b for a, b in zip(in_class, in_cluster))
    square = Fraction(shared**2, sum(in_class) * sum(in_cluster)) if shared else 0
    assert fowlkes_mallows_score(labels_true, labels_pred) == math.sqrt(square)


def test_the_mean_over_all_permutations_is_0():
    # What "adjusted" means. Each of 120 scores is rounded at 1e-16.
    scores = [adjusted_rand_score([0, 0, 1, 1, 2], order) for order in permutations([0, 0, 0, 1, 1])]
    assert max(scores) > 0.1
    assert np.mean(scores) == pytest.approx(0, abs=1e-15)


def test_random_labels_score_near_0():
    # The mean is 0, so a mean of 400 scores is within 5 standard errors but for one seed in two millions.
    rng = np.random.default_rng(0)
    scores = [adjusted_rand_score(rng.integers(5, size=100), rng.integers(5, size=100)) for _ in range(400)]
    assert np.std(scores) > 0
    assert abs(np.mean(scores)) < 5 * np.std(scores) / np.sqrt(400)


# Properties ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", SCORES)
@given(few_labels)
def test_symmetric_and_bounded(score, pairs):
    labels_true, labels_pred = zip(*pairs)
    value = score(labels_true, labels_pred)
    assert score(labels_pred, labels_true) == value
    assert (-0.5 if score is adjusted_rand_score else 0) <= value <= 1
    table = contingency_matrix(labels_true, labels_pred)
    np.testing.assert_array_equal(contingency_matrix(labels_pred, labels_true), table.T)


@pytest.mark.parametrize("score", SCORES)
@given(few_labels, st.permutations(range(5)), st.randoms(use_true_random=False))
def test_names_and_order_do_not_matter(score, pairs, names, random):
    labels_true, labels_pred = zip(*pairs)
    value = score(labels_true, labels_pred)
    assert score([names[label] for label in labels_true], labels_pred) == value
    random.shuffle(pairs)
    assert score(*zip(*pairs)) == value


@given(few_labels)
def test_a_score_of_1_means_the_same_partition(pairs):
    labels_true, labels_pred = zip(*pairs)
    same = len(set(pairs)) == len(set(labels_true)) == len(set(labels_pred))
    assert (adjusted_rand_score(labels_true, labels_pred) == 1) == same
    assert (rand_score(labels_true, labels_pred) == 1) == same


@pytest.mark.parametrize(
    "labels",
    [
        ["x", "x", "y", "z"],
        np.array(["x", "x", "y", "z"]),
        [True, True, False, False],
        [0.5, 0.5, -1.0, 2.0],
        [("a", 1), ("a", 1), ("a", 2), ("b", 1)],
        [None, None, "None", 0],
        [1, 1, "1", 2],
        np.array([1, 1, "1", 2], dtype=object),
        [2**70, 2**70, 2**70 + 1, 0],
        [2**63 + 1, 2**63 + 1, 2**63 + 2, -1],  # which an array would hold as floats, the first three equal
        [2**63, 2**63, 2**63 + 1, 1.5],
        ["a\0", "a\0", "a", "b"],  # an array of strings drops the \0
        [np.str_("a\0"), np.str_("a\0"), np.str_("a"), np.str_("b")],
        [1, True, 1.5, 0],  # Python finds 1, True and 1.0 equal
        [1.0, 1, "1", False],
        np.array([1 + 2j, 1 + 2j, 1 - 2j, 0]),
        np.array(["2026-01-01", "2026-01-01", "2026-01-02", "1970-01-01"], dtype="datetime64[D]"),
        np.array([255, 255, 0, 1], dtype=np.uint8),
        (frozenset("ab"), frozenset("ba"), frozenset("a"), frozenset()),
    ],
    ids=str,
)
def test_labels_of_any_hashable_kind(labels):
    partition = [[i for i in range(4) if labels[i] == label] for label in labels]
    integers = [members[0] for members in partition]
    assert adjusted_rand_score([0, 1, 0, 1], labels) == adjusted_rand_score([0, 1, 0, 1], integers)
    assert contingency_matrix(labels, labels).sum() == 4
    assert contingency_matrix(labels, integers).shape == (len(set(integers)),) * 2


@pytest.mark.parametrize(
    "labels, dtype",
    [
        ([3, 3, 1], np.int64),
        ([True, False, True], np.bool_),
        ([0.5, -1.0, 0.5], np.float64),
        (["b", "a", "a"], np.dtype("<U1")),
        ([np.float32(0.1), np.float32(0.1), np.float32(2)], np.float32),
        ([2**63 + 1, -1, -1], object),  # float64 would make it 2**63
        (["a\0", "a", "a"], object),
        ([1, "1", "1"], object),
        ([(1, 2), (1, 2), (3, 4)], object),
        (np.array([3, 3, 1], dtype=object), object),
    ],
    ids=str,
)
def test_labels_of_a_list_come_back_as_an_array_that_loses_nothing(labels, dtype):
    model = KNeighborsClassifier(1).fit([[0], [1], [2]], labels)
    assert model.classes_.dtype == dtype
    predicted = model.predict([[0], [1], [2]])
    assert predicted.tolist() == list(labels)


# A million samples --------------------------------------------------------------------------------


def exact_pairs(table):
    """Pairs together in both, in classes, in clusters, and all, of a table of Python ints."""

    def pairs(sizes):
        return sum(size * (size - 1) // 2 for size in sizes)

    shared = pairs([cell for row in table for cell in row])
    return shared, pairs(map(sum, table)), pairs(map(sum, zip(*table))), pairs([sum(map(sum, table))])


def exact_score(table):
    """The adjusted Rand index of a table of Python ints, as a Fraction."""
    shared, class_pairs, cluster_pairs, all_pairs = exact_pairs(table)
    expected = Fraction(class_pairs * cluster_pairs, all_pairs)
    return (shared - expected) / (Fraction(class_pairs + cluster_pairs, 2) - expected)


@pytest.mark.parametrize(
    "table",
    [
        [[250_000, 250_000], [250_000, 250_000]],  # about -1e-6: float64 loses the last 6 digits to cancellation
        [[499_999, 1], [3, 499_997]],
        [[1] * 1000] * 1000,
        [[999_999, 1]],
    ],
    ids=["independent", "nearly equal", "many clusters", "one class"],
)
def test_a_million_samples(table):
    # Products of pair counts reach 2.5e23, past int64.
    cells = np.array(table)
    classes, clusters = np.indices(cells.shape)
    labels_true, labels_pred = np.repeat(classes, cells.ravel()), np.repeat(clusters, cells.ravel())
    assert len(labels_true) == 1_000_000
    assert adjusted_rand_score(labels_true, labels_pred) == float(exact_score(table))
    shared, class_pairs, cluster_pairs, all_pairs = exact_pairs(table)
    disagreements = class_pairs + cluster_pairs - 2 * shared
    assert rand_score(labels_true, labels_pred) == float(1 - Fraction(disagreements, all_pairs))
    square = Fraction(shared**2, class_pairs * cluster_pairs) if shared else 0
    assert fowlkes_mallows_score(labels_true, labels_pred) == math.sqrt(square)
    np.testing.assert_array_equal(contingency_matrix(labels_true, labels_pred), cells)


def test_as_many_labels_as_samples_need_no_square_table():
    n_samples = 100_000  # whose whole table would take 80 GB
    labels = np.arange(n_samples)
    assert adjusted_rand_score(labels, labels[::-1]) == 1.0
    assert adjusted_rand_score(labels, labels // 2) == 0.0  # no pair is together in the first
    assert rand_score(labels, labels // 2) == float(1 - Fraction(50_000, math.comb(n_samples, 2)))
    assert fowlkes_mallows_score(labels // 2, labels // 2) == 1.0


# Misuse -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [*SCORES, contingency_matrix])
@pytest.mark.parametrize(
    "labels_true, labels_pred, error, message",
    [
        ([0, 1], [0, 1, 1], ValueError, "labels_pred has 3 entries, expected 2 as labels_true has"),
        ([], [0], ValueError, "labels_pred has 1 entries, expected 0 as labels_true has"),
        (np.zeros((2, 1)), [0, 1], ValueError, r"labels_true has shape \(2, 1\), expected \(n,\)"),
        ([0, 1], [0.0, np.nan], ValueError, r"labels_pred\[1\] = nan"),
        ([0, 1], [None, float("nan")], ValueError, r"labels_pred\[1\] = nan"),
        ([0, 1], np.array([0, np.nan]), ValueError, r"labels_pred\[1\] = nan"),
        ([0, 1], np.array([1j, complex(0, np.nan)]), ValueError, r"labels_pred\[1\] = nanj"),
        (np.array(["2026", "NaT"], dtype="datetime64[D]"), [0, 1], ValueError, r"labels_true\[1\] = NaT"),
        ([0, 1], [[0], [1]], TypeError, "labels_pred holds a label that can't be hashed"),
        (3, [0, 1], TypeError, "labels_true = 3, expected a sequence of labels"),
    ],
)
def test_bad_labels_are_named(function, labels_true, labels_pred, error, message):
    with pytest.raises(error, match=message) as caught:
        function(labels_true, labels_pred)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"eps": -1}, ValueError, "eps = -1, expected a finite number, at least 0"),
        ({"eps": np.nan}, ValueError, "eps = nan"),
        ({"eps": "1"}, TypeError, "eps = '1', expected a number"),
        ({"dtype": np.int8}, ValueError, "dtype = int8, expected one that holds the largest count, 128"),
        ({"dtype": bool}, TypeError, "dtype = bool, expected one of integers or floats"),
    ],
)
def test_bad_settings_of_the_table_are_named(settings, error, message):
    with pytest.raises(error, match=message) as caught:
        contingency_matrix([0] * 128, [0] * 128, **settings)
    assert "\n" not in str(caught.value)


def test_labels_that_are_objects_are_sorted_by_themselves_not_as_text():
    assert contingency_matrix([(10,), (9,)], [0, 1]).tolist() == [[0, 1], [1, 0]]
