"""`minicluster inspect` and `minicluster gradcheck`: what is in a checkpoint, and whether the gradients are right."""

import argparse
import sys
from pathlib import Path

from . import BAD_INPUT, DONE, FAILED, fail


def add_to(commands):
    """Add both commands to argparse's."""
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


def _inspect(arguments):
    from ..training import CheckpointError, describe_checkpoint

    try:
        print(describe_checkpoint(arguments.file))
    except CheckpointError as error:
        return fail(error, BAD_INPUT)
    return DONE


def _gradcheck(arguments):
    from time import perf_counter

    from ..checks import check_whole_number
    from ..selfcheck import MOST_DIRECTIONS, RTOL, check_model

    try:
        check_whole_number("seed", arguments.seed, 0)
        check_whole_number("directions", arguments.directions, 1)
        if arguments.directions > MOST_DIRECTIONS:
            raise ValueError(f"directions = {arguments.directions}, expected at most {MOST_DIRECTIONS}")
    except (ValueError, TypeError) as error:
        return fail(error, BAD_INPUT)
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
