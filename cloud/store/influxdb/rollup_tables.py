"""What rollups are kept in, beside the points of events; each measurement with one series an epoch.

rollup        counts of a minute as JSON, or nothing where they are too many: at the minute's begin,
              and as many nanoseconds later as the round has numbers, so that the last one is newest
rollup_state  what an epoch's rollups stand for, at the begin of the round
rollup_mark   an erasure, at its begin; no series but one

All have one field, so that a point is there whole or not at all.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cloud.errors import StoreAwayError
from cloud.store.halves import refused_of
from cloud.store.influxdb import lines
from cloud.store.influxdb.influxql import Bindings, InfluxQl
from cloud.store.influxdb.journal import Journal, Places
from cloud.store.influxdb.queries import EVERYTHING
from cloud.store.influxdb.rollups import MINUTE_NS, Mark, Span, State
from cloud.store.influxdb.writer import LineWriter
from cloud.store.port import EventQuery

Groups = dict[tuple[str, str], int]
"""Number of a minute's events by kind and class, as texts of tags; a tag that is absent is ""."""

MAX_TEXT_BYTES = 60_000
"""A text of InfluxDB holds 64 KiB."""

_PAST_ALL_SEQS = 2**64


class RollupTables(Protocol):
    """What the job and the readers of rollups do with a database, a request or a few each.

    All raise StoreAwayError when the database does not answer; what was to be written is then
    there, or not, or comes later.
    """

    def states(self) -> Mapping[str, State]:
        """The newest state by epoch."""

    def marks(self) -> list[Mark]:
        """All of them."""

    def places(self) -> dict[str, int]:
        """By writer, where the journal ends."""

    def written(
        self, places: Mapping[str, int], asked: Span | None, limit: int | None
    ) -> tuple[dict[str, int], list[Span]] | None:
        """The places now, and what later entries touch; None: they are more than the limit.

        Args:
            places: after which.
            asked: entries that touch nothing of this range are left out; None: no such range.
            limit: entries of a writer; None: all of them.
        """

    def first_ns(self) -> int | None:
        """The time of the first event."""

    def counted(self, span: Span) -> dict[int, Groups]:
        """Counts of points by minute; minutes without any are left out."""

    def rollups(self, epoch: str, span: Span) -> dict[int, Groups | None]:
        """The newest rollup by minute; None: one that was too large."""

    def write_rollups(self, epoch: str, number: int, minutes: Mapping[int, Groups]) -> None:
        """Write the rollups of a round."""

    def write_state(self, epoch: str, state: State) -> None:
        """Write what the rollups of an epoch stand for."""

    def write_mark(self, mark: Mark) -> None:
        """Write a mark, or that it is done."""


