"""API keys, and who did what."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "api_keys",
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
    op.create_table(
        "audit",
        Column(
            "number",
            BigInteger().with_variant(Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        Column("at_ns", BigInteger, nullable=False),
        Column("actor", String(200), nullable=False),
        Column("origin", String(200), nullable=False),
        Column("action", String(200), nullable=False),
        Column("target", String(200), nullable=False),
        Column("outcome", String(200), nullable=False),
        sqlite_autoincrement=True,
    )
