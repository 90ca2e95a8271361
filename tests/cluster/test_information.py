"""Mutual information and what is made of it: by hand, published values, probabilities, all permutations, a million.

Tolerances. A sum of p terms of size at most 1, each a product of three rounded numbers, is right to 4 * 1.1e-16 a
term, fsum adding nothing; with up to 25 terms that average 1/5: SUM = 1e-14 leaves room for the division. Expected
information is a sum of hypergeometric weights, each a product of ratios rounded at 3e-16, for most of them as many as
a standard deviation, which is at most 25 here: WEIGHTS = 1e-13, relative.

Wrong versions that some test here fails on: logarithms to base 2; shares not normalised by n; entropies of the wrong
labelling; the wrong mean; expected information from a wrong mode, ratio, range or multiplicity; chance taken off the
numerator only; counts in 32 bits; homogeneity and completeness exchanged; beta on the wrong side.
"""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.cluster import (
    adjusted_mutual_info_score,
    completeness_score,
    contingency_matrix,
    fowlkes_mallows_score,
    homogeneity_completeness_v_measure,
    homogeneity_score,
    mutual_info_score,
    normalized_mutual_info_score,
    v_measure_score,
)
from minicluster.cluster._expected_information import expected_mutual_information

SUM = 1e-14
WEIGHTS = 1e-13

AVERAGES = ["min", "geometric", "arithmetic", "max"]
SCORES = [
    mutual_info_score,
    normalized_mutual_info_score,
    adjusted_mutual_info_score,
    homogeneity_score,
    completeness_score,
    v_measure_score,
]
SYMMETRIC = [mutual_info_score, normalized_mutual_info_score, adjusted_mutual_info_score, v_measure_score]

few_labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=25)

# From scikit-learn's test_supervised.py, test_adjusted_mutual_info_score, which has their scores to 5 digits.
LABELS_A = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]
LABELS_B = [1, 1, 1, 1, 2, 1, 2, 2, 2, 2, 3, 1, 3, 3, 3, 2, 2]


def information_by_probabilities(labels_true, labels_pred):
    """Sum of p(class, cluster) * log of p(class, cluster) / (p(class) * p(cluster)), over all pairs of the two."""
    n = len(labels_true)
    total = 0.0
    for a in set(labels_true):
        for b in set(labels_pred):
            both = sum((p, q) == (a, b) for p, q in zip(labels_true, labels_pred))
            expected = Fraction(labels_true.count(a) * labels_pred.count(b), n * n)
            if both:
                total += both / n * math.log(Fraction(both, n) / expected)
    return total


def entropy_by_probabilities(labels):
    return -sum(labels.count(a) / len(labels) * math.log(labels.count(a) / len(labels)) for a in set(labels))


def exact_information(table):
    """Mutual information of a table of Python ints, to 50 digits."""
    with localcontext() as context:
        context.prec = 60
        n = sum(map(sum, table))
        total = Decimal(0)
        for row in table:
            for cell, column in zip(row, zip(*table)):
                if cell:
                    total += Decimal(cell) / n * (Decimal(n * cell) / Decimal(sum(row) * sum(column))).ln()
        return total


def exact_expected_information(class_sizes, cluster_sizes):
    """Expected information from binomials, to 50 digits."""
    with localcontext() as context:
        context.prec = 60
        n = sum(class_sizes)
        total = Decimal(0)
        for a in set(class_sizes):
            all_ways = math.comb(n, a)
            for b in set(cluster_sizes):
                part = Decimal(0)
                for h in range(max(1, a + b - n), min(a, b) + 1):
                    ways = math.comb(b, h) * math.comb(n - b, a - h)
                    part += Decimal(ways) / all_ways * h / n * (Decimal(n * h) / (a * b)).ln()
                total += part * class_sizes.count(a) * cluster_sizes.count(b)
        return total


def labels_of_table(table):
    cells = np.array(table)
    classes, clusters = np.indices(cells.shape)
    return np.repeat(classes, cells.ravel()), np.repeat(clusters, cells.ravel())


# Values -------------------------------------------------------------------------------------------


