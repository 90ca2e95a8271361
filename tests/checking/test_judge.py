"""What is said of wrong answers: the form first, then values, in words."""

import numpy as np
import pytest

from minicluster.checking.exercise import Exercise, Mistake, numbers
from minicluster.checking.judge import Printed, judge, show, shown

X = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 7.0]])


def exercise(answer, **options):
    return Exercise("f", draw=lambda rng, size: {"x": X * size}, answer=answer, **options)


def said(answer, function, **options):
    problem = judge(exercise(answer, **options), function)
    return None if problem is None else problem.says


def test_a_right_answer_passes():
    assert said(lambda x: x.sum(axis=0), lambda x: np.add.reduce(x)) is None
    assert said(lambda x: {"a": x, "b": (1, "s", True)}, lambda x: {"b": [1, "s", True], "a": x + 0}) is None


@pytest.mark.parametrize(
    "right, wrong, words",
    [
        (lambda x: x, lambda x: None, "returns None: is its `return` missing?"),
        (lambda x: x, lambda x: x.T, "shape (3, 2), expected (2, 3): it is transposed"),
        (lambda x: x.sum(axis=0), lambda x: x.sum(axis=0, keepdims=True), "an axis of length 1 too many"),
        (lambda x: x.sum(), lambda x: x.sum(axis=1), "shape (2,), expected () (a single number): is a sum"),
        (lambda x: x, lambda x: x.astype(int), "dtype int64, expected float64: fractions are lost"),
        (lambda x: x, lambda x: x.astype(np.float32), "dtype float32, expected float64: half of the digits"),
        (lambda x: x.astype(int), lambda x: x, "dtype float64, expected whole numbers (int)"),
        (lambda x: x > 1, lambda x: x, "dtype float64, expected True and False (bool)"),
        (lambda x: x, lambda x: x + 0j, "is complex, expected float64"),
        (lambda x: x, lambda x: "text", "the answer is a string, expected an array of shape (2, 3)"),
        (lambda x: x, lambda x: {"x": x}, "the answer is a dict, expected an array of shape (2, 3)"),
        (lambda x: {"x": x}, lambda x: x, "the answer is an array of shape (2, 3), expected a dict with 'x'"),
        (lambda x: {"x": x, "w": x}, lambda x: {"x": x}, "the answer has 'x', expected 'x', 'w'"),
        (lambda x: (x, x), lambda x: (x,), "the answer has 1 values, expected 2"),
        (lambda x: (x, x), lambda x: 3.0, "the answer is a number, expected 2 values"),
        (lambda x: {"x": x}, lambda x: {"x": x.T}, "'x' has shape (3, 2), expected (2, 3): it is transposed"),
        (lambda x: x, lambda x: -x, "-1 at [0, 0], expected 1. Everything has the opposite sign."),
        (lambda x: x, lambda x: 2.5 * x, "2.5 at [0, 0], expected 1. Everything is 2.5 times what it should be."),
        (lambda x: x, lambda x: x + 3, "4 at [0, 0], expected 1. Everything is off by 3."),
        (lambda x: x, lambda x: 0 * x, "0 at [0, 0], expected 1. It is 0 everywhere."),
        (lambda x: x @ x.T, lambda x: (x @ np.diag([1, 2, 3]) @ x.T), "expected"),
        (lambda x: x[:, :2] @ [[0, 1], [2, 0]], lambda x: (x[:, :2] @ [[0, 1], [2, 0]]).T, "transpose of the right"),
        (lambda x: x, lambda x: x * np.nan, "nan at [0, 0], expected 1: 0/0"),
        (lambda x: {"x": x}, lambda x: {"x": x + (x == 7)}, "'x': 8 at [1, 2], expected 7"),
        (lambda x: "yes", lambda x: "no", "'no', expected 'yes'"),
        (lambda x: x, lambda x: [[1, 2], [3]], "rows of different lengths, expected shape (2, 3)"),
    ],
)
def test_what_is_wrong_is_said_in_words(right, wrong, words):
    assert words in said(right, wrong)


def test_rounding_is_forgiven_and_more_is_not():
    assert said(lambda x: x, lambda x: x * (1 + 1e-12)) is None
    assert said(lambda x: x, lambda x: x * (1 + 1e-6)) is not None
    assert said(lambda x: x, lambda x: x * (1 + 1e-6), tolerance=1e-4) is None
    infinite = np.array([np.inf, np.nan, 1.0])
    assert said(lambda x: infinite, lambda x: infinite.copy()) is None
    assert "expected inf" in said(lambda x: infinite, lambda x: np.array([-np.inf, np.nan, 1.0]))


