"""A signer who keeps a root is not shown a difference that hides what is signed."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore
from tuf.api.metadata import Metadata

from cloud.app.repository import utc_now
from cloud.blobs.obstore import ObstoreBlobs
from cloud.errors import RepositoryError
from cloud.repository import changes, trust
from cloud.repository.proposal import Part, Proposal, from_bytes, to_bytes
from cloud.repository.provenance import check_provenance
from cloud.repository.roles import ROOT, TARGETS
from cloud.repository.signing import PrivateKey, PublicKey
from cloud.repository.words import describe
from tests.support.signed_repository import SignedRepository


@pytest.fixture
def repository(records: dict[str, Path]) -> SignedRepository:
    made = SignedRepository(Path("nowhere"), blobs=ObstoreBlobs(MemoryStore(), "memory"))
    made.release(records["1.0.0"])
    made.release(records["1.1.0"])
    made.publish(changes.renew(made.standing, ROOT, made.asked))
    return made


def proposals(repository: SignedRepository) -> dict[str, Proposal]:
    standing, asked = repository.standing, repository.asked
    door = [PublicKey("family-door", PrivateKey.generate().public("eve"))]
    new = [PublicKey(ROOT, PrivateKey.generate().public("zoe"))]
    made = {
        "floor": changes.floor(standing, "gate", 2, asked),
        "revoke": changes.revoke(standing, "gate", "1.0.0", asked),
        "family": changes.add_family(standing, "door", door, asked),
        "root": changes.rotate(standing, ROOT, new, ["root-1"], asked),
        "renew": changes.renew(standing, TARGETS, asked),
    }
    return {name: one for name, one in made.items() if one is not None}


@pytest.mark.parametrize("name", ["floor", "revoke", "family", "root", "renew"])
def test_an_honest_proposal_is_proven_after_its_travel(
    repository: SignedRepository, name: str
) -> None:
    proposal = repository.signed(proposals(repository)[name])
    travelled = from_bytes(to_bytes(proposal), "file")
    assert to_bytes(travelled) == to_bytes(proposal)
    for own in (repository.root_bytes, repository.blobs.get("metadata/2.root.json"), None):
        check_provenance(travelled, own, utc_now())
    assert describe(travelled) == describe(proposal)


def test_of_another_repository_nothing_is_signed(repository: SignedRepository) -> None:
    other = SignedRepository(Path("nowhere"), blobs=ObstoreBlobs(MemoryStore(), "memory"))
    with pytest.raises(RepositoryError, match="another repository than that of your root 1: sign"):
        check_provenance(proposals(repository)["floor"], other.root_bytes, utc_now())
    publics = [one for role in ("root", "targets", "snapshot", "timestamp")
               for one in repository.publics(role)]  # fmt: skip
    first = changes.init(publics, 2, repository.asked)
    check_provenance(first, None, utc_now())
    with pytest.raises(RepositoryError, match="another repository"):
        check_provenance(first, repository.root_bytes, utc_now())


def test_a_key_that_was_never_signed_for_cannot_pass_as_old(repository: SignedRepository) -> None:
    """The server proposes to renew targets, among whose keys of before there is its own."""
    mine = PublicKey("family-gate", PrivateKey.generate().public("nobody"))
    standing = repository.standing
    before = copy.deepcopy(standing.targets.signed)
    before.add_key(mine.key, "family-gate")
    after = trust.renewed(before, repository.asked.life(TARGETS))
    roots = tuple(root.metadata for root in standing.roots)
    for targets in (Metadata(before), standing.targets.metadata):
        part = Part(TARGETS, Metadata(before), Metadata(after))
        proposal = Proposal("renew targets", "ada", "now", (part,), roots, targets)
        with pytest.raises(RepositoryError, match=r"targets that nobody|was never signed"):
            check_provenance(proposal, repository.root_bytes, utc_now())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one: replace(one, roots=one.roots[1:]), "cannot follow|says that it is version"),
        (lambda one: replace(one, targets=None), "hides which targets"),
        (lambda one: replace(one, roots=()), "hides which root"),
        (lambda one: replace(one, parts=(replace(one.parts[0], before=None),)), "never signed"),
        (lambda one: replace(one, parts=(replace(one.parts[0], before=one.parts[0].metadata),)),
         "never signed"),
    ],
)  # fmt: skip
def test_what_was_in_force_is_not_left_out(
    repository: SignedRepository, change: Callable[[Proposal], Proposal], message: str
) -> None:
    proposal = change(proposals(repository)["floor"])
    with pytest.raises(RepositoryError, match=message):
        check_provenance(proposal, None, utc_now())


def test_a_rule_that_would_be_broken_is_said_before_signing(repository: SignedRepository) -> None:
    proposal = proposals(repository)["floor"]
    fields: Any = proposal.parts[0].after.unrecognized_fields
    fields["x-wayside"]["revoked"] = [1]
    with pytest.raises(RepositoryError, match="revoked release is among the targets"):
        check_provenance(proposal, None, utc_now())


@pytest.mark.parametrize("role", [ROOT, TARGETS])
def test_a_date_that_is_yet_to_come_is_not_signed(repository: SignedRepository, role: str) -> None:
    """A stolen server publishes what nobody checks there: the date would end all other metadata."""
    ahead = replace(repository.asked, at=utc_now() + timedelta(days=900))
    proposal = changes.renew(repository.standing, role, ahead)
    with pytest.raises(RepositoryError, match=f"{role} .* was made at .*, which is yet to come"):
        check_provenance(proposal, repository.root_bytes, utc_now())
    publics = [one for role in ("root", "targets", "snapshot", "timestamp")
               for one in repository.publics(role)]  # fmt: skip
    with pytest.raises(RepositoryError, match="which is yet to come"):
        check_provenance(changes.init(publics, 2, ahead), None, utc_now())


def test_words_say_every_change(repository: SignedRepository) -> None:
    made = {name: "\n".join(describe(one)) for name, one in proposals(repository).items()}
    assert "RAISES THE FLOOR from 0 to 2, for ever" in made["floor"]
    assert "no device takes 1.0.0 any more" in made["floor"]
    assert "REVOKES gate 1.0.0, release 1, for ever" in made["revoke"]
    assert "family:door is signed by 1 of: eve (" in made["family"]
    assert "root: the key of root-1 (" in made["root"]
    assert ") GOES\n  root: the key of zoe (" in made["root"]
    lines = made["renew"].splitlines()
    assert lines[1] == "targets, version 3 (version 2 is in force):"
    assert lines[2].startswith("  ends ")
    assert "signed by nobody, 2 of 2 signatures missing" in lines[3]


@pytest.mark.parametrize("key", ["purpose", "made_by", "made_at"])
def test_a_stranger_writes_nothing_onto_the_terminal(
    repository: SignedRepository, key: str
) -> None:
    change: dict[str, Any] = {key: "\x1b[2J"}
    proposal = replace(proposals(repository)["floor"], **change)
    with pytest.raises(RepositoryError, match=f"file: is no proposal: {key}: .*printable"):
        from_bytes(to_bytes(proposal), "file")


@pytest.mark.parametrize(
    "role", ["family-\x1b[2J", "family-Gate", "family-", "snapshot", "\x1b[2J"]
)
def test_a_role_that_there_cannot_be_is_shown_as_a_word(
    repository: SignedRepository, role: str
) -> None:
    proposal = proposals(repository)["floor"]
    odd = replace(proposal, parts=(replace(proposal.parts[0], role=role),))
    with pytest.raises(RepositoryError, match="is no role that people sign for") as caught:
        from_bytes(to_bytes(odd), "file")
    assert str(caught.value).isprintable()
