"""Whatever happens to a run: one line, nothing half-written, and what it had found is there or can be resumed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skips import needs_posix_signals

from minicluster import cli
from minicluster.commands import reproduce
from minicluster.files import locked_folder
from minicluster.training import load_checkpoint, save_checkpoint

REPOSITORY = Path(__file__).parents[1]
STEPS = 20
JOB = ("reproduce", "--quick", "--steps", str(STEPS))
OUTPUTS = sorted([f"{stem}_quick.png" for stem in reproduce.PICTURES] + ["results_quick.json"])
CHECKPOINT = "checkpoint_seed0_quick.npz"
# Each of these programs runs the command line with one thing out of order.
PROGRAM = """
import sys
{fault}
from minicluster.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""
BUSY = "from minicluster.training import checkpoint; checkpoint.LARGEST_SHARE = 0.9"
SLOW = """
import time
from minicluster.experiments.run import Progress
def update(self, step, **figures):
    time.sleep(0.2)
Progress.update = update
"""


def start(*arguments, fault=""):
    command = [sys.executable, "-W", "error", "-c", PROGRAM.format(fault=fault), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment
    )


def run(*arguments, fault=""):
    """Run to the end: exit code, what was printed, and the lines on stderr but for the notice of compiling."""
    process = start(*arguments, fault=fault)
    out, complaints = process.communicate()
    return process.returncode, out, [line for line in complaints.splitlines() if "compiling its kernels" not in line]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def runs_of(folder):
    return json.loads((folder / "results_quick.json").read_text(encoding="utf-8"))["runs"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(*JOB, "--out", folder)[0] == 0
    return folder


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """The folder of a run that was told to end in the middle."""
    if os.name == "nt":
        pytest.skip("Windows ends other processes without asking them")
    folder = tmp_path_factory.mktemp("unfinished")
    process = start(*JOB, "--out", folder, fault=BUSY + SLOW)
    wait_for(folder / CHECKPOINT)
    process.send_signal(signal.SIGINT)
    out, complaints = process.communicate()
    return folder, process.returncode, out, complaints


@pytest.fixture
def copy(unfinished, tmp_path):
    shutil.copy(unfinished[0] / CHECKPOINT, tmp_path)
    return tmp_path


def wait_for(path):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Interrupted and resumed ------------------------------------------------------------------------------


def test_ctrl_c_says_how_to_go_on_and_leaves_a_checkpoint_alone(unfinished):
    folder, code, out, complaints = unfinished
    assert (code, out) == (130, "")
    said = [line for line in complaints.splitlines() if "compiling its kernels" not in line]
    assert said == ["minicluster: interrupted; with --resume the same command goes on"]
    assert names_in(folder) == [CHECKPOINT]
    assert 0 < load_checkpoint(folder / CHECKPOINT).step < STEPS


def test_it_goes_on_as_if_nothing_had_been(copy, whole):
    assert run(*JOB, "--out", copy, "--resume")[::2] == (0, [])
    assert runs_of(copy) == runs_of(whole) and names_in(copy) == names_in(whole)
    for name in names_in(whole):
        if name.endswith(".png"):
            assert (copy / name).read_bytes() == (whole / name).read_bytes()


@needs_posix_signals
def test_killed_without_warning(tmp_path, whole):
    process = start(*JOB, "--out", tmp_path, fault=BUSY + SLOW)
    wait_for(tmp_path / CHECKPOINT)
    time.sleep(0.3)
    process.kill()
    process.communicate()
    assert run(*JOB, "--out", tmp_path, "--resume")[::2] == (0, [])
    assert runs_of(tmp_path) == runs_of(whole) and names_in(tmp_path) == names_in(whole)


def test_finished_seeds_are_not_run_again(whole, tmp_path):
    for name in names_in(whole):
        shutil.copy(whole / name, tmp_path)
    again = "import minicluster.experiments.job as job\ndel job.Training, job.prepare"  # it would fail
    assert run(*JOB, "--out", tmp_path, "--resume", fault=again)[::2] == (0, [])
    assert runs_of(tmp_path) == runs_of(whole)
    assert run(*JOB, "--out", tmp_path, "--seeds", 2, "--resume")[::2] == (0, [])
    assert [one["seed"] for one in runs_of(tmp_path)] == [0, 1] and runs_of(tmp_path)[0] == runs_of(whole)[0]


def test_another_numpy_than_the_checkpoint_s_is_told(copy):
    path = copy / CHECKPOINT
    left = load_checkpoint(path)
    save_checkpoint(path, replace(left, environment={**left.environment, "numpy": "1.0"}))
    code, _, (line,) = run(*JOB, "--out", copy, "--resume")
    assert code == 0
    assert line.startswith(f"minicluster: warning: {path} was written with numpy 1.0, here numpy {np.__version__}: the")


def test_nothing_to_resume_is_the_beginning(tmp_path, whole):
    code, _, said = run(*JOB, "--out", tmp_path, "--resume")
    assert (code, said) == (0, [f"minicluster: nothing to resume in {tmp_path}: beginning anew"])
    assert runs_of(tmp_path) == runs_of(whole)


def test_without_resume_it_begins_anew_and_says_what_it_passes_over(copy, whole):
    step = load_checkpoint(copy / CHECKPOINT).step
    code, _, said = run(*JOB, "--out", copy)
    path = copy / CHECKPOINT
    told = f"the unfinished run in {path}, step {step} of {STEPS}, could be gone on from with --resume"
    assert said == [f"minicluster: beginning anew; {told}"]
    assert code == 0 and runs_of(copy) == runs_of(whole) and names_in(copy) == names_in(whole)


@needs_posix_signals
def test_a_checkpoint_of_other_settings_is_kept_until_the_run_is_over(copy):
    before = (copy / CHECKPOINT).read_bytes()
    process = start(*JOB, "--steps", 10_000, "--out", copy, fault=BUSY + SLOW)
    wait_for(copy / f"{CHECKPOINT}.old")
    wait_for(copy / CHECKPOINT)
    process.kill()
    process.communicate()
    assert (copy / f"{CHECKPOINT}.old").read_bytes() == before and load_checkpoint(copy / CHECKPOINT).step > 0


@needs_posix_signals
def test_who_presses_ctrl_c_again_and_again_gets_one_line_too(tmp_path):
    process = start(*JOB, "--steps", 10_000, "--seeds", 2, "--out", tmp_path, fault=BUSY)
    wait_for(tmp_path / CHECKPOINT)
    for _ in range(6):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    out, complaints = process.communicate()
    said = [line for line in complaints.splitlines() if "compiling its kernels" not in line]
    assert (process.returncode, out) == (130, "")
    assert said == ["minicluster: interrupted; with --resume the same command goes on"]


def test_a_warning_that_nobody_can_be_told_costs_the_run_nothing(tmp_path, whole):
    fault = f"{BUSY}\nfrom minicluster.training import archive\ndef full(*a, **k): {FULL}\narchive.whole_file = full"
    fault = fault.replace("raise OSError", "from minicluster.files import OutputError; raise OutputError")
    fault += """
class Gone:
    def isatty(self): return False
    def flush(self): pass
    def write(self, text): raise OSError(28, "No space left on device")
sys.stderr = Gone()
"""
    code, out, said = run(*JOB, "--out", tmp_path, fault=fault)
    assert (code, said) == (0, []) and "claim 1" in out and runs_of(tmp_path) == runs_of(whole)


# Checkpoints that can't be gone on from ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--steps", "30"], "steps = 30, but FILE was written with steps = 20"),
        (["--data-seed", "7"], "data_seed = 7, but FILE was written with data_seed = 0"),
        (["--seed", "5"], "seed = 5, data_seed = 5, but FILE was written with seed = 0, data_seed = 0"),
        (["--share", "10"], "share = 10, but FILE was written with share = 1"),
    ],
)
def test_resuming_with_other_settings(copy, more, message):
    before = (copy / CHECKPOINT).read_bytes()
    code, out, (line,) = run(*JOB, *more, "--out", copy, "--resume")
    assert (code, out) == (2, "")
    assert line.replace(str(copy / CHECKPOINT), "FILE").startswith(f"minicluster: error: {message}")
    assert (copy / CHECKPOINT).read_bytes() == before and names_in(copy) == [CHECKPOINT]


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


