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
    """Every entry of every gradient against the complex step, then float32 against the same derivative.

    Shapes, dtypes and names are compared as well, and that neither function changes what it is given.
    """
    check_gradients(forward, backward, inputs, rtol=RTOL)
    # One direction is enough where formulas are known to be right. float32 rounds to 6e-8; at scores of some hundreds,
    # which SCALES lead to, an exponential magnifies that to 1e-5.
    check_gradients(forward, backward, inputs, directions=1, dtype=np.float32, rtol=1e-3)
