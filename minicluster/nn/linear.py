"""The linear layer: a matrix product and a bias."""


def linear_forward(x, weight, bias, residual=None):
    """Multiply the last axis of `x` by `weight` and add `bias`.

    Parameters
    ----------
    x : (..., n_in) array
    weight : (n_in, n_out) array
        GPT-2's layout; PyTorch's nn.Linear stores the transpose.
    bias : (n_out,) array
    residual : (..., n_out) array, optional
        Added to the result: the stream that goes around the layer. Its gradient is dy itself.

    Returns
    -------
    y : (..., n_out) array
    cache : tuple
        What `linear_backward` needs.
    """
    y = x @ weight  # (..., n_in) @ (n_in, n_out) -> (..., n_out)
    y += bias
    if residual is not None:
        y += residual
    return y, (x, weight)


def linear_backward(dy, cache):
    """Gradients of the linear layer.

    y_j = sum_i x_i weight_ij + bias_j, so that dy_j / dx_i = weight_ij, dy_j / dweight_ij = x_i and
    dy_j / dbias_j = 1; the weight and the bias serve every row, so their gradients are sums over rows.

    Parameters
    ----------
    dy : (..., n_out) array
    cache : tuple
        From `linear_forward`.

    Returns
    -------
    dict
        `x` (..., n_in), `weight` (n_in, n_out), `bias` (n_out,).
    """
    x, weight = cache
    x_rows = x.reshape(-1, x.shape[-1])  # (..., n_in) -> (rows, n_in)
    dy_rows = dy.reshape(-1, dy.shape[-1])  # (..., n_out) -> (rows, n_out)

    # forward: y = x @ weight + bias
    dbias = dy_rows.sum(axis=0)  # (rows, n_out) -> (n_out,)
    dweight = x_rows.T @ dy_rows  # (n_in, rows) @ (rows, n_out) -> (n_in, n_out)
    dx = (dy_rows @ weight.T).reshape(x.shape)  # (rows, n_out) @ (n_out, n_in) -> (..., n_in)
    return {"x": dx, "weight": dweight, "bias": dbias}
