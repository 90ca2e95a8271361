"""The command line as a user runs it: in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skips import needs_a_full_device

from minicluster import __version__, cli
from minicluster.commands import reproduce
from minicluster.training import CheckpointError, TrainingDiverged

REPOSITORY = Path(__file__).parents[1]


def run(*arguments, folder=None):
    command = [sys.executable, "-W", "error", "-m", "minicluster", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}  # this code, whatever else is installed
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", env=environment)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One run of a few steps, with everything that it wrote."""
    folder = tmp_path_factory.mktemp("quick")
    done = run("reproduce", "--quick", "--steps", 20, "--seeds", 2, "--seed", 3, folder=folder)
    return folder, done


def test_a_quick_run_ends_well_and_says_that_it_is_one(quick):
    _, done = quick
    told = [line for line in done.stderr.splitlines() if "compiling its kernels" not in line]  # which it does once
    assert (done.returncode, told) == (0, [])  # no progress line where there is no terminal
    assert "medians of seeds 3 to 4, 20 steps" in done.stdout
    assert "QUICK: a smaller run, not the headline result" in done.stdout
    for line in ("control: untrained", "control: regrouping null", "control: bag of letters", "control: chance"):
        assert line in done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("claim")] == [
        ["claim", str(number)] for number in range(1, 7)
    ]


def test_its_files_go_to_figures_under_names_of_their_own(quick):
    folder, done = quick
    names = sorted(path.name for path in (folder / "figures").iterdir())
    checkpoints = [f"checkpoint_seed{seed}_quick.npz" for seed in (3, 4)]
    assert names == sorted([f"{stem}_quick.png" for stem in reproduce.PICTURES] + ["results_quick.json"] + checkpoints)
    assert all(name in done.stdout for name in names if name not in checkpoints)
    for stem in reproduce.PICTURES:
        png = (folder / "figures" / f"{stem}_quick.png").read_bytes()
        assert png.startswith(b"\x89PNG") and png.endswith(b"IEND\xaeB`\x82")


def test_results_json_has_the_promised_form(quick):
    folder, _ = quick
    results = json.loads((folder / "figures" / "results_quick.json").read_text(encoding="utf-8"))
    assert results["seed"] == 3 and results["seeds"] == [3, 4]
    assert results["config"]["steps"] == 20 and results["config"]["quick"] is True
    assert {"python", "numpy", "machine", "processors"} <= results["environment"].keys()
    assert results["seconds"] > 0
    n_steps = len(results["steps"])
    assert results["steps"][0] == 0 and results["steps"][-1] == 20
    for values in (results, *results["runs"]):
        assert values["accuracy"].keys() == {"train", "unseen_instruction", "unseen_combination"}
        assert all(len(curve) == n_steps for curve in values["accuracy"].values())
        assert values["ari"].keys() == {"train", "unseen_instruction"}
        assert all(len(curve) == n_steps and all(len(row) == 5 for row in curve) for curve in values["ari"].values())
    assert [run["seed"] for run in results["runs"]] == [3, 4]
    both = [run["ari"]["train"] for run in results["runs"]]
    np.testing.assert_allclose(results["ari"]["train"], np.median(both, axis=0), rtol=1e-15)  # rounding
    assert both[0] != both[1]
    for claim in results["claims"]:
        assert claim.keys() == {"id", "statement", "rule", "measured", "holds"}
        assert claim["holds"] in (True, False, None)
    assert [claim["holds"] for claim in results["claims"] if claim["id"] in (3, 5, 6)] == [None] * 3


def test_the_same_command_gives_the_same_numbers(quick, tmp_path):
    folder, _ = quick
    assert run("reproduce", "--quick", "--steps", 20, "--seed", 3, "--out", tmp_path).returncode == 0
    first = json.loads((folder / "figures" / "results_quick.json").read_text(encoding="utf-8"))["runs"][0]
    again = json.loads((tmp_path / "results_quick.json").read_text(encoding="utf-8"))["runs"][0]
    assert first == again


