"""Mistakes in what is made of a lesson's text."""

from .mutant import Mutant

LESSONS = (
    Mutant(
        name="notebook: cells of prose begin with # still",
        file="lessons.py",
        old='line = line[1:].removeprefix(" ")',
        new="pass",
        why="In Markdown # makes a heading: every line would be one.",
    ),
    Mutant(
        name="notebook: prose loses the indentation that makes a formula",
        file="lessons.py",
        old='line = line[1:].removeprefix(" ")',
        new="line = line[1:].strip()",
        why="Four spaces are what keeps a formula's lines as they are.",
    ),
    Mutant(
        name="notebook: a cell begins at any comment with %%",
        file="lessons.py",
        old="begins = CELL.fullmatch(line)",
        new="begins = CELL.search(line)",
        why="A line of code that ends in such a comment would vanish.",
    ),
    Mutant(
        name="notebook: what stands before the first cell is lost",
        file="lessons.py",
        old="for kind, first, lines in cells:",
        new="for kind, first, lines in cells[1:]:",
        why="Imports may stand there.",
    ),
    Mutant(
        name="notebook: lines without their ends",
        file="lessons.py",
        old='lines = re.findall(r"[^\\n]*\\n|[^\\n]+", source)',
        new='lines = source.split("\\n")',
        why="The format joins the lines of a source as they are: the cell would be one long line.",
    ),
    Mutant(
        name="notebook: indented code of a cell moved to the left",
        file="lessons.py",
        old='found.append((kind, "\\n".join(lines).strip("\\n")))',
        new='found.append((kind, "\\n".join(line.strip() for line in lines).strip("\\n")))',
        why="In Python indentation is the program.",
    ),
    Mutant(
        name="notebook: the number of a lesson read as a text",
        file="lessons.py",
        old="if number == int(lesson)]",
        new="if path.name.split('_')[1] == lesson]",
        why="Who types 3 does not find lesson_03.",
    ),
    Mutant(
        name="notebook: lines end where Python's splitlines says",
        file="lessons.py",
        old='text.split("\\n")',
        new="text.splitlines()",
        why="It also splits at form feeds and at separators that Unicode has, which may stand within a string.",
    ),
    Mutant(
        name="notebook: code cut in two goes unnoticed",
        file="lessons.py",
        old='            _check_python("\\n".join(lines), first)\n',
        new="            pass\n",
        why="A mark of a cell within a string makes two cells, neither of which runs.",
    ),
    Mutant(
        name="notebook, bughunt: a file with work in it replaced",
        file="commands/__init__.py",
        old="if os.path.lexists(out) and not force:",
        new="if False:",
        why="A learner's own notebook, with answers and notes, would be gone.",
        tests=("test_cli_notebook.py", "test_cli_bughunt.py"),
    ),
    Mutant(
        name="notebook: written beside the lesson",
        file="commands/notebook.py",
        old='Path(lesson.with_suffix(".ipynb").name)',
        new='lesson.with_suffix(".ipynb")',
        why="The checkout would be littered with notebooks that nobody committed.",
        tests=("test_cli_notebook.py",),
    ),
)
