"""The table of engines: which boards have already compiled a model's network."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.engine import Row

from cloud.errors import RegistryError, UnknownModelError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.schema import MODEL_ENGINES, MODELS
from cloud.registry.acts import acting
from cloud.registry.model import Board, Engine
from cloud.registry.states import ModelState


class Engines:
    """The table. Any thread may use it; every addition, and every refusal, stands in the audit.

    Args:
        database: the fleet's.
        audit: of the same database.
        clock_ns: Unix time.
    """

    def __init__(
        self,
        database: FleetDatabase,
        audit: Audit,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock_ns = clock_ns

    def of(self, name: str, version: str) -> Sequence[Engine]:
        """The engines of a model, ordered by what they are for.

        Raises:
            StoreAwayError: the database does not answer.
        """
        table = MODEL_ENGINES.c
        query = select(MODEL_ENGINES).where(table.name == name, table.version == version)
        query = query.order_by(table.gpu, table.tensorrt, table.jetpack)
        with self._database.reading() as connection:
            return [_engine(row) for row in connection.execute(query)]

    def find(self, name: str, version: str, board: Board) -> Engine | None:
        """The engine of a model for a board, None where there is none.

        Raises:
            StoreAwayError: the database does not answer.
        """
        return next((one for one in self.of(name, version) if one.board == board), None)

    def add(
        self, name: str, version: str, board: Board, sha256: str, size_bytes: int, by: Actor
    ) -> bool:
        """List an engine; the same once more is harmless.

        Returns:
            False where it was listed already.

        Raises:
            UnknownModelError: there is no such model.
            RegistryError: it is revoked, or another engine is listed for this board.
            StoreAwayError: the database does not answer.
        """
        target = f"{name} {version} {board} {sha256}"
        with acting(self._database, self._audit, by, "model.engine", target) as act:
            where = (MODELS.c.name == name) & (MODELS.c.version == version)
            state = act.connection.execute(select(MODELS.c.state).where(where)).scalar()
            if state is None:
                raise UnknownModelError(f"there is no model {name!r} of version {version!r}")
            if state == ModelState.REVOKED.value:
                raise RegistryError(f"model {name} {version} is revoked for good")
            there = act.connection.execute(select(MODEL_ENGINES).where(_is(name, version, board)))
            row = there.one_or_none()
            if row is not None:
                check_same(name, version, board, row.sha256, sha256)
                act.outcome = "listed before"
                return False
            act.connection.execute(
                insert(MODEL_ENGINES).values(
                    name=name, version=version, gpu=board.gpu, tensorrt=board.tensorrt,
                    jetpack=board.jetpack, sha256=sha256, size_bytes=size_bytes,
                    added_by=by.name[:200], added_ns=self._clock_ns(),
                )
            )  # fmt: skip
            return True


def check_same(name: str, version: str, board: Board, there: str, new: str) -> None:
    """Return when an engine is the one that is listed already.

    Raises:
        RegistryError: it is another one.
    """
    if there != new:
        raise RegistryError(
            f"model {name} {version} has another engine for {board} already ({there}, not {new}), "
            "and none is ever overwritten"
        )


def _is(name: str, version: str, board: Board) -> Any:
    table = MODEL_ENGINES.c
    of_model = (table.name == name) & (table.version == version)
    return of_model & (
        (table.gpu == board.gpu)
        & (table.tensorrt == board.tensorrt)
        & (table.jetpack == board.jetpack)
    )


def _engine(row: Row[Any]) -> Engine:
    return Engine(
        name=row.name,
        version=row.version,
        board=Board(row.gpu, row.tensorrt, row.jetpack),
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        added_by=row.added_by,
        added_ns=row.added_ns,
    )
