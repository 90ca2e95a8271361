"""What NumPy's and Numba's workers time: the same layers and steps, on the same numbers."""

import numpy as np

from .. import nn
from ..alignment import aligned_array
from ..nn.parameters import Parameters
from ..training import train_step
from ..training.memory import keep_freed_memory
from . import machine
from .cluster_rivals import ClusterCases
from .sizes import Size

SEED = 0
LEARNING_RATE = 1e-3


def random_arrays(*shapes, seed=SEED):
    """Return normally distributed float32 arrays of these shapes, the same at each call, aligned as a model's are."""
    rng = np.random.default_rng(seed)
    arrays = [aligned_array(shape, np.float32) for shape in shapes]
    for array in arrays:
        rng.standard_normal(dtype=np.float32, out=array)
    return arrays


def mean_size(array):
    """The mean of an array's absolute values: equal for rivals that have computed the same."""
    return float(np.abs(array).mean(dtype=np.float64))


def make_model(size, backend):
    """Return the Transformer of a Size, with initial parameters that are the same for all rivals."""
    config = nn.TransformerConfig(size.vocabulary, size.tokens, size.width, size.layers, size.heads)
    return nn.Transformer(config, seed=SEED, backend=backend)


def make_batch(size):
    """Return tokens and targets, each (B, T) int64, drawn at random."""
    rng = np.random.default_rng(SEED)
    return rng.integers(0, size.vocabulary, (2, size.batch, size.tokens))


class NumpyRival:
    """The plain layers of `nn`, on NumPy's BLAS.

    `prepare` takes a case, a dict with its `kind` and sizes, and returns a function to be timed, without arguments,
    and a number that must be nearly the same for all rivals, or None.
    """

    backend = "numpy"

    def __init__(self):
        keep_freed_memory()

    def describe(self):
        """Return versions, threads and instruction set, as far as they concern this rival."""
        return machine.describe_numpy()

    def prepare(self, case):
        """Make the function that a case times."""
        return getattr(self, f"prepare_{case['kind']}")(case)

    def prepare_step(self, case):
        """A whole training step: forward, backward, clipping to norm 1, AdamW."""
        size = Size(**case["size"])
        model, (tokens, targets) = make_model(size, self.backend), make_batch(size)
        optimizer = nn.AdamW(model.parameters, lr=LEARNING_RATE)
        first_loss, _ = train_step(model, optimizer, tokens, targets)
        return lambda: train_step(model, optimizer, tokens, targets), first_loss

    def prepare_matmul(self, case):
        """One of a layer's three matrix products: forward, input's gradient, weight's gradient."""
        (M, K, N), layout = case["shape"], case["layout"]
        x, weight, dy = random_arrays((M, K), (K, N), (M, N))
        out = aligned_array({"x @ W": (M, N), "dy @ W.T": (M, K), "x.T @ dy": (K, N)}[layout], np.float32)
        call = self.products(x, weight, dy, out)[layout]
        call()
        return call, mean_size(out)

    def products(self, x, weight, dy, out):
        """Return {layout: function that computes `out`}."""
        return {
            "x @ W": lambda: np.matmul(x, weight, out=out),
            "dy @ W.T": lambda: np.matmul(dy, weight.T, out=out),
            "x.T @ dy": lambda: np.matmul(x.T, dy, out=out),
        }

    def prepare_attention(self, case):
        """One layer's attention, forward and backward."""
        size = Size(**case["size"])
        B, T, C = size.batch, size.tokens, size.width
        qkv, dy = random_arrays((B, T, 3 * C), (B, T, C))
        forward, backward = self.attention()

        def call():
            _, cache = forward(qkv, size.heads)
            return backward(dy, cache)["qkv"]

        return call, mean_size(call())

    def attention(self):
        """Return attention's forward and backward."""
        from ..nn.attention import attention_backward, attention_forward

        return attention_forward, attention_backward

    def prepare_rung(self, case):
        """The ladder's matrix product."""
        a, b = random_arrays(case["shape"][:2], case["shape"][1:])
        out = aligned_array((len(a), b.shape[1]), np.float32)
        return lambda: np.matmul(a, b, out=out), None

    def prepare_mlp(self, case):
        """A block's MLP, forward only, with bias, GELU and residual."""
        from ..nn.mlp import mlp_forward

        arrays = mlp_arrays(case["shape"])
        return lambda: mlp_forward(*arrays)[0], mean_size(mlp_forward(*arrays)[0])


