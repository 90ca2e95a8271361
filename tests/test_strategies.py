import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import assume, find, given, settings
from hypothesis import strategies as st

from minicluster import strategies
from minicluster.gradcheck import GradientError, check_gradients
from minicluster.strategies import (
    layer_inputs,
    layer_sizes,
    masks,
    starts,
    token_arrays,
    transformer_configs,
    well_conditioned_arrays,
)


@given(shape=st.lists(st.integers(1, 5), max_size=3).map(tuple), data=st.data())
def test_arrays_are_tame(shape, data):
    array = data.draw(well_conditioned_arrays(shape))
    assert array.shape == shape and array.dtype == np.float64
    magnitudes = np.sort(np.abs(array), axis=None)
    assert 0.1 < magnitudes[0] and magnitudes[-1] < 2
    # No ties: half of the average distance at least, less rounding.
    assert (np.diff(magnitudes) > 0.499 * (2 - 0.1) / array.size).all()


def test_arrays_have_both_signs_and_the_magnitudes_asked_for():
    rng_arrays = [find(well_conditioned_arrays((50,), 3, 5), lambda a, sign=sign: sign * a[0] > 0) for sign in (1, -1)]
    for array in rng_arrays:
        assert np.abs(array).min() > 3 and np.abs(array).max() < 5
        assert 5 < (array > 0).sum() < 45  # 25 of 50; beyond 5 or 45 with a probability below 1e-8


@pytest.mark.parametrize("least, most", [(0, 1), (2, 1), (1, 1), (1, np.inf), (np.nan, 1)])
def test_magnitudes_out_of_order_are_named(least, most):
    with pytest.raises(ValueError, match=f"least = {least}, most = {most}, expected 0 < least < most"):
        well_conditioned_arrays((2,), least, most)


@given(layer_inputs({"x": "... n_in", "weight": "n_in n_out", "bias": "n_out", "two": "2 n_in", "scalar": ""}))
def test_shapes_of_a_layer_fit(inputs):
    n_in, n_out = inputs["weight"].shape
    assert inputs["x"].shape[-1] == n_in and inputs["bias"].shape == (n_out,)
    assert inputs["two"].shape == (2, n_in) and inputs["scalar"].shape == ()
    assert (inputs["x"] @ inputs["weight"] + inputs["bias"]).shape == (*inputs["x"].shape[:-1], n_out)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda inputs: inputs["x"].ndim == 1,
        lambda inputs: inputs["x"].ndim == 3,
        lambda inputs: inputs["weight"].shape == (1, 1),
        lambda inputs: inputs["weight"].shape == (3, 2),
        lambda inputs: inputs["x"].shape[0] == 4,
    ],
)
def test_sizes_vary(wanted):
    find(layer_inputs({"x": "... n_in", "weight": "n_in n_out"}), wanted)


@given(layer_inputs({"x": "... n", "y": "m"}, min_size=2, max_size=3))
def test_sizes_keep_to_their_bounds(inputs):
    assert set(inputs["x"].shape + inputs["y"].shape) <= {2, 3}


@given(layer_inputs({"q": "n d", "k": "n d", "scale": "d", "bias": "d"}))
def test_arrays_of_one_layer_differ(inputs):
    """Else a backward that takes one for the other would pass."""
    assert not (inputs["q"] == inputs["k"]).any()
    assert not (inputs["scale"] == inputs["bias"]).any()


