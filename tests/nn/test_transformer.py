import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_checks import RTOL, assert_right, inputs_of_any_size

from minicluster.gradcheck import check_gradients
from minicluster.nn import Transformer, TransformerConfig, block_backward, block_forward, cross_entropy
from minicluster.nn.operations import choose_operations
from minicluster.strategies import layer_inputs, starts, token_arrays, transformer_configs


def small_model(dtype=np.float64, seed=0, **changes):
    """A model with random parameters of size 1, LayerNorm scales and biases included."""
    sizes = {"vocab_size": 7, "context_length": 5, "d_model": 6, "n_layers": 2, "n_heads": 3, "d_ff": 5} | changes
    model = Transformer(TransformerConfig(**sizes), dtype=dtype)
    model.parameters.flat[:] = np.random.default_rng(seed).standard_normal(model.parameters.flat.shape)
    return model


def random_tokens(model, rng, B, T):
    return rng.integers(0, model.config.vocab_size, (B, T))


@pytest.mark.parametrize("start", [None, [[0, 0, 1, 3]]])
def test_forward_agrees_with_the_formulas_written_out(start):
    # Two blocks and three heads: a block that is left out, a start that not all blocks get, or heads taken for one pass
    # a gradient check, since the backward agrees.
    model = small_model(n_layers=2, n_heads=3)
    p, tokens, C, D = model.parameters, np.array([[3, 1, 3, 0]]), 6, 2

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]

    def linear(x, name):
        return x @ p[f"{name}.weight"] + p[f"{name}.bias"]

    positions = np.arange(4)
    visible = positions <= positions[:, None]  # (T, T), rows of queries
    if start:
        visible &= positions >= np.transpose(start)

    x = p["wte.weight"][tokens[0]] + p["wpe.weight"][:4]  # (T, C)
    stream = [x]
    for block in ("h.0", "h.1"):
        qkv, heads = linear(norm(x, f"{block}.ln_1"), f"{block}.attn.c_attn"), []
        for first in range(0, C, D):
            q, k, v = (qkv[:, third * C + first : third * C + first + D] for third in range(3))  # (T, D)
            weights = np.exp(q @ k.T / math.sqrt(D)) * visible  # (T, T)
            heads.append(weights / weights.sum(1, keepdims=True) @ v)
        x = x + linear(np.hstack(heads), f"{block}.attn.c_proj")
        wide = linear(norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")
        gate = 0.5 * wide * (1 + np.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)))
        x = x + linear(gate, f"{block}.mlp.c_proj")
        stream.append(x)

    # Sums in another order, magnified by two LayerNorms and weights of size 1.
    np.testing.assert_allclose(model.hidden_states(tokens, start)[:, 0], stream, rtol=1e-11, atol=1e-11)
    expected = norm(x, "ln_f") @ p["wte.weight"].T
    np.testing.assert_allclose(model.forward(tokens, start)[0][0], expected, rtol=1e-11, atol=1e-11)


