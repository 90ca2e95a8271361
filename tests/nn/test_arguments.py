"""What every layer owes its caller, beside the right numbers: untouched arguments, and results of their dtype."""

import numpy as np
import pytest

from minicluster import nn

B, T, C, F, V = 2, 3, 4, 5, 6

# Inputs of each layer: shapes of what is real, and the rest as it is.
LAYERS = {
    "attention": {"qkv": (B, T, 3 * C), "n_heads": 2, "start": np.array([[0, 1, 1]] * B)},
    "embedding": {"tokens": np.array([[5, 0, 5]] * B), "wte": (V, C), "wpe": (T + 1, C)},
    "gelu": {"x": (B, T, C)},
    "layernorm": {"x": (B, T, C), "weight": (C,), "bias": (C,)},
    "linear": {"x": (B, T, C), "weight": (C, F), "bias": (F,)},
    "mlp": {"x": (B, T, C), "fc_weight": (C, F), "fc_bias": (F,), "proj_weight": (F, C), "proj_bias": (C,)},
    "softmax": {"x": (B, T, C)},
}
every_layer = pytest.mark.parametrize("layer", LAYERS)


def passes(layer, dtype=np.float64):
    """Return a layer's forward and backward, and random inputs."""
    rng = np.random.default_rng(0)
    inputs = {
        name: rng.standard_normal(value).astype(dtype) if isinstance(value, tuple) else value
        for name, value in LAYERS[layer].items()
    }
    return getattr(nn, f"{layer}_forward"), getattr(nn, f"{layer}_backward"), inputs


def copies(arrays):
    return {name: np.array(array) for name, array in arrays.items()}


def assert_equal(arrays, kept):
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, kept[name])


@every_layer
def test_arguments_are_left_alone(layer):
    forward, backward, inputs = passes(layer)
    given = copies(inputs)
    out, cache = forward(**inputs)
    dout = np.random.default_rng(1).standard_normal(out.shape)
    results = {"out": out, "dout": dout}
    kept = copies(results)
    backward(dout, cache)
    assert_equal(inputs, given)
    assert_equal(results, kept)


@every_layer
def test_a_backward_leaves_its_cache_alone(layer):
    forward, backward, inputs = passes(layer)
    out, cache = forward(**inputs)
    dout = np.random.default_rng(1).standard_normal(out.shape)
    first = copies(backward(dout, cache))
    assert_equal(backward(dout, cache), first)


@every_layer
def test_float32_stays_float32(layer):
    forward, backward, inputs = passes(layer, np.float32)
    out, cache = forward(**inputs)
    assert out.dtype == np.float32
    assert {gradient.dtype for gradient in backward(np.ones_like(out), cache).values()} == {np.dtype(np.float32)}


def test_cross_entropy_leaves_its_arguments_alone_and_keeps_their_dtype():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((B, T, V)).astype(np.float32)
    arguments = {"logits": logits, "targets": rng.integers(0, V, (B, T)), "mask": np.array([[True, False, True]] * B)}
    given = copies(arguments)
    loss, dlogits = nn.cross_entropy(**arguments)
    assert_equal(arguments, given)
    assert loss.dtype == dlogits.dtype == np.float32
