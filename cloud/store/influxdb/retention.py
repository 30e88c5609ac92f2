"""The retention of a bucket: by a retention policy on 1.x, by the buckets API on 2.x."""

import re
import ssl
from collections.abc import Iterator
from typing import Protocol

import urllib3

from cloud.errors import StoreAwayError
from cloud.store.influxdb.buckets import Buckets
from cloud.store.influxdb.influxql import Bindings, Database, InfluxQl, StatementError
from cloud.store.retention import RetentionPlan, days_text
from cloud.store.settings import InfluxDbSettings

_DAY_S = 86_400
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class _Server(Protocol):
    """What keeps buckets; all times in seconds, 0 for ever."""

    def retention_s(self) -> int | None:
        """How long the bucket keeps events; None: there is no such bucket."""

    def create(self, retention_s: int) -> None:
        """Make the bucket."""

    def change(self, retention_s: int) -> None:
        """Have the bucket keep events so long."""

    def close(self) -> None:
        """Close the connections."""


class Policies:
    """Retention policies of InfluxDB 1.x, by InfluxQL.

    Args:
        settings: where the server is.
        token: of a user who may change the database, unless empty.
        tls: for https.
    """

    def __init__(self, settings: InfluxDbSettings, token: str, tls: ssl.SSLContext | None) -> None:
        self._bucket = Database.of_bucket(settings.bucket)
        bare = Database(self._bucket.name, "")
        self._database = InfluxQl(settings.url, bare, token, settings.timeout_s, tls)
        self._policy = self._bucket.policy
        self._shard_s = 0

    def retention_s(self) -> int | None:
        """Of the bucket's policy, or the database's default one; `change` is about that policy."""
        try:
            [answer] = self._database.ask(
                [f"SHOW RETENTION POLICIES ON {_quoted(self._bucket.name)}"], Bindings()
            )
        except StatementError as error:
            if "database not found" not in str(error):
                raise
            return None
        for row in (row for series in answer for row in series.dicts()):
            if row["name"] == self._policy or (not self._policy and row["default"]):
                self._policy = row["name"]
                self._shard_s = _seconds(row["shardGroupDuration"])
                return _seconds(row["duration"])
        return None

    def create(self, retention_s: int) -> None:
        """Make the database where it is missing, and the policy that the bucket names."""
        database, policy = _quoted(self._bucket.name), _quoted(self._policy or "autogen")
        self._do(f"CREATE DATABASE {database} WITH DURATION {retention_s}s NAME {policy}"
                 if not self._policy else f"CREATE DATABASE {database}")  # fmt: skip
        if self._policy:
            self._do(
                f"CREATE RETENTION POLICY {policy} ON {database} "
                f"DURATION {retention_s}s REPLICATION 1"
            )

    def change(self, retention_s: int) -> None:
        """Change the policy; its shards as well where they would be longer than it."""
        shard = f" SHARD DURATION {_shard_s(retention_s)}s" if self._shard_s > retention_s else ""
        self._do(
            f"ALTER RETENTION POLICY {_quoted(self._policy)} ON {_quoted(self._bucket.name)} "
            f"DURATION {retention_s}s{shard}"
        )

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def _do(self, statement: str) -> None:
        self._database.ask([statement], Bindings())


class InfluxDbRetention:
    """What a bucket keeps, and what the settings say.

    Args:
        settings: the server and the days.
        token: one that may change the bucket.
        tls: for https.
    """

    def __init__(self, settings: InfluxDbSettings, token: str, tls: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._where = f"at {settings.url}, bucket {settings.bucket!r}"
        self._version = version_of(settings, tls)
        self._server: _Server | None = None
        if self._version.startswith("1."):
            self._server = Policies(settings, token, tls)
        elif self._version.startswith("2."):
            self._server = Buckets(settings, token, tls)
        self._found: int | None = None

    def plan(self) -> RetentionPlan:
        """Ask the server how long it keeps the bucket's events."""
        name, days = f"InfluxDB {self._version} {self._where}", self._settings.retention_days
        if self._server is None:
            wanted = f"--retention-period {days}d " if days else ""
            how = f"influxdb3 create database {wanted}{self._settings.bucket}"
            return RetentionPlan(name, notes=(f"can't be set here; say it yourself: {how}",))
        self._found = self._server.retention_s()
        notes = ["whole shards expire, so events stay up to one shard's length longer"]
        if self._found is None:
            wanted = _kept((days or 0) * _DAY_S)
            return RetentionPlan(name, (f"create the bucket, which {wanted}",), 1, tuple(notes))
        if days is None:
            notes = [f"retention_days is not set: left as it is; it {_kept(self._found)}"]
        if days is None or self._found == days * _DAY_S:
            return RetentionPlan(name, notes=tuple(notes))
        if days and (self._found == 0 or self._found > days * _DAY_S):
            notes.append("older events are deleted by the server soon after, for good")
        change = f"it {_kept(self._found)}; change: it {_kept(days * _DAY_S)}"
        return RetentionPlan(name, (change,), 1, tuple(notes))

    def carry_out(self) -> Iterator[int]:
        """Create the bucket or change it."""
        if self._server is None:
            return
        retention_s = (self._settings.retention_days or 0) * _DAY_S
        if self._found is None:
            self._server.create(retention_s)
        else:
            self._server.change(retention_s)
        yield 1

    def close(self) -> None:
        """Close the connections."""
        if self._server is not None:
            self._server.close()


def version_of(settings: InfluxDbSettings, tls: ssl.SSLContext | None) -> str:
    """What the server calls itself, like `1.6.7`.

    Raises:
        StoreAwayError: it does not answer, or does not say.
    """
    try:
        with urllib3.PoolManager(retries=False, ssl_context=tls) as http:
            answer = http.request("GET", f"{settings.url}/ping", timeout=settings.timeout_s)
    except urllib3.exceptions.HTTPError as error:
        raise StoreAwayError(f"InfluxDB at {settings.url}: no answer: {error}") from error
    version = answer.headers.get("X-Influxdb-Version", "").removeprefix("v")
    if not version:
        raise StoreAwayError(
            f"InfluxDB at {settings.url}: /ping names no version; is it an InfluxDB?"
        )
    return version


def _shard_s(retention_s: int) -> int:
    """Shard lengths as InfluxDB itself chooses them for a retention."""
    if retention_s < 2 * _DAY_S:
        return 3600
    return _DAY_S if retention_s <= 180 * _DAY_S else 7 * _DAY_S


def _kept(retention_s: int) -> str:
    return f"keeps {days_text(retention_s / _DAY_S)}" if retention_s else "keeps everything"


def _seconds(duration: str) -> int:
    """Of Go's way to write a duration: 168h0m0s."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise StoreAwayError(f"InfluxDB says a duration that is none: {duration!r}")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _quoted(name: str) -> str:
    """An identifier of InfluxQL, which can't be bound."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
