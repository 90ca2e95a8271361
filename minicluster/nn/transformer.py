"""The model: GPT-2's architecture, small, with its backward pass beneath its forward pass."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..checks import check_tokens, check_whole_number
from .block import block_backward, block_forward
from .generation import write_on
from .operations import choose_operations
from .parameters import Parameters

# GPT-2 has 0.02 at widths of 768 and more. At width 64 that leaves so little signal that layers 2 and 3 learn late.
INITIAL_STD = 0.05
DTYPES = (np.float32, np.float64, np.complex128)


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a Transformer.

    Parameters
    ----------
    vocab_size : int
        V, the number of different tokens.
    context_length : int
        The longest sequence that the model has positions for.
    d_model : int
        C, the width of the residual stream; a multiple of `n_heads`.
    n_layers : int
        L, the number of blocks.
    n_heads : int
        H, the number of attention heads.
    d_ff : int, optional
        F, the width inside the MLP; 4 C by default.
    tie_embeddings : bool
        Whether the output head is the token embedding, read the other way.

    Raises
    ------
    ValueError, TypeError
        If no model has these sizes.
    """

    vocab_size: int
    context_length: int
    d_model: int
    n_layers: int
    n_heads: int
    d_ff: int | None = None
    tie_embeddings: bool = True

    def __post_init__(self):
        for name in ("vocab_size", "context_length", "d_model", "n_layers", "n_heads"):
            check_whole_number(name, getattr(self, name), 1)
        if self.d_ff is None:
            object.__setattr__(self, "d_ff", 4 * self.d_model)
        check_whole_number("d_ff", self.d_ff, 1)
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model = {self.d_model}, expected a multiple of n_heads = {self.n_heads}")

    def parameter_shapes(self):
        """Return {name: shape} under GPT-2's names and in its (in, out) layout."""
        C, F = self.d_model, self.d_ff
        shapes = {"wte.weight": (self.vocab_size, C), "wpe.weight": (self.context_length, C)}
        for layer in range(self.n_layers):
            block = {
                "ln_1.weight": (C,),
                "ln_1.bias": (C,),
                "attn.c_attn.weight": (C, 3 * C),
                "attn.c_attn.bias": (3 * C,),
                "attn.c_proj.weight": (C, C),
                "attn.c_proj.bias": (C,),
                "ln_2.weight": (C,),
                "ln_2.bias": (C,),
                "mlp.c_fc.weight": (C, F),
                "mlp.c_fc.bias": (F,),
                "mlp.c_proj.weight": (F, C),
                "mlp.c_proj.bias": (C,),
            }
            shapes |= {f"h.{layer}.{name}": shape for name, shape in block.items()}
        shapes |= {"ln_f.weight": (C,), "ln_f.bias": (C,)}
        if not self.tie_embeddings:
            shapes["lm_head.weight"] = (self.vocab_size, C)
        return shapes


