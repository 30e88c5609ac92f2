"""The updater's threads: orders from the uplink, effects called off, reports until a PUBACK."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.ota.port import Target
from edge.ota.probation import ProbationLimits
from edge.ota.revocations import Revocations
from edge.ota.states import State
from edge.ota.updater import Looks, Updater
from edge.publish.uplink import OnPuback
from protos import topics
from protos.codec import encode
from protos.v1.desired_state_pb2 import DesiredState
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.fake_ota import FakeFetcher, FakeTrust, figures
from tests.support.ota_line import FAMILY, Line, committed_version
from tests.support.processes import wait_until
from wayside.disk import RealDisk
from wayside.errors import NotConnectedError

DEVICE = "gate-1"
CONFIG = topics.config(DEVICE)
NEVER, OFTEN = Looks(1e6, 1e6), Looks(0.0, 0.02)


def wanted(*versions: str, revision: int = 1, device: str = DEVICE) -> bytes:
    state = DesiredState(schema=1, device=device, revision=revision)
    for version in versions:
        state.targets.add(name=FAMILY, version=version, deployment=f"roll-out-{version}")
    return encode(state)


class Broker:
    """Takes reports, or not."""

    def __init__(self) -> None:
        self.reports: list[UpdateReport] = []
        self.code: int | None = 0
        self.is_there = True

    def publish(self, topic: str, payload: bytes, on_puback: OnPuback) -> None:
        assert topic == topics.updates(DEVICE)
        if not self.is_there:
            raise NotConnectedError("gone")
        self.reports.append(UpdateReport.FromString(payload))
        if self.code is not None:
            on_puback(self.code)

    @property
    def states(self) -> list[str]:
        return [UpdateReport.State.Name(report.state) for report in self.reports]


class Device:
    """A device whose updater runs, and may be started anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trust = FakeTrust()
        for place in sorted((folder / "store" / FAMILY).iterdir()):
            self.trust.release(FAMILY, place)
        self.fetcher = FakeFetcher(self.trust)
        self.broker = Broker()
        self.is_open = True
        self.looks = NEVER
        self.start()

    def start(self) -> None:
        self.line = Line(self.folder / "data", self.trust, self.fetcher, RealDisk())
        self.updater = Updater(
            DEVICE, self.line.driver, self.line.performer, self.line.serving, ProbationLimits(),
            publish=self.broker.publish, is_open=lambda: self.is_open,
            revocations=Revocations(self.trust, self.line.serving, self.line.slots),
            looks=self.looks,
        )  # fmt: skip
        self.updater.__enter__()
        self.updater.on_connected()

    def stop(self) -> None:
        self.updater.__exit__(None, None, None)

    def ends(self, state: State) -> None:
        wait_until(
            lambda: (life := self.line.driver.life(FAMILY)) is not None and life.state is state,
            state.name, 30,
        )  # fmt: skip


@pytest.fixture
def device(folder: Path) -> Iterator[Device]:
    device = Device(folder)
    yield device
    device.stop()


def test_an_order_is_carried_out_and_every_state_told(device: Device) -> None:
    device.updater.on_message(CONFIG, wanted("1"))
    device.ends(State.COMMITTED)
    wait_until(lambda: device.broker.states[-1:] == ["COMMITTED"], "the last report")
    assert device.broker.states == [
        "PENDING", "OFFERED", "ACCEPTED", "DOWNLOADING", "VERIFYING", "STAGED", "ACTIVATING",
        "PROBATION", "COMMITTED",
    ]  # fmt: skip
    wait_until(lambda: not device.line.driver.entries.reports, "all taken")
    assert committed_version(device.line) == "1"


def test_others_messages_and_broken_ones_are_no_orders(device: Device) -> None:
    device.updater.on_message(topics.command(DEVICE, "receipts"), wanted("1"))
    device.updater.on_message(CONFIG, b"\xff\xff")
    device.updater.on_message(CONFIG, wanted("1", device="another"))
    broken = DesiredState.FromString(wanted("1"))
    broken.targets[0].sha256 = b"x" * 100_000
    device.updater.on_message(CONFIG, encode(broken))
    device.updater.on_message(CONFIG, wanted("2", revision=2))
    device.ends(State.COMMITTED)
    assert committed_version(device.line) == "2"


def test_reports_wait_for_a_broker_and_go_out_again_after_a_restart(device: Device) -> None:
    device.broker.is_there = False
    device.updater.on_message(CONFIG, wanted("1"))
    device.ends(State.COMMITTED)
    device.stop()
    assert device.broker.reports == []
    device.broker.is_there, device.broker.code = True, None
    device.start()
    wait_until(lambda: device.broker.states[-1:] == ["COMMITTED"], "the last report")
    assert len(device.broker.states) == 9
    device.stop()
    device.broker.code = 0
    device.broker.reports.clear()
    device.start()
    wait_until(lambda: not device.line.driver.entries.reports, "all taken")
    assert len(device.broker.states) == 9, "nobody had taken them"
    device.stop()
    device.broker.reports.clear()
    device.start()
    wait_until(lambda: device.broker.states == ["COMMITTED"], "the last one of each order, again")


