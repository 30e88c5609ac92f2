"""The store that the settings name."""

from cloud.settings import CloudSettings
from cloud.store.port import EventStore
from cloud.store.settings import DuckDbSettings


def open_store(settings: CloudSettings, *, rolls_up: bool = False) -> EventStore:
    """The store, open.

    Args:
        settings: which, and where.
        rolls_up: an InfluxDB is rolled up as long as the store is open; a DuckDB file always is.

    Raises:
        StartError: it cannot be used; the message says what to do.
    """
    if isinstance(settings.store, DuckDbSettings):
        from cloud.store.duckdb.store import DuckDbStore

        return DuckDbStore(
            settings.store.path,
            settings.store.retention_days,
            settings.store.rollup_retention_days,
            settings.store.memory_limit_mb,
            settings.store.threads,
        )
    from cloud.store.influxdb.store import InfluxDbStore

    return InfluxDbStore(settings.store, rolls_up=rolls_up)
