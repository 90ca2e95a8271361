"""One training: a data set, a model, and recordings on the way."""

from dataclasses import dataclass

import numpy as np

from ..checks import check_whole_number
from ..nn import AdamW, Transformer, TransformerConfig, warmup_cosine
from ..tasks import InstructionDataset, make_instruction_dataset
from ..training import Progress, TrainingDiverged, answer, hidden_states_at, recording_steps, training_steps
from .settings import Settings

# Random numbers for different purposes come from different streams, or the sampled rows would be the first batches.
ORDER_STREAM, SAMPLE_STREAM = 1, 2


@dataclass(frozen=True)
class Setup:
    """A training that has not begun.

    Attributes
    ----------
    settings : Settings
    seed, data_seed : int
    dataset : InstructionDataset
    model : Transformer
    optimizer : AdamW
    """

    settings: Settings
    seed: int
    data_seed: int
    dataset: InstructionDataset
    model: Transformer
    optimizer: AdamW


@dataclass(frozen=True)
class Recording:
    """The model at one step.

    Attributes
    ----------
    step : int
        Steps taken, 0 for the untrained model.
    loss, accuracy : dict from split to float
    states : dict from split to (L + 1, strings, C) array
        Hidden states at the separator of each unique string, of train and of unseen_instruction.
    """

    step: int
    loss: dict
    accuracy: dict
    states: dict


def prepare(settings, seed, data_seed=None, backend="auto"):
    """Make data, model and optimiser.

    Parameters
    ----------
    settings : Settings
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
    s = settings
    dataset = make_instruction_dataset(
        s.n_tasks,
        s.n_distributions,
        s.n_inputs,
        n_instructions=s.n_instructions,
        n_unseen_instructions=s.n_unseen_instructions,
        n_held_out_inputs=s.n_held_out_inputs,
        share=s.share,
        seed=data_seed,
    )
    config = TransformerConfig(len(dataset.vocabulary), dataset.context_length, s.d_model, s.n_layers, s.n_heads)
    model = Transformer(config, seed=seed, backend=backend)
    optimizer = AdamW(model.parameters, lr=s.lr, weight_decay=s.weight_decay)
    return Setup(settings, seed, data_seed, dataset, model, optimizer)


def train_and_record(setup, label="training"):
    """Train, and record the model at steps that are evenly spaced on a logarithmic scale.

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
        If the model was trained before: its first recording would not be of an untrained one.
    """
    if setup.optimizer.steps:
        raise ValueError(f"setup was trained for {setup.optimizer.steps} steps before, expected a new one from prepare")
    s = setup.settings
    rng = np.random.default_rng([setup.seed, SAMPLE_STREAM])
    samples = {
        name: split[np.sort(rng.permutation(len(split))[: s.recorded_rows])]
        for name, split in setup.dataset.splits.items()
    }
    # All of it at every step, because early stopping compares the steps.
    samples["unseen_instruction"] = setup.dataset.unseen_instruction
    warmup = min(s.warmup, s.steps // 2)
    steps = training_steps(
        setup.model,
        setup.optimizer,
        setup.dataset.train,
        s.steps,
        batch_size=s.batch_size,
        seed=[setup.seed, ORDER_STREAM],
        learning_rate=lambda step: warmup_cosine(step, s.steps, s.lr, warmup),
        max_norm=s.max_norm,
    )
    recorded = set(recording_steps(s.steps, s.n_recordings))
    recordings, loss = [record(setup, 0, samples)], None
    with Progress(s.steps, label) as progress:
        for step, loss in steps:
            progress.update(step, loss=loss)
            if step in recorded:
                recordings.append(record(setup, step, setup.dataset.splits if step == s.steps else samples))
                if not all(np.isfinite(value) for value in recordings[-1].loss.values()):
                    raise TrainingDiverged(step, loss)
    return recordings


def record(setup, step, judged):
    """Return the Recording of the model as it is now.

    Parameters
    ----------
    setup : Setup
    step : int
    judged : dict from split name to Split
        The examples that loss and accuracy are taken from.
    """
    loss, accuracy, states = {}, {}, {}
    with np.errstate(all="ignore"):  # a model that diverged is told by its loss, once
        for name, split in judged.items():
            losses, right = answer(setup.model, split)
            loss[name], accuracy[name] = float(losses.mean()), float(right.mean())
        for name in ("train", "unseen_instruction"):
            strings = unique_strings(setup.dataset.splits[name])
            states[name] = hidden_states_at(setup.model, strings.tokens, strings.separator)
    return Recording(step, loss, accuracy, states)


def unique_strings(split):
    """Return one row of a split for each different instruction."""
    return split[split.unique_instructions()]
