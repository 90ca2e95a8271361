"""The whole model: kernels against plain NumPy, on one thread and on several, from one Python thread and from two."""

import ast
import builtins
import dis
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skips import need_the_compiler

import minicluster
from minicluster import jit, kernels
from minicluster.nn import AdamW, Transformer, TransformerConfig, cross_entropy
from minicluster.nn.operations import choose_operations
from minicluster.training import train_step

from .twins import DTYPES, seeds

few = st.integers(1, 3)


def twin_models(config, dtype, seed=0):
    """The same model with either backend, its parameters random and of size 1 over the root of the width."""
    numba, numpy = (Transformer(config, seed, dtype, backend) for backend in ("numba", "numpy"))
    rng = np.random.default_rng(seed)
    flat = rng.standard_normal(numba.parameters.flat.size) / math.sqrt(config.d_model)
    numba.parameters.flat = numpy.parameters.flat = flat
    return numba, numpy


def batch(rng, config, B, T):
    tokens, targets = rng.integers(0, config.vocab_size, (2, B, T))
    mask = rng.random((B, T)) < 0.7
    mask[0, 0] = True
    return {"tokens": tokens, "targets": targets, "mask": mask, "start": rng.integers(0, np.arange(T) + 1, (B, T))}


@given(
    B=few,
    T=st.integers(1, 20 if jit.ENABLED else 3),
    L=st.integers(1, 2),
    H=few,
    D=st.integers(1, 9 if jit.ENABLED else 2),
    tied=st.booleans(),
    seed=seeds,
)
def test_logits_states_gradients_and_steps_as_with_numpy(B, T, L, H, D, tied, seed):
    config = TransformerConfig(7, T, H * D, L, H, d_ff=5, tie_embeddings=tied)
    models, rng = twin_models(config, np.float64, seed), np.random.default_rng(seed)
    arrays, found = batch(rng, config, B, T), []
    for model in models:
        logits, cache = model.forward(arrays["tokens"], arrays["start"])
        loss, dlogits = cross_entropy(logits, arrays["targets"], arrays["mask"])
        gradients = model.backward(dlogits, cache)
        assert list(gradients) == list(model.parameters)
        states = model.hidden_states(arrays["tokens"], arrays["start"])
        optimizer = AdamW(model.parameters, lr=1e-2, eps=1e-3)
        steps = [train_step(model, optimizer, **arrays) for _ in range(2)]
        found.append((logits, loss, gradients.flat, states, steps, model.parameters.flat))
    for ours, reference in zip(*found):
        # Rounding of 1e-16, grown by a few hundred additions in each of some layers. A LayerNorm of width 1 or 2
        # magnifies it up to 300 times each. eps is far above what that makes of a gradient that should be 0, which
        # AdamW would otherwise divide by its own size.
        np.testing.assert_allclose(ours, reference, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_loss_and_norm_of_a_step_as_with_numpy(dtype):
    config = TransformerConfig(11, 20, 24, 2, 3) if jit.ENABLED else TransformerConfig(5, 3, 4, 1, 2)
    arrays = batch(np.random.default_rng(0), config, 4, config.context_length)
    ours, reference = (train_step(model, AdamW(model.parameters), **arrays) for model in twin_models(config, dtype))
    # float32 rounds to 6e-8, and sums of 100 terms in 2 layers leave some tens of that. Later steps would tell nothing:
    # what is left of a gradient that should be 0, as that of the keys' bias, AdamW divides by its own size.
    np.testing.assert_allclose(ours, reference, rtol=1e-12 if dtype == np.float64 else 1e-5)


def test_the_backend_is_the_one_that_was_asked_for():
    config = TransformerConfig(5, 3, 4, 1, 2)
    backends = {name: Transformer(config, backend=name).operations.backend for name in ("auto", "numba", "numpy")}
    assert backends == {"auto": "numba" if jit.ENABLED else "numpy", "numba": "numba", "numpy": "numpy"}
    assert Transformer(config, dtype=complex).operations.backend == "numpy"
    model = Transformer(config, backend="numba")
    assert model.reusing_memory().operations.backend == "numba"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_model_with_a_parameter_that_is_not_finite_updates_nothing(bad):
    config = TransformerConfig(5, 3, 4, 1, 2)
    for name in Transformer(config).parameters:
        model = Transformer(config, dtype=np.float64, backend="numba")
        optimizer, arrays = AdamW(model.parameters), batch(np.random.default_rng(0), config, 3, 3)
        arrays["tokens"][0] = [0, 1, 2]
        arrays["mask"][:] = True
        model.parameters[name][..., -1] = bad  # in all rows of a matrix, also those of tokens that occur
        before = model.parameters.flat.copy()
        with np.errstate(all="ignore"):
            loss, norm = train_step(model, optimizer, **arrays)
        assert not (math.isfinite(loss) and math.isfinite(norm)), name
        np.testing.assert_array_equal(model.parameters.flat, before)
        assert optimizer.steps == 0


# No BLAS: its threads and Numba's, both spinning, would wait for one another. -----------------------

BLAS = {"dot", "vdot", "vecdot", "matvec", "vecmat", "inner", "matmul", "einsum", "tensordot", "linalg", "norm"}


def uses_blas(code):
    """Whether a code object has the operator @ or names a function that calls BLAS."""
    operators = {text for one in dis.get_instructions(code) for text in (one.opname, one.argrepr)}
    return bool(operators & {"@", "@=", "BINARY_MATRIX_MULTIPLY", "INPLACE_MATRIX_MULTIPLY"} or BLAS & {*code.co_names})


def code_run_by(function):
    """The code objects of all Python functions that a call runs."""
    found, before = set(), sys.gettrace()
    sys.settrace(lambda frame, event, argument: found.add(frame.f_code))
    try:
        function()
    finally:
        sys.settrace(before)
    return found


@pytest.mark.parametrize("error", [ImportError, OSError])  # OSError: llvmlite without the library that it loads
def test_auto_is_numpy_where_numba_can_not_be_loaded(monkeypatch, error):
    def refuse(name, *arguments, **options):
        if name == "numba":
            raise error("not here")
        return load(name, *arguments, **options)

    load = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert choose_operations("auto", np.float32).backend == "numpy"
    with pytest.raises(ValueError, match="backend = 'numba', but Numba can't be imported: not here"):
        choose_operations("numba", np.float32)


def test_a_training_step_calls_no_blas():
    config = TransformerConfig(5, 3, 4, 1, 2)
    arrays = batch(np.random.default_rng(0), config, 2, 3)
    users = {}
    for model in twin_models(config, np.float64):
        optimizer = AdamW(model.parameters)
        train_step(model, optimizer, **arrays)  # compiles, or loads from the cache
        code = code_run_by(lambda: train_step(model, optimizer, **arrays))
        model.parameters["wte.weight"][0, 0] = np.nan  # a step that updates nothing
        code |= code_run_by(lambda: train_step(model, optimizer, **arrays))
        users[model.operations.backend] = {one.co_name for one in code if uses_blas(one)}
    assert users["numba"] == set()
    # To see that this test would notice: those of the plain form are found.
    assert {"linear_forward", "linear_backward", "attention_forward"} <= users["numpy"]


def test_no_kernel_is_written_with_blas():
    # With SciPy installed, Numba would compile it.
    for path in Path(kernels.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.MatMult), path
            assert not (isinstance(node, ast.Attribute) and node.attr in BLAS), (path, node.attr)


# Threads ------------------------------------------------------------------------------------------

# Several tasks of rows, of weights, of heads, and of entries of all parameters.
PROGRAM = """
import hashlib, sys, threading
import numba, numpy as np
from minicluster.nn import AdamW, Transformer, TransformerConfig
from minicluster.training import train_step

def digest(seed, threads):
    numba.set_num_threads(threads)  # of the kernels that this Python thread calls
    model = Transformer(TransformerConfig(50, 20, 32, 2, 4), seed, np.float32, backend="numba")
    optimizer, rng = AdamW(model.parameters), np.random.default_rng(seed)
    results = [train_step(model, optimizer, *rng.integers(0, 50, (2, 10, 20))) for _ in range(3)]
    return hashlib.sha256(repr(results).encode() + model.parameters.flat.tobytes()).hexdigest()

def both_at_once(threads):
    found = {}
    run = lambda seed: found.update({seed: digest(seed, threads)})
    workers = [threading.Thread(target=run, args=[seed]) for seed in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [found[0], found[1]]

print(*(line for threads in (1, 2, 3, 2) for line in (digest(0, threads), digest(1, threads))))
print(*(line for _ in range(3) for line in both_at_once(2)))
print(numba.threading_layer())
"""


def run_program(program, **environment):
    """What a program prints, run with the package under test, and three threads however many cores there are."""
    folder = str(Path(minicluster.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": folder, "NUMBA_NUM_THREADS": "3", **environment}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_results_do_not_depend_on_threads_runs_or_what_runs_at_the_same_time():
    need_the_compiler()
    # Numba's own thread pool aborts the process if two Python threads enter it at once.
    outputs = [run_program(PROGRAM), run_program(PROGRAM, NUMBA_THREADING_LAYER="workqueue")]
    assert outputs[1][2] == "workqueue"
    first, second = outputs[0][0].split()[:2]
    assert first != second
    for sequential, at_once, _ in outputs:
        assert sequential.split() == [first, second] * 4
        assert at_once.split() == [first, second] * 3


def test_parallel_kernels_are_entered_by_one_thread_at_a_time(monkeypatch):
    # What the test before can only provoke: a second thread waits until the first has left.
    inside, most, together = [], [], threading.Barrier(2)

    def kernel():
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.05)  # seconds in which another one could come in
        inside.pop()

    monkeypatch.setattr(jit, "ENABLED", True)
    monkeypatch.setattr(jit, "_with_cache", lambda function, **options: function)
    run = jit.compiled(parallel=True)(kernel)
    workers = [threading.Thread(target=lambda: (together.wait(), run())) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == [1, 1]
