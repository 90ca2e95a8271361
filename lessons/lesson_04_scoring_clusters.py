# %% [markdown]
# # Lesson 4: Scoring clusters
#
# **Goals.** After this lesson you can say how far two groupings of the same things agree, what pure chance would score,
# and why shuffling the rows, the usual way to find that out, would fool us.
#
# **Time.** 30 minutes to read, without the exercises; the script runs in about 2 seconds.
#
# **Assumes.** NumPy arrays, the mean of a random quantity, logarithms. What k-means is, in a sentence: it puts samples
# into k clusters around means. No other lesson.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_04_scoring_clusters.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 4` writes. With `--save` its picture goes to
# `figures/lesson_04_scoring_clusters.png`.

# %%
import sys
from itertools import combinations

import numpy as np

from minicluster.cluster import (
    KMeans,
    adjusted_mutual_info_score,
    adjusted_rand_score,
    contingency_matrix,
    homogeneity_score,
    mutual_info_score,
    normalized_mutual_info_score,
    rand_score,
    regrouping_null,
    silhouette_samples,
    silhouette_score,
)
from minicluster.plots import draw_chance_scores

rng = np.random.default_rng(4)

# %% [markdown]
# ## The idea
#
# Two librarians sort the same books onto shelves. She sorts by subject. He says that he does too, but his shelves have
# no signs. Does he? You can't compare shelf 3 with shelf 3: numbers are only names. What you can compare is
# company. Books that stand together on her shelves, do they stand together on his?
#
# *Classes* are the groups that we know (the tasks), *clusters* those that were found. First, who shares what: a table
# with a row for each class, a column for each cluster, and in each cell how many samples they share.

# %%
classes = ["a", "a", "a", "b", "b", "c"]
clusters = [2, 2, 0, 0, 0, 1]
table = contingency_matrix(classes, clusters)  # (classes, clusters)
print(table)
assert table.tolist() == [[1, 0, 2], [2, 0, 0], [0, 1, 0]]

# %% [markdown]
# ## A first score, and what is wrong with it
#
# Take each cluster for the class that most of its samples are from, and count the share that is right. Here 2 of 3 in
# cluster 0, 1 of 1, 2 of 2: five sixths. It is called *purity*.
#
# **Predict before you run.** 600 samples in 10 classes, and clusters that are drawn at random, knowing nothing. What is
# the purity with 10 clusters? With 100? With 600, one for each sample?


# %%
def purity(classes, clusters):
    return contingency_matrix(classes, clusters).max(axis=0).sum() / len(classes)  # (classes, clusters) -> (clusters,)


assert purity(classes, clusters) == 5 / 6
ten = np.repeat(np.arange(10), 60)  # (600,) ten classes
for k in (10, 100, 600):
    drawn = rng.permutation(600) if k == 600 else rng.integers(k, size=600)  # (600,)
    print(f"{k:3} random clusters: purity {purity(ten, drawn):.2f}")
assert purity(ten, np.arange(600)) == 1

# %% [markdown]
# One cluster for each sample is perfectly pure. This is the first planted mistake: a score that can be raised by making
# more clusters. How it is caught: by asking what random clusters get. A good score has to ask for both: that what is
# together belongs together, and that what belongs together *is* together.

# %% [markdown]
# ## Counting pairs
#
# Company is a matter of two. So look at all pairs of samples. Of 6 samples there are 6 x 5 / 2 = 15. For each pair ask
# both librarians: together, or apart?


# %%
def pairs_together(labels):
    return {(i, j) for i, j in combinations(range(len(labels)), 2) if labels[i] == labels[j]}


in_class, in_cluster = pairs_together(classes), pairs_together(clusters)
both, either = in_class & in_cluster, in_class | in_cluster
print(f"together in a class: {len(in_class)}, in a cluster: {len(in_cluster)}, in both: {len(both)}; of 15 pairs")
agreement = len(both) + (15 - len(either))  # together in both, or apart in both
print(f"they agree on {agreement} pairs of 15: {agreement / 15:.2f}")
assert (len(in_class), len(in_cluster), len(both)) == (4, 4, 2) and rand_score(classes, clusters) == agreement / 15

