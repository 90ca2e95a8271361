import copy
import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minicluster import jit
from minicluster.kernels import Workspace
from minicluster.kernels.memory import KEPT_STEPS
from minicluster.nn import AdamW, Parameters, Transformer, TransformerConfig, cross_entropy
from minicluster.training import train_step

CONFIG = TransformerConfig(vocab_size=11, context_length=9, d_model=8, n_layers=2, n_heads=2)
if not jit.ENABLED:
    CONFIG = TransformerConfig(vocab_size=5, context_length=3, d_model=4, n_layers=1, n_heads=2)


def workspace():
    return Workspace(Parameters({"weight": (2, 3), "bias": (3,)}, np.float32))


def small_training(seed=0):
    model = Transformer(CONFIG, seed, np.float64, backend="numba")
    return model, AdamW(model.parameters, lr=0.01)


def batch(seed=0, B=3):
    rng = np.random.default_rng(seed)
    return rng.integers(0, CONFIG.vocab_size, (2, B, CONFIG.context_length))  # tokens, targets


VIEWS = {
    "itself": lambda array: array,
    "a slice": lambda array: array[1:, :1],
    "a slice of a slice": lambda array: array[1:][:, 1:],
    "another shape": lambda array: array.reshape(-1),
    "the transposed": lambda array: array.T,
    "other numbers in the same bytes": lambda array: array.view(np.uint8),
    "a row": lambda array: array[0],
    "an iterator": lambda array: iter(array),
    "memory": lambda array: memoryview(array),
    "spread": lambda array: np.broadcast_to(array, (2, *array.shape)),
}

# One array from the workspace, or what a step does with one it holds: drop it, or hold a view in its place.
moves = st.lists(
    st.one_of(
        st.just(("new", None)),
        st.tuples(st.just("drop"), st.integers(0, 9)),
        st.tuples(st.sampled_from(sorted(VIEWS)), st.integers(0, 9)),
    ),
    max_size=30,
)


@given(moves=moves)
def test_an_array_that_somebody_holds_or_holds_a_view_of_is_not_handed_out(moves):
    memory, held = workspace(), {}  # address -> what is held
    for move, number in moves:
        if move == "new":
            array = memory.empty((3, 4), np.dtype(np.float32))
            assert array.ctypes.data not in held
            held[array.ctypes.data] = array
            del array
        elif held:
            address = list(held)[number % len(held)]
            if move == "drop":
                del held[address]
            elif isinstance(held[address], np.ndarray) and held[address].shape == (3, 4):
                held[address] = VIEWS[move](held[address])


def test_a_dropped_array_is_handed_out_again_the_last_one_first():
    memory, dtype = workspace(), np.dtype(np.float32)
    first, second = memory.empty((3, 4), dtype), memory.empty((3, 4), dtype)
    addresses = first.ctypes.data, second.ctypes.data
    del first, second
    again = memory.empty((3, 4), dtype)
    assert again.ctypes.data == addresses[1]
    assert memory.empty((3, 4), dtype).ctypes.data == addresses[0]
    assert again.flags.c_contiguous and again.ctypes.data % 64 == 0


def test_shape_and_dtype_are_as_asked():
    memory = workspace()
    for shape in ((3, 4), (4, 3), (12,), (), (0, 3)):
        for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
            array = memory.empty(shape, dtype)
            assert (array.shape, array.dtype) == (shape, dtype)
            del array


def test_a_parameter_s_gradient_has_its_place_and_other_arrays_have_none():
    parameters = Parameters({"weight": (2, 3), "bias": (3,)}, np.float32)
    memory = Workspace(parameters)
    for name, array in parameters.items():
        assert memory.gradient_of(array) is memory.gradients[name]
        assert not np.shares_memory(memory.gradient_of(array.copy()), memory.gradients.flat)
    assert memory.new_gradients(parameters) is memory.gradients


