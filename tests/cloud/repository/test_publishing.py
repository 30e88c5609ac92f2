"""What may be published, who may publish it, and who was faster."""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore
from tuf.api.metadata import TargetFile

from cloud.blobs.folder import FolderBlobs
from cloud.blobs.obstore import ObstoreBlobs
from cloud.errors import RepositoryError, StaleProposalError, StoreAwayError
from cloud.fleet.audit import Actor
from cloud.repository import changes, trust
from cloud.repository.changes import Asked
from cloud.repository.family import read_family
from cloud.repository.proposal import Proposal
from cloud.repository.publishing import Publisher
from cloud.repository.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from cloud.repository.settings import ExpirySettings
from cloud.repository.signing import PrivateKey, PublicKey
from cloud.repository.standing import is_signed
from cloud.repository.storage import Storage
from tests.support.failing_blobs import FailingBlobs, KilledError
from tests.support.record_registry import RecordRegistry
from tests.support.signed_repository import BY, SignedRepository

BEGIN = datetime(2026, 3, 1, tzinfo=timezone.utc)


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, days: float) -> None:
        self.now += timedelta(days=days)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def repository(clock: Clock, records: dict[str, Path]) -> SignedRepository:
    made = SignedRepository(Path("nowhere"), now=clock, blobs=ObstoreBlobs(MemoryStore(), "memory"))
    made.release(records["1.0.0"])
    made.release(records["1.1.0"])
    return made


def files(repository: SignedRepository) -> dict[str, bytes]:
    return {
        entry.key: repository.blobs.get(entry.key)
        for folder in ("metadata", "targets", "blobs")
        for entry in repository.blobs.list(folder)
    }


def refused(
    repository: SignedRepository, proposal: Proposal | None, error: type[Exception], match: str
) -> None:
    """It is refused in one line, and nothing is written."""
    assert proposal is not None
    before = files(repository)
    with pytest.raises(error, match=match) as caught:
        repository.publisher.publish(proposal, repository.registry, BY)
    assert "\n" not in str(caught.value)
    assert files(repository) == before


def floor(repository: SignedRepository, number: int) -> Proposal:
    proposal = changes.floor(repository.standing, "gate", number, repository.asked)
    assert proposal is not None
    return proposal


def test_one_signature_short(repository: SignedRepository) -> None:
    proposal = changes.renew(repository.standing, ROOT, repository.asked)
    refused(repository, proposal, RepositoryError, r"signed by nobody, 2 of 2 signatures missing")
    proposal = proposal.signed_with(repository.keys[ROOT][1])
    refused(
        repository, proposal, RepositoryError,
        r"root 2 \(as the root in force demands\): signed by root-2 \([0-9a-f]{8}\), 1 of 2 "
        r"signatures missing; who can sign: root-[13] .*, root-[13] ",
    )  # fmt: skip
    shown = repository.publisher.publish(
        proposal.signed_with(repository.keys[ROOT][0]), repository.registry, BY
    )
    assert repository.standing.root.version == 2
    assert shown.timestamp == repository.standing.timestamp.version  # type: ignore[union-attr]


def test_one_signature_short_of_the_old_or_of_the_new_root(repository: SignedRepository) -> None:
    new = [PrivateKey.generate() for _ in range(2)]
    publics = [PublicKey(ROOT, key.public(f"new-{number}")) for number, key in enumerate(new)]
    old = repository.keys[ROOT]
    proposal = changes.rotate(
        repository.standing, ROOT, publics, [key.keyid for key in old[:2]], repository.asked
    )
    assert proposal is not None
    only_new = proposal.signed_with(new[0]).signed_with(new[1])
    refused(repository, only_new, RepositoryError, "as the root in force demands")
    only_old = proposal.signed_with(old[0]).signed_with(old[1])
    refused(repository, only_old, RepositoryError, "as the proposed root demands")
    both = only_new.signed_with(old[0]).signed_with(old[1])
    repository.publisher.publish(both, repository.registry, BY)
    assert repository.standing.root.version == 2


