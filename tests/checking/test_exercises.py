"""The course's exercises: blanks fail, solutions pass, typical mistakes are explained as such."""

import copy
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from minicluster.checking import check_function, exercises_of, find_exercises
from minicluster.checking.judge import _of_another_form, judge
from minicluster.checking.runner import LESSONS
from minicluster.checking.worker import load

FOLDER = Path(__file__).parents[2] / "lessons"
ALL = [(lesson, exercise) for lesson in LESSONS for exercise in exercises_of(lesson)]
NAMES = [f"{lesson:02}-{exercise.name}" for lesson, exercise in ALL]

each = pytest.mark.parametrize("lesson, exercise", ALL, ids=NAMES)
each_mistake = pytest.mark.parametrize(
    "exercise, mistake",
    [(exercise, mistake) for _, exercise in ALL for mistake in exercise.mistakes],
    ids=[f"{name}-{n}" for name, (_, exercise) in zip(NAMES, ALL) for n in range(len(exercise.mistakes))],
)


def function_of(kind, lesson, exercise):
    path = find_exercises(lesson, FOLDER / kind)
    assert path is not None, f"lessons/{kind} has nothing for lesson {lesson}"
    return getattr(load(path), exercise.name)


@each
def test_the_solution_passes(lesson, exercise):
    problem = judge(exercise, function_of("solutions", lesson, exercise))
    assert problem is None, problem.says


@each
def test_the_blank_is_one_and_says_what_it_asks(lesson, exercise):
    blank = function_of("exercises", lesson, exercise)
    inputs = exercise.cases()[0]
    with pytest.raises(NotImplementedError, match="your turn"):
        blank(**inputs)
    solution = function_of("solutions", lesson, exercise)
    assert list(inspect.signature(blank).parameters) == list(inspect.signature(solution).parameters) == list(inputs)
    text = inspect.getdoc(blank)
    assert re.search(r"(Core, )?(easy|medium|hard), [0-9]+ minutes\.", text, re.IGNORECASE)
    assert ("Core, " in text) == exercise.core
    assert all(f"\n{section}\n" in text for section in ("Parameters", "Returns", "Hints"))
    assert re.findall(r"^([0-9])\. ", text.split("\nHints\n")[1], re.MULTILINE)[0] == "1"
    for name in inputs:
        assert re.search(rf"^(\w+, )*{name}(, \w+)* : ", text, re.MULTILINE), name


@each_mistake
def test_a_typical_mistake_is_found_and_explained(exercise, mistake):
    problem = judge(exercise, mistake.formula)
    assert problem is not None, "nobody notices"
    assert problem.says == mistake.says


@each
def test_every_exercise_has_cases_of_several_sizes_that_are_the_same_each_time(lesson, exercise):
    one, other = exercise.cases(), exercise.cases()
    assert len(one) >= 5
    assert repr([{k: v for k, v in case.items() if not callable(v)} for case in one]) == repr(
        [{k: v for k, v in case.items() if not callable(v)} for case in other]
    )
    assert len(exercise.mistakes) >= (2 if exercise.core else 0)