@settings(max_examples=settings.default.max_examples // 2)  # each checks some 300 entries, a forward pass for each
@given(config=transformer_configs(), B=st.integers(1, 3), T=st.integers(1, 4), data=st.data())
def test_gradients_of_all_parameters(config, B, T, data):
    T = min(T, config.context_length)
    tokens, start = data.draw(token_arrays((B, T), config.vocab_size)), data.draw(starts(B, T))
    models = {dtype: Transformer(config, dtype=dtype) for dtype in (np.float32, np.float64, np.complex128)}

    def forward(**parameters):
        model = models[np.result_type(*parameters.values()).type]
        model.parameters.update(parameters)
        logits, cache = model.forward(tokens, start)
        return logits, (model, cache)

    def backward(dlogits, cache):
        model, cache = cache
        return model.backward(dlogits, cache)

    shapes = {name: " ".join(map(str, shape)) for name, shape in config.parameter_shapes().items()}
    assert_right(forward, backward, data.draw(layer_inputs(shapes)))


@settings(max_examples=settings.default.max_examples // 2)
@given(
    block=inputs_of_any_size(
        {
            "x": "B T 4",
            "ln_1.weight": "4",
            "ln_1.bias": "4",
            "attn.c_attn.weight": "4 12",
            "attn.c_attn.bias": "12",
            "attn.c_proj.weight": "4 4",
            "attn.c_proj.bias": "4",
            "ln_2.weight": "4",
            "ln_2.bias": "4",
            "mlp.c_fc.weight": "4 F",
            "mlp.c_fc.bias": "F",
            "mlp.c_proj.weight": "F 4",
            "mlp.c_proj.bias": "4",
        }
    ),
    n_heads=st.sampled_from([1, 2, 4]),
    data=st.data(),
)
def test_gradients_of_a_block(block, n_heads, data):
    operations = choose_operations("numpy", np.float64)
    start = data.draw(starts(*block["x"].shape[:2]))
    assert_right(
        lambda x, **parameters: block_forward(x, parameters, n_heads, operations, start),
        lambda dx, cache: block_backward(dx, cache, operations),
        block,
    )


def gradients_of(model, tokens, dlogits_at, start=None):
    """Gradients under a random upstream gradient at these positions, 0 elsewhere."""
    logits, cache = model.forward(tokens, start)
    dlogits = np.zeros_like(logits)
    dlogits[:, dlogits_at] = np.random.default_rng(8).standard_normal(dlogits[:, dlogits_at].shape)
    return model.backward(dlogits, cache)


def test_no_gradient_leaks_from_an_earlier_logit_to_a_later_token():
    model = small_model(tie_embeddings=False)
    tokens = np.array([[0, 1, 2, 3, 4], [0, 1, 2, 5, 6]])
    gradients = gradients_of(model, tokens, dlogits_at=[1, 2])
    np.testing.assert_array_equal(gradients["wpe.weight"][3:], 0)
    np.testing.assert_array_equal(gradients["wte.weight"][3:], 0)  # of the tokens that come later only
    assert gradients["wpe.weight"][:3].all() and gradients["wte.weight"][:3].all()


def test_no_gradient_leaks_to_a_token_before_start():
    model = small_model(tie_embeddings=False, n_layers=1)
    start = np.array([[0, 0, 0, 2, 4]])
    gradients = gradients_of(model, np.array([[0, 1, 2, 3, 4]]), dlogits_at=[3, 4], start=start)
    np.testing.assert_array_equal(gradients["wte.weight"][:2], 0)
    assert gradients["wte.weight"][2:5].all()


def test_the_key_bias_has_no_gradient():
    """It adds the same number to all of a query's scores, in every block; queries' and values' biases do have one."""
    model, C = small_model(), 6
    gradients = gradients_of(model, np.array([[3, 1, 4, 1, 5]]), dlogits_at=slice(None))
    for layer in range(2):
        dq, dk, dv = gradients[f"h.{layer}.attn.c_attn.bias"].reshape(3, C)
        size = np.abs(gradients[f"h.{layer}.attn.c_attn.weight"]).max()
        assert np.abs(dk).max() < 1e-13 * size  # roundings of sums of 5 keys
        assert min(np.abs(dq).max(), np.abs(dv).max()) > 1e-3 * size


def test_a_tied_table_collects_both_of_its_gradients():
    tied, untied = small_model(), small_model(tie_embeddings=False)
    untied.parameters.update(dict(tied.parameters))
    untied.parameters["lm_head.weight"] = tied.parameters["wte.weight"]
    tokens = np.array([[3, 1, 4, 1, 5]])
    together, apart = (gradients_of(model, tokens, dlogits_at=slice(None)) for model in (tied, untied))
    np.testing.assert_array_equal(together["wte.weight"], apart["wte.weight"] + apart["lm_head.weight"])


def test_an_untied_head_is_its_own():
    model, rng = small_model(tie_embeddings=False), np.random.default_rng(8)
    tokens = random_tokens(model, rng, 2, 4)
    before, cache = model.forward(tokens)
    gradients = model.backward(rng.standard_normal(before.shape), cache)
    assert (gradients["lm_head.weight"] != 0).all()
    model.parameters["lm_head.weight"] *= 2
    np.testing.assert_array_equal(model.forward(tokens)[0], 2 * before)  # exact: 2 is a power of 2


def test_a_later_token_changes_no_earlier_logit():
    model, rng = small_model(), np.random.default_rng(1)
    tokens = random_tokens(model, rng, 2, 5)
    changed = tokens.copy()
    changed[:, 3] = (changed[:, 3] + 1) % 7
    before, after = model.forward(tokens)[0], model.forward(changed)[0]
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any(axis=-1).all()


def test_hidden_states_end_in_what_the_logits_are_read_from_and_honour_start():
    model, rng = small_model(), np.random.default_rng(6)
    tokens, start = random_tokens(model, rng, 2, 4), np.array([[0, 1, 2, 3]] * 2)
    last = model.hidden_states(tokens, start)[-1]
    normed = (last - last.mean(-1, keepdims=True)) / np.sqrt(last.var(-1, keepdims=True) + 1e-5)
    normed = normed * model.parameters["ln_f.weight"] + model.parameters["ln_f.bias"]
    logits = model.forward(tokens, start)[0]
    # Sums in another order.
    np.testing.assert_allclose(normed @ model.parameters["wte.weight"].T, logits, rtol=1e-10, atol=1e-10)
    assert (model.hidden_states(tokens)[-1][:, 1:] != last[:, 1:]).any()


def test_two_forwards_before_one_backward():
    model, rng = small_model(), np.random.default_rng(2)
    first, second = random_tokens(model, rng, 2, 4), random_tokens(model, rng, 3, 2)
    logits, cache = model.forward(first)
    dlogits = rng.standard_normal(logits.shape)
    alone = model.backward(dlogits, cache).flat.copy()
    logits, cache = model.forward(first)
    model.forward(second)
    np.testing.assert_array_equal(model.backward(dlogits, cache).flat, alone)


def test_tokens_that_change_after_the_forward_do_not_change_the_gradient():
    model, rng = small_model(), np.random.default_rng(7)
    tokens = random_tokens(model, rng, 2, 4)
    logits, cache = model.forward(tokens)
    dlogits = rng.standard_normal(logits.shape)
    expected = model.backward(dlogits, cache).flat.copy()
    tokens[:] = 0
    np.testing.assert_array_equal(model.backward(dlogits, cache).flat, expected)


def test_gradients_outlive_the_next_backward():
    model = small_model()
    logits, cache = model.forward([[3, 1, 4]])
    gradients = model.backward(np.ones_like(logits), cache)
    kept = gradients.flat.copy()
    model.backward(2 * np.ones_like(logits), cache)
    np.testing.assert_array_equal(gradients.flat, kept)


def test_inputs_and_upstream_gradient_are_left_alone():
    model, rng = small_model(), np.random.default_rng(3)
    tokens = random_tokens(model, rng, 2, 4)
    start = np.zeros((2, 4), np.int64)
    logits, cache = model.forward(tokens, start)
    dlogits = rng.standard_normal(logits.shape)
    kept = [array.copy() for array in (tokens, start, dlogits, logits, model.parameters.flat)]
    model.backward(dlogits, cache)
    for array, copy in zip((tokens, start, dlogits, logits, model.parameters.flat), kept):
        np.testing.assert_array_equal(array, copy)


def test_float32_agrees_with_float64():
    model64, model32 = small_model(), small_model(np.float32)
    rng = np.random.default_rng(4)
    tokens = random_tokens(model64, rng, 3, 5)
    targets = random_tokens(model64, rng, 3, 5)
    results = []
    for model in (model64, model32):
        logits, cache = model.forward(tokens)
        assert logits.dtype == model.dtype
        loss, dlogits = cross_entropy(logits, targets)
        gradients = model.backward(dlogits, cache)
        assert gradients.flat.dtype == model.dtype
        results.append((loss, gradients.flat))
    (loss64, gradient64), (loss32, gradient32) = results
    # float32 rounds to 6e-8; two blocks with weights of size 1 magnify that some hundred times.
    assert abs(loss32 - loss64) < 1e-4 * loss64
    assert np.abs(gradient32 - gradient64).max() < 1e-4 * np.abs(gradient64).max()


def test_initial_loss_is_near_log_v():
    model = Transformer(TransformerConfig(50, 8, 32, 2, 4))
    rng = np.random.default_rng(5)
    tokens, targets = random_tokens(model, rng, 16, 8), random_tokens(model, rng, 16, 8)
    loss, _ = cross_entropy(model.forward(tokens)[0], targets)
    # Logits are sums of 32 products of a normalised state and a weight of standard deviation 0.05: spread about
    # 0.05 * sqrt(32) = 0.28, which costs about half its square, 0.04 nats, and this sample of 128 scatters by 0.03.
    assert abs(loss - math.log(50)) < 0.15


def test_initial_weights_have_the_documented_spread():
    parameters = Transformer(TransformerConfig(200, 50, 64, 2, 4, tie_embeddings=False)).parameters
    for name, p in parameters.items():
        if p.ndim == 1:
            assert (p == (1 if name.endswith("weight") else 0)).all(), name
        else:
            std = 0.05 / 2 if name.endswith("c_proj.weight") else 0.05  # sqrt(2 L) = 2
            # The standard deviation of n normal numbers scatters by 1 / sqrt(2 n), here by 1.3 % at most; 5 of these.
            assert abs(p.std() / std - 1) < 5 / np.sqrt(2 * p.size), name


def test_seeds_differ_and_repeat():
    config = TransformerConfig(5, 4, 8, 1, 2)
    flat = [Transformer(config, seed).parameters.flat for seed in (0, 0, 1)]
    np.testing.assert_array_equal(flat[0], flat[1])
    assert (flat[0] != flat[2]).any()


def test_names_and_shapes_are_those_of_gpt2():
    shapes = {name: p.shape for name, p in small_model(n_layers=1, tie_embeddings=False).parameters.items()}
    assert shapes == {
        "wte.weight": (7, 6),
        "wpe.weight": (5, 6),
        "h.0.ln_1.weight": (6,),
        "h.0.ln_1.bias": (6,),
        "h.0.attn.c_attn.weight": (6, 18),
        "h.0.attn.c_attn.bias": (18,),
        "h.0.attn.c_proj.weight": (6, 6),
        "h.0.attn.c_proj.bias": (6,),
        "h.0.ln_2.weight": (6,),
        "h.0.ln_2.bias": (6,),
        "h.0.mlp.c_fc.weight": (6, 5),
        "h.0.mlp.c_fc.bias": (5,),
        "h.0.mlp.c_proj.weight": (5, 6),
        "h.0.mlp.c_proj.bias": (6,),
        "ln_f.weight": (6,),
        "ln_f.bias": (6,),
        "lm_head.weight": (7, 6),
    }


def test_the_mlp_is_four_times_as_wide_by_default():
    assert TransformerConfig(5, 4, 6, 1, 2).d_ff == 24


@pytest.mark.parametrize("tied", [True, False])
def test_a_gpt2_state_dict_drops_in(tied):
    source, target = small_model(tie_embeddings=tied), small_model(seed=1, tie_embeddings=tied)
    state = {f"transformer.{name}": p for name, p in source.parameters.items() if name != "lm_head.weight"}
    state["lm_head.weight"] = source.parameters["wte.weight" if tied else "lm_head.weight"]
    state["transformer.h.0.attn.bias"] = np.tri(5, dtype=bool)[None, None]  # the mask that older versions keep
    target.load_state_dict(state)
    np.testing.assert_array_equal(target.parameters.flat, source.parameters.flat)


def test_a_state_dict_that_does_not_fit_changes_nothing():
    model = small_model()
    before = model.parameters.flat.copy()
    state = {name: p + 1 for name, p in model.parameters.items()}
    with pytest.raises(ValueError, match="differs from the model in ln_f.bias"):
        model.load_state_dict({name: p for name, p in state.items() if name != "ln_f.bias"})
    with pytest.raises(ValueError, match=r"ln_f.bias has shape \(1,\), expected \(6,\)"):
        model.load_state_dict(state | {"ln_f.bias": np.ones(1)})
    with pytest.raises(TypeError, match="ln_f.bias has dtype complex128, expected float64"):
        model.load_state_dict(state | {"ln_f.bias": np.ones(6, complex)})
    np.testing.assert_array_equal(model.parameters.flat, before)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"d_model": 7}, ValueError, "d_model = 7, expected a multiple of n_heads = 3"),
        ({"n_layers": 0}, ValueError, "n_layers = 0, expected at least 1"),
        ({"vocab_size": -1}, ValueError, "vocab_size = -1, expected at least 1"),
        ({"n_heads": 1.0}, TypeError, "n_heads = 1.0, expected a whole number"),
        ({"d_ff": 0}, ValueError, "d_ff = 0, expected at least 1"),
        ({"d_model": None, "d_ff": None}, TypeError, "d_model = None, expected a whole number"),
    ],
)
def test_impossible_configurations_are_named(changes, error, message):
    with pytest.raises(error) as caught:
        small_model(**changes)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        ([[0, 7]], ValueError, "tokens[0, 1] = 7, expected 0 to 6"),
        ([[-1, 0]], ValueError, "tokens[0, 0] = -1, expected 0 to 6"),
        ([0, 1], ValueError, "tokens has shape (2,), expected (B, T)"),
        (np.zeros((0, 3), int), ValueError, "tokens has shape (0, 3), expected (B, T)"),
        ([[0.0]], TypeError, "tokens has dtype float64, expected integers"),
        ([[0] * 6], ValueError, "tokens has 6 positions, expected at most 5"),
    ],
)
def test_tokens_that_do_not_fit_are_named(tokens, error, message):
    with pytest.raises(error) as caught:
        small_model().forward(tokens)
    assert message in str(caught.value)


