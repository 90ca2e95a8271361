"""`minicluster doctor`: what it finds, and what it says of an installation that lacks something."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from minicluster import cli, doctor


def findings():
    return {finding.what: finding for finding in doctor.examine({})}


def test_the_command_tells_what_the_user_had_set(tmp_path):
    variables = {name: value for name, value in os.environ.items() if name not in doctor.THREAD_VARIABLES}
    variables |= {"PYTHONPATH": str(Path(doctor.__file__).parents[1])}
    command = [sys.executable, "-m", "minicluster", "doctor"]
    done = subprocess.run(command, env=variables, capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert "BLAS         no thread variables set" in done.stdout


def test_a_sound_installation(capsys):
    assert cli.main(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert "!!" not in out and err == ""
    lines = out.splitlines()
    assert lines[-1].startswith("everything works") and len(lines) <= 24 and max(map(len, lines)) < 200
    for what in ("Python", "numpy", "numba", "matplotlib", "cores", "BLAS", "cache", "display", "folder", "self-test"):
        assert any(line.split()[0] == what or line.split()[1] == what for line in lines), what


def test_the_user_s_own_variables_are_told_not_those_that_the_command_sets(capsys):
    found = {finding.what: finding for finding in doctor.examine({"OPENBLAS_NUM_THREADS": "3"})}
    assert found["BLAS"].found == "OPENBLAS_NUM_THREADS=3"
    assert "no thread variables" in findings()["BLAS"].found


@pytest.mark.parametrize(
    "package, hinders", [("numpy", True), ("matplotlib", True), ("numba", False)]
)
def test_a_package_that_is_missing(package, hinders, monkeypatch):
    real = doctor.version

    def version(name):
        if name == package:
            raise PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(doctor, "version", version)
    finding = findings()[package]
    assert finding.hinders == hinders and "pip install" in finding.remedy and sys.executable in finding.remedy


def test_without_numpy_it_says_so_and_without_pytest_nothing_is_wrong(tmp_path):
    shutil.copytree(Path(doctor.__file__).parent, tmp_path / "minicluster")  # beside no other package
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-S", "-m", "minicluster", "doctor"]  # -S: no installed package is found
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert "!! numpy        not installed" in done.stdout and "!! self-test" in done.stdout
    assert "   tests        no pytest, no hypothesis (which only the tests need)" in done.stdout


def test_a_package_that_is_too_old_and_one_that_is_just_new_enough(monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: {"numpy": "1.9.3", "numba": "0.58.0"}.get(name, "3.7.0rc1"))
    found = findings()
    assert found["numpy"].hinders and "1.9.3, older than 1.25" in found["numpy"].found
    assert not found["numba"].hinders and not found["matplotlib"].hinders


def test_numba_that_cannot_be_imported_is_advice(monkeypatch):
    monkeypatch.setattr(doctor, "missing_numba", lambda: "no llvmlite")
    found = findings()
    assert "can't be imported: no llvmlite" in found["numba"].found and not found["numba"].hinders
    assert found["cache"].found == "not needed without Numba" and "compiler" not in found["self-test"].found

    def refuse():
        raise ValueError("Numba refuses its settings")

    monkeypatch.setattr(doctor, "missing_numba", refuse)
    assert "refuses" in findings()["numba"].found


def test_threads_display_folder_and_lessons(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "9999")
    assert "threads wait" in findings()["cores"].remedy
    monkeypatch.chdir(tmp_path)
    assert "go to the folder that README.md is in" in findings()["lessons"].remedy
    monkeypatch.setattr(doctor, "LEAST_DISK", 1e18)
    assert findings()["folder"].hinders and findings()["folder"].remedy == "make room"


def test_a_failing_self_test_is_told_in_one_line(monkeypatch, capsys):
    def broken():
        yield "so far"
        raise ArithmeticError("1 + 1 is 3\nand more")

    monkeypatch.setattr(doctor, "_run_a_little", broken)
    finding = doctor.self_test()
    assert (finding.found, finding.hinders) == ("ArithmeticError: 1 + 1 is 3", True)
    assert cli.main(["doctor"]) == 1
    out, _ = capsys.readouterr()
    assert "!! self-test" in out and out.splitlines()[-1] == "1 marked !! must be mended first"


def test_a_backend_that_does_not_exist_and_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    environment = {**os.environ, "MPLBACKEND": "no_such_backend", "NUMBA_CACHE_DIR": str(tmp_path / "file")}
    environment["PYTHONPATH"] = str(Path(doctor.__file__).parents[1])
    command = [sys.executable, "-m", "minicluster", "doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert done.returncode == 1
    assert "!! display" in done.stdout and "unset MPLBACKEND" in done.stdout
    assert "!  cache" in done.stdout and "set NUMBA_CACHE_DIR to a folder of yours" in done.stdout
