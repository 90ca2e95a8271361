from dataclasses import asdict, replace

import numpy as np
import pytest
from made_up_results import DIVERGES, TINY, Silent

from minicluster.experiments import investigate as investigation
from minicluster.experiments import Settings, ShapedSettings, prepare, trial
from minicluster.experiments.investigate import about, investigate, module_of, plan, settings_of, text
from minicluster.experiments.side_by_side import Failure
from minicluster.experiments.trial import Trial, one_row_a_string, train
from minicluster.files import json_text
from minicluster.training import TrainingDiverged


def test_one_row_of_each_string_with_inputs_mixed():
    split = prepare(TINY, 0, backend="numpy").dataset.train
    rows = one_row_a_string(split, np.random.default_rng(0))
    assert rows.instruction.tolist() == split.instruction[split.unique_instructions()].tolist()
    known = {(s, x): tokens.tolist() for s, x, tokens in zip(split.instruction, split.input, split.tokens)}
    assert all(known[s, x] == tokens.tolist() for s, x, tokens in zip(rows.instruction, rows.input, rows.tokens))
    # Of 36 strings with three inputs each, an input is missed by all of a pattern's six once in (2 / 3)^6, 9 %.
    assert set(rows.input) == set(range(4))
    draws = {tuple(one_row_a_string(split, np.random.default_rng(seed)).input[:3].tolist()) for seed in range(30)}
    assert len({first for first, *_ in draws}) == 3  # every input that its pattern was trained with
    assert any(len(set(drawn)) > 1 for drawn in draws)  # strings of one pattern, and yet other inputs


@pytest.mark.parametrize("bottleneck", [False, True])
def test_the_recorded_states_are_those_of_the_separator_and_of_the_input(bottleneck):
    trained = train(replace(TINY, bottleneck=bottleneck), 0, "numpy", Silent)
    assert [recording.step for recording in trained.recordings] == [0, 1, 2, 6]
    last = trained.recordings[-1].states
    assert last.keys() == {"train", "train_input", "unseen_instruction", "unseen_instruction_input"}
    for name, rows in trained.strings.items():
        assert set(rows.instruction) == set(trained.dataset.splits[name].instruction)
        states, at = trained.model.hidden_states(rows.tokens, rows.start), np.arange(len(rows))  # one batch, as there
        np.testing.assert_array_equal(last[name], states[:, at, rows.separator])
        np.testing.assert_array_equal(last[f"{name}_input"], states[:, at, rows.separator + 1])
    assert (trained.recordings[0].states["train"] != last["train"]).any()
    assert trained.recordings[-1].accuracy.keys() == set(trained.dataset.splits)


def test_the_first_recording_is_of_the_untrained_model():
    trained = train(TINY, 5, "numpy", Silent)
    model, rows = prepare(TINY, 5, backend="numpy").model, trained.strings["train"]
    states = model.hidden_states(rows.tokens, rows.start)[:, np.arange(len(rows)), rows.separator]
    np.testing.assert_array_equal(trained.recordings[0].states["train"], states)


def test_centroids_are_the_means_of_each_tasks_training_strings():
    trained = train(TINY, 0, "numpy", Silent)
    for layer in range(3):
        states, task = trained.recordings[-1].states["train"][layer], trained.strings["train"].task
        centroids = trained.centroids(layer)
        assert centroids.shape == (3, 8)
        for t in range(3):
            expected = sum(state.astype(float) for state, own in zip(states, task) if own == t) / 12
            np.testing.assert_allclose(centroids[t], expected, rtol=1e-5, atol=1e-6)  # means of 12 in float32


def test_a_trial_measures_what_its_experiments_want(monkeypatch):
    calls = []

    class Fake:
        @staticmethod
        def measure(trained):
            calls.append(trained)
            return {"steps": trained.settings.steps}

    monkeypatch.setattr(trial, "import_module", lambda name, package: Fake)
    wanted = (("one", "plain"), ("two", "other"))
    measured, environment = Trial(TINY, 3, "numpy", wanted, True).run(Silent)
    assert measured == {("one", "plain"): {"steps": 6}, ("two", "other"): {"steps": 6}}
    assert calls[0] is calls[1] and calls[0].pictured and calls[0].setup.seed == 3
    assert environment["backend"] == "numpy"


