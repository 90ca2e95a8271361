"""The order in which a training sees its examples."""

import numpy as np

from ..checks import check_whole_number

POOLED = 16  # batches whose rows are sorted by length together


class ShuffledBatches:
    """Row numbers for ever, a batch at a time: each epoch is a new shuffle, each row once an epoch.

    An epoch's last rows, too few for a batch, begin the next batch, which the next epoch fills up.

        rows = next(batches)  # (batch_size,)

    Parameters
    ----------
    n : int
        Rows of the data, at least 1.
    batch_size : int
        B, at least 1.
    seed : int or sequence of int
    lengths : (n,) integers, optional
        Of the rows. With them, rows of like length come together, so that little of a batch is padding: the shuffled
        rows of every 16 batches are sorted by length and cut into batches, and these are shuffled. By default a batch
        has any rows.

    Raises
    ------
    ValueError, TypeError
        If a number is too small, or none, or there is not a length for each row.
    """

    def __init__(self, n, batch_size, seed, lengths=None):
        check_whole_number("n", n, 1)
        check_whole_number("batch_size", batch_size, 1)
        self.n, self.batch_size = n, batch_size
        self.lengths = None if lengths is None else np.asarray(lengths)
        if lengths is not None and self.lengths.shape != (n,):
            raise ValueError(f"lengths has shape {self.lengths.shape}, expected ({n},), a length for each row")
        self.generator = np.random.Generator(np.random.PCG64(seed))
        self.waiting = np.empty(0, np.int64)  # rows that are shuffled already

    def __iter__(self):
        return self

    def __next__(self):
        while len(self.waiting) < self.batch_size:
            self.waiting = np.concatenate([self.waiting, self._epoch()])
        rows, self.waiting = self.waiting[: self.batch_size], self.waiting[self.batch_size :]
        return rows

    def _epoch(self):
        """Return all rows in a new order: (n,)."""
        rows = self.generator.permutation(self.n)
        if self.lengths is None:
            return rows
        batches = []
        for first in range(0, self.n, POOLED * self.batch_size):
            pool = rows[first : first + POOLED * self.batch_size]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            full, rest = divmod(len(pool), self.batch_size)
            last = pool[len(pool) - rest :]  # only the last pool has such rows, which make no whole batch
            pool = pool[: len(pool) - rest].reshape(full, self.batch_size)
            batches += [*pool[self.generator.permutation(full)], last]
        return np.concatenate(batches)

    @property
    def state(self):
        """All that decides the batches to come: (the generator's state as plain JSON, `waiting` (any,) int64)."""
        return self.generator.bit_generator.state, self.waiting.copy()

    @state.setter
    def state(self, state):
        """Go on where the batches were that had this state.

        Raises
        ------
        ValueError
            If it is not a state of batches of so many rows.
        """
        generator, waiting = state
        if waiting.dtype != np.int64 or waiting.ndim != 1 or not ((0 <= waiting) & (waiting < self.n)).all():
            raise ValueError(f"waiting rows are not numbers from 0 to {self.n - 1}")
        try:
            self.generator.bit_generator.state = generator
        except (TypeError, KeyError, ValueError, OverflowError) as error:
            raise ValueError("the state of its random generator is not one of PCG64") from error
        self.waiting = waiting.copy()


class PairedBatches:
    """Row numbers for ever, in pairs that mean the same: row i of a batch's first half and row i of its second.

        rows = next(batches)  # (batch_size,)

    Parameters
    ----------
    batches : iterator
        Gives the first half's row numbers, such as `ShuffledBatches` of half the size.
    partners : list of integer arrays
        For each row of the data, those that may stand opposite; one of them is drawn.
    seed : int or sequence of int
    """

    def __init__(self, batches, partners, seed):
        self.batches, self.partners = batches, partners
        self.generator = np.random.default_rng(seed)

    def __iter__(self):
        return self

    def __next__(self):
        rows = next(self.batches)
        opposite = [self.generator.choice(self.partners[row]) for row in rows]
        return np.concatenate([rows, opposite])
