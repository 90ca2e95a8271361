"""Checks shared in minicluster.cluster: a bad argument gets a line with its name, its value and what is expected."""

import numbers

import numpy as np

LEAST_SIZE = 1e-138  # of the largest number in data: the square of its last digit, 1e-16 times it, is a float64
LEAST_RATIO = 1e-250  # of two weights: times the smallest squared distance, 1e-32 of the data's, it is a float64


class NotFittedError(ValueError):
    """A method that needs a fitted estimator was called before `fit`."""


def check_fitted(estimator, attribute):
    """Raise NotFittedError unless `fit` has set `attribute`."""
    if not hasattr(estimator, attribute):
        raise NotFittedError(f"this {type(estimator).__name__} has no {attribute}, expected a call of fit first")


def check_integer(value, name, low, high=None, high_meaning=""):
    """Return `value` as an int in low..high; `high_meaning` says what `high` is ("the number of samples")."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} = {value!r}, expected an integer")
    if value < low:
        raise ValueError(f"{name} = {value}, expected at least {low}")
    if high is not None and value > high:
        raise ValueError(f"{name} = {value}, expected at most {high}, {high_meaning}")
    return int(value)


def check_number(value, name, above=None, least=None):
    """Return `value` as a float: finite, and above `above` or at least `least`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} = {value!r}, expected a number")
    wanted = f"above {above}" if above is not None else f"at least {least}"
    try:
        number = float(value)
    except OverflowError:  # an int beyond 1e308
        number = np.inf
    if not (np.isfinite(number) and (number > above if above is not None else number >= least)):
        raise ValueError(f"{name} = {value}, expected a finite number, {wanted}")
    return number


