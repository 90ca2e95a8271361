"""Wrong formulas, each of which some test must fail on. `python tests/run_mutants.py` tries them."""

from .arguments import ARGUMENTS
from .checker import CHECKER
from .clustering import CLUSTERING
from .corners import CORNERS
from .kernels import KERNELS
from .kmeans import KMEANS
from .layers import LAYERS
from .loss_and_optimiser import LOSS_AND_OPTIMISER
from .metrics import METRICS
from .model import MODEL
from .mutant import Mutant, StaleMutantError
from .tsne import TSNE

MUTANTS = (
    *LAYERS,
    *MODEL,
    *LOSS_AND_OPTIMISER,
    *CLUSTERING,
    *KMEANS,
    *METRICS,
    *TSNE,
    *CHECKER,
    *CORNERS,
    *KERNELS,
    *ARGUMENTS,
)

__all__ = ["MUTANTS", "Mutant", "StaleMutantError"]
