"""Claim tokens, with which boards become devices."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "claims",
        Column("token_id", String(12), primary_key=True),
        Column("digest", LargeBinary(32), nullable=False),
        Column("device_id", String(63), nullable=False),
        Column("serials", Text, nullable=False),
        Column("created_by", String(200), nullable=False),
        Column("created_ns", BigInteger, nullable=False),
        Column("expires_ns", BigInteger, nullable=False),
        Column("revoked_ns", BigInteger),
        Column("used_ns", BigInteger),
        Column("used_serial", String(64), nullable=False),
        Column("key_digest", LargeBinary(32)),
        Column("wrong_serials", Integer, nullable=False),
    )
