# %% [markdown]
# # Lesson 3: k-means
#
# **Goals.** After this lesson you can write k-means in ten lines, say why every step of it helps and why it still may
# end in the wrong place, and name the checks that tell a right implementation from one that only looks right.
#
# **Time.** 30 minutes to read, without the exercises; the script runs in about 2 seconds.
#
# **Assumes.** Python and NumPy arrays (broadcasting, `argmin`), the square of a sum. No other lesson.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_03_k_means.py` (Windows:
# `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which `.venv/bin/python
# -m minicluster notebook 3` writes. With `--save` its picture goes to `figures/lesson_03_k_means.png`.

# %%
import sys

import numpy as np

from minicluster.cluster import KMeans
from minicluster.plots import draw_lloyd

# %% [markdown]
# ## The idea
#
# You are to place three water taps in a park where people have spread their blankets, so that the walks are short. If
# you knew which tap each person uses, you would put each tap in the middle of its people. If you knew where the taps
# are, each person would use the nearest. You know neither. So begin anywhere, and do the two things in turn.
#
# That is k-means. Each sample is a point; a *centre* stands for a group of them, its *cluster*; k is how many centres
# there are. In this course the points will be the states inside a model, 64 numbers each, and the question will be
# whether those that belong to one task lie together. Here they have two numbers, so that one can see them.

# %%
rng = np.random.default_rng(3)
corners = np.array([[0.0, 0.0], [3.5, 0.5], [1.5, 3.0]])  # (3, 2)
group = np.repeat([0, 1, 2], 40)  # (n,) which corner each point was drawn around; k-means is not told
x = corners[group] + 0.8 * rng.standard_normal((120, 2))  # (n, 2)

# %% [markdown]
# ## What is to become small
#
# Walks are measured by their squares: the *inertia* is the sum, over all samples, of the squared distance to the centre
# of their cluster. Why squares? Because then the best place for a centre is the mean, which is quickly computed. To
# see it, take samples x with mean m, and a centre c anywhere. (|v|^2 is the sum of the squares of v's entries, and u.v
# is `u @ v`.) For one sample
#
#     |x - c|^2 = |(x - m) + (m - c)|^2 = |x - m|^2 + 2 (x - m).(m - c) + |m - c|^2.
#
# Add this up over the n samples of the cluster. The middle term vanishes, since the differences to the mean add up
# to 0. What is left:
#
#     sum of |x - c|^2  =  sum of |x - m|^2  +  n |m - c|^2
#
# The first sum has no c in it. So any centre other than the mean costs n times its squared distance from the mean.

# %%
own, c = x[group == 0], np.array([1.0, -1.0])
m = own.mean(axis=0)  # (40, 2) -> (2,)
around_c, around_m = ((own - c) ** 2).sum(), ((own - m) ** 2).sum()  # (40, 2) -> a number, twice
extra = len(own) * ((m - c) ** 2).sum()
print(f"around c {around_c:.3f}, around the mean {around_m:.3f} + {extra:.3f}")
assert np.isclose(around_c, around_m + extra)

# %% [markdown]
# So both steps lower the inertia, or leave it as it is:
#
# - *assign*: each sample to its nearest centre. No sample gets farther from its centre.
# - *average*: each centre to the mean of its samples. We have just seen that nothing else is better.
#
# Must this come to an end? A round in which a centre moves lowers the inertia, by n |m - c|^2. So no division of the
# samples into clusters comes twice, and there are finitely many: at some round no centre moves any more. That is
# Lloyd's algorithm (Stuart Lloyd wrote it down in 1957, and published it in 1982).

# %% [markdown]
# ## Ten lines
#
# Shapes: n samples, k centres, C numbers a sample.


# %%
def assign(x, centers):
    """Nearest centre of each sample, and the squared distance to it: (n,), (n,)."""
    squared = ((x[:, None, :] - centers) ** 2).sum(axis=2)  # (n, 1, C) - (k, C) -> (n, k, C) -> (n, k)
    return squared.argmin(axis=1), squared.min(axis=1)