def test_trainings_that_differ_only_in_how_often_they_are_looked_at_are_one():
    settings = {
        "dynamics": replace(TINY, n_recordings=9, recorded_rows=50),
        "unseen": replace(TINY, recorded_rows=70),
        "bottleneck": TINY,
    }
    trials = plan(settings, [4, 5], "numpy")
    # dynamics' own, unseen's plain one and bottleneck's separate plain one are one; so are two bottlenecks.
    assert len(trials) == 2 * 4
    for seed, own in ((4, trials[:4]), (5, trials[4:])):
        assert {(one.seed, one.backend, one.pictured) for one in own} == {(seed, "numpy", seed == 4)}
        of = {wanted: one for one in own for wanted in one.wanted}
        assert len(of) == 1 + 2 + 4
        plain, narrow = of["dynamics", "plain"], of["unseen", "bottleneck"]
        assert plain is of["unseen", "plain"] is of["bottleneck", "separate, plain"]
        assert plain.settings == replace(TINY, n_recordings=9, recorded_rows=500)  # TINY's recorded_rows
        assert narrow is of["bottleneck", "separate, bottleneck"]
        assert narrow.settings == replace(TINY, bottleneck=True, n_recordings=2)
        assert of["bottleneck", "shared, plain"].settings == replace(TINY, share=3, n_recordings=2)


@pytest.mark.parametrize("order", [("sharing", "pretraining", "alignment"), ("alignment", "pretraining", "sharing")])
def test_trainings_of_shaped_settings_that_are_not_shaped_are_those_of_plain_ones(order):
    base = {"sharing": TINY, "pretraining": ShapedSettings(**asdict(TINY)), "alignment": ShapedSettings(**asdict(TINY))}
    base = {name: replace(base[name], n_tasks=10, n_recordings=9) for name in order}
    trials = plan(base, [0], "numpy")
    of = {wanted: one for one in trials for wanted in one.wanted}
    assert len(of) == 4 + 9 + 3
    # The plain training of shared outputs, that of separate ones, and the one that is told the tasks.
    same = (("sharing", "share 10"), ("pretraining", "plain"), ("alignment", "shared"))
    assert of[same[0]] is of[same[1]] is of[same[2]] and isinstance(of[same[0]].settings, ShapedSettings)
    assert of[same[0]].settings.n_recordings == 9
    assert of["sharing", "share 1"] is of["alignment", "separate"]
    assert of["pretraining", "true tasks"] is of["alignment", "shared, told"]
    assert len(trials) == 4 + 9 + 3 - 4


def test_trainings_that_differ_in_anything_else_are_several():
    assert len(plan({"dynamics": TINY, "unseen": replace(TINY, steps=7)}, [0])) == 3


class Made:
    """An experiment that measures its seed."""

    __doc__ = "What it is\nabout.\n\nClaim. Something.\n\nFalsified if it\nis not.\n"
    SMALL, SEEDS = True, 2

    def __init__(self, **trainings):
        self.own = trainings

    def trainings(self, settings):
        return {name: replace(settings, **changes) for name, changes in self.own.items()}

    @staticmethod
    def measure(trained):
        return {"seed": trained.setup.seed, "steps": trained.settings.steps}

    @staticmethod
    def summarise(runs):
        return {"verdicts": [], "total": sum(run["seed"] for run in runs)}


@pytest.fixture
def made(monkeypatch):
    """Two experiments that share a training, and train nothing; seed 1 diverges with a third, its own training."""
    modules = {"one": Made(plain={}, long={"steps": 8}), "two": Made(plain={})}
    monkeypatch.setattr(investigation, "module_of", modules.__getitem__)

    def run(self, progress):
        if self.seed == 1 and self.settings.steps == 8:
            raise TrainingDiverged(3, 2.5)
        numbers = {"seed": self.seed, "steps": self.settings.steps}
        return dict.fromkeys(self.wanted, numbers), {"backend": "none"}

    monkeypatch.setattr(Trial, "run", run)


def run_all(settings, seeds, **options):
    return investigate(plan(settings, seeds, "numpy"), settings, seeds, progress=Silent, **options)


def test_a_training_that_fails_costs_its_seed_in_its_experiment_alone(made):
    told = []
    found = run_all({"one": TINY, "two": TINY}, [0, 1, 2], tell=lambda *failure: told.append(failure))
    one, two = found["one"], found["two"]
    assert one["seeds"] == [0, 2] == [run["seed"] for run in one["runs"]]
    assert two["seeds"] == [0, 1, 2] and two["failed"] == []
    ((failed, failure),) = told
    assert isinstance(failure, Failure) and failed.wanted == (("one", "long"),) and failed.seed == 1
    assert one["failed"] == [{"seed": 1, "training": "long", "message": str(TrainingDiverged(3, 2.5))}]
    assert one["runs"][1] == {"seed": 2, "plain": {"seed": 2, "steps": 6}, "long": {"seed": 2, "steps": 8}}
    assert (one["total"], two["total"]) == (2, 3)  # of the complete seeds
    assert one["trainings"] == {"plain": {}, "long": {"steps": 8}}
    assert (one["title"], one["falsified_by"]) == ("What it is about.", "Falsified if it is not.")
    assert one["config"]["d_model"] == 8 and one["environment"] == {"backend": "none"} and one["seconds"] >= 0
    json_text(found)


