"""The main job: train, cluster, judge; the headline result of the project."""

import os
import platform
import time
from dataclasses import asdict
from importlib.metadata import version

import numpy as np

from .. import __version__
from .claims import judge
from .measure import measure, principal_components
from .run import train_and_record

THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OMP_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
LABEL_WIDTH = 32  # of the table's first column


def reproduce(setups):
    """Run the experiment once for each setup.

    Parameters
    ----------
    setups : iterable of Setup
        At least one, alike but for their seeds. Each is asked for when the one before is done.

    Returns
    -------
    results : dict
        Ready for JSON, as README describes results.json: `config`, `seed`, `seeds`, `environment`, `seconds`,
        `steps`, `runs` (one `measure` a seed), `claims`, and the runs' medians: `loss`, `accuracy`, `ari`,
        `cross_pattern_1nn`, `controls`, `early_stopping_step`.
    pictures : dict
        Of the first seed, for `plots`: `dataset`, `principal_components`.

    Raises
    ------
    TrainingDiverged
        If a training did.
    """
    began = time.perf_counter()
    runs, pictures, settings, backend = [], None, None, None
    for setup in setups:
        recordings = train_and_record(setup, f"seed {setup.seed}: training")
        runs.append(measure(setup, recordings))
        if pictures is None:
            settings, backend = setup.settings, setup.model.operations.backend
            pictures = {"dataset": setup.dataset, "principal_components": principal_components(setup, recordings)}
    if not runs:
        raise ValueError("setups is empty, expected at least one")
    results = {
        "config": asdict(settings),
        "seed": runs[0]["seed"],
        "seeds": [run["seed"] for run in runs],
        "environment": environment(backend),
        "seconds": round(time.perf_counter() - began, 1),
        "steps": runs[0]["steps"],
        **{name: median([run[name] for run in runs]) for name in ("loss", "accuracy", "ari", "cross_pattern_1nn")},
        "controls": median([run["controls"] for run in runs]),
        "early_stopping_step": median([run["early_stopping_step"] for run in runs]),
        "runs": runs,
        "claims": judge(runs, settings.middle_layer),
    }
    return results, pictures


def median(values):
    """Return the median of equally shaped numbers, lists or dicts, entry by entry, in that shape."""
    if isinstance(values[0], dict):
        return {key: median([value[key] for value in values]) for key in values[0]}
    return np.median(np.array(values, float), axis=0).tolist()


def environment(backend):
    """Return what a result may depend on: the backend that computed it, versions, machine, thread settings."""
    return {
        "backend": backend,
        "minicluster": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": version("numba") if backend == "numba" else None,
        "system": platform.system(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "threads": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        "date": time.strftime("%Y-%m-%d"),
    }


def table(results):
    """Return the results as text: accuracy, ARI and neighbours by layer with their controls, and the claims."""
    config, seeds, controls = results["config"], results["seeds"], results["controls"]
    which = f"seed {seeds[0]}" if len(seeds) == 1 else f"medians of seeds {seeds[0]} to {seeds[-1]}"
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


def _claim_line(claim):
    verdict = {True: "holds", False: "DOES NOT HOLD", None: "not measured"}[claim["holds"]]
    line = f"claim {claim['id']}  {verdict:14}{claim['statement']}"
    if claim["measured"] is None:
        return line
    numbers = [measured["number"] for measured in claim["measured"]]
    low, high = f"{min(numbers):.2f}", f"{max(numbers):.2f}"
    return f"{line} ({claim['measured'][0]['number_is']}: {low if low == high else f'{low} to {high}'})"
