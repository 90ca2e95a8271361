"""Wrong losses and wrong steps: cross-entropy, AdamW, clipping, the learning rate's schedule."""

from .mutant import Mutant

CROSS_ENTROPY = (
    Mutant(
        name="cross-entropy: loss summed instead of averaged",
        file="nn/cross_entropy.py",
        old="log_p[rows, right].mean()",
        new="log_p[rows, right].sum()",
        why="A sum grows with the batch, and the learning rate would have to shrink with it.",
    ),
    Mutant(
        name="cross-entropy: gradient not divided by the counted tokens",
        file="nn/cross_entropy.py",
        old="dcounted /= N",
        new="dcounted /= 1",
        why="The mean's 1/N belongs to the gradient too; AdamW and clipping hide that it is missing.",
    ),
    Mutant(
        name="cross-entropy: gradient divided by all tokens",
        file="nn/cross_entropy.py",
        old="dcounted /= N",
        new="dcounted /= targets.size",
        why="The mean is over the tokens that count; without a mask the two numbers are the same.",
    ),
    Mutant(
        name="cross-entropy: loss and gradient divided by all tokens",
        file="nn/cross_entropy.py",
        old="    loss = -log_p[rows, right].mean()\n",
        new="    loss = -log_p[rows, right].sum() / targets.size\n    N = targets.size\n",
        why="Loss and gradient agree, so a gradient check says nothing: a masked batch has to be compared by hand.",
    ),
    Mutant(
        name="cross-entropy: right token not subtracted from the gradient",
        file="nn/cross_entropy.py",
        old="dcounted[rows, right] -= 1",
        new="dcounted[rows, right] -= 0",
        why="Softmax alone pushes every logit down; only the 1 at the right token pulls that one up.",
    ),
    Mutant(
        name="cross-entropy: right token subtracted from every row",
        file="nn/cross_entropy.py",
        old="dcounted[rows, right] -= 1",
        new="dcounted[:, right] -= 1",
        why="With a slice NumPy takes all rows for each target; pairs of indices are what is meant.",
    ),
    Mutant(
        name="cross-entropy: logits shifted by the largest of all",
        file="nn/cross_entropy.py",
        old="counted.real.max(axis=-1, keepdims=True)",
        new="counted.real.max()",
        why="Rows far below the largest logit underflow, and log 0 is -inf: each row needs its own maximum.",
    ),
    Mutant(
        name="cross-entropy: maximum not subtracted",
        file="nn/cross_entropy.py",
        old="counted - counted.real.max(axis=-1, keepdims=True)",
        new="counted - 0",
        why="exp overflows for logits above 88 in float32.",
    ),
    Mutant(
        name="cross-entropy: logarithm of the wrong sum",
        file="nn/cross_entropy.py",
        old="np.exp(shifted).sum(axis=-1, keepdims=True)",
        new="np.exp(shifted).sum(axis=0, keepdims=True)",
        why="Probabilities sum to 1 over the vocabulary, the last axis, not over the tokens.",
    ),
    Mutant(
        name="cross-entropy: bits instead of nats",
        file="nn/cross_entropy.py",
        old="loss = -log_p[rows, right].mean()",
        new="loss = -log_p[rows, right].mean() / np.log(2)",
        why="A loss in bits is log2 V at the start, and its gradient 1.44 times as long.",
    ),
    Mutant(
        name="cross-entropy: targets shifted once more",
        file="nn/cross_entropy.py",
        old="right = np.arange(N), targets[mask]",
        new="right = np.arange(N), np.roll(targets, -1)[mask]",
        why="Targets are the next tokens already; loss and gradient agree in the mistake, so only values by hand tell.",
    ),
    Mutant(
        name="cross-entropy: gradient of tokens that do not count",
        file="nn/cross_entropy.py",
        old="dlogits = np.zeros_like(logits)",
        new="dlogits = np.exp(logits - logits.real.max(axis=-1, keepdims=True))\n"
        "    dlogits /= N * dlogits.sum(axis=-1, keepdims=True)",
        why="A masked token has no part in the loss, so nothing may flow back from it.",
    ),
    Mutant(
        name="cross-entropy: zeros made by a product",
        file="nn/cross_entropy.py",
        old="dlogits = np.zeros_like(logits)",
        new="dlogits = 0 * logits",
        why="0 times infinity is NaN: a logit that does not count must not be read at all.",
    ),
)

