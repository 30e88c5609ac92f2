"""The table of aliases: which version of a family is its champion, its challenger, or another."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection, Row

from cloud.errors import RegistryError, UnknownModelError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.schema import MODEL_ALIASES, MODELS
from cloud.registry.acts import acting, check_seen
from cloud.registry.model import Alias, check_name
from cloud.registry.states import NAMED_BY_ALIASES, ModelState

MAX_ALIASES = 64
"""Of a family."""


class Aliases:
    """The table. Any thread may use it; every change, and every refusal, stands in the audit.

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

    def of(self, name: str) -> Sequence[Alias]:
        """The aliases of a family, in the order of their names.

        Raises:
            StoreAwayError: the database does not answer.
        """
        table = MODEL_ALIASES.c
        query = select(MODEL_ALIASES).where(table.name == name).order_by(table.alias)
        with self._database.reading() as connection:
            return [_alias(row) for row in connection.execute(query)]

    def set(self, name: str, alias: str, version: str, by: Actor, seen: int | None = None) -> Alias:
        """Have an alias stand for a version, whatever it stood for before.

        Args:
            name: of the family.
            alias: an id.
            version: of a model that is validated or released.
            by: who does it.
            seen: the alias's revision that they saw, 0 where there was none; None: they don't mind.

        Raises:
            UnknownModelError: there is no such model.
            ModelChangedError: somebody changed the alias since.
            RegistryError: the model is in another state, or nothing may be called so.
            StoreAwayError: the database does not answer.
        """
        check_name(alias, "alias")
        target = f"{name} {alias} -> {version}"
        with acting(self._database, self._audit, by, "model.alias", target) as act:
            row = _row(act.connection, name, alias)
            act.target = f"{name} {alias} {row.version if row else 'none'} -> {version}"
            check_seen(f"alias {alias} of {name}", row.revision if row else 0, seen)
            _check_version(act.connection, name, version)
            values = {"version": version, "set_by": by.name[:200], "set_ns": self._clock_ns()}
            if row is not None:
                changed = update(MODEL_ALIASES).where(_is(name, alias))
                act.connection.execute(changed.values(revision=row.revision + 1, **values))
            else:
                _check_room(act.connection, name)
                new = insert(MODEL_ALIASES)
                act.connection.execute(new.values(name=name, alias=alias, revision=1, **values))
            return _alias(
                act.connection.execute(select(MODEL_ALIASES).where(_is(name, alias))).one()
            )

    def remove(self, name: str, alias: str, by: Actor, seen: int | None = None) -> None:
        """Have no alias of this name.

        Raises:
            UnknownModelError: there is none.
            ModelChangedError: somebody changed it since.
            StoreAwayError: the database does not answer.
        """
        check_name(alias, "alias")
        with acting(
            self._database, self._audit, by, "model.alias", f"{name} {alias} -> none"
        ) as act:
            row = _row(act.connection, name, alias)
            if row is None:
                raise UnknownModelError(f"there is no alias {alias!r} of {name!r}")
            act.target = f"{name} {alias} {row.version} -> none"
            check_seen(f"alias {alias} of {name}", row.revision, seen)
            act.connection.execute(delete(MODEL_ALIASES).where(_is(name, alias)))


def _check_version(connection: Connection, name: str, version: str) -> None:
    where = (MODELS.c.name == name) & (MODELS.c.version == version)
    state = connection.execute(select(MODELS.c.state).where(where)).scalar()
    if state is None:
        raise UnknownModelError(f"there is no model {name!r} of version {version!r}")
    if ModelState(state) not in NAMED_BY_ALIASES:
        raise RegistryError(
            f"model {name} {version} is {state}: an alias stands for one that is validated or "
            "released"
        )


def _check_room(connection: Connection, name: str) -> None:
    query = select(MODEL_ALIASES.c.alias).where(MODEL_ALIASES.c.name == name)
    if len(connection.execute(query).all()) >= MAX_ALIASES:
        raise RegistryError(f"{name} has {MAX_ALIASES} aliases already: remove one first")


def _is(name: str, alias: str) -> Any:
    return (MODEL_ALIASES.c.name == name) & (MODEL_ALIASES.c.alias == alias)


def _row(connection: Connection, name: str, alias: str) -> Row[Any] | None:
    return connection.execute(select(MODEL_ALIASES).where(_is(name, alias))).one_or_none()


def _alias(row: Row[Any]) -> Alias:
    return Alias(row.name, row.alias, row.version, row.revision, row.set_by, row.set_ns)
