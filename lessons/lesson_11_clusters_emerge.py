# %% [markdown]
# # Lesson 11: Clusters emerge
#
# **Goals.** After this lesson you can look into a model while it learns, say with a number how far its hidden states
# cluster by task, in which layers and from when on, and name one way of counting that finds clusters in any model.
#
# **Time.** 40 minutes to read, without the exercises; the script runs in about 10 seconds.
#
# **Assumes.** NumPy arrays, means, distances, and that training changes a model's numbers step by step until its loss
# is low. What else is needed (the task, hidden states, PCA, k-means, the adjusted Rand index) is said in a sentence or
# two where it occurs.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_11_clusters_emerge.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 11` writes. With `--save` its picture goes to
# `figures/lesson_11_clusters_emerge.png`.

# %%
import sys
from dataclasses import replace

import numpy as np

from minicluster.cluster import PCA, KMeans, adjusted_rand_score, cross_subgroup_neighbor_score, regrouping_null
from minicluster.experiments.settings import Settings
from minicluster.experiments.trial import train
from minicluster.plots.emergence import draw_emergence

# %% [markdown]
# ## The idea
#
# Lesson 1's clerk sorts the notes of an office with ten departments. Notes never name a department; they only ask for
# something, each in one of many phrasings. On the first day his desk is a heap. Some weeks later there are ten piles.
# Nobody asked for piles: he was only told, note by note, which answer would have been right. The piles are how he came
# to manage. Lesson 1 looked before and after. Now we look in between, and layer by layer.
#
# Our clerk is a small transformer. A *task* is a function from inputs to outputs, and there are ten. Each can be asked
# for in four ways, its *patterns*: small regular expressions that strings of letters are drawn from. The model sees
#
#     letters of the string, <sep>, input     and is to say the output that comes next.
#
# The number of the task is nowhere. Our question, which is that of Wu & Varshney (arXiv:2402.12151): do piles form in
# the model, and are they the tasks? They say so for models of their kind. The data and the model here are ours, and so
# is every number below.
#
# ## What there is to look at
#
# Inside, each token has a vector of 64 numbers, its *hidden state*. It begins as the token's embedding plus its
# position's: layer 0. Each of four blocks then adds something to it, from what it finds at this token and at earlier
# ones, never at later ones. What is there after block l is called layer l. So a token has 5 layers of states.
#
# We look at the *separator*. It stands behind all the letters and before the input. So its state can tell of the
# instruction and of nothing else. And no loss is ever taken there: only the answer at the input token is judged. What
# the separator keeps is the model's own affair.

# %%
settings = replace(Settings().as_small(), n_recordings=12)  # 4 blocks, 600 steps, looked at 12 times on the way
trained = train(settings, seed=0)
dataset, strings = trained.dataset, trained.strings["train"]
steps = [recording.step for recording in trained.recordings]
states = np.array([recording.states["train"] for recording in trained.recordings], float)  # (S, L + 1, n, C): S looks
n_tasks, task, pattern = dataset.n_tasks, strings.task, strings.distribution  # patterns of all tasks: 0 to 39
print(f"{len(strings)} different strings, {n_tasks} tasks of {dataset.n_distributions} patterns; {states.shape = }")
last = trained.recordings[-1]
print(f"after {last.step} steps it answers {last.accuracy['train']:.1%} of the training examples rightly,")
print(f"and {last.accuracy['unseen_combination']:.1%} of the pairs of pattern and input that were never together")

# %% [markdown]
# `train` did what every training does: take 64 examples, compute the loss, go a step down its gradient. At twelve
# steps, and before the first, it wrote down the separator's states. **Check** the last of them: ask the model itself.

# %%
tokens, place = strings.tokens[:100], strings.separator[:100]  # (100, T), (100,)
asked = trained.model.hidden_states(tokens)  # (L + 1, 100, T, C)
asked = asked[:, np.arange(100), place]  # (L + 1, 100, C) at each string's separator
assert np.allclose(asked, states[-1, :, :100], atol=1e-4)
print("recorded is what the model has at the separator: checked for 100 strings in all layers")