ADAMW = (
    Mutant(
        name="AdamW: bias correction of the mean missing",
        file="nn/adamw.py",
        old="correction1 = 1 - beta1**self.steps",
        new="correction1 = 1",
        why="The running mean starts at 0 and is ten times too small at the first step.",
    ),
    Mutant(
        name="AdamW: bias correction of the square missing",
        file="nn/adamw.py",
        old="correction2 = 1 - beta2**self.steps",
        new="correction2 = 1",
        why="The running square starts at 0; divided by its root, the first step is thirty times too long.",
    ),
    Mutant(
        name="AdamW: bias correction of the first step for ever",
        file="nn/adamw.py",
        old="correction1 = 1 - beta1**self.steps",
        new="correction1 = 1 - beta1",
        why="The start matters less with every step; two steps by hand may miss it, three do not.",
    ),
    Mutant(
        name="AdamW: steps counted from 1",
        file="nn/adamw.py",
        old="self.steps = 0",
        new="self.steps = 1",
        why="The first step's correction is 1 - beta, so the count is 1 in it, not 2.",
    ),
    Mutant(
        name="AdamW: steps counted for each parameter",
        file="nn/adamw.py",
        old="        self.steps += 1\n"
        "        beta1, beta2 = self.betas\n"
        "        # The running means start at 0 and are too small at first, by exactly these factors.\n"
        "        correction1 = 1 - beta1**self.steps\n"
        "        correction2 = 1 - beta2**self.steps\n"
        "        for name, parameter in self.parameters.items():\n",
        new="        beta1, beta2 = self.betas\n"
        "        for name, parameter in self.parameters.items():\n"
        "            self.steps += 1\n"
        "            correction1 = 1 - beta1**self.steps\n"
        "            correction2 = 1 - beta2**self.steps\n",
        why="A line too deep: the second parameter believes that it is at the second step. One parameter alone "
        "can't tell.",
    ),
    Mutant(
        name="AdamW: parameters of one shape share a mean",
        file="nn/adamw.py",
        old="self.mean = {name: np.zeros_like(array) for",
        new="shared = {}\n        self.mean = {name: shared.setdefault(array.shape, np.zeros_like(array)) for",
        why="Each entry has its own mean; a buffer kept by shape mixes the gradients of all blocks.",
    ),
    Mutant(
        name="AdamW: mean square in float64 whatever the parameters' dtype",
        file="nn/adamw.py",
        old="self.mean_square = {name: np.zeros_like(array)",
        new="self.mean_square = {name: np.zeros(array.shape)",
        why="np.zeros is float64 unless told: twice the memory, and in float32 a step is computed half in float64.",
    ),
    Mutant(
        name="AdamW: betas exchanged",
        file="nn/adamw.py",
        old="beta1, beta2 = self.betas",
        new="beta2, beta1 = self.betas",
        why="The square wants the longer memory.",
    ),
    Mutant(
        name="AdamW: mean without the factor 1 - beta",
        file="nn/adamw.py",
        old="mean += (1 - beta1) * gradient",
        new="mean += gradient",
        why="That is momentum's sum, 1 / (1 - beta) times as large as the mean.",
    ),
    Mutant(
        name="AdamW: running mean replaced by the gradient",
        file="nn/adamw.py",
        old="(lr / correction1) * mean /",
        new="lr * gradient /",
        why="Without the mean it is RMSprop.",
    ),
    Mutant(
        name="AdamW: gradient not squared",
        file="nn/adamw.py",
        old="mean_square += (1 - beta2) * gradient * gradient",
        new="mean_square += (1 - beta2) * abs(gradient)",
        why="A step's length must not depend on the gradient's unit; that takes the root of a square.",
    ),
    Mutant(
        name="AdamW: the caller's gradient squared in place",
        file="nn/adamw.py",
        old="mean_square += (1 - beta2) * gradient * gradient",
        new="gradient *= gradient\n            mean_square += (1 - beta2) * gradient",
        why="The step is right; whoever looks at the gradients afterwards sees their squares.",
    ),
    Mutant(
        name="AdamW: root missing",
        file="nn/adamw.py",
        old="np.sqrt(mean_square / correction2)",
        new="(mean_square / correction2)",
        why="Divided by the mean square, small gradients would make the longest steps.",
    ),
    Mutant(
        name="AdamW: eps inside the root",
        file="nn/adamw.py",
        old="np.sqrt(mean_square / correction2) + self.eps",
        new="np.sqrt(mean_square / correction2 + self.eps)",
        why="Inside, 1e-8 acts like 1e-4 outside and silences small gradients.",
    ),
    Mutant(
        name="AdamW: eps added before the correction",
        file="nn/adamw.py",
        old="np.sqrt(mean_square / correction2) + self.eps",
        new="(np.sqrt(mean_square) + self.eps) / np.sqrt(correction2)",
        why="Some write it so for speed; it is another eps in every step.",
    ),
    Mutant(
        name="AdamW: weight decay inside the gradient",
        file="nn/adamw.py",
        old="gradient, mean, mean_square = gradients[name], self.mean[name], self.mean_square[name]",
        new="gradient, mean, mean_square = gradients[name] + self.weight_decay * parameter * (parameter.ndim >= 2), "
        "self.mean[name], self.mean_square[name]",
        why="Adam divides it by the root mean square: large gradients would decay less. Decoupling is AdamW's point.",
    ),
    Mutant(
        name="AdamW: weight decay not multiplied by the learning rate",
        file="nn/adamw.py",
        old="1 - lr * self.weight_decay",
        new="1 - self.weight_decay",
        why="Decay follows the schedule; 1 % in every step would leave nothing after 500.",
    ),
    Mutant(
        name="AdamW: weight decay with the default rate instead of the step's",
        file="nn/adamw.py",
        old="1 - lr * self.weight_decay",
        new="1 - self.lr * self.weight_decay",
        why="With a schedule the two differ in almost every step.",
    ),
    Mutant(
        name="AdamW: weight decay of biases and LayerNorm",
        file="nn/adamw.py",
        old="if parameter.ndim >= 2:",
        new="if parameter.ndim >= 1:",
        why="A LayerNorm scale pulled towards 0 works against the layer.",
    ),
    Mutant(
        name="AdamW: weights grow instead of decaying",
        file="nn/adamw.py",
        old="1 - lr * self.weight_decay",
        new="1 + lr * self.weight_decay",
        why="With 0.01 and a learning rate of 0.001 it takes long to notice.",
    ),
    Mutant(
        name="AdamW: only the first parameter moves",
        file="nn/adamw.py",
        old="/ (np.sqrt(mean_square / correction2) + self.eps)\n",
        new="/ (np.sqrt(mean_square / correction2) + self.eps)\n            break\n",
        why="A return or a break too deep: tests with a single parameter pass.",
    ),
    Mutant(
        name="AdamW: uphill",
        file="nn/adamw.py",
        old="parameter -= (lr",
        new="parameter += (lr",
        why="The gradient points to where the loss grows.",
    ),
    Mutant(
        name="AdamW: parameters replaced instead of changed in place",
        file="nn/adamw.py",
        old="parameter -= (lr / correction1) *",
        new="parameter = parameter - (lr / correction1) *",
        why="The model keeps the old array; it trains without learning.",
    ),
)

