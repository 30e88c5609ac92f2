"""The table of models: which there are, in which state, by whom."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from cloud.errors import RegistryError, UnknownModelError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.schema import MODEL_ALIASES, MODELS
from cloud.registry.acts import Act, acting, check_seen
from cloud.registry.model import MAX_RELEASE, Family, Model
from cloud.registry.report import Report
from cloud.registry.states import Cause, ModelState, check_transition

_ACTIONS = {
    ModelState.DEPRECATED: "model.deprecate",
    ModelState.RELEASED: "model.restore",
    ModelState.REVOKED: "model.revoke",
}


class Catalogue:
    """The table. Any thread may use it; every change, and every refusal, stands in the audit.

    Nothing is ever removed: a device in the field may run any version that there was, and whoever
    looks into what it did must find what it was.

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

    def add(self, name: str, version: str, digest: str, by: Actor) -> bool:
        """Have a model, as a candidate; the same once more is harmless.

        Returns:
            False where it was there already.

        Raises:
            RegistryError: another record has this name and version.
            StoreAwayError: the database does not answer.
        """
        with self._act(by, "model.add", f"{name} {version} {digest}") as act:
            row = _row(act.connection, name, version)
            if row is not None:
                check_same(name, version, row.digest, digest)
                act.outcome = "added before"
                return False
            now_ns = self._clock_ns()
            act.connection.execute(
                insert(MODELS).values(
                    name=name, version=version, digest=digest, revision=1,
                    state=ModelState.CANDIDATE.value, added_by=by.name[:200], added_ns=now_ns,
                    changed_ns=now_ns,
                )
            )  # fmt: skip
            return True

    def find(self, name: str, version: str) -> Model | None:
        """A model, None where there is none.

        Raises:
            StoreAwayError: the database does not answer.
        """
        with self._database.reading() as connection:
            row = _row(connection, name, version)
        return _model(row) if row is not None else None

    def get(self, name: str, version: str) -> Model:
        """A model, whatever its state.

        Raises:
            UnknownModelError: there is none of that name and version.
            StoreAwayError: the database does not answer.
        """
        found = self.find(name, version)
        if found is None:
            raise _unknown(name, version)
        return found

    def page(
        self,
        name: str | None = None,
        after: tuple[str, str] = ("", ""),
        limit: int = 100,
        state: ModelState | None = None,
    ) -> Sequence[Model]:
        """Models in the order of their names and versions, as texts.

        Args:
            name: only those of this family.
            after: a name and a version, also such as there are not: those behind them.
            limit: models at most.
            state: only those.

        Raises:
            StoreAwayError: the database does not answer.
        """
        table = MODELS.c
        is_behind = (table.name > after[0]) | (
            (table.name == after[0]) & (table.version > after[1])
        )
        query = select(MODELS).where(is_behind)
        if name is not None:
            query = query.where(table.name == name)
        if state is not None:
            query = query.where(table.state == state.value)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(table.name, table.version).limit(limit)).all()
        return [_model(row) for row in rows]

    def families(self, after: str = "", limit: int = 100) -> Sequence[Family]:
        """Families in the order of their names, those behind a name.

        Raises:
            StoreAwayError: the database does not answer.
        """
        table, alias = MODELS.c, MODEL_ALIASES.c
        counts = select(
            table.name, func.count().label("versions"), func.max(table.release).label("newest")
        )
        counts = counts.where(table.name > after).group_by(table.name).order_by(table.name)
        with self._database.reading() as connection:
            rows = connection.execute(counts.limit(limit)).all()
            of_rows = alias.name.in_([row.name for row in rows])
            aliases = connection.execute(select(MODEL_ALIASES).where(of_rows)).all()
        return [
            Family(
                row.name, row.versions, row.newest,
                {one.alias: one.version for one in aliases if one.name == row.name},
            )
            for row in rows
        ]  # fmt: skip

    def keep_report(self, name: str, version: str, report: Report, by: Actor) -> Model:
        """Keep what a validation found; the model is VALIDATED by a good one, else a CANDIDATE.

        No alias names a candidate any longer.

        Raises:
            UnknownModelError: there is none of that name and version.
            RegistryError: it is neither of both any more.
            StoreAwayError: the database does not answer.
        """
        with self._act(by, "model.validate", f"{name} {version}") as act:
            row = _known(act.connection, name, version)
            after = ModelState.VALIDATED if report.is_good else ModelState.CANDIDATE
            if row.state != after.value:
                _check(row, after, Cause.VALIDATION)
            if not report.is_good:
                act.outcome = f"{len(report.findings)} findings: {report.findings[0]}"
                self._unname(act, row, by, "it is a candidate")
            return self._write(act, row, state=after.value, report=report.model_dump_json())

    def release(self, name: str, version: str, release: int, by: Actor) -> None:
        """Record that the signed repository holds a model; the same once more is harmless.

        Numbers grow there. Here they come in any order: whoever was cut off before this says it
        again, perhaps after the next release.

        Raises:
            UnknownModelError: there is none of that name and version.
            RegistryError: it is not validated, or another version has the number.
            StoreAwayError: the database does not answer.
        """
        with self._act(by, "model.release", f"{name} {version} as {release}") as act:
            row = _known(act.connection, name, version)
            if row.release == release and row.state != ModelState.REVOKED.value:
                act.outcome = "released before"
                return
            _check(row, ModelState.RELEASED, Cause.SIGNATURE)
            if not 1 <= release <= MAX_RELEASE:
                raise RegistryError(f"{release} is no number of a release")
            where = (MODELS.c.name == name) & (MODELS.c.release == release)
            other = act.connection.execute(select(MODELS.c.version).where(where)).scalar()
            if other is not None:
                raise RegistryError(
                    f"model {name} {version} cannot be release {release}, which is {other}"
                )
            self._write(act, row, state=ModelState.RELEASED.value, release=release)

    def change(
        self, name: str, version: str, after: ModelState, by: Actor, seen: int | None = None
    ) -> Model:
        """A model that a person deprecates, restores after that, or revokes.

        Args:
            name: of the family.
            version: of the model.
            after: DEPRECATED, RELEASED or REVOKED.
            by: who does it.
            seen: the revision that they saw; None: they don't mind.

        Raises:
            UnknownModelError: there is none of that name and version.
            ModelChangedError: somebody changed it since.
            RegistryError: it cannot become that; or an alias names what would be deprecated.
            StoreAwayError: the database does not answer.
        """
        if after is ModelState.REVOKED:
            return self.revoke(name, version, by, Cause.PERSON, seen)
        action = _ACTIONS.get(after, f"model.{after.value}")
        with self._act(by, action, f"{name} {version}") as act:
            row = _known(act.connection, name, version)
            check_seen(f"model {name} {version}", row.revision, seen)
            _check(row, after, Cause.PERSON)
            names = _aliases(act.connection, name, version)
            if after is ModelState.DEPRECATED and names:
                raise RegistryError(
                    f"model {name} {version} is the {' and the '.join(names)} of its name: set "
                    "that to another version first"
                )
            return self._write(act, row, state=after.value)

    def revoke(
        self, name: str, version: str, by: Actor, cause: Cause, seen: int | None = None
    ) -> Model:
        """A model revoked for good; once more is harmless. No alias names it any longer.

        Raises:
            UnknownModelError: there is none of that name and version.
            ModelChangedError: somebody changed it since.
            StoreAwayError: the database does not answer.
        """
        with self._act(by, _ACTIONS[ModelState.REVOKED], f"{name} {version}") as act:
            row = _known(act.connection, name, version)
            if row.state == ModelState.REVOKED.value:
                act.outcome = "revoked before"
                return _model(row)
            check_seen(f"model {name} {version}", row.revision, seen)
            _check(row, ModelState.REVOKED, cause)
            self._unname(act, row, by, "it is revoked")
            return self._write(act, row, state=ModelState.REVOKED.value)

    def _act(self, by: Actor, action: str, target: str) -> AbstractContextManager[Act]:
        return acting(self._database, self._audit, by, action, target)

    def _unname(self, act: Act, row: Row[Any], by: Actor, why: str) -> None:
        """Have no alias stand for a model."""
        for alias in _aliases(act.connection, row.name, row.version):
            named = (MODEL_ALIASES.c.name == row.name) & (MODEL_ALIASES.c.alias == alias)
            act.connection.execute(delete(MODEL_ALIASES).where(named))
            target = f"{row.name} {alias} {row.version} -> none"
            self._audit.note(act.connection, by, "model.alias", target, f"done: {why}")

    def _write(self, act: Act, row: Row[Any], **values: object) -> Model:
        """The model after columns were changed."""
        changed = {"revision": row.revision + 1, "changed_ns": self._clock_ns(), **values}
        where = (MODELS.c.name == row.name) & (MODELS.c.version == row.version)
        act.connection.execute(update(MODELS).where(where).values(changed))
        return _model(_known(act.connection, row.name, row.version))


