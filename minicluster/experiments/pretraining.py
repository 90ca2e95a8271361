"""Shared outputs again: clusters that a loss of their own shapes in training, and what they are good for.

An experiment of ours: the paper's later version closes with applications to pre-training and alignment, whose details
are not at hand (see also `alignment`). All tasks answer with the same outputs, so that the answers alone don't form
clusters (see `sharing`). Eight trainings of equally many steps differ in what they are told besides, by a loss on the
separator's state after the middle block, or in what the input token may see:

- plain: nothing;
- true tasks: each string's task, which a linear reader has to name;
- pseudo-tasks: the same loss, with patterns dealt at random into as many groups, which rules out that any second loss
  would do;
- pairs: for each training string one other, of another pattern, that means the same; by a contrastive loss, which
  takes all others in the batch for strangers, although some are not;
- pairs first: that loss alone for the first 0.3 of the steps, and the plain one for the rest;
- bottleneck: nothing, but the input token sees the separator only;
- 3 of 10 right, 6 of 10 right: the tasks of so many are told rightly, and the other patterns are dealt at random.

Claim. What generalises is what was clustered. Told the true tasks, the model answers unseen combinations, told
pseudo-tasks it doesn't; pairs are enough; a stage before the training helps less than a companion through it; and
within one model the tasks whose patterns were grouped rightly generalise while the others don't.

Falsified if true tasks lift accuracy on unseen combinations by less than 0.5 over the plain training's, or pseudo-tasks
by more than 0.1; if pairs lift it by less than 0.3, pairs first by less than 0.1, or the bottleneck by less than 0.2;
or if within one model the rightly grouped tasks' accuracy is less than 0.3 above the other tasks', or less than 0.3
above their own in the plain training. Not judged where a model answers fewer than 0.95 of its training examples.
"""

import time
from dataclasses import replace

import numpy as np

from ..cluster import adjusted_rand_score
from ..nn.adamw import warmup_cosine
from ..training import answer, training_steps
from .measure import cluster, measure_end, neighbour_scores
from .run import Training, prepare
from .settings import GROUPS, PAIRS, ShapedSettings
from .shaping import told_groups
from .statistics import summary
from .verdicts import verdict

SETTINGS, SMALL, SEEDS = ShapedSettings, False, 3
DOSES = (0.3, 0.6)  # of the tasks, told rightly
STAGE = 0.3  # of the steps: pairs first
LEAST_TRUE, MOST_PSEUDO, LEAST_PAIRS, LEAST_STAGE, LEAST_BOTTLENECK, LEAST_WITHIN = 0.5, 0.1, 0.3, 0.1, 0.2, 0.3
LEARNED = 0.95  # accuracy on train
TIMED_STEPS = 40  # of each stage


def trainings(settings):
    """Return {name: ShapedSettings}, all with shared outputs; see above."""
    shared = replace(settings, share=settings.n_tasks)
    told = replace(shared, shaping=GROUPS)
    pairs = replace(shared, shaping=PAIRS)
    n_tasks = settings.n_tasks
    doses = [max(1, int(dose * n_tasks)) for dose in DOSES]
    return {
        "plain": shared,
        "true tasks": replace(told, n_right=n_tasks),
        "pseudo-tasks": replace(told, n_right=0),
        "pairs": pairs,
        "pairs first": replace(pairs, shaping_steps=max(1, int(STAGE * settings.steps))),
        "bottleneck": replace(shared, bottleneck=True),
        **{f"{right} of {n_tasks} right": replace(told, n_right=right) for right in doses},
    }


