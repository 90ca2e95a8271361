"""The one place that chooses what clustering and projecting compute with: compiled loops, or plain NumPy."""

import functools

from ..compiler import missing_numba


@functools.cache
def operations():
    """Return the module `_compiled`, or `_plain` where Numba can't be imported or its compiler is switched off.

    Raises
    ------
    ValueError
        If Numba refuses one of its environment variables.
    """
    if not missing_numba():
        from .. import jit

        if jit.ENABLED:
            from . import _compiled

            return _compiled
    from . import _plain

    return _plain
