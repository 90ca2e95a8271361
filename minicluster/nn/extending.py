"""More tokens for a model that is trained already."""

from dataclasses import replace

from ..checks import check_whole_number
from .transformer import Transformer

BY_TOKEN = ("wte.weight", "lm_head.weight")  # the parameters with a row for each token


def extend_vocabulary(model, n=1):
    """Return a model that knows n more tokens and is otherwise the same.

    Each new row of the token embedding, and of the output head where that is another matrix, is the mean of the rows
    that were there: the new token's logit is then the mean of all others, so that it is never the likeliest before
    anything was learned, and its row is of a size that the model is used to.

    Parameters
    ----------
    model : Transformer
        It stays as it is.
    n : int
        How many tokens, at least 1. They come last: V to V + n - 1.

    Returns
    -------
    Transformer
        With parameters of its own, of the same dtype, and the same backend. The states inside it are the model's, and
        so are the logits of all V tokens (up to roundings, as a library may sum in another order where a matrix is
        wider).

    Raises
    ------
    ValueError, TypeError
        If `n` is too small, or no whole number.
    """
    check_whole_number("n", n, 1)
    config = replace(model.config, vocab_size=model.config.vocab_size + n)
    extended = Transformer(config, dtype=model.dtype, backend=model.operations.backend)
    for name, old in model.parameters.items():
        new = extended.parameters[name]
        if name in BY_TOKEN:  # (V, C) -> (V + n, C)
            new[:-n], new[-n:] = old, old.mean(axis=0)
        else:
            new[...] = old
    return extended
