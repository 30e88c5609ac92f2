"""What the cloud is told of an update: one `UpdateReport` for each state that an order reaches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from edge.ota.journal import Entries, Report
from edge.ota.life import Fallen, Life
from protos.codec import SCHEMA, encode
from protos.v1.update_report_pb2 import UpdateReport

MAX_WAITING = 500
"""Reports that wait for the broker; of more, the oldest go, but for the last of each order."""

MAX_DETAIL_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Sender:
    """Who reports: id of the device, and what tells the boot of this start of the agent."""

    device: str
    boot: Callable[[], int]


def report_of(life: Life, sender: Sender, now_ns: int) -> Report:
    """The state of an order now."""
    order = life.order
    message = UpdateReport(
        schema=SCHEMA,
        device=sender.device,
        boot=sender.boot(),
        deployment=order.deployment,
        target=order.family,
        from_version=life.from_version,
        to_version=order.version,
        state=life.state.name,
        code=life.code,
        detail=life.detail[:MAX_DETAIL_CHARS],
        reported_ns=now_ns,
        transition=life.transition,
        downloaded_bytes=life.downloaded_bytes,
        total_bytes=life.total_bytes,
        revision=order.revision,
    )
    return Report(order.deployment, life.transition, encode(message).hex())


def fallen_report(
    family: str, fallen: Fallen, transition: int, sender: Sender, now_ns: int
) -> Report:
    """That what an order had brought, whose life is not in the journal any more, serves no longer.

    Args:
        family: name of the model.
        fallen: what happened.
        transition: beyond every one that the order can have had.
        sender: who reports.
        now_ns: Unix time.
    """
    message = UpdateReport(
        schema=SCHEMA,
        device=sender.device,
        boot=sender.boot(),
        deployment=fallen.deployment,
        target=family,
        from_version=fallen.from_version,
        to_version=fallen.to_version,
        state=UpdateReport.ROLLED_BACK,
        code=fallen.code,
        detail=fallen.detail[:MAX_DETAIL_CHARS],
        reported_ns=now_ns,
        transition=transition,
    )
    return Report(fallen.deployment, transition, encode(message).hex())


def payload_of(report: Report) -> bytes:
    """The bytes that are published."""
    return bytes.fromhex(report.payload)


def with_report(entries: Entries, family: str, report: Report) -> Entries:
    """The entries with one more report that waits, the latest of its family's order."""
    waiting = _bounded((*entries.reports, report))
    return replace(entries, reports=waiting, latest={**entries.latest, family: report})


def with_stray(entries: Entries, report: Report) -> Entries:
    """The entries with one more report that waits, of an earlier order."""
    return replace(entries, reports=_bounded((*entries.reports, report)))


def without_reports(entries: Entries, taken: Sequence[Report]) -> Entries:
    """The entries once the broker has taken some."""
    left = tuple(report for report in entries.reports if report not in taken)
    return replace(entries, reports=left)


def to_be_told(entries: Entries) -> tuple[Report, ...]:
    """What goes out with a new connection: what waits, and the last state of each order.

    The last state goes out again though it was taken: a PUBACK is no receipt (decision 5), and
    whoever gets a report twice tells it by deployment and transition.
    """
    known = set(entries.reports)
    again = tuple(report for report in entries.latest.values() if report not in known)
    return (*again, *entries.reports)


def _bounded(reports: tuple[Report, ...]) -> tuple[Report, ...]:
    if len(reports) <= MAX_WAITING:
        return reports
    last: Mapping[str, Report] = {report.deployment: report for report in reports}
    spare = [report for report in reports if last[report.deployment] is not report]
    gone = set(spare[: len(reports) - MAX_WAITING])
    return tuple(report for report in reports if report not in gone)[-2 * MAX_WAITING :]