def test_an_upstream_gradient_of_another_shape_is_named():
    model = small_model()
    logits, cache = model.forward([[1, 2, 3]])
    with pytest.raises(ValueError, match=r"dlogits has shape \(3, 7\), expected \(1, 3, 7\)"):
        model.backward(logits[0], cache)


def test_unknown_backends_and_dtypes_are_refused():
    config = TransformerConfig(5, 4, 8, 1, 2)
    with pytest.raises(ValueError, match="backend = 'cuda', expected one of auto, numba, numpy"):
        Transformer(config, backend="cuda")
    with pytest.raises(ValueError, match="dtype = int64, expected one of float32"):
        Transformer(config, dtype=np.int64)


def test_initial_weights_are_normal_and_drawn_anew_for_each_array():
    p = Transformer(TransformerConfig(200, 50, 64, 2, 4)).parameters
    # 4.55 % of normal numbers lie beyond 2 standard deviations, none of uniform ones; of 12,800 that share scatters by
    # .0018, and 5 of these are .0092.
    assert abs((np.abs(p["wte.weight"]) > 0.1).mean() - 0.0455) < 0.0092
    assert (p["wte.weight"][:50] != p["wpe.weight"]).all()
    assert (p["h.0.attn.c_attn.weight"] != p["h.1.attn.c_attn.weight"]).all()