def test_information_by_hand():
    # Table 2 1 / 1 2, n = 6, all sizes 3: 2 cells of 2/6 log(6 * 2 / 9) and 2 of 1/6 log(6 * 1 / 9).
    expected = 2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)
    # The same labels are in scikit-learn's documentation of mutual_info_score, there 0.0566.
    assert mutual_info_score([0, 1, 1, 0, 1, 0], [0, 1, 0, 0, 1, 1]) == pytest.approx(expected, rel=SUM)
    assert expected == pytest.approx(0.0566, abs=5e-5)  # its last digit


def test_what_a_labelling_tells_about_itself_is_its_entropy():
    assert mutual_info_score([0, 0, 42], [0, 0, 42]) == pytest.approx(math.log(3) - 2 / 3 * math.log(2), rel=SUM)
    assert mutual_info_score([0, 1, 2, 3], list("abcd")) == pytest.approx(math.log(4), rel=SUM)


def test_published_information():
    assert mutual_info_score(LABELS_A, LABELS_B) == pytest.approx(0.41022, abs=5e-6)  # each to its last digit
    assert expected_mutual_information(np.array([6, 6, 5]), np.array([6, 7, 4])) == pytest.approx(0.15042, abs=5e-6)
    assert adjusted_mutual_info_score(LABELS_A, LABELS_B) == pytest.approx(0.27821, abs=5e-6)
    assert adjusted_mutual_info_score(LABELS_A * 110, LABELS_B * 110) == pytest.approx(0.38, abs=5e-3)


def test_published_normalised_information():
    # Manning, Raghavan & Schütze 2008, table 16.2: 0.36. Theirs is the arithmetic mean.
    score = normalized_mutual_info_score("xxxxxoxoooo+xx+++", "11111122222233333")
    assert score == pytest.approx(0.36, abs=5e-3)


@pytest.mark.parametrize(
    "labels_true, labels_pred, homogeneity, completeness, v_measure",
    [
        # scikit-learn's test_supervised.py, there to 2 digits.
        ([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 2, 2], 1.00, 0.69, 0.81),
        ([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 1, 1], 0.58, 1.00, 0.73),
        ([0, 0, 0, 1, 1, 1], [0, 1, 0, 1, 2, 2], 0.67, 0.42, 0.52),
        # By hand: clusters tell the class, log 2, and log 4 is to be told of them: 1, 1/2, and 2 * 1/2 / (3/2).
        ([0, 0, 1, 1], [0, 1, 2, 3], 1, 1 / 2, 2 / 3),
        ([0, 0, 1, 1], [0, 1, 0, 1], 0, 0, 0),
    ],
)
def test_known_homogeneity_completeness_and_v_measure(labels_true, labels_pred, homogeneity, completeness, v_measure):
    scores = homogeneity_completeness_v_measure(labels_true, labels_pred)
    assert scores == pytest.approx((homogeneity, completeness, v_measure), abs=5e-3)
    assert homogeneity_score(labels_true, labels_pred) == scores[0]
    assert completeness_score(labels_true, labels_pred) == scores[1]
    assert v_measure_score(labels_true, labels_pred) == scores[2]


def test_beta_by_hand():
    # Homogeneity 1, completeness 1/2: (1 + beta) / 2 / (beta + 1/2).
    labels_true, labels_pred = [0, 0, 1, 1], [0, 1, 2, 3]
    assert v_measure_score(labels_true, labels_pred, beta=0) == pytest.approx(1, rel=SUM)
    assert v_measure_score(labels_true, labels_pred, beta=3) == pytest.approx(4 / 7, rel=SUM)
    assert homogeneity_completeness_v_measure(labels_true, labels_pred, beta=3)[2] == pytest.approx(4 / 7, rel=SUM)
    assert v_measure_score([0, 0, 0], [0, 1, 2], beta=0) == 1.0  # completeness 0 and beta 0: homogeneity alone


