"""Wrong layers: linear, softmax, GELU, LayerNorm, embedding, attention, MLP.

Some are wrong in the forward and, since the backward follows, consistently so: a gradient check passes them, and only
a forward that was computed by hand does not.
"""

from .mutant import Mutant

LINEAR = (
    Mutant(
        name="linear: weight read in PyTorch's layout",
        file="nn/linear.py",
        old="y = x @ weight  #",
        new="y = x @ weight.T  #",
        why="GPT-2 stores (in, out) and multiplies from the right; PyTorch's nn.Linear stores (out, in).",
    ),
    Mutant(
        name="linear backward: dx without the transpose",
        file="nn/linear.py",
        old="dy_rows @ weight.T",
        new="dy_rows @ weight",
        why="The gradient goes back through the transpose; a square weight hides the mistake from a check of shapes.",
    ),
    Mutant(
        name="linear backward: weight gradient transposed",
        file="nn/linear.py",
        old="x_rows.T @ dy_rows",
        new="dy_rows.T @ x_rows",
        why="A gradient has its parameter's layout, (in, out); for a square weight this one has the right shape.",
    ),
    Mutant(
        name="linear backward: weight gradient averaged over the rows",
        file="nn/linear.py",
        old="x_rows.T @ dy_rows",
        new="x_rows.T @ dy_rows / len(x_rows)",
        why="The loss has divided by the number of tokens already; a weight that serves many rows receives their sum.",
    ),
    Mutant(
        name="linear backward: bias gradient summed over the wrong axis",
        file="nn/linear.py",
        old="dy_rows.sum(axis=0)",
        new="dy_rows.sum(axis=1)",
        why="The bias serves every row, so the rows are what is summed up; as many rows as outputs hide the shape.",
    ),
    Mutant(
        name="linear backward: bias gradient of the first row only",
        file="nn/linear.py",
        old="dy_rows.sum(axis=0)",
        new="dy_rows[0]",
        why="A value that is used in every row receives a gradient from every row.",
    ),
)

SOFTMAX = (
    Mutant(
        name="softmax: maximum not subtracted",
        file="nn/softmax.py",
        old="x - x.real.max(axis=-1, keepdims=True)",
        new="x - 0",
        why="exp overflows above 88 in float32 and 709 in float64, and inf / inf is nan.",
    ),
    Mutant(
        name="softmax: maximum of the whole array subtracted",
        file="nn/softmax.py",
        old="x.real.max(axis=-1, keepdims=True)",
        new="x.real.max()",
        why="A row far below the largest entry underflows to zeros, and 0 / 0 is nan: each row needs its own maximum.",
    ),
    Mutant(
        name="softmax: computed in the caller's array",
        file="nn/softmax.py",
        old="p = x - x.real.max(axis=-1, keepdims=True)",
        new="p = x\n    p -= x.real.max(axis=-1, keepdims=True)",
        why="The numbers are right, but whoever still needs the scores finds probabilities there.",
    ),
    Mutant(
        name="softmax: normalised over the wrong axis",
        file="nn/softmax.py",
        old="p /= p.sum(axis=-1, keepdims=True)",
        new="p /= p.sum(axis=0, keepdims=True)",
        why="Each row is a distribution, so each row must sum to 1, not each column.",
    ),
    Mutant(
        name="softmax: normalised over the whole array",
        file="nn/softmax.py",
        old="p.sum(axis=-1, keepdims=True)",
        new="p.sum()",
        why="Right for a single row, which is why a test needs two.",
    ),
    Mutant(
        name="softmax backward: cross term missing",
        file="nn/softmax.py",
        old="p * (dp - cross)",
        new="p * dp",
        why="Raising one entry lowers all the others, since the row's sum stays 1.",
    ),
    Mutant(
        name="softmax backward: derivative of a sigmoid",
        file="nn/softmax.py",
        old="p * (dp - cross)",
        new="p * (1 - p) * dp",
        why="p (1 - p) is only the diagonal of the Jacobian; every p_i depends on every x_j.",
    ),
    Mutant(
        name="softmax backward: cross term not weighted",
        file="nn/softmax.py",
        old="(dp * p).sum(axis=-1, keepdims=True)",
        new="dp.sum(axis=-1, keepdims=True)",
        why="An entry draws on the others in proportion to their weights.",
    ),
    Mutant(
        name="softmax backward: cross term averaged",
        file="nn/softmax.py",
        old="(dp * p).sum(axis=-1, keepdims=True)",
        new="(dp * p).mean(axis=-1, keepdims=True)",
        why="p already is the weight of each term: the weighted mean is the sum, not its K-th part.",
    ),
    Mutant(
        name="softmax backward: outer factor missing",
        file="nn/softmax.py",
        old="p * (dp - cross)",
        new="dp - cross",
        why="An entry of weight 0, such as a masked key, must receive no gradient.",
    ),
)

