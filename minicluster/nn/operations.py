"""The one place that chooses which functions a Transformer computes with."""

from types import SimpleNamespace

from .attention import attention_backward, attention_forward
from .cross_entropy import cross_entropy
from .embedding import embedding_backward, embedding_forward
from .layernorm import layernorm_backward, layernorm_forward
from .linear import linear_backward, linear_forward
from .mlp import mlp_backward, mlp_forward

BACKENDS = ("auto", "numpy")

NUMPY = SimpleNamespace(
    embedding_forward=embedding_forward,
    embedding_backward=embedding_backward,
    layernorm_forward=layernorm_forward,
    layernorm_backward=layernorm_backward,
    linear_forward=linear_forward,
    linear_backward=linear_backward,
    attention_forward=attention_forward,
    attention_backward=attention_backward,
    mlp_forward=mlp_forward,
    mlp_backward=mlp_backward,
    cross_entropy=cross_entropy,
)


def choose_operations(backend):
    """Return the namespace of layer functions for a backend.

    Parameters
    ----------
    backend : str
        "auto" or "numpy". Both mean the plain NumPy functions of this package, the only ones so far.

    Returns
    -------
    SimpleNamespace
        `linear_forward`, `linear_backward` and so on.

    Raises
    ------
    ValueError
        If there is no such backend.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend = {backend!r}, expected one of {', '.join(BACKENDS)}")
    return NUMPY
