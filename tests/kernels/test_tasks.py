import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minicluster.kernels import tasks

totals = st.one_of(st.integers(0, 70), st.integers(0, 10**7))


@given(total=totals, part=st.integers(1, 300))
def test_tasks_cover_everything_once_and_none_is_empty(total, part):
    number = tasks.count(total, part)
    ends = [min(task * part + part, total) for task in range(number)] if number < 1000 else [total]
    assert (ends[-1] if number else 0) == total
    assert number * part >= total > (number - 1) * part or (number, total) == (0, 0)


@given(rows=totals)
def test_rows_of_a_task(rows):
    part = tasks.rows_of_a_task(rows)
    assert part % tasks.ROWS_OF_A_PRODUCT == 0
    assert tasks.FEWEST_ROWS <= part <= tasks.MOST_ROWS
    if tasks.FEWEST_ROWS < part < tasks.MOST_ROWS:  # between the bounds as many tasks as can be shared evenly
        assert tasks.count(rows, part) <= tasks.ENOUGH_TASKS <= tasks.count(rows, part - tasks.ROWS_OF_A_PRODUCT)


@given(total=totals, parts=st.integers(1, 70))
def test_borders_cut_a_result_into_even_parts(total, parts):
    borders = [tasks.border(total, task, parts) for task in range(parts + 1)]
    assert (borders[0], borders[-1]) == (0, total)
    assert all(border % tasks.ROWS_OF_A_PRODUCT == 0 for border in borders[:-1] if border < total)
    lengths = np.diff(borders)
    assert (lengths >= 0).all() and lengths.max() - lengths.min() < 2 * tasks.ROWS_OF_A_PRODUCT
