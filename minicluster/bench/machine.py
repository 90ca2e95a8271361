"""What a measurement depends on: processor, instruction set, libraries, threads, and the variables that bend them."""

import ctypes
import os
import platform
import warnings
from pathlib import Path

import numpy as np

from ..cores import usable_cores

# Variables that change how fast a library is, and which rivals they concern. None of these is touched; but the rivals
# that a variable concerns are timed a second time without it, except Numba, which has to obey.
OPENMP = (
    "OMP_WAIT_POLICY", "OMP_PROC_BIND", "OMP_PLACES", "OMP_DYNAMIC", "OMP_SCHEDULE", "GOMP_SPINCOUNT",
    "GOMP_CPU_AFFINITY", "KMP_BLOCKTIME", "KMP_AFFINITY",
)  # fmt: skip
MKL = ("MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE", "MKL_CBWR", "MKL_DYNAMIC")
BENDING = {
    "numpy": (
        "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_THREAD_TIMEOUT", "OPENBLAS_MAIN_FREE",
        "NPY_DISABLE_CPU_FEATURES", *MKL, *OPENMP,
    ),
    "torch": ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", *MKL, *OPENMP),
    "sklearn": ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_THREAD_TIMEOUT", *MKL, *OPENMP),
    "numba": (
        "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_OPT", "NUMBA_LOOP_VECTORIZE", "NUMBA_SLP_VECTORIZE",
        "NUMBA_THREADING_LAYER", "NUMBA_DISABLE_JIT", "NUMBA_ENABLE_AVX", *OPENMP,
    ),
}  # fmt: skip
# Thread counts, which are set to the same for all.
BLAS_THREADS = (
    "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS",
)  # fmt: skip
THREADS = (*BLAS_THREADS, "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
INSTRUCTION_SETS = (
    "sse4.2", "avx", "avx2", "fma", "avx512f", "avx512vl", "avx512bw", "amx-tile", "neon", "sve", "sve2",
)  # fmt: skip


def variables(environment):
    """Return the variables of an environment that bear on speed.

    Parameters
    ----------
    environment : mapping from str to str

    Returns
    -------
    dict
        `bending` and `threads`, each {name: value} of those that are set.
    """
    names = sorted({name for rival in BENDING.values() for name in rival})
    return {
        "bending": {name: environment[name] for name in names if name in environment},
        "threads": {name: environment[name] for name in THREADS if name in environment},
    }


def describe_system():
    """Return the processor's name, system, cores and Python's version."""
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "python": platform.python_version(),
    }


def _processor():
    """The name that the system gives the processor; Python's own answer is often empty on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def describe_numpy():
    """Return NumPy's version and its BLAS: name, version, the kernels that it chose, its threads (null: unknown)."""
    return {"version": np.__version__, "blas": {**_blas_built_with(), **_openblas_at_work()}}


def _blas_built_with():
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns if PyYAML, for another output form, is missing
            blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {"name": blas.get("name", "unknown"), "version": blas.get("version", "unknown")}
    except (TypeError, KeyError, AttributeError):  # NumPy before 1.26
        return {"name": "unknown", "version": "unknown"}


def _openblas_at_work():
    """What the OpenBLAS that NumPy's wheels bring along says of itself; it is loaded already."""
    package = Path(np.__file__).parent
    folders = (package.parent / "numpy.libs", package / ".dylibs", package / ".libs")
    for path in (path for folder in folders for path in sorted(folder.glob("*openblas*"))):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for name in ("scipy_openblas_get_{}64_", "openblas_get_{}64_", "scipy_openblas_get_{}", "openblas_get_{}"):
            if hasattr(library, name.format("corename")):
                core = getattr(library, name.format("corename"))
                core.restype = ctypes.c_char_p
                threads = getattr(library, name.format("num_threads"))()
                return {"core": core().decode("ascii", "replace"), "threads": threads}
    return {"core": None, "threads": None}


def describe_numba():
    """Return what Numba compiles for, and with which threads; after its first parallel call."""
    import numba
    from llvmlite import binding

    from . import peak

    try:
        features = binding.get_host_cpu_features()
    except RuntimeError:  # LLVM doesn't know this processor
        features = {}
    return {
        "version": numba.__version__,
        "llvm": ".".join(map(str, binding.llvm_version_info)),
        "cpu": numba.config.CPU_NAME or binding.get_host_cpu_name(),
        "instruction_sets": [name for name in INSTRUCTION_SETS if features.get(name)],
        "vector_bytes": peak.VECTOR_BYTES,
        "threads": numba.get_num_threads(),
        "threading_layer": numba.threading_layer(),
        "flops_of_a_peak_call": peak.FLOPS,
    }
