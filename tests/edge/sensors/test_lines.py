"""Bytes into lines: cut anywhere, too long, too many, none."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SensorError
from edge.sensors.lines import Lines

S = 1_000_000_000


class Time:
    ns = 0

    def __call__(self) -> int:
        return self.ns


def lines(clock: Time, longest: int = 20) -> Lines:
    return Lines(longest, 1000, 5.0, clock)


@given(
    texts=st.lists(st.binary(max_size=30).filter(lambda b: not {10, 13} & set(b)), max_size=20),
    cuts=st.lists(st.integers(0, 400), max_size=8),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_where_the_stream_is_cut_makes_no_difference(
    texts: list[bytes], cuts: list[int], end: bytes
) -> None:
    stream = end.join([*texts, b""])
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    cutter = lines(Time())
    parts = [stream[a:b] for a, b in pairwise(places)]
    found = [line for part in parts for line in cutter.feed(part)]
    assert found == [text for text in texts if 0 < len(text) <= 20]


def test_a_line_without_an_end_takes_no_memory_and_costs_only_itself() -> None:
    clock = Time()
    cutter = lines(clock)
    for _ in range(10):
        clock.ns += S
        assert cutter.feed(b"x" * 900) == []
    assert cutter.feed(b"tail\nnext\n") == [b"next"]


def test_a_flood_is_an_error_and_as_much_in_more_time_is_none() -> None:
    clock = Time()
    cutter = lines(clock)
    for _ in range(5):
        cutter.feed(b"x\n" * 500)
        clock.ns += S
    cutter.feed(b"x\n" * 500)
    with pytest.raises(SensorError, match="floods: more than 1000 bytes within a second"):
        cutter.feed(b"x")


def test_silence_is_an_error_once_it_has_lasted() -> None:
    clock = Time()
    cutter = lines(clock)
    clock.ns = 5 * S
    cutter.check()
    cutter.heard()
    clock.ns = 10 * S
    cutter.check()
    clock.ns += 1
    with pytest.raises(SensorError, match="sent nothing for 5 s"):
        cutter.check()


def test_garbage_is_told_from_silence() -> None:
    clock = Time()
    cutter = lines(clock)
    clock.ns = 6 * S
    cutter.refused("'abc' is no sentence")
    with pytest.raises(SensorError, match="only garbage, last: 'abc' is no sentence for 5 s"):
        cutter.check()


def test_garbage_without_newlines_is_told_as_garbage_too() -> None:
    clock = Time()
    cutter = lines(clock)
    cutter.feed(b"\xff" * 300)
    clock.ns = 6 * S
    with pytest.raises(SensorError, match="only garbage, last: a line of more than 20 bytes"):
        cutter.check()
