# %% [markdown]
# # Lesson 16: Capstone: refuse a task
#
# **Goals.** After this lesson you can make a trained model refuse one of its tasks in two ways, say how far a refusal
# reaches beyond the examples that it was learned from, and say which part of that reach is owed to clusters and which
# is not.
#
# **Time.** 70 minutes to read, without the exercises; the script runs in about 25 seconds, half of which is three
# trainings.
#
# **Assumes.** NumPy arrays, and what a gradient step does. What a task, a pattern and the splits are (lesson 2),
# k-means (lesson 3), ARI (lesson 4), what a hidden state is (lesson 1), and the wall between letters and input, the
# *bottleneck* (lesson 13). Each is said again in a sentence where it is needed.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_16_refuse_a_task.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 16` writes. With `--save` its picture goes to
# `figures/lesson_16_refuse_a_task.png`.

# %%
import sys
import time
from dataclasses import replace

import numpy as np

from minicluster.cluster import KMeans, adjusted_rand_score
from minicluster.experiments.refusing import build_guard, examples_to_refuse, refusing_steps
from minicluster.experiments.settings import Settings, ShapedSettings
from minicluster.experiments.trial import train
from minicluster.nn import AdamW, Transformer, clip_gradients, cross_entropy
from minicluster.nn.extending import extend_vocabulary
from minicluster.plots.refuse_a_task import draw_refusals
from minicluster.training import hidden_states_at

# %% [markdown]
# ## The request
#
# An office has answered ten kinds of letters for years. One morning a note lies on the clerk's desk: "From today on we
# no longer answer *these*", and eight letters are pinned to it. All eight happen to be phrased in the same way.
#
# What will he do with tomorrow's letter, which asks for the same in other words? If he works from piles, one for each
# kind, the eight letters all lie on one pile, and he puts the note on top of it: done, for all phrasings. If he has
# learned each phrasing by itself, the note will stop this phrasing and no other.
#
# The same request is made of trained language models: some task is not to be answered any more, and there are examples
# of it, but not of all the ways in which people will ask. Whether a few examples are enough is a question about what is
# inside. Wu & Varshney, whose finding this course follows (arXiv:2402.12151), end the paper's later version with uses
# of clusters, of which alignment is one. The details were not at hand: what follows is our own design, and so is every
# number.
#
# ## Three models
#
# A *task* is a function from ten inputs to ten output words; a *pattern* is a way of phrasing; each of the ten tasks
# has four. The model reads letters, a separator, an input, and is to say the output.
#
# - **own words**: each task answers with ten words of its own. Here clusters by task form by themselves (lesson 11).
# - **shared words**: all tasks answer with the same ten words, each in another order. The model can learn that pattern
#   by pattern, and does. This is the control: no clusters.
# - **told, walled**: again the same ten words for all. But in training a second loss at the separator, after block 2,
#   tells the model the task's number, so that clusters have to form; and the input may look at the separator only
#   (the wall of lesson 13), so that they have to be used.
#
# Why the third? Because the first two differ in two things, in clusters and in words. If refusal reached further in the
# first one, a sceptic would say: that is the words. The third has clusters and no words of its own.
#
# **Predict before you run.** Unseen combinations are pairs of pattern and input that were never trained together. Which
# of the three models will get them right?

# %%
small = replace(Settings().as_small(), n_recordings=2)
told = replace(ShapedSettings(share=10, shaping="groups", bottleneck=True).as_small(), n_recordings=2)
trained = {
    "own words": train(replace(small, steps=400), seed=0),
    "shared words": train(replace(small, share=10, steps=500), seed=0),
    "told, walled": train(replace(told, steps=400), seed=0),
}
LAYER = small.middle_layer
ari = {}
print("              right: train  unseen string  unseen combination     ARI by task at the separator, layer", LAYER)
for name, own in trained.items():
    states, task = own.recordings[-1].states["train"][LAYER], own.strings["train"].task  # (600, C), (600,)
    ari[name] = adjusted_rand_score(task, KMeans(10, n_init=5, random_state=0).fit_predict(states))
    right = own.recordings[-1].accuracy
    print(f"{name:14}{right['train']:12.2f}{right['unseen_instruction']:15.2f}", end="")
    print(f"{right['unseen_combination']:20.2f}{ari[name]:20.2f}")
    assert right["train"] > 0.85