@pytest.mark.parametrize("average, mean", [("min", 1), ("geometric", math.sqrt(2)), ("arithmetic", 1.5), ("max", 2)])
def test_the_four_means_by_hand(average, mean):
    # Entropies log 2 and log 4, shared log 2; and of permutations of 2 2 | 2 1 1: 2 of 6 share log 2, the others half.
    score = normalized_mutual_info_score([0, 0, 1, 1], [0, 1, 2, 3], average_method=average)
    assert score == pytest.approx(1 / mean, rel=SUM)
    # Table 2 0 0 / 0 1 1: shared log 2, entropies log 2 and 1.5 log 2. In units of log 2: when the pair of the first
    # is split, shared is 1/2 (cells 1 1 0 / 1 0 1: 2 of 1/4 log(4/4), 2 of 1/4 log(4/2)). The pair of clusters is a
    # pair of classes in 2 of 6 choices: expected 2/6 * 1 + 4/6 * 1/2 = 2/3.
    mean = {"min": 1, "geometric": math.sqrt(1.5), "arithmetic": 1.25, "max": 1.5}[average]
    score = adjusted_mutual_info_score([0, 0, 1, 1], [0, 0, 1, 2], average_method=average)
    assert score == pytest.approx((1 - 2 / 3) / (mean - 2 / 3), rel=WEIGHTS)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize(
    "labels_true, labels_pred, score",
    [
        # As scikit-learn 1.9 defines them.
        ([], [], 1.0),
        ([0], [1], 1.0),
        ([0, 0, 0], [1, 1, 1], 1.0),
        ([0, 1, 2], [5, 3, 4], 1.0),
        ([0, 1, 0], [42, 7, 42], 1.0),
        ([0, 1], [0, 1], 1.0),
        ([0, 0, 0], [0, 1, 2], 0.0),
        ([0, 1, 1], [0, 0, 0], 0.0),
    ],
)
def test_where_little_can_vary(labels_true, labels_pred, score, average):
    assert normalized_mutual_info_score(labels_true, labels_pred, average_method=average) == score
    assert adjusted_mutual_info_score(labels_true, labels_pred, average_method=average) == score


@pytest.mark.parametrize(
    "labels_true, labels_pred, scores",
    [
        ([], [], (1.0, 1.0, 1.0)),
        ([0], [1], (1.0, 1.0, 1.0)),
        ([0, 0, 0], [0, 1, 1], (1.0, 0.0, 0.0)),
        ([0, 1, 1], [0, 0, 0], (0.0, 1.0, 0.0)),
        ([0, 1, 1], [2, 3, 3], (1.0, 1.0, 1.0)),
    ],
)
def test_homogeneity_and_completeness_where_little_can_vary(labels_true, labels_pred, scores):
    assert homogeneity_completeness_v_measure(labels_true, labels_pred) == scores


@pytest.mark.parametrize("average, score", [("min", 1.0), ("geometric", 0.0), ("arithmetic", 0.0), ("max", 0.0)])
def test_each_sample_on_its_own_is_worth_nothing_by_chance(average, score):
    # All permutations share as much, so 0; with "min" that is also the most there can be, 0 / 0, and a perfect match.
    # scikit-learn's value there is rounding noise over rounding noise: -1, 0.9, 1 or 2.
    for labels in ([0, 0, 1, 1], [0, 1, 1, 1, 2, 2, 0], list(range(40)) + [0] * 10):
        apart = range(len(labels))
        assert adjusted_mutual_info_score(apart, labels, average_method=average) == score
        assert adjusted_mutual_info_score(labels, apart, average_method=average) == score


def test_independent_labels_share_exactly_nothing():
    for n_classes, n_clusters, copies in [(2, 2, 1), (3, 7, 11), (13, 6, 49)]:
        labels_true, labels_pred = labels_of_table(np.full((n_classes, n_clusters), copies))
        assert mutual_info_score(labels_true, labels_pred) == 0
        assert normalized_mutual_info_score(labels_true, labels_pred) == 0
        assert v_measure_score(labels_true, labels_pred) == 0


def test_clusters_that_split_classes_are_exactly_homogeneous():
    # With shares of thirds and sevenths, information and entropy summed apart would differ in the last digit.
    for n_samples in range(2, 60):
        labels_pred = np.arange(n_samples) % 7 + 7 * (np.arange(n_samples) % 3)
        labels_true = np.arange(n_samples) % 3
        assert homogeneity_score(labels_true, labels_pred) == 1.0
        assert completeness_score(labels_pred, labels_true) == 1.0
        assert normalized_mutual_info_score(labels_true, labels_pred, average_method="min") == 1.0


