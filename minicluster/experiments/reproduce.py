"""The main job: train, cluster, judge; the headline result of the project."""

import contextlib
import time
from dataclasses import asdict

import numpy as np

from ..training import Progress
from .claims import judge
from .side_by_side import Failure, run_jobs

LABEL_WIDTH = 32  # of the table's first column


def reproduce(jobs, processes=1, progress=Progress, tell=print):
    """Run the experiment once for each seed.

    Parameters
    ----------
    jobs : list of Job
        At least one, alike but for their seeds.
    processes : int
        How many run at once; see `run_jobs`.
    progress : callable
        Takes how much there is to do and a label, returns a Progress.
    tell : callable
        Takes a job and a Failure, when a seed has failed. The others go on.

    Returns
    -------
    results : dict, or None if every seed failed
        Ready for JSON, as README describes results.json: `config`, `seed`, `seeds`, `failed`, `environment`,
        `seconds`, `steps`, `runs` (one `measure` a seed), `claims`, and the runs' medians: `loss`, `accuracy`, `ari`,
        `cross_pattern_1nn`, `controls`, `early_stopping_step`.
    pictures : dict
        Of the first seed, for `plots`: `dataset`, `principal_components`.
    finished : list of (Job, Checkpoint)
        In the order of `jobs`.
    """
    if not jobs:
        raise ValueError("jobs is empty, expected at least one")
    began, outcomes = time.perf_counter(), {}
    with contextlib.closing(run_jobs(jobs, processes, progress)) as ending:
        for job, outcome in ending:
            outcomes[job] = outcome
            if isinstance(outcome, Failure):
                tell(job, outcome)
    failed = {job: outcome for job, outcome in outcomes.items() if isinstance(outcome, Failure)}
    finished = [(job, outcomes[job]) for job in jobs if job not in failed]
    if not finished:
        return None, {}, []
    first, checkpoint = finished[0]
    runs = [outcome.results for _, outcome in finished]
    results = {
        "config": asdict(first.settings),
        "seed": runs[0]["seed"],
        "seeds": [run["seed"] for run in runs],
        "failed": [{"seed": job.seed, "message": failed[job].message} for job in jobs if job in failed],
        "environment": checkpoint.environment,
        "seconds": round(time.perf_counter() - began, 1),
        "steps": runs[0]["steps"],
        **{name: median([run[name] for run in runs]) for name in ("loss", "accuracy", "ari", "cross_pattern_1nn")},
        "controls": median([run["controls"] for run in runs]),
        "early_stopping_step": median([run["early_stopping_step"] for run in runs]),
        "runs": runs,
        "claims": judge(runs, first.settings.middle_layer),
    }
    components = {**checkpoint.result_arrays, "steps": checkpoint.result_arrays["steps"].tolist()}
    pictures = {"dataset": first.settings.make_dataset(first.data_seed), "principal_components": components}
    return results, pictures, finished


def median(values):
    """Return the median of equally shaped numbers, lists or dicts, entry by entry, in that shape."""
    if isinstance(values[0], dict):
        return {key: median([value[key] for value in values]) for key in values[0]}
    return np.median(np.array(values, float), axis=0).tolist()


def table(results):
    """Return the results as text: accuracy, ARI and neighbours by layer with their controls, and the claims."""
    config, seeds, controls = results["config"], results["seeds"], results["controls"]
    which = f"seed {seeds[0]}" if len(seeds) == 1 else f"medians of seeds {_ranges(seeds)}"
    lines = [
        f"{which}, {config['steps']} steps, {config['n_tasks']} tasks x {config['n_distributions']} patterns, "
        f"outputs shared by {config['share']} task{'s' if config['share'] > 1 else ''}"
        + (", QUICK: a smaller run, not the headline result" if config["quick"] else ""),
        "",
    ]
    lines += [f"{'accuracy':{LABEL_WIDTH}}"]
    lines += [
        f"  {name.replace('_', ' '):{LABEL_WIDTH - 2}}{values[-1]:6.3f}" for name, values in results["accuracy"].items()
    ]

    ari, neighbours = results["ari"], results["cross_pattern_1nn"]
    letters = controls["bag_of_letters"]
    null = controls["regrouping_null_99"]["train"]
    n_layers = len(null)

    def row(label, values):
        # Adding 0 turns the -0 that rounding leaves into 0.
        return f"  {label:{LABEL_WIDTH - 2}}" + "".join(f"{round(value, 2) + 0:6.2f}" for value in values)

    def without_layers(label, value):
        return f"  {label:{LABEL_WIDTH - 2}}{value:6.2f} (has no layers)"

    lines += [
        "",
        f"{'ARI of k-means, by layer':{LABEL_WIDTH}}" + "".join(f"{layer:6}" for layer in range(n_layers)),
        row("train", ari["train"][-1]),
        row("unseen instruction", ari["unseen_instruction"][-1]),
        row("control: untrained", ari["train"][0]),
        row("control: regrouping null, 99 %", null),
        without_layers("control: bag of letters", letters["ari"]["train"]),
        "",
        f"{'cross-pattern 1-NN, by layer':{LABEL_WIDTH}}" + "".join(f"{layer:6}" for layer in range(n_layers)),
        row("train", neighbours["train"][-1]),
        row("unseen instruction", neighbours["unseen_instruction"][-1]),
        row("control: untrained", neighbours["train"][0]),
        without_layers("control: bag of letters", letters["cross_pattern_1nn"]["train"]),
        without_layers("control: chance", controls["cross_pattern_1nn_by_chance"]),
        "",
    ]
    return "\n".join(lines + [_claim_line(claim) for claim in results["claims"]])


def _ranges(seeds):
    """Rising whole numbers as text: 3 to 5, 7."""
    starts = [seed for seed in seeds if seed - 1 not in seeds]
    ends = [seed for seed in seeds if seed + 1 not in seeds]
    return ", ".join(str(start) if start == end else f"{start} to {end}" for start, end in zip(starts, ends))


def _claim_line(claim):
    verdict = {True: "holds", False: "DOES NOT HOLD", None: "not measured"}[claim["holds"]]
    line = f"claim {claim['id']}  {verdict:14}{claim['statement']}"
    if claim["measured"] is None:
        return line
    numbers = [measured["number"] for measured in claim["measured"]]
    low, high = f"{min(numbers):.2f}", f"{max(numbers):.2f}"
    return f"{line} ({claim['measured'][0]['number_is']}: {low if low == high else f'{low} to {high}'})"
