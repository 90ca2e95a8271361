"""Wrong kernels: borders of tiles and tasks, forgotten entries, sums cut short, memory handed out twice.

They run uncompiled, with tiles and tasks of a few rows (tests/kernels/conftest.py), so that tiny arrays have several.
"""

from .mutant import Mutant

BLOCK = "            first, last = block * QUERIES, min(block * QUERIES + QUERIES, T)\n"
TAKE = "            _take_queries(qkv, b, first, column, scale, q, q_"  # which only the forward has
VALUES = "        _take(qkv, b, column + 2 * C, v)\n        for block in range(weights.shape[1]):\n"

PRODUCTS = (
    Mutant(
        name="multiply: out not cleared",
        file="kernels/matmul.py",
        old="                out[i, j] = 0\n",
        new="                out[i, j] += 0\n",
        why="Memory that was never written to may hold anything, NaN included.",
    ),
    Mutant(
        name="multiply: replaced where it should be added",
        file="kernels/matmul.py",
        old="    if not add:\n",
        new="    if True:\n",
        why="The bias is written first, and the product added to it.",
    ),
    Mutant(
        name="multiply: the last steps of the sum left out",
        file="kernels/matmul.py",
        old="for k in range(whole_depth, depth):",
        new="for k in range(whole_depth, whole_depth):",
        why="A depth that is no multiple of four has up to three steps left.",
    ),
    Mutant(
        name="multiply: the last rows left out",
        file="kernels/matmul.py",
        old="    for i in range(whole_last, last):\n        for k in range(depth):",
        new="    for i in range(whole_last, whole_last):\n        for k in range(depth):",
        why="Rows come in fours, and up to three are left.",
    ),
    Mutant(
        name="multiply: fours counted from row 0",
        file="kernels/matmul.py",
        old="    for i in range(first, whole_last, ROWS_AT_A_TIME):\n        for k in range(0, whole_depth",
        new="    for i in range(first - first % 4, whole_last, ROWS_AT_A_TIME):\n        for k in range(0, whole_depth",
        why="A task that begins at another row than 0 would write into the rows of the one before.",
    ),
    Mutant(
        name="multiply: all columns instead of the first",
        file="kernels/matmul.py",
        old="    for i in range(whole_last, last):\n        for k in range(depth):",
        new="    width = b.shape[1]\n    for i in range(whole_last, last):\n        for k in range(depth):",
        why="What lies beyond the asked width belongs to somebody else.",
    ),
    Mutant(
        name="multiply: a row of the tile twice",
        file="kernels/matmul.py",
        old="out[i + 2, j] += a20 * b0",
        new="out[i + 2, j] += a10 * b0",
        why="Written out sixteen times, one wrong index is soon made and long overlooked.",
    ),
    Mutant(
        name="multiply transposed: added to what was there",
        file="kernels/matmul.py",
        old="            sums[j] = 0\n",
        new="            sums[j] += 0\n",
        why="A weight's gradient begins at 0 in each step, not at the last one's.",
    ),
    Mutant(
        name="multiply transposed: columns from 0",
        file="kernels/matmul.py",
        old="            row = b[k, left:right]\n            for j in range(width):\n                sums0",
        new="            row = b[k, : right - left]\n            for j in range(width):\n                sums0",
        why="Each task has columns of its own, and reads the same ones that it writes.",
    ),
    Mutant(
        name="multiply transposed: the last rows of the sum left out",
        file="kernels/matmul.py",
        old="for k in range(whole_depth, K):",
        new="for k in range(whole_depth, K - 1):",
        why="Every token counts for a weight's gradient, the last one too.",
    ),
    Mutant(
        name="multiply transposed: not transposed",
        file="kernels/matmul.py",
        old="a01, a02, a03 = a[k, i], a[k + 1, i]",
        new="a01, a02, a03 = a[k, i], a[k, i + 1]",
        why="x.T @ dy reads x downwards.",
    ),
)

