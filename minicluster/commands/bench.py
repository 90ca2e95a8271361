"""`minicluster bench`: how fast it is."""

from pathlib import Path

from . import BAD_INPUT, DONE, FAILED, fail


def add_to(commands):
    """Add the command to argparse's."""
    bench = commands.add_parser(
        "bench",
        help="time the kernels, the layers, whole training steps, clusters, and whole runs",
        description="Time matrix products from the naive triple loop up, attention, whole training steps, k-means, "
        "t-SNE and whole runs, with NumPy, Numba and, if they happen to be installed, PyTorch and scikit-learn: each "
        "in a process of its own, in turn, on equally many threads. Takes some minutes; the first time, compiling adds "
        "another.",
    )
    bench.set_defaults(run=run)
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


def run(arguments):
    """Run it; return the exit code."""
    from ..bench import FULL, PARTS, QUICK, WorkerFailed, bench, rungs, text
    from ..checks import check_whole_number
    from ..cores import usable_cores
    from ..files import OutputError, ensure_replaceable, ensure_writable_folder, json_text, write_json

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
        return fail(error, BAD_INPUT)
    try:
        results = bench(QUICK if arguments.quick else FULL, arguments.threads, parts, arguments.environment)
        if arguments.figure is not None:
            import matplotlib

            matplotlib.use("Agg")  # files, no window
            from ..plots import draw_rungs

            picture = draw_rungs(rungs(results), results["peak"] and results["peak"]["all_threads"])
            results["figure"] = picture.alt
            picture.save(arguments.figure)
        if arguments.json not in (None, "-"):
            write_json(arguments.json, results)
    except (WorkerFailed, OSError, MemoryError) as error:
        return fail(error, FAILED)
    if arguments.json == "-":
        print(json_text(results), end="")
    else:
        print(text(results))
        written = f" Written: {', '.join(map(str, paths))}" if paths else ""
        print(f"\n{results['seconds']:.0f} s.{written}")
    return DONE
