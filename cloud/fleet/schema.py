"""The tables of the fleet's database, as the newest migration leaves them.

A change here needs a migration beside it; a test compares what both make.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

METADATA = MetaData()

DEVICES = Table(
    "devices",
    METADATA,
    Column("device_id", String(63), primary_key=True),
    Column("first_seen_ns", BigInteger),
    Column("last_seen_ns", BigInteger),
    # Down to `online_since_ns`: of the hardware of now, null where nothing was heard of it.
    Column("boot", String(16)),
    Column("session", String(16)),
    Column("seq", BigInteger),
    Column("status", Integer),
    Column("past_boots", Text, nullable=False),
    Column("state", LargeBinary),
    Column("interval_s", BigInteger),
    Column("online_since_ns", BigInteger),
    Column("replaced_boots", Text, nullable=False),
    Column("registered_ns", BigInteger),
    Column("replaced_ns", BigInteger),
    Column("decommissioned_ns", BigInteger),
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("key_id", String(12), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("label", String(100), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
    Column("revoked_ns", BigInteger),
    Column("last_used_ns", BigInteger),
)

AUDIT = Table(
    "audit",
    METADATA,
    # SQLite counts by itself in a column of type INTEGER only.
    Column(
        "number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("at_ns", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("origin", String(200), nullable=False),
    Column("action", String(200), nullable=False),
    Column("target", String(200), nullable=False),
    Column("outcome", String(200), nullable=False),
    # Numbers are never used again, or a cursor would hide an entry.
    sqlite_autoincrement=True,
)

ERASURES = Table(
    "erasures",
    METADATA,
    Column(
        "number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    # Empty: of all devices.
    Column("device", String(63), nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger, nullable=False),
    Column("begun_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
    # Carried out by `serve`, also at its next start; else by the command that asked.
    Column("in_background", Boolean, nullable=False, server_default=false()),
    Column("asked_by", String(200), nullable=False, server_default=""),
    Column("audit_number", BigInteger),
    # When it was last begun; null: it waits.
    Column("tried_ns", BigInteger),
    # How it ended, or why the last try failed.
    Column("outcome", Text, nullable=False, server_default=""),
)

MODELS = Table(
    "models",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("version", String(63), primary_key=True),
    # Of the bytes of its record, from which everything else of the model follows.
    Column("digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    # Within the name; null: nobody has signed for it.
    Column("release", BigInteger),
    # Counts the changes of this row, so that two people don't undo each other's unseen.
    Column("revision", BigInteger, nullable=False),
    Column("added_by", String(200), nullable=False),
    Column("added_ns", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    # Of the last validation, JSON; null: there was none.
    Column("report", Text),
    UniqueConstraint("name", "release", name="one_model_a_release"),
)

MODEL_ALIASES = Table(
    "model_aliases",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("alias", String(63), primary_key=True),
    Column("version", String(63), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("set_by", String(200), nullable=False),
    Column("set_ns", BigInteger, nullable=False),
)

MODEL_ENGINES = Table(
    "model_engines",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("version", String(63), primary_key=True),
    Column("gpu", String(16), primary_key=True),
    Column("tensorrt", String(32), primary_key=True),
    # Empty: of no JetPack, on a computer with a card.
    Column("jetpack", String(32), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("added_by", String(200), nullable=False),
    Column("added_ns", BigInteger, nullable=False),
)