def check_same(name: str, version: str, there: str, new: str) -> None:
    """Return when a record is the one that is there already.

    Raises:
        RegistryError: it is another one.
    """
    if there != new:
        raise RegistryError(
            f"model {name} {version} is there already with another record ({there}, not {new}) and "
            "is never overwritten: raise the manifest's `version` and register it anew"
        )


def _row(connection: Connection, name: str, version: str) -> Row[Any] | None:
    where = (MODELS.c.name == name) & (MODELS.c.version == version)
    return connection.execute(select(MODELS).where(where)).one_or_none()


def _known(connection: Connection, name: str, version: str) -> Row[Any]:
    row = _row(connection, name, version)
    if row is None:
        raise _unknown(name, version)
    return row


def _unknown(name: str, version: str) -> UnknownModelError:
    return UnknownModelError(f"there is no model {name[:100]!r} of version {version[:100]!r}")


def _check(row: Row[Any], after: ModelState, cause: Cause) -> None:
    try:
        check_transition(ModelState(row.state), after, cause)
    except RegistryError as error:
        raise RegistryError(f"model {row.name} {row.version} {error}") from error


def _aliases(connection: Connection, name: str, version: str) -> list[str]:
    """What stands for a version, in the order of their names."""
    table = MODEL_ALIASES.c
    where = (table.name == name) & (table.version == version)
    query = select(table.alias).where(where).order_by(table.alias)
    return [str(alias) for alias in connection.execute(query).scalars()]


def _model(row: Row[Any]) -> Model:
    return Model(
        name=row.name,
        version=row.version,
        digest=row.digest,
        state=ModelState(row.state),
        release=row.release,
        revision=row.revision,
        added_by=row.added_by,
        added_ns=row.added_ns,
        changed_ns=row.changed_ns,
        report=Report.model_validate_json(row.report) if row.report is not None else None,
    )
