"""Wrong divergence of t-SNE's picture from the data, and its wrong gradient."""

from .mutant import Mutant

DIVERGENCE = (
    Mutant(
        name="t-SNE: factor 2 instead of 4",
        file="cluster/tsne.py",
        old='return {"embedding": 2 * 2 *',
        new='return {"embedding": 2 *',
        why="Point i is in row i and in column i, and the square gives another 2.",
    ),
    Mutant(
        name="t-SNE: attraction and repulsion exchanged",
        file="cluster/tsne.py",
        old="dsquared = dkl * (affinities - q) * w",
        new="dsquared = dkl * (q - affinities) * w",
        why="Neighbours would flee one another; descent becomes ascent.",
    ),
    Mutant(
        name="t-SNE: gradient of SNE",
        file="cluster/tsne.py",
        old="dsquared = dkl * (affinities - q) * w",
        new="dsquared = dkl * (affinities - q)",
        why="With normal distributions in the plane w is not there; with Student's it is what lets far points go.",
    ),
    Mutant(
        name="t-SNE: upstream gradient forgotten",
        file="cluster/tsne.py",
        old="dsquared = dkl * (affinities",
        new="dsquared = (affinities",
        why="A backward hands on what it is given; with 1 nobody sees it.",
    ),
    Mutant(
        name="t-SNE: normal distribution in the plane",
        file="cluster/tsne.py",
        old="w = 1 / (1 + (difference * difference).sum(axis=2))",
        new="w = np.exp(-(difference * difference).sum(axis=2))",
        why="Consistent with nothing: the gradient is that of Student's t.",
    ),
    Mutant(
        name="t-SNE: a point is a pair with itself",
        file="cluster/tsne.py",
        old="w = w * (1 - np.eye(len(w)))",
        new="w = w * 1",
        why="n pairs of affinity 1 in q that p does not have: the picture can never fit.",
    ),
    Mutant(
        name="t-SNE: q not divided by its sum",
        file="cluster/tsne.py",
        old="q = w / w.sum()",
        new="q = w / len(w)",
        why="Then q is no distribution, and the divergence can be negative.",
    ),
    Mutant(
        name="t-SNE: divergence the other way round",
        file="cluster/tsne.py",
        old="kl = (affinities[pairs] * np.log(affinities[pairs] / q[pairs])).sum()",
        new="kl = (q[pairs] * np.log(q[pairs] / affinities[pairs])).sum()",
        why="It is not symmetric: this one forgives lost neighbours and punishes false ones.",
    ),
    Mutant(
        name="t-SNE: divergence without log z",
        file="cluster/tsne.py",
        old="+ mass * float(np.log(z))",
        new="+ mass",
        why="log q = log w - log z.",
    ),
    Mutant(
        name="t-SNE: divergence without the data's entropy",
        file="cluster/tsne.py",
        old="return constant + operations()",
        new="return operations()",
        why="What has no y in it does not move the points, but it is part of the number that users compare.",
    ),
    Mutant(
        name="t-SNE: divergence of exaggerated affinities",
        file="cluster/tsne.py",
        old="divergence = _divergence_from(affinities)",
        new="divergence = _divergence_from(np.float32(self.early_exaggeration) * affinities)",
        why="Exaggerated affinities are no distribution, and their cost can't be compared with that of other runs.",
    ),
    Mutant(
        name="t-SNE: divergence of the start",
        file="cluster/tsne.py",
        old="self.kl_divergence_ = points, done, divergence(points)",
        new="self.kl_divergence_ = points, done, divergence(snapshots[0])",
        why="The number has to be of the picture that is returned.",
    ),
    Mutant(
        name="t-SNE: pairs of affinity 0 in the logarithm",
        file="cluster/tsne.py",
        old="pairs = affinities > 0  #",
        new="pairs = affinities >= 0  #",
        why="p log p tends to 0 with p, but 0 times log 0 is NaN to a computer.",
    ),
)
