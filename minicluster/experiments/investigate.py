"""Run experiments: their trainings side by side, each trained once however many experiments want it."""

import contextlib
import time
from dataclasses import asdict, fields, replace
from importlib import import_module

from ..training import Progress
from .settings import Settings
from .side_by_side import Failure, run_jobs
from .trial import Trial
from .verdicts import verdict_text

# In the order of the claims. Each is a module here, with
#   SMALL, SEEDS        by default: whether settings are the small ones, and how many seeds
#   SETTINGS            the class of its settings, where it is another than Settings
#   trainings(settings) {name: Settings} of the trainings that each seed needs
#   measure(trained)    what is measured of one of them: a dict, ready for JSON
#   summarise(runs)     {"verdicts": [...], ...} from [{"seed": seed, name: measured, ...}]
#   table(results)      a header and rows: the plotted numbers
EXPERIMENTS = (
    "dynamics",
    "geometry",
    "saturation",
    "unseen",
    "sharing",
    "bottleneck",
    "perturbed",
    "geography",
    "pretraining",
    "alignment",
)

LOOKING = ("n_recordings", "recorded_rows")  # settings that say how often and how closely a training is looked at


def module_of(name):
    """Return the module of an experiment.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"experiment = {name!r}, expected one of {', '.join(EXPERIMENTS)}")
    return import_module(f".{name}", __package__)


def about(name):
    """Return what an experiment's docstring says: (title, falsified_by), each one line."""
    paragraphs = [" ".join(p.split()) for p in (module_of(name).__doc__ or "").split("\n\n")]
    falsified = next((p for p in paragraphs if p.startswith("Falsified if")), "")
    return paragraphs[0], falsified


def settings_of(name, small=None, steps=None):
    """Return the settings of an experiment.

    Parameters
    ----------
    name : str
    small : bool, optional
        By default the experiment's own choice.
    steps : int, optional
        In place of the settings'.

    Returns
    -------
    TrainingSettings
    """
    module = module_of(name)
    small = module.SMALL if small is None else small
    settings = getattr(module, "SETTINGS", Settings)()
    if small:
        settings = settings.as_small()
    return settings if steps is None else replace(settings, steps=steps)


def plan(settings, seeds, backend="auto", folder=None, resume=False):
    """List the trainings that experiments need.

    Parameters
    ----------
    settings : dict from experiment to Settings
    seeds : list of int
    backend : str
    folder : Path, optional
    resume : bool
        See `Trial`.

    Returns
    -------
    list of Trial
        Those that differ in nothing but how often they are looked at (see `deciding`) are one, looked at most often.
    """
    trials = []
    for seed in seeds:
        merged = {}  # what decides -> (settings, wanted)
        for experiment, base in settings.items():
            for name, own in module_of(experiment).trainings(base).items():
                key = own.deciding()
                other, wanted = merged.get(key, (own, ()))
                fuller = max(own, other, key=lambda one: len(fields(one)))  # the one that has what both ask for
                most = {field: max(getattr(own, field), getattr(other, field)) for field in LOOKING}
                merged[key] = replace(fuller, **most), (*wanted, (experiment, name))
        pictured = seed == seeds[0]
        trials += [Trial(own, seed, backend, wanted, pictured, folder, resume) for own, wanted in merged.values()]
    return trials


def investigate(trials, settings, seeds, processes=1, progress=Progress, tell=print):
    """Run experiments.

    Parameters
    ----------
    trials : list of Trial
        From `plan`.
    settings, seeds
        What was planned.
    processes : int
        Trainings at once; see `run_jobs`.
    progress : callable
        Takes how much there is to do and a label, returns a Progress.
    tell : callable
        Takes a Trial and a Failure, when a training has failed. The others go on.

    Returns
    -------
    dict from experiment to results, ready for JSON
        `experiment`, `title`, `falsified_by`, `config` (of the experiment), `trainings` ({name: what differs from it}),
        `seeds` (those of which all trainings came to an end), `failed` [{seed, message}], `environment`, `seconds` (of
        the whole call), `runs` [{`seed`, name: what was measured}], `verdicts` and what else `summarise` returns.
        An experiment without any complete seed is missing.
    """
    began, measured, failed = time.perf_counter(), {}, {}
    found_environment = None
    with contextlib.closing(run_jobs(trials, processes, progress)) as ending:
        for trial, outcome in ending:
            if isinstance(outcome, Failure):
                tell(trial, outcome)
                failed |= {(trial.seed, *wanted): outcome.message for wanted in trial.wanted}
                continue
            numbers, found_environment = outcome
            measured |= {(trial.seed, *wanted): numbers[wanted] for wanted in trial.wanted}
    results = {}
    for experiment, base in settings.items():
        module = module_of(experiment)
        trainings = module.trainings(base)
        complete = [seed for seed in seeds if all((seed, experiment, name) in measured for name in trainings)]
        if not complete:
            continue
        title, falsified_by = about(experiment)
        runs = [{"seed": seed} | {name: measured[seed, experiment, name] for name in trainings} for seed in complete]
        plain = asdict(base)
        results[experiment] = {
            "experiment": experiment,
            "title": title,
            "falsified_by": falsified_by,
            "config": plain,
            "trainings": {
                name: {key: value for key, value in asdict(own).items() if value != plain[key]}
                for name, own in trainings.items()
            },
            "seeds": complete,
            "failed": [
                {"seed": seed, "training": name, "message": message}
                for (seed, of, name), message in failed.items()
                if of == experiment
            ],
            "environment": found_environment,
            "runs": runs,
            **module.summarise(runs),
        }
    seconds = round(time.perf_counter() - began, 1)
    return {experiment: {**own, "seconds": seconds} for experiment, own in results.items()}


def text(results):
    """Return an experiment's results as text."""
    seeds = results["seeds"]
    listed = ", ".join(map(str, seeds))
    which = f"seed {listed}" if len(seeds) == 1 else f"{len(seeds)} seeds, {listed}: median (range)"
    size = ", SMALL: a shallower model, trained for fewer steps" if results["config"]["small"] else ""
    failed = [f"FAILED: seed {own['seed']}, {own['training']}: {own['message']}" for own in results["failed"]]
    head = [f"{results['experiment']}: {results['title']}", which + size, *failed, ""]
    return "\n".join(head + [verdict_text(own) for own in results["verdicts"]])