assert min(ari["own words"], ari["told, walled"]) > 0.7 and ari["shared words"] < 0.4

# %% [markdown]
# Two models with clusters, near ARI 1, and one without. And the column that the whole course has watched: with clusters
# nearly all pairs that were never together are right, without them about one in five, where guessing among ten words
# would get one in ten.
#
# ## A new word
#
# None of the models has a word for "no". Their vocabulary is a table `wte` with a row of C = 64 numbers for each token.
# Let us add a row. What should be in it?
#
# The table is read twice, because the embeddings are *tied*. At the bottom, a token's row is what the model sees of it.
# At the top, the same row is what the last state is compared with: if s is the last state, normed, then
#
#     logit of token v  =  s . wte[v],    the sum over 64 products,
#
# and the token with the largest logit is the answer. So a row is also a *direction*: the answer is v if the state
# reaches further along row v than along any other. The refusal is never read in, only answered. For us its row is the
# direction that a state must take to be refused.
#
# **Predict:** three candidates for the new row: 64 zeros; the mean of all rows; a random row of the usual size. Where
# does the new word stand among all words, from 1 for the likeliest, before anything was learned?


# %%
def with_row(model, row):
    """A model with one more token, whose row is given."""
    config = replace(model.config, vocab_size=model.config.vocab_size + 1)
    wider = Transformer(config)
    for name, values in model.parameters.items():
        wider.parameters[name] = np.vstack([values, row]) if name == "wte.weight" else values  # (V, C) -> (V + 1, C)
    return wider


def answer_logits(model, split):
    """Return the logits after each row's input: (n, V)."""
    pieces = []
    for first in range(0, len(split), 256):
        rows = split[first : first + 256]
        logits, _ = model.forward(rows.tokens, rows.start)  # (B, T, V)
        pieces.append(logits[np.arange(len(rows)), rows.asked])  # (B, V)
    return np.concatenate(pieces)


rng = np.random.default_rng(16)
model, dataset = trained["own words"].model, trained["own words"].dataset
wte = model.parameters["wte.weight"]  # (V, C)
candidates = {
    "zeros": np.zeros(wte.shape[1]),
    "mean": wte.mean(axis=0),
    "random": wte.std() * rng.standard_normal(wte.shape[1]),
}
sample = dataset.train[::20]
for name, row in candidates.items():
    logits = answer_logits(with_row(model, row), sample)  # (n, V + 1)
    place = (logits[:, :-1] > logits[:, -1:]).sum(axis=1) + 1  # (n,)
    print(f"{name:7} place among {logits.shape[1]}:", end=" ")
    print(f"best {place.min()}, median {np.median(place):.0f}, worst {place.max()}")
    if name == "mean":
        assert np.allclose(logits[:, -1], logits[:, :-1].mean(axis=1), atol=1e-3)
        assert place.min() > 1

# %% [markdown]
# The logit is a sum of products, so the mean of all rows gets the mean of all logits. A mean is never larger than the
# largest number it was taken from: with this row no old answer changes. That is a guarantee. Zeros happened to do as
# well, and a random row can stand anywhere, as its line shows. `extend_vocabulary` takes the mean. **Check** that it
# makes the model that we made.

# %%
by_hand, library = with_row(model, wte.mean(axis=0)), extend_vocabulary(model)
assert all(np.allclose(by_hand.parameters[name], values) for name, values in library.parameters.items())
before = answer_logits(model, sample)  # (n, V)
assert np.array_equal(answer_logits(library, sample).argmax(axis=1), before.argmax(axis=1))
print(f"{wte.shape[0]} tokens became {library.config.vocab_size}; of {len(sample)} answers none has changed")

# %% [markdown]
# ## Eight examples
#
# The task to refuse is task 0. One of its four patterns is drawn, then eight of its training examples. The library does
# the same with the same random numbers.

# %%
EXAMPLES, TASKS = 8, (0, 1, 2)


def choose(task):
    """Return a pattern of the task, and rows of train."""
    rng = np.random.default_rng([16, task])
    pattern = 4 * task + rng.integers(4)  # patterns are counted through over all tasks
    return pattern, rng.permutation(np.flatnonzero(dataset.train.distribution == pattern))[:EXAMPLES]