def mlp_arrays(shape):
    """Return x, both layers' weights and biases, and the residual, for an MLP of shape (M, C, F)."""
    M, C, F = shape
    x, fc_weight, fc_bias, proj_weight, proj_bias, residual = random_arrays((M, C), (C, F), (F,), (F, C), (C,), (M, C))
    fc_weight /= np.float32(C**0.5)
    proj_weight /= np.float32(F**0.5)
    return x, fc_weight, fc_bias, proj_weight, proj_bias, residual


class NumbaRival(ClusterCases, NumpyRival):
    """The kernels."""

    backend = "numba"

    def __init__(self):
        from ..kernels.memory import Workspace

        super().__init__()
        self.memory = Workspace(Parameters({"none": (0,)}, np.float32))
        self.prepare_peak({"threads": None})[0]()  # begins the threads

    def describe(self):
        """Return what Numba compiles for, and its threads."""
        return machine.describe_numba()

    def prepare(self, case):
        """Make the function that a case times, on `case["threads"]` threads if it says so."""
        import numba

        every = numba.config.NUMBA_NUM_THREADS
        call, check = super().prepare(case)
        if not case.get("threads"):
            return call, check

        def call_on_some_threads():
            numba.set_num_threads(case["threads"])
            try:
                return call()
            finally:
                numba.set_num_threads(every)

        return call_on_some_threads, check

    def products(self, x, weight, dy, out):
        """Return {layout: function that computes `out`}, as `kernels.linear` does it, copies included."""
        from ..kernels.linear import multiply_rows, transposed, weight_gradient

        return {
            "x @ W": lambda: multiply_rows(x, weight, out),
            "dy @ W.T": lambda: multiply_rows(dy, transposed(weight, self.memory), out),
            "x.T @ dy": lambda: weight_gradient(x, dy, out),
        }

    def tools(self):
        """Return the module with our k-means, t-SNE and so on."""
        from .. import cluster

        return cluster

    def attention(self):
        """Return the kernels' forward and backward."""
        from functools import partial

        from ..kernels.attention import attention_backward, attention_forward

        return partial(attention_forward, memory=self.memory), partial(attention_backward, memory=self.memory)

    def prepare_rung(self, case):
        """One rung of the ladder."""
        from .ladder import prepare_rung

        call, _ = prepare_rung(case["rung"], *random_arrays(case["shape"][:2], case["shape"][1:]))
        return call, None

    def prepare_mlp(self, case):
        """A block's MLP forward, fused or in pieces."""
        from ..kernels.mlp import mlp_forward
        from .ladder import mlp_in_pieces

        arrays, memory = mlp_arrays(case["shape"]), self.memory
        if case["rung"] == "in_pieces":
            return lambda: mlp_in_pieces(*arrays, memory), mean_size(mlp_in_pieces(*arrays, memory))
        return lambda: mlp_forward(*arrays, memory=memory)[0], mean_size(mlp_forward(*arrays, memory=memory)[0])

    def prepare_peak(self, case):
        """Multiply-adds in registers, on one thread or on all."""
        import numba

        from . import peak

        factor, summand = np.float32(0.5), np.float32(1)
        if case["threads"] == 1:
            return lambda: peak.one_thread(peak.ROUNDS, factor, summand), None
        totals = np.empty(numba.config.NUMBA_NUM_THREADS, np.float32)
        return lambda: peak.all_threads(totals, peak.ROUNDS, factor, summand), None
