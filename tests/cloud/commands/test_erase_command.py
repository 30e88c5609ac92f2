"""`wayside-cloud erase` as its user sees it, on the real store, archive and blobs."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.archive.archive import Archive
from cloud.blobs.folder import FolderBlobs
from cloud.cli import app
from cloud.erasure.ranges import ErasedRange
from cloud.evidence.snapshots import Snapshots
from cloud.fleet.audit import Actor, Audit, Entry
from cloud.fleet.database import FleetDatabase
from cloud.fleet.erasures import Erasures
from cloud.settings import load
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.port import EventStore
from cloud.store.settings import InfluxDbSettings
from protos.ids import EventId, Lane
from tests.support.archived import archive_batches
from tests.support.fleet import fleet_file
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.pictures import JPEG, snapshot
from tests.support.stored import START_NS, batch_of, crossing, person, stored
from tests.support.ten_answers import ten_answers

DAY_NS = 86_400_000_000_000
DEVICES = ("cam-box", "cam-box-2")
SECRET, OTHER_SECRET = "only-seen-by-cam-box", "only-seen-by-another"


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDb]:
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    server.start()
    yield server
    server.stop()


class Site:
    """Two devices with events of three days in store and archive, and pictures of some."""

    def __init__(self, folder: Path, server: InfluxDb | None) -> None:
        self.kept = folder / "kept"
        self.config = folder / "cloud.yaml"
        text = "data_dir: kept\n"
        if server is not None:
            self.bucket = server.new_bucket()
            text += f"store: {{kind: influxdb, url: '{server.url}', bucket: {self.bucket}}}\n"
        self.config.write_text(text)
        self._server = server
        fleet_file(self.kept / "fleet.sqlite")
        for device, secret in zip(DEVICES, (SECRET, OTHER_SECRET), strict=True):
            self._fill(device, secret)

    def _fill(self, device: str, secret: str) -> None:
        with self.store() as store, self.blobs() as (archive, snapshots):
            for day in range(3):
                events = [
                    crossing(seq, START_NS + day * DAY_NS + seq * 1000, target=secret)
                    if seq % 2 else person(seq, START_NS + day * DAY_NS + seq * 1000)
                    for seq in range(10 * day + 1, 10 * day + 11)
                ]  # fmt: skip
                store.write(stored(*events, device=device))
                archive_batches(archive, [batch_of(*events, device=device)])
                for seq in (10 * day + 1, 10 * day + 2):
                    image = JPEG[:-2] + secret.encode() + JPEG[-2:]
                    name = f"{device}/{7:016x}/state/{seq}"
                    snapshots.keep(snapshot(seq, device=device, event_id=name, image=image))

    @contextlib.contextmanager
    def store(self) -> Iterator[EventStore]:
        settings = load(self.config).store
        made: EventStore
        if isinstance(settings, InfluxDbSettings):
            made = InfluxDbStore(settings)
        else:
            made = DuckDbStore(self.kept / "events.duckdb")
        with contextlib.closing(made):
            yield made

    @contextlib.contextmanager
    def blobs(self) -> Iterator[tuple[Archive, Snapshots]]:
        blobs = FolderBlobs(self.kept / "blobs")
        with contextlib.closing(Archive(blobs)) as archive:
            yield archive, Snapshots(blobs)

    @contextlib.contextmanager
    def erasures(self) -> Iterator[tuple[Erasures, Audit]]:
        database = FleetDatabase(f"sqlite:///{self.kept / 'fleet.sqlite'}")
        with contextlib.closing(database):
            yield Erasures(database, Audit(database)), Audit(database)

    def answers(self, device: str) -> list[object]:
        with self.store() as store:
            return ten_answers(store, device)

    def archived(self) -> set[str]:
        with self.blobs() as (archive, _):
            return {str(row.event.id) for file, _ in archive.files() for row in archive.read(file)}

    def pictures(self) -> list[str]:
        with self.blobs() as (_, snapshots):
            return [str(event_id) for event_id, _ in snapshots.pictures()]

    def audit(self) -> list[Entry]:
        with self.erasures() as (_, audit):
            return list(audit.page())

    def files_with(self, text: str) -> list[Path]:
        """Files of store, archive and blobs in which a text stands, compressed or not."""
        found = [path for path in self.kept.rglob("*") if path.is_file()]
        return [path for path in found if text.encode() in path.read_bytes()]

    def run(self, *arguments: str, given: str = "") -> Result:
        return CliRunner().invoke(app, [*arguments, "-c", str(self.config)], input=given)


@pytest.fixture(params=["duckdb", "influxdb"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    server = request.getfixturevalue("influx") if request.param == "influxdb" else None
    return Site(tmp_path, server)


@pytest.fixture
def duckdb_site(tmp_path: Path) -> Site:
    return Site(tmp_path, None)


def test_a_device_is_erased_everywhere_and_nobody_else(site: Site) -> None:
    before = site.answers("cam-box-2")
    assert [bool(answer) for answer in before] == [True] * 10

    result = site.run("erase", "--device", "cam-box", "--yes")

    assert result.exit_code == 0, result.output
    assert "store    30 events" in result.stdout
    assert "archive  3 files" in result.stdout
    assert "blobs    6 pictures" in result.stdout
    assert "Not reached by this command" in result.stdout
    assert not any(site.answers("cam-box"))
    assert site.answers("cam-box-2") == before
    assert {name.split("/")[0] for name in site.archived()} == {"cam-box-2"}
    assert len(site.archived()) == 30
    assert [name.split("/")[0] for name in site.pictures()] == ["cam-box-2"] * 6
    assert site.files_with(SECRET) == []
    assert site.files_with(OTHER_SECRET)
    [entry] = site.audit()
    assert (entry.action, entry.outcome) == ("erase", "done: 30 events, 3 files, 6 pictures")
    assert entry.actor.startswith("user:")
    assert entry.target.startswith("cam-box 0 ")
    with site.erasures() as (erasures, _):
        assert erasures.broken_off() == []


def test_a_time_is_erased_of_all_devices(site: Site) -> None:
    since_ns, until_ns = START_NS + 5000, START_NS + DAY_NS + 13_000
    times = ("--from", str(since_ns), "--to", str(until_ns))

    result = site.run("erase", *times, "--yes")

    assert result.exit_code == 0, result.output
    left = {*range(1, 5), *range(13, 31)}
    for device in DEVICES:
        assert {int(name.rsplit("/", 1)[1]) for name in site.archived()} == left
        assert f"{device}/{7:016x}/state/1" in site.pictures()
        with site.store() as store:
            assert [row.count for row in store.sequences(device)] == [len(left)]
    assert len(site.pictures()) == 8, "those of seq 11 and 12 are gone"
    assert "Kept: 36 events captured at the end of this range or later" in result.stdout

    assert site.run("archive", "replay").exit_code == 0
    with site.store() as store:
        assert sum(row.count for row in store.sequences()) == 2 * len(left)


def test_nothing_goes_before_it_was_confirmed(duckdb_site: Site) -> None:
    before = duckdb_site.archived(), duckdb_site.pictures(), duckdb_site.answers("cam-box")

    result = duckdb_site.run("erase", "--device", "cam-box", given="n\n")

    assert result.exit_code == 1
    assert "Would delete of device cam-box, 1970-01-01" in result.stdout
    assert "Delete this for good?" in result.stdout
    after = duckdb_site.archived(), duckdb_site.pictures(), duckdb_site.answers("cam-box")
    assert after == before
    assert duckdb_site.audit() == []


def test_a_file_that_serve_holds_is_named_and_nothing_is_touched(duckdb_site: Site) -> None:
    program = (
        "import sys; from pathlib import Path; from cloud.store.duckdb.store import DuckDbStore; "
        "store = DuckDbStore(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    path = duckdb_site.kept / "events.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        result = duckdb_site.run("erase", "--device", "cam-box", "--yes")
        assert holder.stdin is not None
        holder.stdin.close()

    assert result.exit_code == 1
    assert "held by another process" in result.stderr
    assert "stop that one" in result.stderr
    assert len(duckdb_site.pictures()) == 12
    assert duckdb_site.audit() == []


def test_what_was_broken_off_is_finished_by_the_same_command(duckdb_site: Site) -> None:
    folder = duckdb_site.kept / "blobs" / "archive"
    [damaged, *_] = sorted(folder.rglob("device=cam-box/*.parquet"))
    whole = damaged.read_bytes()
    damaged.write_bytes(b"damaged")
    command = ("erase", "--device", "cam-box", "--from", str(START_NS + 2000), "--yes")
    assert duckdb_site.run(*command).exit_code == 1  # found out before anything was deleted
    assert duckdb_site.audit() == []
    damaged.write_bytes(whole)
    with duckdb_site.erasures() as (erasures, _), duckdb_site.blobs() as (_, snapshots):
        erased = ErasedRange.around("cam-box", START_NS + 2000, START_NS + 9 * DAY_NS)
        erasures.begin(erased, Actor("user:root", "here"))
        snapshots.delete([EventId("cam-box", 7, Lane.STATE, 2)])

    result = duckdb_site.run(*command)

    assert result.exit_code == 0, result.output
    assert "Broken off before: device cam-box" in result.stdout
    assert "is finished by this" in result.stdout
    assert [entry.outcome.partition(":")[0] for entry in duckdb_site.audit()] == ["begun", "done"]
    assert len([name for name in duckdb_site.archived() if name.startswith("cam-box/")]) == 1
    assert "Broken off" not in duckdb_site.run(*command).stdout


def test_a_replay_leaves_out_what_was_erased(duckdb_site: Site) -> None:
    with duckdb_site.blobs() as (archive, _):
        late = batch_of(person(99, START_NS + 99_000))
        assert duckdb_site.run("erase", "--device", "cam-box", "--yes").exit_code == 0
        archive_batches(archive, [late])  # by an archive that does not know of erasures

    result = duckdb_site.run("archive", "replay")

    assert "30 events of 4 files are in the store" in result.stdout
    assert "1 were left out, as `wayside-cloud erase` erased" in result.stdout
    assert not any(duckdb_site.answers("cam-box"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--yes"], "name --device, or both"),
        (["--from", "2025-06-16", "--yes"], "name --device, or both"),
        (["--device", "cam-box", "--from", "2025-06-16", "--to", "2025-06-16"], "must end after"),
        (["--device", "../x"], "is not allowed"),
    ],
)
def test_wrong_options_are_told(duckdb_site: Site, arguments: list[str], says: str) -> None:
    result = duckdb_site.run("erase", *arguments)

    assert result.exit_code == 2
    assert says in " ".join(result.stderr.replace("│", " ").split())
