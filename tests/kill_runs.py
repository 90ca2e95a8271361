"""Kill the main job at random moments, resume it, and compare with the run that nobody killed: bit for bit.

    python tests/kill_runs.py [--runs N] [--kills K] [--seeds S] [--seed N]

Each run is killed K times (SIGKILL, SIGTERM or Ctrl-C, at a random moment of its life), then resumed to its end. Then
results, parameters, the pictures' data and the pictures have to be those of the first run, and nothing else may lie in
its folder. Every second run writes checkpoints all the time, so that many are killed while writing one.

Exit codes: 0 all equal, 1 not all.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
JOB = ["reproduce", "--quick", "--steps", "60"]
# Before `main` begins, Ctrl-C ends the process without a traceback, which is Python's and not ours.
START = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
BUSY = START + "from minicluster.training import checkpoint; checkpoint.LARGEST_SHARE = 0.9; "
MAIN = "from minicluster.cli import main; sys.exit(main(sys.argv[1:]))"
# On Windows, SIGTERM is what ends a process without asking it.
SIGNALS = [signal.SIGTERM] if os.name == "nt" else [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
INTERRUPTED = 130
CHANGES = ("seconds", "environment")  # what two runs may differ in


def start(folder, *more, seeds=1, busy=False):
    """Start the job in a process of its own."""
    program = (BUSY if busy else START) + MAIN
    command = [sys.executable, "-c", program, *JOB, "--seeds", str(seeds), "--out", str(folder), *more]
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": path, "NUMBA_NUM_THREADS": "1"},
    )


def finish(process):
    """Wait for a process: exit code, what it printed, and its complaints without the notice of compiling."""
    out, complaints = process.communicate()
    lines = [line for line in complaints.splitlines() if "compiling its kernels" not in line]
    return process.returncode, out, lines


def everything(folder):
    """Return all that a run has found and drawn, and the names of its files."""
    results = json.loads((folder / "results_quick.json").read_text(encoding="utf-8"))
    arrays = {}
    for path in sorted(folder.glob("checkpoint_*.npz")):
        with np.load(path) as entries:
            arrays[path.name] = {
                name: (entries[name].dtype.str, entries[name].tobytes())
                for name in entries.files
                if not name.startswith("header")
            }
    return {
        "results": {name: value for name, value in results.items() if name not in CHANGES},
        "arrays": arrays,
        "pictures": {path.name: path.read_bytes() for path in folder.glob("*.png")},
        "names": sorted(path.name for path in folder.iterdir()),
    }


def try_run(number, seed, kills, seeds, lifetime, expected, folder):
    """Kill one run several times, and return what is wrong with how it ended, or None."""
    chance = random.Random(seed * 1_000_003 + number)
    busy = number % 2 == 0
    for kill in range(kills):
        process = start(folder, *(["--resume"] if kill else []), seeds=seeds, busy=busy)
        time.sleep(chance.uniform(0, lifetime))
        how = chance.choice(SIGNALS)
        process.send_signal(how)
        code, _, lines = finish(process)
        if code == 0:
            continue  # it had ended
        if _is_starting(lines) or not lines and code == -how:
            continue
        if how == signal.SIGINT and not (code == INTERRUPTED and lines and "--resume" in lines[-1]):
            return f"Ctrl-C: exit code {code}, {lines}"
        if any("Traceback" in line for line in lines):
            return f"{how.name}: {lines}"
    code, _, lines = finish(start(folder, "--resume", seeds=seeds, busy=busy))
    if code != 0 or any("error" in line for line in lines):
        return f"exit code {code}, {lines}"
    found = everything(folder)
    different = [name for name in expected if found[name] != expected[name]]
    return f"{', '.join(different)} differ" if different else None


def _is_starting(lines):
    """Whether not even START had run, so that Python has a traceback for Ctrl-C with nothing of ours in it."""
    return any("Traceback" in line for line in lines) and not any("minicluster" in line for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1, help="of the job: so many side by side")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        for repeat in ("compiles", "expected"):  # the second time everything is compiled
            reference, began = Path(work, repeat), time.monotonic()
            code, _, lines = finish(start(reference, seeds=arguments.seeds))
            if code:
                print(f"the run that nobody kills: exit code {code}, {lines}")
                return 1
        lifetime, expected = time.monotonic() - began, everything(reference)

        def one(number):
            folder = Path(work, str(number))
            return try_run(number, arguments.seed, arguments.kills, arguments.seeds, lifetime, expected, folder)

        with ThreadPoolExecutor(arguments.jobs) as pool:
            wrong = 0
            for number, problem in enumerate(pool.map(one, range(arguments.runs))):
                print(f"run {number}: {problem or 'equal'}", flush=True)
                wrong += problem is not None
    print(f"{arguments.runs - wrong} of {arguments.runs} killed runs, resumed, ended like the one that nobody killed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