LINEAR = (
    Mutant(
        name="kernel linear: no bias where there is a residual",
        file="kernels/linear.py",
        old="residual[i, j] + bias[j]",
        new="residual[i, j]",
        why="The residual is added to the whole layer, bias included.",
    ),
    Mutant(
        name="kernel linear: residual not added",
        file="kernels/linear.py",
        old="_multiply_rows(\n        x, weight, has_bias, bias if has_bias else weight.reshape(-1), has_residual,",
        new="_multiply_rows(\n        x, weight, has_bias, bias if has_bias else weight.reshape(-1), False,",
        why="Without it the stream would end here, which a gradient check of the layer alone does not see.",
    ),
    Mutant(
        name="kernel linear: residual changed in place",
        file="kernels/linear.py",
        old="                y[i, j] = residual[i, j] + bias[j]",
        new="                residual[i, j] += bias[j]\n                y[i, j] = residual[i, j]",
        why="The stream is still needed: by the caller, and by the backward of the layers before.",
    ),
    Mutant(
        name="kernel linear: weight not transposed on the way back",
        file="kernels/linear.py",
        old="out[row, column] = a[column, row]",
        new="out.reshape(-1)[row * M + column] = a.reshape(-1)[row * M + column]",
        why="The right number of entries in the wrong order; a weight of one row hides it.",
    ),
    Mutant(
        name="kernel linear: squares of the transposition overlap the next task",
        file="kernels/linear.py",
        old="range(j, min(j + SQUARE, M))",
        new="range(j, min(j + SQUARE, M) - 1)",
        why="A square at the border is cut, but not by one more.",
    ),
    Mutant(
        name="kernel linear: bias gradient of a part of the columns",
        file="kernels/linear.py",
        old="begin * N // longer, end * N // longer",
        new="0, (end - begin) * N // longer",
        why="Each task has columns of its own.",
    ),
    Mutant(
        name="kernel linear: bias gradient added to the last one",
        file="kernels/linear.py",
        old="    sums[:] = 0\n",
        new="",
        why="Memory that is used again holds the last step's sums.",
    ),
    Mutant(
        name="kernel linear: the last task left out",
        file="kernels/linear.py",
        old="    for task in prange(count(longer, part)):",
        new="    for task in prange(longer // part):",
        why="Rounded down, what is left over has nobody to do it.",
    ),
    Mutant(
        name="kernel linear: rows of the last task left out",
        file="kernels/linear.py",
        old="    M, K = x.shape\n    part = rows_of_a_task(M)\n    for task in prange(count(M, part)):",
        new="    M, K = x.shape\n    part = rows_of_a_task(M)\n    for task in prange(max(1, M // part)):",
        why="The number of rows is seldom a multiple of a task's.",
    ),
)

MLP = (
    Mutant(
        name="kernel MLP: first bias left out",
        file="kernels/mlp.py",
        old="        multiply(x, fc_weight, slope, first, last, C, F, True)",
        new="        multiply(x, fc_weight, slope, first, last, C, F, False)",
        why="The bias lies in the output already, and the product has to be added to it.",
    ),
    Mutant(
        name="kernel MLP: residual not added",
        file="kernels/mlp.py",
        old="begin_rows(y, first, last, proj_bias, has_residual, residual)",
        new="begin_rows(y, first, last, proj_bias, False, residual)",
        why="A block adds to the stream, it does not replace it.",
    ),
    Mutant(
        name="kernel MLP backward: GELU passed over",
        file="kernels/mlp.py",
        old="dwide[i, j] *= slope[i, j]",
        new="dwide[i, j] *= 1",
        why="Between the two linear layers the gradient goes back through GELU, too.",
    ),
    Mutant(
        name="kernel MLP backward: GELU's derivative of the first row of each task",
        file="kernels/mlp.py",
        old="dwide[i, j] *= slope[i, j]",
        new="dwide[i, j] *= slope[first, j]",
        why="Every token has its own input and its own derivative.",
    ),
    Mutant(
        name="kernel MLP backward: derivative used up",
        file="kernels/mlp.py",
        old="dwide[i, j] *= slope[i, j]",
        new="slope[i, j] *= dwide[i, j]\n                dwide[i, j] = slope[i, j]",
        why="Two backwards through one forward, a check against finite differences for one, then differ.",
    ),
    Mutant(
        name="kernel MLP backward: weight gradient from GELU's input",
        file="kernels/mlp.py",
        old="weight_gradient(gated, dy_rows,",
        new="weight_gradient(slope, dy_rows,",
        why="The second layer's input is GELU's result.",
    ),
)