CLIPPING = (
    Mutant(
        name="clipping: sum of the norms instead of the norm of all",
        file="nn/adamw.py",
        old="math.sqrt(sum(float(np.vdot(gradient, gradient).real) for gradient in gradients.values()))",
        new="sum(float(np.linalg.norm(gradient)) for gradient in gradients.values())",
        why="The gradient is one long vector: squares add up, lengths do not.",
    ),
    Mutant(
        name="clipping: root missing",
        file="nn/adamw.py",
        old="norm = math.sqrt(sum(",
        new="norm = (sum(",
        why="The squared norm is compared with a norm.",
    ),
    Mutant(
        name="clipping: norm in single precision",
        file="nn/adamw.py",
        old="float(np.vdot(gradient, gradient).real)",
        new="float(np.linalg.norm(gradient.astype(np.float32))) ** 2",
        why="The norm of float64 gradients has 16 digits; in float32 it has 7, and overflows at 1e38.",
    ),
    Mutant(
        name="clipping: each array on its own",
        file="nn/adamw.py",
        old="            gradient *= max_norm / norm\n",
        new="            gradient *= min(1, max_norm / np.linalg.norm(gradient))\n",
        why="Then the arrays shrink by different factors, and the step points elsewhere.",
    ),
    Mutant(
        name="clipping: entry by entry",
        file="nn/adamw.py",
        old="gradient *= max_norm / norm",
        new="np.clip(gradient, -max_norm, max_norm, out=gradient)",
        why="Cutting entries off turns the gradient; scaling only shortens it.",
    ),
    Mutant(
        name="clipping: short gradients stretched",
        file="nn/adamw.py",
        old="if norm > max_norm:",
        new="if norm > 0:",
        why="max_norm is a bound, not a length to have.",
    ),
    Mutant(
        name="clipping: scaled to 1",
        file="nn/adamw.py",
        old="max_norm / norm",
        new="1 / norm",
        why="The usual bound is 1, which hides it.",
    ),
    Mutant(
        name="clipping: norm after instead of before",
        file="nn/adamw.py",
        old="    return norm\n",
        new="    return min(norm, max_norm)\n",
        why="A curve of clipped norms is flat at the bound just where one wants to look.",
    ),
    Mutant(
        name="clipping: copies scaled instead of the gradients",
        file="nn/adamw.py",
        old="gradient *= max_norm / norm",
        new="gradient = gradient * (max_norm / norm)",
        why="Rebinding a name leaves the array as it was.",
    ),
)

