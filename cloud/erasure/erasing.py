"""What would go from store, archive and pictures, and its going.

Which event a picture shows stands in its name, and when that was captured in the store and in the
archive. So pictures go first: broken off, another run still finds out about the rest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cloud.archive.archive import FOREVER_NS, Archive
from cloud.archive.erase import erase, files_with
from cloud.erasure.ranges import ErasedRange
from cloud.errors import BlobNotFoundError
from cloud.evidence.snapshots import Snapshots
from cloud.store.port import MAX_LIMIT, CountQuery, EventQuery, EventStore
from cloud.store.records import MAX_CAPTURED_NS
from protos.ids import EventId

_CENTURY_S = 876_000 * 3600
"""Counts of more than a few intervals are not asked for."""

_Times = Iterator[tuple[EventId, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a range.

    Attributes:
        events: in the store.
        events_after: in the store, captured at its end or later.
        files: of the archive, which hold some of it, perhaps beside other events.
        file_bytes: of these files.
        pictures: of its events.
        picture_bytes: of these pictures.
        pictures_of_unknown_time: neither store nor archive knows their events, so they stay.
    """

    events: int
    events_after: int
    files: int
    file_bytes: int
    pictures: int
    picture_bytes: int
    pictures_of_unknown_time: int

    @property
    def is_nothing(self) -> bool:
        """True where nothing is to be deleted."""
        return not (self.events or self.files or self.pictures)


def outcome_of(found: Found) -> str:
    """What is said of an erasure that ended, of what there was before it."""
    return f"done: {found.events} events, {found.files} files, {found.pictures} pictures"


class Erasing:
    """The erasure of one range.

    Args:
        erased: the range.
        store: out of which events go.
        archive: out of which rows go.
        snapshots: pictures.
        asked_ns: when it was asked for, Unix time.
    """

    def __init__(
        self,
        erased: ErasedRange,
        store: EventStore,
        archive: Archive,
        snapshots: Snapshots,
        asked_ns: int,
    ) -> None:
        self._erased = erased
        self._store = store
        self._archive = archive
        self._snapshots = snapshots
        # All that there was then; a picture of unknown time belongs to all of that.
        self._is_everything = erased.since_ns == 0 and erased.until_ns >= asked_ns

    def find(self) -> Found:
        """What would go.

        Raises:
            StoreAwayError: the store does not answer.
            BlobsAwayError: the blob store does not answer.
            ArchiveError: a file is damaged.
        """
        erased = self._erased
        sizes = [size_bytes for _, size_bytes in files_with(self._archive, erased)]
        pictures, unknown = self._pictures()
        return Found(
            events=self._count(erased.since_ns, erased.until_ns),
            events_after=self._count(erased.until_ns, MAX_CAPTURED_NS),
            files=len(sizes),
            file_bytes=sum(sizes),
            pictures=len(pictures),
            picture_bytes=sum(pictures.values()),
            pictures_of_unknown_time=unknown,
        )

    def carry_out(self) -> None:
        """Delete it; broken off, it is begun again. Raises as `steps`."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[None]:
        """Delete it, step by step; after any of them it may be left, and begun again later.

        Raises:
            StoreAwayError: the store does not answer.
            BlobsAwayError: the blob store does not answer.
            ArchiveError: a file is damaged.
            OSError: there is no room for temporary files.
        """
        erased = self._erased
        pictures, _ = self._pictures()
        self._snapshots.delete(pictures)
        yield
        erase(self._archive, erased)
        yield
        self._store.delete(erased.device, erased.since_ns, erased.until_ns)
        yield

    def _count(self, since_ns: int, until_ns: int) -> int:
        until_ns = min(until_ns, MAX_CAPTURED_NS)
        if since_ns >= until_ns:
            return 0
        query = CountQuery(since_ns, until_ns, _CENTURY_S, device=self._erased.device)
        return sum(row.count for row in self._store.counts(query))

    def _pictures(self) -> tuple[dict[EventId, int], int]:
        """The bytes of each picture that goes, and how many stay as nobody knows their time."""
        sizes = dict(self._snapshots.pictures(self._erased.device))
        captured = self._captured(set(sizes))
        gone = {
            event_id: size_bytes
            for event_id, size_bytes in sizes.items()
            if self._goes(event_id, captured.get(event_id))
        }
        unknown = len(sizes.keys() - captured.keys() - gone.keys())
        return gone, unknown

    def _goes(self, event_id: EventId, captured_ns: int | None) -> bool:
        if captured_ns is None:
            return self._is_everything
        return self._erased.covers(event_id.device, captured_ns)

    def _captured(self, wanted: set[EventId]) -> dict[EventId, int]:
        """When events were captured, of those that the store or the archive knows."""
        erased, found = self._erased, dict[EventId, int]()
        places: tuple[Callable[[], _Times], ...] = (
            lambda: self._stored(erased.since_ns, erased.until_ns),
            lambda: self._archived(erased.since_ns, erased.until_ns),
            lambda: self._stored(0, MAX_CAPTURED_NS),
            lambda: self._archived(0, FOREVER_NS),
        )
        for place in places:
            if len(found) == len(wanted):
                break
            found.update((one, at_ns) for one, at_ns in place() if one in wanted)
        return found

    def _stored(self, since_ns: int, until_ns: int) -> _Times:
        cursor, more = "", True
        while more:
            page = self._store.events(
                EventQuery(
                    device=self._erased.device, since_ns=since_ns,
                    until_ns=min(until_ns, MAX_CAPTURED_NS), order="captured",
                    limit=MAX_LIMIT, cursor=cursor,
                )
            )  # fmt: skip
            yield from ((event.id, event.captured_ns) for event in page.events)
            cursor, more = page.cursor, page.more

    def _archived(self, since_ns: int, until_ns: int) -> _Times:
        for file, _ in self._archive.files(since_ns, until_ns, self._erased.device):
            try:
                rows = self._archive.read(file, self._erased.device)
            except BlobNotFoundError:
                continue  # joined meanwhile; what is in it is found in the joined file next time
            yield from ((row.event.id, row.event.captured_ns) for row in rows)
