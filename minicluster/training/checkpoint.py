"""A training, stopped between two steps, in one file: it goes on as if it had never been stopped.

The arrays of the file, each entry with its checksum (see `archive`):

    parameters/NAME         GPT-2's names, (in, out)
    optimizer/mean          AdamW's running means: (all parameters,), in the order of the parameters above
    optimizer/mean_square
    batches/waiting         rows that are shuffled and not yet trained on
    recordings/SPLIT        hidden states (recordings, L + 1, strings, C)
    results/NAME            of a finished training, in place of optimizer, batches and recordings
"""

import operator
import time
from dataclasses import dataclass, field

import numpy as np

from ..files import OutputError
from .archive import CheckpointError, read_archive, write_archive
from .recording import Recording

LARGEST_SHARE = 0.0125  # of the time goes into writing checkpoints
FIRST_GUESS = 0.02  # seconds that the first one may take


@dataclass(frozen=True)
class Checkpoint:
    """What a training is made of between two steps, or what came of it.

    Attributes
    ----------
    config : dict
        What was asked for, plain JSON: a training goes on with the same alone.
    step : int
        Steps taken.
    parameters : dict from str to array
    optimizer : dict from str to (all parameters,) array
        `mean` and `mean_square`; empty in a finished training.
    batches : tuple, or None in a finished training
        `ShuffledBatches.state`.
    loss : float or None
        Of the last step.
    recordings : list of Recording
        So far.
    results : dict or None
        Of a finished training: plain JSON.
    result_arrays : dict from str to array
        Of a finished training.
    environment : dict
        Versions and machine, plain JSON, for who looks at it.
    """

    config: dict
    step: int
    parameters: dict
    optimizer: dict = field(default_factory=dict)
    batches: tuple | None = None
    loss: float | None = None
    recordings: list = field(default_factory=list)
    results: dict | None = None
    result_arrays: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)

    @property
    def finished(self):
        """Whether the training is over and measured."""
        return self.results is not None


def save_checkpoint(path, checkpoint):
    """Write a checkpoint, whole or not at all; the one before is kept until the new one was read again.

    Parameters
    ----------
    path : str or Path
    checkpoint : Checkpoint

    Raises
    ------
    OutputError
        If it can't be written.
    """
    c = checkpoint
    generator, waiting = c.batches or (None, None)
    content = {
        "config": c.config,
        "step": c.step,
        "loss": c.loss,
        "generator": generator,
        "recordings": [{"step": r.step, "loss": r.loss, "accuracy": r.accuracy} for r in c.recordings],
        "results": c.results,
        "environment": c.environment,
    }
    arrays = {f"parameters/{name}": array for name, array in c.parameters.items()}
    arrays |= {f"optimizer/{name}": array for name, array in c.optimizer.items()}
    if waiting is not None:
        arrays["batches/waiting"] = waiting
    for name in c.recordings[0].states if c.recordings else ():
        arrays[f"recordings/{name}"] = np.stack([recording.states[name] for recording in c.recordings])
    arrays |= {f"results/{name}": array for name, array in c.result_arrays.items()}
    write_archive(path, content, arrays)