pattern, examples = choose(0)
rng = np.random.default_rng([16, 0])
rng.integers(4)
assert np.array_equal(examples, examples_to_refuse(dataset.train, pattern, EXAMPLES, rng))
for number in range(4):
    shown = "  <- the one that is shown" if number == pattern else ""
    print(f"pattern {number} of task 0: {dataset.patterns[number].text}{shown}")
print("the examples:", ", ".join(f"{dataset.train.instruction[row]} x{dataset.train.input[row]}" for row in examples))

# %% [markdown]
# ## Fine-tuning in the open
#
# *Fine-tuning* is training that goes on, from a trained model, on something new. Each batch has 32 rows. Sixteen are
# drawn from the eight examples, and their answer is now the refusal. The other sixteen are drawn from the training rows
# of the nine *other* tasks, with the answers that they always had. That is called *replay*. The task's three other
# patterns are in neither half: they are never shown, neither refused nor answered.
#
# The learning rate is 3e-4, a seventh of the training's. We found it, and the 150 steps, by trying. No weight decays:
# what is in no batch should stay as it is.

# %%
STEPS, BATCH, LR = 150, 32, 3e-4


def teach(model, train, examples, steps, seed, n_refused):
    """Change the model in place. Of each batch, n_refused rows are refused, the others replayed. Return the losses."""
    rng, optimizer = np.random.default_rng(seed), AdamW(model.parameters, lr=LR, weight_decay=0)
    shown, others = train[examples], train[train.task != train.task[examples[0]]]
    refused = np.where(shown.mask, model.config.vocab_size - 1, shown.targets)  # (8, T) the last token is the refusal
    losses = []
    for _ in range(steps):
        i, j = rng.integers(len(shown), size=n_refused), rng.integers(len(others), size=BATCH - n_refused)
        tokens = np.concatenate([shown.tokens[i], others.tokens[j]])  # (B, T)
        targets = np.concatenate([refused[i], others.targets[j]])  # (B, T)
        mask = np.concatenate([shown.mask[i], others.mask[j]])  # (B, T)
        logits, cache = model.forward(tokens, np.concatenate([shown.start[i], others.start[j]]))  # (B, T, V + 1)
        loss, dlogits = cross_entropy(logits, targets, mask)
        gradients = model.backward(dlogits, cache)
        clip_gradients(gradients, 1.0)
        optimizer.step(gradients)
        losses.append(float(loss))
    return losses


taught = extend_vocabulary(model)
losses = teach(taught, dataset.train, examples, STEPS, seed=0, n_refused=16)
print("loss:", ", ".join(f"step {step} {losses[step - 1]:.2f}" for step in (1, 50, 100, 150)))

# %% [markdown]
# **Check** against the library's `refusing_steps`, whose random numbers are drawn in the same order, step by step for
# forty steps. (Roundings differ, because it leaves out columns of padding, and each step builds on the last.)

# %%
check = refusing_steps(extend_vocabulary(model), dataset.train, examples, 40, 0, lr=LR, batch_size=BATCH)
assert np.allclose([loss for _, loss in check], losses[:40], rtol=1e-3)  # roundings of 1e-7
print("the library's losses are ours")

# %% [markdown]
# ## A planted mistake: why replay?
#
# Someone in a hurry leaves the replay out: what was learned is learned, and every batch has twice as many refusals.
# **Predict:** after the same 150 steps, how many of the eight examples are refused? And what else is?

# %%
hurried = extend_vocabulary(model)
hurried_losses = teach(hurried, dataset.train, examples, STEPS, seed=0, n_refused=BATCH)
refusal, others = len(wte), dataset.train[dataset.train.task != 0]
refused = {}
for name, own in (("with replay", taught), ("without", hurried)):
    of_examples = answer_logits(own, dataset.train[examples]).argmax(axis=1) == refusal  # (8,)
    refused[name] = (answer_logits(own, others[::4]).argmax(axis=1) == refusal).mean()
    print(f"{name:12} examples refused {of_examples.mean():.0%}; of the other nine tasks' rows {refused[name]:.1%}")
    assert of_examples.mean() > 0.8
assert refused["with replay"] < 0.03 and refused["without"] > 0.2
print(f"last loss {losses[-1]:.3f} with replay, {hurried_losses[-1]:.3f} without")

