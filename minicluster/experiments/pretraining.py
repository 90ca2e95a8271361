"""Shaping clusters in training, where outputs are shared, and what they are good for.

An experiment of ours: the paper's later version closes with applications to pre-training and alignment, whose details
are not at hand (see also `alignment`). All tasks answer with the same outputs, so that the answers alone don't form
clusters (see `sharing`). Nine trainings of equally many steps differ in what they are told besides, by a loss on the
separator's state after the middle block, or in what the input token may see:

- plain: nothing;
- true tasks: each string's task, which a linear reader has to name;
- pseudo-tasks: the same loss, with patterns dealt at random into as many groups, and pattern names: the same, with each
  pattern a group of its own. Both rule out that any second loss would do; the second one is true, but not of tasks;
- pairs: for each training string one other, of another pattern, that means the same; by a contrastive loss, which
  takes all others in the batch for strangers, although some are not. (One pair leads to another: followed from string
  to string they join most of a task. How far is measured. Batches are pairs, so some strings come more often than
  others.);
- pairs first: that loss alone for the first 0.3 of the steps, and the plain training for the rest;
- bottleneck: nothing, but the input token sees the separator only;
- 3 of 10 right, 6 of 10 right: true tasks for so many, pattern names for the rest.

Claim. Told the true tasks, the model clusters by them and answers unseen combinations; told pseudo-tasks or pattern
names, neither. Pairs are enough, a stage of pairs before the training helps, and so does the bottleneck. Within one
model the tasks whose patterns were grouped rightly generalise, and the others don't.

Falsified if true tasks lift accuracy on unseen combinations by less than 0.5 over the plain training's, or pseudo-tasks
or pattern names by more than 0.1; if pairs lift it by less than 0.3, pairs first by less than 0.1, or the bottleneck by
less than 0.2; or if within one model the tasks grouped rightly gain less than 0.3 over the same tasks in the plain
training, or the others more than 0.1. Not judged where a model answers fewer than 0.95 of its training examples, as
pairs first in small runs, whose stage is too short for it.
"""

from dataclasses import replace

import numpy as np

from ..cluster import adjusted_rand_score, cross_subgroup_neighbor_score
from ..training import answer
from .measure import cluster, measure_end, neighbour_scores
from .settings import GROUPS, PAIRS, ShapedSettings
from .shaping import pair_chains, right_tasks
from .statistics import summary
from .step_cost import step_cost
from .verdicts import verdict

SETTINGS, SMALL, SEEDS = ShapedSettings, False, 2
DOSES = (0.3, 0.6)  # of the tasks, told rightly
STAGE = 0.3  # of the steps: pairs first
LEAST_TRUE, LEAST_PAIRS, LEAST_STAGE, LEAST_BOTTLENECK, LEAST_WITHIN = 0.5, 0.3, 0.1, 0.2, 0.3
MOST_CONTROL = 0.1
LEARNED = 0.95  # accuracy on train


def trainings(settings):
    """Return {name: ShapedSettings}, all with shared outputs; see above."""
    shared = replace(settings, share=settings.n_tasks)
    told = replace(shared, shaping=GROUPS)
    pairs = replace(shared, shaping=PAIRS)
    n_tasks = settings.n_tasks
    doses = [max(1, int(dose * n_tasks)) for dose in DOSES]
    return {
        "plain": shared,
        "true tasks": told,
        "pseudo-tasks": replace(told, n_right=0, dealt=True),
        "pattern names": replace(told, n_right=0),
        "pairs": pairs,
        "pairs first": replace(pairs, shaping_steps=_stage(settings.steps)),
        "bottleneck": replace(shared, bottleneck=True),
        **{f"{right} of {n_tasks} right": replace(told, n_right=right) for right in doses},
    }


