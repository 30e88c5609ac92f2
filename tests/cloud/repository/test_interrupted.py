"""Whoever is killed at a write leaves the old view or the new one, and may begin again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from cloud.blobs.obstore import ObstoreBlobs
from cloud.blobs.port import Blobs
from cloud.repository import changes
from cloud.repository.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, blob_key
from cloud.repository.signing import PrivateKey, PublicKey
from models.record.record import Record
from tests.support.failing_blobs import FailingBlobs, KilledError
from tests.support.signed_repository import SignedRepository
from tests.support.tuf_client import TufClient

Act = Callable[[SignedRepository], object]


def copy_of(blobs: Blobs) -> Blobs:
    copied = ObstoreBlobs(MemoryStore(), "memory")
    for folder in ("metadata", "targets", "blobs"):
        for entry in blobs.list(folder):
            copied.put(entry.key, blobs.get(entry.key), "application/octet-stream")
    return copied


def rotated(role: str) -> Act:
    new = PrivateKey.generate()

    def act(repository: SignedRepository) -> object:
        if new not in repository.keys[role]:
            repository.keys[role].append(new)
        first = repository.keys[role][0].keyid
        public = PublicKey(role, new.public("new"))
        return repository.publish(
            changes.rotate(repository.standing, role, [public], [first], repository.asked)
        )

    return act


def all_but_one_replaced(repository: SignedRepository) -> object:
    """Targets whose old signatures do not suffice under the new root."""
    keys = repository.keys[TARGETS]
    while len(keys) < 5:
        keys.append(PrivateKey.generate())
    publics = [PublicKey(TARGETS, key.public(key.keyid[:8])) for key in keys[3:]]
    gone = [key.keyid for key in keys[:2]]
    return repository.publish(
        changes.rotate(repository.standing, TARGETS, publics, gone, repository.asked)
    )


ACTS: dict[str, Act] = {
    "add a family": lambda repository: repository.add_family("door"),
    "floor": lambda repository: repository.floor(1),
    "revoke": lambda repository: repository.revoke("1.0.0"),
    "refresh": lambda repository: repository.refresh(),
    "renew root": lambda repository: repository.publish(
        changes.renew(repository.standing, ROOT, repository.asked)
    ),
    "renew targets": lambda repository: repository.publish(
        changes.renew(repository.standing, TARGETS, repository.asked)
    ),
    **{f"rotate {role}": rotated(role) for role in (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)},
    "rotate family": rotated("family-gate"),
    "rotate two of targets": all_but_one_replaced,
}


def begun(records: dict[str, Path]) -> SignedRepository:
    repository = SignedRepository(Path("nowhere"), blobs=ObstoreBlobs(MemoryStore(), "memory"))
    repository.release(records["1.0.0"])
    repository.release(records["1.1.0"])
    return repository


def kill_everywhere(
    repository: SignedRepository, act: Act, check: Callable[[SignedRepository], None]
) -> int:
    """Kill an act at each of its writes, before and after it; how many writes there were."""
    blobs, keys, number = repository.blobs, repository.keys, 0
    while True:
        number += 1
        for is_done in (False, True):
            repository.keys = {role: list(theirs) for role, theirs in keys.items()}
            whole = copy_of(blobs)
            failing = FailingBlobs(whole, number, is_done=is_done)
            repository.blobs = failing
            try:
                act(repository)
            except KilledError:
                repository.blobs = whole
                check(repository)
                act(repository)
                check(repository)
                assert repository.standing.is_shown
            else:
                assert failing.writes == number - 1
                return failing.writes


@pytest.mark.parametrize("name", ACTS)
def test_devices_always_have_a_whole_view(
    name: str, records: dict[str, Path], tmp_path: Path
) -> None:
    repository = begun(records)
    count = 0

    def check(current: SignedRepository) -> None:
        nonlocal count
        count += 1
        device = TufClient(tmp_path / str(count), current.root_bytes, blobs=current.blobs)
        target = device.target("gate", "1.1.0")
        assert target is not None
        assert target.custom == {"release": 2}

    writes = kill_everywhere(repository, ACTS[name], check)
    assert writes >= 1
    assert count == 4 * writes


def test_a_release_is_whole_or_not_there(records: dict[str, Path], tmp_path: Path) -> None:
    repository = begun(records)
    count, seen = 0, set()

    def check(current: SignedRepository) -> None:
        nonlocal count
        count += 1
        device = TufClient(tmp_path / str(count), current.root_bytes, blobs=current.blobs)
        target = device.target("gate", "1.2.0+b7")
        seen.add(target is not None)
        if target is not None:
            record = device.record("gate", "1.2.0+b7")
            for artefact in Record.model_validate_json(record).artefacts:
                assert current.blobs.size(blob_key(artefact.sha256)) == artefact.size

    writes = kill_everywhere(
        repository, lambda current: current.release(records["1.2.0+b7"]), check
    )
    assert writes > 5, "artefacts, record, role, snapshot, timestamp"
    assert seen == {False, True}


def test_a_repository_is_begun_by_the_same_command(tmp_path: Path) -> None:
    repository = SignedRepository(
        tmp_path, blobs=ObstoreBlobs(MemoryStore(), "memory"), is_begun=False
    )
    count = 0

    def check(current: SignedRepository) -> None:
        nonlocal count
        count += 1
        if current.blobs.size("metadata/timestamp.json") is not None:
            device = TufClient(tmp_path / str(count), current.root_bytes, blobs=current.blobs)
            device.refresh()

    assert kill_everywhere(repository, lambda current: current.begin(), check) == 4
