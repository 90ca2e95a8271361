"""Exercises for lesson 10, transformer and training. Check them with `python -m minicluster check 10`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np

KEEP_MEAN, KEEP_SQUARE, EPS = 0.9, 0.999, 1e-8  # AdamW's settings, for `adamw` below


def residual_backward(dout, weights):
    """Bring a gradient down a stack of residual layers. Core, medium, 15 minutes.

    A stack of L layers, each of which adds a note to the stream:

        state 0      =  x
        state l + 1  =  state l  +  state l @ weights[l]          for l = 0 to L - 1

    The loss reads state L, the top. Given its gradient dout, return the gradient of every state.

    Parameters
    ----------
    dout : (n, C) float64
        By how much the loss grows for each entry of state L.
    weights : (L, C, C) float64
        One matrix a layer.

    Returns
    -------
    (L + 1, n, C) float64
        Entry l: by how much the loss grows for each entry of state l, all later layers taken into account. Entry L is
        dout, entry 0 the gradient of x.

        An example with n = C = 1 and two layers: for dout = [[1]] and weights = [[[2]], [[3]]] it is
        [[[12]], [[4]], [[1]]]. From state 1 to the top the factor is 1 + 3, from state 0 it is (1 + 2) (1 + 3).

    Hints
    -----
    1. In state + state @ weight the state is used twice. Each use sends back a gradient, and they add up.
    2. The straight use sends back the gradient as it is, dx. The other sends back dx @ weight.T (lesson 5).
    3. Start a list with dout, go through `weights[::-1]` (from the last to the first), and append dx + dx @ weight.T
       each time. At the end turn the list round and make one array of it.
    """
    raise NotImplementedError("your turn")


def adamw(parameter, gradients, rates, weight_decay):
    """Take several steps with AdamW. Core, medium, 20 minutes.

    Two running means, of the gradient g and of its square, start at 0. In step t, counted from 1,

        mean         =  KEEP_MEAN mean  +  (1 - KEEP_MEAN) g
        mean_square  =  KEEP_SQUARE mean_square  +  (1 - KEEP_SQUARE) g^2

    Before use, the first is divided by 1 - KEEP_MEAN^t and the second by 1 - KEEP_SQUARE^t (the bias correction; the
    running means themselves stay as they are). A parameter that is a matrix is multiplied by 1 - rate * weight_decay; a
    vector is not. Then the parameter moves, against the gradient, by rate * mean / (root of mean_square + EPS), with
    the corrected means.

    Parameters
    ----------
    parameter : (n,) or (n, C) float64
        A vector, such as a bias, or a matrix.
    gradients : (S, n) or (S, n, C) float64
        One for each of S steps, given beforehand. (In a training each would depend on where the last step led.) There
        may be zeros.
    rates : (S,) float64
        The learning rate of each step.
    weight_decay : float

    Returns
    -------
    (n,) or (n, C) float64
        The parameter after S steps. An example: from [1, 1], with one gradient [0.02, -5] and the rate 0.1, it goes to
        [0.9, 1.1]. The matrix [[1, 1]], with the gradient [[0.02, -5]], the rate 0.1 and weight_decay 0.5, goes to
        [[0.85, 1.05]].

    Hints
    -----
    1. `np.zeros_like(parameter)` for both means. A loop over steps, in which only t, g and the rate change.
    2. `for t, (g, rate) in enumerate(zip(gradients, rates), start=1)`.
    3. Keep `mean` for the next step, and give the corrected one a name of its own.
    4. `parameter = parameter - ...` makes a new array; `parameter -= ...` would change the caller's. A matrix has
       `parameter.ndim == 2`.
    """
    raise NotImplementedError("your turn")


def batch_gradient(pieces, counts, max_norm):
    """Put the gradient of a batch together from pieces, and clip it. Medium, 15 minutes.

    A batch that does not fit into memory is worked in pieces. Each piece gives a loss, the mean over the tokens that
    count in it (lesson 7), and the gradients of that loss. What the optimiser needs is the gradient of the mean over
    all tokens of the batch. It is then clipped: all entries of all arrays are one long vector, and if its norm (the
    root of the sum of the squares) is above max_norm, the vector is scaled down to max_norm. Otherwise it stays as it
    is.

    Parameters
    ----------
    pieces : list of {"weight": array, "bias": array}
        The gradients of each piece, float64. An array has the same shape in each piece.
    counts : (number of pieces,) int
        How many tokens count in each piece; at least 1.
    max_norm : float
        Above 0.

    Returns
    -------
    {"weight": array, "bias": array}
        An example: the pieces {"weight": [[0, 6]], "bias": [2, 2]} and {"weight": [[4, 2]], "bias": [-2, -2]}, with 1
        and 1 tokens, have the mean {"weight": [[2, 4]], "bias": [0, 0]}. With 1 and 3 tokens it is
        {"weight": [[3, 3]], "bias": [-1, -1]}, of norm root of 20 = 4.47. With max_norm = 4.47 / 2 this becomes
        {"weight": [[1.5, 1.5]], "bias": [-0.5, -0.5]}.

    Hints
    -----
    1. A mean times its count is a sum again. Add up the sums of all pieces, then divide by the number of all tokens.
    2. So for each name, the sum of count * piece[name], divided by counts.sum().
    3. One norm for both arrays: add up the squares of all entries of both before you take the root.
    4. One factor for both arrays: the smaller one of 1 and max_norm / norm.
    """
    raise NotImplementedError("your turn")
