"""The retention of the store that the settings name, for `wayside-cloud store apply`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from cloud.store.retention import Retention
from cloud.store.settings import DuckDbSettings, InfluxDbSettings


@contextmanager
def opened_retention(settings: DuckDbSettings | InfluxDbSettings) -> Iterator[Retention]:
    """The store's retention, closed at the end.

    Raises:
        StartError: the file is held by another process, or token or CA cannot be read.
        StoreAwayError: the server does not answer.
    """
    with ExitStack() as ends:
        retention: Retention
        if isinstance(settings, DuckDbSettings):
            from cloud.store.duckdb.retention import DuckDbRetention
            from cloud.store.duckdb.store import DuckDbStore

            store = DuckDbStore(
                settings.path, memory_limit_mb=settings.memory_limit_mb, threads=settings.threads
            )
            ends.callback(store.close)
            retention = DuckDbRetention(
                store, settings.retention_days, settings.rollup_retention_days
            )
        else:
            from cloud.store.influxdb.access import access_of
            from cloud.store.influxdb.retention import InfluxDbRetention

            retention = InfluxDbRetention(settings, *access_of(settings))
        ends.callback(retention.close)
        yield retention