def test_a_contingency_table_in_place_of_labels():
    table = contingency_matrix(LABELS_A, LABELS_B)
    score = mutual_info_score(LABELS_A, LABELS_B)
    for given_table in (table, table.astype(np.int8), table.astype(np.float64), table.tolist(), table.T):
        assert mutual_info_score(None, None, contingency=given_table) == score
    padded = np.pad(table, 1)[:, ::-1]  # rows and columns of zeros, one of them first
    assert mutual_info_score([0], [1, 2], contingency=padded) == score


def test_a_table_of_huge_counts():
    # n * count passes int64 from 3e9 each; the shares are those of 2 1 / 1 2.
    expected = 2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)
    for factor in (2**30, 2**31, 10**10, 2**61):
        table = [[2 * factor, factor], [factor, 2 * factor]]
        assert mutual_info_score(None, None, contingency=table) == pytest.approx(expected, rel=SUM)
    assert mutual_info_score(None, None, contingency=np.full((2, 2), 2**63, dtype=np.uint64)) == 0


# Against sums over everything ---------------------------------------------------------------------


@given(few_labels)
def test_against_probabilities(pairs):
    labels_true, labels_pred = zip(*pairs)
    information = information_by_probabilities(labels_true, labels_pred)
    entropies = entropy_by_probabilities(labels_true), entropy_by_probabilities(labels_pred)
    assert mutual_info_score(labels_true, labels_pred) == pytest.approx(information, abs=SUM)
    # Divided by entropies, of which the smallest but 0 is that of 24 and 1, 0.17.
    if min(entropies) > 0:
        scores = homogeneity_completeness_v_measure(labels_true, labels_pred)
        assert scores[:2] == pytest.approx((information / entropies[0], information / entropies[1]), abs=10 * SUM)
        for average, mean in {
            "min": min(entropies),
            "geometric": math.sqrt(entropies[0] * entropies[1]),
            "arithmetic": sum(entropies) / 2,
            "max": max(entropies),
        }.items():
            score = normalized_mutual_info_score(labels_true, labels_pred, average_method=average)
            assert score == pytest.approx(information / mean, abs=10 * SUM)


@given(few_labels, st.sampled_from([0, 0.2, 1, 3]))
def test_v_measure_is_the_weighted_mean_of_the_two(pairs, beta):
    labels_true, labels_pred = zip(*pairs)
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(labels_true, labels_pred, beta=beta)
    if min(homogeneity, completeness) > 0:
        # Harmonic means are means of reciprocals. Each side is rounded a few times.
        assert (1 + beta) / v_measure == pytest.approx(1 / homogeneity + beta / completeness, rel=SUM)
    if beta == 1:
        # The same number by two ways.
        assert v_measure == pytest.approx(normalized_mutual_info_score(labels_true, labels_pred), abs=SUM)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6))
def test_expected_information_is_the_mean_over_all_permutations(pairs):
    labels_true, labels_pred = zip(*pairs)
    orders = list(permutations(labels_pred))
    mean = math.fsum(information_by_probabilities(labels_true, order) for order in orders) / len(orders)
    sizes = [np.unique(labels, return_counts=True)[1] for labels in (labels_true, labels_pred)]
    assert expected_mutual_information(*sizes) == pytest.approx(mean, abs=SUM)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.data())
def test_expected_information_against_binomials(class_sizes, data):
    n = sum(class_sizes)
    cuts = data.draw(st.sets(st.integers(1, n - 1), max_size=4)) if n > 1 else set()
    cluster_sizes = np.diff([0, *sorted(cuts), n]).tolist()
    exact = float(exact_expected_information(class_sizes, cluster_sizes))
    expected = expected_mutual_information(np.array(class_sizes), np.array(cluster_sizes))
    assert expected == pytest.approx(exact, rel=WEIGHTS, abs=1e-18)  # 0 but for rounding if all are together


@pytest.mark.parametrize(
    "class_sizes, cluster_sizes",
    [
        ([700, 800, 500], [1000, 999, 1]),
        ([1990, 10], [1985, 15]),  # a + b - n > 0: the overlap can't be 0
        ([1000, 1000], [1000, 1000]),
        ([20] * 100, [100] * 20),
        ([1] * 1999 + [2], [3] * 667),
    ],
)
def test_expected_information_of_thousands(class_sizes, cluster_sizes):
    expected = expected_mutual_information(np.array(class_sizes), np.array(cluster_sizes))
    exact = float(exact_expected_information(class_sizes, cluster_sizes))
    assert expected == pytest.approx(exact, rel=WEIGHTS, abs=0)


