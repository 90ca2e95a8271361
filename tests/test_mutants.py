"""The mutant list fits the code, and the command that tries it tells a hole in the tests from a test that notices."""

import os
import signal
import time
from pathlib import Path

import pytest
import run_mutants
from mutants import MUTANTS, Mutant

TESTS = Path(__file__).parent

# These hold no formula: names, checks of arguments, and the choice between backends.
WITHOUT_FORMULAS = {"nn/__init__.py", "nn/operations.py", "cluster/__init__.py", "kernels/__init__.py"}
WITHOUT_FORMULAS |= {"kernels/arguments.py", "cluster/_operations.py"}


def package_text(file):
    return (run_mutants.package_folder() / file).read_text(encoding="utf-8")


# The list -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_one_change_that_compiles(mutant):
    source = package_text(mutant.file)
    mutated = mutant.applied_to(source)  # raises if the old text is not there exactly once
    assert mutated != source
    compile(mutated, mutant.file, "exec")
    assert mutant.why.endswith(".")
    assert all((TESTS / name).is_file() for name in mutant.test_files())


def test_names_are_unique():
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 60


@pytest.mark.parametrize("package", ["nn", "cluster", "kernels"])
def test_every_file_with_formulas_has_mutants(package):
    files = {f"{package}/{path.name}" for path in (run_mutants.package_folder() / package).glob("*.py")}
    assert files - WITHOUT_FORMULAS <= {mutant.file for mutant in MUTANTS}


# The command --------------------------------------------------------------------------------------


def bias_mutant(new, **changes):
    arguments = {"name": new, "file": "nn/linear.py", "old": "y += bias", "new": new, "why": "For this test."} | changes
    return Mutant(**arguments)


def test_killed_survived_and_broken_are_told_apart(capsys):
    mutants = [bias_mutant("y += 2 * bias"), bias_mutant("y += 1 * bias"), bias_mutant("y += bais")]
    assert run_mutants.run_mutants(mutants, jobs=2) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    verdicts = {line.split("  ")[-2]: line.split()[0] for line in lines[:3]}
    assert verdicts == {"y += 2 * bias": "killed", "y += 1 * bias": "survived", "y += bais": "broken"}
    assert "nn/test_linear.py::test_forward_by_hand" in next(line for line in lines if line.startswith("killed"))
    assert {line.split()[0] for line in lines[3:]} == {"SURVIVED", "BROKEN"}
    assert all("nn/linear.py): For this test." in line for line in lines[3:])
    assert last.startswith("1 of 3 mutants killed in ")


def test_the_exit_code_is_0_if_all_are_killed():
    assert run_mutants.run_mutants([bias_mutant("y += 2 * bias")], jobs=1) == 0


def test_a_stale_mutant_is_named(capsys):
    mutant = bias_mutant("y += 2 * bias", old="y = y + bias", name="a wrong bias")
    assert run_mutants.run_mutants([mutant], jobs=1) == 1
    assert capsys.readouterr().out == "stale: a wrong bias: its old text is 0 times in nn/linear.py, expected once\n"


def test_tests_that_fail_without_a_mutant_are_named(capsys, tmp_path):
    failing = tmp_path / "test_failing.py"
    failing.write_text("def test_failing():\n    assert False\n", encoding="utf-8")
    assert run_mutants.run_mutants([bias_mutant("y += 2 * bias", tests=(str(failing),))], jobs=1) == 1
    assert capsys.readouterr().out.startswith("without any mutant, ")


def test_nothing_but_the_copy_is_tested(monkeypatch):
    # As if an installed package were imported in the copy's place.
    elsewhere = {**os.environ, "PYTHONPATH": str(TESTS), "MUTATED_PACKAGE": str(TESTS)}
    monkeypatch.setattr(run_mutants, "_environment", lambda copy: elsewhere)
    verdict = run_mutants.run_tests(("nn/test_linear.py",))
    assert verdict.outcome == "broken" and "imported" in verdict.detail


def test_a_run_that_ends_without_a_word_has_not_passed():
    # As if all were well, but no test was done.
    mutant = bias_mutant("import os\n    os._exit(0)")
    verdict = run_mutants.run_tests(mutant.test_files(), mutant)
    assert verdict.outcome == "broken" and "exit code 0" in verdict.detail


def test_what_keeps_tests_from_being_collected_is_said():
    mutant = bias_mutant("y += bias +")
    verdict = run_mutants.run_tests(mutant.test_files(), mutant)
    assert verdict.outcome == "broken" and "SyntaxError: invalid syntax" in verdict.detail


def test_options_for_all_runs_of_pytest_change_nothing(monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    assert run_mutants.run_tests(("nn/test_linear.py",)).outcome == "passed"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["attention", "no such thing"], "TEXT = 'no such thing', expected a part of the name or file of some mutant"),
        (["--jobs", "0"], "argument --jobs: 0, expected a whole number of at least 1"),
    ],
)
def test_bad_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        run_mutants.main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_traceback(number, monkeypatch, capsys):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(run_mutants, "run_mutants", lambda mutants, jobs: signal.raise_signal(number))
    assert run_mutants.main(["clipping"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    signal.signal(signal.SIGTERM, before)


def test_an_interruption_ends_what_runs(tmp_path):
    slow = tmp_path / "test_slow.py"
    slow.write_text("import time\n\n\ndef test_slow():\n    time.sleep(60)\n", encoding="utf-8")
    verdicts = run_mutants._side_by_side([("nn/test_linear.py",), (str(slow),)], run_mutants.run_tests, jobs=2)
    assert next(verdicts)[1].outcome == "passed"
    started = time.perf_counter()
    verdicts.close()  # as an exception would
    assert time.perf_counter() - started < 10  # seconds; the test would sleep on for a minute
    assert not run_mutants.RUNNING


def test_a_sample_is_drawn_by_its_seed_in_the_order_of_the_list(capsys):
    numbers = list(range(100))
    drawn = run_mutants._drawn(numbers, 10, 1)
    assert len(set(drawn)) == 10 and drawn == sorted(drawn) and set(drawn) <= set(numbers)
    assert "10 of 100 mutants, drawn with seed 1" in capsys.readouterr().out
    assert run_mutants._drawn(numbers, 10, 1) == drawn != run_mutants._drawn(numbers, 10, 2)
    assert run_mutants._drawn(numbers, None, 0) == run_mutants._drawn(numbers, 100, 0) == numbers
