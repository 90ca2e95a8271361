# %% [markdown]
# # Lesson 18 (optional): t-SNE and what it distorts
#
# **Goals.** After this lesson you can say what t-SNE does, write its gradient and prove it, and name what must not be
# read from its pictures, with a number for each.
#
# **Time.** 30 minutes to read, without the exercises; the script runs in about 3 seconds.
#
# **Assumes.** NumPy arrays, logarithms, the derivative and the chain rule, and what a gradient check is for (a function
# `check_gradients` tells whether a backward pass is right; lesson 6). PCA, k-means and the silhouette are explained in
# a sentence where they occur.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python
# lessons/lesson_18_t_sne_and_what_it_distorts.py` (Windows: `.venv\Scripts\python`); cell by cell in an editor that
# knows `# %%` cells; or as a notebook, which `.venv/bin/python -m minicluster notebook 18` writes. With `--save` its
# picture goes to `figures/lesson_18_t_sne_and_what_it_distorts.png`.

# %%
import sys

import numpy as np

from minicluster.cluster import PCA, TSNE, KMeans, KNeighborsClassifier, silhouette_score, trustworthiness
from minicluster.cluster.affinities import conditional_affinities, joint_affinities
from minicluster.cluster.tsne import kl_divergence_backward, kl_divergence_forward
from minicluster.gradcheck import GradientError, check_gradients
from minicluster.plots import draw_perplexities

# %% [markdown]
# ## The idea
#
# A class photograph has to be flat, and thirty pupils know each other in more than two ways. So give up on showing how
# much everyone likes everyone; only see to it that friends stand side by side. That is t-SNE (van der Maaten & Hinton
# 2008): a picture that keeps *neighbours*, and nothing else on purpose.
#
# Our data have a truth that we know. Three groups of 100 rows in 64 dimensions: `near` and `other` are 16 apart and
# tight; `wide` is 48 away from `near`, 51 from `other`, and three times as wide.

# %%
rng = np.random.default_rng(18)
names = ["near", "other", "wide (3 times as wide)"]
group = np.repeat([0, 1, 2], 100)  # (n,)
corners = np.zeros((3, 64))  # (3, 64)
corners[1, 0], corners[2, 1] = 16, 48
spread = np.array([1.0, 1.0, 3.0])[group]  # (n,)
x = corners[group] + spread[:, None] * rng.standard_normal((300, 64))  # (n, 64)

# %% [markdown]
# The plainest flat picture is a shadow: PCA takes the two directions along which the data vary most and drops the other
# 62. **Predict:** of each row's ten nearest neighbours, how many are still among its ten nearest in the shadow?


# %%
def neighbours(rows, k=10):
    return KNeighborsClassifier(k).fit(rows, range(len(rows))).kneighbors(return_distance=False)  # (n, k)


def share_kept(rows, picture):
    return np.mean([len({*a} & {*b}) / 10 for a, b in zip(neighbours(rows), neighbours(picture))])


shadow = PCA(2).fit_transform(x)  # (n, 2)
print(f"neighbours that PCA's picture keeps: {share_kept(x, shadow):.0%} (at random {10 / 299:.0%})")

# %% [markdown]
# The groups are there, but within them the shadow lays rows on top of one another that are far apart in the other 62
# directions.
#
# ## Neighbours as probabilities
#
# Stand at row i and throw a ball to a neighbour: the nearer, the likelier, falling off like a normal distribution,
#
#     p(j | i)  is proportional to  exp(-precision_i |x_i - x_j|^2).
#
# In a dense place the precision must be high, or the ball goes anywhere; in a sparse place low, or it goes to one
# neighbour only. So for each i take that precision for which the row has a given number of neighbours. A distribution
# over many rows of different weight has no plain number of them, but it has an effective one, its *perplexity*: e to
# the power of the entropy -sum p log p. It is m if m neighbours are equally likely and all others out of the question.
#
# Higher precision, fewer neighbours: so bisection finds it. In the open:


# %%
def distribution(squared, precision):
    weights = np.exp(-precision * (squared - squared.min()))  # (m,) the smallest taken off: something is always 1
    return weights / weights.sum()


