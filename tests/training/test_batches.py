import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.training import PairedBatches, ShuffledBatches


@given(n=st.integers(1, 12), batch_size=st.integers(1, 15), seed=st.integers(0, 99))
def test_every_row_once_an_epoch(n, batch_size, seed):
    batches = ShuffledBatches(n, batch_size, seed)
    rows = np.concatenate([next(batches) for _ in range(2 * n)])  # 2 * batch_size whole epochs
    epochs = rows.reshape(-1, n)
    assert (np.sort(epochs, axis=1) == np.arange(n)).all()


def test_each_epoch_is_a_new_shuffle_the_first_too():
    batches = ShuffledBatches(50, 50, 0)
    first, second = next(batches), next(batches)
    assert (first != np.arange(50)).any() and (first != second).any()


def test_a_batch_is_full_even_if_it_takes_several_epochs():
    assert next(ShuffledBatches(2, 5, 0)).shape == (5,)


@given(n=st.integers(1, 12), batch_size=st.integers(1, 15), seed=st.integers(0, 99), taken=st.integers(0, 9))
def test_a_state_that_was_plain_text_for_a_while_goes_on(n, batch_size, seed, taken):
    batches, others = ShuffledBatches(n, batch_size, seed), ShuffledBatches(n, batch_size, seed + 1)
    for _ in range(taken):
        next(batches)
    generator, waiting = batches.state
    others.state = json.loads(json.dumps(generator)), waiting
    for _ in range(5):
        np.testing.assert_array_equal(next(others), next(batches))


@given(n=st.integers(1, 80), batch_size=st.integers(1, 5), seed=st.integers(0, 99), data=st.data())
def test_with_lengths_too_every_row_comes_once_an_epoch(n, batch_size, seed, data):
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n))
    batches = ShuffledBatches(n, batch_size, seed, lengths)
    rows = np.concatenate([next(batches) for _ in range(2 * n)]).reshape(-1, n)
    assert (np.sort(rows, axis=1) == np.arange(n)).all()


def test_rows_of_like_length_come_together_in_shuffled_batches():
    lengths = np.arange(64)[::-1] // 4  # 16 lengths, four rows each, one pool
    batches = ShuffledBatches(64, 4, 0, lengths)
    epochs = [[next(batches) for _ in range(16)] for _ in range(2)]
    orders = []
    for epoch in epochs:
        of_batch = [set(lengths[rows].tolist()) for rows in epoch]
        assert all(len(own) == 1 for own in of_batch)
        orders.append([own.pop() for own in of_batch])
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(16))
    assert orders[0] != sorted(orders[0]) and orders[0] != sorted(orders[0])[::-1] and orders[0] != orders[1]
    inside = [rows.tolist() for epoch in epochs for rows in epoch]
    assert any(rows != sorted(rows) for rows in inside)  # rows of one length are shuffled, too


def test_only_the_rows_of_sixteen_batches_are_sorted_together():
    lengths = np.arange(64)
    batches = ShuffledBatches(64, 2, 0, lengths)  # two pools of 16 batches
    first_pool = np.concatenate([next(batches) for _ in range(16)])
    plain = ShuffledBatches(64, 2, 0)
    assert set(first_pool) == set(np.concatenate([next(plain) for _ in range(16)]))
    order = np.sort(first_pool)
    batches = ShuffledBatches(64, 2, 0, lengths)
    for rows in [next(batches) for _ in range(16)]:
        at = np.searchsorted(order, rows)
        assert at[1] == at[0] + 1 and at[0] % 2 == 0  # neighbours in the sorted pool


def test_rows_that_make_no_whole_batch_end_the_epoch():
    lengths = np.array([1] * 7 + [2] * 4)
    for seed in range(5):
        batches = ShuffledBatches(11, 4, seed, lengths)
        epoch = np.concatenate([next(batches) for _ in range(11)])[:11]
        assert (lengths[epoch[8:]] == 2).all()  # the longest of all are the rest of the sorted pool


def test_a_length_for_each_row_is_asked_for():
    with pytest.raises(ValueError, match=r"lengths has shape \(3,\), expected \(4,\), a length for each row"):
        ShuffledBatches(4, 2, 0, [1, 2, 3])


