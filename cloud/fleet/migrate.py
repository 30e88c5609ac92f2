"""The schema of the fleet's database: which one it has, and how it gets the newest."""

import threading
from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from cloud.errors import StartError

_FIRST = "0001"
_FIRST_COLUMNS = frozenset({
    "device_id", "first_seen_ns", "last_seen_ns", "boot", "session", "seq", "status",
    "past_boots", "state",
})  # fmt: skip
"""Of the one table that there was before there were migrations."""
_LOCK = 0x77617973_6D696772
# Alembic's `op` is one for the whole process.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade did.

    Attributes:
        where: the database, without secrets.
        before: its schema before; empty where it had no tables.
        after: its schema now.
    """

    where: str
    before: str
    after: str


def newest() -> str:
    """The schema that this program needs."""
    return _newest(_scripts())


def upgrade(engine: Engine, where: str) -> Upgraded:
    """Bring a database to the newest schema; all in one transaction, one process at a time.

    Raises:
        StartError: it cannot be opened, or holds what no version of Wayside made.
    """
    try:
        with _one_at_a_time, engine.connect() as connection:
            connection = connection.execution_options(wayside_writes=True)
            with connection.begin():
                if engine.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:l)"), {"l": _LOCK})
                return _upgrade(connection, where)
    except SQLAlchemyError as error:
        raise StartError(f"{where}: cannot be opened: {reason(error)}") from error


def require_newest(engine: Engine, where: str) -> None:
    """Return where the database has the newest schema; changes nothing.

    Raises:
        StartError: it has another one; the message names the command to run.
    """
    try:
        with engine.connect() as connection:
            found = _schema(connection, where)
    except SQLAlchemyError as error:
        raise StartError(f"{where}: cannot be opened: {reason(error)}") from error
    scripts = _scripts()
    _refuse_newer(scripts, found, where)
    newest = _newest(scripts)
    if found != newest:
        has = f"has schema {found}" if found else "has no tables yet"
        raise StartError(
            f"{where}: {has}, and this program needs {newest}: stop what runs an older "
            "version, then run `wayside-cloud fleet migrate` with these settings"
        )


def reason(error: Exception) -> str:
    """What the database's driver said, in one line; SQLAlchemy adds statements and links."""
    said = str(getattr(error, "orig", None) or error)
    return "; ".join(line.strip() for line in said.splitlines() if line.strip())


def _upgrade(connection: Connection, where: str) -> Upgraded:
    scripts = _scripts()
    before = _schema(connection, where)
    _refuse_newer(scripts, before, where)
    newest = _newest(scripts)
    environment = EnvironmentContext(Config(), scripts)
    environment.configure(
        connection=connection,
        fn=lambda revision, context: scripts._upgrade_revs(newest, revision),
    )
    with environment:
        context = environment.get_context()
        if before and not context.get_current_heads():
            context.stamp(scripts, before)  # adopted: it is there, and was never written down
        environment.run_migrations()
    return Upgraded(where, before, newest)


def _schema(connection: Connection, where: str) -> str:
    """The schema that a database has; empty where it has no tables of ours.

    Raises:
        StartError: its `devices` is a table of somebody else.
    """
    if revision := MigrationContext.configure(connection).get_current_revision():
        return revision
    inspector = inspect(connection)
    if not inspector.has_table("devices"):
        return ""
    columns = {column["name"] for column in inspector.get_columns("devices")}
    if columns != _FIRST_COLUMNS:
        raise StartError(
            f"{where}: holds a table `devices` that is not Wayside's: set fleet.url to a database "
            "of its own"
        )
    return _FIRST


def _refuse_newer(scripts: ScriptDirectory, found: str, where: str) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if found and found not in known:
        raise StartError(
            f"{where}: has schema {found}, made by a newer Wayside: run that one, or restore a "
            "backup of before"
        )


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).with_name("migrations")))


def _newest(scripts: ScriptDirectory) -> str:
    newest = scripts.get_current_head()
    assert newest is not None
    return newest
