"""The kernels against their readable twins in nn. A package, as its files have the same names as those of tests/nn."""
