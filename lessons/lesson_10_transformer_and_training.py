# %% [markdown]
# # Lesson 10: Transformer and training (the loss starts at log V)
#
# **Goals.** After this lesson you can put a transformer together from its layers, forward and backward; say which loss
# it starts with, and why; write the optimiser that trains it; and read a loss curve against numbers that are known
# before the training begins.
#
# **Time.** 90 minutes to read, without the exercises; the script runs in about 10 seconds. A good place for a break is
# before "The optimiser".
#
# **Assumes.** The task (lesson 2), upstream gradients, linear layer and embedding (5), `check_gradients` (6), softmax
# and cross-entropy (7), LayerNorm and GELU (8), attention (9). What each does is said again in a sentence.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python
# lessons/lesson_10_transformer_and_training.py` (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows
# `# %%` cells; or as a notebook, which `.venv/bin/python -m minicluster notebook 10` writes. With `--save` its picture
# goes to `figures/lesson_10_transformer_and_training.png`.

# %%
import math
import sys

import numpy as np

from minicluster.gradcheck import check_gradients
from minicluster.nn import (
    AdamW,
    Transformer,
    TransformerConfig,
    attention_backward,
    attention_forward,
    block_backward,
    block_forward,
    clip_gradients,
    cross_entropy,
    embedding_backward,
    embedding_forward,
    gelu_backward,
    gelu_forward,
    layernorm_backward,
    layernorm_forward,
    linear_backward,
    linear_forward,
    softmax_forward,
    unembedding_backward,
    unembedding_forward,
    warmup_cosine,
)
from minicluster.nn.operations import NumpyOperations
from minicluster.plots.transformer_training import draw_training
from minicluster.tasks import make_instruction_dataset
from minicluster.training import answer, train_step

# %% [markdown]
# ## The idea
#
# A firm opens a file for each word of a message that it receives. The files travel along a corridor, from office to
# office. Two readers sit in each office. The first may also look into the files of earlier words, and puts a note into
# this one. The second reads this file only, thinks about it, and adds a note as well. Nobody takes anything out. At the
# end of the corridor somebody reads the last file and says which word comes next.
#
# The file is a vector of C numbers. The corridor is called the *residual stream*, an office a *block*. The first
# reader is attention, the second a small network that is called the *MLP*. How they come to write useful notes is the
# second half of this lesson: training.
#
# ## The parts, and where we built them
#
#     embedding       a row of a table for each token, and one for its place   (B, T)     -> (B, T, C)    lesson 5
#     linear          x @ weight + bias                                        (B, T, C)  -> (B, T, F)    lesson 5
#     unembedding     each word's score: its row of the table times the state  (B, T, C)  -> (B, T, V)    see below
#     cross-entropy   -log of the probability of the right word, on average    (B, T, V)  -> one number   lesson 7
#     LayerNorm       each token's vector to mean 0 and spread 1, then         (B, T, C)  -> (B, T, C)    lesson 8
#                     a learned weight and bias
#     GELU            a smooth bend, entry by entry                            (B, T, F)  -> (B, T, F)    lesson 8
#     attention       each token takes a weighted mean of what itself and      (B, T, 3C) -> (B, T, C)    lesson 9
#                     earlier tokens offer; queries, keys, values come in
#                     side by side, 3C numbers
#
# B sequences in a batch, T tokens in each, C numbers a token, V words. We take these layers from the library, as each
# lesson has shown that the library's agrees with its own. What we build here is what holds them together.
#
# ## A block
#
#     x  =  x + attention(LayerNorm(x))
#     x  =  x + MLP(LayerNorm(x))
#
# Three things to notice.
#
# - `x +`: a layer does not replace the file, it adds to it. That is called a *residual connection*.
# - A reader gets a normalised *copy*. What travels on is not normalised. This is *pre-LN*, as in GPT-2 (Radford et al.
#   2019); the first transformer (Vaswani et al. 2017) normalised after the addition, on the corridor itself.
# - The MLP works on each token alone: a linear layer from C to F = 4C numbers, GELU, a linear layer back to C. Without
#   GELU the two linear layers would be one. That F is four times C is custom since Vaswani et al. (512 and 2048).
#
# Names are GPT-2's: `c_attn` makes queries, keys and values; `c_fc` widens; both `c_proj` lead back to the stream.


# %%
def our_block_forward(x, p, n_heads):
    normed, ln_1 = layernorm_forward(x, p["ln_1.weight"], p["ln_1.bias"])  # (B, T, C)
    qkv, c_attn = linear_forward(normed, p["attn.c_attn.weight"], p["attn.c_attn.bias"])  # (B, T, C) -> (B, T, 3C)
    mixed, attention = attention_forward(qkv, n_heads)  # (B, T, 3C) -> (B, T, C)
    note, attn_proj = linear_forward(mixed, p["attn.c_proj.weight"], p["attn.c_proj.bias"])  # (B, T, C)
    x = x + note

    normed, ln_2 = layernorm_forward(x, p["ln_2.weight"], p["ln_2.bias"])  # (B, T, C)
    wide, c_fc = linear_forward(normed, p["mlp.c_fc.weight"], p["mlp.c_fc.bias"])  # (B, T, C) -> (B, T, F)
    bent, gelu = gelu_forward(wide)  # (B, T, F)
    note, mlp_proj = linear_forward(bent, p["mlp.c_proj.weight"], p["mlp.c_proj.bias"])  # (B, T, F) -> (B, T, C)
    x = x + note
    return x, (ln_1, c_attn, attention, attn_proj, ln_2, c_fc, gelu, mlp_proj)


# %% [markdown]
# Backward, we are handed `dx`: by how much the loss grows for each entry of the block's result (the upstream gradient
# of lesson 5). The lines above are undone in reverse order. One thing is new, the sum. In y = x + f(x), x is used
# twice: in the straight way and inside f. A thing that is used twice gets both gradients, added up (lesson 5):
#
#     dx  =  dy  +  (what f's backward makes of dy).
#
# (dy is what we are handed. In the code it is called dx from the start, as it is the stream's gradient, which is
# brought up to date on the way down.)
#
# So a sum hands its upstream gradient to both sides, unchanged, and where the stream forked, the two meet again. Here
# that happens twice.


