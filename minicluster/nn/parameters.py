"""Named arrays in one stretch of memory: a model's parameters, or their gradients."""

from collections.abc import MutableMapping

import numpy as np

from ..alignment import aligned_array


class Parameters(MutableMapping):
    """A mapping from names to arrays that are views into one flat array.

    Writing into a view, or assigning to a name, changes `flat`, and the other way round; no name can be
    added or deleted, and no shape changed.

    Parameters
    ----------
    shapes : dict from str to tuple of int
    dtype : NumPy dtype

    All entries are 0 at first.
    """

    def __init__(self, shapes, dtype):
        sizes = [int(np.prod(shape)) for shape in shapes.values()]
        self._flat = aligned_array((sum(sizes),), dtype)
        self._flat[:] = 0
        pieces = np.split(self._flat, np.cumsum(sizes)[:-1])  # views, not copies
        self._views = {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces)}
        self.shapes = {name: view.shape for name, view in self._views.items()}

    @property
    def flat(self):
        """All entries, in the order of the names: (total size,). Writing into it, or assigning, changes the arrays."""
        return self._flat

    @flat.setter
    def flat(self, values):
        """Copy `values` into the arrays."""
        self._flat[:] = values

    def zeros_like(self):
        """Return zeros of the same names, shapes and dtype, for gradients."""
        return Parameters(self.shapes, self.flat.dtype)

    def check(self, name, value):
        """Raise KeyError, ValueError or TypeError unless `value` can be assigned to `name`."""
        if name not in self._views:
            raise KeyError(f"no parameter is named {name!r}; the names are {', '.join(self._views)}")
        view, value = self._views[name], np.asarray(value)
        if value.shape != view.shape:
            raise ValueError(f"{name} has shape {value.shape}, expected {view.shape}")
        if not np.can_cast(value.dtype, view.dtype, "same_kind"):
            raise TypeError(f"{name} has dtype {value.dtype}, expected {view.dtype}")

    def __deepcopy__(self, memo):
        copy = self.zeros_like()  # entry by entry, the views of a copy would no longer be views
        copy.flat[:] = self.flat
        return copy

    def __reduce__(self):
        return _rebuild, (self.shapes, self.flat)

    def __getitem__(self, name):
        return self._views[name]

    def __setitem__(self, name, value):
        if name in self._views and value is self._views[name]:
            return  # written in place already
        self.check(name, value)
        self._views[name][...] = value

    def __delitem__(self, name):
        raise TypeError(f"{name} can't be deleted: a model needs all its parameters")

    def __iter__(self):
        return iter(self._views)

    def __len__(self):
        return len(self._views)

    def __repr__(self):
        return f"Parameters({len(self)} arrays, {self.flat.size} entries, {self.flat.dtype})"


def _rebuild(shapes, flat):
    parameters = Parameters(shapes, flat.dtype)
    parameters.flat[:] = flat
    return parameters