def with_perplexity(squared, perplexity):
    low, high = 1e-6, 1e6
    for _ in range(60):
        middle = np.sqrt(low * high)  # halves the way between the two logarithms
        p = distribution(squared, middle)
        entropy = -(p * np.log(p + 1e-300)).sum()
        low, high = (middle, high) if entropy > np.log(perplexity) else (low, middle)
    return p


squared = ((x[1:] - x[0]) ** 2).sum(axis=1)  # (n - 1,) from row 0 to all others
p = with_perplexity(squared, 30)
theirs = conditional_affinities(squared[None], 30)[0]
print(f"row 0 at perplexity 30: its likeliest neighbour gets {p.max():.3f}, 99 others of its group {p[:99].sum():.3f}")
assert abs(np.exp(-(p * np.log(p + 1e-300)).sum()) - 30) < 1e-6 and np.abs(p - theirs).max() < 1e-5

# %% [markdown]
# With copies it can fail: five rows at the same smallest distance have a perplexity of at least 5, whatever the
# precision. Then the five share everything, and bisection has to give up without complaint. Ours does after 60 steps.
#
# A pair's *affinity* p_ij is the mean of both views, (p(j | i) + p(i | j)) / 2n. Over all pairs it adds up to 1.
#
# ## Room in the plane
#
# The points y in the picture get affinities q in the same manner. Now why not a normal distribution again? Because the
# plane is too small. **Predict:** how many points can all be equally far from one another in the plane? In 64
# dimensions?

# %%
distances = np.sqrt(((x[:100, None] - x[:100]) ** 2).sum(axis=2))[np.triu_indices(100, 1)]  # (100 * 99 / 2,)
varies = distances.std() / distances.mean()
print(f"the 100 rows of 'near' are {distances.mean():.1f} from one another, with a standard deviation of {varies:.0%}")

# %% [markdown]
# Three in the plane, 65 in 64 dimensions; and 100 random rows are nearly so. No picture can show that: if neighbours
# are to be near, those a little farther must be put much farther out. Student's t distribution with one degree of
# freedom makes this cheap, as it falls slowly:
#
#     w_ij = 1 / (1 + |y_i - y_j|^2),    q_ij = w_ij / z,    z = sum of all w
#
# At distance 3, w is still 1/10, where a normal distribution has exp(-9), one in eight thousand.
#
# What is to become small is the *Kullback-Leibler divergence*, the price in nats for taking q for p:
#
#     KL = sum over pairs of p_ij log(p_ij / q_ij)
#
# It is 0 if q = p. A pair with high p and low q, neighbours torn apart, costs much; a pair with low p and high q,
# strangers put together, next to nothing. Remember that for the end.
#
# ## The gradient
#
# Only q depends on y. As log q_ij = log w_ij - log z, and the p add up to 1,
#
#     KL = constant - sum of p_ij log w_ij + log z.
#
# Let s be the squared distance of a pair. w = 1 / (1 + s), so log w changes by -w when s grows by 1, and w itself by
# -w^2; then log z changes by -w^2 / z = -q w. So KL changes by p w - q w = (p - q) w for each pair. And s changes by
# 2 (y_i - y_j) when y_i moves. Point i is in the pairs (i, j) and (j, i), which doubles everything:
#
#     dKL / dy_i  =  4 sum over j of (p_ij - q_ij) w_ij (y_i - y_j)
#
# Springs: a pair pulls together if p > q, and pushes apart if p < q.


# %%
def kl_forward(y, p):
    difference = y[:, None] - y  # (n, 1, 2) - (n, 2) -> (n, n, 2)
    w = 1 / (1 + (difference**2).sum(axis=2))  # (n, n)
    w = w * (1 - np.eye(len(y)))  # a point and itself are no pair
    q = w / w.sum()  # (n, n)
    pairs = p > 0
    return (p[pairs] * np.log(p[pairs] / q[pairs])).sum(), (p, difference, w, q)


def kl_backward(dkl, cache):
    p, difference, w, q = cache
    return {"y": 4 * dkl * (((p - q) * w)[:, :, None] * difference).sum(axis=1)}  # (n, n, 2) -> (n, 2)


some = rng.permutation(300)[:30]
p30 = joint_affinities(x[some], 5)  # (30, 30)
y30 = rng.standard_normal((30, 2))
print(check_gradients(lambda y: kl_forward(y, p30), kl_backward, {"y": y30}))