# %%
def our_block_backward(dx, cache):
    ln_1, c_attn, attention, attn_proj, ln_2, c_fc, gelu, mlp_proj = cache
    gradients = {}

    def undo(backward, name, dout, layer_cache):
        g = backward(dout, layer_cache)
        gradients[name + ".weight"], gradients[name + ".bias"] = g["weight"], g["bias"]
        return g["x"]

    # forward: x = x + MLP(LayerNorm(x))
    dbent = undo(linear_backward, "mlp.c_proj", dx, mlp_proj)  # (B, T, C) -> (B, T, F)
    dwide = gelu_backward(dbent, gelu)["x"]  # (B, T, F)
    dnormed = undo(linear_backward, "mlp.c_fc", dwide, c_fc)  # (B, T, F) -> (B, T, C)
    dx = dx + undo(layernorm_backward, "ln_2", dnormed, ln_2)  # (B, T, C): straight, and through the MLP

    # forward: x = x + attention(LayerNorm(x))
    dmixed = undo(linear_backward, "attn.c_proj", dx, attn_proj)  # (B, T, C)
    dqkv = attention_backward(dmixed, attention)["qkv"]  # (B, T, C) -> (B, T, 3C)
    dnormed = undo(linear_backward, "attn.c_attn", dqkv, c_attn)  # (B, T, 3C) -> (B, T, C)
    dx = dx + undo(layernorm_backward, "ln_1", dnormed, ln_1)  # (B, T, C): straight, and through attention
    return {"x": dx, **gradients}


# %% [markdown]
# **Check.** Every entry of every gradient by the complex step (lesson 6), on a tiny block with random parameters of
# size 1: biases not 0, LayerNorm's weights not 1. Then against the library's block, which computes with the same
# layers.


# %%
def block_shapes(C, F):
    return {
        "ln_1.weight": (C,), "ln_1.bias": (C,),
        "attn.c_attn.weight": (C, 3 * C), "attn.c_attn.bias": (3 * C,),
        "attn.c_proj.weight": (C, C), "attn.c_proj.bias": (C,),
        "ln_2.weight": (C,), "ln_2.bias": (C,),
        "mlp.c_fc.weight": (C, F), "mlp.c_fc.bias": (F,),
        "mlp.c_proj.weight": (F, C), "mlp.c_proj.bias": (C,),
    }  # fmt: skip


def far_apart(ours, theirs):
    """The largest difference between two sets of gradients or parameters, relative to the largest entry of each."""
    assert ours.keys() == theirs.keys()
    return max(np.abs(ours[name] - theirs[name]).max() / np.abs(theirs[name]).max() for name in ours)


ROUNDING = 1e-11  # of two orders of the same sums, in numbers of 16 digits
TINY_HEADS = 2
rng = np.random.default_rng(10)
tiny = {name: rng.standard_normal(shape) for name, shape in block_shapes(C=4, F=16).items()}
x, dout = rng.standard_normal((2, 2, 3, 4))  # (B, T, C) each
report = check_gradients(lambda x, **p: our_block_forward(x, p, TINY_HEADS), our_block_backward, {"x": x, **tiny})
print(f"block: {len(report.inputs)} gradients, all entries; worst relative error {report.worst:.0e}")

ours, cache = our_block_forward(x, tiny, TINY_HEADS)
# NumpyOperations: compute the layers in NumPy; there are compiled ones, too.
theirs, library_cache = block_forward(x, tiny, TINY_HEADS, NumpyOperations())
assert np.allclose(ours, theirs, rtol=ROUNDING, atol=ROUNDING)
apart = far_apart(our_block_backward(dout, cache), block_backward(dout, library_cache, NumpyOperations()))
print(f"block: our gradients and the library's are at most {apart:.0e} apart")
assert apart < ROUNDING

# %% [markdown]
# ## Why `x +`: a road for the gradient
#
# Picture twelve layers of one number each, and let each have the slope f' = 0.1. Stacked as f(f(...f(x))), the chain
# rule multiplies the slopes: 0.1 to the power 12, a millionth of a millionth. Nothing at the bottom would hear of a
# mistake at the top. With residual connections the slope of a layer is 1 + f' = 1.1, and 1.1 to the power 12 is 3.1.
#
# **Predict before you run.** Twenty-four MLPs of width 64, with random weights of standard deviation 0.05, as most of
# ours will have at the start. A gradient of length 1 arrives at the top. How long is it at the bottom, with `x +` and
# without?


# %%
def gradient_on_the_way_down(residual, n_layers=24, C=64, std=0.05):
    """Length of the gradient above and below each of a stack's MLPs, from the top down: n_layers + 1 numbers."""
    rng = np.random.default_rng(0)
    x, caches, F = rng.standard_normal((32, C)), [], 4 * C  # (n, C)
    for _ in range(n_layers):
        wide, c_fc = linear_forward(x, std * rng.standard_normal((C, F)), np.zeros(F))  # (n, C) -> (n, F)
        bent, gelu = gelu_forward(wide)  # (n, F)
        note, proj = linear_forward(bent, std * rng.standard_normal((F, C)), np.zeros(C))  # (n, F) -> (n, C)
        x = x + note if residual else note
        caches.append((c_fc, gelu, proj))
    dx = rng.standard_normal(x.shape)  # (n, C)
    dx = dx / np.linalg.norm(dx)
    lengths = [1.0]
    for c_fc, gelu, proj in reversed(caches):
        dwide = gelu_backward(linear_backward(dx, proj)["x"], gelu)["x"]  # (n, C) -> (n, F)
        through = linear_backward(dwide, c_fc)["x"]  # (n, F) -> (n, C)
        dx = dx + through if residual else through
        lengths.append(np.linalg.norm(dx))
    return lengths


print("layers below the top", *(f"{down:8}" for down in range(0, 25, 6)))
for residual in (True, False):
    lengths = gradient_on_the_way_down(residual)
    shown = [f"{length:.0e}" if length < 0.01 else f"{length:.2f}" for length in lengths[::6]]
    print(f"{'x + MLP(x)' if residual else 'MLP(x)':18}", "".join(f"{length:>9}" for length in shown))
    assert 0.5 < lengths[-1] < 3 if residual else 0.1 < lengths[-1] ** (1 / 24) < 0.25