def _stage(steps):
    """Return how many of a training's steps are the stage of pairs alone."""
    return max(1, int(STAGE * steps))


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
        - `at_95`: `unseen_combination`, the accuracy there, interpolated likewise; `ari` of the training strings and
          `cross_pattern_1nn` of the unseen ones at the middle layer, from the first recording that is not before it,
          at `step`; None if never
        - `ari_curve`: [ARI of the training strings at the middle layer a step]
        - `cost`: how long a step takes, the plain training's being 1; timed, so that it differs from run to run
        - `by_task`, `neighbours_by_task`: [accuracy on unseen combinations, and cross-pattern 1-NN of unseen strings at
          the middle layer, a task]
        - `right_tasks`: the tasks whose patterns were grouped rightly, of which the training was told
        - `chains`: see `pair_chains`; None without pairs
    """
    setup, s = trained.setup, trained.settings
    recordings = trained.recordings
    steps = [recording.step for recording in recordings]
    curves = {split: [own.accuracy[split] for own in recordings] for split in setup.dataset.splits}
    unseen = setup.dataset.unseen_combination
    _, right = answer(trained.model, unseen)  # (n,)
    by_task = [float(right[unseen.task == task].mean()) for task in range(setup.dataset.n_tasks)]
    ari_curve = [_ari(trained, recording) for recording in recordings]
    return {
        **measure_end(trained),
        "steps": steps,
        "curves": curves,
        "steps_to_95": step_of_crossing(steps, curves["train"], LEARNED),
        "at_95": _at_crossing(trained, steps, curves, ari_curve),
        "ari_curve": ari_curve,
        "cost": step_cost(s, setup.seed, trained.model.operations.backend),
        "by_task": by_task,
        "neighbours_by_task": _neighbours_by_task(trained),
        "right_tasks": right_tasks(setup),
        "chains": pair_chains(setup) if s.shaping == PAIRS else None,
    }


def _neighbours_by_task(trained):
    """Return the cross-pattern 1-NN score of each task's unseen strings among the training strings: [one a task]."""
    known, new = trained.strings["train"], trained.strings["unseen_instruction"]
    states = trained.recordings[-1].states
    middle = trained.settings.middle_layer
    return [
        cross_subgroup_neighbor_score(
            states["unseen_instruction"][middle][new.task == task],
            new.task[new.task == task],
            new.distribution[new.task == task],
            reference=states["train"][middle],
            reference_groups=known.task,
            reference_subgroups=known.distribution,
        )
        for task in range(trained.dataset.n_tasks)
    ]


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


def _at_crossing(trained, steps, curves, ari_curve):
    """Return what there is where `LEARNED` of the training sample are first answered, or None; see `measure`."""
    crossing = step_of_crossing(steps, curves["train"], LEARNED)
    if crossing is None:
        return None
    place = int(np.searchsorted(steps, crossing))
    recording = trained.recordings[place]
    known, new = (recording.states[name][trained.settings.middle_layer] for name in ("train", "unseen_instruction"))
    return {
        "step": recording.step,
        "unseen_combination": float(np.interp(crossing, steps, curves["unseen_combination"])),
        "ari": ari_curve[place],
        "cross_pattern_1nn": neighbour_scores(trained.strings, known, new)[1],
    }


def _ari(trained, recording):
    """Return the ARI of a recording's training strings with their tasks, at the middle layer."""
    known, new = (recording.states[name][trained.settings.middle_layer] for name in ("train", "unseen_instruction"))
    return adjusted_rand_score(trained.strings["train"].task, cluster(trained.setup, known, new)[0])


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

    n_tasks = len(runs[0]["plain"]["by_task"])
    doses = [name for name in names if 0 < len(runs[0][name]["right_tasks"]) < n_tasks]
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
            f"at most {MOST_CONTROL}",
            lambda value: value <= MOST_CONTROL,
        ),
        lift_verdict(
            "pattern names",
            "Nor does it on the patterns' own names, which are true and say nothing of tasks",
            f"at most {MOST_CONTROL}",
            lambda value: value <= MOST_CONTROL,
        ),
        lift_verdict(
            "pairs",
            "To know of each string one other that means the same is enough",
            f"at least {LEAST_PAIRS}",
            lambda value: value >= LEAST_PAIRS,
            {"ARI of the chains of pairs": [run["pairs"]["chains"]["ari"] for run in runs]},
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
        *(_within_verdict(runs, name, learned) for name in doses),
    ]
    whole_dial = ["pattern names", *doses, "true tasks"]
    return {
        "verdicts": verdicts,
        "middle_layer": middle,
        "steps": runs[0]["plain"]["steps"],
        "stage": _stage(runs[0]["plain"]["steps"][-1]),
        "curves": {
            name: {
                key: [summary(values) for values in zip(*curves)]
                for key, curves in (
                    ("ari", [run[name]["ari_curve"] for run in runs]),
                    ("unseen_combination", [run[name]["curves"]["unseen_combination"] for run in runs]),
                )
            }
            for name in names
        },
        "by_training": {name: _medians([run[name] for run in runs], middle) for name in names},
        "n_right": {name: len(runs[0][name]["right_tasks"]) for name in whole_dial},
        "within": {name: _within_summary(runs, name) for name in whole_dial},
    }


