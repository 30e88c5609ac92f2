"""SQLite: schemas, topics, subscriptions and what each subscription has not settled.

A message stands once for each subscription, under `subscription id << 40 | message id`, so that
a backlog is one run of the table, read, trimmed and deleted as a range, and an
acknowledgement deletes one row. Nothing is committed here: the committer does that.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cloud.embedded.pubsub.messages import Message
from cloud.errors import StartError

VERSION = 2
_BITS = 40
_TRIM_ROWS = 1000

_SCHEMA = """
CREATE TABLE topic (name TEXT PRIMARY KEY, config BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE subscription (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, config BLOB NOT NULL,
    used_ns INTEGER NOT NULL
);
CREATE TABLE message (
    key INTEGER PRIMARY KEY, published_ns INTEGER NOT NULL, ordering_key TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE last_message (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), id INTEGER NOT NULL);
INSERT INTO last_message VALUES (1, 0);
"""
_SCHEMA_OF_2 = """
CREATE TABLE schema (name TEXT PRIMARY KEY, config BLOB NOT NULL) WITHOUT ROWID;
"""
_STEPS = (_SCHEMA, _SCHEMA_OF_2)
"""What leads from each version to the next."""


@dataclass(frozen=True, slots=True)
class StoredSubscription:
    """A row: id, serialised Subscription, when somebody last used it, newest message."""

    id: int
    config: bytes
    used_ns: int
    head: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """Messages for one subscription."""

    subscription_id: int
    messages: Sequence[Message]


class Storage:
    """The database file; one thread at a time uses it.

    Args:
        folder: where the file is; made where missing.

    Raises:
        StartError: the file cannot be used, or another server uses it.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "pubsub.sqlite3"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path, timeout=1.0, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise StartError(f"{path} cannot be opened: {error}") from error
        try:
            self._prepare(path)
        except sqlite3.Error as error:
            self._db.close()
            raise StartError(
                f"{path} cannot be used: {error}; is another Pub/Sub server using this folder?"
            ) from error
        except StartError:
            self._db.close()
            raise

    def _prepare(self, path: Path) -> None:
        # EXCLUSIVE also keeps a second server out; the lock goes with the process.
        for pragma in (
            "locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL",
            "wal_autocheckpoint = 4000", "journal_size_limit = 67108864", "cache_size = -16384",
        ):  # fmt: skip
            self._execute(f"PRAGMA {pragma}")
        self._execute("BEGIN IMMEDIATE")
        version = self._number("PRAGMA user_version")
        if version > VERSION:
            raise StartError(f"{path} is of version {version}, this program knows {VERSION}; "
                             "start with an empty folder")  # fmt: skip
        for step in _STEPS[version:]:
            for statement in filter(str.strip, step.split(";")):
                self._execute(statement)
        self._execute(f"PRAGMA user_version = {VERSION}")
        self._execute("COMMIT")

    def begin(self) -> None:
        """Open a transaction."""
        self._execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make the transaction durable."""
        self._execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if one is open."""
        if self._db.in_transaction:
            self._execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def topics(self) -> list[bytes]:
        """Every serialised Topic."""
        with closing(self._db.execute("SELECT config FROM topic")) as rows:
            return [config for (config,) in rows]

    def subscriptions(self) -> list[StoredSubscription]:
        """Every subscription."""
        with closing(self._db.execute("SELECT id, config, used_ns FROM subscription")) as rows:
            return [
                StoredSubscription(number, config, used_ns, self._head(number))
                for number, config, used_ns in rows.fetchall()
            ]

    def last_message_id(self) -> int:
        """The newest id that was ever given."""
        return self._number("SELECT id FROM last_message")

    def put_topic(self, name: str, config: bytes) -> None:
        """Write a topic."""
        self._execute("INSERT OR REPLACE INTO topic VALUES (?, ?)", (name, config))

    def delete_topic(self, name: str) -> None:
        """Remove a topic."""
        self._execute("DELETE FROM topic WHERE name = ?", (name,))

    def schemas(self) -> list[bytes]:
        """Every serialised Schema."""
        with closing(self._db.execute("SELECT config FROM schema")) as rows:
            return [config for (config,) in rows]

    def put_schema(self, name: str, config: bytes) -> None:
        """Write a schema."""
        self._execute("INSERT OR REPLACE INTO schema VALUES (?, ?)", (name, config))

    def delete_schema(self, name: str) -> None:
        """Remove a schema."""
        self._execute("DELETE FROM schema WHERE name = ?", (name,))

    def add_subscription(self, name: str, config: bytes, used_ns: int) -> int:
        """Write a new subscription; returns its id, which is never used again."""
        with closing(self._db.execute(
            "INSERT INTO subscription (name, config, used_ns) VALUES (?, ?, ?)",
            (name, config, used_ns),
        )) as cursor:  # fmt: skip
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def put_subscription(self, subscription_id: int, config: bytes, used_ns: int) -> None:
        """Write a changed subscription."""
        self._execute(
            "UPDATE subscription SET config = ?, used_ns = ? WHERE id = ?",
            (config, used_ns, subscription_id),
        )

    def delete_subscription(self, subscription_id: int) -> None:
        """Remove a subscription and its backlog."""
        self._execute("DELETE FROM subscription WHERE id = ?", (subscription_id,))
        self._execute("DELETE FROM message WHERE key BETWEEN ? AND ?", _run(subscription_id))

    def put(self, last_id: int, deliveries: Iterable[Delivery]) -> None:
        """Write messages; `last_id` is the newest id given."""
        self._execute("UPDATE last_message SET id = max(id, ?)", (last_id,))
        for delivery in deliveries:
            first, _ = _run(delivery.subscription_id)
            self._many("INSERT INTO message VALUES (?, ?, ?, ?)", (
                (first | item.id, item.published_ns, item.ordering_key, item.body)
                for item in delivery.messages
            ))  # fmt: skip

    def delete(self, subscription_id: int, message_ids: Iterable[int]) -> None:
        """Remove settled messages; unknown ones are passed over."""
        first, _ = _run(subscription_id)
        self._many("DELETE FROM message WHERE key = ?", ((first | item,) for item in message_ids))

    def load(
        self, subscription_id: int, after_id: int, max_messages: int, max_bytes: int
    ) -> tuple[list[Message], bool]:
        """The oldest messages after an id, and True when these are all."""
        first, last = _run(subscription_id)
        messages: list[Message] = []
        size = 0
        with closing(self._db.execute(
            "SELECT key, published_ns, ordering_key, body FROM message "
            "WHERE key > ? AND key <= ? ORDER BY key", (first | after_id, last),
        )) as rows:  # fmt: skip
            for key, published_ns, ordering_key, body in rows:
                if len(messages) >= max_messages or size >= max_bytes:
                    return messages, False
                messages.append(Message(key ^ first, published_ns, ordering_key, body))
                size += len(body)
        return messages, True

    def trim(self, subscription_id: int, before_ns: int) -> int:
        """Remove what was published before a time; returns the number of messages."""
        first, last = _run(subscription_id)
        removed = 0
        while True:
            with closing(self._db.execute(
                "DELETE FROM message WHERE published_ns < ? AND key IN (SELECT key FROM message "
                "WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?)",
                (before_ns, first, last, _TRIM_ROWS),
            )) as cursor:  # fmt: skip
                removed += cursor.rowcount
                if cursor.rowcount < _TRIM_ROWS:
                    return removed

    def _head(self, subscription_id: int) -> int:
        first, last = _run(subscription_id)
        key = self._number("SELECT max(key) FROM message WHERE key BETWEEN ? AND ?", (first, last))
        return key ^ first if key else 0

    def _execute(self, sql: str, values: Sequence[object] = ()) -> None:
        self._db.execute(sql, values).close()

    def _many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        self._db.executemany(sql, rows).close()

    def _number(self, sql: str, values: Sequence[object] = ()) -> int:
        with closing(self._db.execute(sql, values)) as rows:
            return int(rows.fetchone()[0] or 0)


def _run(subscription_id: int) -> tuple[int, int]:
    """First and last key of a subscription's messages."""
    return subscription_id << _BITS, (subscription_id + 1 << _BITS) - 1