# %% [markdown]
# The straight way carries the gradient to the bottom as it is, and every layer adds a little of its own. Without it,
# each layer passes on about a sixth: its matrices multiply by 0.8 and 0.4 (lesson 8: the root of the width times 0.05),
# GELU by its slope near 0, 1/2. After 24 of them nothing is left. (LayerNorm in between would lift the lengths again:
# exercise 2.)
#
# ## The model
#
# Embedding, L blocks, a last LayerNorm, and a score for each word: the state times the word's own row of the embedding
# table. The same table at both ends is called *tied* embeddings: it is used twice, so its gradients add up.
#
# Those scores, the *unembedding*, are a linear layer without bias whose weight is the table turned round: logits =
# state @ table.T. So, as for any matrix product (lesson 5), dstate = dlogits @ table, and dtable = dlogits.T @ state
# over all B T rows. `unembedding_forward` and `unembedding_backward` are just that; the check below begins with them.


# %%
def model_shapes(V, T, C, L):
    shapes = {"wte.weight": (V, C), "wpe.weight": (T, C)}  # the tables of tokens and of places
    for layer in range(L):
        shapes |= {f"h.{layer}.{name}": shape for name, shape in block_shapes(C, F=4 * C).items()}
    return shapes | {"ln_f.weight": (C,), "ln_f.bias": (C,)}


def of_block(parameters, layer):
    prefix = f"h.{layer}."
    return {name.removeprefix(prefix): p for name, p in parameters.items() if name.startswith(prefix)}


def our_forward(tokens, parameters, n_heads):
    x, embedding = embedding_forward(tokens, parameters["wte.weight"], parameters["wpe.weight"])  # (B, T) -> (B, T, C)
    blocks = []
    while block := of_block(parameters, layer=len(blocks)):  # as many as there are parameters for
        x, cache = our_block_forward(x, block, n_heads)  # (B, T, C)
        blocks.append(cache)
    normed, ln_f = layernorm_forward(x, parameters["ln_f.weight"], parameters["ln_f.bias"])  # (B, T, C)
    logits, unembedding = unembedding_forward(normed, parameters["wte.weight"])  # (B, T, C) @ (C, V) -> (B, T, V)
    return logits, (embedding, blocks, ln_f, unembedding)


def our_backward(dlogits, cache):
    embedding, blocks, ln_f, unembedding = cache
    top = unembedding_backward(dlogits, unembedding)  # x: (B, T, V) -> (B, T, C)
    normed = layernorm_backward(top["x"], ln_f)
    gradients = {"ln_f.weight": normed["weight"], "ln_f.bias": normed["bias"]}
    dx = normed["x"]  # (B, T, C)
    for layer in reversed(range(len(blocks))):
        of_this_block = our_block_backward(dx, blocks[layer])
        dx = of_this_block.pop("x")  # (B, T, C)
        gradients |= {f"h.{layer}.{name}": gradient for name, gradient in of_this_block.items()}
    bottom = embedding_backward(dx, embedding)
    gradients["wpe.weight"] = bottom["wpe"]
    gradients["wte.weight"] = bottom["wte"] + top["wte"]  # the table was read twice, so both gradients count
    return gradients


# %% [markdown]
# **Check** a tiny model as a whole. Are the gradients those of this forward (lesson 6)? Does it agree with the
# library's model? (That has the same layers, so this compares how they are put together.) And is it *causal*: a later
# token must not change what is said at earlier places.

# %%
V, T, C, L = 5, 4, 4, 2
state, table, dscores = rng.standard_normal((6, C)), rng.standard_normal((V, C)), rng.standard_normal((6, V))
scores, cache = unembedding_forward(state, table)  # (6, C) @ (C, V) -> (6, V)
found = unembedding_backward(dscores, cache)
assert np.allclose(scores, state @ table.T, rtol=ROUNDING)
assert np.allclose(found["x"], dscores @ table) and np.allclose(found["wte"], dscores.T @ state)

tiny = {name: rng.standard_normal(shape) for name, shape in model_shapes(V, T, C, L).items()}
tokens = np.array([[3, 1, 3, 0], [4, 2, 2, 1]])  # (B, T), in each row one token twice
report = check_gradients(lambda **p: our_forward(tokens, p, TINY_HEADS), our_backward, tiny)
print(f"model: {len(report.inputs)} gradients, all entries; worst relative error {report.worst:.0e}")

config = TransformerConfig(vocab_size=V, context_length=T, d_model=C, n_layers=L, n_heads=TINY_HEADS)
library = Transformer(config, dtype=np.float64, backend="numpy")
library.parameters.update(tiny)
logits, cache = our_forward(tokens, tiny, TINY_HEADS)  # (B, T, V)
library_logits, library_cache = library.forward(tokens)
assert np.allclose(logits, library_logits, rtol=ROUNDING, atol=ROUNDING)
dlogits = rng.standard_normal(logits.shape)  # (B, T, V)
apart = far_apart(our_backward(dlogits, cache), library.backward(dlogits, library_cache))
print(f"model: our gradients and the library's are at most {apart:.0e} apart")
assert apart < ROUNDING

changed = tokens.copy()
changed[:, 2] = 4  # another third token
moved = np.abs(our_forward(changed, tiny, TINY_HEADS)[0] - logits).max(axis=(0, 2))  # (B, T, V) -> (T,)
print("another third token moves the scores at the four places by", *(f"{by:.2f}" for by in moved))
assert (moved[:2] == 0).all() and (moved[2:] > 0).all()

# %% [markdown]
# ## How many numbers is that?
#
# The numbers that training will change are the model's *parameters*. Count them by hand, for width C and F = 4C. A
# block has
#
#     c_attn  3 C C + 3 C      c_proj  C C + C      c_fc  4 C C + 4 C      c_proj  4 C C + C      two LayerNorms  4 C
#
# which makes 12 C C + 13 C. With both tables and the last LayerNorm:
#
#     V C + T C + L (12 C C + 13 C) + 2 C
#
# **Predict:** for the model of this lesson's training, with V = 124 words, T = 10 places, C = 64 and L = 4 blocks. Is
# more in the blocks or in the tables?

