"""Bug hunts in AdamW, clipping and the learning rate."""

import numpy as np

from ..checking.exercise import Exercise, numbers
from .hunt import Bug, Hunt


def _draw_adamw(rng, size):
    a, b = 1 + size // 2, 1 + size % 3
    scale = 1e-5 if size % 3 == 2 else 1.0
    step = (1, 2, 3, 10)[size % 4]
    mean = numbers(rng, 3, a, b) * scale * 0.1 * (step > 1)
    return {
        "parameter": numbers(rng, size, a, b),
        "gradient": (numbers(rng, size, a, b) + 0.5) * scale,
        "mean": mean,
        "mean_square": np.round((mean / scale) ** 2, 3) * scale**2,
        "step": step,
        "lr": 0.1,
        "decay": 0.2,
    }


def _adamw_step(parameter, gradient, mean, mean_square, step, lr, decay):
    from ..nn import AdamW

    values = {"weight": parameter.copy()}
    optimiser = AdamW(values, lr=lr, weight_decay=decay)
    optimiser.mean["weight"][:] = mean
    optimiser.mean_square["weight"][:] = mean_square
    optimiser.steps = step - 1
    optimiser.step({"weight": gradient})
    return values["weight"], optimiser.mean["weight"], optimiser.mean_square["weight"]


ADAMW_STEP = Hunt(
    title="a step of AdamW",
    source='''\
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def adamw_step(parameter, gradient, mean, mean_square, step, lr, decay):
    """One step of Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2).

    parameter, gradient, mean, mean_square : (a, b); the running means are those before this step, 0 before the first.
    step : 1 for the first step. Both means are divided by 1 - beta^step, as they start at 0 and are too small at first.
    Then parameter <- (1 - lr decay) parameter - lr mean / (sqrt(mean of squares) + EPS).
    Returns (parameter, mean, mean_square) after the step, the means as they are kept, undivided.
    """
    parameter = parameter * (1 - lr * decay)
    mean = BETA1 * mean + (1 - BETA1) * gradient
    mean_square = BETA2 * mean_square + (1 - BETA2) * gradient**2
    m = mean / (1 - BETA1**step)
    v = mean_square / (1 - BETA2**step)
    parameter = parameter - lr * m / (np.sqrt(v) + EPS)
    return parameter, mean, mean_square
''',
    exercise=Exercise("adamw_step", _draw_adamw, _adamw_step),
    bugs=(
        Bug(
            "correction of the squares without the power",
            "v = mean_square / (1 - BETA2**step)",
            "v = mean_square / (1 - BETA2)",
            "Right at the first step only. Later the mean of squares is divided by a number that is far too small, and "
            "gets up to 1000 times too large: steps shrink to a thirtieth, and training seems to stall.",
        ),
        Bug(
            "correction of the mean missing",
            "m = mean / (1 - BETA1**step)",
            "m = mean",
            "The running mean starts at 0 and is ten times too small at the first step. Without the correction "
            "training begins with steps that are too short, a warm-up that nobody asked for.",
        ),
        Bug(
            "decay coupled with the gradient",
            "parameter = parameter * (1 - lr * decay)",
            "gradient = gradient + decay * parameter",
            "Decay goes through the division by the root mean square, as in Adam with L2. Parameters with large "
            "gradients then hardly decay: it is Adam, not AdamW, and the decay of somebody else's recipe means "
            "something else.",
        ),
        Bug(
            "eps inside the root",
            "(np.sqrt(v) + EPS)",
            "np.sqrt(v + EPS)",
            "Inside the root, 1e-8 acts like 1e-4 outside. Entries with small gradients, such as embeddings of rare "
            "tokens, move many times too little.",
        ),
        Bug(
            "betas exchanged for the squares",
            "mean_square = BETA2 * mean_square + (1 - BETA2) * gradient**2",
            "mean_square = BETA1 * mean_square + (1 - BETA1) * gradient**2",
            "The mean of squares forgets after ten steps, not a thousand, and its correction is that of another beta. "
            "Steps are far too short at first, and jump after every large gradient is forgotten.",
        ),
        Bug(
            "decay without the learning rate",
            "parameter * (1 - lr * decay)",
            "parameter * (1 - decay)",
            "Decay is not scaled by the learning rate: at lr = .001 it is a thousand times too strong, weights go to "
            "0, and it doesn't fade when the learning rate does.",
        ),
        Bug(
            "corrected mean kept",
            "    m = mean / (1 - BETA1**step)\n",
            "    m = mean = mean / (1 - BETA1**step)\n",
            "The corrected mean is kept and corrected again at the next step. Early gradients count several times, and "
            "the first dozen steps are far too long.",
        ),
    ),
)


