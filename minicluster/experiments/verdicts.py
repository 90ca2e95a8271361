"""A claim, its number over seeds, the controls that it had to beat, and whether it holds."""

from .statistics import summary


def verdict(claim, statement, rule, number_is, values, holds, *, controls=None, interval=None):
    """Return what an experiment says of one statement: a dict, ready for JSON.

    Parameters
    ----------
    claim : int or None
        Which of the six claims it belongs to.
    statement : str
        The sentence that is judged.
    rule : str
        What decides, fixed beforehand.
    number_is : str
        What the number is.
    values : list of float or None
        One a seed.
    holds : list of bool or None
        One a seed; None where the rule could not be judged.
    controls : dict from str to list of float, optional
        One a seed.
    interval : (low, high), optional
        By bootstrap over seeds and patterns.

    Returns
    -------
    dict
        `holds` is False if it is for any seed, else None if it is for any, else True.
    """
    over_all = False if False in holds else None if None in holds or not holds else True
    return {
        "claim": claim,
        "statement": statement,
        "rule": rule,
        "number_is": number_is,
        "values": values,
        **summary(values),
        "interval": interval,
        "controls": {name: {"values": own, **summary(own)} for name, own in (controls or {}).items()},
        "holds_by_seed": holds,
        "holds": over_all,
    }


def unread_verdict(changes):
    """Return the verdict on what the last block leaves at the separator.

    Parameters
    ----------
    changes : list of float
        One a seed: the largest change of a logit by any move of the separator's state after that block.

    Returns
    -------
    dict
        See `verdict`.
    """
    return verdict(
        4,
        "What the last block leaves at the separator is read by nothing",
        "moving it changes no logit of the answer: exactly 0",
        "largest change of a logit",
        changes,
        [change == 0 for change in changes],
    )


def verdict_text(verdict):
    """Return a verdict as lines of text."""
    word = {True: "holds", False: "DOES NOT HOLD", None: "not judged"}[verdict["holds"]]
    lines = [f"{word}: {verdict['statement']}", f"  {verdict['number_is']}: {spread_text(verdict)}"]
    if verdict["interval"] is not None:
        low, high = verdict["interval"]
        lines[-1] += f", 95 % interval {low:.2f} to {high:.2f}"
    lines += [f"  control, {name}: {spread_text(control)}" for name, control in verdict["controls"].items()]
    return "\n".join(lines)


def spread_text(numbers):
    """Return median and range as text: `0.98 (0.95 to 1.00)`."""
    if numbers["median"] is None:
        return "not measured"
    middle, low, high = (f"{round(numbers[key], 2) + 0:.2f}" for key in ("median", "low", "high"))
    return middle if low == high else f"{middle} ({low} to {high})"