# %%
dataset = make_instruction_dataset(seed=0)
V, T, C, L, H = len(dataset.vocabulary.names), dataset.context_length, 64, 4, 4
in_blocks, in_tables = L * (12 * C * C + 13 * C), V * C + T * C
config = TransformerConfig(vocab_size=V, context_length=T, d_model=C, n_layers=L, n_heads=H)
model = Transformer(config, seed=0)
print(f"V = {V}, T = {T}: {in_blocks:,} in the blocks, {in_tables:,} in the tables, {2 * C} in the last LayerNorm")
counted = sum(parameter.size for parameter in model.parameters.values())
assert (V, T, len(dataset.train)) == (124, 10, 4200)
print(f"together {in_blocks + in_tables + 2 * C:,}; the library's model has {counted:,}")
assert counted == in_blocks + in_tables + 2 * C

# %% [markdown]
# ## The loss at the start
#
# All matrices start as random numbers with a standard deviation of 0.05, LayerNorm's weights as 1, biases as 0. (Lesson
# 8's 0.125 would keep the size of a row. Here that need not be: LayerNorm brings each row back to size 1, and `x +`
# keeps the road open. 0.05 was found by trying; GPT-2, at width 768, starts with 0.02.) One exception: what writes into
# the stream, both `c_proj`, is divided by the square root of 2L. The stream sums up 2L notes, and the size of a sum of
# n random numbers is sqrt(n) times that of one (lesson 8: the mixed products cancel). So a deep stream is no larger
# than a shallow one.


# %%
def initial_parameters(shapes, L, seed, std=0.05):
    rng, parameters = np.random.default_rng(seed), {}
    for name, shape in shapes.items():
        if len(shape) == 2:
            parameters[name] = rng.standard_normal(shape) * (std / math.sqrt(2 * L) if "c_proj" in name else std)
        else:
            parameters[name] = np.ones(shape) if name.endswith("weight") else np.zeros(shape)
    return parameters


double = Transformer(config, seed=0, dtype=np.float64, backend="numpy")  # the same model with 16 digits
ours = initial_parameters(model_shapes(V, T, C, L), L, seed=0)
assert all(np.array_equal(ours[name], theirs) for name, theirs in double.parameters.items())
print("our initial parameters are the library's")

# %% [markdown]
# **Predict before you run.** The model has seen nothing yet. Its 124 scores for the next word are small random numbers.
# What is its loss, before any training? And what if all matrices start 20 times as large?

# %% [markdown]
# If the scores are nearly equal, softmax gives each of V words the probability 1 / V, and the loss is -log(1 / V) =
# log V, whatever the right word is (lesson 7).


# %%
def mean_loss(model, split):
    logits, _ = model.forward(split.tokens)  # (B, T) -> (B, T, V)
    return float(cross_entropy(logits, split.targets, split.mask)[0])


some = dataset.train[::8]  # every eighth example
print(f"log V = log {V} = {math.log(V):.2f}")
for factor in (1, 20):
    losses = []
    for seed in range(3):
        untrained = Transformer(config, seed=seed)
        for parameter in untrained.parameters.values():
            if parameter.ndim == 2:
                parameter *= factor
        losses.append(mean_loss(untrained, some))
    print(f"matrices {factor:2} times as large: loss", *(f"{loss:6.2f}" for loss in losses))
    assert all(abs(loss - math.log(V)) < 0.5 if factor == 1 else loss > 2 * math.log(V) for loss in losses)

# %% [markdown]
# Near log V with the small weights: the model knows nothing, and knows it. With the large ones its scores differ by
# tens, so it is sure of some word, at random, and nearly always wrong. A loss far above log V says that the weights
# start too large. One below log V, before any training, would be stranger still: where should the knowledge come from?
# Keep that in mind.
#
# ## The optimiser: from downhill to AdamW
#
# The *optimiser* is the rule that turns gradients into new parameters. The oldest, *gradient descent*, goes a step
# against the gradient: p = p - lr * g, with a *learning rate* lr that is the same for all numbers. Is one rate for all
# a good idea? Look at how large gradients are in different places of our model: the root of the mean square of their
# entries, lesson 8's size.

# %%
batch = dataset.train[np.random.default_rng(0).permutation(len(dataset.train))[:16]]  # 16 examples
logits, cache = double.forward(batch.tokens)  # (B, T) -> (B, T, V)
gradients = double.backward(cross_entropy(logits, batch.targets, batch.mask)[1], cache)
typical = {name: math.sqrt((gradient**2).mean()) for name, gradient in gradients.items()}
for name in sorted(typical, key=typical.get)[:2] + sorted(typical, key=typical.get)[-2:]:
    print(f"size of the gradient of {name:22} {typical[name]:.4f}")
assert max(typical.values()) > 20 * min(typical.values())

# %% [markdown]
# They differ many times over. A rate that suits the large ones moves the small ones hardly at all, and a rate for the
# small ones makes the large ones jump much too far. *Adam* (Kingma & Ba 2015) gives each entry a step of its own;
# *AdamW* (Loshchilov & Hutter 2019) adds the weight decay below. It keeps two running means for each entry, of the
# gradient and of its square:
#
#     mean         =  0.9   * mean         +  0.1   * g
#     mean_square  =  0.999 * mean_square  +  0.001 * g * g
#     p            =  p  -  lr * mean / sqrt(mean_square)
#
# After many steps, a gradient that is always 0.02 has mean 0.02 and root of the mean square 0.02: the step is lr. One
# that is always 5 has mean 5, root 5: the step is lr. One that flips between 5 and -5 has a mean near 0 and a root of
# 5: hardly a step. So what counts is not how large a gradient is but how much it agrees with itself.
#
# **Step 1 by hand.** Both means start at 0, so after one step with g = 0.02 they are 0.002 and 0.0000004: too small, by
# the factors 0.1 and 0.001, since they contain one gradient and a lot of zeros. With the same g again, the mean's
# factor is 0.9 x 0.1 + 0.1 = 0.19 = 1 - 0.9^2, and so on: after t steps the factors are 1 - 0.9^t and 1 - 0.999^t. Adam
# divides by them (*bias correction*): 0.02 and 0.0004. The step is lr * 0.02 / sqrt(0.0004) = lr. For any g the first
# step is lr times the sign of g. (Without the correction it would be 0.1 / sqrt(0.001) = 3.2 times that.)
#
# **Weight decay**, the W of AdamW. Each step also shrinks every matrix a little, p = p (1 - lr * 0.01), so that weights
# which nothing needs fade away. It is *decoupled*: the shrinking is not added to the gradient. There it would be
# divided by the root of the mean square like everything else, and entries with large gradients would hardly shrink.
# Biases and LayerNorm's weights are left alone: the home of the latter is 1, not 0.


