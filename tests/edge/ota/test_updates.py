"""Whole updates, one thread: what is reported, refused, resumed and kept."""

from pathlib import Path
from typing import Any

import pytest

from edge.errors import OtaError
from edge.ota.life import Fallen, Intent, Order
from edge.ota.reports import payload_of, to_be_told
from edge.ota.states import Code, State
from models.record.reading import read_record_file
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.fake_ota import FakeFetcher, FakeTrust, figures
from tests.support.ota_disk import CountedDisk
from tests.support.ota_line import FAMILY, Line, committed_version
from wayside.disk import RealDisk

FIRST = Order(FAMILY, "1", "roll-out-1", revision=1)
SECOND = Order(FAMILY, "2", "roll-out-2", revision=2)
WHOLE = ["PENDING", "OFFERED", "ACCEPTED", "DOWNLOADING", "VERIFYING", "STAGED", "ACTIVATING",
         "PROBATION", "COMMITTED"]  # fmt: skip


class Device:
    """A device that may begin anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trust = FakeTrust()
        for place in sorted((folder / "store" / FAMILY).iterdir()):
            self.trust.release(FAMILY, place)
        self.fetcher = FakeFetcher(self.trust, chunk_bytes=500)
        self.line = self.started()

    def started(self, **changes: Any) -> Line:
        self.line = Line(self.folder / "data", self.trust, self.fetcher, RealDisk(), **changes)
        return self.line

    def updated(self, order: Order, revision: int = 1) -> Line:
        self.line.order(order, revision=revision)
        self.line.run()
        return self.line


@pytest.fixture
def device(folder: Path) -> Device:
    return Device(folder)


def last(line: Line) -> UpdateReport:
    return UpdateReport.FromString(payload_of(line.driver.entries.latest[FAMILY]))


def test_an_update_is_told_state_by_state_and_serves(device: Device) -> None:
    line = device.updated(FIRST)
    assert line.states == WHOLE
    assert committed_version(line) == "1"
    report = last(line)
    assert (report.device, report.boot, report.deployment) == ("gate-1", 7, "roll-out-1")
    assert (report.target, report.from_version, report.to_version) == (FAMILY, "0", "1")
    assert (report.transition, report.revision) == (9, 1)
    assert report.downloaded_bytes == report.total_bytes > 1000
    assert line.serving.steps == ["prepare", "activate", "commit"]
    line = device.updated(SECOND, 2)
    assert committed_version(line) == "2"
    assert last(line).from_version == "1"


def test_what_lies_in_a_slot_already_is_not_fetched_again(device: Device) -> None:
    device.updated(FIRST)
    before = device.fetcher.fetched_bytes
    line = device.updated(SECOND, 2)
    assert line.life().state is State.COMMITTED
    assert device.fetcher.fetched_bytes - before < before / 2
    one, two = ((line.slots().folder / name / "LICENSE").stat() for name in ("1", "2"))
    assert one.st_ino != two.st_ino, "what befalls a file befalls one slot"


def test_an_order_that_is_said_again_does_nothing(device: Device) -> None:
    line = device.updated(FIRST)
    reports = line.states
    for revision in (1, 2, 3):
        line = device.updated(FIRST, revision)
    assert line.states == reports
    assert line.life().order.revision == 1
    line = device.started()
    line.order(FIRST, revision=3)
    assert line.states == reports


def test_an_older_revision_is_not_heeded(device: Device) -> None:
    device.updated(SECOND, 5)
    line = device.updated(FIRST, 4)
    assert committed_version(line) == "2"


@pytest.mark.parametrize("share", range(10))
def test_a_download_that_is_cut_goes_on_where_it_was(device: Device, share: int) -> None:
    device.updated(FIRST)
    whole = device.fetcher.fetched_bytes
    fresh = FakeFetcher(device.trust, chunk_bytes=500)
    fresh.fails_after_bytes = whole * share // 10
    line = Line(device.folder / f"cut-{share}", device.trust, fresh, RealDisk())
    line.order(FIRST)
    line.run()
    assert line.life().state is State.COMMITTED
    assert "DEFERRED" in line.states
    assert fresh.fetched_bytes == whole, "no byte twice"


def test_a_trial_that_is_worse_ends_by_itself(device: Device) -> None:
    device.updated(FIRST)
    device.line.serving.found = figures(mean=0.1)
    line = device.updated(SECOND, 2)
    assert last(line).state == UpdateReport.ROLLED_BACK
    assert last(line).code == "probation-detections"
    assert "where the incumbent found" in last(line).detail
    assert committed_version(line) == "1"
    assert line.serving.version(FAMILY) == "1"
    assert line.slots().trial is None


def refusals(device: Device) -> dict[str, Order]:
    """Orders that are refused, by their code."""
    target = device.trust.releases[FAMILY, "2"].target
    device.trust.releases[FAMILY, "3"].target = target.__class__(
        FAMILY, "3", 3, device.trust.releases[FAMILY, "3"].target.sha256, 1, "1.10"
    )
    return {
        "unknown-target": Order(FAMILY, "9", "a"),
        "order-mismatch": Order(FAMILY, "2", "b", "00" * 32),
        "agent-too-old": Order(FAMILY, "3", "c"),
        "incompatible": Order("another-family", "1", "d"),
    }


@pytest.mark.parametrize("code", ["unknown-target", "order-mismatch", "agent-too-old"])
def test_what_the_repository_does_not_say_is_refused_by_name(device: Device, code: str) -> None:
    device.updated(FIRST)
    line = device.updated(refusals(device)[code], 2)
    assert (line.life().state, line.life().code) == (State.REJECTED, code)
    assert committed_version(line) == "1"


def test_a_family_that_no_camera_uses_is_refused(device: Device) -> None:
    line = device.line
    line.order(refusals(device)["incompatible"])
    line.run()
    life = line.life("another-family")
    assert (life.state, life.code) == (State.REJECTED, "incompatible")
    assert "there are gate" in life.detail


def test_below_the_floor_and_revoked_are_refused_whatever_was_ordered(device: Device) -> None:
    device.trust.floors[FAMILY] = 2
    line = device.updated(FIRST)
    assert (line.life().state, line.life().code) == (State.REJECTED, "below-floor")
    device.trust.withdrawn[FAMILY] = {2}
    line = device.updated(SECOND, 2)
    assert (line.life().state, line.life().code) == (State.REJECTED, "revoked")
    assert committed_version(line) == "own"


def test_what_is_revoked_between_staging_and_activation_is_not_activated(device: Device) -> None:
    line = device.line
    line.order(FIRST)
    while line.life().state is not State.STAGED:
        line.work()
        if line.life().state is not State.STAGED:
            line.tick()
    device.trust.withdrawn[FAMILY] = {1}
    line.run()
    assert line.life().code == "revoked"
    assert "activate" not in line.serving.steps
    assert committed_version(line) == "own"


def test_a_self_test_that_fails_is_refused_and_leaves_nothing(device: Device) -> None:
    device.line.serving.failure = OtaError(Code.SELF_TEST, "golden: off by 0.8")
    line = device.updated(FIRST)
    assert (line.life().state, line.life().code) == (State.REJECTED, "self-test")
    assert list(line.slots().folder.iterdir()) == []
    assert not line.places.downloads.joinpath(FAMILY).exists()


def test_too_little_room_is_told_before_anything_is_fetched(device: Device) -> None:
    line = device.started(spare_bytes=1 << 62)
    line.order(FIRST)
    for _ in range(5):
        line.work()
        line.tick(100.0)
    assert (line.life().state, line.life().code) == (State.DEFERRED, "no-space")
    assert "bytes more" in line.life().detail
    assert device.fetcher.fetched_bytes == device.trust.releases[FAMILY, "1"].target.length


def test_a_damaged_download_is_found_before_it_is_staged_and_fetched_anew(device: Device) -> None:
    line = device.line
    line.order(FIRST)
    line.work()
    line.tick()
    while line.life().state is not State.VERIFYING:
        line.perform(*line.doing.pop(0))
    (victim, *_) = [
        path for path in sorted(line.places.downloads.joinpath(FAMILY).iterdir())
        if path.name != device.trust.releases[FAMILY, "1"].target.sha256
    ]  # fmt: skip
    victim.write_bytes(b"x" * victim.stat().st_size)
    line.run()
    assert "DEFERRED" not in line.states
    assert (line.life().state, committed_version(line)) == (State.COMMITTED, "1")


def test_a_lost_journal_ends_the_order_that_was_under_way(device: Device) -> None:
    device.updated(FIRST)
    line = device.line
    line.order(SECOND, revision=2)
    for _ in range(3):
        line.work()
        line.tick()
    assert line.life().state not in (State.COMMITTED, State.PENDING)
    journal = device.folder / "data" / "ota" / "journal.json"
    journal.write_bytes(b"\0" * journal.stat().st_size)
    line = device.started()
    assert "journal.json" in line.problem
    assert committed_version(line) == "1"
    line.order(SECOND, revision=2)
    line.run()
    assert (line.life().state, line.life().code) == (State.FAILED_NO_CHANGE, "not-readable")
    line = device.updated(Order(FAMILY, "2", "roll-out-3"), 3)
    assert committed_version(line) == "2"


def test_a_lost_journal_does_not_take_back_what_was_committed(device: Device) -> None:
    device.updated(FIRST)
    (device.folder / "data" / "ota" / "journal.json").write_bytes(b"")
    line = device.started()
    line.order(FIRST)
    assert (line.life().state, committed_version(line)) == (State.COMMITTED, "1")


def test_orders_for_models_that_nobody_uses_are_forgotten_when_they_go(device: Device) -> None:
    for number in range(5):
        device.line.order(Order(f"stranger-{number}", "1", "x"), revision=number)
        device.line.run()
    assert list(device.line.driver.entries.lives) == ["stranger-4"]
    assert list(device.line.driver.entries.latest) == ["stranger-4"]


def test_reports_wait_until_they_are_taken_and_the_last_one_is_told_with_each_connection(
    device: Device,
) -> None:
    line = device.updated(FIRST)
    reports = line.driver.entries.reports
    line.driver.taken(reports[:4])
    line = device.started()
    assert line.driver.entries.reports == reports[4:]
    line.driver.taken(reports)
    line = device.started()
    assert line.driver.entries.reports == ()
    (again,) = to_be_told(line.driver.entries)
    assert again == reports[-1]


def test_several_families_are_updated_one_after_the_other(folder: Path) -> None:
    trust = FakeTrust()
    trust.release(FAMILY, folder / "store" / FAMILY / "1")
    fetcher = FakeFetcher(trust)
    families = (FAMILY, "yard")
    line = Line(folder / "data", trust, fetcher, RealDisk(), families=families)
    line.order(FIRST, Order("yard", "1", "roll-out-9"))
    line.run()
    assert line.life().state is State.COMMITTED
    assert (line.life("yard").state, line.life("yard").code) == (State.REJECTED, "unknown-target")
    assert committed_version(line, "yard") == "own"


def test_what_fell_is_told_in_the_name_of_the_order_that_had_brought_it(device: Device) -> None:
    device.updated(FIRST)
    line = device.updated(Order(FAMILY, "9", "nowhere"), 2)
    line.take(FAMILY, Fallen("revoked", "release 1 was revoked", "roll-out-1", "1", "0"))
    report = UpdateReport.FromString(payload_of(line.driver.entries.reports[-1]))
    assert (report.deployment, report.state, report.code) == (
        "roll-out-1", UpdateReport.ROLLED_BACK, "revoked",
    )  # fmt: skip
    assert "release 1 was revoked" in line.errors[0]
    assert line.life().order.deployment == "nowhere"


def test_a_model_that_has_served_for_long_costs_the_next_order_no_time(device: Device) -> None:
    line = device.updated(FIRST)
    line.tick(30 * 86_400.0)
    line = device.updated(SECOND, 2)
    assert (line.life().state, committed_version(line)) == (State.COMMITTED, "2")


def test_the_time_of_who_waits_for_another_family_stands_still(folder: Path) -> None:
    trust = FakeTrust()
    trust.release(FAMILY, folder / "store" / FAMILY / "1")
    trust.release("yard", folder / "store" / FAMILY / "2")
    line = Line(folder / "data", trust, FakeFetcher(trust), RealDisk(), families=(FAMILY, "yard"))
    line.order(FIRST, Order("yard", "2", "roll-out-9"))
    line.work()
    line.tick()
    assert (line.life().state, line.life("yard").state) == (State.ACCEPTED, State.OFFERED)
    for _ in range(2):
        line.tick(50_000.0)
    assert line.life().state is State.TIMED_OUT
    line.tick()
    assert line.life("yard").state is State.ACCEPTED


def test_an_order_for_what_serves_is_at_its_end_at_once(device: Device) -> None:
    line = device.updated(FIRST)
    line.driver.taken(line.driver.entries.reports)
    again = Order(FAMILY, "1", "roll-out-2")
    line = device.updated(again, 2)
    assert line.states == ["PENDING", "COMMITTED"]
    assert line.serving.steps == ["prepare", "activate", "commit"], "of the first order alone"
    assert line.deployment(FAMILY) == "roll-out-2"
    line.take(FAMILY, Fallen("revoked", "release 1 was revoked", "roll-out-2", "1", "0"))
    assert line.life().state is State.ROLLED_BACK


def test_what_is_revoked_before_a_commit_is_done_again_is_not_committed(device: Device) -> None:
    line = device.line
    line.order(FIRST)
    while line.life().state is not State.PROBATION:
        line.work()
        line.tick()
    line.judge()
    assert line.life().intent is Intent.COMMIT
    device.trust.withdrawn[FAMILY] = {1}
    line = device.started()  # killed before it was done
    line.run()
    assert (line.life().state, line.life().code) == (State.ROLLED_BACK, "revoked")
    assert committed_version(line) == "own"
    assert line.serving.version(FAMILY) == "0"


def test_whatever_a_stranger_wrote_can_be_written_down_and_told(device: Device) -> None:
    device.trust.failure = OtaError(Code.WRONG_KEY, "is signed by \ud800\x00\n", is_passing=True)
    line = device.line
    line.order(FIRST)
    line.work()
    assert line.life().state is State.DEFERRED
    assert last(line).detail == "is signed by \\ud800\\x00\\n"
    assert device.started().life().detail == last(line).detail


def test_what_is_copied_from_a_slot_is_durable_before_it_has_its_name(device: Device) -> None:
    device.updated(FIRST)
    disk = CountedDisk()
    line = Line(device.folder / "data", device.trust, device.fetcher, disk)
    line.order(SECOND, revision=2)
    line.run()
    assert line.life().state is State.COMMITTED
    first = disk.changes.index("copy")
    assert disk.changes[first : first + 4] == ["copy", "sync", "replace", "sync"]


def test_what_a_power_cut_left_of_a_download_is_fetched_anew(device: Device) -> None:
    line = device.line
    line.order(FIRST)
    line.work()
    line.tick()
    line.perform(*line.doing.pop(0))
    assert line.life().state is State.DOWNLOADING
    folder, target = line.places.downloads / FAMILY, device.trust.releases[FAMILY, "1"].target
    for one in read_record_file(folder / target.sha256).record.artefacts:
        (folder / one.sha256).write_bytes(b"\0" * one.size)
    line = device.started()
    line.run()
    assert (line.life().state, committed_version(line)) == (State.COMMITTED, "1")
