"""A pytest plugin that ends the run unless the package under test is the copy with the mutant in it.

Without it an installed minicluster, or one beside the tests, could be imported in the copy's place, and what the tests
then pass or fail would say nothing of the mutant.
"""

import os
from pathlib import Path

import pytest

import minicluster

WRONG_PACKAGE = 64  # an exit code that pytest itself does not use


def pytest_configure(config):
    """End the run if minicluster comes from elsewhere than MUTATED_PACKAGE."""
    found, expected = Path(minicluster.__file__).parent, Path(os.environ["MUTATED_PACKAGE"])
    if not found.samefile(expected):
        pytest.exit(f"imported {found}, expected {expected}", returncode=WRONG_PACKAGE)