# %%
def new_state(parameters):
    zeros = {name: np.zeros_like(p) for name, p in parameters.items()}
    return {"steps": 0, "mean": zeros, "mean_square": {name: z.copy() for name, z in zeros.items()}}


def adamw_step(parameters, gradients, state, lr, keep_mean=0.9, keep_square=0.999, eps=1e-8, weight_decay=0.01):
    state["steps"] += 1
    mean, mean_square = state["mean"], state["mean_square"]
    for name, g in gradients.items():
        mean[name] = keep_mean * mean[name] + (1 - keep_mean) * g
        mean_square[name] = keep_square * mean_square[name] + (1 - keep_square) * g * g
        corrected = mean[name] / (1 - keep_mean ** state["steps"])
        corrected_square = mean_square[name] / (1 - keep_square ** state["steps"])
        if g.ndim == 2:
            parameters[name] = parameters[name] * (1 - lr * weight_decay)
        parameters[name] = parameters[name] - lr * corrected / (np.sqrt(corrected_square) + eps)  # eps: never 0 / 0


one = {"bias": np.array([1.0, 1.0, 1.0])}
adamw_step(one, {"bias": np.array([0.02, 5.0, -0.0003])}, new_state(one), lr=0.001)
print("first step of AdamW at lr 0.001, gradients 0.02, 5, -0.0003:", *(f"{move:+.6f}" for move in one["bias"] - 1))
assert np.allclose(one["bias"] - 1, [-0.001, -0.001, 0.001], rtol=1e-4)  # eps is 1/30000 of the smallest gradient

# %% [markdown]
# Two more habits, both against bad steps:
#
# - **Clipping.** The gradient of all parameters together is one long vector. If it is longer than 1, it is scaled down
#   to 1. What for, if AdamW divides the size out anyway? Because of the sudden: a gradient of 100 after many of 1 makes
#   the mean 10.9, but the root of the mean square only 3.3, and the step 3.3 times too long.
# - **Warm-up and cosine.** In the first steps the mean square has seen few gradients and the model changes fast: the
#   learning rate rises from near 0. Later it falls along half a cosine wave to a tenth: long strides first, short ones
#   at the end.


# %%
def our_clip(gradients, max_norm):
    norm = math.sqrt(sum((g * g).sum() for g in gradients.values()))
    return {name: g * min(1, max_norm / norm) for name, g in gradients.items()}, norm


def our_rate(step, steps, lr, warmup, last=0.1):
    if step < warmup:
        return lr * (step + 1) / (warmup + 1)
    wave = (1 + math.cos(math.pi * (step - warmup) / (steps - 1 - warmup))) / 2  # 1 down to 0
    return lr * (last + (1 - last) * wave)


for step in (0, 25, 50, 300, 599):
    rate = our_rate(step, steps=600, lr=2e-3, warmup=50)
    print(f"learning rate at step {step:3}: {rate:.5f}")
    assert math.isclose(rate, warmup_cosine(step, steps=600, lr=2e-3, warmup=50))

# %% [markdown]
# ## The first test of any training: one batch by heart
#
# Before a long training, take one small batch and train on nothing else. A model with many more numbers than examples
# can learn it by heart (unless the same question comes with two answers), so the loss must go to nearly 0. If it
# doesn't, something is broken, and you know it after two seconds instead of two hours.
#
# Our own model, our own optimiser, 16 examples, 60 steps, everything in the open. **Predict:** how does plain gradient
# descent do at the rates 0.01, 0.1, 1 and 10, and how AdamW at 0.001 and 0.01?

# %%
SMALL_C, SMALL_L, SMALL_H = 32, 2, 2


def one_batch_by_heart(update, steps=60):
    """Train our own model on one batch; return the losses, up to where they explode."""
    parameters = initial_parameters(model_shapes(V, T, SMALL_C, SMALL_L), SMALL_L, seed=0)
    losses = []
    for _ in range(steps):
        logits, cache = our_forward(batch.tokens, parameters, SMALL_H)  # (B, T) -> (B, T, V)
        loss, dlogits = cross_entropy(logits, batch.targets, batch.mask)
        losses.append(loss)
        if loss > 5 * losses[0]:
            break
        update(parameters, our_backward(dlogits, cache))
    return losses


def gradient_descent(lr):
    def update(parameters, gradients):
        for name, g in gradients.items():
            parameters[name] = parameters[name] - lr * g

    return update


def our_adamw(lr):
    state = {}

    def update(parameters, gradients):
        if not state:
            state.update(new_state(parameters))
        clipped, _ = our_clip(gradients, max_norm=1.0)
        adamw_step(parameters, clipped, state, lr)

    return update


last = {}
trials = [("gradient descent", gradient_descent, lr) for lr in (0.01, 0.1, 1, 10)]
trials += [("AdamW", our_adamw, lr) for lr in (0.001, 0.01)]
print("one batch by heart       lr   loss at the start   at the end")
for name, rule, lr in trials:
    losses = one_batch_by_heart(rule(lr))
    last[name, lr] = losses[-1]
    end = f"{losses[-1]:.3f}" if len(losses) == 60 else f"{losses[-1]:.0f} after {len(losses)} steps: stopped"
    print(f"{name:20} {lr:6} {losses[0]:19.2f}   {end}")