# %% [markdown]
# The share of pairs on which they agree is the *Rand index* (1971). **Predict:** what will it be for ten classes and
# ten clusters drawn at random?

# %%
random_rand = np.mean([rand_score(ten, rng.integers(10, size=600)) for _ in range(20)])
print(f"Rand index of random clusters: {random_rand:.2f}")
assert 0.80 < random_rand < 0.84

# %% [markdown]
# 0.82, for nothing. Two samples are in different classes nine times out of ten, and in different clusters nine times
# out of ten, so they are apart in both most of the time (.9 x .9 = .81) and together in both sometimes (.1 x .1 = .01).
# Most of the agreement is about strangers being strangers.
#
# ## Taking chance off
#
# What would chance score? Keep the sizes of all clusters, but deal the samples into them anew: a random permutation.
# Call A the number of pairs together in a class, B those together in a cluster, N all pairs. After the deal, a pair
# that is together in a cluster is just any pair, so it is together in a class with probability A / N. There are B of
# them:
#
#     pairs together in both, on average over all deals  =  A B / N
#
# The *adjusted Rand index* (Hubert & Arabie 1985) takes that off, and divides by what would be left if the two
# groupings were the same. Then A, B and the pairs together in both would be one number; where A and B differ, their
# mean stands for it:
#
#     ARI  =  (together in both - A B / N)  /  ((A + B) / 2 - A B / N)
#
# It is 1 for the same grouping and 0 on average for a random one, whatever the sizes. By hand: (2 - 16/15) divided by
# (4 - 16/15) is 14/44 = .318.

# %%
A, B, N, shared = len(in_class), len(in_cluster), 15, len(both)
ari = (shared - A * B / N) / ((A + B) / 2 - A * B / N)
print(f"ARI by hand {ari:.4f}, the library's {adjusted_rand_score(classes, clusters):.4f}")
assert np.isclose(ari, 14 / 44) and np.isclose(adjusted_rand_score(classes, clusters), ari)

dealt = [rng.permutation(clusters) for _ in range(2000)]
found = np.mean([len(in_class & pairs_together(deal)) for deal in dealt])
print(f"2000 deals: {found:.3f} pairs together in both on average; A B / N = {A * B / N:.3f}")
print(f"their ARI: {np.mean([adjusted_rand_score(classes, deal) for deal in dealt]):+.3f} on average")
assert abs(found - A * B / N) < 0.1  # luck moves a mean over 2000 deals by about 0.02

# %% [markdown]
# ## The same as knowledge
#
# Another way to ask: if I tell you a sample's cluster, how much do you learn about its class? That is the *mutual
# information*, I = sum over all cells of p log(p / (row share x column share)), with p the share of samples in the
# cell. (`log` is the natural logarithm, and the unit is then called the *nat*.) I is 0 if every cell is as full as its
# row and column make one expect. The most that there is to learn about a grouping is its *entropy*: the sum of -share x
# log(share) over its groups. Divided by the mean of the two entropies, I is *normalized* (NMI), at most 1. And it has
# the same trouble as purity: with few samples in each cell, some cells are fuller than expected by luck alone. The
# *adjusted* form (AMI; Vinh, Epps & Bailey 2010) takes off the mean over all deals, as ARI does.
#
# (Homogeneity is I divided by the entropy of the classes.)
#
# **Predict:** for 600 samples in ten classes and k random clusters, which of homogeneity, Rand, NMI, AMI and ARI will
# stay at 0 as k grows from 2 to 300?

# %%
scores = {
    "homogeneity": homogeneity_score,
    "Rand index": rand_score,
    "NMI": normalized_mutual_info_score,
    "AMI": adjusted_mutual_info_score,
    "ARI": adjusted_rand_score,
}
ks = np.array([2, 5, 10, 20, 50, 100, 200, 300])
curves = {name: [] for name in scores}
for k in ks:
    drawn = [rng.integers(k, size=600) for _ in range(10)]
    for name, score in scores.items():
        curves[name].append(float(np.mean([score(ten, labels) for labels in drawn])))
