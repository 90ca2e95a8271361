"""Clusters and their scores, neighbours, principal components and t-SNE. Knows arrays only: no model, no task."""

from ._validation import NotFittedError
from .kmeans import ConvergenceWarning, KMeans
from .metrics import adjusted_rand_score, contingency_matrix
from .neighbors import KNeighborsClassifier, cross_subgroup_neighbor_score
from .nulls import regrouping_null
from .pca import PCA
from .tsne import TSNE

__all__ = [
    "ConvergenceWarning",
    "KMeans",
    "KNeighborsClassifier",
    "NotFittedError",
    "PCA",
    "TSNE",
    "adjusted_rand_score",
    "contingency_matrix",
    "cross_subgroup_neighbor_score",
    "regrouping_null",
]