def edited(path):
    with np.load(path) as file:
        entries = {name: file[name] for name in file.files}
    entries["parameters/ln_f.bias"] = entries["parameters/ln_f.bias"] + 1
    with open(path, "wb") as file:
        np.savez(file, **entries)


def foreign(path):
    with open(path, "wb") as file:
        np.savez(file, weights=np.ones(3))


def future(path):
    with np.load(path) as file:
        entries = {name: file[name] for name in file.files}
    header = json.loads(entries["header"].tobytes())
    entries["header"] = np.frombuffer(json.dumps({**header, "version": 2}).encode("utf-8"), np.uint8)
    with open(path, "wb") as file:
        np.savez(file, **entries)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_off, "FILE is no checkpoint, or was cut off: expected an npz file"),
        (edited, "FILE: entry 'parameters/ln_f.bias' has checksum "),
        (foreign, "FILE is no checkpoint of minicluster: entry 'header' is missing"),
        (future, "FILE: format version = 2, expected 1: a later minicluster wrote it"),
    ],
)
def test_damaged_checkpoints(copy, damage, message, capsys):
    path = copy / CHECKPOINT
    damage(path)
    before = path.read_bytes()
    for command in ((*JOB, "--out", str(copy), "--resume"), ("inspect", str(path))):
        assert cli.main([*command]) == 2
        printed = capsys.readouterr()
        (line,) = printed.err.splitlines()
        assert printed.out == "" and line.replace(str(path), "FILE").startswith(f"minicluster: error: {message}")
    assert path.read_bytes() == before and names_in(copy) == [CHECKPOINT]


