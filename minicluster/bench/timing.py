"""How times are taken: rivals in turn, so that whatever else the machine does falls on all of them alike.

The threads of OpenBLAS, OpenMP and PyTorch go on waiting in a busy loop for some time after their work, and take
another rival's cores. So there is a pause between two turns, and the first call of a turn is not counted. The median
is what a user gets; the fastest call, what the machine can do when left alone.
"""

import time
from statistics import median

MILLISECONDS = 1000  # a second
GIGA = 1e9


def time_calls(function, seconds, clock=time.perf_counter):
    """Call a function again and again, and time each call.

    Parameters
    ----------
    function : callable without arguments
    seconds : float
        Calls begin until so long after the first timed call began; that one is made in any case. One call before it
        is not timed.
    clock : callable
        Returns seconds since some fixed time.

    Returns
    -------
    list of float
        Seconds of each call.
    """
    function()
    times, began = [], clock()
    before = began
    while not times or before - began < seconds:
        function()
        now = clock()
        times.append(now - before)
        before = now
    return times


def take_turns(rivals, rounds, pause, turn, failed, sleep=time.sleep):
    """Have rivals measured one after the other, several rounds long, with a pause before each turn.

    Parameters
    ----------
    rivals : list of str
    rounds : int
    pause : float
        Seconds.
    turn : callable
        turn(rival) -> one list of seconds for each case.
    failed : class of exception
        A rival whose turn raises it is left out from then on, and so are its earlier times.
    sleep : callable

    Returns
    -------
    times : dict from rival to list of list of float
        For each case, the seconds of its calls in all rounds.
    failures : dict from rival to exception
    """
    times, failures = {rival: None for rival in rivals}, {}
    for _ in range(rounds):
        for rival in rivals:
            if rival in failures:
                continue
            sleep(pause)
            try:
                found = turn(rival)
            except failed as error:
                failures[rival] = error
                del times[rival]
                continue
            times[rival] = found if times[rival] is None else [old + new for old, new in zip(times[rival], found)]
    return times, failures


def summary(seconds, flops):
    """Return what is reported of a case.

    Parameters
    ----------
    seconds : list of float
        Of each call.
    flops : float
        Floating-point operations of a call.

    Returns
    -------
    dict
        `median_ms`, `fastest_ms`, `calls`, `gflops` (10^9 operations a second, at the median), `fastest_gflops`.
    """
    middle, fastest = median(seconds), min(seconds)
    return {
        "median_ms": middle * MILLISECONDS,
        "fastest_ms": fastest * MILLISECONDS,
        "calls": len(seconds),
        "gflops": flops / middle / GIGA,
        "fastest_gflops": flops / fastest / GIGA,
    }