GELU = (
    Mutant(
        name="kernel GELU: derivative of the gate missing",
        file="kernels/gelu.py",
        old="x[i] = gate + z * gate * (e * gate) * inner",
        new="x[i] = gate",
        why="x occurs twice: as the factor and inside the gate.",
    ),
    Mutant(
        name="kernel GELU: derivative of the cube without its 3",
        file="kernels/gelu.py",
        old="number(3 * CUBIC)",
        new="number(CUBIC)",
        why="(z^3)' = 3 z^2.",
    ),
    Mutant(
        name="kernel GELU: sqrt(2/pi) not doubled",
        file="kernels/gelu.py",
        old="number(-2 * SQRT_2_OVER_PI)",
        new="number(-SQRT_2_OVER_PI)",
        why="(1 + tanh(u)) / 2 is the logistic function of 2u, not of u.",
    ),
    Mutant(
        name="kernel GELU: the gate never quite closed",
        file="kernels/gelu.py",
        old="gate = number(0) if closed else number(1) / (number(1) + e)",
        new="gate = number(1) / (number(1) + e)",
        why="exp(-40) is 0 beside 1, but not times the cube of a large input, which the derivative has.",
    ),
    Mutant(
        name="kernel GELU: the last block left out",
        file="kernels/gelu.py",
        old="prange((n + BLOCK - 1) // BLOCK)",
        new="prange(max(1, n // BLOCK))",
        why="The last block is seldom full.",
    ),
)

LAYERNORM = (
    Mutant(
        name="kernel LayerNorm: variance as the mean of squares less the squared mean",
        file="kernels/layernorm.py",
        old="squares / x.dtype.type(C) + x",
        new="(x[i] * x[i]).mean() - centre * centre + x",
        why="Far from 0 the two are nearly equal, and their difference is rounding.",
    ),
    Mutant(
        name="kernel LayerNorm: variance over C - 1",
        file="kernels/layernorm.py",
        old="squares / x.dtype.type(C) + x",
        new="squares / x.dtype.type(max(1, C - 1)) + x",
        why="GPT-2 divides by C; the unbiased estimate is for samples.",
    ),
    Mutant(
        name="kernel LayerNorm: eps with a misplaced point",
        file="kernels/layernorm.py",
        old="EPS = 1e-5",
        new="EPS = 1e-6",
        why="Rows of nearly equal entries, and of width 1, show it.",
    ),
    Mutant(
        name="kernel LayerNorm backward: path through the mean missing",
        file="kernels/layernorm.py",
        old="dy[i, j] * weight[j] - through_mean - xhat",
        new="dy[i, j] * weight[j] - xhat",
        why="Every entry moves the mean of its row.",
    ),
    Mutant(
        name="kernel LayerNorm backward: path through the variance missing",
        file="kernels/layernorm.py",
        old=" - xhat * through_variance)",
        new=")",
        why="Every entry moves the variance of its row.",
    ),
    Mutant(
        name="kernel LayerNorm backward: residual normalised along",
        file="kernels/layernorm.py",
        old="dx[i, j] += residual[i, j]",
        new="dx[i, j] += scale * residual[i, j]",
        why="The stream goes around the layer, so nothing scales its gradient.",
    ),
    Mutant(
        name="kernel LayerNorm backward: weight gradient of the last block of rows",
        file="kernels/layernorm.py",
        old="dweight[j] += blocks[task, 0, j]",
        new="dweight[j] = blocks[task, 0, j]",
        why="The blocks' sums are parts of one sum; few rows are one block, which hides it.",
    ),
    Mutant(
        name="kernel LayerNorm backward: sums begin where the last ones ended",
        file="kernels/layernorm.py",
        old="            blocks[task, 1, j] = 0\n",
        new="",
        why="Memory that is used again is not 0.",
    ),
)

