"""The rounds of rollups in a thread of their own, and what reads rollups, over a real database."""

from collections.abc import Sequence

import structlog

from cloud.errors import StoreAwayError
from cloud.store.influxdb.access import access_of
from cloud.store.influxdb.deletes import opened_deletes
from cloud.store.influxdb.influxql import InfluxQl
from cloud.store.influxdb.rollup_job import RollupJob
from cloud.store.influxdb.rollup_reader import RollupReader
from cloud.store.influxdb.rollup_tables import InfluxTables, posted_by
from cloud.store.influxdb.writer import LineWriter
from cloud.store.settings import InfluxDbSettings
from cloud.store.upkeep import UpkeepThread

_log = structlog.get_logger(__name__)

_EVERY_S = 10.0
_END_NS = 2**63 - 1_000_000_000


class Rolling:
    """Rounds, again and again, with connections of their own for what they write.

    Args:
        settings: of the server.
        database: to ask; it is closed after this has stopped.
        every_s: time between two rounds when there is nothing left to do.

    Raises:
        StartError: the token or the CA cannot be read.
    """

    def __init__(
        self, settings: InfluxDbSettings, database: InfluxQl, every_s: float = _EVERY_S
    ) -> None:
        self._settings = settings
        self._database = database
        self._writer = LineWriter(settings, *access_of(settings))
        tables = InfluxTables(database, posted_by(self._writer, settings.lines_per_write))
        job = RollupJob(tables, settings.rollup_days, self._forget)
        self._thread = UpkeepThread("rollups", job.rounds, every_s, "events not rolled up")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the step of a round that runs, and end."""
        self._thread.stop()
        self._writer.close()

    def _forget(self, epochs: Sequence[str]) -> None:
        """Delete the rollups of ended epochs, then that there were any."""
        try:
            with opened_deletes(self._settings, self._database) as deletes:
                for epoch in epochs:
                    for measurement in ("rollup", "rollup_state"):
                        deletes.delete(measurement, {"epoch": epoch}, 0, _END_NS)
        except StoreAwayError as error:
            _log.info("old rollups stay", reason=str(error))


def reader_of(database: InfluxQl) -> RollupReader:
    """What answers from the rollups of a database; it writes nothing."""
    return RollupReader(InfluxTables(database, _refuse))


def _refuse(written: Sequence[str]) -> None:
    raise AssertionError(f"a reader of rollups writes nothing: {written[:1]}")