def test_an_experiment_without_any_complete_seed_is_missing(made):
    found = run_all({"one": TINY, "two": TINY}, [1], tell=lambda *failure: None)
    assert found.keys() == {"two"}


def test_a_training_that_really_diverges_is_a_failure():
    told = []
    assert run_all({"unseen": DIVERGES}, [0], tell=lambda *failure: told.append(failure)) == {}
    assert len(told) == 2 and all("no longer finite at step" in failure.message for _, failure in told)


def test_the_numbers_are_the_same_side_by_side():
    seeds = [3, 4]
    alone, beside = (
        run_all({"bottleneck": TINY}, seeds, processes=processes)["bottleneck"]
        for processes in (1, 2)
    )
    assert alone["runs"] == beside["runs"] and alone["verdicts"] == beside["verdicts"]
    assert alone["runs"][0]["separate, plain"] != alone["runs"][1]["separate, plain"]
    json_text(beside)


def test_an_experiment_that_there_is_none_of_is_named():
    with pytest.raises(ValueError, match="experiment = 'dance', expected one of dynamics, geometry"):
        module_of("dance")
    with pytest.raises(ValueError, match="experiment = 'statistics'"):  # a module, but no experiment
        about("statistics")


def test_an_experiment_has_its_own_size_unless_told_otherwise(made):
    assert about("one") == ("What it is about.", "Falsified if it is not.")
    assert settings_of("one") == Settings().as_small()
    assert settings_of("one", small=False) == Settings()
    assert settings_of("one", steps=7) == replace(Settings().as_small(), steps=7)


def test_results_as_text_say_which_seeds_and_whether_the_runs_are_small():
    verdict = {
        "statement": "It is so", "number_is": "share", "median": 0.5, "low": 0.25, "high": 1.0, "interval": [0.3, 0.9],
        "controls": {"chance": {"median": -0.0001, "low": -0.0001, "high": -0.0001}}, "holds": False,
    }  # fmt: skip
    results = {"experiment": "x", "title": "What.", "seeds": [3, 5], "config": {"small": False}, "verdicts": [verdict]}
    results["failed"] = [{"seed": 4, "training": "plain", "message": "no longer finite"}]
    assert text(results).splitlines() == [
        "x: What.",
        "2 seeds, 3, 5: median (range)",
        "FAILED: seed 4, plain: no longer finite",
        "",
        "DOES NOT HOLD: It is so",
        "  share: 0.50 (0.25 to 1.00), 95 % interval 0.30 to 0.90",
        "  control, chance: 0.00",
    ]
    results |= {"seeds": [3], "config": {"small": True}}
    assert text(results).splitlines()[1] == "seed 3, SMALL: a shallower model, trained for fewer steps"


def test_what_was_kept_is_taken_up_again_without_training(tmp_path, monkeypatch):
    wanted = (("sharing", "share 1"), ("bottleneck", "separate, plain"))
    first = Trial(TINY, 0, "numpy", wanted, folder=tmp_path)
    measured, found = first.run(Silent)
    assert [path.name for path in tmp_path.iterdir()] == [first.path.name]
    monkeypatch.setattr(trial, "train", lambda *arguments, **options: pytest.fail("trained again"))
    assert replace(first, resume=True).run(Silent) == (measured, found)


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"settings": replace(TINY, share=3)}, {"wanted": (("sharing", "x"),)}, {"pictured": True}]
)
def test_what_was_kept_of_another_trial_is_not_taken(other, tmp_path):
    first = Trial(TINY, 0, "numpy", (("sharing", "share 1"),), folder=tmp_path)
    assert replace(first, **other).path != first.path


@pytest.mark.parametrize("content", ["", "[", "[1]", "{}", "[[[1, 2]], {}]"])
def test_what_is_not_whole_is_measured_anew(content, tmp_path):
    one = Trial(TINY, 0, "numpy", (("sharing", "share 1"),), folder=tmp_path, resume=True)
    one.path.write_text(content, encoding="utf-8")
    measured, _ = one.run(Silent)
    assert measured.keys() == {("sharing", "share 1")}
    assert one.run(Silent)[0] == measured  # which was kept
