"""Nearest neighbours by brute force: every distance is looked at, a block of rows at a time."""

import numpy as np

from ._operations import operations
from ._rows import row_blocks
from ._validation import check_data, check_fitted, check_integer, check_same_length, encode_labels


class KNeighborsClassifier:
    """Classify by a vote of the nearest training rows.

    Fitting keeps the rows; asking takes O(q n C) time for q rows, as every distance is looked at. Distances are float64
    whatever the data's dtype.

    Parameters
    ----------
    n_neighbors : int
        How many rows vote.

    Attributes
    ----------
    classes_ : (number of classes,) array
        The different labels: sorted, or where they can't be compared, in order of appearance.

    Source: Cover & Hart 1967, Nearest neighbor pattern classification.
    """

    def __init__(self, n_neighbors=5):
        self.n_neighbors = n_neighbors

    def fit(self, x, y):
        """Keep the training rows.

        Parameters
        ----------
        x : (n, C) array of real numbers
        y : (n,) array or sequence
            Labels of any hashable kind.

        Returns
        -------
        KNeighborsClassifier
            This object.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of its kind, lengths differ, or n_neighbors is not an integer in 1..n.
        """
        x = check_data(x).copy()  # (n, C) what the caller does to theirs later must not matter
        classes, codes = encode_labels(y, "y")
        check_same_length(x, "x", codes, "y")
        check_integer(self.n_neighbors, "n_neighbors", 1, len(x), "the number of training rows")
        self._x, self._codes, self.classes_ = x, codes, classes
        return self

    def kneighbors(self, x=None, n_neighbors=None, return_distance=True):
        """Find the nearest training rows.

        Parameters
        ----------
        x : (q, C) array of real numbers, optional
            By default the training rows, each of which is then not among its own neighbours.
        n_neighbors : int, optional
            By default as many as vote.
        return_distance : bool

        Returns
        -------
        distances : (q, n_neighbors) float64 array
            Euclidean, rising; 0 between equal rows. Only if return_distance.
        indices : (q, n_neighbors) int64 array
            Training rows. Of rows at the same distance, the earlier comes first.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            If fit was not called, `x` is not such an array with as many features as in fit, or n_neighbors is not an
            integer in 1..number of training rows (without itself, where `x` is left out).
        """
        check_fitted(self, "classes_")
        wanted = self.n_neighbors if n_neighbors is None else n_neighbors
        n_training = len(self._x)
        if x is None:
            wanted = check_integer(wanted, "n_neighbors", 1, n_training - 1, "the number of other training rows")
            indices, squared = nearest_others(self._x, wanted)  # (n, n_neighbors), (n, n_neighbors)
        else:
            x = check_data(x, n_features=self._x.shape[1])  # (q, C)
            wanted = check_integer(wanted, "n_neighbors", 1, n_training, "the number of training rows")
            indices, squared = operations().nearest_rows(x, self._x, wanted)  # (q, n_neighbors), (q, n_neighbors)
        return (np.sqrt(squared), indices) if return_distance else indices

    def predict(self, x):
        """Give each row the class that most of its neighbours have.

        Parameters
        ----------
        x : (q, C) array of real numbers

        Returns
        -------
        (q,) array
            Entries of `classes_`; the first of those with as many votes.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            If fit was not called, or `x` is not such an array with as many features as in fit.
        """
        votes = self._votes(x)  # (q, classes)
        return self.classes_[votes.argmax(axis=1)]  # (q,)

    def predict_proba(self, x):
        """Share of the votes that each class gets: (q, number of classes) float64, columns as in `classes_`.

        Parameters and errors are those of `predict`.
        """
        return self._votes(x) / self.n_neighbors  # (q, classes)

    def score(self, x, y):
        """Share of the rows of `x` whose class is predicted right.

        Parameters
        ----------
        x : (q, C) array of real numbers
        y : (q,) array or sequence
            Their labels.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As `predict`, or if there are not q labels.
        """
        predicted = self.predict(x)  # (q,)
        classes, codes = encode_labels(y, "y")
        check_same_length(predicted, "x", codes, "y")
        return float(np.mean([found == true for found, true in zip(predicted, classes[codes])]))

    def _votes(self, x):
        """How many neighbours of each row are of each class: (q, classes) int64."""
        check_fitted(self, "classes_")
        check_data(x, n_features=self._x.shape[1])  # for kneighbors, None would mean the training rows
        neighbors = self.kneighbors(x, return_distance=False)  # (q, n_neighbors)
        n_rows, n_classes = len(neighbors), len(self.classes_)
        ballot = np.arange(n_rows)[:, None] * n_classes + self._codes[neighbors]  # (q, n_neighbors)
        return np.bincount(ballot.ravel(), minlength=n_rows * n_classes).reshape(n_rows, n_classes)  # (q, classes)