def test_a_foreign_key_signs_nothing(repository: SignedRepository) -> None:
    proposal = floor(repository, 2)
    for key in (PrivateKey.generate(), repository.keys[ROOT][0], repository.keys[TIMESTAMP][0]):
        with pytest.raises(
            RepositoryError, match=rf"key {key.keyid[:8]} may sign nothing of this; who may: family"
        ):
            proposal.signed_with(key)


def test_a_signature_that_was_made_for_something_else(repository: SignedRepository) -> None:
    proposal, other = floor(repository, 1), floor(repository, 2)
    signed = other.signed_with(repository.keys["family-gate"][0])
    proposal.parts[0].metadata.signatures.update(signed.parts[0].metadata.signatures)
    refused(repository, proposal, RepositoryError, "signed by nobody, 1 of 1 signature missing")


def test_a_proposal_made_stale_by_another(repository: SignedRepository) -> None:
    first, second = floor(repository, 1), floor(repository, 2)
    repository.publish(first)
    refused(
        repository, repository.signed(second), StaleProposalError,
        "family:gate 4 was proposed when 3 was in force; now it is 4: propose it anew",
    )  # fmt: skip


def test_published_twice_is_published_once(repository: SignedRepository) -> None:
    proposal = repository.signed(floor(repository, 2))
    repository.publisher.publish(proposal, repository.registry, BY)
    repository.publisher.publish(proposal, repository.registry, BY)
    assert repository.standing.family("gate").version == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda signed: signed.unrecognized_fields["x-wayside"].update(release_floor=0),
         "the floor would fall from 2 to 0"),
        (lambda signed: signed.unrecognized_fields["x-wayside"].update(revoked=[1]),
         "revoked release is among the targets"),
        (lambda signed: signed.targets.clear(), "floor is above every release"),
        (lambda signed: setattr(signed, "version", 9), "was proposed when 8 was in force"),
    ],
)  # fmt: skip
def test_the_right_key_may_not_break_the_rules(
    repository: SignedRepository, change: Callable[[Any], None], message: str
) -> None:
    repository.publish(floor(repository, 2))
    proposal = changes.renew(repository.standing, "family-gate", repository.asked)
    change(proposal.parts[0].after)
    refused(repository, repository.signed(proposal), RepositoryError, message)


def test_a_date_that_is_yet_to_come_would_end_everything(repository: SignedRepository) -> None:
    asked = Asked("ada", repository.now() + timedelta(hours=2), ExpirySettings())
    for role in (ROOT, TARGETS):
        proposal = changes.renew(repository.standing, role, asked)
        refused(
            repository, repository.signed(proposal), RepositoryError,
            f"{role} [23] was made at 2026-03-01 02:00 UTC, which is yet to come: set the clock",
        )  # fmt: skip


@pytest.mark.parametrize("role", [ROOT, TARGETS])
@pytest.mark.parametrize("said", [{}, {"x-wayside": {}}, {"x-wayside": {"signed_at": "today"}}])
def test_root_and_targets_say_when_they_were_signed(
    repository: SignedRepository, role: str, said: dict[str, Any]
) -> None:
    proposal = changes.renew(repository.standing, role, repository.asked)
    assert trust.signed_at(proposal.parts[0].after) == BEGIN
    proposal.parts[0].after.unrecognized_fields = said
    refused(
        repository, repository.signed(proposal), RepositoryError, "does not say when it was signed"
    )


def test_nobody_signs_alone_for_root_or_targets(repository: SignedRepository) -> None:
    proposal = changes.renew(repository.standing, ROOT, repository.asked)
    root = proposal.parts[0].after
    root.roles[TARGETS].threshold = 1  # type: ignore[union-attr]
    refused(
        repository, repository.signed(proposal), RepositoryError,
        "targets needs the signatures of 2 people at least, not of 1",
    )  # fmt: skip
    gone = [key.keyid for key in repository.keys[ROOT][:1]]
    with pytest.raises(RepositoryError, match="root would have 2 keys and need 2"):
        changes.rotate(repository.standing, ROOT, [], gone, repository.asked)


