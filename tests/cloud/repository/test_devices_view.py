"""python-tuf's own client reads what we write, over HTTP, through everything that can happen."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError as TufError

from cloud.repository import changes
from cloud.repository.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, blob_key
from cloud.repository.signing import PrivateKey, PublicKey
from models.record.reading import RECORD, read_record
from tests.support.signed_repository import SignedRepository, served
from tests.support.tuf_client import TufClient


@pytest.fixture
def repository(tmp_path: Path) -> SignedRepository:
    return SignedRepository(tmp_path / "repository")


@pytest.fixture
def url(repository: SignedRepository) -> Iterator[str]:
    with served(repository.folder) as server:
        yield server.url


class Devices:
    """One that is there from the beginning, and a new one for each question."""

    def __init__(self, folder: Path, repository: SignedRepository, url: str) -> None:
        self._folder, self._repository, self._url = folder, repository, url
        self._count = 0
        self._old = TufClient(folder / "old", repository.root_bytes, url)

    def both(self) -> list[TufClient]:
        self._count += 1
        new = TufClient(self._folder / str(self._count), self._repository.root_bytes, self._url)
        return [self._old, new]

    def see(self, version: str) -> int | None:
        """The release of a version, None where it is none; both agree."""
        seen = set()
        for device in self.both():
            target = device.target("gate", version)
            seen.add(None if target is None else target.custom["release"])
        [release] = seen
        return release


@pytest.fixture
def devices(tmp_path: Path, repository: SignedRepository, url: str) -> Devices:
    return Devices(tmp_path / "devices", repository, url)


def test_from_the_beginning_to_a_revocation(
    repository: SignedRepository, devices: Devices, records: dict[str, Path]
) -> None:
    assert devices.see("1.0.0") is None
    assert repository.release(records["1.0.0"], min_agent="0.1.0") == 1
    assert repository.release(records["1.1.0"]) == 2
    assert repository.release(records["1.2.0+b7"]) == 3
    assert [devices.see(version) for version in records] == [1, 2, 3]

    repository.floor(2)
    repository.revoke("1.1.0")
    assert [devices.see(version) for version in records] == [1, None, 3]
    repository.refresh()
    assert [devices.see(version) for version in records] == [1, None, 3]
    assert [told[:4] for told in repository.registry.told] == [
        ("released", "gate", "1.0.0", 1), ("released", "gate", "1.1.0", 2),
        ("released", "gate", "1.2.0+b7", 3), ("revoked", "gate", "1.1.0", "user:ada"),
    ]  # fmt: skip


def test_what_is_signed_leads_to_every_byte(
    repository: SignedRepository, devices: Devices, records: dict[str, Path]
) -> None:
    version = "1.2.0+b7"
    repository.release(records[version], min_agent="0.2.0")
    repository.floor(1)
    for device in devices.both():
        target = device.target("gate", version)
        assert target is not None
        assert target.custom == {"release": 1, "min_agent": "0.2.0"}
        content = device.record("gate", version)
        assert content == (records[version] / RECORD).read_bytes()
        assert target.hashes == {"sha256": read_record(records[version]).digest}
    for artefact in json.loads(content)["artefacts"]:
        blob = (repository.folder / blob_key(artefact["sha256"])).read_bytes()
        assert blob == (records[version] / artefact["path"]).read_bytes()
    signed = json.loads(repository.standing.family("gate").content)["signed"]
    assert signed["x-wayside"] == {"release_floor": 1, "revoked": []}


@pytest.mark.parametrize("role", [ROOT, TARGETS, SNAPSHOT, TIMESTAMP, "family-gate"])
def test_keys_of_every_role_are_replaced_one_after_the_other(
    repository: SignedRepository, devices: Devices, records: dict[str, Path], role: str
) -> None:
    repository.release(records["1.0.0"])
    assert devices.see("1.0.0") == 1
    for number in range(len(repository.keys[role])):
        old = repository.keys[role][number]
        new = PrivateKey.generate()
        public = PublicKey(role, new.public(f"new-{number}"))
        proposal = changes.rotate(
            repository.standing, role, [public], [old.keyid[:12]], repository.asked
        )
        assert proposal is not None
        repository.keys[role].append(new)
        repository.publish(proposal)
        repository.keys[role].remove(old)
        assert devices.see("1.0.0") == 1
        repository.refresh()
        assert devices.see("1.0.0") == 1
        again = changes.rotate(
            repository.standing, role, [public], [old.keyid[:12]], repository.asked
        )
        assert again is None
    assert repository.release(records["1.1.0"]) == 2
    repository.publish(changes.renew(repository.standing, TARGETS, repository.asked))
    assert [devices.see(version) for version in ("1.0.0", "1.1.0")] == [1, 2]


def test_a_lost_key_of_the_server_is_replaced(
    repository: SignedRepository, devices: Devices, records: dict[str, Path]
) -> None:
    repository.release(records["1.0.0"])
    assert devices.see("1.0.0") == 1
    [lost] = repository.keys[TIMESTAMP]
    repository.keys[TIMESTAMP] = [PrivateKey.generate()]
    proposal = changes.rotate(
        repository.standing, TIMESTAMP, repository.publics(TIMESTAMP), [lost.keyid],
        repository.asked,
    )  # fmt: skip
    repository.publish(proposal, may_gap=True)
    assert devices.see("1.0.0") == 1


def test_files_that_are_served_never_change_but_the_timestamp(
    repository: SignedRepository, records: dict[str, Path]
) -> None:
    seen: dict[Path, bytes] = {}
    steps = (
        lambda: repository.release(records["1.0.0"]), lambda: repository.release(records["1.1.0"]),
        lambda: repository.floor(2), lambda: repository.revoke("1.0.0"), repository.refresh,
        lambda: repository.publish(changes.renew(repository.standing, ROOT, repository.asked)),
    )  # fmt: skip
    for step in steps:
        step()
        now = {
            path: path.read_bytes() for path in repository.folder.rglob("*")
            if path.is_file() and path.name != "timestamp.json"
        }  # fmt: skip
        assert all(now[path] == content for path, content in seen.items())
        seen = now


def test_a_refresh_that_says_nothing_new_costs_devices_a_timestamp(
    repository: SignedRepository, records: dict[str, Path], tmp_path: Path
) -> None:
    repository.release(records["1.0.0"])
    with served(repository.folder) as server:
        device = TufClient(tmp_path / "device", repository.root_bytes, server.url)
        assert device.target("gate", "1.0.0") is not None
        repository.refresh()
        server.requests.clear()
        assert device.target("gate", "1.0.0") is not None
        assert [path for path, _ in server.requests] == [
            "/metadata/2.root.json", "/metadata/timestamp.json",
        ]  # fmt: skip


def test_forgeries_of_the_builder_are_refused_by_the_client(
    repository: SignedRepository, devices: Devices, records: dict[str, Path]
) -> None:
    """So that others' tests of attacks begin with one that works."""
    repository.release(records["1.0.0"])

    def lower(signed: object) -> None:
        signed.unrecognized_fields["x-wayside"]["release_floor"] = 0  # type: ignore[attr-defined]
        signed.version += 1  # type: ignore[attr-defined]

    repository.forge("family-gate", lower, keys=[PrivateKey.generate()])
    for device in devices.both():
        with pytest.raises(TufError):
            device.target("gate", "1.0.0")
    repository.forge("family-gate", lower)
    assert devices.see("1.0.0") == 1, "with the family's key the client cannot tell"