def test_inspect_shows_what_is_in_one(unfinished, whole, capsys, tmp_path):
    step = load_checkpoint(unfinished[0] / CHECKPOINT).step
    for folder, state in ((unfinished[0], f"training, step {step} of 20"), (whole, "finished, step 20 of 20")):
        assert cli.main(["inspect", str(folder / CHECKPOINT)]) == 0
        shown = capsys.readouterr().out
        assert state in shown and "parameters/h.0.attn.c_attn.weight" in shown and "seed 0" in shown
    assert cli.main(["inspect", str(tmp_path / "none.npz")]) == 2
    assert "none.npz: No such file or directory" in capsys.readouterr().err
    assert cli.main(["inspect", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"minicluster: error: cannot read {tmp_path}: ")


# Disks and folders ------------------------------------------------------------------------------------

FULL = "raise OSError(28, 'No space left on device')"


def test_a_disk_that_is_full_for_checkpoints_costs_the_run_nothing(tmp_path, whole):
    fault = f"{BUSY}\nfrom minicluster.training import archive\ndef full(*a, **k): {FULL}\narchive.whole_file = full"
    fault = fault.replace("raise OSError", "from minicluster.files import OutputError; raise OutputError")
    code, out, (line,) = run(*JOB, "--out", tmp_path, fault=fault)
    assert code == 0 and "claim 1" in out and "No space left on device" in line and "the run goes on" in line
    assert names_in(tmp_path) == OUTPUTS and runs_of(tmp_path) == runs_of(whole)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (f"import os\ndef fault(number): {FULL}\nos.fsync = fault", "No space left on device"),
        ("import os\ndef fault(a, b): raise OSError(5, 'Input/output error', a, None, b)\nos.replace = fault", "Input"),
    ],
)
def test_a_disk_that_is_full_or_broken_at_the_end(tmp_path, fault, reason, before):
    if before:
        for name in OUTPUTS:
            (tmp_path / name).write_text("before", encoding="utf-8")
    code, out, (*warnings, line) = run(*JOB, "--out", tmp_path, fault=fault)
    assert len(warnings) <= 1 and all("the run goes on" in warning for warning in warnings)  # if it took long enough
    assert code == 1 and f"cannot write {tmp_path / 'dataset_quick.png'}: {reason}" in line
    assert "claim 1" in out  # what was found is printed at least
    assert names_in(tmp_path) == (OUTPUTS if before else [])
    assert all((tmp_path / name).read_text(encoding="utf-8") == "before" for name in names_in(tmp_path))


def test_what_could_not_be_written_is_written_when_there_is_room_again(tmp_path, whole):
    fault = "import minicluster.plots.picture as picture\ndef full(*a):\n"
    fault += "    from minicluster.files import OutputError\n    raise OutputError('cannot write a picture: full')\n"
    code, _, (line,) = run(*JOB, "--out", tmp_path, fault=fault + "picture.write_bytes = full")
    assert (code, line) == (1, "minicluster: error: cannot write a picture: full")
    assert names_in(tmp_path) == [CHECKPOINT]
    again = "import minicluster.experiments.job as job\ndel job.Training"
    assert run(*JOB, "--out", tmp_path, "--resume", fault=again)[0] == 0
    assert runs_of(tmp_path) == runs_of(whole)


def test_a_folder_that_vanishes_is_made_again(tmp_path, whole):
    folder = tmp_path / "figures"
    vanish = f"""
import shutil
from minicluster.experiments import job
really = job.measure
def measure(*arguments):
    shutil.rmtree({str(folder)!r})
    return really(*arguments)
job.measure = measure
"""
    code, _, said = run(*JOB, "--out", folder, fault=vanish)
    assert (code, said) == (0, [])
    assert names_in(folder) == OUTPUTS and runs_of(folder) == runs_of(whole)


