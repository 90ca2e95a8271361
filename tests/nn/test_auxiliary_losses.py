import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_checks import TAME_SCALES, assert_right

from minicluster.nn import contrastive_loss, group_loss
from minicluster.strategies import layer_inputs, token_arrays

# At 0.1, the default, cosines are told apart by a factor of e^20 at most. What is then left of 1 - p has few digits.
TEMPERATURES = (0.25, 0.5, 1.0, 3.0)


@st.composite
def states_and_partners(draw):
    """States (n, C), and for each row the number of another one, which may be that of several rows."""
    n, C = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    steps = draw(st.lists(st.integers(1, n - 1), min_size=n, max_size=n))
    return draw(layer_inputs({"x": f"{n} {C}"}))["x"], (np.arange(n) + steps) % n


# A group for each state ---------------------------------------------------------------------------


def test_a_reader_by_hand():
    # Logits (log 3, 0) and (log 2, 0): probabilities 3/4, 1/4 and 2/3, 1/3.
    x, weight, bias = np.eye(2), np.array([[math.log(1.5), 0.0], [0.0, 0.0]]), np.array([math.log(2), 0.0])
    loss, gradients = group_loss(x, np.array([0, 1]), weight, bias)
    assert math.isclose(loss, (math.log(4 / 3) + math.log(3)) / 2, rel_tol=1e-15)  # rounding
    dlogits = np.array([[-1 / 4, 1 / 4], [2 / 3, -2 / 3]]) / 2
    assert gradients.keys() == {"x", "weight", "bias"}
    np.testing.assert_allclose(gradients["weight"], dlogits, rtol=1e-14)  # rounding; x is the identity
    np.testing.assert_allclose(gradients["bias"], [-1 / 8 + 1 / 3, 1 / 8 - 1 / 3], rtol=1e-14)
    np.testing.assert_allclose(gradients["x"], math.log(1.5) * dlogits * [1, 0], rtol=1e-14)


@given(sizes=st.tuples(*[st.integers(1, 5)] * 3), scale=st.sampled_from(TAME_SCALES), data=st.data())
def test_gradients_of_states_and_reader(sizes, scale, data):
    n, C, K = sizes
    inputs = data.draw(layer_inputs({"x": f"{n} {C}", "weight": f"{C} {K}", "bias": f"{K}"}))
    inputs["x"] *= scale
    groups = data.draw(token_arrays((n,), K))

    def backward(dloss, gradients):
        return {name: dloss * gradient for name, gradient in gradients.items()}

    assert_right(group_loss, backward, {**inputs, "groups": groups})


@pytest.mark.parametrize("K", [1, 2, 7])
def test_a_reader_that_knows_nothing_has_log_k(K):
    rng = np.random.default_rng(0)
    loss, gradients = group_loss(rng.standard_normal((5, 3)), rng.integers(0, K, 5), np.zeros((3, K)), np.zeros(K))
    assert math.isclose(loss, math.log(K), rel_tol=1e-15, abs_tol=1e-15)  # rounding
    np.testing.assert_array_equal(gradients["x"], 0)  # it reads nothing, so the states can't help it


def test_the_mean_is_over_rows_each_with_a_gradient_of_its_own():
    rng = np.random.default_rng(1)
    x, groups, weight, bias = rng.standard_normal((4, 3)), [2, 0, 2, 1], rng.standard_normal((3, 5)), np.ones(5)
    loss, gradients = group_loss(x, groups, weight, bias)
    alone = [group_loss(x[[i]], groups[i : i + 1], weight, bias) for i in range(4)]
    assert math.isclose(loss, sum(own for own, _ in alone) / 4, rel_tol=1e-14)  # rounding
    np.testing.assert_allclose(gradients["x"], np.concatenate([own["x"] for _, own in alone]) / 4, rtol=1e-13)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"x": np.ones((4, 3), int)}, TypeError, "x has dtype int64, expected float or complex"),
        ({"x": np.ones(3)}, ValueError, "x has shape (3,), expected (n, C) with n at least 1"),
        ({"x": np.ones((0, 3))}, ValueError, "x has shape (0, 3), expected (n, C) with n at least 1"),
        ({"x": np.ones((4, 2))}, ValueError, "weight has shape (3, 2), expected (2, K) for x (4, 2)"),
        ({"weight": np.ones(3)}, ValueError, "weight has shape (3,), expected (3, K) for x (4, 3)"),
        ({"bias": np.ones(1)}, ValueError, "bias has shape (1,), expected (2,) for weight (3, 2)"),
        ({"groups": np.zeros(3, np.int64)}, ValueError, "groups has shape (3,), expected (4,), one for each row of x"),
        ({"groups": np.zeros(4)}, TypeError, "groups has dtype float64, expected integers"),
        ({"groups": np.array([0, 1, 2, 9])}, ValueError, "groups[2] = 2, expected 0 to 1"),
        ({"groups": np.array([0, -1, 0, 0])}, ValueError, "groups[1] = -1, expected 0 to 1"),
    ],
)
def test_a_bad_argument_of_the_reader_is_named(changes, error, message):
    good = {"x": np.ones((4, 3)), "groups": np.zeros(4, np.int64), "weight": np.ones((3, 2)), "bias": np.ones(2)}
    changes = {name: a.astype(np.int64) if a.dtype.kind == "i" else a for name, a in changes.items()}
    with pytest.raises(error) as caught:
        group_loss(**good | changes)
    assert str(caught.value) == message


