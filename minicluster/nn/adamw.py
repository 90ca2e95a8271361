"""AdamW, gradient clipping, and the learning rate's warm-up and cosine decay."""

import math
from collections.abc import Sequence

import numpy as np

from ..checks import check_max_norm
from .parameters import Parameters


class AdamW:
    """Adam with decoupled weight decay.

    Each entry moves by about `lr` in the direction of its mean gradient, whatever the gradient's size,
    because the mean is divided by the root mean square. Decay shrinks matrices only: a bias or a
    LayerNorm scale that shrinks towards 0 gains nothing.

    Parameters
    ----------
    parameters : mapping from names to arrays
        Changed in place by `step`.
    lr : float
        Learning rate; may be set anew at any time.
    betas : (float, float)
        How much of the running means of the gradient and of its square a step keeps, each in [0, 1).
    eps : float
        Added to the root mean square, so that an entry without gradient is not divided by 0.
    weight_decay : float
        A step multiplies matrices by 1 - lr * weight_decay.

    Raises
    ------
    ValueError
        If a setting is out of its range.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
    """

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        _require_at_least_0("lr", lr)
        _require_at_least_0("weight_decay", weight_decay)
        if not eps > 0:
            raise ValueError(f"eps = {eps}, expected a number above 0")
        if not isinstance(betas, Sequence) or len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas = {betas}, expected two numbers from 0 up to, not including, 1")
        self.parameters = parameters
        self.lr = lr
        self.betas = tuple(betas)
        self.eps = eps
        self.weight_decay = weight_decay
        self.steps = 0
        self.mean, self.mean_square = _zeros_like(parameters), _zeros_like(parameters)

    def step(self, gradients, lr=None):
        """Move the parameters one step against the gradients.

        Parameters
        ----------
        gradients : mapping
            One array for each parameter, of its shape.
        lr : float, optional
            For this step only; by default `self.lr`.

        Raises
        ------
        ValueError, TypeError
            If a gradient is missing, has no parameter or the wrong shape or dtype. Nothing has changed then.
        """
        lr, correction1, correction2 = self.begin_step(gradients, lr)
        beta1, beta2 = self.betas
        for name, parameter in self.parameters.items():
            gradient, mean, mean_square = gradients[name], self.mean[name], self.mean_square[name]
            mean *= beta1
            mean += (1 - beta1) * gradient
            mean_square *= beta2
            mean_square += (1 - beta2) * gradient * gradient
            if parameter.ndim >= 2:
                parameter *= 1 - lr * self.weight_decay
            parameter -= (lr / correction1) * mean / (np.sqrt(mean_square / correction2) + self.eps)

    def begin_step(self, gradients, lr=None):
        """Check a step's arguments and count the step; `step` does the rest.

        Parameters
        ----------
        gradients, lr
            As in `step`.

        Returns
        -------
        lr : float
        correction1, correction2 : float
            The running means start at 0 and are too small at first, by exactly these factors.
        """
        lr = self.lr if lr is None else lr
        _require_at_least_0("lr", lr)
        self._check(gradients)
        self.steps += 1
        correction1 = 1 - self.betas[0] ** self.steps
        correction2 = 1 - self.betas[1] ** self.steps
        return lr, correction1, correction2

    def _check(self, gradients):
        if isinstance(gradients, Parameters) and isinstance(self.parameters, Parameters):
            if gradients.shapes == self.parameters.shapes and gradients.flat.dtype == self.parameters.flat.dtype:
                return  # all at once; what follows is for other mappings, and to say what doesn't fit
        if gradients.keys() != self.parameters.keys():
            odd = sorted(gradients.keys() ^ self.parameters.keys())
            raise ValueError(f"gradients and parameters differ in {', '.join(odd)}, expected the same names")
        for name, parameter in self.parameters.items():
            if gradients[name].shape != parameter.shape:
                raise ValueError(f"gradients[{name!r}] has shape {gradients[name].shape}, expected {parameter.shape}")
            if not np.can_cast(gradients[name].dtype, parameter.dtype, "same_kind"):
                raise TypeError(f"gradients[{name!r}] has dtype {gradients[name].dtype}, expected {parameter.dtype}")


def clip_and_update(optimizer, gradients, max_norm):
    """Clip the gradients and move the parameters.

    Parameters
    ----------
    optimizer : AdamW
    gradients : mapping
        As in `AdamW.step`; may be changed.
    max_norm : float
        See `clip_gradients`.

    Returns
    -------
    norm : float
        Before clipping. If it is not finite, nothing was updated.
    """
    norm = clip_gradients(gradients, max_norm)
    if math.isfinite(norm):
        optimizer.step(gradients)
    return norm


def clip_gradients(gradients, max_norm):
    """Scale all gradients, in place, so that their common norm is at most `max_norm`.

    Parameters
    ----------
    gradients : mapping from names to arrays
    max_norm : float
        Above 0.

    Returns
    -------
    norm : float
        The Euclidean norm of all entries together, before clipping.

    Source: Pascanu et al. 2013, arXiv:1211.5063, algorithm 1.
    """
    check_max_norm(max_norm)
    norm = gradient_norm(gradients)
    if norm > max_norm:
        for gradient in gradients.values():
            gradient *= max_norm / norm
    return norm


def gradient_norm(gradients):
    """Return the Euclidean norm of all entries together: a float.

    Parameters
    ----------
    gradients : mapping from names to arrays
    """
    return math.sqrt(sum(float(np.vdot(gradient, gradient).real) for gradient in gradients.values()))


def warmup_cosine(step, steps, lr, warmup, final=0.1):
    """Learning rate at a step: a straight rise to `lr`, then half a cosine wave down to `final * lr`.

    Parameters
    ----------
    step : int
        From 0 to steps - 1.
    steps : int
        Length of the whole training.
    lr : float
        The highest rate, reached at step `warmup`.
    warmup : int
        Steps of the rise; the first step has the rate lr / (warmup + 1), not 0.
    final : float
        The last rate, as a share of `lr`.

    Returns
    -------
    float
    """
    if step < warmup:
        return lr * (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, steps - 1 - warmup)  # 0 to 1
    return lr * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))


def _zeros_like(parameters):
    if isinstance(parameters, Parameters):
        return parameters.zeros_like()
    return {name: np.zeros_like(array) for name, array in parameters.items()}


def _require_at_least_0(name, value):
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} = {value}, expected a number of at least 0")
