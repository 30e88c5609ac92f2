"""Outbox, forwarder and uplink against a real Mosquitto."""

import getpass
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
import structlog

from edge.publish.clock import ClockState
from edge.publish.forwarder import Forwarder
from edge.publish.outbox import Outbox
from edge.publish.settings import ForwarderSettings, OutboxSettings
from edge.publish.uplink import Uplink
from protos import codec, topics
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.receipt_pb2 import Receipt
from tests.support.drafts import START_NS, drafts
from tests.support.mosquitto import mosquitto
from tests.support.processes import ServerProcess, free_port, wait_until
from tests.support.small_cloud import Judge, SmallCloud
from wayside.backoff import Backoff
from wayside.mqtt.settings import MqttSettings

DEVICE = "gate-1"
FAST = ForwarderSettings(
    linger_ms=10,
    receipt_timeout_min_s=0.3,
    receipt_timeout_max_s=1.0,
    settle_s=0.1,
    nobody_retry_initial_s=0.05,
    nobody_retry_max_s=0.1,
)
HALF_AN_HOUR_NS = 1800 * 10**9
LANES = (Lane.ALARM, Lane.STATE, Lane.STATS)


@dataclass
class Rig:
    """A device that is wired up, and what it needs to be taken down."""

    folder: Path
    broker: ServerProcess
    protocol: Literal["5", "3.1.1"] = "5"
    settings: ForwarderSettings = FAST
    stack: ExitStack = field(default_factory=ExitStack)

    def cloud(
        self, *, stores: Judge = lambda batch: True, receipts: Judge = lambda batch: True
    ) -> SmallCloud:
        cloud = SmallCloud(self.broker.port, stores=stores, receipts=receipts)
        cloud.start()
        self.stack.callback(cloud.stop)
        return cloud

    def device(self) -> tuple[Outbox, Forwarder]:
        outbox = Outbox.open(
            self.folder / "outbox",
            OutboxSettings(commit_linger_ms=5),
            DEVICE,
            clock=lambda: ClockState(True, 2),
        )
        self.stack.callback(outbox.close)
        uplink = Uplink(
            MqttSettings(port=self.broker.port, protocol=self.protocol),
            DEVICE,
            backoff=Backoff(0.02, 0.05),
        )
        forwarder = Forwarder(
            outbox, uplink, self.settings, DEVICE, now_ns=lambda: START_NS + HALF_AN_HOUR_NS
        )
        uplink.attach(forwarder)
        forwarder.start()
        self.stack.callback(forwarder.stop)
        uplink.start()
        self.stack.callback(uplink.stop)
        return outbox, forwarder


MakeRig = Callable[..., Rig]


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[MakeRig]:
    with ExitStack() as stack:

        def make(
            extra: str = "",
            protocol: Literal["5", "3.1.1"] = "5",
            settings: ForwarderSettings = FAST,
        ) -> Rig:
            broker = mosquitto(tmp_path / "broker", extra, port=free_port())
            broker.start()
            stack.callback(broker.stop)
            return Rig(tmp_path, broker, protocol, settings, stack)

        yield make


def refuses(folder: Path, lane: Lane) -> str:
    """Lines of Mosquitto's configuration that let devices publish to all lanes but one."""
    acl = folder / "acl"
    allowed = [item for item in Lane if item is not lane]
    lines = [f"topic readwrite /devices/{DEVICE}/events/{item.slug}" for item in allowed]
    acl.write_text("\n".join([*lines, f"topic readwrite /devices/{DEVICE}/commands/#", ""]))
    # As root, Mosquitto would become a user who cannot read a test's folder.
    return f"acl_file {acl}\nuser {getpass.getuser()}"


def _equal(read: Callable[[], list[int]], expected: list[int]) -> bool:
    return read() == expected


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_everything_arrives_and_receipts_empty_the_outbox(
    make_rig: MakeRig, protocol: Literal["5", "3.1.1"]
) -> None:
    rig = make_rig(protocol=protocol)
    cloud = rig.cloud()
    assert cloud.subscribed.wait(10)
    outbox, forwarder = rig.device()
    for lane in LANES:
        outbox.append(drafts(250, lane))
    assert forwarder.drained(20)
    assert outbox.high_water() == [(outbox.boot, lane, 250) for lane in LANES]
    for lane in LANES:
        assert cloud.seqs(outbox.boot, lane) == list(range(1, 251))
    assert all(batch.count <= codec.MAX_EVENTS for batch in cloud.batches)
    assert all(batch.clock_synced and batch.anchor_id == 2 for batch in cloud.batches)
    assert forwarder.stats.receipts >= 9
    assert forwarder.stats.receipt_s is not None


