"""`minicluster notebook`: a lesson as a Jupyter notebook."""

from pathlib import Path

from . import BAD_INPUT, DONE, fail, write_for_work


def add_to(commands):
    """Add the command to argparse's."""
    parser = commands.add_parser(
        "notebook",
        help="write a lesson as a Jupyter notebook",
        description="Write a lesson as an .ipynb file, for Jupyter and the editors that show notebooks. It needs "
        "minicluster where its kernel runs, and shows its pictures in place.",
    )
    parser.set_defaults(run=_notebook)
    add = parser.add_argument
    add("lesson", metavar="LESSON", help="number of the lesson, such as 03, or a file of `# %%%%` cells")
    add("--lessons", type=Path, default=Path("lessons"), metavar="DIR", help="where lessons are (default: lessons)")
    add("--out", type=Path, metavar="FILE", help="the notebook (default: named like the lesson, in this folder)")
    add("--force", action="store_true", help="replace a notebook that is there, and with it what you wrote into it")


def _notebook(arguments):
    from ..lessons import LessonError, find_lesson, notebook, read_lesson

    try:
        lesson = find_lesson(arguments.lesson, arguments.lessons)
        text = read_lesson(lesson)
    except LessonError as error:
        return fail(error, BAD_INPUT)
    try:
        written = notebook(text)
    except LessonError as error:
        return fail(f"{lesson}: {error}", BAD_INPUT)
    out = arguments.out or Path(lesson.with_suffix(".ipynb").name)
    code = write_for_work(out, ".ipynb", written, arguments.force)
    if code == DONE:
        print(f"{out}: open it with Jupyter, or an editor that shows notebooks")
    return code
