"""Wrong formulas, each of which some test must fail on. `python tests/run_mutants.py` tries them."""

from .affinities import AFFINITIES
from .alignment import ALIGNMENT
from .arguments import ARGUMENTS
from .bughunt import BUGHUNT
from .checker import CHECKER
from .checking import CHECKING
from .cluster_loops import CLUSTER_LOOPS
from .clustering import CLUSTERING
from .corners import CORNERS
from .divergence import DIVERGENCE
from .experiments import EXPERIMENTS
from .kernels import KERNELS
from .kmeans import KMEANS
from .kmeans_starts import KMEANS_STARTS
from .kmeans_weights import KMEANS_WEIGHTS
from .layers import LAYERS
from .lessons import LESSONS
from .loss_and_optimiser import LOSS_AND_OPTIMISER
from .metrics import METRICS
from .model import MODEL
from .mutant import Mutant, StaleMutantError
from .nothing_lost import NOTHING_LOST
from .pca import PRINCIPAL_COMPONENTS
from .pretraining import PRETRAINING
from .real_places import REAL_PLACES
from .shaping import SHAPING
from .tsne import TSNE

MUTANTS = (
    *LAYERS,
    *MODEL,
    *LOSS_AND_OPTIMISER,
    *CLUSTERING,
    *PRINCIPAL_COMPONENTS,
    *KMEANS,
    *KMEANS_STARTS,
    *KMEANS_WEIGHTS,
    *METRICS,
    *AFFINITIES,
    *DIVERGENCE,
    *TSNE,
    *CLUSTER_LOOPS,
    *CHECKER,
    *CORNERS,
    *KERNELS,
    *ARGUMENTS,
    *NOTHING_LOST,
    *EXPERIMENTS,
    *REAL_PLACES,
    *PRETRAINING,
    *SHAPING,
    *ALIGNMENT,
    *LESSONS,
    *BUGHUNT,
    *CHECKING,
)

__all__ = ["MUTANTS", "Mutant", "StaleMutantError"]