def test_a_place_that_turns_into_a_file(tmp_path):
    folder = tmp_path / "figures"
    vanish = f"""
import pathlib, shutil
from minicluster.experiments import job
really = job.measure
def measure(*arguments):
    shutil.rmtree({str(folder)!r})
    pathlib.Path({str(folder)!r}).write_text("in the way", encoding="utf-8")
    return really(*arguments)
job.measure = measure
"""
    code, out, (line,) = run(*JOB, "--out", folder, fault=vanish)
    assert (code, line) == (1, f"minicluster: error: cannot write to folder {folder}: {folder} is not a folder")
    assert "claim 1" in out and folder.read_text(encoding="utf-8") == "in the way"


def test_two_runs_into_one_folder(copy):
    before = (copy / CHECKPOINT).read_bytes()
    with locked_folder(copy):
        for more in ([], ["--resume"]):
            code, out, (line,) = run(*JOB, "--out", copy, *more)
            assert (code, out) == (2, "")
            message = f"another run is writing to folder {copy} (process {os.getpid()})"
            assert line.startswith(f"minicluster: error: {message}")
    assert (copy / CHECKPOINT).read_bytes() == before and names_in(copy) == [CHECKPOINT]


def test_leftovers_of_killed_runs_are_deleted_and_nothing_else(tmp_path):
    kill = "import os\nos.fsync = lambda number: os.kill(os.getpid(), 9)"
    if os.name == "nt":
        kill = "import os\nos.fsync = lambda number: os.abort()"
    assert run(*JOB, "--out", tmp_path, fault=kill)[0] != 0
    left = names_in(tmp_path)
    assert any(name.endswith(".tmp") for name in left)
    (tmp_path / "notes.tmp").write_text("kept", encoding="utf-8")
    assert run(*JOB, "--out", tmp_path, "--resume")[0] == 0
    assert names_in(tmp_path) == sorted([*OUTPUTS, CHECKPOINT, "notes.tmp"])


@pytest.mark.parametrize("name", [CHECKPOINT, "results_quick.json", ".minicluster.lock"])
def test_an_export_into_the_run_s_own_files_is_refused(tmp_path, name):
    path = tmp_path / "." / name
    code, out, (line,) = run(*JOB, "--out", tmp_path, "--export", path)
    assert (code, out) == (2, "") and f"export = {path}, expected a file that the run does not write" in line
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("option", ["--out", "--export"])
def test_no_permission_not_even_for_root(tmp_path, option):
    file = tmp_path / "file"
    file.write_text("kept", encoding="utf-8")
    code, out, (line,) = run(*JOB, "--out", tmp_path, option, file / "below" / "x.npz")
    assert (code, out) == (2, "") and f"{file} is not a folder" in line
    assert names_in(tmp_path) == ["file"]


def test_a_checkpoint_that_cannot_be_replaced_is_said_first(tmp_path):
    (tmp_path / CHECKPOINT).mkdir()
    code, out, (line,) = run(*JOB, "--out", tmp_path)
    assert (code, out) == (2, "") and f"{CHECKPOINT}: a folder is there" in line


# Export -----------------------------------------------------------------------------------------------


def test_hidden_states_are_exported_with_labels_and_strings(tmp_path, whole):
    for name in names_in(whole):
        shutil.copy(whole / name, tmp_path)
    code, out, said = run(*JOB, "--out", tmp_path, "--resume", "--export", tmp_path / "more" / "hidden.npz")
    assert (code, said) == (0, []) and str(tmp_path / "more" / "hidden.npz") in out
    with np.load(tmp_path / "more" / "hidden.npz") as file:  # no pickles
        arrays = {name: file[name] for name in file.files}
    assert arrays["step"] == STEPS and arrays["seed"] == 0 and arrays["patterns"].shape == (40,)
    for split, n in (("train", 600), ("unseen_instruction", 200)):
        assert arrays[f"{split}_states"].shape == (5, n, 64) and arrays[f"{split}_states"].dtype == np.float32
        assert arrays[f"{split}_cluster"].shape == (5, n)
        assert len(set(arrays[f"{split}_strings"])) == n and arrays[f"{split}_strings"].dtype.kind == "U"
        np.testing.assert_array_equal(arrays[f"{split}_task"], arrays[f"{split}_distribution"] // 4)
    from minicluster.cluster import adjusted_rand_score

    ari = runs_of(whole)[0]["ari"]["train"][-1]
    found = [adjusted_rand_score(arrays["train_task"], labels) for labels in arrays["train_cluster"]]
    assert found == ari  # of the very clusters that results.json scores
