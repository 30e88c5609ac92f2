"""What was erased, so that it does not come back."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "erasures",
        Column(
            "number",
            BigInteger().with_variant(Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        Column("device", String(63), nullable=False),
        Column("since_ns", BigInteger, nullable=False),
        Column("until_ns", BigInteger, nullable=False),
        Column("begun_ns", BigInteger, nullable=False),
        Column("ended_ns", BigInteger),
    )