def test_a_family_does_not_vanish(repository: SignedRepository) -> None:
    proposal = changes.renew(repository.standing, TARGETS, repository.asked)
    delegations = proposal.parts[0].after.delegations  # type: ignore[union-attr]
    delegations.roles.clear()  # type: ignore[union-attr]
    delegations.keys.clear()  # type: ignore[union-attr]
    refused(repository, repository.signed(proposal), RepositoryError, "family gate would vanish")


def test_new_keys_of_targets_sign_together_with_the_root(repository: SignedRepository) -> None:
    new = [PrivateKey.generate() for _ in range(2)]
    publics = [PublicKey(TARGETS, key.public("new")) for key in new]
    gone = [key.keyid for key in repository.keys[TARGETS][:2]]
    proposal = changes.rotate(repository.standing, TARGETS, publics, gone, repository.asked)
    assert proposal is not None
    assert [part.role for part in proposal.parts] == [ROOT, TARGETS]
    repository.keys[TARGETS] += new
    signed = repository.signed(proposal)
    root_alone = Proposal("", "", "", signed.parts[:1], signed.roots, signed.targets)
    refused(repository, root_alone, RepositoryError, "not signed by those that the new root names")
    repository.publisher.publish(signed, repository.registry, BY)


def test_a_model_that_was_not_validated(
    repository: SignedRepository, records: dict[str, Path]
) -> None:
    of = repository.registry.add(records["1.2.0+b7"])
    record = repository.registry.record(*of)
    proposal = changes.release(repository.standing, *of, record, None, repository.asked)
    assert proposal is not None
    for state in ("candidate", "revoked", "deprecated"):
        repository.registry.states[of] = state
        refused(
            repository, repository.signed(proposal), RepositoryError,
            rf"gate 1\.2\.0\+b7 is {state.upper()} in the registry",
        )  # fmt: skip


def test_a_record_of_another_model(repository: SignedRepository, records: dict[str, Path]) -> None:
    record = (records["1.1.0"] / "record.json").read_bytes()
    with pytest.raises(RepositoryError, match=r"gate 1\.5: its record is of gate 1\.1\.0"):
        changes.release(repository.standing, "gate", "1.5", record, None, repository.asked)
    with pytest.raises(RepositoryError, match=r"gate 1\.1\.0 is release 2 already"):
        changes.release(repository.standing, "gate", "1.1.0", record, "9.9", repository.asked)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"{", "gate 1.5: its record: "),
        (b'{"artefacts":[' + b"1," * 100_000 + b"1]}", "gate 1.5: its record: holds more than"),
        (b" " * (2**21 + 1), "gate 1.5: its record is of 2,097,153 bytes, at most 2,097,152"),
    ],
)
def test_what_is_no_record_is_told_in_a_line(
    repository: SignedRepository, record: bytes, message: str
) -> None:
    with pytest.raises(RepositoryError, match=message) as caught:
        changes.release(repository.standing, "gate", "1.5", record, None, repository.asked)
    assert "\n" not in str(caught.value)


def test_said_once_more_it_is_released_as_it_stands(
    repository: SignedRepository, records: dict[str, Path]
) -> None:
    repository.release(records["1.2.0+b7"], min_agent="0.1.0")
    record = (records["1.2.0+b7"] / "record.json").read_bytes()
    for min_agent in (None, "0.1.0"):
        again = changes.release(
            repository.standing, "gate", "1.2.0+b7", record, min_agent, repository.asked
        )
        assert again is None