def check_random_state(random_state, name="random_state"):
    """Return a Generator: the one given, or a new one from an int seed, or from fresh entropy for None."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is not None:
        if isinstance(random_state, (bool, np.bool_)) or not isinstance(random_state, numbers.Integral):
            raise TypeError(f"{name} = {random_state!r}, expected an int, a numpy.random.Generator or None")
        check_integer(random_state, name, low=0)
    return np.random.default_rng(random_state)


def check_data(x, name="x", n_features=None, any_unit=False):
    """Return `x` as a C-contiguous (n, C) array of finite numbers, float32 if it is float32, else float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If `x` is not 2-D, is empty, has other than `n_features` features, holds NaN or infinity, numbers so large that
        the sum of their squares overflows, or, unless `any_unit`, only numbers so small that their squares vanish.
    """
    try:
        x = np.asarray(x)
    except ValueError:  # NumPy's own message does not name the argument
        raise ValueError(f"{name} has rows of different lengths, expected an array of shape (n, C)") from None
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {x.dtype}, expected real numbers")
    if x.ndim != 2:
        raise ValueError(f"{name} has shape {x.shape}, expected (n, C): one row a sample")
    if x.size == 0:
        raise ValueError(f"{name} has shape {x.shape}, expected at least one sample and one feature")
    if n_features is not None and x.shape[1] != n_features:
        raise ValueError(f"{name} has {x.shape[1]} features, expected {n_features}")
    x = np.ascontiguousarray(x, dtype=np.float32 if x.dtype == np.float32 else np.float64)  # (n, C)

    largest = np.abs(x).max()  # NaN if any entry is
    if not np.isfinite(largest):
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise ValueError(f"{name}[{row}, {column}] = {x[row, column]}, expected finite numbers")
    # Differences are at most 2 * largest; their squares, summed over the whole of x, must stay finite.
    limit = np.sqrt(np.finfo(x.dtype).max / x.size) / 2
    if largest > limit:
        raise ValueError(f"{name} holds {largest:.3g}, expected sizes to {limit:.3g}: squares would overflow")
    if 0 < largest < LEAST_SIZE and not any_unit:
        raise ValueError(f"{name} holds at most {largest:.3g}, expected {LEAST_SIZE:.0e} or more: squares would vanish")
    return x


def check_weights(weights, x, name="sample_weight"):
    """Return (n,) float64 weights of the rows of x: those given, checked, or ones for None.

    Raises
    ------
    TypeError
        If they are not real numbers.
    ValueError
        If there are not n of them, one is negative or not finite, all are 0, they are so large that the inertia
        overflows, or so different that the light ones vanish beside the heavy ones.
    """
    if weights is None:
        return np.ones(len(x))
    try:
        weights = np.asarray(weights)
    except ValueError:
        raise ValueError(f"{name} has entries of different lengths, expected one number a sample") from None
    if weights.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {weights.dtype}, expected real numbers")
    if weights.shape != (len(x),):
        raise ValueError(f"{name} has shape {weights.shape}, expected ({len(x)},): one number a sample")
    weights = weights.astype(np.float64)  # (n,) a copy
    wrong = ~(np.isfinite(weights) & (weights >= 0))  # (n,)
    if wrong.any():
        raise ValueError(f"{name}[{wrong.argmax()}] = {weights[wrong.argmax()]}, expected finite numbers, at least 0")
    largest = weights.max()
    if largest == 0:
        raise ValueError(f"{name} is 0 for all samples, expected some above 0")
    # Times squared distances, summed over all samples, they must stay finite.
    scale = max(1.0, float(np.abs(x).max()))
    limit = np.finfo(np.float64).max / x.size / 4 / scale / scale
    if largest > limit:
        raise ValueError(f"{name} holds {largest:.3g}, expected at most {limit:.3g}: the inertia would overflow")
    lightest = weights[weights > 0].min()
    if lightest / largest < LEAST_RATIO:
        raise ValueError(
            f"{name} holds {lightest:.3g} beside {largest:.3g}, expected {LEAST_RATIO:.0e} of the largest or more, or 0"
        )
    return weights


def check_start(init, n_features, dtype):
    """Return `init`, checked as by check_data, as an array of `dtype`, which must be able to hold it."""
    init = check_data(init, "init", n_features, any_unit=True)
    with np.errstate(over="ignore"):
        return check_data(init.astype(dtype), "init", any_unit=True)


def check_same_length(first, first_name, second, second_name):
    """Raise ValueError unless both have the same number of rows."""
    if len(first) != len(second):
        raise ValueError(f"{second_name} has {len(second)} entries, expected {len(first)} as {first_name} has")


def check_choice(value, name, choices):
    """Raise ValueError unless `value` is one of the strings in `choices`."""
    if not isinstance(value, str) or value not in choices:
        *others, last = map(repr, choices)
        raise ValueError(f"{name} = {value!r}, expected {', '.join(others)} or {last}")


def check_distances(x, name="x"):
    """Return `x` as a C-contiguous (n, n) float64 array of distances among n rows.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If `x` is not square, holds a negative number, NaN or infinity, or more than rounding on its diagonal.
    """
    x = np.asarray(x)
    # As in scikit-learn: 100 steps at 1 of the dtype that the distances come in, and nothing for whole numbers.
    room = 100 * np.finfo(x.dtype).eps if x.dtype.kind == "f" else 0
    x = check_data(x, name, any_unit=True).astype(np.float64, copy=False)  # (n, n)
    if x.shape[0] != x.shape[1]:
        raise ValueError(f"{name} has shape {x.shape}, expected (n, n): distances, as metric is 'precomputed'")
    if x.min() < 0:
        row, column = np.argwhere(x < 0)[0]
        raise ValueError(f"{name}[{row}, {column}] = {x[row, column]}, expected distances, at least 0")
    if x.diagonal().max() > room:
        row = int(x.diagonal().argmax())
        raise ValueError(f"{name}[{row}, {row}] = {x[row, row]}, expected 0: the distance from a row to itself")
    return x


def encode_labels(labels, name, allow_empty=False):
    """Number the different labels 0, 1, 2, ...

    Labels are the same if Python finds them equal: 1, 1.0 and True are, 1 and "1" are not.

    Parameters
    ----------
    labels : (n,) array or sequence
        Labels of any hashable kind.
    name : str
        What an error calls them.
    allow_empty : bool
        Whether there may be none.

    Returns
    -------
    classes : (number of classes,) array
        The different labels: sorted, or where they can't be compared, in order of appearance.
    codes : (n,) int64 array
        codes[i] is the place of labels[i] in `classes`.

    Raises
    ------
    TypeError
        If a label can't be hashed.
    ValueError
        If there are none though there should be, if they are not in one dimension, or if one is NaN.
    """
    if isinstance(labels, np.ndarray):
        if labels.ndim != 1:
            raise ValueError(f"{name} has shape {labels.shape}, expected (n,): one label a sample")
    else:
        try:
            labels = list(labels)
        except TypeError:
            raise TypeError(f"{name} = {labels!r}, expected a sequence of labels") from None
    if len(labels) == 0 and not allow_empty:
        raise ValueError(f"{name} is empty, expected at least one label")

    if isinstance(labels, np.ndarray) and labels.dtype != object:
        unequal = labels != labels  # (n,)
        if unequal.any():
            place = unequal.argmax()
            raise ValueError(f"{name}[{place}] = {labels[place]}, expected labels that equal themselves")
        classes, codes = np.unique(labels, return_inverse=True)  # (number of classes,), (n,)
        return classes, codes.astype(np.int64)

    # A list does not become an array: that would turn 1 and "1" into equal strings, 2**63 + 1 beside -1 into a float
    # that is 2**63 as well, and take the last character off "a\0".
    places = {}
    try:
        codes = np.array([places.setdefault(label, len(places)) for label in labels], dtype=np.int64)  # (n,)
    except TypeError:
        raise TypeError(f"{name} holds a label that can't be hashed, expected one hashable label a sample") from None
    found = list(places)
    for code, label in enumerate(found):
        if label != label:
            place = (codes == code).argmax()
            raise ValueError(f"{name}[{place}] = {label}, expected labels that equal themselves")
    try:
        order = sorted(range(len(found)), key=found.__getitem__)
    except TypeError:  # such as strings and numbers together
        order = list(range(len(found)))
    found = [found[old] for old in order]
    codes = np.argsort(order)[codes]  # (n,) the inverse permutation gives each old number its new one
    return _as_array(found, plain=not isinstance(labels, np.ndarray)), codes.astype(np.int64)


def _as_array(labels, plain):
    """Turn a list of different labels into an array: if `plain`, of their own dtype if one holds them, else objects."""
    if plain and len(set(map(type, labels))) == 1 and isinstance(labels[0], (bool, int, float, str, np.generic)):
        classes = np.array(labels)  # (number of classes,)
        if classes.tolist() == labels:
            return classes
    classes = np.empty(len(labels), dtype=object)  # (number of classes,)
    for place, label in enumerate(labels):  # one by one: a tuple must stay one entry
        classes[place] = label
    return classes
