from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from minicluster.experiments import GeographySettings, Settings, ShapedSettings
from minicluster.experiments.settings import TrainingSettings
from minicluster.tasks import (
    GeographyDataset,
    InstructionDataset,
    alike_patterns,
    make_geography_dataset,
    make_instruction_dataset,
)

LEAST = {
    "d_model": 2,
    "steps": 1,
    "batch_size": 1,
    "warmup": 0,
    "n_recordings": 2,
    "recorded_rows": 1,
    "restarts": 1,
}
LETTERS = {
    "n_tasks": 3,
    "n_distributions": 2,
    "n_inputs": 5,
    "n_instructions": 4,
    "n_unseen_instructions": 2,
    "n_held_out_inputs": 2,
}
PLACES = {"n_places": 30, "n_instructions": 3, "n_unseen_instructions": 2, "n_places_each": 5}


def test_quick_is_smaller_and_says_so():
    settings, quick = Settings(), Settings().as_quick()
    assert quick.quick and not settings.quick
    assert quick.steps < settings.steps and quick.n_recordings < settings.n_recordings
    assert (quick.n_tasks, quick.n_instructions, quick.share) == (
        settings.n_tasks,
        settings.n_instructions,
        settings.share,
    )


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps = 0, expected at least 1"),
        ({"steps": 1.5}, TypeError, "steps = 1.5, expected a whole number"),
        ({"batch_size": -3}, ValueError, "batch_size = -3, expected at least 1"),
        ({"n_tasks": 1}, ValueError, "n_tasks = 1, expected at least 2"),
        ({"n_distributions": 1}, ValueError, "n_distributions = 1, expected at least 2"),
        ({"n_unseen_instructions": 0}, ValueError, "n_unseen_instructions = 0, expected at least 1"),
        ({"n_held_out_inputs": 0}, ValueError, "n_held_out_inputs = 0, expected at least 1"),
    ],
)
def test_impossible_settings_are_named(setting, error, message):
    with pytest.raises(error) as caught:
        Settings(**setting)
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", [TrainingSettings, Settings, ShapedSettings, GeographySettings])
@pytest.mark.parametrize(("name", "least"), LEAST.items())
def test_how_it_is_trained_is_checked_whatever_is_learned(kind, name, least):
    assert getattr(kind(**{name: least}), name) == least
    with pytest.raises(ValueError) as caught:
        kind(**{name: least - 1})
    assert str(caught.value) == f"{name} = {least - 1}, expected at least {least}"
    with pytest.raises(TypeError) as caught:
        kind(**{name: 2.5})
    assert str(caught.value) == f"{name} = 2.5, expected a whole number"


@pytest.mark.parametrize(
    ("name", "least"),
    [("n_tasks", 2), ("n_distributions", 2), ("n_unseen_instructions", 1), ("n_held_out_inputs", 1), ("alike", 0)],
)
def test_the_least_that_can_be_measured_is_allowed(name, least):
    assert getattr(Settings(**{name: least}), name) == least
    with pytest.raises(ValueError, match=f"{name} = {least - 1}, expected at least {least}"):
        Settings(**{name: least - 1})


@pytest.mark.parametrize(("n_layers", "middle"), [(6, 3), (4, 2), (5, 2), (1, 0)])
def test_the_middle_layer(n_layers, middle):
    assert TrainingSettings(n_layers=n_layers).middle_layer == middle


@pytest.mark.parametrize("kind", [Settings, GeographySettings])
def test_the_small_run_is_smaller_on_the_same_data(kind):
    settings, small = kind(), kind().as_small()
    assert type(small) is kind and small.small and not settings.small and not small.quick
    for name in ("steps", "n_recordings", "recorded_rows", "restarts"):
        assert getattr(small, name) < getattr(settings, name)
    assert small.n_layers == 4
    of_data = {field.name for field in fields(kind)} - {field.name for field in fields(TrainingSettings)}
    assert of_data
    for name in {*of_data, "d_model", "n_heads", "batch_size", "weight_decay", "max_norm"}:
        assert getattr(small, name) == getattr(settings, name)


def test_the_small_run_on_places_is_longer_than_that_on_letters():
    # Some 1,500 facts take longer to learn than 100 answers.
    assert GeographySettings().as_small().steps > Settings().as_small().steps
    assert GeographySettings().steps > Settings().steps


@pytest.mark.parametrize("changes", [{}, {"n_places_each": 7}, {"hard": True}, {"inside": True}, {"strange": 1.0}])
def test_every_number_of_geography_reaches_the_data(changes):
    settings = GeographySettings(**PLACES | changes)
    made = settings.make_dataset(5)
    assert isinstance(made, GeographyDataset)
    expected = make_geography_dataset(**{"strange": settings.strange} | PLACES | changes, seed=5)
    assert made.digest() == expected.digest()
    assert made.digest() != settings.make_dataset(6).digest()
    assert changes == {} or made.digest() != GeographySettings(**PLACES).make_dataset(5).digest()


@pytest.mark.parametrize("name", PLACES)
def test_one_more_of_anything_is_another_geography_data_set(name):
    more = GeographySettings(**PLACES | {name: PLACES[name] + 1})
    assert more.make_dataset(0).digest() != GeographySettings(**PLACES).make_dataset(0).digest()
    assert more.make_dataset(0).digest() == make_geography_dataset(
        **PLACES | {name: PLACES[name] + 1}, strange=more.strange
    ).digest()