def nearest_others(x, n_nearest):
    """Find the n_nearest other rows for each row of x, which is left out by its place, not by its distance.

    Parameters
    ----------
    x : (n, C) float array
    n_nearest : int
        In 1..n-1.

    Returns
    -------
    indices : (n, n_nearest) int64 array
        By rising distance; of rows equally near, the earlier come first.
    squared : (n, n_nearest) float64 array
        Squared distances.
    """
    indices, squared = operations().nearest_rows(x, x, n_nearest + 1)  # (n, n_nearest + 1) each
    other = indices != np.arange(len(x))[:, None]  # (n, n_nearest + 1)
    other[other.all(axis=1), -1] = False  # more copies than neighbours sought: itself was not even found
    return indices[other].reshape(-1, n_nearest), squared[other].reshape(-1, n_nearest)


def cross_subgroup_neighbor_score(
    x, groups, subgroups, *, reference=None, reference_groups=None, reference_subgroups=None
):
    """How often the nearest neighbour from another subgroup is of the same group.

    Rows of one subgroup may be alike for a reason that has nothing to do with the group. So each row's own subgroup
    is left out: what it finds next is of its group only if the group's subgroups lie together. By chance alone, with
    groups of 4 equal subgroups out of 40, the score is 3/39 = .077.

    Where several reference rows are equally near, the row scores the share of them that is of its group: the mean
    over random choices among them. Copies of a row are always equally near, other rows are if their squared distances
    agree to the rounding of a sum over C features. O(n m C) time, blocks of memory.

    Parameters
    ----------
    x : (n, C) array of real numbers
    groups : (n,) array or sequence
        Group of each row, of any hashable kind.
    subgroups : (n,) array or sequence
        Subgroup of each row, of any hashable kind. All rows of a subgroup, reference rows too, are of one group.
    reference : (m, C) array of real numbers, optional
        Among which neighbours are sought; `x` itself by default, and as a row shares its own subgroup, it is not its
        own neighbour.
    reference_groups, reference_subgroups : (m,) arrays or sequences, optional
        Given if and only if `reference` is.

    Returns
    -------
    float
        In [0, 1]: the mean over the rows of x.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of its kind, lengths differ, a subgroup is in two groups, or a row has no reference row
        of another subgroup.

    Source: ours; leave-one-group-out validation (here: leave one subgroup out) with a 1-nearest-neighbour rule.
    """
    x = check_data(x).astype(np.float64)  # (n, C)
    given = [argument is not None for argument in (reference, reference_groups, reference_subgroups)]
    if any(given) and not all(given):
        raise ValueError("reference, reference_groups, reference_subgroups: some are None, expected all or none")
    if reference is None:
        reference, reference_groups, reference_subgroups = x, groups, subgroups
    reference = check_data(reference, "reference", x.shape[1]).astype(np.float64)  # (m, C)
    group_codes, reference_group_codes = _encode_pair(groups, reference_groups, "groups", x, reference)
    subgroup_codes, reference_subgroup_codes = _encode_pair(subgroups, reference_subgroups, "subgroups", x, reference)
    all_groups = np.concatenate([group_codes, reference_group_codes])  # (n + m,)
    all_subgroups = np.concatenate([subgroup_codes, reference_subgroup_codes])  # (n + m,)
    _, one_row = np.unique(all_subgroups, return_index=True)  # (subgroups,) a row of each subgroup
    if (all_groups != all_groups[one_row][all_subgroups]).any():
        raise ValueError("subgroups has rows of one subgroup in two groups, expected each subgroup in one group")

    tie = (x.shape[1] + 2) * np.finfo(np.float64).eps  # relative: subtracting, squaring, and a sum over C

    data = operations().lay_out(reference)
    shares = np.empty(len(x))  # (n,)
    for rows in row_blocks(len(x), len(reference)):
        allowed = subgroup_codes[rows, None] != reference_subgroup_codes  # (b, m)
        if not allowed.any(axis=1).all():
            lonely = rows.start + int(allowed.any(axis=1).argmin())
            raise ValueError(f"subgroups[{lonely}] is that of all reference rows, expected rows of another one")
        distances = np.where(allowed, operations().squared_distances(x[rows], data), np.inf)  # (b, m)
        tied = distances <= distances.min(axis=1, keepdims=True) * (1 + tie)  # (b, m)
        same = group_codes[rows, None] == reference_group_codes  # (b, m)
        shares[rows] = (tied & same).sum(axis=1) / tied.sum(axis=1)
    return float(shares.mean())


def _encode_pair(labels, reference_labels, name, x, reference):
    """Number the labels of x and of the reference rows alike: (n,) and (m,) int64."""
    _, codes = encode_labels(labels, name)
    _, reference_codes = encode_labels(reference_labels, f"reference_{name}")
    check_same_length(x, "x", codes, name)
    check_same_length(reference, "reference", reference_codes, f"reference_{name}")
    _, both = encode_labels([*labels, *reference_labels], name)  # (n + m,)
    return both[: len(x)], both[len(x) :]