# %% [markdown]
# ## A first look, with two directions out of 64
#
# PCA asks: along which direction do the rows vary most, and which is the next best at a right angle to it? The
# *singular value decomposition* answers it. It writes the centred rows as U S V; the rows of V are the directions, by
# falling importance, and the squares of S say how much varies along each.
#
# **Predict before you run.** We colour the strings by task and look at layer 2, the middle one, before the training and
# after it. Lesson 1 showed clumps of all colours before the training. What may they be sorted by? And what will layer 2
# of this larger model look like at the end?


# %%
def two_components(x):
    centred = x - x.mean(axis=0)  # (n, C)
    _, s, directions = np.linalg.svd(centred, full_matrices=False)  # (C,), (C, C)
    return centred @ directions[:2].T, (s[:2] ** 2).sum() / (s**2).sum()  # (n, C) @ (C, 2) -> (n, 2)


MIDDLE = settings.middle_layer
assert MIDDLE == 2
clouds = {}
for at, when in ((0, "untrained"), (-1, f"after {steps[-1]} steps")):
    x = states[at, MIDDLE]  # (n, C)
    points, share = two_components(x)
    assert np.allclose(np.abs(points), np.abs(PCA(2).fit_transform(x)), atol=1e-6 * np.abs(points).max())  # up to sign
    clouds[f"{when}, layer {MIDDLE}"] = points
    print(f"{when}: two directions show {share:.0%} of what varies at layer {MIDDLE}")

# %% [markdown]
# The picture stands at the end of the lesson (scroll there, or run on). Untrained, there are clumps, but each holds all
# colours: look there before you trust a picture with clumps in it. Trained, the strings of a colour lie together. With
# two directions out of 64, some colours lie on top of each other; they need not in all 64. Pictures are for looking.
# For saying, we count.
#
# ## A number
#
# *k-means* puts the rows into k clusters so that each is near the mean of its cluster. We ask for as many clusters as
# there are tasks and never tell it the tasks. Then: are two strings that are together in a cluster together in a task?
# Count pairs of strings: A are together in a task, B in a cluster, M in both, of N pairs in all. Pure chance would give
# A B / N in both. The *adjusted Rand index* is
#
#     ARI  =  (M - A B / N)  /  ((A + B) / 2 - A B / N):    1 for the same grouping, 0 on average for chance.
#
# One detail: k-means can't make ten clusters out of fewer than ten different rows, and at layer 0 that happens.


# %%
def find_clusters(x, k=n_tasks):
    k = min(k, len(np.unique(x, axis=0)))
    return KMeans(k, n_init=5, random_state=0).fit_predict(x)  # (n,); the best of five starts (lesson 3)


def pairs_score(classes, clusters):
    i, j = np.triu_indices(len(classes), 1)  # (N,), (N,) every pair once
    in_class, in_cluster = classes[i] == classes[j], clusters[i] == clusters[j]  # (N,), (N,)
    chance = in_class.sum() * in_cluster.sum() / len(i)
    return ((in_class & in_cluster).sum() - chance) / ((in_class.sum() + in_cluster.sum()) / 2 - chance)


labels = find_clusters(states[-1, MIDDLE])  # (n,)
by_hand = pairs_score(task, labels)
print(f"layer {MIDDLE}, trained: ARI by hand {by_hand:.4f}, the library's {adjusted_rand_score(task, labels):.4f}")
assert np.isclose(by_hand, adjusted_rand_score(task, labels))

# %% [markdown]
# **Predict:** which ARI do the untrained model's five layers get, and which the trained one's? In which layer will
# the trained one first be above one half?

# %%
ends = {}
for at, when in ((0, "untrained"), (-1, "trained")):
    ends[when] = [adjusted_rand_score(task, find_clusters(x)) for x in states[at]]  # L + 1 numbers
    print(f"{when:9}", *(f"  layer {layer}: {round(score, 2) + 0:5.2f}" for layer, score in enumerate(ends[when])))
assert max(ends["untrained"]) < 0.15 and max(ends["trained"][:2]) < 0.3 and min(ends["trained"][2:]) > 0.9

