"""Claim tokens: what they promise, on a real SQLite file and a real PostgreSQL."""

from contextlib import closing
from dataclasses import replace

import pytest

from cloud.errors import ClaimError, ClaimRefusedError, UnknownClaimError
from cloud.fleet.api_key import Role
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.backup import back_up, restore
from cloud.fleet.claims import MAX_WRONG_SERIALS, Board, Claims
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.fleet.keys import Keys
from cloud.fleet.lifecycle import Lifecycle
from tests.support.fleet import Clock
from tests.support.processes import together

BY = Actor("user:root", "here")
HOUR_NS = 3600 * 10**9
ONE = Board("SN-1", b"1" * 32, "192.0.2.9")
ANOTHER = replace(ONE, key_digest=b"2" * 32)


@pytest.fixture
def audit(database: FleetDatabase, clock: Clock) -> Audit:
    return Audit(database, clock)


@pytest.fixture
def claims(database: FleetDatabase, audit: Audit, clock: Clock) -> Claims:
    return Claims(database, audit, clock)


@pytest.fixture
def lifecycle(database: FleetDatabase, audit: Audit, clock: Clock) -> Lifecycle:
    return Lifecycle(database, audit, clock)


def refusal(claims: Claims, token: str, board: Board = ONE) -> str:
    with pytest.raises(ClaimRefusedError) as refused:
        claims.redeem(token, board)
    assert refused.value.token_id in {None, token[6:18]}
    return str(refused.value)


def told(audit: Audit) -> list[tuple[str, str, str]]:
    entries = audit.page(limit=1000)
    return [(e.action, e.target, e.outcome) for e in entries if e.actor.startswith("claim:")]


def test_a_token_registers_its_device_once(
    claims: Claims, audit: Audit, database: FleetDatabase, clock: Clock
) -> None:
    new, made = claims.create("gate-cam-01", BY)
    assert (made.device_id, made.serials, made.used_ns) == ("gate-cam-01", (), None)
    assert made.expires_ns == clock.now_ns + 24 * HOUR_NS
    clock.now_ns += 5
    assert claims.redeem(new.text, ONE) == "gate-cam-01"
    assert Devices(database, clock).get("gate-cam-01").registered_ns == clock.now_ns
    [found] = claims.page()
    assert (found.used_ns, found.used_serial) == (clock.now_ns, "SN-1")
    assert told(audit) == [
        ("device.register", "gate-cam-01", "done"), ("device.enrol", "gate-cam-01", "done"),
    ]  # fmt: skip
    entry = audit.page()[-1]
    assert (entry.actor, entry.origin) == (f"claim:{new.token_id}", "192.0.2.9")
    assert new.text not in str(audit.page())
    assert new.text not in repr(new)


def test_a_lost_answer_is_asked_for_again_with_the_same_key_only(
    claims: Claims, audit: Audit, clock: Clock
) -> None:
    new, _ = claims.create("gate-cam-01", BY, hours=2)
    claims.redeem(new.text, ONE)
    clock.now_ns += HOUR_NS
    assert claims.redeem(new.text, ONE) == "gate-cam-01"
    assert told(audit)[-1] == (
        "device.enrol", "gate-cam-01", "asked again with the same key",
    )  # fmt: skip
    assert refusal(claims, new.text, ANOTHER) == (
        "the token was used before, at 2001-09-09T01:46Z, with another key"
    )
    assert told(audit)[-1][2].startswith("refused: the token was used before")
    clock.now_ns += HOUR_NS
    assert refusal(claims, new.text) == "the token expired at 2001-09-09T03:46Z"


def test_an_expired_token_registers_nobody(
    claims: Claims, audit: Audit, database: FleetDatabase, clock: Clock
) -> None:
    new, _ = claims.create("gate-cam-01", BY, hours=1)
    clock.now_ns += HOUR_NS
    assert "the token expired at" in refusal(claims, new.text)
    assert Devices(database, clock).page() == []
    assert told(audit) == [
        ("device.enrol", "gate-cam-01", "refused: the token expired at 2001-09-09T02:46Z")
    ]


def test_a_revoked_token_registers_nobody(claims: Claims, audit: Audit, clock: Clock) -> None:
    new, _ = claims.create("gate-cam-01", BY)
    first = claims.revoke(new.token_id, BY)
    clock.now_ns += 5
    assert claims.revoke(new.token_id, BY) == first
    assert refusal(claims, new.text) == "the token was revoked"
    with pytest.raises(UnknownClaimError, match="aaaaaaaaaaaa"):
        claims.revoke("aaaaaaaaaaaa", BY)
    assert [e.outcome for e in audit.page() if e.action == "claim.revoke"] == [
        "done", "revoked before", "unknown",
    ]  # fmt: skip


def test_only_boards_on_the_list_may_use_a_token(claims: Claims, audit: Audit) -> None:
    new, made = claims.create("gate-cam-01", BY, serials=["SN-1", "SN-2", "SN-1"])
    assert made.serials == ("SN-1", "SN-2")
    for serial in ("SN-3", "sn-1", "SN-1 SN-2"):
        said = refusal(claims, new.text, replace(ONE, serial=serial))
        assert said == f"the token is not for serial number {serial!r}"
        assert "SN-2" not in said.replace(serial, "")
    assert "a board without a serial number" in refusal(claims, new.text, replace(ONE, serial=""))
    assert told(audit)[-1][2].startswith("refused: the token is not for a board without")
    assert claims.page()[0].wrong_serials == 4
    assert claims.redeem(new.text, replace(ONE, serial="SN-2")) == "gate-cam-01"


