"""Causal multi-head self-attention, as `nn/attention.py` computes it."""

import math

import numpy as np

from ..checks import check_starts, check_whole_number
from ..jit import compiled, prange
from .arguments import expect_axes, expect_shape, float_arrays, index_array
from .elementary import exp
from .memory import FRESH
from .products import multiply, multiply_transposed
from .tasks import HEAD_TASKS

QUERIES = 16  # of one sequence and head, computed side by side in the lanes of vectors


def attention_forward(qkv, n_heads, start=None, *, memory=FRESH):
    """Attention of every query to the keys that it may see; as `nn.attention_forward`.

    Fused: the scores of sixteen queries stay in the fastest cache through softmax and the weighted mean. They are kept
    with the queries side by side, keys downwards, so that the sums and maxima of softmax run down the lanes of a vector
    instead of across them. There is no T x T mask: loops end at the last key that one of the sixteen sees, which saves
    nearly half of the work on long sequences.

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
    if three_C % (3 * n_heads):
        raise ValueError(f"qkv has {three_C} columns, expected a multiple of 3 n_heads = {3 * n_heads}")
    C = three_C // 3
    start = np.zeros((B, T), np.int64) if start is None else index_array(check_starts(start, B, T))
    y = memory.empty((B, T, C), qkv.dtype)
    weights = memory.empty((B * n_heads, -(-T // QUERIES), T, QUERIES), qkv.dtype)
    _attention(qkv, n_heads, start, weights, y)
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
    _attention_backward(dy, qkv, n_heads, weights, dqkv)
    return {"qkv": dqkv}


@compiled()
def _take(source, b, column, out):
    """out (T, D) = D columns of sequence b, from `column` on."""
    T, D = out.shape
    for t in range(T):
        row = source[b, t, column : column + D]
        for d in range(D):
            out[t, d] = row[d]


@compiled()
def _take_queries(source, b, first, column, scale, out, transposed):
    """out (QUERIES, D) = the rows from `first` on, times `scale`, 0 after the last; and the same transposed."""
    T, D = source.shape[1], out.shape[1]
    for q in range(QUERIES):
        if first + q < T:
            row = source[b, first + q, column : column + D]
            for d in range(D):
                out[q, d] = row[d] * scale
        else:
            for d in range(D):
                out[q, d] = 0
    for d in range(D):
        for q in range(QUERIES):
            transposed[d, q] = out[q, d]


@compiled()
def _put(source, count, scale, out, b, first, column):
    """`count` rows of sequence b of out, from `first` on = source, times `scale`."""
    D = source.shape[1]
    for t in range(count):
        row = out[b, first + t, column : column + D]
        for d in range(D):
            row[d] = source[t, d] * scale


@compiled()
def _softmax(scores, starts, first, most, total):
    """Softmax of each column, a query, over the keys from its start to itself, in place; other keys get 0.

    Parameters
    ----------
    scores : (keys, QUERIES) array
    starts : (QUERIES,) int32 array
        The first key of each query; none of a query that is only there to fill the vector.
    first : int
        The position of the first query.
    most, total : (QUERIES,) arrays
        To compute with.
    """
    number = scores.dtype.type
    most[:] = number(-np.inf)
    total[:] = 0
    for s in range(scores.shape[0]):
        row = scores[s]
        for q in range(row.size):
            seen = (starts[q] <= s) & (s <= first + q)
            # In this form a NaN is not chosen; it shows in the sum below.
            most[q] = row[q] if seen & (row[q] > most[q]) else most[q]
    for s in range(scores.shape[0]):
        row = scores[s]
        for q in range(row.size):
            seen = (starts[q] <= s) & (s <= first + q)
            row[q] = row[q] - most[q] if seen else number(-np.inf)
    flat = scores.ravel()
    for i in range(flat.size):
        flat[i] = exp(flat[i])
    for s in range(scores.shape[0]):
        row = scores[s]
        for q in range(row.size):
            total[q] += row[q]
    for q in range(total.size):
        total[q] = number(1) / total[q] if total[q] != number(0) else number(0)
    for s in range(scores.shape[0]):
        row = scores[s]
        for q in range(row.size):
            row[q] *= total[q]


@compiled()
def _softmax_backward(dweights, weights, cross):
    """dscores = weights * (dweights - the column's sum of dweights * weights), in place."""
    cross[:] = 0
    for s in range(weights.shape[0]):
        dw, w = dweights[s], weights[s]
        for q in range(w.size):
            cross[q] += dw[q] * w[q]
    for s in range(weights.shape[0]):
        dw, w = dweights[s], weights[s]
        for q in range(w.size):
            dw[q] = w[q] * (dw[q] - cross[q])


@compiled()
def _attend(qkv, n_heads, start, weights, y, first_head, last_head):
    """Some heads of `_attention`; head h of sequence b is number b * n_heads + h."""
    T, C = y.shape[1:]
    D = C // n_heads
    number = qkv.dtype.type
    scale = number(1 / math.sqrt(D))
    k, v = np.empty((T, D), qkv.dtype), np.empty((T, D), qkv.dtype)
    q, q_transposed = np.empty((QUERIES, D), qkv.dtype), np.empty((D, QUERIES), qkv.dtype)
    y_block, most, total = np.empty((QUERIES, D), qkv.dtype), np.empty(QUERIES, qkv.dtype), np.empty(QUERIES, qkv.dtype)
    starts = np.empty(QUERIES, np.int32)
    for head in range(first_head, last_head):
        b, column = head // n_heads, head % n_heads * D
        _take(qkv, b, column + C, k)
        _take(qkv, b, column + 2 * C, v)
        for block in range(weights.shape[1]):
            first, last = block * QUERIES, min(block * QUERIES + QUERIES, T)
            _take_queries(qkv, b, first, column, scale, q, q_transposed)
            for query in range(QUERIES):
                starts[query] = start[b, first + query] if first + query < T else T
            w = weights[head, block, :last]
            multiply(k, q_transposed, w, 0, last, D, QUERIES, False)  # (keys, D) @ (D, QUERIES)
            _softmax(w, starts, first, most, total)
            multiply_transposed(w, v[:last], y_block, 0, last - first, 0, D)  # (QUERIES, keys) @ (keys, D)
            _put(y_block, last - first, number(1), y, b, first, column)


@compiled()
def _attend_backward(dy, qkv, n_heads, weights, dqkv, first_head, last_head):
    """Some heads of `_attention_backward`."""
    T, C = dy.shape[1:]
    D = C // n_heads
    number = qkv.dtype.type
    scale = number(1 / math.sqrt(D))
    k, v = np.empty((T, D), qkv.dtype), np.empty((T, D), qkv.dtype)
    dk, dv = np.empty((T, D), qkv.dtype), np.empty((T, D), qkv.dtype)
    q, dy_block = np.empty((QUERIES, D), qkv.dtype), np.empty((QUERIES, D), qkv.dtype)
    dq, transposed = np.empty((QUERIES, D), qkv.dtype), np.empty((D, QUERIES), qkv.dtype)
    dscores, cross = np.empty((T, QUERIES), qkv.dtype), np.empty(QUERIES, qkv.dtype)
    for head in range(first_head, last_head):
        b, column = head // n_heads, head % n_heads * D
        _take(qkv, b, column + C, k)
        _take(qkv, b, column + 2 * C, v)
        dk[:] = 0
        dv[:] = 0
        for block in range(weights.shape[1]):
            first, last = block * QUERIES, min(block * QUERIES + QUERIES, T)
            w, ds = weights[head, block, :last], dscores[:last]
            _take_queries(qkv, b, first, column, scale, q, transposed)
            _take_queries(dy, b, first, column, number(1), dy_block, transposed)
            # forward: y = weights @ v
            multiply(v, transposed, ds, 0, last, D, QUERIES, False)  # dweights: (keys, D) @ (D, QUERIES)
            multiply(w, dy_block, dv, 0, last, QUERIES, D, True)  # (keys, QUERIES) @ (QUERIES, D)
            # forward: weights = softmax(scores)
            _softmax_backward(ds, w, cross)
            # forward: scores = (q * scale) @ k.T
            multiply_transposed(ds, k[:last], dq, 0, last - first, 0, D)  # (QUERIES, keys) @ (keys, D)
            multiply(ds, q, dk, 0, last, QUERIES, D, True)  # (keys, QUERIES) @ (QUERIES, D)
            _put(dq, last - first, scale, dqkv, b, first, column)
        _put(dk, T, number(1), dqkv, b, 0, column + C)
        _put(dv, T, number(1), dqkv, b, 0, column + 2 * C)


@compiled(parallel=True)
def _attention(qkv, n_heads, start, weights, y):
    heads = weights.shape[0]
    tasks = min(HEAD_TASKS, heads)
    for task in prange(tasks):
        _attend(qkv, n_heads, start, weights, y, heads * task // tasks, heads * (task + 1) // tasks)


@compiled(parallel=True)
def _attention_backward(dy, qkv, n_heads, weights, dqkv):
    heads = weights.shape[0]
    tasks = min(HEAD_TASKS, heads)
    for task in prange(tasks):
        _attend_backward(dy, qkv, n_heads, weights, dqkv, heads * task // tasks, heads * (task + 1) // tasks)