def test_a_withdrawn_order_calls_a_download_off(device: Device) -> None:
    is_in, go_on = threading.Event(), threading.Event()
    bring = device.fetcher.blob

    def slowly(sha256: str, size: int, into: Path, progress: Callable[[int], None]) -> None:
        is_in.set()
        assert go_on.wait(20)
        bring(sha256, size, into, progress)

    device.fetcher.blob = slowly  # type: ignore[method-assign]  # of the fake
    device.updater.on_message(CONFIG, wanted("1"))
    assert is_in.wait(20)
    device.updater.on_message(CONFIG, wanted(revision=2))
    device.ends(State.CANCELLED)
    go_on.set()
    wait_until(
        lambda: not (device.line.places.downloads / FAMILY).exists(), "what was fetched to go"
    )
    assert committed_version(device.line) == "own"


def test_a_closed_window_holds_an_order_up_until_it_opens(device: Device) -> None:
    device.is_open = False
    device.updater.on_message(CONFIG, wanted("1"))
    device.ends(State.DEFERRED)
    device.is_open = True
    device.ends(State.COMMITTED)


def test_a_model_that_sees_nothing_is_sent_back(device: Device) -> None:
    device.line.serving.found = figures(mean=0.0)
    device.updater.on_message(CONFIG, wanted("1"))
    device.ends(State.ROLLED_BACK)
    wait_until(lambda: device.broker.states[-1:] == ["ROLLED_BACK"], "the last report")
    assert device.broker.reports[-1].code == "probation-detections"
    assert committed_version(device.line) == "own"


def test_what_is_on_trial_and_was_revoked_is_sent_back(device: Device) -> None:
    device.stop()
    device.looks = OFTEN
    device.start()
    device.line.serving.found = figures(blocks=3, frames=10)
    device.updater.on_message(CONFIG, wanted("1"))
    device.ends(State.PROBATION)
    device.trust.withdrawn[FAMILY] = {1}
    device.ends(State.ROLLED_BACK)
    wait_until(lambda: device.broker.states[-1:] == ["ROLLED_BACK"], "the last report")
    assert device.broker.reports[-1].code == "revoked"
    assert committed_version(device.line) == "own"


def test_a_download_keeps_nobody_from_seeing_that_what_serves_was_revoked(device: Device) -> None:
    device.updater.on_message(CONFIG, wanted("1"))
    device.ends(State.COMMITTED)
    device.stop()
    is_in, go_on, bring = threading.Event(), threading.Event(), device.fetcher.record

    def slowly(target: Target, into: Path, progress: Callable[[int], None]) -> None:
        is_in.set()
        while not go_on.wait(0.01):
            progress(0)  # raises once it is called off
        bring(target, into, progress)

    device.fetcher.record = slowly  # type: ignore[method-assign]  # of the fake
    device.looks = OFTEN
    device.start()
    device.updater.on_message(CONFIG, wanted("2", revision=2))
    assert is_in.wait(20)
    device.trust.withdrawn[FAMILY] = {1}
    wait_until(lambda: device.line.serving.version(FAMILY) == "0", "the settings' own model", 20)
    assert committed_version(device.line) == "own"
    wait_until(
        lambda: any((r.code, r.deployment) == ("revoked", "roll-out-1")
                    for r in device.broker.reports),
        "the report of what had served", 20,
    )  # fmt: skip
    life = device.line.driver.life(FAMILY)
    assert life is not None
    assert life.state is State.ACCEPTED
    go_on.set()
    device.ends(State.COMMITTED)
    assert committed_version(device.line) == "2"


def test_a_newer_revision_has_it_look_at_once(device: Device) -> None:
    device.updater.on_message(CONFIG, wanted("1"))
    device.ends(State.COMMITTED)
    device.trust.withdrawn[FAMILY] = {1}
    device.updater.on_message(CONFIG, wanted("9", revision=2))
    wait_until(lambda: device.line.serving.version(FAMILY) == "0", "the settings' own model", 20)


def test_reports_that_were_taken_are_let_go(device: Device) -> None:
    device.updater.on_message(CONFIG, wanted("1"))
    device.ends(State.COMMITTED)
    wait_until(lambda: not device.line.driver.entries.reports, "all taken")
    wait_until(lambda: not device.updater.unanswered, "nothing is remembered of them")
