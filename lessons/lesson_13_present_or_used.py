# %% [markdown]
# # Lesson 13: Present or used?
#
# **Goals.** After this lesson you can say why "the task can be read off this state" and "the model reads the task off
# this state" are two different sentences, test the second one by patching, and name the controls without which a patch
# proves nothing.
#
# **Time.** 75 minutes to read, without the exercises; the script runs in about 15 seconds, most of which is two
# trainings.
#
# **Assumes.** NumPy arrays. What a task, an instruction and a pattern are (lesson 2), and that the adjusted Rand index,
# ARI, is 1 where clusters are the tasks and near 0 where they have nothing to do with them (lesson 4). What of a
# transformer is needed is said below.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_13_present_or_used.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 13` writes. With `--save` its picture goes to
# `figures/lesson_13_present_or_used.png`.

# %%
import sys
from dataclasses import replace

import numpy as np

from minicluster.cluster import adjusted_rand_score, regrouping_null
from minicluster.experiments.measure import cluster
from minicluster.experiments.patching import answer_logits
from minicluster.experiments.settings import Settings
from minicluster.experiments.trial import train
from minicluster.plots.present_or_used import draw_present_or_used

# %% [markdown]
# ## The idea: a note on its way through an office
#
# A letter comes in. Anna reads it, pins a note to it, "a complaint", and sends both on to Ben, who writes the reply.
# You look at a hundred notes: they are right, every one of them. Does Ben write his replies by Anna's notes?
#
# You can't tell from the notes. Perhaps he reads them. Perhaps he reads the letters himself and has never looked at a
# note in his life. That the note is right shows that the knowledge is *present* there. It does not show that it is
# *used* from there.
#
# But there is a simple trial. Catch the papers on their way, take off "a complaint", pin on "an order", let them go on,
# and wait for the reply. If Ben thanks the customer for the order, he went by the note. If he apologises, as he should,
# he went by something else.
#
# This trial is called *activation patching*: change one thing inside the model on its way, let the rest of the model go
# on from there, and see whether the answer follows. (Vig et al. 2020; Geiger et al. 2021. Wu & Varshney, whose finding
# this course follows, report that hidden states cluster by task, arXiv:2402.12151. All trials, numbers and models in
# this lesson are ours.)

# %% [markdown]
# ## What of a transformer is needed here
#
# Our model reads a row of tokens: the letters of an instruction, a separator, an input. For each token it keeps a
# *state*, a list of C = 64 numbers. At the start, layer 0, the state says only which token it is and at which place.
# Then come L = 4 blocks. In each block every token looks at the states of tokens before it and at its own
# (*attention*), takes something over, and adds it to its state. The states after block 1 are layer 1, and so on. After
# the last block the state at the input token, and no other, is turned into the answer.
#
# So Anna is the separator, who comes after all the letters and can look at each of them. Ben is the input token, who
# comes next. And note who can read what: what block 3 reads are the states *after block 2*. What stands at the
# separator after block 4 nobody reads at all, because no block is left.
#
# Ben may look at the letters himself: the *plain* model. To have something to compare with, we train a second one in
# which he can look at Anna only, and call it the *bottleneck*.
#
# **Predict before you run.** Will the bottleneck learn to answer as well as the plain model?

# %%
plain_settings = replace(Settings().as_small(), steps=400, n_recordings=2)
trained = {
    "plain": train(plain_settings, seed=13),
    "bottleneck": train(replace(plain_settings, bottleneck=True), seed=13),
}
L = plain_settings.n_layers
for name, own in trained.items():
    accuracy = own.recordings[-1].accuracy
    print(f"{name:10}", ", ".join(f"{split} {value:.2f}" for split, value in accuracy.items()))
    assert accuracy["train"] > 0.95
assert trained["plain"].dataset.digest() == trained["bottleneck"].dataset.digest()  # the same tokens to the last one

# %% [markdown]
# Both have learned it: accuracy is near 1 on what was trained and on new pairs of instruction and input. On new strings
# the bottleneck is some way behind.
#
# ## Who may look where: `start`
#
# The data are the same. What differs is a number for each token, `start`: the first place that it may look at. Token t
# sees the places from start[t] to t. In the plain model it is 0 everywhere. In the bottleneck it is 0 for all but the
# input, whose `start` is the separator's place.
#
# Here is one example. A line is a token that looks, a column one that may be looked at.