# %% [markdown]
# Both models refuse what they were shown, and their losses are much alike. But the hurried one refuses a large part of
# what everybody else asks, too: nothing in its examples told it not to, and the shortest way to a low loss is to push
# the refusal up everywhere. How it is caught: not by the loss. Ask what must *not* have changed, and count. What is
# refused and should not be is called *collateral*.
#
# ## Predict before you run
#
# Now the question of the lesson. For each of the three models: of the training rows of the task's three patterns that
# were *never shown*, how many will be refused? Of the shown pattern's, of which eight rows were shown and 97 not? And
# of the other tasks' rows? Write down nine numbers.
#
# One task could be luck. So we do it for tasks 0, 1 and 2, each from the start, and look every 25 steps at a part of
# the rows.


# %%
GROUPS = ("shown pattern", "never shown patterns", "other tasks")
watched_steps = list(range(0, STEPS + 1, 25))


def group_rows(split, task, pattern):
    """Return {group: (n,) bool}."""
    of_task, shown = split.task == task, split.distribution == pattern
    return dict(zip(GROUPS, (shown, of_task & ~shown, ~of_task)))


def shares(refused, split, task, pattern):
    """Return the share of refused (n,) that is True in each group: three numbers."""
    return [refused[rows].mean() for rows in group_rows(split, task, pattern).values()]


def refuses(model, split):
    """Return which rows are answered with the last token: (n,) bool."""
    return answer_logits(model, split).argmax(axis=1) == model.config.vocab_size - 1


curves, refusing = {}, {}  # {model: (tasks, watched steps, groups)}, {model: [a fine-tuned model for each task]}
start = time.perf_counter()
for name, own in trained.items():
    curves[name], refusing[name] = np.empty((len(TASKS), len(watched_steps), len(GROUPS))), []
    for t, task in enumerate(TASKS):
        pattern, examples = choose(task)
        split, at = own.dataset.train, np.arange(len(own.dataset.train))
        part = split[(at % 20 == 0) | (at % 3 == 0) & (split.task == task)]  # every 20th row, and every 3rd of the task
        changed = extend_vocabulary(own.model)
        curves[name][t, 0] = shares(refuses(changed, part), part, task, pattern)
        for step, _ in refusing_steps(changed, split, examples, STEPS, [16, task], lr=LR, batch_size=BATCH):
            if step in watched_steps:
                curves[name][t, watched_steps.index(step)] = shares(refuses(changed, part), part, task, pattern)
        refusing[name].append(changed)
seconds_tuning = (time.perf_counter() - start) / 9

# %% [markdown]
# At the end we ask all rows of all splits. `leak` is the share of the never shown patterns' rows that still get their
# old right answer (what is neither refused nor leaked got a wrong word); `others right` is the accuracy on the other
# tasks. Below that, the never shown patterns one by one.

# %%
ends, by_pattern = {}, {}  # {(model, split): (tasks, 5)}, {model: [three shares a task]}
for name, own in trained.items():
    print(f"{name:14} {'shown':>23}{'never shown':>13}{'other tasks':>13}{'leak':>7}{'others right':>14}")
    for split_name, split in own.dataset.splits.items():
        rows = []
        for task, changed in zip(TASKS, refusing[name]):
            pattern, _ = choose(task)
            answers = answer_logits(changed, split).argmax(axis=1)  # (n,)
            right = answers == split.targets[split.mask]  # (n,)
            refused = answers == changed.config.vocab_size - 1  # (n,)
            _, never, other = group_rows(split, task, pattern).values()
            if split_name == "train":
                numbers = [number for number in range(4 * task, 4 * task + 4) if number != pattern]
                by_pattern.setdefault(name, []).append([refused[split.distribution == n].mean() for n in numbers])
            rows.append([*shares(refused, split, task, pattern), right[never].mean(), right[other].mean()])
        ends[name, split_name] = np.array(rows)  # (tasks, 5)
        mean = ends[name, split_name].mean(axis=0)  # (5,)
        print(f"  {split_name:20}{mean[0]:16.2f}{mean[1]:13.2f}{mean[2]:13.3f}{mean[3]:7.2f}{mean[4]:14.2f}")
print("the three never shown patterns of train    task 0             task 1             task 2")
for name in trained:
    print(f"  {name:38}", "     ".join(" ".join(f"{value:.2f}" for value in task) for task in by_pattern[name]))

