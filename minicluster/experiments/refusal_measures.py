"""How far a refusal reaches, what it costs, and what leaks: for fine-tuning and for a guard, by the same measures."""

import time
from dataclasses import dataclass

import numpy as np

from ..nn import extend_vocabulary
from ..training import hidden_states_at
from ..training.recording import EVALUATION_BATCH
from .refusing import build_guard, examples_to_refuse, refusing_steps
from .statistics import by_pattern

REFUSING_STREAM = 9  # of random numbers: tasks, examples and batches
OTHERS_WATCHED = 100  # rows of the other tasks, of each split, that are looked at on the way
GROUPS_OF_ROWS = ("shown", "others", "other_tasks")
ROUNDS = 25  # of the timing of questions


@dataclass(frozen=True)
class Choice:
    """What is to be refused: a task, by examples of one of its distributions.

    Attributes
    ----------
    task, distribution : int
    number : int
        From 1: which of a training's choices it is, for its random numbers.
    """

    task: int
    distribution: int
    number: int


def draw_choices(setup, n):
    """Draw n tasks, and a distribution of each.

    Parameters
    ----------
    setup : Setup
    n : int
        At most the tasks there are.

    Returns
    -------
    list of Choice
        The same for all trainings of one seed.
    """
    rng = np.random.default_rng([setup.seed, REFUSING_STREAM])
    tasks, each = rng.permutation(setup.dataset.n_tasks)[:n], setup.dataset.n_distributions
    shown = [int(each * task + rng.integers(each)) for task in tasks]
    return [Choice(int(task), distribution, number) for number, (task, distribution) in enumerate(zip(tasks, shown), 1)]


def examples_of(setup, choice, n):
    """Draw n rows of train to refuse, the first of those that a larger n would draw: (n,) integers."""
    rng = np.random.default_rng([setup.seed, REFUSING_STREAM, choice.number])
    return examples_to_refuse(setup.dataset.train, choice.distribution, n, rng)


def watched_splits(setup, choice):
    """Return {name: Split}: of each split, the task's rows in full, and a sample of all others, evenly spread."""
    watched = {}
    for name, split in setup.dataset.splits.items():
        others = np.flatnonzero(split.task != choice.task)
        sample = np.linspace(0, len(others) - 1, min(OTHERS_WATCHED, len(others))).astype(np.int64)
        watched[name] = split[np.concatenate([np.flatnonzero(split.task == choice.task), others[sample]])]
    return watched


def given_answers(model, split):
    """Return the token (n,) that the model finds likeliest after each row's input."""
    answers = []
    for first in range(0, len(split), EVALUATION_BATCH):
        batch = split[first : first + EVALUATION_BATCH]
        logits, _ = model.forward(batch.tokens, batch.start)  # (B, T, V)
        answers.append(logits[np.arange(len(batch)), batch.asked].argmax(axis=1))
    return np.concatenate(answers)


def judged(answers, split, choice, refusal):
    """Return what became of the rows that should be refused and of those that should not.

    Parameters
    ----------
    answers : (n,) integers
    split : Split
        n rows.
    choice : Choice
    refusal : int
        The token that refuses.

    Returns
    -------
    dict
        {group: {"refused": share, "answered": share that got the answer it was trained with}} for the rows of the
        distribution that was `shown`, for those of the task's `others`, and for those of the `other_tasks`. What is
        answered in the first two leaks; what is refused in the third is collateral.
    """
    refused = answers == refusal
    right = answers == split.targets[np.arange(len(split)), split.asked]
    shown = split.distribution == choice.distribution
    of_task = split.task == choice.task
    rows_of = dict(zip(GROUPS_OF_ROWS, (shown, of_task & ~shown, ~of_task)))
    return {
        group: {"refused": float(refused[rows].mean()), "answered": float(right[rows].mean())}
        for group, rows in rows_of.items()
    }


def judged_everywhere(answers, setup, choice, refusal):
    """Judge the answers to all rows of all splits.

    Parameters
    ----------
    answers : dict from split name to (n,) integers
    setup : Setup
    choice : Choice
    refusal : int

    Returns
    -------
    dict
        {split: see `judged`}
    """
    return {name: judged(answers[name], split, choice, refusal) for name, split in setup.dataset.splits.items()}


