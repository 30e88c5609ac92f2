"""The fleet's database: connections, transactions, and errors in our own words."""

import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from cloud.errors import StartError, StoreAwayError
from cloud.fleet import migrate

_WRITES = "wayside_writes"
# Any number that nobody else locks in this database.
_ORDER_LOCK = 0x77617973_61756474


class FleetDatabase:
    """SQLite or PostgreSQL with the fleet's tables. Any thread may use it.

    SQLite belongs to this machine, and is brought to the newest schema here. PostgreSQL is shared
    by processes of other versions, so its schema is only checked.

    Args:
        url: SQLAlchemy's; `postgresql://` means psycopg.

    Raises:
        StartError: it cannot be opened, or its schema is not the one that this program needs.
    """

    def __init__(self, url: str) -> None:
        # SQLite has one writer at a time; waiting here is fairer than its busy timeout.
        self._writing = threading.Lock()
        self._engine, self.where = _open(url)
        self._is_sqlite = self._engine.dialect.name == "sqlite"
        try:
            if self._is_sqlite:
                migrate.upgrade(self._engine, self.where)
            else:
                migrate.require_newest(self._engine, self.where)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads.

        Raises:
            StoreAwayError: the database does not answer.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreAwayError(f"{self.where}: {migrate.reason(error)}") from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it is kept, or nothing.

        Raises:
            StoreAwayError: the database does not answer.
        """
        lock = self._writing if self._is_sqlite else threading.Lock()
        try:
            with lock, self._engine.connect() as connection:
                connection = connection.execution_options(**{_WRITES: True})
                with connection.begin():
                    yield connection
        except SQLAlchemyError as error:
            raise StoreAwayError(f"{self.where}: {migrate.reason(error)}") from error

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that sees one moment of all tables, while others go on writing.

        Raises:
            StoreAwayError: the database does not answer.
        """
        try:
            if self._is_sqlite:
                with self._copied() as copy, copy.connect() as connection:
                    yield connection
                return
            with self._engine.connect() as connection:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
                with connection.begin():
                    yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreAwayError(f"{self.where}: {migrate.reason(error)}") from error

    @contextmanager
    def _copied(self) -> Iterator[Engine]:
        """A copy of the file, taken at once: who reads the file itself keeps writers waiting."""
        with tempfile.TemporaryDirectory(prefix="wayside-fleet-") as folder:
            file = Path(folder) / "copy.sqlite"
            with self._engine.connect() as source, closing(sqlite3.connect(file)) as target:
                driver = source.connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                driver.backup(target)
            copy = create_engine(URL.create("sqlite", database=str(file)))
            try:
                yield copy
            finally:
                copy.dispose()

    def keep_others_out(self, connection: Connection, tables: Sequence[str]) -> None:
        """Let nobody else read or write tables until this transaction has ended.

        SQLite has one writer anyhow, and readers see what was before.
        """
        if not self._is_sqlite:
            connection.execute(text(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))

    def count_on_from(self, connection: Connection, table: str, column: str, number: int) -> None:
        """Give out no number of a counted column that is not beyond this one, or was used before.

        SQLite sees to it by itself.
        """
        if not self._is_sqlite:
            connection.execute(
                text("SELECT setval(s, GREATEST(nextval(s), :number)) "
                     "FROM CAST(pg_get_serial_sequence(:table, :column) AS regclass) AS s"),
                {"number": number, "table": table, "column": column},
            )  # fmt: skip

    def keep_order(self, connection: Connection) -> None:
        """Let no other transaction write numbered rows until this one has ended.

        PostgreSQL gives out numbers before it commits: without this, who reads up to number 6
        might never see number 5, which is committed later. SQLite has one writer anyhow.
        """
        if not self._is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ORDER_LOCK})

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def upgrade(url: str) -> migrate.Upgraded:
    """Bring a database to the newest schema, whichever kind it is.

    Raises:
        StartError: it cannot be opened, or holds what no version of Wayside made.
    """
    engine, where = _open(url)
    try:
        return migrate.upgrade(engine, where)
    finally:
        engine.dispose()


def _open(url: str) -> tuple[Engine, str]:
    """An engine that has not connected yet, and what to call the database in messages."""
    place = make_url(url)
    if place.drivername == "postgresql":
        place = place.set(drivername="postgresql+psycopg")
    where = f"fleet database {place.render_as_string(hide_password=True)}"
    try:
        if place.get_backend_name() == "sqlite":
            return _sqlite(place), where
        # A connection that a restart of the server has cut is replaced, not handed out.
        return create_engine(place, pool_pre_ping=True), where
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise StartError(f"{where}: cannot be opened: {migrate.reason(error)}") from error


def _sqlite(place: URL) -> Engine:
    if place.database:
        Path(place.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(place)
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    return engine


def _leave_transactions_to_us(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    """Stop Python's sqlite3 from beginning transactions late, and never for a CREATE TABLE."""
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    """Begin; a writer at once, for one that read first could not write after another one did."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