def test_adjusted_information_of_all_permutations_averages_0():
    # What "adjusted" means. The size of a rounding error of 120 scores.
    scores = [adjusted_mutual_info_score([0, 0, 1, 1, 2], order) for order in permutations([0, 0, 0, 1, 1])]
    assert max(scores) > 0.1
    assert np.mean(scores) == pytest.approx(0, abs=SUM)


def test_random_labels_score_near_0_only_if_adjusted():
    # The mean is 0, so a mean of 200 scores is within 5 standard errors but for one seed in two millions.
    rng = np.random.default_rng(0)
    labellings = [(rng.integers(5, size=100), rng.integers(20, size=100)) for _ in range(200)]
    adjusted = [adjusted_mutual_info_score(*pair) for pair in labellings]
    assert np.std(adjusted) > 0
    assert abs(np.mean(adjusted)) < 5 * np.std(adjusted) / np.sqrt(200)
    assert np.mean([normalized_mutual_info_score(*pair) for pair in labellings]) > 0.1


# Properties ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", SYMMETRIC)
@given(few_labels)
def test_symmetric(score, pairs):
    labels_true, labels_pred = zip(*pairs)
    # Expected information sums its weights in another order.
    assert score(labels_pred, labels_true) == pytest.approx(score(labels_true, labels_pred), abs=WEIGHTS)


@given(few_labels)
def test_homogeneity_is_completeness_the_other_way_round(pairs):
    labels_true, labels_pred = zip(*pairs)
    assert homogeneity_score(labels_true, labels_pred) == completeness_score(labels_pred, labels_true)


@pytest.mark.parametrize("score", SCORES)
@given(few_labels, st.permutations(range(5)), st.randoms(use_true_random=False))
def test_names_and_order_do_not_matter(score, pairs, names, random):
    labels_true, labels_pred = zip(*pairs)
    value = score(labels_true, labels_pred)
    assert score([names[label] for label in labels_true], labels_pred) == value  # to the last digit
    random.shuffle(pairs)
    assert score(*zip(*pairs)) == value


@given(few_labels, st.sampled_from(AVERAGES))
def test_bounds(pairs, average):
    labels_true, labels_pred = zip(*pairs)
    same = len(set(pairs)) == len(set(labels_true)) == len(set(labels_pred))
    refined = len(set(pairs)) == max(len(set(labels_true)), len(set(labels_pred)))
    information = mutual_info_score(labels_true, labels_pred)
    assert 0 <= information <= min(
        mutual_info_score(labels_true, labels_true), mutual_info_score(labels_pred, labels_pred)
    )
    normalized = normalized_mutual_info_score(labels_true, labels_pred, average_method=average)
    adjusted = adjusted_mutual_info_score(labels_true, labels_pred, average_method=average)
    assert 0 <= normalized <= 1 and adjusted <= 1
    assert all(0 <= score <= 1 for score in homogeneity_completeness_v_measure(labels_true, labels_pred))
    if not (average == "min" and refined):  # then the smaller entropy is shared in full
        assert (normalized == 1) == (adjusted == 1) == same


@pytest.mark.parametrize("average", AVERAGES)
def test_nearly_everything_together(average):
    # scikit-learn's issue 13836: 469 samples of which 1, or 2, are apart.
    labels = [0] * 469
    one, two = [1] + labels[1:], [0, 1] + labels[2:]
    assert normalized_mutual_info_score(labels, one, average_method=average) == 0
    assert 0 < normalized_mutual_info_score(one, two, average_method=average) < 1


@pytest.mark.parametrize("score", SCORES)
def test_labels_of_any_hashable_kind(score):
    names = [("a", 1), None, "1", 1]
    labels_true, labels_pred = [0, 1, 2, 3, 0, 1], [0, 0, 1, 2, 3, 3]
    assert score([names[i] for i in labels_true], [names[i] for i in labels_pred]) == score(labels_true, labels_pred)