SCHEDULE = (
    Mutant(
        name="schedule: first rate 0",
        file="nn/adamw.py",
        old="lr * (step + 1) / (warmup + 1)",
        new="lr * step / warmup",
        why="A step at rate 0 is a step for nothing.",
    ),
    Mutant(
        name="schedule: full rate one step too early",
        file="nn/adamw.py",
        old="(step + 1) / (warmup + 1)",
        new="(step + 1) / warmup",
        why="The rise ends in step `warmup`, where the cosine begins; here two steps have the full rate.",
    ),
    Mutant(
        name="schedule: cosine counted from step 0",
        file="nn/adamw.py",
        old="(step - warmup) / max(1, steps - 1 - warmup)",
        new="step / max(1, steps - 1)",
        why="The rate would jump down where the warm-up ends.",
    ),
    Mutant(
        name="schedule: the last step not reached",
        file="nn/adamw.py",
        old="steps - 1 - warmup",
        new="steps - warmup",
        why="The last of `steps` steps is number steps - 1.",
    ),
    Mutant(
        name="schedule: a cosine of two steps ends halfway",
        file="nn/adamw.py",
        old="max(1, steps - 1 - warmup)",
        new="max(2, steps - 1 - warmup)",
        why="The bound is there against a division by 0 only, when warm-up takes all the steps.",
    ),
    Mutant(
        name="schedule: cosine not halved",
        file="nn/adamw.py",
        old="0.5 * (1 + math.cos",
        new="(1 + math.cos",
        why="1 + cos runs from 2 to 0, so that the rate would start near 2 lr.",
    ),
    Mutant(
        name="schedule: a whole wave instead of half a one",
        file="nn/adamw.py",
        old="math.pi * progress",
        new="2 * math.pi * progress",
        why="The rate would rise again to where it came from.",
    ),
    Mutant(
        name="schedule: down to 0",
        file="nn/adamw.py",
        old="(final + (1 - final) * 0.5",
        new="(0.5",
        why="The last rate is final * lr; at 0 the end of the training would be wasted.",
    ),
    Mutant(
        name="schedule: final added on top",
        file="nn/adamw.py",
        old="final + (1 - final) * 0.5",
        new="final + 0.5",
        why="The wave has to shrink to 1 - final, or the highest rate is lr (1 + final).",
    ),
)

LOSS_AND_OPTIMISER = (*CROSS_ENTROPY, *ADAMW, *CLIPPING, *SCHEDULE)
