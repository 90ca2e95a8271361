# %% [markdown]
# # Lesson 7: Softmax and loss
#
# **Goals.** After this lesson you can turn scores into probabilities, say why a wrong answer is charged by the
# logarithm, derive the gradient of that loss, and say before a training starts at which loss it begins and ends.
#
# **Time.** 65 minutes to read, without the exercises; the script runs in about 3 seconds.
#
# **Assumes.** NumPy (arrays, broadcasting), exp and log, the quotient rule. From lesson 5 the derivative by one of
# several variables, the upstream gradient and the embedding; from lesson 6 `check_gradients`. Each is said again in a
# sentence where it is used.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_07_softmax_and_loss.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 7` writes. With `--save` its picture goes to
# `figures/lesson_07_softmax_and_loss.png`.

# %%
import math
import sys

import numpy as np

from minicluster.gradcheck import check_gradients
from minicluster.nn import cross_entropy, softmax_backward, softmax_forward
from minicluster.plots.softmax_and_loss import draw_push_and_floor

np.set_printoptions(precision=3, suppress=True)

# %% [markdown]
# ## The idea
#
# A child recites a, b, c, d, e, f, a, b, ... and now and then jumps. You have 100 chips and lay them on the six
# letters, as many on each as you believe in it. Then the child says the next letter, and you are charged: little if
# many of your chips lie on it, much if few do.
#
# A language model plays this game at every token. Its last layer gives a *score* to each word of its vocabulary, any
# number, positive or negative; the field calls these scores *logits*. Two things are missing. Scores must become chips,
# that is, probabilities: that is *softmax*. And the charge must become a number that training can make smaller: that is
# the *loss*. (Lesson 6 used the formulas of both. Here they are derived.)
#
# ## From scores to probabilities
#
# Probabilities are not negative and add up to 1. Take the scores 2, 1, 0. Dividing them by their sum, 3, works here,
# but with the scores 2, -1, 0 it would give a "probability" of -1. So first make every score positive, with a function
# that grows: exp. Then divide by the sum, so that the total is 1:
#
#     p_i = exp(x_i) / (exp(x_1) + exp(x_2) + ... + exp(x_V))
#
# For the scores 2, 1, 0: exp gives 7.39, 2.72, 1; their sum is 11.11; so p is 0.665, 0.245, 0.090.


# %%
def plain_softmax(x):
    powers = np.exp(x)  # (..., V)
    return powers / powers.sum(axis=-1, keepdims=True)  # (..., V) / (..., 1) -> (..., V)


scores = np.array([2.0, 1.0, 0.0])  # (V,)
p = plain_softmax(scores)  # (V,)
print("scores", scores, " powers", np.exp(scores), " probabilities", p, " their sum", p.sum().round(12))
assert np.allclose(np.exp(scores), [7.39, 2.72, 1], atol=0.005) and abs(np.exp(scores).sum() - 11.11) < 0.005
assert np.allclose(p, [0.665, 0.245, 0.090], atol=0.0005) and math.isclose(p.sum(), 1)

# %% [markdown]
# Why exp and not squares, say? Squares would make -2 as good as 2. And exp turns differences into ratios: p_i / p_j =
# exp(x_i) / exp(x_j) = exp(x_i - x_j). A score that is higher by 1 means 2.72 times the probability, wherever the two
# scores lie. So only differences count.
#
# **Predict before you run.** What happens to p if we add 100 to all three scores? And if we multiply all three by 10?

# %%
print("all scores + 100:", plain_softmax(scores + 100))
for factor in (0.1, 1, 2, 10):
    print(f"all scores x {factor:3}: {plain_softmax(factor * scores)}")
assert np.allclose(plain_softmax(scores + 100), p)
assert plain_softmax(10 * scores)[0] > 0.999 and np.ptp(plain_softmax(0.1 * scores)) < 0.1

# %% [markdown]
# Adding a constant c changes nothing: exp(x + c) = exp(x) exp(c), and exp(c) stands above and below the line. A factor
# does change the result, because it multiplies the differences. A large one makes the best score take all, a small one
# makes all nearly equal. (A model may be asked to write with its scores divided by a number, its *temperature*: hot is
# even, cold is sharp.)
#
# ## Scores of a thousand
#
# float64 ends near 1.8e308, and exp(710) is beyond that. NumPy then gives inf, and warns; `np.errstate` tells it that
# here we know. Adding 1000 to all scores changes nothing on paper. In the machine:

