"""A real PostgreSQL on loopback, as Debian ships it, with a database for each test."""

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from cloud.fleet.database import upgrade
from tests.support.processes import ServerProcess, free_port, wait_until

_PROGRAMS = Path("/usr/lib/postgresql")
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 2**30
_OPTIONS = (
    "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off",
    "synchronous_commit=off", "max_connections=50",
)  # fmt: skip


class Postgresql:
    """A server that asks nobody who they are; its folder is gone after `stop`."""

    def __init__(self, programs: Path) -> None:
        # Not below pytest's own folder, which its user alone may enter.
        self._folder = Path(tempfile.mkdtemp(prefix="wayside-postgresql-", dir=_roomy_memory()))
        self._data = self._folder / "data"
        self._programs = programs
        self._port = free_port()
        settings = [part for option in _OPTIONS for part in ("-c", option)]
        self._server = ServerProcess(
            [*_unprivileged(), str(programs / "postgres"), "-D", str(self._data),
             "-p", str(self._port), *settings],
            self._port, self._folder / "server.log",
        )  # fmt: skip
        self._numbers = itertools.count(1)
        self._migrated = ""

    def start(self) -> None:
        """Make its folder and start it."""
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres")
        subprocess.run(
            [*_unprivileged(), str(self._programs / "initdb"), "-D", str(self._data),
             "-A", "trust", "-U", "wayside", "-E", "UTF8", "--no-locale", "--no-sync"],
            check=True, capture_output=True, cwd=self._folder,
        )  # fmt: skip
        self._server.start()
        wait_until(self._answers, "PostgreSQL")

    def stop(self) -> None:
        """End it, and remove its folder."""
        self._server.stop()
        shutil.rmtree(self._folder)

    def new_database(self) -> str:
        """The URL of an empty database."""
        return self._create("template0")

    def new_fleet_database(self) -> str:
        """The URL of a database with the fleet's tables: a copy of one that was migrated once."""
        if not self._migrated:
            made = self.new_database()
            upgrade(made)
            self._migrated = made.rsplit("/", 1)[1]
        return self._create(self._migrated)

    def _create(self, template: str) -> str:
        name = f"fleet_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return f"postgresql://wayside@127.0.0.1:{self._port}/{name}"

    def cut_connections(self) -> None:
        """End every client's connection, as a restart of the server does."""
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    def _answers(self) -> bool:
        """Its port is open a while before it takes anybody."""
        try:
            psycopg.connect(self._conninfo("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _conninfo(self, database: str) -> str:
        return f"postgresql://wayside@127.0.0.1:{self._port}/{database}"


def new_postgresql() -> Postgresql:
    """A server that is not started yet; skips the test where Debian's package is missing."""
    found = sorted(_PROGRAMS.glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    return Postgresql(found[-1].parent)


def _roomy_memory() -> Path | None:
    """Where files are quickly gone: each database is 300 of them; None: the usual place."""
    try:
        free_bytes = shutil.disk_usage(_MEMORY).free
    except OSError:
        return None
    return _MEMORY if free_bytes > _ROOM_BYTES else None


def _unprivileged() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
            "--pdeathsig", "TERM", "--"]  # fmt: skip
