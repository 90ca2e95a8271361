"""Causal multi-head self-attention, as `nn/attention.py` computes it."""

import math

import numpy as np

from ..checks import check_starts, check_whole_number
from ..jit import compiled, prange, widest_vectors
from .arguments import expect_axes, expect_shape, float_arrays, index_array
from .elementary import exp
from .matmul import multiply_windows
from .memory import FRESH
from .tasks import ATTENTION_TASKS, count

QUERIES, HEADS = 16, 4  # of one sequence, computed side by side in the lanes of vectors


def attention_forward(qkv, n_heads, start=None, *, memory=FRESH):
    """Attention of every query to the keys that it may see; as `nn.attention_forward`.

    Fused: the scores of sixteen queries of up to four heads stay in a near cache through softmax and the weighted mean.
    They are kept with the queries side by side, keys downwards, so that the sums and maxima of softmax run down the
    lanes of a vector instead of across them. Queries, keys and values are read where they lie. There is no T x T mask:
    loops end at the last key that one of the sixteen sees, which saves nearly half of the work on long sequences.

    Parameters
    ----------
    qkv, n_heads, start
        As in `nn.attention_forward`, float32 or float64.
    memory : Fresh or Workspace

    Returns
    -------
    y : (B, T, C) array
    cache : tuple

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit, or `start` leaves a query without a key.
    """
    (qkv,) = float_arrays(qkv=qkv)
    expect_axes("qkv", qkv, "(B, T, 3C)")
    check_whole_number("n_heads", n_heads, 1)
    B, T, three_C = qkv.shape
    if not three_C or three_C % (3 * n_heads):
        raise ValueError(f"qkv has {three_C} columns, expected a positive multiple of 3 n_heads = {3 * n_heads}")
    C = three_C // 3
    start = np.zeros((B, T), np.int64) if start is None else index_array(check_starts(start, B, T))
    y = memory.empty((B, T, C), qkv.dtype)
    heads = max(divisor for divisor in range(1, HEADS + 1) if n_heads % divisor == 0)
    # (groups of all sequences, blocks of queries, keys, lanes)
    weights = memory.empty((B * n_heads // heads, count(T, QUERIES), T, heads * QUERIES), qkv.dtype)
    _attention(qkv, C // n_heads, start, weights, y)
    return y, (qkv, n_heads, weights)


def attention_backward(dy, cache, *, memory=FRESH):
    """Gradients of attention; as `nn.attention_backward`.

    Fused as the forward: sixteen queries at a time, and no key after the last that one of them sees.

    Parameters
    ----------
    dy, cache
        As in `nn.attention_backward`.
    memory : Fresh or Workspace

    Returns
    -------
    dict
        `qkv` (B, T, 3C).
    """
    qkv, n_heads, weights = cache
    qkv, dy = float_arrays(qkv=qkv, dy=dy)
    B, T, three_C = qkv.shape
    expect_shape("dy", dy, (B, T, three_C // 3))
    dqkv = memory.empty(qkv.shape, qkv.dtype)
    _attention_backward(dy, qkv, three_C // 3 // n_heads, weights, dqkv)
    return {"qkv": dqkv}


@compiled()
def _side_by_side(source, b, first, column, heads, scale, out):
    """out[d, h * QUERIES + q] = entry d of query first + q of head h, times `scale`; 0 after the last query.

    Parameters
    ----------
    source : (B, T, ...) array
    b : int
        The sequence.
    first, column : int
        Where the block of queries begins, and the columns of its heads.
    heads : int
    scale : number
    out : (D, lanes) array
    """
    T, D = source.shape[1], out.shape[0]
    for q in range(QUERIES):
        if first + q < T:
            row = source[b, first + q, column : column + heads * D]
            for h in range(heads):
                for d in range(D):
                    out[d, h * QUERIES + q] = row[h * D + d] * scale
        else:
            for h in range(heads):
                for d in range(D):
                    out[d, h * QUERIES + q] = 0


@compiled()
def _visible(start, b, first, starts, ends):
    """The first and the last key that each lane's query sees; those after the last query see all keys."""
    T = start.shape[1]
    for lane in range(starts.size):
        query = first + lane % QUERIES
        starts[lane] = start[b, query] if query < T else 0
        ends[lane] = query


@compiled()
def _softmax(scores, starts, ends, most, total):
    """Softmax of each column over the keys that its query sees, in place; other keys get 0.

    Parameters
    ----------
    scores : (keys, lanes) array
    starts, ends : (lanes,) int32 arrays
        The first and the last key that is seen.
    most, total : (lanes,) arrays
        To compute with.
    """
    widest_vectors()
    lowest = scores.dtype.type(-np.inf)
    most[:] = lowest
    for s in range(scores.shape[0]):
        row = scores[s]
        for lane in range(row.size):
            row[lane] = row[lane] if (starts[lane] <= s) & (s <= ends[lane]) else lowest
            # In this form a NaN is not chosen; it shows in the sum below.
            most[lane] = row[lane] if row[lane] > most[lane] else most[lane]
    total[:] = 0
    for s in range(scores.shape[0]):
        row = scores[s]
        for lane in range(row.size):
            e = exp(row[lane] - most[lane])
            row[lane] = e
            total[lane] += e
    for lane in range(total.size):
        total[lane] = scores.dtype.type(1) / total[lane]
    for s in range(scores.shape[0]):
        row = scores[s]
        for lane in range(row.size):
            row[lane] *= total[lane]


@compiled()
def _softmax_backward(dweights, weights, scale, cross):
    """dscores = scale * weights * (dweights - the column's sum of dweights * weights), in place."""
    widest_vectors()
    cross[:] = 0
    for s in range(weights.shape[0]):
        dw, w = dweights[s], weights[s]
        for lane in range(w.size):
            cross[lane] += dw[lane] * w[lane]
    for s in range(weights.shape[0]):
        dw, w = dweights[s], weights[s]
        for lane in range(w.size):
            dw[lane] = scale * w[lane] * (dw[lane] - cross[lane])


@compiled()
def _attend(qkv, D, start, weights, y, first_group, last_group):
    """Some groups of heads of `_attention`."""
    T, C = y.shape[1:]
    lanes, dtype = weights.shape[3], qkv.dtype
    groups = weights.shape[0] // y.shape[0]
    heads = C // (groups * D)
    width, lanes_of_a_head = heads * D, lanes // heads
    scale = dtype.type(1 / math.sqrt(D))
    q, most, total = np.empty((D, lanes), dtype), np.empty(lanes, dtype), np.empty(lanes, dtype)
    starts, ends = np.empty(lanes, np.int32), np.empty(lanes, np.int32)
    for group in range(first_group, last_group):
        b, left = group // groups, group % groups * width  # the sequence, and the group's first column
        for t in range(T):
            y[b, t, left : left + width] = 0
        for block in range(weights.shape[1]):
            first, last = block * QUERIES, min(block * QUERIES + QUERIES, T)
            w = weights[group, block, :last]
            w[:] = 0
            _side_by_side(qkv, b, first, left, heads, scale, q)
            for h in range(heads):
                lane, k_left = h * lanes_of_a_head, C + left + h * D
                # scores = k @ q: (keys, D) @ (D, lanes_of_a_head)
                multiply_windows(qkv[b], k_left, False, q, lane, w, lane, last, D, lanes_of_a_head)
            _visible(start, b, first, starts, ends)
            _softmax(w, starts, ends, most, total)
            for h in range(heads):
                lane, column = h * lanes_of_a_head, left + h * D
                v_left, y_rows = 2 * C + column, y[b, first:last]
                # y = w.T @ v: (queries, keys) @ (keys, D)
                multiply_windows(w, lane, True, qkv[b], v_left, y_rows, column, last - first, last, D)


@compiled()
def _attend_backward(dy, qkv, D, weights, dqkv, first_group, last_group):
    """Some groups of heads of `_attention_backward`."""
    T, C = dy.shape[1:]
    lanes, dtype = weights.shape[3], qkv.dtype
    groups = weights.shape[0] // dy.shape[0]
    heads = C // (groups * D)
    width, lanes_of_a_head = heads * D, lanes // heads
    scale = dtype.type(1 / math.sqrt(D))
    dy_block, dscores, cross = np.empty((D, lanes), dtype), np.empty((T, lanes), dtype), np.empty(lanes, dtype)
    for group in range(first_group, last_group):
        b, left = group // groups, group % groups * width
        for t in range(T):
            for third in range(3):
                dqkv[b, t, third * C + left : third * C + left + width] = 0
        for block in range(weights.shape[1]):
            first, last = block * QUERIES, min(block * QUERIES + QUERIES, T)
            w, ds, queries = weights[group, block, :last], dscores[:last], last - first
            q_rows, dy_rows, dq_rows = qkv[b, first:last], dy[b, first:last], dqkv[b, first:last]
            ds[:] = 0
            _side_by_side(dy, b, first, left, heads, dtype.type(1), dy_block)
            for h in range(heads):
                lane, column = h * lanes_of_a_head, left + h * D
                v_left = 2 * C + column
                # forward: y = w.T @ v, so dw = v @ dy.T, which ds holds for now, and dv = w @ dy
                multiply_windows(qkv[b], v_left, False, dy_block, lane, ds, lane, last, D, lanes_of_a_head)
                multiply_windows(w, lane, False, dy_rows, column, dqkv[b], v_left, last, queries, D)
            # forward: w = softmax(scale * scores)
            _softmax_backward(ds, w, scale, cross)
            for h in range(heads):
                lane, column = h * lanes_of_a_head, left + h * D
                k_left = C + column
                # forward: scores = k @ q.T, so dq = dscores.T @ k and dk = dscores @ q
                multiply_windows(ds, lane, True, qkv[b], k_left, dq_rows, column, queries, last, D)
                multiply_windows(ds, lane, False, q_rows, column, dqkv[b], k_left, last, queries, D)


@compiled(parallel=True)
def _attention(qkv, D, start, weights, y):
    """Forward, all groups of heads: up to four heads of a sequence are a group.

    Parameters
    ----------
    qkv, y : (B, T, 3C) and (B, T, C) arrays
    D : int
        Columns of a head.
    start : (B, T) int64 array
    weights : (groups of all sequences, blocks of queries, T, lanes) array
        For the backward. The entry of key s, query q of the block and head h of the group is at
        [group, block, s, h * QUERIES + q]; keys after the block's last query are not written.
    """
    groups = weights.shape[0]
    tasks = min(ATTENTION_TASKS, groups)
    for task in prange(tasks):
        _attend(qkv, D, start, weights, y, groups * task // tasks, groups * (task + 1) // tasks)


@compiled(parallel=True)
def _attention_backward(dy, qkv, D, weights, dqkv):
    """Backward, all groups of heads; arguments as `_attention`'s, dy like its y and dqkv like its qkv."""
    groups = weights.shape[0]
    tasks = min(ATTENTION_TASKS, groups)
    for task in prange(tasks):
        _attend_backward(dy, qkv, D, weights, dqkv, groups * task // tasks, groups * (task + 1) // tasks)
