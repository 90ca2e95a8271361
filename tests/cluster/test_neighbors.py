"""KNeighborsClassifier and cross_subgroup_neighbor_score against triple loops, with ties everywhere, and misuse.

Rows of small integers: differences, squares and sums are exact, so the loops and the code must agree on every tie.
Tolerances: the score is a mean of up to 120 shares, each rounded at 1e-16.

Wrong versions that some test here fails on: distances by the expanded square alone, with or without centring; ties to
the last or to any row; votes tied to the last class; a row's own subgroup not left out, or its group left
out; ties of the score to the first row; blocks of rows not put together.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicluster.cluster import KNeighborsClassifier, NotFittedError, _rows, cross_subgroup_neighbor_score

SCALES = st.sampled_from([1, 2**-30, 2**30])  # powers of 2, so that all stays exact


def small_rows(n, n_features):
    """Rows of integers in -2..2, each drawn: few places, so many ties."""
    return hnp.arrays(np.int64, (n, n_features), elements=st.integers(-2, 2), fill=st.nothing())


def exact_squared_distance(a, b):
    return sum((int(p) - int(q)) ** 2 for p, q in zip(a, b))


def copies_of_places(seed, n_places=8, n_rows=120, n_features=64, offset=0.0):
    """Rows that are copies of a few random places, and the place of each."""
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(n_places, n_features)) + offset
    place = rng.integers(n_places, size=n_rows)
    return places[place], place


# KNeighborsClassifier -----------------------------------------------------------------------------


def test_probabilities_are_shares_of_the_votes():
    model = KNeighborsClassifier(4).fit([[0], [1], [2], [3], [9]], list("abaac"))
    assert model.predict_proba([[0], [9]]).tolist() == [[0.75, 0.25, 0], [0.5, 0.25, 0.25]]
    assert model.predict([[0], [9]]).tolist() == ["a", "a"]


def test_score_is_the_share_predicted_right():
    model = KNeighborsClassifier(1).fit([[0], [1], [2], [3]], [("a", 1), "b", "b", None])
    assert model.score([[0], [1], [2], [3]], [("a", 1), "b", "c", None]) == 0.75
    with pytest.raises(ValueError, match="y has 1 entries, expected 2 as x has"):
        model.score([[0], [1]], ["b"])


def test_without_rows_to_ask_for_the_training_rows_are_asked_for_others():
    # 1 is as far from 0 as from 2. Of three copies, each has the other two, the earlier first.
    model = KNeighborsClassifier(2).fit([[0], [1], [2], [7], [7], [7]], range(6))
    distances, indices = model.kneighbors()
    assert indices.tolist() == [[1, 2], [0, 2], [1, 0], [4, 5], [3, 5], [3, 4]]
    assert distances.tolist() == [[1, 2], [1, 1], [1, 2], [0, 0], [0, 0], [0, 0]]
    # With more copies than neighbours sought, the row itself is not even among the nearest found.
    assert model.kneighbors(n_neighbors=1, return_distance=False)[3:].tolist() == [[4], [3], [3]]
    assert model.kneighbors(n_neighbors=5, return_distance=False)[0].tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="n_neighbors = 6, expected at most 5, the number of other training rows"):
        model.kneighbors(n_neighbors=6)


@given(data=st.data(), n=st.integers(2, 12), n_features=st.integers(1, 3))
def test_others_against_a_loop(data, n, n_features):
    x = data.draw(small_rows(n, n_features))
    n_neighbors = data.draw(st.integers(1, n - 1))
    found = KNeighborsClassifier(1).fit(x, range(n)).kneighbors(n_neighbors=n_neighbors, return_distance=False)
    for i in range(n):
        others = sorted((exact_squared_distance(x[i], x[j]), j) for j in range(n) if j != i)
        assert found[i].tolist() == [j for _, j in others[:n_neighbors]]


def test_training_rows_are_kept_as_they_were():
    x = np.array([[0.0], [1.0]])
    model = KNeighborsClassifier(1).fit(x, [0, 1])
    x[:] = 5
    assert model.predict([[0.1], [0.9]]).tolist() == [0, 1]


def test_neighbours_by_hand():
    model = KNeighborsClassifier(3).fit([[0], [1], [5], [6], [10]], ["near", "near", "far", "far", "far"])
    distances, indices = model.kneighbors([[2], [5.5]])
    # From 2: 1 at 1, 0 at 2, 5 at 3. From 5.5: 5 and 6 at .5, in the order of the rows; 1 and 10 at 4.5, so 1.
    assert indices.tolist() == [[1, 0, 2], [2, 3, 1]]
    assert distances.tolist() == [[1, 2, 3], [0.5, 0.5, 4.5]]
    assert model.predict([[2], [5.5]]).tolist() == ["near", "far"]
    assert model.classes_.tolist() == ["far", "near"]
    assert model.kneighbors([[2]], n_neighbors=1, return_distance=False).tolist() == [[1]]


def test_five_rows_vote_by_default():
    # Two nearest of one class, three of the other, then many of the first.
    model = KNeighborsClassifier().fit(np.arange(9)[:, None], list("aabbbaaaa"))
    assert model.kneighbors([[0]], return_distance=False).shape == (1, 5)
    assert model.predict([[0]]).tolist() == ["b"]


def test_tied_votes_go_to_the_first_class():
    model = KNeighborsClassifier(2).fit([[0], [1]], [9, 4])
    assert model.predict([[0]]).tolist() == [4]


@given(data=st.data(), n=st.integers(1, 12), n_features=st.integers(1, 3), scale=SCALES)
def test_against_a_triple_loop(data, n, n_features, scale):
    train, queries = data.draw(small_rows(n, n_features)), data.draw(small_rows(4, n_features))
    labels = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    n_neighbors = data.draw(st.integers(1, n))
    model = KNeighborsClassifier(n_neighbors).fit(train * scale, labels)
    distances, indices = model.kneighbors(queries * scale)
    predicted = model.predict(queries * scale)
    for q, query in enumerate(queries):
        nearest = sorted((exact_squared_distance(query, row), i) for i, row in enumerate(train))[:n_neighbors]
        assert indices[q].tolist() == [i for _, i in nearest]
        np.testing.assert_array_equal(distances[q], scale * np.sqrt([squared for squared, _ in nearest]))
        votes = [labels[i] for _, i in nearest]
        assert predicted[q] == min(votes, key=lambda label: (-votes.count(label), label))


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_copies_are_at_distance_0_in_the_order_of_the_rows(offset):
    x, place = copies_of_places(0, offset=offset)
    distances, indices = KNeighborsClassifier(5).fit(x, place).kneighbors(x)
    for row in range(len(x)):
        assert indices[row].tolist() == np.flatnonzero(place == place[row])[:5].tolist()
    assert (distances == 0).all()


def test_one_far_row_does_not_blur_the_others():
    # In ||x||^2 - 2 x.y + ||y||^2 the squares of the others, which centring puts near (2e7)^2, have steps of 1/16:
    # coarser than squared distances of 1e-6.
    x = np.array([[0.0], [0.001], [0.003], [0.006], [1e8]])
    indices = KNeighborsClassifier(2).fit(x, range(5)).kneighbors(x, return_distance=False)
    assert indices[:4].tolist() == [[0, 1], [1, 0], [2, 1], [3, 2]]


def test_blocks_of_rows_do_not_matter(monkeypatch):
    # Few places, so that the pairs to be looked at exactly fill more than a block too.
    rng = np.random.default_rng(5)
    x, labels, queries = rng.integers(2, size=(50, 2)), rng.integers(3, size=50), rng.integers(2, size=(23, 2))
    x, queries = np.repeat(x, 8, axis=1), np.repeat(queries, 8, axis=1)  # (50, 16), (23, 16)
    subgroups = labels + 3 * rng.integers(4, size=50)
    model = KNeighborsClassifier(4).fit(x, labels)
    whole = model.kneighbors(queries), model.predict(queries), cross_subgroup_neighbor_score(x, labels, subgroups)
    monkeypatch.setattr(_rows, "BLOCK_ENTRIES", 210)  # 4 rows at a time, and 13 pairs
    parts = model.kneighbors(queries), model.predict(queries), cross_subgroup_neighbor_score(x, labels, subgroups)
    np.testing.assert_array_equal(parts[0], whole[0])
    np.testing.assert_array_equal(parts[1], whole[1])
    assert parts[2] == whole[2]


@pytest.mark.parametrize("labels", [[("a", 1), "b", None], [2, 7, 2], np.array([1.5, 0.5, 1.5])])
def test_predict_gives_back_labels_as_they_were(labels):
    predicted = KNeighborsClassifier(1).fit([[0], [1], [2]], labels).predict([[2], [1], [0]])
    assert predicted.tolist() == [labels[2], labels[1], labels[0]]


def test_classifier_misuse_is_named():
    x = np.zeros((3, 2))
    for n_neighbors, error, message in [
        (0, ValueError, "n_neighbors = 0, expected at least 1"),
        (4, ValueError, "n_neighbors = 4, expected at most 3, the number of training rows"),
        (1.0, TypeError, "n_neighbors = 1.0, expected an integer"),
    ]:
        with pytest.raises(error, match=message):
            KNeighborsClassifier(n_neighbors).fit(x, [0, 1, 2])
        with pytest.raises(error, match=message):
            KNeighborsClassifier(1).fit(x, [0, 1, 2]).kneighbors(x, n_neighbors)
    with pytest.raises(ValueError, match="y has 2 entries, expected 3 as x has"):
        KNeighborsClassifier(1).fit(x, [0, 1])
    with pytest.raises(ValueError, match=r"x\[0, 0\] = nan"):
        KNeighborsClassifier(1).fit(x * np.nan, [0, 1, 2])
    for method in ("predict", "kneighbors", "predict_proba"):
        with pytest.raises(NotFittedError, match="KNeighborsClassifier has no classes_"):
            getattr(KNeighborsClassifier(1), method)(x)
        with pytest.raises(ValueError, match="x has 3 features, expected 2"):
            getattr(KNeighborsClassifier(1).fit(x, [0, 1, 2]), method)(np.zeros((1, 3)))


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "score"])
def test_only_kneighbors_has_a_meaning_for_no_rows(ask):
    model = KNeighborsClassifier(1).fit([[0], [1]], [0, 1])
    with pytest.raises(TypeError, match="x has dtype object, expected real numbers"):
        getattr(model, ask)(None, *[[0, 1]] * (ask == "score"))


# cross_subgroup_neighbor_score --------------------------------------------------------------------


def score_by_loops(x, groups, subgroups, reference, reference_groups, reference_subgroups):
    total = Fraction(0)
    for row, group, subgroup in zip(x, groups, subgroups):
        found = [
            (exact_squared_distance(row, other), other_group == group)
            for other, other_group, other_subgroup in zip(reference, reference_groups, reference_subgroups)
            if other_subgroup != subgroup
        ]
        nearest = [same for squared, same in found if squared == min(found)[0]]
        total += Fraction(sum(nearest), len(nearest))
    return float(total / len(x))


def test_score_by_hand():
    # Group A: subgroups a at 0 and .1, b at 3. Group B: c at 1, d at 9.
    # a's rows would find each other, but skip to c: no. b finds c: no. c finds a, at .1: no. d finds b, at 3: no.
    x, groups, subgroups = [[0], [0.1], [3], [1], [9]], list("AAABB"), list("aabcd")
    assert cross_subgroup_neighbor_score(x, groups, subgroups) == 0.0
    x[3] = [8]  # Now a and a find b: yes. b finds a, at 2.9: yes. c and d find each other: yes.
    assert cross_subgroup_neighbor_score(x, groups, subgroups) == 1.0
    x[4] = [-1]  # a at 0 finds d: no. a at .1 finds d, at 1.1: no. b finds a: yes. c finds b: no. d finds a: no.
    assert cross_subgroup_neighbor_score(x, groups, subgroups) == pytest.approx(1 / 5, rel=1e-15)  # a mean, rounded


def test_score_with_reference_by_hand():
    # Known rows: a at 0, b at 4 (group A), c at 5 (group B). A new row of a at 1 skips a and finds b: yes. New rows
    # of e, a subgroup of B that is not known: the one at 1 finds a: no, the one at 6 finds c: yes.
    score = cross_subgroup_neighbor_score(
        [[1], [1], [6]],
        ["A", "B", "B"],
        ["a", "e", "e"],
        reference=[[0], [4], [5]],
        reference_groups=["A", "A", "B"],
        reference_subgroups=["a", "b", "c"],
    )
    assert score == pytest.approx(2 / 3, rel=1e-15)  # a mean, rounded


@given(data=st.data(), n=st.integers(2, 15), n_features=st.integers(1, 3), scale=SCALES)
def test_score_against_loops(data, n, n_features, scale):
    x = data.draw(small_rows(n, n_features))
    subgroups = [0, 1] + data.draw(st.lists(st.integers(0, 5), min_size=n - 2, max_size=n - 2))
    groups = [subgroup % 2 for subgroup in subgroups]
    score = cross_subgroup_neighbor_score(x * scale, groups, subgroups)
    assert score == pytest.approx(score_by_loops(x, groups, subgroups, x, groups, subgroups), abs=1e-14)

    new = data.draw(small_rows(4, n_features))
    new_subgroups = data.draw(st.lists(st.integers(0, 9), min_size=4, max_size=4))
    new_groups = [subgroup % 2 for subgroup in new_subgroups]
    known = {"reference": x * scale, "reference_groups": groups, "reference_subgroups": subgroups}
    score = cross_subgroup_neighbor_score(new * scale, new_groups, new_subgroups, **known)
    assert score == pytest.approx(score_by_loops(new, new_groups, new_subgroups, x, groups, subgroups), abs=1e-14)


def test_rows_all_equal_score_what_chance_would():
    # 2 groups of 2 subgroups of 5 rows: of the 15 rows of another subgroup, 5 are of the same group.
    groups, subgroups = np.repeat([0, 1], 10), np.repeat([0, 1, 2, 3], 5)
    assert cross_subgroup_neighbor_score(np.ones((20, 3)), groups, subgroups) == pytest.approx(1 / 3, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("seed", range(5))
def test_copies_tie_whatever_the_rounding(seed, offset, dtype):
    # Copies of 8 places stand for them: with the same ties at integer places the loops give the exact score.
    x, place = copies_of_places(seed, offset=offset)
    x = x.astype(dtype)
    rng = np.random.default_rng(seed)
    subgroups = rng.integers(40, size=len(x))
    groups = subgroups // 4
    total = 0.0
    for row in range(len(x)):
        others = subgroups != subgroups[row]
        squared = np.square(x.astype(np.float64) - x[row]).sum(axis=1)
        nearest_place = place[others][squared[others].argmin()]
        there = others & (place == nearest_place)
        total += np.mean(groups[there] == groups[row])
    assert cross_subgroup_neighbor_score(x, groups, subgroups) == pytest.approx(total / len(x), rel=1e-13)
    order = rng.permutation(len(x))
    permuted = cross_subgroup_neighbor_score(x[order], groups[order], subgroups[order])
    assert permuted == pytest.approx(total / len(x), rel=1e-13)


def test_distances_equal_up_to_the_order_of_summing_tie():
    # From the origin all rows are equally far, for they have the same entries, but in another order, so that their
    # sums of squares differ in the last digits.
    rng = np.random.default_rng(0)
    entries = rng.normal(size=64)
    rows = np.array([rng.permutation(entries) for _ in range(6)])  # (6, 64)
    assert len(set(np.square(rows).sum(axis=1))) > 1
    known = {"reference": rows, "reference_groups": [0, 0, 0, 1, 1, 1], "reference_subgroups": range(1, 7)}
    score = cross_subgroup_neighbor_score(np.zeros((1, 64)), [0], [0], **known)
    assert score == 0.5


def test_rounding_is_that_of_the_neighbours_where_the_query_is_their_mean():
    # As above, but the origin is the mean, so that all rounding is that of the rows' squares, none of the query's.
    rng = np.random.default_rng(0)
    entries = rng.normal(size=64)
    rows = np.array([rng.permutation(entries) for _ in range(6)])  # (6, 64)
    reference = np.stack([rows, -rows], axis=1).reshape(12, 64)  # each row followed by its opposite
    np.testing.assert_array_equal(reference.mean(axis=0), 0)
    known = {"reference": reference, "reference_groups": [0] * 6 + [1] * 6, "reference_subgroups": range(1, 13)}
    assert cross_subgroup_neighbor_score(np.zeros((1, 64)), [0], [0], **known) == 0.5


@pytest.mark.parametrize("unit", [1e-3, 1e-9])  # whose square is above and below float64's rounding of 1
def test_one_far_row_does_not_blur_the_score(unit):
    # The far row's square is coarser than the others' distances, so all are looked at; but only the nearest counts.
    # 0 finds 1 and 1 finds 0, though 2.2 is hardly farther: yes, twice. 2.2 finds 1: no. The far row finds 2.2: yes.
    x = [[0.0], [unit], [2.2 * unit], [1e3]]
    assert cross_subgroup_neighbor_score(x, list("AABB"), list("abcd")) == 0.75


@pytest.mark.parametrize(
    "query, farther, nearer, very_far, dtype",
    [
        ([0.5 + 1e-10], [0], [1], [1e8], np.float64),  # .5 in float32
        ([0, 0], [1, 2**-13], [1, 0], [1e8, 1e8], np.float32),  # 1 + 2^-26 is 1 in float32, whose digits end at 2^-23
    ],
)
def test_distances_that_differ_in_float64_only_do_not_tie(query, farther, nearer, very_far, dtype):
    reference = np.array([farther, nearer, very_far], dtype)  # the last so that both others are looked at exactly
    known = {"reference": reference, "reference_groups": list("BAB"), "reference_subgroups": list("bcd")}
    assert cross_subgroup_neighbor_score(np.array([query], dtype), ["A"], ["a"], **known) == 1.0


def test_a_row_without_a_neighbour_is_named_among_others_that_have_one():
    known = {"reference": [[0.0], [1.0]], "reference_groups": ["A", "A"], "reference_subgroups": ["a", "a"]}
    with pytest.raises(ValueError, match=r"subgroups\[2\] is that of all reference rows"):
        cross_subgroup_neighbor_score([[0.0], [1.0], [2.0], [3.0]], list("BBAB"), list("bbab"), **known)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([[0], [1]], [0], [0, 1]), "groups has 1 entries, expected 2 as x has"),
        (([[0], [1]], [0, 1], [0]), "subgroups has 1 entries, expected 2 as x has"),
        (([[0], [1]], [0, 1], [0, 0]), "subgroups has rows of one subgroup in two groups"),
        (([[0], [1]], [0, 0], [0, 0]), r"subgroups\[0\] is that of all reference rows"),
        (([[0], [np.inf]], [0, 0], [0, 1]), r"x\[1, 0\] = inf"),
    ],
)
def test_score_misuse_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        cross_subgroup_neighbor_score(*arguments)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"reference": None}, "reference, reference_groups, reference_subgroups: some are None"),
        ({"reference_groups": None}, "reference, reference_groups, reference_subgroups: some are None"),
        ({"reference": [[0.0, 1.0], [1.0, 1.0]]}, "reference has 2 features, expected 1"),
        ({"reference_groups": [0]}, "reference_groups has 1 entries, expected 2 as reference has"),
        ({"reference_groups": [1, 0]}, "subgroups has rows of one subgroup in two groups"),
    ],
)
def test_bad_reference_is_named(change, message):
    known = {"reference": [[0.0], [1.0]], "reference_groups": [0, 0], "reference_subgroups": ["a", "b"]}
    with pytest.raises(ValueError, match=message):
        cross_subgroup_neighbor_score([[0.0]], [0], ["a"], **{**known, **change})


def test_distances_of_float32_rows_are_float64():
    # 1 + 2^-26 is 1 in float32.
    model = KNeighborsClassifier(2).fit(np.float32([[1, 2**-13], [1, 0]]), [0, 1])
    distances, indices = model.kneighbors(np.float32([[0, 0]]))
    assert indices.tolist() == [[1, 0]]
    assert distances[0, 1] == np.sqrt(1 + 2**-26)


def test_one_far_row_does_not_blur_the_others_in_float32():
    # Less their mean, 2e7, where float32 has steps of 2, the four small rows would be rounded apart.
    x = np.float32([[0], [1], [3], [6], [1e8]])
    indices = KNeighborsClassifier(2).fit(x, range(5)).kneighbors(x, return_distance=False)
    assert indices[:4].tolist() == [[0, 1], [1, 0], [2, 1], [3, 2]]


def test_a_row_wider_than_a_block_is_a_block(monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_ENTRIES", 1)
    model = KNeighborsClassifier(1).fit([[0, 0], [5, 5]], [0, 1])
    assert model.predict([[1, 1], [4, 4], [9, 9]]).tolist() == [0, 1, 1]


def test_labels_of_reference_rows_of_another_kind_are_other_labels():
    known = {"reference": [[0.0]], "reference_groups": ["1"], "reference_subgroups": ["b"]}
    assert cross_subgroup_neighbor_score([[0.0]], [1], ["a"], **known) == 0.0  # 1 is not "1"
