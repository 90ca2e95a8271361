"""Every gradient of our own against the complex step, from layers to t-SNE: `python -m minicluster gradcheck`."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .cluster.affinities import joint_affinities
from .cluster.tsne import kl_divergence_backward, kl_divergence_forward
from .experiments import Settings, prepare
from .gradcheck import GradientError, check_gradients
from .gradcheck.report import aligned
from .nn import (
    Transformer,
    TransformerConfig,
    attention_backward,
    attention_forward,
    block_backward,
    block_forward,
    contrastive_loss,
    cross_entropy,
    embedding_backward,
    embedding_forward,
    gelu_backward,
    gelu_forward,
    group_loss,
    layernorm_backward,
    layernorm_forward,
    linear_backward,
    linear_forward,
    mlp_backward,
    mlp_forward,
    softmax_backward,
    softmax_forward,
    unembedding_backward,
    unembedding_forward,
)
from .nn.operations import choose_operations

# Small enough to check every entry; sizes differ, so that most transposed gradients would have the wrong shape.
SMALL = TransformerConfig(vocab_size=7, context_length=5, d_model=6, n_layers=2, n_heads=2, d_ff=8)
SMALL_BATCH, DEFAULT_BATCH = 3, 4
TSNE_POINTS = 12
GROUPS = 5  # that a linear reader tells apart
MOST_DIRECTIONS = 100  # on the main job's configuration, which takes minutes and a gigabyte
RTOL = 1e-10  # relative error allowed; the complex step's own is 1e-15, after the model's long sums 1e-14


@dataclass(frozen=True)
class Section:
    """A part of the check.

    Attributes
    ----------
    title : str
    table : str
        One line for each layer.
    worst : float
        The largest relative error.
    wrong : dict
        Name of a layer with a wrong gradient -> GradientError, or what `check_gradients` raised instead of checking it.
    """

    title: str
    table: str
    worst: float
    wrong: dict


@dataclass(frozen=True)
class Pair:
    """A forward, its backward, and inputs to check them at."""

    name: str
    forward: Callable
    backward: Callable
    inputs: dict


def check_model(seed, directions):
    """Check every layer and the whole model, on a small configuration and on the main job's.

    Parameters
    ----------
    seed : int
        Of inputs and upstream gradients, and of the main job's data.
    directions : int
        Random directions an input on the main job's configuration. On the small one every entry is checked.

    Yields
    ------
    Section
        As soon as it is done.
    """
    small, default = small_pairs(seed), default_pairs(seed)
    yield _check_pairs("every entry, small configuration", small, None, seed)
    yield _check_pairs("random directions of every input, configuration of reproduce", default, directions, seed)


def small_pairs(seed):
    """At sizes at which every entry can be checked: layers and losses, the model in three ways, and t-SNE."""
    rng = np.random.default_rng(seed)
    T = SMALL.context_length - 1  # one position without a token
    tokens = rng.integers(0, SMALL.vocab_size, (SMALL_BATCH, T))
    targets = rng.integers(0, SMALL.vocab_size, (SMALL_BATCH, T))
    mask = rng.random((SMALL_BATCH, T)) < 0.5
    mask[0, 0] = True
    untied = replace(SMALL, tie_embeddings=False)
    return [
        *layer_pairs(SMALL, tokens, targets, mask, rng),
        model_pair("model, tied", SMALL, tokens, targets, mask, rng),
        model_pair("model, untied", untied, tokens, targets, mask, rng),
        states_pair("model, hidden states", SMALL, tokens, rng),
        tsne_pair(rng),
    ]


def default_pairs(seed):
    """The layers and the model as the main job trains them, on rows of its data."""
    rng = np.random.default_rng(seed)
    setup = prepare(Settings(), seed, backend="numpy")
    rows = setup.dataset.train[:DEFAULT_BATCH]
    config, batch = setup.model.config, (rows.tokens, rows.targets, rows.mask)
    return [*layer_pairs(config, *batch, rng), model_pair("model", config, *batch, rng)]


def layer_pairs(config, tokens, targets, mask, rng):
    """Each layer and each loss at a model's sizes, with random inputs of size 1 and weights that keep results at that.

    Parameters
    ----------
    config : TransformerConfig
    tokens, targets : (B, T) integers
    mask : (B, T) bool
    rng : numpy.random.Generator

    Returns
    -------
    list of Pair
    """
    (B, T), C, F, V, H = tokens.shape, config.d_model, config.d_ff, config.vocab_size, config.n_heads
    start = rng.integers(0, np.arange(T) + 1, (B, T))
    operations = choose_operations("numpy", np.float64)
    block = {name[len("h.0.") :]: shape for name, shape in config.parameter_shapes().items() if name.startswith("h.0.")}

    def attention(qkv, start):
        return attention_forward(qkv, H, start)

    def loss(logits, targets, mask):
        return cross_entropy(logits, targets, mask)

    def loss_backward(dloss, dlogits):
        return {"logits": dloss * dlogits}

    def group_loss_backward(dloss, gradients):
        return {name: dloss * gradient for name, gradient in gradients.items()}

    def contrast(x, partner):
        return contrastive_loss(x, partner)

    def contrast_backward(dloss, dx):
        return {"x": dloss * dx}

    def block_with_start(x, start, **parameters):
        return block_forward(x, parameters, H, operations, start)

    def block_with_start_backward(dx, cache):
        return block_backward(dx, cache, operations)

    def arrays(**shapes):
        return {name: random_weight(shape, rng) for name, shape in shapes.items()}

    x, qkv, wide = (rng.standard_normal((B, T, width)) for width in (C, 3 * C, F))
    embeddings = {"tokens": tokens, **arrays(wte=(V, C), wpe=(config.context_length, C))}
    mlp = {"x": x, **arrays(fc_weight=(C, F), fc_bias=(F,), proj_weight=(F, C), proj_bias=(C,))}
    logits = {"logits": rng.standard_normal((B, T, V)), "targets": targets, "mask": mask}
    states = rng.standard_normal((B * T, C))
    reader = {"x": states, "groups": rng.integers(0, GROUPS, B * T), **arrays(weight=(C, GROUPS), bias=(GROUPS,))}
    pairs = {"x": states, "partner": (np.arange(B * T) + rng.integers(1, B * T, B * T)) % (B * T)}  # any other row
    return [
        Pair("embedding", embedding_forward, embedding_backward, embeddings),
        Pair("unembedding", unembedding_forward, unembedding_backward, {"x": x, **arrays(wte=(V, C))}),
        Pair("layernorm", layernorm_forward, layernorm_backward, {"x": x, **arrays(weight=(C,), bias=(C,))}),
        Pair("linear", linear_forward, linear_backward, {"x": x, **arrays(weight=(C, 3 * C), bias=(3 * C,))}),
        Pair("softmax", softmax_forward, softmax_backward, {"x": x}),
        Pair("attention", attention, attention_backward, {"qkv": qkv, "start": None}),
        Pair("attention, start", attention, attention_backward, {"qkv": qkv, "start": start}),
        Pair("gelu", gelu_forward, gelu_backward, {"x": wide}),
        Pair("mlp", mlp_forward, mlp_backward, mlp),
        Pair("block", block_with_start, block_with_start_backward, {"x": x, "start": start, **arrays(**block)}),
        Pair("cross-entropy", loss, loss_backward, logits),
        Pair("group loss", group_loss, group_loss_backward, reader),
        Pair("contrastive loss", contrast, contrast_backward, pairs),
    ]


def models_of(config):
    """Return a function from {name: array}, all parameters, float64 or complex128, to a model that has them."""
    models = {dtype: Transformer(config, dtype=dtype, backend="numpy") for dtype in (np.float64, np.complex128)}

    def model_with(parameters):
        model = models[np.result_type(*parameters.values()).type]
        model.parameters.update(parameters)
        return model

    return model_with


def model_pair(name, config, tokens, targets, mask, rng):
    """The whole model, from its parameters to the loss.

    Parameters
    ----------
    name : str
    config, tokens, targets, mask, rng
        As in `layer_pairs`.

    Returns
    -------
    Pair
    """
    model_with = models_of(config)

    def forward(**parameters):
        model = model_with(parameters)
        logits, cache = model.forward(tokens)
        loss, dlogits = cross_entropy(logits, targets, mask)
        return loss, (model, dlogits, cache)

    def backward(dloss, cache):
        model, dlogits, model_cache = cache
        return model.backward(dloss * dlogits, model_cache)

    inputs = {parameter: random_weight(shape, rng) for parameter, shape in config.parameter_shapes().items()}
    return Pair(name, forward, backward, inputs)


def states_pair(name, config, tokens, rng):
    """The whole model, from its parameters to the logits and to the hidden states of every layer.

    Parameters
    ----------
    name : str
    config, tokens, rng
        As in `layer_pairs`.

    Returns
    -------
    Pair
    """
    model_with = models_of(config)

    def forward(**parameters):
        model = model_with(parameters)
        logits, states, cache = model.forward_with_states(tokens)
        return (logits, *states), (model, cache)

    def backward(dout, cache):
        model, model_cache = cache
        dlogits, *dstates = dout
        return model.backward(dlogits, model_cache, dict(enumerate(dstates)))

    inputs = {parameter: random_weight(shape, rng) for parameter, shape in config.parameter_shapes().items()}
    return Pair(name, forward, backward, inputs)


def tsne_pair(rng):
    """The divergence of t-SNE, by the points of its picture."""
    affinities = joint_affinities(rng.standard_normal((TSNE_POINTS, 5)), perplexity=3)  # (n, n)

    def forward(embedding):
        return kl_divergence_forward(embedding, affinities)

    return Pair("t-SNE", forward, kl_divergence_backward, {"embedding": rng.standard_normal((TSNE_POINTS, 2))})


def random_weight(shape, rng):
    """A normal array: vectors of size 1, so that no scale is 1 and no bias 0; matrices that keep the size of x."""
    return rng.standard_normal(shape) / (np.sqrt(shape[0]) if len(shape) == 2 else 1)


def _check_pairs(title, pairs, directions, seed):
    """Check all pairs, those after a wrong one too, and return a Section."""
    what = "entries" if directions is None else "directions"
    rows = [("layer", "gradients", what, "relative error", "worst in", "")]
    worst, wrong = [], {}
    for pair in pairs:
        try:
            report = check_gradients(
                pair.forward, pair.backward, pair.inputs, directions=directions, seed=seed, rtol=RTOL
            )
        except (GradientError, TypeError, ValueError) as error:
            wrong[pair.name], report = error, getattr(error, "report", None)
        verdict = "WRONG" if pair.name in wrong else "ok"
        if report is None:  # a gradient of the wrong shape, or a layer that breaks the rules: there are no numbers
            rows.append((pair.name, "", "", "", getattr(wrong[pair.name], "input", ""), verdict))
            worst.append(math.inf)
            continue
        name = max(report.inputs, key=lambda name: report.inputs[name].relative_error)
        checked = sum(check.checked for check in report.inputs.values())
        rows.append((pair.name, str(len(report.inputs)), str(checked), f"{report.worst:.1e}", name, verdict))
        worst.append(report.worst)
    return Section(title, "\n".join(aligned(rows)), max(worst), wrong)