lengths = strings.separator  # (n,) the separator's position is the string's length
n_lengths, n_rows = len(np.unique(lengths)), len(np.unique(states[-1, 0], axis=0))
by_length = adjusted_rand_score(lengths, find_clusters(states[0, MIDDLE], k=n_lengths))
print(f"layer 0 has {n_rows} different rows; the strings have {n_lengths} different lengths")
print(f"untrained, layer {MIDDLE}: ARI of {n_lengths} clusters against the lengths {by_length:.2f}")
assert n_rows == n_lengths and by_length > 0.9

# %% [markdown]
# Deeper layers, more task. Read it from the left.
#
# - Layer 0 knows the separator's position and nothing else, so it has as many different rows as there are lengths.
# - Layer 1 has looked back once, and gets little further. One look back collects a mixture of the letters. The next
#   lesson shows that letters without their order score about as little. (That this is the reason is our reading; the
#   number alone doesn't prove it.)
# - From layer 2 on, clusters are nearly the tasks.
# - The untrained clumps are clusters too, and firm ones: they are the lengths of the strings. Clusters are easy to
#   have. That they should be the *tasks* is what has to be explained.
#
# Why has the last layer clusters, although nothing reads it? (Block l reads layer l - 1. What the last block leaves at
# the separator enters no answer.) A block adds to the state, so what layer 3 had is still in it, unless something
# undoes it. And what the last block adds? **Predict**, then look.

# %%
added = states[-1, -1] - states[-1, -2]  # (n, C) what block 4 has added at the separator
by_added = adjusted_rand_score(task, find_clusters(added))
print(f"what the last block adds, clustered: ARI {by_added:.2f}")
assert by_added > 0.8

# %% [markdown]
# It clusters by task as well. A block treats all tokens by the same rule, and at the input token, where the answer is
# made, the task is needed. (That this is the reason is our reading.)
#
# ## A planted mistake: counting copies
#
# k-means and ARI look at all the strings at once. A more direct question to each: is your nearest neighbour of your own
# task? We ask it of all training examples. Each string was trained with seven inputs, so there are seven times as many
# rows as strings. (The code takes each string's recorded state seven times. Whether the model would give just that is
# checked below.) `group` says which rows belong together: a row may not find one of its own group, at first only
# itself.
#
# **Predict** the share, for the untrained model and for the trained one.


# %%
def neighbour_of_task(x, task, group, every=1):
    """Share of the rows whose nearest row, among those of another group, is of their task."""
    right = []
    for i in range(0, len(x), every):
        squared = ((x - x[i]) ** 2).sum(axis=1)  # (n, C) - (C,) -> (n,)
        squared[group == group[i]] = np.inf
        right.append(task[squared.argmin()] == task[i])
    return np.mean(right)


string_of = {string: i for i, string in enumerate(strings.instruction)}
row_string = np.array([string_of[string] for string in dataset.train.instruction])  # (rows,)
for at, when in ((0, "untrained"), (-1, "trained")):
    rows = states[at, MIDDLE][row_string]  # (rows, C)
    share = neighbour_of_task(rows, task[row_string], group=np.arange(len(rows)), every=20)  # every 20th row is asked
    print(f"{when:9} {len(rows)} rows: the nearest other one is of the same task in {share:.0%} of cases")
    assert share == 1

# %% [markdown]
# 100 %, and 100 % for the model that has learned nothing. That is how the mistake is caught: ask the same of the
# untrained model, always.
#
# And why? The separator comes before the input, so it can't know it. Seven examples with one string have one and the
# same state there, seven copies. Everyone's nearest neighbour is their own mirror image. The more often rows are
# repeated, the firmer clusters look. **Check** that they are copies, then take each string once: *unique strings*.

# %%
copies = dataset.train[row_string == row_string[0]]  # the examples with the first instruction
every_token = trained.model.hidden_states(copies.tokens)  # (L + 1, 7, T, C)
at_separator = every_token[:, np.arange(len(copies)), copies.separator]  # (L + 1, 7, C)
apart = np.abs(at_separator - at_separator[:, :1]).max()
inputs = ", ".join(map(str, sorted(copies.input)))
print(f"{len(copies)} examples with the string {copies.instruction[0]}, inputs {inputs}: at most {apart:.1g} apart")
assert apart < 1e-4

