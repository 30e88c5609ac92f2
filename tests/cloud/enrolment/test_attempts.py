"""How often may be tried: bounded by token, by address, in all, and in memory."""

import itertools

from cloud.enrolment.attempts import Attempts, Flood
from cloud.enrolment.settings import AttemptsSettings


class Clock:
    """Shows what a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


LIMITS = AttemptsSettings(window_s=60, per_token=2, per_address=3, in_all=5)


def test_one_token_is_tried_so_often() -> None:
    clock = Clock()
    attempts = Attempts(LIMITS, clock)
    assert [attempts.take(f"192.0.2.{n}", "aaaa") for n in range(2)] == [None, None]
    clock.now_s += 20
    assert attempts.take("192.0.2.7", "aaaa") == Flood(
        "too many attempts with this token", 40.0, is_first=True
    )
    again = attempts.take("192.0.2.8", "aaaa")
    assert again is not None
    assert not again.is_first
    assert attempts.take("192.0.2.7", "bbbb") is None, "who was refused was not counted"


def test_one_address_tries_so_often() -> None:
    attempts = Attempts(LIMITS, Clock())
    assert [attempts.take("192.0.2.1", f"{n}") for n in range(3)] == [None] * 3
    flood = attempts.take("192.0.2.1", "9")
    assert flood is not None
    assert flood.reason == "too many attempts from this address"
    assert attempts.take("192.0.2.2", "9") is None


def test_a_site_is_one_address_however_many_it_has_of_ipv6() -> None:
    attempts = Attempts(LIMITS, Clock())
    assert [attempts.take(f"2001:db8::{n}", "") for n in range(3)] == [None] * 3
    assert attempts.take("2001:db8::9999", "") is not None
    assert attempts.take("2001:db8:0:1::1", "") is None


def test_ipv4_within_ipv6_is_not_one_address() -> None:
    """As a socket that listens to both names them; all of them are one /64."""
    attempts = Attempts(LIMITS, Clock())
    assert [attempts.take("::ffff:192.0.2.1", f"{n}") for n in range(3)] == [None] * 3
    assert attempts.take("::ffff:192.0.2.1", "9") is not None
    assert attempts.take("192.0.2.1", "9") is not None, "the same address"
    assert attempts.take("::ffff:192.0.2.2", "9") is None


def test_all_together_try_so_often() -> None:
    attempts = Attempts(LIMITS, Clock())
    assert [attempts.take(f"192.0.2.{n}", f"{n}") for n in range(5)] == [None] * 5
    flood = attempts.take("192.0.2.99", "99")
    assert flood is not None
    assert flood.reason == "too many attempts by all together"


def test_attempts_without_a_token_are_not_one_token() -> None:
    attempts = Attempts(LIMITS, Clock())
    assert [attempts.take(f"192.0.2.{n}", "") for n in range(4)] == [None] * 4


def test_a_new_window_counts_anew() -> None:
    clock = Clock()
    attempts = Attempts(LIMITS, clock)
    taken = [attempts.take("192.0.2.1", f"{n}") for n in range(4)]
    assert [flood is None for flood in taken] == [True, True, True, False]
    clock.now_s += 60
    taken = [attempts.take("192.0.2.1", f"{n}") for n in range(4)]
    assert [flood is None for flood in taken] == [True, True, True, False]
    assert taken[3] is not None
    assert taken[3].is_first, "of this window"


def test_strangers_are_written_down_so_often() -> None:
    clock = Clock()
    attempts = Attempts(LIMITS, clock)
    assert [attempts.may_tell() for _ in range(62)] == [True] * 60 + [False] * 2
    clock.now_s += 61
    assert attempts.may_tell()


def test_a_flood_takes_no_memory() -> None:
    """A million names from a million addresses leave no more behind than may be tried."""
    attempts = Attempts(LIMITS, Clock())
    for high, low in itertools.product(range(40), range(250)):
        attempts.take(f"10.0.{high}.{low}", f"{high}-{low}")
    assert attempts.remembered <= 3 * LIMITS.in_all + 4
