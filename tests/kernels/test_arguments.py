"""Bad input is refused in Python, by name and value: inside a kernel, a wrong index is somebody else's memory."""

import numpy as np
import pytest

from minicluster import kernels, nn
from minicluster.kernels.arguments import float_arrays

X = np.ones((2, 3, 4))
TOKENS = np.array([[0, 1, 2], [3, 4, 0]])
WTE, WPE = np.ones((5, 4)), np.ones((3, 4))
SQUARE, WIDE, TALL, FOUR, SIX = np.ones((4, 4)), np.ones((4, 6)), np.ones((6, 4)), np.ones(4), np.ones(6)
SINGLE = np.float32

RIGHT = {
    "embedding": {"tokens": TOKENS, "wte": WTE, "wpe": WPE},
    "unembedding": {"x": X, "wte": WTE},
    "layernorm": {"x": X, "weight": FOUR, "bias": FOUR},
    "linear": {"x": X, "weight": WIDE, "bias": SIX, "residual": np.ones((2, 3, 6))},
    "attention": {"qkv": np.ones((2, 3, 12)), "n_heads": 2, "start": np.zeros((2, 3), np.int64)},
    "mlp": {
        "x": X,
        "fc_weight": WIDE,
        "fc_bias": SIX,
        "proj_weight": TALL,
        "proj_bias": FOUR,
        "residual": X,
    },
    "gelu": {"x": X},
}
LOSS = {"logits": np.zeros((2, 3, 5)), "targets": TOKENS, "mask": np.ones((2, 3), bool)}

WRONG_INPUTS = [
    ("embedding", {"tokens": TOKENS + 1}, "tokens[1, 1] = 5, expected 0 to 4"),
    ("embedding", {"tokens": TOKENS - 1}, "tokens[0, 0] = -1, expected 0 to 4"),
    ("embedding", {"tokens": np.full((2, 3), 2**63, np.uint64)}, "tokens[0, 0] = 9223372036854775808, expected"),
    ("embedding", {"tokens": TOKENS.astype(float)}, "tokens has dtype float64, expected integers"),
    ("embedding", {"tokens": np.array([[0, "NaT"]], "m8[s]")}, "tokens has dtype timedelta64[s], expected integers"),
    ("embedding", {"tokens": TOKENS[0]}, "tokens has shape (3,), expected (B, T)"),
    ("embedding", {"wpe": WPE[:2]}, "tokens has 3 positions, expected at most 2"),
    ("embedding", {"wpe": WPE[:, :3]}, "wpe has shape (3, 3), expected (3, 4)"),
    ("embedding", {"wpe": FOUR}, "wpe has shape (4,), expected (4, 4)"),
    ("embedding", {"wte": FOUR}, "wte has shape (4,), expected (V, C)"),
    ("embedding", {"wpe": WPE.astype(SINGLE)}, "wpe has dtype float32, expected float64"),
    ("embedding", {"wte": WTE.astype(int)}, "wte has dtype int64, expected float32 or float64"),
    ("unembedding", {"wte": WTE[:, :3]}, "wte has shape (5, 3), expected (5, 4)"),
    ("unembedding", {"wte": FOUR}, "wte has shape (4,), expected (4, 4)"),
    ("unembedding", {"wte": WTE.astype(SINGLE)}, "wte has dtype float32, expected float64"),
    ("unembedding", {"x": np.float64(1)}, "x has shape (), expected (..., C)"),
    ("layernorm", {"weight": SIX}, "weight has shape (6,), expected (4,)"),
    ("layernorm", {"bias": FOUR[:1]}, "bias has shape (1,), expected (4,)"),
    ("layernorm", {"bias": FOUR.astype(SINGLE)}, "bias has dtype float32, expected float64"),
    ("layernorm", {"x": X.astype(complex)}, "x has dtype complex128, expected float32 or float64"),
    ("layernorm", {"x": np.float64(1)}, "x has shape (), expected (..., C)"),
    ("linear", {"weight": TALL}, "weight has shape (6, 4), expected (4, 4)"),
    ("linear", {"weight": FOUR}, "weight has shape (4,), expected (n_in, n_out)"),
    ("linear", {"weight": FOUR, "bias": np.float64(0)}, "weight has shape (4,), expected (n_in, n_out)"),
    ("linear", {"bias": FOUR}, "bias has shape (4,), expected (6,)"),
    ("linear", {"residual": X}, "residual has shape (2, 3, 4), expected (2, 3, 6)"),
    ("linear", {"residual": np.ones((2, 3, 6), SINGLE)}, "residual has dtype float32, expected float64"),
    ("linear", {"weight": WIDE.astype(SINGLE)}, "weight has dtype float32, expected float64"),
    ("linear", {"x": X.astype(np.float16)}, "x has dtype float16, expected float32 or float64"),
    ("linear", {"x": X.astype(">f8")}, "x has dtype >f8, expected float32 or float64"),
    ("linear", {"x": X.astype(object)}, "x has dtype object, expected float32 or float64"),
    ("attention", {"qkv": np.ones((2, 36))}, "qkv has shape (2, 36), expected (B, T, 3C)"),
    ("attention", {"qkv": np.ones((2, 3, 12), int)}, "qkv has dtype int64, expected float32 or float64"),
    ("attention", {"n_heads": 3}, "qkv has 12 columns, expected a positive multiple of 3 n_heads = 9"),
    ("attention", {"qkv": np.zeros((2, 3, 0))}, "qkv has 0 columns, expected a positive multiple of 3 n_heads"),
    ("attention", {"n_heads": 0}, "n_heads = 0, expected at least 1"),
    ("attention", {"n_heads": -1}, "n_heads = -1, expected at least 1"),
    ("attention", {"n_heads": 2.0}, "n_heads = 2.0, expected a whole number"),
    ("attention", {"start": np.ones((2, 3), int)}, "start[0, 0] = 1, expected 0 to 0"),
    ("attention", {"start": -np.ones((2, 3), int)}, "start[0, 0] = -1, expected 0 to 0"),
    ("attention", {"start": np.zeros((3, 2), int)}, "start has shape (3, 2), expected (B, T) = (2, 3)"),
    ("attention", {"start": np.zeros((2, 3))}, "start has dtype float64, expected integers"),
    ("attention", {"start": np.zeros((2, 3), "m8[s]")}, "start has dtype timedelta64[s], expected integers"),
    ("mlp", {"fc_weight": TALL}, "fc_weight has shape (6, 4), expected (4, 4)"),
    ("mlp", {"fc_weight": FOUR}, "fc_weight has shape (4,), expected (C, F)"),
    ("mlp", {"fc_bias": FOUR}, "fc_bias has shape (4,), expected (6,)"),
    ("mlp", {"proj_weight": WIDE}, "proj_weight has shape (4, 6), expected (6, 4)"),
    ("mlp", {"proj_bias": SIX}, "proj_bias has shape (6,), expected (4,)"),
    ("mlp", {"residual": X[0]}, "residual has shape (3, 4), expected (2, 3, 4)"),
    ("mlp", {"residual": X.astype(SINGLE)}, "residual has dtype float32, expected float64"),
    ("mlp", {"proj_bias": FOUR.astype(SINGLE)}, "proj_bias has dtype float32, expected float64"),
    ("gelu", {"x": X.astype(int)}, "x has dtype int64, expected float32 or float64"),
]

