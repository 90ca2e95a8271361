"""A model of which is known where it keeps the task, and which state it reads the answer from."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from minicluster.experiments import prepare
from minicluster.experiments.trial import Trained, one_row_a_string
from minicluster.tasks.vocabulary import SEPARATOR
from minicluster.training import Recording

N_LAYERS = 2
WIDTH = 400  # so wide that a step in a random direction changes no single channel by much
SIZE = 10.0  # of a channel that is on


class Reader:
    """A model of two blocks that is no network.

    The embedding turns a channel on for each token, the same for every separator. Block 1 looks up the place of the
    string that the letters make, and turns that task's channel on at the separator. Block 2 turns the answer's channel
    on at the input token, for the task that it finds at the separator, or, if `reads` is "letters", for the place of
    the string that the letters make.

    Parameters
    ----------
    dataset : InstructionDataset
    place : function from str to int, optional
        The task that a string is taken for; by default its own.
    reads : "separator" or "letters"
    """

    def __init__(self, dataset, place=None, reads="separator"):
        self.dataset, self.reads = dataset, reads
        self.place = place or self.task_of
        self.config = SimpleNamespace(n_layers=N_LAYERS)
        self.names = dataset.vocabulary.names
        self.answers = len(self.names)  # the first of the channels for answers
        self.tasks = 2 * len(self.names)  # the first of the channels for tasks
        assert self.tasks + dataset.n_tasks < WIDTH
        self.separator = self.names.index(SEPARATOR)
        self.known = {}

    def task_of(self, string):
        """The task whose pattern makes the string: one, since patterns are exclusive."""
        if string not in self.known:
            (self.known[string],) = (
                number // self.dataset.n_distributions
                for number, pattern in enumerate(self.dataset.patterns)
                if pattern.matches(string)
            )
        return self.known[string]

    def hidden_states(self, tokens, start=None):
        streams = [SIZE * np.eye(WIDTH)[tokens]]  # (B, T, C)
        for block in range(N_LAYERS):
            streams.append(self._block(block, streams[-1]))
        return np.stack(streams)

    def logits_from(self, x, layer, start=None, between=None):
        for block in range(layer, N_LAYERS):
            x = self._block(block, x)
            if between is not None:
                x = between(block + 1, x)
        return x[..., self.answers : self.tasks]  # (B, T, V)

    def _block(self, block, x):
        x = x.copy()
        for row in x:  # (T, C)
            tokens = row[:, : self.answers].argmax(axis=1)  # (T,)
            at = int(np.flatnonzero(tokens == self.separator)[0])
            string = "".join(self.names[token] for token in tokens[:at])
            if block == 0:
                row[at, self.tasks :] = 0
                row[at, self.tasks + self.place(string)] = SIZE
                continue
            found = int(row[at, self.tasks : self.tasks + self.dataset.n_tasks].argmax())
            task = found if self.reads == "separator" else self.place(string)
            answer = self.dataset.outputs[task, int(self.names[tokens[at + 1]][1:])]
            row[at + 1, self.answers + answer] = SIZE
        return x


def reading(settings, place=None, reads="separator", seed=0):
    """Return a Trained whose model is a Reader, and whose untrained states are noise."""
    setup, rng = prepare(settings, seed, backend="numpy"), np.random.default_rng(seed)
    model = Reader(setup.dataset, place, reads)
    setup = replace(setup, model=model)
    strings = {name: one_row_a_string(setup.dataset.splits[name], rng) for name in ("train", "unseen_instruction")}
    trained, untrained = {}, {}
    for name, rows in strings.items():
        states = model.hidden_states(rows.tokens)
        trained[name] = states[:, np.arange(len(rows)), rows.separator]  # (L + 1, strings, C)
        untrained[name] = rng.standard_normal(trained[name].shape)
    right = dict.fromkeys(setup.dataset.splits, 1.0)
    recordings = [Recording(step, right, right, states) for step, states in ((0, untrained), (6, trained))]
    return Trained(setup, recordings, strings)