# %%
def draw_sight(row):
    """Print who sees whom in one example."""
    names = vocabulary.decode(row.tokens)[: row.separator + 2]
    places = np.arange(len(names))  # (T,)
    first = row.start[: len(names), None]  # (T,) -> (T, 1)
    sees = (places >= first) & (places <= places[:, None])  # (T, 1) with (T,) -> (T, T), [who looks, at whom]
    print("        ", *(f"{name:>5}" for name in names))
    for name, line in zip(names, sees):
        print(f"   {name:>5}", *(f"{'#' if seen else '.':>5}" for seen in line))


vocabulary = trained["plain"].dataset.vocabulary
for name, own in trained.items():
    print(f"{name}:")
    draw_sight(own.strings["train"][0])

# %% [markdown]
# Only the last line differs. In the bottleneck all that the input can ever know of the instruction has to go through
# the separator. But it is not told *what* to leave there: clusters are not asked for in either model.

# %% [markdown]
# ## Is the task present?
#
# `train` has kept the states at the separator, one for each of the 600 training strings and each of 200 new strings of
# the same patterns. We ask in two ways. First k-means and ARI, beside lesson 4's bar: deal the patterns at random into
# pseudo-tasks, many times, and take the ARI that 99 of 100 deals stay below.
#
# Then a *linear probe*. It gives each task a score, a weighted sum of the state's 64 numbers and a constant. The
# weights are those, by least squares on the training strings, that come closest to a score of 1 for the own task and 0
# for the other nine. The largest of the ten scores is its guess, and it is judged on the new strings.
#
# **Predict before you run.** In which model will the task be easier to read off at the separator? Think of Ben: in
# which office does anything depend on Anna's note?


# %%
def with_one(x):
    return np.hstack([x, np.ones((len(x), 1))])  # (n, C) -> (n, C + 1), so that the rule has a constant


def probe(known_states, known_tasks, new_states):
    targets = np.eye(10)[known_tasks]  # (n,) -> (n, 10) a 1 for the own task
    rule = np.linalg.lstsq(with_one(known_states), targets, rcond=None)[0]  # (C + 1, 10)
    return (with_one(new_states) @ rule).argmax(axis=1)  # (m, C + 1) @ (C + 1, 10) -> (m, 10) -> (m,)


task_of_pattern = np.repeat(np.arange(10), 4)  # (40,)
ari, bar, found = {}, {}, {}
for name, own in trained.items():
    known, new = own.strings["train"], own.strings["unseen_instruction"]
    states = own.recordings[-1].states  # {split: (L + 1, strings, C)} at the separator
    layers = list(zip(states["train"], states["unseen_instruction"]))  # L + 1 pairs of (n, C) and (m, C)
    labels = [cluster(own.setup, *pair)[0] for pair in layers]  # L + 1 arrays (n,): k-means, k = 10
    ari[name] = [adjusted_rand_score(known.task, found_labels) for found_labels in labels]
    nulls = [regrouping_null(found_labels, known.distribution, task_of_pattern, seed=0) for found_labels in labels]
    bar[name] = [float(np.quantile(null, 0.99)) for null in nulls]
    found[name] = [float((probe(x, known.task, y) == new.task).mean()) for x, y in layers]
    print(f"{name:10} ARI by layer  ", *(f"{abs(value):.2f}" for value in ari[name]))
    print(f"{'':10} its bar       ", *(f"{abs(value):.2f}" for value in bar[name]))
    print(f"{'':10} probe by layer", *(f"{value:.2f}" for value in found[name]))
assert min(max(ari[name]) for name in ari) > 0.9 and found["plain"][L] > 0.9

# %% [markdown]
# Present in both. At layer 0 there is next to nothing: a separator knows only its place, which is the string's length.
# At layer 1 the bottleneck is ahead. From layer 2 on the task is there in either, far above the bar, and the probe
# hardly tells the models apart, although in one of them Ben could do without the note.
#
# Now a planted mistake, such as a report might make:
#
# > At the separator of the plain model a simple linear rule names the task of nearly every new string, even in the last
# > layer, and the clusters are as clear. **So the model reads the task there and answers by it.**
#
# The first sentence is what we measured. Keep the second in mind; it will be tried.

