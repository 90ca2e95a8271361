"""Wrong gradients that were published, most with tests that passed, as small functions; and their right forms.

Five of six public NumPy transformers with hand-written backward passes had one. Each was missed by a test with ones as
the upstream gradient, with initial parameters (scale 1, bias 0), with one shape, or by no test at all.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from small_layers import every_method

from minicluster.gradcheck import GradientError, SharedMemoryWarning, check_gradients
from minicluster.strategies import layer_inputs

RNG = np.random.default_rng(11)
T, C = 4, 4  # square, so that a missing transpose leaves the shape as it should be


def normal(*shape):
    return RNG.normal(size=shape)


def softmax(scores):
    e = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# The key weights' gradient ------------------------------------------------------------------------


def attention_forward(x, query_weight, key_weight, value_weight):
    q, k, v = x @ query_weight, x @ key_weight, x @ value_weight  # (T, C) each
    causal = np.tri(len(x), dtype=bool)
    weights = softmax(np.where(causal, q @ k.T / np.sqrt(q.shape[1]), -np.inf))  # (T, T)
    return weights @ v, (x, query_weight, key_weight, value_weight, q, k, v, weights)


def attention_gradients(dy, cache):
    x, query_weight, key_weight, value_weight, q, k, v, weights = cache
    dweights, dv = dy @ v.T, weights.T @ dy
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True)) / np.sqrt(q.shape[1])
    dq, dk = dscores @ k, dscores.T @ q
    return {
        "x": dq @ query_weight.T + dk @ key_weight.T + dv @ value_weight.T,
        "query_weight": x.T @ dq,
        "key_weight": x.T @ dk,
        "value_weight": x.T @ dv,
    }


def without_transposing_the_scores(dy, cache):
    """dk = dscores @ q for dscores.T @ q: the gradient of query t goes to key t's place."""
    x, _, key_weight, _, q, k, v, weights = cache
    dweights = dy @ v.T
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True)) / np.sqrt(q.shape[1])
    right = attention_gradients(dy, cache)
    return {**right, "key_weight": x.T @ (dscores @ q), "x": right["x"] + (dscores - dscores.T) @ q @ key_weight.T}


def without_transposing_the_input(dy, cache):
    """The key weights' gradient is x^T dk, not x dk, and not its transpose."""
    right = attention_gradients(dy, cache)
    return {**right, "key_weight": right["key_weight"].T}


# Dropout ------------------------------------------------------------------------------------------


def dropout_forward(x, weight, keep):
    hidden = x @ weight * keep / 0.5  # half of the entries are kept
    return np.tanh(hidden), (x, weight, keep, np.tanh(hidden))


def dropout_gradients(dy, cache):
    x, weight, keep, y = cache
    dproduct = dy * (1 - y * y) * keep / 0.5
    return {"x": dproduct @ weight.T, "weight": x.T @ dproduct}


def dropped_in_the_forward_only(dy, cache):
    x, weight, _, y = cache
    dproduct = dy * (1 - y * y)
    return {"x": dproduct @ weight.T, "weight": x.T @ dproduct}


# A causal mask ------------------------------------------------------------------------------------


def causal_scores_forward(q, k, v):
    """Masked after softmax and normalised again, as some write it: then the backward needs the mask itself."""
    e = np.exp(q @ k.T) * np.tri(len(q))
    weights = e / e.sum(axis=-1, keepdims=True)
    return weights @ v, (q, k, v, weights)


def causal_scores_gradients(dy, cache):
    q, k, v, weights = cache
    dweights = dy @ v.T
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    return {"q": dscores @ k, "k": dscores.T @ q, "v": weights.T @ dy}


def backward_of_attention_without_a_mask(dy, cache):
    q, k, v, _ = cache
    weights = softmax(q @ k.T)  # computed anew, without the mask
    dweights = dy @ v.T
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    return {"q": dscores @ k, "k": dscores.T @ q, "v": weights.T @ dy}


# Cross-entropy ------------------------------------------------------------------------------------


def cross_entropy_forward(logits, targets, counted):
    p = softmax(logits)  # (B, T, V)
    b, t = np.nonzero(counted)
    return -np.log(p[b, t, targets[b, t]]).sum() / len(b), (p, targets, counted)


def cross_entropy_gradients(dloss, cache):
    p, targets, counted = cache
    dlogits = (p - np.eye(p.shape[-1])[targets]) * counted[..., None]
    return {"logits": dloss * dlogits / counted.sum()}


def scaled_by_the_batch(dloss, cache):
    p, targets, counted = cache
    return {"logits": cross_entropy_gradients(dloss, cache)["logits"] * counted.sum() / len(p)}


# LayerNorm ----------------------------------------------------------------------------------------