def test_public_results_stay_as_they_are():
    model, optimizer = small_training()
    tokens, targets = batch()
    logits, cache = model.forward(tokens)
    dlogits = cross_entropy(logits, targets)[1]
    gradients = model.backward(dlogits, cache)
    states = model.hidden_states(tokens)
    kept = logits.copy(), gradients.flat.copy(), states.copy(), dlogits.copy()
    for seed in range(3):
        train_step(model, optimizer, *batch(seed))
        other, other_cache = model.forward(batch(seed)[0])
        model.backward(np.ones_like(other), other_cache)
    for after, before in zip((logits, gradients.flat, states, dlogits), kept):
        np.testing.assert_array_equal(after, before)


def test_what_is_held_of_a_training_step_stays_as_it_is():
    # A training loop of one's own may keep the logits.
    model, optimizer = small_training()
    tokens, _ = batch()
    logits, cache = model.reusing_memory().forward(tokens)
    row, before = logits[0], logits[0].copy()
    del logits, cache
    for seed in range(3):
        train_step(model, optimizer, *batch(seed))
    np.testing.assert_array_equal(row, before)


def test_two_forwards_before_the_backwards():
    model, _ = small_training()
    expected, results = [], []
    for seed in (0, 1):
        logits, cache = model.forward(batch(seed)[0])
        expected.append(model.backward(logits, cache).flat)
    for of in (model, model.reusing_memory()):
        forwards = [of.forward(batch(seed)[0]) for seed in (0, 1)]
        results.append([of.backward(logits, cache).flat.copy() for logits, cache in forwards])
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_training_reuses_its_memory():
    model, optimizer = small_training()
    train_step(model, optimizer, *batch())
    train_step(model, optimizer, *batch())
    pooled = model.reusing_memory().operations._memory._arrays
    before = {key: [array.array.ctypes.data for array in arrays] for key, arrays in pooled.items()}
    for seed in range(5):
        train_step(model, optimizer, *batch(seed))
    after = {key: [array.array.ctypes.data for array in arrays] for key, arrays in pooled.items()}
    assert {key: sorted(arrays) for key, arrays in after.items()} == {k: sorted(a) for k, a in before.items()}
    # Not one for each of the layers either: what a layer only needs for a moment, the next one uses.
    wide = (3 * CONFIG.context_length, CONFIG.d_ff), model.dtype
    assert len(pooled[wide]) <= 2 * CONFIG.n_layers + 1  # gated and slope of each block, and one gradient


def test_a_model_that_has_been_trained_can_be_copied_and_pickled():
    model, optimizer = small_training()
    train_step(model, optimizer, *batch())
    copies = [copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer)))]
    before = model.parameters.flat.copy()
    for other, other_optimizer in copies:
        assert not np.shares_memory(other.parameters.flat, model.parameters.flat)
        np.testing.assert_array_equal(other.parameters.flat, before)
        results = train_step(other, other_optimizer, *batch(1))
        np.testing.assert_array_equal(model.parameters.flat, before)
        assert (other.parameters.flat != before).any()
    expected = train_step(model, optimizer, *batch(1))
    for other, _ in copies:
        assert results == expected
        np.testing.assert_array_equal(other.parameters.flat, model.parameters.flat)


def test_memory_of_shapes_that_are_no_longer_asked_for_is_let_go():
    model, optimizer = small_training()
    train_step(model, optimizer, *batch(B=2))
    pooled = model.reusing_memory().operations._memory._arrays
    short = {kind for kind in pooled if 2 * CONFIG.context_length in kind[0]}  # rows of that batch
    assert short
    for _ in range(KEPT_STEPS - 1):
        train_step(model, optimizer, *batch(B=4))
    assert short <= pooled.keys()  # lengths may take turns
    for _ in range(2):
        train_step(model, optimizer, *batch(B=4))
    assert not short & pooled.keys()


def test_a_model_for_training_made_of_one_for_training_has_the_same_workspace():
    model = Transformer(TransformerConfig(5, 4, 8, 1, 2), backend="numba")
    once = model.reusing_memory()
    assert once.reusing_memory().operations is once.operations