# A million samples --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [
        [[250_001, 249_999], [249_999, 250_001]],
        [[499_999, 1], [3, 499_997]],
        [[1] * 1000] * 999 + [[2] * 500 + [0] * 500],
        [[999_998, 0, 1], [0, 1, 0]],
    ],
    ids=["nearly independent", "nearly equal", "many clusters", "nearly all together"],
)
def test_information_of_a_million(table):
    # Nearly independent: the terms are 2 * 1e-6, their sum is 8e-12 of them, and 1e-16 of a term 3e-11 of the sum.
    tolerance = 1e-10 if table[0][0] == 250_001 else SUM
    labels_true, labels_pred = labels_of_table(table)
    assert len(labels_true) == 1_000_000
    exact = float(exact_information(table)) if len(table) < 1000 else _information_of_many_clusters()
    assert mutual_info_score(labels_true, labels_pred) == pytest.approx(exact, rel=tolerance, abs=0)


def _information_of_many_clusters():
    # 999 classes of 1000 and one of 1000; 500 clusters of 1001 and 500 of 999.
    n, total = 1_000_000, []
    for cells, cell, column in [(999 * 500, 1, 1001), (999 * 500, 1, 999), (500, 2, 1001)]:
        total.append(cells * cell / n * math.log1p(Fraction(n * cell, 1000 * column) - 1))
    return math.fsum(total)


def test_a_dependence_of_one_sample_in_a_million_is_seen():
    labels_true, labels_pred = labels_of_table([[250_001, 249_999], [249_999, 250_001]])
    # The leading term of information for table entries n/4 +- 1: chi^2 / (2n), with chi^2 = 4 * 1 / (n/4).
    score = mutual_info_score(labels_true, labels_pred)
    assert score == pytest.approx(8e-12, rel=1e-10, abs=0)  # the next term is (4/n)^2 of it; rounding as above


def test_expected_information_of_a_million():
    # Two tables whose overlap takes few values, so that their chances are small binomials: a class of 3.
    n = 1_000_000
    for b in (1, 2, 400_000, 999_999):
        exact = Fraction(0)
        for h in range(max(0, 3 + b - n), min(3, b) + 1):
            chance = Fraction(math.comb(b, h) * math.comb(n - b, 3 - h), math.comb(n, 3))
            exact += chance * Fraction(exact_information([[h, 3 - h], [b - h, n - b - 3 + h]]))
        expected = expected_mutual_information(np.array([3, n - 3]), np.array([b, n - b]))
        # At most four values of the overlap, so no long products; what cancels leaves a tenth at least.
        assert expected == pytest.approx(float(exact), rel=WEIGHTS, abs=0)


def test_expected_information_of_ten_clusters_of_a_million():
    # Independent labels have chi^2 = (10 - 1)^2 * n / (n - 1) on average, and information chi^2 / (2n) as long as
    # overlaps, of 10,000, stray little: the next term is of the order of 1 / 10,000 of it.
    sizes = np.full(10, 100_000)
    expected = expected_mutual_information(sizes, sizes)
    assert expected == pytest.approx(81 / (2 * 999_999), rel=1e-4, abs=0)


def test_adjusted_information_of_a_million():
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=1_000_000, dtype=np.int32)
    other = rng.integers(10, size=1_000_000, dtype=np.int32)
    # Information of random labels is chi^2 / 2n, of standard deviation 9 / (n sqrt(2)), as a share of log 10.
    assert abs(adjusted_mutual_info_score(labels, other)) < 5 * 9 / 1e6 / math.sqrt(2) / math.log(10)
    other[:250_000] = labels[:250_000]
    # A quarter equal: of a class .325 is in its cluster, .075 in each other. Shares are off by some 1 / sqrt(n).
    shared = 0.325 * math.log(3.25) + 0.675 * math.log(0.75)
    assert adjusted_mutual_info_score(labels, other) == pytest.approx(shared / math.log(10), abs=5e-3)


def test_counts_whose_products_pass_32_bits():
    # scikit-learn's test_int_overflow_mutual_info_fowlkes_mallows_score: sizes to 55,161 and 71,693.
    table = [[52632, 2529], [14660, 793], [3271, 204], [814, 39], [316, 20]]
    labels_true, labels_pred = (labels.astype(np.int32) for labels in labels_of_table(table))
    exact = float(exact_information(table))
    assert mutual_info_score(labels_true, labels_pred) == pytest.approx(exact, rel=1e-11, abs=0)  # 1e-5 of its terms
    assert 0 < fowlkes_mallows_score(labels_true, labels_pred) < 1
    assert expected_mutual_information(np.array([70_000]), np.array([70_000])) == 0