ATTENTION = (
    Mutant(
        name="kernel attention: each query sees one token too many",
        file="kernels/attention.py",
        old=(
            "            seen = (starts[q] <= s) & (s <= first + q)\n"
            "            row[q] = row[q] - most[q] if seen else number(-np.inf)"
        ),
        new=(
            "            seen = (starts[q] <= s) & (s <= first + q + 1)\n"
            "            row[q] = row[q] - most[q] if seen else number(-np.inf)"
        ),
        why="The next token is what the model is to predict.",
    ),
    Mutant(
        name="kernel attention: maximum over hidden keys as well",
        file="kernels/attention.py",
        old="row[q] if seen & (row[q] > most[q])",
        new="row[q] if row[q] > most[q]",
        why="A hidden key with a huge score would make all visible weights 0.",
    ),
    Mutant(
        name="kernel attention: maximum not subtracted",
        file="kernels/attention.py",
        old="row[q] - most[q] if seen",
        new="row[q] if seen",
        why="exp overflows above 88 in float32, or, as ours does, stays where it is.",
    ),
    Mutant(
        name="kernel attention: starts of the first queries for all",
        file="kernels/attention.py",
        old="start[b, first + query] if",
        new="start[b, query] if",
        why="Each block of queries has its own; a sequence of one block hides it.",
    ),
    Mutant(
        name="kernel attention: starts of the first sequence for all",
        file="kernels/attention.py",
        old="start[b, first + query] if",
        new="start[0, first + query] if",
        why="Each sequence has its own bottleneck.",
    ),
    Mutant(
        name="kernel attention: keys end before the last query of a block",
        file="kernels/attention.py",
        old=BLOCK + TAKE,
        new=BLOCK.replace("QUERIES, T)", "QUERIES - 1, T)") + TAKE,
        why="The loops end at the last key that any query of the block sees, which is the last query itself.",
    ),
    Mutant(
        name="kernel attention: scores not scaled",
        file="kernels/attention.py",
        old="_take_queries(qkv, b, first, column, scale, q, q_transposed)",
        new="_take_queries(qkv, b, first, column, number(1), q, q_transposed)",
        why="Without 1 / sqrt(D) the scores of a wide head saturate softmax.",
    ),
    Mutant(
        name="kernel attention: keys read as values",
        file="kernels/attention.py",
        old=VALUES + BLOCK + TAKE,
        new=VALUES.replace("2 * C", "C") + BLOCK + TAKE,
        why="Queries, keys and values lie side by side, in this order.",
    ),
    Mutant(
        name="kernel attention: heads dealt out with gaps",
        file="kernels/attention.py",
        old="_attend(qkv, n_heads, start, weights, y, heads * task // tasks, heads * (task + 1) // tasks)",
        new="_attend(qkv, n_heads, start, weights, y, heads // tasks * task, heads // tasks * (task + 1))",
        why="If the heads are no multiple of the tasks, some are left over.",
    ),
    Mutant(
        name="kernel attention backward: keys' gradient of the last block of queries only",
        file="kernels/attention.py",
        old="multiply(ds, q, dk, 0, last, QUERIES, D, True)",
        new="multiply(ds, q, dk, 0, last, QUERIES, D, False)",
        why="A key is seen by all later queries, so its gradient is a sum over all blocks.",
    ),
    Mutant(
        name="kernel attention backward: values' gradients not cleared for the next head",
        file="kernels/attention.py",
        old="        dv[:] = 0\n",
        new="        dv[:] = 0 if head == first_head else dv\n",
        why="The array serves one head after the other.",
    ),
    Mutant(
        name="kernel attention backward: queries' gradient not scaled",
        file="kernels/attention.py",
        old="_put(dq, last - first, scale, dqkv, b, first, column)",
        new="_put(dq, last - first, number(1), dqkv, b, first, column)",
        why="The queries are scaled before they meet the keys, and so is their gradient.",
    ),
    Mutant(
        name="kernel attention backward: keys' gradient scaled twice",
        file="kernels/attention.py",
        old="_put(dk, T, number(1), dqkv, b, 0, column + C)",
        new="_put(dk, T, scale, dqkv, b, 0, column + C)",
        why="The queries that it is made of are scaled already.",
    ),
    Mutant(
        name="kernel attention backward: cross term missing",
        file="kernels/attention.py",
        old="dw[q] = w[q] * (dw[q] - cross[q])",
        new="dw[q] = w[q] * dw[q]",
        why="Weights sum to 1, so that raising one lowers all others.",
    ),
    Mutant(
        name="kernel attention backward: cross term of the query before as well",
        file="kernels/attention.py",
        old="    cross[:] = 0\n",
        new="    cross[:] = 0 if weights.shape[0] <= QUERIES else cross\n",
        why="Each block begins its sums at 0; the first one finds them so by chance.",
    ),
    Mutant(
        name="kernel attention: weights of queries that fill the vector count",
        file="kernels/attention.py",
        old="if first + q < T:",
        new="if first + q <= T:",
        why="The last block is filled up with queries that are not there: behind the last row lies other memory.",
    ),
)

