"""What the pictures of all experiments have in common."""


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
    who = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds, {seeds[0]} to {seeds[-1]}"
    return f"{text}\n{who}{', small runs' if results['config']['small'] else ''}"


def dots_legend(axis, **where):
    """Add a legend whose markers are as large as those in the axes, up to a readable size."""
    axis.legend(markerscale=0.8, **where)


def rounded(value):
    """Two digits behind the point, and no minus before 0.00."""
    return f"{round(value, 2) + 0:.2f}"
