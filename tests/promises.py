"""What README and the lessons promise, as they say it: times, and ranges of numbers."""

import re
from pathlib import Path

COURSE = Path(__file__).parents[1]
LESSONS = sorted((COURSE / "lessons").glob("lesson_*.py"))
READING = re.compile(
    r"\*\*Time\.\*\* ([0-9]+) minutes to read, without the exercises; the script runs in about ([0-9]+) seconds"
)
LISTED = re.compile(r"\]\(lessons/(lesson_\w+)\.py\)[^|\n]*\| ([0-9]+) min \| ([0-9]+) s \|")
# A row of README's table of what to expect: what, a layer or several or none, this run, the lowest and highest value.
WHAT = r"([A-Za-z][^|]*?)(?:, layers? ([0-9]+)(?: to ([0-9]+))?)?"
EXPECTED = re.compile(rf"^\| {WHAT} \| [^|]+ \| (?:at most|([0-9.]+) to) ([0-9.]+) \|$", re.MULTILINE)
# Times of commands, each said once: what is timed, and the words around its seconds.
COMMANDS = {
    "reproduce": r"the\s+run\s+took\s+([0-9]+)\s+seconds",
    "reproduce --quick": r"fewer\s+steps\s+and\s+blocks,\s+about\s+([0-9]+)\s+seconds",
    "gradcheck": r"`python\s+-m\s+minicluster\s+gradcheck`\s+\(([0-9]+)\s+seconds\)",
}


def readme():
    """Return README's text."""
    return (COURSE / "README.md").read_text(encoding="utf-8")


def prose_of(text):
    """Return a script's comments as running text, without the marks and line ends of comments."""
    return re.sub(r"\s+", " ", " ".join(line.removeprefix("#") for line in text.splitlines() if line.startswith("#")))


def of_a_lesson(path):
    """Return what a lesson promises: (minutes to read, seconds to run)."""
    found = READING.search(prose_of(path.read_text(encoding="utf-8")))
    if found is None:
        raise AssertionError(f"{path.name} does not say its time in the form: {READING.pattern}")
    return int(found[1]), int(found[2])


def of_readme_for_lessons():
    """Return {name of a lesson: (minutes to read, seconds to run)} as README lists them."""
    return {name: (int(minutes), int(seconds)) for name, minutes, seconds in LISTED.findall(readme())}


def of_commands():
    """Return {command: seconds} as README says them."""
    found = {command: re.findall(words, readme()) for command, words in COMMANDS.items()}
    for command, seconds in found.items():
        if len(seconds) != 1:
            raise AssertionError(f"README says the seconds of {command} {len(seconds)} times, expected once")
    return {command: int(seconds) for command, (seconds,) in found.items()}


def of_results():
    """Return what README's table of numbers to expect says.

    Returns
    -------
    list of (str, range or None, float, float)
        What; layers, if it has any; the lowest and the highest value that are expected.
    """
    rows = []
    for what, first, last, low, high in EXPECTED.findall(readme()):
        layers = range(int(first), int(last or first) + 1) if first else None
        rows.append((what, layers, float(low or "-inf"), float(high)))
    return rows
