"""Hidden states for people with tools of their own."""

import numpy as np

from ..files import whole_file
from ..training import hidden_states_at
from .measure import cluster
from .run import prepare, unique_strings

SPLITS = ("train", "unseen_instruction")


def hidden_states(job, checkpoint):
    """Return what a trained model has inside, with labels, as arrays.

    Parameters
    ----------
    job : Job
    checkpoint : Checkpoint
        Finished, of that job.

    Returns
    -------
    dict from str to array
        For SPLIT = train and unseen_instruction, a row for each of its n unique strings:

        - `SPLIT_states` (L + 1, n, C) float32: at the separator; index 0 is the embedding output, l the stream after
          block l
        - `SPLIT_strings` (n,) str: the instructions
        - `SPLIT_task`, `SPLIT_distribution` (n,) int64: what they belong to
        - `SPLIT_cluster` (L + 1, n) int64: of k-means on the training strings, as `reproduce` scores it; unseen
          strings are assigned to these

        and `patterns` (distributions,) str, `seed`, `data_seed` and `step`: () int64.
    """
    setup = prepare(job.settings, job.seed, job.data_seed, job.backend)
    for name, array in checkpoint.parameters.items():
        setup.model.parameters[name] = array
    arrays = {
        "patterns": np.array([pattern.text for pattern in setup.dataset.patterns]),
        **{name: np.int64(value) for name, value in (("seed", job.seed), ("data_seed", job.data_seed))},
        "step": np.int64(checkpoint.step),
    }
    states = {}
    for name in SPLITS:
        strings = unique_strings(setup.dataset.splits[name])
        states[name] = hidden_states_at(setup.model, strings.tokens, strings.separator)  # (L + 1, n, C)
        arrays |= {
            f"{name}_states": states[name],
            f"{name}_strings": np.array(strings.instruction),
            f"{name}_task": np.asarray(strings.task, np.int64),
            f"{name}_distribution": np.asarray(strings.distribution, np.int64),
        }
    labels = [cluster(setup, *pair) for pair in zip(*(states[name] for name in SPLITS))]  # L + 1 pairs of (n,)
    for split, name in enumerate(SPLITS):
        arrays[f"{name}_cluster"] = np.array([pair[split] for pair in labels], np.int64)
    return arrays


def write_hidden_states(path, arrays):
    """Write arrays to an npz file, whole or not at all; numpy.load reads it without pickles."""
    with whole_file(path) as file:
        np.savez(file, **arrays)
