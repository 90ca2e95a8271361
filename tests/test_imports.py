"""What `import minicluster` brings along: the slow packages load where they are used, not before."""

import os
import subprocess
import sys
from pathlib import Path

import minicluster

LIGHT = ("minicluster", "minicluster.nn", "minicluster.cluster", "minicluster.tasks", "minicluster.gradcheck")
SLOW = ("numba", "llvmlite", "matplotlib", "hypothesis")


def test_model_clusters_tasks_and_gradient_check_need_numpy_only():
    program = f"import sys, {', '.join(LIGHT)}; print([name for name in {SLOW} if name in sys.modules])"
    folder = str(Path(minicluster.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": folder}  # the package that is under test here
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, encoding="utf-8")
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "[]", "")
