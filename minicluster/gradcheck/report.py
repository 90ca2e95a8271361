"""What a check found: a table if all is right, an error that says where and perhaps why if not."""

from dataclasses import dataclass


class GradientError(AssertionError):
    """A gradient is wrong.

    Attributes
    ----------
    input : str
        Name of the input whose gradient it is.
    index : tuple of int or None
        The worst entry, or (d,) for random direction d; None if the gradient is missing or of a wrong shape or dtype.
    analytic, numeric : float or None
        What `backward` says there, and what it should be.
    relative_error : float or None
        Their difference relative to the largest entry of the gradient.
    cause : str or None
        What went wrong, if it is one of the mistakes that can be recognised.
    report : GradientReport or None
        All inputs, the right ones too: what is right helps to find what is wrong.
    """

    def __init__(
        self, message, input=None, index=None, analytic=None, numeric=None, relative_error=None, cause=None, report=None
    ):
        super().__init__(message)
        self.input = input
        self.index = index
        self.analytic = analytic
        self.numeric = numeric
        self.relative_error = relative_error
        self.cause = cause
        self.report = report


@dataclass(frozen=True)
class InputCheck:
    """How well the gradient of one input agrees.

    Attributes
    ----------
    shape : tuple of int
        Of the input.
    checked : int
        The number of entries, or of random directions.
    wrong : int
        How many of them are off by more than is allowed.
    relative_error : float
        The worst one: relative to the largest entry, or to what rounding leaves visible if that is more.
    to_rounding : bool
        Whether rounding alone explains differences that are more than allowed beside the largest entry, as those of a
        gradient that is 0 in theory.
    index : tuple of int
        Where: an entry, or (d,) for direction d.
    analytic, numeric : float
        What `backward` and the numerical derivative say there.
    """

    shape: tuple
    checked: int
    wrong: int
    relative_error: float
    to_rounding: bool
    index: tuple
    analytic: float
    numeric: float


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradients` found. Prints as a table.

    Attributes
    ----------
    inputs : dict
        Name -> `InputCheck`, in the order of the inputs.
    method : str
        "complex-step" or "central".
    rtol : float
        The relative error that was allowed.
    directions : int or None
        The number of random directions, None if every entry was checked.
    dtype : str
        In which `forward` and `backward` computed: "float64" or "float32".
    """

    inputs: dict
    method: str
    rtol: float
    directions: int | None = None
    dtype: str = "float64"

    @property
    def worst(self):
        """The largest relative error of all inputs, a float."""
        return max(check.relative_error for check in self.inputs.values())

    def __str__(self):
        what = "entries" if self.directions is None else "directions"
        rows = [("input", "shape", what, "relative error", "worst at", "")]
        for name, check in self.inputs.items():
            verdict = "WRONG" if check.wrong else "ok, to rounding" if check.to_rounding else "ok"
            error = f"{check.relative_error:.1e}"
            rows.append((name, str(check.shape), str(check.checked), error, str(check.index), verdict))
        title = f"{self.dtype} gradients against {self.method}, allowed relative error {self.rtol:.2g}"
        return "\n".join([title, *aligned(rows)])


def aligned(rows):
    """Lines of a table: cells padded to their column's width, two blanks between columns."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