WRONG_LOSSES = [
    ({"targets": TOKENS + 1}, "targets[1, 1] = 5, expected 0 to 4"),
    ({"targets": TOKENS - 1}, "targets[0, 0] = -1, expected 0 to 4"),
    ({"targets": TOKENS[:1]}, "targets has shape (1, 3), expected (2, 3)"),
    ({"targets": np.zeros((2, 3), "m8[s]")}, "targets has dtype timedelta64[s], expected integers"),
    ({"targets": TOKENS.astype(float)}, "targets has dtype float64, expected integers"),
    ({"mask": np.zeros((2, 3), bool)}, "mask is False everywhere"),
    ({"mask": np.ones((2, 3), int)}, "mask has dtype int64, expected bool"),
    ({"mask": np.ones((3, 2), bool)}, "mask has shape (3, 2), expected (2, 3)"),
    ({"logits": np.zeros(5)}, "logits has shape (5,), expected (n, V) or (B, T, V)"),
    ({"logits": np.zeros((2, 3, 0))}, "targets[0, 0] = 0, expected 0 to -1"),
    ({"logits": np.zeros((2, 3, 5), int)}, "logits has dtype int64, expected float32 or float64"),
    ({"logits": np.zeros((2, 3, 5), complex)}, "logits has dtype complex128, expected float32 or float64"),
]


