"""Where repository and registry say different things, somebody is told what ends it."""

from pathlib import Path

import pytest
from obstore.store import MemoryStore

from cloud.blobs.obstore import ObstoreBlobs
from cloud.repository.agreement import disagreements
from tests.support.signed_repository import SignedRepository

AGREED = {"1.0.0": "revoked", "1.1.0": "released", "1.2.0+b7": "deprecated"}


@pytest.fixture
def repository(records: dict[str, Path]) -> SignedRepository:
    made = SignedRepository(Path("nowhere"), blobs=ObstoreBlobs(MemoryStore(), "memory"))
    for folder in records.values():
        made.release(folder)
    made.revoke("1.0.0")
    return made


def told(repository: SignedRepository, states: dict[str, str]) -> list[str]:
    found = disagreements(repository.standing, lambda name, version: states.get(version))
    assert {one.role for one in found} <= {"family-gate"}
    return [one.message for one in found]


def test_where_all_agree_nobody_is_told(repository: SignedRepository) -> None:
    assert told(repository, AGREED) == []
    assert told(repository, {}) == [], "released from a folder of records"


def test_what_was_revoked_in_the_registry_alone_comes_first(repository: SignedRepository) -> None:
    assert told(repository, {**AGREED, "1.0.0": "released", "1.1.0": "revoked"}) == [
        "gate 1.1.0 is revoked in the registry, and devices run it as release 2: `wayside-cloud "
        "repository revoke gate 1.1.0`",
        "gate 1.0.0 was revoked as release 1, and the registry has not heard of it: `wayside-cloud "
        "repository revoke gate 1.0.0`",
    ]


@pytest.mark.parametrize("state", ["validated", "candidate"])
def test_what_was_signed_and_not_noted(repository: SignedRepository, state: str) -> None:
    assert told(repository, {**AGREED, "1.2.0+b7": state}) == [
        "gate 1.2.0+b7 is release 3, and the registry has not heard of it: `wayside-cloud "
        "repository release gate 1.2.0+b7`"
    ]
