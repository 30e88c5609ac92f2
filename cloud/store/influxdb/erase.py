"""Erased events out of a bucket: DELETE of 1.x, `/api/v2/delete` of 2.x; 3.x deletes no rows.

The journal names runs of seqs, not what they hold, and a reader finds nothing where a run's
events are gone; so an entry may stay. A device's entries go once none of its events is left, but
for those of each writer's newest write: they tell that writer at its next start which times it has
used, and readers that the write is whole.

Reference: https://docs.influxdata.com/influxdb/v2/reference/syntax/delete-predicate/
"""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Protocol

import urllib3
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.delete_predicate_request import DeletePredicateRequest
from influxdb_client.service.delete_service import DeleteService

from cloud.errors import StoreAwayError
from cloud.store.influxdb import lines, queries
from cloud.store.influxdb.access import access_of
from cloud.store.influxdb.influxql import Bindings, InfluxQl
from cloud.store.influxdb.retention import version_of
from cloud.store.settings import InfluxDbSettings

_NS_PER_S = 1_000_000_000


class _Deletes(Protocol):
    """What deletes points of a measurement: those with some tags, in a range of time."""

    def delete(
        self, measurement: str, tags: Mapping[str, str], since_ns: int, until_ns: int
    ) -> None:
        """Have none of them; tags are given as texts (`lines.tag_text`).

        Raises:
            StoreAwayError: the server does not answer, or does not do it.
        """


class _ByInfluxQl:
    """1.x; it deletes in every retention policy of the database."""

    def __init__(self, database: InfluxQl) -> None:
        self._database = database

    def delete(
        self, measurement: str, tags: Mapping[str, str], since_ns: int, until_ns: int
    ) -> None:
        bindings = Bindings()
        demanded = [f'"{name}" = {bindings.bind(text)}' for name, text in tags.items()]
        demanded += [f"time >= {since_ns}", f"time < {until_ns}"]
        where = " AND ".join(demanded)
        self._database.ask([f'DELETE FROM "{measurement}" WHERE {where}'], bindings)  # noqa: S608


class _ByApi:
    """2.x."""

    def __init__(self, settings: InfluxDbSettings) -> None:
        self._settings = settings
        token, tls = access_of(settings)
        self._client = InfluxDBClient(
            settings.url, token=token, org=settings.org, ssl_context=tls,
            timeout=round(settings.timeout_s * 1000),
        )  # fmt: skip
        # Not the client's DeleteApi: it cuts times to the microsecond.
        self._service = DeleteService(self._client.api_client)  # type: ignore[no-untyped-call]

    def delete(
        self, measurement: str, tags: Mapping[str, str], since_ns: int, until_ns: int
    ) -> None:
        texts = {"_measurement": measurement, **tags}
        request = DeletePredicateRequest(  # type: ignore[no-untyped-call]
            start=_rfc_3339(since_ns),
            stop=_rfc_3339(until_ns - 1),  # which is deleted as well
            predicate=" AND ".join(f"{name}={_quoted(text)}" for name, text in texts.items()),
        )
        where = f"InfluxDB at {self._settings.url}, bucket {self._settings.bucket!r}"
        try:
            self._service.post_delete(  # type: ignore[no-untyped-call]
                request, org=self._settings.org, bucket=self._settings.bucket
            )
        except InfluxDBError as error:
            status = getattr(error, "status", None)
            text = str(error.message or error)[:500]
            raise StoreAwayError(f"{where}: {status}: {text}") from error
        except urllib3.exceptions.HTTPError as error:
            raise StoreAwayError(f"{where}: no answer: {error}") from error

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]


def erase(
    settings: InfluxDbSettings, database: InfluxQl, device: str, since_ns: int, until_ns: int
) -> None:
    """Have no event of a device, or of all where none is named, captured in a range.

    Args:
        settings: of the server.
        database: to ask.
        device: whose.
        since_ns: a whole microsecond, as the points' times are no finer.
        until_ns: likewise.

    Raises:
        StoreAwayError: the server does not answer, or can't delete.
    """
    version = version_of(settings, access_of(settings)[1])
    if version.startswith("1."):
        _erase(_ByInfluxQl(database), database, device, since_ns, until_ns)
    elif version.startswith("2."):
        api = _ByApi(settings)
        try:
            _erase(api, database, device, since_ns, until_ns)
        finally:
            api.close()
    else:
        raise StoreAwayError(
            f"InfluxDB {version} at {settings.url} deletes no single events: delete its database "
            "and fill a new one with `wayside-cloud archive replay`, which leaves out what was "
            "erased"
        )


def _erase(
    deletes: _Deletes, database: InfluxQl, device: str, since_ns: int, until_ns: int
) -> None:
    # Read first: what is written to the journal meanwhile is later, and stays.
    entries = _newest_entries(database, device)
    tags = {"device": lines.tag_text(device)} if device else {}
    for measurement in lines.MEASUREMENTS:
        deletes.delete(measurement, tags, since_ns, until_ns)
    newest: dict[str, int] = {}
    for _, writer, _, write_ns in _newest_entries(database, ""):
        newest[writer] = max(write_ns, newest.get(writer, 0))
    left: dict[str, bool] = {}
    for name, writer, at_ns, _ in entries:
        if name not in left:
            left[name] = _has_events(database, name)
        if not left[name]:
            tags = {"device": name, "writer": writer}
            end_ns = min(at_ns + 1, newest[writer])
            deletes.delete("journal", tags, 0, end_ns)


def _newest_entries(database: InfluxQl, device: str) -> list[tuple[str, str, int, int]]:
    """Device and writer as tag texts, the time of their newest entry, and that of its write."""
    bindings = Bindings()
    where = f' WHERE "device" = {bindings.bind(lines.tag_text(device))}' if device else ""
    statement = (
        f'SELECT last("first_seq"), "write_ns" FROM "journal"{where} '  # noqa: S608
        'GROUP BY "device", "writer"'
    )
    [answer] = database.ask([statement], bindings)
    found = [(one.tags["device"], one.tags["writer"], one.dicts()[0]) for one in answer]
    return [(device, writer, row["time"], row["write_ns"]) for device, writer, row in found]


def _has_events(database: InfluxQl, device: str) -> bool:
    """Whether any event is left of a device, which is given as a tag's text."""
    bindings = Bindings()
    demanded = [f'"device" = {bindings.bind(device)}']
    [answer] = database.ask([queries.events(demanded, limit=1)], bindings)
    return bool(answer)


def _rfc_3339(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, _NS_PER_S)
    at = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _quoted(text: str) -> str:
    """A string of the predicate's grammar; tag texts hold neither quotes nor backslashes."""
    return f'"{text}"'
