"""`minicluster experiment` as a user runs it."""

import json
from pathlib import Path

import pytest
from made_up_results import RUNS, results_of
from test_cli import run

from minicluster import cli
from minicluster.commands import experiment as command
from minicluster.experiments.investigate import EXPERIMENTS
from minicluster.files import write_json
from minicluster.training import TrainingDiverged

SHARING = ("experiment", "sharing", "--steps", 3, "--seeds", 1, "--small", "--seed", 3)


def lines(text):
    """What was told, without the note that kernels are compiled, which they are once."""
    return [line for line in text.splitlines() if "compiling its kernels" not in line]


def test_without_a_name_the_experiments_are_listed(tmp_path):
    done = run("experiment", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first_words = [line.split()[0] for line in done.stdout.splitlines()[2:] if line]
    assert first_words == [*EXPERIMENTS, "all", "report"]
    assert max(map(len, done.stdout.splitlines())) <= 100  # a line each
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dance"], "experiment = 'dance', expected one of dynamics, geometry, saturation"),
        (["statistics"], "experiment = 'statistics', expected one of"),
        (["sharing", "--seeds", "0"], "seeds = 0, expected at least 1"),
        (["sharing", "--seed", "-1"], "seed = -1, expected at least 0"),
        (["sharing", "--seeds", "few"], "argument --seeds: invalid int value: 'few'"),
        (["sharing", "--steps", "0"], "steps = 0, expected at least 1"),
        (["sharing", "--backend", "cuda"], "backend = 'cuda', expected one of auto, numba, numpy"),
        (["sharing", "--out", "file/below"], "cannot write to folder"),
        (["report", "--out", "file/below"], "cannot write to folder"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("kept", encoding="utf-8")
    assert cli.main(["experiment", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and message in printed.err and printed.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert Path("file").read_text(encoding="utf-8") == "kept"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One run of a few steps, with everything that it wrote."""
    folder = tmp_path_factory.mktemp("small")
    return folder / "report", run(*SHARING, folder=folder)


def test_a_run_writes_the_files_that_it_prints_and_says_what_holds(small):
    folder, done = small
    assert (done.returncode, lines(done.stderr)) == (0, [])
    names = ["sharing_small.json", "sharing_small.csv", "sharing_small.png"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    told = done.stdout.splitlines()
    assert told[0].startswith("sharing: Shared outputs")
    assert told[1] == "seed 3, SMALL: a shallower model, trained for fewer steps"
    assert any(line.startswith("not judged: Without shared outputs") for line in told)  # after three steps
    assert f" s. Written to report: {', '.join(names)}" in done.stdout


def test_its_files_have_what_was_plotted_and_what_was_measured(small):
    folder, _ = small
    results = json.loads((folder / "sharing_small.json").read_text(encoding="utf-8"))
    assert results["seeds"] == [3] and results["config"]["steps"] == 3 and results["config"]["small"] is True
    assert results["experiment"] == "sharing" and results["falsified_by"].startswith("Falsified if")
    assert results["trainings"]["share 5"] == {"share": 5, "n_recordings": 2}
    assert list(results["figures"]) == ["sharing_small.png"]
    assert "share 10: ARI" in results["figures"]["sharing_small.png"]
    table = (folder / "sharing_small.csv").read_text(encoding="utf-8").splitlines()
    assert table[0].startswith("seed,share,layer,ari") and len(table) == 1 + 4 * 5
    assert (folder / "sharing_small.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_is_written_from_the_results_that_lie_there(small, capsys):
    folder, _ = small
    assert cli.main(["experiment", "report", "--small", "--out", str(folder)]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"Report: {folder / 'report_small.html'}\n"
    missing = ", ".join(name for name in EXPERIMENTS if name != "sharing")
    assert printed.err == f"minicluster: the report lacks {missing}: no results of these in {folder}\n"
    text = (folder / "report_small.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and "Shared outputs: where clusters" in text
    (folder / "report_small.html").unlink()


def test_a_report_from_a_folder_without_results_is_bad_input(tmp_path, capsys):
    assert cli.main(["experiment", "report", "--out", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert f"error: no results in {tmp_path}, expected those of experiment all: dynamics.json" in printed.err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    ["nonsense", "[1, 2]", "{}", '"text"', '{"experiment": "picture"}', '{"experiment": "sharing", "verdicts": [1]}'],
)
def test_results_that_are_not_as_written_are_named(content, tmp_path, capsys):
    write_json(tmp_path / "bottleneck.json", results_of("bottleneck", RUNS["bottleneck"]()))
    (tmp_path / "sharing.json").write_text(content, encoding="utf-8")
    assert cli.main(["experiment", "report", "--out", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert f"{tmp_path / 'sharing.json'} is not as experiment writes it" in printed.err
    assert not (tmp_path / "report.html").exists()


def in_this_process(monkeypatch, measured):
    """Let each training take no time, and be `measured(trial)`."""
    monkeypatch.setattr("minicluster.cores.usable_cores", lambda: 1)

    def run(self, progress):
        numbers = measured(self)
        return {(of, name): numbers[of][name] for of, name in self.wanted}, {"backend": "none"}

    monkeypatch.setattr("minicluster.experiments.trial.Trial.run", run)


def good(trial):
    return {name: make(trial.seed) for name, make in RUNS.items()}


def test_a_training_that_diverges_is_told_and_the_other_seeds_are_written(monkeypatch, tmp_path, capsys):
    def measured(trial):
        if trial.seed == 1 and trial.settings.share == 10:
            raise TrainingDiverged(7, 2.5)
        return good(trial)

    in_this_process(monkeypatch, measured)
    assert cli.main(["experiment", "sharing", "--seeds", "3", "--backend", "numpy", "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "error: seed 1, sharing (share 10) failed: the loss or its gradient is no longer finite" in printed.err
    assert "2 seeds, 0, 2: median (range)" in printed.out
    results = json.loads((tmp_path / "sharing.json").read_text(encoding="utf-8"))
    assert results["seeds"] == [0, 2] and results["failed"][0]["training"] == "share 10"


def test_if_all_trainings_diverge_nothing_is_written(monkeypatch, tmp_path, capsys):
    def measured(trial):
        raise TrainingDiverged(1, None)

    in_this_process(monkeypatch, measured)
    assert cli.main(["experiment", "unseen", "--seeds", "1", "--backend", "numpy", "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 2
    assert not any(tmp_path.iterdir())


def test_the_number_of_seeds_is_the_experiments_own_unless_told(monkeypatch, tmp_path, capsys):
    in_this_process(monkeypatch, good)
    seeds = []

    def investigate(trials, settings, own, *rest, **more):
        seeds.append((list(settings), own, [one.steps for one in settings.values()]))
        return {}

    monkeypatch.setattr("minicluster.experiments.investigate.investigate", investigate)
    arguments = ["--backend", "numpy", "--out", str(tmp_path)]
    assert cli.main(["experiment", "sharing", *arguments]) == 0
    assert cli.main(["experiment", "dynamics", "--seed", "7", "--steps", "9", *arguments]) == 0
    assert seeds == [(["sharing"], [0, 1, 2], [1000]), (["dynamics"], [7, 8, 9, 10, 11], [9])]


def test_a_disk_that_fails_is_told_in_one_line(monkeypatch, tmp_path, capsys):
    in_this_process(monkeypatch, good)

    def write(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("minicluster.files.write_csv", write)
    assert cli.main(["experiment", "sharing", "--seeds", "1", "--backend", "numpy", "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1 and "No space left on device" in printed.err
    assert "Written to" not in printed.out
    assert not (tmp_path / "sharing.json").exists()  # the last to be written: it names the others
    assert command.SEEDS_OF_ALL == 5