for at, when in ((0, "untrained"), (-1, "trained")):
    share = neighbour_of_task(states[at, MIDDLE], task, group=np.arange(len(task)))
    print(f"{when:9} {len(task)} unique strings: the nearest is of the same task in {share:.0%} of cases")
    assert share > 0.5

# %% [markdown]
# The untrained model is still far above 10 %, which chance would give. Strings of one *pattern* look alike: many differ
# in a letter or two. Even a model that mixes letters at random and understands nothing puts such strings side by side;
# and strings of one pattern are of one task. So hide the whole own pattern from each string, and ask for the nearest of
# the others. This is *cross-pattern 1-NN* (one nearest neighbour), which lesson 1 counted.
#
# **Predict** both shares. Chance is 3 / 39, as there.

# %%
chance = 3 / 39
for at, when in ((0, "untrained"), (-1, "trained")):
    x = states[at, MIDDLE]  # (n, C)
    by_hand = neighbour_of_task(x, task, pattern)
    library = cross_subgroup_neighbor_score(x, task, pattern)
    print(f"{when:9} cross-pattern 1-NN by hand {by_hand:.3f}, the library's {library:.3f}; chance {chance:.3f}")
    assert abs(by_hand - library) < 0.005  # the library shares out ties, of which there are hardly any
    assert by_hand < 0.2 if at == 0 else by_hand > 0.9

# %% [markdown]
# Now the two models are told apart: chance before, nearly always right after. That strings of one pattern look alike
# can't be the reason, because the own pattern is hidden.
#
# ## Layer by layer, step by step
#
# **Predict:** the loss falls from about 5 to nearly 0. Does the ARI rise before it, with it, or after it? Once the loss
# is low, does the ARI go on rising?

# %%
ari = np.array([[adjusted_rand_score(task, find_clusters(x)) for x in layers] for layers in states])  # (S, L + 1)
loss = [recording.loss["train"] for recording in trained.recordings]
print("step   loss   right  ARI at layer 0     1     2     3     4")
for row, step in enumerate(steps):
    scores = "  ".join(f"{score + 0:4.2f}" for score in np.maximum(ari[row], 0))  # no -0.00
    print(f"{step:4}   {loss[row]:4.2f}   {trained.recordings[row].accuracy['train']:4.0%}             {scores}")
middle = ari[:, MIDDLE]
assert loss[0] > 4 and loss[-1] < 0.1 and middle[0] < 0.1 and middle[-1] > 0.9

arrived = int(np.argmax(middle >= 0.95 * middle[-1]))
print(f"layer {MIDDLE} reaches 95 % of its last value at step {steps[arrived]}; from there to step {steps[-1]}")
change = middle[-1] - middle[arrived]
print(f"its ARI changes by {change:+.2f}; the loss goes from {loss[arrived]:.3f} to {loss[-1]:.3f}")

blind = np.log(dataset.n_inputs)  # ten outputs are possible for an input, one a task
early = np.array(loss) > blind
print(f"who knows the input only has a loss of log 10 = {blind:.2f}; while the model's is above that,")
print(f"its ARI is at most {ari[early].max():.2f} in any layer")
assert ari[early].max() < 0.3

# %% [markdown]
# Three stretches, which run into one another. At first the loss falls and hardly a cluster is there: mostly, the model
# learns which words go with an input. For that it needs no instruction. (Not only that: before the loss is down at log
# 10, more answers are right than the 10 % of an even guess among ten. Lesson 10 split the loss: the parts fall side by
# side, the task last.) To get far below log 10 it has to tell the tasks apart. Now clusters rise while the rest of the
# loss falls. Then the ARI is near 1 and stays there: it saturates.
#
# How much is that worth? Two things that both happen during a training will always look as if they belonged together.
# And this is one training, with one seed: an anecdote so far. The next lesson attacks it.
#
# How high is high? Deal the 40 patterns into ten pseudo-tasks at random, and score the same clusters against those.
# Clusters that keep patterns whole agree with any such deal to some degree. The score that only 1 deal in 100 exceeds
# is our *bar* (lesson 4). Loose clusters have a lower bar than firm ones, so each look has a bar of its own; the
# picture has those of the middle layer.