def test_an_event_counts_once_however_often_it_goes_out(make_rig: MakeRig) -> None:
    rig = make_rig()
    lost = iter([False, False, False])  # receipts: the device sends again
    cloud = rig.cloud(receipts=lambda batch: next(lost, True))
    assert cloud.subscribed.wait(10)
    outbox, forwarder = rig.device()
    outbox.append(drafts(150, Lane.STATE))
    outbox.append(drafts(2, Lane.ALARM))
    assert forwarder.drained(30)

    assert forwarder.stats.resent > 0
    latency = forwarder.latency()
    assert {lane: latency[lane].count for lane in LANES} == {
        Lane.ALARM: 2, Lane.STATE: 150, Lane.STATS: 0,
    }  # fmt: skip
    # By the fixed clock they were captured half an hour ago, give or take nothing.
    assert latency[Lane.ALARM].total == pytest.approx(2 * 1800)
    assert forwarder.fill.count == forwarder.stats.sent
    assert forwarder.fill.total >= 152
    commits = outbox.commit_times()
    assert (commits[Lane.STATE].count, commits[Lane.ALARM].count) == (150, 2)
    assert 0 < commits[Lane.ALARM].total < 20


def test_an_alarm_does_not_wait_for_company(make_rig: MakeRig) -> None:
    rig = make_rig(settings=FAST.model_copy(update={"linger_ms": 10_000.0}))
    cloud = rig.cloud()
    assert cloud.subscribed.wait(10)
    outbox, _ = rig.device()
    outbox.append(drafts(1, Lane.ALARM))
    wait_until(lambda: cloud.seqs(outbox.boot, Lane.ALARM), "the line is open")
    outbox.append(drafts(1, Lane.STATE))
    outbox.append(drafts(1, Lane.ALARM))
    wait_until(lambda: len(cloud.seqs(outbox.boot, Lane.ALARM)) == 2, "the alarm arrives")
    assert not cloud.seqs(outbox.boot, Lane.STATE)


def test_nothing_is_missing_after_the_broker_was_killed_again_and_again(
    make_rig: MakeRig,
) -> None:
    rig = make_rig()
    cloud = rig.cloud()
    outbox, forwarder = rig.device()
    sent = 0
    for _ in range(4):
        wait_until(lambda: forwarder.stats.connected, "the device is back")
        more_than = partial(lambda count: len(cloud.events) > count, len(cloud.events))
        outbox.append(drafts(400, Lane.STATE, first=sent))
        outbox.append(drafts(40, Lane.ALARM, first=sent))
        sent += 400
        wait_until(more_than, "something arrives")
        rig.broker.kill()
        outbox.append(drafts(100, Lane.STATS))
        rig.broker.start()
    assert forwarder.drained(30)
    assert cloud.seqs(outbox.boot, Lane.STATE) == list(range(1, 1601))
    assert cloud.seqs(outbox.boot, Lane.ALARM) == list(range(1, 161))
    assert cloud.seqs(outbox.boot, Lane.STATS) == list(range(1, 401))
    assert outbox.depth().set_aside == 0


def test_events_of_an_offline_device_arrive_when_it_is_back_also_those_of_an_earlier_start(
    make_rig: MakeRig,
) -> None:
    rig = make_rig()
    rig.broker.kill()
    before = Outbox.open(rig.folder / "outbox", OutboxSettings(), DEVICE)
    before.append(drafts(300))
    before.close()
    outbox, forwarder = rig.device()
    outbox.append(drafts(300))
    assert outbox.flush(10)
    assert outbox.depth().rows == 600
    rig.broker.start()
    cloud = rig.cloud()
    assert forwarder.drained(20)
    assert cloud.seqs(before.boot, Lane.STATE) == list(range(1, 301))
    assert cloud.seqs(outbox.boot, Lane.STATE) == list(range(1, 301))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_lane_that_the_broker_refuses_is_set_aside_and_the_others_flow(
    make_rig: MakeRig, tmp_path: Path, protocol: Literal["5", "3.1.1"]
) -> None:
    rig = make_rig(refuses(tmp_path, Lane.STATE), protocol)
    # The cloud may read everything: Mosquitto checks its access list by topic, not by client.
    cloud = rig.cloud()
    assert cloud.subscribed.wait(10)
    with structlog.testing.capture_logs() as logs:
        outbox, _forwarder = rig.device()
        for first in range(0, 300, 100):
            outbox.append(drafts(100, Lane.ALARM, first=first))
            outbox.append(drafts(100, Lane.STATE, first=first))
            outbox.append(drafts(100, Lane.STATS, first=first))
        for lane in (Lane.ALARM, Lane.STATS):
            stored = partial(cloud.seqs, outbox.boot, lane)
            wait_until(partial(_equal, stored, list(range(1, 301))), f"{lane.slug} arrives whole")
        wait_until(lambda: outbox.depth().rows == 300, "receipts of the others")
        wait_until(lambda: outbox.depth().set_aside == 300, "the refused lane is set aside")
        outbox.append(drafts(5, Lane.STATE))
        outbox.append(drafts(5, Lane.STATS))
        wait_until(lambda: len(cloud.seqs(outbox.boot, Lane.STATS)) == 305, "life goes on")
        wait_until(lambda: outbox.depth().set_aside == 305, "what is new is set aside as well")
    assert not cloud.seqs(outbox.boot, Lane.STATE)
    told = [log for log in logs if log["event"] == "lane set aside"]
    assert [log["topic"] for log in told] == [topics.events(DEVICE, Lane.STATE)]
    assert told[0]["reason"]


