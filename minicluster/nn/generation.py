"""Writing on after a prompt: the model predicts one token, reads it with all that stands before it, and so on."""

from numbers import Real

import numpy as np

from ..checks import check_tokens, check_whole_number


def write_on(model, tokens, max_new_tokens, temperature, seed, end):
    """Do what `Transformer.generate` says, with the same arguments."""
    tokens, config = np.asarray(tokens), model.config
    if tokens.ndim not in (1, 2) or 0 in tokens.shape:
        raise ValueError(f"tokens has shape {tokens.shape}, expected (T,) or (B, T), all at least 1")
    prompts = check_tokens(np.atleast_2d(tokens), config.vocab_size, config.context_length)  # (B, T)
    _check_options(prompts.shape[1], max_new_tokens, temperature, seed, end, config)

    B, T = prompts.shape
    written = np.empty((B, T + max_new_tokens), np.int64)
    written[:, :T] = prompts
    # A row has a stream of its own, so that it does not matter what the others hold, nor how many come after it.
    uniform = np.stack([rng.random(max_new_tokens) for rng in np.random.default_rng(seed).spawn(B)])  # (B, n)
    length, ended = T, np.zeros(B, bool)
    while length < written.shape[1] and not ended.all():
        logits = model.forward(written[:, :length])[0][:, -1].real  # (B, T, V) -> (B, V)
        chosen = choose_tokens(logits, temperature, uniform[:, length - T])  # (B,)
        if end is not None:
            chosen[ended] = end
            ended |= chosen == end
        written[:, length] = chosen
        length += 1
    written = written[:, :length].copy()  # without what stayed empty
    return written if tokens.ndim == 2 else written[0]


def choose_tokens(logits, temperature, uniform):
    """Choose one token a row: the likeliest, or one drawn from softmax(logits / temperature).

    Parameters
    ----------
    logits : (B, V) array of floats
    temperature : float
        0 for the likeliest token, of equally likely ones the first; infinite for each token equally often.
    uniform : (B,) float64
        Numbers from 0 to below 1, drawn uniformly: they decide which token it is. Not read at temperature 0.

    Returns
    -------
    (B,) int64

    Raises
    ------
    ArithmeticError
        If a logit is NaN or infinite: then no token is the likeliest.
    """
    if not np.isfinite(logits).all():
        raise ArithmeticError("logits are NaN or infinite, expected numbers: the model's parameters are broken")
    if temperature == 0:
        return logits.argmax(axis=-1).astype(np.int64)
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)  # (B, V); the likeliest has 0
    with np.errstate(over="ignore"):  # divided by next to nothing it is -inf, and exp makes the right 0 of it
        cumulative = np.exp(shifted / temperature).cumsum(axis=-1)  # (B, V)
    # The token whose share of the whole, from 0 to cumulative[-1], holds the point. The product stays below the whole
    # however it is rounded, and a token of probability 0 has no share.
    point = uniform[:, None] * cumulative[:, -1:]  # (B, 1)
    return (cumulative <= point).sum(axis=-1, dtype=np.int64)


def _check_options(T, max_new_tokens, temperature, seed, end, config):
    check_whole_number("max_new_tokens", max_new_tokens, 0)
    if T + max_new_tokens > config.context_length:
        raise ValueError(
            f"max_new_tokens = {max_new_tokens} after a prompt of T = {T} tokens, "
            f"expected at most {config.context_length - T}: the context length is {config.context_length}"
        )
    if not isinstance(temperature, Real):
        raise TypeError(f"temperature = {temperature!r}, expected a number")
    if not temperature >= 0:
        raise ValueError(f"temperature = {temperature}, expected a number of at least 0")
    check_whole_number("seed", seed, 0)
    if end is not None:
        check_whole_number("end", end, 0)
        if end >= config.vocab_size:
            raise ValueError(f"end = {end}, expected 0 to {config.vocab_size - 1}")