def test_an_argument_that_is_changed_is_told():
    def careless(x):
        x *= 2
        return x

    assert "changes its argument `x`" in said(lambda x: 2 * x, careless)


def test_a_result_that_changes_from_call_to_call_is_told():
    calls = []

    def moody(x):
        calls.append(1)
        return x if len(calls) == 1 else -x

    assert "gives another result when it is called again" in said(lambda x: x, moody)


def test_rules_come_after_the_form_and_before_the_values():
    def rule(function, inputs, got):
        return None if abs(got.sum() - inputs["x"].sum()) < 1e-9 else f"adds up to {got.sum():.2f}"

    assert said(lambda x: x, lambda x: x * 2, rules=(rule,)) == "adds up to 44.00"
    assert "shape" in said(lambda x: x, lambda x: x.T * 2, rules=(rule,))
    assert "expected" in said(lambda x: x, lambda x: x[::-1], rules=(rule,))
    alone = Exercise("f", draw=lambda rng, size: {"x": X}, rules=(rule,))
    assert judge(alone, lambda x: x[::-1]) is None and judge(alone, lambda x: 2 * x).says == "adds up to 44.00"
    with pytest.raises(ValueError, match="neither a right answer nor rules"):
        Exercise("f", draw=lambda rng, size: {})


def test_a_mistake_is_recognised_only_if_it_is_the_same_on_every_case():
    def draw(rng, size):
        return {"x": np.arange(1.0, size + 1)}

    mistake = Mistake("takes the maximum", lambda x: float(x.max()))
    one = Exercise("f", draw=draw, answer=lambda x: float(x.sum()), mistakes=(mistake,))
    problem = judge(one, lambda x: x.max())
    assert problem is not None and problem.says == "takes the maximum"
    other = judge(one, lambda x: x[-1] if len(x) < 5 else 0.5)
    assert other is not None and other.says != "takes the maximum"
    assert judge(one, lambda x: x.sum()) is None


@pytest.mark.parametrize(
    "factor, told",
    [(2 / 3, "0.666667"), (1 / 128, "0.0078125"), (17, "17"), (-1.5, "-1.5"), (2**-0.5, "0.707107"), (100 / 101, None)]
    + [(1.2345, None), (np.pi, None), (2000, None)],
)
def test_a_factor_is_told_if_it_is_a_simple_one(factor, told):
    hint = said(lambda x: x, lambda x: x * factor).partition(". ")[2]
    assert hint == (f"Everything is {told} times what it should be." if told else "")


def test_values_of_an_answer_may_have_names():
    def answer(x):
        return x, x > 1

    names = {"parts": ("targets", "mask")}
    assert said(answer, lambda x: (x, x > 2), **names) == "mask: False at [0, 1], expected True"
    assert said(answer, lambda x: (x.T, x > 1), **names).startswith("targets has shape (3, 2), expected (2, 3)")
    assert said(answer, lambda x: x, **names).endswith("expected 2 values, targets and mask")
    assert said(answer, lambda x: (x,), **names) == "the answer has 1 values, expected 2, targets and mask"
    assert said(answer, answer, **names) is None


def test_a_mistake_has_to_agree_on_the_inputs_of_a_rule():
    def rule(function, inputs, got):
        other = inputs | {"x": -X}
        return ("is wrong for less", other) if function(**other).sum() != -22 else None

    mistake = Mistake("takes the negative of large ones", lambda x: -x if x.max() > 100 else x)
    one = exercise(lambda x: x, rules=(rule,), mistakes=(mistake,))
    assert judge(one, lambda x: x if x.sum() > 0 else 0 * x).says == "is wrong for less"


def test_a_rule_may_show_other_inputs():
    def rule(function, inputs, got):
        other = inputs | {"x": inputs["x"] + 3}
        return ("is wrong for more", other) if function(**other).sum() < 30 else None

    problem = judge(exercise(None, rules=(rule,)), lambda x: x if x.sum() < 30 else -x)
    assert problem.says == "is wrong for more" and np.array_equal(problem.inputs["x"], X + 3)
    assert judge(exercise(None, rules=(rule,)), lambda x: x) is None
    named = exercise(None, rules=(rule,), mistakes=(Mistake("has the sign of a mistake", lambda x: -x),))
    problem = judge(named, lambda x: -x)
    assert problem.says == "has the sign of a mistake" and np.array_equal(problem.inputs["x"], X + 3)


