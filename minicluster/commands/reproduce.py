"""`minicluster reproduce`: the main job."""

import argparse
import os
import sys
from pathlib import Path

from . import BAD_INPUT, DONE, FAILED, fail, say

MOST_PROCESSES = 60  # that Windows can wait for at once
PICTURES = ("dataset", "learning", "ari_by_layer", "hidden_states")


def add_to(commands):
    """Add the command to argparse's."""
    reproduce = commands.add_parser(
        "reproduce",
        help="train the model, cluster its hidden states, judge the claims, draw the pictures",
        description="Train the default model (about a minute), find clusters in its hidden states, print a table, and "
        "write results.json and four pictures.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    reproduce.set_defaults(run=run)
    add = reproduce.add_argument
    add("--seed", type=int, default=0, metavar="N", help="seed of the data, the weights and the order of examples")
    add("--data-seed", type=int, metavar="N", help="another seed for the data (default: the run's seed)")
    add("--seeds", type=int, default=1, metavar="K", help="run K seeds, N to N + K - 1, side by side: medians")
    add("--steps", type=int, metavar="N", help="training steps (default: 1000, or 220 with --quick)")
    add("--share", type=int, default=1, metavar="G", help="so many tasks use the same outputs: 1, 2, 5 or 10")
    add("--quick", action="store_true", help="a smaller run of a few seconds; its files are named so")
    add("--backend", default="auto", help="what computes: numba, numpy, or auto: numba where it can")
    add("--out", type=Path, default=Path("figures"), metavar="DIR", help="where the files go")
    add("--resume", action="store_true", help="go on from the checkpoints in DIR, where there are any")
    add("--export", type=Path, metavar="FILE", help="write the trained model's hidden states, with labels, to an npz")


def run(arguments):
    """Run it; return the exit code."""
    from contextlib import ExitStack

    from ..files import OutputError, ensure_writable_folder, locked_folder, remove_leftovers

    with ExitStack() as stack:
        try:
            jobs = _jobs(arguments)
            folder = ensure_writable_folder(arguments.out)
            stack.enter_context(locked_folder(folder))
            outputs = _outputs(arguments, jobs)
            remove_leftovers([path for name, path in outputs.items() if name != "export"])
            remove_leftovers(job.path for job in jobs)
            _take_up(jobs, folder)
        except (ValueError, TypeError, OutputError) as error:
            return fail(error, BAD_INPUT)
        return _run_jobs(jobs, folder, outputs)


def _jobs(arguments):
    """Return a Job for each seed."""
    from dataclasses import replace

    from ..checks import check_whole_number
    from ..experiments import Job, Settings

    check_whole_number("seed", arguments.seed, 0)
    check_whole_number("seeds", arguments.seeds, 1)
    if arguments.data_seed is not None:
        check_whole_number("data-seed", arguments.data_seed, 0)
    settings = Settings(share=arguments.share)
    if arguments.quick:
        settings = settings.as_quick()
    if arguments.steps is not None:
        settings = replace(settings, steps=arguments.steps)
    settings.make_dataset(0)  # what is wrong with the settings is said now
    suffix = _suffix(settings)
    jobs = [
        Job(
            settings,
            seed,
            seed if arguments.data_seed is None else arguments.data_seed,
            arguments.backend,
            arguments.out / f"checkpoint_seed{seed}{suffix}.npz",
            arguments.resume,
        )
        for seed in range(arguments.seed, arguments.seed + arguments.seeds)
    ]
    if jobs[0].config()["backend"] == "numba":
        from ..jit import start_threads

        start_threads()  # now: that they can't be started is bad input
    return jobs


def _suffix(settings):
    """What keeps the files of other runs than the headline one apart from its files."""
    return (f"_share{settings.share}" if settings.share > 1 else "") + ("_quick" if settings.quick else "")


def _outputs(arguments, jobs):
    """Return where the files go that are written at the end, each made sure of: a dict."""
    from ..files import LOCK_NAME, ensure_replaceable, ensure_writable_folder

    suffix = _suffix(jobs[0].settings)
    outputs = {stem: arguments.out / f"{stem}{suffix}.png" for stem in PICTURES}
    outputs["results"] = arguments.out / f"results{suffix}.json"
    if arguments.export is not None:
        ensure_writable_folder(arguments.export.parent)
        others = [*outputs.values(), *(job.path for job in jobs), arguments.out / LOCK_NAME]
        if os.path.realpath(arguments.export) in map(os.path.realpath, others):
            raise ValueError(f"export = {arguments.export}, expected a file that the run does not write itself")
        outputs["export"] = arguments.export
    for path in outputs.values():
        ensure_replaceable(path)
    return outputs


def _take_up(jobs, folder):
    """Make sure that all checkpoints that are to be gone on from can be, and that no other is in the way."""
    from ..experiments.job import discard, elsewhere, require_same, saved
    from ..files import ensure_replaceable
    from ..training import CheckpointError, load_checkpoint

    for job in jobs:
        ensure_replaceable(job.path)
    if not jobs[0].resume:
        for job in jobs:
            checkpoint = discard(job)
            if checkpoint is not None and not checkpoint.finished:
                steps = f"step {checkpoint.step} of {checkpoint.config.get('steps')}"
                say(f"beginning anew; the unfinished run in {job.path}, {steps}, could be gone on from with --resume")
        return
    found = [(job, checkpoint) for job in jobs if (checkpoint := saved(job)) is not None]
    for job, checkpoint in found:
        if differences := elsewhere(job, checkpoint):
            say(
                f"warning: {job.path} was written with {differences}: the last digits of what follows may be others "
                "than those of a run that was not interrupted"
            )
    if found:
        return
    for path in sorted(folder.glob("checkpoint_seed*.npz")):
        try:
            checkpoint = load_checkpoint(path)
        except CheckpointError:
            continue  # none of ours, and nobody asked for it
        if not checkpoint.finished:
            require_same(jobs[0].config(), checkpoint, path)
    say(f"nothing to resume in {folder}: beginning anew")


def _run_jobs(jobs, folder, outputs):
    """Run the seeds, draw, write, print."""
    from ..cores import usable_cores
    from ..experiments.job import forget_former
    from ..experiments.export import hidden_states, write_hidden_states
    from ..experiments.reproduce import reproduce, table
    from ..files import ensure_writable_folder, write_json

    import matplotlib  # here, because it takes a second to load

    matplotlib.use("Agg")  # files, no window
    from ..plots import draw_all

    codes = []

    def tell(job, failure):
        codes.append(BAD_INPUT if failure.bad_input else FAILED)
        fail(failure.message if len(jobs) == 1 else f"seed {job.seed} failed: {failure.message}", codes[-1])

    processes = min(len(jobs), usable_cores(), MOST_PROCESSES)
    results, to_draw, finished = reproduce(jobs, processes, tell=tell)
    if not finished:
        return codes[0]
    try:
        drawn = draw_all(results, to_draw)
        ensure_writable_folder(folder)  # it may have vanished meanwhile
        results["figures"] = {outputs[stem].name: drawn[stem].alt for stem in PICTURES}
        for stem in PICTURES:
            drawn[stem].save(outputs[stem])
        write_json(outputs["results"], results)
        if "export" in outputs:
            write_hidden_states(outputs["export"], hidden_states(*finished[0]))
    except (OSError, MemoryError) as error:
        print(table(results))  # what was found is not lost
        sys.stdout.flush()
        return fail(str(error) or "not enough memory", FAILED)
    for job in jobs:
        forget_former(job)
    print(table(results))
    written = [path.name if path.parent == folder else str(path) for path in reversed(outputs.values())]
    print(f"\n{results['seconds']:.0f} s. Written to {folder}: {', '.join(written)}")
    return FAILED if codes else DONE
