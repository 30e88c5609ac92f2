"""What comes down is acknowledged to Pub/Sub once the broker has it."""

from dataclasses import dataclass, field

import pytest

from cloud.bridge.downlink import Descent, Downlink
from cloud.bridge.rate_limit import RateLimit
from cloud.bus.port import Received
from wayside.errors import NotConnectedError
from wayside.mqtt.messages import NO_SUBSCRIBERS, SUCCESS


@dataclass
class Line:
    """A broker that is there or not, and what each side was told."""

    away: bool = False
    burst: int = 10
    sent: list[Descent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    acked: list[str] = field(default_factory=list)
    nacked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        limit = RateLimit(rate=1.0, burst=self.burst, clock=lambda: 0.0)
        self.downlink = Downlink(
            self.publish, lambda received, reason: self.refused.append(reason), limit
        )

    def publish(self, descent: Descent) -> None:
        if self.away:
            raise NotConnectedError("away")
        self.sent.append(descent)

    def receive(self, name: str, folder: str = "config") -> None:
        attributes = {"deviceId": "cam-1", "subFolder": folder}
        self.downlink.take(
            Received(
                name.encode(), attributes, name,
                ack=lambda: self.acked.append(name), nack=lambda: self.nacked.append(name),
            )
        )  # fmt: skip

    @property
    def names(self) -> list[str]:
        return [descent.received.message_id for descent in self.sent]


@pytest.mark.parametrize("code", [SUCCESS, NO_SUBSCRIBERS])
def test_message_is_acknowledged_by_its_puback(code: int) -> None:
    line = Line()
    line.receive("one")
    assert line.acked == []
    line.downlink.published(line.sent[0], code)
    assert line.acked == ["one"]


def test_message_waits_for_a_connection() -> None:
    line = Line(away=True)
    line.receive("one")
    line.away = False
    assert line.sent == []
    line.downlink.connected()
    assert line.names == ["one"]


def test_what_was_in_flight_goes_out_again_at_the_next_connection() -> None:
    line = Line()
    line.receive("one")
    line.downlink.disconnected()
    line.downlink.connected()
    assert line.names == ["one", "one"]
    line.downlink.published(line.sent[1], SUCCESS)
    line.downlink.stop()
    assert (line.acked, line.nacked) == (["one"], [])


def test_message_that_the_broker_refuses_is_dead_lettered_and_not_acknowledged_here() -> None:
    line = Line()
    line.receive("one")
    line.downlink.published(line.sent[0], 0x87)
    assert line.refused == ["the broker refuses /devices/cam-1/config with reason code 0x87"]
    assert line.acked == []


def test_message_without_an_address_is_refused() -> None:
    line = Line()
    line.receive("one", folder="events")
    assert len(line.refused) == 1
    assert line.sent == []


def test_what_has_not_gone_down_is_given_back() -> None:
    line = Line()
    line.receive("in flight")
    line.away = True
    line.receive("waiting")
    line.downlink.stop()
    assert sorted(line.nacked) == ["in flight", "waiting"]


def test_a_connection_that_comes_while_a_message_finds_none_gets_it() -> None:
    sent: list[str] = []

    def publish(descent: Descent) -> None:
        if not sent:
            sent.append("refused")
            downlink.connected()  # the network's thread is faster than the refusal
            raise NotConnectedError("away")
        sent.append(descent.received.message_id)

    downlink = Downlink(publish, lambda received, reason: None, RateLimit(1.0, 10))
    downlink.take(Received(b"", {"deviceId": "cam-1", "subFolder": "config"}, "one"))
    assert sent == ["refused", "one"]


def test_what_is_too_much_for_a_device_comes_later() -> None:
    line = Line(burst=2)
    for name in ("one", "two", "three", "four"):
        line.receive(name)
    assert line.names == ["one", "two"]
    assert line.nacked == ["three", "four"]
    assert line.refused == []


def test_drain_waits_for_the_last_puback() -> None:
    line = Line()
    line.receive("one")
    assert not line.downlink.drain(0.01)
    line.downlink.published(line.sent[0], SUCCESS)
    assert line.downlink.drain(1.0)
