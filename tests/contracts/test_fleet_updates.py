"""What devices say of their updates: what the tables promise, on real databases."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from sqlalchemy import func, select

from cloud.desired.updates import MAX_DEPLOYMENTS, MAX_STEPS, Update, Updates
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.fleet.schema import UPDATE_STEPS
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.fleet import Clock, heartbeat
from tests.support.processes import together
from tests.support.update_reports import BOOT, update_report

STATES = (
    UpdateReport.PENDING, UpdateReport.OFFERED, UpdateReport.ACCEPTED, UpdateReport.DOWNLOADING,
    UpdateReport.VERIFYING, UpdateReport.STAGED, UpdateReport.ACTIVATING, UpdateReport.PROBATION,
    UpdateReport.COMMITTED,
)  # fmt: skip
WHOLE = [update_report(number, state) for number, state in enumerate(STATES, 1)]


@pytest.fixture
def updates(database: FleetDatabase, clock: Clock) -> Updates:
    return Updates(database, clock)


@pytest.fixture
def another(url: str, clock: Clock) -> Iterator[Callable[[], Updates]]:
    with ExitStack() as ends:
        yield lambda: Updates(ends.enter_context(closing(FleetDatabase(url))), clock)


def only(updates: Updates) -> Update:
    [found] = updates.with_steps("cam-box")
    return found


def test_an_update_from_its_begin_to_its_end(updates: Updates, clock: Clock) -> None:
    begun_ns = clock.now_ns
    for report in WHOLE:
        assert updates.record_all([(report, None)]) == [True]
        clock.now_ns += 10**9
    found = only(updates)
    assert (found.deployment, found.family, found.revision) == ("order-1", "detector", 3)
    assert (found.from_version, found.to_version, found.total_bytes) == ("1.0.0", "1.1.0", 1000)
    assert (found.begun_ns, found.last.arrived_ns) == (begun_ns, clock.now_ns - 10**9)
    assert found.last.state == UpdateReport.COMMITTED
    assert tuple(step.state for step in found.steps) == STATES
    assert found.steps[-1] == found.last
    assert [one.deployment for one in updates.of(["cam-box", "no-box"])["cam-box"]] == ["order-1"]
    assert updates.of(["no-box"]) == {"no-box": []}


@pytest.mark.parametrize("seed", range(5))
def test_reports_that_come_late_twice_and_out_of_order(updates: Updates, seed: int) -> None:
    shuffled = [*WHOLE, *WHOLE]
    random.Random(seed).shuffle(shuffled)
    for at in range(0, len(shuffled), 5):
        updates.record_all([(report, None) for report in shuffled[at : at + 5]])
    found = only(updates)
    assert found.last.state == UpdateReport.COMMITTED
    assert sorted(step.transition for step in found.steps) == list(range(1, len(STATES) + 1))


def test_a_download_goes_on_within_its_step(updates: Updates) -> None:
    for done in (0, 500, 250, 900):
        report = update_report(4, UpdateReport.DOWNLOADING, downloaded_bytes=done)
        updates.record_all([(report, None)])
    found = only(updates)
    assert found.last.downloaded_bytes == 900
    assert [step.downloaded_bytes for step in found.steps] == [900]


def test_a_device_that_lost_its_journal_counts_from_one(
    updates: Updates, database: FleetDatabase
) -> None:
    for seq, boot in enumerate((BOOT, 0xB0), 1):
        Devices(database).record(heartbeat(boot=boot, seq=seq))
    updates.record_all([(report, None) for report in WHOLE[:8]])
    assert updates.record_all([(update_report(1, UpdateReport.PENDING, boot=0xB0), None)]) == [True]
    assert only(updates).last.boot == 0xB0
    # What the boot that is over still had on its way is kept as a step, and no more.
    assert updates.record_all([(WHOLE[8], None)]) == [False]
    found = only(updates)
    assert (found.last.boot, found.last.state) == (0xB0, UpdateReport.PENDING)
    assert [(step.boot, step.transition) for step in found.steps[-2:]] == [(0xB0, 1), (BOOT, 9)]


def test_an_update_goes_on_over_a_restart(updates: Updates, database: FleetDatabase) -> None:
    updates.record_all([(report, None) for report in WHOLE[:7]])
    # Its report is there before its birth is.
    assert updates.record_all([(update_report(8, boot=0xB0), None)]) == [True]
    assert updates.record_all([(WHOLE[5], None)]) == [False]
    assert only(updates).last.boot == 0xB0


def test_updates_of_several_orders_stand_apart_the_newest_first(
    updates: Updates, clock: Clock
) -> None:
    updates.record_all([(update_report(9, UpdateReport.SUPERSEDED), None)])
    clock.now_ns += 1
    updates.record_all([(update_report(1, deployment="order-2"), None)])
    updates.record_all([(update_report(1, deployment="order-2", device="other-box"), None)])
    assert [one.deployment for one in updates.with_steps("cam-box")] == ["order-2", "order-1"]
    assert [len(one.steps) for one in updates.with_steps("cam-box")] == [1, 1]
    assert [one.deployment for one in updates.of(["other-box"])["other-box"]] == ["order-2"]


def test_a_device_that_invents_updates_fills_nothing(
    updates: Updates, database: FleetDatabase, clock: Clock
) -> None:
    for number in range(MAX_DEPLOYMENTS + 5):
        clock.now_ns += 1
        reports = [
            (update_report(step, deployment=f"order-{number:03}"), None) for step in range(1, 4)
        ]
        updates.record_all(reports)
    kept = [one.deployment for one in updates.with_steps("cam-box")]
    assert kept == [f"order-{number:03}" for number in reversed(range(5, MAX_DEPLOYMENTS + 5))]

    updates.record_all([
        (update_report(step, deployment="order-024"), None) for step in range(1, 3 * MAX_STEPS)
    ])  # fmt: skip
    [newest, *_] = updates.with_steps("cam-box")
    assert [step.transition for step in newest.steps] == list(range(2 * MAX_STEPS, 3 * MAX_STEPS))
    with database.reading() as connection:
        rows = connection.execute(select(func.count()).select_from(UPDATE_STEPS)).scalar_one()
    assert rows == MAX_STEPS + 3 * (MAX_DEPLOYMENTS - 1)


def test_several_workers_keep_one_update(updates: Updates, another: Callable[[], Updates]) -> None:
    workers = [updates, another(), another()]

    def record(own: Updates, seed: int) -> None:
        reports = [*WHOLE]
        random.Random(seed).shuffle(reports)
        for report in reports:
            own.record_all([(report, None)])

    together(*(lambda o=own, s=seed: record(o, s) for seed, own in enumerate(workers)))
    found = only(updates)
    assert found.last.state == UpdateReport.COMMITTED
    assert len(found.steps) == len(STATES)


def test_when_it_came_is_what_pubsub_says_and_never_later_than_now(
    updates: Updates, clock: Clock
) -> None:
    updates.record_all([(WHOLE[0], 5), (WHOLE[1], clock.now_ns + 10**18)])
    found = only(updates)
    assert (found.begun_ns, found.last.arrived_ns) == (5, clock.now_ns)
