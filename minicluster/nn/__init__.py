"""The model in plain NumPy: one file a layer, forward and backward side by side."""

from .adamw import AdamW, clip_and_update, clip_gradients, warmup_cosine
from .attention import attention_backward, attention_forward
from .auxiliary_losses import contrastive_loss, group_loss
from .block import block_backward, block_forward
from .cross_entropy import cross_entropy
from .embedding import embedding_backward, embedding_forward, unembedding_backward, unembedding_forward
from .extending import extend_vocabulary
from .gelu import gelu_backward, gelu_forward
from .layernorm import layernorm_backward, layernorm_forward
from .linear import linear_backward, linear_forward
from .mlp import mlp_backward, mlp_forward
from .parameters import Parameters
from .softmax import softmax_backward, softmax_forward
from .transformer import Transformer, TransformerConfig

__all__ = [
    "AdamW",
    "Parameters",
    "Transformer",
    "TransformerConfig",
    "attention_backward",
    "attention_forward",
    "block_backward",
    "block_forward",
    "clip_and_update",
    "clip_gradients",
    "contrastive_loss",
    "cross_entropy",
    "embedding_backward",
    "embedding_forward",
    "extend_vocabulary",
    "gelu_backward",
    "gelu_forward",
    "group_loss",
    "layernorm_backward",
    "layernorm_forward",
    "linear_backward",
    "linear_forward",
    "mlp_backward",
    "mlp_forward",
    "softmax_backward",
    "softmax_forward",
    "unembedding_backward",
    "unembedding_forward",
    "warmup_cosine",
]
