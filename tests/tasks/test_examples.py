"""What is known of encoded examples, whatever they are made from: rows chosen, where the answer is read, digests."""

import hashlib
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.tasks import Dataset, Split, make_geography_dataset, make_instruction_dataset

SIZES = {"n_instructions": 6, "n_unseen_instructions": 3, "n_held_out_inputs": 1}


@pytest.mark.parametrize("bottleneck", [False, True])
def test_in_the_bottleneck_the_input_sees_the_separator_and_itself_only(bottleneck):
    dataset = make_instruction_dataset(3, 2, 4, bottleneck=bottleneck, **SIZES)
    fresh = dataset.fresh_instructions(5, np.random.default_rng(0))
    for split in (*dataset.splits.values(), fresh):
        for row in range(len(split)):
            expected = np.zeros(split.tokens.shape[1])
            expected[split.separator[row] + 1] = split.separator[row] if bottleneck else 0
            np.testing.assert_array_equal(split.start[row], expected)
    # Nothing else of the data is another one.
    assert dataset.digest() == make_instruction_dataset(3, 2, 4, bottleneck=not bottleneck, **SIZES).digest()


def split_of(tokens, mask=None, instruction=None):
    """Return a Split of the given tokens (n, T); what is not given is made up."""
    tokens = np.asarray(tokens)
    n, T = tokens.shape
    rows = np.arange(n)
    return Split(
        tokens=tokens,
        targets=tokens + 1,
        mask=np.ones((n, T), bool) if mask is None else np.asarray(mask, bool),
        task=rows + 10,
        distribution=rows + 20,
        input=rows + 30,
        instruction=np.array(list("abcdefghij")[:n] if instruction is None else instruction),
        separator=rows + 40,
        start=tokens + 50,
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), min_size=1, max_size=6))
def test_the_answer_is_read_from_the_first_counted_position_to_the_last(answers):
    T = 14
    mask = np.zeros((len(answers), T), bool)
    for row, (first, length) in enumerate(answers):
        mask[row, first : first + length] = True
    split = split_of(np.zeros((len(answers), T), int), mask)
    assert split.asked.tolist() == [first for first, _ in answers]
    assert split.lengths.tolist() == [first + length for first, length in answers]  # read to the last counted one


def test_the_answer_is_read_from_the_last_token_before_it():
    letters = make_instruction_dataset(3, 2, 4, **SIZES).train
    np.testing.assert_array_equal(letters.asked, letters.separator + 1)  # the input's position
    sizes = {"n_places": 24, "n_instructions": 2, "n_unseen_instructions": 1, "n_places_each": 3}
    for inside in (False, True):
        dataset = make_geography_dataset(inside=inside, **sizes)
        split = dataset.train
        length = [0 if inside else len(dataset.places[place].name.split(" ")) for place in split.input]
        np.testing.assert_array_equal(split.asked, split.separator + length)


@pytest.mark.parametrize("rows", [slice(1, 3), [2, 0], np.array([True, False, False, True]), np.array([], int)])
def test_rows_are_chosen_in_every_array(rows):
    split = split_of(np.arange(20).reshape(4, 5))
    chosen = split[rows]
    assert isinstance(chosen, Split) and len(split) == 4
    assert len(chosen) == len(np.arange(4)[rows])
    for field in fields(Split):
        np.testing.assert_array_equal(getattr(chosen, field.name), getattr(split, field.name)[rows])


def test_unique_instructions_are_in_the_order_of_rows():
    split = split_of(np.zeros((6, 2), int), instruction=["what", "and", "what", "all", "and", "what"])
    assert split.unique_instructions().tolist() == [0, 1, 3]


# ---- Three splits


def made_up_dataset(**changes):
    shapes = {"train": (2, 3), "unseen_instruction": (1, 3), "unseen_combination": (4, 3)}
    numbers = {"train": 0, "unseen_instruction": 100, "unseen_combination": 200}
    splits = {name: split_of(np.arange(n * T).reshape(n, T) + numbers[name]) for name, (n, T) in shapes.items()}
    return Dataset(**splits | changes)


def test_splits_by_name_and_the_length_of_a_row():
    dataset = made_up_dataset()
    assert list(dataset.splits) == ["train", "unseen_instruction", "unseen_combination"]
    assert all(dataset.splits[name] is getattr(dataset, name) for name in dataset.splits)
    assert dataset.context_length == 3


def test_the_digest_is_that_of_tokens_and_targets_of_all_splits_in_order():
    data = b""
    for split in made_up_dataset().splits.values():
        for array in (split.tokens, split.targets):
            data += b"".join(int(token).to_bytes(8, "little") for token in array.ravel())
    assert made_up_dataset().digest() == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", ["train", "unseen_instruction", "unseen_combination"])
@pytest.mark.parametrize("field", ["tokens", "targets"])
def test_one_token_changes_the_digest(name, field):
    dataset = made_up_dataset()
    split = dataset.splits[name]
    array = getattr(split, field).copy()
    array[-1, -1] += 1
    assert made_up_dataset(**{name: replace(split, **{field: array})}).digest() != dataset.digest()


def test_the_digest_is_the_same_for_other_integers_of_the_same_value():
    dataset = made_up_dataset()
    small = {
        name: replace(split, tokens=split.tokens.astype(">i4"), targets=split.targets.astype(np.uint16))
        for name, split in dataset.splits.items()
    }
    assert Dataset(**small).digest() == dataset.digest()
