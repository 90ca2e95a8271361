"""Results in, pictures out: matplotlib figures in one style, each with a text that says what it shows.

Nothing is computed here that is not drawn from the results. Colours are told apart by colour-blind readers and in
grey, and never carry a meaning alone: lines have markers or labels, clusters have marker shapes.
"""

from .clusters import draw_chance_scores, draw_lloyd
from .dataset import draw_dataset
from .derivatives import draw_step_sizes
from .experiments import draw_experiment
from .picture import Picture
from .projections import draw_perplexities
from .results import draw_all, draw_ari, draw_learning, draw_principal_components
from .speed import draw_rungs

__all__ = [
    "Picture",
    "draw_all",
    "draw_ari",
    "draw_chance_scores",
    "draw_dataset",
    "draw_experiment",
    "draw_learning",
    "draw_lloyd",
    "draw_perplexities",
    "draw_principal_components",
    "draw_rungs",
    "draw_step_sizes",
]
