"""Whole runs in the benchmark: that they run, what is counted, and what is said when they can't."""

import io
import json
from dataclasses import replace

import pytest

from minicluster.bench import QUICK, WorkerFailed, bench, contestants, seed_parts, text

REALLY = seed_parts._run
TINY = replace(QUICK, seeds=2, seed_rounds=1)


@pytest.fixture
def asked(monkeypatch):
    """The commands that are run, with a few steps instead of all, and NumPy as the only rival."""
    commands = []

    def run(*arguments):
        commands.append([str(argument) for argument in arguments])
        if arguments[0] == "-m":
            return REALLY(*arguments, "--steps", 3)
        program = arguments[1].replace("Settings().as_quick()", "Settings(steps=40, n_layers=2)")
        return REALLY(arguments[0], program, *arguments[2:])

    monkeypatch.setattr(seed_parts, "_run", run)
    monkeypatch.setattr(contestants.importlib.util, "find_spec", lambda name: None)
    return commands


def test_the_same_seeds_both_ways_and_what_checkpoints_cost(asked):
    stream = io.StringIO()
    stream.isatty = lambda: True
    results = bench(TINY, 1, ["seeds"], stream=stream)
    assert json.loads(json.dumps(results, allow_nan=False))["seeds"]["n"] == 2
    seeds, checkpoints = results["seeds"], results["checkpoints"]
    assert seeds["ratio"] == seeds["in_a_row_seconds"] / seeds["side_by_side_seconds"] > 0
    assert checkpoints["written"] >= 1 and 0 < checkpoints["writing_seconds"] < checkpoints["run_seconds"]
    assert checkpoints["share"] == checkpoints["writing_seconds"] / checkpoints["run_seconds"]
    options = [command[-2:] for command in asked if command[0] == "-m"]
    assert options == [["--seed", "0"], ["--seed", "0"], ["--seed", "1"], ["--seeds", "2"]]
    told = text(results)
    assert "2 seeds, side by side (--seeds)" in told and f"{seeds['ratio']:.2f} times as fast" in told
    assert f"{checkpoints['share']:.1%}" in told and max(map(len, told.splitlines())) <= 100
    assert f"{seed_parts.seed_turns(TINY)}/{seed_parts.seed_turns(TINY)}" in stream.getvalue().splitlines()[-1]


def test_a_run_that_fails_is_one_line():
    with pytest.raises(WorkerFailed, match="^seeds: minicluster: error: steps = 0, expected at least 1$"):
        seed_parts._run("-m", "minicluster", "reproduce", "--steps", "0")
