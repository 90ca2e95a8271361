"""Where kernels put their results: in fresh arrays, or in those that the last training step has left."""

import sys
import threading

import numpy as np

from ..alignment import aligned_array

KEPT_STEPS = 8  # for so many steps arrays wait for another request of their shape; lengths of sequences may vary


class Fresh:
    """Every result in an array of its own: what a caller may keep."""

    def empty(self, shape, dtype):
        """Return an array whose entries are still to be written."""
        return aligned_array(shape, dtype)

    def gradient_of(self, parameter):
        """Return an array for a parameter's gradient, its entries still to be written."""
        return aligned_array(parameter.shape, parameter.dtype)

    def new_gradients(self, parameters):
        """Return Parameters like `parameters` for all gradients together: zeros."""
        return parameters.zeros_like()


FRESH = Fresh()


class Workspace:
    """Memory that training steps use again and again; asking the system for it anew would cost each step time.

    An array is handed out again only after its last user has dropped it, so results are as safe as fresh ones, except
    for the gradients of parameters: these have their place in `gradients` at once, where they would be copied
    otherwise, and the next backward overwrites them.

    Parameters
    ----------
    parameters : Parameters
        The model's. Gradients are recognised by the array they belong to, not by a name.

    Attributes
    ----------
    gradients : Parameters
        The gradients of the last step.
    """

    def __init__(self, parameters):
        self.gradients = parameters.zeros_like()
        self._parameters = parameters  # kept, so that their identities stay taken
        self._gradient_of = {id(array): self.gradients[name] for name, array in parameters.items()}
        self._arrays = {}  # (shape, dtype) -> arrays, the one used last at the end
        self._last_use = {}  # (shape, dtype) -> the step in which one of them was asked for
        self._step = 0
        self._lock = threading.Lock()

    def empty(self, shape, dtype):
        """Return an array whose entries are still to be written."""
        with self._lock:
            arrays = self._arrays.setdefault((shape, dtype), [])
            self._last_use[shape, dtype] = self._step
            # From the end: what was used last is the likeliest to be in a cache still.
            for index in range(len(arrays) - 1, -1, -1):
                if _is_unused(arrays[index]):
                    arrays.append(arrays.pop(index))
                    break
            else:
                arrays.append(_Pooled(shape, dtype))
            return arrays[-1].array

    def gradient_of(self, parameter):
        """Return the place of a parameter's gradient, or for any other array an unwritten one of its shape."""
        place = self._gradient_of.get(id(parameter))
        return self.empty(parameter.shape, parameter.dtype) if place is None else place

    def new_gradients(self, parameters):
        """Return where `gradient_of` puts the gradients of these parameters, which must be the model's."""
        with self._lock:
            self._step += 1
            for kind in [kind for kind, step in self._last_use.items() if step < self._step - KEPT_STEPS]:
                del self._arrays[kind], self._last_use[kind]
        return self.gradients

    def __reduce__(self):
        return type(self), (self._parameters,)  # a copy of a model begins with an empty workspace


class _Pooled:
    """An array and the array of bytes that owns its memory, which all views of it keep alive."""

    __slots__ = ("array", "owner")

    def __init__(self, shape, dtype):
        self.array = aligned_array(shape, dtype)
        self.owner = self.array.base


def _references(pooled):
    return sys.getrefcount(pooled.array), sys.getrefcount(pooled.owner)


# An array that somebody still holds, or holds a view of, has more references than one that was just made.
UNUSED = _references(_Pooled((1,), np.float32))


def _is_unused(pooled):
    return _references(pooled) == UNUSED