def test_a_record_is_the_one_that_somebody_means(records: dict[str, Path]) -> None:
    record = (records["1.1.0"] / "record.json").read_bytes()
    own = hashlib.sha256(record).hexdigest()
    for digest in (None, own, own.upper()):
        changes.check_digest(record, "gate 1.1.0", digest)
    with pytest.raises(RepositoryError, match=f"gate 1.1.0: its record is sha256 {own}, not abab"):
        changes.check_digest(record, "gate 1.1.0", "ab" * 32)


class Deaf(RecordRegistry):
    """A registry that cannot be told."""

    def released(self, name: str, version: str, release: int, by: Actor) -> None:
        raise StoreAwayError("fleet database: away")


def test_what_the_registry_did_not_hear_is_in_force_all_the_same(
    repository: SignedRepository, records: dict[str, Path]
) -> None:
    repository.registry = Deaf()
    of = repository.registry.add(records["1.2.0+b7"])
    record = repository.registry.record(*of)
    proposal = changes.release(repository.standing, *of, record, None, repository.asked)
    with pytest.raises(
        RepositoryError, match=r"release gate 1\.2\.0\+b7 as 3: in force, but not ev"
    ):
        repository.publish(proposal)
    assert repository.standing.number_of(*of) == 3
    assert repository.standing.is_shown


def test_a_file_that_is_none_is_told_before_anything_is_written(
    repository: SignedRepository,
) -> None:
    repository.blobs.put("metadata/4.family-gate.json", b"{", "application/json")
    refused(
        repository, repository.signed(floor(repository, 2)), RepositoryError,
        r"4\.family-gate\.json: is no metadata of targets, and no device has seen it: delete it",
    )  # fmt: skip


def replaced(repository: SignedRepository) -> Proposal:
    """The family's key by the newest of ours."""
    first, new = repository.keys["family-gate"][0], repository.keys["family-gate"][-1]
    public = PublicKey("family-gate", new.public("new"))
    proposal = changes.rotate(
        repository.standing, "family-gate", [public], [first.keyid], repository.asked
    )
    assert proposal is not None
    return proposal


def test_a_place_that_is_taken_is_told_before_anything_is_written(
    repository: SignedRepository,
) -> None:
    door = [PublicKey("family-door", PrivateKey.generate().public("eve"))]
    dropped = changes.add_family(repository.standing, "door", door, repository.asked)
    assert dropped is not None
    content = dropped.parts[0].metadata.to_bytes()
    repository.blobs.put("metadata/3.targets.json", content, "application/json")
    repository.keys["family-gate"].append(PrivateKey.generate())
    refused(
        repository, repository.signed(replaced(repository)), StaleProposalError,
        r"metadata/3\.targets\.json is there, with other content: .* then delete that file",
    )  # fmt: skip


def test_what_was_left_half_done_until_it_ended_is_named(
    repository: SignedRepository, clock: Clock
) -> None:
    repository.keys["family-gate"].append(PrivateKey.generate())
    blobs = repository.blobs
    repository.blobs = FailingBlobs(blobs, 1, is_done=True)
    with pytest.raises(KilledError):
        repository.publish(replaced(repository))
    repository.blobs = blobs
    clock.go_on(181)
    again = repository.signed(replaced(repository))
    refused(repository, again, StaleProposalError, r"4\.family-gate\.json is there, .* delete that")
    repository.blobs.delete(["metadata/4.family-gate.json"])
    repository.publish(replaced(repository))
    assert repository.standing.is_shown


def test_what_no_device_would_take_is_not_published(repository: SignedRepository) -> None:
    keys = [PublicKey(ROOT, PrivateKey.generate().public("zoe" * 30)) for _ in range(62)]
    with pytest.raises(RepositoryError, match="root would have 65 keys, 64 at most"):
        changes.rotate(repository.standing, ROOT, keys, [], repository.asked)
    proposal = changes.renew(repository.standing, "family-gate", repository.asked)
    signed = proposal.parts[0].after
    for number in range(3, 24_000):
        path = f"gate/{number}.{'9' * 56}/record.json"
        custom = {"custom": {"release": number}}
        signed.targets[path] = TargetFile(9, {"sha256": "ab" * 32}, path, custom)  # type: ignore[union-attr]
    refused(
        repository, repository.signed(proposal), RepositoryError,
        "family:gate would be of .* bytes, and no device takes more than 4,194,304",
    )  # fmt: skip


