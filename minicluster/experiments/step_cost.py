"""What a step of a shaped training costs, against a plain one."""

import time
from dataclasses import replace

import numpy as np

from ..nn import warmup_cosine
from ..training import training_steps
from .run import Training, prepare

TIMED_STEPS = 40


def step_cost(settings, seed, backend):
    """Time a training's steps and plain ones, in turns; return the median of their ratios.

    Parameters
    ----------
    settings : ShapedSettings
    seed : int
    backend : str
        See `Transformer`.

    Returns
    -------
    float
        1 for the plain training. If only the first steps minimise another loss, the mean over the whole training, the
        others counting 1.
    """
    if settings.shaping is None and not settings.bottleneck:
        return 1.0
    own = replace(settings, shaping_steps=TIMED_STEPS + 1 if settings.shaping_steps else 0)
    under_way = [_steps_of(other, seed, backend) for other in (own, replace(own, shaping=None, bottleneck=False))]
    seconds = np.empty((TIMED_STEPS + 1, len(under_way)))
    for timed in seconds:
        for place, steps in enumerate(under_way):
            began = time.perf_counter()
            next(steps)
            timed[place] = time.perf_counter() - began
    shaped, plain = seconds[1:].T  # the first one makes the memory that the others use again
    share = settings.shaping_steps / settings.steps if settings.shaping_steps else 1
    return float(1 + share * (np.median(shaped / plain) - 1))


def _steps_of(settings, seed, backend):
    """Return the steps of a new training, which is to be thrown away."""
    setup = prepare(settings, seed, backend=backend)
    training = Training(setup)
    return training_steps(
        setup.model,
        setup.optimizer,
        setup.dataset.train,
        TIMED_STEPS + 1,
        training.batches,
        learning_rate=lambda step: warmup_cosine(step, TIMED_STEPS + 1, settings.lr, 0),
        objective_of=training.objective_of,
    )
