"""t-SNE: how many neighbours a row has, how much pairs belong together, and the gradient for tails of any weight."""

import numpy as np

from ..exercise import Exercise, Mistake, numbers

STEP = 1e-30  # of the complex step


def _draw_rows(rng, size):
    n, m = size + 2, size + 3
    drawn = 10 if size <= 2 else 100
    p = rng.multinomial(drawn, np.full(m, 1 / m), n) / drawn  # (n, m) some are 0
    p[0] = np.eye(m)[rng.integers(m)]
    p[1] = 1 / m
    return {"p": p}


def perplexity(p):
    """Effective number of neighbours of each row."""
    logarithms = np.log(p, where=p > 0, out=np.zeros_like(p))
    return np.exp(-(p * logarithms).sum(axis=1))


def _plogp(p):
    return p * np.log(np.where(p > 0, p, 1))


def _plain_rows(function, inputs, got):
    p, got = inputs["p"], np.asarray(got)
    for row, found in enumerate(got):
        possible = p[row][p[row] > 0]
        if np.isnan(found):
            return f"row {row} gives nan: 0 log 0 counts as 0, but NumPy makes it 0 * -inf. Keep zeros away from np.log"
        if np.ptp(possible) == 0 and abs(found - len(possible)) > 1e-6:
            equally = f"{len(possible)} equally likely neighbours" if len(possible) > 1 else "a single neighbour"
            return f"row {row} has {equally}, and you give {found:.4g}: expected {len(possible)}"
    return None


def _draw_distances(rng, size):
    n = size + 2
    x = numbers(rng, size, n, 2)
    if size > 2:
        x[-1] += 100  # far from all others: exp(-precision |x_i - x_j|^2) is 0 for all j
    squared = np.round(((x[:, None] - x) ** 2).sum(axis=2), 4)  # (n, n)
    return {"squared": squared, "precision": (1 + rng.permutation(n)) / 10}


def _views(squared, precision):
    """p(j | i) at [i, j]."""
    others = squared + np.diag(np.full(len(squared), np.inf))
    weights = np.exp(-precision[:, None] * (others - others.min(axis=1, keepdims=True)))
    return weights / weights.sum(axis=1, keepdims=True)


def joint_affinities(squared, precision):
    """The mean of both views of a pair, of sum 1."""
    views = _views(squared, precision)
    return (views + views.T) / (2 * len(views))


def _of_the_other(squared, precision):
    others = squared + np.diag(np.full(len(squared), np.inf))
    weights = np.exp(-precision * (others - others.min(axis=1, keepdims=True)))
    views = weights / weights.sum(axis=1, keepdims=True)
    return (views + views.T) / (2 * len(views))


def _with_itself(squared, precision):
    weights = np.exp(-precision[:, None] * squared)
    views = weights / weights.sum(axis=1, keepdims=True)
    return (views + views.T) / (2 * len(views))


def _itself_dropped_late(squared, precision):
    p = _with_itself(squared, precision)
    return p * (1 - np.eye(len(p)))


def _over_all_pairs(squared, precision):
    others = squared + np.diag(np.full(len(squared), np.inf))
    weights = np.exp(-precision[:, None] * (others - others.min(axis=1, keepdims=True)))
    return (weights + weights.T) / (2 * weights.sum())


def _divided_by_columns(squared, precision):
    others = squared + np.diag(np.full(len(squared), np.inf))
    weights = np.exp(-precision[:, None] * (others - others.min(axis=1, keepdims=True)))
    views = weights / weights.sum(axis=0)
    return (views + views.T) / (2 * len(views))


@np.errstate(all="ignore")
def _nothing_taken_off(squared, precision):
    weights = np.exp(-precision[:, None] * squared) * (1 - np.eye(len(squared)))
    views = weights / weights.sum(axis=1, keepdims=True)
    return (views + views.T) / (2 * len(views))


def _no_nan(function, inputs, got):
    nans = np.isnan(got).sum(axis=1)
    if not nans.any():
        return None
    return (
        f"row {nans.argmax()} is nan: far from all others, it has exp(...) = 0 for each of them, and 0 / 0. First take "
        "off the row's smallest squared distance to another row (its 0 to itself doesn't count)"
    )


def _own_neighbour(function, inputs, got):
    diagonal = np.abs(np.diagonal(got))
    if diagonal.max() > 1e-12:
        row = int(diagonal.argmax())
        return f"p[{row}, {row}] is {diagonal[row]:.4g}, expected 0: a row and itself are no pair"
    return None


