"""What README and the lessons promise, as they say it: times, ranges of numbers, and what is to be seen in pictures."""

import re
import struct
from pathlib import Path

COURSE = Path(__file__).parents[1]
LESSONS = sorted((COURSE / "lessons").glob("lesson_*.py"))
PAGES = (COURSE / "README.md", COURSE / "figures" / "README.md")
READING = re.compile(
    r"\*\*Time\.\*\* ([0-9]+) minutes to read, without the exercises; the script runs in about ([0-9]+) seconds?\b"
)
LISTED = re.compile(r"\]\(lessons/(lesson_\w+)\.py\)[^|\n]*\| ([0-9]+) min \| ([0-9]+) s \|")
# A row of README's table of what to expect: what, a layer or several or none, this run, the lowest and highest value.
WHAT = r"([A-Za-z][^|]*?)(?:, layers? ([0-9]+)(?: to ([0-9]+))?)?"
EXPECTED = re.compile(rf"^\| {WHAT} \| ([^|]+) \| (?:at most|([0-9.]+) to) ([0-9.]+) \|$", re.MULTILINE)
TABLE_HEAD = "| at the last step | this run | expect |\n"
# Times of commands, each said once: what is timed, and the words around its seconds.
COMMANDS = {
    "reproduce": r"the\s+run\s+took\s+([0-9]+)\s+seconds",
    "reproduce --quick": r"fewer\s+steps\s+and\s+blocks,\s+about\s+([0-9]+)\s+seconds",
    "gradcheck": r"`python\s+-m\s+minicluster\s+gradcheck`\s+\(([0-9]+)\s+seconds\)",
}
ALL_LESSONS = r"all\s+lessons\s+together\s+take\s+([0-9]+)\s+seconds"


def readme():
    """Return README's text."""
    return (COURSE / "README.md").read_text(encoding="utf-8")


def running_text(script):
    """Return a script's comments as running text, without the marks and line ends of comments."""
    lines = [line.removeprefix("#") for line in script.splitlines() if line.startswith("#")]
    return re.sub(r"\s+", " ", " ".join(lines))


def of_a_lesson(path):
    """Return what a lesson promises: (minutes to read, seconds to run)."""
    found = READING.search(running_text(path.read_text(encoding="utf-8")))
    if found is None:
        raise AssertionError(f"{path.name} does not say its time in the form: {READING.pattern}")
    return int(found[1]), int(found[2])


def of_readme_for_lessons():
    """Return {name of a lesson: (minutes to read, seconds to run)} as README lists them."""
    return {name: (int(minutes), int(seconds)) for name, minutes, seconds in LISTED.findall(readme())}


def of_all_lessons():
    """Return the seconds that README promises for all lessons together."""
    return _said_once("all lessons", ALL_LESSONS)


def of_commands():
    """Return {command: seconds} as README says them."""
    return {command: _said_once(command, words) for command, words in COMMANDS.items()}


def _said_once(what, words):
    found = re.findall(words, readme())
    if len(found) != 1:
        raise AssertionError(f"README says the seconds of {what} {len(found)} times, expected once")
    return int(found[0])


def of_results():
    """Return what README's table of numbers to expect says.

    Returns
    -------
    list of (str, range or None, str, float, float)
        What; layers, if it has any; what this run has; the lowest and the highest value that are expected.
    """
    rows = []
    for what, first, last, this_run, low, high in EXPECTED.findall(readme()):
        layers = range(int(first), int(last or first) + 1) if first else None
        rows.append((what, layers, this_run, float(low or "-inf"), float(high)))
    table = readme().split(TABLE_HEAD)[1].split("\n\n")[0]
    if len(rows) != table.count("\n"):  # the first of its lines is the rule below the head
        raise AssertionError(f"{len(rows)} rows of README's table can be read, of {table.count(chr(10))}")
    return rows


def pictures_of(page):
    """Return [(alt, Path)] of the pictures that a page shows."""
    found = re.findall(r"^!\[(.*)\]\(([a-z0-9_/]+\.png)\)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [(alt, page.parent / name) for alt, name in found]


def description(path):
    """Return the alt text that a PNG file holds, None if it has none, and its size in pixels."""
    data = path.read_bytes()
    at, text, size = 8, None, None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        if kind == b"tEXt" and body.startswith(b"Description\0"):
            text = body.split(b"\0", 1)[1].decode("latin-1")
        if kind == b"iTXt" and body.startswith(b"Description\0"):
            text = body.split(b"\0", 5)[-1].decode("utf-8")
        at += 12 + length
    return text, size
