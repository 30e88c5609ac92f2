"""Who may have a certificate renewed: each that may not is refused by name."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.errors import CertificateRefusedError
from cloud.identity.authority import CertificateAuthority
from cloud.identity.identities import Role, identify
from cloud.identity.proof import NONCE_LIFE_S, Nonces, Proof, check, shown
from cloud.identity.settings import IdentitySettings
from edge.identity import x509
from tests.support.enrolment import DEVICE, OTHER, Board, Desk, enrolment_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with enrolment_desk(tmp_path) as made:
        yield made


@pytest.fixture
def nonces(desk: Desk) -> Nonces:
    return Nonces(desk.authority)


@pytest.fixture
def board(desk: Desk) -> Board:
    return desk.enrolled()


@pytest.fixture
def proof(desk: Desk, nonces: Nonces, board: Board) -> Proof:
    return board.proof(nonces.new(desk.world()), Board())


def refusal(proof: Proof, desk: Desk, nonces: Nonces) -> tuple[str, str | None]:
    """Why, and who was shown to ask; None where nobody was."""
    try:
        holder = shown(proof, desk.authority, nonces, desk.world())
    except CertificateRefusedError as error:
        return str(error), None
    with pytest.raises(CertificateRefusedError) as refused:
        check(holder, proof.device, desk.authority, desk.world())
    return str(refused.value), holder.name


def test_who_holds_the_certificate_may(desk: Desk, nonces: Nonces, proof: Proof) -> None:
    """`check` raises where it refuses."""
    [entry] = desk.authority.entries()
    holder = shown(proof, desk.authority, nonces, desk.world())
    assert (holder.name, holder.serial) == (DEVICE, entry.serial)
    check(holder, DEVICE, desk.authority, desk.world())
    desk.world.passes(seconds=NONCE_LIFE_S)
    assert shown(proof, desk.authority, nonces, desk.world()) == holder


def test_a_certificate_of_another_device_is_refused_by_name(desk: Desk, nonces: Nonces) -> None:
    other = desk.enrolled(OTHER)
    proof = other.proof(nonces.new(desk.world()), Board(), DEVICE)
    said, holder = refusal(proof, desk, nonces)
    assert said == f"the certificate is of {OTHER!r}, not of {DEVICE!r}"
    assert holder == OTHER, "it was shown who asks"


def test_a_certificate_without_its_key_is_refused(
    desk: Desk, nonces: Nonces, board: Board, proof: Proof
) -> None:
    thief = Board(certificate=board.certificate)
    stolen = thief.proof(nonces.new(desk.world()), thief)
    assert refusal(stolen, desk, nonces) == ("the signature is not by the certificate's key", None)
    for changed in (
        replace(proof, request=Board().request),
        replace(proof, device=OTHER),
        replace(proof, nonce=nonces.new(desk.world())),
        replace(proof, signature=b""),
        replace(proof, signature=proof.signature[:-1]),
    ):
        assert refusal(changed, desk, nonces)[0] == "the signature is not by the certificate's key"


@pytest.mark.parametrize("nonce", ["", "1.x.y", "a" * 200])
def test_a_nonce_of_somebody_else_is_refused(
    desk: Desk, nonces: Nonces, proof: Proof, nonce: str
) -> None:
    assert "the nonce is not ours" in refusal(replace(proof, nonce=nonce), desk, nonces)[0]


def test_a_nonce_counts_for_minutes_and_cannot_be_forged(
    desk: Desk, nonces: Nonces, proof: Proof, tmp_path: Path
) -> None:
    desk.world.passes(seconds=NONCE_LIFE_S + 1)
    assert "too old" in refusal(proof, desk, nonces)[0]
    seconds, rest = proof.nonce.split(".", 1)
    younger = f"{int(seconds) + NONCE_LIFE_S}.{rest}"
    assert "not ours" in refusal(replace(proof, nonce=younger), desk, nonces)[0]
    stranger = CertificateAuthority.create(IdentitySettings(folder=tmp_path / "stranger"))
    strange = Nonces(stranger).new(desk.world())
    assert "not ours" in refusal(replace(proof, nonce=strange), desk, nonces)[0]


def test_a_nonce_of_another_process_counts(desk: Desk, nonces: Nonces) -> None:
    same = CertificateAuthority(IdentitySettings(folder=desk.folder / "ca"))
    assert nonces.counts(Nonces(same).new(desk.world()), desk.world())


def test_a_certificate_of_another_ca_is_refused(desk: Desk, nonces: Nonces, tmp_path: Path) -> None:
    with enrolment_desk(tmp_path / "elsewhere", desk.world) as elsewhere:
        stranger = elsewhere.enrolled()
    proof = stranger.proof(nonces.new(desk.world()), Board())
    assert refusal(proof, desk, nonces) == ("the certificate is not one of this CA", None)


@pytest.mark.parametrize("text", ["", "é", "x" * 9000, "-----BEGIN CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(
    desk: Desk, nonces: Nonces, proof: Proof, text: str
) -> None:
    said, _ = refusal(replace(proof, certificate=text), desk, nonces)
    assert said == "the certificate is not one of this CA"


def test_a_certificate_with_any_byte_changed_is_refused(
    desk: Desk, nonces: Nonces, board: Board, proof: Proof
) -> None:
    der = ssl.PEM_cert_to_DER_cert(board.certificate)
    for at in range(len(der)):
        changed = der[:at] + bytes([der[at] ^ 0x10]) + der[at + 1 :]
        damaged = replace(proof, certificate=ssl.DER_cert_to_PEM_cert(changed))
        assert refusal(damaged, desk, nonces)[1] is None, at


def test_a_revoked_certificate_renews_nothing(desk: Desk, nonces: Nonces, proof: Proof) -> None:
    desk.authority.revoke(identify(Role.DEVICE, DEVICE))
    said, holder = refusal(proof, desk, nonces)
    assert (said, holder) == ("the certificate was revoked: claim the device anew", DEVICE)


def test_the_revocation_list_counts_beside_the_registry(
    desk: Desk, nonces: Nonces, board: Board, tmp_path: Path
) -> None:
    """A registry taken back from an older copy does not know what was revoked since."""
    registry = desk.folder / "ca/registry.db"
    older = registry.read_bytes()
    desk.authority.revoke(identify(Role.DEVICE, DEVICE))
    registry.write_bytes(older)
    proof = board.proof(nonces.new(desk.world()), Board())
    assert "was revoked" in refusal(proof, desk, nonces)[0]


def test_an_expired_certificate_renews_nothing(desk: Desk, nonces: Nonces, board: Board) -> None:
    desk.world.passes(days=366)
    proof = board.proof(nonces.new(desk.world()), Board())
    said, holder = refusal(proof, desk, nonces)
    assert said.startswith("the certificate expired at 20")
    assert said.endswith("UTC: claim the device anew")
    assert holder == DEVICE
    desk.world.passes(days=-900)
    proof = board.proof(nonces.new(desk.world()), Board())
    assert refusal(proof, desk, nonces)[0] == "the certificate is not valid yet"


def test_only_devices_renew(desk: Desk, nonces: Nonces, tmp_path: Path) -> None:
    desk.authority.issue(identify(Role.SERVICE, "bridge-1"), tmp_path / "bridge")
    bridge = Board((tmp_path / "bridge/key.pem").read_bytes())
    bridge.certificate = (tmp_path / "bridge/cert.pem").read_text()
    proof = bridge.proof(nonces.new(desk.world()), Board(), "service.bridge-1")
    said, holder = refusal(proof, desk, nonces)
    assert said == "the certificate is of a service; only devices renew theirs so"
    assert holder == "service.bridge-1"


def test_a_certificate_that_the_registry_does_not_know_renews_nothing(
    desk: Desk, nonces: Nonces
) -> None:
    brief = desk.authority.impersonate(identify(Role.DEVICE, DEVICE))
    board = Board(brief.key, brief.certificate.decode())
    proof = board.proof(nonces.new(desk.world()), Board())
    assert "registry does not know" in refusal(proof, desk, nonces)[0]


def test_a_certificate_of_ca_issue_renews_too(desk: Desk, nonces: Nonces, tmp_path: Path) -> None:
    desk.authority.issue(identify(Role.DEVICE, DEVICE), tmp_path / "out")
    board = Board((tmp_path / "out/key.pem").read_bytes())
    board.certificate = (tmp_path / "out/cert.pem").read_text()
    assert x509.read(board.certificate.encode()).device == DEVICE
    proof = board.proof(nonces.new(desk.world()), Board())
    holder = shown(proof, desk.authority, nonces, desk.world())
    check(holder, DEVICE, desk.authority, desk.world())
