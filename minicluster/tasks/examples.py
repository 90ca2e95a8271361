"""Encoded examples: what the model reads, and what is known of each row."""

import hashlib
from dataclasses import dataclass

import numpy as np

from .vocabulary import PAD, SEPARATOR


@dataclass(frozen=True)
class Split:
    """Encoded examples, one a row; n rows, T tokens.

    Attributes
    ----------
    tokens : (n, T) int64
        Instruction, separator, input, then padding; where an answer has several tokens, it stands before the padding.
    targets : (n, T) int64
        The token that follows each position. After the input that is the output.
    mask : (n, T) bool
        True at the positions whose predictions are trained and judged: the input's, and further ones where an answer
        has several tokens.
    task, distribution, input : (n,) int64
        Numbers of the task, of the pattern (counted through over all tasks) and of the input.
    instruction : (n,) array of str
    separator : (n,) int64
        The separator's position; what comes next is the input, unless that stands in the instruction.
    start : (n, T) int64
        The first position that each position sees; see `Transformer.forward`. 0, but for the input's in a bottleneck.
    """

    tokens: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    task: np.ndarray
    distribution: np.ndarray
    input: np.ndarray
    instruction: np.ndarray
    separator: np.ndarray
    start: np.ndarray

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, rows):
        """Return the split of the chosen rows (a slice, indices or a bool mask)."""
        return Split(*(array[rows] for array in vars(self).values()))

    @property
    def asked(self):
        """The position (n,) that the answer, or its first token, is read from: the last token before it."""
        return self.mask.argmax(axis=1)

    @property
    def lengths(self):
        """How many tokens (n,) of each row are read, the last one trained included."""
        return self.mask.shape[1] - self.mask[:, ::-1].argmax(axis=1)

    def unique_instructions(self):
        """Return the row (strings,) at which each different instruction occurs first, in the order of rows.

        Up to the separator, rows with one instruction are copies of one another, hidden states included.
        """
        _, first = np.unique(self.instruction, return_index=True)
        return np.sort(first)


@dataclass(frozen=True)
class Dataset:
    """Three splits of encoded examples. What they were made from is added by the data sets of each kind.

    Attributes
    ----------
    train, unseen_instruction, unseen_combination : Split
    """

    train: Split
    unseen_instruction: Split
    unseen_combination: Split

    @property
    def splits(self):
        """The three splits by name."""
        names = ("train", "unseen_instruction", "unseen_combination")
        return {name: getattr(self, name) for name in names}

    @property
    def context_length(self):
        """T, the length that all sequences are padded to."""
        return self.train.tokens.shape[1]

    def digest(self):
        """Return a SHA-256 in hexadecimal of every split's tokens and targets, to tell whether data is the same."""
        sha = hashlib.sha256()
        for split in self.splits.values():
            for array in (split.tokens, split.targets):
                sha.update(array.astype("<i8").tobytes())  # little-endian on every machine
        return sha.hexdigest()


def encode_examples(examples, outputs, vocabulary, T, bottleneck=False):
    """Return the Split for a list of examples.

    Parameters
    ----------
    examples : list of (string, task, distribution, input)
    outputs : (n_tasks, n_inputs) int64
        The token that each task answers to each input.
    vocabulary : Vocabulary
    T : int
        The length that all are padded to.
    bottleneck : bool
        Whether the input's position sees the separator and itself only.

    Returns
    -------
    Split
    """
    n = len(examples)
    strings = np.array([string for string, *_ in examples], str)
    task, distribution, x = np.array([numbers for _, *numbers in examples], np.int64).reshape(n, 3).T
    separator = np.array([len(string) for string in strings], np.int64)
    tokens = np.full((n, T + 1), vocabulary.encode([PAD])[0])  # one more column, for the last output
    for row, string in enumerate(strings):
        names = [*string, SEPARATOR, f"x{x[row]}"]
        tokens[row, : len(names)] = vocabulary.encode(names)
    inputs = tokens[:, :-1].copy()  # (n, T); the outputs are never part of the input
    tokens[np.arange(n), separator + 2] = outputs[task, x]
    mask = np.arange(T) == separator[:, None] + 1  # (n, T)
    start = np.where(mask & bottleneck, separator[:, None], 0)  # (n, T)
    return Split(inputs, tokens[:, 1:].copy(), mask, task, distribution, x, strings, separator, start)
