"""An InfluxDbStore with rollups that are kept when a test says so, at times that it chooses."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from cloud.store.influxdb.access import access_of
from cloud.store.influxdb.influxql import Database, InfluxQl
from cloud.store.influxdb.rollup_job import RollupJob
from cloud.store.influxdb.rollup_reader import RollupReader
from cloud.store.influxdb.rollup_tables import InfluxTables, posted_by
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.influxdb.writer import LineWriter
from cloud.store.settings import InfluxDbSettings

AFTER_NS = 30_000_000_000
"""So long after its end a minute is rolled up."""


class RolledUpStore:
    """A store and its job.

    Attributes:
        store: asks rollups however short the range.
        now_ns: the time, for both.
        tables: where rollups are.
        reader: by which the store asks.
        forgotten: epochs that were to be deleted.
    """

    def __init__(self, settings: InfluxDbSettings, database: InfluxQl, writer: LineWriter) -> None:
        self.now_ns = 0
        self.forgotten: list[str] = []
        self.tables = InfluxTables(database, posted_by(writer, settings.lines_per_write))
        self.reader = RollupReader(self.tables, 0, lambda: self.now_ns)
        self.store = InfluxDbStore(settings, reader=self.reader)
        self._job = self.new_job()

    def new_job(self) -> RollupJob:
        """As that of another process."""
        return RollupJob(self.tables, 2, self._forget, lambda: self.now_ns)

    def roll_up(self, now_ns: int) -> None:
        """Do rounds, and have the minutes before this time rolled up."""
        self.now_ns = now_ns + AFTER_NS
        list(self._job.rounds())

    def _forget(self, epochs: Sequence[str]) -> None:
        self.forgotten += epochs


@contextmanager
def rolled_up(settings: InfluxDbSettings) -> Iterator[RolledUpStore]:
    """The store, and all that it stands on, closed at the end."""
    database = InfluxQl(settings.url, Database.of_bucket(settings.bucket), "", 30, None)
    with closing(database), closing(LineWriter(settings, *access_of(settings))) as writer:
        made = RolledUpStore(settings, database, writer)
        with closing(made.store):
            yield made