kl, cache = kl_forward(y30, p30)
library_kl, library_cache = kl_divergence_forward(y30, p30)
assert np.isclose(kl, library_kl)
assert np.allclose(kl_backward(1.0, cache)["y"], kl_divergence_backward(1.0, library_cache)["embedding"])

# %% [markdown]
# ## A planted mistake
#
# The p(j | i) add up to 1 over each row; q adds up to 1 over all pairs. Whoever takes q by rows in the gradient, as p
# is taken, gets this. **Predict:** will descent with it fail, or make a picture all the same?


# %%
def by_rows(dkl, cache):
    p, difference, w, _ = cache
    q = w / w.sum(axis=1, keepdims=True) / len(w)  # (n, n) each row adds up to 1 / n, and all of it to 1
    return {"y": 4 * dkl * (((p - q) * w)[:, :, None] * difference).sum(axis=1)}  # (n, n, 2) -> (n, 2)


def descend(backward, y, p, steps=1000, rate=5.0):
    for _ in range(steps):
        _, cache = kl_forward(y, p)
        y = y - rate * backward(1.0, cache)["y"]
    return y, kl_forward(y, p)[0]


kls = {}
for backward in (kl_backward, by_rows):
    _, kls[backward] = descend(backward, 0.1 * y30, p30)
    print(f"{backward.__name__:12} ends at KL = {kls[backward]:.3f}, from {kl_forward(0.1 * y30, p30)[0]:.3f}")
assert 1.3 * kls[kl_backward] < kls[by_rows] < 0.5 * kl_forward(0.1 * y30, p30)[0]
try:
    check_gradients(lambda y: kl_forward(y, p30), by_rows, {"y": y30})
    raise SystemExit("the checker has missed it")
except GradientError as error:
    print(str(error).splitlines()[0])

# %% [markdown]
# It makes a picture, and the KL falls to a quarter; nobody would notice that it could have fallen to half of that. The
# check does, at once: that is why there is one.
#
# ## The library's version
#
# `TSNE` does the same descent with three additions: momentum, a step size of its own for each coordinate, and *early
# exaggeration*: for the first 250 iterations all p are multiplied by 12, so that clusters contract and can pass one
# another before they settle.

# %%
model = TSNE(perplexity=5, init=0.1 * y30, random_state=0).fit(x[some])
print(f"TSNE on the same 30 rows: KL = {model.kl_divergence_:.3f}")
assert model.kl_divergence_ < kls[kl_backward] + 0.05

# %% [markdown]
# ## What it keeps
#
# **Predict:** what share of the ten nearest neighbours does t-SNE's picture of our 300 rows keep, and is that more than
# PCA's? (*Trustworthiness* asks the other way round: are those that look like neighbours neighbours? 1 is best.)

# %%
pictures = {perplexity: TSNE(perplexity=perplexity).fit_transform(x) for perplexity in (2, 10, 30, 100)}
print("picture             neighbours kept   trustworthiness")
for name, picture in [("PCA", shadow), *((f"t-SNE, {k}", y) for k, y in pictures.items())]:
    print(f"{name:20} {share_kept(x, picture):14.0%} {trustworthiness(x, picture, n_neighbors=10):17.2f}")
assert share_kept(x, pictures[10]) > 1.5 * share_kept(x, shadow)

# %% [markdown]
# ## What it distorts
#
# Now the truth that we built in. `wide` is 3 times as wide as `near`; and it is 48 away from it, where `other` is 16
# away: again a ratio of 3. **Predict** both ratios in the pictures.


# %%
def width(rows, g):
    own = rows[group == g]
    return np.sqrt(((own - own.mean(axis=0)) ** 2).sum(axis=1).mean())


def gap(rows, g, h):
    return np.linalg.norm(rows[group == g].mean(axis=0) - rows[group == h].mean(axis=0))


def ratios(rows):
    return width(rows, 2) / width(rows, 0), gap(rows, 0, 2) / gap(rows, 0, 1)