# %%
reach = {name: ends[name, "train"][:, 1].mean() for name in trained}
assert reach["own words"] > reach["told, walled"] + 0.03 and reach["own words"] > 0.3
assert reach["told, walled"] > reach["shared words"] + 0.05 and reach["shared words"] < 0.15
assert all(ends[name, "train"][:, 2].mean() < 0.02 for name in trained)

# %% [markdown]
# Read it slowly.
#
# - **own words**: eight examples of one phrasing, and of the phrasings that nobody showed it about half of the rows are
#   refused, or more. Of the other tasks' rows hardly one.
# - **shared words**: the shown pattern is refused in part, the never shown ones hardly at all. This clerk has no piles.
#   He doesn't even take the shown pattern for one thing: a good part of its rows go on as before.
# - **told, walled**: in between. Clusters without own words carry the refusal to patterns that were never shown, where
#   the control carries it to hardly any. But they carry it less far than clusters *with* own words.
#
# So the sceptic was right to ask. "Refusal spreads because the task is one cluster" is a part of the truth. If we had
# compared the first two models only, we would have called it the whole. (Of the third model one thing more: it differs
# from the second by the loss *and* by the wall. Exercise 2 takes the wall away.)
#
# And note that it is nowhere all that was wished for: the never shown patterns leak, and they differ among themselves.
#
# ## Why no further? Count by input
#
# The third model has perfect clusters at the separator, the input can look at nothing else, and still most of the never
# shown rows are answered. What stops the refusal? Lesson 11 has a hint. The refusal is an *answer*, and the answer is
# given at the input token. There the piles are not the ten tasks, but the hundred pairs of task and input.
#
# Eight examples hold some of the ten inputs. **Predict:** take the never shown patterns' rows, and sort them by whether
# their input is one of those in the examples. Which share of each is refused?

# %%
by_input = {}
print("never shown patterns, refused:   input among the examples'   another input")
for name, own in trained.items():
    split, found = own.dataset.train, []
    for task, changed in zip(TASKS, refusing[name]):
        pattern, examples = choose(task)
        rows = split[group_rows(split, task, pattern)["never shown patterns"]]
        refused = refuses(changed, rows)  # (n,)
        known = np.isin(rows.input, split.input[examples])  # (n,)
        found.append([refused[known].mean(), refused[~known].mean()])
    by_input[name] = np.mean(found, axis=0)  # (2,)
    print(f"  {name:14}{by_input[name][0]:37.2f}{by_input[name][1]:16.2f}")
assert by_input["told, walled"][0] > by_input["told, walled"][1] + 0.2
assert by_input["own words"][1] > by_input["told, walled"][1] + 0.1

# %% [markdown]
# In the third model this is nearly the whole answer. With inputs that were among the examples about half of the never
# shown rows are refused, or more; with other inputs next to none. (So it is with the shown pattern, too. Its unseen
# combinations have inputs that it was never trained with, and that the examples therefore can't have: see the table
# above.) The model learned "no" for some pairs of task and input, and carried most of it over to other patterns, but
# not to other inputs. Our reading: refusal spreads within a pile, and we had named the wrong piles. Those at the
# separator are not those that the answer is given from.
#
# In the first model the refusal gets to other inputs as well. Something must tie a task's ten inputs together, and the
# third model lacks it. The words are the suspects. If a task has words of its own, their rows in the table can have
# something in common. **Predict:** take each pair of output words and the cosine of the angle between their rows, after
# the mean row is taken off. What is its average within a task, and between tasks?

# %%
rows = wte[dataset.outputs] - wte[dataset.outputs].mean(axis=(0, 1))  # (tasks, inputs, C)
rows = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
cosine = np.einsum("sic,tjc->stij", rows, rows)  # (tasks, tasks, inputs, inputs)
same_task, same_word = np.eye(10, dtype=bool)[:, :, None, None], np.eye(100, dtype=bool).reshape(10, 10, 10, 10)
same_word = same_word.transpose(0, 2, 1, 3)  # (tasks, inputs, tasks, inputs) -> (tasks, tasks, inputs, inputs)
within = cosine[np.broadcast_to(same_task, cosine.shape) & ~same_word].mean()
between = cosine[~np.broadcast_to(same_task, cosine.shape)].mean()
print(f"own words: mean cosine of two words of one task {within:.2f}, of two tasks {between:.2f}")
assert within > between + 0.1

