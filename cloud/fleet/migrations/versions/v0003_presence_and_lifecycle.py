"""Devices that were not heard of yet, that got new hardware, that are out of service."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    select,
    update,
)
from sqlalchemy.types import TypeEngine

from protos.v1.device_state_pb2 import DeviceState

revision = "0003"
down_revision = "0002"

_NULLABLE: dict[str, TypeEngine[Any]] = {
    "first_seen_ns": BigInteger(),
    "last_seen_ns": BigInteger(),
    "boot": String(16),
    "session": String(16),
    "seq": BigInteger(),
    "status": Integer(),
    "state": LargeBinary(),
}
_DEVICES = Table(
    "devices",
    MetaData(),
    Column("device_id", String(63), primary_key=True),
    Column("last_seen_ns", BigInteger),
    Column("state", LargeBinary),
    Column("interval_s", BigInteger),
    Column("online_since_ns", BigInteger),
)


def upgrade() -> None:
    """Widen the table; what each device told stays, and is judged by what it told."""
    with op.batch_alter_table("devices") as devices:
        for name, kind in _NULLABLE.items():
            devices.alter_column(name, existing_type=kind, nullable=True)
        devices.add_column(Column("interval_s", BigInteger))
        devices.add_column(Column("online_since_ns", BigInteger))
        devices.add_column(Column("replaced_boots", Text, nullable=False, server_default=""))
        devices.add_column(Column("registered_ns", BigInteger))
        devices.add_column(Column("replaced_ns", BigInteger))
        devices.add_column(Column("decommissioned_ns", BigInteger))
    with op.batch_alter_table("devices") as devices:
        devices.alter_column("replaced_boots", existing_type=Text(), server_default=None)
    connection = op.get_bind()
    for row in connection.execute(select(_DEVICES)).all():
        told_s = DeviceState.FromString(row.state).heartbeat_interval_s
        change = update(_DEVICES).where(_DEVICES.c.device_id == row.device_id)
        connection.execute(
            change.values(
                interval_s=min(told_s or 30, 3600),
                # Since when it is there was not written down; it was there then.
                online_since_ns=row.last_seen_ns,
            )
        )
