"""Forgotten checks of arguments: what they let through, a kernel takes as places in somebody else's memory."""

from .mutant import Mutant

REFUSALS = ("kernels/test_arguments.py",)

ARGUMENTS = (
    Mutant(
        name="integers: whatever NumPy counts among them",
        file="checks.py",
        old="if array.dtype.kind not in \"iu\":",
        new="if not np.issubdtype(array.dtype, np.integer):",
        why="NumPy's time differences are integers to it, and not-a-time is neither below 0 nor above V - 1.",
        tests=REFUSALS,
    ),
    Mutant(
        name="tokens: negative ones allowed",
        file="checks.py",
        old="if tokens.min() < 0 or tokens.max() >= vocab_size:",
        new="if tokens.max() >= vocab_size:",
        why="Row -1 is the last one to NumPy; to a kernel it may be what lies before the array.",
        tests=REFUSALS,
    ),
    Mutant(
        name="tokens: one too many",
        file="checks.py",
        old="if tokens.min() < 0 or tokens.max() >= vocab_size:",
        new="if tokens.min() < 0 or tokens.max() > vocab_size:",
        why="Of V rows the last is V - 1.",
        tests=REFUSALS,
    ),
    Mutant(
        name="start: after its own query",
        file="checks.py",
        old="(start > np.arange(T))",
        new="(start > T)",
        why="Such a query sees no key, and its softmax divides 0 by 0.",
        tests=REFUSALS,
    ),
    Mutant(
        name="targets: one too many",
        file="checks.py",
        old="(targets >= V)",
        new="(targets > V)",
        why="Of V logits the last is V - 1.",
        tests=REFUSALS,
    ),
    Mutant(
        name="floats: of any dtype",
        file="kernels/arguments.py",
        old="if dtype is None and array.dtype in FLOATS:",
        new="if dtype is None:",
        why="Numba would compile the kernel anew, for integers say, and answer something.",
        tests=REFUSALS,
    ),
    Mutant(
        name="floats: float32 beside float64",
        file="kernels/arguments.py",
        old="if array.dtype != dtype:",
        new="if array.dtype not in FLOATS:",
        why="Numba would compile the kernel anew for each mixture, and results would be of either dtype.",
        tests=REFUSALS,
    ),
    Mutant(
        name="shapes: only as many axes",
        file="kernels/arguments.py",
        old="if array.shape != shape:",
        new="if array.ndim != len(shape):",
        why="A bias that is too short is read beyond its end.",
        tests=REFUSALS,
    ),
    Mutant(
        name="max_norm: 0 allowed",
        file="checks.py",
        old="if not max_norm > 0:",
        new="if not max_norm >= 0:",
        why="Every gradient would be scaled to 0, and nothing be learnt but the decay.",
        tests=REFUSALS,
    ),
    Mutant(
        name="kernel gradient norm: of anything",
        file="kernels/adamw.py",
        old="(flat,) = float_arrays(gradients=gradients.flat)",
        new="flat = gradients.flat",
        why="Numba would compile it anew for integers, and fail on complex numbers in many lines.",
        tests=REFUSALS,
    ),
)