# %%
with np.errstate(over="ignore", invalid="ignore"):
    broken = plain_softmax(scores + 1000)  # inf / inf
print("all scores + 1000:", broken)
assert np.isnan(broken).all()


def softmax_by_hand(x):
    x = x - x.real.max(axis=-1, keepdims=True)  # (..., V); the largest is now 0
    powers = np.exp(x)
    return powers / powers.sum(axis=-1, keepdims=True)  # (..., V)


print("the same, by hand:", softmax_by_hand(scores + 1000))
assert np.allclose(softmax_by_hand(scores + 1000), p)

# %% [markdown]
# Since adding changes nothing, subtracting the largest score doesn't either. After that the largest power is exp(0) = 1
# and none is larger: nothing can overflow, and the sum is at least 1, so nothing is divided by 0. (`.real`: in lesson
# 6's complex step the real parts alone should decide which is the largest.)
#
# ## How surprised are you?
#
# The child says a letter that you gave probability p. The charge is your *surprise*:
#
#     surprise = -log p
#
# `log` is the natural logarithm. With p = 1 the surprise is 0: you knew. With p = 1/2 it is log 2 = 0.69, and it grows
# without end as p goes to 0. The unit is the *nat* (with logarithms to base 2 it would be the bit; 1 nat is 1.44 bits).
#
# Why the logarithm? Because probabilities of things that don't depend on each other multiply: a coin and a die have the
# outcome "heads and six" with probability 1/2 x 1/6 = 1/12. Surprises should add up: log 12 = log 2 + log 6. The
# letters of a text do depend on each other; but if each is given its probability *after the letters before it*, these
# multiply, too. So the surprise at a text is the sum of the surprises at its letters, and a mean a letter makes sense.
#
# There is a practical side, too. The probability of 1000 letters at 1/6 each is a product that no float can hold.

# %%
letters = np.full(1000, 1 / 6)
print(f"\nproduct of 1000 probabilities of 1/6: {letters.prod()}; sum of their surprises: {-np.log(letters).sum():.1f}")
assert letters.prod() == 0 and math.isclose(-np.log(letters).sum(), 1000 * math.log(6))
assert math.isclose(math.log(12), math.log(2) + math.log(6)) and abs(1 / math.log(2) - 1.44) < 0.005

for chance in (1, 0.9, 0.5, 1 / 6, 0.01, 0.000001):
    print(f"right letter had p = {chance:<8.2g} surprise {-math.log(chance) + 0:5.2f} nats")

# %% [markdown]
# The mean of the surprise over all tokens is the loss that language models are trained with, the *cross-entropy*. (Why
# that name? We come to it when we know what the loss can't go below.)
#
# ## The loss of someone who knows nothing
#
# With all scores equal, each of V words gets 1 / V, and the loss is -log(1 / V) = log V, whatever comes. For six
# letters that is 1.79, for a vocabulary of 50,000 words 10.8. This is what a fresh model should show at its first step.
#
# **Predict before you run.** Now the model knows as little, but has random scores: normal ones, times 1, 3 or 10. Its
# beliefs are arbitrary: right by luck here, wrong there. Is its mean loss the same, lower or higher than log V?

# %%
V, n = 6, 20_000
rng = np.random.default_rng(7)
random_scores, random_targets = rng.standard_normal((n, V)), rng.integers(V, size=n)  # (n, V), (n,)
print(f"\nlog {V} = {math.log(V):.2f}, log 50,000 = {math.log(50_000):.1f}")
mean_losses = []
for size in (0, 0.1, 1, 3, 10):
    p = softmax_by_hand(size * random_scores)  # (n, V)
    surprises = -np.log(p[np.arange(n), random_targets])  # (n, V) -> (n,)
    mean_losses.append(surprises.mean())
    print(f"random scores of size {size:4}: mean loss {surprises.mean():5.2f}, least {surprises.min():.2f}, ", end="")
    print(f"largest {surprises.max():5.2f}")
assert math.isclose(mean_losses[0], math.log(V)) and mean_losses == sorted(mean_losses) and mean_losses[-1] > 10