def load_checkpoint(path):
    """Read a checkpoint and check all of it; nothing is unpickled.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Checkpoint

    Raises
    ------
    CheckpointError
        If it can't be read, is of another program or of a later version, was cut off or changed.
    """
    archive = read_archive(path)
    groups = {"parameters": {}, "optimizer": {}, "batches": {}, "recordings": {}, "results": {}}
    try:
        for name, array in archive.arrays.items():
            group, _, rest = name.partition("/")
            groups[group][rest] = array.copy()  # one that may be written to, like any other
        content = archive.content
        recordings = [
            Recording(**numbers, states={name: states[index] for name, states in groups["recordings"].items()})
            for index, numbers in enumerate(content["recordings"])
        ]
        return Checkpoint(
            config=dict(content["config"]),
            step=operator.index(content["step"]),
            parameters=groups["parameters"],
            optimizer=groups["optimizer"],
            batches=(content["generator"], groups["batches"]["waiting"]) if groups["batches"] else None,
            loss=None if content["loss"] is None else content["loss"] + 0.0,
            recordings=recordings,
            results=content["results"],
            result_arrays=groups["results"],
            environment=dict(content["environment"]),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:  # right checksums, but not from here
        raise CheckpointError(f"{path}: its header and its entries do not belong together: {error!r}") from error


def restore(checkpoint, path, model, optimizer, batches):
    """Put a training back to where it was.

    Parameters
    ----------
    checkpoint : Checkpoint
        Not finished.
    path : str or Path
        Where it is from, for messages.
    model : Transformer
    optimizer : AdamW
        Of `model.parameters`.
    batches : ShuffledBatches

    Raises
    ------
    CheckpointError
        If an array has another name, shape or dtype than the model's. Nothing has changed then.
    """
    flat = model.parameters.flat
    expected = {f"parameters/{name}": array for name, array in model.parameters.items()}
    expected |= {f"optimizer/{name}": flat for name in ("mean", "mean_square")}
    found = {f"parameters/{name}": array for name, array in checkpoint.parameters.items()}
    found |= {f"optimizer/{name}": array for name, array in checkpoint.optimizer.items()}
    for name in sorted(expected.keys() ^ found.keys()):
        raise CheckpointError(f"{path}: entry {name!r} is {'missing' if name in expected else 'not expected'}")
    for name, array in expected.items():
        for what in ("shape", "dtype"):
            if getattr(found[name], what) != getattr(array, what):
                raise CheckpointError(
                    f"{path}: entry {name!r} has {what} {getattr(found[name], what)}, expected {getattr(array, what)}"
                )
    if checkpoint.batches is None:
        raise CheckpointError(f"{path}: entry 'batches/waiting' is missing")
    try:
        batches.state = checkpoint.batches
    except ValueError as error:
        raise CheckpointError(f"{path}: entry 'batches/waiting' or its generator: {error}") from error
    for name, array in checkpoint.parameters.items():
        model.parameters[name] = array
    optimizer.mean.flat = checkpoint.optimizer["mean"]
    optimizer.mean_square.flat = checkpoint.optimizer["mean_square"]
    optimizer.steps = checkpoint.step


class CheckpointWriter:
    """Writes the checkpoints of one training, so seldom that they cost next to nothing.

    Each one is followed by a pause that is so many times longer than writing it took. A checkpoint that can't be
    written costs the training nothing: that is told once, and tried again after the next pause.

    Parameters
    ----------
    path : str or Path
    tell : callable
        Takes one line of text, about what could not be written.
    share : float, optional
        Of the time that may go into writing; by default LARGEST_SHARE.
    clock : callable, optional
        Returns seconds since some fixed time.
    """

    def __init__(self, path, tell, share=None, clock=time.perf_counter):
        self.path, self.tell, self.clock = path, tell, clock
        self.share = LARGEST_SHARE if share is None else share
        self.told = False
        self.next = clock() + FIRST_GUESS / self.share

    def due(self):
        """Whether enough time has passed since the last one."""
        return self.clock() >= self.next

    def save(self, checkpoint, quietly=False):
        """Write a checkpoint; see `save_checkpoint`.

        Parameters
        ----------
        checkpoint : Checkpoint
        quietly : bool
            Whether to say nothing if it can't be written.

        Returns
        -------
        bool
            Whether it could be written.
        """
        began, failure = self.clock(), None
        try:
            save_checkpoint(self.path, checkpoint)
        except (OutputError, CheckpointError) as error:
            failure = str(error)
        except MemoryError:
            failure = f"cannot write {self.path}: not enough memory"
        now = self.clock()
        self.next = now + (now - began) / self.share
        if failure and not (self.told or quietly):
            self.tell(f"warning: {failure}; the run goes on, but can be resumed from its last checkpoint only")
        self.told = failure is not None
        return not failure