# %%
task_of_pattern = np.arange(40) // 4  # (40,)
bars = []
for layers in states:
    dealt = regrouping_null(find_clusters(layers[MIDDLE]), pattern, task_of_pattern, n_draws=1000, seed=0)  # (1000,)
    bars.append(float(np.quantile(dealt, 0.99)))
print("step     ", *(f"{step:4}" for step in steps))
print("its ARI  ", *(f"{score:4.2f}" for score in np.maximum(middle, 0)))
print("its bar  ", *(f"{bar:4.2f}" for bar in bars))
assert middle[0] < bars[0] and middle[-1] > bars[-1] + 0.5

# %% [markdown]
# ## One token further
#
# The input token comes after the separator and has to give the answer. It must know the task *and* the input: 10 x 10
# combinations. **Predict:** ten clusters of *its* states, one row a string, each with an input drawn at random. Are
# they the tasks? In which layer?

# %%
at_input = last.states["train_input"].astype(float)  # (L + 1, n, C)
both = task * dataset.n_inputs + strings.input  # (n,) 100 pairs of task and input
print("input token   10 clusters against the task, the input | 100 clusters against the pairs")
against_task, against_input, against_both = [], [], []
for layer, x in enumerate(at_input):
    ten, hundred = find_clusters(x), find_clusters(x, k=100)  # (n,), (n,)
    against_task.append(adjusted_rand_score(task, ten))
    against_input.append(adjusted_rand_score(strings.input, ten))
    against_both.append(adjusted_rand_score(both, hundred))
    shown = [round(scores[-1], 2) + 0 for scores in (against_task, against_input, against_both)]
    print(f"    layer {layer}   {shown[0]:21.2f}{shown[1]:12.2f}  | {shown[2]:17.2f}")
assert against_input[1] > 0.5 > against_task[1] and against_both[1] < 0.5 and min(against_both[2:]) > 0.8

# %% [markdown]
# The same ten clusters, scored against two truths. In shallow layers the input token clusters by what it *is*: its own
# input. Further up it has both to carry, and ten clusters can show only one of them, or a mixture. Which one wins says
# what takes up more room, not what is known. Ask for a hundred clusters, and from layer 2 on they are nearly the pairs
# of task and input: the task was there, although ten clusters hardly showed it.
#
# So a low ARI alone doesn't mean that a thing is absent: it may be that the number of clusters asks another question.
# At the separator the question is clean, because the input can't be there. That is why we ask there.

# %%
picture = draw_emergence(steps, ari, loss, bars, clouds, task, bar_layer=MIDDLE)
print(picture.alt)
picture.show("lesson_11_clusters_emerge", save="--save" in sys.argv)

# %% [markdown]
# ## Summary
#
# - Nobody names the task, and no loss is taken at the separator; yet its states come to cluster by task.
# - Deeper layers more than shallow ones; hardly at all untrained; rising while the loss falls, then saturating.
# - Rows that are copies, and strings of one pattern, are neighbours in any model. Take unique strings, hide the own
#   pattern, and put the untrained model beside every number.
# - Ten clusters show one thing at a time: at the input token that is first the input.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_11_clusters_emerge.py`, then run
# `.venv/bin/python -m minicluster check 11`.
#
# 1. Colour both pictures by the length of the string (give `draw_emergence` the lengths, counted from 0, as `task`,
#    and `marks="the length"`). Can one still see the length in the trained one? What does the ARI of three clusters
#    against the lengths say?
# 2. Ask for 40 clusters at the middle layer instead of 10, and score them against the patterns and against the tasks,
#    untrained and trained. Do the patterns remain visible inside the tasks?
# 3. At the input token, take the 60 or so strings that came with one input, and find ten clusters among these only. Now
#    what is the ARI against the task, by layer?
# 4. Let all tasks share their outputs: `replace(settings, share=10)`. Does the model still learn its training examples?
#    Do clusters form? What happens to the pairs that were never together?
