"""Deleting points: DELETE of 1.x, `/api/v2/delete` of 2.x; 3.x deletes no rows.

Reference: https://docs.influxdata.com/influxdb/v2/reference/syntax/delete-predicate/
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Protocol

import urllib3
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.delete_predicate_request import DeletePredicateRequest
from influxdb_client.service.delete_service import DeleteService

from cloud.errors import StoreAwayError
from cloud.store.influxdb.access import access_of
from cloud.store.influxdb.influxql import Bindings, InfluxQl
from cloud.store.influxdb.retention import version_of
from cloud.store.settings import InfluxDbSettings

_NS_PER_S = 1_000_000_000


class Deletes(Protocol):
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


@contextmanager
def opened_deletes(settings: InfluxDbSettings, database: InfluxQl) -> Iterator[Deletes]:
    """What deletes points of this server.

    Raises:
        StoreAwayError: the server does not answer, or can't delete.
    """
    version = version_of(settings, access_of(settings)[1])
    if version.startswith("1."):
        yield _ByInfluxQl(database)
    elif version.startswith("2."):
        api = _ByApi(settings)
        try:
            yield api
        finally:
            api.close()
    else:
        raise StoreAwayError(
            f"InfluxDB {version} at {settings.url} deletes no single events: delete its database "
            "and fill a new one with `wayside-cloud archive replay`, which leaves out what was "
            "erased"
        )


def _rfc_3339(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, _NS_PER_S)
    at = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _quoted(text: str) -> str:
    """A string of the predicate's grammar; tag texts hold neither quotes nor backslashes."""
    return f'"{text}"'