class Transformer:
    """A decoder-only Transformer with pre-LayerNorm blocks and tanh GELU, as GPT-2.

    Parameters
    ----------
    config : TransformerConfig
    seed : int
        Of the initial weights: normal with standard deviation 0.05, those that write into the residual
        stream smaller by sqrt(2 L); biases 0, LayerNorm scales 1.
    dtype : NumPy dtype
        float32, float64 or complex128 (for the complex-step gradient check).
    backend : str
        See `choose_operations`.

    Raises
    ------
    ValueError
        If there is no such dtype or backend.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3.
    """

    def __init__(self, config, seed=0, dtype=np.float32, backend="auto"):
        if np.dtype(dtype) not in DTYPES:
            raise ValueError(f"dtype = {np.dtype(dtype)}, expected one of float32, float64, complex128")
        self.config = config
        self.dtype = np.dtype(dtype)
        self.operations = choose_operations(backend, self.dtype)
        self._reused = None  # the operations, and what they became for training loops
        self._parameters = Parameters(config.parameter_shapes(), self.dtype)
        self._initialise(np.random.default_rng(seed))

    @property
    def parameters(self):
        """The model's own: writing into an array or assigning to a name changes the model."""
        return self._parameters

    def _initialise(self, rng):
        residual_std = INITIAL_STD / np.sqrt(2 * self.config.n_layers)  # the stream sums up 2 L updates
        for name, view in self.parameters.items():
            if view.ndim == 2:
                std = residual_std if name.endswith("c_proj.weight") else INITIAL_STD
                view[...] = std * rng.standard_normal(view.shape)
            elif name.endswith("weight"):
                view[...] = 1  # LayerNorm's scale; biases stay 0

    def forward(self, tokens, start=None):
        """Predict, at each position, the next token.

        Parameters
        ----------
        tokens : (B, T) integers
            From 0 to V - 1; T at most the context length.
        start : (B, T) integers, optional
            Query t sees the keys start[b, t] to t; by default 0 to t.

        Returns
        -------
        logits : (B, T, V) array
        cache : tuple
            What `backward` needs. It refers to the parameters, so go backward before they change.

        Raises
        ------
        ValueError, TypeError
            If `tokens` or `start` don't fit the model.
        """
        logits, _, cache = self.forward_with_states(tokens, start)
        return logits, cache

    def forward_with_states(self, tokens, start=None):
        """Predict as `forward` does, and return the hidden states on the way, for a loss of their own.

        Parameters
        ----------
        tokens, start
            As in `forward`.

        Returns
        -------
        logits : (B, T, V) array
        states : list of L + 1 arrays (B, T, C)
            As `hidden_states` has them; to be read only, as `cache` refers to them.
        cache : tuple
            What `backward` needs.

        Raises
        ------
        ValueError, TypeError
            If `tokens` or `start` don't fit the model.
        """
        stream, cache = self._residual_stream(tokens, start)
        p = self.parameters
        normed, ln_f = self.operations.layernorm_forward(stream[-1], p["ln_f.weight"], p["ln_f.bias"])
        logits, unembedding = self.operations.unembedding_forward(normed, self._head())  # (B, T, V)
        return logits, stream, (*cache, ln_f, unembedding, logits.shape)

    def backward(self, dlogits, cache, dstates=None):
        """Turn the gradient at the logits into the gradient of every parameter.

        Parameters
        ----------
        dlogits : (B, T, V) array
        cache : tuple
            From `forward` or `forward_with_states`.
        dstates : dict from int to (B, T, C) array, optional
            Layer, 0 to L, and the gradient that reaches its hidden states from elsewhere: a loss of their own.

        Returns
        -------
        Parameters
            Gradients under the parameters' names, in their shapes.

        Raises
        ------
        ValueError, TypeError
            If `dlogits` has another shape than the logits, or `dstates` another layer, shape or kind of numbers than
            the states.
        """
        embedding_cache, block_caches, ln_f_cache, unembedding_cache, logits_shape = cache
        dlogits = np.asarray(dlogits)
        if dlogits.shape != logits_shape:
            raise ValueError(f"dlogits has shape {dlogits.shape}, expected {logits_shape}, that of the logits")
        dstates = self._checked_dstates({} if dstates is None else dstates, logits_shape)
        gradients = self.operations.new_gradients(self.parameters)

        # forward: logits = unembedding(normed)
        unembedding = self.operations.unembedding_backward(dlogits, unembedding_cache)  # x: (B, T, C)

        # forward: normed = layernorm(last of the stream)
        ln_f = self.operations.layernorm_backward(unembedding["x"], ln_f_cache)
        gradients["ln_f.weight"], gradients["ln_f.bias"] = ln_f["weight"], ln_f["bias"]
        dx = ln_f["x"]  # (B, T, C)

        # forward: for each block: x = block(x), and states.append(x): read twice, so both gradients add up
        for layer, block_cache in reversed(list(enumerate(block_caches))):
            dx = _sum(dx, dstates.get(layer + 1))
            block = block_backward(dx, block_cache, self.operations)
            dx = block.pop("x")  # (B, T, C)
            for name, gradient in block.items():
                gradients[f"h.{layer}.{name}"] = gradient

        # forward: x = embedding(tokens), states = [x]
        dx = _sum(dx, dstates.get(0))
        embedding = self.operations.embedding_backward(dx, embedding_cache)
        gradients["wpe.weight"] = embedding["wpe"]
        if self.config.tie_embeddings:
            gradients["wte.weight"] = embedding["wte"] + unembedding["wte"]  # read twice: at the bottom and at the top
        else:
            gradients["wte.weight"], gradients["lm_head.weight"] = embedding["wte"], unembedding["wte"]
        return gradients

    def hidden_states(self, tokens, start=None):
        """Return the residual stream after the embedding and after every block.

        Parameters
        ----------
        tokens, start
            As in `forward`.

        Returns
        -------
        (L + 1, B, T, C) array
            Index 0 is the embedding output, l the stream after block l.
        """
        stream, _ = self._residual_stream(tokens, start)
        return np.stack(stream)  # (L + 1, B, T, C)

    def logits_from(self, x, layer, start=None, between=None):
        """Go on from a residual stream that may have been changed, as in activation patching.

        Parameters
        ----------
        x : (B, T, C) array
            The stream after block `layer`, such as `hidden_states(tokens)[layer]`; it is not changed.
        layer : int
            0 to L; 0 for the stream before the first block. From L on only the output head is left.
        start : (B, T) integers, optional
            As in `forward`.
        between : callable, optional
            Takes the number of each block to come and the stream (B, T, C) after it; returns the stream to go on with.

        Returns
        -------
        (B, T, V) array
            What `forward` would return, had the stream been this.

        Raises
        ------
        ValueError, TypeError
            If an argument doesn't fit the model.
        """
        check_whole_number("layer", layer, 0)
        if layer > self.config.n_layers:
            raise ValueError(f"layer = {layer}, expected at most {self.config.n_layers}, the number of blocks")
        x = np.array(x, self.dtype)  # a copy
        if x.ndim != 3 or x.shape[-1] != self.config.d_model:
            raise ValueError(f"x has shape {x.shape}, expected (B, T, {self.config.d_model})")
        for block in range(layer, self.config.n_layers):
            x, _ = block_forward(x, self._block(block), self.config.n_heads, self.operations, start)
            if between is not None:
                x = between(block + 1, x)
        p = self.parameters
        normed, _ = self.operations.layernorm_forward(x, p["ln_f.weight"], p["ln_f.bias"])
        logits, _ = self.operations.unembedding_forward(normed, self._head())  # (B, T, V)
        return logits

    def generate(self, tokens, max_new_tokens, temperature=0.0, seed=0, *, end=None):
        """Write on after a prompt, one token after the other.

        Every token is chosen by the last of `forward`'s logits for all that stands before it, without `start`. So each
        costs a whole forward pass. Models that write long texts keep the keys and values of earlier tokens instead; for
        answers of a few tokens after some thirty, at about a millisecond a pass, the plain way is quick enough.

        Parameters
        ----------
        tokens : (T,) or (B, T) integers
            One prompt, or B of one length, at least 1; without padding, which would be read as a part of the prompt.
        max_new_tokens : int
            n, how many tokens to write, at least 0; T + n at most the context length.
        temperature : float
            At 0 the likeliest token is written, of equally likely ones the one with the lowest number. Above 0, tokens
            are drawn from softmax(logits / temperature), computed in float64; infinite, each token is equally likely.
        seed : int
            Of the draws, at least 0. Each row has its own stream, which depends on the seed and the row's number alone:
            a row does not depend on the others, and if `max_new_tokens` is larger, the same tokens come first. Both
            hold up to roundings of the logits, which can differ with the size of the batch.
        end : int, optional
            The token that ends a row. Where it has been written (not where the prompt has it) only itself follows, so
            that rows stay equally long, and when all rows have ended, nothing more is written.

        Returns
        -------
        (T + n,) or (B, T + n) int64
            A new array: the prompt and what was written after it, so that it can be decoded, or passed on, as one
            sequence; what is new begins at T. With `end` there are fewer columns if all rows ended before.

        Raises
        ------
        ValueError, TypeError
            If an argument doesn't fit the model; then nothing has been computed.
        ArithmeticError
            If the logits are NaN or infinite.
        """
        return write_on(self, tokens, max_new_tokens, temperature, seed, end)

    def reusing_memory(self):
        """Return this model for a step of a training loop: the same parameters, results in memory of the last step.

        Each of its backwards returns the same gradients object, overwritten. Other arrays are used again only when
        nobody holds them any more. Go backward after each forward; and one thread at a time can train a model.

        Returns
        -------
        Transformer
        """
        if self._reused is None or self._reused[0] is not self.operations:
            self._reused = self.operations, self.operations.reusing_memory(self.parameters)
        twin = copy.copy(self)
        twin.operations = self._reused[1]
        return twin

    def load_state_dict(self, state):
        """Take over all parameters from a GPT-2 state dict, such as Hugging Face's.

        Parameters
        ----------
        state : mapping from names to arrays
            Names with or without the prefix "transformer.". Attention's mask buffers are passed over, and so is
            `lm_head.weight` in a model with tied embeddings, where it is `wte.weight` once more.

        Raises
        ------
        ValueError, TypeError
            If a parameter is missing, unknown or of the wrong shape or dtype. Nothing has changed then.
        """
        arrays = {name.removeprefix("transformer."): np.asarray(array) for name, array in state.items()}
        buffers = {name for name in arrays if name.endswith((".attn.bias", ".attn.masked_bias"))}
        if self.config.tie_embeddings:
            buffers.add("lm_head.weight")
        arrays = {name: array for name, array in arrays.items() if name not in buffers}
        odd = sorted(arrays.keys() ^ self.parameters.keys())
        if odd:
            raise ValueError(f"state differs from the model in {', '.join(odd)}, expected the same names")
        for name, array in arrays.items():
            self.parameters.check(name, array)
        self.parameters.update(arrays)

    def _checked_dstates(self, dstates, logits_shape):
        """Return {layer: gradient (B, T, C)} in the model's dtype, or say what doesn't fit."""
        if not isinstance(dstates, Mapping):
            raise TypeError(f"dstates is of type {type(dstates).__name__}, expected a dict from layer to gradient")
        shape = (*logits_shape[:2], self.config.d_model)
        for layer, gradient in dstates.items():
            check_whole_number("a layer of dstates", layer, 0)
            if layer > self.config.n_layers:
                raise ValueError(f"a layer of dstates = {layer}, expected at most {self.config.n_layers}")
            gradient = np.asarray(gradient)
            if gradient.shape != shape:
                raise ValueError(f"dstates[{layer}] has shape {gradient.shape}, expected {shape}, that of the states")
            if not np.can_cast(gradient.dtype, self.dtype, "same_kind"):  # an imaginary part would be dropped
                raise TypeError(f"dstates[{layer}] has dtype {gradient.dtype}, expected {self.dtype}")
        return {layer: np.asarray(gradient, self.dtype) for layer, gradient in dstates.items()}

    def _residual_stream(self, tokens, start):
        """Return the L + 1 states of the stream, each (B, T, C), and the caches to go back through them."""
        # A copy: the cache keeps it, and the caller may reuse the array.
        tokens = check_tokens(tokens, self.config.vocab_size, self.config.context_length).copy()
        p = self.parameters
        x, embedding_cache = self.operations.embedding_forward(tokens, p["wte.weight"], p["wpe.weight"])
        stream, block_caches = [x], []
        for layer in range(self.config.n_layers):
            x, cache = block_forward(x, self._block(layer), self.config.n_heads, self.operations, start)
            stream.append(x)
            block_caches.append(cache)
        return stream, (embedding_cache, block_caches)

    def _block(self, layer):
        """Return one block's parameters under names without the block's prefix."""
        prefix = f"h.{layer}."
        return {name.removeprefix(prefix): p for name, p in self.parameters.items() if name.startswith(prefix)}

    def _head(self):
        """Return the (V, C) matrix whose rows are compared with the last normalised state."""
        return self.parameters["wte.weight" if self.config.tie_embeddings else "lm_head.weight"]


def _sum(dx, more):
    """Return dx + more, both (B, T, C); `more` may be None."""
    return dx if more is None else dx + more