def test_all_places_are_learned_unless_said_otherwise():
    numbers = asdict(GeographySettings())
    assert numbers["n_places"] is None
    dataset = GeographySettings(n_instructions=2, n_unseen_instructions=1, n_places_each=2).make_dataset(0)
    assert dataset.n_inputs == 193


@pytest.mark.parametrize(
    "changes",
    [{}, {"n_held_out_inputs": 1}, {"share": 3}, {"bottleneck": True}, {"n_inputs": 6}, {"n_instructions": 5}],
)
def test_every_number_of_the_synthetic_tasks_reaches_the_data(changes):
    numbers = LETTERS | changes
    made, expected = Settings(**numbers).make_dataset(4), make_instruction_dataset(**numbers, seed=4)
    assert isinstance(made, InstructionDataset)
    assert made.digest() == expected.digest() != Settings(**numbers).make_dataset(5).digest()
    np.testing.assert_array_equal(made.train.start, expected.train.start)
    assert made.exclusive and not made.replaced


def test_strings_of_patterns_made_alike_or_replaced_may_be_anybodys():
    independent = Settings(**LETTERS).make_dataset(0)
    alike = Settings(**LETTERS, alike=5).make_dataset(0)
    replaced = Settings(**LETTERS, replaced=0.3).make_dataset(0)
    assert independent.exclusive and not alike.exclusive and not replaced.exclusive
    assert replaced.replaced == 0.3 and independent.replaced == alike.replaced == 0
    texts = [[pattern.text for pattern in dataset.patterns] for dataset in (independent, alike, replaced)]
    assert texts[0] == texts[2] != texts[1]
    again, other = (Settings(**LETTERS, alike=5).make_dataset(seed).patterns for seed in (0, 1))
    assert again == alike.patterns != other


def test_patterns_made_alike_have_random_numbers_of_their_own():
    # With the data's own, the first strings would be drawn by the very numbers that made the patterns.
    drawn = Settings(**LETTERS, alike=5).make_dataset(0).patterns
    same_numbers = alike_patterns(np.random.default_rng(0), 3, 2, 5)
    assert [pattern.text for pattern in drawn] != [text for own in same_numbers for text in own]


# What the states at the separator are told ---------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ({"shaping": "tasks"}, ValueError, "shaping = 'tasks', expected 'groups', 'pairs' or None"),
        ({"shaping": True}, ValueError, "shaping = True, expected 'groups', 'pairs' or None"),
        ({"n_right": -1}, ValueError, "n_right = -1, expected at least 0"),
        ({"n_right": 2.5}, TypeError, "n_right = 2.5, expected a whole number"),
        ({"n_right": 11}, ValueError, "n_right = 11, expected at most 10, the number of tasks"),
        ({"n_tasks": 5, "n_right": 6}, ValueError, "n_right = 6, expected at most 5, the number of tasks"),
        ({"shaping_steps": -1}, ValueError, "shaping_steps = -1, expected at least 0"),
        ({"shaping_steps": 0.5}, TypeError, "shaping_steps = 0.5, expected a whole number"),
        ({"shaping_weight": 0.0}, ValueError, "shaping_weight = 0.0, expected a finite number above 0"),
        ({"shaping_weight": float("nan")}, ValueError, "shaping_weight = nan, expected a finite number above 0"),
        ({"shaping": "pairs", "batch_size": 7}, ValueError, "batch_size = 7, expected an even number: batches are "),
        ({"n_layers": 1}, ValueError, "n_layers = 1, expected at least 2"),
        ({"n_tasks": 1}, ValueError, "n_tasks = 1, expected at least 2"),
    ],
)
def test_impossible_shapings_are_named(setting, error, message):
    with pytest.raises(error) as caught:
        ShapedSettings(**{"shaping": "groups"} | setting)
    assert str(caught.value).startswith(message)


def test_the_number_of_tasks_can_be_replaced_where_all_are_told_rightly():
    assert replace(ShapedSettings(shaping="groups"), n_tasks=5).n_right is None


@pytest.mark.parametrize(
    "setting",
    [
        {"shaping": "groups", "n_right": 10},
        {"shaping": "groups", "n_right": 8, "batch_size": 7},
        {"shaping": "groups", "n_right": 0, "n_layers": 2},
        {"shaping": "pairs", "batch_size": 2, "shaping_steps": 2000},
        {"shaping": None, "batch_size": 7, "shaping_weight": 0.001},
        {"n_tasks": 2, "n_right": 2},
        {"n_tasks": 2, "n_right": 0},
    ],
)
def test_possible_shapings_are_allowed(setting):
    settings = ShapedSettings(**setting)
    assert {name: getattr(settings, name) for name in setting} == setting


def test_nothing_is_told_by_default_and_the_data_are_the_same():
    assert ShapedSettings().shaping is None and ShapedSettings().shaping_steps == 0
    shaped = ShapedSettings(**LETTERS, shaping="groups", n_right=0)
    assert shaped.make_dataset(2).digest() == Settings(**LETTERS).make_dataset(2).digest()


def test_the_small_run_is_told_the_same():
    small = ShapedSettings(shaping="groups", n_right=4, shaping_weight=0.5, shaping_steps=7).as_small()
    assert type(small) is ShapedSettings and small.small
    told = (small.shaping, small.n_right, small.shaping_weight, small.shaping_steps)
    assert told == ("groups", 4, 0.5, 7)
