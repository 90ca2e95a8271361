"""Two ways to make a trained model refuse one task, both from a handful of examples: fine-tuning, and a guard.

Fine-tuning teaches a new token, the refusal, by a few examples of one distribution of the task and by replay of the
other tasks' training rows. It knows of every row that is replayed that it is not of the task; no other row of the task
is ever shown, neither refused nor answered.

The guard leaves the model alone. It finds clusters in the training strings' states at the separator, is told by the
same examples which cluster is meant, and refuses whatever lies in it. It knows no string's task.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..checks import check_whole_number
from ..cluster import KMeans
from ..nn import AdamW
from ..nn.extending import BY_TOKEN
from ..tasks.examples import Split
from ..training import answer_objective, training_steps
from .measure import without_warnings

LR = 3e-4  # no warm-up, no cosine. Where all parameters learn, 1e-3 reaches less beyond the examples
REFUSED_SHARE = 0.5  # of each batch: examples to refuse; the rest is replayed
BATCH_SIZE = 32


def examples_to_refuse(train, distribution, n, rng):
    """Draw rows of one distribution.

    Parameters
    ----------
    train : Split
    distribution : int
    n : int
        At least 1 and at most the distribution's rows.
    rng : np.random.Generator
        One in the same state draws fewer examples as the first of more.

    Returns
    -------
    (n,) integers
        Different rows of `train`, in random order.

    Raises
    ------
    ValueError, TypeError
        If there are not so many rows.
    """
    check_whole_number("n", n, 1)
    rows = rng.permutation(np.flatnonzero(train.distribution == distribution))
    if n > len(rows):
        raise ValueError(f"n = {n}, expected at most {len(rows)}, the rows of distribution {distribution}")
    return rows[:n]


def refusing_steps(
    model, train, examples, steps, seed, *, layers=None, lr=LR, share=REFUSED_SHARE, batch_size=BATCH_SIZE
):
    """Teach a model to refuse a task, step by step, handing control back after each.

        model = extend_vocabulary(trained_model)
        for step, loss in refusing_steps(model, train, examples, steps=200, seed=0):
            ...

    Parameters
    ----------
    model : Transformer
        Trained in place. Its last token is the refusal.
    train : Split
        What the model was trained on.
    examples : (n,) integers
        Rows of `train`, all of the task that is to be refused, see `examples_to_refuse`.
    steps : int
    seed : int or sequence of int
        Of the draw of the batches.
    layers : (low, high), optional
        Only the blocks between the states of these layers learn (and the last LayerNorm if that comes next), and the
        refusal's own row. With (middle layer, L) the clusters at the middle layer stay as they are, and what reads them
        learns. By default all parameters do.
    lr : float
    share : float
        Of each batch, at least one row and not all: rows drawn from the examples, whose answer is the refusal. The
        others are drawn from the other tasks' rows, with the answers they were trained with.
    batch_size : int

    Yields
    ------
    step : int
        Steps taken so far, from 1 to `steps`.
    loss : float
        This step's, in nats.

    Raises
    ------
    ValueError
        If the examples are not of one task, or a batch would not have rows of both kinds.
    TrainingDiverged
        If the loss or the gradient's norm is no longer finite.
    """
    tasks = np.unique(train.task[examples])
    if len(tasks) != 1:
        raise ValueError(f"examples are of {len(tasks)} tasks, expected rows of one")
    n_refused = round(share * batch_size)
    if not 0 < n_refused < batch_size:
        raise ValueError(f"share = {share}, expected a part of {batch_size} rows, at least one and not all")
    refused = refusals(train[examples], model.config.vocab_size - 1)
    replayed = train[train.task != tasks[0]]
    taught = Split(*(np.concatenate(pair) for pair in zip(vars(refused).values(), vars(replayed).values())))
    rng = np.random.default_rng(seed)

    def batches():
        while True:
            kinds = rng.integers(len(refused), size=n_refused), rng.integers(len(replayed), size=batch_size - n_refused)
            yield np.concatenate([kinds[0], len(refused) + kinds[1]])  # (batch_size,)

    frozen = frozen_rows(model, layers)

    def objective(model, *batch):
        loss, gradients = answer_objective(model, *batch)
        for name, rows in frozen.items():
            gradients[name][rows] = 0  # which AdamW leaves alone, as nothing decays
        return loss, gradients

    optimizer = AdamW(model.parameters, lr=lr, weight_decay=0)  # decay would change what is not to learn
    yield from training_steps(
        model,
        optimizer,
        taught,
        steps,
        batches(),
        learning_rate=lambda step: lr,
        objective_of=lambda step, rows: objective,
    )


def frozen_rows(model, layers):
    """Return what does not learn: {name of a parameter: slice of its rows}; see `refusing_steps`."""
    if layers is None:
        return {}
    low, high = layers
    learning = tuple(f"h.{block}." for block in range(low, high))
    if high == model.config.n_layers:
        learning += ("ln_f.",)
    frozen = {name: slice(None) for name in model.parameters if not name.startswith(learning)}
    return frozen | {name: slice(-1) for name in BY_TOKEN if name in frozen}


def n_learning(model, layers):
    """Return how many numbers of a model `refusing_steps` may change."""
    frozen = frozen_rows(model, layers).items()
    return model.parameters.flat.size - sum(model.parameters[name][rows].size for name, rows in frozen)


def refusals(split, token):
    """Return a split in which each counted target is this token."""
    return replace(split, targets=np.where(split.mask, token, split.targets))


@dataclass(frozen=True)
class Guard:
    """It refuses what lies near a centre.

    Attributes
    ----------
    centre : (C,) float array
    threshold : float
        The largest distance that is refused.
    """

    centre: np.ndarray
    threshold: float

    def refuses(self, states):
        """Return which states (n, C) are refused: (n,) bool."""
        return distances(states, self.centre) <= self.threshold


def build_guard(states, example_states, n_clusters, restarts=10, seed=0):
    """Build a guard from clusters of states and a few examples of what is to be refused.

    k-means finds the clusters. The one that most examples lie in (of several, the one with the lowest number) is
    meant, and its centre becomes the guard's. The threshold is chosen on `states` alone, see `separating_threshold`.

    Parameters
    ----------
    states : (n, C) array
        Of all training strings at the separator, in one layer.
    example_states : (m, C) array
        Of the examples, in the same layer.
    n_clusters : int
    restarts : int
        Of k-means; the best of so many is kept.
    seed : int

    Returns
    -------
    Guard
    """
    kmeans = KMeans(n_clusters, n_init=restarts, random_state=seed)
    with without_warnings():
        kmeans.fit(states)
    meant = np.bincount(kmeans.predict(example_states)).argmax()
    centre = kmeans.cluster_centers_[meant]
    return Guard(centre, separating_threshold(distances(states, centre), kmeans.labels_ == meant))


def separating_threshold(distance, member):
    """Return the distance that best tells a cluster's members from all others.

    Parameters
    ----------
    distance : (n,) float array
        From the cluster's centre.
    member : (n,) bool array

    Returns
    -------
    float
        Halfway between two neighbouring distances, such that most of the n are on their side: members below, others
        above. Of several that are equally good it is the one in the widest gap. Infinite if all are members.
    """
    order = np.argsort(distance, kind="stable")
    distance, member = distance[order], member[order]
    if member.all():
        return np.inf
    gap = np.diff(distance)  # (n - 1,), that behind each but the last
    right = np.cumsum(member)[:-1] + np.cumsum(~member[::-1])[::-1][1:]  # (n - 1,): members up to there, others behind
    right = np.where(gap > 0, right, -1)  # equal distances can't be told apart
    best = np.lexsort((gap, right))[-1]
    return float(distance[best] + gap[best] / 2)


def distances(states, centre):
    """Return the Euclidean distance of each state (n, C) from a centre (C,): (n,)."""
    return np.linalg.norm(states - centre, axis=1)
