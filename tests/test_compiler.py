"""Whether Numba can be had: what is said if not, and if it refuses to load."""

import builtins
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minicluster
from minicluster.compiler import missing_numba


@pytest.mark.parametrize("error", [ImportError, OSError])  # OSError: llvmlite without the library that it loads
def test_why_numba_is_missing_is_told_in_one_line(monkeypatch, error):
    def refuse(name, *arguments, **options):
        if name == "numba":
            raise error("not\n   here")
        return load(name, *arguments, **options)

    load = builtins.__import__
    assert missing_numba() is None
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert missing_numba() == "not here"


def test_a_setting_that_numba_refuses_is_named():
    folder = str(Path(minicluster.__file__).parent.parent)
    program = "from minicluster.cluster import KMeans; KMeans(1).fit([[0.0]])"
    environment = {**os.environ, "PYTHONPATH": folder, "NUMBA_NUM_THREADS": "0"}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, encoding="utf-8")
    last = run.stderr.splitlines()[-1]
    assert run.returncode == 1
    assert last.startswith("ValueError: Numba refuses its settings, {") and "'NUMBA_NUM_THREADS': '0'" in last