def _symmetric(function, inputs, got):
    differs = np.argwhere(np.abs(got - np.transpose(got)) > 1e-9)
    if len(differs):
        i, j = differs[0]
        return (
            f"p[{i}, {j}] is {got[i][j]:.4g} and p[{j}, {i}] is {got[j][i]:.4g}, but they are the same pair: take the "
            "mean of both views"
        )
    return None


def _adds_up(function, inputs, got):
    total, n = np.sum(got), len(got)
    if abs(total - 1) < 1e-6:
        return None
    if min(abs(total - 2), abs(total - n)) < 1e-6:
        return f"adds up to {total:.4g}, expected 1: each of n views adds up to 1, and both of a pair are counted"
    return (
        f"adds up to {total:.4g}, expected 1: before views are added, each adds up to 1 over j. First leave out row i "
        "itself, then divide by the sum along axis 1 (keepdims=True)"
    )


def _a_precision_for_each_row(function, inputs, got):
    precision = inputs["precision"].copy()
    precision[0] *= 2
    changed = np.asarray(function(inputs["squared"].copy(), precision))
    differs = np.argwhere(np.abs(changed - got)[1:, 1:] > 1e-9)
    if len(differs):
        i, j = differs[0] + 1
        return (
            f"when the precision of row 0 is doubled, p[{i}, {j}] changes from {got[i][j]:.4g} to {changed[i][j]:.4g}, "
            "a pair of two other rows: row i's view has its own precision (`precision[:, None]`) and its own sum"
        )
    return None


def _draw_picture(rng, size):
    n = size + 2
    above = np.triu_indices(n, 1)
    drawn = 10 if size <= 2 else 100
    p = np.zeros((n, n))
    p[above] = rng.multinomial(drawn, np.full(len(above[0]), 1 / len(above[0]))) / (2 * drawn)  # some are 0
    return {"y": numbers(rng, size, n, 2), "p": p + p.T, "freedom": float((1, 2, 3)[size % 3])}


def _kl(y, p, freedom):
    squared = ((y[:, None] - y) ** 2).sum(axis=2)
    w = (1 + squared / freedom) ** (-(freedom + 1) / 2) * (1 - np.eye(len(y)))
    q = w / w.sum()
    pairs = p > 0
    return (p[pairs] * np.log(p[pairs] / q[pairs])).sum()


def kl_gradient(y, p, freedom):
    """The gradient of KL by complex step, which needs no formula."""
    gradient = np.zeros(y.shape)
    for index in np.ndindex(y.shape):
        moved = y.astype(complex)
        moved[index] += STEP * 1j
        gradient[index] = _kl(moved, p, freedom).imag / STEP
    return gradient


def _springs(y, p, freedom, factor=4.0, q=lambda w: w / w.sum(), pull=None, itself=0.0):
    """The formula, with parts that can be had wrong; as given, it is right."""
    difference = y[:, None] - y
    inner = 1 + (difference**2).sum(axis=2) / freedom
    w = inner ** (-(freedom + 1) / 2)
    w = w * (1 - np.eye(len(y))) + itself * np.eye(len(y))
    pull = (freedom + 1) / (2 * freedom) / inner if pull is None else pull(inner, w)
    return factor * (((p - q(w)) * pull)[:, :, None] * difference).sum(axis=1)


def _moves_nothing(function, inputs, got):
    total = np.sum(got, axis=0)
    if np.abs(total).max() > 1e-7:
        return (
            f"adds up to [{total[0]:.3g}, {total[1]:.3g}] over the points, expected [0, 0]: moving all points alike "
            "changes no distance, so not KL either. p, q and w of (i, j) and (j, i) have to be equal"
        )
    return None


