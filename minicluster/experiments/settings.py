"""The numbers of an experiment, in one place."""

from dataclasses import dataclass, fields, replace

import numpy as np

from ..checks import check_positive, check_whole_number
from ..tasks import alike_patterns, make_geography_dataset, make_instruction_dataset

# A shallower model, trained a fifth as long at twice the learning rate, and looked at less often.
QUICK = {"n_layers": 4, "steps": 220, "lr": 2e-3, "warmup": 50, "n_recordings": 6, "recorded_rows": 200, "restarts": 5}
# For statistics over many trainings: long enough to learn shared outputs, too.
SMALL = {"n_layers": 4, "steps": 600, "lr": 2e-3, "warmup": 50, "n_recordings": 16, "recorded_rows": 200, "restarts": 5}
# The same for real places, whose facts take longer to learn.
SMALL_GEOGRAPHY = {"steps": 900, "n_recordings": 8, "recorded_rows": 200, "restarts": 5}

MOST_STEPS = 1_000_000_000  # of a training, which would take months

# Random numbers for different purposes come from different streams, or the sampled rows would be the first batches.
ORDER_STREAM, PATTERN_STREAM = 1, 3  # of batches; of patterns made alike. Others stand where they are used

GROUPS, PAIRS = "groups", "pairs"  # what a loss at the separator is told


@dataclass(frozen=True)
class TrainingSettings:
    """Which model is trained, how, and how it is looked at. The paper fixes few of these numbers: they are ours.

    Attributes
    ----------
    d_model, n_layers, n_heads : int
        See `TransformerConfig`.
    steps, batch_size : int
        Length of the training and sequences a step.
    by_length : bool
        Whether batches have rows of like length; see `ShuffledBatches`.
    lr, weight_decay : float
        See `AdamW`.
    warmup : int
        Steps; see `warmup_cosine`. At most half of the training is warm-up.
    max_norm : float
        See `clip_gradients`.
    n_recordings : int
        See `recording_steps`.
    recorded_rows : int
        Examples of train and of unseen_combination, drawn once, that loss and accuracy on the way are taken from. The
        last step's are taken from all, and those of unseen_instruction always.
    restarts : int
        Of k-means; the best of so many is kept.
    quick : bool
        Whether this is the smaller run for classrooms.
    small : bool
        Whether this is the smaller run for statistics over many trainings.

    Raises
    ------
    ValueError, TypeError
        If a number is out of the range in which the experiment can be measured.
    """

    d_model: int = 64
    n_layers: int = 6
    n_heads: int = 4
    steps: int = 1000
    batch_size: int = 64
    by_length: bool = False
    lr: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 100
    max_norm: float = 1.0
    n_recordings: int = 24
    recorded_rows: int = 500
    restarts: int = 10
    quick: bool = False
    small: bool = False

    def __post_init__(self):
        for name, least in self._least_values().items():
            check_whole_number(name, getattr(self, name), least)
        if self.steps > MOST_STEPS:
            raise ValueError(f"steps = {self.steps}, expected at most {MOST_STEPS}")

    def _least_values(self):
        """Return {name: the least value} of the whole numbers that are not checked elsewhere."""
        return {
            "d_model": 2,  # a picture needs two components
            "steps": 1,
            "batch_size": 1,
            "warmup": 0,
            "n_recordings": 2,
            "recorded_rows": 1,
            "restarts": 1,
        }

    def deciding(self):
        """Return the settings that are equal for equal trainings, however often these are looked at."""
        return replace(self, n_recordings=2, recorded_rows=1)

    @property
    def middle_layer(self):
        """The layer where one must be named, fixed beforehand: 3 of 6."""
        return self.n_layers // 2


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """What is learned: the synthetic tasks; and by which model, and how.

    Attributes
    ----------
    n_tasks, n_distributions, n_inputs, n_instructions, n_unseen_instructions, n_held_out_inputs, share : int
        See `make_instruction_dataset`.
    alike : int
        How many of their six parts patterns of different tasks share (see `alike_patterns`); with 0 all patterns are
        independent.
    replaced : float
    bottleneck : bool
        See `make_instruction_dataset`.

    Raises
    ------
    ValueError, TypeError
        If a number is out of the range in which the experiment can be measured.
    """

    n_tasks: int = 10
    n_distributions: int = 4
    n_inputs: int = 10
    n_instructions: int = 15
    n_unseen_instructions: int = 5
    n_held_out_inputs: int = 3
    share: int = 1
    alike: int = 0
    replaced: float = 0.0
    bottleneck: bool = False

    def _least_values(self):
        return super()._least_values() | {
            "n_tasks": 2,  # clusters are to be told apart
            "n_distributions": 2,  # a neighbour from another pattern of the task must exist
            "n_unseen_instructions": 1,
            "n_held_out_inputs": 1,
            "alike": 0,
        }

    def as_quick(self):
        """Return the settings of the smaller run for classrooms, on the same data."""
        return replace(self, quick=True, **QUICK)

    def as_small(self):
        """Return the settings of the smaller run for statistics, on the same data."""
        return replace(self, small=True, **SMALL)

    def make_dataset(self, seed):
        """Return the InstructionDataset of these settings and this data seed."""
        patterns = None
        if self.alike:
            rng = np.random.default_rng([seed, PATTERN_STREAM])
            patterns = alike_patterns(rng, self.n_tasks, self.n_distributions, self.alike)
        return make_instruction_dataset(
            self.n_tasks,
            self.n_distributions,
            self.n_inputs,
            n_instructions=self.n_instructions,
            n_unseen_instructions=self.n_unseen_instructions,
            n_held_out_inputs=self.n_held_out_inputs,
            patterns=patterns,
            share=self.share,
            replaced=self.replaced,
            exclusive=not (self.alike or self.replaced),
            bottleneck=self.bottleneck,
            seed=seed,
        )


