"""The functions of `_plain.py` once more, as loops that Numba compiles: same names, arguments and results.

Distances are sums of squared differences. The expanded square ||x||^2 - 2 x.y + ||y||^2 would need half the
operations, but its three terms cancel; so it would have to be repaired where rows lie close together or far from the
origin, and equal rows would not always be equally far from a third. Here every pair goes through the same operations
in the same order, wherever its rows stand: copies tie exactly, and a row's distance to itself is 0.

Data are laid out in tiles: TILE rows side by side, feature by feature, so that the innermost loops run along rows of
the data, neighbours in memory, which become lanes of one vector instruction. Tasks are cut by the size of the data,
never by the number of threads, and no sum crosses a task but in a fixed order: any number of threads gives the
same bits.
"""

import math
from typing import NamedTuple

import numpy as np

from ..jit import compiled, prange, unsigned, widest_vectors
from . import _plain

TILE = 256  # rows of a tile: with 64 features of float64 128 KiB, which the second-level cache holds
AT_A_TIME = 4  # other rows, and features, that are worked on together: both are written out in `_squared_differences`
QUERIES = 64  # rows of a task that seeks neighbours: so often is a tile used once it is in the cache
MOST_SUMS = 16  # tasks that add up rows, each into sums of its own
FEW = 64  # nearest rows that are kept in order by insertion; sorting is quicker for more


class Tiles(NamedTuple):
    """Data as the kernels read them.

    Attributes
    ----------
    tiles : (n / TILE, C, TILE) array
        Rounded up: C to a multiple of AT_A_TIME with features of 0, which are at distance 0; n with rows of 0, which
        nobody looks at.
    n : int
        Rows of the data.
    """

    tiles: np.ndarray
    n: int


def lay_out(x):
    """Return (n, C) data in tiles."""
    n, C = x.shape
    n_tiles = _rounded_up(n, TILE) // TILE
    padded = np.zeros((n_tiles * TILE, _rounded_up(C, AT_A_TIME)), x.dtype)
    padded[:n, :C] = x
    return Tiles(np.ascontiguousarray(padded.reshape(n_tiles, TILE, -1).swapaxes(1, 2)), n)  # (tiles, C, TILE)


def _padded(rows):
    """Return (m, C) rows with rows and features of 0 added: both numbers are multiples of AT_A_TIME."""
    padded = np.zeros(tuple(_rounded_up(size, AT_A_TIME) for size in rows.shape), rows.dtype)
    padded[: rows.shape[0], : rows.shape[1]] = rows
    return padded


