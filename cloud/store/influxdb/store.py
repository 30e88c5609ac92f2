"""An EventStore in InfluxDB: written by influxdb-client, read by InfluxQL.

A point's series and time are its identity in InfluxDB, and both come from the event's own bytes
(decision 22), so writing an event again writes the same point. The payload travels as a field,
and readers get their records from it: tags and fields serve filters, groups and dashboards.
`sequences` counts distinct seqs within each measurement; an event has one.
"""

from collections.abc import Sequence
from dataclasses import replace

from cloud.errors import StoreAwayError, StoreRefusedError
from cloud.store import cursor, questions
from cloud.store.halves import refused_of
from cloud.store.influxdb import lines, queries, summaries
from cloud.store.influxdb.access import access_of
from cloud.store.influxdb.erase import erase
from cloud.store.influxdb.influxql import Bindings, Database, InfluxQl
from cloud.store.influxdb.journal import Journal
from cloud.store.influxdb.pages import captured_page, ingest_page
from cloud.store.influxdb.rolling import Rolling, reader_of
from cloud.store.influxdb.rollup_reader import Counts, RollupReader
from cloud.store.influxdb.series import Limits, SeriesBudget
from cloud.store.influxdb.writer import LineWriter
from cloud.store.port import (
    CountQuery,
    CountRow,
    EventPage,
    EventQuery,
    EventRecord,
    SequenceRow,
)
from cloud.store.runs import Stream
from cloud.store.settings import InfluxDbSettings
from cloud.store.summaries import DwellQuery, DwellRow, HeatQuery, LatestQuery, ZoneRow, ZonesQuery
from protos.ids import Lane, parse_boot

_STREAMS_PER_REQUEST = 50
_MAX_HEADS = 100_000