# %% [markdown]
# ## One patch, by hand
#
# Two functions are enough. `model.hidden_states(tokens, start)` gives the states of all layers. `model.logits_from(x,
# layer, start)` takes the states x of one layer, lets the remaining blocks run, and returns the *logits*: for each
# token of the vocabulary a number, and the largest is the answer.
#
# First the trial of the trial: if nothing is changed, the same must come out as without it.

# %%
plain = trained["plain"]
rows = plain.strings["train"]
i = 0
j = np.flatnonzero((rows.task != rows.task[i]) & (rows.separator == rows.separator[i]))[0]
one, other = rows[[i]], rows[[j]]  # one row each
outputs = plain.dataset.outputs  # (tasks, inputs)
print("own string    ", *vocabulary.decode(one.tokens[0]), " task", int(one.task[0]))
print("another task's", *vocabulary.decode(other.tokens[0]), " task", int(other.task[0]))


def answer(logits, rows):
    return logits[rows.mask].argmax(axis=1)  # (n, T, V) -> (n, V) at the input tokens -> (n,)


def named(token):
    return vocabulary.names[int(token)]


x0 = one.input[0]
print(f"to x{x0} task {one.task[0]} answers {named(outputs[one.task[0], x0])},", end=" ")
print(f"task {other.task[0]} {named(outputs[other.task[0], x0])}")
stream = plain.model.hidden_states(one.tokens, one.start)  # (L + 1, 1, T, C)
unchanged = plain.model.logits_from(stream[2], 2, one.start)  # (1, T, V)
assert np.allclose(unchanged, plain.model.forward(one.tokens, one.start)[0], atol=1e-3)
print("unpatched, the model answers", named(answer(unchanged, one)[0]))

# %% [markdown]
# The second string is one of another task and of the same length, so that every token of the one has its counterpart in
# the other. Call it the *donor*.
#
# Now patch at layer 0, where a state says nothing but token and place. We take the donor's states for the whole
# instruction, letters and separator, and leave the input token alone.
#
# **Predict before you run.** What does the model answer? Is there an easier way to get exactly these logits?

# %%
donor_stream = plain.model.hidden_states(other.tokens, other.start)  # (L + 1, 1, T, C)
place = int(one.separator[0])
x = stream[0].copy()  # (1, T, C)
x[:, : place + 1] = donor_stream[0][:, : place + 1]
patched = plain.model.logits_from(x, 0, one.start)  # (1, T, V)
print("whole instruction at layer 0:", named(answer(patched, one)[0]))

asked = one.tokens.copy()  # (1, T)
asked[:, : place + 1] = other.tokens[:, : place + 1]
assert np.allclose(patched, plain.model.forward(asked, one.start)[0], atol=1e-3)

# %% [markdown]
# At layer 0 the patch is the same as asking the other question, and the logits say so. Whoever builds a patch should
# start with these two: one that must change nothing, one whose result is known.
#
# Now the note alone: the separator's state after block 2, where the probe can name the task.
#
# **Predict before you run**, for each model: does the answer stay, or does it become the donor's?

# %%
for name, own in trained.items():
    row, donor = own.strings["train"][[i]], own.strings["train"][[j]]  # the same two, with this model's `start`
    x = own.model.hidden_states(row.tokens, row.start)[2].copy()  # (1, T, C)
    x[0, place] = own.model.hidden_states(donor.tokens, donor.start)[2, 0, place]  # (C,)
    patched = own.model.logits_from(x, 2, row.start)  # (1, T, V)
    print(f"{name:10} separator at layer 2: the answer is now {named(answer(patched, row)[0])}")

# %% [markdown]
# One letter may be an accident. So now as many as there are.

# %% [markdown]
# ## Many patches
#
# For each training string draw a donor: another task, the same length. We keep the strings that both models answer
# rightly, since an answer that is wrong already can't be moved away from the right one. Each task has answers of its
# own here, so an answer that became the donor task's can't be mistaken for the own one.

# %%
rng = np.random.default_rng(13)
strings = trained["plain"].strings["train"]
donor_of = np.full(len(strings), -1)  # (n,) -1 where there is none
for at, (task, place_of_separator) in enumerate(zip(strings.task, strings.separator)):
    fitting = np.flatnonzero((strings.task != task) & (strings.separator == place_of_separator))
    if len(fitting):
        donor_of[at] = rng.choice(fitting)