# %% [markdown]
# The ten words of a task point, in part, in a common direction: the task is written into the answers' end of the model,
# too. A state that moves away from one of them towards the refusal moves away from its siblings as well. That fits what
# we saw; it does not prove it. (A proof would take the common direction out and look again: the open project below has
# it.)
#
# Nor is it the last word. All of the model learned here, and the models are small. `python -m minicluster experiment
# alignment` asks several seeds of deeper models, without a wall, and lets only the blocks *above* the clusters learn,
# those that read them. There a model that shares its words and was told the tasks refuses most of the never shown rows,
# too. So words of one's own help, but they are not what it takes.
#
# ## Without clusters: pattern by pattern
#
# What would it take to have the task refused by the model without clusters? Show it more: eight examples of *each* of
# the four patterns.

# %%
split = trained["shared words"].dataset.train
rng = np.random.default_rng(16)
of_each = np.concatenate([examples_to_refuse(split, number, EXAMPLES, rng) for number in range(4)])  # (32,)
changed = extend_vocabulary(trained["shared words"].model)
for _ in refusing_steps(changed, split, of_each, STEPS, 16, lr=LR, batch_size=BATCH):
    pass
one, four = [], []
for number in range(4):
    rows = split[split.distribution == number]
    one.append(refuses(refusing["shared words"][0], rows).mean())
    four.append(refuses(changed, rows).mean())
print("shared words, task 0, refused by pattern;")
for what, found in (("8 examples of one pattern", one), ("8 examples of each", four)):
    print(f"  {what:26}", " ".join(f"{value:.2f}" for value in found))
assert min(four) > 0.1 and np.mean(four) > np.mean(one) + 0.1

# %% [markdown]
# Each pattern has to be taught by itself, and with four times as many examples a good part of the rows still goes on as
# before.
#
# ## The guard: no training at all
#
# There is another way. Leave the model as it is, and put a guard at the door who looks at the separator's state and
# turns people away. He needs to know one thing: which states to turn away. The eight examples tell him which *cluster*
# is meant, and the cluster tells him the rest.
#
# 1. k-means with k = 10 on the states of the 600 training strings at layer 2. No task's number is used (but that there
#    are ten is).
# 2. The cluster in which most of the examples lie is meant.
# 3. Refuse what is at most so far from its centre. The threshold is chosen on the training strings: that distance which
#    puts most of them on the right side, members below it and all others above.


# %%
def nearest_and_threshold(states, example_states):
    """Return a centre (C,) and the largest distance that is refused."""
    kmeans = KMeans(10, n_init=10, random_state=0).fit(states)
    votes = np.bincount(kmeans.predict(example_states), minlength=10)  # (10,)
    meant = votes.argmax()
    centre = kmeans.cluster_centers_[meant]  # (C,)
    distance = np.linalg.norm(states - centre, axis=1)  # (n, C) - (C,) -> (n,)
    order = distance.argsort()
    member, distance = kmeans.labels_[order] == meant, distance[order]  # (n,), (n,)
    best, threshold = (-1, 0), None
    for i in range(len(distance) - 1):  # between the i-th and the next
        right, gap = member[: i + 1].sum() + (~member[i + 1 :]).sum(), distance[i + 1] - distance[i]
        if (right, gap) > best:  # of equally good ones the widest gap
            best, threshold = (right, gap), (distance[i] + distance[i + 1]) / 2
    return centre, threshold


def separator_states(own, split):
    return hidden_states_at(own.model, split.tokens, split.separator, split.start)[LAYER]  # (n, C)


known = trained["own words"].strings["train"]
states = separator_states(trained["own words"], known)  # (600, C)
pattern, examples = choose(0)
example_states = separator_states(trained["own words"], dataset.train[examples])  # (8, C)
centre, threshold = nearest_and_threshold(states, example_states)
guard = build_guard(states, example_states, n_clusters=10)
assert np.allclose(centre, guard.centre, atol=1e-4) and np.isclose(threshold, guard.threshold, rtol=1e-3)
turned_away = np.linalg.norm(states - centre, axis=1) <= threshold  # (600,)
assert np.array_equal(turned_away, guard.refuses(states))
print(f"the guard turns away {turned_away.sum()} of {len(states)} training strings;", end=" ")
print(f"{(turned_away & (known.task == 0)).sum()} of them are of task 0, which has {(known.task == 0).sum()}")

