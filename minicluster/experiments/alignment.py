"""Aligning a whole task from a few examples: does refusal spread as far as clusters?

A trained model gets one more token, the refusal, and is fine-tuned to give it in answer to a handful of examples of one
distribution of one task, while the other tasks' training rows are replayed. The task's other distributions are never
shown to it. Only the blocks above the middle layer learn, which read the clusters there; beside that, all parameters,
or only those below, which make the clusters. And beside fine-tuning stands a guard that changes no weight: it refuses
what lies in the cluster that most of the same examples lie in (see `refusing`). Refused is what has the refusal as its
likeliest answer; what leaks is what is still answered rightly.

The trainings differ in their clusters. With outputs of their own, tasks form clusters. With all outputs shared they
don't: that is the control. With all outputs shared, and states at the separator that are told their task (`GroupLoss`),
they do: so it is not the outputs that give the task away. Strings, chosen tasks and examples are the same.

What is known: fine-tuning knows of each replayed row that it is of another task; the guard knows how many tasks there
are, and no string's. How long and how fast is fine-tuned, on which batches, and that the blocks above learn, was chosen
on seeds 0 to 2, with an eye on what is reached.

Claim. Because the task is one cluster, refusal reaches the distributions that were never shown, and no other task. (The
application is ours, not the paper's.)

Falsified if, after 8 examples and in the model with clusters, fewer than 0.6 of the other distributions' training
strings are refused, or more than 0.02 of the other tasks'; or if more than 0.1 is reached without clusters, though the
examples are refused there, too; or if telling the task, with the same outputs, adds less than 0.3; or if more than 0.02
of the other tasks' unseen strings or combinations lose their answer.
"""

from dataclasses import replace

import numpy as np

from .alignment_verdicts import ABOVE, BELOW, EVERYTHING, FEW, GUARD, verdicts
from .measure import measure_end
from .refusal_measures import (
    GROUPS_OF_ROWS,
    draw_choices,
    examples_of,
    fine_tune,
    given_answers,
    guard_of,
    judged_everywhere,
    refused_by_distribution,
    seconds_a_question,
    separator_states,
)
from .refusing import n_learning
from .settings import GROUPS, ShapedSettings
from .statistics import summary

SMALL, SEEDS = False, 3
SETTINGS = ShapedSettings
N_CHOICES = 2  # tasks of each training, refused one at a time
N_EXAMPLES = (1, 2, 4, 8, 16, 32)
TUNING = 5  # fine-tuning is so many times shorter than the training
WATCHED = (0, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)  # of the fine-tuning
TUNED = (ABOVE, EVERYTHING, BELOW)  # what learns in fine-tuning
METHODS = (*TUNED, GUARD)
SHOWN = ("by_examples", "guards", "by_step", "few")  # of what is measured: summarised over seeds
SPLITS = ("train", "unseen_instruction", "unseen_combination")


def trainings(settings):
    """Return {name: ShapedSettings}: outputs of their own, shared ones, and shared ones with the task told."""
    plain = replace(settings, n_recordings=2)
    shared = replace(plain, share=settings.n_tasks)
    return {
        "separate": replace(plain, share=1),
        "shared": shared,
        "shared, told": replace(shared, shaping=GROUPS),
    }