def test_serial_numbers_cannot_be_counted_up(claims: Claims) -> None:
    new, _ = claims.create("gate-cam-01", BY, serials=["SN-99"])
    for number in range(MAX_WRONG_SERIALS):
        said = refusal(claims, new.text, replace(ONE, serial=f"SN-{number}"))
    assert "it was tried too often, and is revoked" in said
    assert refusal(claims, new.text, replace(ONE, serial="SN-99")) == "the token was revoked"


def test_every_wrong_token_gets_one_answer_and_no_entry(
    claims: Claims, audit: Audit, database: FleetDatabase
) -> None:
    new, _ = claims.create("gate-cam-01", BY)
    claims.revoke(new.token_id, BY)
    key = Keys(database, audit).create("key", Role.ADMIN, BY)[0].text
    before = audit.page()
    wrong = (
        "", "x", "claim_", key, new.token_id, new.text[:-1], new.text + "x", f" {new.text}",
        f"claim_{'a' * 12}_{new.text[19:]}", new.text[:19] + new.text[19:].swapcase(),
    )  # fmt: skip
    assert {refusal(claims, text) for text in wrong} == {"the token is not valid"}
    assert audit.page() == before


def test_a_key_of_the_api_is_no_token_and_a_token_no_key(
    claims: Claims, audit: Audit, database: FleetDatabase
) -> None:
    keys = Keys(database, audit)
    new, _ = claims.create("gate-cam-01", BY)
    with pytest.raises(Exception, match="the key is not valid"):
        keys.verify(new.text)
    assert refusal(claims, keys.create("a", Role.ADMIN, BY)[0].text) == "the token is not valid"


def test_of_two_boards_at_once_one_becomes_the_device(claims: Claims, audit: Audit) -> None:
    new, _ = claims.create("gate-cam-01", BY)
    boards = [replace(ONE, key_digest=bytes([number]) * 32) for number in range(6)]
    done: list[Board] = []
    refused: list[str] = []

    def redeem(board: Board) -> None:
        try:
            claims.redeem(new.text, board)
            done.append(board)
        except ClaimRefusedError as error:
            refused.append(str(error))

    together(*(lambda board=board: redeem(board) for board in boards))
    assert (len(done), len(refused)) == (1, 5)
    assert all("with another key" in said for said in refused)
    outcomes = [outcome for action, _, outcome in told(audit) if action == "device.enrol"]
    assert sorted(outcomes)[0] == "done"
    assert len(outcomes) == 6


@pytest.mark.parametrize("act", ["replace", "decommission"])
def test_tokens_end_with_the_hardware_that_they_were_for(
    claims: Claims, lifecycle: Lifecycle, act: str
) -> None:
    used, _ = claims.create("gate-cam-01", BY)
    claims.redeem(used.text, ONE)
    unused, _ = claims.create("gate-cam-01", BY)
    others, _ = claims.create("gate-cam-02", BY)
    getattr(lifecycle, act)("gate-cam-01", BY)
    for token in (used, unused):
        assert refusal(claims, token.text) == "the token was revoked"
    assert claims.redeem(others.text, ANOTHER) == "gate-cam-02"


def test_a_device_out_of_service_gets_no_token(claims: Claims, lifecycle: Lifecycle) -> None:
    lifecycle.register("gate-cam-01", BY)
    lifecycle.decommission("gate-cam-01", BY)
    with pytest.raises(ClaimError, match="is decommissioned: recommission it first"):
        claims.create("gate-cam-01", BY)
    lifecycle.recommission("gate-cam-01", BY)
    new, _ = claims.create("gate-cam-01", BY)
    assert claims.redeem(new.text, ONE) == "gate-cam-01"


@pytest.mark.parametrize(
    ("device", "hours", "serials", "says"),
    [
        ("Gate 1", 1, (), "device 'Gate 1' is not allowed"),
        ("gate-cam-01", 0, (), "hours must be 1 to 2160, not 0"),
        ("gate-cam-01", 2161, (), "hours must be 1 to 2160"),
        ("gate-cam-01", 1, ["two words"], "serial number 'two words' is not allowed"),
        ("gate-cam-01", 1, [f"SN-{n}" for n in range(101)], "100 at most"),
    ],
)
def test_tokens_that_cannot_be_made(
    claims: Claims, audit: Audit, device: str, hours: int, serials: list[str], says: str
) -> None:
    with pytest.raises(ClaimError, match=says):
        claims.create(device, BY, hours, serials)
    assert claims.page() == []
    assert audit.page() == []


def test_tokens_are_listed_page_by_page(claims: Claims) -> None:
    made = {claims.create(f"cam-{number}", BY)[1].token_id for number in range(5)}
    first = claims.page(limit=3)
    rest = claims.page(after=first[-1].token_id)
    assert [one.token_id for one in [*first, *rest]] == sorted(made)


def test_no_token_of_a_backup_counts_again(
    claims: Claims, database: FleetDatabase, clock: Clock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One that was used up since the backup would enrol a second board."""
    file = tmp_path_factory.mktemp("backup") / "fleet.backup"
    real = Claims(database, Audit(database))
    new, _ = real.create("gate-cam-01", BY)
    back_up(database, file)
    real.redeem(new.text, ONE)
    restore(database, file, BY, replace=True)
    with closing(database):
        assert refusal(real, new.text, ANOTHER) == "the token was revoked"
    assert new.text not in file.read_text()
