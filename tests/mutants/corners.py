"""Mistakes that show in a corner only: ties, copies, huge numbers, float32, the second epoch, the eleventh block."""

from .mutant import Mutant

CORNERS = (
    Mutant(
        name="training: the same order in every epoch",
        file="training/batches.py",
        old="self.generator.permutation(self.n)",
        new="np.random.default_rng(0).permutation(self.n)",
        why="Shuffled once, rows always meet the same others in a batch; every row still comes once an epoch.",
    ),
    Mutant(
        name="training: batches by length come in one order",
        file="training/batches.py",
        old="[*pool[self.generator.permutation(full)], last]",
        new="[*pool, last]",
        why="Short rows would always come before long ones.",
    ),
    Mutant(
        name="training: all rows are sorted by length together",
        file="training/batches.py",
        old="range(0, self.n, POOLED * self.batch_size)",
        new="range(0, self.n, self.n)",
        why="A pool would be cut, and its rows beyond 16 batches never come.",
    ),
    Mutant(
        name="training: rows of one length always meet in one order",
        file="training/batches.py",
        old="pool = pool[np.argsort(self.lengths[pool], kind=\"stable\")]",
        new="pool = np.sort(pool)[np.argsort(self.lengths[np.sort(pool)], kind=\"stable\")]",
        why="A batch would have the same rows in every epoch.",
    ),
    Mutant(
        name="split: lengths end where the answer begins",
        file="tasks/examples.py",
        old="return self.mask.shape[1] - self.mask[:, ::-1].argmax(axis=1)",
        new="return self.mask.argmax(axis=1) + 1",
        why="Answers of several tokens make a row longer.",
    ),
    Mutant(
        name="training: a batch larger than the data is cut short",
        file="training/batches.py",
        old="while len(self.waiting) < self.batch_size:",
        new="if len(self.waiting) < self.batch_size:",
        why="A batch of B has B rows; if the data have fewer, it takes several epochs to fill it.",
    ),
    Mutant(
        name="training: an update though the loss is NaN",
        file="training/step.py",
        old="if not math.isfinite(loss):  #",
        new="if False:  #",
        why="Nothing is to be learned from a step whose loss is not a number, whatever its gradient looks like.",
    ),
    Mutant(
        name="training: an infinite gradient goes unnoticed",
        file="training/step.py",
        old="if not (math.isfinite(loss) and math.isfinite(norm)):",
        new="if not math.isfinite(loss):",
        why="Such a step updates nothing, so the loss stays finite and the run goes on for ever without learning.",
    ),
    Mutant(
        name="training: a last finite loss before the first step",
        file="training/step.py",
        old="last_loss=None, objective_of=None\n",
        new="last_loss=math.nan, objective_of=None\n",
        why="There was none, which is None; NaN is no finite loss.",
    ),
    Mutant(
        name="training: first epoch in the order of the data",
        file="training/batches.py",
        old="self.waiting = np.empty(0, np.int64)",
        new="self.waiting = np.arange(n)",
        why="Data that come sorted by class would begin with batches of one class each.",
    ),
    Mutant(
        name="Transformer: every array's initial weights from the same draws",
        file="nn/transformer.py",
        old="std * rng.standard_normal(view.shape)",
        new="std * np.random.default_rng(rng.bit_generator.seed_seq.entropy).standard_normal(view.shape)",
        why="A generator made anew for each array starts over: all blocks begin as copies of one another.",
    ),
    Mutant(
        name="Transformer: initial weights uniform",
        file="nn/transformer.py",
        old="std * rng.standard_normal(view.shape)",
        new="std * np.sqrt(3) * rng.uniform(-1, 1, view.shape)",
        why="The standard deviation is right and the distribution is not: GPT-2's is normal.",
    ),
    Mutant(
        name="Transformer: one of the two mask buffers taken for a parameter",
        file="nn/transformer.py",
        old='(".attn.bias", ".attn.masked_bias")',
        new='".attn.bias"',
        why="Older GPT-2 state dicts hold both attn.bias and attn.masked_bias; neither is learned.",
    ),
    Mutant(
        name="Transformer: block 1 reads block 10's parameters",
        file="nn/transformer.py",
        old='prefix = f"h.{layer}."',
        new=(
            'prefix = f"h.{layer}"\n'
            '        return {name.split(".", 2)[2]: p for name, p in self.parameters.items() '
            "if name.startswith(prefix)}"
        ),
        why='Without the point, "h.1" is how "h.10" begins, too; models of up to ten blocks can\'t tell.',
    ),
    Mutant(
        name="GELU: tanh written out with exp",
        file="nn/gelu.py",
        old="np.tanh(tanh, out=tanh)",
        new="tanh = np.exp(2 * tanh)\n    tanh = (tanh - 1) / (tanh + 1)",
        why="exp overflows where tanh is 1: in float32 from inputs of 10 on, and inf / inf is nan.",
    ),
    Mutant(
        name="attention: hidden scores set to -1e9",
        file="nn/attention.py",
        old="np.copyto(scores, -np.inf,",
        new="np.copyto(scores, -1e9,",
        why="Low enough for most scores, and a number all the same; nothing is lower than -inf.",
    ),
    Mutant(
        name="cross-entropy: right token picked by a product with 0s and 1s",
        file="nn/cross_entropy.py",
        old="-log_p[rows, right].mean()",
        new="-(np.eye(logits.shape[-1], dtype=logits.dtype)[right] * log_p).sum(axis=-1).mean()",
        why="0 times -inf is NaN: a token that is ruled out must not be read, as the right one is another.",
    ),
    Mutant(
        name="cross-entropy: loss of a token cut off at 10,000",
        file="nn/cross_entropy.py",
        old="log_p = shifted - log_sum  #",
        new=(
            "log_p = np.maximum((shifted - log_sum).real, -1e4) + 1j * (shifted - "
            "log_sum).imag if np.iscomplexobj(shifted) else np.maximum(shifted - log_sum, -1e4)  #"
        ),
        why="Above the bound the loss no longer says how wrong a token is, and its gradient is another function's.",
    ),
    Mutant(
        name="AdamW: a step at rate 0 skipped",
        file="nn/adamw.py",
        old="        self._check(gradients)\n",
        new="        self._check(gradients)\n        if not lr:\n            return\n",
        why="The parameters stay, but the means have seen a gradient, and the bias correction counts it.",
    ),
    Mutant(
        name="data: room for one square only",
        file="cluster/_validation.py",
        old="np.sqrt(np.finfo(x.dtype).max / x.size) / 2",
        new="np.sqrt(np.finfo(x.dtype).max) / 2",
        why="Inertia is a sum over all entries, and overflows though none of its terms does.",
        tests=("cluster/test_kmeans.py",),
    ),
    Mutant(
        name="labels: sorted as text",
        file="cluster/_validation.py",
        old="key=found.__getitem__",
        new="key=lambda place: str(found[place])",
        why="As text 10 comes before 9.",
        tests=("cluster/test_metrics.py",),
    ),
    Mutant(
        name="cross-subgroup score: labels joined by NumPy",
        file="cluster/neighbors.py",
        old="encode_labels([*labels, *reference_labels], name)",
        new="encode_labels(np.concatenate([labels, reference_labels]), name)",
        why='np.concatenate turns 1 into "1" if there are strings among the others, and two groups into one.',
    ),
    Mutant(
        name="regrouping null: counts in half precision",
        file="cluster/nulls.py",
        old="table.astype(np.float64)",
        new="table.astype(np.float16)",
        why="float16 counts to 2048 and no further without gaps; small data hide it.",
    ),
)
