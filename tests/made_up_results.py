"""Results of experiments that never ran, each of which shows all that it claims; and a training of a few steps."""

from dataclasses import asdict, replace

from minicluster.experiments import Settings
from minicluster.experiments.investigate import about, module_of

TINY = Settings(
    n_tasks=3, n_distributions=2, n_inputs=4, n_instructions=6, n_unseen_instructions=3, n_held_out_inputs=1,
    d_model=8, n_layers=2, n_heads=2, steps=6, batch_size=8, n_recordings=3, restarts=2,
)  # fmt: skip
DIVERGES = replace(TINY, lr=1e30, warmup=0)


class Silent:
    """A Progress that tells nothing."""

    def __init__(self, *about):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        pass

    def update(self, step, **figures):
        pass


def both_splits(train, unseen):
    return {"train": train, "unseen_instruction": unseen}


def end(accuracy=1.0, unseen_combination=1.0, ari=(0.0, 0.5, 1.0)):
    """What `measure_end` returns, of three layers; the middle one is 1."""
    nothing = [0.0, 0.05, 0.06]
    return {
        "middle_layer": 1,
        "accuracy": {"train": accuracy, "unseen_instruction": 0.9, "unseen_combination": unseen_combination},
        "ari": both_splits(list(ari), list(ari)),
        "cross_pattern_1nn": both_splits([0.08, 0.97, 1.0], [0.08, 0.95, 0.96]),
        "untrained": {
            "ari": both_splits(nothing, nothing),
            "cross_pattern_1nn": both_splits([0.08, 0.09, 0.1], [0.08, 0.07, 0.1]),
        },
        "bag_of_letters": {"ari": both_splits(0.12, 0.1), "cross_pattern_1nn": both_splits(0.2, 0.15)},
        "regrouping_null_99": [0.0, 0.3, 0.31],
        "chance": 0.1,
        "chance_1nn": 0.077,
    }


def dynamics_run(seed=0):
    """Four layers, of which the middle one is 2, at steps 0, 50 and 100."""
    rising = [[0.0, 0.04, 0.05, 0.06], [0.0, 0.1, 0.9, 0.94], [0.0, 0.2, 0.96, 0.98]]
    beside = [[value / 2 for value in step] for step in rising]
    token = {
        "ari": both_splits(rising, beside),
        "ami": both_splits(beside, beside),
        "cross_pattern_1nn": both_splits([[0.08] * 4, [0.1, 0.2, 0.8, 0.9], [0.08, 0.2, 0.93, 0.95]], rising),
        "silhouette": [[-0.1, 0.0, 0.0, 0.0], [0.0, 0.1, 0.4, 0.5], [0.0, 0.1, 0.5, 0.6]],
    }
    return {
        "seed": seed,
        "plain": {
            "steps": [0, 50, 100],
            "accuracy": {name: [0.0, 0.9, 1.0] for name in ("train", "unseen_instruction", "unseen_combination")},
            "middle_layer": 2,
            "separator": token,
            "input": {**token, "ari": both_splits(beside, beside)},
            "by_distribution": {"distribution": rising, "task": beside},
            "ceiling": 0.375,
            "chosen_k": {"layers": [None, 5, 10, 10], "steps": [3, 11, 10]},
            "bag_of_letters": {
                "ari": both_splits(0.12, 0.1), "ami": both_splits(0.2, 0.19), "cross_pattern_1nn": both_splits(0.3, 0.2)
            },
            "chance_1nn": 0.077,
            "regrouping_null_99": [[0.0, 0.1, 0.1, 0.1], [0.0, 0.2, 0.3, 0.3], [0.0, 0.2, 0.31, 0.32]],
        },
    }  # fmt: skip


