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
    assert part % tasks.ROWS_UNIT == 0
    assert tasks.FEWEST_ROWS <= part <= tasks.MOST_ROWS
    if tasks.FEWEST_ROWS < part < tasks.MOST_ROWS:  # between the bounds as many tasks as can be shared evenly
        assert tasks.count(rows, part) <= tasks.ENOUGH_TASKS <= tasks.count(rows, part - tasks.ROWS_UNIT)


@given(length=totals)
def test_part_of_weight(length):
    part = tasks.part_of_weight(length)
    assert part % tasks.WEIGHT_UNIT == 0
    most = 8 if length >= 1024 else 4 if length >= 256 else 2
    assert length <= part * most < length + most * (tasks.WEIGHT_UNIT + 1)