@pytest.mark.parametrize("axis", ["0", "-1", "2.5", "n-1", "…"])
def test_an_axis_that_is_none_is_named(axis):
    with pytest.raises(ValueError, match="shapes\\['x'\\] has an axis '.*', expected a name, a number or '...'"):
        layer_inputs({"x": f"B {axis}"})


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: layer_inputs(["x"]), TypeError, "shapes = ['x'], expected a dict"),
        (lambda: layer_inputs({"x": (3, 4)}), TypeError, "shapes['x'] = (3, 4), expected a string of axes"),
        (lambda: layer_inputs({"x": "... ... n"}), ValueError, "shapes['x'] = '... ... n', expected '...' once"),
        (lambda: layer_inputs({"x": "n"}, max_size=0), ValueError, "max_size = 0, expected at least 1"),
        (lambda: layer_inputs({"x": "n"}, min_size=5), ValueError, "max_size = 4, expected at least 5"),
        (lambda: layer_inputs({"x": "n"}, max_size=None), TypeError, "max_size = None, expected a whole number"),
        (lambda: layer_inputs({"x": "n"}, least=3), ValueError, "least = 3, most = 2.0, expected 0 < least < most"),
        (lambda: well_conditioned_arrays((2,), least="a"), TypeError, "least = 'a', most = 2.0, expected numbers"),
        (lambda: layer_sizes(["B"]), TypeError, "names = ['B'], expected a string of names"),
        (lambda: layer_sizes("B", max_size=0), ValueError, "max_size = 0, expected at least 1"),
        (lambda: well_conditioned_arrays(3), TypeError, "shape = 3, expected a tuple of sizes"),
        (lambda: well_conditioned_arrays((0,)), ValueError, "a size in shape = 0, expected at least 1"),
        (lambda: masks((2, -1)), ValueError, "a size in shape = -1, expected at least 1"),
        (lambda: starts(0, 3), ValueError, "a size in (B, T) = 0, expected at least 1"),
        (lambda: token_arrays((2,), 0), ValueError, "vocab_size = 0, expected at least 1"),
        (lambda: transformer_configs(max_size=0), ValueError, "max_size = 0, expected at least 1"),
    ],
)
def test_bad_arguments_are_named_at_once(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


@given(layer_sizes("B T C", max_size=3))
def test_sizes_are_small(sizes):
    assert len(sizes) == 3 and all(1 <= size <= 3 for size in sizes)


@given(sizes=layer_sizes("B T"), data=st.data())
def test_masks_starts_and_tokens(sizes, data):
    B, T = sizes
    mask, start = data.draw(masks((B, T))), data.draw(starts(B, T))
    assert mask.shape == (B, T) and mask.dtype == bool and mask.any()
    assert start is None or (start.dtype == np.int64 and (start >= 0).all() and (start <= np.arange(T)).all())
    tokens = data.draw(token_arrays((B, T), 5))
    assert tokens.dtype == np.int64 and tokens.shape == (B, T) and tokens.min() >= 0 and tokens.max() < 5


@pytest.mark.parametrize(
    "wanted",
    [lambda start: start is None, lambda start: start is not None and (start == np.arange(3)).all()],
    ids=["none", "only itself"],
)
def test_starts_vary(wanted):
    find(starts(2, 3), wanted)


@given(transformer_configs())
def test_configurations_are_small(config):
    assert config.d_model % config.n_heads == 0 and config.d_model <= 16
    assert config.n_layers <= 2 and max(config.vocab_size, config.context_length, config.d_ff) <= 4


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("width", [1, 4])
def test_configurations_vary(tied, width):
    find(transformer_configs(), lambda config: config.tie_embeddings == tied and config.d_model == width)


# The example of the docstring ---------------------------------------------------------------------


def example_of_the_docstring():
    """The names that the docstring's indented lines define."""
    lines = strategies.__doc__.splitlines()
    names = {"np": np, "given": given}
    exec(textwrap.dedent("\n".join(line for line in lines if line.startswith("    ") or not line)), names)
    return names


def test_the_example_passes():
    example_of_the_docstring()["test_gated_linear"]()


def test_the_planted_bug_is_found():
    names = example_of_the_docstring()
    right = names["gated_backward"]

    def one_path_forgotten(dy, cache):
        x, gate, weight, opening, value = cache
        return {**right(dy, cache), "x": (dy * opening) @ weight.T}

    names["gated_backward"] = one_path_forgotten
    with pytest.raises(GradientError, match="gradient of input 'x' is wrong"):
        settings(print_blob=False)(names["test_gated_linear"])()


@given(layer_inputs({"x": "n"}))
def test_kinks_and_ties_are_avoided(inputs):
    """Maximum and ReLU have derivatives wherever these strategies go."""
    assume(inputs["x"].size > 1)

    def forward(x):
        order = x.real.argsort()
        return (x * (x.real > 0)).sum() + x[order[-1]] - x[order[0]], x

    def backward(dout, x):
        dx = dout * (x > 0).astype(float)
        dx[x.argmax()] += dout
        dx[x.argmin()] -= dout
        return {"x": dx}

    check_gradients(forward, backward, inputs)


def test_without_hypothesis_it_says_so():
    code = "import sys; sys.modules['hypothesis'] = None; import minicluster.strategies"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ImportError: minicluster.strategies needs hypothesis, which is not installed: pip install hypothesis"
    )
