"""One training: a data set, a model, and recordings on the way."""

import contextlib
from dataclasses import dataclass

import numpy as np

from ..checks import check_whole_number
from ..interruption import Interruption
from ..nn import AdamW, Transformer, TransformerConfig, warmup_cosine
from ..tasks import Dataset
from ..training import (
    Checkpoint,
    CheckpointError,
    Progress,
    Recording,
    TrainingDiverged,
    answer,
    hidden_states_at,
    keep_freed_memory,
    recording_steps,
    restore,
    training_steps,
)
from .environment import environment
from .settings import TrainingSettings
from .shaping import batches_and_objective

SAMPLE_STREAM = 2  # of random numbers, see `settings`


@dataclass(frozen=True)
class Setup:
    """A training that has not begun.

    Attributes
    ----------
    settings : TrainingSettings
    seed, data_seed : int
    dataset : Dataset
    model : Transformer
    optimizer : AdamW
    """

    settings: TrainingSettings
    seed: int
    data_seed: int
    dataset: Dataset
    model: Transformer
    optimizer: AdamW


def prepare(settings, seed, data_seed=None, backend="auto"):
    """Make data, model and optimiser.

    Parameters
    ----------
    settings : TrainingSettings
    seed : int
        Of the initial weights and the order of examples.
    data_seed : int, optional
        Of the data; by default `seed`.
    backend : str
        See `Transformer`.

    Returns
    -------
    Setup

    Raises
    ------
    ValueError, TypeError
        If the settings are impossible.
    """
    check_whole_number("seed", seed, 0)
    data_seed = seed if data_seed is None else data_seed
    s, dataset = settings, settings.make_dataset(data_seed)
    config = TransformerConfig(len(dataset.vocabulary), dataset.context_length, s.d_model, s.n_layers, s.n_heads)
    model = Transformer(config, seed=seed, backend=backend)
    optimizer = AdamW(model.parameters, lr=s.lr, weight_decay=s.weight_decay)
    return Setup(settings, seed, data_seed, dataset, model, optimizer)


