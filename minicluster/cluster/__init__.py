"""Clusters and their scores, neighbours, principal components and t-SNE. Knows arrays only: no model, no task."""

from ._validation import NotFittedError
from .information import (
    adjusted_mutual_info_score,
    completeness_score,
    homogeneity_completeness_v_measure,
    homogeneity_score,
    mutual_info_score,
    normalized_mutual_info_score,
    v_measure_score,
)
from .kmeans import ConvergenceWarning, KMeans
from .metrics import adjusted_rand_score, contingency_matrix, fowlkes_mallows_score, rand_score
from .neighbors import KNeighborsClassifier, cross_subgroup_neighbor_score
from .nulls import regrouping_null
from .pca import PCA
from .separation import calinski_harabasz_score, davies_bouldin_score, silhouette_samples, silhouette_score
from .trustworthiness import trustworthiness
from .tsne import TSNE

__all__ = [
    "ConvergenceWarning",
    "KMeans",
    "KNeighborsClassifier",
    "NotFittedError",
    "PCA",
    "TSNE",
    "adjusted_mutual_info_score",
    "adjusted_rand_score",
    "calinski_harabasz_score",
    "completeness_score",
    "contingency_matrix",
    "cross_subgroup_neighbor_score",
    "davies_bouldin_score",
    "fowlkes_mallows_score",
    "homogeneity_completeness_v_measure",
    "homogeneity_score",
    "mutual_info_score",
    "normalized_mutual_info_score",
    "rand_score",
    "regrouping_null",
    "silhouette_samples",
    "silhouette_score",
    "trustworthiness",
    "v_measure_score",
]