def test_as_many_labels_as_samples_need_no_square_table():
    labels = np.arange(100_000)  # whose whole table would take 80 GB
    assert normalized_mutual_info_score(labels, labels[::-1]) == 1.0
    assert adjusted_mutual_info_score(labels, labels // 2) == 0.0
    assert homogeneity_score(labels // 2, labels) == 1.0
    half = math.log(50_000) / math.log(100_000)
    assert completeness_score(labels // 2, labels) == pytest.approx(half, rel=SUM)
    # Pairs against other pairs, none the same: information log(n) - 2 log 2, entropies log(n/2).
    shifted = (labels + 1) % len(labels) // 2
    expected = (math.log(100_000) - 2 * math.log(2)) / math.log(50_000)
    assert normalized_mutual_info_score(labels // 2, shifted) == pytest.approx(expected, rel=1e-12)  # 100,000 terms


# Misuse -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [*SCORES, homogeneity_completeness_v_measure])
@pytest.mark.parametrize(
    "labels_true, labels_pred, error, message",
    [
        ([0, 1], [0, 1, 1], ValueError, "labels_pred has 3 entries, expected 2 as labels_true has"),
        (np.zeros((2, 1)), [0, 1], ValueError, r"labels_true has shape \(2, 1\), expected \(n,\)"),
        ([0, 1], [0.0, np.nan], ValueError, r"labels_pred\[1\] = nan"),
        ([0, 1], [[0], [1]], TypeError, "labels_pred holds a label that can't be hashed"),
        (None, [0, 1], TypeError, "labels_true = None, expected a sequence of labels"),
    ],
)
def test_bad_labels_are_named(score, labels_true, labels_pred, error, message):
    with pytest.raises(error, match=message) as caught:
        score(labels_true, labels_pred)
    assert "\n" not in str(caught.value)


def test_no_labels_have_no_mutual_information():
    with pytest.raises(ValueError, match="labels_true is empty"):  # scikit-learn: ValueError("math domain error")
        mutual_info_score([], [])


@pytest.mark.parametrize("score", [normalized_mutual_info_score, adjusted_mutual_info_score])
@pytest.mark.parametrize("average", ["mean", None, 2, ["min"]])
def test_a_bad_mean_is_named(score, average):
    with pytest.raises(ValueError, match="average_method = .*, expected 'min', 'geometric', 'arithmetic' or 'max'"):
        score([0, 0], [0, 0], average_method=average)


@pytest.mark.parametrize("function", [v_measure_score, homogeneity_completeness_v_measure])
@pytest.mark.parametrize(
    "beta, error", [(-0.1, ValueError), (np.nan, ValueError), (np.inf, ValueError), ("1", TypeError)]
)
def test_a_bad_beta_is_named(function, beta, error):
    with pytest.raises(error, match="beta = .*, expected a "):
        function([0, 1], [0, 1], beta=beta)


@pytest.mark.parametrize(
    "contingency, error, message",
    [
        ([1, 2], ValueError, r"contingency has shape \(2,\), expected \(classes, clusters\)"),
        ([[1, 2], [3]], ValueError, "contingency has rows of different lengths"),
        ([[1, -2]], ValueError, r"contingency\[0, 1\] = -2, expected whole numbers, at least 0"),
        ([[1, np.nan]], ValueError, r"contingency\[0, 1\] = nan, expected whole numbers"),
        ([[np.inf, 1]], ValueError, r"contingency\[0, 0\] = inf, expected whole numbers"),
        ([[1, 0.5]], ValueError, r"contingency\[0, 1\] = 0.5, expected whole numbers"),
        ([["a"]], TypeError, "contingency has dtype <U1, expected whole numbers"),
        ([[0, 0]], ValueError, r"contingency of shape \(1, 2\) counts no sample"),
        (np.zeros((0, 0), int), ValueError, r"contingency of shape \(0, 0\) counts no sample"),
    ],
)
def test_a_bad_contingency_is_named(contingency, error, message):
    with pytest.raises(error, match=message) as caught:
        mutual_info_score(None, None, contingency=contingency)
    assert "\n" not in str(caught.value)