GELU = (
    Mutant(
        name="GELU: cubic coefficient with a misplaced point",
        file="nn/gelu.py",
        old="CUBIC = 0.044715",
        new="CUBIC = 0.44715",
        why="Forward and backward share the constant, so the gradient check passes: only a value by hand tells.",
    ),
    Mutant(
        name="GELU: 2/pi without its root",
        file="nn/gelu.py",
        old="math.sqrt(2 / math.pi)",
        new="2 / math.pi",
        why="A constant that forward and backward share is invisible to a gradient check.",
    ),
    Mutant(
        name="GELU: not halved",
        file="nn/gelu.py",
        old="y *= 0.5",
        new="y *= 1",
        why="1 + tanh runs from 0 to 2, and the gate from 0 to 1.",
    ),
    Mutant(
        name="GELU backward: factor 3 of the cube missing",
        file="nn/gelu.py",
        old="dx *= 3 * SQRT_2_OVER_PI * CUBIC",
        new="dx *= SQRT_2_OVER_PI * CUBIC",
        why="The derivative of x^3 is 3 x^2.",
    ),
    Mutant(
        name="GELU backward: tanh not squared",
        file="nn/gelu.py",
        old="one_minus_square = tanh * tanh",
        new="one_minus_square = tanh.copy()",
        why="The derivative of tanh is 1 - tanh^2; s (1 - s) is the sigmoid's.",
    ),
    Mutant(
        name="GELU backward: derivative inside tanh missing",
        file="nn/gelu.py",
        old="    dx += SQRT_2_OVER_PI  # dinner/dx\n    dx *= x\n",
        new="    dx = x.copy()\n",
        why="The chain rule multiplies by the derivative of what is inside, sqrt(2/pi) (1 + 3 * 0.044715 x^2).",
    ),
    Mutant(
        name="GELU backward: path through the factor x missing",
        file="nn/gelu.py",
        old="    dx += tanh\n    dx += 1\n",
        new="",
        why="x occurs twice, as the factor and inside tanh; the product rule adds up both.",
    ),
    Mutant(
        name="GELU backward: path through tanh missing",
        file="nn/gelu.py",
        old="dx *= one_minus_square",
        new="dx *= 0",
        why="x occurs twice, as the factor and inside tanh; the product rule adds up both.",
    ),
    Mutant(
        name="GELU backward: upstream gradient forgotten",
        file="nn/gelu.py",
        old="dx *= dy",
        new="dx *= 1",
        why="A backward with upstream gradients of ones only, as in a careless test, can't tell.",
    ),
)