@pytest.mark.parametrize(("layer", "changes", "message"), WRONG_INPUTS)
def test_a_wrong_input_is_named(layer, changes, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(kernels, f"{layer}_forward")(**RIGHT[layer] | changes)
    assert message in str(caught.value)
    assert isinstance(caught.value, TypeError) == ("dtype" in message or "whole number" in message)


@pytest.mark.parametrize(("changes", "message"), WRONG_LOSSES)
def test_a_wrong_target_is_named(changes, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        kernels.cross_entropy(**LOSS | changes)
    assert message in str(caught.value)


@pytest.mark.parametrize("layer", RIGHT)
def test_a_wrong_upstream_gradient_is_named(layer):
    out, cache = getattr(kernels, f"{layer}_forward")(**RIGHT[layer])
    backward = getattr(kernels, f"{layer}_backward")
    name = {"embedding": "dx", "unembedding": "dlogits"}.get(layer, "dy")
    for wrong in (out[:, :2], out[..., :1], out[0], out.reshape(-1)):
        with pytest.raises(ValueError) as caught:
            backward(wrong, cache)
        assert f"{name} has shape {wrong.shape}, expected {out.shape}" == str(caught.value)
    for dtype in (np.float32, np.int64, np.complex128):  # the same number of bytes or not
        with pytest.raises(TypeError) as caught:
            backward(out.astype(dtype), cache)
        assert str(caught.value) == f"{name} has dtype {np.dtype(dtype)}, expected float64"


@pytest.mark.parametrize(
    ("residual", "message"),
    [
        (X[0], "residual has shape (3, 4), expected (2, 3, 4)"),
        (X.astype(SINGLE), "residual has dtype float32, expected float64"),
    ],
)
def test_a_wrong_residual_of_a_backward_is_named(residual, message):
    _, cache = kernels.layernorm_forward(**RIGHT["layernorm"])
    with pytest.raises((TypeError, ValueError)) as caught:
        kernels.layernorm_backward(X, cache, residual)
    assert str(caught.value) == message


def test_wrong_gradients_are_named():
    def parameters(shapes, dtype=np.float64):
        return nn.Parameters(shapes, dtype)

    shapes = {"weight": (2, 2), "other": (2, 2)}
    right = parameters(shapes)
    for gradients, max_norm, message in (
        (right, 0, "max_norm = 0, expected a number above 0"),
        (right, -1.0, "max_norm = -1.0, expected a number above 0"),
        (right, np.nan, "max_norm = nan, expected a number above 0"),
        (dict(right), 1, "gradients has type dict, expected Parameters"),
        (parameters({"weight": (2, 2)}), 1, "gradients has other names, shapes or another order"),
        (parameters({"other": (2, 2), "weight": (2, 2)}), 1, "gradients has other names, shapes or another order"),
        (parameters(shapes, SINGLE), 1, "gradients has dtype float32, expected float64"),
    ):
        optimizer = nn.AdamW(right)
        with pytest.raises((TypeError, ValueError)) as caught:
            kernels.clip_and_update(optimizer, gradients, max_norm)
        assert message in str(caught.value)
        assert optimizer.steps == 0
    with pytest.raises(TypeError, match="optimizer.parameters has type dict, expected Parameters"):
        kernels.clip_and_update(nn.AdamW(dict(right)), right, 1.0)


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        ({"w": X}, "gradients has type dict, expected Parameters such as a model's"),
        (nn.Parameters({"w": (2,)}, np.complex128), "gradients has dtype complex128, expected float32 or float64"),
        (nn.Parameters({"w": (2,)}, np.int64), "gradients has dtype int64, expected float32 or float64"),
    ],
)
def test_gradients_without_a_norm_are_named(gradients, message):
    with pytest.raises(TypeError) as caught:
        kernels.gradient_norm(gradients)
    assert str(caught.value) == message


def test_a_model_refuses_what_its_kernels_can_not_take():
    config = nn.TransformerConfig(5, 3, 4, 1, 2)
    model = nn.Transformer(config, backend="numba")
    logits, cache = model.forward(TOKENS)
    with pytest.raises(TypeError, match="dlogits has dtype float64, expected float32"):
        model.backward(logits.astype(np.float64), cache)
    with pytest.raises(ValueError, match=r"tokens\[1, 1\] = 5, expected 0 to 4"):
        model.forward(TOKENS + 1)
    with pytest.raises(ValueError, match="backend = 'numba' with dtype complex128, expected float32 or float64"):
        nn.Transformer(config, dtype=complex, backend="numba")


def test_read_only_arrays_are_copied_and_others_are_not():
    kept, frozen = np.ones(3), np.ones(3)
    frozen.flags.writeable = False
    first, second = float_arrays(kept=kept, frozen=frozen)
    assert first is kept and second is not frozen and second.flags.writeable