kept = donor_of >= 0  # (n,)
for own in trained.values():
    strings = own.strings["train"]
    logits = own.model.forward(strings.tokens, strings.start)[0]  # (n, T, V)
    kept &= answer(logits, strings) == outputs[strings.task, strings.input]
print(f"{kept.sum()} of {len(strings)} strings are patched")


def patch(model, rows, stream, layer, where, new, held=None):
    """Replace the states at some places after a layer, and let the model go on.

    where: (n, T) bool. new: (n, T, C) or (n, 1, C), what comes there. held: a list of such arrays, one a layer, if
    the places are to be replaced again after every later block. Returns the logits at the input tokens, (n, V).
    """

    def again(at, x):
        return np.where(where[:, :, None], held[at], x)  # (n, T, C)

    x = np.where(where[:, :, None], new, stream[layer])  # (n, T, 1) chooses between (n, T, C)s
    logits = model.logits_from(x, layer, rows.start, again if held is not None else None)  # (n, T, V)
    return logits[rows.mask]  # (n, V)


# %% [markdown]
# What do we put in the separator's place? So far, a donor's state. The question is about clusters, so let us take what
# a cluster has in common: its *centroid*, the mean of the states of all training strings of the donor's task. It knows
# the task, and nothing of any single string.
#
# Six patches, at each layer:
#
# - *instruction*: letters and separator become the donor's;
# - *letters*: the letters become the donor's, and the separator is put back to its own state after every block;
# - *here*: the separator becomes the other task's centroid, after this block only;
# - *held*: the same, and again after every later block (each layer has centroids of its own). Why? Because the
#   separator goes on reading the letters, and may write its old note anew;
# - *random_held*: like held, but each step has a random direction, and is as long as the one to the centroid;
# - *own*: the separator becomes its *own* task's centroid. It should harm nothing.
#
# **Predict before you run.** Draw six curves for each model, by layer, 0 to 4: the share of answers that become the
# donor task's. In which models and layers is it 1, in which 0? One column is certain.


# %%
KINDS = ("instruction", "letters", "here", "held", "random_held", "own")
moved, stayed, change, setups = {}, {}, {}, {}
for name, own in trained.items():
    rows = own.strings["train"][kept]
    donors = own.strings["train"][donor_of[kept]]
    right, others = outputs[rows.task, rows.input], outputs[donors.task, rows.input]  # (n,), (n,)
    stream = own.model.hidden_states(rows.tokens, rows.start)  # (L + 1, n, T, C)
    donor_stream = own.model.hidden_states(donors.tokens, donors.start)  # (L + 1, n, T, C)
    places = np.arange(rows.tokens.shape[1])  # (T,)
    separator = places == rows.separator[:, None]  # (n, T)
    letters = places < rows.separator[:, None]  # (n, T)

    own_states = [layer[separator][:, None] for layer in stream]  # L + 1 arrays (n, 1, C)
    goals, strayed = [], []  # L + 1 arrays (n, 1, C)
    for layer in range(L + 1):
        goal = own.centroids(layer)[donors.task][:, None]  # (tasks, C) -> (n, C) -> (n, 1, C)
        direction = rng.standard_normal(goal.shape).astype(goal.dtype)  # (n, 1, C)
        direction /= np.linalg.norm(direction, axis=-1, keepdims=True)  # of length 1
        length = np.linalg.norm(goal - own_states[layer], axis=-1, keepdims=True)  # (n, 1, 1)
        goals.append(goal)
        strayed.append(own_states[layer] + length * direction)

    with_letters = [np.where(letters[:, :, None], d, s) for d, s in zip(donor_stream, stream)]  # L + 1 of (n, T, C)
    moved[name], stayed[name], change[name] = ({kind: [] for kind in KINDS} for _ in range(3))
    for layer in range(L + 1):
        before = own.model.logits_from(stream[layer], layer, rows.start)[rows.mask]  # (n, V)
        patches = {
            "instruction": (separator | letters, donor_stream[layer], None),
            # The separator is held at its own states; the letters are replaced once.
            "letters": (separator, own_states[layer], own_states),
            "here": (separator, goals[layer], None),
            "held": (separator, goals[layer], goals),
            "random_held": (separator, strayed[layer], strayed),
            "own": (separator, own.centroids(layer)[rows.task][:, None], None),
        }
        for kind, (where, new, held) in patches.items():
            from_stream = with_letters if kind == "letters" else stream
            logits = patch(own.model, rows, from_stream, layer, where, new, held)  # (n, V)
            answers = logits.argmax(axis=1)  # (n,)
            moved[name][kind].append(float((answers == others).mean()))
            stayed[name][kind].append(float((answers == right).mean()))
            change[name][kind].append(float(np.abs(logits - before).max(axis=1).mean()))  # (n, V) -> (n,) -> one
    setups[name] = own.model, rows, stream, separator, donors, goals

