"""The command line: `python -m minicluster`, or `minicluster`."""

import argparse
import contextlib
import os
import signal
import sys
from pathlib import Path

from . import __version__
from .interruption import endings_as_interrupts

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
MOST_PROCESSES = 60  # that Windows can wait for at once
PICTURES = ("dataset", "learning", "ari_by_layer", "hidden_states")
# OpenBLAS's threads gain nothing on matrices as small as ours, and lose tenfold when they have to share the cores.
# With one thread, results don't depend on the number of cores either. Whoever sets these variables is obeyed.
BLAS_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message):
        self.exit(BAD_INPUT, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv=None):
    """Run a command.

    Parameters
    ----------
    argv : list of str, optional
        By default the command line's arguments.

    Returns
    -------
    int
        The exit code: 0 done, 1 the run failed, 2 bad input, 130 interrupted.
    """
    environment = dict(os.environ)  # as the user has set it
    for variable in BLAS_THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")  # before NumPy is imported, which is when it is read
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows ? instead of failing
    try:
        with endings_as_interrupts():
            code = _run(argv, environment)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        resumable = (sys.argv[1:] if argv is None else argv)[:1] == ["reproduce"]
        if argv is None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks once more gets what he wants anyway
        what_now = "with --resume the same command goes on" if resumable else "no file was left half-written"
        _say(f"interrupted; {what_now}")
        return INTERRUPTED
    except OSError as error:
        # Nobody reads what we print: a pipe's reader has left, as `| head` does, which is no error, or a disk is full.
        # Python would complain once more at exit, so what is left goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE if isinstance(error, BrokenPipeError) else _fail(f"cannot print: {error.strerror}", FAILED)


def _run(argv, environment):
    try:
        arguments = _parser().parse_args(argv, argparse.Namespace(environment=environment))
    except SystemExit as stop:  # --help, --version or an error, already printed
        return stop.code
    return arguments.run(arguments)


