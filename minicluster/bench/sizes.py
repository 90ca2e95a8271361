"""The sizes that are timed, how much work they are, and how long is measured."""

from dataclasses import asdict, dataclass, replace

PASSES = 3  # matrix products of a layer in a step: the forward, the input's gradient, the weight's gradient
ATTENTION_PRODUCTS = 6  # two in the forward (scores, weighted mean), four in the backward


@dataclass(frozen=True)
class Size:
    """A model and its batches.

    Attributes
    ----------
    width, layers, heads : int
        C, L, H.
    tokens : int
        T, of a sequence.
    batch : int
        B, sequences of a step.
    vocabulary : int
        V.
    """

    width: int
    layers: int
    heads: int
    tokens: int
    batch: int
    vocabulary: int

    @property
    def tokens_of_a_step(self):
        """B T."""
        return self.batch * self.tokens

    def attention_flops(self):
        """Operations of one layer's attention, forward and backward, of visible (query, key) pairs only."""
        pairs = self.batch * self.tokens * (self.tokens + 1) // 2
        return ATTENTION_PRODUCTS * 2 * pairs * self.width

    def step_flops(self):
        """Operations of a step's matrix products; LayerNorm, GELU, softmax and AdamW are not counted."""
        weights = 12 * self.layers * self.width**2 + self.vocabulary * self.width  # 3 + 1 + 4 + 4 C^2 a layer
        return PASSES * 2 * weights * self.tokens_of_a_step + self.layers * self.attention_flops()

    def as_dict(self):
        """Return {name: value}."""
        return asdict(self)


SIZES = {
    "A": Size(width=64, layers=5, heads=4, tokens=16, batch=64, vocabulary=128),
    "B": Size(width=128, layers=6, heads=4, tokens=32, batch=64, vocabulary=128),
    "C": Size(width=256, layers=6, heads=8, tokens=64, batch=32, vocabulary=512),
}


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes
    ----------
    sizes : dict from str to Size
    rounds : int
        How often each rival has its turn.
    step_seconds, layer_seconds : float
        How long a turn repeats one step or one layer.
    peak_seconds : float
        How long a turn repeats the loop that measures the peak: long enough for a moment with nobody else.
    pause : float
        Seconds between two turns.
    ladder_rows, ladder_depth, ladder_columns : int
        M, K, N of the ladder's matrix product.
    growth : dict
        `tokens`, `width` and `layers`, each a tuple of int: the values that this one of a Size's attributes takes
        while the others keep those of `growth_size`.
    growth_size : Size
    kmeans_sizes : tuple of int
        Rows that k-means clusters.
    cluster_size : int
        Rows of silhouettes and neighbours.
    tsne_size, tsne_iterations : int
    growing_n, growing_k, growing_tsne : tuple of int
        Rows and clusters of k-means, and rows of t-SNE, that show how the time grows.
    growing_iterations : int
        Of t-SNE there.
    quality_sets : int
        Data sets on which k-means' inertia is compared with scikit-learn's; with 0 nothing is compared.
    seeds, seed_rounds : int
        Seeds of whole runs, and how often they are timed.
    quick_seeds : bool
        Whether these are runs with --quick.
    """

    sizes: dict
    rounds: int = 5
    step_seconds: float = 0.6
    layer_seconds: float = 0.06
    peak_seconds: float = 0.3
    pause: float = 0.25
    ladder_rows: int = 2048
    ladder_depth: int = 256
    ladder_columns: int = 1024
    growth: dict = None
    growth_size: Size = None
    kmeans_sizes: tuple = (600, 20_000)
    cluster_size: int = 5000
    tsne_size: int = 2000
    tsne_iterations: int = 1000
    growing_n: tuple = (2500, 5000, 10_000, 20_000)
    growing_k: tuple = (5, 10, 20, 40)
    growing_tsne: tuple = (500, 1000, 2000, 4000)
    growing_iterations: int = 100
    quality_sets: int = 10
    seeds: int = 4
    seed_rounds: int = 1
    quick_seeds: bool = False


FULL = Plan(
    SIZES,
    growth={"tokens": (16, 32, 64, 128), "width": (32, 64, 128, 256), "layers": (2, 4, 8)},
    growth_size=SIZES["B"],
)
QUICK = replace(
    FULL,
    rounds=2,
    step_seconds=0.1,
    layer_seconds=0.01,
    growth={"tokens": (8, 16, 32), "width": (32, 64, 128), "layers": (2, 4, 8)},
    growth_size=SIZES["A"],
    kmeans_sizes=(600, 2000),
    cluster_size=1000,
    tsne_size=500,
    tsne_iterations=250,  # the fewest that scikit-learn accepts
    growing_n=(500, 1000, 2000),
    growing_k=(5, 10, 20),
    growing_tsne=(250, 500, 1000),
    growing_iterations=20,
    quality_sets=0,
    seeds=2,
    seed_rounds=1,
    quick_seeds=True,
)