def _rounded_up(number, unit):
    return -(-number // unit) * unit


def squared_distances(rows, data):
    """Squared distances from (m, C) rows to laid out data: (m, n)."""
    distances = np.empty((len(rows), data.n), data.tiles.dtype)
    _squared_distances(_padded(rows), data.tiles, distances)
    return distances


def assign(data, centers):
    """Index of the nearest of (k, C) centers for each row of laid out data, and its squared distance: (n,), (n,)."""
    labels, squared = np.empty(data.n, np.int64), np.empty(data.n, data.tiles.dtype)
    _assign(_padded(centers), len(centers), data.tiles, labels, squared)
    return labels, squared


def sums_by_label(x, weights, labels, n_labels):
    """Sum of weight times row over the rows of each label: (n_labels, C) float64."""
    rows_of_a_task = max(TILE, _rounded_up(len(x), MOST_SUMS) // MOST_SUMS)
    n_tasks = _rounded_up(len(x), rows_of_a_task) // rows_of_a_task
    sums = np.zeros((n_tasks, n_labels, x.shape[1]))
    _sums_by_label(x, weights, labels, rows_of_a_task, sums)
    return sums.sum(axis=0)


def nearest_rows(x, y, n_nearest):
    """The n_nearest rows of y for each row of x: indices and squared distances, (n, n_nearest) each."""
    if n_nearest > FEW:
        return _plain.nearest_rows(x, y, n_nearest, squared_distances, lay_out)
    indices = np.empty((len(x), n_nearest), np.int64)
    squared = np.empty((len(x), n_nearest))
    data = lay_out(y.astype(np.float64))
    _nearest_rows(_padded(x.astype(np.float64)), data.tiles, data.n, indices, squared)
    return indices, squared


def distance_sums(x, codes, n_groups):
    """Sum of the distances from each row to the rows of each group: (n, n_groups) float64."""
    x = x.astype(np.float64, copy=False)
    sums = np.empty((len(x), n_groups))
    _distance_sums(_padded(x), lay_out(x).tiles, codes, sums)
    return sums


def tsne_sums(embedding, affinities):
    """What the gradient of t-SNE is made of: z, attraction (n, d) and repulsion (n, d)."""
    n, n_components = embedding.shape
    if n_components > 2:
        return _plain.tsne_sums(embedding, affinities)
    y = _two_axes(embedding)  # (2, n)
    sums = np.empty((5, n), y.dtype)
    _tsne_sums(y[0], y[1], affinities, sums[0], sums[1], sums[2], sums[3], sums[4])
    return float(sums[0].sum(dtype=np.float64)), sums[1 : 1 + n_components].T, sums[3 : 3 + n_components].T


def tsne_cost(embedding, affinities):
    """Sum over all pairs of affinity times log(1 + squared distance), a float."""
    n, n_components = embedding.shape
    if n_components > 2:
        return _plain.tsne_cost(embedding, affinities)
    y = _two_axes(embedding)  # (2, n)
    costs = np.empty(n)
    _tsne_cost(y[0], y[1], affinities, costs)
    return float(costs.sum())


def _two_axes(embedding):
    """Return (n, 1) or (n, 2) points as (2, n): contiguous, and on a line if they have one coordinate only."""
    y = np.zeros((2, len(embedding)), embedding.dtype)
    y[: embedding.shape[1]] = embedding.T
    return y


@compiled()
def _squared_differences(rows, first, tile, distances):
    """distances[i, j] = sum over c of (rows[first + i, c] - tile[c, j])^2, for AT_A_TIME rows.

    4 rows by 4 features are done at a time, as in a matrix product: 16 squares for 4 numbers of the tile and 4 of the
    result.

    Parameters
    ----------
    rows : (m, C) array
    first : int
    tile : (C, TILE) array
    distances : (AT_A_TIME, TILE) array
        All C-contiguous, of one float dtype.
    """
    widest_vectors()
    columns = unsigned(TILE)
    distances[:] = 0
    i = first
    for c in range(0, tile.shape[0], AT_A_TIME):
        a00, a01, a02, a03 = rows[i, c], rows[i, c + 1], rows[i, c + 2], rows[i, c + 3]
        a10, a11, a12, a13 = rows[i + 1, c], rows[i + 1, c + 1], rows[i + 1, c + 2], rows[i + 1, c + 3]
        a20, a21, a22, a23 = rows[i + 2, c], rows[i + 2, c + 1], rows[i + 2, c + 2], rows[i + 2, c + 3]
        a30, a31, a32, a33 = rows[i + 3, c], rows[i + 3, c + 1], rows[i + 3, c + 2], rows[i + 3, c + 3]
        for j in range(columns):
            b0, b1, b2, b3 = tile[c, j], tile[c + 1, j], tile[c + 2, j], tile[c + 3, j]
            d0, d1, d2, d3 = a00 - b0, a01 - b1, a02 - b2, a03 - b3
            distances[0, j] = distances[0, j] + d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
            d0, d1, d2, d3 = a10 - b0, a11 - b1, a12 - b2, a13 - b3
            distances[1, j] = distances[1, j] + d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
            d0, d1, d2, d3 = a20 - b0, a21 - b1, a22 - b2, a23 - b3
            distances[2, j] = distances[2, j] + d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
            d0, d1, d2, d3 = a30 - b0, a31 - b1, a32 - b2, a33 - b3
            distances[3, j] = distances[3, j] + d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3


# A parallel function does nothing but deal out tasks: Numba takes seconds to compile one that does more.


@compiled(parallel=True)
def _squared_distances(rows, tiles, distances):
    """distances[i, j] = squared distance from row i to row j of the data; a task is QUERIES rows by one tile."""
    n_tiles = tiles.shape[0]
    n_blocks = (distances.shape[0] + QUERIES - 1) // QUERIES
    for task in prange(n_tiles * n_blocks):
        _fill_block(rows, tiles, distances, task // n_tiles, task % n_tiles)


@compiled()
def _fill_block(rows, tiles, distances, block, tile):
    m, n = distances.shape
    found = np.empty((AT_A_TIME, TILE), rows.dtype)
    left = tile * TILE
    width = min(TILE, n - left)
    end = min((block + 1) * QUERIES, m)
    for first in range(block * QUERIES, end, AT_A_TIME):
        _squared_differences(rows, first, tiles[tile], found)
        for i in range(first, min(first + AT_A_TIME, end)):
            distances[i, left : left + width] = found[i - first, :width]


@compiled(parallel=True)
def _assign(centers, n_centers, tiles, labels, squared):
    """Nearest centre, the first of those equally near, and squared distance of each row; a task is a tile."""
    for tile in prange(tiles.shape[0]):
        _assign_tile(centers, n_centers, tiles[tile], labels, squared, tile * TILE)


@compiled()
def _assign_tile(centers, n_centers, tile, labels, squared, left):
    found = np.empty((AT_A_TIME, TILE), centers.dtype)
    nearest = np.full(TILE, np.inf, centers.dtype)
    which = np.zeros(TILE, np.int64)
    for first in range(0, n_centers, AT_A_TIME):
        _squared_differences(centers, first, tile, found)
        for i in range(first, min(first + AT_A_TIME, n_centers)):
            _keep_nearer(found[i - first], i, nearest, which)
    width = min(TILE, labels.size - left)
    labels[left : left + width] = which[:width]
    squared[left : left + width] = nearest[:width]


@compiled()
def _keep_nearer(distances, index, nearest, which):
    """Where distances < nearest, put them there, and `index` into `which`: all (TILE,)."""
    widest_vectors()
    for j in range(unsigned(TILE)):
        nearer = distances[j] < nearest[j]
        nearest[j] = distances[j] if nearer else nearest[j]
        which[j] = index if nearer else which[j]


@compiled(parallel=True)
def _sums_by_label(x, weights, labels, rows_of_a_task, sums):
    """sums[task, label] += weight * row, for the rows of each task: (tasks, k, C)."""
    for task in prange(sums.shape[0]):
        first = task * rows_of_a_task
        _add_rows(x, weights, labels, first, min(first + rows_of_a_task, x.shape[0]), sums[task])


@compiled()
def _add_rows(x, weights, labels, first, end, sums):
    """sums[label] += weight * row for rows first to end, in float64."""
    widest_vectors()
    for i in range(first, end):
        weight, row, total = weights[i], x[i], sums[labels[i]]
        for c in range(unsigned(row.size)):
            total[c] += weight * row[c]


@compiled(parallel=True)
def _nearest_rows(queries, tiles, n_data, indices, squared):
    """The nearest rows of the data, in order, for each query; a task is QUERIES of them.

    As long as a distance is not below the largest kept so far, it costs one comparison. A later row has to be
    strictly nearer to displace an earlier one, so of equally near rows the earlier stay, and come first.
    """
    n = indices.shape[0]
    for task in prange((n + QUERIES - 1) // QUERIES):
        _seek(queries, tiles, n_data, indices, squared, task * QUERIES, min((task + 1) * QUERIES, n))


@compiled()
def _seek(queries, tiles, n_data, indices, squared, begin, end):
    found = np.empty((AT_A_TIME, TILE), queries.dtype)
    squared[begin:end] = np.inf
    for tile in range(tiles.shape[0]):
        left = tile * TILE
        width = min(TILE, n_data - left)
        for first in range(begin, end, AT_A_TIME):
            _squared_differences(queries, first, tiles[tile], found)
            for i in range(first, min(first + AT_A_TIME, end)):
                _insert_nearer(found[i - first, :width], left, indices[i], squared[i])


@compiled()
def _insert_nearer(distances, left, indices, squared):
    """Insert distances, of rows left, left + 1, ..., into `squared`, which rises, and the rows into `indices`."""
    last = squared.size - 1
    for j in range(distances.size):
        if distances[j] < squared[last]:
            place = last
            while place > 0 and squared[place - 1] > distances[j]:
                squared[place], indices[place] = squared[place - 1], indices[place - 1]
                place -= 1
            squared[place], indices[place] = distances[j], left + j


@compiled(parallel=True)
def _distance_sums(rows, tiles, codes, sums):
    """sums[j, codes[i]] += distance from row j of the data to row i; a task is a tile of j."""
    for tile in prange(tiles.shape[0]):
        _add_distances(rows, tiles[tile], codes, sums, tile * TILE)


@compiled()
def _add_distances(rows, tile, codes, sums, left):
    n, n_groups = sums.shape
    found = np.empty((AT_A_TIME, TILE), rows.dtype)
    totals = np.zeros((n_groups, TILE))
    for first in range(0, n, AT_A_TIME):
        _squared_differences(rows, first, tile, found)
        for i in range(first, min(first + AT_A_TIME, n)):
            _add_roots(found[i - first], totals[codes[i]])
    for j in range(min(TILE, n - left)):
        for group in range(n_groups):
            sums[left + j, group] = totals[group, j]


@compiled()
def _add_roots(squared, totals):
    """totals += sqrt(squared), (TILE,)."""
    widest_vectors()
    for j in range(unsigned(TILE)):
        totals[j] += math.sqrt(squared[j])


@compiled(parallel=True)
def _tsne_sums(y0, y1, affinities, z, attraction0, attraction1, repulsion0, repulsion1):
    """Sums over j of w, p w (y_i - y_j) and w^2 (y_i - y_j), where w = 1 / (1 + |y_i - y_j|^2), for every point i.

    The inner loops run along i, so that each lane adds up a sum of its own, in the order of j, two j at a time where
    none of them is among the i. The affinities are symmetric: p[j, i], whose neighbours in memory are needed together,
    is p[i, j]. A task is TILE points i.

    Parameters
    ----------
    y0, y1 : (n,) arrays
        The points' coordinates.
    affinities : (n, n) array
    z, attraction0, attraction1, repulsion0, repulsion1 : (n,) arrays
        Results.
    """
    n = y0.size
    for task in prange((n + TILE - 1) // TILE):
        first = task * TILE
        _tsne_sums_of_a_task(
            y0, y1, affinities, z, attraction0, attraction1, repulsion0, repulsion1, first, min(first + TILE, n)
        )


@compiled()
def _tsne_sums_of_a_task(y0, y1, affinities, z, attraction0, attraction1, repulsion0, repulsion1, first, end):
    """The sums of points first to end."""
    n = y0.size
    z[first:end] = 0
    attraction0[first:end] = 0
    attraction1[first:end] = 0
    repulsion0[first:end] = 0
    repulsion1[first:end] = 0
    j = 0
    while j < n:
        if j + 1 < min(n, first) or end <= j < n - 1:
            _add_two_points(y0, y1, affinities, z, attraction0, attraction1, repulsion0, repulsion1, j, first, end)
            j += 2
        else:  # to all points but j itself
            before, after = min(j, end), max(j + 1, first)
            _add_point(y0, y1, affinities, z, attraction0, attraction1, repulsion0, repulsion1, j, first, before)
            _add_point(y0, y1, affinities, z, attraction0, attraction1, repulsion0, repulsion1, j, after, end)
            j += 1


@compiled()
def _add_two_points(y0, y1, affinities, z, attraction0, attraction1, repulsion0, repulsion1, j, first, end):
    """Add what points j and j + 1 contribute to the sums of points first to end."""
    widest_vectors()
    one, begin = y0.dtype.type(1), unsigned(first)
    j0, j1, k0, k1 = y0[j], y1[j], y0[j + 1], y1[j + 1]
    for lane in range(unsigned(end - first)):
        i = begin + lane
        d0, d1, e0, e1 = y0[i] - j0, y1[i] - j1, y0[i] - k0, y1[i] - k1
        v, w = one / (one + d0 * d0 + d1 * d1), one / (one + e0 * e0 + e1 * e1)
        pv, pw = affinities[j, i] * v, affinities[j + 1, i] * w
        z[i] = z[i] + v + w
        attraction0[i] = attraction0[i] + pv * d0 + pw * e0
        attraction1[i] = attraction1[i] + pv * d1 + pw * e1
        repulsion0[i] = repulsion0[i] + v * v * d0 + w * w * e0
        repulsion1[i] = repulsion1[i] + v * v * d1 + w * w * e1


@compiled()
def _add_point(y0, y1, affinities, z, attraction0, attraction1, repulsion0, repulsion1, j, first, end):
    """Add what point j contributes to the sums of points first to end; none if end <= first."""
    widest_vectors()
    one, begin = y0.dtype.type(1), unsigned(first)
    j0, j1 = y0[j], y1[j]
    for lane in range(unsigned(max(end - first, 0))):
        i = begin + lane
        d0, d1 = y0[i] - j0, y1[i] - j1
        v = one / (one + d0 * d0 + d1 * d1)
        pv = affinities[j, i] * v
        z[i] += v
        attraction0[i] += pv * d0
        attraction1[i] += pv * d1
        repulsion0[i] += v * v * d0
        repulsion1[i] += v * v * d1


@compiled(parallel=True)
def _tsne_cost(y0, y1, affinities, costs):
    """costs[i] = sum over j of p[i, j] log(1 + |y_i - y_j|^2), in float64."""
    for i in prange(y0.size):
        costs[i] = _cost_of(i, y0, y1, affinities[i])


@compiled()
def _cost_of(i, y0, y1, affinities):
    one, total = y0.dtype.type(1), 0.0
    for j in range(y0.size):
        if affinities[j] > 0:
            d0, d1 = y0[i] - y0[j], y1[i] - y1[j]
            total += affinities[j] * math.log(one + d0 * d0 + d1 * d1)
    return total