def test_what_was_set_aside_arrives_when_the_broker_takes_it_again(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    settings = FAST.model_copy(update={"aside_retry_s": 0.5})
    rig = make_rig(refuses(tmp_path, Lane.STATE), settings=settings)
    cloud = rig.cloud()
    assert cloud.subscribed.wait(10)
    outbox, forwarder = rig.device()
    outbox.append(drafts(250, Lane.STATE))
    wait_until(lambda: outbox.depth().set_aside > 0, "the lane is refused")
    (tmp_path / "acl").write_text("topic readwrite #\n")
    rig.broker.kill()
    rig.broker.start()
    assert forwarder.drained(20)
    assert cloud.seqs(outbox.boot, Lane.STATE) == list(range(1, 251))
    assert outbox.depth().set_aside == 0


def test_a_batch_whose_receipt_is_lost_goes_out_again(make_rig: MakeRig) -> None:
    lost = threading.Event()

    def first_time_lost(batch: EventBatch) -> bool:
        seen = lost.is_set()
        lost.set()
        return seen

    rig = make_rig()
    cloud = rig.cloud(receipts=first_time_lost)
    assert cloud.subscribed.wait(10)
    outbox, forwarder = rig.device()
    outbox.append(drafts(10))
    assert forwarder.drained(20)
    assert set(cloud.deliveries.values()) == {2}
    assert forwarder.stats.resent == 1


def test_a_batch_that_dies_behind_the_broker_goes_out_again(make_rig: MakeRig) -> None:
    swallowed: list[int] = []

    def swallow_five(batch: EventBatch) -> bool:
        swallowed.append(batch.first_seq)
        return len(swallowed) > 5

    rig = make_rig()
    cloud = rig.cloud(stores=swallow_five)
    assert cloud.subscribed.wait(10)
    outbox, forwarder = rig.device()
    outbox.append(drafts(450))
    assert forwarder.drained(20)
    assert cloud.seqs(outbox.boot, Lane.STATE) == list(range(1, 451))


def test_where_nobody_subscribes_events_wait_and_arrive_when_somebody_does(
    make_rig: MakeRig,
) -> None:
    rig = make_rig()
    outbox, forwarder = rig.device()
    outbox.append(drafts(150))
    wait_until(lambda: forwarder.stats.sent >= 3, "it tries again")
    assert outbox.depth().rows == 150
    assert forwarder.stats.on_the_way <= 1
    cloud = rig.cloud()
    assert forwarder.drained(20)
    assert cloud.seqs(outbox.boot, Lane.STATE) == list(range(1, 151))


def test_bad_receipts_are_ignored(make_rig: MakeRig) -> None:
    rig = make_rig()
    cloud = rig.cloud(receipts=lambda batch: False)
    assert cloud.subscribed.wait(10)
    with structlog.testing.capture_logs() as logs:
        outbox, forwarder = rig.device()
        outbox.append(drafts(10))
        wait_until(lambda: cloud.events, "the events arrive")
        topic = topics.command(DEVICE, topics.RECEIPTS)
        forwarder.on_message(topic, b"\xff\xff garbage")
        foreign = Receipt(schema=1, device="other-device")
        foreign.ranges.add(boot=outbox.boot, lane="LANE_STATE", first_seq=1, last_seq=10)
        forwarder.on_message(topic, codec.encode(foreign))
        odd = Receipt(schema=1, device=DEVICE)
        odd.ranges.add(boot=outbox.boot, lane="LANE_UNSPECIFIED", first_seq=1, last_seq=10)
        odd.ranges.add(boot=outbox.boot, lane="LANE_STATE", first_seq=0, last_seq=10)
        odd.ranges.add(boot=outbox.boot, lane="LANE_STATE", first_seq=10, last_seq=1)
        odd.ranges.add(boot=outbox.boot ^ 1, lane="LANE_STATE", first_seq=1, last_seq=10)
        forwarder.on_message(topic, codec.encode(odd))
        forwarder.on_message(topics.config(DEVICE), codec.encode(foreign))
        assert not forwarder.drained(0.1)
    assert outbox.depth().rows == 10
    assert [log["event"] for log in logs].count("receipt ignored") == 2
    good = Receipt(schema=1, device=DEVICE)
    good.ranges.add(boot=outbox.boot, lane="LANE_STATE", first_seq=1, last_seq=2**63)
    forwarder.on_message(topic, codec.encode(good))
    assert forwarder.drained(10)