assert last["AdamW", 0.01] < 0.01 and last["AdamW", 0.01] < last["gradient descent", 1] < 0.2
assert last["gradient descent", 0.01] > 2 and last["gradient descent", 10] > 20

# %% [markdown]
# The model learns its batch by heart, so forward, backward and optimiser work together. (That every gradient is right
# is not proved by it, see exercise 1. For that there is lesson 6.) Gradient descent does it as well, at a good rate,
# which is 1 here; at a hundredth of it the loss has come down by half, at ten times it the loss explodes. AdamW
# gets lowest. It has a rate, too, but one that can be read: as a rule no number moves by more than lr in a step. In 60
# steps of 0.001 that makes 0.06, little more than the 0.05 that weights begin with; 0.01 gives them room.
#
# **Check** our optimiser and our clipping against the library's, over five steps with random gradients.

# %%
ours = initial_parameters(model_shapes(V, T, SMALL_C, SMALL_L), SMALL_L, seed=1)
theirs, state = {name: p.copy() for name, p in ours.items()}, new_state(ours)
library_optimizer, rng = AdamW(theirs, lr=1e-3, weight_decay=0.01), np.random.default_rng(1)
for _ in range(5):
    gradients = {name: rng.standard_normal(p.shape) for name, p in ours.items()}
    clipped, norm = our_clip(gradients, max_norm=1.0)
    adamw_step(ours, clipped, state, lr=1e-3)
    assert math.isclose(clip_gradients(gradients, max_norm=1.0), norm)  # the library's changes the gradients in place
    library_optimizer.step(gradients)
print(f"after five steps our parameters and the library's are at most {far_apart(ours, theirs):.0e} apart")
assert far_apart(ours, theirs) < ROUNDING

# %% [markdown]
# ## What the loss can be, before we see it
#
# Now the task of lesson 2: ten tasks, ten inputs, 100 outputs, and the word after the input is to be predicted. How low
# can the loss of somebody be who sees only a part of the question? They can do no better than to give each answer the
# frequency with which it comes with what they see: the lowest loss is the entropy of these frequencies (lesson 7, the
# floor).


# %%
def least_loss(seen, wanted):
    """The lowest mean loss of anyone who has to say `wanted` (n,) and knows nothing but `seen` (n,)."""
    total = 0.0
    for value in np.unique(seen):
        _, counts = np.unique(wanted[seen == value], return_counts=True)  # (different answers,)
        total -= (counts * np.log(counts / counts.sum())).sum()
    return total / len(seen)


train = dataset.train
right_word = train.targets[train.mask]  # (n,)
known = {
    f"knows nothing, all {V} words are alike      log {V}": math.log(V),
    "knows how often each word is the answer   about log 100": least_loss(np.zeros(len(train)), right_word),
    "sees the input as well                    about log 10": least_loss(train.input, right_word),
    "sees the input and knows the task": least_loss(train.task * dataset.n_inputs + train.input, right_word),
}
for who, lowest in known.items():
    print(f"{who:56} loss at least {abs(lowest):.2f}")
assert np.allclose(list(known.values())[1:], [math.log(100), math.log(10), 0], atol=0.05)

# %% [markdown]
# ("About", because not all outputs are equally frequent: some were held out oftener.) So there are three things to
# learn: which words are outputs at all, which ten of these go with the input, and which of the ten is this task's. The
# loss can be split into just these three. The probability of the right word is a product,
#
#     p(right)  =  p(any output)  *  [p(one of the input's ten) / p(any output)]  *  [p(right) / p(one of the ten)]
#
# and -log turns the product into a sum. With 0.8, 0.4 and 0.1 for the three probabilities, the factors are 0.8, 0.5 and
# 0.25, and 0.22 + 0.69 + 1.39 = 2.30 = -log 0.1. Before the training the parts should be near log(124 / 100) = 0.22,
# log(100 / 10) = 2.30 and log 10 = 2.30.


# %%
def probabilities(model, split):
    """Of each word after the input, for each example: (n, V)."""
    pieces = []
    for first in range(0, len(split), 500):  # 500 at a time, to spare memory
        piece = split[first : first + 500]
        logits, _ = model.forward(piece.tokens)  # (500, T) -> (500, T, V)
        pieces.append(softmax_forward(logits[piece.mask].astype(np.float64))[0])  # (500, T, V) -> (500, V)
    return np.concatenate(pieces)  # (n, V)


def accuracy(model, split):
    likeliest = probabilities(model, split).argmax(axis=-1)  # (n, V) -> (n,)
    return float((likeliest == split.targets[split.mask]).mean())


def three_parts(model, split):
    p = probabilities(model, split)  # (n, V)
    outputs = dataset.outputs  # (tasks, inputs): the word that each task answers to each input
    any_output = p[:, outputs.ravel()].sum(axis=1)  # (n, V) -> (n, 100) -> (n,)
    tens = outputs[:, split.input].T  # (tasks, n) -> (n, tasks): the ten words that go with each example's input
    one_of_ten = np.take_along_axis(p, tens, axis=1).sum(axis=1)  # (n, V) -> (n, 10) -> (n,)
    right = p[np.arange(len(p)), split.targets[split.mask]]  # (n,)
    return [float(-np.log(ratio).mean()) for ratio in (any_output, one_of_ten / any_output, right / one_of_ten)]


# %% [markdown]
# **Predict before you run**, and write down:
#
# - Will the loss come down like stairs, with a rest at log 100 = 4.61 and another at log 10 = 2.30?
# - In which order do the three parts fall?
# - When the loss is at log 10, how many answers are right?
# - At the end, how many are right on each split? Looking up the most similar training string got about one in ten
#   unseen combinations right (lesson 2).
#
# ## Training
#
# The library's Transformer computes the same as ours, faster, and with seven digits. A step is what we did above:
# forward, loss, backward, clipping, AdamW; the library calls it `train_step`. Each *epoch* goes once through all 4,200
# examples in a new random order, 64 at a time; 600 steps are nine epochs. At some steps we look at 300 examples of each
# split; looking changes nothing.

# %%
STEPS, BATCH, RATE, WARMUP = 600, 64, 2e-3, 50
LOOKED_AT = (0, 5, 10, 20, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500, 600)


