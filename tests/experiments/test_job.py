"""A job that is stopped anywhere and taken up again ends like the one that nobody stopped: bit for bit."""

import signal
from dataclasses import replace

import numpy as np
import pytest

from minicluster.experiments import Job, Settings, job as job_module
from minicluster.experiments.job import discard, forget_former, former_path, require_same, run_job, saved
from minicluster.training import Checkpoint, CheckpointError, Progress, load_checkpoint, save_checkpoint

SMALL = Settings(
    n_tasks=3, n_distributions=2, n_inputs=4, n_instructions=6, n_unseen_instructions=3, n_held_out_inputs=1,
    d_model=8, n_layers=2, n_heads=2, steps=9, batch_size=8, n_recordings=4, restarts=2,
)  # fmt: skip


class Interrupting(Progress):
    """Ctrl-C, when so many steps of something are done."""

    def __init__(self, total, label, when, at):
        super().__init__(total, label)
        self.at = at if label.endswith(when) else None

    def update(self, step, **figures):
        if step == self.at:
            signal.raise_signal(signal.SIGINT)


def interrupted(when, at):
    return lambda total, label: Interrupting(total, label, when, at)


@pytest.fixture(scope="module")
def whole():
    return run_job(Job(SMALL, 4, 9))


@pytest.fixture
def job(tmp_path):
    return Job(SMALL, 4, 9, path=tmp_path / "checkpoint.npz")


def assert_same(one, other):
    assert one.results == other.results and one.config == other.config and one.loss == other.loss
    for attribute in ("parameters", "result_arrays"):
        pair = getattr(one, attribute), getattr(other, attribute)
        assert pair[0].keys() == pair[1].keys()
        for name, array in pair[0].items():
            np.testing.assert_array_equal(array, pair[1][name])
            assert array.dtype == pair[1][name].dtype


@pytest.mark.parametrize("step", range(1, 10))
def test_stopped_after_any_step(job, whole, step):
    with pytest.raises(KeyboardInterrupt):
        run_job(job, interrupted("training", step))
    left = load_checkpoint(job.path)
    assert (left.step, left.finished) == (step, False)
    assert_same(run_job(replace(job, resume=True)), whole)
    assert_same(load_checkpoint(job.path), whole)  # which is kept


def test_stopped_again_and_again(job, whole):
    for step in (2, 3, 4, 7, 9):
        with pytest.raises(KeyboardInterrupt):
            run_job(replace(job, resume=True), interrupted("training", step))
        assert load_checkpoint(job.path).step == step
    assert_same(run_job(replace(job, resume=True)), whole)


def test_stopped_while_clusters_are_sought(job, whole):
    with pytest.raises(KeyboardInterrupt):
        run_job(job, interrupted("clustering", 2))
    left = load_checkpoint(job.path)
    assert left.step == 9 and not left.finished and [r.step for r in left.recordings] == [0, 1, 2, 4, 9]
    assert_same(run_job(replace(job, resume=True)), whole)


def test_checkpoints_on_the_way_change_nothing(job, whole, monkeypatch):
    writes = []

    class Eager(job_module.CheckpointWriter):
        def due(self):
            return True

        def save(self, checkpoint, quietly=False):
            writes.append(checkpoint.step)
            return super().save(checkpoint, quietly)

    monkeypatch.setattr(job_module, "CheckpointWriter", Eager)
    assert_same(run_job(job), whole)
    assert writes == [*range(1, 10), 9]


def test_a_finished_job_is_not_run_again(job, whole, monkeypatch):
    run_job(job)
    monkeypatch.setattr(job_module, "Training", lambda *arguments: pytest.fail("it was run again"))
    assert_same(run_job(replace(job, resume=True)), whole)


def test_nothing_there_is_the_beginning(job, whole):
    assert saved(replace(job, resume=True)) is None
    assert_same(run_job(replace(job, resume=True)), whole)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"settings": replace(SMALL, steps=8)}, "steps = 8, but FILE was written with steps = 9"),
        (
            {"settings": replace(SMALL, lr=0.5, share=3)},
            "lr = 0.5, share = 3, but FILE was written with lr = 0.001, share = 1",
        ),
        ({"seed": 5}, "seed = 5, but FILE was written with seed = 4"),
        ({"data_seed": 4}, "data_seed = 4, but FILE was written with data_seed = 9"),
        ({"backend": "numpy"}, "backend = numpy, but FILE was written with backend = numba"),
    ],
)
def test_other_settings_are_named_with_both_values(job, other, message):
    if "backend" in other and job.config()["backend"] == "numpy":
        pytest.skip("there is one backend only, as Numba's compiler is switched off")
    with pytest.raises(KeyboardInterrupt):
        run_job(job, interrupted("training", 3))
    before = job.path.read_bytes()
    with pytest.raises(CheckpointError) as caught:
        run_job(replace(job, resume=True, **other))
    assert str(caught.value).replace(str(job.path), "FILE").startswith(message) and "\n" not in str(caught.value)
    assert job.path.read_bytes() == before


def test_other_data_under_the_same_settings_are_noticed(job):
    with pytest.raises(KeyboardInterrupt):
        run_job(job, interrupted("training", 3))
    left = load_checkpoint(job.path)
    save_checkpoint(job.path, replace(left, config={**left.config, "data_digest": "0" * 64}))
    with pytest.raises(CheckpointError, match="the data differ"):
        run_job(replace(job, resume=True))


def test_beginning_anew_keeps_what_is_as_good_and_puts_the_rest_aside(job):
    with pytest.raises(KeyboardInterrupt):
        run_job(job, interrupted("training", 3))
    assert discard(job).step == 3 and job.path.exists() and not former_path(job).exists()
    assert discard(replace(job, settings=replace(SMALL, steps=8))).step == 3
    assert not job.path.exists() and load_checkpoint(former_path(job)).step == 3
    assert discard(job) is None
    run_job(job)
    assert discard(job).finished and not job.path.exists() and load_checkpoint(former_path(job)).finished
    for _ in range(2):
        forget_former(job)
        assert not former_path(job).exists()


def test_beginning_anew_moves_nothing_that_is_not_ours(job):
    job.path.write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="expected an npz file; it would be replaced, so move it away first"):
        discard(job)
    assert job.path.read_bytes() == b"no checkpoint"


def test_settings_that_a_checkpoint_lacks_differ(job):
    with pytest.raises(CheckpointError, match="lr = 0.001, but x.npz was written with lr = None"):
        config = job.config()
        require_same(config, Checkpoint({name: config[name] for name in config if name != "lr"}, 1, {}), "x.npz")