def measure(trained):
    """Measure the end of one training, the way there, and what a step costs.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        What `measure_end` returns, and

        - `steps`, `curves` {split: [accuracy a step]}: on the way; see `recorded_rows`
        - `steps_to_95`: steps until 0.95 of the training sample are answered, interpolated; None if never
        - `at_95`: `step`, `accuracy` {split: value}, `ari` of the training strings and `cross_pattern_1nn` of the unseen
          ones at the middle layer, all at the first recording with so many; None if there is none
        - `cost`: how long a step takes, the plain training's being 1
        - `by_task`: [accuracy on unseen combinations a task]
        - `right_tasks`: the tasks whose patterns were grouped rightly, of which the training was told
    """
    setup, s = trained.setup, trained.settings
    recordings = trained.recordings
    steps = [recording.step for recording in recordings]
    curves = {split: [own.accuracy[split] for own in recordings] for split in setup.dataset.splits}
    unseen = setup.dataset.unseen_combination
    _, right = answer(trained.model, unseen)  # (n,)
    by_task = [float(right[unseen.task == task].mean()) for task in range(setup.dataset.n_tasks)]
    return {
        **measure_end(trained),
        "steps": steps,
        "curves": curves,
        "steps_to_95": step_of_crossing(steps, curves["train"], LEARNED),
        "at_95": _at_first_recording(trained, LEARNED),
        "cost": step_cost(s, setup.seed, trained.model.operations.backend),
        "by_task": by_task,
        "right_tasks": _right_tasks(setup),
    }


def _right_tasks(setup):
    """Return the tasks that a training was told rightly, all their patterns in one group: a list of int."""
    if setup.settings.shaping != GROUPS:
        return []
    groups = told_groups(setup).reshape(setup.dataset.n_tasks, -1)  # (tasks, patterns of each)
    return [task for task, own in enumerate(groups) if (own == task).all()]


def step_of_crossing(steps, values, level):
    """Return where values, connected by straight lines, first reach a level; None if they never do.

    Parameters
    ----------
    steps : list of int
        In rising order.
    values : list of float
        One a step.
    level : float
    """
    there = [index for index, value in enumerate(values) if value >= level]
    if not there:
        return None
    last = there[0]
    if last == 0:
        return float(steps[0])
    share = (level - values[last - 1]) / (values[last] - values[last - 1])
    return float(steps[last - 1] + share * (steps[last] - steps[last - 1]))


def _at_first_recording(trained, level):
    """Return what there is at the first recording whose training accuracy is at least `level`, or None."""
    middle, strings = trained.settings.middle_layer, trained.strings
    for recording in trained.recordings:
        if recording.accuracy["train"] >= level:
            known, new = (recording.states[name][middle] for name in ("train", "unseen_instruction"))  # (n, C), (m, C)
            labels, _ = cluster(trained.setup, known, new)
            return {
                "step": recording.step,
                "accuracy": recording.accuracy,
                "ari": adjusted_rand_score(strings["train"].task, labels),
                "cross_pattern_1nn": neighbour_scores(strings, known, new)[1],
            }
    return None


def step_cost(settings, seed, backend):
    """Time a training's steps and plain ones, in turns; return the ratio of their medians.

    Parameters
    ----------
    settings : ShapedSettings
    seed : int
    backend : str
        See `Transformer`.

    Returns
    -------
    float
        If only the first steps minimise another loss, the mean over the whole training, the others counting 1.
    """
    own = replace(settings, shaping_steps=TIMED_STEPS + 1 if settings.shaping_steps else 0)
    under_way = [_steps_of(other, seed, backend) for other in (own, replace(own, shaping=None, bottleneck=False))]
    seconds = np.empty((TIMED_STEPS + 1, len(under_way)))
    for timed in seconds:
        for place, steps in enumerate(under_way):
            began = time.perf_counter()
            next(steps)
            timed[place] = time.perf_counter() - began
    shaped, plain = np.median(seconds[1:], axis=0)  # the first one makes the memory that the others use again
    share = settings.shaping_steps / settings.steps if settings.shaping_steps else 1
    return float(1 + share * (shaped / plain - 1))


def _steps_of(settings, seed, backend):
    """Return the steps of a new training, which is to be thrown away."""
    setup = prepare(settings, seed, backend=backend)
    training = Training(setup)
    return training_steps(
        setup.model,
        setup.optimizer,
        setup.dataset.train,
        TIMED_STEPS + 1,
        training.batches,
        learning_rate=lambda step: warmup_cosine(step, TIMED_STEPS + 1, settings.lr, 0),
        objective_of=training.objective_of,
    )


