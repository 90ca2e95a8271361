"""The kernels against their readable twins in nn. A package, because its files have the same names as those of tests/nn."""
