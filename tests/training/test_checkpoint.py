"""A training that is put back is the training that it was; what does not fit is named, and nothing has changed then."""

import json
from dataclasses import replace

import numpy as np
import pytest

from minicluster.files import OutputError
from minicluster.nn import AdamW, Transformer, TransformerConfig
from minicluster.training import (
    Checkpoint,
    CheckpointError,
    CheckpointWriter,
    Recording,
    ShuffledBatches,
    checkpoint as checkpoints,
    describe_checkpoint,
    load_checkpoint,
    restore,
    save_checkpoint,
)


def training(seed, dtype=np.float32, d_model=8):
    """A model, its optimiser and its batches, as if some steps had been taken."""
    rng = np.random.default_rng(seed)
    model = Transformer(TransformerConfig(11, 5, d_model, 1, 2), seed=seed, dtype=dtype)
    optimizer = AdamW(model.parameters)
    optimizer.mean.flat = rng.standard_normal(optimizer.mean.flat.shape)
    optimizer.mean_square.flat = rng.random(optimizer.mean.flat.shape)
    optimizer.steps = 17
    batches = ShuffledBatches(9, 4, seed)
    next(batches)
    return model, optimizer, batches


def checkpoint_of(model, optimizer, batches):
    numbers = {"train": 0.5, "unseen_instruction": 1 / 3}
    states = {"train": np.ones((2, 3, 8), np.float32), "unseen_instruction": np.zeros((2, 1, 8), np.float32)}
    return Checkpoint(
        config={"steps": 20, "lr": 0.1, "name": "Zürich"},
        step=optimizer.steps,
        parameters=dict(model.parameters),
        optimizer={"mean": optimizer.mean.flat, "mean_square": optimizer.mean_square.flat},
        batches=batches.state,
        loss=0.1 + 0.2,
        recordings=[Recording(0, numbers, numbers, states), Recording(7, numbers, numbers, states)],
        environment={"python": "3"},
    )


@pytest.fixture
def saved(tmp_path):
    one = training(1)
    save_checkpoint(tmp_path / "checkpoint.npz", checkpoint_of(*one))
    return tmp_path / "checkpoint.npz", one


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_training_is_put_back_as_it_was(tmp_path, dtype):
    one, other = training(1, dtype), training(2, dtype)
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, checkpoint_of(*one))
    loaded = load_checkpoint(path)
    other[1].steps = 3
    restore(loaded, path, *other)
    for attribute in ("mean", "mean_square"):
        np.testing.assert_array_equal(getattr(other[1], attribute).flat, getattr(one[1], attribute).flat)
    np.testing.assert_array_equal(other[0].parameters.flat, one[0].parameters.flat)
    assert other[1].steps == 17
    for _ in range(5):
        np.testing.assert_array_equal(next(other[2]), next(one[2]))
    expected = checkpoint_of(*one)
    assert (loaded.config, loaded.loss, loaded.step) == (expected.config, expected.loss, 17)
    assert not loaded.finished
    assert [(r.step, r.loss, r.accuracy) for r in loaded.recordings] == [
        (r.step, r.loss, r.accuracy) for r in expected.recordings
    ]
    for recording, right in zip(loaded.recordings, expected.recordings):
        for name, states in right.states.items():
            np.testing.assert_array_equal(recording.states[name], states)
            assert recording.states[name].flags.writeable and recording.states[name].dtype == states.dtype


def test_a_finished_one_holds_results_and_no_more_than_the_model(tmp_path):
    model, _, _ = training(1)
    results = {"ari": {"train": [[0.1 + 0.2, 1 / 3]]}, "none": None}
    points = np.arange(6.0).reshape(3, 2)
    done = Checkpoint({"steps": 20}, 20, dict(model.parameters), results=results, result_arrays={"points": points})
    save_checkpoint(tmp_path / "done.npz", done)
    loaded = load_checkpoint(tmp_path / "done.npz")
    assert loaded.finished and loaded.results == results and loaded.batches is None and loaded.recordings == []
    np.testing.assert_array_equal(loaded.result_arrays["points"], points)
    with pytest.raises(CheckpointError, match="entry 'optimizer/mean' is missing"):
        restore(loaded, "done.npz", *training(1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.parameters.pop("wpe.weight"), "entry 'parameters/wpe.weight' is missing"),
        (lambda c: c.parameters.update(more=np.ones(2)), "entry 'parameters/more' is not expected"),
        (lambda c: c.optimizer.pop("mean_square"), "entry 'optimizer/mean_square' is missing"),
        (
            lambda c: c.parameters.update({"wpe.weight": np.ones((8, 5), np.float32)}),
            "entry 'parameters/wpe.weight' has shape (8, 5), expected (5, 8)",
        ),
        (
            lambda c: c.parameters.update({"wpe.weight": np.ones((5, 8))}),
            "entry 'parameters/wpe.weight' has dtype float64, expected float32",
        ),
        (lambda c: c.optimizer.update(mean=c.optimizer["mean"][:-1]), "entry 'optimizer/mean' has shape"),
        (lambda c: c.batches[1].__setitem__(0, 99), "entry 'batches/waiting' or its generator: waiting rows"),
    ],
)
def test_what_does_not_fit_is_named_and_changes_nothing(saved, change, message):
    path, _ = saved
    loaded, other, same = load_checkpoint(path), training(2), training(2)
    change(loaded)
    with pytest.raises(CheckpointError) as caught:
        restore(loaded, path, *other)
    assert message in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)
    np.testing.assert_array_equal(other[0].parameters.flat, same[0].parameters.flat)
    np.testing.assert_array_equal(other[1].mean.flat, same[1].mean.flat)
    np.testing.assert_array_equal(next(other[2]), next(same[2]))