def test_every_lesson_has_two_or_three_exercises_one_of_them_core():
    assert LESSONS == list(range(1, 19))
    for lesson in LESSONS:
        exercises = exercises_of(lesson)
        assert 2 <= len(exercises) <= 3 and any(exercise.core for exercise in exercises), lesson
        for kind in ("exercises", "solutions"):
            path = find_exercises(lesson, FOLDER / kind)
            written = re.findall(r"^def ([a-z]\w*)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert set(written) >= {exercise.name for exercise in exercises}
            if kind == "exercises":
                assert written == [exercise.name for exercise in exercises]
            lesson_file = next((FOLDER).glob(f"lesson_{lesson:02}_*.py"))
            assert path.stem.removeprefix("exercise") == lesson_file.stem.removeprefix("lesson")


@pytest.mark.parametrize("lesson, exercise", [ALL[0], ALL[-1]], ids=[NAMES[0], NAMES[-1]])
def test_in_a_process_of_its_own_it_is_the_same(lesson, exercise):
    assert check_function(lesson, exercise, find_exercises(lesson, FOLDER / "solutions")).fine
    blank = check_function(lesson, exercise, find_exercises(lesson, FOLDER / "exercises"))
    assert (blank.outcome, blank.says, blank.inputs) == ("blank", "not written yet", [])


@each
def test_nobody_passes_by_returning_what_came_in_or_nothing(lesson, exercise):
    first = next(iter(exercise.cases()[0]))
    for lazy in (lambda **inputs: inputs[first], lambda **inputs: None, lambda **inputs: np.zeros(3)):
        try:
            problem = judge(exercise, lazy)
        except Exception:  # a rule that can't even look at it
            continue
        assert problem is not None


# These look at what no formula of a mistake can do, as it has to be the same each time.
NOT_IN_A_FORMULA = {"_only_the_seed_decides"}


def says_something(exercise, rule, mistake):
    """Whether a rule speaks up on a case at which it is asked."""
    for inputs in exercise.cases():
        try:
            got = mistake.formula(**copy.deepcopy(inputs))
        except Exception:  # a mistake may be one that raises
            continue
        if exercise.answer is not None and _of_another_form(got, exercise.answer(**copy.deepcopy(inputs)), "it"):
            continue
        if rule(mistake.formula, copy.deepcopy(inputs), got) is not None:
            return True
    return False


@each
def test_every_rule_speaks_up_for_one_of_the_typical_mistakes(lesson, exercise):
    silent = {
        rule.__name__
        for rule in exercise.rules
        if not any(says_something(exercise, rule, mistake) for mistake in exercise.mistakes)
    }
    assert not silent - NOT_IN_A_FORMULA


def test_a_deal_that_the_seed_does_not_decide_is_told():
    deal = next(exercise for exercise in exercises_of(12) if exercise.name == "deal")
    problem = judge(deal, lambda task_of_pattern, pattern, seed: np.random.permutation(task_of_pattern)[pattern])
    assert "another deal when it is called again with the same seed" in problem.says


def test_a_right_deal_passes_however_it_is_drawn_and_a_slightly_unfair_one_does_not():
    deal = next(exercise for exercise in exercises_of(12) if exercise.name == "deal")

    def by_sorting(task_of_pattern, pattern, seed):
        return task_of_pattern[np.argsort(np.random.default_rng(seed).random(len(task_of_pattern)))][pattern]

    def in_place(task_of_pattern, pattern, seed):
        dealt = task_of_pattern.copy()
        np.random.default_rng(seed).shuffle(dealt)
        return dealt[pattern]

    def without_replacement(task_of_pattern, pattern, seed):
        return np.random.default_rng(seed).choice(task_of_pattern, len(task_of_pattern), replace=False)[pattern]

    def often_the_truth(task_of_pattern, pattern, seed):
        rng = np.random.default_rng(seed)
        return (task_of_pattern if rng.random() < 0.1 else rng.permutation(task_of_pattern))[pattern]

    for right in (by_sorting, in_place, without_replacement):
        assert judge(deal, right) is None
    assert "as likely as any other" in judge(deal, often_the_truth).says


def test_no_accidental_factor_is_told():
    backward = next(exercise for exercise in exercises_of(5) if exercise.name == "linear_backward")

    def of_the_first_and_last_row(dy, x, weight):
        return backward.answer(dy, x, weight) | {"bias": dy[0, 0] + dy[-1, -1]}

    assert "times what it should be" not in judge(backward, of_the_first_and_last_row).says


def test_the_inputs_that_are_shown_fit_the_sentence():
    deal = next(exercise for exercise in exercises_of(12) if exercise.name == "deal")

    def seldom_wrong(task_of_pattern, pattern, seed):
        dealt = np.random.default_rng(seed).permutation(task_of_pattern)
        return (0 * dealt if seed == 7 else dealt)[pattern]

    problem = judge(deal, seldom_wrong)
    assert problem.inputs["seed"] == 7 and "gives pseudo-task 0 to 3 patterns, expected" in problem.says
