"""Enrolment and renewal: reused, expired, wrong, flooded, somebody else's; all of it audited."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud.enrolment.enrolment import Enrolment
from cloud.enrolment.settings import AttemptsSettings, EnrolmentSettings
from cloud.errors import (
    CertificateRefusedError,
    ClaimRefusedError,
    IdentityError,
    RequestRefusedError,
    TooManyAttemptsError,
    TooManyCredentialsError,
)
from cloud.identity.authority import REGISTRY, CertificateAuthority
from cloud.identity.identities import Role, identify
from cloud.identity.registry import Registry
from cloud.identity.settings import IdentitySettings
from edge.identity import x509
from tests.support.enrolment import BY, DEVICE, ORIGIN, OTHER, Board, Desk, World, enrolment_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with enrolment_desk(tmp_path) as made:
        yield made


def test_a_board_becomes_the_device_of_its_token(desk: Desk) -> None:
    board = Board()
    grant = desk.enrol(board, desk.token())
    x509.check(board.key, grant.certificate.encode(), grant.ca.encode())
    certificate = x509.read(grant.certificate.encode())
    assert (grant.device, certificate.device, grant.valid_until) == (
        DEVICE, DEVICE, certificate.end,
    )  # fmt: skip
    assert desk.devices.get(DEVICE).registered_ns == desk.world.ns()
    [entry] = desk.authority.entries()
    assert desk.told() == [
        ("claim", "device.register", DEVICE, "done"),
        ("claim", "device.enrol", DEVICE, "done"),
        ("claim", "certificate.issue", DEVICE, f"done: {entry.serial:x}"),
    ]


def test_a_reused_token_is_refused_to_another_board(desk: Desk) -> None:
    token = desk.token()
    desk.enrol(Board(), token)
    with pytest.raises(ClaimRefusedError, match="used before, at .* with another key"):
        desk.enrol(Board(), token)
    assert len(desk.authority.entries()) == 1
    assert desk.told()[-1][:3] == ("claim", "device.enrol", DEVICE)
    assert desk.told()[-1][3].startswith("refused: the token was used before")


def test_an_expired_token_and_a_wrong_serial_are_refused(desk: Desk) -> None:
    late, bound = desk.token(hours=1), desk.token(DEVICE, "SN-1", hours=9)
    desk.world.passes(hours=1)
    with pytest.raises(ClaimRefusedError, match="the token expired"):
        desk.enrol(Board(), late)
    with pytest.raises(ClaimRefusedError, match="not for serial number 'SN-2'"):
        desk.enrol(Board(), bound, "SN-2")
    assert [outcome.partition(" at ")[0] for *_, outcome in desk.told()] == [
        "refused: the token expired", "refused: the token is not for serial number 'SN-2'",
    ]  # fmt: skip
    assert desk.authority.entries() == []
    desk.enrol(Board(), bound, "SN-1")


def test_a_lost_answer_comes_again_to_the_same_key(desk: Desk) -> None:
    board, token = Board(), desk.token()
    first = desk.enrol(board, token)
    desk.world.passes(minutes=10)
    assert desk.enrol(board, token) == first
    assert len(desk.authority.entries()) == 1, "and takes no second of three"


def test_a_request_that_is_none_uses_no_token_up(desk: Desk) -> None:
    token = desk.token()
    with pytest.raises(RequestRefusedError):
        desk.enrolment.enrol(token, "", "no request", ORIGIN)
    [(who, action, target, outcome)] = desk.told()
    assert (who, action, target) == ("nobody", "device.enrol", token[6:18])
    assert outcome == "refused: the signing request is no PKCS #10 in PEM"
    desk.enrol(Board(), token)


def test_a_ca_that_fails_leaves_a_token_that_goes_on(desk: Desk) -> None:
    board, token = Board(), desk.token()
    registry = desk.folder / "ca/registry.db"
    content = registry.read_bytes()
    registry.write_bytes(b"no database " * 100)
    with pytest.raises(IdentityError, match="file is not a database"):
        desk.enrol(board, token)
    registry.write_bytes(content)
    assert desk.enrol(board, token).device == DEVICE
    outcomes = [outcome for _, action, _, outcome in desk.told() if action == "certificate.issue"]
    assert outcomes[0].startswith("refused: the CA's registry")
    assert outcomes[1].startswith("done: ")


def test_a_fourth_certificate_is_refused_to_a_token_too(desk: Desk) -> None:
    for _ in range(3):
        desk.enrol(Board(), desk.token())
    board, token = Board(), desk.token()
    with pytest.raises(TooManyCredentialsError, match="holds 3 valid certificates"):
        desk.enrol(board, token)
    desk.authority.revoke(identify(Role.DEVICE, DEVICE))
    assert desk.enrol(board, token).device == DEVICE, "the same key goes on once there is room"


def test_a_wrong_token_is_told_nothing_and_written_down(desk: Desk) -> None:
    for wrong in ("claim_aaaaaaaaaaaa_" + "A" * 43, "", "guess"):
        with pytest.raises(ClaimRefusedError, match=r"^the token is not valid$"):
            desk.enrol(Board(), wrong)
    refused = ("nobody", "device.enrol", "", "refused: the token is not valid")
    assert desk.told() == [refused] * 3
    assert desk.audit.page()[0].origin == ORIGIN


def test_a_flood_is_refused_before_anything_is_looked_up(tmp_path: Path) -> None:
    limits = AttemptsSettings(per_token=4, per_address=6, in_all=9)
    with enrolment_desk(tmp_path, attempts=limits) as desk:
        token = desk.token()
        wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
        refused = [_refused(desk, wrong, "192.0.2.1") for _ in range(10)]
        assert refused == [ClaimRefusedError] * 4 + [TooManyAttemptsError] * 6
        refused = [_refused(desk, "guess", "192.0.2.1") for _ in range(4)]
        assert refused == [ClaimRefusedError] * 2 + [TooManyAttemptsError] * 2
        refused = [_refused(desk, "guess", f"198.51.100.{n}") for n in range(8)]
        assert refused == [ClaimRefusedError] * 3 + [TooManyAttemptsError] * 5
        outcomes = [outcome for *_, outcome in desk.told()]
        assert outcomes.count("refused: the token is not valid") == 9
        floods = [one for one in outcomes if one.startswith("refused: too many attempts")]
        assert len(floods) == len(set(floods)) == 3, "each kind once in a window"

        with pytest.raises(TooManyAttemptsError) as error:
            desk.enrol(Board(), token)
        assert 0 < error.value.retry_after_s <= 60
        desk.world.passes(seconds=60)
        assert desk.enrol(Board(), token).device == DEVICE


def test_who_knows_only_the_id_of_a_token_does_not_keep_its_holder_out(tmp_path: Path) -> None:
    """The id may be shown to anybody, in lists and in the audit."""
    with enrolment_desk(tmp_path, attempts=AttemptsSettings(per_token=2)) as desk:
        token = desk.token()
        for number in range(6):
            guess = f"{token[:-6]}{number:06}"
            assert _refused(desk, guess, f"198.51.100.{number}") is ClaimRefusedError
        assert desk.enrol(Board(), token).device == DEVICE


def test_a_flood_of_enrolments_does_not_keep_devices_from_renewing(tmp_path: Path) -> None:
    with enrolment_desk(tmp_path, attempts=AttemptsSettings(in_all=5)) as desk:
        board = desk.enrolled()
        while _refused(desk, "guess", ORIGIN) is ClaimRefusedError:
            continue
        proof = board.proof(desk.enrolment.nonce(), Board())
        assert desk.enrolment.renew(proof, ORIGIN).device == DEVICE


def test_a_flood_of_strangers_does_not_keep_devices_from_renewing(tmp_path: Path) -> None:
    """Behind a proxy they come from the same address, and anybody may ask for a nonce."""
    limits = AttemptsSettings(per_token=2, per_address=4, in_all=5)
    with enrolment_desk(tmp_path, attempts=limits) as desk:
        board = desk.enrolled()
        thief = Board(certificate=board.certificate)
        refusals = []
        for _ in range(9):
            with pytest.raises((CertificateRefusedError, TooManyAttemptsError)) as refused:
                desk.enrolment.renew(thief.proof(desk.enrolment.nonce(), thief), ORIGIN)
            refusals.append(refused.type)
        assert refusals == [CertificateRefusedError] * 4 + [TooManyAttemptsError] * 5
        proof = board.proof(desk.enrolment.nonce(), Board())
        assert desk.enrolment.renew(proof, ORIGIN).device == DEVICE


def test_who_has_a_certificate_is_counted_by_it(tmp_path: Path) -> None:
    with enrolment_desk(tmp_path, attempts=AttemptsSettings(per_token=2)) as desk:
        board, other = desk.enrolled(), desk.enrolled(OTHER)
        proof = board.proof(desk.enrolment.nonce(), Board())
        assert desk.enrolment.renew(proof, ORIGIN) == desk.enrolment.renew(proof, ORIGIN)
        for _ in range(2):
            with pytest.raises(TooManyAttemptsError, match="with this certificate"):
                desk.enrolment.renew(proof, ORIGIN)
        [told] = [one for one in desk.told() if "too many" in one[3]]
        assert told[:3] == ("device", "certificate.renew", DEVICE)
        proof = other.proof(desk.enrolment.nonce(), Board(), OTHER)
        assert desk.enrolment.renew(proof, ORIGIN).device == OTHER
        desk.world.passes(seconds=60)
        proof = board.proof(desk.enrolment.nonce(), Board())
        assert desk.enrolment.renew(proof, ORIGIN).device == DEVICE


def test_strangers_cannot_fill_the_audit(tmp_path: Path) -> None:
    many = AttemptsSettings(per_token=1000, per_address=1000, in_all=1000)
    with enrolment_desk(tmp_path, attempts=many) as desk:
        for _ in range(70):
            _refused(desk, "guess", ORIGIN)
        assert len(desk.told()) == 60


def test_a_device_renews_by_the_key_that_it_holds(desk: Desk) -> None:
    old, new = desk.enrolled(), Board()
    desk.world.passes(days=250)
    grant = desk.enrolment.renew(old.proof(desk.enrolment.nonce(), new), ORIGIN)
    x509.check(new.key, grant.certificate.encode(), grant.ca.encode())
    assert x509.read(grant.certificate.encode()).end > x509.read(old.certificate.encode()).end
    entries = desk.authority.entries()
    assert [one.state(desk.world()) for one in entries] == ["valid", "valid"]
    assert desk.told()[-1] == (
        "device", "certificate.issue", DEVICE, f"done: {entries[-1].serial:x}",
    )  # fmt: skip
    again = desk.enrolment.renew(old.proof(desk.enrolment.nonce(), new), ORIGIN)
    assert again == grant


def test_a_certificate_of_another_device_is_refused_and_audited(desk: Desk) -> None:
    other = desk.enrolled(OTHER)
    desk.enrolled(DEVICE)
    nonce = desk.enrolment.nonce()
    with pytest.raises(CertificateRefusedError, match=f"is of '{OTHER}', not of '{DEVICE}'"):
        desk.enrolment.renew(other.proof(nonce, Board(), DEVICE), ORIGIN)
    assert desk.told()[-1] == (
        "device", "certificate.renew", DEVICE,
        f"refused: the certificate is of {OTHER!r}, not of {DEVICE!r}",
    )  # fmt: skip
    assert desk.audit.page(limit=1000)[-1].actor == f"device:{OTHER}"


def test_a_stolen_certificate_without_its_key_is_refused_and_audited(desk: Desk) -> None:
    victim = desk.enrolled()
    thief = Board(certificate=victim.certificate)
    with pytest.raises(CertificateRefusedError, match="not by the certificate's key"):
        desk.enrolment.renew(thief.proof(desk.enrolment.nonce(), thief), ORIGIN)
    assert desk.told()[-1] == (
        "nobody", "certificate.renew", DEVICE,
        "refused: the signature is not by the certificate's key",
    )  # fmt: skip


def test_a_device_out_of_service_renews_nothing(desk: Desk) -> None:
    board = desk.enrolled()
    desk.lifecycle.decommission(DEVICE, BY)
    nonce = desk.enrolment.nonce()
    with pytest.raises(CertificateRefusedError, match="is decommissioned"):
        desk.enrolment.renew(board.proof(nonce, Board()), ORIGIN)
    desk.lifecycle.recommission(DEVICE, BY)
    desk.enrolment.renew(board.proof(nonce, Board()), ORIGIN)


def test_a_device_that_the_fleet_does_not_know_renews_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.authority.issue(identify(Role.DEVICE, "lone-cam"), tmp_path / "out")
    board = Board((tmp_path / "out/key.pem").read_bytes())
    board.certificate = (tmp_path / "out/cert.pem").read_text()
    proof = board.proof(desk.enrolment.nonce(), Board(), "lone-cam")
    with pytest.raises(CertificateRefusedError, match="the fleet has no device 'lone-cam'"):
        desk.enrolment.renew(proof, ORIGIN)


def test_a_replaced_board_neither_renews_nor_enrols_again(desk: Desk) -> None:
    board, token = Board(), desk.token()
    board.certificate = desk.enrol(board, token).certificate
    desk.lifecycle.replace(DEVICE, BY)
    desk.enrolment.retire(DEVICE, BY)
    assert desk.audit.page(limit=1000)[-1].action == "certificate.revoke"
    with pytest.raises(CertificateRefusedError, match="was revoked"):
        desk.enrolment.renew(board.proof(desk.enrolment.nonce(), Board()), ORIGIN)
    with pytest.raises(ClaimRefusedError, match="the token was revoked"):
        desk.enrol(board, token)
    with pytest.raises(RequestRefusedError, match="of this key is revoked"):
        desk.enrol(board, desk.token())
    assert desk.enrol(Board(), desk.token()).device == DEVICE, "the new board does"


class Meanwhile:
    """The clock of a CA that signs: when it is next asked, somebody else acts first."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.act: Callable[[], object] | None = None

    def __call__(self) -> datetime:
        if self.act is not None:
            act, self.act = self.act, None
            act()
        return self._world()


