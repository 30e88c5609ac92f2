"""Erased events out of a bucket.

A mark is written before anything is deleted, and that it is done once everything is: whoever
rolls up or reads rollups takes a marked range from the points until it was counted again after
that. An erasure that was killed leaves its mark open, until one that does all of it is done.

The journal names runs of seqs, not what they hold, and a reader finds nothing where a run's
events are gone; so an entry may stay. A device's entries go once none of its events is left, but
for those of each writer's newest write: they tell that writer at its next start which times it has
used, and readers that the write is whole.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from cloud.store.influxdb import lines, queries
from cloud.store.influxdb.access import access_of
from cloud.store.influxdb.deletes import Deletes, opened_deletes
from cloud.store.influxdb.influxql import Bindings, InfluxQl
from cloud.store.influxdb.rollup_tables import InfluxTables, RollupTables, posted_by
from cloud.store.influxdb.rollups import Mark, minutes_of
from cloud.store.influxdb.writer import LineWriter
from cloud.store.settings import InfluxDbSettings


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
    writer = LineWriter(settings, *access_of(settings))
    with closing(writer), opened_deletes(settings, database) as deletes:
        tables = InfluxTables(database, posted_by(writer, settings.lines_per_write))
        # Read first: what is written to the journal meanwhile is later, and stays.
        entries = _newest_entries(database, device)
        # Different for two that begin in one microsecond, which is as fine as some clocks are.
        at_ns = time.time_ns() // 1000 * 1000 + secrets.randbelow(1000)
        with marked(tables, Mark(at_ns, device, (since_ns, until_ns))):
            tags = {"device": lines.tag_text(device)} if device else {}
            for measurement in lines.MEASUREMENTS:
                deletes.delete(measurement, tags, since_ns, until_ns)
            # A bucket takes no rollup older than its retention, though it may still have the old.
            deletes.delete("rollup", {}, minutes_of((since_ns, until_ns))[0], until_ns)
        _forget_entries(deletes, database, entries)


@contextmanager
def marked(tables: RollupTables, mark: Mark) -> Iterator[None]:
    """Delete within it: what it deletes is not counted from rollups, from its begin on."""
    tables.write_mark(mark)
    yield
    for done in (mark, *(o for o in tables.marks() if not o.done and mark.holds(o))):
        tables.write_mark(replace(done, done=True))


def _forget_entries(
    deletes: Deletes, database: InfluxQl, entries: list[tuple[str, str, int, int]]
) -> None:
    """Delete the entries that were read, of devices that have no events left."""
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
    # An entry of before `write_ns` was written by itself.
    return [
        (device, writer, row["time"], row["write_ns"] or row["time"])
        for device, writer, row in found
    ]


def _has_events(database: InfluxQl, device: str) -> bool:
    """Whether any event is left of a device, which is given as a tag's text."""
    bindings = Bindings()
    demanded = [f'"device" = {bindings.bind(device)}']
    [answer] = database.ask([queries.events(demanded, limit=1)], bindings)
    return bool(answer)
