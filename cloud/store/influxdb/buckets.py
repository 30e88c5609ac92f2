"""The buckets API of InfluxDB 2.x.

Reference: https://docs.influxdata.com/influxdb/v2/api/#tag/Buckets
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.bucket import Bucket
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules

from cloud.errors import StoreAwayError
from cloud.store.settings import InfluxDbSettings

_NOT_FOUND = 404


class Buckets:
    """One bucket of InfluxDB 2.x.

    Args:
        settings: where it is.
        token: one that may read and write buckets of the organisation.
        tls: for https.
    """

    def __init__(self, settings: InfluxDbSettings, token: str, tls: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._client = InfluxDBClient(
            settings.url,
            token=token,
            org=settings.org,
            timeout=round(settings.timeout_s * 1000),
            ssl_context=tls,
        )
        self._api = self._client.buckets_api()
        self._bucket: Bucket | None = None

    def retention_s(self) -> int | None:
        """Of the bucket's rule; 0: for ever; None: there is no such bucket."""
        with self._translated():
            try:
                found = self._api.find_buckets(  # type: ignore[no-untyped-call]
                    name=self._settings.bucket, org=self._settings.org
                ).buckets
            except InfluxDBError as error:
                if getattr(error, "status", None) != _NOT_FOUND:
                    raise
                found = []
        if not found:
            return None
        self._bucket = found[0]
        rules = self._bucket.retention_rules
        return int(rules[0].every_seconds) if rules else 0

    def create(self, retention_s: int) -> None:
        """Make the bucket."""
        with self._translated():
            self._api.create_bucket(
                bucket_name=self._settings.bucket,
                retention_rules=_rules(retention_s),
                org=self._settings.org,
            )

    def change(self, retention_s: int) -> None:
        """Change the rule of the bucket that `retention_s` found."""
        assert self._bucket is not None
        self._bucket.retention_rules = _rules(retention_s)
        with self._translated():
            self._api.update_bucket(self._bucket)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        where = f"InfluxDB at {self._settings.url}, bucket {self._settings.bucket!r}"
        try:
            yield
        except InfluxDBError as error:
            status = getattr(error, "status", None)
            text = str(error.message or error)[:500]
            raise StoreAwayError(f"{where}: {status}: {text}") from error
        except urllib3.exceptions.HTTPError as error:
            raise StoreAwayError(f"{where}: no answer: {error}") from error


def _rules(retention_s: int) -> list[BucketRetentionRules]:
    """No rule means for ever."""
    if not retention_s:
        return []
    return [BucketRetentionRules(type="expire", every_seconds=retention_s)]  # type: ignore[no-untyped-call]