def test_a_header_that_does_not_belong_to_its_entries_is_said_so(tmp_path):
    checkpoint = checkpoint_of(*training(1))
    path = tmp_path / "checkpoint.npz"
    for content in ({}, {"config": 3, "recordings": []}, {"recordings": [{"step": 1}]}):
        checkpoints.write_archive(path, content, {"parameters/x": np.ones(2)})
        with pytest.raises(CheckpointError, match="do not belong together"):
            load_checkpoint(path)
    checkpoints.write_archive(path, {}, {"elsewhere/x": np.ones(2)})
    with pytest.raises(CheckpointError, match="do not belong together"):
        load_checkpoint(path)
    assert checkpoint.recordings


def test_what_is_in_one_is_told_in_full(saved):
    path, (model, _, _) = saved
    text = describe_checkpoint(path)
    for expected in ("training, step 17 of 20, loss 0.3", "lr 0.1, name Zürich", "at steps 0, 7", "python 3"):
        assert expected in text
    for name in (*(f"parameters/{name}" for name in model.parameters), "optimizer/mean", "batches/waiting"):
        assert name in text
    assert "recordings/train                " in text and "(2, 2, 3, 8)" in text


# The writer -----------------------------------------------------------------------------------------


class Clock:
    """Time that passes when it is told to, and while a checkpoint is written."""

    def __init__(self, cost):
        self.now, self.cost, self.written = 0.0, cost, []

    def __call__(self):
        return self.now

    def write(self, path, checkpoint):
        self.now += self.cost
        self.written.append(self.now)


@pytest.mark.parametrize("cost", [0.001, 0.05, 2.0])
def test_writing_costs_no_more_than_its_share_of_the_time(monkeypatch, cost):
    clock = Clock(cost)
    monkeypatch.setattr(checkpoints, "save_checkpoint", clock.write)
    writer = CheckpointWriter("unused.npz", pytest.fail, clock=clock)
    first, end = checkpoints.FIRST_GUESS / checkpoints.LARGEST_SHARE, 2 + 300 * cost
    while clock.now < end:
        clock.now += cost / 50
        if writer.due():
            writer.save(None)
    assert len(clock.written) * cost <= 0.0125 * clock.now + cost
    assert len(clock.written) >= 0.0125 * (end - first) / cost - 2  # and no less


def test_the_first_one_does_not_wait_long():
    clock = Clock(0)
    writer = CheckpointWriter("unused.npz", pytest.fail, clock=clock)
    assert not writer.due()
    clock.now = 1.7
    assert writer.due()


@pytest.mark.parametrize("error", [OutputError("cannot write x: full"), CheckpointError("x: changed"), MemoryError()])
def test_what_cannot_be_written_is_told_once_and_tried_again(monkeypatch, error):
    told, working = [], False

    def save(path, checkpoint):
        if not working:
            raise error

    monkeypatch.setattr(checkpoints, "save_checkpoint", save)
    writer = CheckpointWriter("x.npz", told.append)
    assert not writer.save(None) and not writer.save(None)
    assert len(told) == 1 and "the run goes on" in told[0] and told[0].startswith("warning: ")
    assert str(error) in told[0] and ("not enough memory" in told[0] or str(error))
    working = True
    assert writer.save(None)
    working = False
    writer.save(None, quietly=True)
    assert len(told) == 1
    working = True
    assert writer.save(None)
    working = False
    writer.save(None)
    assert len(told) == 2


def test_a_checkpoint_is_plain_where_it_says_so(saved):
    path, _ = saved
    loaded = load_checkpoint(path)
    assert json.loads(json.dumps(loaded.config)) == loaded.config
    assert replace(loaded, results={}).finished