def test_printing_is_not_returning():
    assert said(lambda x: x, lambda x: print(x)) == "prints and returns None: `return` the answer"
    printed = Printed()

    def chatty(x):
        print("sum", x.sum())
        return x if x.sum() < 30 else -x

    assert judge(exercise(lambda x: x), chatty, printed=printed).inputs["x"].sum() == 44
    assert printed.text == "sum 44.0\n"
    endless = Printed()
    for _ in range(100):
        assert endless.write("x" * 50) == 50
    assert 1000 < len(endless.text) < 5000 and endless.writable()


def test_small_inputs_that_show_it_are_kept():
    def draw(rng, size):
        return {"x": np.ones(size), "size": size}

    one = Exercise("f", draw=draw, answer=lambda x, size: float(size))
    problem = judge(one, lambda x, size: float(min(size, 2)))
    assert problem.inputs["size"] == 3 and len(problem.inputs["x"]) == 3


def test_inputs_are_shown_as_one_would_type_them():
    assert show({"x": np.array([[1.0, 2.5], [-3.0, 0.1]]), "k": 3, "names": ["a", "b"]}) == [
        "x = [[1, 2.5], [-3, 0.1]]",
        "k = 3",
        "names = ['a', 'b']",
    ]
    assert shown(np.zeros((10, 10))) == "an array of shape (10, 10)"
    assert shown(np.array([True, False])) == "[True, False]" and shown(np.array(2.0)) == "2"
    assert shown({"a": np.arange(3)}) == "{'a': [0, 1, 2]}" and shown("text") == "'text'"
    assert shown(list(range(100))) == "100 values" and shown(shown) == "the function shown"
    assert np.array_equal(np.array(eval(shown(np.array([[0.25, 1e-9]])))), [[0.25, 1e-9]])


def test_numbers_are_easily_read():
    rng = np.random.default_rng(0)
    small, large = numbers(rng, 1, 4, 5), numbers(rng, 5, 400)
    assert small.shape == (4, 5) and small.dtype == float and (small == small.round()).all() and abs(small).max() <= 3
    assert (large == large.round(2)).all() and (large != large.round()).mean() > 0.9


@pytest.mark.parametrize(
    "right, other",
    [
        (lambda x: 0 * x, lambda x: -0.0 * x),
        (lambda x: x[:0], lambda x: np.zeros((0, 3))),
        (lambda x: np.zeros(0, int), lambda x: []),  # a list without entries has no dtype of its own
        (lambda x: 3.0, lambda x: np.array(3.0)),
        (lambda x: 3.0, lambda x: 3),  # a single whole number has lost nothing
        (lambda x: 3, lambda x: np.array(3)),
        (lambda x: True, lambda x: np.bool_(True)),
        (lambda x: np.bool_(False), lambda x: False),
        (lambda x: [{"a": x, "b": [x, 2]}], lambda x: ({"b": (x, 2), "a": x},)),
        (lambda x: x + 1j, lambda x: (x + 1j) * (1 + 1e-13)),
        (lambda x: {}, lambda x: {}),
        (lambda x: np.array(["a", "b"]), lambda x: ["a", "b"]),
    ],
)
def test_what_is_the_same_in_another_dress_passes(right, other):
    assert said(right, other) is None