def measure(trained):
    """Measure the end of one training, and make it refuse tasks.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        What `measure_end` returns, and, in the mean over the chosen tasks unless it is a list of them:

        - `choices` [{"task", "distribution"}], `n_examples`, `steps` (those looked at)
        - `by_examples` [for each number of examples: {split: see `judged`}]: fine-tuning above the clusters, at the
          last step, from the task's rows and a sample of the other tasks'; `guards`, the same of the guard, from all
          rows
        - `by_step` {what learns: [for each step: {split: see `judged`}]}: fine-tuning with 8 examples, from these rows
        - `few` {method: {split: see `judged`}}: with 8 examples, at the last step, from all rows
        - `by_distribution` {method: [for each choice: see `refused_by_distribution`]}, the same
        - `examples_refused` {method: share}, of the 8 examples
        - `seconds` {method: of fine-tuning, or of building the guard}, `parameters` {method: how many it changes};
          `question`, see `seconds_a_question`
    """
    setup, splits = trained.setup, trained.dataset.splits
    middle, last = trained.settings.middle_layer, trained.settings.n_layers
    layers_of = {ABOVE: (middle, last), EVERYTHING: None, BELOW: (0, middle)}
    steps = max(1, trained.settings.steps // TUNING)
    watched_steps = sorted({round(share * steps) for share in WATCHED})
    choices = draw_choices(setup, N_CHOICES)
    refusal = trained.model.config.vocab_size  # the token that fine-tuning adds
    states = {name: separator_states(trained, split) for name, split in splits.items()}
    unguarded = {name: given_answers(trained.model, split) for name, split in splits.items()}

    tuned_with, guarded_with = ({n: [] for n in N_EXAMPLES} for _ in range(2))  # for each n, one a choice
    by_step = {which: [] for which in TUNED}
    few, by_distribution, examples_refused, seconds = ({method: [] for method in METHODS} for _ in range(4))
    parameters = {GUARD: 0}
    for choice in choices:
        shown = examples_of(setup, choice, FEW)

        def keep(method, answers, took, choice=choice, shown=shown):
            few[method].append(judged_everywhere(answers, setup, choice, refusal))
            by_distribution[method].append(refused_by_distribution(answers, setup, choice, refusal))
            examples_refused[method].append(float((answers["train"][shown] == refusal).mean()))
            seconds[method].append(took)

        for n in N_EXAMPLES:
            guard, took = guard_of(trained, choice, n)
            guarded = {name: np.where(guard.refuses(states[name]), refusal, unguarded[name]) for name in splits}
            guarded_with[n].append(judged_everywhere(guarded, setup, choice, refusal))
            if n == FEW:
                keep(GUARD, guarded, took)
                guard_of_few = guard
            for which in TUNED if n == FEW else (ABOVE,):
                model, curve, took = fine_tune(trained, choice, n, steps, watched_steps, layers_of[which])
                if which == ABOVE:
                    tuned_with[n].append(curve[-1])
                if n == FEW:
                    by_step[which].append(curve)
                    keep(which, {name: given_answers(model, split) for name, split in splits.items()}, took)
                    parameters[which] = n_learning(model, layers_of[which])
    return {
        **measure_end(trained),
        "choices": [{"task": choice.task, "distribution": choice.distribution} for choice in choices],
        "n_examples": list(N_EXAMPLES),
        "steps": watched_steps,
        "by_examples": [merged(own, _mean) for own in tuned_with.values()],
        "guards": [merged(own, _mean) for own in guarded_with.values()],
        "by_step": {which: merged(own, _mean) for which, own in by_step.items()},
        "few": {method: merged(own, _mean) for method, own in few.items()},
        "by_distribution": by_distribution,
        "examples_refused": {method: _mean(own) for method, own in examples_refused.items()},
        "seconds": {method: _mean(own) for method, own in seconds.items()},
        "parameters": parameters,
        "question": seconds_a_question(trained, model, guard_of_few),
    }


def merged(trees, of):
    """Return dicts and lists of one form, nested alike, as one whose leaves are `of` the list of theirs."""
    first = trees[0]
    if isinstance(first, dict):
        return {key: merged([tree[key] for tree in trees], of) for key in first}
    if isinstance(first, list):
        return [merged(list(own), of) for own in zip(*trees)]
    return of(trees)


def _mean(values):
    return float(np.mean(values))


def summarise(runs):
    """Return the verdicts, the measures against examples and steps, and the table of the methods."""
    names = [name for name in runs[0] if name != "seed"]
    first = runs[0][names[0]]
    over_seeds = {name: {key: merged([run[name][key] for run in runs], summary) for key in SHOWN} for name in names}
    return {
        "verdicts": verdicts(runs),
        "few_examples": FEW,
        "n_examples": first["n_examples"],
        "steps": first["steps"],
        **{key: {name: own[key] for name, own in over_seeds.items()} for key in SHOWN},
        "ari": {name: summary([_ari(run[name]) for run in runs]) for name in names},
        "methods": [_method(runs, name, method) for name in names for method in METHODS],
    }


def _ari(own):
    """Return the ARI of the training strings' clusters with the tasks, at the middle layer."""
    return own["ari"]["train"][own["middle_layer"]]


def _method(runs, name, method):
    """Return one row of the table: what a method costs in one training, what it reaches and what leaks."""
    own = [run[name] for run in runs]

    def few(split, group, what):
        return summary([one["few"][method][split][group][what] for one in own])

    return {
        "training": name,
        "method": method,
        "examples": FEW,
        "steps": 0 if method == GUARD else own[0]["steps"][-1],
        "parameters": own[0]["parameters"][method],
        "seconds": summary([one["seconds"][method] for one in own]),
        "seconds_a_question": summary([one["question"]["plain"] for one in own]),
        "more_seconds_a_question": summary([one["question"][GUARD if method == GUARD else "tuned"] for one in own]),
        "reach": few("train", "others", "refused"),
        "reach_unseen_instruction": few("unseen_instruction", "others", "refused"),
        "reach_unseen_combination": few("unseen_combination", "others", "refused"),
        "leak": few("train", "others", "answered"),
        "leak_unseen_instruction": few("unseen_instruction", "others", "answered"),
        "leak_unseen_combination": few("unseen_combination", "others", "answered"),
        "collateral": few("train", "other_tasks", "refused"),
        "collateral_unseen_instruction": few("unseen_instruction", "other_tasks", "refused"),
        "collateral_unseen_combination": few("unseen_combination", "other_tasks", "refused"),
        "accuracy": few("train", "other_tasks", "answered"),
    }


def table(results):
    """Return the plotted numbers: a header and rows."""
    parts = [(split, group, what) for split in SPLITS for group in GROUPS_OF_ROWS for what in ("refused", "answered")]
    header = ("seed", "training", "method", "examples", "steps", "ari", *("_".join(part) for part in parts))
    rows = []
    for run in results["runs"]:
        for name in results["trainings"]:
            own = run[name]
            ari, last = _ari(own), own["steps"][-1]
            looks = [(ABOVE, n, last, one) for n, one in zip(own["n_examples"], own["by_examples"])]
            looks += [(GUARD, n, 0, one) for n, one in zip(own["n_examples"], own["guards"])]
            for which, curve in own["by_step"].items():
                steps = [step for step in own["steps"] if which != ABOVE or step != last]  # the last is there already
                looks += [(which, FEW, step, one) for step, one in zip(steps, curve)]
            for *what, judged in looks:
                numbers = [judged[split][group][of] for split, group, of in parts]
                rows.append((run["seed"], name, *what, ari, *numbers))
    return header, rows