def test_a_state_with_lengths_goes_on():
    lengths = np.arange(50) % 7
    batches, others = ShuffledBatches(50, 8, 0, lengths), ShuffledBatches(50, 8, 1, lengths)
    for _ in range(9):
        next(batches)
    others.state = batches.state
    for _ in range(20):
        np.testing.assert_array_equal(next(others), next(batches))


def test_a_state_is_a_copy():
    batches = ShuffledBatches(5, 2, 0)
    next(batches)
    state = batches.state
    expected = state[1].copy()
    next(batches), next(batches)
    np.testing.assert_array_equal(state[1], expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda generator, waiting: (generator, waiting + 5), "waiting rows are not numbers from 0 to 4"),
        (lambda generator, waiting: (generator, waiting - 5), "waiting rows are not numbers from 0 to 4"),
        (lambda generator, waiting: (generator, waiting.astype(float)), "waiting rows are not numbers"),
        (lambda generator, waiting: (generator, waiting[None]), "waiting rows are not numbers"),
        (lambda generator, waiting: ({**generator, "bit_generator": "MT19937"}, waiting), "not one of PCG64"),
        (lambda generator, waiting: ({**generator, "state": {}}, waiting), "not one of PCG64"),
        (lambda generator, waiting: (None, waiting), "not one of PCG64"),
    ],
)
def test_what_is_no_state_is_refused_and_changes_nothing(change, message):
    batches, same = ShuffledBatches(5, 2, 0), ShuffledBatches(5, 2, 0)
    next(batches), next(same)
    with pytest.raises(ValueError, match=message):
        batches.state = change(*batches.state)
    for _ in range(5):
        np.testing.assert_array_equal(next(batches), next(same))


@pytest.mark.parametrize(
    ("arguments", "message"), [((0, 4), "n = 0, expected at least 1"), ((4, 0), "batch_size = 0, expected at least 1")]
)
def test_nothing_to_draw_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ShuffledBatches(*arguments, seed=0)


# Pairs --------------------------------------------------------------------------------------------


@given(n=st.integers(1, 9), half=st.integers(1, 6), seed=st.integers(0, 99), data=st.data())
def test_the_second_half_holds_partners_of_the_first(n, half, seed, data):
    some = st.lists(st.integers(0, n - 1), min_size=1, max_size=4, unique=True)
    partners = [np.array(own) for own in data.draw(st.lists(some, min_size=n, max_size=n))]
    batches, plain = PairedBatches(ShuffledBatches(n, half, seed), partners, seed), ShuffledBatches(n, half, seed)
    assert iter(batches) is batches
    for _ in range(4):
        rows = next(batches)
        assert rows.shape == (2 * half,) and rows.dtype == np.int64
        np.testing.assert_array_equal(rows[:half], next(plain))
        assert all(opposite in partners[row] for row, opposite in zip(rows[:half], rows[half:]))


def test_each_partner_is_drawn_anew_and_equally_often():
    partners = [np.array([5, 6, 7, 8]), np.array([9])]
    batches = PairedBatches(ShuffledBatches(2, 2, 0), partners, 0)
    drawn = []
    for _ in range(1000):
        rows = next(batches)
        opposite = dict(zip(rows[:2].tolist(), rows[2:].tolist()))
        assert opposite[1] == 9
        drawn.append(opposite[0])
    # A share of one in four scatters by sqrt(.25 * .75 / 1000) = .014; 5 of these.
    assert all(abs(drawn.count(row) / 1000 - 0.25) < 0.07 for row in (5, 6, 7, 8))
    assert len(set(zip(drawn, drawn[1:]))) == 16  # each after each


def test_partners_are_drawn_by_their_own_seed():
    partners = [np.arange(50)] * 50
    runs = []
    for seed in (3, 3, 4):
        batches = PairedBatches(ShuffledBatches(50, 10, 0), partners, [seed, 1])
        runs.append(np.stack([next(batches) for _ in range(3)]))
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_array_equal(runs[0][:, :10], runs[2][:, :10])
    assert (runs[0][:, 10:] != runs[2][:, 10:]).any()