def lloyd(x, centers, max_iter=100):
    steps = [(centers, *assign(x, centers))]  # a round each: centres (k, C), labels (n,), squared distances (n,)
    for _ in range(max_iter):
        _, labels, _ = steps[-1]
        centers = np.array([x[labels == j].mean(axis=0) for j in range(len(centers))])  # (k, C)
        steps.append((centers, *assign(x, centers)))
        if (steps[-1][1] == labels).all():  # nothing changed
            break
    return steps


start = np.array([[0.5, 4.0], [1.5, 4.5], [4.5, 3.0]])  # (3, 2) nowhere in particular
steps = lloyd(x, start)
history = [squared.sum() for _, _, squared in steps]
print("inertia:", *(f"{inertia:.1f}" for inertia in history))

# %% [markdown]
# **Predict before you look at the picture.** The start is above all groups. Which of the three centres has the longest
# way, and will each end in another group?
#
# **Check** what must hold for any data: the inertia never rises, and at the end each centre is the mean of its samples.

# %%
assert (np.diff(history) <= 0).all()
centers, labels, _ = steps[-1]
assert np.allclose(centers, [x[labels == j].mean(axis=0) for j in range(3)])
ways = np.sqrt(((centers - start) ** 2).sum(axis=1))  # (k, C) -> (k,)
print("the centres end", *(f"{way:.1f}" for way in ways), "from where they began, at", *map(str, centers.round(1)))
most = [np.bincount(group[labels == j]).argmax() for j in range(3)]  # the group that most samples of each are from
assert ways.argmax() == 0 and sorted(most) == [0, 1, 2]
shown = sorted({0, 1, 2, len(steps) - 1})
picture = draw_lloyd(x, [(t, *steps[t][:2]) for t in shown], history)
print(picture.alt)
picture.show("lesson_03_k_means", save="--save" in sys.argv)

# %% [markdown]
# The first has the longest way: it goes through to the group that no centre began near. Each ends in a group of its
# own.
#
# ## The library's version
#
# `KMeans` has scikit-learn's names: attributes that `fit` sets end in an underscore. Given the same start it must do
# the same. Its `inertia_history_` is what we have called history. (It counts one iteration more: the one in which it
# finds that no centre moves.)

# %%
model = KMeans(3, init=start, tol=0).fit(x)
print(f"KMeans: {model.n_iter_} iterations, inertia {model.inertia_:.4f}; by hand {len(steps) - 1}, {history[-1]:.4f}")
assert (model.labels_ == labels).all() and np.allclose(model.cluster_centers_, centers)
assert np.allclose(model.inertia_history_, [*history, history[-1]])

# %% [markdown]
# ## It depends on the start
#
# Never rising is not the same as reaching the lowest point. A ball that rolls downhill ends in *a* valley. Take nine
# groups on a grid of three by three, clearly apart, and begin with nine of the samples, drawn at random.
#
# **Predict before you run.** Of 200 such starts, how many find the nine groups? All nine samples would have to come
# from different groups, or the centres would have to move over. The chance of the former is 9! / 9^9, one in a
# thousand (0.0009; a little more, since no sample is drawn twice).


# %%
grid = np.array([[a, b] for a in (0.0, 4.0, 8.0) for b in (0.0, 4.0, 8.0)])  # (9, 2)
nine = np.repeat(grid, 20, axis=0) + 0.6 * rng.standard_normal((180, 2))  # (n, 2)
lowest = KMeans(9, init=grid).fit(nine).inertia_


def share_that_finds_it(choose, n_starts=200):
    found = []
    for seed in range(n_starts):
        start = choose(nine, 9, np.random.default_rng(seed))  # (9, 2)
        found.append(KMeans(9, init=start).fit(nine).inertia_ < 1.01 * lowest)
    return np.mean(found)


