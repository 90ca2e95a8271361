"""What a mutant is: a wrong formula, where it goes, and which tests have to notice it."""

from dataclasses import dataclass
from pathlib import PurePosixPath


class StaleMutantError(ValueError):
    """The text that a mutant replaces is not in its file exactly once: the code has moved on, the list has not."""


@dataclass(frozen=True)
class Mutant:
    """A wrong formula that some test must fail on.

    Parameters
    ----------
    name : str
        What is wrong, in a few words; unlike every other name.
    file : str
        The file it goes into, relative to the package, with slashes: "nn/linear.py".
    old : str
        The right text, found exactly once in the file.
    new : str
        The wrong text in its place.
    why : str
        What a learner should know about the mistake, in a sentence.
    tests : tuple of str, optional
        Test files, relative to tests/, that must notice; by default the one that mirrors `file`.
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...] | None = None

    def test_files(self):
        """Return the test files that must notice this mutant, relative to tests/."""
        if self.tests is not None:
            return self.tests
        path = PurePosixPath(self.file)
        return (str(path.with_name(f"test_{path.name}")),)

    def applied_to(self, source):
        """Return `source`, the text of the file, with the wrong formula in it.

        Raises
        ------
        StaleMutantError
            If the right formula is not there exactly once.
        """
        count = source.count(self.old)
        if count != 1:
            raise StaleMutantError(f"{self.name}: its old text is {count} times in {self.file}, expected once")
        return source.replace(self.old, self.new)