print("clusters    ", *(f"{k:5}" for k in ks))
for name, curve in curves.items():
    print(f"{name:12}", *(f"{abs(value):5.2f}" for value in curve))  # abs: no -0.00
assert max(map(abs, curves["AMI"] + curves["ARI"])) < 0.02 and curves["NMI"][-1] > 0.3
picture = draw_chance_scores(ks, curves, n_samples=600, n_classes=10)
print(picture.alt)
picture.show("lesson_04_scoring_clusters", save="--save" in sys.argv)

# %% [markdown]
# Only what is adjusted for chance stays at 0. So this course reports ARI, and AMI beside it. By hand, mutual
# information is three lines:

# %%
p = contingency_matrix(classes, clusters) / 6  # (3, 3)
expected = p.sum(axis=1, keepdims=True) * p.sum(axis=0)  # (3, 1) * (3,) -> (3, 3)
full = p > 0  # (3, 3); an empty cell adds nothing
information = (p[full] * np.log(p[full] / expected[full])).sum()  # (full cells,) -> a number
print(f"mutual information by hand {information:.4f}, the library's {mutual_info_score(classes, clusters):.4f} nats")
assert np.isclose(information, mutual_info_score(classes, clusters))

# %% [markdown]
# ## When nobody knows the classes
#
# Then one can only ask whether clusters are tight and apart. For a sample, let a be its mean distance to the others of
# its cluster, and b that to the samples of another cluster, the one where it is smallest. Its *silhouette* (Rousseeuw
# 1987) is
#
#     (b - a) / max(a, b):    1 deep inside, 0 on the border, below 0 in the wrong cluster.
#
# On a line, with clusters {0, 1} and {5, 7}: for the sample at 1, a = 1 and b = (4 + 6) / 2 = 5, so 4/5.

# %%
line, two = np.array([[0.0], [1.0], [5.0], [7.0]]), [0, 0, 1, 1]
print("silhouettes:", silhouette_samples(line, two).round(3))
assert np.isclose(silhouette_samples(line, two)[1], 4 / 5)

# %% [markdown]
# The mean silhouette can choose k: cluster with several k, take the highest. **Predict** which k wins for data in six
# groups.

# %%
six = 5 * np.eye(6)[np.repeat(np.arange(6), 40)] + rng.standard_normal((240, 6))  # (240, 6) six corners, 40 around each
by_k = {k: silhouette_score(six, KMeans(k, n_init=10, random_state=0).fit_predict(six)) for k in range(2, 11)}
print("silhouette by k:", ", ".join(f"{k}: {value:.2f}" for k, value in by_k.items()))
assert max(by_k, key=by_k.get) == 6

# %% [markdown]
# ## The planted mistake that matters: shuffling the wrong thing
#
# Now the trap of this course. There are 10 tasks, each with 4 patterns, and of each pattern 15 strings: 600 samples.
# Strings of one pattern look alike, whatever the model has understood. Suppose it has understood *nothing* of tasks:
# the 40 patterns lie anywhere, 15 strings around each. k-means with k = 10 puts some patterns into each cluster.

# %%
pattern = np.repeat(np.arange(40), 15)  # (600,)
task_of = np.repeat(np.arange(10), 4)  # (40,) the task of each pattern
task = task_of[pattern]  # (600,)
x = rng.standard_normal((40, 64))[pattern] + 0.1 * rng.standard_normal((600, 64))  # (600, 64) knows nothing of tasks
labels = KMeans(10, n_init=10, random_state=0).fit_predict(x)  # (600,)
assert all(len(set(labels[pattern == p])) == 1 for p in range(40))  # each pattern is in one cluster, whole
score = adjusted_rand_score(task, labels)
print(f"\nARI of clusters against tasks that mean nothing: {score:.3f}")

# %% [markdown]
# Is that more than chance? The usual test: shuffle the labels many times, see what they score. **Predict** whether our
# score is above all of 1000 shuffles.

# %%
shuffled = np.array([adjusted_rand_score(task, rng.permutation(labels)) for _ in range(1000)])
print(f"rows shuffled: 99 % of the scores are below {np.quantile(shuffled, 0.99):.3f}, all below {shuffled.max():.3f}")
assert score > shuffled.max()