EXERCISES = (
    Exercise(
        name="perplexity",
        draw=_draw_rows,
        answer=perplexity,
        rules=(_plain_rows,),
        mistakes=(
            Mistake(
                "gives the entropy in nats: the perplexity is e to the power of it",
                lambda p: -_plogp(p).sum(axis=1),
            ),
            Mistake(
                "gives 1 over the perplexity: the entropy is minus the sum of p log p",
                lambda p: np.exp(_plogp(p).sum(axis=1)),
            ),
            Mistake(
                "takes the mean of p log p over the neighbours: it is their sum, as the p are weights already",
                lambda p: np.exp(-_plogp(p).mean(axis=1)),
            ),
            Mistake(
                "raises e to an entropy in bits: `np.exp` goes with `np.log`, 2 to a power with `np.log2`",
                lambda p: np.exp(-_plogp(p).sum(axis=1) / np.log(2)),
            ),
            Mistake(
                "is 1 over the sum of p^2, another effective number, which is right for equal p only: take e to the "
                "entropy",
                lambda p: 1 / (p**2).sum(axis=1),
            ),
            Mistake(
                "adds up over the rows, one number for each neighbour: a row is a distribution, so the sum is along "
                "axis 1",
                lambda p: np.exp(-_plogp(p).sum(axis=0)),
            ),
        ),
    ),
    Exercise(
        name="joint_affinities",
        draw=_draw_distances,
        answer=joint_affinities,
        rules=(_no_nan, _own_neighbour, _symmetric, _adds_up, _a_precision_for_each_row),
        core=True,
        mistakes=(
            Mistake(
                "is p(j | i) / n, the view of row i alone: a pair has two views, p(j | i) and p(i | j)",
                lambda squared, precision: _views(squared, precision) / len(squared),
            ),
            Mistake(
                "adds up to 2: both views of n rows are added, so divide by 2n, not n",
                lambda squared, precision: 2 * joint_affinities(squared, precision),
            ),
            Mistake(
                "is the mean of both views, and so adds up to n: divide by n, too",
                lambda squared, precision: len(squared) * joint_affinities(squared, precision),
            ),
            Mistake(
                "counts each row as its own neighbour, the nearest: give it weight 0 before you divide by the sum",
                _with_itself,
            ),
            Mistake(
                "sets the diagonal to 0 at the end, when it has already had its share: give it weight 0 before you "
                "divide by the sum",
                _itself_dropped_late,
            ),
            Mistake(
                "takes the precision of row j for p(j | i): `precision` alone goes along columns, `precision[:, None]` "
                "along rows",
                _of_the_other,
            ),
            Mistake(
                "divides all weights by one sum over all pairs: each row is first a distribution, with its own sum",
                _over_all_pairs,
            ),
            Mistake(
                "divides by sums over the columns: p(j | i) adds up to 1 over j, which is axis 1 (with keepdims=True)",
                _divided_by_columns,
            ),
            Mistake(
                "takes exp of squared distances as they are, and for a row far from all others each is 0, which gives "
                "0 / 0. First take off the row's smallest squared distance to another row (its 0 to itself doesn't "
                "count)",
                _nothing_taken_off,
            ),
        ),
    ),
    Exercise(
        name="kl_gradient",
        draw=_draw_picture,
        answer=kl_gradient,
        rules=(_moves_nothing,),
        mistakes=(
            Mistake(
                "has the opposite sign: it is p - q, times y_i - y_j, added up over j (axis 1 of an array [i, j])",
                lambda y, p, freedom: _springs(y, p, freedom, factor=-4.0),
            ),
            Mistake(
                "is half of the gradient: point i is in the pair (i, j) and in the pair (j, i)",
                lambda y, p, freedom: _springs(y, p, freedom, factor=2.0),
            ),
            Mistake(
                "has the lesson's factor w, which belongs to freedom = 1: derive -log w by the squared distance anew",
                lambda y, p, freedom: _springs(y, p, freedom, pull=lambda inner, w: w),
            ),
            Mistake(
                "is the lesson's gradient, for one degree of freedom: start from the w of the docstring",
                lambda y, p, freedom: _springs(y, p, 1.0),
            ),
            Mistake(
                "forgets the exponent: log w is -(freedom + 1) / 2 times log(1 + s / freedom), and 1 / freedom comes "
                "from deriving inside",
                lambda y, p, freedom: _springs(y, p, freedom, pull=lambda inner, w: 1 / inner),
            ),
            Mistake(
                "forgets what deriving s / freedom by s brings, 1 / freedom",
                lambda y, p, freedom: _springs(y, p, freedom, pull=lambda inner, w: (freedom + 1) / 2 / inner),
            ),
            Mistake(
                "has springs of the same strength at all distances, as if w were exp(-s): derive -log w by s",
                lambda y, p, freedom: _springs(y, p, freedom, pull=lambda inner, w: 1.0),
            ),
            Mistake(
                "divides w by the sum of each row: q adds up to 1 over all pairs, so there is one sum for all",
                lambda y, p, freedom: _springs(y, p, freedom, q=lambda w: w / w.sum(axis=1, keepdims=True) / len(w)),
            ),
            Mistake(
                "counts a point and itself as a pair, with w = 1, in the sum of all w: give the diagonal weight 0",
                lambda y, p, freedom: _springs(y, p, freedom, itself=1.0),
            ),
        ),
    ),
)
