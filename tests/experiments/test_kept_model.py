import os
from dataclasses import replace

import numpy as np
import pytest
from made_up_results import Silent

from minicluster.experiments import GeographySettings, Training, kept_model, prepare
from minicluster.experiments.kept_model import KEPT_MODELS, cache_path, kept_answerer, load, train
from minicluster.files import OutputError
from minicluster.training import CheckpointError, TrainingDiverged, load_checkpoint, save_checkpoint

TINY = GeographySettings(
    n_places=12, n_instructions=2, n_unseen_instructions=1, n_places_each=2, n_recordings=2,
    d_model=8, n_layers=2, n_heads=2, steps=3, batch_size=8,
)  # fmt: skip
QUESTION = "which money do people use in this place"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A folder for caches of the test's own."""
    monkeypatch.setattr(kept_model, "user_cache", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "minicluster"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A trained Answerer, and the bytes of its file."""
    file = tmp_path_factory.mktemp("whole") / "model.npz"
    answerer = kept_answerer(TINY, 0, "numpy", file, tell=lambda text: None, progress=Silent)
    return answerer, file.read_bytes()


def ask(settings=TINY, seed=0, backend="numpy", file=None):
    """Return the Answerer, and what was told."""
    told = []
    return kept_answerer(settings, seed, backend, file, tell=told.append, progress=Silent), told


def never(*arguments, **options):
    pytest.fail("trained again")


def question_about(answerer):
    return QUESTION.replace("this place", answerer.places[0].name)


def test_a_model_is_trained_once_then_taken_from_its_file(cache, monkeypatch):
    first, told = ask()
    assert told == ["training the model, half a minute to a minute, only this once ..."]
    assert [path.name for path in cache.iterdir()] == [cache_path(TINY, 0, "numpy").name]
    monkeypatch.setattr(kept_model, "train", never)
    again, told = ask()
    assert told == []
    assert again.answer(question_about(first)) == first.answer(question_about(first))
    assert again.places == first.places and len(again.places) == 12 and again.tasks == first.tasks
    assert again.layer == first.layer == 1 and again.landmarks.most_tokens == first.landmarks.most_tokens
    np.testing.assert_array_equal(again.landmarks.states, first.landmarks.states)
    np.testing.assert_array_equal(again.landmarks.outside, first.landmarks.outside)
    np.testing.assert_array_equal(again.landmarks.task, first.landmarks.task)
    assert again.landmarks.questions == first.landmarks.questions
    np.testing.assert_array_equal(again.model.parameters.flat, first.model.parameters.flat)
    assert again.model.config == first.model.config


def test_it_is_the_model_that_any_training_with_these_settings_gives():
    setup = prepare(TINY, 3, backend="numpy")
    Training(setup).run(Silent())
    np.testing.assert_array_equal(train(TINY, 3, "numpy", Silent).model.parameters.flat, setup.model.parameters.flat)


def test_all_that_decides_the_model_is_in_its_files_name(monkeypatch, tmp_path):
    paths = {cache_path(settings, seed, "numpy") for settings, seed in (
        (TINY, 0), (TINY, 1), (replace(TINY, steps=4), 0), (replace(TINY, strange=0.1), 0)
    )}  # fmt: skip
    assert len(paths) == 4
    assert cache_path(TINY, 0, "numpy") == cache_path(TINY, 0, "numpy")
    own = cache_path(TINY, 0, "numpy")
    first, *others = kept_model.load_places()
    for changed in (replace(first, also=("Nowhere",)), replace(first, facts=first.facts | {"capital": "Lima"})):
        with monkeypatch.context() as patch:
            patch.setattr(kept_model, "load_places", lambda: (changed, *others))
            assert cache_path(TINY, 0, "numpy") != own  # of another table
    here = kept_model.environment("numpy")
    for name in ("minicluster", "numpy", "system", "machine"):
        with monkeypatch.context() as patch:
            patch.setattr(kept_model, "environment", lambda backend: here | {name: "another"})
            assert cache_path(TINY, 0, "numpy") != own
    assert cache_path(TINY, 0, "numpy") == own
    monkeypatch.setattr(kept_model, "PACKAGE", tmp_path)
    empty = cache_path(TINY, 0, "numpy")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "x.py").write_text("x = 1", encoding="utf-8")
    assert len({own, empty, cache_path(TINY, 0, "numpy")}) == 3  # of other sources


def test_the_sources_are_there():
    files = {path.relative_to(kept_model.PACKAGE).as_posix() for part in kept_model.SOURCES
             for path in kept_model.PACKAGE.glob(part)}  # fmt: skip
    assert {"tasks/questions.py", "nn/block.py", "kernels/linear.py", "training/step.py", "experiments/answering.py",
            "experiments/settings.py", "experiments/run.py", "experiments/kept_model.py"} <= files  # fmt: skip
    assert all(any(kept_model.PACKAGE.glob(part)) for part in kept_model.SOURCES)


@pytest.mark.parametrize("damage", ["empty", "cut", "changed", "text"])
def test_a_damaged_file_of_the_cache_is_told_and_the_model_trained_anew(damage, cache, whole):
    first, data = whole
    middle = len(data) // 2
    cache.mkdir(parents=True)
    path = cache_path(TINY, 0, "numpy")
    path.write_bytes({
        "empty": b"", "cut": data[:middle], "text": b"no model",
        "changed": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
    }[damage])  # fmt: skip
    again, told = ask()
    assert len(told) == 2 and str(path) in told[0] and told[0].endswith("; the model is trained anew")
    assert told[1].startswith("training the model") and "\n" not in told[0]
    np.testing.assert_array_equal(again.model.parameters.flat, first.model.parameters.flat)
    assert ask()[1] == []  # it was replaced by a whole one


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_damaged_file_of_the_user_is_left_as_it_is(content, tmp_path, cache, monkeypatch):
    monkeypatch.setattr(kept_model, "train", never)
    file = tmp_path / "mine.npz"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="mine.npz is no checkpoint"):
        ask(file=file)
    assert file.read_bytes() == content and not cache.exists()


def test_a_file_of_the_user_is_written_and_read(tmp_path, cache, monkeypatch):
    file = tmp_path / "below" / "mine.npz"
    first, told = ask(file=file)
    assert len(told) == 1 and [path.name for path in file.parent.iterdir()] == ["mine.npz"] and not cache.exists()
    monkeypatch.setattr(kept_model, "train", never)
    again, _ = ask(file=file)
    assert again.answer(question_about(first)) == first.answer(question_about(first))
    with pytest.raises(CheckpointError, match="steps = 4, but .*mine.npz was written with steps = 3"):
        ask(replace(TINY, steps=4), file=file)
    with pytest.raises(CheckpointError, match="seed = 1, but .* seed = 0"):
        ask(seed=1, file=file)
    monkeypatch.setattr(kept_model, "load_places", lambda table=kept_model.load_places: table()[:12])
    with pytest.raises(CheckpointError, match="table = .*, but .* table = "):
        ask(file=file)


def arrays(n_tasks=96, states=(96, 8), outside=(5, 8)):
    return {
        "task": np.zeros(n_tasks, np.int64),
        "states": np.zeros(states, np.float32),
        "outside": np.zeros(outside, np.float32),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"results": None},
        {"results": {"questions": [], "most_tokens": 30}},
        {"result_arrays": {}},
        {"result_arrays": arrays(n_tasks=3, states=(2, 8))},
        {"result_arrays": arrays(n_tasks=8, states=(8, 9))},
        {"result_arrays": arrays(states=(96, 9))},
        {"result_arrays": arrays(n_tasks=95)},
        {"result_arrays": arrays(outside=(5, 9))},
        {"result_arrays": arrays(outside=(0, 8))},
        {"parameters": {}},
        {"parameters": {"wpe.weight": np.zeros((38, 8), np.float32)}},
    ],
)
def test_a_file_of_another_kind_is_told(change, tmp_path, whole):
    file = tmp_path / "mine.npz"
    file.write_bytes(whole[1])
    save_checkpoint(file, replace(load_checkpoint(file), **change))
    with pytest.raises(CheckpointError) as told:
        load(file, TINY, 0, "numpy")
    assert "mine.npz is no model that answers questions" in str(told.value) and "\n" not in str(told.value)


def test_a_cache_that_cannot_be_written_costs_a_warning(tmp_path, monkeypatch):
    file = tmp_path / "file"  # not even root can make a folder in a file
    file.write_text("kept", encoding="utf-8")
    monkeypatch.setattr(kept_model, "user_cache", lambda: file)
    answerer, told = ask()
    assert told == [
        f"warning: cannot write to folder {file / 'minicluster'}: {file} is not a folder; "
        "the model is not kept, and will be trained anew the next time",
        "training the model, half a minute to a minute ...",
    ]
    assert answerer.answer(question_about(answerer)).place == answerer.places[0]
    assert file.read_text(encoding="utf-8") == "kept"


def test_what_cannot_be_replaced_is_said_before_the_training(cache):
    path = cache_path(TINY, 0, "numpy")
    path.mkdir(parents=True)
    _, told = ask()
    assert told[0].startswith(f"cannot read {path}") and told[0].endswith("; the model is trained anew")
    assert told[1].startswith(f"warning: cannot write {path}: a folder is there; the model is not kept")
    assert told[2:] == ["training the model, half a minute to a minute ..."]


def test_without_a_home_there_is_a_warning(monkeypatch):
    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(kept_model, "user_cache", homeless)
    _, told = ask()
    assert told[0].startswith("warning: there is no folder for caches; ") and len(told) == 2


def test_a_disk_that_fills_up_meanwhile_costs_a_warning(monkeypatch, cache):
    def full(path, checkpoint):
        raise OutputError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(kept_model, "save_checkpoint", full)
    answerer, told = ask()
    assert told[1].endswith("No space left on device; the model will be trained anew the next time")
    assert answerer.places and not any(cache.iterdir())


def test_a_file_of_the_user_that_cannot_be_written_is_said_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_model, "train", never)
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    with pytest.raises(OutputError, match="is not a folder"):
        ask(file=tmp_path / "file" / "mine.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_in_place_of_the_users_file_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_model, "train", never)
    with pytest.raises(CheckpointError, match="cannot read"):
        ask(file=tmp_path)


@pytest.mark.parametrize("error", [KeyboardInterrupt, TrainingDiverged(3, 2.5)])
def test_a_training_that_is_stopped_leaves_nothing(error, monkeypatch, cache):
    def stop(*arguments):
        raise error

    monkeypatch.setattr(kept_model, "train", stop)
    with pytest.raises((KeyboardInterrupt, TrainingDiverged)):
        ask()
    assert not any(cache.iterdir())


def test_a_training_that_diverges_in_its_last_step(monkeypatch):
    def run(self, progress):
        self.setup.model.parameters.flat[5] = np.inf

    monkeypatch.setattr(kept_model.Training, "run", run)
    with pytest.raises(TrainingDiverged, match="at step 3"):
        train(TINY, 0, "numpy", Silent)


def test_old_models_are_deleted_and_nothing_else(cache):
    cache.mkdir(parents=True)
    for age in range(KEPT_MODELS + 2):  # all older than the new one
        path = cache / f"model-{age}.npz"
        path.write_text("x", encoding="utf-8")
        os.utime(path, (1000 - age, 1000 - age))
    for name in ("compiled-1", "notes.txt"):
        (cache / name).write_text("x", encoding="utf-8")
    ask()
    kept = {path.name for path in cache.iterdir()}
    expected = {f"model-{age}.npz" for age in range(KEPT_MODELS)} | {"compiled-1", "notes.txt"}
    assert kept == expected | {cache_path(TINY, 0, "numpy").name}
    ask(file=cache / "mine.npz")  # where the user wants it, all is the user's
    assert {path.name for path in cache.iterdir()} == kept | {"mine.npz"}