def test_block_1_of_eleven_does_not_read_the_parameters_of_block_10():
    model = small_model(n_layers=11)
    before = model.hidden_states([[3, 1, 4]])
    for name, p in model.parameters.items():
        if name.startswith("h.10."):
            p *= 2
    after = model.hidden_states([[3, 1, 4]])
    np.testing.assert_array_equal(after[:11], before[:11])
    assert (after[11] != before[11]).any()


def test_both_mask_buffers_of_a_state_dict_are_passed_over():
    source, target = small_model(), small_model(seed=1)
    buffers = {"h.1.attn.bias": np.tri(5, dtype=bool)[None, None], "h.1.attn.masked_bias": np.array(-1e4)}
    target.load_state_dict({**source.parameters, **buffers})
    np.testing.assert_array_equal(target.parameters.flat, source.parameters.flat)


# Losses on hidden states --------------------------------------------------------------------------

L = 3  # layers 0 to 3 have states
BACKENDS = ("numpy", "numba")


def backward_case(backend="numpy", dtype=np.float64, seed=13):
    """A model, tokens, start, and random gradients at the logits and at every layer's states."""
    model = Transformer(TransformerConfig(7, 5, 6, L, 3, d_ff=5), dtype=dtype, backend=backend)
    rng = np.random.default_rng(seed)
    model.parameters.flat[:] = rng.standard_normal(model.parameters.flat.shape)
    tokens, start = random_tokens(model, rng, 2, 4), np.array([[0, 0, 1, 1], [0, 1, 0, 3]])
    dlogits = rng.standard_normal((2, 4, 7))
    return model, tokens, start, dlogits, {layer: rng.standard_normal((2, 4, 6)) for layer in range(L + 1)}


