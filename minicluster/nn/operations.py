"""The one place that chooses which functions a Transformer computes with: plain NumPy, or the kernels."""

import numpy as np

from ..compiler import missing_numba
from .adamw import clip_and_update, gradient_norm
from .attention import attention_backward, attention_forward
from .cross_entropy import cross_entropy
from .embedding import embedding_backward, embedding_forward, unembedding_backward, unembedding_forward
from .layernorm import layernorm_backward, layernorm_forward
from .linear import linear_backward, linear_forward
from .mlp import mlp_backward, mlp_forward

BACKENDS = ("auto", "numba", "numpy")
KERNEL_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


class NumpyOperations:
    """The plain functions of this package."""

    backend = "numpy"
    embedding_forward = staticmethod(embedding_forward)
    embedding_backward = staticmethod(embedding_backward)
    layernorm_forward = staticmethod(layernorm_forward)
    layernorm_backward = staticmethod(layernorm_backward)
    linear_forward = staticmethod(linear_forward)
    linear_backward = staticmethod(linear_backward)
    attention_forward = staticmethod(attention_forward)
    attention_backward = staticmethod(attention_backward)
    mlp_forward = staticmethod(mlp_forward)
    mlp_backward = staticmethod(mlp_backward)
    unembedding_forward = staticmethod(unembedding_forward)
    unembedding_backward = staticmethod(unembedding_backward)
    cross_entropy = staticmethod(cross_entropy)
    clip_and_update = staticmethod(clip_and_update)
    gradient_norm = staticmethod(gradient_norm)

    def new_gradients(self, parameters):
        """Return where a model's gradients go: Parameters like `parameters`, zeros."""
        return parameters.zeros_like()

    def reusing_memory(self, parameters):
        """Return the operations for a training loop: these, as NumPy's allocator keeps memory well enough."""
        return self


def choose_operations(backend, dtype):
    """Return the layer functions for a backend.

    Parameters
    ----------
    backend : str
        "numpy", the plain functions of this package; "numba", their compiled twins in `kernels`; or "auto": Numba's
        for float32 and float64, where Numba is installed and its compiler is not switched off (NUMBA_DISABLE_JIT).
    dtype : NumPy dtype
        Of the parameters.

    Returns
    -------
    object
        With `linear_forward`, `linear_backward` and so on.

    Raises
    ------
    ValueError
        If there is no such backend, or Numba's can't be had.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend = {backend!r}, expected one of {', '.join(BACKENDS)}")
    suits = np.dtype(dtype) in KERNEL_DTYPES
    if backend == "numpy" or (backend == "auto" and not suits):
        return NumpyOperations()
    if not suits:
        raise ValueError(f"backend = 'numba' with dtype {np.dtype(dtype)}, expected float32 or float64")
    missing = missing_numba()
    if missing and backend == "auto":
        return NumpyOperations()
    if missing:
        raise ValueError(f"backend = 'numba', but Numba can't be imported: {missing}")
    from .. import jit, kernels

    if backend == "auto" and not jit.ENABLED:
        return NumpyOperations()
    return kernels.KernelOperations()
