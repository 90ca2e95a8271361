"""Ctrl-C comes at the end of a step; a second one at once, but never where it would be lost."""

import ctypes
import signal
import sys
import threading
import time

import pytest
from skips import needs_posix_signals

from minicluster import interruption
from minicluster.interruption import Interruption, endings_as_interrupts

pytestmark = needs_posix_signals


@pytest.fixture(autouse=True)
def handlers_are_left_as_they_were():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


def test_it_waits_for_the_check():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with Interruption() as interruption:
            interruption.check()
            assert not interruption.asked
            signal.raise_signal(signal.SIGINT)
            done.append("the step is whole")
            assert interruption.asked
            interruption.check()
            done.append("never")
    assert done == ["the step is whole"]


def test_without_a_check_it_comes_at_the_end():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with Interruption():
            signal.raise_signal(signal.SIGINT)
            done.append("whole")
    assert done == ["whole"]


def test_who_asks_twice_does_not_wait():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with Interruption():
            signal.raise_signal(signal.SIGINT)
            done.append("once")
            signal.raise_signal(signal.SIGINT)
            done.append("never")
    assert done == ["once"]


def test_an_error_in_the_block_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        with Interruption():
            signal.raise_signal(signal.SIGINT)
            1 / 0


def test_what_others_have_set_is_left():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGINT)
            assert not interruption.asked
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_other_endings_are_interrupts_and_wait_like_them(number):
    number, done = getattr(signal, number), []
    with pytest.raises(KeyboardInterrupt):
        with endings_as_interrupts():
            signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt):
        with endings_as_interrupts(), Interruption() as interruption:
            signal.raise_signal(number)
            done.append("whole")
            interruption.check()
    assert done == ["whole"]


def test_nohup_is_respected():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with endings_as_interrupts(), Interruption():
            signal.raise_signal(signal.SIGHUP)
    except KeyboardInterrupt:
        pytest.fail("it was ignored before")
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_has_no_signals_to_hold_back():
    raised = []

    def work():
        try:
            with endings_as_interrupts(), Interruption() as interruption:
                interruption.check()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert raised == []


# Where KeyboardInterrupt would be lost ----------------------------------------------------------------

SECONDS = 5  # that a signal may take to come again; it takes 0.02


@pytest.fixture
def lost(monkeypatch):
    """What Python would print and forget."""
    exceptions = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: exceptions.append(unraisable.exc_type))
    yield exceptions
    assert not interruption._postponed


def request(done, number=signal.SIGINT):
    signal.raise_signal(number)
    done.append("answered")


def within(module, function):
    """Return a function, of a module by this name, that calls another."""
    names = {"__name__": module, "function": function}
    exec("def caller():\n    function()", names)
    return names["caller"]


def call_back(function):
    """Call a function from C, as LLVM does."""
    ctypes.CFUNCTYPE(None)(function)()


def wait_for(condition=lambda: False):
    deadline = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["llvmlite", "llvmlite.binding.executionengine"])
def test_llvm_gets_its_answer_first(module, number, lost):
    done = []
    with pytest.raises(KeyboardInterrupt):
        with endings_as_interrupts():
            call_back(within(module, lambda: request(done, number)))
            done.append("back")
            wait_for()
            done.append("never")
    assert (done, lost) == (["answered", "back"], [])


def test_llvm_may_have_called_what_called_what_is_interrupted(lost):
    done = []
    with pytest.raises(KeyboardInterrupt):
        with endings_as_interrupts():
            call_back(within("llvmlite.binding", within("numba.core.codegen", lambda: request(done))))
            wait_for()
            done.append("never")
    assert (done, lost) == (["answered"], [])


@pytest.mark.parametrize("module", ["llvmlites", "numba.llvmlite", "", None])
def test_elsewhere_it_comes_at_once(module):
    done = []
    with pytest.raises(KeyboardInterrupt):
        with endings_as_interrupts():
            within(module, lambda: request(done))()
    assert done == []


def test_it_comes_again_until_llvm_has_its_answer(lost):
    done = []

    def slow():
        request(done)
        for _ in range(100):
            time.sleep(0.001)

    with pytest.raises(KeyboardInterrupt):
        with endings_as_interrupts():
            call_back(within("llvmlite.x", slow))
            done.append("back")
            wait_for()
    assert (done, lost) == (["answered", "back"], [])


def test_a_second_request_waits_for_llvm_too(lost):
    done = []
    with pytest.raises(KeyboardInterrupt):
        with endings_as_interrupts(), Interruption():
            signal.raise_signal(signal.SIGINT)
            call_back(within("llvmlite.x", lambda: request(done)))
            done.append("back")
            wait_for()
            done.append("never")
    assert (done, lost) == (["answered", "back"], [])


def test_one_that_waited_for_llvm_may_come_between_two_steps(lost):
    done = []
    with pytest.raises(KeyboardInterrupt):
        with endings_as_interrupts():
            call_back(within("llvmlite.x", lambda: request(done)))
            with Interruption() as interruption:
                wait_for(lambda: interruption.asked)
                done.append("whole")
                interruption.check()
    assert done == ["answered", "whole"]


class Deleted:
    """What the deletion of an object calls."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


def test_what_is_lost_in_a_deletion_comes_again(lost):
    done = []
    with pytest.raises(KeyboardInterrupt):
        with endings_as_interrupts():
            Deleted()
            done.append("after")
            wait_for()
            done.append("never")
    assert (done, lost) == (["after"], [])


def test_other_exceptions_that_nobody_can_catch_are_told_as_before(lost):
    class Faulty:
        def __del__(self):
            raise self.error

    with endings_as_interrupts():
        for Faulty.error in (ZeroDivisionError, KeyboardInterrupt):
            Faulty()
    assert lost == [ZeroDivisionError, KeyboardInterrupt]


def test_it_comes_at_the_end_at_the_latest(lost, monkeypatch):
    monkeypatch.setattr(interruption, "MOMENT", 0.05)
    done, hook = [], sys.unraisablehook
    with pytest.raises(KeyboardInterrupt):
        with endings_as_interrupts():
            within("llvmlite.x", lambda: request(done))()
            assert sys.unraisablehook is not hook
    assert sys.unraisablehook is hook
    try:
        time.sleep(0.1)
    except KeyboardInterrupt:
        pytest.fail("it came once more")
    assert (done, lost) == (["answered"], [])


def test_at_the_end_no_error_is_hidden(lost):
    with pytest.raises(ZeroDivisionError):
        with endings_as_interrupts():
            within("llvmlite.x", lambda: request([]))()
            1 / 0


def test_another_thread_leaves_the_open_requests_to_the_main_one(lost):
    raised, hooks, hook = [], [], sys.unraisablehook

    def work():
        try:
            with endings_as_interrupts():
                hooks.append(sys.unraisablehook)
        except KeyboardInterrupt as error:
            raised.append(error)

    interruption._postponed.add(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert interruption._postponed == {signal.SIGINT}
    interruption._postponed.clear()
    assert (raised, hooks) == ([], [hook])
