from dataclasses import asdict, replace

import numpy as np
import pytest
from made_up_results import TINY

from minicluster.experiments import ShapedSettings, prepare, step_cost
from minicluster.experiments.run import Training

SHAPED = ShapedSettings(**asdict(TINY))


def clock_of(seconds):
    """Return a clock by which the steps take these seconds, two readings a step."""
    readings = np.cumsum([part for own in seconds for part in (0.0, own)]).tolist()
    return iter(readings).__next__


def test_the_plain_training_costs_1():
    assert step_cost.step_cost(replace(SHAPED, share=3), 0, "numpy") == 1


@pytest.mark.parametrize(("stage", "cost"), [(0, 1.5), (3, 1.25)])
def test_the_cost_is_the_median_of_ratios_without_the_first_step(monkeypatch, stage, cost):
    monkeypatch.setattr(step_cost, "TIMED_STEPS", 3)
    # In turns, this training's and the plain one's: the first pair counts nothing, then ratios 1.5, .1 and 25.
    monkeypatch.setattr(step_cost.time, "perf_counter", clock_of([90.0, 1.0, 3.0, 2.0, 7.0, 70.0, 50.0, 2.0]))
    settings = replace(SHAPED, shaping="pairs", shaping_steps=stage)
    assert settings.steps == 6
    assert step_cost.step_cost(settings, 0, "numpy") == pytest.approx(cost, rel=1e-12)  # a few roundings


def test_what_is_timed_is_this_training_and_a_plain_one(monkeypatch):
    asked = []

    def steps_of(settings, seed, backend):
        asked.append((settings, seed, backend))
        return iter(range(100))

    monkeypatch.setattr(step_cost, "_steps_of", steps_of)
    step_cost.step_cost(replace(SHAPED, share=3, shaping="pairs", shaping_steps=2), 5, "numpy")
    (own, *_), (plain, *others) = asked
    assert others == [5, "numpy"] and plain.shaping is None and plain.share == own.share == 3
    assert own.shaping == "pairs" and own.shaping_steps > step_cost.TIMED_STEPS  # all timed steps are of the stage
    step_cost.step_cost(replace(SHAPED, share=3, bottleneck=True), 5, "numpy")
    (own, *_), (plain, *_) = asked[2:]
    assert own.bottleneck and not plain.bottleneck


def test_timed_steps_are_those_of_the_training():
    settings = replace(SHAPED, shaping="groups", share=3)
    steps = list(step_cost._steps_of(settings, 0, "numpy"))
    assert len(steps) == step_cost.TIMED_STEPS + 1
    training = Training(prepare(settings, 0, backend="numpy"))
    rows = next(training.batches)
    model, split = training.setup.model, training.setup.dataset.train
    objective = training.objective_of(1, rows)
    loss, _ = objective(model, split.tokens[rows], split.targets[rows], split.mask[rows], split.start[rows])
    assert steps[0][1] == pytest.approx(loss, rel=1e-5)  # float32, over rows of another padding
