"""The rungs of speed: the work cut by its size, a product by tiles, a softmax in one pass; always the same result."""

import math

import numpy as np

from ..exercise import Exercise, Mistake, numbers


def _draw_batch(rng, size):
    n, K, N = 3 * size + 2, 1 + size % 3, 2 + size % 2
    rows_of_a_task = (2, 4, 3, 20, 5, 5)[(size - 1) % 6]  # with a rest, without, and more than there are
    return {
        "x": numbers(rng, size, n, K),
        "dy": numbers(rng, size, n, N),
        "rows_of_a_task": rows_of_a_task,
    }


def gradient_parts(x, dy, rows_of_a_task):
    """Each task's part of the gradient of a weight."""
    cuts = range(0, len(x), rows_of_a_task)
    return np.array([x[first : first + rows_of_a_task].T @ dy[first : first + rows_of_a_task] for first in cuts])


def _whole_tasks_only(x, dy, rows_of_a_task):
    tasks = len(x) // rows_of_a_task
    cuts = [slice(task * rows_of_a_task, (task + 1) * rows_of_a_task) for task in range(tasks)]
    return np.array([x[cut].T @ dy[cut] for cut in cuts]).reshape(tasks, x.shape[1], dy.shape[1])


def _one_task_too_many(x, dy, rows_of_a_task):
    cuts = [slice(task * rows_of_a_task, (task + 1) * rows_of_a_task) for task in range(len(x) // rows_of_a_task + 1)]
    return np.array([x[cut].T @ dy[cut] for cut in cuts])


def _that_many_tasks(x, dy, rows_of_a_task):
    pieces = zip(np.array_split(x, rows_of_a_task), np.array_split(dy, rows_of_a_task))
    return np.array([a.T @ b for a, b in pieces])


def _last_task_whole(x, dy, rows_of_a_task):
    last = max(len(x) - rows_of_a_task, 0)
    cuts = [min(first, last) for first in range(0, len(x), rows_of_a_task)]
    return np.array([x[first : first + rows_of_a_task].T @ dy[first : first + rows_of_a_task] for first in cuts])


def _means(x, dy, rows_of_a_task):
    parts = gradient_parts(x, dy, rows_of_a_task)
    rows = [min(rows_of_a_task, len(x) - first) for first in range(0, len(x), rows_of_a_task)]
    return parts / np.reshape(rows, (-1, 1, 1))


def _parts_add_up(function, inputs, got):
    total, whole = np.sum(got, axis=0), inputs["x"].T @ inputs["dy"]
    if np.allclose(total, whole):
        return None
    index = np.unravel_index(np.abs(total - whole).argmax(), whole.shape)
    place = ", ".join(map(str, index))
    return (
        f"the parts add up to {total[index]:.4g} at [{place}], x.T @ dy has {whole[index]:.4g}: each row belongs "
        "to exactly one task, and there it is only added up"
    )


def _refusing(tile):
    def multiply(a, b):
        a, b = np.asarray(a), np.asarray(b)
        if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
            raise ValueError(f"multiply got shapes {a.shape} and {b.shape}: the inner two have to be equal")
        if max(*a.shape, *b.shape) > tile:
            raise ValueError(f"multiply got shapes {a.shape} and {b.shape}: no axis may be longer than tile = {tile}")
        return a @ b

    return multiply


def _draw_product(rng, size):
    M, K, N = 2 * size + 1, size + 2, size + 1
    tile = (2, 2, 3, 4, 3, 9)[(size - 1) % 6]
    return {
        "x": numbers(rng, size, M, K),
        "weight": numbers(rng, size, K, N),
        "tile": tile,
        "multiply": _refusing(tile),
    }


def product_by_tiles(x, weight, tile, multiply):
    """A matrix product; the order of adding is that of the rounding only."""
    return x @ weight


def _whole_tiles_only(x, weight, tile, multiply):
    M, K, N = (length // tile * tile for length in (*x.shape, weight.shape[1]))
    y = np.zeros((len(x), weight.shape[1]))
    y[:M, :N] = x[:M, :K] @ weight[:K, :N]
    return y


def _whole_steps_only(x, weight, tile, multiply):
    K = x.shape[1] // tile * tile
    return x[:, :K] @ weight[:K]


def _last_step_only(x, weight, tile, multiply):
    K = (x.shape[1] - 1) // tile * tile
    return x[:, K:] @ weight[K:]


def _diagonal_steps(x, weight, tile, multiply):
    y = np.zeros((len(x), weight.shape[1]))
    for i in range(0, len(x), tile):
        rows = slice(i, i + tile)
        y[rows] = x[rows, rows] @ weight[rows]
    return y


def _uses_tiles(function, inputs, got):
    calls = []  # whether a tile was empty, for each call

    def multiply(a, b):
        calls.append(0 in (*np.shape(a), *np.shape(b)))
        return inputs["multiply"](a, b)

    function(**inputs | {"multiply": multiply})
    if not calls:
        return "never calls `multiply`: the point is to get by with products of small tiles"
    if any(calls):
        return "calls `multiply` with an empty tile, behind the end of an axis: stop before that"
    tile = inputs["tile"]
    enough = math.prod(-(-length // tile) for length in (*inputs["x"].shape, inputs["weight"].shape[1]))
    if len(calls) > enough:
        return f"calls `multiply` {len(calls)} times, {enough} are enough: go on by `tile` along each of the three axes"
    return None


def _draw_parts(rng, size):
    n, one, other = size + 2, 1 + size % 3, 2 + size % 2
    shift = 0.0 if size <= 2 else np.round(rng.uniform(-900, 900, (n, 1)))  # exp of that is 0 or infinite
    parts = [numbers(rng, size, n, length) + shift for length in (one, other)]
    if size > 1:
        parts[0][0] = -np.inf  # masked
        parts[1][1] = -np.inf
    maxima = [part.max(axis=1) for part in parts]
    with np.errstate(invalid="ignore"):  # -inf - -inf
        totals = [np.nansum(np.exp(part - m[:, None]), axis=1) for part, m in zip(parts, maxima)]
    return {"maximum": maxima[0], "total": totals[0], "more_maximum": maxima[1], "more_total": totals[1]}


def merge(maximum, total, more_maximum, more_total):
    """Maximum and total of a softmax's row, from those of its two parts."""
    m = np.maximum(maximum, more_maximum)
    return m, total * np.exp(maximum - m) + more_total * np.exp(more_maximum - m)


def _not_scaled(maximum, total, more_maximum, more_total):
    return np.maximum(maximum, more_maximum), total + more_total


def _without_totals(maximum, total, more_maximum, more_total):
    m = np.maximum(maximum, more_maximum)
    return m, np.exp(maximum - m) + np.exp(more_maximum - m)


def _only_the_new_one_scaled(maximum, total, more_maximum, more_total):
    m = np.maximum(maximum, more_maximum)
    return m, total + more_total * np.exp(more_maximum - m)


def _only_the_old_one_scaled(maximum, total, more_maximum, more_total):
    m = np.maximum(maximum, more_maximum)
    return m, total * np.exp(maximum - m) + more_total


@np.errstate(all="ignore")
def _wrong_way(maximum, total, more_maximum, more_total):
    m = np.maximum(maximum, more_maximum)
    return m, total * np.exp(m - maximum) + more_total * np.exp(m - more_maximum)


@np.errstate(all="ignore")
def _overflowing(maximum, total, more_maximum, more_total):
    m = np.maximum(maximum, more_maximum)
    return m, (total * np.exp(maximum) + more_total * np.exp(more_maximum)) / np.exp(m)


def _both_scaled(maximum, total, more_maximum, more_total):
    return np.maximum(maximum, more_maximum), (total + more_total) * np.exp(-np.abs(maximum - more_maximum))


def _no_smaller_than_one(function, inputs, got):
    maximum, total = (np.asarray(value) for value in got)
    low = np.flatnonzero(total < 1 - 1e-9)
    if len(low):
        return f"row {low[0]} has total {total[low[0]]:.4g}: the largest score alone adds exp(0) = 1 to it"
    return None


EXERCISES = (
    Exercise(
        name="gradient_parts",
        draw=_draw_batch,
        answer=gradient_parts,
        rules=(_parts_add_up,),
        mistakes=(
            Mistake(
                "leaves out the last rows, which make no whole task: round the number of tasks up, not down",
                _whole_tasks_only,
            ),
            Mistake(
                "has an empty task at the end where rows_of_a_task divides n: take (n + rows_of_a_task - 1) // "
                "rows_of_a_task tasks, not n // rows_of_a_task + 1",
                _one_task_too_many,
            ),
            Mistake(
                "cuts into rows_of_a_task tasks: it is the length of a task, and how many there are follows from n",
                _that_many_tasks,
            ),
            Mistake(
                "moves the last task back so that it is whole: some rows are then in two tasks. Let it be shorter",
                _last_task_whole,
            ),
            Mistake(
                "divides each part by its number of rows: the gradient is a sum over rows, and the parts are sums, too",
                _means,
            ),
        ),
    ),
    Exercise(
        name="product_by_tiles",
        draw=_draw_product,
        answer=product_by_tiles,
        rules=(_uses_tiles,),
        core=True,
        mistakes=(
            Mistake(
                "takes whole tiles only: what is left over at the end of an axis belongs to a tile, too, a smaller one",
                _whole_tiles_only,
            ),
            Mistake(
                "leaves out the last steps of the inner axis, which make no whole tile: they are part of each sum",
                _whole_steps_only,
            ),
            Mistake(
                "keeps only what the last tiles along the inner axis give: `y[...] =` where `y[...] +=` belongs",
                _last_step_only,
            ),
            Mistake(
                "multiplies only tiles with the same number along all axes: the rows of x and the steps along the "
                "inner axis need loops of their own",
                _diagonal_steps,
            ),
        ),
    ),
    Exercise(
        name="merge",
        draw=_draw_parts,
        answer=merge,
        rules=(_no_smaller_than_one,),
        mistakes=(
            Mistake(
                "adds totals that were taken with different maxima: first bring both to the new maximum, with a factor "
                "exp(its own maximum - the new one)",
                _not_scaled,
            ),
            Mistake(
                "counts each part as a single score, its largest: the totals have to go in, each with its factor",
                _without_totals,
            ),
            Mistake(
                "leaves the first total as it was, which is right only if the first maximum is the larger one",
                _only_the_new_one_scaled,
            ),
            Mistake(
                "leaves the second total as it was, which is right only if the second maximum is the larger one",
                _only_the_old_one_scaled,
            ),
            Mistake(
                "multiplies by exp(new maximum - own maximum), which is 1 or more: a larger maximum makes a total "
                "smaller, so it is exp(own maximum - new maximum)",
                _wrong_way,
            ),
            Mistake(
                "takes exp of a maximum itself, which is infinite from 710 on, and 0 below -745: take exp of "
                "differences only, own maximum - new maximum",
                _overflowing,
            ),
            Mistake(
                "multiplies both totals by the factor that only the one with the smaller maximum needs: for the other "
                "it is exp(0) = 1",
                _both_scaled,
            ),
        ),
    ),
)
