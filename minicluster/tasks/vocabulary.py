"""The tokens: what each id stands for."""

import numpy as np

PAD = "<pad>"
SEPARATOR = "<sep>"
END = "<end>"  # the answer is over


class Vocabulary:
    """A list of token names; a token's id is its place in the list.

    Parameters
    ----------
    names : sequence of str
        Each name once.

    Raises
    ------
    ValueError
        If a name occurs twice.
    """

    def __init__(self, names):
        self.names = tuple(names)
        self._ids = {name: token for token, name in enumerate(self.names)}
        if len(self._ids) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise ValueError(f"names has {twice!r} more than once, expected each name once")

    def __len__(self):
        return len(self.names)

    def encode(self, names):
        """Return the ids (len(names),) int64 of a sequence of token names; an unknown name is a ValueError."""
        unknown = [name for name in names if name not in self._ids]
        if unknown:
            raise ValueError(f"names has the unknown token {unknown[0]!r}")
        return np.array([self._ids[name] for name in names], np.int64)

    def decode(self, tokens):
        """Return the list of names for a sequence of ids."""
        return [self.names[token] for token in tokens]