def of_layers(dstates, *layers):
    return {layer: dstates[layer] for layer in layers}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("with_start", [False, True])
def test_forward_with_states_is_forward_and_hidden_states(backend, with_start):
    model, tokens, start, dlogits, _ = backward_case(backend)
    start = start if with_start else None
    logits, states, cache = model.forward_with_states(tokens, start)
    expected, expected_cache = model.forward(tokens, start)
    assert isinstance(states, list) and len(states) == L + 1
    # The same operations on the same numbers.
    np.testing.assert_array_equal(logits, expected)
    np.testing.assert_array_equal(states, model.hidden_states(tokens, start))
    gradients, expected = model.backward(dlogits, cache), model.backward(dlogits, expected_cache)
    np.testing.assert_array_equal(gradients.flat, expected.flat)


@settings(max_examples=settings.default.max_examples // 4)  # most is seen by the tests above, and slowly
@given(
    config=transformer_configs(), B=st.integers(1, 2), T=st.integers(1, 3), with_logits=st.booleans(), data=st.data()
)
def test_gradients_of_losses_on_hidden_states(config, B, T, with_logits, data):
    T = min(T, config.context_length)
    layers = data.draw(st.sets(st.integers(0, config.n_layers), min_size=0 if with_logits else 1))
    tokens, start = data.draw(token_arrays((B, T), config.vocab_size)), data.draw(starts(B, T))
    check_backward(config, tokens, start, sorted(layers), with_logits, data.draw(parameter_arrays(config)))


@pytest.mark.parametrize(
    ("layers", "with_logits"),
    [([0], False), ([1], False), ([2], False), ([3], False), ([0, 1, 2, 3], False), ([1, 3], True)],
)
def test_gradients_of_a_loss_at_each_layer(layers, with_logits):
    model, tokens = small_model(n_layers=L, d_model=4, n_heads=2, d_ff=3, vocab_size=5), np.array([[3, 1, 4]])
    parameters = {name: p.copy() for name, p in model.parameters.items()}
    check_backward(model.config, tokens, np.array([[0, 0, 1]]), layers, with_logits, parameters)


def parameter_arrays(config):
    return layer_inputs({name: " ".join(map(str, shape)) for name, shape in config.parameter_shapes().items()})


def check_backward(config, tokens, start, layers, with_logits, parameters):
    """Hold the gradients of random losses on these layers' states, and on the logits, against the complex step."""
    models = {dtype: Transformer(config, dtype=dtype, backend="numpy") for dtype in (np.float64, np.complex128)}

    def forward(**parameters):
        model = models[np.result_type(*parameters.values()).type]
        model.parameters.update(parameters)
        logits, states, cache = model.forward_with_states(tokens, start)
        out = [states[layer] for layer in layers] + [logits] * with_logits
        return tuple(array.copy() for array in out), (model, cache, logits)

    def backward(dout, cache):
        model, cache, logits = cache
        dlogits = dout[-1] if with_logits else np.zeros_like(logits)
        return model.backward(dlogits, cache, dict(zip(layers, dout)))

    check_gradients(forward, backward, parameters, rtol=RTOL)


@pytest.mark.parametrize("layer", range(L + 1))
def test_a_loss_on_states_reaches_what_made_them_and_nothing_above(layer):
    model, tokens, start, dlogits, dstates = backward_case()
    _, cache = model.forward(tokens, start)
    gradients = model.backward(np.zeros_like(dlogits), cache, of_layers(dstates, layer))
    reached = {name for name, gradient in gradients.items() if gradient.any()}
    below = {"wte.weight", "wpe.weight"}
    below |= {name for name in gradients if name.startswith("h.") and int(name.split(".")[1]) < layer}
    assert reached == below


def test_at_the_embedding_the_gradient_is_added_to_the_tokens_and_positions():
    model, tokens, start, dlogits, dstates = backward_case()
    _, cache = model.forward(tokens, start)
    gradients = model.backward(np.zeros_like(dlogits), cache, of_layers(dstates, 0))
    np.testing.assert_allclose(gradients["wpe.weight"][:4], dstates[0].sum(axis=0), rtol=1e-14)  # rounding
    expected = np.stack([dstates[0][tokens == token].sum(axis=0) for token in range(7)])
    np.testing.assert_allclose(gradients["wte.weight"], expected, rtol=1e-13, atol=1e-14)  # sums in another order


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layers", [(0,), (2,), (3,), (0, 1, 3)])
def test_gradients_of_two_losses_add_up(backend, layers):
    model, tokens, start, dlogits, dstates = backward_case(backend)
    _, cache = model.forward(tokens, start)
    together = model.backward(dlogits, cache, of_layers(dstates, *layers)).flat
    apart = [model.backward(dlogits, cache).flat]
    apart += [model.backward(0 * dlogits, cache, of_layers(dstates, layer)).flat for layer in layers]
    # Roundings of four blocks' sums, relative to the largest of what is added.
    np.testing.assert_allclose(together, sum(apart), rtol=0, atol=1e-12 * max(np.abs(own).max() for own in apart))


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_loss_on_states_or_one_that_is_flat_changes_nothing(backend):
    model, tokens, start, dlogits, dstates = backward_case(backend)
    _, cache = model.forward(tokens, start)
    expected = model.backward(dlogits, cache).flat
    for nothing in (None, {}, {layer: 0 * own for layer, own in dstates.items()}):
        np.testing.assert_array_equal(model.backward(dlogits, cache, nothing).flat, expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reusing", [False, True])
def test_gradients_at_states_and_the_states_are_left_alone(backend, reusing):
    model, tokens, start, dlogits, dstates = backward_case(backend)
    model = model.reusing_memory() if reusing else model
    logits, states, cache = model.forward_with_states(tokens, start)
    arrays = [logits, *states, dlogits, *dstates.values()]
    kept = [array.copy() for array in arrays]
    model.backward(dlogits, cache, dstates)
    for array, copy in zip(arrays, kept):
        np.testing.assert_array_equal(array, copy)
    assert list(dstates) == list(range(L + 1))


@pytest.mark.parametrize("layers", [(0,), (1, 3), (0, 1, 2, 3)])
def test_backends_agree_on_a_loss_on_states(layers):
    found = []
    for backend in BACKENDS:
        model, tokens, start, dlogits, dstates = backward_case(backend)
        logits, states, cache = model.forward_with_states(tokens, start)
        found.append((logits, np.stack(states), model.backward(dlogits, cache, of_layers(dstates, *layers)).flat))
    for ours, reference in zip(*found):
        # Sums in another order, magnified by LayerNorms and weights of size 1 in three blocks.
        np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-11 * np.abs(reference).max())


def test_memory_that_is_used_again_gives_the_same_gradients():
    model, tokens, start, dlogits, dstates = backward_case("numba")
    _, cache = model.forward(tokens, start)
    expected = model.backward(dlogits, cache, dstates).flat
    reused = model.reusing_memory()
    for seed in (5, 6, 7):  # another loss between
        _, _, cache = reused.forward_with_states(tokens, start)
        np.testing.assert_array_equal(reused.backward(dlogits, cache, dstates).flat, expected)
        _, _, other, other_dlogits, other_dstates = backward_case(seed=seed)
        _, _, cache = reused.forward_with_states((tokens + 1) % 7)
        assert (reused.backward(other_dlogits, cache, other_dstates).flat != expected).any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_at_states_are_taken_in_the_models_precision(backend):
    model64, tokens, start, dlogits, dstates = backward_case(backend)
    model32 = backward_case(backend, np.float32)[0]
    found = []
    for model in (model64, model32):
        _, _, cache = model.forward_with_states(tokens, start)
        found.append(model.backward(dlogits.astype(model.dtype), cache, dstates).flat)  # float64 ones for both
    assert [own.dtype for own in found] == [np.float64, np.float32]
    # float32 rounds to 6e-8; three blocks with weights of size 1 magnify that some hundred times.
    assert np.abs(found[1] - found[0]).max() < 1e-4 * np.abs(found[0]).max()
    lists = {layer: own.tolist() for layer, own in dstates.items()}
    np.testing.assert_array_equal(model64.backward(dlogits, model64.forward(tokens, start)[1], lists).flat, found[0])


@pytest.mark.parametrize(
    ("dstates", "error", "message"),
    [
        ({3: np.zeros((1, 4, 6))}, ValueError, "a layer of dstates = 3, expected at most 2"),
        ({-1: np.zeros((1, 4, 6))}, ValueError, "a layer of dstates = -1, expected at least 0"),
        ({1.0: np.zeros((1, 4, 6))}, TypeError, "a layer of dstates = 1.0, expected a whole number"),
        ({1: np.zeros((4, 6))}, ValueError, "dstates[1] has shape (4, 6), expected (1, 4, 6), that of the states"),
        ({0: np.zeros((1, 4, 6)), 2: np.zeros((1, 4, 7))}, ValueError, "dstates[2] has shape (1, 4, 7), expected"),
        ({2: np.zeros((1, 4, 6), complex)}, TypeError, "dstates[2] has dtype complex128, expected float64"),
        ([np.zeros((1, 4, 6))], TypeError, "dstates is of type list, expected a dict from layer to gradient"),
        (np.zeros((3, 1, 4, 6)), TypeError, "dstates is of type ndarray, expected a dict from layer to gradient"),
    ],
)
def test_gradients_at_states_that_do_not_fit_are_named(dstates, error, message):
    model = small_model()
    logits, cache = model.forward([[1, 2, 3, 4]])
    with pytest.raises(error) as caught:
        model.backward(np.zeros_like(logits), cache, dstates)
    assert str(caught.value).startswith(message)


# Going on from a changed stream -------------------------------------------------------------------


@pytest.mark.parametrize("start", [None, np.array([[0, 1, 1, 3], [0, 0, 2, 2]])])
def test_logits_from_every_layer_are_those_of_the_whole_pass(start):
    model, rng = small_model(n_layers=3), np.random.default_rng(9)
    tokens = random_tokens(model, rng, 2, 4)
    logits, streams = model.forward(tokens, start)[0], model.hidden_states(tokens, start)
    for layer in range(4):
        # The same operations on arrays of the same shapes.
        np.testing.assert_array_equal(model.logits_from(streams[layer], layer, start), logits)


def test_logits_from_go_through_the_blocks_to_come_and_no_others():
    model, rng = small_model(n_layers=3), np.random.default_rng(10)
    x = rng.standard_normal((2, 4, 6))
    before = [model.logits_from(x, layer) for layer in range(4)]
    model.parameters["h.1.mlp.c_proj.bias"] += rng.standard_normal(6)
    changed = [(model.logits_from(x, layer) != before[layer]).any() for layer in range(4)]
    assert changed == [True, True, False, False]


@pytest.mark.parametrize("layer", range(4))
def test_between_is_called_after_each_block_to_come_and_what_it_returns_is_used(layer):
    model, rng = small_model(n_layers=3), np.random.default_rng(11)
    tokens = random_tokens(model, rng, 2, 4)
    streams, other = model.hidden_states(tokens), model.hidden_states((tokens + 1) % 7)
    seen = []

    def between(block, x):
        seen.append(block)
        np.testing.assert_array_equal(x, (streams if block == layer + 1 else other)[block])
        return other[block]

    logits = model.logits_from(streams[layer], layer, between=between)
    assert seen == list(range(layer + 1, 4))
    np.testing.assert_array_equal(logits, model.forward(tokens if layer == 3 else (tokens + 1) % 7)[0])


def test_the_stream_that_is_gone_on_from_is_left_alone():
    model, rng = small_model(), np.random.default_rng(12)
    x = rng.standard_normal((2, 4, 6))
    kept = x.copy()

    def between(block, x):
        x[:] = 1  # it may be changed in place
        return x

    for layer in range(3):
        model.logits_from(x, layer, between=between)
        np.testing.assert_array_equal(x, kept)
    assert small_model(np.float32).logits_from(x, 1).dtype == np.float32  # the model's own


@pytest.mark.parametrize(
    ("x", "layer", "error", "message"),
    [
        (np.zeros((1, 4, 6)), 3, ValueError, "layer = 3, expected at most 2, the number of blocks"),
        (np.zeros((1, 4, 6)), -1, ValueError, "layer = -1, expected at least 0"),
        (np.zeros((1, 4, 6)), 1.0, TypeError, "layer = 1.0, expected a whole number"),
        (np.zeros((4, 6)), 0, ValueError, "x has shape (4, 6), expected (B, T, 6)"),
        (np.zeros((1, 4, 5)), 2, ValueError, "x has shape (1, 4, 5), expected (B, T, 6)"),
    ],
)
def test_streams_that_do_not_fit_are_named(x, layer, error, message):
    with pytest.raises(error) as caught:
        small_model().logits_from(x, layer)
    assert message in str(caught.value)
