"""The layers of `nn`, fast: Numba twins with the same names, arguments and results. Read `nn` first."""

from functools import partial

from .adamw import clip_and_update, gradient_norm
from .attention import attention_backward, attention_forward
from .cross_entropy import cross_entropy
from .embedding import embedding_backward, embedding_forward, unembedding_backward, unembedding_forward
from .gelu import gelu_backward, gelu_forward
from .layernorm import layernorm_backward, layernorm_forward
from .linear import linear_backward, linear_forward
from .memory import FRESH, Workspace
from .mlp import mlp_backward, mlp_forward

_LAYERS = (
    embedding_forward,
    embedding_backward,
    layernorm_forward,
    layernorm_backward,
    linear_forward,
    linear_backward,
    attention_forward,
    attention_backward,
    mlp_forward,
    mlp_backward,
    unembedding_forward,
    unembedding_backward,
    cross_entropy,
)

__all__ = [
    "KernelOperations",
    "Workspace",
    "attention_backward",
    "attention_forward",
    "clip_and_update",
    "cross_entropy",
    "embedding_backward",
    "embedding_forward",
    "gelu_backward",
    "gelu_forward",
    "gradient_norm",
    "layernorm_backward",
    "layernorm_forward",
    "linear_backward",
    "linear_forward",
    "mlp_backward",
    "mlp_forward",
    "unembedding_backward",
    "unembedding_forward",
]


class KernelOperations:
    """The functions that a Transformer computes with.

    Parameters
    ----------
    memory : Fresh or Workspace
        Where results are put.
    """

    backend = "numba"
    clip_and_update = staticmethod(clip_and_update)
    gradient_norm = staticmethod(gradient_norm)

    def __init__(self, memory=FRESH):
        self._memory = memory
        for function in _LAYERS:
            setattr(self, function.__name__, partial(function, memory=memory))

    def new_gradients(self, parameters):
        """Return where a model's gradients go: Parameters like `parameters`."""
        return self._memory.new_gradients(parameters)

    def reusing_memory(self, parameters):
        """Return the operations for a training loop, which put their results where the last step's were."""
        return self if isinstance(self._memory, Workspace) else KernelOperations(Workspace(parameters))
