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


def _numbered() -> Column[int]:
    """A key that the database counts by itself: SQLite does so for type INTEGER only."""
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("number", kind, primary_key=True, autoincrement=True)


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

DESIRED_STATES = Table(
    "desired_states",
    METADATA,
    Column("device_id", String(63), primary_key=True),
    # Grows by one with each change; only who has locked the row may change it.
    Column("revision", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    Column("changed_by", String(200), nullable=False),
    # YAML, as the device gets it; empty: its own file says.
    Column("rules", LargeBinary, nullable=False),
    Column("rules_revision", BigInteger, nullable=False),
    # When its message was last put into `downlink`, and how often again after the first time.
    Column("sent_ns", BigInteger, nullable=False),
    Column("repeats", Integer, nullable=False),
)

DESIRED_TARGETS = Table(
    "desired_targets",
    METADATA,
    Column("device_id", String(63), primary_key=True),
    Column("family", String(63), primary_key=True),
    Column("version", String(63), nullable=False),
    Column("deployment", String(63), nullable=False),
    # Of the record; empty: whatever the signed repository says.
    Column("sha256", LargeBinary(32), nullable=False),
    Column("ordered_ns", BigInteger, nullable=False),
    Column("ordered_by", String(200), nullable=False),
    Column("revision", BigInteger, nullable=False),
)

DOWNLINK = Table(
    "downlink",
    METADATA,
    _numbered(),
    Column("device_id", String(63), nullable=False),
    Column("sub_folder", String(100), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("written_ns", BigInteger, nullable=False),
    # Until then a sender has it; null: nobody has.
    Column("taken_until_ns", BigInteger),
    # A number that is used again could be deleted by who has sent its first message.
    sqlite_autoincrement=True,
)

UPDATES = Table(
    "updates",
    METADATA,
    Column("device_id", String(63), primary_key=True),
    Column("deployment", String(63), primary_key=True),
    Column("family", String(63), nullable=False),
    Column("from_version", String(63), nullable=False),
    Column("to_version", String(63), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("boot", String(16), nullable=False),
    Column("transition", BigInteger, nullable=False),
    Column("state", Integer, nullable=False),
    Column("code", String(63), nullable=False),
    Column("detail", Text, nullable=False),
    Column("downloaded_bytes", BigInteger, nullable=False),
    Column("total_bytes", BigInteger, nullable=False),
    Column("reported_ns", BigInteger, nullable=False),
    Column("begun_ns", BigInteger, nullable=False),
    Column("arrived_ns", BigInteger, nullable=False),
)

UPDATE_STEPS = Table(
    "update_steps",
    METADATA,
    _numbered(),
    Column("device_id", String(63), nullable=False),
    Column("deployment", String(63), nullable=False),
    Column("boot", String(16), nullable=False),
    Column("transition", BigInteger, nullable=False),
    Column("state", Integer, nullable=False),
    Column("code", String(63), nullable=False),
    Column("detail", Text, nullable=False),
    Column("downloaded_bytes", BigInteger, nullable=False),
    Column("reported_ns", BigInteger, nullable=False),
    Column("arrived_ns", BigInteger, nullable=False),
    UniqueConstraint("device_id", "deployment", "boot", "transition", name="one_step_a_transition"),
    sqlite_autoincrement=True,
)

CLAIMS = Table(
    "claims",
    METADATA,
    Column("token_id", String(12), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("device_id", String(63), nullable=False),
    # With spaces between; empty: of any board.
    Column("serials", Text, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
    Column("revoked_ns", BigInteger),
    # Down to `key_digest`: by whom it was used up.
    Column("used_ns", BigInteger),
    Column("used_serial", String(64), nullable=False),
    Column("key_digest", LargeBinary(32)),
    Column("wrong_serials", Integer, nullable=False),
)
