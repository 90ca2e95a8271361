"""The bug hunts: what is right passes, every bug is found, and none is given away."""

import ast
import re
import warnings
from collections import Counter

import numpy as np
import pytest

from minicluster import cluster, nn
from minicluster.bughunt import HUNTS, Bug, Hunt
from minicluster.bughunt.student_file import choose, student_file
from minicluster.checking.exercise import Exercise
from minicluster.checking.judge import _of_another_form, judge
from minicluster.nn.adamw import warmup_cosine
from minicluster.nn.softmax import softmax_backward, softmax_forward

EVERY = [(hunt, bug) for hunt in HUNTS for bug in hunt.bugs]

each = pytest.mark.parametrize("hunt", HUNTS, ids=lambda hunt: hunt.subject)
each_bug = pytest.mark.parametrize("hunt, bug", EVERY, ids=[f"{hunt.subject}: {bug.name}" for hunt, bug in EVERY])


def function_of(hunt, source):
    names = {"np": np}
    exec(compile(source, hunt.subject, "exec"), names)
    return names[hunt.subject]


def test_there_are_enough_of_them_with_names_of_their_own():
    assert len(HUNTS) >= 16 and len(EVERY) >= 40
    subjects = [hunt.subject for hunt in HUNTS]
    assert len(set(subjects)) == len(subjects)
    for hunt in HUNTS:
        assert len(hunt.bugs) >= 3
        assert len({bug.name for bug in hunt.bugs}) == len({hunt.with_bug(bug) for bug in hunt.bugs}) == len(hunt.bugs)


@each
def test_the_right_function_passes_without_a_warning(hunt):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem = judge(hunt.exercise, function_of(hunt, hunt.source))
    assert problem is None, problem.says


@each
def test_the_source_is_short_and_says_what_it_computes(hunt):
    tree = ast.parse(hunt.source)
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert function.name == hunt.subject
    assert [argument.arg for argument in function.args.args] == list(hunt.exercise.cases()[0])
    text = ast.get_docstring(function)
    assert "Returns" in text or "returns" in text
    assert 2 <= len(hunt.source.split('"""')[2].strip().splitlines()) <= 20
    assert max(map(len, hunt.source.splitlines())) <= 120
    assert not hunt.exercise.mistakes  # they would name the bug


@each_bug
def test_a_bug_is_found(hunt, bug):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that overflow warns is part of some bugs
        problem = judge(hunt.exercise, function_of(hunt, hunt.with_bug(bug)))
    assert problem is not None, "nobody notices"


@each_bug
def test_a_bug_is_invisible_until_one_looks_at_numbers(hunt, bug):
    """It raises nowhere, gives the right form, and warns at most where sizes are extreme."""
    right, wrong = function_of(hunt, hunt.source), function_of(hunt, hunt.with_bug(bug))
    cases, quiet = hunt.exercise.cases(), 0
    for inputs in cases:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            got = wrong(**inputs)
        quiet += not told
        assert _of_another_form(got, right(**inputs), "the answer") is None
    assert quiet >= len(cases) / 2


@each_bug
def test_a_bug_is_one_change_and_is_explained(hunt, bug):
    assert hunt.source.count(bug.old) == 1
    assert re.fullmatch(r"[a-zA-Z].*[^.]", bug.name) and re.fullmatch(r".{60,}\.", bug.explanation)
    assert "  " not in bug.explanation
    right, wrong = hunt.source.splitlines(), hunt.with_bug(bug).splitlines()
    same_before = next(i for i, (a, b) in enumerate(zip(right, wrong)) if a != b)
    same_after = next(i for i, (a, b) in enumerate(zip(right[::-1], wrong[::-1])) if a != b)
    assert len(right) - same_before - same_after <= 4  # lines, all in one place
    assert '"""' in "".join(wrong[:same_before])  # the docstring is right


def test_what_is_right_here_is_right_in_the_package():
    def same(subject, in_package):
        hunt = next(hunt for hunt in HUNTS if hunt.subject == subject)
        function = function_of(hunt, hunt.source)
        for inputs in hunt.exercise.cases():
            got, expected = function(**inputs), in_package(**inputs)
            if not isinstance(got, dict):
                got, expected = {"it": got}, {"it": expected}
            for name in got:
                assert np.allclose(got[name], expected[name], rtol=1e-9, atol=1e-9), f"{subject}, {name}"

    def attention_backward(dy, q, k, v, weights):
        D = q.shape[1]
        qkv = np.concatenate([q, k, v], axis=1)[None]  # (1, T, 3D), one head
        gradient = nn.attention_backward(dy[None], nn.attention_forward(qkv, 1)[1])["qkv"][0]
        return {"q": gradient[:, :D], "k": gradient[:, D : 2 * D], "v": gradient[:, 2 * D :]}

    same("softmax", lambda x: softmax_forward(x)[0])
    same("softmax_backward", lambda dp, p: softmax_backward(dp, (p,))["x"])
    same("layernorm_forward", lambda **inputs: nn.layernorm_forward(**inputs)[0])
    same("layernorm_backward", lambda dy, xhat, rstd, weight: nn.layernorm_backward(dy, (xhat, rstd, weight)))
    same("gelu_forward", lambda x: nn.gelu_forward(x)[0])
    same("gelu_backward", lambda dy, x: nn.gelu_backward(dy, nn.gelu_forward(x)[1])["x"])
    same("attention_backward", attention_backward)
    same("adjusted_rand", lambda a, b: cluster.adjusted_rand_score(a, b))
    same("normalized_information", lambda a, b: cluster.normalized_mutual_info_score(a, b))
    same("silhouette", cluster.silhouette_samples)
    same("cross_pattern_score", lambda x, task, pattern: cluster.cross_subgroup_neighbor_score(x, task, pattern))
    same("learning_rate", lambda step, steps, warmup, highest, lowest: warmup_cosine(step, steps, 1.0, warmup, lowest))


def test_a_bug_whose_text_is_not_there_once_is_refused():
    exercise = Exercise("f", draw=lambda rng, size: {"x": 1.0}, answer=lambda x: x)
    for source, count in (("return y", 0), ("x + x", 2)):
        with pytest.raises(ValueError, match=f"f, twice: its old text is there {count} times, expected once"):
            Hunt("it", source, exercise, (Bug("twice", "x", "2 * x", "It is doubled."),))


def test_four_hundred_names_get_every_hunt_and_most_bugs():
    chosen = [choose(f"Student {n}") for n in range(400)]
    hunts = Counter(hunt.subject for hunt, _ in chosen)
    assert set(hunts) == {hunt.subject for hunt in HUNTS}
    assert max(hunts.values()) <= 3 * 400 / len(HUNTS)
    assert len({(hunt.subject, bug.name) for hunt, bug in chosen}) >= 0.9 * len(EVERY)
    assert all(bug in hunt.bugs for hunt, bug in chosen)


@each_bug
def test_a_students_file_gives_nothing_away(hunt, bug):
    name = next(name for name in map(str, range(100_000)) if choose(name) == (hunt, bug))
    text = student_file(name)
    assert hunt.with_bug(bug) in text and hunt.source not in text
    for any_bug in hunt.bugs:
        assert any_bug.name.lower() not in text.lower() and any_bug.explanation not in text
    names = {}
    exec(compile(text, "a student's file", "exec"), names)
    assert (names["STUDENT"], names["SUBJECT"], names["EXPLANATION"]) == (name, hunt.subject, "")
