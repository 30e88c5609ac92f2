"""A receiver over a link that a test plays, by a clock that it sets."""

from collections import deque
from datetime import datetime, timezone

import pytest

from edge.errors import SensorError
from edge.sensors.assembler import Assembler
from edge.sensors.lines import Lines
from edge.sensors.nmea import MAX_SENTENCE_BYTES
from edge.sensors.receiver import Receiver
from tests.support.fake_sensor import next_value
from tests.support.nmea import rmc, sentence

S = 1_000_000_000
NO_SKY = sentence("GNRMC,,V,,,,,,,,,,N")


class PlayedLink:
    """Gives what it is given, and lets time pass with each read."""

    name = "the port"
    remedy = "look at the cable"

    def __init__(self) -> None:
        self.now_ns = 0
        self.step_s = 0.2
        self.chunks: deque[bytes] = deque()
        self.closed = False

    def read(self) -> bytes:
        self.now_ns += round(self.step_s * S)
        return self.chunks.popleft() if self.chunks else b""

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def link() -> PlayedLink:
    return PlayedLink()


def receiver(link: PlayedLink, silence_s: float = 5.0) -> Receiver:
    lines = Lines(MAX_SENTENCE_BYTES, 4096, silence_s, lambda: link.now_ns)
    return Receiver(link, lines, Assembler(lambda: link.now_ns).understand)


def test_several_fixes_in_one_read_come_one_after_the_other(link: PlayedLink) -> None:
    first_s, second_s = (datetime(2026, 3, 1, 12, 0, s, tzinfo=timezone.utc) for s in (1, 2))
    data = rmc(1, 0, when=first_s) + NO_SKY + b"garbage\n" + rmc(2, 0, when=second_s)
    link.chunks.append(data + rmc(3, 0)[:30])
    sensor = receiver(link)
    first, second, third = sensor.read(), sensor.read(), sensor.read()
    assert first is not None
    assert second is not None
    assert (first.latitude_deg, second.latitude_deg, third) == (1.0, 2.0, None)


def test_without_a_view_of_the_sky_it_is_not_silent(link: PlayedLink) -> None:
    link.chunks.extend([NO_SKY] * 100)
    sensor = receiver(link)
    assert [sensor.read() for _ in range(100)] == [None] * 100


def test_silence_names_the_link_and_what_to_look_at(link: PlayedLink) -> None:
    sensor = receiver(link)
    assert [sensor.read() for _ in range(25)] == [None] * 25
    with pytest.raises(SensorError, match="the port sent nothing for 5 s; look at the cable"):
        sensor.read()


def test_garbage_names_what_came(link: PlayedLink) -> None:
    link.chunks.extend([b"\xe6\x98\x78\n"] * 100)
    sensor = receiver(link)
    with pytest.raises(SensorError, match=r"the port sent only garbage, last: .*no NMEA sentence"):
        next_value(sensor)


def test_a_flood_is_an_error_even_of_good_sentences(link: PlayedLink) -> None:
    link.step_s = 0.001
    link.chunks.extend([NO_SKY * 40] * 100)
    sensor = receiver(link)
    with pytest.raises(SensorError, match="the port floods: more than 4096 bytes within a second"):
        next_value(sensor)


def test_the_link_is_closed_with_it(link: PlayedLink) -> None:
    receiver(link).close()
    assert link.closed