LAYERNORM = (
    Mutant(
        name="LayerNorm: eps of 1e-6",
        file="nn/layernorm.py",
        old="EPS = 1e-5",
        new="EPS = 1e-6",
        why="GPT-2 has 1e-5; with another eps its weights give other logits, and no gradient check sees it.",
    ),
    Mutant(
        name="LayerNorm: eps added outside the root",
        file="nn/layernorm.py",
        old="1 / np.sqrt(variance + EPS)",
        new="1 / (np.sqrt(variance) + EPS)",
        why="eps is added to the variance; the backward's formulas hold for that only.",
    ),
    Mutant(
        name="LayerNorm: variance over C - 1",
        file="nn/layernorm.py",
        old="(centred * centred).mean(axis=-1, keepdims=True)",
        new="(centred * centred).sum(axis=-1, keepdims=True) / (x.shape[-1] - 1)",
        why="A vector is not a sample from something: its own mean square is wanted, which divides by C.",
    ),
    Mutant(
        name="LayerNorm: variance not centred",
        file="nn/layernorm.py",
        old="(centred * centred).mean(",
        new="(x * x).mean(",
        why="The variance is the mean square around the mean, not around 0.",
    ),
    Mutant(
        name="LayerNorm: variance as a difference of squares",
        file="nn/layernorm.py",
        old="(centred * centred).mean(axis=-1, keepdims=True)",
        new="(x * x).mean(axis=-1, keepdims=True) - mean * mean",
        why="The same number on paper; in float32 two large squares cancel, and far from 0 nothing is left of "
        "the variance.",
    ),
    Mutant(
        name="LayerNorm: mean over the batch",
        file="nn/layernorm.py",
        old="mean = x.mean(axis=-1, keepdims=True)",
        new="mean = x.mean(axis=0, keepdims=True)",
        why="That is batch normalisation, which mixes examples; LayerNorm looks at one token at a time.",
    ),
    Mutant(
        name="LayerNorm backward: path through the mean missing",
        file="nn/layernorm.py",
        old="dxhat - through_mean - through_variance",
        new="dxhat - through_variance",
        why="Raising one entry raises the mean, which is subtracted from all entries.",
    ),
    Mutant(
        name="LayerNorm backward: path through the variance missing",
        file="nn/layernorm.py",
        old="dxhat - through_mean - through_variance",
        new="dxhat - through_mean",
        why="Moving one entry changes the variance, by which all entries are divided.",
    ),
    Mutant(
        name="LayerNorm backward: statistics taken for constants",
        file="nn/layernorm.py",
        old="rstd * (dxhat - through_mean - through_variance)",
        new="rstd * dxhat",
        why="The mean and the variance are functions of x, and the gradient flows through both.",
    ),
    Mutant(
        name="LayerNorm backward: division by the standard deviation forgotten",
        file="nn/layernorm.py",
        old="dx = rstd * (",
        new="dx = (",
        why="What is divided by the standard deviation on the way up has its gradient divided by it on the way down.",
    ),
    Mutant(
        name="LayerNorm backward: scale forgotten",
        file="nn/layernorm.py",
        old="dxhat = dy * weight",
        new="dxhat = dy",
        why="With the initial scales of 1 nothing shows: parameters of a test must be random.",
    ),
    Mutant(
        name="LayerNorm backward: upstream gradient overwritten",
        file="nn/layernorm.py",
        old="dxhat = dy * weight",
        new="dy *= weight\n    dxhat = dy",
        why="The residual stream hands the same array to the straight path, which would get the scaled one.",
    ),
    Mutant(
        name="LayerNorm backward: variance's path loses the factor xhat",
        file="nn/layernorm.py",
        old="through_variance = xhat * (dxhat * xhat)",
        new="through_variance = (dxhat * xhat)",
        why="An entry changes the variance in proportion to its distance from the mean.",
    ),
    Mutant(
        name="LayerNorm backward: variance's path halved",
        file="nn/layernorm.py",
        old="through_variance = xhat *",
        new="through_variance = 0.5 * xhat *",
        why="The 2 of the square and the 1/2 of the root cancel; whoever writes down only one of them is off by 2.",
    ),
    Mutant(
        name="LayerNorm backward: weight gradient before normalisation",
        file="nn/layernorm.py",
        old="(dy * xhat).sum(axis=leading)",
        new="(dy * xhat / rstd).sum(axis=leading)",
        why="The scale multiplies the normalised vector, so its gradient does too, not the centred one.",
    ),
    Mutant(
        name="LayerNorm backward: parameters' gradients summed over the batch only",
        file="nn/layernorm.py",
        old="tuple(range(dy.ndim - 1))",
        new="(0,)",
        why="Right for (n, C), wrong for (B, T, C), where tokens are an axis of their own.",
    ),
    Mutant(
        name="LayerNorm backward: bias gradient averaged",
        file="nn/layernorm.py",
        old="dy.sum(axis=leading)",
        new="dy.mean(axis=leading)",
        why="A parameter that serves many tokens receives their sum; the loss has taken the mean already.",
    ),
)