def _draw_clip_gradients(rng, size):
    shapes = [(size,), (1, size + 1), (2, 2)][: 2 + size % 2]
    gradients = [numbers(rng, size, *shape) + 0.5 for shape in shapes]
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return {"gradients": gradients, "max_norm": 1.0 if size % 2 else float(np.ceil(norm) + 1)}


def _clip_gradients(gradients, max_norm):
    norm = float(np.linalg.norm(np.concatenate([g.ravel() for g in gradients])))
    return [g * max_norm / norm if norm > max_norm else g for g in gradients], norm


def _keeps_the_direction(function, inputs, got):
    before = np.concatenate([g.ravel() for g in inputs["gradients"]])
    after = np.concatenate([np.ravel(g) for g in got[0]])
    cosine = before @ after / (np.linalg.norm(before) * np.linalg.norm(after))
    return f"the cosine between before and after is {cosine:.4f}, expected 1" if abs(cosine - 1) > 1e-9 else None


def _stays_below(function, inputs, got):
    norm = np.linalg.norm(np.concatenate([np.ravel(g) for g in got[0]]))
    highest = inputs["max_norm"]
    if norm <= highest * (1 + 1e-9):  # rounding
        return None
    return f"the norm after clipping is {norm:.6g}, expected at most {highest:g}"


CLIP_GRADIENTS = Hunt(
    title="clipping gradients by their common norm",
    source='''\
def clip_gradients(gradients, max_norm):
    """Scale all gradients by one number, so that their common norm is at most max_norm; smaller ones stay as they are.

    gradients : list of arrays; max_norm : float, above 0.
    Returns (list of clipped arrays, the norm of all entries together before clipping).
    By hand: [[3], [4]] with max_norm 1 gives [[.6], [.8]] and 5; with max_norm 10 nothing changes.
    """
    squares = [(g**2).sum() for g in gradients]
    norm = np.sqrt(sum(squares))
    scale = max_norm / max(norm, max_norm)
    return [g * scale for g in gradients], norm
''',
    exercise=Exercise(
        "clip_gradients", _draw_clip_gradients, _clip_gradients, rules=(_keeps_the_direction, _stays_below)
    ),
    bugs=(
        Bug(
            "scaled up when small",
            "scale = max_norm / max(norm, max_norm)",
            "scale = max_norm / norm",
            "Gradients below max_norm are scaled up to it. Near the minimum, where gradients should fade, every step "
            "is as long as the longest, and the loss never settles.",
        ),
        Bug(
            "each array by itself",
            "    scale = max_norm / max(norm, max_norm)\n    return [g * scale for g in gradients], norm\n",
            "    scales = [max_norm / max(np.sqrt(square), max_norm) for square in squares]\n"
            "    return [g * scale for g, scale in zip(gradients, scales)], norm\n",
            "Every array has its own scale, so the direction of the step changes: large gradients are shortened, small "
            "ones are not, and the common norm may still be above max_norm.",
        ),
        Bug(
            "norms added up",
            "    squares = [(g**2).sum() for g in gradients]\n    norm = np.sqrt(sum(squares))\n",
            "    norms = [np.sqrt((g**2).sum()) for g in gradients]\n    norm = sum(norms)\n",
            "The sum of norms is larger than the norm of all entries together, the more arrays the larger. A deeper "
            "model is clipped harder for no reason, and its reported norm means nothing.",
        ),
        Bug(
            "largest entry for the norm",
            "    squares = [(g**2).sum() for g in gradients]\n    norm = np.sqrt(sum(squares))\n",
            "    squares = [(g**2).max() for g in gradients]\n    norm = np.sqrt(sum(squares))\n",
            "Only the largest entry of each array is counted. The norm is many times too small, so clipping comes too "
            "late and does too little.",
        ),
        Bug(
            "norm after clipping returned",
            "return [g * scale for g in gradients], norm",
            "return [g * scale for g in gradients], norm * scale",
            "The norm after clipping is returned, which is never above max_norm. Who watches it, or checks it for an "
            "explosion, sees a calm training whatever happens.",
        ),
    ),
)


