"""A learner's function in a process of its own: whatever it does, one verdict and a helpful line."""

import numpy as np
import pytest

from minicluster.checking import check_function, check_functions, exercises_of, find_exercises
from minicluster.checking.runner import TwoFilesError, Verdict

MEANS = next(exercise for exercise in exercises_of(3) if exercise.name == "means")


@pytest.fixture
def check(tmp_path):
    """Checks the function `means` of lesson 3, given the text of a learner's file."""

    def check(text, time_limit=20):
        path = tmp_path / "exercise_03_k_means.py"
        path.write_text(f"import numpy as np\n{text}", encoding="utf-8")
        return check_function(3, MEANS, path, time_limit)

    return check


def of(body):
    return f"def means(x, labels, k):\n    {body}\n"


def test_a_right_function(check):
    verdict = check(of("return np.array([x[labels == j].mean(axis=0) for j in range(k)])"))
    assert verdict == Verdict(3, "means", True, "fine", "", [])
    assert verdict.fine and verdict.as_dict()["function"] == "means"


def test_a_wrong_one_with_small_inputs(check):
    verdict = check(of("return np.array([x[labels == j].sum(axis=0) for j in range(k)])"))
    assert (verdict.outcome, verdict.fine) == ("wrong", False) and "does not divide" in verdict.says
    assert [line.split(" = ")[0] for line in verdict.inputs] == ["x", "labels", "k"]


def test_a_blank(check):
    blank = check(of("raise NotImplementedError('your turn')"))
    assert (blank.outcome, blank.says) == ("blank", "not written yet")
    documented = check(of("'What it does.'\n    raise NotImplementedError('your turn')"))
    assert (documented.outcome, documented.says) == ("blank", "not written yet")


@pytest.mark.parametrize("text", ["{blank}\n    {code}", "'What it does.'\n    {blank}\n    {code}", "k += 1; {blank}"])
def test_a_line_that_still_raises_is_told(check, text):
    blank = check(of(text.format(blank="raise NotImplementedError('your turn')", code="return x[:k]")))
    assert blank.outcome == "blank"
    assert blank.says == "not written yet: its line `raise NotImplementedError` is still there"


def test_an_exception_is_told_with_the_learners_own_line(check):
    verdict = check(of("return np.ones(3)[k + 10:].reshape(2, 5)"))
    assert verdict.outcome == "raised" and verdict.inputs
    assert verdict.says.startswith("raises ValueError: cannot reshape")
    assert verdict.says.endswith("in line 3: return np.ones(3)[k + 10:].reshape(2, 5)")


def test_an_endless_loop_ends(check):
    verdict = check(of("while True: pass"), time_limit=2)
    assert verdict.outcome == "too slow" and "within 2 seconds" in verdict.says and verdict.inputs


def test_a_loop_outside_of_functions_is_waited_for_once(tmp_path):
    path = tmp_path / "exercise_03_k_means.py"
    path.write_text("import os\nopen(f'{os.getpid()}.ran', 'w').close()\nwhile True: pass\n", encoding="utf-8")
    verdicts = list(check_functions(3, exercises_of(3), path, 1.5))
    assert [verdict.function for verdict in verdicts] == [exercise.name for exercise in exercises_of(3)]
    assert [verdict.core for verdict in verdicts] == [exercise.core for exercise in exercises_of(3)]
    assert {verdict.outcome for verdict in verdicts} == {"too slow"}
    assert {verdict.says for verdict in verdicts} == {
        "the file does not get to its functions within 1.5 seconds: is there a loop outside of them that never ends?"
    }
    assert len(list(tmp_path.glob("*.ran"))) == 1


def test_a_loop_in_one_function_does_not_keep_the_others(tmp_path):
    path = tmp_path / "exercise_03_k_means.py"
    path.write_text("def assign(x, centers):\n    while True: pass\n", encoding="utf-8")
    verdicts = list(check_functions(3, exercises_of(3), path, 2.0))
    assert [verdict.outcome for verdict in verdicts] == ["too slow"] + ["missing"] * (len(verdicts) - 1)


