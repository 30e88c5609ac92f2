"""Who carries an erasure out, for whom, and how far it came."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, String, Text, false

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Erasures of before were all carried out by a command."""
    for column in (
        Column("in_background", Boolean, nullable=False, server_default=false()),
        Column("asked_by", String(200), nullable=False, server_default=""),
        Column("audit_number", BigInteger),
        Column("tried_ns", BigInteger),
        Column("outcome", Text, nullable=False, server_default=""),
    ):
        op.add_column("erasures", column)
