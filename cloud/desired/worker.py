"""Reports of updates from Pub/Sub into the tables."""

from collections.abc import Sequence

import structlog

from cloud.bus.dead_letters import refuse
from cloud.bus.groups import GroupLimits, GroupReader
from cloud.bus.port import Publisher, Received, Subscriber
from cloud.desired.report import ENDS, checked_report, state_slug
from cloud.desired.updates import Updates
from cloud.errors import StoreAwayError
from protos.errors import InvalidPayloadError
from protos.v1.update_report_pb2 import UpdateReport
from wayside.backoff import Backoff

SUBSCRIPTION = "fleet-updates"
_LIMITS = GroupLimits(max_messages=200, max_bytes=8 * 1024 * 1024, max_wait_s=0.25)
_log = structlog.get_logger(__name__)


class UpdateWorker:
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
        self._updates = updates
        self._publisher = publisher
        self._backoff = backoff or Backoff(0.2, 10.0)
        self._reader = GroupReader(subscriber, SUBSCRIPTION, self.take, _LIMITS)

    @property
    def running(self) -> bool:
        """True while reports are taken."""
        return self._reader.running

    def start(self) -> None:
        """Begin to take reports; returns at once."""
        self._reader.start()

    def stop(self) -> None:
        """Finish the reports that are kept now; the rest comes again."""
        self._reader.stop()

    def take(self, group: Sequence[Received]) -> None:
        """Keep reports, and acknowledge them."""
        found = [(received, report) for received in group if (report := self._report(received))]
        if not found:
            return
        try:
            newest = self._updates.record_all(
                [(report, received.published_ns or None) for received, report in found]
            )
        except StoreAwayError as error:
            for received, _ in found:
                received.nack()
            wait_s = self._backoff.next_s()
            _log.warning("fleet database away", retry_s=round(wait_s, 1), reason=str(error))
            self._reader.pause(wait_s)
            return
        self._backoff.reset()
        for (received, report), is_newest in zip(found, newest, strict=True):
            received.ack()
            if is_newest and report.state in ENDS:
                _tell_end(report)

    def _report(self, received: Received) -> UpdateReport | None:
        """The report, None for what went to the dead letter."""
        try:
            return checked_report(received.data)
        except InvalidPayloadError as error:
            refuse(self._publisher, received, SUBSCRIPTION, str(error))
            return None


def _tell_end(report: UpdateReport) -> None:
    is_well = report.state in (UpdateReport.COMMITTED, UpdateReport.SUPERSEDED)
    log = _log.info if is_well or report.state == UpdateReport.CANCELLED else _log.warning
    log(
        "update ended", device_id=report.device, model=report.target, version=report.to_version,
        state=state_slug(report.state), code=report.code or None, deployment=report.deployment,
    )  # fmt: skip
