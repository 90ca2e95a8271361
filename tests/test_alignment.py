import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.alignment import ALIGNMENT, aligned_array
from minicluster.kernels.memory import FRESH, Workspace
from minicluster.nn import Parameters

shapes = st.lists(st.integers(0, 5), max_size=3).map(tuple)


def is_aligned(array):
    return array.ctypes.data % ALIGNMENT == 0


@given(shape=shapes, dtype=st.sampled_from((np.float32, np.float64, np.int64, np.dtype(bool))))
def test_aligned_array(shape, dtype):
    array = aligned_array(shape, dtype)
    assert (array.shape, array.dtype) == (shape, dtype)
    assert array.flags.carray
    assert is_aligned(array) or not array.size  # NumPy says nothing of the address of no entries
    array[...] = 1  # all of it is ours to write
    assert array.base.dtype == np.uint8 and array.base.base is None


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_the_flat_storage_and_the_memory_of_results_are_aligned(size):
    parameters = Parameters({"weight": (size, 2)}, np.float32)
    assert is_aligned(parameters.flat) and not parameters.flat.any()
    for memory in (FRESH, Workspace(parameters)):
        assert is_aligned(memory.empty((3, size), np.float32))
        assert is_aligned(memory.gradient_of(parameters["weight"]))