class InfluxTables:
    """Rollups in a bucket.

    Args:
        database: to ask.
        write: see `posted_by`.
    """

    def __init__(self, database: InfluxQl, write: Callable[[Sequence[str]], None]) -> None:
        self._database = database
        self._journal = Journal(database, "")  # which nothing is written to
        self._write = write

    def states(self) -> Mapping[str, State]:
        """Of each epoch the last."""
        [answer] = self._database.ask(
            ['SELECT last("state") AS state FROM "rollup_state" GROUP BY "epoch"'], Bindings()
        )
        rows = ((series.tags["epoch"], series.dicts()[0]) for series in answer)
        return {epoch: State.of_text(row["time"], row["state"]) for epoch, row in rows}

    def marks(self) -> list[Mark]:
        """All of them: an erasure is rare."""
        [answer] = self._database.ask(['SELECT "mark" FROM "rollup_mark"'], Bindings())
        found = []
        for row in (row for series in answer for row in series.dicts()):
            device, since_ns, until_ns, done = json.loads(row["mark"])
            found.append(Mark(row["time"], device, (since_ns, until_ns), done))
        return found

    def places(self) -> dict[str, int]:
        """By writer."""
        return self._journal.ends()

    def written(
        self, places: Mapping[str, int], asked: Span | None, limit: int | None
    ) -> tuple[dict[str, int], list[Span]] | None:
        """In one go with a limit, else in several."""
        now: Places = {writer: (at_ns, _PAST_ALL_SEQS) for writer, at_ns in places.items()}
        query = EventQuery() if asked is None else EventQuery(since_ns=asked[0], until_ns=asked[1])
        found: list[Span] = []
        more = True
        while more:
            entries, more = self._journal.entries(query, now, limit or 5000)
            if more and limit:
                return None
            for entry in entries:
                now[entry.writer] = (entry.at_ns, _PAST_ALL_SEQS)
                found.append((entry.first_ns, entry.last_ns + 1))
        return {writer: at_ns for writer, (at_ns, _) in now.items()}, found

    def first_ns(self) -> int | None:
        """Of all measurements."""
        [answer] = self._database.ask([f'SELECT first("seq") FROM {EVERYTHING}'], Bindings())  # noqa: S608
        return min((row["time"] for series in answer for row in series.dicts()), default=None)

    def counted(self, span: Span) -> dict[int, Groups]:
        """By all measurements together."""
        statement = (
            f'SELECT count("seq") FROM {EVERYTHING} '  # noqa: S608
            f"WHERE time >= {span[0]} AND time < {span[1]} "
            'GROUP BY time(60s), "kind", "class" fill(none)'
        )
        [answer] = self._database.ask([statement], Bindings())
        found: dict[int, Counter[tuple[str, str]]] = {}
        for series in answer:
            group = series.tags["kind"], series.tags["class"]
            for minute_ns, number in series.rows:
                found.setdefault(minute_ns, Counter())[group] += number
        return {minute_ns: dict(counts) for minute_ns, counts in found.items()}

    def rollups(self, epoch: str, span: Span) -> dict[int, Groups | None]:
        """Rows come in the order of time, so that the last of a minute is its newest."""
        bindings = Bindings()
        statement = (
            f'SELECT "counts" FROM "rollup" WHERE "epoch" = {bindings.bind(epoch)} '  # noqa: S608
            f"AND time >= {span[0]} AND time < {span[1]}"
        )
        [answer] = self._database.ask([statement], bindings)
        rows = (row for series in answer for row in series.rows)
        texts = {at_ns // MINUTE_NS * MINUTE_NS: text for at_ns, text in rows}
        return {minute_ns: _groups(text) for minute_ns, text in texts.items()}

    def write_rollups(self, epoch: str, number: int, minutes: Mapping[int, Groups]) -> None:
        """As few requests as the writer makes of them."""
        self._write([
            lines.point("rollup", {"epoch": epoch}, {"counts": _text(groups)}, minute_ns + number)
            for minute_ns, groups in minutes.items()
        ])  # fmt: skip

    def write_state(self, epoch: str, state: State) -> None:
        """One request."""
        text = state.text()
        if len(text.encode()) > MAX_TEXT_BYTES:
            raise StoreAwayError(f"rollups: a state of {len(text)} characters is not written")
        self._write([lines.point("rollup_state", {"epoch": epoch}, {"state": text}, state.at_ns)])

    def write_mark(self, mark: Mark) -> None:
        """The same point for both, so that the second takes the first's place."""
        text = json.dumps([mark.device, *mark.span, mark.done])
        self._write([lines.point("rollup_mark", {}, {"mark": text}, mark.at_ns)])


def posted_by(writer: LineWriter, lines_per_write: int) -> Callable[[Sequence[str]], None]:
    """Writes lines, all of them; one thread calls it."""

    def post(written: Sequence[str]) -> None:
        for first in range(0, len(written), lines_per_write):
            refused = refused_of(written[first : first + lines_per_write], writer.write)
            if refused:
                raise StoreAwayError(f"refuses a rollup: {refused[0][1]}")

    return post


def _text(groups: Groups) -> str:
    rows = [[kind, class_name, number] for (kind, class_name), number in groups.items()]
    text = json.dumps(rows, separators=(",", ":"), ensure_ascii=False)
    return text if len(text.encode()) <= MAX_TEXT_BYTES else "null"


def _groups(text: str) -> Groups | None:
    rows = json.loads(text)
    if rows is None:
        return None
    return {(kind, class_name): number for kind, class_name, number in rows}
