"""Settings for all tests: Hypothesis profiles, figures without a screen, matrix products on one thread."""

import os

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib
# Likewise before anything imports NumPy: two threads gain nothing on matrices as small as ours, and lose tenfold on a
# machine that is busy with something else.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from hypothesis import Phase, settings  # noqa: E402

# No deadline: the first call of a kernel compiles it.
settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=500)
# For tests/run_mutants.py: the same few examples each time, and a failure is not made smaller, as nobody reads it.
# Which 20 examples these are depends on Hypothesis's version.
settings.register_profile(
    "mutants",
    deadline=None,
    max_examples=20,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    report_multiple_bugs=False,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
