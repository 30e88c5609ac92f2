"""Claim tokens: the table. One use each, for one device, within their life."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Row

from cloud.errors import ClaimError, ClaimRefusedError, UnknownClaimError
from cloud.fleet.api_key import digest, matches
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.claim_token import NewToken, token_id_of
from cloud.fleet.database import FleetDatabase
from cloud.fleet.device import locked_row
from cloud.fleet.lifecycle import Lifecycle
from cloud.fleet.schema import CLAIMS
from protos.enrolment import SERIAL_PATTERN
from protos.errors import InvalidIdError
from protos.ids import check_id
from wayside.times import format_ns

DEFAULT_HOURS = 24
MAX_HOURS = 24 * 90
MAX_SERIALS = 100

MAX_WRONG_SERIALS = 10
"""A token that other boards were tried with so often counts no more: serials can be counted up."""

_HOUR_NS = 3600 * 10**9
_NO_DIGEST = bytes(32)
_REVOKED = "the token was revoked"


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of a token; the token itself is not.

    Attributes:
        token_id: stands in the token, and may be shown.
        device_id: whom it enrols.
        serials: boards that may use it; empty: any.
        created_by: name of the actor.
        created_ns: cloud's clock, as are the following.
        expires_ns: refused from then on.
        revoked_ns: refused since; None while it is not.
        used_ns: when a key was first enrolled with it; None: not yet.
        used_serial: serial number that the board gave then.
        wrong_serials: how often another board was refused.
    """

    token_id: str
    device_id: str
    serials: tuple[str, ...]
    created_by: str
    created_ns: int
    expires_ns: int
    revoked_ns: int | None
    used_ns: int | None
    used_serial: str
    wrong_serials: int


@dataclass(frozen=True, slots=True)
class Board:
    """Who shows a token.

    Attributes:
        serial: that it gives as its own; empty where it knows none.
        key_digest: of the key that it made, 32 bytes.
        origin: the address that it comes from.
    """

    serial: str
    key_digest: bytes
    origin: str