# %% [markdown]
# Higher, and the more so the firmer the beliefs. Luck can save at most log V, for no loss is below 0; bad luck costs
# without limit. So a model that starts clearly *above* log V starts confidently wrong: its first scores are too large.
# It will spend its first steps unlearning them. Compare the first loss with log V whenever you start a training.
#
# ## Softmax's own derivative
#
# (On paper we count from 1 here, in code from 0.) Three scores, S = exp(x_1) + exp(x_2) + exp(x_3), and p_1 = exp(x_1)
# / S. How does p_1 change with each score? The quotient rule, (u / S)' = (u' S - u S') / S^2, with u = exp(x_1). S' is
# always the power of the score that we move:
#
#     by x_1:   (exp(x_1) S - exp(x_1) exp(x_1)) / S^2  =  p_1 - p_1 p_1  =  p_1 (1 - p_1)
#     by x_2:   (    0    S - exp(x_1) exp(x_2)) / S^2  =      - p_1 p_2  =  p_1 (0 - p_2)
#
# x_3 goes like x_2. In one formula, where 1[i = j] is 1 if i is j, and 0 otherwise:
#
#     derivative of p_j by x_i  =  p_j (1[i = j] - p_i)
#
# Raising a score raises its own probability and lowers all the others: there are only 100 chips.
#
# The layers behind hand back the *upstream gradient* (lesson 5): dp_j says how much the loss grows per unit of p_j, for
# a small change. x_i acts on every p_j, so by the chain rule we add up over j (1[i = j] leaves one term of the first
# part, that of i):
#
#     dx_i  =  sum over j of dp_j p_j (1[i = j] - p_i)  =  dp_i p_i - p_i (sum over j of dp_j p_j)
#           =  p_i (dp_i - sum over j of dp_j p_j)
#
# By hand: the scores log 2, 0, 0 have powers 2, 1, 1 and p = 1/2, 1/4, 1/4. Let dp be 8, 0, 4. The sum of the dp_j p_j
# is 4 + 0 + 1, that is 5, and dx is 1/2 x 3, 1/4 x -5, 1/4 x -1, that is 1.5, -1.25, -0.25.


# %%
def softmax_backward_by_hand(dp, p):
    total = (dp * p).sum(axis=-1, keepdims=True)  # (..., V) -> (..., 1)
    return p * (dp - total)  # (..., V)


scores, dp = np.array([math.log(2), 0, 0]), np.array([8.0, 0, 4])  # (V,), (V,)
p = softmax_by_hand(scores)
dx = softmax_backward_by_hand(dp, p)
print("\np", p, " dp", dp, " dx", dx, " sum of dx", dx.sum().round(12) + 0)
assert np.allclose(p, [1 / 2, 1 / 4, 1 / 4]) and np.allclose(dx, [1.5, -1.25, -0.25]) and abs(dx.sum()) < 1e-12

# %% [markdown]
# dx adds up to 0, and it must: moving all scores by the same amount changes nothing.
#
# ## The derivative of the loss
#
# The loss of one token is -log p_r, where r is the right word. Only p_r occurs in it, and the derivative of -log p is
# -1 / p. So dp is -1 / p_r at r and 0 elsewhere, and the sum of dp_j p_j is (-1 / p_r) p_r = -1. Put that in:
#
#     for the right word    dx_r = p_r (-1 / p_r + 1) = p_r - 1
#     for any other word    dx_i = p_i (    0    + 1) = p_i
#
# The fractions are gone. With *onehot* for the row that has 1 at the right word and 0 elsewhere:
#
#     dx  =  p - onehot
#
# Read it in words. Training steps against the gradient, so the right word's score is pushed up by what its probability
# lacks to 1, and every other score is pushed down by the probability that it has. What goes up equals what goes down:
# the sum is 0. And when p_r is 1, nothing is pushed at all.
#
# **Predict:** p is 1/2, 1/4, 1/4 as above, and the second word is right. What is the gradient?

# %%
right = 1
onehot = np.eye(3)[right]  # (V, V) -> (V,), row `right` of the identity matrix
through_softmax = softmax_backward_by_hand(-onehot / p, p)  # dp is -1 / p at the right word
print("\np - onehot:", p - onehot, " through softmax's backward:", through_softmax)
assert np.allclose(p - onehot, [0.5, -0.75, 0.25]) and np.allclose(through_softmax, p - onehot)

