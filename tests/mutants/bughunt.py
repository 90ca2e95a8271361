"""Mistakes in the bug hunts: a choice that depends on the keyboard, a bug given away, work lost, a wrong grade."""

from .mutant import Mutant

FILE_TESTS = ("bughunt/test_student_file.py",)
HUNT_TESTS = ("bughunt/test_hunts.py",)
COMMAND_TESTS = ("test_cli_bughunt.py",)

BUGHUNT = (
    Mutant(
        name="bughunt: capitals in a name matter",
        file="bughunt/student_file.py",
        old='unicodedata.normalize("NFKC", name).casefold()',
        new='unicodedata.normalize("NFKC", name)',
        why="Who types the name in another way at home has another hunt there.",
        tests=FILE_TESTS,
    ),
    Mutant(
        name="bughunt: spaces in a name matter",
        file="bughunt/student_file.py",
        old='return " ".join("".join(c for c in folded if unicodedata.category(c) != "Cf").split())',
        new='return "".join(c for c in folded if unicodedata.category(c) != "Cf")',
        why="A space at the end, which nobody sees, gives another hunt.",
        tests=FILE_TESTS,
    ),
    Mutant(
        name="bughunt: class forgotten",
        file="bughunt/student_file.py",
        old='text = "\\n".join([normalise(class_name), normalise(student), *names])',
        new='text = "\\n".join([normalise(student), *names])',
        why="Next year's students find this year's explanations.",
        tests=FILE_TESTS,
    ),
    Mutant(
        name="bughunt: name forgotten in the choice of the bug",
        file="bughunt/student_file.py",
        old="min(hunt.bugs, key=lambda bug: lot(hunt.subject, bug.name))",
        new="hunt.bugs[0]",
        why="Everybody with the same function has the same bug.",
        tests=HUNT_TESTS,
    ),
    Mutant(
        name="bughunt: another's file accepted",
        file="bughunt/student_file.py",
        old='if texts["SUBJECT"] != hunt.subject:',
        new="if False:",
        why="One mended file with the name changed would do for the whole class.",
        tests=FILE_TESTS,
    ),
    Mutant(
        name="bughunt: the right function handed out",
        file="bughunt/student_file.py",
        old="source=hunt.with_bug(bug),",
        new="source=hunt.source,",
        why="There is nothing to find.",
        tests=HUNT_TESTS,
    ),
    Mutant(
        name="bughunt: planted bug told before it is explained",
        file="bughunt/student_file.py",
        old='done = told["outcome"] == FINE and words >= FEWEST_WORDS',
        new='done = told["outcome"] == FINE',
        why="The explanation could be copied from what the command prints.",
        tests=COMMAND_TESTS,
    ),
    Mutant(
        name="bughunt: anything between spaces is a word",
        file="bughunt/student_file.py",
        old="sum(any(c.isalpha() for c in word) for word in found.explanation.split())",
        new="len(found.explanation.split())",
        why="Twenty dashes are no explanation.",
        tests=COMMAND_TESTS,
    ),
    Mutant(
        name="bughunt: done as soon as it is explained",
        file="bughunt/student_file.py",
        old="return self.mended and self.explained",
        new="return self.explained",
        why="A function that is still wrong would count.",
        tests=COMMAND_TESTS,
    ),
    Mutant(
        name="bughunt: a bug that is in the source twice planted at both places",
        file="bughunt/hunt.py",
        old="if count != 1:",
        new="if count == 0:",
        why="Two bugs at once are another exercise.",
        tests=HUNT_TESTS,
    ),
    Mutant(
        name="bughunt: a sum over rows that is never wrong",
        file="bughunt/hunt.py",
        old="wrong = np.abs(sums - total) > 1e-9",
        new="wrong = sums - total > 1e9",
        why="The property that says most is not asked.",
        tests=COMMAND_TESTS,
    ),
    Mutant(
        name="bughunt: exit code of the last file only",
        file="commands/bughunt.py",
        old="code = max(code, DONE if result.done else FAILED)",
        new="code = DONE if result.done else FAILED",
        why="A script that grades would pass a class whose last file is right.",
        tests=COMMAND_TESTS,
    ),
)