def test_what_has_ended_is_not_published(repository: SignedRepository, clock: Clock) -> None:
    late = repository.signed(floor(repository, 2))
    clock.go_on(181)
    refused(repository, late, RepositoryError, "family:gate 4 ended at 2026-08-28 00:00 UTC, befor")
    repository.refresh()

    clock.go_on(185)
    with pytest.raises(
        RepositoryError, match=r"root 1 ended at .*: `wayside-cloud repository rene"
    ):
        repository.refresh()
    refused(repository, repository.signed(floor(repository, 2)), RepositoryError, "root 1 ended at")
    with pytest.raises(RepositoryError, match=r"targets 2 ended at .* repository renew targets"):
        repository.publish(changes.renew(repository.standing, ROOT, repository.asked))
    repository.publish(changes.renew(repository.standing, TARGETS, repository.asked))
    repository.publish(floor(repository, 2))
    assert repository.standing.is_shown


def test_keys_of_targets_are_replaced_where_all_has_ended(
    repository: SignedRepository, clock: Clock
) -> None:
    clock.go_on(400)
    new = [PrivateKey.generate() for _ in range(2)]
    publics = [PublicKey(TARGETS, key.public("new")) for key in new]
    gone = [key.keyid for key in repository.keys[TARGETS][:2]]
    proposal = changes.rotate(repository.standing, TARGETS, publics, gone, repository.asked)
    repository.keys[TARGETS] += new
    repository.publish(proposal)
    assert (repository.standing.root.version, repository.standing.targets.version) == (2, 3)
    assert repository.standing.is_shown


def test_without_the_keys_of_the_server_nothing_is_begun(repository: SignedRepository) -> None:
    signed = repository.signed(floor(repository, 2))
    repository.keys[SNAPSHOT] = [PrivateKey.generate()]
    refused(
        repository, signed, RepositoryError, "the server has no key of snapshot that root 1 names"
    )
    with pytest.raises(RepositoryError, match="no key of snapshot"):
        Publisher(Storage(repository.blobs), {}, ExpirySettings(), repository.now).publish(
            signed, None, BY
        )


def test_an_old_key_of_the_server_that_is_lost_has_to_be_said(
    repository: SignedRepository,
) -> None:
    [lost] = repository.keys[TIMESTAMP]
    repository.keys[TIMESTAMP] = [PrivateKey.generate()]
    proposal = changes.rotate(
        repository.standing, TIMESTAMP, repository.publics(TIMESTAMP), [lost.keyid],
        repository.asked,
    )  # fmt: skip
    assert proposal is not None
    refused(repository, repository.signed(proposal), RepositoryError, "--old-key-is-lost")


@pytest.mark.parametrize(("role", "write"), [(SNAPSHOT, 3), (TIMESTAMP, 2)])
def test_a_refresh_while_keys_change_is_believed_by_both_roots(
    repository: SignedRepository, role: str, write: int
) -> None:
    """Before the write of a new root, after those that prepare for it, cron comes along."""
    [old] = repository.keys[role]
    new = PrivateKey.generate()
    proposal = changes.rotate(
        repository.standing, role, [PublicKey(role, new.public("new"))], [old.keyid],
        repository.asked,
    )  # fmt: skip
    assert proposal is not None
    repository.keys[role] = [old, new]
    blobs = repository.blobs
    repository.blobs = FailingBlobs(blobs, write, is_done=False)
    with pytest.raises(KilledError):
        repository.publish(proposal)
    repository.blobs = blobs
    repository.publish(floor(repository, 2))
    root = proposal.parts[0].after
    standing = repository.standing
    assert standing.root.version == 1
    for shown, of in ((standing.snapshot, SNAPSHOT), (standing.timestamp, TIMESTAMP)):
        assert shown is not None
        assert is_signed(root, of, shown)
        assert is_signed(standing.root.signed, of, shown)


