"""Files of the archive: everything is in them, their names tell what, damage is told."""

import contextlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.archive.archive import Archive
from cloud.archive.keys import MAX_SHARDS, ArchiveFile, OneDevice, Shard, day_of, shards_for
from cloud.archive.parquet import ParquetFiles
from cloud.archive.rows import files_of, rows
from cloud.errors import ArchiveError, BlobNotFoundError
from protos.codec import encode
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.archived import DAY_NS, MIDNIGHT_NS, PartOf, archive_batches, in_shards
from tests.support.stored import START_NS, Event, batch_of, crossing, person
from tests.support.switched_blobs import SwitchedBlobs


@pytest.fixture
def blobs() -> SwitchedBlobs:
    return SwitchedBlobs()


@pytest.fixture
def archive(blobs: SwitchedBlobs) -> Iterator[Archive]:
    with contextlib.closing(Archive(blobs)) as made:
        yield made


def newer() -> EventBatch:
    """A batch as a newer peer sends it, with fields that this code does not know."""
    event = Event.FromString(person(1).SerializeToString() + b"\xfa\x3e\x03new")
    event.kind = 77  # type: ignore[assignment]
    batch = batch_of(event, crossing(2), boot=2**64 - 1, lane=Lane.ALARM)
    batch.clock_synced, batch.anchor_id, batch.traceparent = True, 4, "00-ab-cd-01"
    return EventBatch.FromString(encode(batch) + b"\xfa\x3e\x05later")


def test_events_and_headers_come_back_to_the_byte(archive: Archive) -> None:
    batch = newer()
    archive_batches(archive, [batch])

    [(file, size_bytes)] = archive.files()
    found = archive.read(file)
    assert found == rows(batch)
    assert size_bytes > 0
    rebuilt = EventBatch.FromString(found[0].header)
    rebuilt.events.extend(Event.FromString(row.event.payload) for row in found)
    assert encode(rebuilt) == encode(batch)


def test_a_file_is_read_with_other_tools(blobs: SwitchedBlobs, archive: Archive,
                                         tmp_path: Path) -> None:  # fmt: skip
    archive_batches(archive, [batch_of(crossing(1), boot=10)])
    [(file, _)] = archive.files()
    path = tmp_path / "one.parquet"
    path.write_bytes(blobs.get(file.key))

    with duckdb.connect() as database:
        table = database.execute("FROM read_parquet($1)", [str(path)])
        names = [column[0] for column in table.description]
        [row] = table.fetchall()
    found = dict(zip(names, row, strict=True))
    assert found["device"] == "cam-box"
    assert found["boot"] == "000000000000000a"
    assert (found["lane"], found["seq"], found["kind"]) == ("state", 1, "line-crossed")
    assert (found["class_name"], found["box_left"], found["rule"]) == ("person", 0.5, "door-line")
    [kept] = rows(batch_of(crossing(1), boot=10))
    assert (found["payload"], found["header"]) == (kept.event.payload, kept.header)
    fields = set(kept.event._fields)
    assert fields - {"id", "box"} <= set(names), "every field of a record is a column"


def test_files_of_one_device_are_by_day(archive: Archive) -> None:
    before_midnight = person(1, MIDNIGHT_NS + DAY_NS - 1)
    archive_batches(
        archive,
        [
            batch_of(before_midnight, person(2, MIDNIGHT_NS + DAY_NS)),
            batch_of(person(1), device="other-box"),
            batch_of(person(3, MIDNIGHT_NS), lane=Lane.STATS),
        ],
    )

    assert [(str(file.day), file.part.label, file.events) for file, _ in archive.files()] == [
        ("2025-06-15", "cam-box", 2), ("2025-06-15", "other-box", 1), ("2025-06-16", "cam-box", 1),
    ]  # fmt: skip
    [first, *_] = [file for file, _ in archive.files()]
    assert (first.first_ns, first.last_ns) == (MIDNIGHT_NS, MIDNIGHT_NS + DAY_NS - 1)