for name in trained:
    print(f"\n{name}: answers moved to the donor's task (and answers that stayed right), by layer")
    for kind in KINDS:
        pairs = zip(moved[name][kind], stayed[name][kind])
        print(f"   {kind:12}", "  ".join(f"{m:.2f} ({s:.2f})" for m, s in pairs))

# %% [markdown]
# Before reading it, **check** that the library's version, which the course's experiments use, says the same. It goes
# through the rows in portions, so the last digits may differ.

# %%
for name, (model, rows, stream, separator, _, goals) in setups.items():
    for layer in range(L + 1):
        for held in (None, goals):
            by_hand = patch(model, rows, stream, layer, separator, goals[layer], held)
            assert np.allclose(by_hand, answer_logits(model, rows, layer, separator, goals[layer], held), atol=1e-3)
print("By hand and by the library: the same logits.")

# %%
picture = draw_present_or_used(ari, bar, moved)
print(picture.alt)
picture.show("lesson_13_present_or_used", save="--save" in sys.argv)

# %% [markdown]
# ## Reading the plain model
#
# The separator's state tells the task, and replacing it moves no answers, or next to none, at any layer, not even when
# it is held. Ben does not go by Anna's note.
#
# By what, then? Patch the whole instruction, and at layer 0 (nearly) all answers move, as they must: it is the same as
# asking the donor's question. At layer 1 still most, at layer 2 fewer, at layer 3 almost none. That is a clock: it
# shows *when* the instruction is read. What block 1 took over from the letters can't be undone by a patch at layer 1,
# and after block 3 there is little left to read.
#
# And *where*: patch the letters and leave the separator its own note, and nearly as many answers move at layer 1. The
# letters do it without the note; the note does not do it without the letters. At layer 2, where part of the old letters
# has been read already, some answers need both. So the note may tip the scales, but it does not fill them.
#
# Now look at the picture, which has the ARI above, and *instruction* and *held* beneath. In the plain model the
# clusters become clear just as the reading ends: in layer 3 and in layer 4 they are about as good as they get, and
# patching there moves next to nothing.

# %%
assert max(moved["plain"]["here"] + moved["plain"]["held"]) < 0.2
assert moved["plain"]["instruction"][0] > 0.9 > 0.3 > moved["plain"]["instruction"][L - 1]
assert moved["plain"]["letters"][1] > 0.5

# %% [markdown]
# ## Reading the bottleneck
#
# Hold the separator at another task's centroids from layer 1 on, and the answers go to that task, nearly all. A
# centroid, remember, is no string's state: it is what the strings of a task have in common. So here the place in the
# cluster is used. The letters, with the separator's own note held in place, move nothing: the two models are the
# reverse of one another.
#
# Replaced *here only*, the separator moves most answers at layer 2. At layer 1 fewer: block 2 lets the separator read
# the letters again, and it mends its note. At layer 3 fewer, too: only block 4 is left to read it, and what the input
# took over in block 3 stays with it.
#
# And the last two lines of the table: steps of the same length in random directions move nearly none, so it is not the
# push that does it but where it leads (a harder control comes below). The own centroid leaves nearly all answers right,
# so to be put on a centroid is no harm in itself.

# %%
assert moved["bottleneck"]["held"][1] > 0.9 and max(moved["bottleneck"]["here"]) > 0.8
assert max(moved["bottleneck"]["random_held"]) < 0.2 and max(moved["bottleneck"]["letters"][1:]) < 0.1

