"""What all pictures have in common: size, style and colours, and the text that says what is to be seen."""

import io
from dataclasses import dataclass
from pathlib import Path

from matplotlib import pyplot
from matplotlib.figure import Figure

from ..files import ensure_writable_folder, write_bytes

WIDESCREEN = (12.8, 7.2)  # inches; 16:9
DPI = 100
STYLE = {
    "font.size": 14,
    "axes.titlesize": 16,
    "axes.labelsize": 14,
    "figure.titlesize": 19,
    "legend.fontsize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 2.2,
    "lines.markersize": 6,
    "savefig.facecolor": "white",
}
# Colour-blind readers tell them apart: Okabe & Ito 2008.
BLACK, ORANGE, SKY, GREEN, BLUE, RED = "#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00"
PURPLE = "#cc79a7"
GREY = "#555555"  # of what is compared with


@dataclass(frozen=True)
class Picture:
    """A figure and what it shows.

    Attributes
    ----------
    figure : matplotlib Figure
    alt : str
        The same in words and numbers, for those who can't see it.
    """

    figure: Figure
    alt: str

    def png(self):
        """Return the figure as the bytes of a PNG file with `alt` as its description, and close it."""
        png = io.BytesIO()
        self.figure.savefig(png, format="png", dpi=DPI, metadata={"Description": self.alt, "Software": None})
        pyplot.close(self.figure)
        return png.getvalue()

    def save(self, path):
        """Write the figure to a PNG file, whole or not at all, and close it; see `png`."""
        write_bytes(path, self.png())

    def show(self, name, save=False):
        """Show the figure in a window or notebook, or, if asked to, save it to figures/NAME.png in this folder."""
        path = Path("figures", f"{name}.png")
        if save:
            self.save(ensure_writable_folder(path.parent) / path.name)
            print(f"Picture: {path}")
        elif pyplot.get_backend().lower() == "agg":
            print(f"No window to show a picture in; with --save it goes to {path}.")
            pyplot.close(self.figure)
        else:
            pyplot.show()
