import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_checks import TAME_SCALES, assert_right

from minicluster.nn import cross_entropy
from minicluster.strategies import layer_sizes, masks, token_arrays, well_conditioned_arrays

seeds = st.integers(0, 2**32 - 1)


def test_by_hand():
    logits = np.log([[1.0, 2.0, 5.0], [4.0, 2.0, 2.0]])
    loss, dlogits = cross_entropy(logits, np.array([1, 0]))
    assert math.isclose(loss, (math.log(4) + math.log(2)) / 2, rel_tol=1e-15)  # rounding only
    expected = np.array([[1 / 8, 2 / 8 - 1, 5 / 8], [4 / 8 - 1, 2 / 8, 2 / 8]]) / 2
    np.testing.assert_allclose(dlogits, expected, rtol=1e-14)  # rounding only


def test_equal_logits_cost_log_v():
    loss, _ = cross_entropy(np.zeros((2, 3, 7)), np.zeros((2, 3), int))
    assert math.isclose(loss, math.log(7), rel_tol=1e-15)  # rounding


def test_huge_logits_stay_finite():
    loss, dlogits = cross_entropy(np.array([[1e4, 0.0]], np.float32), np.array([1]))
    assert loss == 1e4
    np.testing.assert_array_equal(dlogits, [[1, -1]])


def test_a_row_far_below_another_costs_no_more():
    # Less the largest logit of all, the second row's exp(-2000) would be 0, and its logarithm -inf.
    loss, dlogits = cross_entropy(np.array([[0.0, 0.0], [-2000.0, -2000.0]]), np.array([0, 1]))
    assert math.isclose(loss, math.log(2), rel_tol=1e-15)  # rounding
    np.testing.assert_array_equal(dlogits, [[-0.25, 0.25], [0.25, -0.25]])


def test_lists_will_do():
    loss, dlogits = cross_entropy([[0.0, 0.0], [9.0, 0.0]], [1, 0], [True, False])
    assert math.isclose(loss, math.log(2), rel_tol=1e-15)  # rounding
    np.testing.assert_array_equal(dlogits, [[0.5, -0.5], [0, 0]])


@given(
    leading=st.one_of(layer_sizes("n"), layer_sizes("B T")),
    V=st.integers(1, 6),
    scale=st.sampled_from(TAME_SCALES),  # no surer than p = 1 - 3e-4, as p - 1 cancels
    masked=st.booleans(),
    data=st.data(),
)
def test_gradient(leading, V, scale, masked, data):
    inputs = {
        "logits": scale * data.draw(well_conditioned_arrays((*leading, V))),
        "targets": data.draw(token_arrays(leading, V)),
        "mask": data.draw(masks(leading)) if masked else None,
    }
    assert_right(cross_entropy, lambda dloss, dlogits: {"logits": dloss * dlogits}, inputs)


@given(shape=layer_sizes("B T V"), data=st.data())
def test_tokens_in_one_row_or_in_several_cost_the_same(shape, data):
    """(B, T, V) and (B T, V) are the same tokens: neither loss nor gradient may be scaled by B or by T alone."""
    B, T, V = shape
    logits, mask = data.draw(well_conditioned_arrays(shape)), data.draw(masks((B, T)))
    targets = data.draw(token_arrays((B, T), V))
    loss, dlogits = cross_entropy(logits, targets, mask)
    flat_loss, flat_dlogits = cross_entropy(logits.reshape(B * T, V), targets.ravel(), mask.ravel())
    assert loss == flat_loss
    np.testing.assert_array_equal(dlogits.reshape(B * T, V), flat_dlogits)
    # Written once more, token by token: some roundings of sums and logarithms of size 1, absolute where log 1 is met.
    costs = [math.log(sum(math.exp(z - row[target]) for z in row)) for row, target in zip(logits[mask], targets[mask])]
    assert math.isclose(loss, sum(costs) / mask.sum(), rel_tol=1e-13, abs_tol=1e-15)


@given(seed=seeds)
def test_the_mean_is_over_counted_tokens_only(seed):
    rng = np.random.default_rng(seed)
    logits, targets = rng.standard_normal((3, 4, 5)), rng.integers(0, 5, (3, 4))
    mask = rng.random((3, 4)) < 0.5
    mask[0, 0] = True
    targets[~mask] = -1  # never read, so never an error
    loss, dlogits = cross_entropy(logits, targets, mask)
    loss_alone, dlogits_alone = cross_entropy(logits[mask], targets[mask])
    assert loss == loss_alone
    np.testing.assert_array_equal(dlogits[mask], dlogits_alone)
    np.testing.assert_array_equal(dlogits[~mask], 0)


def test_logits_of_tokens_that_do_not_count_are_not_read():
    logits = np.array([[0.0, 0.0], [np.inf, np.nan]])
    loss, dlogits = cross_entropy(logits, np.array([0, 0]), np.array([True, False]))
    assert math.isclose(loss, math.log(2), rel_tol=1e-15)  # rounding
    np.testing.assert_array_equal(dlogits, [[-0.5, 0.5], [0, 0]])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"mask": np.zeros((2, 3), bool)}, ValueError, "mask is False everywhere"),
        ({"mask": np.ones((2, 3), int)}, TypeError, "mask has dtype int64, expected bool"),
        ({"mask": np.ones((3, 2), bool)}, ValueError, "mask has shape (3, 2), expected (2, 3)"),
        ({"targets": np.full((2, 3), 4)}, ValueError, "targets[0, 0] = 4, expected 0 to 3"),
        ({"targets": np.full((2, 3), -1)}, ValueError, "targets[0, 0] = -1, expected 0 to 3"),
        ({"targets": np.zeros((3, 2), int)}, ValueError, "targets has shape (3, 2), expected (2, 3)"),
        ({"targets": np.zeros((2, 3))}, TypeError, "targets has dtype float64, expected integers"),
        ({"logits": np.zeros((2, 3, 4), int)}, TypeError, "logits has dtype int64, expected float"),
        ({"logits": np.zeros(4)}, ValueError, "logits has shape (4,), expected (n, V) or (B, T, V)"),
    ],
)
def test_bad_input_is_named(changes, error, message):
    arguments = {"logits": np.zeros((2, 3, 4)), "targets": np.zeros((2, 3), np.int64), "mask": np.ones((2, 3), bool)}
    arguments |= {name: a.astype(np.int64) if a.dtype.kind == "i" else a for name, a in changes.items()}
    with pytest.raises(error) as caught:
        cross_entropy(**arguments)
    assert message in str(caught.value)


def test_a_single_target_out_of_range_is_named():
    # -1 would otherwise count from the end.
    with pytest.raises(ValueError, match=r"targets\[1, 0\] = -1, expected 0 to 2"):
        cross_entropy(np.zeros((2, 2, 3)), np.array([[0, 2], [-1, 1]]))


def test_a_logit_of_minus_infinity_rules_a_token_out():
    loss, dlogits = cross_entropy(np.array([[0.0, 0.0, -np.inf]]), np.array([0]))
    assert math.isclose(loss, math.log(2), rel_tol=1e-15)  # rounding
    np.testing.assert_array_equal(dlogits, [[-0.5, 0.5, 0]])


def test_a_loss_has_no_ceiling():
    assert cross_entropy(np.array([[1e30, 0.0]]), np.array([1]))[0] == 1e30