@pytest.fixture
def meanwhile() -> Meanwhile:
    return Meanwhile(World())


@pytest.fixture
def slow(tmp_path: Path, meanwhile: Meanwhile) -> Iterator[Desk]:
    """A desk at which something may happen between the look at who asks and the signature."""
    settings = IdentitySettings(folder=tmp_path / "ca")
    authority = CertificateAuthority.create(settings, meanwhile)
    world = World(meanwhile())
    with enrolment_desk(tmp_path / "desk", world, authority=authority) as made:
        yield made


def test_a_revocation_is_not_got_around_by_a_renewal_under_way(
    slow: Desk, meanwhile: Meanwhile
) -> None:
    board = slow.enrolled()
    proof = board.proof(slow.enrolment.nonce(), Board())
    meanwhile.act = lambda: slow.authority.revoke(identify(Role.DEVICE, DEVICE))
    with pytest.raises(CertificateRefusedError, match="was revoked: claim the device anew"):
        slow.enrolment.renew(proof, ORIGIN)
    assert [one.state(slow.world()) for one in slow.authority.entries()] == ["revoked"]
    assert slow.told()[-1] == (
        "device", "certificate.issue", DEVICE,
        "refused: the certificate was revoked: claim the device anew",
    )  # fmt: skip


def test_a_device_taken_out_of_service_gets_nothing_by_a_renewal_under_way(
    slow: Desk, meanwhile: Meanwhile
) -> None:
    board = slow.enrolled()
    proof = board.proof(slow.enrolment.nonce(), Board())
    meanwhile.act = lambda: slow.lifecycle.decommission(DEVICE, BY)
    with pytest.raises(CertificateRefusedError, match="is decommissioned"):
        slow.enrolment.renew(proof, ORIGIN)
    assert len(slow.authority.entries()) == 1