def summarise(runs):
    """Return the verdicts, and medians with ranges by training."""
    names = [name for name in runs[0] if name != "seed"]
    middle = runs[0]["plain"]["middle_layer"]
    unseen = {name: [run[name]["accuracy"]["unseen_combination"] for run in runs] for name in names}
    learned = {name: [run[name]["accuracy"]["train"] >= LEARNED for run in runs] for name in names}

    def lift(name):
        return [own - plain for own, plain in zip(unseen[name], unseen["plain"])]

    def judged(name, rule):
        """Return rule(value) for each seed, None where this training or the plain one has not learned."""
        both = zip(learned[name], learned["plain"])
        return [rule(value) if all(enough) else None for value, enough in zip(lift(name), both)]

    ari = {name: [run[name]["ari"]["train"][middle] for run in runs] for name in names}

    def lift_verdict(name, statement, rule_text, rule, controls=None):
        return verdict(
            None,
            statement,
            f"accuracy on unseen combinations {rule_text} above the plain training's; not judged below {LEARNED} of "
            "training answers",
            f"lift by {name}",
            lift(name),
            judged(name, rule),
            controls={
                "accuracy of the plain training": unseen["plain"],
                f"lift where each first answers {LEARNED} of train": _matched_lift(runs, name),
                f"ARI at layer {middle}": ari[name],
                f"ARI at layer {middle}, plain training": ari["plain"],
            }
            | (controls or {}),
        )

    null = [run["true tasks"]["regrouping_null_99"][middle] for run in runs]
    verdicts = [
        lift_verdict(
            "true tasks",
            "With shared outputs, a loss that names the true tasks makes unseen combinations answered",
            f"at least {LEAST_TRUE}",
            lambda value: value >= LEAST_TRUE,
            {f"ARI at layer {middle}, regrouping null": null},
        ),
        lift_verdict(
            "pseudo-tasks",
            "The same loss on pseudo-tasks doesn't",
            f"at most {MOST_PSEUDO}",
            lambda value: value <= MOST_PSEUDO,
        ),
        lift_verdict(
            "pairs",
            "To know of each string one other that means the same is enough",
            f"at least {LEAST_PAIRS}",
            lambda value: value >= LEAST_PAIRS,
        ),
        lift_verdict(
            "pairs first",
            "A stage of pairs alone before the training helps, too",
            f"at least {LEAST_STAGE}",
            lambda value: value >= LEAST_STAGE,
            {"lift by pairs all through": lift("pairs")},
        ),
        lift_verdict(
            "bottleneck",
            "So does a bottleneck, which is told nothing",
            f"at least {LEAST_BOTTLENECK}",
            lambda value: value >= LEAST_BOTTLENECK,
        ),
        *(_within_verdict(runs, name, learned) for name in names if name.endswith("right")),
    ]
    told = [name for name in names if name == "pseudo-tasks" or runs[0][name]["right_tasks"]]
    return {
        "verdicts": verdicts,
        "middle_layer": middle,
        "by_training": {name: _medians([run[name] for run in runs], middle) for name in names},
        "n_right": {name: len(runs[0][name]["right_tasks"]) for name in told},
        "within": {name: _within_summary(runs, name) for name in told},
    }


def _matched_lift(runs, name):
    """Return the lift where this training and the plain one each first answer enough of train: [one a seed], or None."""
    points = [(run[name]["at_95"], run["plain"]["at_95"]) for run in runs]
    return [
        None if None in pair else pair[0]["accuracy"]["unseen_combination"] - pair[1]["accuracy"]["unseen_combination"]
        for pair in points
    ]


