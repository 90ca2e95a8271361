"""How times are taken, with a clock that only moves when it is told to."""

import pytest

from minicluster.bench.timing import summary, take_turns, time_calls


class Clock:
    """Seconds that pass only in `work` and `sleep`."""

    def __init__(self):
        self.now = 100.0
        self.log = []

    def __call__(self):
        return self.now

    def work(self, seconds):
        self.now += seconds

    def sleep(self, seconds):
        self.log.append(("pause", seconds))
        self.now += seconds


def test_the_first_call_is_not_counted_and_calls_begin_until_the_time_is_over():
    clock, durations = Clock(), iter([64, 1, 2, 4, 8])  # powers of two: their sums and differences are exact
    assert time_calls(lambda: clock.work(next(durations)), 5, clock) == [1, 2, 4]  # begun at 0, 1 and 3


def test_one_call_is_timed_however_long_it_takes():
    clock, durations = Clock(), iter([64, 32])
    assert time_calls(lambda: clock.work(next(durations)), 0, clock) == [32]


def test_rivals_take_turns_with_a_pause_before_each():
    clock = Clock()

    def turn(rival):
        clock.log.append(rival)
        return [[len(clock.log)], [0.5, 0.25]]  # two cases

    times, failures = take_turns(["a", "b"], 2, 0.25, turn, RuntimeError, clock.sleep)
    pause = ("pause", 0.25)
    assert clock.log == [pause, "a", pause, "b", pause, "a", pause, "b"]
    assert times == {"a": [[2, 6], [0.5, 0.25, 0.5, 0.25]], "b": [[4, 8], [0.5, 0.25, 0.5, 0.25]]}
    assert failures == {}


def test_a_rival_that_fails_is_left_out_and_the_others_go_on():
    turns = []

    def turn(rival):
        turns.append(rival)
        if turns == ["a", "b", "a"]:
            raise RuntimeError("out of memory")
        return [[1.0]]

    times, failures = take_turns(["a", "b"], 3, 0, turn, RuntimeError, lambda seconds: None)
    assert turns == ["a", "b", "a", "b", "b"]
    assert times == {"b": [[1.0, 1.0, 1.0]]}
    assert list(failures) == ["a"] and str(failures["a"]) == "out of memory"


def test_an_error_of_another_kind_passes_through():
    def interrupted(rival):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_turns(["a"], 1, 0, interrupted, RuntimeError, lambda seconds: None)


def test_the_summary_has_median_fastest_and_rates():
    found = summary([0.25, 0.125, 0.5], 2e9)
    assert found == {"median_ms": 250, "fastest_ms": 125, "calls": 3, "gflops": 8, "fastest_gflops": 16}