def test_a_board_replaced_while_it_enrols_gets_no_certificate(
    slow: Desk, meanwhile: Meanwhile
) -> None:
    token = slow.token()

    def replaced() -> None:
        slow.lifecycle.replace(DEVICE, BY)
        slow.enrolment.retire(DEVICE, BY)

    meanwhile.act = replaced
    with pytest.raises(ClaimRefusedError, match="the token was revoked"):
        slow.enrol(Board(), token)
    assert slow.authority.entries() == []


def test_a_revocation_that_was_broken_off_is_finished_by_the_next_retirement(desk: Desk) -> None:
    """Killed between the registry and the list, which alone the broker reads."""
    desk.enrolled()
    [entry] = desk.authority.entries()
    registry = Registry(desk.folder / "ca" / REGISTRY)
    registry.revoke(identify(Role.DEVICE, DEVICE), desk.world())
    assert not desk.authority.is_listed(entry.serial)
    desk.enrolment.retire(DEVICE, BY)
    assert desk.authority.is_listed(entry.serial)
    before = desk.audit.page(limit=1000)
    desk.enrolment.retire(DEVICE, BY)
    assert desk.audit.page(limit=1000) == before, "and then it is done"


def test_the_broker_is_told_once_the_list_is_written(desk: Desk) -> None:
    listed = []

    def reload() -> None:
        listed.append(desk.authority.is_listed(desk.authority.entries()[-1].serial))
        if len(listed) > 1:
            raise IdentityError("no mosquitto runs under it")

    enrolment = Enrolment(
        desk.authority, desk.claims, desk.devices, desk.audit, EnrolmentSettings(enabled=True),
        desk.world, reload_broker=reload,
    )  # fmt: skip
    desk.enrolled()
    enrolment.retire(DEVICE, BY)
    assert listed == [True]
    desk.enrolled()
    with capture_logs() as logs:
        enrolment.retire(DEVICE, BY)
    assert listed == [True, True]
    assert [log["reason"] for log in logs] == ["no mosquitto runs under it"]
    assert desk.audit.page(limit=1000)[-1].outcome == "done"


def test_who_holds_no_certificate_is_retired_without_a_word(desk: Desk) -> None:
    desk.lifecycle.register(DEVICE, BY)
    before = desk.audit.page()
    desk.enrolment.retire(DEVICE, BY)
    assert desk.audit.page() == before


def _refused(desk: Desk, token: str, origin: str) -> type[Exception]:
    with pytest.raises((ClaimRefusedError, TooManyAttemptsError)) as refused:
        desk.enrol(Board(), token, origin=origin)
    return refused.type
