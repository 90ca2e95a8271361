"""The model that answers questions: trained once, then kept in a file, from which it is there at once."""

import contextlib
import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ..files import OutputError, ensure_replaceable, ensure_writable_folder, json_text, user_cache
from ..nn import Transformer, TransformerConfig
from ..nn.operations import choose_operations
from ..tasks.geography import make_tokenizer
from ..tasks.places import ATTRIBUTES, load_places
from ..training import (
    Checkpoint,
    CheckpointError,
    Progress,
    Recording,
    TrainingDiverged,
    load_checkpoint,
    save_checkpoint,
)
from .answering import Answerer, Landmarks, answerer_of
from .environment import environment
from .job import DECIDING, require_same
from .run import Training, prepare

PACKAGE = Path(__file__).parents[1]
# Whose code decides what a model becomes; the table is told by its content.
SOURCES = ("tasks/*.py", "nn/*.py", "kernels/*.py", "training/*.py")
SOURCES += tuple(f"experiments/{name}.py" for name in ("answering", "kept_model", "run", "settings"))
FILE_PREFIX = "model-"
KEPT_MODELS = 4  # of other settings or versions, in case several are in use side by side; older ones are deleted
N_RECORDINGS = 2  # the fewest: nothing is recorded


def kept_answerer(settings, seed, backend="auto", file=None, *, tell, progress=Progress):
    """Return the Answerer of a model that was trained before, or train it now, and keep it.

    Parameters
    ----------
    settings : GeographySettings
    seed : int
        Of data, initial weights and order.
    backend : str
        See `Transformer`.
    file : Path, optional
        Where the model is kept; by default in the folder that the system has for a user's caches, under a name that
        tells all that decides it.
    tell : callable
        Takes one line of text: that a training begins, and what went wrong without any harm to the answers.
    progress : callable
        Takes how much there is to do and a label, returns a Progress.

    Returns
    -------
    Answerer

    Raises
    ------
    CheckpointError
        If `file` is there and damaged, or of another model; it is left as it is.
    OutputError
        If `file` is not there and can't be written.
    TrainingDiverged
        If the training did.
    ValueError, TypeError
        If the settings are impossible.
    """
    path = Path(file) if file is not None else None
    if file is None:
        with contextlib.suppress(RuntimeError):  # the user has no home
            path = cache_path(settings, seed, backend)
    if path is not None and os.path.exists(path):  # False for what can't be looked at, which is told below
        try:
            return load(path, settings, seed, backend)
        except CheckpointError as error:
            if file is not None:
                raise
            tell(f"{error}; the model is trained anew")
    try:
        if path is None:
            raise OutputError("there is no folder for caches")
        ensure_writable_folder(path.parent)
        ensure_replaceable(path)
    except OutputError as error:
        if file is not None:
            raise
        tell(f"warning: {error}; the model is not kept, and will be trained anew the next time")
        path = None
    tell(f"training the model, half a minute to a minute{'' if path is None else ', only this once'} ...")
    setup = train(settings, seed, backend, progress)
    answerer = answerer_of(setup)
    if path is not None:
        try:
            save(path, setup, answerer)
        except OutputError as error:  # a full disk costs the next training, not this one
            tell(f"warning: {error}; the model will be trained anew the next time")
        else:
            if file is None:
                _delete_old(path)
    return answerer


def train(settings, seed, backend="auto", progress=Progress):
    """Train without looking at the model on the way.

    Parameters
    ----------
    settings : GeographySettings
    seed : int
    backend : str
    progress : callable
        Takes how much there is to do and a label, returns a Progress.

    Returns
    -------
    Setup

    Raises
    ------
    TrainingDiverged
        If the training did.
    """
    setup = prepare(settings, seed, backend=backend)
    training = Training(setup, recorder=lambda setup, step, judged: Recording(step, {}, {}, {}))
    with progress(settings.steps, "training") as line:
        training.run(line)
    if not np.isfinite(setup.model.parameters.flat).all():  # by the last step, whose loss is from before it
        raise TrainingDiverged(settings.steps, training.loss)
    return setup


