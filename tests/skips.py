"""Every test that may be skipped, and why: where the machine can't do what the test needs."""

import os
from pathlib import Path

import pytest

needs_permission_bits = pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits and no umask")
needs_movable_folders = pytest.mark.skipif(os.name == "nt", reason="Windows does not move the folder of an open file")
needs_named_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
needs_posix_signals = pytest.mark.skipif(os.name == "nt", reason="Windows ends other processes without asking them")
needs_no_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere; Windows locks no folders"
)
needs_a_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")


def make_symbolic_link(link, target):
    """Make a symbolic link, or skip the test: whether links are allowed shows only when one is tried."""
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("symbolic links are not allowed here (Windows without the developer mode)")


def need_the_compiler():
    """Skip the test where Numba's compiler is switched off, as it is while mutants are tried."""
    from minicluster import jit

    if not jit.ENABLED:
        pytest.skip("NUMBA_DISABLE_JIT is set, and the test is about compiled code")


def need_the_headline_run(results):
    """Skip the test if somebody has put the results of another run into figures/."""
    if [results["seeds"], results["config"]["steps"]] != [[0], 1000]:
        pytest.skip("figures/results.json is of another run than README's")