class InfluxDbStore:
    """Events in an InfluxDB bucket, which must be there.

    Args:
        settings: where it is.
        rolls_up: keep rollups as long as it is open, where the settings want any.
        reader: what answers from rollups; default: by the settings.

    Raises:
        StartError: the token or the CA cannot be read.
    """

    def __init__(
        self,
        settings: InfluxDbSettings,
        *,
        rolls_up: bool = False,
        reader: RollupReader | None = None,
    ) -> None:
        self._settings = settings
        token, tls = access_of(settings)
        self._where = f"InfluxDB at {settings.url}, bucket {settings.bucket!r}"
        self._writer = LineWriter(settings, token, tls)
        database = Database.of_bucket(settings.bucket)
        self._database = InfluxQl(settings.url, database, token, settings.timeout_s, tls)
        limits = Limits(
            settings.series_per_camera, settings.series_per_device, settings.series_in_all
        )
        self._series = SeriesBudget(self._database, limits)
        self._heads: dict[lines.Series, str] = {}
        self._journal = Journal(self._database, settings.writer)
        self._rollups = reader
        if reader is None and settings.rollup_days:
            self._rollups = reader_of(self._database)
        self._rolling: Rolling | None = None
        if rolls_up and settings.rollup_days:
            self._rolling = Rolling(settings, self._database)
            self._rolling.start()

    def prepared(self, events: Sequence[EventRecord]) -> Sequence[EventRecord]:
        """The events with their fields in line protocol."""
        return [lines.draft(event) for event in events]

    def write(self, events: Sequence[EventRecord]) -> None:
        """Write the events' points, then the journal's of those that were taken."""
        try:
            refused = self._post([self._line(event) for event in events])
            taken = [event for number, event in enumerate(events) if number not in refused]
            unwritten = self._post(self._journal.lines_for(taken))
        except StoreAwayError:
            self._forget()
            raise
        if unwritten:
            raise StoreAwayError(f"{self._where}: refuses the journal: {unwritten.popitem()[1]}")
        if not refused:
            self._series.written()
        else:
            self._forget()
            raise StoreRefusedError(
                self._where, {events[number].id: reason for number, reason in refused.items()}
            )

    def events(self, query: EventQuery) -> EventPage:
        """A page; in ingest order an event that came twice may stand on two pages."""
        questions.check_events(query)
        position = cursor.decode(query)
        if query.order == "captured":
            return captured_page(self._database, query, position)
        return ingest_page(self._database, self._journal, query, position)

    def counts(self, query: CountQuery) -> Sequence[CountRow]:
        """Numbers of events; values beyond the budget of series count as `other`."""
        questions.check_counts(query)
        counted, left = Counts(), [(query.since_ns, query.until_ns)]
        if self._rollups is not None:
            rolled = self._rollups.answer(query)
            counted, left = rolled.counts, rolled.left
        bindings = Bindings()
        statements = [
            queries.counted(replace(query, since_ns=since, until_ns=until), bindings)
            for since, until in left
        ]
        for series in (
            one for answer in self._database.ask(statements, bindings) for one in answer
        ):
            group = tuple(lines.tag_value(series.tags[name]) for name in query.group_by)
            for start_ns, number in series.rows:
                counted[start_ns, group] += number
        return [CountRow(start, group, n) for (start, group), n in sorted(counted.items())]

    def latest(self, query: LatestQuery) -> Sequence[EventRecord]:
        """The last event of each device, camera and kind; of one microsecond, any."""
        questions.check_summary(query)
        return summaries.latest(self._database, query)

    def top_zones(self, query: ZonesQuery) -> Sequence[ZoneRow]:
        """Zones and lines by the number of their events."""
        questions.check_summary(query)
        return summaries.zones(self._database, query)

    def heat_map(self, query: HeatQuery) -> Sequence[Sequence[int]]:
        """Numbers of boxes with their centre in a cell."""
        questions.check_summary(query)
        return summaries.heat(self._database, query)

    def dwell(self, query: DwellQuery) -> Sequence[DwellRow]:
        """How long objects stayed, by rule."""
        questions.check_summary(query)
        return summaries.dwell(self._database, query)

    def sequences(self, device: str = "") -> Sequence[SequenceRow]:
        """What is stored of each (device, boot, lane)."""
        streams = self._streams(device)
        found = []
        for first in range(0, len(streams), _STREAMS_PER_REQUEST):
            some = streams[first : first + _STREAMS_PER_REQUEST]
            bindings = Bindings()
            statements = [s for one in some for s in queries.stream(one, bindings)]
            answers = self._database.ask(statements, bindings)
            for stream, totals, distinct in zip(some, answers[::2], answers[1::2], strict=True):
                rows = [row for series in totals for row in series.dicts()]
                if rows:
                    found.append(
                        SequenceRow(
                            *stream,
                            count=sum(row["n"] for row in rows),
                            distinct=sum(s.dicts()[0]["n"] for s in distinct),
                            first_seq=min(row["lo"] for row in rows),
                            last_seq=max(row["hi"] for row in rows),
                        )
                    )
        return found

    def delete(self, device: str, since_ns: int, until_ns: int) -> None:
        """Have no event of a device, or of all devices, captured in a range."""
        questions.check_delete(since_ns, until_ns)
        erase(self._settings, self._database, device, since_ns, until_ns)

    def expunge(self) -> None:
        """Nothing: the files are the server's, which compacts them."""

    def check(self) -> None:
        """Return when the database answers."""
        self._database.ask(['SHOW TAG VALUES FROM "journal" WITH KEY = "writer"'], Bindings())

    def close(self) -> None:
        """Finish the step of a round that runs, and close the connections."""
        if self._rolling is not None:
            self._rolling.stop()
        self._writer.close()
        self._database.close()

    def _streams(self, device: str) -> list[Stream]:
        bindings = Bindings()
        [answer] = self._database.ask([queries.boots(device, bindings)], bindings)
        boots = {
            (lines.tag_value(series.tags["device"]), parse_boot(row["distinct"]))
            for series in answer
            for row in series.dicts()
        }
        return [(name, boot, lane) for name, boot in sorted(boots) for lane in Lane]

    def _line(self, event: EventRecord) -> str:
        """The event's line; the head of a series that was admitted once is made once."""
        series = lines.series_of(event)
        head = self._heads.get(series)
        if head is None:
            tags = self._series.tags(event)
            if tags != lines.tags(event):
                return lines.line(event, tags)
            if len(self._heads) >= _MAX_HEADS:
                self._heads.clear()
            head = self._heads[series] = lines.head(event, tags)
        return lines.line_of(head, event)

    def _forget(self) -> None:
        """A write failed in part: which of its series are there is asked again."""
        self._series.forget()
        self._heads.clear()

    def _post(self, written: Sequence[str]) -> dict[int, str]:
        """Write lines; the reasons of those that are refused, by their number."""
        refused: dict[int, str] = {}
        size = self._settings.lines_per_write
        for first in range(0, len(written), size):
            lot = list(enumerate(written[first : first + size], first))
            found = refused_of(lot, lambda some: self._writer.write([line for _, line in some]))
            refused.update((number, reason) for (number, _), reason in found)
        return refused
