"""What a run's numbers may depend on besides its settings."""

import os
import platform
import time
from importlib.metadata import version

import numpy as np

from .. import __version__
from ..cores import THREAD_VARIABLES


def environment(backend):
    """Return what a result may depend on: the backend that computed it, versions, machine, thread settings."""
    return {
        "backend": backend,
        "minicluster": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": version("numba") if backend == "numba" else None,
        "system": platform.system(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "threads": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        "date": time.strftime("%Y-%m-%d"),
    }
