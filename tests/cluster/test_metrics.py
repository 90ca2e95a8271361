"""contingency_matrix and adjusted_rand_score: by hand, published values, pair counting, and a million samples.

Exact values are compared with ==: the score is a quotient of whole numbers, rounded once, and so is float(Fraction).

Wrong versions that some test here fails on: the Rand index not adjusted; products of pair counts in int64 or
float64; ordered instead of unordered pairs in one of the four counts; a sample paired with itself; 0 or nan where
nothing can vary; labels taken for 0..k-1, or turned into strings.
"""

from fractions import Fraction
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.cluster import adjusted_rand_score, contingency_matrix

few_labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=25)


def score_by_looking_at_every_pair(labels_true, labels_pred):
    pairs = list(combinations(range(len(labels_true)), 2))
    in_class = [labels_true[i] == labels_true[j] for i, j in pairs]
    in_cluster = [labels_pred[i] == labels_pred[j] for i, j in pairs]
    if in_class == in_cluster:
        return Fraction(1)
    expected = Fraction(sum(in_class) * sum(in_cluster), len(pairs))
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
        ([5], [3], 1.0),
        ([0, 0, 0], [1, 1, 1], 1.0),  # both all together
        ([0, 1, 2], [2, 0, 1], 1.0),  # both all apart
        ([0, 0, 0], [0, 1, 2], 0.0),  # one together, one apart
        ([0, 0, 0], [0, 0, 1], 0.0),  # one together: nothing to agree with
        ([0, 1, 2], [0, 0, 1], 0.0),
    ],
)
def test_where_little_can_vary(labels_true, labels_pred, score):
    assert adjusted_rand_score(labels_true, labels_pred) == score


@given(few_labels)
def test_against_every_pair(pairs):
    labels_true, labels_pred = zip(*pairs)
    expected = score_by_looking_at_every_pair(labels_true, labels_pred)
    assert adjusted_rand_score(labels_true, labels_pred) == float(expected)


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


@given(few_labels)
def test_symmetric_and_bounded(pairs):
    labels_true, labels_pred = zip(*pairs)
    score = adjusted_rand_score(labels_true, labels_pred)
    assert adjusted_rand_score(labels_pred, labels_true) == score
    assert -0.5 <= score <= 1
    table = contingency_matrix(labels_true, labels_pred)
    np.testing.assert_array_equal(contingency_matrix(labels_pred, labels_true), table.T)


@given(few_labels, st.permutations(range(5)), st.randoms(use_true_random=False))
def test_names_and_order_do_not_matter(pairs, names, random):
    labels_true, labels_pred = zip(*pairs)
    score = adjusted_rand_score(labels_true, labels_pred)
    assert adjusted_rand_score([names[label] for label in labels_true], labels_pred) == score
    random.shuffle(pairs)
    assert adjusted_rand_score(*zip(*pairs)) == score


@given(few_labels)
def test_a_score_of_1_means_the_same_partition(pairs):
    labels_true, labels_pred = zip(*pairs)
    same = len(set(pairs)) == len(set(labels_true)) == len(set(labels_pred))
    assert (adjusted_rand_score(labels_true, labels_pred) == 1) == same


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


# A million samples --------------------------------------------------------------------------------


def exact_score(table):
    """The score of a table of Python ints, as a Fraction."""

    def pairs(sizes):
        return sum(size * (size - 1) // 2 for size in sizes)

    shared = pairs([cell for row in table for cell in row])
    class_pairs, cluster_pairs = pairs(map(sum, table)), pairs(map(sum, zip(*table)))
    expected = Fraction(class_pairs * cluster_pairs, pairs([sum(map(sum, table))]))
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
    np.testing.assert_array_equal(contingency_matrix(labels_true, labels_pred), cells)


def test_as_many_labels_as_samples_need_no_square_table():
    n_samples = 100_000  # whose whole table would take 80 GB
    labels = np.arange(n_samples)
    assert adjusted_rand_score(labels, labels[::-1]) == 1.0
    assert adjusted_rand_score(labels, labels // 2) == 0.0  # no pair is together in the first


# Misuse -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [adjusted_rand_score, contingency_matrix])
@pytest.mark.parametrize(
    "labels_true, labels_pred, error, message",
    [
        ([0, 1], [0, 1, 1], ValueError, "labels_pred has 3 entries, expected 2 as labels_true has"),
        ([], [], ValueError, "labels_true is empty"),
        (np.zeros((2, 1)), [0, 1], ValueError, r"labels_true has shape \(2, 1\), expected \(n,\)"),
        ([0, 1], [0.0, np.nan], ValueError, r"labels_pred\[1\] = nan"),
        ([0, 1], [None, float("nan")], ValueError, "labels_pred holds nan"),
        ([0, 1], [[0], [1]], TypeError, "labels_pred holds a label that can't be hashed"),
        (3, [0, 1], TypeError, "labels_true = 3, expected a sequence of labels"),
    ],
)
def test_bad_labels_are_named(function, labels_true, labels_pred, error, message):
    with pytest.raises(error, match=message) as caught:
        function(labels_true, labels_pred)
    assert "\n" not in str(caught.value)


def test_labels_that_are_objects_are_sorted_by_themselves_not_as_text():
    assert contingency_matrix([(10,), (9,)], [0, 1]).tolist() == [[0, 1], [1, 0]]
