"""How fast is it? The kernels, the layers and whole training steps, timed against NumPy and, if installed, PyTorch.

`run.py` says what is measured, `timing.py` how; each rival computes in a process of its own (`processes.py`,
`worker.py`). Nothing else in minicluster imports this package.
"""

from .processes import WorkerFailed
from .run import PARTS, bench
from .sizes import FULL, QUICK, SIZES, Plan, Size
from .tables import rungs, text

__all__ = ["FULL", "PARTS", "QUICK", "SIZES", "Plan", "Size", "WorkerFailed", "bench", "rungs", "text"]