def _within(run, name):
    """Return accuracies on unseen combinations within one model: of its rightly grouped tasks and of the others, and of
    both in the plain training; None where there are no such tasks."""

    def mean(training, tasks):
        return float(np.mean([run[training]["by_task"][task] for task in tasks])) if tasks else None

    right = run[name]["right_tasks"]
    others = [task for task in range(len(run[name]["by_task"])) if task not in right]
    return {
        "right": mean(name, right),
        "others": mean(name, others),
        "right_plain": mean("plain", right),
        "others_plain": mean("plain", others),
    }


def _within_verdict(runs, name, learned):
    """Return the verdict on a model that was told some tasks rightly: do these generalise, and the others not?"""
    within = [_within(run, name) for run in runs]
    gaps = [own["right"] - own["others"] for own in within]
    lifts = [own["right"] - own["right_plain"] for own in within]
    return verdict(
        None,
        f"Within one model, {name}: these generalise, and the others don't",
        f"accuracy on the rightly grouped tasks' unseen combinations at least {LEAST_WITHIN} above the other tasks', and "
        f"at least {LEAST_WITHIN} above their own in the plain training; not judged below {LEARNED} of training answers",
        "the rightly grouped tasks' accuracy above the others'",
        gaps,
        [
            min(gap, lift) >= LEAST_WITHIN if all(enough) else None
            for gap, lift, *enough in zip(gaps, lifts, learned[name], learned["plain"])
        ],
        controls={
            "rightly grouped": [own["right"] for own in within],
            "the others": [own["others"] for own in within],
            "rightly grouped, plain training": [own["right_plain"] for own in within],
            "the others, plain training": [own["others_plain"] for own in within],
        },
    )


def _within_summary(runs, name):
    """Return medians with ranges of `_within`."""
    within = [_within(run, name) for run in runs]
    return {key: summary([own[key] for own in within]) for key in within[0]}


def _medians(measured, middle):
    """Return medians with ranges of one training's numbers, those of layers at the middle one."""
    at_95 = [own["at_95"] for own in measured if own["at_95"] is not None]
    return {
        **{split: summary([own["accuracy"][split] for own in measured]) for split in measured[0]["accuracy"]},
        "ari": summary([own["ari"]["train"][middle] for own in measured]),
        "best_ari": summary([max(own["ari"]["train"]) for own in measured]),
        "cross_pattern_1nn": summary([own["cross_pattern_1nn"]["unseen_instruction"][middle] for own in measured]),
        "steps_to_95": summary([own["steps_to_95"] for own in measured]),
        "cost": summary([own["cost"] for own in measured]),
        "at_95": {
            "unseen_combination": summary([own["accuracy"]["unseen_combination"] for own in at_95]),
            "ari": summary([own["ari"] for own in at_95]),
            "cross_pattern_1nn": summary([own["cross_pattern_1nn"] for own in at_95]),
        },
    }


def table(results):
    """Return the plotted numbers: a header and rows."""
    header = ("seed", "training", "accuracy_train", "accuracy_unseen_instruction", "accuracy_unseen_combination", "ari",
              "cross_pattern_1nn_unseen", "steps_to_95", "at_95_unseen_combination", "at_95_ari",
              "at_95_cross_pattern_1nn_unseen", "cost", "right_tasks", "right", "others")  # fmt: skip
    rows, middle = [], results["middle_layer"]
    for run in results["runs"]:
        for name in results["by_training"]:
            m, within = run[name], _within(run, name)
            at = m["at_95"] or {"accuracy": {"unseen_combination": None}, "ari": None, "cross_pattern_1nn": None}
            rows.append(
                (
                    run["seed"],
                    name,
                    *(m["accuracy"][split] for split in ("train", "unseen_instruction", "unseen_combination")),
                    m["ari"]["train"][middle],
                    m["cross_pattern_1nn"]["unseen_instruction"][middle],
                    m["steps_to_95"],
                    at["accuracy"]["unseen_combination"],
                    at["ari"],
                    at["cross_pattern_1nn"],
                    m["cost"],
                    " ".join(map(str, m["right_tasks"])),
                    within["right"],
                    within["others"],
                )
            )
    return header, rows
