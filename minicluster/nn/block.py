"""A Transformer block: attention, then the MLP, each reading a normalised copy of the residual stream."""


def block_forward(x, parameters, n_heads, operations, start=None):
    """Add to the residual stream what attention and what the MLP have to say.

    Parameters
    ----------
    x : (B, T, C) array
        The residual stream.
    parameters : mapping
        The block's arrays under GPT-2's names without the block's prefix: `ln_1.weight`, `attn.c_attn.weight`, ...
    n_heads : int
    operations : namespace
        Layer functions, from `choose_operations`.
    start : (B, T) integers, optional
        See `attention_forward`.

    Returns
    -------
    x : (B, T, C) array
        A new array.
    cache : tuple
        What `block_backward` needs.
    """
    p = parameters
    normed, ln_1 = operations.layernorm_forward(x, p["ln_1.weight"], p["ln_1.bias"])
    qkv, c_attn = operations.linear_forward(normed, p["attn.c_attn.weight"], p["attn.c_attn.bias"])  # (B, T, 3C)
    mixed, attention = operations.attention_forward(qkv, n_heads, start)  # (B, T, C)
    # x + c_proj(mixed); the layer adds the residual stream itself, which saves a pass over it
    x, c_proj = operations.linear_forward(mixed, p["attn.c_proj.weight"], p["attn.c_proj.bias"], residual=x)

    normed, ln_2 = operations.layernorm_forward(x, p["ln_2.weight"], p["ln_2.bias"])
    mlp_parameters = (p["mlp.c_fc.weight"], p["mlp.c_fc.bias"], p["mlp.c_proj.weight"], p["mlp.c_proj.bias"])
    x, mlp = operations.mlp_forward(normed, *mlp_parameters, residual=x)  # x + mlp(normed)
    return x, (ln_1, c_attn, attention, c_proj, ln_2, mlp)


def block_backward(dx, cache, operations):
    """Gradients of a block. Where the stream forks into two paths, their gradients meet and add up.

    Parameters
    ----------
    dx : (B, T, C) array
        Gradient at the block's end.
    cache : tuple
        From `block_forward`.
    operations : namespace
        The same as in the forward.

    Returns
    -------
    dict
        `x` (B, T, C) and one gradient for each of the block's parameters, under the same names.
    """
    ln_1_cache, c_attn_cache, attention_cache, c_proj_cache, ln_2_cache, mlp_cache = cache

    # forward: x = x + mlp(layernorm(x))
    mlp = operations.mlp_backward(dx, mlp_cache)
    ln_2 = operations.layernorm_backward(mlp["x"], ln_2_cache, residual=dx)
    dx = ln_2["x"]  # the sum of the straight path and the path through the MLP

    # forward: x = x + c_proj(attention(c_attn(layernorm(x))))
    c_proj = operations.linear_backward(dx, c_proj_cache)
    attention = operations.attention_backward(c_proj["x"], attention_cache)
    c_attn = operations.linear_backward(attention["qkv"], c_attn_cache)
    ln_1 = operations.layernorm_backward(c_attn["x"], ln_1_cache, residual=dx)

    return {
        "x": ln_1["x"],  # the sum of the straight path and the path through attention
        "ln_1.weight": ln_1["weight"],
        "ln_1.bias": ln_1["bias"],
        "attn.c_attn.weight": c_attn["weight"],
        "attn.c_attn.bias": c_attn["bias"],
        "attn.c_proj.weight": c_proj["weight"],
        "attn.c_proj.bias": c_proj["bias"],
        "ln_2.weight": ln_2["weight"],
        "ln_2.bias": ln_2["bias"],
        "mlp.c_fc.weight": mlp["fc_weight"],
        "mlp.c_fc.bias": mlp["fc_bias"],
        "mlp.c_proj.weight": mlp["proj_weight"],
        "mlp.c_proj.bias": mlp["proj_bias"],
    }
