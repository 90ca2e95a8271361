"""What every experiment has to have."""

import pytest

from minicluster.experiments.investigate import EXPERIMENTS, about, module_of, settings_of
from minicluster.plots import experiments as pictures


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_says_what_it_is_about_and_what_would_falsify_it(name):
    title, falsified_by = about(name)
    assert title and falsified_by.startswith("Falsified if")
    assert "\n" not in title + falsified_by
    settings = settings_of(name)
    assert settings.small is module_of(name).SMALL
    assert settings_of(name, small=True, steps=7).small and settings_of(name, small=True, steps=7).steps == 7
    assert not settings_of(name, small=False).small
    assert all(own.steps for own in module_of(name).trainings(settings).values())
    for function in ("measure", "summarise", "table"):
        assert callable(getattr(module_of(name), function))
    assert pictures.animation_of(name) is None or callable(pictures.animation_of(name))
    assert pictures.frames_of(name) is None or callable(pictures.frames_of(name))