def moves(right, other, random, followed, gain=0.7):
    """Effects of moves that are the same at layers 0 and 1, and none after the last block; mean gain at layer 1."""

    def by_layer(share):
        return [share, share, 0.5]

    return {
        "n_rows": 20,
        "right": {"none": [0.5] * 3, "right": by_layer(right), "other": by_layer(other), "random": by_layer(random)},
        "followed": by_layer(followed),
        "gain": [[0.5, None, 0.7], [gain - 0.1, None, gain + 0.1], [0.0, None, 0.0]],
    }


def unseen_run(seed=0):
    """Three layers, of which the middle one is 1."""
    own = {
        **end(),
        "landing": {"nearest_5": [0.1, 0.9, 0.95], "centroid": [0.1, 0.88, 0.93]},
        "cross_pattern_by_pattern": [1.0, 0.9, 0.95],
        "n_strings": 50,
        "n_misplaced": 5,
        "margin": {
            "edges": [-1.0, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
            "accuracy": [0.3, None, 0.8, 0.9, 0.95, 1.0],
            "n": [5, 0, 5, 10, 20, 10],
            "rank_correlation": 0.4,
            "partial": 0.2,
            "shuffled_bar": 0.05,
            "well_placed": 0.1,
            "edit_distance": -0.3,
        },
        "last_layer": 0.0,
    }
    plain = {"rescue": moves(0.45, 0.4, 0.41, 0.1, 0.04), "harm": moves(0.9, 0.8, 0.87, 0.2, 0.07)}
    bottleneck = {"rescue": moves(0.95, 0.1, 0.35, 0.8), "harm": moves(0.99, 0.05, 0.93, 0.85)}
    return {"seed": seed, "plain": {**own, **plain}, "bottleneck": {**own, **bottleneck}}


def patched(held, instruction, random_held):
    """Answers moved by each patch, of three layers."""
    moved = {
        "held": [0.1, held, 0.0],
        "centroid": [0.1, 0.5, 0.0],
        "string": [0.1, 0.45, 0.0],
        "instruction": [instruction, 0.6, 0.0],
        "random": [0.01, 0.02, 0.0],
        "random_held": [0.02, random_held, 0.0],
    }
    return {patch: {"moved": own, "stayed": [1 - share for share in own]} for patch, own in moved.items()}


def bottleneck_run(seed=0):
    """Three layers, of which the middle one is 1."""
    run = {"seed": seed}
    for outputs in ("separate", "shared"):
        for way in ("plain", "bottleneck"):
            held = 0.97 if way == "bottleneck" else 0.23
            run[f"{outputs}, {way}"] = {
                **end(unseen_combination=0.5 if outputs == "shared" else 1.0),
                "n_patched": 30,
                "patches": patched(held, 0.96, 0.04),
                "moved_by_pattern": [held, None, held],
                "last_layer": 0.0,
            }
    return run


def sharing_run(seed=0):
    """Three layers, of which the middle one is 1."""
    dial = {1: (1.0, 0.97), 2: (0.9, 0.9), 5: (0.4, 0.6), 10: (0.2, 0.26)}  # share: ARI, accuracy
    return {"seed": seed} | {
        f"share {share}": {"share": share, **end(unseen_combination=accuracy, ari=(0.0, ari, ari))}
        for share, (ari, accuracy) in dial.items()
    }


def last_token():
    """Three layers at steps 0, 10, 20 and 40: clusters that come and go in the last one."""
    return {
        "ari": [[0.0, 0.01, 0.02], [0.0, 0.2, 0.5], [0.01, 0.3, 0.6], [0.0, 0.4, 0.25]],
        "between_attributes": [[0.01, 0.01, 0.02], [0.01, 0.7, 0.8], [0.02, 0.6, 0.7], [0.02, 0.5, 0.4]],
        "between_answers": [[0.04, 0.04, 0.04], [0.05, 0.02, 0.01], [0.07, 0.05, 0.2], [0.1, 0.3, 0.45]],
        "dealt_answers": [[0.04, 0.04, 0.03], [0.04, 0.01, 0.02], [0.05, 0.02, 0.03], [0.05, 0.03, 0.05]],
        "regrouping_null_99": [0.01, 0.1, 0.15, 0.05],
    }


def geography_run(seed=0):
    """Two attributes, three layers, of which the middle one is 1; the first seed has what is drawn of one only."""
    run = {"seed": seed}
    for name in ("plain", "inside", "hard"):
        own = end(ari=(0.0, 0.8, 1.0))
        own["accuracy"] = {"train": 1.0, "unseen_instruction": 0.98, "unseen_combination": 0.97}
        own["bag_of_words"] = {"ari": both_splits(0.05, 0.04), "cross_pattern_1nn": both_splits(0.4, 0.35)}
        del own["bag_of_letters"], own["chance"]
        run[name] = {
            **own,
            "attributes": ["capital", "coast"],
            "steps": [0, 10, 20, 40],
            "accuracy_by_attribute": {"unseen_instruction": [0.96, 1.0], "unseen_combination": [0.95, 0.99]},
            "most_common_answer": {"train": 0.3, "unseen_instruction": 0.28, "unseen_combination": 0.31},
            "by_step": {"separator": {"ari": [[0.0, 0.0, 0.01], [0.0, 0.3, 0.5], [0.0, 0.7, 0.9], [0.0, 0.8, 1.0]]}},
        }
        run[name]["by_step"]["last"] = last_token()
    moments = (("separator", 0, 1, 0.0), ("separator", 40, 1, 0.8), ("last", 20, 2, 0.6), ("last", 40, 2, 0.25))
    panels = [
        {"token": token, "step": step, "layer": layer, "points": [[0.0, 1.0], [1.0, 0.5], [2.0, 0.0]],
         "explained": 0.4, "ari": ari}
        for token, step, layer, ari in moments
    ]  # fmt: skip
    run["plain"]["pictured"] = {"task": [0, 1, 1], "panels": panels}
    return run


def pretraining_run(seed=0):
    """Three layers, of which the middle one is 1; ten tasks, of which the first ones are told rightly."""
    dial = {  # training: accuracy on unseen combinations of the tasks grouped rightly, of the others; how many; ARI
        "plain": (None, 0.2, 0, 0.2),
        "true tasks": (0.9, None, 10, 0.98),
        "pseudo-tasks": (None, 0.25, 0, 0.21),
        "pattern names": (None, 0.22, 0, 0.19),
        "pairs": (None, 0.8, 0, 0.4),
        "pairs first": (None, 0.5, 0, 0.7),
        "bottleneck": (None, 0.6, 0, 0.65),
        "3 of 10 right": (0.85, 0.24, 3, 0.5),
        "6 of 10 right": (0.88, 0.2, 6, 0.7),
    }
    run = {"seed": seed}
    for place, (name, (right, others, n_right, ari)) in enumerate(dial.items()):
        by_task = [right] * n_right + [others] * (10 - n_right)
        steps = [0, 100, 200, 400]
        run[name] = {
            **end(unseen_combination=sum(by_task) / 10, ari=(0.0, ari, 0.99)),
            "steps": steps,
            "curves": {split: [0.1, 0.5, 0.9, 1.0] for split in ("train", "unseen_instruction", "unseen_combination")},
            "steps_to_95": 300.0 - 10 * place,
            "at_95": {
                "step": 400,
                "unseen_combination": sum(by_task) / 20,
                "ari": ari / 2,
                "cross_pattern_1nn": 0.7,
            },
            "ari_curve": [0.0, ari / 4, ari / 2, ari],
            "cost": 1 + place / 100,
            "by_task": by_task,
            "neighbours_by_task": [0.9] * n_right + [0.3] * (10 - n_right),
            "right_tasks": list(range(n_right)),
            "chains": {"n": 13, "ari": 0.8} if name.startswith("pairs") else None,
        }
    return run


def became(reach, collateral=0.0, leak=0.0):
    """What became of rows that should be refused and of those that should not, a little less so where unseen."""

    def judged(unseen):
        return {
            "shown": {"refused": 0.98 - unseen, "answered": 0.01},
            "others": {"refused": max(0.0, reach - unseen), "answered": leak},
            "other_tasks": {"refused": collateral, "answered": 0.99 - collateral - unseen},
        }

    return {"train": judged(0.0), "unseen_instruction": judged(0.1), "unseen_combination": judged(0.05)}


def aligned(above, everything, below, guard, leak=0.0, guard_collateral=0.0, ari=1.0):
    """Three layers, of which the middle one is 1; what each method reaches with 8 examples, at step 40."""
    reach = {"above the clusters": above, "everything": everything, "below the clusters": below, "guard": guard}
    few = {method: became(own, leak=leak) for method, own in reach.items()}
    few["guard"] = became(guard, guard_collateral, leak)
    by_distribution = {
        method: [
            dict.fromkeys(
                ("train", "unseen_instruction", "unseen_combination"),
                {"shown": [0.98], "others": [own - 0.01, own + 0.01], "other_tasks": [0.0, 0.0]},
            )
        ]
        * 2
        for method, own in reach.items()
    }
    return {
        **end(unseen_combination=0.95, ari=(0.0, ari, ari)),
        "choices": [{"task": 1, "distribution": 3}, {"task": 0, "distribution": 0}],
        "n_examples": [2, 8],
        "steps": [0, 10, 40],
        "by_examples": [became(above / 2), became(above, leak=leak)],
        "guards": [became(guard, guard_collateral)] * 2,
        "by_step": {
            which: [became(0.0), became(reach[which] / 4, 0.01), became(reach[which])]
            for which in ("above the clusters", "everything", "below the clusters")
        },
        "few": few,
        "by_distribution": by_distribution,
        "examples_refused": dict.fromkeys(reach, 1.0),
        "seconds": {"above the clusters": 3.0, "everything": 4.0, "below the clusters": 3.5, "guard": 0.25},
        "parameters": {"above the clusters": 1500, "everything": 3000, "below the clusters": 1400, "guard": 0},
        "question": {"plain": 1e-4, "tuned": -1e-6, "guard": 2e-6},
    }


def alignment_run(seed=0):
    return {
        "seed": seed,
        "separate": aligned(0.96, 0.7, 0.2, 0.98),
        "shared": aligned(0.03, 0.05, 0.04, 0.1, leak=0.9, guard_collateral=0.08, ari=0.2),
        "shared, told": aligned(0.8, 0.5, 0.4, 0.97, leak=0.1),
    }


RUNS = {
    "dynamics": dynamics_run,
    "unseen": unseen_run,
    "sharing": sharing_run,
    "bottleneck": bottleneck_run,
    "geography": geography_run,
    "pretraining": pretraining_run,
    "alignment": alignment_run,
}


def changed(run, path, value):
    """Return a run with another value at a path of keys; nothing of the given run changes."""
    first, *rest = path
    if isinstance(run, list):
        run = list(run)
        run[first] = changed(run[first], rest, value) if rest else value
        return run
    return {**run, first: changed(run[first], rest, value) if rest else value}


def results_of(experiment, *runs, settings=TINY):
    """Return what `investigate` would of these runs."""
    module, (title, falsified_by) = module_of(experiment), about(experiment)
    return {
        "experiment": experiment,
        "title": title,
        "falsified_by": falsified_by,
        "config": asdict(settings),
        "trainings": {name: {} for name in runs[0] if name != "seed"},
        "seeds": [run["seed"] for run in runs],
        "failed": [],
        "environment": {"minicluster": "0.1.0", "python": "3.12", "system": "Linux", "date": "2026-01-01"},
        "seconds": 3.2,
        "runs": list(runs),
        **module.summarise(list(runs)),
    }