@pytest.mark.parametrize(
    "right, wrong, says",
    [
        (lambda x: x, lambda x: -0.0 * x, "0 at [0, 0], expected 1. It is 0 everywhere."),
        (lambda x: x, lambda x: x[:0], "the answer has shape (0, 3), expected (2, 3)"),
        (lambda x: x[:0], lambda x: x, "the answer has shape (2, 3), expected (0, 3)"),
        (lambda x: 3.0, lambda x: 4, "4, expected 3"),
        (lambda x: 3.0, lambda x: np.array(np.nan), "nan, expected 3: 0/0, inf - inf or the log of less than 0"),
        (
            lambda x: 3.0,
            lambda x: np.ones(1),
            "the answer has shape (1,), expected () (a single number): an axis of length 1 too many, or too few "
            "(keepdims?)",
        ),
        (lambda x: 3.0, lambda x: 3.00000002, "3, expected 3: the difference is 2e-08"),
        (lambda x: True, lambda x: False, "False, expected True"),
        (lambda x: True, lambda x: np.int64(1), "the answer has dtype int64, expected True and False (bool)"),
        (lambda x: 3, lambda x: True, "the answer has dtype bool, expected whole numbers (int)"),
        (lambda x: 3.0, lambda x: True, "the answer has dtype bool, expected float64"),
        (lambda x: x > 1, lambda x: x > 2, "False at [0, 1], expected True"),
        (
            lambda x: [{"a": x}, {"a": x}],
            lambda x: [{"a": x}, {"a": x + (x == 7)}],
            "value 2: 'a': 8 at [1, 2], expected 7",
        ),
        (
            lambda x: [{"a": x}],
            lambda x: [{"a": x.T}],
            "'a' of value 1 of the answer has shape (3, 2), expected (2, 3): it is transposed",
        ),
        (lambda x: {"a": (x, 1)}, lambda x: {"a": (x, 2)}, "'a': value 2: 2, expected 1"),
        (lambda x: [{"a": 1}], lambda x: [1], "value 1 of the answer is a number, expected a dict with 'a'"),
        (lambda x: {"a": 1}, lambda x: {}, "the answer has no entries, expected 'a'"),
        (lambda x: {"a": 1}, lambda x: [[1, 2], [3]], "the answer is a list of 2, expected a dict with 'a'"),
        (lambda x: {"a": 1}, lambda x: (x, x), "the answer is a tuple of 2, expected a dict with 'a'"),
        (lambda x: (1, 2), lambda x: {1, 2}, "the answer is a set, expected 2 values"),
        (lambda x: x, lambda x: (row for row in x), "the answer is a generator, expected an array of shape (2, 3)"),
        (lambda x: x[0], lambda x: ["1", "2", "4"], "the answer has dtype <U1: its entries are strings"),
        (
            lambda x: x,
            lambda x: [[None, 2, 4], [3, 5, 7]],
            "the answer has dtype object: its entries are not all numbers",
        ),
        (
            lambda x: x[0],
            lambda x: np.array([x[0, 0], 2, np.array(4.0)], dtype=object),
            "the answer has dtype object: make it an array of numbers, np.array(..., dtype=float) say",
        ),
        (lambda x: x + 1j, lambda x: x - 1j, "(1-1j) at [0, 0], expected (1+1j)"),
    ],
)
def test_corners_are_told_exactly(right, wrong, says):
    assert said(right, wrong) == says


def test_an_array_within_a_dict_or_a_list_that_is_changed_is_told():
    def draw(rng, size):
        return {"cache": {"x": X.copy(), "parts": [X.copy()]}, "names": ["b", "a"], "rng": np.random.default_rng(0)}

    def answer(cache, names, rng):
        return cache["x"].sum()

    def in_a_dict(cache, names, rng):
        cache["x"] *= 0
        return X.sum()

    def in_a_list(cache, names, rng):
        cache["parts"][0][0, 0] = np.nan
        return X.sum()

    def an_entry_more(cache, names, rng):
        cache["y"] = 3
        return X.sum()

    def in_another_order(cache, names, rng):
        names.sort()
        return X.sum()

    def by_drawing(cache, names, rng):
        rng.random()  # that is what it is for
        return X.sum()

    one = Exercise("f", draw=draw, answer=answer)
    for function in (in_a_dict, in_a_list, an_entry_more):
        assert judge(one, function).says.startswith("changes its argument `cache`"), function
    assert judge(one, in_another_order).says.startswith("changes its argument `names`")
    assert judge(one, by_drawing) is None and judge(one, answer) is None


@pytest.mark.parametrize("later", [None, 3.0, (1,), {"b": 1}, {"a": 2}, "text", X])
def test_whatever_comes_the_second_time_it_is_told(later):
    for first in ({"a": 1}, (1, 2), "word", X[0], 5):
        calls = []

        def moody(x):
            calls.append(1)
            return first if len(calls) == 1 else later

        assert "gives another result when it is called again" in said(lambda x: first, moody)


def test_corners_are_shown():
    assert shown(np.array([-0.0, 1.0])) == "[0, 1]" and shown(-0.0) == "0"
    assert shown(np.zeros(0)) == "[]" and shown(np.zeros((0, 3))) == "an array of shape (0, 3)"
    assert shown(np.array(True)) == "True" and shown(True) == "True" and shown(None) == "None"
    assert shown([{"a": np.array([True]), "b": None}, np.array(2)]) == "[{'a': [True], 'b': None}, 2]"
    assert shown({}) == "{}" and shown([]) == "[]" and shown(()) == "[]"
