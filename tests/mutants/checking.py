"""Mistakes that make the checker of exercises unfair, blind or unhelpful; and a doctor that overlooks things."""

from .mutant import Mutant

JUDGE_TESTS = ("checking/test_judge.py",)
RUNNER_TESTS = ("checking/test_runner.py",)
DOCTOR_TESTS = ("test_doctor.py",)

CHECKING = (
    Mutant(
        name="check: the answer's form is not looked at",
        file="checking/judge.py",
        old='        says = _of_another_form(got, expected, "the answer", exercise.parts)\n        if says:\n'
        "            return says\n",
        new="",
        why="Whoever returns the transpose would read of a broadcast that failed in somebody else's code.",
        tests=JUDGE_TESTS,
    ),
    Mutant(
        name="check: values are not compared",
        file="checking/judge.py",
        old="return None if exercise.answer is None else _different("
        'got, expected, "", exercise.tolerance, exercise.parts)',
        new="return None",
        why="Anything of the right shape would pass.",
        tests=JUDGE_TESTS,
    ),
    Mutant(
        name="check: only the first case is looked at",
        file="checking/judge.py",
        old="    for number, inputs in enumerate(cases):\n        watch",
        new="    for number, inputs in enumerate(cases[:1]):\n        watch",
        why="The smallest case shows few mistakes.",
        tests=JUDGE_TESTS,
    ),
    Mutant(
        name="check: a mistake is told from the failing case alone",
        file="checking/judge.py",
        old="for inputs in cases)",
        new="for inputs in cases[:1])",
        why="On small inputs two mistakes agree, and the learner would be told of one that he has not made.",
        tests=JUDGE_TESTS,
    ),
    Mutant(
        name="check: the learner's function may change the inputs that it is judged with",
        file="checking/judge.py",
        old="        given = copy.deepcopy(inputs)\n",
        new="        given = inputs\n",
        why="Then nobody sees that an argument was changed.",
        tests=JUDGE_TESTS,
    ),
    Mutant(
        name="check: not asked twice",
        file="checking/judge.py",
        old="if says is None and number == 0:",
        new="if False:",
        why="A function that keeps something from call to call would pass.",
        tests=JUDGE_TESTS,
    ),
    Mutant(
        name="check: rules are asked before the form is right",
        file="checking/judge.py",
        old="    expected = None\n    if exercise.answer is not None:",
        new="    expected = None\n    for rule in exercise.rules:\n        says = rule(function, copy.deepcopy(inputs), got)\n"
        "        if says:\n            return says\n    if exercise.answer is not None:",
        why="A rule that adds up rows speaks of sums where an axis is missing.",
        tests=JUDGE_TESTS,
    ),
    Mutant(
        name="check: a rule's own inputs are not shown",
        file="checking/judge.py",
        old="if isinstance(says, str) else says  #",
        new="if isinstance(says, str) else (says[0], inputs)  #",
        why="The sentence would speak of a seed that stands nowhere.",
        tests=JUDGE_TESTS,
    ),
    Mutant(
        name="check: any factor is told",
        file="checking/judge.py",
        old="    if _simple(factor) and",
        new="    if",
        why='"Everything is 0.990099 times what it should be" is an accident, and sends its reader the wrong way.',
        tests=JUDGE_TESTS,
    ),
    Mutant(
        name="check: what was printed on earlier inputs is kept",
        file="checking/judge.py",
        old="        printed.clear()\n",
        new="",
        why="What was printed and what was wrong would not belong together.",
        tests=JUDGE_TESTS,
    ),
    Mutant(
        name="check: each function waits for a loop outside of them",
        file="checking/runner.py",
        old="        if stuck is None:",
        new="        if True:",
        why="Who has one endless loop would wait three times.",
        tests=RUNNER_TESTS,
    ),
    Mutant(
        name="check: a process that ended by itself is taken for a right one",
        file="checking/runner.py",
        old='elif told["outcome"] == "running":',
        new='elif False and told["outcome"] == "running":',
        why="os._exit in the first line would be an answer, of a kind that has no name.",
        tests=RUNNER_TESTS,
    ),
    Mutant(
        name="check: a blank is told as an exception",
        file="checking/worker.py",
        old="    except NotImplementedError:\n        return tell(BLANK",
        new="    except ZeroDivisionError:\n        return tell(BLANK",
        why="Who has not begun yet should not read of an error.",
        tests=RUNNER_TESTS,
    ),
    Mutant(
        name="check: an exception without the learner's own line",
        file="checking/worker.py",
        old="frame.filename == str(path)",
        new='frame.filename == "no file"',
        why="NumPy's message alone does not say where to look.",
        tests=RUNNER_TESTS,
    ),
    Mutant(
        name="doctor: versions compared as texts",
        file="doctor.py",
        old=r'tuple(map(int, re.findall(r"\d+", found)[:2])) < OLDEST[name]',
        new="found < oldest",
        why='As texts, "1.9" comes after "1.25".',
        tests=DOCTOR_TESTS,
    ),
    Mutant(
        name="doctor: what hinders gives exit code 0",
        file="commands/doctor.py",
        old="        return FAILED\n",
        new="        return DONE\n",
        why="A script that sets up a lab would go on.",
        tests=DOCTOR_TESTS,
    ),
    Mutant(
        name="doctor: the command's own thread variables told as the user's",
        file="commands/doctor.py",
        old="examine(arguments.environment)",
        new="examine()",
        why="The page would show settings that nobody has made.",
        tests=DOCTOR_TESTS,
    ),
)
