"""A device against a repository that the real signing side made, over HTTP: whole, and attacked.

Each attack is refused by its code, and what was trusted before stays: after each, the record in the
slot is still known, with no network at all.
"""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.repository import changes
from cloud.repository.signing import PrivateKey, PublicKey
from edge.ota.client import Time
from edge.ota.settings import FetchSettings, OtaSettings
from edge.ota.takeable import require_ordered
from edge.ota.trust import Opened, open_trust
from models.record.reading import read_record
from tests.support.file_server import Answer, FileServer
from tests.support.records import registered, write_model
from tests.support.signed_repository import SignedRepository, answer
from tests.support.small_repository import DAY_S, NOW, NOW_S, Clock
from tests.support.trusting_device import refused

VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
FETCH = FetchSettings(
    attempts=2, retry_initial_s=0.001, retry_max_s=0.001, min_free_bytes=0, answer_timeout_s=5
)


def no_matter(_: int) -> None:
    """Nobody watches."""


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of real records of the model `gate`, by version."""
    folder = tmp_path_factory.mktemp("records")
    for version in VERSIONS:
        model = write_model(folder / version / "model", version=version)
        registered(folder / version, model=model)
    return {version: folder / version / "store" / "gate" / version for version in VERSIONS}


class Street:
    """A repository, the server that shows it, and a device that has taken release 2 of it."""

    def __init__(self, folder: Path, records: dict[str, Path]) -> None:
        self.at = NOW
        self.repository = SignedRepository(folder / "repository", now=self._now)
        for version in VERSIONS[:2]:
            self.repository.release(records[version])
        self.record = (records["1.1.0"] / "record.json").read_bytes()
        self.clock = Clock()
        self.server = FileServer(self._respond)
        self.instead: dict[str, Callable[[], Answer]] = {}
        self._data_dir = folder / "device"
        self._root_file = folder / "root.json"
        self._root_file.write_bytes(self.repository.root_bytes)

    @property
    def folder(self) -> Path:
        return self.repository.folder

    @property
    def trusted(self) -> Path:
        return self._data_dir / "ota" / "trusted"

    def file(self, role: str) -> Path:
        """The newest file of a role."""
        if role == "timestamp":
            return self.folder / "metadata/timestamp.json"
        found = self.folder.glob(f"metadata/*{role}.json")
        return max(found, key=lambda path: int(path.name.partition(".")[0]))

    def snapshotted(self) -> dict[Path, bytes]:
        """All metadata, to be put back."""
        return {path: path.read_bytes() for path in (self.folder / "metadata").iterdir()}

    @contextlib.contextmanager
    def updates(self) -> Iterator[Opened]:
        """As after a start of the agent."""
        settings = OtaSettings(url=self.server.url, root_file=self._root_file, fetch=FETCH)
        time = Time(lambda: self.clock.now_s, lambda: self.clock.is_kept)
        with open_trust(
            settings, self._data_dir, threading.Event(), device_time=time, agent=lambda: "0.1.0"
        ) as updates:
            yield updates

    def take(self, version: str = "1.1.0") -> None:
        """Refresh, and be vouched for."""
        with self.updates() as updates:
            updates.trust.refresh()
            updates.trust.target("gate", version)

    def assert_incumbent_stays(self) -> None:
        """What was taken is known, whatever was tried; nobody is asked."""
        asked = len(self.server.requests)
        with self.updates() as updates:
            assert updates.trust.check_offline("gate", self.record).release == 2
        assert len(self.server.requests) == asked

    def _now(self) -> datetime:
        return self.at

    def _respond(self, path: str, wanted: str | None) -> Answer:
        for part, instead in self.instead.items():
            if part in path:
                return instead()
        return answer(self.folder, path, wanted)


@pytest.fixture
def street(tmp_path: Path, records: dict[str, Path]) -> Iterator[Street]:
    made = Street(tmp_path, records)
    with made.server:
        made.take()
        yield made
        made.assert_incumbent_stays()


def test_a_release_comes_from_signature_to_artefact(
    street: Street, records: dict[str, Path], tmp_path: Path
) -> None:
    street.repository.release(records["1.2.0"])
    slot = tmp_path / "slot"
    slot.mkdir()
    with street.updates() as updates:
        updates.trust.refresh()
        target = updates.trust.target("gate", "1.2.0")
        updates.fetcher.record(target, slot / "record.json", no_matter)
        for one in read_record(records["1.2.0"]).record.artefacts:
            path = slot / one.path
            path.parent.mkdir(parents=True, exist_ok=True)
            updates.fetcher.blob(one.sha256, one.size, path, no_matter)
        assert updates.trust.check_offline("gate", (slot / "record.json").read_bytes()) == target
    (slot / "record.sha256").write_bytes((records["1.2.0"] / "record.sha256").read_bytes())
    assert read_record(slot).record == read_record(records["1.2.0"]).record
    assert not list(slot.rglob("*.part"))


def test_tampered_metadata_is_refused(street: Street) -> None:
    street.repository.floor(1)
    file = street.file("family-gate")
    file.write_bytes(file.read_bytes().replace(b'"release":1', b'"release":9'))
    with street.updates() as updates:
        updates.trust.refresh()
        with refused("tampered", "family-gate"):
            updates.trust.target("gate", "1.0.0")


@pytest.mark.parametrize("what", ["targets/gate", "blobs/"])
def test_a_tampered_file_is_refused(street: Street, tmp_path: Path, what: str) -> None:
    street.instead[what] = lambda: Answer(body=b"x" * len(street.record))
    sha256 = hashlib.sha256(street.record).hexdigest()
    with street.updates() as updates:
        updates.trust.refresh()
        target = updates.trust.target("gate", "1.1.0")
        with refused("tampered"):
            if what == "blobs/":
                updates.fetcher.blob(sha256, target.length, tmp_path / "file", no_matter)
            else:
                updates.fetcher.record(target, tmp_path / "file", no_matter)
    assert not (tmp_path / "file").exists()


def test_truncated_is_refused(street: Street, tmp_path: Path) -> None:
    street.instead["targets/gate"] = lambda: Answer(
        200, {"Content-Length": str(len(street.record))}, street.record[:100]
    )
    with street.updates() as updates:
        updates.trust.refresh()
        target = updates.trust.target("gate", "1.1.0")
        with refused("truncated"):
            updates.fetcher.record(target, tmp_path / "record.json", no_matter)
    street.instead["timestamp.json"] = lambda: Answer(200, {"Content-Length": "900"}, b"{")
    with street.updates() as updates, refused("truncated", "timestamp.json"):
        updates.trust.refresh()


def endless() -> Iterator[bytes]:
    while True:
        yield b" " * 65_536


@pytest.mark.parametrize("name", ["2.root.json", "timestamp.json"])
def test_endless_is_refused(street: Street, name: str) -> None:
    street.instead[name] = lambda: Answer(drip=endless())
    with street.updates() as updates, refused("endless", name):
        updates.trust.refresh()


def test_expired_is_refused(street: Street) -> None:
    street.clock.now_s += 30 * DAY_S
    with street.updates() as updates, refused("expired", "timestamp: version"):
        updates.trust.refresh()


def test_rolled_back_is_refused(street: Street) -> None:
    before = street.snapshotted()
    street.repository.floor(1)
    street.take()
    for path, content in before.items():
        path.write_bytes(content)
    with street.updates() as updates, refused("rolled-back", "timestamp: is version"):
        updates.trust.refresh()


def test_zeroed_metadata_files_open_no_way_back(street: Street) -> None:
    before = street.snapshotted()
    street.repository.floor(1)
    street.take()
    for path in street.trusted.rglob("*.json"):
        path.write_bytes(b"\0" * path.stat().st_size)
    for path, content in before.items():
        path.write_bytes(content)
    with street.updates() as updates, refused("rolled-back", "timestamp: is version"):
        updates.trust.refresh()


def version(number: int) -> Callable[[Any], None]:
    def change(signed: Any) -> None:
        signed.version = number

    return change


def test_mixed_is_refused(street: Street) -> None:
    """The thief of the online keys signs a snapshot that names what was never signed together."""
    old = street.file("family-gate").read_bytes()
    street.repository.floor(1)

    def name_another(snapshot: Any) -> None:
        snapshot.version += 1
        meta = snapshot.meta["family-gate.json"]
        meta.version, meta.hashes, meta.length = meta.version + 1, None, None
        (street.folder / f"metadata/{meta.version}.family-gate.json").write_bytes(old)

    street.repository.forge("snapshot", name_another)
    with street.updates() as updates:
        updates.trust.refresh()
        with refused("mixed", "family-gate: is version"):
            updates.trust.target("gate", "1.1.0")


def test_a_wrong_key_is_refused(street: Street) -> None:
    """The thief of the online keys releases something of his own."""

    def lower_the_floor(signed: Any) -> None:
        signed.version += 1
        signed.unrecognized_fields["x-wayside"]["release_floor"] = 0

    thief = street.repository.keys["snapshot"]
    street.repository.forge("family-gate", lower_the_floor, keys=thief)
    with street.updates() as updates:
        updates.trust.refresh()
        with refused("wrong-key", "family-gate"):
            updates.trust.target("gate", "1.1.0")
    street.repository.forge("targets", lambda signed: None, keys=thief)
    with street.updates() as updates, refused("wrong-key", "targets"):
        updates.trust.refresh()


def test_the_thief_of_the_online_keys_cannot_put_a_role_back(street: Street) -> None:
    street.repository.floor(1)
    street.take()

    def put_back(snapshot: Any) -> None:
        snapshot.version += 1
        snapshot.meta["family-gate.json"].version -= 1

    street.repository.forge("snapshot", put_back)
    with street.updates() as updates, refused("rolled-back", "its family-gate"):
        updates.trust.refresh()


def test_the_thief_of_the_online_keys_can_freeze_until_the_offline_ones_expire(
    street: Street,
) -> None:
    def live_long(signed: Any) -> None:
        signed.version += 1
        signed.expires += timedelta(days=4000)

    street.repository.forge("snapshot", live_long)
    street.repository.forge("timestamp", live_long)
    street.clock.now_s += 100 * DAY_S
    street.take()
    street.clock.now_s += 100 * DAY_S
    with street.updates() as updates:
        updates.trust.refresh()
        with refused("expired", "family-gate"):
            updates.trust.target("gate", "1.1.0")
    street.clock.now_s += 200 * DAY_S
    with street.updates() as updates, refused("expired", "root: version 1"):
        updates.trust.refresh()


def test_a_stolen_server_orders_nothing_below_the_floor(street: Street) -> None:
    """Whatever an order says, and with the release from before still on the server."""
    street.repository.floor(2)
    with street.updates() as updates:
        updates.trust.refresh()
        assert updates.trust.floor("gate") == 2
        with refused("below-floor", "release 1, releases from 2 on"):
            updates.trust.target("gate", "1.0.0")


def test_an_order_of_another_record_is_refused(street: Street) -> None:
    with street.updates() as updates:
        updates.trust.refresh()
        target = updates.trust.target("gate", "1.1.0")
    with refused("order-mismatch"):
        require_ordered(target, "0" * 64)


def test_revoked_is_known_at_once_and_for_ever(street: Street, records: dict[str, Path]) -> None:
    old = (records["1.0.0"] / "record.json").read_bytes()
    street.take("1.0.0")
    street.repository.revoke("1.0.0")
    with street.updates() as updates:
        updates.trust.refresh()
        assert updates.trust.revoked("gate") == {1}
        with refused("unknown-target"):  # a revoked version leaves the role
            updates.trust.target("gate", "1.0.0")
        with refused("revoked", "release 1 was revoked"):
            updates.trust.check_offline("gate", old)


def test_a_clock_in_1972_makes_nothing_valid_again(street: Street) -> None:
    street.at += timedelta(days=40)
    street.clock.now_s += 40 * DAY_S
    old = street.snapshotted()
    street.repository.refresh()
    street.take()
    for path in street.trusted.rglob("*.json"):
        path.unlink()
    for path, content in old.items():
        path.write_bytes(content)
    street.clock.now_s, street.clock.is_kept = 63_072_000.0, False
    with street.updates() as updates, refused("rolled-back"):
        updates.trust.refresh()
    street.repository.forge("snapshot", version(50))
    street.repository.forge("timestamp", version(50))
    with street.updates() as updates, refused("expired", "the clock says 1972-01-01"):
        updates.trust.refresh()


def test_a_clock_ahead_by_400_days_is_named_and_leaves_no_trace(street: Street) -> None:
    street.clock.now_s, street.clock.is_kept = NOW_S + 400 * DAY_S, False
    with street.updates() as updates, refused("clock", "root", "which says 2028-04-04"):
        updates.trust.refresh()
    street.clock.now_s, street.clock.is_kept = NOW_S + 60, True
    street.take()


def replace_keys(street: Street, role: str) -> None:
    """As after a theft, or when the time has come: one key after the other."""
    repository = street.repository
    for number, old in enumerate(list(repository.keys[role])):
        new = PrivateKey.generate()
        public = PublicKey(role, new.public(f"new-{number}"))
        proposal = changes.rotate(
            repository.standing, role, [public], [old.keyid[:12]], repository.asked
        )
        repository.keys[role].append(new)
        repository.publish(proposal)
        repository.keys[role].remove(old)
        repository.refresh()


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp", "family-gate"])
def test_a_device_goes_along_when_keys_are_replaced(street: Street, role: str) -> None:
    replace_keys(street, role)
    street.take()


def test_a_device_comes_back_from_a_version_that_a_thief_had_signed(street: Street) -> None:
    """Nobody reaches it; once the thief's key is withdrawn, floors are where they were."""
    street.repository.floor(2)
    street.take()
    honest = street.file("timestamp").read_bytes()
    street.repository.forge("timestamp", version(1_000_000))
    street.take()
    street.file("timestamp").write_bytes(honest)
    with street.updates() as updates, refused("rolled-back", "1000000 was trusted before"):
        updates.trust.refresh()
    replace_keys(street, "timestamp")
    with street.updates() as updates:
        updates.trust.refresh()
        assert updates.trust.target("gate", "1.1.0").release == 2
        assert updates.trust.floor("gate") == 2
        with refused("below-floor"):
            updates.trust.target("gate", "1.0.0")