LOSS = (
    Mutant(
        name="kernel loss: mean over all tokens, counted or not",
        file="kernels/cross_entropy.py",
        old="logits.dtype.type(mask.sum()), dlogits",
        new="logits.dtype.type(mask.size), dlogits",
        why="Padding would make every loss look small.",
    ),
    Mutant(
        name="kernel loss: gradient not divided by the counted tokens",
        file="kernels/cross_entropy.py",
        old="share = number(1) / number(counted)",
        new="share = number(1)",
        why="The loss is a mean, and its gradient has the same divisor.",
    ),
    Mutant(
        name="kernel loss: gradient of tokens that do not count left as it was",
        file="kernels/cross_entropy.py",
        old="                    dlogits[i, j] = 0\n",
        new="                    pass\n",
        why="Memory that is used again holds another step's gradient.",
    ),
    Mutant(
        name="kernel loss: tokens that do not count keep a loss",
        file="kernels/cross_entropy.py",
        old="                losses[i] = 0\n",
        new="",
        why="The mean is a sum over all rows, in which these have to be 0.",
    ),
    Mutant(
        name="kernel loss: maximum of the first row of a task",
        file="kernels/cross_entropy.py",
        old="most = logits[i, 0]",
        new="most = logits[task * ROWS, 0]",
        why="A row far below it has exponentials of 0, and the logarithm of their sum is minus infinity.",
    ),
    Mutant(
        name="kernel loss: maximum added instead of subtracted",
        file="kernels/cross_entropy.py",
        old="np.log(total) - (right - most)",
        new="np.log(total) - (right + most)",
        why="log sum exp(z) = most + log sum exp(z - most).",
    ),
    Mutant(
        name="kernel loss: target not subtracted",
        file="kernels/cross_entropy.py",
        old="            dlogits[i, targets[i]] -= share\n",
        new="",
        why="softmax - onehot: without the second half every logit would be pushed down.",
    ),
)

EMBEDDING = (
    Mutant(
        name="kernel embedding backward: a repeated token keeps the last gradient only",
        file="kernels/embedding.py",
        old="token_row[c] += row[c]",
        new="token_row[c] = row[c]",
        why="A row that was read several times receives the sum.",
    ),
    Mutant(
        name="kernel embedding backward: positions of the last sequence only",
        file="kernels/embedding.py",
        old="position_row[c] += row[c]",
        new="position_row[c] = row[c]",
        why="Every sequence of the batch reads the same positions.",
    ),
    Mutant(
        name="kernel embedding backward: rows of tokens that do not occur left as they were",
        file="kernels/embedding.py",
        old="    dwte[:] = 0\n",
        new="",
        why="Memory that is used again holds the last step's gradient.",
    ),
    Mutant(
        name="kernel embedding: position of the sequence instead of the token",
        file="kernels/embedding.py",
        old="wte[tokens[b, t]], wpe[t], x[b, t]",
        new="wte[tokens[b, t]], wpe[b % len(wpe)], x[b, t]",
        why="Two small indices are soon exchanged.",
    ),
    Mutant(
        name="kernel embedding: tokens not copied",
        file="kernels/embedding.py",
        old='np.array(check_tokens(tokens, len(wte), len(wpe)), np.int64, order="C")',
        new='np.asarray(check_tokens(tokens, len(wte), len(wpe)), np.int64, order="C")',
        why="Changed after they were checked, they would lead the backward into somebody else's memory.",
    ),
    Mutant(
        name="kernel unembedding backward: rows and columns of the gradient exchanged",
        file="kernels/embedding.py",
        old='weight_gradient(dlogits_rows, as_rows("x", x), dwte)',
        new='weight_gradient(as_rows("x", x), dlogits_rows, dwte.reshape(dwte.shape[::-1]))',
        why="The head's matrix is read transposed, and so is its gradient; as many tokens as columns hide the shape.",
    ),
    Mutant(
        name="kernel unembedding backward: gradient in the embedding's place",
        file="kernels/embedding.py",
        old="memory.empty(x.shape, x.dtype), memory.empty(wte.shape, x.dtype)",
        new="memory.empty(x.shape, x.dtype), memory.gradient_of(wte)",
        why="With tied embeddings one matrix is read twice, and the halves of its gradient have to be kept apart.",
        tests=("kernels/test_backend.py",),
    ),
)