def test_the_same_rows_have_one_name_whatever_their_order(archive: Archive) -> None:
    batches = [batch_of(person(seq)) for seq in (1, 2, 3)]
    archive_batches(archive, batches)
    archive_batches(archive, [*reversed(batches), batches[1]])

    assert len(list(archive.files())) == 1
    archive_batches(archive, batches[:2])
    assert len(list(archive.files())) == 2


def test_a_device_is_found_whatever_the_number_of_shards_was(archive: Archive) -> None:
    devices = [f"box-{number}" for number in range(40)]
    for boot, shards in enumerate((1, 4, 16), 1):
        batches = [batch_of(person(1), device=device, boot=boot) for device in devices]
        archive_batches(archive, batches, in_shards(shards))
    archive_batches(archive, [batch_of(person(1), device=device, boot=9) for device in devices])

    files = [file for file, _ in archive.files()]
    assert len([file for file in files if isinstance(file.part, Shard)]) <= 1 + 4 + 16
    for device in devices:
        of_it = [file for file, _ in archive.files(device=device)]
        assert len(of_it) == 4, "one for each number of shards, and its own of layout 1"
        rows = [row for file in of_it for row in archive.read(file, device)]
        assert sorted((row.event.id.device, row.event.id.boot) for row in rows) == [
            (device, boot) for boot in (1, 2, 3, 9)
        ]
        assert [archive.count(file, device=device) for file in of_it] == [1] * 4


@given(device=st.from_regex(r"[a-z][a-z0-9-]{2,62}", fullmatch=True))
def test_shards_nest_and_are_the_same_for_ever(device: str) -> None:
    numbers = [Shard.of_device(device, 2**power).number for power in range(9)]

    assert numbers[0] == 0
    for power, number in enumerate(numbers[1:], 1):
        assert number < 2**power
        assert number % 2 ** (power - 1) == numbers[power - 1]
    assert Shard.of_device("cam-box", 16) == Shard(1, 16), "names of files depend on it"


@pytest.mark.parametrize(
    ("events", "shards"),
    [(0, 1), (1, 1), (2000, 1), (2001, 2), (4001, 4), (30_000, 16), (10**7, MAX_SHARDS)],
)
def test_a_round_is_cut_so_that_files_have_a_size(events: int, shards: int) -> None:
    assert shards_for(events, 2000) == shards


def test_rows_of_a_range_are_counted_without_being_read(archive: Archive) -> None:
    batches = [
        batch_of(*[person(seq, MIDNIGHT_NS + seq) for seq in range(1, 11)], device=device)
        for device in ("cam-box", "other-box")
    ]
    archive_batches(archive, batches, in_shards(1))
    [(file, _)] = archive.files()

    assert archive.count(file) == 20
    assert archive.count(file, device="cam-box") == 10
    assert archive.count(file, MIDNIGHT_NS + 3, MIDNIGHT_NS + 5) == 4
    assert archive.count(file, MIDNIGHT_NS + 3, MIDNIGHT_NS + 5, "other-box") == 2
    assert archive.count(file, device="third-box") == 0


RANGES = [
    (0, 2**63 - 1, {1, 2, 3, 4}),
    (MIDNIGHT_NS, MIDNIGHT_NS + DAY_NS, {2, 3}),
    (MIDNIGHT_NS + 5, MIDNIGHT_NS + 6, {2}),
    (MIDNIGHT_NS + 6, MIDNIGHT_NS + DAY_NS - 1, set()),
    (MIDNIGHT_NS + DAY_NS, 2**63 - 1, {4}),
    (0, MIDNIGHT_NS, {1}),
    (0, 0, set()),
]


