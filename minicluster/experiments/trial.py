"""One training for one or more experiments, and what each of them measures of it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from ..files import OutputError, json_text, write_text
from ..nn.operations import choose_operations
from ..training import Progress, Recording, hidden_states_at
from .environment import environment
from .job import DECIDING
from .run import Setup, Training, prepare, record
from .settings import TrainingSettings

INPUT_STREAM = 4  # of random numbers: which input a string is recorded with


@dataclass(frozen=True)
class Trained:
    """A training that is over.

    Attributes
    ----------
    setup : Setup
        With the trained model.
    recordings : list of Recording
        The first of the untrained model. `states` also has `train_input` and `unseen_instruction_input`: those of the
        input, where the answer is read (see `Split.asked`), of the same rows.
    strings : dict from split name to Split
        One row a unique string, in the order of the recorded states; see `one_row_a_string`.
    pictured : bool
        Whether what is drawn of one training only is to be of this one.
    """

    setup: Setup
    recordings: list
    strings: dict
    pictured: bool = False

    @property
    def settings(self):
        """The setup's TrainingSettings."""
        return self.setup.settings

    @property
    def dataset(self):
        """The setup's Dataset."""
        return self.setup.dataset

    @property
    def model(self):
        """The trained Transformer."""
        return self.setup.model

    def centroids(self, layer):
        """Return the mean of each task's training strings at the separator: (tasks, C), of the trained model."""
        states = self.recordings[-1].states["train"][layer]  # (strings, C)
        tasks = range(self.dataset.n_tasks)
        return np.stack([states[self.strings["train"].task == task].mean(axis=0) for task in tasks])


@dataclass(frozen=True)
class Trial:
    """A training that experiments wait for.

    Attributes
    ----------
    settings : TrainingSettings
    seed : int
        Of data, initial weights and order.
    backend : str
        See `Transformer`.
    wanted : tuple of (str, str)
        Experiment and the name that it gives to this training.
    pictured : bool
        See `Trained`.
    folder : Path or None
        Where what was measured is kept, so that a command that was stopped can go on.
    resume : bool
        Whether what is there already is taken instead of training anew.
    """

    settings: TrainingSettings
    seed: int
    backend: str
    wanted: tuple
    pictured: bool = False
    folder: Path | None = None
    resume: bool = False

    @property
    def path(self):
        """The file that what was measured is kept in, named by all that decides the numbers, this code included."""
        here = environment(choose_operations(self.backend, np.float32).backend)
        decides = [asdict(self.settings), self.seed, self.wanted, self.pictured, here["backend"]]
        decides += [here[name] for name in DECIDING]
        decides += [source.read_text(encoding="utf-8") for source in sorted(Path(__file__).parent.glob("*.py"))]
        return self.folder / f"trial_{hashlib.sha256(json_text(decides).encode()).hexdigest()[:16]}.json"

    def run(self, progress=Progress):
        """Train and measure.

        Parameters
        ----------
        progress : callable
            Takes how much there is to do and a label, returns a Progress.

        Returns
        -------
        measured : dict from (experiment, name) to dict
            Plain numbers, ready for JSON.
        environment : dict

        Raises
        ------
        TrainingDiverged
            If the training did.
        """
        if self.resume and (kept := self._kept()) is not None:
            return kept
        trained = train(self.settings, self.seed, self.backend, progress, pictured=self.pictured)
        measured = {}
        with progress(len(self.wanted), f"seed {self.seed}: measuring") as line:
            for done, (experiment, name) in enumerate(self.wanted, start=1):
                module = import_module(f".{experiment}", __package__)
                measured[experiment, name] = module.measure(trained)
                line.update(done)
            found = environment(trained.model.operations.backend)
            if self.folder is not None:
                try:
                    write_text(self.path, json_text([[[*key, own] for key, own in measured.items()], found]))
                except OutputError as error:  # costs no more than that it can't be gone on from
                    line.note(f"minicluster: {error}")
        return measured, found

    def _kept(self):
        """Return what was kept of this very trial, or None."""
        try:
            measured, found = json.loads(self.path.read_text(encoding="utf-8"))
            return {(experiment, name): own for experiment, name, own in measured}, found
        except (OSError, ValueError, TypeError):  # nothing, or nothing whole
            return None


def train(settings, seed, backend="auto", progress=Progress, *, pictured=False):
    """Train, recording separator and input.

    Parameters
    ----------
    settings : TrainingSettings
    seed : int
    backend : str
    progress : callable
        Takes how much there is to do and a label, returns a Progress.
    pictured : bool
        See `Trained`.

    Returns
    -------
    Trained

    Raises
    ------
    TrainingDiverged
        If the training did.
    """
    setup = prepare(settings, seed, backend=backend)
    rng = np.random.default_rng([seed, INPUT_STREAM])
    strings = {name: one_row_a_string(setup.dataset.splits[name], rng) for name in ("train", "unseen_instruction")}

    def recorder(setup, step, judged):
        seen = record(setup, step, judged, states_of=())
        states = {}
        for name, rows in strings.items():
            both = np.stack([rows.separator, rows.asked], axis=1)  # (strings, 2)
            with np.errstate(all="ignore"):  # a model that diverged is told by its loss, once
                found = hidden_states_at(setup.model, rows.tokens, both, rows.start)  # (L + 1, strings, 2, C)
            states[name], states[f"{name}_input"] = found[:, :, 0].copy(), found[:, :, 1].copy()
        return Recording(step, seen.loss, seen.accuracy, states)

    training = Training(setup, recorder=recorder)
    with progress(settings.steps, f"seed {seed}: training") as line:
        training.run(line)
    return Trained(setup, training.recordings, strings, pictured)


def one_row_a_string(split, rng):
    """Return, for each different instruction, one of its rows at random, so that inputs are mixed.

    Parameters
    ----------
    split : Split
    rng : np.random.Generator

    Returns
    -------
    Split
        In the order in which the instructions first occur.
    """
    shuffled = rng.permutation(len(split))
    of_string = {}
    for row in shuffled:
        of_string.setdefault(split.instruction[row], row)
    return split[np.array([of_string[string] for string in split.instruction[split.unique_instructions()]])]