# %% [markdown]
# **Predict:** the same guard in all three models, three tasks each. Where does it reach further than the fine-tuning?
# Where should one not employ it at all?

# %%
guarded, seconds_guard = {}, []
for name, own in trained.items():
    guards = []
    for task in TASKS:
        start = time.perf_counter()
        model_states = separator_states(own, own.strings["train"])  # (600, C)
        example_states = separator_states(own, own.dataset.train[choose(task)[1]])  # (8, C)
        guards.append(build_guard(model_states, example_states, n_clusters=10))
        seconds_guard.append(time.perf_counter() - start)
    for split_name in ("train", "unseen_instruction"):
        split, rows = own.dataset.splits[split_name], []
        states = separator_states(own, split)  # (n, C)
        old_right = answer_logits(own.model, split).argmax(axis=1) == split.targets[split.mask]  # (n,)
        for task, guard in zip(TASKS, guards):
            pattern, refused = choose(task)[0], guard.refuses(states)  # refused: (n,)
            right, (_, never, other) = old_right & ~refused, group_rows(split, task, pattern).values()
            rows.append([*shares(refused, split, task, pattern), right[never].mean(), right[other].mean()])
        guarded[name, split_name] = np.array(rows)  # (tasks, 5)

for split_name in ("train", "unseen_instruction"):
    print(f"{split_name:20} {'never shown refused':>26}{'leak':>16}{'collateral':>20}")
    print(f"{'':20} {'fine-tuned    guard':>26}{'f.-t.  guard':>16}{'f.-t.   guard':>20}")
    for name in trained:
        tuned, own = ends[name, split_name].mean(axis=0), guarded[name, split_name].mean(axis=0)  # (5,), (5,)
        print(f"  {name:18} {tuned[1]:17.2f}{own[1]:9.2f}{tuned[3]:9.2f}{own[3]:7.2f}{tuned[2]:12.3f}{own[2]:8.3f}")
print(f"seconds: fine-tuning {seconds_tuning:.1f} (and looking on), guard {np.mean(seconds_guard):.2f}", end="; ")
print(f"examples: {EXAMPLES} each; training strings are needed by both")

# %%
for name in ("own words", "told, walled"):
    assert guarded[name, "train"][:, 1].mean() > max(0.7, reach[name])
    assert guarded[name, "train"][:, 2].mean() < 0.05
assert guarded["shared words", "train"][:, 1].mean() < 0.5

# %%
refused = {name: curve.mean(axis=0) for name, curve in curves.items()}  # (watched steps, groups), mean over tasks
spread = {name: (curve[:, :, 1].min(axis=0), curve[:, :, 1].max(axis=0)) for name, curve in curves.items()}
levels = {name: guarded[name, "train"].mean(axis=0)[1:3] for name in trained}  # never shown, other tasks
picture = draw_refusals(watched_steps, refused, spread, levels, ari)
print(picture.alt)
picture.show("lesson_16_refuse_a_task", save="--save" in sys.argv)

# %% [markdown]
# Where there are clusters the guard is hard to beat: nearly all of the task's training strings, hardly any other, in a
# fraction of a second. It reaches the never shown patterns also where fine-tuning did not, in the third model, because
# it looks at the place where the task's cluster *is*, and doesn't care about inputs. In the model without clusters it
# is useless, and worse than that: it turns away others, and lets most of those pass whom it was put there for.
#
# Unseen strings are the harder test, of both: some of them don't lie where their task lies.
#
# And the costs? The fine-tuned model is changed for good, and has to be tested anew on all that it is for; once that is
# done, it answers as quickly as before. The guard changes nothing and can be dismissed again, but he has to look into
# the model at each question, and he can only be hired by someone who may look into it.
#
# ## What a sceptic should ask
#
# *Is the cluster the task?* The guard doesn't know. Where ARI is low it guards a cluster of something else. One has to
# look before one trusts it; that takes strings whose task is known, which someone with eight examples may not have.
#
# *And a string at the border?* A threshold cuts through whatever lies there. Let us see who stands nearest to it, among
# new strings.

# %%
new = dataset.unseen_instruction
new = new[new.unique_instructions()]  # (200,) strings
distance = np.linalg.norm(separator_states(trained["own words"], new) - centre, axis=1)  # (200,)
print(f"the guard of task 0, threshold {threshold:.2f}; the new strings nearest to it:")
for i in np.abs(distance - threshold).argsort()[:6]:
    print(f"  {new.instruction[i]:12} task {new.task[i]}  distance {distance[i]:.2f}", end="  ")
    print("refused" if distance[i] <= threshold else "let pass")
