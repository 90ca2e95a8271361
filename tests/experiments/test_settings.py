import pytest

from minicluster.experiments import Settings


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
