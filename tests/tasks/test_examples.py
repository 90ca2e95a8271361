import numpy as np
import pytest

from minicluster.tasks import make_instruction_dataset

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