# %% [markdown]
# ## Zero, and exactly zero
#
# "Moves no answer" is not "does nothing". Look at the logits instead. For each string take the logit that changes most,
# and of these changes the mean over all strings. To compare with: how far the answer's logit is ahead of the next one,
# unpatched.
#
# **Predict:** which of these numbers are exactly 0?

# %%
for name, (model, rows, stream, *_) in setups.items():
    logits = np.sort(model.logits_from(stream[L], L, rows.start)[rows.mask], axis=1)  # (n, V), the largest last
    lead = (logits[:, -1] - logits[:, -2]).mean()  # (n,) -> one
    print(f"{name}: the answer's logit is ahead by {lead:.2f}; changes by layer")
    for kind in ("here", "instruction"):
        print(f"   {kind:12}", *(f"{value:5.2f}" for value in change[name][kind]))
assert all(change[name][kind][L] == 0 for name in trained for kind in KINDS)
assert all(change["plain"]["here"][layer] > 0 for layer in range(1, L))

# %% [markdown]
# After the last block the change is 0, to the last bit, in both models and whatever is patched: no block is left that
# could look at it. Before that, for the note alone in the plain model, it is smaller than the lead of the right answer,
# but not 0. The note is heard; it does not decide.
#
# Exact zeros are good tests of a patch. Here is a second one. In the bottleneck a letter's way to the answer takes two
# blocks: letter to separator, separator to input. **Predict:** with one block left (layer 3), what do the letters'
# states do in each model?

# %%
for name, (model, rows, stream, separator, donors, _) in setups.items():
    letters = np.arange(rows.tokens.shape[1]) < rows.separator[:, None]  # (n, T)
    donor_states = model.hidden_states(donors.tokens, donors.start)[L - 1]  # (n, T, C)
    before = model.logits_from(stream[L - 1], L - 1, rows.start)[rows.mask]  # (n, V)
    largest = np.abs(patch(model, rows, stream, L - 1, letters, donor_states) - before).max()
    print(f"{name:10} letters patched at layer {L - 1}: largest change of a logit {largest:.2f}")
    assert (largest == 0) == (name == "bottleneck")

# %% [markdown]
# ## The planted mistake, caught
#
# Put beside each other what the report measured and what it concluded.

# %%
print("                    probe finds the task   answers moved by the separator, held from there on")
for name in trained:
    for layer in (2, L):
        print(f"{name:10} layer {layer} {found[name][layer]:18.2f} {moved[name]['held'][layer]:24.2f}")

# %% [markdown]
# By the probe the four lines are alike. In one of them the state decides the answer, in one it hardly matters, and in
# the last layer of either it can't matter, since nothing reads it. A probe asks what *we* could read. Only a change
# tells what the *model* reads. So "the task is in the state" is a sentence about the state, and "so the model uses it"
# needs a patch.
#
# A question that you may have: if nobody depends on the note in the plain model, why is it written at all? We have not
# tested it. A likely reason is that all places share the same blocks. What helps the input to gather the task from the
# letters is done at the separator as well, one place earlier, whether or not anybody reads it.

# %% [markdown]
# ## The dose
#
# Push anything far enough and it breaks. If we had counted *wrong* answers instead of answers that go to the donor's
# task, would a random push look like a success? Take the bottleneck at layer 2, and steps of 1/4 to 16 times the way to
# the centroid: in its direction, and in random ones.
#
# **Predict:** how many answers are still right after a random step of 16 times the length? And of the wrong ones, how
# many are the donor task's?

# %%
model, rows, stream, separator, donors, goals = setups["bottleneck"]
right, others = outputs[rows.task, rows.input], outputs[donors.task, rows.input]  # (n,), (n,)
from_here = stream[2][separator][:, None]  # (n, T, C) -> (n, C) -> (n, 1, C)
way = goals[2] - from_here  # (n, 1, C)
direction = rng.standard_normal(way.shape).astype(way.dtype)
direction *= np.linalg.norm(way, axis=-1, keepdims=True) / np.linalg.norm(direction, axis=-1, keepdims=True)
print("           towards the centroid    in a random direction")
print("   dose    moved  stayed right     moved  stayed right")
doses = {}
for dose in (0.25, 0.5, 0.75, 1, 2, 4, 8, 16):
    shares = []
    for step in (way, direction):
        answers = patch(model, rows, stream, 2, separator, from_here + dose * step).argmax(axis=1)  # (n,)
        shares += [(answers == others).mean(), (answers == right).mean()]
    doses[dose] = shares
    print(f"{dose:7.2f} {shares[0]:8.2f} {shares[1]:13.2f} {shares[2]:9.2f} {shares[3]:13.2f}")