ADAMW = (
    Mutant(
        name="kernel AdamW: weight decay on biases",
        file="kernels/adamw.py",
        old="kept = keep if is_matrix[array] else one",
        new="kept = keep",
        why="A bias or a scale that shrinks towards 0 gains nothing.",
    ),
    Mutant(
        name="kernel AdamW: a block is what its first array is",
        file="kernels/adamw.py",
        old="last = min(block_end, ends[array])",
        new="last = block_end",
        why="A block of the flat storage may hold a matrix and then a bias.",
    ),
    Mutant(
        name="kernel AdamW: every block begins in the first array",
        file="kernels/adamw.py",
        old='np.searchsorted(ends, first, side="right")',
        new="0",
        why="A small model is one block, which hides it.",
    ),
    Mutant(
        name="kernel AdamW: the last block left out",
        file="kernels/adamw.py",
        old="prange((parameter.size + BLOCK - 1) // BLOCK)",
        new="prange(parameter.size // BLOCK)",
        why="The last block is seldom full.",
    ),
    Mutant(
        name="kernel AdamW: mean not corrected",
        file="kernels/adamw.py",
        old="lr / correction1",
        new="lr",
        why="The running means start at 0 and are too small at first.",
    ),
    Mutant(
        name="kernel AdamW: mean square not corrected",
        file="kernels/adamw.py",
        old="1 / correction2",
        new="1",
        why="The running means start at 0 and are too small at first.",
    ),
    Mutant(
        name="kernel AdamW: eps inside the root",
        file="kernels/adamw.py",
        old="np.sqrt(s * grow) + eps",
        new="np.sqrt(s * grow + eps)",
        why="The root of 1e-8 is 1e-4, which is no longer small beside a gradient.",
    ),
    Mutant(
        name="kernel AdamW: mean square of gradients before clipping",
        file="kernels/adamw.py",
        old="gain2 * g * g",
        new="gain2 * gradient[i] * gradient[i]",
        why="The optimiser sees clipped gradients only.",
    ),
    Mutant(
        name="kernel AdamW: 1 - beta in the precision of the parameters",
        file="kernels/adamw.py",
        old="(1 - beta for beta in optimizer.betas)",
        new="(1 - optimizer.parameters.flat.dtype.type(beta) for beta in optimizer.betas)",
        why="float32 keeps 7 digits of 0.99999, but only 2 of what it lacks to 1.",
    ),
    Mutant(
        name="kernel clipping: short gradients made longer",
        file="kernels/adamw.py",
        old="min(1, max_norm / norm) if norm",
        new="max_norm / norm if norm",
        why="Clipping only ever shortens.",
    ),
    Mutant(
        name="kernel clipping: squares summed in the gradients' precision",
        file="kernels/adamw.py",
        old="np.float64(block[i]) * np.float64(block[i])",
        new="np.float64(block[i] * block[i])",
        why="float32's squares overflow from 1e19 on.",
    ),
    Mutant(
        name="kernel clipping: the last block left out of the norm",
        file="kernels/adamw.py",
        old="for task in prange(blocks.size):",
        new="blocks[-1] = 0\n    for task in prange(blocks.size - 1):",
        why="The last block is seldom full, and always counts.",
    ),
    Mutant(
        name="kernel AdamW: an update though the norm is not finite",
        file="kernels/adamw.py",
        old="if math.isfinite(norm):",
        new="if not math.isnan(norm):",
        why="An infinite norm scales all gradients to 0, and the infinite one to NaN.",
    ),
)

