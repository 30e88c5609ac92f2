"""Lines of line protocol into a bucket, one request at a time.

What the server says, and what follows:

204                     taken
429, 503                tried again after Retry-After, or after a growing wait, within a bound
400, 413, 422           some of the lines are bad, or there are too many of them; the good ones may
                        have been written: the caller tries fewer of them. Lines that are only
                        older than the retention count as taken: they would be deleted anyway,
                        and a device must not send them for ever
anything else           the server, or the access to it, is at fault: StoreAwayError

InfluxDB 1.x, 2.x and 3.x word their refusals differently; the status says enough, but for
`dropped=N` of 1.x and 2.x, which tells that no single line was good.

Reference: https://docs.influxdata.com/influxdb/v2/write-data/troubleshoot/
"""

import gzip
import re
import ssl
import time
from collections.abc import Callable, Sequence

import structlog
import urllib3
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.service.write_service import WriteService

from cloud.errors import StoreAwayError
from cloud.store.halves import Refusal
from cloud.store.settings import InfluxDbSettings
from wayside.backoff import Backoff

_log = structlog.get_logger(__name__)

_REFUSALS = frozenset({400, 413, 422})
_PUT_OFF = frozenset({429, 503})
_MAX_HEAD, _MAX_TAIL = 100, 300
_DROPPED = re.compile(r"dropped=(\d+)")
_EXPIRED = re.compile(r"(beyond|outside) (the )?retention", re.IGNORECASE)

_GZIP_FROM_BYTES = 1024
"""Smaller bodies fit into a packet as they are."""

_GZIP_LEVEL = 1
"""Lines are alike, so the fastest level makes them five times smaller; higher ones cost more."""


class LineWriter:
    """The one that writes lines. One thread calls it.

    Args:
        settings: where the server is, and how long it is tried.
        token: sent with each request, unless empty.
        tls: for https.
        wait: sleeps so many seconds.
    """

    def __init__(
        self,
        settings: InfluxDbSettings,
        token: str,
        tls: ssl.SSLContext | None,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._settings = settings
        self._wait = wait
        # On loopback compressing costs more than it saves.
        self._compresses = tls is not None if settings.gzip is None else settings.gzip
        self._client = InfluxDBClient(
            settings.url,
            token=token,
            org=settings.org,
            timeout=round(settings.timeout_s * 1000),
            ssl_context=tls,
        )
        # Not the client's WriteApi: it compresses everything or nothing, at gzip's slowest level.
        self._service = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]
        self._where = f"InfluxDB at {settings.url}, bucket {settings.bucket!r}"

    def write(self, lines: Sequence[str]) -> Refusal | None:
        """Write the lines in one request; None when all of them were taken.

        Raises:
            StoreAwayError: the server does not answer, or puts it off for too long.
        """
        body = "\n".join(lines).encode()
        backoff = Backoff(0.1, 2.0)
        left_s = self._settings.retry_within_s
        while True:
            error = self._post(body)
            if error is None:
                return None
            status = getattr(error, "status", None)
            text = str(error.message or error)
            reason = f"{status}: {_shortened(text)}"
            if status in _REFUSALS:
                return self._refusal(Refusal(reason, whole=_dropped(text) == len(lines)), lines)
            if status not in _PUT_OFF:
                raise StoreAwayError(f"{self._where}: {reason}") from error
            wait_s = _retry_after_s(error.retry_after)
            wait_s = backoff.next_s() if wait_s is None else wait_s
            if wait_s > left_s:
                raise StoreAwayError(
                    f"{self._where}: {reason}; wants {wait_s:.1f} s, beyond retry_within_s"
                ) from error
            self._wait(wait_s)
            left_s -= wait_s

    def _refusal(self, refusal: Refusal, lines: Sequence[str]) -> Refusal | None:
        """The refusal, or None where each of these lines is merely too old to be kept."""
        if not _EXPIRED.search(refusal.reason) or not (refusal.whole or len(lines) == 1):
            return refusal
        _log.warning("events older than the retention are not kept", where=self._where,
                     events=len(lines))  # fmt: skip
        return None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _post(self, body: bytes) -> InfluxDBError | None:
        """One try: None when it was taken, else what the server answered."""
        encoding = {}
        if self._compresses and len(body) >= _GZIP_FROM_BYTES:
            body, encoding = gzip.compress(body, _GZIP_LEVEL), {"content_encoding": "gzip"}
        try:
            self._service.post_write(  # type: ignore[no-untyped-call]
                org=self._settings.org,
                bucket=self._settings.bucket,
                body=body,
                precision="ns",
                content_type="text/plain; charset=utf-8",
                **encoding,
            )
        except InfluxDBError as error:
            return error
        except (urllib3.exceptions.HTTPError, UnicodeDecodeError) as error:
            raise StoreAwayError(f"{self._where}: no answer: {error}") from error
        return None


def _shortened(text: str) -> str:
    """An error's head and tail; in the middle, InfluxDB 1.x repeats the whole line."""
    if len(text) <= _MAX_HEAD + _MAX_TAIL:
        return text
    return f"{text[:_MAX_HEAD]} ... {text[-_MAX_TAIL:]}"


def _dropped(text: str) -> int:
    """How many lines the server says that it dropped, 0 where it does not say."""
    found = _DROPPED.search(text)
    return int(found[1]) if found else 0


def _retry_after_s(header: str | None) -> float | None:
    """Seconds of a Retry-After header, None where there is none that is understood.

    The HTTP date that RFC 9110 also allows is not: no InfluxDB sends one.
    """
    try:
        seconds = float(header) if header is not None else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < float("inf") else None