_, _, moved_far, right_far = doses[16]
wrong = 1 - right_far
print(f"random, dose 16: {wrong:.2f} are wrong; of these {moved_far / max(wrong, 1e-9):.2f} are the donor task's")
assert doses[1][0] > doses[1][2] + 0.3

# %% [markdown]
# A random step of the same length (dose 1) does little. A long one breaks many answers, but they fly in all directions:
# with nine other tasks about one in nine of the wrong answers is the donor's by luck, .11. So there are two rules. Ask
# for an answer that you *named beforehand*, not only for a wrong one. And have a control of the same *length*, or the
# effect may be the push.
#
# ## A harder control
#
# Is a random direction too easy a control? The state has 64 numbers, and the ten centroids differ in nine directions at
# most. A random step hardly goes along these. So here is a harder control: steps of the same length, at random *within*
# the directions in which centroids differ. To make one, mix the ten centroids' differences from their mean with
# ten random weights.
#
# **Predict:** how many answers stay right, how many become the donor's, and how many become some other task's? And can
# one say beforehand which?

# %%
centroids = trained["bottleneck"].centroids(2)  # (tasks, C)
mixed = rng.standard_normal((len(rows), 10)) @ (centroids - centroids.mean(axis=0))  # (n, 10) @ (10, C) -> (n, C)
mixed *= np.linalg.norm(way[:, 0], axis=1, keepdims=True) / np.linalg.norm(mixed, axis=1, keepdims=True)
landed = (from_here[:, 0] + mixed).astype(way.dtype)  # (n, C)
answers = patch(model, rows, stream, 2, separator, landed[:, None]).argmax(axis=1)  # (n,)
is_task = outputs[:, rows.input] == answers  # (tasks, n): is it what this task answers to this input?
someones = is_task.any(axis=0) & (answers != right) & (answers != others)  # (n,)
nearest = np.linalg.norm(landed[:, None] - centroids, axis=-1).argmin(axis=1)  # (n, tasks) -> (n,)
follows = is_task[nearest, np.arange(len(rows))]  # (n,)
print(f"right {(answers == right).mean():.2f}, the donor's {(answers == others).mean():.2f},", end=" ")
print(f"a third task's {someones.mean():.2f}")
print(f"the answer is that of the nearest centroid's task: {follows.mean():.2f}", end="; ")
print(f"where that is not the own task: {follows[nearest != rows.task].mean():.2f} of {(nearest != rows.task).sum()}")

# %% [markdown]
# This control is another matter: about half of the answers go. So the first one was too easy. Most random steps of 64
# numbers do little because they lead nowhere, and "a random step moves nothing" says less than it seems to.
#
# What it does not do is lead to the donor's task more often than by luck: about one in nine of the answers that went.
# The others became answers of third tasks, and often one can say of which: where the step ends nearest to a centroid
# that is not the own one, about half of the answers or more are that task's, and guessing among nine would get .11. In
# these directions the answer goes where the state goes. Yet the nearest centroid is not the whole rule: a reader who
# went by nothing else would make it 1.00.
#
# Note, too, in the table of doses, where it tips on the way to a centroid: hardly any answer at a quarter of the way,
# most at the whole.

# %%
assert (answers == others).mean() < 0.25 < doses[1][0] - 0.3
assert follows[nearest != rows.task].mean() > 0.3  # .11 by guessing

# %% [markdown]
# ## Rescue
#
# So far we made right answers wrong. The stronger trial is to make wrong ones right. Draw 400 new strings of the known
# patterns (some come up twice). Some of them land, at layer 2, nearer to another task's centroid than to their own:
# they are *misplaced*. We move only the separator's state, to the centroid of the right task, and ask with all ten
# inputs.
#
# **Predict:** how many answers are right before and after, in each model? And after a random step of the same
# length, of the harder kind?