# A partner for each state -------------------------------------------------------------------------


def test_three_directions_by_hand():
    # Cosines: 0 between the first and the others, which are opposite: -1. Over 0.5, scores of 0 and -2.
    x, partner = np.array([[3.0, 0.0], [0.0, 2.0], [0.0, -1.0]]), np.array([1, 0, 0])
    loss, dx = contrastive_loss(x, partner, 0.5)
    assert math.isclose(loss, (math.log(2) + 2 * math.log(1 + math.exp(-2))) / 3, rel_tol=1e-15)  # rounding
    # The first has 1/2 for each; the others have q for one another. Rows of 3 d(loss) / d(score), j != i:
    #     -1/2, 1/2    -q, q    -q, q
    # Each score stands for two directions, each gradient across its direction is over temperature and length.
    q = math.exp(-2) / (1 + math.exp(-2))
    first = 2 / 3 * ((-1 / 2 - q) - (1 / 2 - q)) / 3
    expected = [[0, first], [2 / 3 * (-1 / 2 - q) / 2, 0], [2 / 3 * (1 / 2 - q) / 1, 0]]
    np.testing.assert_allclose(dx, expected, rtol=1e-14, atol=1e-15)  # rounding


@given(drawn=states_and_partners(), temperature=st.sampled_from(TEMPERATURES))
def test_gradient_of_the_states(drawn, temperature):
    x, partner = drawn

    def forward(x, partner):
        return contrastive_loss(x, partner, temperature)

    assert_right(forward, lambda dloss, dx: {"x": dloss * dx}, {"x": x, "partner": partner})


@given(drawn=states_and_partners(), temperature=st.sampled_from(TEMPERATURES))
def test_the_loss_pair_by_pair(drawn, temperature):
    x, partner = drawn
    costs = []
    for i, own in enumerate(x):
        scores = {
            j: math.fsum(own * other) / math.hypot(*own) / math.hypot(*other) / temperature
            for j, other in enumerate(x)
            if j != i
        }
        costs.append(math.log(sum(map(math.exp, scores.values()))) - scores[partner[i]])
    # Some roundings of scores of at most 4, absolute where a loss is 0, as that of two states is.
    assert math.isclose(contrastive_loss(x, partner, temperature)[0], sum(costs) / len(x), rel_tol=0, abs_tol=1e-13)


def test_temperature_is_a_tenth_by_default():
    x, partner = np.random.default_rng(2).standard_normal((6, 4)), np.array([1, 0, 3, 2, 5, 4])
    for ours, expected in zip(contrastive_loss(x, partner), contrastive_loss(x, partner, temperature=0.1)):
        np.testing.assert_array_equal(ours, expected)
    assert contrastive_loss(x, partner)[0] != contrastive_loss(x, partner, temperature=0.2)[0]


@pytest.mark.parametrize("n", [2, 3, 8])
def test_directions_that_are_equally_far_cost_log_n_minus_1(n):
    partner = (np.arange(n) + 1) % n
    for x in (np.eye(n), np.eye(n) - 1 / n, np.eye(n) + 1):
        # Rounding of scores of at most 10.
        assert math.isclose(contrastive_loss(x, partner)[0], math.log(n - 1), rel_tol=1e-14, abs_tol=1e-14)


def test_partners_that_coincide_among_opposite_strangers_cost_nothing():
    x, partner = np.array([[1.0, 0], [2, 0], [-1, 0], [-3, 0]]), np.array([1, 0, 3, 2])
    loss, _ = contrastive_loss(x, partner, 0.05)
    assert 0 <= loss < 1e-16  # two strangers at e^-40 each
    loss, _ = contrastive_loss(x, np.array([2, 3, 0, 1]), 0.05)
    assert math.isclose(loss, 40, rel_tol=1e-15)  # rounding