# Learning rate ------------------------------------------------------------------------------------


def _draw_learning_rate(rng, size):
    warmup = 1 + size // 2
    steps = warmup + 3 + size
    return {"step": int(rng.integers(0, steps)), "steps": steps, "warmup": warmup, "highest": 1.0, "lowest": 0.1}


def _learning_rates(steps, warmup, highest, lowest):
    rise = np.linspace(0, highest, warmup + 2)[1:-1]  # (warmup,)
    fall = np.cos(np.linspace(0, np.pi, steps - warmup))  # (steps - warmup,), from 1 to -1
    return np.concatenate([rise, (highest + lowest) / 2 + (highest - lowest) / 2 * fall])  # (steps,)


def _learning_rate(step, **inputs):
    return float(_learning_rates(**inputs)[step])


def _has_the_right_ends(function, inputs, got):
    expected = _learning_rates(**{name: value for name, value in inputs.items() if name != "step"})
    for step, place in ((0, "the first step"), (inputs["warmup"], "the top"), (inputs["steps"] - 1, "the last step")):
        rate = float(function(**inputs | {"step": step}))
        if abs(rate - expected[step]) > 1e-9:
            return f"at {place}, step {step}, the rate is {rate:.6g}, expected {expected[step]:.6g}"
    return None


LEARNING_RATE = Hunt(
    title="a learning rate with warm-up and cosine decay",
    source='''\
def learning_rate(step, steps, warmup, highest, lowest):
    """The rate at a step, counted from 0 to steps - 1: a straight rise, then half a cosine wave down.

    Rise: step 0 has highest / (warmup + 1), each later one as much more, so that step `warmup` is the first with
    `highest`. Then down to `lowest`, which the last step, steps - 1, has. Returns a number.
    By hand: warmup 1, highest 1, lowest 0, steps 4: 0.5, 1, 0.5, 0.
    """
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    progress = (step - warmup) / (steps - 1 - warmup)
    wave = 0.5 * (1 + np.cos(np.pi * progress))
    return lowest + (highest - lowest) * wave
''',
    exercise=Exercise("learning_rate", _draw_learning_rate, _learning_rate, rules=(_has_the_right_ends,)),
    bugs=(
        Bug(
            "wave begins with the first step",
            "progress = (step - warmup) / (steps - 1 - warmup)",
            "progress = step / (steps - 1)",
            "The cosine is counted from step 0, so the rate drops where the warm-up ends, and never reaches the "
            "highest that was asked for. The curve looks right unless the warm-up is long.",
        ),
        Bug(
            "first step with rate 0",
            "highest * (step + 1) / (warmup + 1)",
            "highest * step / warmup",
            "The first step has the rate 0: a batch is computed and thrown away, and the rise is steeper than planned. "
            "Who watches the first loss wonders why it doesn't move.",
        ),
        Bug(
            "lowest added to the whole wave",
            "lowest + (highest - lowest) * wave",
            "lowest + highest * wave",
            "The wave should span highest - lowest. At its top the rate is highest + lowest, a tenth too large, right "
            "after the warm-up, where training is most easily upset.",
        ),
        Bug(
            "whole wave for a half",
            "np.cos(np.pi * progress)",
            "np.cos(2 * np.pi * progress)",
            "A whole wave comes back up: the last steps have the highest rate, just when the loss should settle. "
            "Half-way through, everything looks right.",
        ),
        Bug(
            "last step never reached",
            "(step - warmup) / (steps - 1 - warmup)",
            "(step - warmup) / (steps - warmup)",
            "Steps are counted from 0, so the last is steps - 1, and the rate never gets down to `lowest`. In a long "
            "training it hardly matters, in a short one it does, and a plan's last value is not what it says.",
        ),
    ),
)

HUNTS = (ADAMW_STEP, CLIP_GRADIENTS, LEARNING_RATE)