# %% [markdown]
# Far above all of chance, it seems, and yet by construction there is nothing there. What went wrong? The shuffle takes
# strings of one pattern apart, as if each of the 600 rows could go its own way (were *independent*). They can't: where
# one string of a pattern goes, the other 14 go as well. Clusters that keep patterns whole agree with *any* grouping
# that keeps patterns whole, far more than a shuffle of rows does. There are 40 independent things here, not 600.
#
# So deal the *patterns* into pseudo-tasks, four each (as lesson 1 did), and score the same clusters against those. That
# is the *regrouping null* (a null is what one gets when there is nothing). The score that 99 % of its deals stay below,
# its 99th percentile, is the bar in the tables of this course (`reproduce` prints it as a control).

# %%
null = regrouping_null(labels, pattern, task_of, n_draws=1000, seed=0)  # (1000,)
bar = np.quantile(null, 0.99)
print(f"patterns dealt: {null.mean():.3f} on average, 99 % below {bar:.3f}; ours was {score:.3f}")
assert score < bar

by_hand = []
for _ in range(1000):
    pseudo_task_of = rng.permutation(task_of)  # (40,)
    by_hand.append(adjusted_rand_score(pseudo_task_of[pattern], labels))
print(f"by hand: 99 % below {np.quantile(by_hand, 0.99):.3f}")
assert abs(np.quantile(by_hand, 0.99) - bar) < 0.05

# %% [markdown]
# How high is the bar for clusters that are as good as can be? Let clusters be the tasks themselves, and deal: a
# cluster's four patterns are 6 pairs of patterns, and each pair is together in a pseudo-task with probability 3 / 39.
# With many strings of each pattern the mean score comes out as 3/13 = .23, a little less with 15, and 1 in 100 deals is
# near .3. So an ARI of .3 says nothing here. There is a ceiling, too, for those who compare with the wrong truth:
# perfect task clusters against the 40 *patterns* can't score above .375, and .36 with 15 strings. (Exercise 3 derives
# both.)

# %%
perfect = regrouping_null(task, pattern, task_of, n_draws=2000, seed=1)
ceiling = adjusted_rand_score(pattern, task)
print(f"perfect clusters: {adjusted_rand_score(task, task):.2f}; against pseudo-tasks {perfect.mean():.3f} on average,")
print(f"99 % below {np.quantile(perfect, 0.99):.2f}; against the 40 patterns {ceiling:.3f}")
assert abs(perfect.mean() - 0.22) < 0.01 and 0.27 < np.quantile(perfect, 0.99) < 0.33 and abs(ceiling - 0.359) < 0.001

# %% [markdown]
# ## Summary
#
# - Names of clusters mean nothing, company does: count pairs, or measure information.
# - A score must be adjusted for chance (ARI, AMI), or it rewards making many clusters.
# - Chance must be drawn with the unit that is independent. Here that is the pattern, not the string.
# - Without classes, the silhouette says how tight and apart clusters are; it does not say that they mean anything.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_04_scoring_clusters.py`, then run
# `.venv/bin/python -m minicluster check 04`.
#
# 1. Compute the ARI of `[0, 0, 1, 1]` against `[0, 1, 0, 1]` by hand. Why is it below 0? How low can it get for four
#    samples? Try all groupings of four against each other.
# 2. Show that swapping classes and clusters changes neither ARI nor AMI. Which scores above does it change? (Try
#    `[0, 0, 1, 1]` and `[0, 1, 2, 3]`; the example of this lesson is too even to show it.)
# 3. Where do 3/13 and .375 come from? (With many strings n in each pattern, count pairs in units of n^2: n^2 / 2 within
#    a pattern, n^2 between two patterns. How many of each are within a task, within a cluster, in all?)
# 4. Let the 40 patterns lie in tasks a little: add to each pattern's centre a centre common to its task, times a share
#    (`share * common[task_of]`). From which share on is the ARI above the bar?
# 5. In a medical study there are 20 patients with 50 images each, and a model's clusters of images are compared with
#    the diagnosis. What should be dealt, and into what?