EMBEDDING = (
    Mutant(
        name="embedding: positions not added",
        file="nn/embedding.py",
        old="wte[tokens] + wpe[:T]  #",
        new="wte[tokens]  #",
        why="Attention sees its keys as a set: that one comes before another, only their positions' vectors say.",
    ),
    Mutant(
        name="embedding: positions counted from the end of the table",
        file="nn/embedding.py",
        old="wte[tokens] + wpe[:T]  #",
        new="wte[tokens] + wpe[-T:]  #",
        why="The same for a sequence of full length, so a test needs a shorter one.",
    ),
    Mutant(
        name="embedding: scaled by sqrt(C)",
        file="nn/embedding.py",
        old="wte[tokens] + wpe[:T]  #",
        new="wte.shape[1] ** 0.5 * wte[tokens] + wpe[:T]  #",
        why="Vaswani et al. scale, section 3.4; GPT-2, whose weights this model takes, does not.",
    ),
    Mutant(
        name="embedding backward: repeated tokens overwrite",
        file="nn/embedding.py",
        old="np.add.at(dwte, tokens, dx)",
        new="dwte[tokens] = dx",
        why="A row that was read several times receives the sum; here the last reader wins.",
    ),
    Mutant(
        name="embedding backward: repeated tokens counted once",
        file="nn/embedding.py",
        old="np.add.at(dwte, tokens, dx)",
        new="dwte[tokens] += dx",
        why="NumPy's += with repeated indices reads all, then writes all: it adds only the last of each.",
    ),
    Mutant(
        name="embedding backward: gradients in float64 whatever the model's dtype",
        file="nn/embedding.py",
        old="np.zeros(wte_shape, dx.dtype)",
        new="np.zeros(wte_shape)",
        why="np.zeros is float64 unless told; in a float32 model that is twice the memory, and complex numbers fail.",
    ),
    Mutant(
        name="embedding backward: positions get the last sequence's gradient",
        file="nn/embedding.py",
        old="dx.sum(axis=0)",
        new="dx[-1]",
        why="All sequences of a batch read the same rows of positions.",
    ),
    Mutant(
        name="embedding backward: positions get the batch's mean gradient",
        file="nn/embedding.py",
        old="dx.sum(axis=0)",
        new="dx.mean(axis=0)",
        why="The mean over tokens is the loss's business; a backward pass sums.",
    ),
)

