"""How work is cut into tasks: so that no result depends on the number of threads.

No sum is ever cut by the number of threads. What may be cut by it is the set of entries of a result.
"""

from ..jit import compiled

FEWEST_ROWS, MOST_ROWS, ROWS_OF_A_PRODUCT = 32, 128, 4  # the last one is written out in matmul.py
ENOUGH_TASKS = 16  # which two, four or eight threads share evenly
ATTENTION_TASKS = 32


@compiled()
def count(total, part):
    """How many tasks there are when each gets `part` of `total`, the last one what is left."""
    return (total + part - 1) // part


@compiled()
def rows_of_a_task(rows):
    """How many of so many rows of activations one task gets: a sixteenth, within bounds.

    Each task reads the whole weight, so it should have 32 rows or more; and what it computes should stay in the
    second-level cache, so it should have 128 or less. Matrix products take four rows at a time.
    """
    part = max(FEWEST_ROWS, min(MOST_ROWS, count(rows, ENOUGH_TASKS)))
    return count(part, ROWS_OF_A_PRODUCT) * ROWS_OF_A_PRODUCT


@compiled()
def border(total, task, tasks):
    """Where the task's part of a result of so many rows begins, and the one before ends.

    A multiple of four as long as there are four, since matrix products take that many rows at a time. A weight's
    gradient is cut into as many parts as there are threads, because each task reads all activations of the other side.
    Each of its entries is summed in the order of the batch's rows, whatever part it belongs to.
    """
    return min(count(total, ROWS_OF_A_PRODUCT) * task // tasks * ROWS_OF_A_PRODUCT, total)