# %%
for name, own in trained.items():
    asked = own.dataset.fresh_instructions(400, np.random.default_rng(1))  # 400 strings, 10 rows each
    separator = np.arange(asked.tokens.shape[1]) == asked.separator[:, None]  # (n, T)
    stream = own.model.hidden_states(asked.tokens, asked.start)  # (L + 1, n, T, C)
    states, centroids = stream[2][separator], own.centroids(2)  # (n, C), (tasks, C)
    distances = np.linalg.norm(states[:, None] - centroids, axis=-1)  # (n, 1, C) - (tasks, C) -> (n, tasks)
    lost = distances.argmin(axis=1) != asked.task  # (n,)
    lost_rows, lost_stream, at, states = asked[lost], stream[:, lost], separator[lost], states[lost]  # k rows
    goal = centroids[lost_rows.task]  # (k, C)
    step = rng.standard_normal((len(goal), 10)) @ (centroids - centroids.mean(axis=0))  # (k, 10) @ (10, C) -> (k, C)
    step *= np.linalg.norm(goal - states, axis=1, keepdims=True) / np.linalg.norm(step, axis=1, keepdims=True)
    shares = []
    for new in (states, goal, states + step):
        answers = patch(own.model, lost_rows, lost_stream, 2, at, new[:, None]).argmax(axis=1)  # (k,)
        shares.append(float((answers == outputs[lost_rows.task, lost_rows.input]).mean()))
    print(f"{name:10} {lost.sum() // 10:3} of 400 strings are misplaced; right before {shares[0]:.2f},", end=" ")
    print(f"moved to the right centroid {shares[1]:.2f}, random step {shares[2]:.2f}")
    if name == "bottleneck":
        assert shares[1] > shares[0] + 0.3 and shares[1] > shares[2] + 0.3

# %% [markdown]
# In the bottleneck a misplaced string is mostly answered wrongly, and put in its right place it is answered rightly:
# nothing else was wrong with it. A random step does not do that. In the plain model most misplaced strings are answered
# rightly anyway, which is the same finding once more. Moving them helps a few: where the letters leave the model
# undecided, the note has a say, as the small changes of the logits told. "Not used" would be too strong a word for the
# plain model; "the answers do not rest on it" is what was shown.
#
# (The misplaced strings of the two models are not the same strings, so compare before with after, not model with
# model.)

# %% [markdown]
# ## What patching can't show
#
# - *No effect is not no use.* If the same knowledge is in two places, replacing one of them moves nothing, although
#   both may be read. We had to patch the letters as well to say what the plain model goes by.
# - *A state that the model never makes may be answered in a way that it never uses.* Own letters with another task's
#   note are such a mixture; a centroid is a mean that no string has. The own centroid, and a real donor's state
#   (exercise 1), tell how much that matters.
# - *Where and when, not how.* We replaced all 64 numbers at once. Which of them count, and what is done with them, is
#   another question.
# - *Another model is another model.* The bottleneck was trained with its wall. That it reads the clusters does not say
#   that the plain one does, as we saw; nor what a large language model does.
# - *One training of each is one.* `python -m minicluster experiment bottleneck` repeats it over seeds, with shared
#   outputs as well, and gives its verdict with the spread.
#
# ## Summary
#
# - A probe or a clustering shows that knowledge is present in a state. A patch shows whether the answer depends on it.
# - In the plain model the task is present at the separator, and the answers rest on the letters. In the bottleneck it
#   is present, and used: the answer follows the cluster.
# - A patch needs a case that must change nothing, a case whose result is known, an outcome named beforehand, and random
#   pushes of the same length, some of them within the directions that matter.
# - What is replaced after a layer is read only by later blocks: the layer at which patches cease to work tells when
#   something is read, and after the last one the effect is exactly 0.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_13_present_or_used.py`, then run
# `.venv/bin/python -m minicluster check 13`.
#
# 1. Put in the separator's place the donor's own state instead of its task's centroid. Where do fewer answers move than
#    with the centroid, and why might that be?
# 2. In the plain model let Anna's note reach Ben before he has read much: hold the separator at other centroids *and*
#    replace the letters by those of a third task. Whom does the answer follow?
# 3. Harm: take well-placed new strings and move them to another task's centroid, in both models. Which control do you
#    need, and why is a wrong answer not enough?
# 4. Fit the probe on the untrained model's states (`trained["plain"].recordings[0].states`). What does its accuracy
#    say of the sentence "the model has learned the task, since a probe finds it"?