def any_samples(x, k, rng):
    return x[rng.choice(len(x), k, replace=False)]  # (k, C)


print(f"any nine samples: {share_that_finds_it(any_samples):.0%} of the starts find the nine groups")

# %% [markdown]
# Few do, but more than one in a thousand: some centres do move over. In the other runs at least one group has two
# centres or more, and at least one centre serves two groups. No single sample gains by changing sides, so there it
# stays.
#
# *k-means++* (Arthur & Vassilvitskii 2007) draws the start so that its centres are apart. The first is any sample. Each
# next one is drawn with a probability in proportion to the squared distance to the nearest centre so far: a sample in a
# group that has no centre yet is far from all, and so likely; one beside a centre has next to no chance. The *greedy*
# form draws a few candidates each time (2 + log k is usual) and takes the one that leaves the lowest inertia.


# %%
def plus_plus(x, k, rng, n_trials=1):
    chosen = [x[rng.integers(len(x))]]
    while len(chosen) < k:
        _, squared = assign(x, np.array(chosen))  # (n,)
        trials = rng.choice(len(x), n_trials, p=squared / squared.sum())  # (n_trials,)
        left = [np.minimum(squared, ((x - x[t]) ** 2).sum(axis=1)).sum() for t in trials]  # inertia after each trial
        chosen.append(x[trials[np.argmin(left)]])
    return np.array(chosen)  # (k, C)


plain = share_that_finds_it(plus_plus)
greedy = share_that_finds_it(lambda x, k, rng: plus_plus(x, k, rng, n_trials=2 + int(np.log(k))))
print(f"k-means++: {plain:.0%};  greedy, the best of {2 + int(np.log(9))} draws each time: {greedy:.0%}")
print(f"if {1 - greedy:.0%} of greedy runs miss it, all of ten do in {(1 - greedy) ** 10:.0e} of cases")
assert share_that_finds_it(any_samples) < plain < greedy

# %% [markdown]
# Greedy k-means++ is what `KMeans` does by default. And whatever is left of bad luck is dealt with by the oldest
# remedy, doing it several times and keeping the lowest inertia: `n_init=10`. The experiments of this course do that.

# %%
model = KMeans(9, n_init=10, random_state=0).fit(nine)
assert np.isclose(model.inertia_, lowest)

# %% [markdown]
# ## Corners
#
# Three things that the ten lines above leave open, and what `KMeans` does about them:
#
# - A centre that is nobody's nearest has no mean (ours would be NaN, with a warning). It moves to the sample that is
#   farthest from its own centre: that lowers the inertia, too.
# - With fewer different samples than centres, some centres stay unused, and `KMeans` warns.
# - A sample exactly between two centres has to go somewhere. It goes to the one with the lower number, always, so that
#   `predict` on the same samples gives the same labels.

# %%
model = KMeans(2, init=[[0.0], [100.0]]).fit([[0], [2], [10]])  # 100 is nobody's nearest
print("empty cluster:", model.labels_, model.cluster_centers_.ravel())
assert model.labels_.tolist() == [0, 0, 1]
assert KMeans(2, init=[[0.0], [4.0]]).fit([[0], [4]]).predict([[2]]).tolist() == [0]

# %% [markdown]
# ## A planted mistake
#
# For many samples, `assign` above makes a large array of differences, (n, k, C). The usual trick is to multiply out,
#
#     |x - c|^2 = |x|^2 - 2 x.c + |c|^2,
#
# which needs one matrix product, and |x|^2 is the same for all centres, so it may go. It is right on paper, it is
# quicker, and it passes any test near the origin. **Predict:** all we do now is to move all the data to the right, by
# 10,000, in float32, as models have it. What will change?


# %%
def assign_multiplied_out(x, centers):
    return ((centers**2).sum(axis=1) - 2 * x @ centers.T).argmin(axis=1)  # (k,) - (n, C) @ (C, k) -> (n, k) -> (n,)