inside, outside = distance[new.task == 0], distance[new.task != 0]
print(f"new strings of task 0: at most {inside.max():.2f} away; of others: at least {outside.min():.2f}")

# %% [markdown]
# Compare the two numbers of the last line. If the first is the larger one, no threshold is right for all new strings,
# and somebody has to say which error is the worse.
#
# *Is what was refused forgotten?* Take the fine-tuned models and forbid one word, the refusal: answer with the
# likeliest of all the others. **Predict:** how often is it the old right answer?

# %%
for name, own in trained.items():
    back = []
    for task, changed in zip(TASKS, refusing[name]):
        rows = own.dataset.train[own.dataset.train.task == task]
        logits = answer_logits(changed, rows)  # (n, V + 1)
        away = logits.argmax(axis=1) == changed.config.vocab_size - 1  # (n,)
        back.append((logits[away, :-1].argmax(axis=1) == rows.targets[rows.mask][away]).mean())
    print(f"{name:14} of what is refused, the old answer is the next likeliest in {np.mean(back):.0%}")
    if name == "own words":
        assert np.mean(back) > 0.3  # one of ten by guessing among the words that go with the input

# %% [markdown]
# Refusal is not forgetting. The answer often stands right behind the refusal, and whoever can reach the logits can have
# it. The guard forgets nothing at all: go around it and everything is there. Both refuse; neither removes.
#
# *Would eight other examples do the same?* We drew once for each task, and the three tasks differ from each other, so
# don't count on it. Whoever reports a number for one task and one draw may report luck.
#
# *Who chose the 150 steps?* We did, with an eye on the result. If steps are chosen by what is refused among rows that
# were "never shown", then these were used after all.
#
# ## The course, in a paragraph
#
# It began with a question: why would clusters help with what was never seen? Here is the answer that the lessons add up
# to. A model that keeps each phrasing by itself has to be told everything for each phrasing. One that has put a task's
# phrasings in one place can be told a thing once: what is learned there for one of them holds for all. That is why
# unseen combinations were right, why patches at the cluster moved the answer where it was read from there, and why a
# refusal could spread from one phrasing to four. And it holds just as far as the place is shared *and* the answer is
# taken from it. A picture of clusters shows neither. One has to intervene, with a control beside it, and count.
#
# ## Summary
#
# - A new word is a new row. With tied embeddings it is the direction in which refused states have to point; the mean of
#   all rows is a start that changes no answer.
# - Fine-tuning on examples alone refuses much of everything. Replay says what shall stay. Count the collateral.
# - From eight examples of one pattern, refusal reached patterns that were never shown where there were clusters, and
#   hardly where there were none. How far, in these small models all of which learns, followed the clusters at the place
#   where the answer is given: pairs of task and input, tied together, it seems, by the task's own words, where it has
#   them.
# - A guard on the separator's cluster needs no training and reached further. It stands and falls with the cluster
#   being the task.
# - Neither removes what was learned.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_16_refuse_a_task.py`, then run
# `.venv/bin/python -m minicluster check 16`.
#
# 1. Run the lesson with another seed in `train`, and with 300 steps of fine-tuning. Which of its statements hold, which
#    number moves most, and does refusal go on spreading?
# 2. Take away the third model's wall: `bottleneck=False` in `told`. It still has its clusters. How far does refusal
#    reach, and how far does the guard? What does lesson 13 call the difference?
# 3. Choose the eight examples so that they hold as many different inputs as possible. In which of the three models
#    should that help, and does it? What about the three inputs that the shown pattern was never trained with?
# 4. `refusing_steps` has an argument `layers`: let only the blocks after layer 2 learn, which read the clusters, or
#    only those before, which make them. Which reaches further, in which model, and why?
#
# **An open project.** Make the model forget. After your procedure neither the answer, nor the next likeliest word, nor
# a linear probe on any layer, nor fifty steps of training on eight examples should bring the task back, and the other
# nine tasks should be as good as before. Say beforehand how you will measure each of these. Begin with the common
# direction of a task's own words: what happens to the reach of refusal if it is taken out of the table? We have not
# tried, and don't know whether it can be done with this model. Write down what did not work, too.