ATTENTION = (
    Mutant(
        name="attention: scores not divided by sqrt(D)",
        file="nn/attention.py",
        old="scale = 1 / math.sqrt(D)",
        new="scale = 1.0",
        why="Scores of wide heads then spread so far that softmax saturates; forward and backward agree, so only "
        "a forward by hand sees it.",
    ),
    Mutant(
        name="attention: scores divided by D",
        file="nn/attention.py",
        old="1 / math.sqrt(D)",
        new="1 / D",
        why="A sum of D products has a standard deviation of sqrt(D); forward and backward agree in the mistake.",
    ),
    Mutant(
        name="attention: scores divided by sqrt(C)",
        file="nn/attention.py",
        old="math.sqrt(D)",
        new="math.sqrt(n_heads * D)",
        why="Each head sums over its own width D = C / H only; with one head nobody notices.",
    ),
    Mutant(
        name="attention: no causal mask",
        file="nn/attention.py",
        old="visible = positions <= positions[:, None]",
        new="visible = np.ones((T, T), bool)",
        why="A token that sees its successor copies it: the training loss looks wonderful and the model is useless.",
    ),
    Mutant(
        name="attention: causal mask transposed",
        file="nn/attention.py",
        old="positions <= positions[:, None]",
        new="positions >= positions[:, None]",
        why="Rows are queries and columns keys; transposed, each token sees only the future.",
    ),
    Mutant(
        name="attention: a token does not see itself",
        file="nn/attention.py",
        old="positions <= positions[:, None]",
        new="(positions < positions[:, None]) | (positions == 0)",
        why="Query t sees the keys to t, itself included: what it holds is the newest it knows.",
    ),
    Mutant(
        name="attention: hidden scores set to 0",
        file="nn/attention.py",
        old="np.copyto(scores, -np.inf,",
        new="np.copyto(scores, 0,",
        why="exp(0) = 1: a hidden key with score 0 still gets weight. Only -inf has weight 0.",
    ),
    Mutant(
        name="attention: hidden scores set to -10,000",
        file="nn/attention.py",
        old="np.copyto(scores, -np.inf,",
        new="np.copyto(scores, -1e4,",
        why="Many codes do so; a visible score lower than that, and the future shines through. Nothing is lower "
        "than -inf.",
    ),
    Mutant(
        name="attention: mask applied after softmax",
        file="nn/attention.py",
        old="    np.copyto(scores, -np.inf, where=~visible_keys(B, T, start))\n"
        "    weights, softmax_cache = softmax_forward(scores)  #",
        new="    weights, softmax_cache = softmax_forward(scores)\n"
        "    weights = weights * visible_keys(B, T, start)  #",
        why="The hidden keys have taken their share of the sum by then: rows no longer sum to 1.",
    ),
    Mutant(
        name="attention: start ignored",
        file="nn/attention.py",
        old="visible & (positions >= start[:, :, None])",
        new="visible & (start[:, :, None] >= 0)",
        why="Then there is no bottleneck; forward and backward agree, and a gradient check says nothing.",
    ),
    Mutant(
        name="attention: start read by key instead of by query",
        file="nn/attention.py",
        old="positions >= start[:, :, None]",
        new="positions >= start[:, None, :]",
        why="start[b, t] belongs to query t, the row; a start that is the same everywhere hides the mistake.",
    ),
    Mutant(
        name="attention: queries and keys exchanged",
        file="nn/attention.py",
        old="q, k, v = qkv.reshape",
        new="k, q, v = qkv.reshape",
        why="A query's softmax runs over keys; exchanged, the score matrix is transposed.",
    ),
    Mutant(
        name="attention: heads outside of queries, keys, values",
        file="nn/attention.py",
        old="qkv.reshape(B, T, 3, n_heads, D).transpose(2, 0, 3, 1, 4)",
        new="qkv.reshape(B, T, n_heads, 3, D).transpose(3, 0, 2, 1, 4)",
        why="GPT-2 lays out all queries, all keys, all values; GPT-NeoX a head's three together. One head looks alike.",
    ),
    Mutant(
        name="attention: heads put side by side without turning back",
        file="nn/attention.py",
        old="y_heads.swapaxes(1, 2).reshape(B, T, n_heads * D)",
        new="y_heads.reshape(B, T, n_heads * D)",
        why="reshape does not move axes: it would mix tokens and heads, and with one head or one token still be right.",
    ),
    Mutant(
        name="attention backward: heads cut apart without turning",
        file="nn/attention.py",
        old="dy.reshape(B, T, H, D).swapaxes(1, 2)",
        new="dy.reshape(B, H, T, D)",
        why="The shapes fit, the entries do not: heads lie side by side within a token.",
    ),
    Mutant(
        name="attention backward: value gradient without the transpose",
        file="nn/attention.py",
        old="weights.swapaxes(-1, -2) @ dy_heads",
        new="weights @ dy_heads",
        why="A value receives from every query that weighed it, a column of the weights; the matrix is square, so "
        "shapes say nothing.",
    ),
    Mutant(
        name="attention backward: weights taken without the mask",
        file="nn/attention.py",
        old="    q, k, v, weights, softmax_cache, scale = cache\n",
        new="    q, k, v, weights, softmax_cache, scale = cache\n"
        "    weights, softmax_cache = softmax_forward(q @ k.swapaxes(-1, -2) * scale)\n",
        why="A backward that computes the weights anew must mask them as the forward did, or gradients leak.",
    ),
    Mutant(
        name="attention backward: weights taken without start",
        file="nn/attention.py",
        old="    q, k, v, weights, softmax_cache, scale = cache\n    B, H, T, D = q.shape\n",
        new="    q, k, v, weights, softmax_cache, scale = cache\n    B, H, T, D = q.shape\n"
        "    scores = q @ k.swapaxes(-1, -2) * scale\n"
        "    np.copyto(scores, -np.inf, where=~visible_keys(B, T))\n"
        "    weights, softmax_cache = softmax_forward(scores)\n",
        why="What the forward hid by start, the backward must hide too; the causal mask alone is not enough.",
    ),
    Mutant(
        name="attention backward: softmax's cross term missing",
        file="nn/attention.py",
        old='softmax_backward(dweights, softmax_cache)["x"]',
        new="dweights * weights",
        why="More attention to one key is less to the others.",
    ),
    Mutant(
        name="attention backward: softmax taken for the identity",
        file="nn/attention.py",
        old='softmax_backward(dweights, softmax_cache)["x"]',
        new="dweights",
        why="Every line of a forward has its line in the backward; this one skipped softmax's.",
    ),
    Mutant(
        name="attention backward: query gradient not scaled",
        file="nn/attention.py",
        old="dq = dscores @ k * scale",
        new="dq = dscores @ k",
        why="The forward's factor belongs to both gradients of the product.",
    ),
    Mutant(
        name="attention backward: key gradient not scaled",
        file="nn/attention.py",
        old="dk = dscores.swapaxes(-1, -2) @ q * scale",
        new="dk = dscores.swapaxes(-1, -2) @ q",
        why="The scale is written beside q in the forward, but a key's gradient meets the scaled query too.",
    ),
    Mutant(
        name="attention backward: key gradient without the transpose",
        file="nn/attention.py",
        old="dscores.swapaxes(-1, -2) @ q",
        new="dscores @ q",
        why="A key receives from all queries that scored it, a column of the scores.",
    ),
    Mutant(
        name="attention backward: query and key gradients exchanged",
        file="nn/attention.py",
        old="enumerate((dq, dk, dv))",
        new="enumerate((dk, dq, dv))",
        why="Gradients go back to where the values came from, in the same order; their shapes are alike.",
    ),
    Mutant(
        name="attention backward: heads put side by side without turning back",
        file="nn/attention.py",
        old="gradient.swapaxes(1, 2)",
        new="gradient.reshape(B, T, H, D)",
        why="reshape does not move axes, and any order of axes fills the same number of entries.",
    ),
)