for shift in (0, 100, 10_000):
    moved = (x + [shift, 0]).astype(np.float32)
    moved_centers = (centers + [shift, 0]).astype(np.float32)
    wrong = (assign_multiplied_out(moved, moved_centers) != labels).mean()
    differences = (assign(moved, moved_centers)[0] != labels).mean()
    print(f"moved by {shift:5}: {wrong:4.0%} of the samples change sides if multiplied out, {differences:.0%} if not")
assert wrong > 0.05 and differences == 0

# %% [markdown]
# Float32 has seven digits. |c|^2 is 100,000,000, so it can be right to about 10, and the squared distances that it is
# to decide between are no larger: what is left after subtracting is rounding. How it is caught: by a test that asks for
# what must not matter. Moving all data by the same vector must change no label. Nor must turning the data, or
# reordering its rows. The library takes differences (and moves the data to their mean first, so that centres keep their
# digits), and its tests move data by 10,000.

# %%
far = (x + [10_000, 0]).astype(np.float32)
assert (KMeans(3, init=start + [10_000, 0], tol=0).fit(far).labels_ == labels).all()

# %% [markdown]
# ## What k-means can't know
#
# - *k.* It finds nine clusters if asked for nine, in anything. Lesson 4 is about what that is worth.
# - *Which column matters.* Distances add up squares, so a length in millimetres weighs a million times as much as the
#   same one in metres.
# - *Shapes.* Nearest centre means straight borders, so clusters come out round and of similar width.
#
# **Predict:** the three groups again, but the second coordinate is now in another unit, 100 times smaller. What share
# of the samples is still with its group?


# %%
def share_with_its_group(labels):
    """Each cluster is taken for the group that most of its samples are from."""
    return sum(np.bincount(group[labels == j]).max() for j in np.unique(labels)) / len(group)


for unit in (1, 100):
    share = share_with_its_group(KMeans(3, n_init=10, random_state=0).fit(x * [1, 1 / unit]).labels_)
    print(f"second coordinate divided by {unit:3}: {share:.0%} with their group")
assert share < 0.9

# %% [markdown]
# Now only the first coordinate counts, and along it the third group lies between the other two.

# %% [markdown]
# ## Where this leads
#
# In the main experiment x has 600 rows, one for each instruction string (lesson 2), and 64 columns: the state that a
# layer of the model leaves at the separator. k is 10, the number of tasks. `python -m minicluster reproduce` does it at
# each of 7 layers, at 25 moments of the training, with ten starts: 7 x 25 x 10 = 1,750 runs of what you have written.
#
# ## Summary
#
# - k-means lowers the inertia by two steps in turn: nearest centre, mean. Neither can raise it.
# - It ends in a valley (a *local minimum*), not always the deepest. Starts that are apart (k-means++) and several of
#   them make it a good one.
# - It knows nothing of k, of units, of shapes: what comes out is an answer only if the question was right.
# - An implementation is checked by what must hold for any data: the inertia falls, labels belong to the centres, and
#   neither moving the data nor reordering it changes the clusters.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_03_k_means.py`, then run `.venv/bin/python -m
# minicluster check 03`.
#
# 1. One dimension, samples 0, 1, 5, 6, 7, k = 2, start at 0 and 1. Do Lloyd's steps by hand; check with `KMeans`.
# 2. Show that the inertia around the means is also the sum, over the clusters, of all squared distances between pairs
#    of their samples, each pair once and divided by the size of the cluster. (Hint: put each sample of a cluster for c
#    in the formula above, and add up.)
# 3. In `plus_plus`, draw in proportion to the distances, not their squares. How often does it find the nine groups now?
#    Explain.
# 4. Find a start for the nine groups where k-means ends with two centres in one group. Draw it as above, with
#    `lloyd(nine, start)` and `draw_lloyd`.
# 5. What would the best place for a centre be if walks were measured by their length, not its square, in one dimension?
#    (That algorithm exists: k-medians.)