TASKS_AND_MEMORY = (
    Mutant(
        name="tasks: number rounded down",
        file="kernels/tasks.py",
        old="(total + part - 1) // part",
        new="max(1, total // part)",
        why="What is left over is a task, too.",
    ),
    Mutant(
        name="tasks: rows no multiple of what a product takes at a time",
        file="kernels/tasks.py",
        old="return count(part, ROWS_UNIT) * ROWS_UNIT",
        new="return part",
        why="Right, but slow: each task would end with a tile that is not full.",
    ),
    Mutant(
        name="tasks: parts of a weight too small by one",
        file="kernels/tasks.py",
        old="count(count(length, tasks), WEIGHT_UNIT) * WEIGHT_UNIT",
        new="count(length // tasks, WEIGHT_UNIT) * WEIGHT_UNIT",
        why="A length of one more than a multiple makes a task more, for a single column.",
    ),
    Mutant(
        name="exp: 2 to the power of n cut off instead of rounded",
        file="kernels/elementary.py",
        old="n = np.floor(near * LOG2_E + 0.5)",
        new="n = np.floor(near * LOG2_E)",
        why="The series is for |r| up to ln(2) / 2, and loses its last digits beyond.",
    ),
    Mutant(
        name="exp: ln 2 in one piece",
        file="kernels/elementary.py",
        old="r = near - n * LN2_HIGH_32 - n * LN2_LOW_32",
        new="r = near - n * F(LN2_HIGH + LN2_LOW)",
        why="n ln 2 is rounded before it is taken from x, and what is lost of the argument is lost of exp, as a share.",
    ),
    Mutant(
        name="exp: series two terms short",
        file="kernels/elementary.py",
        old="C11 + r * (C12 + r * C13)",
        new="C11",
        why="The twelfth power of 0.35 over 12! is 6e-15, of which float64 would know the first digit.",
    ),
    Mutant(
        name="exp: NaN becomes the smallest number",
        file="kernels/elementary.py",
        old="    near = x if not x < LEAST else LEAST\n",
        new="    near = x if x > LEAST else LEAST\n",
        why="Every comparison with NaN is false, so the form decides whether it gets lost.",
    ),
    Mutant(
        name="exp: not 0 at minus infinity",
        file="kernels/elementary.py",
        old="return power if not x < LEAST else 0.0",
        new="return power",
        why="A hidden key has the score minus infinity and must weigh nothing at all.",
    ),
    Mutant(
        name="workspace: arrays handed out while somebody holds a view",
        file="kernels/memory.py",
        old="return sys.getrefcount(pooled.array), sys.getrefcount(pooled.owner)",
        new="return sys.getrefcount(pooled.array)",
        why="A view keeps the memory alive without keeping the array.",
    ),
    Mutant(
        name="workspace: arrays handed out while somebody holds them",
        file="kernels/memory.py",
        old="return sys.getrefcount(pooled.array), sys.getrefcount(pooled.owner)",
        new="return 0",
        why="Whoever still reads the last result finds the next one there.",
    ),
    Mutant(
        name="workspace: nothing is ever used again",
        file="kernels/memory.py",
        old="    return _references(pooled) == UNUSED",
        new="    return False",
        why="Right, but the memory grows with every step.",
    ),
    Mutant(
        name="workspace: the array that lay longest comes first",
        file="kernels/memory.py",
        old="range(len(arrays) - 1, -1, -1)",
        new="range(len(arrays))",
        why="Right, but slow: what was used last is still in the cache.",
    ),
    Mutant(
        name="workspace: gradients without their place",
        file="kernels/memory.py",
        old="place = self._gradient_of.get(id(parameter))",
        new="place = None",
        why="Right, but every gradient would be copied.",
    ),
    Mutant(
        name="workspace: arrays at any address",
        file="kernels/memory.py",
        old="offset = -owner.ctypes.data % ALIGNMENT",
        new="offset = (-owner.ctypes.data + 8) % ALIGNMENT",
        why="Right, but a vector across two cache lines takes two loads.",
    ),
    Mutant(
        name="workspace: a copied model writes into the old one's memory",
        file="kernels/memory.py",
        old="        return type(self), (self._parameters,)  # a copy of a model begins with an empty workspace",
        new='        return "FRESH"',
        why="A lock can't be copied, nor may two models share what both write to.",
    ),
)

KERNELS = (*PRODUCTS, *LINEAR, *MLP, *GELU, *LAYERNORM, *ATTENTION, *LOSS, *EMBEDDING, *ADAMW, *TASKS_AND_MEMORY)
