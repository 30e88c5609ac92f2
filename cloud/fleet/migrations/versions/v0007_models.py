"""Models by name and version, their aliases and engines."""

from alembic import op
from sqlalchemy import BigInteger, Column, String, Text, UniqueConstraint

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "models",
        Column("name", String(63), primary_key=True),
        Column("version", String(63), primary_key=True),
        Column("digest", String(64), nullable=False),
        Column("state", String(16), nullable=False),
        Column("release", BigInteger),
        Column("revision", BigInteger, nullable=False),
        Column("added_by", String(200), nullable=False),
        Column("added_ns", BigInteger, nullable=False),
        Column("changed_ns", BigInteger, nullable=False),
        Column("report", Text),
        UniqueConstraint("name", "release", name="one_model_a_release"),
    )
    op.create_table(
        "model_aliases",
        Column("name", String(63), primary_key=True),
        Column("alias", String(63), primary_key=True),
        Column("version", String(63), nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("set_by", String(200), nullable=False),
        Column("set_ns", BigInteger, nullable=False),
    )
    op.create_table(
        "model_engines",
        Column("name", String(63), primary_key=True),
        Column("version", String(63), primary_key=True),
        Column("gpu", String(16), primary_key=True),
        Column("tensorrt", String(32), primary_key=True),
        Column("jetpack", String(32), primary_key=True),
        Column("sha256", String(64), nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        Column("added_by", String(200), nullable=False),
        Column("added_ns", BigInteger, nullable=False),
    )
