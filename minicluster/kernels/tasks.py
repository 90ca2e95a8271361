"""How work is cut into tasks: by its size alone, never by the number of threads, so that no result depends on that."""

from ..jit import compiled

FEWEST_ROWS, MOST_ROWS, ROWS_UNIT = 32, 128, 8
WEIGHT_UNIT = 32
ENOUGH_TASKS = 16  # which two, four or eight threads share evenly
HEAD_TASKS = 32


@compiled()
def count(total, part):
    """How many tasks there are when each gets `part` of `total`, the last one what is left."""
    return (total + part - 1) // part


@compiled()
def rows_of_a_task(rows):
    """How many of so many rows of activations one task gets: a sixteenth, within bounds.

    Each task reads the whole weight, so it should have 32 rows or more; and what it computes should stay in the
    second-level cache, so it should have 128 or less. Matrix products take eight rows at a time.
    """
    part = max(FEWEST_ROWS, min(MOST_ROWS, count(rows, ENOUGH_TASKS)))
    return count(part, ROWS_UNIT) * ROWS_UNIT


@compiled()
def part_of_weight(length):
    """How much of a weight's gradient one task gets, along the side that is cut: half of it, or less of a long one.

    Each task reads all activations of the other side, so it should have enough to do with them. Matrix products take
    32 columns at a time.
    """
    tasks = 8 if length >= 1024 else 4 if length >= 256 else 2
    return count(count(length, tasks), WEIGHT_UNIT) * WEIGHT_UNIT
