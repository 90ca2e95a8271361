"""One seed of an experiment: trained, measured, kept in a checkpoint, and taken up again."""

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..files import OutputError
from ..nn.operations import choose_operations
from ..training import Checkpoint, CheckpointError, CheckpointWriter, Progress, load_checkpoint
from .environment import environment
from .measure import measure, principal_components
from .run import Training, prepare
from .settings import Settings

DECIDING = ("minicluster", "numpy", "numba", "system", "machine")  # of an environment: what may round otherwise


@dataclass(frozen=True)
class Job:
    """What one seed is to do.

    Attributes
    ----------
    settings : Settings
    seed, data_seed : int
        See `prepare`.
    backend : str
        See `Transformer`.
    path : Path or None
        Where its checkpoints go.
    resume : bool
        Whether to go on from the checkpoint that is there.
    """

    settings: Settings
    seed: int
    data_seed: int
    backend: str = "auto"
    path: Path | None = None
    resume: bool = False

    def config(self):
        """Return what decides the numbers, plain: a checkpoint of other settings is not for this job."""
        backend = choose_operations(self.backend, np.float32).backend
        return {**asdict(self.settings), "seed": self.seed, "data_seed": self.data_seed, "backend": backend}

    def run(self, progress=Progress):
        """See `run_job`."""
        return run_job(self, progress)


def saved(job):
    """Return the checkpoint that a job goes on from, or None.

    Raises
    ------
    CheckpointError
        If there is one that can't be used, or is of other settings: all that differ are named.
    """
    if not job.resume or job.path is None or not job.path.exists():
        return None
    checkpoint = load_checkpoint(job.path)
    require_same(job.config(), checkpoint, job.path)
    return checkpoint


def require_same(config, checkpoint, path, advice="resume with the same settings"):
    """Raise CheckpointError if a checkpoint is of other settings than `config`."""
    differing = [name for name in config if checkpoint.config.get(name) != config[name]]
    if differing:
        asked = ", ".join(f"{name} = {config[name]}" for name in differing)
        there = ", ".join(f"{name} = {checkpoint.config.get(name)}" for name in differing)
        raise CheckpointError(f"{asked}, but {path} was written with {there}: {advice}")


def elsewhere(job, checkpoint):
    """Return what differs between where a checkpoint was written and here, so that numbers may: text, or ""."""
    here = environment(job.config()["backend"])
    differing = [name for name in DECIDING if checkpoint.environment.get(name) != here[name]]
    there = ", ".join(f"{name} {checkpoint.environment.get(name)}" for name in differing)
    return there and f"{there}, here {', '.join(f'{name} {here[name]}' for name in differing)}"


def discard(job):
    """Make room for a run that begins anew, so that resuming it will not find what is not its own.

    What is there is kept beside it, as `former_path`, for `forget_former` to delete when the run is over. An unfinished
    checkpoint of the same settings stays until this run writes its own: it is as good.

    Returns
    -------
    Checkpoint or None
        The one that was there.

    Raises
    ------
    CheckpointError
        If it is damaged, of another program or of a later version: that is not ours to move.
    OutputError
        If it can't be moved.
    """
    if job.path is None or not job.path.exists():
        return None
    try:
        checkpoint = load_checkpoint(job.path)
    except CheckpointError as error:
        raise CheckpointError(f"{error}; it would be replaced, so move it away first") from error
    config = job.config()
    if checkpoint.finished or any(checkpoint.config.get(name) != config[name] for name in config):
        try:
            job.path.replace(former_path(job))
        except OSError as error:
            raise OutputError(f"cannot write {job.path}: {error.strerror}") from error
    return checkpoint


def former_path(job):
    """Return where the checkpoint of an earlier run is kept while this one is not over."""
    return job.path.with_suffix(".npz.old")


def forget_former(job):
    """Delete the checkpoint of an earlier run, if one was kept."""
    with contextlib.suppress(OSError):
        former_path(job).unlink()


def run_job(job, progress=Progress):
    """Train and measure, or go on with it.

    Parameters
    ----------
    job : Job
    progress : callable
        Takes how much there is to do and a label, returns a Progress.

    Returns
    -------
    Checkpoint
        Finished: `results` as `measure` returns them, `result_arrays` those of `principal_components`.

    Raises
    ------
    TrainingDiverged
        If the training did.
    CheckpointError
        See `saved`.
    """
    checkpoint = saved(job)
    if checkpoint is not None and checkpoint.finished:
        return checkpoint
    setup = prepare(job.settings, job.seed, job.data_seed, job.backend)
    training = Training(setup, job.config())
    if checkpoint is not None:
        training.go_on_from(checkpoint, job.path)
        del checkpoint  # its arrays are large
    with progress(job.settings.steps, f"seed {job.seed}: training") as line:
        writer = None
        if job.path is not None:
            writer = CheckpointWriter(job.path, tell=lambda text: line.note(f"minicluster: {text}"))
        training.run(line, writer)
    try:
        results = measure(setup, training.recordings, progress)
        components = principal_components(setup, training.recordings)
    except KeyboardInterrupt:
        if writer is not None:
            writer.save(training.checkpoint())  # of the whole training
        raise
    finished = Checkpoint(
        config=training.config,
        step=job.settings.steps,
        parameters=dict(setup.model.parameters),
        loss=training.loss,
        results=results,
        result_arrays={name: np.asarray(values) for name, values in components.items()},
        environment=environment(setup.model.operations.backend),
    )
    if writer is not None:
        writer.save(finished, quietly=True)  # the caller has it all the same, and is about to write more
    return finished
