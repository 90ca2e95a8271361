"""`minicluster experiment`: the paper's claims, one by one, with controls."""

import argparse
import contextlib
import sys
from pathlib import Path

from . import BAD_INPUT, DONE, FAILED, fail, say
from .reproduce import MOST_PROCESSES

ALL, REPORT = "all", "report"
SEEDS_OF_ALL = 5
# What reading and drawing raise where JSON is of another program, or of an earlier version.
NOT_AS_WRITTEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def add_to(commands):
    """Add the command to argparse's."""
    experiment = commands.add_parser(
        "experiment",
        help="run one of the experiments behind the claims, or all of them, and write a report",
        description="Train what an experiment needs, measure, print what holds, and write NAME.json, NAME.csv (the "
        "plotted numbers) and pictures. Without a name it lists the experiments. 'all' runs every one, each training "
        "once however many want it, and writes report.html; 'report' writes it anew from the results in DIR.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    experiment.set_defaults(run=run)
    add = experiment.add_argument
    add("name", nargs="?", metavar="NAME", help=f"an experiment, {ALL} or {REPORT}")
    add("--seed", type=int, default=0, metavar="N", help="the first seed of data, weights and order of examples")
    add("--seeds", type=int, metavar="K", help=f"seeds N to N + K - 1 (default: its own; {ALL}: {SEEDS_OF_ALL})")
    add("--small", action="store_true", help="shallower models, fewer steps, for statistics; files named *_small.*")
    add("--steps", type=int, metavar="N", help="training steps, in place of the experiment's own")
    add("--backend", default="auto", help="what computes: numba, numpy, or auto: numba where it can")
    add("--out", type=Path, default=Path("report"), metavar="DIR", help="where the files go")
    add("--resume", action="store_true", help="go on with the same command that was stopped, in the same DIR")


def run(arguments):
    """Run it; return the exit code."""
    from ..experiments.investigate import EXPERIMENTS, module_of, plan
    from ..files import OutputError, ensure_writable_folder, locked_folder

    if arguments.name is None:
        print(_listing())
        return DONE
    with contextlib.ExitStack() as stack:
        try:
            if arguments.name not in (ALL, REPORT):
                module_of(arguments.name)
            names = EXPERIMENTS if arguments.name in (ALL, REPORT) else (arguments.name,)
            if arguments.name != REPORT:
                settings, seeds = _what_to_run(arguments, names)
            folder = ensure_writable_folder(arguments.out)
            stack.enter_context(locked_folder(folder))
        except (ValueError, TypeError, OutputError) as error:
            return fail(error, BAD_INPUT)
        suffix = "_small" if arguments.small else ""
        if arguments.name == REPORT:
            return _write_report(folder, suffix, EXPERIMENTS)
        trials = plan(settings, seeds, arguments.backend, folder, arguments.resume)
        code, done = _run_experiments(trials, settings, seeds, folder, suffix)
        if arguments.name == ALL and done:
            return max(code, _write_report(folder, suffix, done))
        return code


def _listing():
    """Return the experiments, a line each."""
    from ..experiments.investigate import EXPERIMENTS, about

    lines = ["experiments (python -m minicluster experiment NAME):", ""]
    for name in EXPERIMENTS:
        lines.append(f"  {name:12}{about(name)[0]}")
    lines += ["", f"  {ALL:12}every one of them, then the report"]
    return "\n".join([*lines, f"  {REPORT:12}report.html anew, from the results in --out"])


def _what_to_run(arguments, names):
    """Return {experiment: Settings} and the seeds, or say what is wrong with them."""
    from ..checks import check_whole_number
    from ..experiments.investigate import module_of, settings_of
    from ..nn.operations import choose_operations

    check_whole_number("seed", arguments.seed, 0)
    n_seeds = arguments.seeds
    if n_seeds is None:
        n_seeds = SEEDS_OF_ALL if len(names) > 1 else module_of(names[0]).SEEDS
    check_whole_number("seeds", n_seeds, 1)
    settings = {name: settings_of(name, True if arguments.small else None, arguments.steps) for name in names}
    if choose_operations(arguments.backend, "float32").backend == "numba":
        from ..jit import start_threads

        start_threads()  # now: that they can't be started is bad input
    return settings, list(range(arguments.seed, arguments.seed + n_seeds))


def _run_experiments(trials, settings, seeds, folder, suffix):
    """Run, draw, write, print; return the exit code, and the experiments whose results were written."""
    from ..cores import usable_cores
    from ..experiments.investigate import investigate, text

    import matplotlib  # here, because it takes a second to load

    matplotlib.use("Agg")  # files, no window
    codes, done = [], []

    def tell(trial, failure):
        codes.append(FAILED)
        wanted = ", ".join(f"{experiment} ({name})" for experiment, name in trial.wanted)
        fail(f"seed {trial.seed}, {wanted} failed: {failure.message}", FAILED)

    processes = min(len(trials), usable_cores(), MOST_PROCESSES)
    results = investigate(trials, settings, seeds, processes, tell=tell)
    for own in results.values():
        print(text(own))
        try:
            written = _write(own, folder, suffix)
        except (OSError, MemoryError) as error:
            sys.stdout.flush()
            codes.append(fail(str(error) or "not enough memory", FAILED))
            continue
        print(f"\n{own['seconds']:.0f} s. Written to {folder}: {', '.join(written)}\n")
        done.append(own["experiment"])
    if codes:
        return FAILED, done
    for trial in trials:  # it is all written
        with contextlib.suppress(OSError):
            trial.path.unlink()
    return DONE, done


def _write(results, folder, suffix):
    """Draw and write the results of one experiment; return the names of the files."""
    from ..files import ensure_writable_folder, write_csv, write_json
    from ..experiments.investigate import module_of
    from ..plots.experiments import animation_of, draw_experiment

    name = results["experiment"]
    ensure_writable_folder(folder)  # it may have vanished meanwhile
    numbers = {kind: folder / f"{name}{suffix}.{kind}" for kind in ("json", "csv")}
    write_csv(numbers["csv"], *module_of(name).table(results))
    write_json(numbers["json"], results)  # before anything is drawn: numbers take longer to get than pictures
    pictures = draw_experiment(results)
    results["figures"] = {f"{stem}{suffix}.png": picture.alt for stem, picture in pictures.items()}
    for stem, picture in pictures.items():
        picture.save(folder / f"{stem}{suffix}.png")
    save_animation = animation_of(name)
    if save_animation is not None and (alt := save_animation(results, folder / f"{name}{suffix}.gif")):
        results["figures"][f"{name}{suffix}.gif"] = alt
    write_json(numbers["json"], results)
    return [*(path.name for path in numbers.values()), *results["figures"]]


def _write_report(folder, suffix, names):
    """Write report.html from these experiments' results in the folder, where there are any; return the exit code."""
    import json

    from ..experiments.investigate import EXPERIMENTS
    from ..files import write_text
    from ..report import report

    results = {}
    try:
        for name in names:
            path = folder / f"{name}{suffix}.json"
            if path.exists():
                results[name] = json.loads(path.read_text(encoding="utf-8"))
                if results[name]["experiment"] != name:
                    raise ValueError(f"experiment = {results[name]['experiment']!r}")
        if not results:
            expected = f"those of experiment {ALL}: {EXPERIMENTS[0]}{suffix}.json, ..."
            return fail(f"no results in {folder}, expected {expected}", BAD_INPUT)
        import matplotlib

        matplotlib.use("Agg")  # files, no window
        try:
            text = report(results)
        except NOT_AS_WRITTEN:
            for name, own in results.items():  # which one is it?
                path = folder / f"{name}{suffix}.json"
                report({name: own})
            raise
        path = folder / f"report{suffix}.html"
        write_text(path, text)
    except NOT_AS_WRITTEN as error:
        return fail(f"{path} is not as experiment writes it ({error!r})", BAD_INPUT)
    except (OSError, MemoryError) as error:
        return fail(str(error) or "not enough memory", FAILED)
    missing = [name for name in EXPERIMENTS if name not in results]
    if missing:
        say(f"the report lacks {', '.join(missing)}: no results of these in {folder}")
    print(f"Report: {path}")
    return DONE