# %% [markdown]
# ## Why not the squared error?
#
# (1 - p_r)^2 is also 0 for those who know, and large for those who are wrong. Take two words, so that everything
# depends on the *margin* m, the right score minus the wrong one. Softmax gives p = exp(m) / (exp(m) + 1) to the right
# word (divide above and below by exp of the wrong score), and p (1 - p) is the derivative of p by the right score, so
# by m. The push on the margin is minus the derivative of the loss:
#
#     cross-entropy   -log p         push    (1 / p) p (1 - p)    =  1 - p
#     squared error   (1 - p)^2      push    2 (1 - p) p (1 - p)  =  2 p (1 - p)^2
#
# At m = -8 the model is sure of the wrong word: p is about 0.0003. Cross-entropy's push is nearly 1, the squared
# error's has the factor p and is nearly 0.

# %%
margins = np.linspace(-8, 8, 161)  # (161,)
p = 1 / (1 + np.exp(-margins))  # exp(m) / (exp(m) + 1), both divided by exp(m)
losses = {"cross-entropy": -np.log(p), "squared error": (1 - p) ** 2}
pushes = {"cross-entropy": 1 - p, "squared error": 2 * p * (1 - p) ** 2}
print("\nmargin       loss: cross-entropy   squared error      push: cross-entropy   squared error")
for at in (0, 40, 80, 120):
    print(f"{margins[at]:6.0f} {losses['cross-entropy'][at]:21.4f} {losses['squared error'][at]:15.4f}", end="")
    print(f" {pushes['cross-entropy'][at]:24.4f} {pushes['squared error'][at]:15.4f}")
assert abs(p[0] - 0.0003) < 0.00005 and pushes["cross-entropy"][0] > 0.999 and pushes["squared error"][0] < 0.001
for name in losses:  # slopes of the curve, by central differences (lesson 6)
    assert np.allclose(-np.gradient(losses[name], margins)[1:-1], pushes[name][1:-1], atol=0.001)

# %% [markdown]
# So with the squared error a model that is confidently wrong would hardly learn: it would stand on a plateau (left side
# of the picture below). With cross-entropy the one who is most wrong is pushed most. The log of the loss and the exp of
# softmax undo each other.
#
# ## Many tokens, and some that don't count
#
# A batch is B lines of T tokens, with scores (B, T, V). Short lines are filled up with *padding*, and lesson 2's model
# is asked for the output only. A *mask* (B, T) says which tokens count. The loss is the mean of the surprises over the
# N tokens that count; since each has the factor 1 / N there, so has its gradient, and where the mask is False it is 0.
#
# Why the mean, not the sum? So that a step of gradient descent is about as long for a batch of 10 lines as for one of
# 1000.


# %%
def cross_entropy_by_hand(logits, targets, mask):
    p = softmax_by_hand(logits)  # (B, T, V)
    onehot = np.eye(logits.shape[-1])[targets]  # (B, T) -> (B, T, V)
    surprise = -np.log((p * onehot).sum(axis=-1))  # (B, T, V) -> (B, T)
    N = mask.sum()
    return (surprise * mask).sum() / N, (p - onehot) * mask[..., None] / N  # (), (B, T, V) * (B, T, 1) -> (B, T, V)


small_logits, small_targets = rng.standard_normal((2, 4, V)), rng.integers(V, size=(2, 4))  # (B, T, V), (B, T)
small_mask = np.array([[True, True, True, True], [True, True, False, False]])  # (B, T)
small = small_logits, small_targets, small_mask
by_hand, library = (function(*small) for function in (cross_entropy_by_hand, cross_entropy))
print(f"\n{small_mask.sum()} of {small_mask.size} tokens count; ", end="")
print(f"loss by hand {by_hand[0]:.6f}, the library's {library[0]:.6f}")
assert math.isclose(by_hand[0], library[0], rel_tol=1e-12)  # sums of six numbers, in another order: a few roundings
assert np.allclose(by_hand[1], library[1], rtol=0, atol=1e-14) and (library[1][~small_mask] == 0).all()

p, cache = softmax_forward(small_logits)  # (B, T, V)
dp = rng.standard_normal((2, 4, V))  # (B, T, V)
assert np.allclose(p, softmax_by_hand(small_logits), rtol=0, atol=1e-14)
assert np.allclose(softmax_backward(dp, cache)["x"], softmax_backward_by_hand(dp, p), rtol=0, atol=1e-14)