def look(model, step):
    parts = three_parts(model, judged["train"])
    right = [accuracy(model, split) for split in judged.values()]
    print(f"{step:4}  {sum(parts):5.2f}  = {parts[0]:7.2f} + {parts[1]:11.2f} + {parts[2]:4.2f}", end="   ")
    print(f"{right[0]:7.0%}  {right[1]:18.0%}  {right[2]:18.0%}")
    looks.append([*parts, *right])


rng, looks = np.random.default_rng(0), []
judged = {name: split[rng.permutation(len(split))[:300]] for name, split in dataset.splits.items()}
model = Transformer(config, seed=0)
optimizer = AdamW(model.parameters, weight_decay=0.01)
print("step   loss  = outputs + input's ten + task   trained  unseen instruction  unseen combination")
waiting = np.empty(0, np.int64)
for step in range(STEPS):
    if step in LOOKED_AT:
        look(model, step)
    if len(waiting) < BATCH:  # the next epoch
        waiting = np.concatenate([waiting, rng.permutation(len(train))])
    rows, waiting = waiting[:BATCH], waiting[BATCH:]  # (B,)
    optimizer.lr = our_rate(step, STEPS, RATE, WARMUP)
    train_step(model, optimizer, train.tokens[rows], train.targets[rows], train.mask[rows], max_norm=1.0)
look(model, STEPS)

# %%
looks = np.array(looks)  # (S, 6)
of_outputs, of_ten, of_task, *shares = looks.T  # (S,) each
loss = of_outputs + of_ten + of_task
assert np.allclose(looks[0, :3], np.log([V / 100, 10, 10]), atol=0.25)
knows_ten = int(np.argmax(of_ten < 0.25 * math.log(10)))  # the first look at which it knows most of the input's ten
left = looks[knows_ten, :3] / looks[0, :3]  # (3,)
print(f"at step {LOOKED_AT[knows_ten]} there is left of the part of the outputs {left[0]:.0%}, ", end="")
print(f"of the input's ten {left[1]:.0%}, of the task {left[2]:.0%}")
assert left[1] < left[0] < left[2] and left[2] > 0.7
above = int(np.flatnonzero(loss > math.log(10))[-1])  # the last look with a loss above log 10
print(f"at step {LOOKED_AT[above]} the loss is still above log 10, and {shares[0][above]:.0%} of the trained are right")
assert shares[0][above] > 0.15 and shares[2][above + 2] < shares[0][above + 2] - 0.1

final = {name: accuracy(model, split) for name, split in dataset.splits.items()}  # now all examples
for name, split in dataset.splits.items():
    print(f"{name:20} {final[name]:.1%} of {len(split)} right")
    assert abs(answer(model, split)[1].mean() - final[name]) < 0.002  # the library's; a tie may fall otherwise
assert final["train"] > 0.99 and min(final.values()) > 0.9

# %% [markdown]
# - No stairs. The parts are learned side by side, and so one curve without a rest comes out. What is known beforehand
#   is where the curve *begins* and what each height is *worth*; not that it rests there.
# - But there is an order, perhaps not the expected one. The ten words of the input go first, then the task. "Which
#   words are outputs", which seems the easiest, takes its time: there is little to gain, 0.22 of 4.82. (That this is
#   the reason is our reading.)
# - At log 10 more answers are right than the one in ten that a guess among the input's ten would get: some of the task
#   is known already, and not yet all of the ten.
# - Unseen combinations come later than the others, and then they come: at the end the model answers what looking up the
#   most similar string can't answer (lesson 2). Something has put the four patterns of a task together.
#
# The picture stacks the three parts; the black line is the loss. Look for stairs at the dashed lines.

# %%
names = "which words are outputs?", "which ten words go\nwith this input?", "which task is it?"
parts = {name: looks[:, i] for i, name in reversed(list(enumerate(names)))}
splits = dict(zip(("trained on", "unseen instruction", "unseen combination"), shares))
levels = {f"knows nothing: log V = log {V}": math.log(V), "knows all but the task: log 10": math.log(10)}
title = "No stairs: three parts fall side by side, the task last"
picture = draw_training(LOOKED_AT, parts, splits, levels, title)
print(picture.alt)
picture.show("lesson_10_transformer_and_training", save="--save" in sys.argv)

# %% [markdown]
# ## A planted mistake: the answer in the question
#
# Our task asks for one word a row. Language models are mostly trained on every word: a row is a whole text, and the
# target at each place is the next word. So somebody writes out whole rows, answer included, and shifts them by one:
#
#     tokens     j   j   l   h   g   a   h  <sep> x1
#     targets    j   l   h   g   a   h  <sep> x1  y2
#
# Or they forget to shift. It is easily done: some libraries shift inside (the GPT-2 of Hugging Face's transformers, as
# its documentation says), others, like ours, leave it to the caller. Then the target of each word is the word itself.
# No shape is wrong, no gradient is wrong, nothing crashes.
#
# **Predict:** two small models, one trained with the shift and one without, each judged as it was trained. What do loss
# and accuracy look like, on training data and on the held-out splits?

# %%
PAD = dataset.vocabulary.names.index("<pad>")


def whole_rows(split):
    """Letters, separator, input, answer, padding: (n, T + 1)."""
    rows = np.concatenate([split.tokens, np.full((len(split), 1), PAD)], axis=1)  # (n, T) -> (n, T + 1)
    rows[np.arange(len(split)), split.separator + 2] = split.targets[split.mask]
    return rows


def shifted(rows):
    return rows[:, :-1], rows[:, 1:]  # (n, T + 1) -> (n, T), (n, T)


def not_shifted(rows):
    return rows, rows  # the mistake


def train_small(tokens, targets, steps=120):
    small_config = TransformerConfig(V, T + 1, SMALL_C, SMALL_L, SMALL_H)
    model, rng, losses = Transformer(small_config, seed=0), np.random.default_rng(0), []
    optimizer = AdamW(model.parameters, lr=5e-3)
    for _ in range(steps):
        rows = rng.integers(len(tokens), size=64)  # (B,)
        loss, _ = train_step(model, optimizer, tokens[rows], targets[rows], targets[rows] != PAD)
        losses.append(loss)
    return model, losses


