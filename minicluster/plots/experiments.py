"""What the pictures of all experiments have in common, and where those of each one are."""

from importlib import import_module


def draw_experiment(results):
    """Draw the pictures of an experiment.

    Parameters
    ----------
    results : dict
        From `investigate`.

    Returns
    -------
    dict from file stem to Picture
    """
    name = results["experiment"]
    return getattr(import_module(f".{name}", __package__), f"draw_{name}")(results)


def animation_of(name):
    """Return the function that writes an experiment's animation, taking results and a path, or None."""
    return getattr(import_module(f".{name}", __package__), "save_animation", None)


def frames_of(name):
    """Return the function that draws an experiment's frames, [(step, Picture)] from results, or None."""
    return getattr(import_module(f".{name}", __package__), "frames", None)


def experiment_title(results, text, seeds=None):
    """Return a title of two lines: what is shown, and of which seeds.

    Parameters
    ----------
    results : dict
        Of an experiment.
    text : str
    seeds : list of int, optional
        Those that are shown; by default all.
    """
    seeds = results["seeds"] if seeds is None else seeds
    unbroken = seeds[-1] - seeds[0] == len(seeds) - 1
    listed = f"{seeds[0]} to {seeds[-1]}" if unbroken else ", ".join(map(str, seeds))
    who = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds, {listed}"
    return f"{text}\n{who}{', small runs' if results['config']['small'] else ''}"