# %% [markdown]
# Ours and the library's agree. Are both right? `check_gradients` (lesson 6) moves every single input by a tiny step,
# looks at what that does to the output, and compares with what the backward says. It wants a `forward` and a
# `backward`; `cross_entropy` gives loss and gradient at once, so its gradient serves as the cache.


# %%
def worst_error(loss_function):
    def forward(logits):
        return loss_function(logits, small_targets, small_mask)  # loss, dlogits

    def backward(dloss, dlogits):
        return {"logits": dloss * dlogits}  # (B, T, V)

    return check_gradients(forward, backward, {"logits": small_logits}).worst


worst = check_gradients(softmax_forward, softmax_backward, {"x": small_logits}).worst
print(f"worst relative error: softmax {worst:.0e}")
assert worst < 1e-12  # rounding; a wrong formula is off by far more
for function in (cross_entropy_by_hand, cross_entropy):
    print(f"worst relative error: {function.__name__} {worst_error(function):.0e}")
    assert worst_error(function) < 1e-12

# %% [markdown]
# ## A model with one table
#
# Now the child. It says the next letter with probability 3/4, leaves one out with 1/8, and else says any of the other
# four, 1/32 each (itself included). We write down 300 of its lines, of different lengths, with padding at the end.

# %%
ALPHABET = "abcdef"
JUMP = np.array([1 / 32, 3 / 4, 1 / 8, 1 / 32, 1 / 32, 1 / 32])  # (V,) probability to go on by 0, 1, ..., 5 letters


def recite(n_lines, longest, rng):
    """Draw lines of the child: tokens, the next letters as targets, and a mask, (B, T) each."""
    first = rng.integers(V, size=(n_lines, 1))  # (B, 1)
    jumps = rng.choice(V, size=(n_lines, longest), p=JUMP)  # (B, T)
    letters = np.cumsum(np.concatenate([first, jumps], axis=1), axis=1) % V  # (B, 1) and (B, T) -> (B, T + 1)
    mask = np.arange(longest) < rng.integers(5, longest + 1, size=(n_lines, 1))  # (T,) < (B, 1) -> (B, T)
    return np.where(mask, letters[:, :-1], 0), np.where(mask, letters[:, 1:], 0), mask  # padding: 0, never counted


tokens, targets, mask = recite(300, 30, np.random.default_rng(70))  # (B, T) each
print()
for line in range(3):
    print("".join(ALPHABET[token] for token in tokens[line, mask[line]]))
print(f"{len(tokens)} lines padded to {tokens.shape[1]} letters; {mask.sum()} letters to predict, {mask.mean():.0%}")

# %% [markdown]
# The smallest model that can learn this looks at one letter and predicts the next: a *bigram* model. It is a table with
# a row of V scores for each letter: `logits = table[tokens]`. This is lesson 5's embedding, and so is its gradient:
# each token adds its gradient to the row that it was read from.
#
# Training is gradient descent: subtract from each number of the table its derivative times a fixed number, the
# *learning rate*. (It is 5 here, which is large. But the loss is a mean over all tokens, of which about a sixth read
# each row, so gradients are small.)


# %%
def train(table, data, loss_function=cross_entropy, n_steps=500, learning_rate=5.0):
    """Return the trained table (V, V) and the loss before each step and after the last: (n_steps + 1,)."""
    tokens, targets, mask = data
    table, history = table.copy(), []
    for step in range(n_steps + 1):
        loss, dlogits = loss_function(table[tokens], targets, mask)  # (V, V) -> (B, T, V)
        history.append(loss)
        if step < n_steps:
            dtable = np.zeros_like(table)  # (V, V)
            np.add.at(dtable, tokens, dlogits)  # (B, T, V) into (V, V)
            table -= learning_rate * dtable
    return table, np.array(history)


# %% [markdown]
# **Predict before you run.** The table starts with zeros. At which loss does the training start? Nobody can foresee the
# child's jumps, so the loss can't become 0. At which loss will it stop?
#
# %% [markdown]
# The start is log 6 = 1.79. For the end, think of someone who knows the child as well as we do, and lays 3/4 of the
# chips on the next letter, 1/8 on the one after it, and 1/32 on each other. In 3/4 of all cases the surprise is
# -log(3/4), and so on. The mean surprise of one who knows the true probabilities is called the *entropy*:
#
#     entropy = 3/4 log(4/3) + 1/8 log 8 + 4/32 log 32 = 0.22 + 0.26 + 0.43 = 0.91