small, start = {}, {}
print("             loss at step 0    30    60   119   right answers: train  unseen instruction  unseen combination")
for prepare in (shifted, not_shifted):
    small[prepare], losses = train_small(*prepare(whole_rows(train)))
    start[prepare], right = losses[0], []
    for split in dataset.splits.values():
        tokens, targets = prepare(whole_rows(split))  # (n, T) each, or (n, T + 1)
        said = small[prepare].forward(tokens)[0].argmax(axis=-1)  # (n, T, V) -> (n, T)
        asked = np.isin(targets, dataset.outputs)  # (n, T): where the target is an answer
        right.append((said == targets)[asked].mean())  # (n, T)[(n, T)] -> (n,) -> a number
    print(f"{prepare.__name__:21}", *(f"{losses[step]:5.2f}" for step in (0, 30, 60, 119)), end="")
    print(f"{right[0]:23.0%} {right[1]:19.0%} {right[2]:19.0%}")
assert min(right) > 0.99 and losses[-1] < 0.05

# %% [markdown]
# The wrong one is the beautiful one: its loss goes to 0 within a hundred steps or so, and all answers are right, on the
# held-out splits as well. The right one has to work for its answers and would need more steps (with 600 it gets 95 %,
# 84 % and 71 %). Held-out data protect against learning by heart. They don't protect against a wrong question, because
# they ask it too.
#
# How is it caught? In three ways, of which the first takes no training at all.
#
# **The start.** The loss of the wrong one begins well *below* log V. A model that has learned nothing can't know
# anything. (It doesn't. Its stream still holds the row of the word that it has just read, and with tied embeddings that
# row is compared with itself. So untrained, it mostly repeats the word, and here that is counted as right.)
#
# **The floor.** The first place sees the first letter only (the causal mask), and its target should be the second,
# which is a gamble, as letters are drawn at random. `least_loss` says how low the loss can be there. Whoever is below
# it either knows more than they can, or is asked something else.
#
# **The question itself.** Cut the row behind the input, and ask for the next word, as the model will be used.

# %%
rows = whole_rows(train)  # (n, T + 1)
untrained = Transformer(TransformerConfig(V, T + 1, SMALL_C, SMALL_L, SMALL_H), seed=0)
said = untrained.forward(rows)[0].argmax(axis=-1)  # (n, T + 1, V) -> (n, T + 1)
repeats = (said == rows)[rows != PAD].mean()  # (n, T + 1)[(n, T + 1)] -> (letters and words,) -> a number
print(f"untrained, it repeats the word that it has read at {repeats:.0%} of all places")
assert repeats > 0.3
floor = least_loss(rows[:, 0], rows[:, 1])
print(f"log V = {math.log(V):.2f}; who knows the first letter only has a loss of at least {floor:.2f} at the second")
for prepare in (shifted, not_shifted):
    tokens, targets = prepare(rows)
    logits, _ = small[prepare].forward(tokens)  # (n, T) -> (n, T, V)
    at_first = cross_entropy(logits[:, 0], targets[:, 0])[0]  # (n, V), (n,) -> one number
    said = probabilities(small[prepare], train).argmax(axis=-1)  # (n,)
    inputs = train.tokens[train.mask]  # (n, T)[(n, T)] -> (n,)
    right, input_again = (said == right_word).mean(), (said == inputs).mean()
    print(f"{prepare.__name__:12} starts at {start[prepare]:.2f}; loss at the first place {at_first:.2f}; ", end="")
    print(f"asked: {right:.0%} right, {input_again:.0%} say the input again")
    if prepare is shifted:
        assert abs(start[prepare] - math.log(V)) < 0.3 and at_first > floor - 0.01
        assert right > 0.05 and input_again < 0.01
    else:
        assert start[prepare] < math.log(V) - 0.5 and at_first < floor / 4
        assert right < 0.01 and input_again > 0.99

# %% [markdown]
# Asked for an answer, it repeats the question. So too good, too early is a bug until the opposite is shown: know
# beforehand where a loss begins and how low it can get, and look at what the model *says*.
#
# ## Where this leads
#
# The real thing is in `minicluster/nn`: `block.py`, `transformer.py` and `adamw.py` read like this lesson;
# `minicluster/kernels` has the same functions, compiled; `minicluster/training/step.py` has the training step. Our
# model answers what was never together in training. Lesson 11 looks at what happens inside it meanwhile.
#
# ## Summary
#
# - A block adds two notes to the stream: x + attention(LayerNorm(x)), x + MLP(LayerNorm(x)). The sum is a road by which
#   the gradient gets to the bottom, and where a thing is used twice, its gradients add up.
# - Before training, the loss is near log V. Far above: weights too large. Well below: the answer is in the question.
# - AdamW moves each number by about lr, in the direction that its gradients agree on. First test of any training: one
#   batch by heart.
# - What a loss is worth is known beforehand: log 124, log 100, log 10, 0. A curve alone says little; what the model
#   answers says more.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_10_transformer_and_training.py`, then run
# `.venv/bin/python -m minicluster check 10`.
#
# 1. In `our_block_backward`, leave out one `dx +`. What does `check_gradients` say? And does `one_batch_by_heart`
#    notice, with each of the two?
# 2. Put a LayerNorm (weight 1, bias 0) before each layer of `gradient_on_the_way_down`, forward and backward. Is the
#    gradient still lost without `x +`? Which factor in LayerNorm's backward (lesson 8) does it?
# 3. Leave the bias correction out of `adamw_step`. Predict the first step for g = 0.02 and check it. What do the losses
#    of one batch by heart look like at lr 0.01?
# 4. Untie the embeddings: a table of their own, `lm_head.weight` (V, C), for the scores. How many parameters more?
#    Which line of `our_backward` changes? Compare with `TransformerConfig(..., tie_embeddings=False)`.
# 5. With `make_instruction_dataset(share=10)` there are ten outputs in all, and several tasks give the same one.
#    Predict V, the loss at the start, and what `least_loss` says of those who know a part. Train, and print loss and
#    accuracy (not the three parts: the ten answers to an input are no longer ten different words). Is there a rest now?
#    Which split suffers?