def layernorm_forward(x, gamma, beta):
    centred = x - x.mean(axis=-1, keepdims=True)
    rstd = 1 / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5)
    return centred * rstd * gamma + beta, (centred * rstd, rstd, gamma)


def layernorm_gradients(dy, cache):
    xhat, rstd, gamma = cache
    dxhat = dy * gamma
    dx = dxhat - dxhat.mean(axis=-1, keepdims=True) - xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)
    return {"x": dx * rstd, "gamma": (dy * xhat).sum(axis=0), "beta": dy.sum(axis=0)}


def right_only_while_gamma_is_1(dy, cache):
    """gamma comes in at the end, when it should before the means are taken."""
    xhat, rstd, gamma = cache
    dx = dy - dy.mean(axis=-1, keepdims=True) - xhat * (dy * xhat).mean(axis=-1, keepdims=True)
    return {**layernorm_gradients(dy, cache), "x": dx * rstd * gamma}


# Residual -----------------------------------------------------------------------------------------


def residual_forward(a, b):
    return a + b, None


def residual_gradients(dy, cache):
    return {"a": dy, "b": dy}


def residual_forgotten(dy, cache):
    return {"a": dy.copy(), "b": np.zeros_like(dy)}


ATTENTION = {name: normal(C, C) for name in ("x", "query_weight", "key_weight", "value_weight")}
KEEP = np.array([[True, False, True, False], [False, True, True, False], [True, True, False, False]])
TOKENS, COUNTED = np.array([[0, 2, 1], [3, 3, 0]]), np.array([[True, False, True], [True, True, False]])
LAYERNORM = {"x": normal(3, 5), "gamma": normal(5), "beta": normal(5)}

# name: forward, right gradients, wrong gradients, inputs, the input whose gradient is wrong
BUGS = {
    "scores not transposed for the keys": (
        attention_forward, attention_gradients, without_transposing_the_scores, ATTENTION, {"key_weight", "x"},
    ),
    "key weights' gradient transposed": (
        attention_forward, attention_gradients, without_transposing_the_input, ATTENTION, {"key_weight"},
    ),
    "dropout in the forward only": (
        dropout_forward,
        dropout_gradients,
        dropped_in_the_forward_only,
        {"x": normal(3, 2), "weight": normal(2, 4), "keep": KEEP},
        {"x", "weight"},
    ),
    "causal forward, non-causal backward": (
        causal_scores_forward,
        causal_scores_gradients,
        backward_of_attention_without_a_mask,
        {"q": normal(T, 2), "k": normal(T, 2), "v": normal(T, 3)},
        {"q", "k", "v"},
    ),
    "cross-entropy scaled by batch, not tokens": (
        cross_entropy_forward,
        cross_entropy_gradients,
        scaled_by_the_batch,
        {"logits": normal(2, 3, 4), "targets": TOKENS, "counted": COUNTED},
        {"logits"},
    ),
    "LayerNorm right only while gamma is 1": (
        layernorm_forward, layernorm_gradients, right_only_while_gamma_is_1, LAYERNORM, {"x"},
    ),
    "residual forgotten": (
        residual_forward, residual_gradients, residual_forgotten, {"a": normal(2, 3), "b": normal(2, 3)}, {"b"},
    ),
}  # fmt: skip


@every_method
@pytest.mark.parametrize("directions", [None, 3])
@pytest.mark.parametrize("name", BUGS)
@pytest.mark.filterwarnings(f"ignore::{SharedMemoryWarning.__module__}.SharedMemoryWarning")
def test_found_and_the_right_form_passes(name, directions, method):
    forward, right, wrong, inputs, wrong_inputs = BUGS[name]
    options = dict(method=method, directions=directions)
    check_gradients(forward, right, inputs, **options)
    with pytest.raises(GradientError) as caught:
        check_gradients(forward, wrong, inputs, **options)
    assert caught.value.input in wrong_inputs
    assert {name for name, check in caught.value.report.inputs.items() if check.wrong} == wrong_inputs


def test_gamma_of_1_hides_the_bug():
    """Why parameters should be random in a test: with LayerNorm's initial ones the wrong formula is right."""
    check_gradients(layernorm_forward, right_only_while_gamma_is_1, {**LAYERNORM, "gamma": np.ones(5)})


@settings(max_examples=10)
@given(layer_inputs({"x": "... 3", "gamma": "3", "beta": "3"}))
def test_drawn_inputs_find_it_too(inputs):
    x = inputs["x"].reshape(-1, 3)
    check_gradients(layernorm_forward, layernorm_gradients, {**inputs, "x": x})
    with pytest.raises(GradientError):
        check_gradients(layernorm_forward, right_only_while_gamma_is_1, {**inputs, "x": x})