class Training:
    """A training under way: what goes on from one step to the next, and what was recorded so far.

    Parameters
    ----------
    setup : Setup
        Its model is trained in place.
    config : dict, optional
        What was asked for, for checkpoints.
    recorder : callable, optional
        `record`, or what takes its place: setup, step and judged examples in, a Recording out.

    Raises
    ------
    ValueError
        If the model was trained before: its first recording would not be of an untrained one.
    """

    def __init__(self, setup, config=None, recorder=None):
        taken = setup.optimizer.steps
        if taken:
            raise ValueError(f"setup was trained for {taken} steps before, expected a new one from prepare")
        self.setup = setup
        self.recorder = recorder or record
        self.config = {**(config or {}), "data_digest": setup.dataset.digest()}
        self.batches, self.objective_of = batches_and_objective(setup)
        self.loss = None  # of the last step
        self.recordings = []

    def checkpoint(self):
        """Return where it stands, to be saved at once: the arrays are the training's own, not copies.

        Raises
        ------
        ValueError
            If another loss shapes the states (see `ShapedSettings`): what it has learned has no place in a checkpoint.
        """
        if self.objective_of is not None:
            raise ValueError("a training whose states are shaped has no checkpoints, expected shaping = None")
        optimizer = self.setup.optimizer
        return Checkpoint(
            config=self.config,
            step=optimizer.steps,
            parameters=dict(self.setup.model.parameters),
            optimizer={"mean": optimizer.mean.flat, "mean_square": optimizer.mean_square.flat},
            batches=self.batches.state,
            loss=self.loss,
            recordings=self.recordings,
            environment=environment(self.setup.model.operations.backend),
        )

    def go_on_from(self, checkpoint, path):
        """Put everything back to where it was; see `restore`."""
        found, expected = checkpoint.config.get("data_digest"), self.config["data_digest"]
        if found != expected:
            raise CheckpointError(f"{path}: data_digest = {found!r}, expected {expected!r}: the data differ")
        restore(checkpoint, path, self.setup.model, self.setup.optimizer, self.batches)
        self.loss, self.recordings = checkpoint.loss, list(checkpoint.recordings)

    def run(self, progress, writer=None):
        """Train to the end, and record the model at steps that are evenly spaced on a logarithmic scale.

        Parameters
        ----------
        progress : Progress
            Told each step and its loss.
        writer : CheckpointWriter, optional
            Saves checkpoints on the way, and one when the process is told to end (Ctrl-C).

        Raises
        ------
        TrainingDiverged
            If the loss or the gradient's norm is no longer finite.
        """
        keep_freed_memory()
        setup, s = self.setup, self.setup.settings
        samples = self._samples()
        if not self.recordings:
            self.recordings.append(self.recorder(setup, 0, samples))
        warmup = min(s.warmup, s.steps // 2)
        steps = training_steps(
            setup.model,
            setup.optimizer,
            setup.dataset.train,
            s.steps,
            self.batches,
            learning_rate=lambda step: warmup_cosine(step, s.steps, s.lr, warmup),
            max_norm=s.max_norm,
            last_loss=self.loss,
            objective_of=self.objective_of,
        )
        recorded = set(recording_steps(s.steps, s.n_recordings))
        interruption = Interruption()
        with contextlib.ExitStack() as stack:
            for step, self.loss in steps:
                if not interruption.entered:  # the first step may compile for a while, and can be interrupted at once
                    stack.enter_context(interruption)
                progress.update(step, loss=self.loss)
                if step in recorded:
                    judged = setup.dataset.splits if step == s.steps else samples
                    self.recordings.append(self.recorder(setup, step, judged))
                    if not all(np.isfinite(value) for value in self.recordings[-1].loss.values()):
                        raise TrainingDiverged(step, self.loss)
                if writer is not None and (interruption.asked or writer.due()):
                    writer.save(self.checkpoint())
                interruption.check()

    def _samples(self):
        """Return the rows of each split that loss and accuracy on the way are taken from."""
        rng = np.random.default_rng([self.setup.seed, SAMPLE_STREAM])
        samples = {
            name: split[np.sort(rng.permutation(len(split))[: self.setup.settings.recorded_rows])]
            for name, split in self.setup.dataset.splits.items()
        }
        # All of it at every step, because early stopping compares the steps.
        samples["unseen_instruction"] = self.setup.dataset.unseen_instruction
        return samples


def train_and_record(setup, label="training"):
    """Train to the end without checkpoints, with progress on the terminal.

    Parameters
    ----------
    setup : Setup
        Its model is trained in place.
    label : str
        Of the progress line.

    Returns
    -------
    list of Recording
        The first of the untrained model, the last of the trained one.

    Raises
    ------
    TrainingDiverged
        If the loss or the gradient's norm is no longer finite.
    ValueError
        If the model was trained before.
    """
    training = Training(setup)
    with Progress(setup.settings.steps, label) as progress:
        training.run(progress)
    return training.recordings


def record(setup, step, judged, states_of=("train", "unseen_instruction")):
    """Return the Recording of the model as it is now.

    Parameters
    ----------
    setup : Setup
    step : int
    judged : dict from split name to Split
        The examples that loss and accuracy are taken from.
    states_of : iterable of split names
        Those whose unique strings' states are kept.
    """
    loss, accuracy, states = {}, {}, {}
    with np.errstate(all="ignore"):  # a model that diverged is told by its loss, once
        for name, split in judged.items():
            losses, right = answer(setup.model, split)
            loss[name], accuracy[name] = float(losses.mean()), float(right.mean())
        for name in states_of:
            strings = unique_strings(setup.dataset.splits[name])
            states[name] = hidden_states_at(setup.model, strings.tokens, strings.separator)
    return Recording(step, loss, accuracy, states)


def unique_strings(split):
    """Return one row of a split for each different instruction."""
    return split[split.unique_instructions()]
