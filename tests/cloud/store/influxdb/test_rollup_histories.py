"""Counts from rollups and points are those of the points, whatever happened and was cut off."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cloud.errors import StoreAwayError
from cloud.store.influxdb.erase import marked
from cloud.store.influxdb.rollup_job import RollupJob
from cloud.store.influxdb.rollup_reader import RollupReader
from cloud.store.influxdb.rollup_tables import Groups, RollupTables
from cloud.store.influxdb.rollups import HOUR_NS, MINUTE_NS, Mark, Span, State
from cloud.store.port import CountQuery

START_NS = 1_750_000_000_000_000_000 // HOUR_NS * HOUR_NS
DEVICES = ("cam-a", "cam-b")
CLASSES = ("person", "other")
WRITERS = ("w1", "w2")


@dataclass
class Database:
    """Points, journal and rollups, and the requests that are still on their way."""

    points: set[tuple[str, int, str]] = field(default_factory=set)  # device, time, class
    journal: list[tuple[str, int, Span]] = field(default_factory=list)
    rollups: dict[tuple[str, int], Groups | None] = field(default_factory=dict)
    states: dict[tuple[str, int], State] = field(default_factory=dict)
    marks: dict[int, Mark] = field(default_factory=dict)
    late: list[Callable[[], None]] = field(default_factory=list)


class Client:
    """One process' way to the database; at a chosen request it fails.

    Attributes:
        left: requests until one fails; None: none does.
        fate: of the request that fails: not done, done without an answer, or done later.
        after: what happens meanwhile, after each request.
    """

    def __init__(self, database: Database) -> None:
        self.db = database
        self.left: int | None = None
        self.fate = "lost"
        self.after: Callable[[], object] = lambda: None

    def request(self, do: Callable[[], None] = lambda: None) -> None:
        if self.left == 0:
            self.left = None
            if self.fate == "done":
                do()
            elif self.fate == "late":
                self.db.late.append(do)
            raise StoreAwayError("cut off")
        if self.left is not None:
            self.left -= 1
        do()
        self.after()

    def states(self) -> Mapping[str, State]:
        self.request()
        return {epoch: state for (epoch, _), state in sorted(self.db.states.items(), key=_key)}

    def marks(self) -> list[Mark]:
        self.request()
        return list(self.db.marks.values())

    def places(self) -> dict[str, int]:
        self.request()
        ends: dict[str, int] = {}
        for writer, at_ns, _ in self.db.journal:
            ends[writer] = max(at_ns, ends.get(writer, 0))
        return ends

    def written(
        self, places: Mapping[str, int], asked: Span | None, limit: int | None
    ) -> tuple[dict[str, int], list[Span]] | None:
        self.request()
        beyond = [e for e in self.db.journal if e[1] > places.get(e[0], 0)]
        now = dict(places)
        for writer, at_ns, _ in beyond:
            now[writer] = max(at_ns, now.get(writer, 0))
        spans = [s for _, _, s in beyond if asked is None or (s[0] < asked[1] and s[1] > asked[0])]
        return None if limit is not None and len(spans) >= limit else (now, spans)

    def first_ns(self) -> int | None:
        self.request()
        return min((at_ns for _, at_ns, _ in self.db.points), default=None)

    def counted(self, span: Span) -> dict[int, Groups]:
        self.request()
        found: dict[int, Counter[tuple[str, str]]] = {}
        for _, at_ns, class_name in self.db.points:
            if span[0] <= at_ns < span[1]:
                minute = found.setdefault(at_ns // MINUTE_NS * MINUTE_NS, Counter())
                minute["object-started", class_name] += 1
        return {minute: dict(counts) for minute, counts in found.items()}

    def rollups(self, epoch: str, span: Span) -> dict[int, Groups | None]:
        self.request()
        return {
            at_ns // MINUTE_NS * MINUTE_NS: groups
            for (of, at_ns), groups in sorted(self.db.rollups.items(), key=_key)
            if of == epoch and span[0] <= at_ns < span[1]
        }

    def write_rollups(self, epoch: str, number: int, minutes: Mapping[int, Groups]) -> None:
        for minute, groups in minutes.items() if self.left is not None else ():
            if groups:  # a request that fails has written some of its points: these one by one
                self._write(epoch, {minute + number: groups})
        self._write(epoch, {minute + number: groups for minute, groups in minutes.items()})

    def _write(self, epoch: str, points: Mapping[int, Groups]) -> None:
        every = {(epoch, at_ns): groups for at_ns, groups in points.items()}
        self.request(lambda: self.db.rollups.update(every))

    def write_state(self, epoch: str, state: State) -> None:
        self.request(lambda: self.db.states.update({(epoch, state.at_ns): state}))

    def write_mark(self, mark: Mark) -> None:
        self.request(lambda: self.db.marks.update({mark.at_ns: mark}))


def _key(item: tuple[tuple[str, int], object]) -> tuple[str, int]:
    return item[0]


class History:
    """A fleet's life: writers, jobs and erasures on one database, a step at a time."""

    def __init__(self) -> None:
        self.db = Database()
        self.now_ns = START_NS + 40 * MINUTE_NS
        self.jobs = [self._job(), self._job()]
        self.running: list[Iterator[int] | None] = [None, None]
        self.erased: list[tuple[str, Span]] = []
        self.refused: list[tuple[str, int, str]] = []
        self.times = dict.fromkeys(WRITERS, 0)
        self.unacknowledged: list[tuple[str, list[tuple[str, int, str]]]] = []
        self.unfinished: list[tuple[str, Span]] = []

    def _job(self) -> tuple[Client, RollupJob]:
        client = Client(self.db)
        return client, RollupJob(client, 1, self._forget, lambda: self.now_ns)

    def _forget(self, epochs: Sequence[str]) -> None:
        for key in [key for key in self.db.rollups if key[0] in epochs]:
            del self.db.rollups[key]
        for key in [key for key in self.db.states if key[0] in epochs]:
            del self.db.states[key]

    def wait(self, minutes: int) -> None:
        self.now_ns += minutes * MINUTE_NS

    def write(self, writer: int, events: list[tuple[str, int, str]], cut: int, late: bool) -> None:
        """Points, then their entry; cut off before either, or acknowledged.

        Points that are cut off are there in part; an entry that is may be there later.
        """
        name = WRITERS[writer]
        timed = [(device, START_NS + at * 1000, of) for device, at, of in events]
        timed = [event for event in timed if not self._is_erased(event)]
        if not timed:
            return
        if cut == 0:
            self._put_points(timed[:1])
            if late:
                self.db.late.append(lambda: self._put_points(timed))
        else:
            self._put(name, timed, acknowledged=cut > 1, late=late)
        if cut <= 1:
            self.unacknowledged.append((name, timed))

    def _is_erased(self, event: tuple[str, int, str]) -> bool:
        """Ingest leaves out what comes of a range that is erased."""
        return any(_within(event[0], event[1], name, span) for name, span in self.erased)

    def _put_points(self, timed: list[tuple[str, int, str]]) -> None:
        self.db.points.update(event for event in timed if not self._is_erased(event))

    def _put(
        self, name: str, timed: list[tuple[str, int, str]], *, acknowledged: bool, late: bool
    ) -> None:
        self._put_points(timed)
        self.times[name] = max(self.now_ns, self.times[name] + 1)
        times = [at_ns for _, at_ns, _ in timed]
        entry = (name, self.times[name], (min(times), max(times) + 1))
        if acknowledged:
            self.db.journal.append(entry)
        elif late:
            self.db.late.append(lambda: self.db.journal.append(entry))

    def redeliver(self) -> None:
        """What was not acknowledged comes again, to any worker."""
        for name, timed in self.unacknowledged:
            self._put(name, timed, acknowledged=True, late=False)
        self.unacknowledged = []

    def round(self, job: int, steps: int, left: int | None, fate: str) -> None:
        """Some steps of a job's rounds, which then waits; a request of them may fail."""
        client, work = self.jobs[job]
        client.left, client.fate = left, fate
        rounds = self.running[job] or work.rounds()
        try:
            for _ in range(steps):
                next(rounds)
            self.running[job] = rounds
        except (StoreAwayError, StopIteration):
            self.running[job] = None
        client.left = None

    def restart(self, job: int, killed: bool) -> None:
        """The thread begins rounds anew, or the process does."""
        self.running[job] = None
        if killed:
            self.jobs[job] = self._job()

    def erase(self, device: int, since: int, length: int, left: int | None, fate: str) -> None:
        name = ("", *DEVICES)[device]
        span = (START_NS + since * 1000, START_NS + (since + length) * 1000)
        self.unfinished.append((name, span))
        self.erased.append((name, span))
        # Its late events are refused from here on, as the fleet's database has the range.
        client = Client(self.db)
        client.left, client.fate = left, fate
        self._erase(client, name, span)

    def _erase(self, client: Client, name: str, span: Span) -> None:
        for _, timed in self.unacknowledged:
            self.refused += [e for e in timed if _within(e[0], e[1], name, span)]
            timed[:] = [e for e in timed if not _within(e[0], e[1], name, span)]
        self.unacknowledged = [(writer, timed) for writer, timed in self.unacknowledged if timed]
        self.now_ns += 1

        def delete() -> None:
            self.db.points -= {p for p in self.db.points if _within(*p[:2], name, span)}

        def forget() -> None:
            for epoch, at_ns in [k for k in self.db.rollups if span[0] <= k[1] < span[1]]:
                del self.db.rollups[epoch, at_ns]

        with suppress(StoreAwayError):
            with marked(client, Mark(self.now_ns, name, span)):
                client.request(delete)
                client.request(forget)
            self.unfinished.remove((name, span))
            self.refused = [e for e in self.refused if not _within(e[0], e[1], name, span)]

    def land(self, number: int) -> None:
        """A request that was given up, or whose sender was killed, comes after all."""
        if self.db.late:
            self.db.late.pop(number % len(self.db.late))()

    def settle(self) -> None:
        """Erasures are run to their end and what was not acknowledged comes again."""
        for name, span in list(self.unfinished):
            self._erase(Client(self.db), name, span)
        self.redeliver()

    def all_acknowledged(self) -> bool:
        """Nor is there what was not, and its erasure is still to be run to its end."""
        return not self.unacknowledged and not self.refused

    def check(self, since: int, length: int, interval_s: int, busy: bool = False) -> None:
        query = CountQuery(START_NS + since * 1000, START_NS + (since + length) * 1000,
                           interval_s, ("class",))  # fmt: skip
        plain = self._counted(query, [(query.since_ns, query.until_ns)])
        client = Client(self.db)
        tables: RollupTables = client
        if busy:  # a job goes on between the reader's requests
            client.after = lambda: self.round(0, 1, None, "lost")
        answer = RollupReader(tables, 0, lambda: self.now_ns).answer(query)
        assert answer.counts + self._counted(query, answer.left) == plain

    def _counted(
        self, query: CountQuery, spans: Sequence[Span]
    ) -> Counter[tuple[int, tuple[str, ...]]]:
        interval_ns = query.interval_s * 1_000_000_000
        return Counter(
            (at_ns // interval_ns * interval_ns, (of,))
            for _, at_ns, of in self.db.points
            if any(since <= at_ns < until for since, until in spans)
        )


def _within(device: str, at_ns: int, name: str, span: Span) -> bool:
    return name in ("", device) and span[0] <= at_ns < span[1]


# Few minutes and lengths, so that steps meet; in µs since START_NS.
MINUTES = (-61, 0, 1, 5, 38, 41)
LENGTHS = (1, 60_000_000, 90_000_000, 7_200_000_000)
WHOLE = (-4_200_000_000, 9_000_000_000, 60, False)
FATES = ("lost", "done", "late")
FIRST = [("cam-a", minute * 60_000_000, "person") for minute in MINUTES[:4]]


class Chance:
    """What happens next: from one seed, as drawing each choice from Hypothesis takes 20 times as
    long, and it is the number of histories that finds what is rare."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def at_us(self) -> int:
        pick = self._random.choice
        return pick(MINUTES) * 60_000_000 + pick((0, 1, 59_999_999))

    def asked(self) -> tuple[int, int, int, bool]:
        pick = self._random.choice
        if pick((True, False)):
            return (*WHOLE[:3], pick((True, False)))
        return self.at_us(), pick(LENGTHS), pick((60, 300, 3600)), pick((True, False))

    def step(self, history: History) -> None:
        """Have something happen."""
        pick = self._random.choice
        left = pick((None, None, 0, 1, 2, 3, 4, 5, 7, 9))
        match pick(("wait", "write", "write", "redeliver", "round", "round", "restart", "erase",
                    "erase", "land", "land")):  # fmt: skip
            case "wait":
                history.wait(pick((1, 2, 5, 20, 61, 1500)))
            case "write":
                events = [(pick(DEVICES), self.at_us(), pick(CLASSES)) for _ in range(pick((1, 3)))]
                history.write(pick((0, 1)), events, pick((0, 1, 2, 3, 4, 5)), pick((True, False)))
            case "redeliver":
                history.redeliver()
            case "round":
                history.round(pick((0, 1)), pick((1, 2, 50)), left, pick(FATES))
            case "restart":
                history.restart(pick((0, 1)), pick((True, False, False)))
            case "erase":
                history.erase(pick((0, 1, 2)), self.at_us(), pick(LENGTHS[:3]), left, pick(FATES))
            case "land":
                history.land(pick(range(6)))


@given(st.integers(0, 2**32))
@settings(max_examples=400, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_counts_are_those_of_the_points(seed: int) -> None:
    history, chance = History(), Chance(seed)
    history.write(0, FIRST, 2, False)
    for job in (0, 1):
        history.round(job, 50, None, "lost")
    for _ in range(25):
        chance.step(history)
        if history.all_acknowledged():
            history.check(*chance.asked())
    history.settle()
    history.check(*WHOLE)
    for job in (0, 1):
        history.round(job, 500, None, "lost")
        history.check(*WHOLE)


def test_many_minutes_that_were_touched_are_counted_in_few_spans() -> None:
    history = History()
    history.write(0, FIRST, 2, False)
    history.round(0, 50, None, "lost")
    minutes = range(-60, 30, 3)
    history.write(0, [("cam-a", 60_000_000 * minute, "person") for minute in minutes[:1]], 2, False)
    for minute in minutes:
        history.write(1, [("cam-b", 60_000_000 * minute, "other")], 2, False)
    since_ns = START_NS + WHOLE[0] * 1000
    query = CountQuery(since_ns, since_ns + WHOLE[1] * 1000, 60)
    left = RollupReader(Client(history.db), 0, lambda: history.now_ns).answer(query).left
    assert 1 < len(left) <= 8
    history.check(*WHOLE)