class Claims:
    """The table of claim tokens. Any thread may use it.

    Args:
        database: the fleet's.
        audit: told of every change and refusal, in the same transaction.
        clock_ns: Unix time.
    """

    def __init__(
        self,
        database: FleetDatabase,
        audit: Audit,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock_ns = clock_ns
        self._lifecycle = Lifecycle(database, audit, clock_ns)

    def create(
        self, device_id: str, by: Actor, hours: int = DEFAULT_HOURS, serials: Sequence[str] = ()
    ) -> tuple[NewToken, Claim]:
        """A new token, and what is kept of it.

        Args:
            device_id: whom it enrols; it need not be registered yet.
            by: who creates it.
            hours: until it expires, 1 to 2160.
            serials: boards that may use it, 100 at most; none: any.

        Raises:
            ClaimError: id, hours or serials are not allowed, or the device is decommissioned.
            StoreAwayError: the database does not answer.
        """
        _check(device_id, hours, serials)
        new, now_ns = NewToken.random(), self._clock_ns()
        row = {
            "token_id": new.token_id, "digest": digest(new.text), "device_id": device_id,
            "serials": " ".join(dict.fromkeys(serials)), "created_by": by.name,
            "created_ns": now_ns, "expires_ns": now_ns + hours * _HOUR_NS,
            "used_serial": "", "wrong_serials": 0,
        }  # fmt: skip
        with self._database.writing() as connection:
            self._database.keep_order(connection)
            device = locked_row(connection, device_id)
            if device is not None and device.decommissioned_ns is not None:
                raise ClaimError(f"device {device_id!r} is decommissioned: recommission it first")
            connection.execute(insert(CLAIMS).values(row))
            self._audit.note(connection, by, "claim.create", f"{new.token_id} {device_id}")
            made = _claim(_locked(connection, new.token_id))
        return new, made

    def revoke(self, token_id: str, by: Actor) -> Claim:
        """The token, refused from now on; revoking it twice changes nothing.

        Raises:
            UnknownClaimError: there is none of that id.
            StoreAwayError: the database does not answer.
        """
        with self._database.writing() as connection:
            self._database.keep_order(connection)
            where = (CLAIMS.c.token_id == token_id, CLAIMS.c.revoked_ns.is_(None))
            change = update(CLAIMS).where(*where).values(revoked_ns=self._clock_ns())
            changed = connection.execute(change).rowcount
            row = _locked(connection, token_id)
            outcome = "done" if changed else "revoked before" if row is not None else "unknown"
            self._audit.note(connection, by, "claim.revoke", token_id, outcome)
        if row is None:
            raise UnknownClaimError(f"there is no claim token with the id {token_id!r}")
        return _claim(row)

    def page(self, after: str = "", limit: int = 100) -> Sequence[Claim]:
        """Tokens in the order of their ids, those after an id.

        Raises:
            StoreAwayError: the database does not answer.
        """
        query = select(CLAIMS).where(CLAIMS.c.token_id > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(CLAIMS.c.token_id).limit(limit)).all()
        return [_claim(row) for row in rows]

    def redeem(self, text: str, board: Board) -> str:
        """Use a token up and register its device, in one transaction; returns the device's id.

        The same key may do it again while the token lives, for its answer may have been lost.

        Raises:
            ClaimRefusedError: unknown, revoked, expired, used by another key, or for other boards.
                All that is unknown is refused with the same words, and is not in the audit.
            StoreAwayError: the database does not answer.
        """
        token_id = self._known(text)
        by = Actor(f"claim:{token_id}", board.origin)
        with self._database.writing() as connection:
            self._database.keep_order(connection)
            row = _locked(connection, token_id)
            assert row is not None, "tokens are never deleted"
            refusal = self._refusal(connection, row, board)
            if not refusal:
                refusal = self._lifecycle.expect(connection, row.device_id, by)
            if not refusal:
                self._use_up(connection, row, board)
            outcome = f"refused: {refusal}" if refusal else _used(row)
            self._audit.note(connection, by, "device.enrol", row.device_id, outcome)
        if refusal:
            raise ClaimRefusedError(refusal, token_id)
        return str(row.device_id)

    def check_unrevoked(self, token_id: str) -> None:
        """Return where a token that was redeemed was not revoked since.

        Raises:
            ClaimRefusedError: it was.
            StoreAwayError: the database does not answer.
        """
        query = select(CLAIMS.c.revoked_ns).where(CLAIMS.c.token_id == token_id)
        with self._database.reading() as connection:
            if connection.execute(query).scalar() is not None:
                raise ClaimRefusedError(_REVOKED, token_id)

    def _known(self, text: str) -> str:
        """The id of a token that was shown whole."""
        token_id = token_id_of(text)
        if token_id is not None:
            with self._database.reading() as connection:
                query = select(CLAIMS.c.digest).where(CLAIMS.c.token_id == token_id)
                stored = connection.execute(query).scalar_one_or_none()
            # Compared also where there is none, so that an answer takes the same time.
            if matches(text, stored or _NO_DIGEST):
                return token_id
        raise ClaimRefusedError("the token is not valid")

    def _refusal(self, connection: Connection, row: Row[Any], board: Board) -> str:
        """Why the token does not count for a board; empty where it does.

        Who asks has shown the secret, and may be told.
        """
        if row.revoked_ns is not None:
            return _REVOKED
        if row.used_ns is not None and row.key_digest != board.key_digest:
            return f"the token was used before, at {format_ns(row.used_ns)[:16]}Z, with another key"
        if self._clock_ns() >= row.expires_ns:
            return f"the token expired at {format_ns(row.expires_ns)[:16]}Z"
        allowed = row.serials.split()
        if allowed and board.serial not in allowed:
            return self._wrong_serial(connection, row, board.serial)
        return ""

    def _wrong_serial(self, connection: Connection, row: Row[Any], serial: str) -> str:
        count = row.wrong_serials + 1
        is_last = count >= MAX_WRONG_SERIALS
        change = update(CLAIMS).where(CLAIMS.c.token_id == row.token_id)
        connection.execute(
            change.values(wrong_serials=count, revoked_ns=self._clock_ns() if is_last else None)
        )
        shown = f"serial number {serial!r}" if serial else "a board without a serial number"
        end = "; it was tried too often, and is revoked" if is_last else ""
        return f"the token is not for {shown}{end}"

    def _use_up(self, connection: Connection, row: Row[Any], board: Board) -> None:
        if row.used_ns is None:
            change = update(CLAIMS).where(CLAIMS.c.token_id == row.token_id)
            connection.execute(
                change.values(
                    used_ns=self._clock_ns(), used_serial=board.serial, key_digest=board.key_digest
                )
            )


def _used(row: Row[Any]) -> str:
    return "done" if row.used_ns is None else "asked again with the same key"


def _check(device_id: str, hours: int, serials: Sequence[str]) -> None:
    try:
        check_id(device_id, "device")
    except InvalidIdError as error:
        raise ClaimError(str(error)) from error
    if not 1 <= hours <= MAX_HOURS:
        raise ClaimError(f"hours must be 1 to {MAX_HOURS}, not {hours}")
    if len(serials) > MAX_SERIALS:
        raise ClaimError(f"{len(serials)} serial numbers are too many: {MAX_SERIALS} at most")
    for serial in serials:
        if not re.fullmatch(SERIAL_PATTERN, serial):
            raise ClaimError(
                f"serial number {serial!r} is not allowed: 1 to 64 letters, digits and any of "
                "._:/+-, beginning with a letter or digit"
            )


def _locked(connection: Connection, token_id: str) -> Row[Any] | None:
    """The row of a token; nobody else changes it until the transaction has ended."""
    query = select(CLAIMS).where(CLAIMS.c.token_id == token_id).with_for_update()
    return connection.execute(query).one_or_none()


def _claim(row: Row[Any] | None) -> Claim:
    assert row is not None
    return Claim(
        token_id=row.token_id,
        device_id=row.device_id,
        serials=tuple(row.serials.split()),
        created_by=row.created_by,
        created_ns=row.created_ns,
        expires_ns=row.expires_ns,
        revoked_ns=row.revoked_ns,
        used_ns=row.used_ns,
        used_serial=row.used_serial,
        wrong_serials=row.wrong_serials,
    )