def _parser():
    parser = _Parser(
        prog="minicluster", description="A GPT trained by hand-written backprop, and why it clusters by task."
    )
    parser.add_argument("--version", action="version", version=f"minicluster {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    reproduce = commands.add_parser(
        "reproduce",
        help="train the model, cluster its hidden states, judge the claims, draw the pictures",
        description="Train the default model (about a minute), find clusters in its hidden states, print a table, and "
        "write results.json and four pictures.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    reproduce.set_defaults(run=_reproduce)
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

    inspect = commands.add_parser(
        "inspect",
        help="say what is in a checkpoint",
        description="Check every entry of a checkpoint that reproduce has written, and print what is in it.",
    )
    inspect.set_defaults(run=_inspect)
    inspect.add_argument("file", type=Path, metavar="FILE", help="DIR/checkpoint_seedN.npz")

    gradcheck = commands.add_parser(
        "gradcheck",
        help="check every gradient of the model against numerical derivatives",
        description="Compare every gradient of the model, layer by layer, and t-SNE's, with derivatives by the complex "
        "step: each entry on a small configuration, random directions on the one that reproduce trains (some seconds).",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    gradcheck.set_defaults(run=_gradcheck)
    add = gradcheck.add_argument
    add("--seed", type=int, default=0, metavar="N", help="seed of inputs and upstream gradients")
    add("--directions", type=int, default=3, metavar="N", help="random directions an input, of the larger model")

    bench = commands.add_parser(
        "bench",
        help="time the kernels, the layers, whole training steps, clusters, and whole runs",
        description="Time matrix products from the naive triple loop up, attention, whole training steps, k-means, "
        "t-SNE and whole runs, with NumPy, Numba and, if they happen to be installed, PyTorch and scikit-learn: each "
        "in a process of its own, in turn, on equally many threads. Takes some minutes; the first time, compiling adds "
        "another.",
    )
    bench.set_defaults(run=_bench)
    add = bench.add_argument
    add("--quick", action="store_true", help="fewer rounds and points: about a minute, and noisier")
    add("--only", nargs="+", metavar="PART", help="only some of ladder, layers, steps, growth, clusters, seeds")
    add("--threads", type=int, metavar="N", help="threads of each rival (default: NUMBA_NUM_THREADS, or all cores)")
    add(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE",
        help="write everything to a file; without one, or with -, print it instead of the tables",
    )
    add("--figure", metavar="FILE", help="draw the ladder against the measured peak, as PNG")
    return parser


def _reproduce(arguments):
    from contextlib import ExitStack

    from .files import OutputError, ensure_writable_folder, locked_folder, remove_leftovers

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
            return _fail(error, BAD_INPUT)
        return _run_jobs(jobs, folder, outputs)


def _jobs(arguments):
    """Return a Job for each seed."""
    from dataclasses import replace

    from .checks import check_whole_number
    from .experiments import Job, Settings, make_dataset

    check_whole_number("seed", arguments.seed, 0)
    check_whole_number("seeds", arguments.seeds, 1)
    if arguments.data_seed is not None:
        check_whole_number("data-seed", arguments.data_seed, 0)
    settings = Settings(share=arguments.share)
    if arguments.quick:
        settings = settings.as_quick()
    if arguments.steps is not None:
        settings = replace(settings, steps=arguments.steps)
    make_dataset(settings, 0)  # what is wrong with the settings is said now
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
        from .jit import start_threads

        start_threads()  # now: that they can't be started is bad input
    return jobs


def _suffix(settings):
    """What keeps the files of other runs than the headline one apart from its files."""
    return (f"_share{settings.share}" if settings.share > 1 else "") + ("_quick" if settings.quick else "")


def _outputs(arguments, jobs):
    """Return where the files go that are written at the end, each made sure of: a dict."""
    from .files import LOCK_NAME, ensure_replaceable, ensure_writable_folder

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
    from .experiments.job import discard, elsewhere, require_same, saved
    from .files import ensure_replaceable
    from .training import CheckpointError, load_checkpoint

    for job in jobs:
        ensure_replaceable(job.path)
    if not jobs[0].resume:
        for job in jobs:
            checkpoint = discard(job)
            if checkpoint is not None and not checkpoint.finished:
                steps = f"step {checkpoint.step} of {checkpoint.config.get('steps')}"
                _say(f"beginning anew; the unfinished run in {job.path}, {steps}, could be gone on from with --resume")
        return
    found = [(job, checkpoint) for job in jobs if (checkpoint := saved(job)) is not None]
    for job, checkpoint in found:
        if differences := elsewhere(job, checkpoint):
            _say(
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
    _say(f"nothing to resume in {folder}: beginning anew")


def _run_jobs(jobs, folder, outputs):
    """Run the seeds, draw, write, print."""
    from .cores import usable_cores
    from .experiments.job import forget_former
    from .experiments.export import hidden_states, write_hidden_states
    from .experiments.reproduce import reproduce, table
    from .files import ensure_writable_folder, write_json

    import matplotlib  # here, because it takes a second to load

    matplotlib.use("Agg")  # files, no window
    from .plots import draw_all

    codes = []

    def tell(job, failure):
        codes.append(BAD_INPUT if failure.bad_input else FAILED)
        _fail(failure.message if len(jobs) == 1 else f"seed {job.seed} failed: {failure.message}", codes[-1])

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
        return _fail(str(error) or "not enough memory", FAILED)
    for job in jobs:
        forget_former(job)
    print(table(results))
    written = [path.name if path.parent == folder else str(path) for path in reversed(outputs.values())]
    print(f"\n{results['seconds']:.0f} s. Written to {folder}: {', '.join(written)}")
    return FAILED if codes else DONE


def _inspect(arguments):
    from .training import CheckpointError, describe_checkpoint

    try:
        print(describe_checkpoint(arguments.file))
    except CheckpointError as error:
        return _fail(error, BAD_INPUT)
    return DONE


def _gradcheck(arguments):
    from time import perf_counter

    from .checks import check_whole_number
    from .selfcheck import MOST_DIRECTIONS, RTOL, check_model

    try:
        check_whole_number("seed", arguments.seed, 0)
        check_whole_number("directions", arguments.directions, 1)
        if arguments.directions > MOST_DIRECTIONS:
            raise ValueError(f"directions = {arguments.directions}, expected at most {MOST_DIRECTIONS}")
    except (ValueError, TypeError) as error:
        return _fail(error, BAD_INPUT)
    began, sections = perf_counter(), []
    for section in check_model(arguments.seed, arguments.directions):
        print(f"{section.title}\n{section.table}\n", flush=True)
        sections.append(section)
    wrong = [(name, error) for section in sections for name, error in section.wrong.items()]
    for name, error in wrong:
        print(f"minicluster: error: {name}: {error}", file=sys.stderr)
    worst, seconds = max(section.worst for section in sections), perf_counter() - began
    verdict = "some gradients are WRONG" if wrong else "every gradient is right"
    print(f"{verdict}: worst relative error {worst:.1e} against the complex step, allowed {RTOL:.0e}. {seconds:.0f} s")
    return FAILED if wrong else DONE


def _bench(arguments):
    from .bench import FULL, PARTS, QUICK, WorkerFailed, bench, rungs, text
    from .checks import check_whole_number
    from .cores import usable_cores
    from .files import OutputError, ensure_replaceable, ensure_writable_folder, json_text, write_json

    parts = tuple(part for part in PARTS if arguments.only is None or part in arguments.only)
    paths = [Path(name) for name in (arguments.json, arguments.figure) if name not in (None, "-")]
    try:
        for part in arguments.only or ():
            if part not in PARTS:
                raise ValueError(f"only = {part!r}, expected some of {', '.join(PARTS)}")
        if arguments.threads is not None:
            check_whole_number("threads", arguments.threads, 1)
            if arguments.threads > usable_cores():
                raise ValueError(f"threads = {arguments.threads}, expected at most {usable_cores()}, the usable cores")
        if arguments.figure is not None and "ladder" not in parts:
            raise ValueError("figure: it shows the ladder, which is not among the parts in --only")
        for path in paths:
            ensure_writable_folder(path.parent)
            ensure_replaceable(path)
    except (ValueError, TypeError, OutputError) as error:
        return _fail(error, BAD_INPUT)
    try:
        results = bench(QUICK if arguments.quick else FULL, arguments.threads, parts, arguments.environment)
        if arguments.figure is not None:
            import matplotlib

            matplotlib.use("Agg")  # files, no window
            from .plots import draw_rungs

            picture = draw_rungs(rungs(results), results["peak"] and results["peak"]["all_threads"])
            results["figure"] = picture.alt
            picture.save(arguments.figure)
        if arguments.json not in (None, "-"):
            write_json(arguments.json, results)
    except (WorkerFailed, OSError, MemoryError) as error:
        return _fail(error, FAILED)
    if arguments.json == "-":
        print(json_text(results), end="")
    else:
        print(text(results))
        written = f" Written: {', '.join(map(str, paths))}" if paths else ""
        print(f"\n{results['seconds']:.0f} s.{written}")
    return DONE


def _fail(error, code):
    _say(f"error: {error}")
    return code


def _say(text):
    """Print a line on stderr; if that is gone, or its disk is full, there is nobody to tell."""
    with contextlib.suppress(OSError):
        print(f"minicluster: {text}", file=sys.stderr, flush=True)