def test_a_shared_run_names_its_files_so_and_another_data_seed_changes_the_data(quick, tmp_path):
    done = run("reproduce", "--quick", "--steps", 1, "--share", 10, "--data-seed", 7, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "outputs shared by 10 tasks" in done.stdout
    results = json.loads((tmp_path / "results_share10_quick.json").read_text(encoding="utf-8"))
    assert (results["runs"][0]["seed"], results["runs"][0]["data_seed"]) == (0, 7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: command"),
        (["dance"], "invalid choice: 'dance'"),
        (["reproduce", "--speed", "9"], "unrecognized arguments: --speed 9"),
        (["reproduce", "--steps", "many"], "argument --steps: invalid int value: 'many'"),
        (["reproduce", "--steps", "0"], "steps = 0, expected at least 1"),
        (["reproduce", "--seed", "-1"], "seed = -1, expected at least 0"),
        (["reproduce", "--seeds", "0"], "seeds = 0, expected at least 1"),
        (["reproduce", "--data-seed", "-2"], "data-seed = -2, expected at least 0"),
        (["reproduce", "--share", "3"], "share = 3, expected a divisor of n_tasks = 10"),
        (["reproduce", "--share", "0"], "share = 0, expected at least 1"),
        (["reproduce", "--backend", "cuda"], "backend = 'cuda', expected one of auto, numba, numpy"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(arguments, message, tmp_path):
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_an_output_folder_that_cannot_be_written_is_said_before_the_training(tmp_path):
    file = tmp_path / "file"
    file.write_text("kept", encoding="utf-8")
    done = run("reproduce", "--out", file / "below")
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert f"cannot write to folder {file / 'below'}: {file} is not a folder" in done.stderr
    assert file.read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (TrainingDiverged(7, 2.5), 1, "error: the loss or its gradient is no longer finite at step 7; the last finite"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (MemoryError(), 1, "error: not enough memory"),
        (CheckpointError("x.npz: entry 'y' is missing"), 2, "error: x.npz: entry 'y' is missing"),
        (KeyboardInterrupt(), 130, "interrupted; with --resume the same command goes on"),
    ],
)
def test_a_run_that_fails_says_so_in_one_line_and_leaves_nothing(error, code, message, tmp_path, monkeypatch, capsys):
    def fail(job, progress):
        raise error

    monkeypatch.setattr("minicluster.experiments.job.run_job", fail)
    assert cli.main(["reproduce", "--quick", "--steps", "1", "--out", str(tmp_path)]) == code
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and message in printed.err
    assert not any(tmp_path.iterdir())


def test_a_file_that_cannot_be_replaced_is_said_before_the_training(tmp_path):
    (tmp_path / "results_quick.json").mkdir()
    (tmp_path / "learning_quick.png").write_text("kept", encoding="utf-8")
    done = run("reproduce", "--quick", "--steps", 1, "--out", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "results_quick.json: a folder is there" in done.stderr
    assert (tmp_path / "learning_quick.png").read_text(encoding="utf-8") == "kept"
    assert len(list(tmp_path.iterdir())) == 2


@needs_a_full_device
def test_a_full_disk_behind_stdout_is_said_in_one_line(tmp_path):
    with open("/dev/full", "w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "minicluster", "reproduce", "--quick", "--steps", "1", "--out", str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8", env=environment)
    assert done.returncode == 1
    assert done.stderr == "minicluster: error: cannot print: No space left on device\n"
    assert (tmp_path / "results_quick.json").exists()  # which were written before


def test_a_reader_who_leaves_early_is_no_error(tmp_path):
    command = f'"{sys.executable}" -m minicluster reproduce --help | "{sys.executable}" -c "pass"'
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, shell=True, capture_output=True, encoding="utf-8", env=environment, cwd=tmp_path)
    assert done.stderr == ""


def test_version_and_help():
    assert run("--version").stdout.strip() == f"minicluster {__version__}"
    shown = run("reproduce", "--help")
    assert shown.returncode == 0
    for option in ("--seed", "--seeds", "--data-seed", "--steps", "--share", "--quick", "--backend", "--out"):
        assert option in shown.stdout


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("numpy", "numba", "matplotlib")
    code = f"import sys, minicluster; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, encoding="utf-8")
    assert done.stdout.strip() == "[]"


def test_blas_runs_on_one_thread_unless_told_otherwise():
    code = "import os; from minicluster.cli import *; main([]); print([os.environ[v] for v in BLAS_THREAD_VARIABLES])"
    clean = {name: value for name, value in os.environ.items() if name not in cli.BLAS_THREAD_VARIABLES}
    for given, expected in (({}, "['1', '1', '1']"), ({"OPENBLAS_NUM_THREADS": "2"}, "['2', '1', '1']")):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=REPOSITORY, env=clean | given, capture_output=True, encoding="utf-8")
        assert done.stdout.strip() == expected
