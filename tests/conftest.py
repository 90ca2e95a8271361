"""Settings for all tests: Hypothesis profiles, and figures without a screen."""

import os

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib

from hypothesis import settings  # noqa: E402

# No deadline: the first call of a kernel compiles it.
settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
