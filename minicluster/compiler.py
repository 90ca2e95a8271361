"""Is Numba to be had? Asked wherever code comes twice, in plain NumPy and compiled."""

import os


def missing_numba():
    """Say why Numba can't be imported.

    Returns
    -------
    str or None
        Its error, in one line; None if it can be imported.

    Raises
    ------
    ValueError
        If it refuses one of its environment variables.
    """
    try:
        import numba  # noqa: F401  here, because it takes half a second to load
    except (ImportError, OSError) as error:  # OSError: llvmlite is there, but not the library that it loads
        return " ".join(str(error).split())
    except ValueError as error:
        settings = {name: value for name, value in os.environ.items() if name.startswith("NUMBA_")}
        raise ValueError(f"Numba refuses its settings, {settings}: {error}") from error
    return None
