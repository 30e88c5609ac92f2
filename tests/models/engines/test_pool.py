"""Each serves one caller at a time."""

import threading
from contextlib import ExitStack

import pytest

from models.engines.pool import Pool


def test_callers_at_once_have_one_each_and_what_comes_back_is_used_again() -> None:
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    pool = Pool(make)
    with ExitStack() as ends:
        held = [ends.enter_context(pool.borrowed()) for _ in range(3)]
        assert len({id(one) for one in held}) == 3
    with pool.borrowed() as again:
        assert again in held
    assert len(made) == 3


def test_one_that_failed_is_not_used_again() -> None:
    pool = Pool(object)
    with pytest.raises(ValueError, match="broken"), pool.borrowed() as first:
        raise ValueError("broken")
    with pool.borrowed() as second:
        assert second is not first


def test_of_a_pool_with_a_limit_the_next_waits_for_one_that_comes_back() -> None:
    pool = Pool(object, at_most=1)
    got: list[object] = []
    asks = threading.Event()

    def work() -> None:
        asks.set()
        with pool.borrowed() as one:
            got.append(one)

    thread = threading.Thread(target=work)
    with pool.borrowed() as only:
        thread.start()
        assert asks.wait(10)
        thread.join(0.05)
        assert got == []
    thread.join(10)
    assert got == [only]


def test_a_failure_frees_its_place() -> None:
    pool = Pool(object, at_most=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), pool.borrowed():
            raise ValueError("broken")


def test_after_its_end_nothing_is_kept() -> None:
    pool = Pool(object)
    with pool.borrowed() as first:
        pool.close()
    with pool.borrowed() as second:
        assert second is not first