# %%
entropy = -(JUMP * np.log(JUMP)).sum()
data = tokens, targets, mask
table, history = train(np.zeros((V, V)), data)
print(f"log V {math.log(V):.4f}, entropy of the child {entropy:.4f}")
print("loss at step", *(f"{step}: {history[step]:.4f}  " for step in (0, 5, 20, 100, 500)))
assert math.isclose(history[0], math.log(V)) and abs(entropy - 0.91) < 0.005 and abs(history[-1] - entropy) < 0.05

# %% [markdown]
# It starts at log V to the last digit, and ends near the entropy, here even a little *below* it. How can that be, and
# what is the number where it stops? We don't need the training to find out; we can count.
#
# Look at the row of the letter a. If a occurs n_a times, the gradient of its row is the sum of p - onehot over these
# places, divided by N. The sum of the onehots is the list of counts, how often each letter came next. So
#
#     gradient of a's row = (n_a p - counts) / N,    which is 0 where p = counts / n_a.
#
# The training comes to rest when the predicted probabilities are the counted frequencies.

# %%
counts = np.zeros((V, V))
np.add.at(counts, (tokens[mask], targets[mask]), 1)  # (N,), (N,) into (V, V)
frequencies = counts / counts.sum(axis=1, keepdims=True)  # (V, V) / (V, 1) -> (V, V)
predicted = softmax_by_hand(table)  # (V, V)
print("\nafter a:  ", " ".join(f"{letter:6}" for letter in ALPHABET))
for name, row in (("the child", JUMP), ("counted", frequencies[0]), ("predicted", predicted[0])):
    print(f"{name:10}", " ".join(f"{chance:.4f}" for chance in row))
floor = -(counts * np.log(frequencies)).sum() / counts.sum()  # mean surprise of one who has counted
print(f"mean surprise of one who has counted: {floor:.6f}; loss after {len(history) - 1} steps: {history[-1]:.6f}")
assert counts.min() > 0 and np.abs(predicted - frequencies).max() < 0.001
assert floor - 1e-12 < history.min() and history[-1] - floor < 1e-5

# %% [markdown]
# That is where it stops, and no table gets below on these lines. To prove it, note that log x is never above x - 1: the
# line x - 1 is its tangent at x = 1, and log bends downwards. Let f be the frequencies in a row and p any other
# probabilities. What p costs more than f is
#
#     sum of f (-log p)  -  sum of f (-log f)  =  - sum of f log(p / f)
#         >=  - sum of f (p / f - 1)  =  - (sum of p - sum of f)  =  -(1 - 1)  =  0.
#
# That holds in each row of the table, so also for the mean over all rows.
#
# The first sum is the *cross-entropy* of f and p: the surprises of one, weighed by the frequencies of the other. It is
# lowest when the two are the same, and then it is the entropy. So this loss rewards neither too much confidence nor too
# little: the best that one can do is to say the frequencies as they are.
#
# ## Two floors
#
# There is the child's entropy and there is the floor of this text, which we counted. **Predict:** who has the lower
# loss on these lines, the trained table or one who knows the child's true probabilities? And on fresh lines?

# %%
jump = (np.arange(V) - np.arange(V)[:, None]) % V  # (V,) - (V, 1) -> (V, V) from each letter to each letter
truth = np.log(JUMP[jump])  # (V, V) scores whose softmax is the child: exp undoes log, and the sum is 1 already
fresh = recite(1200, 30, np.random.default_rng(71))
print()
for name, (some_tokens, some_targets, some_mask) in (("training lines", data), ("fresh lines", fresh)):
    trained_loss, true_loss = (cross_entropy(t[some_tokens], some_targets, some_mask)[0] for t in (table, truth))
    print(f"{name:15} trained table {trained_loss:.4f}, true probabilities {true_loss:.4f}")
    assert (trained_loss < true_loss) == (some_tokens is tokens)

# %% [markdown]
# Even the true probabilities do better on these lines than their entropy, 0.91, says: these lines happen to be a little
# easier than most. That is luck. But what the table gains over them, it has learned by heart: on its own lines it knows
# their accidents, and on fresh lines it pays for having believed in them. The difference is small, since there are many
# letters for only 36 numbers. Remember it when a model has many more.
#
# ## A start that is confidently wrong
#
# The same training, from random scores of size 4 instead of zeros.

