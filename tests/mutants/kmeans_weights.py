"""Wrong weights of samples in k-means, and wrong histories of its inertia."""

from .mutant import Mutant

KMEANS_TESTS = ("cluster/test_kmeans.py",)

KMEANS_WEIGHTS = (
    Mutant(
        name="k-means: history without its end",
        file="cluster/kmeans.py",
        old="np.array([*(heaviest * float(unit) ** 2 * np.array(history)), inertia])",
        new="heaviest * float(unit) ** 2 * np.array(history)",
        why="After the last iteration the centres have moved once more, and only then is it inertia_.",
    ),
    Mutant(
        name="k-means: history in the unit of the iterations",
        file="cluster/kmeans.py",
        old="(heaviest * float(unit) ** 2 * np.array(history))",
        new="np.array(history)",
        why="Data were divided by their size, so squares have to be multiplied by it twice.",
    ),
    Mutant(
        name="k-means: history in the unit of lengths",
        file="cluster/kmeans.py",
        old="heaviest * float(unit) ** 2 *",
        new="heaviest * float(unit) *",
        why="An inertia is a sum of squares, so the unit counts twice.",
    ),
    Mutant(
        name="k-means: history without the weights' unit",
        file="cluster/kmeans.py",
        old="heaviest * float(unit) ** 2 *",
        new="float(unit) ** 2 *",
        why="Weights were divided by the heaviest; a history that forgets it does not end at inertia_.",
    ),
    Mutant(
        name="k-means: history of the last run",
        file="cluster/kmeans.py",
        old="                self.inertia_history_ = np.array(",
        new="            self.inertia_history_ = np.array(",
        why="Attributes describe the run that was kept, all of them the same one.",
    ),
    Mutant(
        name="k-means: history of unweighted inertia",
        file="cluster/kmeans.py",
        old="history.append(float((weights * squared).sum()))",
        new="history.append(float(squared.sum()))",
        why="What falls from step to step is the weighted sum; the plain one may rise.",
    ),
    Mutant(
        name="k-means: weights forgotten in the means",
        file="cluster/kmeans.py",
        old="counts = np.bincount(labels, weights, len(centers))  # (k,) sums of weights",
        new="counts = np.bincount(labels, minlength=len(centers)).astype(float)",
        why="A weighted sum over a number of samples is no mean; without weights it is the same.",
    ),
    Mutant(
        name="k-means: weights forgotten in the sums",
        file="cluster/_plain.py",
        old="weighted = weights[:, None] * x",
        new="weighted = np.ones((len(x), 1)) * x",
        why="Numerator and denominator of a weighted mean have the same weights.",
        tests=KMEANS_TESTS,
    ),
    Mutant(
        name="k-means: weights forgotten in the inertia",
        file="cluster/kmeans.py",
        old="return labels, float((weights * squared).sum())",
        new="return labels, float(squared.sum())",
        why="A sample of weight 2 counts as two.",
    ),
    Mutant(
        name="k-means: score forgets the weights",
        file="cluster/kmeans.py",
        old="_, inertia = self._label(x, check_weights(sample_weight, x))",
        new="_, inertia = self._label(x, check_weights(None, x))",
        why="An argument that is accepted and ignored is a wrong answer without an error.",
    ),
    Mutant(
        name="k-means: samples of weight 0 take part",
        file="cluster/kmeans.py",
        old="counted = weights > 0  # (n,)",
        new="counted = weights >= 0  # (n,)",
        why="They would be first centres and fill empty clusters, though nothing of them is in the inertia.",
    ),
    Mutant(
        name="k-means: samples of weight 0 get no label",
        file="cluster/kmeans.py",
        old="exact = operations().lay_out(x.astype(np.float64, copy=False))",
        new="exact, weights = operations().lay_out(samples.astype(np.float64, copy=False)), sample_weights * heaviest",
        why="labels_ has an entry for each row of the data that was given.",
    ),
    Mutant(
        name="k-means: weights not scaled",
        file="cluster/kmeans.py",
        old="unit_of(sample_weights)",
        new="1.0",
        why="Weights of 1e-300 times squared distances vanish, though only their ratios mean anything.",
    ),
)
