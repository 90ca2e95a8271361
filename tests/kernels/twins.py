"""What every kernel has to pass: the results of its twin in nn, and nothing changed that it was given."""

import numpy as np
from hypothesis import strategies as st

from minicluster import jit
from minicluster.kernels.memory import Fresh

DTYPES = (np.float64, np.float32)
dtypes = st.sampled_from(DTYPES)
seeds = st.integers(0, 2**32 - 1)

# Around what is done at a time: 4 rows and steps, 16 queries, 8 or 16 lanes, 32 and 64 rows a task.
sizes = st.sampled_from((1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65)) if jit.ENABLED else st.integers(1, 5)
# Several blocks of 64 steps, and several tasks of 128 rows, besides.
long_sizes = st.one_of(sizes, st.sampled_from((127, 129, 255, 256, 257, 290))) if jit.ENABLED else st.integers(1, 9)


def leading_shapes(rows=long_sizes):
    """The axes before the last one: none, one, or two."""
    return st.one_of(st.just(()), rows.map(lambda n: (n,)), st.tuples(st.integers(1, 3), sizes))


def normal(rng, shape, dtype=np.float64):
    """Random numbers of size 1."""
    return rng.standard_normal(shape).astype(dtype)


class Unwritten(Fresh):
    """Memory full of NaN: an entry that a kernel forgets to write, or reads before it does, shows."""

    def empty(self, shape, dtype):
        """Return an array whose entries are still to be written."""
        return np.full(shape, np.nan, dtype)

    def gradient_of(self, parameter):
        """Return an array for a parameter's gradient, its entries still to be written."""
        return np.full_like(parameter, np.nan)


def tolerance(dtype):
    """The share of the largest entry by which a kernel may differ from its twin in float64.

    Both add up the same numbers in another order. float64 rounds to 1e-16, and sums of 300 terms lose at most 300 times
    that, so 1e-12 is not reached after several layers either. float32 rounds to 6e-8, and 300 times that is 2e-5.
    """
    return 1e-12 if np.dtype(dtype) == np.float64 else 2e-5


def assert_near(actual, expected, dtype, size=1.0):
    """Entries agree up to rounding of the largest: `size`, of what flows in, or the largest expected one."""
    assert actual.dtype == dtype
    assert actual.shape == np.shape(expected)
    if actual.size:
        atol = tolerance(dtype) * max(size, np.abs(expected).max())
        np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


def assert_twins(kernels, references, inputs, dtype, seed=0, size=1.0, **of_the_backward):
    """Forward and backward of a kernel against those of nn, which get the same numbers as float64.

    Parameters
    ----------
    kernels, references : (forward, backward)
    inputs : dict
    dtype : NumPy dtype
        Of the kernel's floats.
    seed : int
        Of the upstream gradient.
    size : float
        Of what flows into the gradients, if it is above 1.
    **of_the_backward
        More of its arguments.
    """
    inputs, more = _as(inputs, dtype), _as(of_the_backward, dtype)
    given, more_given = _as(inputs, dtype), _as(more, dtype)  # copies
    memory = Unwritten()
    out, cache = kernels[0](**given, memory=memory)
    expected, reference_cache = references[0](**_as(inputs, np.float64))
    assert_near(out, expected, dtype)

    dout = normal(np.random.default_rng(seed), out.shape, dtype)
    dout_given, out_given = dout.copy(), out.copy()
    gradients = kernels[1](dout_given, cache, **more_given, memory=memory)
    expected = references[1](dout.astype(np.float64), reference_cache, **_as(more, np.float64))
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        assert_near(gradient, expected[name], dtype, size)

    # What the forward has kept is still there after a backward.
    for name, gradient in kernels[1](dout_given, cache, **more_given, memory=memory).items():
        np.testing.assert_array_equal(gradient, gradients[name], err_msg=name)

    unchanged = {
        **{f"input {name}": (given[name], value) for name, value in inputs.items()},
        "dout": (dout_given, dout),
    }
    unchanged |= {name: (more_given[name], value) for name, value in more.items()} | {"out": (out, out_given)}
    for name, (after, before) in unchanged.items():
        np.testing.assert_array_equal(after, before, err_msg=name)


def assert_same_entries_are_finite(kernels, references, inputs, seed=0):
    """NaN or infinity in one entry of one float input spoils, in a kernel, what it spoils in its twin."""
    rng = np.random.default_rng(seed)
    for name in [name for name, value in inputs.items() if isinstance(value, np.ndarray) and value.dtype.kind == "f"]:
        for bad in (np.nan, np.inf, -np.inf):
            spoilt = inputs | {name: inputs[name].copy()}
            spoilt[name].flat[rng.integers(spoilt[name].size)] = bad
            with np.errstate(all="ignore"):
                (out, cache), (expected, reference_cache) = (
                    forward(**spoilt) for forward in (kernels[0], references[0])
                )
                dout = normal(rng, out.shape)
                gradients, expected_gradients = kernels[1](dout, cache), references[1](dout, reference_cache)
            np.testing.assert_array_equal(np.isfinite(out), np.isfinite(expected), err_msg=f"{bad} in {name}")
            for of, gradient in gradients.items():
                message = f"gradient of {of}, {bad} in {name}"
                np.testing.assert_array_equal(np.isfinite(gradient), np.isfinite(expected_gradients[of]), message)


def _as(inputs, dtype):
    """Copies, the floats among them in another precision."""
    return {
        name: value.astype(dtype if value.dtype.kind == "f" else value.dtype)
        if isinstance(value, np.ndarray)
        else value
        for name, value in inputs.items()
    }