@pytest.mark.parametrize("part_of", [OneDevice, in_shards(1), in_shards(256)])
@pytest.mark.parametrize(("since_ns", "until_ns", "seqs"), RANGES)
def test_only_files_of_the_range_are_shown(
    archive: Archive, since_ns: int, until_ns: int, seqs: set[int], part_of: PartOf
) -> None:
    times = [MIDNIGHT_NS - 1, MIDNIGHT_NS + 5, MIDNIGHT_NS + DAY_NS - 1, MIDNIGHT_NS + 3 * DAY_NS]
    for seq, time_ns in enumerate(times, 1):
        archive_batches(archive, [batch_of(person(seq, time_ns))], part_of)

    found = [file for file, _ in archive.files(since_ns, until_ns)]
    assert {row.event.id.seq for file in found for row in archive.read(file)} == seqs
    others = [file for file, _ in archive.files(since_ns, until_ns, device="other-box")]
    assert [row for file in others for row in archive.read(file, "other-box")] == []


def test_what_is_not_ours_is_passed_by(blobs: SwitchedBlobs, archive: Archive) -> None:
    archive_batches(archive, [batch_of(person(1))])
    [(file, _)] = archive.files()
    for key in (
        "archive/v1/day=2025-06-15/notes.txt",
        file.key.replace("2025-06-15", "2025-06-31"),
        file.key.replace("cam-box", "-"),
        file.key.replace("archive/v1", "archive/v2"),
        file.key.replace("archive/v1", "archive/v3"),
        file.key.replace("device=cam-box", "shard=000-of-001"),
        file.key.replace("v1", "v2").replace("device=cam-box", "shard=004-of-004"),
        file.key.replace("v1", "v2").replace("device=cam-box", "shard=000-of-000"),
    ):
        blobs.put(key, b"", "text/plain")

    assert [found for found, _ in archive.files()] == [file]


def test_damage_is_told_with_the_file(blobs: SwitchedBlobs, archive: Archive) -> None:
    file = ArchiveFile(date(2025, 6, 15), OneDevice("cam-box"), START_NS, START_NS, 1, "0" * 16)
    with pytest.raises(BlobNotFoundError):
        archive.read(file)
    blobs.put(file.key, b"PAR1 and then nothing", "x/y")
    with pytest.raises(ArchiveError, match=file.key):
        archive.read(file)


@pytest.mark.parametrize(
    ("header", "payload"),
    [("'\\xFF'::BLOB", "''::BLOB"), ("''::BLOB", "''::BLOB"), ("''::BLOB", "'\\xFF'::BLOB")],
)
def test_bytes_that_are_no_batch_are_told(tmp_path: Path, header: str, payload: str) -> None:
    path = tmp_path / "odd.parquet"
    with duckdb.connect() as database:
        database.execute(f"COPY (SELECT {header} AS header, {payload} AS payload) TO '{path}'")
    with contextlib.closing(ParquetFiles()) as parquet, pytest.raises(ArchiveError, match="odd"):
        parquet.decode(path.read_bytes(), "odd")


def test_days_are_utc_and_never_out_of_range() -> None:
    assert day_of(0) == date(1970, 1, 1)
    assert day_of(2**63 - 1) == date(2262, 4, 11)
    assert day_of(MIDNIGHT_NS - 1) == date(2025, 6, 14)


@given(
    text=st.text(max_size=30),
    track_id=st.integers(0, 2**64 - 1),
    confidence=st.floats(width=32),
    value=st.floats(),
    frame=st.integers(0, 2**64 - 1),
)
@settings(max_examples=30, deadline=None)
def test_nothing_that_ingest_takes_is_refused(
    text: str, track_id: int, confidence: float, value: float, frame: int
) -> None:
    event = crossing(1, rule=text, target=text, camera=text)
    event.object.track_id, event.object.confidence = track_id, confidence
    event.object.class_name, event.frame, event.model = text, frame, text
    event.rule_hit.value = value
    batch = batch_of(event, crossing(2))
    [found] = files_of(rows(batch), OneDevice).values()
    with contextlib.closing(ParquetFiles()) as parquet:
        read = parquet.decode(parquet.encode(found), "any")

    assert [(row.header, row.event.payload) for row in read] == [
        (row.header, row.event.payload) for row in rows(batch)
    ]