def save(path, setup, answerer):
    """Write a trained model and its landmarks, whole or not at all.

    Parameters
    ----------
    path : Path
    setup : Setup
        Trained.
    answerer : Answerer
        Of this model.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    landmarks, backend = answerer.landmarks, setup.model.operations.backend
    kept = Checkpoint(
        config=config_of(setup.settings, setup.seed) | {"data_digest": setup.dataset.digest()},
        step=setup.optimizer.steps,
        parameters=dict(setup.model.parameters),
        results={
            "questions": landmarks.questions,
            "most_tokens": landmarks.most_tokens,
            "places": [place.name for place in answerer.places],
        },
        result_arrays={"task": landmarks.task, "states": landmarks.states, "outside": landmarks.outside},
        environment=environment(backend),
    )
    save_checkpoint(path, kept)


def load(path, settings, seed, backend="auto"):
    """Read a file of `save`, and check all of it.

    Parameters
    ----------
    path : Path
    settings : GeographySettings
    seed : int
        Those that the model must have been trained with.
    backend : str
        What it is to compute with; see `Transformer`.

    Returns
    -------
    Answerer

    Raises
    ------
    CheckpointError
        If the file is damaged, or of another model.
    """
    checkpoint = load_checkpoint(path)
    require_same(config_of(settings, seed), checkpoint, path, "ask with the same ones, or name another file")
    table = load_places()
    dataset = SimpleNamespace(tokenizer=make_tokenizer(table), tasks=ATTRIBUTES)
    try:
        results, arrays = checkpoint.results, checkpoint.result_arrays
        landmarks = Landmarks(
            tuple(results["questions"]), arrays["task"], arrays["states"], arrays["outside"], results["most_tokens"]
        )
        names = set(results["places"])
        dataset.places = tuple(place for place in table if place.name in names)
        n_questions, parameters = len(landmarks.questions), checkpoint.parameters
        if landmarks.states.shape != (n_questions, settings.d_model) or landmarks.task.shape != (n_questions,):
            raise ValueError(f"states have shape {landmarks.states.shape}, tasks {landmarks.task.shape}")
        if landmarks.outside.shape[1:] != (settings.d_model,) or not len(landmarks.outside):
            raise ValueError(f"states of what is outside have shape {landmarks.outside.shape}")
        context_length = len(parameters["wpe.weight"])
        config = TransformerConfig(
            len(dataset.tokenizer), context_length, settings.d_model, settings.n_layers, settings.n_heads
        )
        model = Transformer(config, backend=backend)
        model.load_state_dict(parameters)
        return Answerer(model, settings.middle_layer, dataset, landmarks)
    except (KeyError, IndexError, TypeError, ValueError) as error:  # right checksums, but not from `save`
        raise CheckpointError(f"{path} is no model that answers questions: {error!r}") from error


def config_of(settings, seed):
    """Return what decides which model it is, plain: one of other settings, or of another table, is another."""
    table = load_places()
    words = [make_tokenizer(table).words, [[place.name, place.also, place.facts] for place in table]]
    return {**asdict(settings), "seed": seed, "table": _hash(words)}


def cache_path(settings, seed, backend):
    """Return the file that a model is kept in, named by all that decides it, this code included.

    Raises
    ------
    RuntimeError
        If the user has no home.
    """
    here = environment(choose_operations(backend, np.float32).backend)
    decides = [config_of(settings, seed), here["backend"], *(here[name] for name in DECIDING)]
    decides += [source.read_text(encoding="utf-8") for part in SOURCES for source in sorted(PACKAGE.glob(part))]
    return user_cache() / "minicluster" / f"{FILE_PREFIX}{_hash(decides)}.npz"


def _hash(data):
    return hashlib.sha256(json_text(data).encode()).hexdigest()[:16]


def _delete_old(current):
    with contextlib.suppress(OSError):  # another process may be deleting them, too
        others = [path for path in current.parent.glob(f"{FILE_PREFIX}*.npz") if path != current]
        for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT_MODELS:]:
            path.unlink()
