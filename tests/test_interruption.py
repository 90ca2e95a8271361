"""Ctrl-C comes at the end of a step; a second one at once."""

import signal
import threading

import pytest
from skips import needs_posix_signals

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
