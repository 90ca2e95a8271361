"""Checks of arguments that every part of the package shares."""

from numbers import Integral


def check_whole_number(name, value, least):
    """Raise TypeError unless `value` is a whole number, ValueError unless it is at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} = {value!r}, expected a whole number")
    if value < least:
        raise ValueError(f"{name} = {value}, expected at least {least}")
