"""What every layer of nn has to pass."""

import numpy as np
from hypothesis import strategies as st

from minicluster.gradcheck import check_gradients
from minicluster.strategies import layer_inputs

RTOL = 1e-10  # promised; the complex step's own error is near 1e-15
SCALES = (1e-2, 1.0, 10.0)  # of inputs, so that softmaxes are met open and saturated
# Up to 4, where what is left of GELU and of 1 - p is still 1e-4: at 12 they are differences of nearly equal numbers,
# beside which an error of 1e-16 is no longer small.
TAME_SCALES = (1e-2, 1.0, 2.0)


@st.composite
def inputs_of_any_size(draw, shapes, scales=SCALES):
    """A layer's inputs, as `layer_inputs` draws them, small, of size 1 or large."""
    scale = draw(st.sampled_from(scales))
    return {name: scale * array for name, array in draw(layer_inputs(shapes)).items()}


def assert_right(forward, backward, inputs):
    """Every entry of every gradient against the complex step, then float32 against float64.

    Shapes, dtypes and names are compared as well, and that neither function changes what it is given.
    """
    check_gradients(forward, backward, inputs, rtol=RTOL)
    dout = np.random.default_rng(0).standard_normal(np.shape(forward(**inputs)[0]))
    (out, gradients), (out32, gradients32) = (_run(forward, backward, inputs, dout, t) for t in (float, np.float32))
    assert out32.dtype == np.float32
    assert_near(out32, out, size=np.abs(out).max())
    size = max(np.abs(dout).max(), *(np.abs(gradient).max() for gradient in gradients.values()))
    for name, gradient in gradients.items():
        assert gradients32[name].dtype == np.float32, name
        assert_near(gradients32[name], gradient, size)


def assert_near(array32, array64, size):
    """float32 rounds to 6e-8; at scores of some hundreds, which SCALES lead to, an exponential magnifies it to 1e-4."""
    np.testing.assert_allclose(array32, array64, rtol=0, atol=1e-3 * max(size, 1))


def _run(forward, backward, inputs, dout, dtype):
    """What forward and backward return in another precision."""
    inputs = {name: array.astype(dtype) if _is_float(array) else array for name, array in inputs.items()}
    out, cache = forward(**inputs)
    return out, dict(backward(dout.astype(dtype)[()], cache))


def _is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