# %%
_, rough = train(4 * np.random.default_rng(72).standard_normal((V, V)), data)


def steps_until_near(history, near=0.01):
    """The first step at which the loss is less than `near` above the floor."""
    return int(np.argmax(history < floor + near))


print(f"\nfrom zeros: starts at {history[0]:.2f}, within 0.01 of the floor after {steps_until_near(history)} steps")
print(f"from random scores: starts at {rough[0]:.2f}, within 0.01 after {steps_until_near(rough)} steps")
assert rough[0] > 1.5 * math.log(V) and steps_until_near(rough) > 2 * steps_until_near(history) > 0

curves = {"start at zero scores": history, "start at random scores": rough}
# On the right, steps are drawn closer together the later they are.
picture = draw_push_and_floor(margins, losses, pushes, curves, math.log(V), floor)
print(picture.alt)
picture.show("lesson_07_softmax_and_loss", save="--save" in sys.argv)

# %% [markdown]
# ## A planted mistake: the mean over everything
#
# A loss with a mask, as one writes it at first: compute all surprises, set those that don't count to 0, take the mean.
# It reads well, and the gradient is derived faithfully.


# %%
def mean_over_all(logits, targets, mask):
    p = softmax_by_hand(logits)  # (B, T, V)
    onehot = np.eye(logits.shape[-1])[targets]  # (B, T) -> (B, T, V)
    surprise = -np.log((p * onehot).sum(axis=-1))  # (B, T, V) -> (B, T)
    return (surprise * mask).mean(), (p - onehot) * mask[..., None] / mask.size


# %% [markdown]
# **Predict:** does `check_gradients` find the mistake? Does the table still learn? What if all lines are padded to
# twice the length?


# %%
def pad(data, extra):
    """Append `extra` tokens that don't count: (B, T) -> (B, T + extra) each."""
    return [np.pad(array, ((0, 0), (0, extra))) for array in data]  # pads with 0, which is False in the mask


print(f"\nworst relative error of mean_over_all's gradient: {worst_error(mean_over_all):.0e}")
assert worst_error(mean_over_all) < 1e-12

print("loss            lines           first loss   within 0.01 of the floor after")
longer = pad(data, tokens.shape[1])  # (B, 2T) each
needed = []
for function, factor in ((cross_entropy, 0), (mean_over_all, 1)):
    for name, lines in (("as they came", data), ("twice as long", longer)):
        _, reported = train(np.zeros((V, V)), lines, function, n_steps=150)
        share = lines[2].mean() ** factor  # what the wrong loss is too small by: see below
        needed.append(steps_until_near(reported / share))
        print(f"{function.__name__:15} {name:14} {reported[0]:11.4f} {needed[-1]:13} steps")
assert needed[0] == needed[1] < needed[2] < needed[3]

# %% [markdown]
# The check blesses it: the gradient is the right one, of another function. (Lesson 6 ended with that: no gradient check
# doubts a forward.) And it learns: loss and gradient are those of the right function times the share of tokens that
# count, so each step goes in the right direction and is too short. Nobody notices; one says "it needs a higher learning
# rate". With batches of different padding it is worse: how much a letter counts depends on the longest line of its
# batch.
#
# How it is caught: ask for what must not matter. Padding that counts for nothing must change nothing, neither the loss
# nor the gradient at the tokens that count. And a loss that starts below log V is suspicious at once: who knows nothing
# can't do that.


# %%
def ignores_padding(loss_function):
    logits = table[tokens] + 0.1 * rng.standard_normal((*tokens.shape, V))  # (B, T, V)
    loss, dlogits = loss_function(logits, targets, mask)
    more_logits = np.concatenate([logits, rng.standard_normal(logits.shape)], axis=1)  # (B, 2T, V)
    _, more_targets, more_mask = pad(data, tokens.shape[1])  # (B, 2T)
    more_loss, more_dlogits = loss_function(more_logits, more_targets, more_mask)
    same_gradient = np.allclose(more_dlogits[:, : tokens.shape[1]], dlogits, rtol=1e-9, atol=0)
    return math.isclose(loss, more_loss, rel_tol=1e-12) and same_gradient