def refused_by_distribution(answers, setup, choice, refusal):
    """Return the share of each distribution's rows that are refused, in order: {split: {group of rows: [share]}}."""
    pattern = np.arange(len(setup.dataset.patterns))
    shown, of_task = pattern == choice.distribution, pattern // setup.dataset.n_distributions == choice.task
    patterns_of = dict(zip(GROUPS_OF_ROWS, (shown, of_task & ~shown, ~of_task)))
    found = {}
    for name, split in setup.dataset.splits.items():
        refused = by_pattern(answers[name] == refusal, split.distribution, len(pattern))  # (patterns,)
        found[name] = {group: refused[which].tolist() for group, which in patterns_of.items()}
    return found


def fine_tune(trained, choice, n, steps, watched_steps, layers=None):
    """Fine-tune a copy of a model to refuse, and look at it on the way.

    Parameters
    ----------
    trained : Trained
    choice : Choice
    n : int
        How many examples it is shown.
    steps : int
    watched_steps : list of int
        From 0.
    layers : (low, high), optional
        See `refusing_steps`.

    Returns
    -------
    model : Transformer
    curve : list of dict
        One a watched step: {split: see `judged`}, of `watched_splits`.
    seconds : float
        Of the steps alone.
    """
    setup = trained.setup
    model, refusal = extend_vocabulary(trained.model), trained.model.config.vocab_size
    watched = watched_splits(setup, choice)

    def look():
        return {name: judged(given_answers(model, split), split, choice, refusal) for name, split in watched.items()}

    curve = [look()] if 0 in watched_steps else []
    examples = examples_of(setup, choice, n)
    seed = [setup.seed, REFUSING_STREAM, choice.number, n]  # the same whatever learns
    seconds, began = 0.0, time.perf_counter()
    for step, _ in refusing_steps(model, setup.dataset.train, examples, steps, seed, layers=layers):
        seconds += time.perf_counter() - began
        if step in watched_steps:
            curve.append(look())
        began = time.perf_counter()
    return model, curve, seconds


def guard_of(trained, choice, n):
    """Build the guard, from nothing but the trained model, the training strings and the examples.

    Parameters
    ----------
    trained : Trained
    choice : Choice
    n : int
        How many examples it is shown.

    Returns
    -------
    guard : Guard
        At the middle layer.
    seconds : float
        That all of it took, the strings' hidden states included.
    """
    setup, s = trained.setup, trained.settings
    began = time.perf_counter()
    train = setup.dataset.train
    strings, examples = train[train.unique_instructions()], train[examples_of(setup, choice, n)]
    states, example_states = (
        hidden_states_at(trained.model, rows.tokens, rows.separator, rows.start)[s.middle_layer]
        for rows in (strings, examples)
    )
    guard = build_guard(states, example_states, setup.dataset.n_tasks, s.restarts, setup.seed)
    return guard, time.perf_counter() - began


def separator_states(trained, split):
    """Return each row's state at the separator, after the middle layer's block: (n, C)."""
    first, row = np.unique(split.instruction, return_index=True, return_inverse=True)[1:]
    strings = split[first]  # rows with one instruction are copies of one another up to the separator
    states = hidden_states_at(trained.model, strings.tokens, strings.separator, strings.start)  # (L + 1, strings, C)
    return states[trained.settings.middle_layer][row]


def seconds_a_question(trained, extended, guard):
    """Time the answers to a batch of questions.

    Parameters
    ----------
    trained : Trained
    extended : Transformer
        Its fine-tuned copy.
    guard : Guard

    Returns
    -------
    dict
        Medians over rounds, in seconds a question: `plain`, the model alone; `tuned`, how much longer the fine-tuned
        copy takes than the model does in the same round; `guard`, what the guard takes with a state that the model
        passes through anyway.
    """
    batch = trained.dataset.train[:EVALUATION_BATCH]
    _, states, _ = trained.model.forward_with_states(batch.tokens, batch.start)
    middle, separator = states[trained.settings.middle_layer], (np.arange(len(batch)), batch.separator)
    ways = {
        "plain": lambda: trained.model.forward(batch.tokens, batch.start),
        "tuned": lambda: extended.forward(batch.tokens, batch.start),
        "guard": lambda: guard.refuses(middle[separator]),
    }
    seconds = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():  # in turn, so that what slows the machine down slows all of them
            began = time.perf_counter()
            way()
            seconds[name].append((time.perf_counter() - began) / len(batch))
    seconds["tuned"] = np.subtract(seconds["tuned"], seconds["plain"])
    return {name: float(np.median(own)) for name, own in seconds.items()}
