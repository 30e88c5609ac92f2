"""The last state of each device: the only table before there were migrations."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "devices",
        Column("device_id", String(63), primary_key=True),
        Column("first_seen_ns", BigInteger, nullable=False),
        Column("last_seen_ns", BigInteger, nullable=False),
        Column("boot", String(16), nullable=False),
        Column("session", String(16), nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("status", Integer, nullable=False),
        Column("past_boots", Text, nullable=False),
        Column("state", LargeBinary, nullable=False),
    )