for function in (cross_entropy, cross_entropy_by_hand, mean_over_all):
    print(f"{function.__name__:22} {'ignores' if ignores_padding(function) else 'DEPENDS ON'} padding")
    assert ignores_padding(function) == (function is not mean_over_all)

# %% [markdown]
# ## A second one: the logarithm of softmax
#
# Our version by hand has a fault that the library's doesn't. First softmax, then the logarithm: each is right.
# **Predict:** the scores are 0 and 800, and the first word is right. What is the loss on paper, and what by hand?
#
# %% [markdown]
# On paper: p = exp(0) / (exp(0) + exp(800)), so the loss is log(1 + exp(800)), which is 800 to the last digit. In the
# machine exp(-800) is 0: p is 0, and -log 0 is infinite. A common cure is to add a tiny number to p before the
# logarithm, say 1e-12.

# %%
TINY = 1e-12
wrong_by_800, first, counts_here = np.array([[0.0, 800.0]]), np.array([0]), np.array([True])  # (n, V), (n,), (n,)
with np.errstate(divide="ignore"):
    print(f"\nby hand: loss {cross_entropy_by_hand(wrong_by_800, first, counts_here)[0]}")
p = softmax_by_hand(wrong_by_800)[0]  # (n, V) -> (V,)
patched = -math.log(p[0] + TINY)
patched_push = -softmax_backward_by_hand(np.array([-1 / (p[0] + TINY), 0]), p)  # -log(p + TINY) by p: -1 / (p + TINY)
loss, dlogits = cross_entropy(wrong_by_800, first)  # without a mask all tokens count
print(f"patched: loss {patched:.1f}, push on the two scores {patched_push + 0}")
print(f"library: loss {loss:.1f}, push on the two scores {-dlogits[0]}")
assert loss == 800 and np.allclose(dlogits, [[-1, 1]]) and abs(patched - 27.6) < 0.1 and np.abs(patched_push).max() == 0

# %% [markdown]
# The patch hides the infinity and brings the plateau back: confidently wrong, pushed by 0. It is caught by a case that
# a person has worked out, such as this one. The library never computes log of p. On paper
#
#     log p_r  =  log(exp(x_r) / S)  =  x_r - log S,    with the largest score subtracted from all scores before,
#
# and there nothing is ever too small: S is at least 1.
#
# ## Where this leads
#
# `minicluster/nn/softmax.py` and `minicluster/nn/cross_entropy.py` are what you have just derived, in some twenty lines
# without comments. Attention (lesson 9) uses softmax and its backward for its weights. Lesson 10 puts `cross_entropy`
# on top of a transformer, where the table's row gives way to a vector computed from all the letters so far. Its loss,
# too, starts at log V.
#
# ## Summary
#
# - Softmax: exp makes scores positive, dividing makes them add up to 1. Adding a constant to all scores changes
#   nothing, so subtract the largest; a factor makes it sharper or more even.
# - The loss is the mean surprise, -log p of the right word, over the tokens that count. Who knows nothing has log V; a
#   start clearly above that is confidently wrong.
# - Its gradient is (p - onehot) / N: up by what is missing, down by what is there. It is largest where the model is
#   confidently wrong; the squared error's vanishes there.
# - On given lines the loss can't go below the entropy of the counted frequencies, and it is there when these are what
#   is predicted. On fresh lines, on average, it can't go below the entropy of their source.
# - Padding must change nothing. No gradient check finds out; adding padding does.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_07_softmax_and_loss.py`, then run
# `.venv/bin/python -m minicluster check 07`.
#
# 1. The scores are log 6, log 3 and 0, and the third word is right. Work out p, the loss and its gradient by hand;
#    check with `cross_entropy` (it wants scores of shape (1, 3)).
# 2. Multiply the trained `table` by 0.5, 0.9, 1, 1.1 and 2, and compute the loss of each on the training lines. Predict
#    which is lowest before you run it. Why is it exactly this one?
# 3. Someone writes softmax with `axis=1` everywhere. For which shapes is it right, and what adds up to 1 for (B, T, V)?
#    Which assert of one line catches it?
# 4. Take the mean over each line first, then the mean of these over the lines. Write the loss with its gradient. Does
#    it pass `ignores_padding`? Train the table with it: are the predicted probabilities still the counted frequencies?
#    How must one count now?
