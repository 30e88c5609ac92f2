"""An EventStore in InfluxDB: written by influxdb-client, read by InfluxQL.

A point's series and time are its identity in InfluxDB, and both come from the event's own bytes
(decision 22), so writing an event again writes the same point. The payload travels as a field,
and readers get their records from it: tags and fields serve filters, groups and dashboards.
`sequences` counts distinct seqs within each measurement; an event has one.
"""

import ssl
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import urllib3
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS

from cloud.errors import StartError, StoreAwayError, StoreError, StoreRefusedError
from cloud.store import cursor, questions
from cloud.store.influxdb import lines, queries
from cloud.store.influxdb.influxql import Bindings, Database, InfluxQl
from cloud.store.influxdb.journal import Journal
from cloud.store.influxdb.pages import captured_page, ingest_page
from cloud.store.influxdb.series import SeriesCap
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
from protos.ids import Lane, parse_boot

_REFUSALS = frozenset({400, 413, 422})
"""HTTP statuses that blame the data; all others blame the server or the access to it."""

_STREAMS_PER_REQUEST = 50


class InfluxDbStore:
    """Events in an InfluxDB bucket, which must be there.

    Args:
        settings: where it is.

    Raises:
        StartError: the token or the CA cannot be read.
    """

    def __init__(self, settings: InfluxDbSettings) -> None:
        self._settings = settings
        try:
            token = settings.token()
            tls = _tls(settings)
        except (OSError, KeyError) as error:
            raise StartError(
                f"store {settings.url}: token or CA cannot be read: {error}"
            ) from error
        self._client = InfluxDBClient(
            settings.url,
            token=token,
            org=settings.org,
            # On loopback compressing costs more than it saves.
            enable_gzip=tls is not None if settings.gzip is None else settings.gzip,
            timeout=round(settings.timeout_s * 1000),
            ssl_context=tls,
        )
        self._write_api = self._client.write_api(write_options=SYNCHRONOUS)
        database = Database.of_bucket(settings.bucket)
        self._database = InfluxQl(settings.url, database, token, settings.timeout_s, tls)
        self._series = SeriesCap(self._database, settings.series_per_camera)
        self._journal = Journal(self._database, settings.writer)

    def write(self, events: Sequence[EventRecord]) -> None:
        """Write the events' points, then the journal's."""
        try:
            self._post([lines.line(event, self._series.tags(event)) for event in events])
            self._post(self._journal.lines_for(events))
        except StoreError:
            self._series.forget()
            raise

    def events(self, query: EventQuery) -> EventPage:
        """A page; in ingest order an event that came twice may stand on two pages."""
        questions.check_events(query)
        position = cursor.decode(query)
        if query.order == "captured":
            return captured_page(self._database, query, position)
        return ingest_page(self._database, self._journal, query, position)

    def counts(self, query: CountQuery) -> Sequence[CountRow]:
        """Numbers of events by interval and group; capped classes count as `other`."""
        questions.check_counts(query)
        bindings = Bindings()
        statement = queries.counted(query, bindings)
        [answer] = self._database.ask([statement], bindings)
        counted: Counter[tuple[int, tuple[str, ...]]] = Counter()
        for series in answer:
            group = tuple(lines.tag_value(series.tags[name]) for name in query.group_by)
            for start_ns, number in series.rows:
                counted[start_ns, group] += number
        return [CountRow(start, group, n) for (start, group), n in sorted(counted.items())]

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

    def check(self) -> None:
        """Return when the database answers."""
        self._database.ask(['SHOW TAG VALUES FROM "journal" WITH KEY = "writer"'], Bindings())

    def close(self) -> None:
        """Close the connections."""
        self._write_api.close()  # type: ignore[no-untyped-call]
        self._client.close()  # type: ignore[no-untyped-call]
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

    def _post(self, written: Sequence[str]) -> None:
        size = self._settings.lines_per_write
        for first in range(0, len(written), size):
            body = "\n".join(written[first : first + size]).encode()
            with self._translated():
                self._write_api.write(self._settings.bucket, self._settings.org, body)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        where = f"InfluxDB at {self._settings.url}, bucket {self._settings.bucket!r}"
        try:
            yield
        except InfluxDBError as error:
            status = getattr(error, "status", None)
            text = f"{where}: {status}: {str(error.message or error)[:1000]}"
            if status in _REFUSALS:
                raise StoreRefusedError(text) from error
            raise StoreAwayError(text) from error
        except urllib3.exceptions.HTTPError as error:
            raise StoreAwayError(f"{where}: no answer: {error}") from error


def _tls(settings: InfluxDbSettings) -> ssl.SSLContext | None:
    if not settings.url.startswith("https:"):
        return None
    return ssl.create_default_context(cafile=settings.ca_file)
