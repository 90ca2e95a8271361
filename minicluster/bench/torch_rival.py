"""What PyTorch's worker times: the same model, as its users would write it. Loaded only where it is installed."""

import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ..training.memory import keep_freed_memory
from .rivals import LEARNING_RATE, make_batch, make_model, mean_size, mlp_arrays, random_arrays
from .sizes import Size


class _Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.mlp_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.c_proj(_attention(self.c_attn(self.ln_1(x)), self.heads))
        return x + self.mlp_proj(functional.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


def _attention(qkv, heads):
    B, T, three_C = qkv.shape
    q, k, v = (part.view(B, T, heads, -1).transpose(1, 2) for part in qkv.split(three_C // 3, dim=2))  # (B, H, T, D)
    y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return y.transpose(1, 2).reshape(B, T, three_C // 3)


class _GPT(nn.Module):
    """The Transformer of a Size, with the parameters that `make_model` begins with."""

    def __init__(self, size):
        super().__init__()
        self.wte = nn.Embedding(size.vocabulary, size.width)
        self.wpe = nn.Embedding(size.tokens, size.width)
        self.h = nn.ModuleList(_Block(size.width, size.heads) for _ in range(size.layers))
        self.ln_f = nn.LayerNorm(size.width)
        self._take_over(make_model(size, "numpy").parameters)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        return self.ln_f(x) @ self.wte.weight.T

    def _take_over(self, parameters):
        own = dict(self.named_parameters())
        with torch.no_grad():
            for name, array in parameters.items():
                linear = ".attn." in name or ".mlp." in name
                ours = name.replace(".attn.", ".").replace(".mlp.c_proj", ".mlp_proj").replace(".mlp.", ".")
                # PyTorch's nn.Linear stores the transposed of GPT-2's weights.
                own[ours].copy_(torch.from_numpy(array.T.copy() if linear and array.ndim == 2 else array.copy()))


class TorchRival:
    """PyTorch in eager mode; see `NumpyRival`."""

    def __init__(self):
        keep_freed_memory()
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def describe(self):
        """Return version, threads, vector instructions and whether its matrix products are MKL's."""
        return {
            "version": torch.__version__,
            "threads": torch.get_num_threads(),
            "vectors": torch.backends.cpu.get_cpu_capability(),
            "mkl": torch.backends.mkl.is_available(),
        }

    def prepare(self, case):
        """Make the function that a case times."""
        return getattr(self, f"prepare_{case['kind']}")(case)

    def prepare_step(self, case):
        """A whole training step: forward, backward, clipping to norm 1, AdamW."""
        size = Size(**case["size"])
        model, (tokens, targets) = _GPT(size), torch.from_numpy(make_batch(size))
        decayed = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
        others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE)

        def call():
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            return float(loss.detach())

        return call, call()

    def prepare_matmul(self, case):
        """One of a layer's three matrix products, in nn.Linear's layout: its weight is stored as (N, K)."""
        (M, K, N), layout = case["shape"], case["layout"]
        x, weight, dy = (torch.from_numpy(array) for array in random_arrays((M, K), (K, N), (M, N)))
        weight = weight.T.contiguous()  # (N, K)
        out = torch.empty({"x @ W": (M, N), "dy @ W.T": (M, K), "x.T @ dy": (N, K)}[layout])
        call = {
            "x @ W": lambda: torch.mm(x, weight.T, out=out),
            "dy @ W.T": lambda: torch.mm(dy, weight, out=out),
            "x.T @ dy": lambda: torch.mm(dy.T, x, out=out),
        }[layout]
        call()
        return call, mean_size(out.numpy())

    def prepare_attention(self, case):
        """One layer's attention, forward and backward."""
        size = Size(**case["size"])
        B, T, C = size.batch, size.tokens, size.width
        qkv, dy = (torch.from_numpy(array) for array in random_arrays((B, T, 3 * C), (B, T, C)))
        qkv.requires_grad_()

        def call():
            qkv.grad = None
            _attention(qkv, size.heads).backward(dy)
            return qkv.grad

        return call, mean_size(call().numpy())

    def prepare_rung(self, case):
        """The ladder's matrix product."""
        a, b = (torch.from_numpy(array) for array in random_arrays(case["shape"][:2], case["shape"][1:]))
        out = torch.empty((len(a), b.shape[1]))
        return lambda: torch.mm(a, b, out=out), None

    def prepare_mlp(self, case):
        """A block's MLP, forward only, with bias, GELU and residual."""
        arrays = (torch.from_numpy(np.ascontiguousarray(array)) for array in mlp_arrays(case["shape"]))
        x, fc_weight, fc_bias, proj_weight, proj_bias, residual = arrays
        fc_weight, proj_weight = fc_weight.T.contiguous(), proj_weight.T.contiguous()

        @torch.no_grad()
        def call():
            wide = functional.linear(x, fc_weight, fc_bias)
            return functional.linear(functional.gelu(wide, approximate="tanh"), proj_weight, proj_bias) + residual

        return call, mean_size(call().numpy())