@given(drawn=states_and_partners(), seed=st.integers(0, 99))
def test_the_length_of_states_changes_nothing(drawn, seed):
    x, partner = drawn
    lengths = 2.0 ** np.random.default_rng(seed).integers(-3, 4, (len(x), 1))  # powers of 2, so that all is exact
    loss, dx = contrastive_loss(x, partner)
    stretched, dstretched = contrastive_loss(lengths * x, partner)
    assert stretched == loss
    np.testing.assert_array_equal(dstretched, dx / lengths)


@given(drawn=states_and_partners())
def test_the_gradient_is_orthogonal_to_each_state(drawn):
    x, partner = drawn
    _, dx = contrastive_loss(x, partner)
    # Roundings of products of at most 20, the largest gradient of a direction at temperature 0.1.
    np.testing.assert_allclose((x * dx).sum(axis=1), 0, atol=1e-13)


@given(drawn=states_and_partners(), seed=st.integers(0, 99))
def test_in_another_order_rows_have_the_same_gradients(drawn, seed):
    x, partner = drawn
    order = np.random.default_rng(seed).permutation(len(x))
    loss, dx = contrastive_loss(x, partner)
    shuffled_loss, shuffled = contrastive_loss(x[order], np.argsort(order)[partner[order]])
    # Sums in another order, of gradients of some hundreds where a state of length 0.1 is met.
    assert math.isclose(shuffled_loss, loss, rel_tol=0, abs_tol=1e-13)
    np.testing.assert_allclose(shuffled, dx[order], rtol=0, atol=1e-12 * max(1, np.abs(dx).max()))


def test_a_row_that_is_nobodys_partner_is_pushed_away_all_the_same():
    x = np.array([[1.0, 0.1], [1.0, -0.1], [0.8, 0.5]])
    _, dx = contrastive_loss(x, np.array([1, 0, 0]), 1.0)
    assert np.abs(dx).max(axis=1).min() > 1e-3
    _, of_first_two = contrastive_loss(x[:2], np.array([1, 0]), 1.0)
    np.testing.assert_array_equal(of_first_two, 0)  # with one to choose from there is nothing to learn


def test_huge_and_tiny_scores_stay_finite_in_float32():
    x = np.random.default_rng(3).standard_normal((6, 4)).astype(np.float32)
    loss, dx = contrastive_loss(x, [1, 0, 3, 2, 5, 4], np.float64(1e-3))  # scores of 1,000; exp(89) is too large
    assert loss.dtype == dx.dtype == np.float32
    assert np.isfinite(loss) and np.isfinite(dx).all()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"x": np.ones((3, 2), np.int64)}, TypeError, "x has dtype int64, expected float or complex"),
        ({"x": np.ones(3)}, ValueError, "x has shape (3,), expected (n, C) with n at least 2"),
        ({"x": np.ones((1, 3))}, ValueError, "x has shape (1, 3), expected (n, C) with n at least 2"),
        ({"x": np.ones((4, 2))}, ValueError, "partner has shape (3,), expected (4,), one for each row of x"),
        ({"partner": [1, 2]}, ValueError, "partner has shape (2,), expected (3,), one for each row of x"),
        ({"partner": [1.0, 2.0, 0.0]}, TypeError, "partner has dtype float64, expected integers"),
        ({"partner": [1, 1, 0]}, ValueError, "partner[1] = 1, expected another row, 0 to 2"),
        ({"partner": [1, 3, 0]}, ValueError, "partner[1] = 3, expected another row, 0 to 2"),
        ({"partner": [1, 0, -1]}, ValueError, "partner[2] = -1, expected another row, 0 to 2"),
        ({"temperature": 0}, ValueError, "temperature = 0, expected a finite number above 0"),
        ({"temperature": -1.0}, ValueError, "temperature = -1.0, expected a finite number above 0"),
        ({"temperature": math.nan}, ValueError, "temperature = nan, expected a finite number above 0"),
        ({"x": np.array([[1.0, 0], [0, 0], [0, 0]])}, ValueError, "x[1] has length 0, expected states"),
    ],
)
def test_a_bad_argument_of_the_pairs_is_named(changes, error, message):
    with pytest.raises(error) as caught:
        contrastive_loss(**{"x": np.ones((3, 2)), "partner": [1, 2, 0], "temperature": 1.0} | changes)
    assert str(caught.value).startswith(message)
