"""`minicluster ask`: questions about real places, answered by a model, with the cluster that each fell into."""

import argparse
import contextlib
import sys
from pathlib import Path

from . import BAD_INPUT, DONE, FAILED, fail, say

EXAMPLE = "which money do people use in Peru?"
SUBJECTS = "continent, capital, currency, dialling code, internet domain, hemisphere, language, coast"
PROMPT = "? "
QUIT = ("", "quit", "exit")
LABEL_WIDTH = 10


def add_to(commands):
    """Add the command to argparse's."""
    ask = commands.add_parser(
        "ask",
        help="ask a model about real places",
        description=f"Answer a question in English about a country, such as '{EXAMPLE}'. One can ask for: {SUBJECTS}. "
        "Without a question, they are read from the terminal, or line by line from a pipe. The first time a model is "
        "trained, in half a minute to a minute, and kept. Printed are the question as the model reads it, the answer, "
        "the cluster of training questions that it fell into, with its distance from the centroid, the runner-up, and "
        "the nearest training questions, some of which have words put in. A question about something else that "
        "shares a word with one of the subjects may be taken for it.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    ask.set_defaults(run=run)
    add = ask.add_argument
    add("question", nargs="*", metavar="QUESTION", help="in quotes, as most shells give ? a meaning of their own")
    add("--seed", type=int, default=0, metavar="N", help="seed of data, weights and order of examples")
    add("--steps", type=int, metavar="N", help="training steps, in place of the model's own; fewer answer worse")
    add("--backend", default="auto", help="what computes: numba, numpy, or auto: numba where it can")
    add("--model", type=Path, metavar="FILE", help="keep the model there (default: in the user's folder for caches)")


def run(arguments):
    """Run it; return the exit code."""
    from ..experiments.answering import read_question
    from ..experiments.kept_model import kept_answerer
    from ..files import OutputError
    from ..tasks import load_places
    from ..tasks.geography import make_tokenizer

    question = " ".join(arguments.question) if arguments.question else None
    try:
        settings = _settings(arguments)
        if question is not None:  # what is wrong with it is said before anything is trained
            places = load_places()
            read_question(question, places, make_tokenizer(places))
        answerer = kept_answerer(settings, arguments.seed, arguments.backend, arguments.model, tell=say)
        if question is not None:
            print(reply_text(answerer.answer(question), answerer.tokenizer))
            return DONE
        return _converse(answerer)
    except ArithmeticError as error:  # the training diverged
        return fail(error, FAILED)
    except MemoryError:
        return fail("not enough memory", FAILED)
    except (ValueError, TypeError, OutputError) as error:
        return fail(error, BAD_INPUT)


def _settings(arguments):
    """Return the GeographySettings, or say what is wrong with the numbers."""
    from dataclasses import replace

    from ..checks import check_whole_number
    from ..experiments import GeographySettings
    from ..experiments.kept_model import N_RECORDINGS
    from ..nn.operations import choose_operations

    check_whole_number("seed", arguments.seed, 0)
    choose_operations(arguments.backend, "float32")
    steps = {} if arguments.steps is None else {"steps": arguments.steps}
    return replace(GeographySettings(), n_recordings=N_RECORDINGS, **steps)


def _converse(answerer):
    """Answer questions until there are no more; return the exit code."""
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    for question in _typed() if at_terminal else _piped():
        try:
            print(reply_text(answerer.answer(question), answerer.tokenizer), end="\n\n", flush=True)
        except ValueError as error:
            say(error)
    return DONE


def _typed():
    """Yield what is typed at the prompt, until an empty line, "quit", Ctrl-D or Ctrl-C."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  with it, the arrow keys work in input()

    print(f"Ask about a country: {SUBJECTS}.\nFor example: {EXAMPLE} An empty line ends it.")
    while True:
        try:
            question = input(PROMPT)
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if question.strip().lower() in QUIT:
            return
        yield question


def _piped():
    """Yield the lines of stdin that are not blank."""
    if sys.stdin is None:  # a program without a console
        return
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")  # what is no text is told as a bad question
    for line in sys.stdin:
        if line.strip():
            yield line.rstrip("\n")


def reply_text(reply, tokenizer):
    """Return a Reply as lines of text.

    Parameters
    ----------
    reply : Reply
    tokenizer : WordTokenizer
        Made-up words of the training questions, which it does not know, are put in brackets.

    Returns
    -------
    str
    """
    known = set(tokenizer.words)
    lines = [f"{_as_written(reply.question)} | {reply.place.name if reply.place else '(no place)'}"]
    if reply.inside:
        lines.append(_line("answer", reply.text or "(nothing)"))
        if reply.text != reply.fact:
            hint = "" if reply.known_answer else f"; the model's answer is no {reply.attribute} of any place"
            lines.append(_line("mistake", f"the table says {reply.fact}{hint}"))
        lines.append(
            _line(
                "cluster",
                f"{reply.attribute}, at {reply.distance:.2f} (its questions: up to {reply.usual:.2f}); "
                f"next is {reply.runner_up}, at {reply.runner_up_distance:.2f}",
            )
        )
    else:
        lines.append(
            _line(
                "outside",
                f"all clusters, so no answer; the nearest is {reply.attribute}, at {reply.distance:.2f}, then "
                f"{reply.runner_up}, at {reply.runner_up_distance:.2f}",
            )
        )
        nothing, training = reply.outside_distance, reply.nearest[0][1]
        lines.append(
            _line(
                "because",
                f"a made-up question that asks for nothing is nearer ({nothing:.2f}) than any training question "
                f"({training:.2f})",
            )
        )
    if reply.strange:
        lines.append(_line("spelled", f"words that it does not know: {', '.join(reply.strange)}"))
    if reply.left_out:
        lines.append(_line("left out", f"for lack of room: {', '.join(reply.left_out)}"))
    for i, (question, distance) in enumerate(reply.nearest if reply.inside else ()):
        words = " ".join(word if word in known else f"[{word}]" for word in question.split(" "))
        lines.append(_line("" if i else "like", f"{_as_written(words)} ({distance:.2f})"))
    return "\n".join(lines)


def _as_written(question):
    """Return a question with the possessive, which to the model is a word of its own, at its word."""
    return question.replace(" 's", "'s")


def _line(label, text):
    return f"{label:{LABEL_WIDTH}}{text}"