def test_targets_that_change_while_their_keys_do(repository: SignedRepository) -> None:
    old, new = repository.keys[TARGETS], PrivateKey.generate()
    proposal = changes.rotate(
        repository.standing, TARGETS, [PublicKey(TARGETS, new.public("new"))], [old[0].keyid],
        repository.asked,
    )  # fmt: skip
    assert proposal is not None
    signed = repository.signed(proposal)
    renewal = changes.renew(repository.standing, TARGETS, repository.asked)
    renewal = renewal.signed_with(old[0]).signed_with(old[1])

    def meanwhile() -> datetime:
        if repository.standing.targets.version == 2:
            repository.publisher.publish(renewal, None, BY)
        return BEGIN

    server = {key.keyid: key for role in (SNAPSHOT, TIMESTAMP) for key in repository.keys[role]}
    publisher = Publisher(Storage(repository.blobs), server, ExpirySettings(), meanwhile)
    with pytest.raises(StaleProposalError, match="somebody published targets meanwhile"):
        publisher.publish(signed, None, BY)
    assert (repository.standing.root.version, repository.standing.targets.version) == (1, 3)
    assert repository.standing.is_shown


def test_any_number_may_refresh_at_once(tmp_path: Path, records: dict[str, Path]) -> None:
    repository = SignedRepository(tmp_path / "repository")
    repository.release(records["1.0.0"])
    before = repository.standing.timestamp
    assert before is not None
    start = threading.Barrier(4)

    def refresh(_: int) -> int:
        publisher = repository.publisher
        start.wait()
        return publisher.refresh().timestamp

    with ThreadPoolExecutor(4) as several:
        versions = list(several.map(refresh, range(4)))
    assert sorted(versions) == list(range(before.version + 1, before.version + 5))
    assert repository.standing.is_shown


def test_of_two_who_publish_at_once_one_is_told(tmp_path: Path, records: dict[str, Path]) -> None:
    repository = SignedRepository(tmp_path / "repository")
    repository.release(records["1.0.0"])
    repository.release(records["1.1.0"])
    signed = [repository.signed(floor(repository, number)) for number in (1, 2)]
    start = threading.Barrier(2)

    def publish(proposal: Proposal) -> str:
        publisher = repository.publisher
        start.wait()
        try:
            publisher.publish(proposal, repository.registry, BY)
        except StaleProposalError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as two:
        said = sorted(two.map(publish, signed))
    assert said[0] == ""
    assert "propose it anew" in said[1]
    assert repository.standing.is_shown
    floor_now = read_family("gate", repository.standing.family("gate").signed).floor
    assert floor_now in (1, 2)


def test_somebody_elses_file_under_our_number_is_named(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path / "repository")
    path = tmp_path / "repository/metadata/2.root.json"
    renewed = repository.signed(changes.renew(repository.standing, ROOT, repository.asked))
    later = repository.signed(
        changes.rotate(repository.standing, ROOT, [_new(ROOT)], [], repository.asked)  # type: ignore[arg-type]
    )
    repository.publisher.publish(renewed, None, BY)
    assert path.is_file()
    with pytest.raises(StaleProposalError, match="root 2 was proposed when 1 was in force"):
        repository.publisher.publish(later, None, BY)


def _new(role: str) -> PublicKey:
    return PublicKey(role, PrivateKey.generate().public("new"))


def test_a_folder_can_hold_a_repository(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path / "repository")
    assert Storage(FolderBlobs(tmp_path / "repository")).standing() is not None
    assert Storage(FolderBlobs(tmp_path / "other")).standing() is None
    assert repository.standing.snapshot_number == 1
