"""What each device shall be, what goes down to it, and what it says of its updates."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Text, UniqueConstraint

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    _desired()
    _updates()


def _desired() -> None:
    op.create_table(
        "desired_states",
        Column("device_id", String(63), primary_key=True),
        Column("revision", BigInteger, nullable=False),
        Column("changed_ns", BigInteger, nullable=False),
        Column("changed_by", String(200), nullable=False),
        Column("rules", LargeBinary, nullable=False),
        Column("rules_revision", BigInteger, nullable=False),
        Column("sent_ns", BigInteger, nullable=False),
        Column("repeats", Integer, nullable=False),
    )
    op.create_table(
        "desired_targets",
        Column("device_id", String(63), primary_key=True),
        Column("family", String(63), primary_key=True),
        Column("version", String(63), nullable=False),
        Column("deployment", String(63), nullable=False),
        Column("sha256", LargeBinary(32), nullable=False),
        Column("ordered_ns", BigInteger, nullable=False),
        Column("ordered_by", String(200), nullable=False),
        Column("revision", BigInteger, nullable=False),
    )
    op.create_table(
        "downlink",
        _numbered(),
        Column("device_id", String(63), nullable=False),
        Column("sub_folder", String(100), nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("written_ns", BigInteger, nullable=False),
        Column("taken_until_ns", BigInteger),
        sqlite_autoincrement=True,
    )


def _updates() -> None:
    op.create_table(
        "updates",
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
    op.create_table(
        "update_steps",
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
        UniqueConstraint(
            "device_id", "deployment", "boot", "transition", name="one_step_a_transition"
        ),
        sqlite_autoincrement=True,
    )


def _numbered() -> "Column[int]":
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("number", kind, primary_key=True, autoincrement=True)
