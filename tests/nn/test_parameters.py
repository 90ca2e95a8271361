import copy
import pickle

import numpy as np
import pytest

from minicluster.nn import Parameters

copies = pytest.mark.parametrize("copy_of", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])


@pytest.fixture
def parameters():
    return Parameters({"a": (2, 3), "b": (), "c": (4,)}, np.float32)


def test_arrays_are_views_into_the_flat_array(parameters):
    assert parameters.flat.shape == (11,)
    parameters["a"][1, 2] = 5
    assert parameters.flat[5] == 5
    parameters.flat[6:] = [6, 7, 8, 9, 10]
    assert parameters["b"] == 6
    np.testing.assert_array_equal(parameters["c"], [7, 8, 9, 10])


def test_assigning_changes_the_flat_array_and_keeps_the_view(parameters):
    view = parameters["c"]
    parameters["c"] = np.arange(4)
    np.testing.assert_array_equal(parameters.flat[7:], [0, 1, 2, 3])
    assert parameters["c"] is view


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("a", np.zeros((3, 2)), ValueError, "a has shape (3, 2), expected (2, 3)"),
        ("c", 1.0, ValueError, "c has shape (), expected (4,)"),
        ("c", np.zeros(4, complex), TypeError, "c has dtype complex128, expected float32"),
        ("d", 1.0, KeyError, "no parameter is named 'd'"),
    ],
)
def test_what_does_not_fit_is_refused(parameters, name, value, error, message):
    with pytest.raises(error) as caught:
        parameters[name] = value
    assert message in str(caught.value)


def test_nothing_can_be_deleted(parameters):
    with pytest.raises(TypeError, match="a can't be deleted"):
        del parameters["a"]


def test_zeros_like_has_its_own_memory(parameters):
    zeros = parameters.zeros_like()
    assert {name: z.shape for name, z in zeros.items()} == {name: p.shape for name, p in parameters.items()}
    zeros.flat[:] = 1
    assert not parameters.flat.any()


@copies
def test_a_copys_arrays_are_views_into_its_own_flat_array(parameters, copy_of):
    parameters.flat[:] = np.arange(11)
    twin = copy_of(parameters)
    np.testing.assert_array_equal(twin.flat, np.arange(11))
    twin.flat *= 2
    assert twin["b"] == 12 and parameters["b"] == 6
    twin.flat = np.ones(11)
    assert (twin["c"] == 1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@copies
def test_a_copy_keeps_dtype_and_digits(copy_of, dtype):
    parameters = Parameters({"a": (2,)}, dtype)
    parameters["a"] = [1 / 3, 0.1]  # more digits than float32 has
    twin = copy_of(parameters)
    assert twin.flat.dtype == dtype
    np.testing.assert_array_equal(twin["a"], parameters["a"])


def test_none_under_an_unknown_name_is_refused(parameters):
    with pytest.raises(KeyError, match="no parameter is named 'typo'"):
        parameters["typo"] = None


def test_shapes_are_tuples_however_they_were_given():
    assert Parameters({"a": [2, 3], "b": 4}, np.float64).shapes == {"a": (2, 3), "b": (4,)}