@dataclass(frozen=True)
class ShapedSettings(Settings):
    """What is learned, and what the hidden states at the separator are told besides, after the middle layer's block.

    Attributes
    ----------
    shaping : str or None
        "groups": each row's group of patterns (see `GroupLoss` and `told_groups`); "pairs": which strings mean the
        same, one for each (see `pair_loss`); None: nothing.
    n_right : int or None
        The groups of so many tasks are their patterns; None: of all.
    dealt : bool
        Whether the other tasks' patterns are dealt at random into groups of that size. Else each is a group of its own.
    shaping_weight : float
    shaping_steps : int
        See `Shaping`, where it is called `alone`.

    Raises
    ------
    ValueError, TypeError
        If a setting is out of its range.
    """

    shaping: str | None = None
    n_right: int | None = None
    dealt: bool = False
    shaping_weight: float = 1.0
    shaping_steps: int = 0

    def __post_init__(self):
        super().__post_init__()
        if self.shaping not in (None, GROUPS, PAIRS):
            raise ValueError(f"shaping = {self.shaping!r}, expected {GROUPS!r}, {PAIRS!r} or None")
        if self.n_right is not None:
            check_whole_number("n_right", self.n_right, 0)
            if self.n_right > self.n_tasks:
                raise ValueError(f"n_right = {self.n_right}, expected at most {self.n_tasks}, the number of tasks")
        check_positive("shaping_weight", self.shaping_weight)
        if self.shaping == PAIRS and self.batch_size % 2:
            raise ValueError(f"batch_size = {self.batch_size}, expected an even number: batches are pairs")

    def _least_values(self):
        return super()._least_values() | {"n_layers": 2, "shaping_steps": 0}

    def deciding(self):
        """Return the same; a training without a second loss is equal to one of `Settings`."""
        if self.shaping is not None:
            return super().deciding()
        return Settings(**{own.name: getattr(self, own.name) for own in fields(Settings)}).deciding()


@dataclass(frozen=True)
class GeographySettings(TrainingSettings):
    """What is learned: questions about real places; and by which model, and how.

    Four blocks, as its sentences are longer than the synthetic strings and a training is to take a minute.

    Attributes
    ----------
    n_places : int or None
    n_instructions, n_unseen_instructions, n_places_each : int
    hard, inside : bool
    strange : float
        See `make_geography_dataset`.

    Raises
    ------
    ValueError, TypeError
        If a number is out of the range in which the experiment can be measured.
    """

    n_layers: int = 4
    steps: int = 1500
    by_length: bool = True
    lr: float = 2e-3
    n_recordings: int = 10
    n_places: int | None = None
    n_instructions: int = 40
    n_unseen_instructions: int = 5
    n_places_each: int = 10
    hard: bool = False
    inside: bool = False
    strange: float = 0.4

    def as_small(self):
        """Return the settings of the smaller run for statistics, on the same data."""
        return replace(self, small=True, **SMALL_GEOGRAPHY)

    def make_dataset(self, seed):
        """Return the GeographyDataset of these settings and this data seed."""
        return make_geography_dataset(
            n_places=self.n_places,
            n_instructions=self.n_instructions,
            n_unseen_instructions=self.n_unseen_instructions,
            n_places_each=self.n_places_each,
            hard=self.hard,
            inside=self.inside,
            strange=self.strange,
            seed=seed,
        )
