import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.training import ShuffledBatches


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
