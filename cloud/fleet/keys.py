"""API keys: the table. Who may create and revoke them is for the callers to know."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.engine import Row

from cloud.errors import AccessError, KeyRefusedError, UnknownKeyError
from cloud.fleet.api_key import LABEL_PATTERN, NewKey, Role, digest, key_id_of, matches
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.schema import API_KEYS

DEFAULT_DAYS = 90
MAX_DAYS = 3650
_DAY_NS = 86_400 * 10**9
# A key that is used a thousand times a second is written down once a minute.
_USE_STEP_NS = 60 * 10**9
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; the key itself is not.

    Attributes:
        key_id: stands in the key, and may be shown.
        label: what people call it.
        role: what it may do.
        created_by: name of the actor.
        created_ns: cloud's clock, as are the following.
        expires_ns: refused from then on.
        revoked_ns: refused since; None while it is not.
        last_used_ns: to the minute; None before the first use.
    """

    key_id: str
    label: str
    role: Role
    created_by: str
    created_ns: int
    expires_ns: int
    revoked_ns: int | None
    last_used_ns: int | None


class Keys:
    """The table of keys. Any thread may use it.

    Args:
        database: the fleet's.
        audit: told of every change, in the same transaction.
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

    def create(
        self, label: str, role: Role, by: Actor, days: int = DEFAULT_DAYS
    ) -> tuple[NewKey, ApiKey]:
        """A new key, and what is kept of it.

        Args:
            label: 1 to 100 letters, digits, spaces and any of `._@/-`.
            role: what it may do.
            by: who creates it.
            days: until it expires, 1 to 3650.

        Raises:
            AccessError: label or days are not allowed.
            StoreAwayError: the database does not answer.
        """
        if not re.fullmatch(LABEL_PATTERN, label):
            raise AccessError(
                f"label {label!r} is not allowed: 1 to 100 letters, digits, spaces and . _ @ / -, "
                "beginning with a letter or digit"
            )
        if not 1 <= days <= MAX_DAYS:
            raise AccessError(f"days must be 1 to {MAX_DAYS}, not {days}")
        new, now_ns = NewKey.random(), self._clock_ns()
        key = ApiKey(
            key_id=new.key_id,
            label=label,
            role=role,
            created_by=by.name,
            created_ns=now_ns,
            expires_ns=now_ns + days * _DAY_NS,
            revoked_ns=None,
            last_used_ns=None,
        )
        row = {**asdict(key), "role": role.slug, "digest": digest(new.text)}
        with self._database.writing() as connection:
            connection.execute(insert(API_KEYS).values(row))
            self._audit.note(connection, by, "key.create", f"{key.key_id} {role.slug} {label}")
        return new, key

    def revoke(self, key_id: str, by: Actor) -> ApiKey:
        """The key, refused from now on; revoking it twice changes nothing.

        Raises:
            UnknownKeyError: there is none of that id.
            StoreAwayError: the database does not answer.
        """
        where = API_KEYS.c.key_id == key_id
        with self._database.writing() as connection:
            is_first = API_KEYS.c.revoked_ns.is_(None)
            change = update(API_KEYS).where(where, is_first).values(revoked_ns=self._clock_ns())
            changed = connection.execute(change).rowcount
            row = connection.execute(select(API_KEYS).where(where)).one_or_none()
            outcome = "done" if changed else "revoked before" if row is not None else "unknown"
            self._audit.note(connection, by, "key.revoke", key_id, outcome)
        if row is None:
            raise UnknownKeyError(f"there is no key with the id {key_id!r}")
        return _api_key(row)

    def verify(self, text: str) -> ApiKey:
        """The key that a caller shows, when it opens anything now.

        Raises:
            KeyRefusedError: it is unknown, expired or revoked.
            StoreAwayError: the database does not answer.
        """
        key_id = key_id_of(text)
        if key_id is None:
            raise KeyRefusedError("the key is not valid")
        with self._database.reading() as connection:
            query = select(API_KEYS).where(API_KEYS.c.key_id == key_id)
            row = connection.execute(query).one_or_none()
        # Compared also where there is no such key, so that an answer takes the same time.
        if not matches(text, _NO_DIGEST if row is None else row.digest) or row is None:
            raise KeyRefusedError("the key is not valid")
        # From here on the caller has shown the secret, and may be told what is wrong with it.
        now_ns = self._clock_ns()
        if row.revoked_ns is not None:
            raise KeyRefusedError("the key is revoked", key_id)
        if now_ns >= row.expires_ns:
            raise KeyRefusedError("the key has expired", key_id)
        if row.last_used_ns is None or now_ns - row.last_used_ns >= _USE_STEP_NS:
            self._note_use(key_id, now_ns)
        return _api_key(row)

    def page(self, after: str = "", limit: int = 100) -> Sequence[ApiKey]:
        """Keys in the order of their ids, those after an id.

        Raises:
            StoreAwayError: the database does not answer.
        """
        query = select(API_KEYS).where(API_KEYS.c.key_id > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(API_KEYS.c.key_id).limit(limit)).all()
        return [_api_key(row) for row in rows]

    def _note_use(self, key_id: str, now_ns: int) -> None:
        last = API_KEYS.c.last_used_ns
        is_older = or_(last.is_(None), last <= now_ns - _USE_STEP_NS)
        where = API_KEYS.c.key_id == key_id
        with self._database.writing() as connection:
            connection.execute(update(API_KEYS).where(where, is_older).values(last_used_ns=now_ns))


def _api_key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        label=row.label,
        role=Role.from_slug(row.role),
        created_by=row.created_by,
        created_ns=row.created_ns,
        expires_ns=row.expires_ns,
        revoked_ns=row.revoked_ns,
        last_used_ns=row.last_used_ns,
    )
