"""A process that times one rival: requests in on stdin, answers out on stdout, a line of JSON each.

    {"ask": "describe"}                   -> {"answer": {versions, threads, ...}}
    {"ask": "prepare", "cases": [...]}    -> {"answer": [a number to compare, or null, for each case]}
    {"ask": "time", "seconds": 0.5}       -> {"answer": [[seconds of each call] for each case]}

What goes wrong is answered as {"error": one line}. The process ends when stdin does. Started by `processes.py`.
"""

import importlib
import json
import os
import sys

from .timing import time_calls

RIVALS = {
    "numpy": ("rivals", "NumpyRival"),
    "numba": ("rivals", "NumbaRival"),
    "torch": ("torch_rival", "TorchRival"),
    "sklearn": ("cluster_rivals", "SklearnRival"),
}


def main(kind):
    """Answer requests about one kind of rival until there are no more."""
    # What a library prints must not come between the answers, so stdout becomes stderr.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    state = {"rival": None, "calls": []}
    for line in sys.stdin:
        try:
            reply = {"answer": _answer(kind, json.loads(line), state)}
        except Exception as error:  # whatever it is, it concerns this rival only
            reply = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
        print(json.dumps(reply), file=answers, flush=True)


def _answer(kind, request, state):
    if state["rival"] is None:
        module, name = RIVALS[kind]
        state["rival"] = getattr(importlib.import_module(f".{module}", __package__), name)()
    if request["ask"] == "describe":
        return state["rival"].describe()
    if request["ask"] == "prepare":
        state["calls"] = []  # before the new ones are made, for the memory's sake
        prepared = [state["rival"].prepare(case) for case in request["cases"]]
        state["calls"] = [call for call, _ in prepared]
        return [check for _, check in prepared]
    if request["ask"] == "time":
        return [time_calls(call, request["seconds"]) for call in state["calls"]]
    raise ValueError(f"ask = {request['ask']!r}, expected 'describe', 'prepare' or 'time'")


if __name__ == "__main__":
    main(sys.argv[1])