def _matched_lift(runs, name):
    """Return [a lift a seed] where this training and the plain one each first answer enough of train; or None."""
    points = [(run[name]["at_95"], run["plain"]["at_95"]) for run in runs]
    return [
        None if None in (own, plain) else own["unseen_combination"] - plain["unseen_combination"]
        for own, plain in points
    ]


def _within(run, name):
    """Return what became of the tasks grouped rightly within one model, and of the others: accuracies on unseen
    combinations, the same in the plain training, and cross-pattern 1-NN; None where there are no such tasks."""
    right = run[name]["right_tasks"]
    tasks = {"right": right, "others": [task for task in range(len(run[name]["by_task"])) if task not in right]}

    def mean(values, which):
        return float(np.mean([values[task] for task in tasks[which]])) if tasks[which] else None

    return {
        **{which: mean(run[name]["by_task"], which) for which in tasks},
        **{f"{which}_plain": mean(run["plain"]["by_task"], which) for which in tasks},
        **{f"{which}_neighbours": mean(run[name]["neighbours_by_task"], which) for which in tasks},
    }


def _within_verdict(runs, name, learned):
    """Return the verdict on a model that was told some tasks rightly: do these generalise, and the others not?"""
    within = [_within(run, name) for run in runs]
    right, others = ([own[key] - own[f"{key}_plain"] for own in within] for key in ("right", "others"))  # lifts
    return verdict(
        None,
        f"Within one model, {name}: these generalise, and the others don't",
        f"the rightly grouped tasks' accuracy on unseen combinations at least {LEAST_WITHIN} above their own in the "
        f"plain training, and the others' at most {MOST_CONTROL}; not judged below {LEARNED} of training answers",
        "lift of the tasks grouped rightly",
        right,
        [
            own >= LEAST_WITHIN and other <= MOST_CONTROL if all(enough) else None
            for own, other, *enough in zip(right, others, learned[name], learned["plain"])
        ],
        controls={
            "lift of the others": others,
            "accuracy of the tasks grouped rightly": [own["right"] for own in within],
            "accuracy of the others": [own["others"] for own in within],
            "cross-pattern 1-NN of the tasks grouped rightly": [own["right_neighbours"] for own in within],
            "cross-pattern 1-NN of the others": [own["others_neighbours"] for own in within],
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
            "unseen_combination": summary([own["unseen_combination"] for own in at_95]),
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
            at = m["at_95"] or dict.fromkeys(("unseen_combination", "ari", "cross_pattern_1nn"))
            rows.append(
                (
                    run["seed"],
                    name,
                    *(m["accuracy"][split] for split in ("train", "unseen_instruction", "unseen_combination")),
                    m["ari"]["train"][middle],
                    m["cross_pattern_1nn"]["unseen_instruction"][middle],
                    m["steps_to_95"],
                    at["unseen_combination"],
                    at["ari"],
                    at["cross_pattern_1nn"],
                    m["cost"],
                    " ".join(map(str, m["right_tasks"])),
                    within["right"],
                    within["others"],
                )
            )
    return header, rows