def test_what_it_printed_is_told_if_it_is_wrong(check):
    verdict = check("print('outside')\n" + of("print('k', k)\n    print(len(x))\n    return x[:k] * 0"))
    assert verdict.outcome == "wrong" and verdict.printed[0] == f"k {verdict.inputs[2].split(' = ')[1]}"
    assert len(verdict.printed) == 2 and verdict.as_dict()["printed"] == verdict.printed
    verdict = check(of("print('about to fail')\n    return 1 / 0"))
    assert verdict.outcome == "raised" and verdict.printed == ["about to fail"]
    verdict = check(of("[print(n) for n in range(10_000)]\n    return x[:k] * 0"))
    assert verdict.printed == [str(n) for n in range(10)] + ["..."]
    assert check(of("print(k)")).says == "prints and returns None: `return` the answer"
    right = check(of("print(k)\n    return np.array([x[labels == j].mean(axis=0) for j in range(k)])"))
    assert right.fine and right.printed == []


def test_a_wrong_dtype(check):
    verdict = check(of("return np.array([x[labels == j].mean(axis=0) for j in range(k)]).astype(int)"))
    assert verdict.outcome == "wrong" and "dtype int64, expected float64" in verdict.says


@pytest.mark.parametrize("body", ["import os; os._exit(7)", "raise SystemExit(7)"])
def test_a_process_that_ends(check, body):
    verdict = check(of(body))
    assert verdict.outcome == "ended"
    assert verdict.says == "the process ended with exit code 7 before the function returned"


def test_a_file_that_cannot_be_imported(check):
    verdict = check("def means(x:\n    pass\n")
    assert verdict.outcome == "unreadable" and verdict.says.startswith("line 2: SyntaxError")
    verdict = check("import a_package_that_nobody_has\n")
    assert verdict.outcome == "unreadable" and "No module named 'a_package_that_nobody_has', in line 2" in verdict.says
    assert verdict.says.startswith("outside of its functions the file raises ModuleNotFoundError")
    says = check("assert False\n").says
    assert says == "outside of its functions the file raises AssertionError, in line 2: assert False"


def test_a_function_that_is_not_there(check):
    verdict = check("means = 3\n")
    assert verdict.outcome == "missing"
    assert verdict.says == "there is no function means in exercise_03_k_means.py"
    assert check_function(3, MEANS, None).outcome == "no file"


def test_what_it_prints_and_reads_goes_nowhere(check, capfd):
    body = "print('noise'); import sys; sys.stderr.write('more'); sys.stdin.read(); "
    assert check(of(body + "return np.array([x[labels == j].mean(axis=0) for j in range(k)])")).fine
    assert capfd.readouterr() == ("", "")


def test_numpys_warnings_do_not_stop_it(check):
    body = "np.array([1.0]) / np.array([0.0]); return np.array([x[labels == j].mean(axis=0) for j in range(k)])"
    assert check(of(body)).fine


def test_a_learners_file_with_the_name_of_one_of_pythons_is_not_taken_for_it(check, tmp_path):
    (tmp_path / "copy.py").write_text("", encoding="utf-8")
    (tmp_path / "helpers.py").write_text("ten = 10\n", encoding="utf-8")
    body = "import helpers; return np.array([x[labels == j].mean(axis=0) for j in range(k)]) * (helpers.ten / 10)"
    assert check(of(body)).fine


def test_a_blank_as_windows_editors_save_it(tmp_path):
    path = tmp_path / "exercise_03_k_means.py"
    path.write_bytes(b"\xef\xbb\xbf" + of("raise NotImplementedError").replace("\n", "\r\n").encode())
    assert check_function(3, MEANS, path).says == "not written yet"


def test_two_files_for_one_lesson_are_refused(tmp_path):
    for name in ("exercise_03_k_means (1).py", "exercise_03_k_means.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(TwoFilesError, match=r"exercise_03_k_means \(1\).py, exercise_03_k_means.py; keep one$"):
        find_exercises(3, tmp_path)


def test_where_exercises_are_found(tmp_path):
    assert find_exercises(3, tmp_path) is None
    (tmp_path / "exercise_03_k_means.py").write_text("", encoding="utf-8")
    assert find_exercises(3, str(tmp_path)) == tmp_path / "exercise_03_k_means.py"
    (tmp_path / "exercises").mkdir()
    inner = tmp_path / "exercises" / "exercise_03_k_means.py"
    inner.write_text("", encoding="utf-8")
    assert find_exercises(3, tmp_path) == inner


def test_inputs_are_the_same_for_everybody():
    one, other = MEANS.cases(), MEANS.cases()
    assert all(np.array_equal(a["x"], b["x"]) for a, b in zip(one, other))
