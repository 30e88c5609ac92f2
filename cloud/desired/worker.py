"""Reports of updates from Pub/Sub into the tables."""

from collections.abc import Sequence

import structlog

from cloud.bus.port import Publisher, Subscriber
from cloud.desired.report import ENDS, checked_report, state_slug
from cloud.desired.updates import Updates
from cloud.fleet.intake import Intake
from protos.v1.update_report_pb2 import UpdateReport
from wayside.backoff import Backoff

SUBSCRIPTION = "fleet-updates"
_log = structlog.get_logger(__name__)


class UpdateWorker(Intake[UpdateReport, bool]):
    """Keeps what devices say of their updates.

    Args:
        updates: the tables.
        subscriber: from Pub/Sub.
        publisher: to the dead letter.
        backoff: the waits while the database is away.
    """

    def __init__(
        self,
        updates: Updates,
        subscriber: Subscriber,
        publisher: Publisher,
        backoff: Backoff | None = None,
    ) -> None:
        super().__init__(SUBSCRIPTION, subscriber, publisher, backoff)
        self._updates = updates

    def read(self, data: bytes) -> UpdateReport:
        """See `Intake.read`."""
        return checked_report(data)

    def keep(self, messages: Sequence[tuple[UpdateReport, int | None]]) -> Sequence[bool]:
        """See `Intake.keep`; True where a report is the newest of its update."""
        return self._updates.record_all(messages)

    def kept(self, messages: Sequence[tuple[UpdateReport, int, bool]]) -> None:
        """Say how updates ended."""
        for report, _, is_newest in messages:
            if is_newest and report.state in ENDS:
                _tell_end(report)


def _tell_end(report: UpdateReport) -> None:
    is_well = report.state in (UpdateReport.COMMITTED, UpdateReport.SUPERSEDED)
    log = _log.info if is_well or report.state == UpdateReport.CANCELLED else _log.warning
    log(
        "update ended", device_id=report.device, model=report.target, version=report.to_version,
        state=state_slug(report.state), code=report.code or None, deployment=report.deployment,
    )  # fmt: skip