print("                 width of wide / near   distance near-wide / near-other")
print(f"{'the truth':20} {ratios(x)[0]:14.1f} {ratios(x)[1]:24.1f}")
panels = []
for perplexity, picture in pictures.items():
    wider, farther = ratios(picture)
    print(f"{f'perplexity {perplexity}':20} {wider:14.1f} {farther:24.1f}")
    panels.append((perplexity, picture, f"width ratio {wider:.1f} (true 3)\ndistance ratio {farther:.1f} (true 3)"))
assert all(ratios(picture)[0] < 2 and ratios(picture)[1] < 2 for k, picture in pictures.items() if k >= 10)
title = "One data set, four perplexities: t-SNE equalises widths and distances"
picture = draw_perplexities(panels, group, names, title)
print(picture.alt)
picture.show("lesson_18_t_sne_and_what_it_distorts", save="--save" in sys.argv)

# %% [markdown]
# - **Widths mean nothing.** Each row has its own precision, so a wide group looks like a tight one.
# - **Distances between clusters mean little.** Strangers have p near 0, whether they are 16 or 48 apart, and so cost
#   next to nothing wherever they are put.
# - **The perplexity is a choice**, and the picture is its consequence. At 2 a group falls to pieces.
#
# (Wattenberg, Viégas & Johnson 2016, "How to use t-SNE effectively", show more of the kind, to play with.)
#
# ## Clusters out of nothing
#
# The worst comes last. Take one cloud of noise, 300 rows in 64 dimensions: no clusters. Draw it with perplexity 2, and
# ask k-means for 20 clusters in the picture. Their *silhouette* says how tight and apart they are: 1 is perfect, 0 is
# none. **Predict** it for the picture, and for the data themselves.

# %%
noise = rng.standard_normal((300, 64))
drawn = TSNE(perplexity=2).fit_transform(noise)  # (300, 2)
for name, rows in (("the data", noise), ("the picture", drawn)):
    labels = KMeans(20, n_init=10, random_state=0).fit_predict(rows)
    print(f"silhouette of 20 clusters in {name}: {silhouette_score(rows, labels):.2f}")
assert silhouette_score(drawn, labels) > 0.3
flat = rng.standard_normal((300, 2))
even = silhouette_score(flat, KMeans(20, n_init=10, random_state=0).fit_predict(flat))
print(f"and in 300 points that lie in the plane from the beginning: {even:.2f}")

# %% [markdown]
# Whoever clusters the picture finds clusters; the data have none. (Part of it is the plane itself: any 300 points in it
# can be cut into 20 fairly tight pieces.) So in this course k-means runs on the states themselves, in all 64
# dimensions, and is held against a null. Pictures are for looking.
#
# ## Same data, another picture
#
# Where points begin decides where clusters end up. With principal components as the start, the default, nothing is left
# to chance; random starts give other pictures of the same KL. **Check**:

# %%
again = TSNE(perplexity=30).fit(x)
assert (again.embedding_ == pictures[30]).all()  # bit for bit, with any number of threads
for seed in range(3):
    other = TSNE(perplexity=30, init="random", random_state=seed).fit(x)
    print(f"random start {seed}: KL {other.kl_divergence_:.3f} (components: {again.kl_divergence_:.3f}), ", end="")
    print(f"distance ratio {ratios(other.embedding_)[1]:.2f} (components: {ratios(again.embedding_)[1]:.2f})")

# %% [markdown]
# ## Summary
#
# - t-SNE keeps neighbours: p from the data, q from the picture, KL between them, and a gradient of springs.
# - Widths, distances between clusters, and at low perplexity the clusters themselves are its own invention.
# - Draw several perplexities, say which, and never compute on the picture.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_18_t_sne_and_what_it_distorts.py`, then run
# `.venv/bin/python -m minicluster check 18`.
#
# 1. Show that the perplexity of m equally likely neighbours is m, and that of a single one is 1.
# 2. What does KL cost for a pair with p = .01 and q = .0001, and what for p = .0001 and q = .01? Which error does t-SNE
#    avoid, and which of the distortions above follows from that?
# 3. Take `early_exaggeration=1`. How do KL and the share of neighbours kept change over ten random starts?
# 4. Which perplexity shows `wide` three times as wide? Is there one? Explain with the precision of each row.
# 5. `snapshot_every=50` keeps pictures on the way. At which iteration are the three groups apart, and when do they take
#    their final size?