MLP = (
    Mutant(
        name="MLP: no gate",
        file="nn/mlp.py",
        old="gated, gelu_cache = gelu_forward(wide)",
        new="gated, gelu_cache = wide, gelu_forward(wide)[1]",
        why="Two linear layers in a row are one linear layer.",
    ),
    Mutant(
        name="MLP: a gate after the second layer too",
        file="nn/mlp.py",
        old="    return y, (fc_cache, gelu_cache, proj_cache)",
        new="    return gelu_forward(y)[0], (fc_cache, gelu_cache, proj_cache)",
        why="What is added to the residual stream must be able to be negative.",
    ),
    Mutant(
        name="MLP backward: gate skipped",
        file="nn/mlp.py",
        old='gelu_backward(proj["x"], gelu_cache)["x"]',
        new='proj["x"]',
        why="Every line of a forward has its line in the backward, the gate included.",
    ),
    Mutant(
        name="MLP backward: input gradient from before the first layer",
        file="nn/mlp.py",
        old='"x": fc["x"],',
        new='"x": fc["x"] + dy,',
        why="The residual path is the block's to add; whoever adds it here as well counts it twice.",
    ),
    Mutant(
        name="MLP backward: bias gradient of the wide layer before the gate's",
        file="nn/mlp.py",
        old='"fc_bias": fc["bias"],',
        new='"fc_bias": proj["x"].reshape(-1, proj["x"].shape[-1]).sum(axis=0),',
        why="The first bias lies below the gate, so its gradient has passed through the gate.",
    ),
)

LAYERS = (*LINEAR, *SOFTMAX, *GELU, *LAYERNORM, *EMBEDDING, *ATTENTION, *MLP)
