"""The tables of models, aliases and engines, on a real SQLite file and a real PostgreSQL."""

from contextlib import closing

import pytest

from cloud.errors import (
    ModelChangedError,
    RegistryError,
    StoreAwayError,
    UnknownModelError,
)
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.registry.aliases import MAX_ALIASES, Aliases
from cloud.registry.catalogue import Catalogue
from cloud.registry.engines import Engines
from cloud.registry.model import Board, Model
from cloud.registry.report import Report
from cloud.registry.states import Cause, ModelState
from tests.support.fleet import Clock
from tests.support.processes import together

BY = Actor("user:ada", "here")
BOB = Actor("key:bob", "there")
ONE, TWO = "1" * 64, "2" * 64
GOOD = Report(at_ns=5, by="user:ada", findings=())
BAD = Report(at_ns=6, by="user:ada", findings=("its input is too large", "and more"))
ORIN = Board("SM87", "10.3", "6.2")


@pytest.fixture
def audit(database: FleetDatabase, clock: Clock) -> Audit:
    return Audit(database, clock)


@pytest.fixture
def models(database: FleetDatabase, audit: Audit, clock: Clock) -> Catalogue:
    return Catalogue(database, audit, clock)


@pytest.fixture
def aliases(database: FleetDatabase, audit: Audit, clock: Clock) -> Aliases:
    return Aliases(database, audit, clock)


def told(audit: Audit) -> list[tuple[str, str, str, str]]:
    return [(one.actor, one.action, one.target, one.outcome) for one in audit.page(limit=1000)]


def add(models: Catalogue, *versions: str, name: str = "gate") -> None:
    for version in versions:
        models.add(name, version, ONE, BY)
        models.keep_report(name, version, GOOD, BY)


def test_the_life_of_a_model_with_every_step_audited(
    models: Catalogue, audit: Audit, clock: Clock
) -> None:
    assert models.find("gate", "1") is None
    assert models.add("gate", "1", ONE, BY)
    made = models.get("gate", "1")
    assert (made.state, made.revision, made.added_ns) == (ModelState.CANDIDATE, 1, clock.now_ns)
    assert (made.added_by, made.release, made.report) == ("user:ada", None, None)
    assert not models.add("gate", "1", ONE, BOB)
    assert models.get("gate", "1") == made

    clock.now_ns += 7
    failed = models.keep_report("gate", "1", BAD, BY)
    assert (failed.state, failed.revision, failed.report) == (ModelState.CANDIDATE, 2, BAD)
    assert failed.changed_ns == clock.now_ns
    assert models.keep_report("gate", "1", GOOD, BY).state is ModelState.VALIDATED
    models.release("gate", "1", 3, BOB)
    released = models.get("gate", "1")
    assert (released.state, released.release, released.revision) == (ModelState.RELEASED, 3, 4)
    models.release("gate", "1", 3, BOB)
    assert models.get("gate", "1") == released
    assert models.change("gate", "1", ModelState.DEPRECATED, BY).state is ModelState.DEPRECATED
    models.release("gate", "1", 3, BOB)
    assert models.get("gate", "1").state is ModelState.DEPRECATED
    assert models.change("gate", "1", ModelState.RELEASED, BY).release == 3
    gone = models.change("gate", "1", ModelState.REVOKED, BY)
    assert (gone.state, gone.release, gone.digest) == (ModelState.REVOKED, 3, ONE)
    assert models.revoke("gate", "1", BOB, Cause.SIGNATURE) == gone

    assert told(audit) == [
        ("user:ada", "model.add", f"gate 1 {ONE}", "done"),
        ("key:bob", "model.add", f"gate 1 {ONE}", "added before"),
        ("user:ada", "model.validate", "gate 1", "2 findings: its input is too large"),
        ("user:ada", "model.validate", "gate 1", "done"),
        ("key:bob", "model.release", "gate 1 as 3", "done"),
        ("key:bob", "model.release", "gate 1 as 3", "released before"),
        ("user:ada", "model.deprecate", "gate 1", "done"),
        ("key:bob", "model.release", "gate 1 as 3", "released before"),
        ("user:ada", "model.restore", "gate 1", "done"),
        ("user:ada", "model.revoke", "gate 1", "done"),
        ("key:bob", "model.revoke", "gate 1", "revoked before"),
    ]


def test_revoked_is_for_good(models: Catalogue) -> None:
    add(models, "1")
    revoked = models.change("gate", "1", ModelState.REVOKED, BY)
    for act in (
        lambda: models.release("gate", "1", 1, BY),
        lambda: models.keep_report("gate", "1", GOOD, BY),
        lambda: models.change("gate", "1", ModelState.RELEASED, BY),
        lambda: models.change("gate", "1", ModelState.DEPRECATED, BY),
    ):
        with pytest.raises(RegistryError, match="gate 1 is revoked for good"):
            act()
    assert not models.add("gate", "1", ONE, BY)
    assert models.get("gate", "1") == revoked


def test_a_release_that_was_revoked_is_not_released_again(models: Catalogue) -> None:
    add(models, "1")
    models.release("gate", "1", 1, BY)
    models.revoke("gate", "1", BY, Cause.SIGNATURE)
    with pytest.raises(RegistryError, match="revoked for good"):
        models.release("gate", "1", 1, BY)


def test_another_record_is_refused_with_both_digests(models: Catalogue, audit: Audit) -> None:
    models.add("gate", "1", ONE, BY)
    with pytest.raises(RegistryError, match=f"{ONE}, not {TWO}.*never overwritten"):
        models.add("gate", "1", TWO, BOB)
    assert models.get("gate", "1").digest == ONE
    assert told(audit)[-1][:3] == ("key:bob", "model.add", f"gate 1 {TWO}")
    assert told(audit)[-1][3].startswith("refused: model gate 1 is there already")


def test_a_release_is_one_model_within_a_name(models: Catalogue) -> None:
    add(models, "1", "2", "3")
    add(models, "1", name="yard")
    models.release("gate", "2", 5, BY)
    for number in (-1, 0, 2**53):
        with pytest.raises(RegistryError, match=f"^{number} is no number of a release"):
            models.release("gate", "1", number, BY)
    with pytest.raises(RegistryError, match="gate 1 cannot be release 5, which is 2"):
        models.release("gate", "1", 5, BY)
    models.release("gate", "1", 6, BY)
    models.release("yard", "1", 1, BY)
    models.revoke("gate", "1", BY, Cause.SIGNATURE)
    with pytest.raises(RegistryError, match="gate 3 cannot be release 6, which is 1"):
        models.release("gate", "3", 6, BY)
    with pytest.raises(RegistryError, match="is released already"):
        models.release("gate", "2", 7, BY)


def test_who_was_cut_off_before_it_was_noted_says_it_after_the_next_release(
    models: Catalogue,
) -> None:
    add(models, "1", "2")
    models.release("gate", "2", 2, BY)
    models.release("gate", "1", 1, BY)
    assert [(one.version, one.release) for one in models.page()] == [("1", 1), ("2", 2)]


def test_no_alias_stands_for_what_failed_when_it_was_looked_at_again(
    models: Catalogue, aliases: Aliases, audit: Audit
) -> None:
    add(models, "1", "2")
    for alias, version in (("champion", "1"), ("challenger", "2")):
        aliases.set("gate", alias, version, BY)
    models.keep_report("gate", "1", BAD, BOB)
    assert [(one.alias, one.version) for one in aliases.of("gate")] == [("challenger", "2")]
    assert told(audit)[-2:] == [
        ("key:bob", "model.alias", "gate champion 1 -> none", "done: it is a candidate"),
        ("key:bob", "model.validate", "gate 1", "2 findings: its input is too large"),
    ]


def test_who_acts_on_what_somebody_changed_is_told(models: Catalogue, aliases: Aliases) -> None:
    add(models, "1", "2")
    models.release("gate", "1", 1, BY)
    seen = models.get("gate", "1").revision
    models.change("gate", "1", ModelState.DEPRECATED, BY, seen)
    for after in (ModelState.RELEASED, ModelState.REVOKED):
        with pytest.raises(ModelChangedError, match=f"revision {seen + 1}, and you saw {seen}"):
            models.change("gate", "1", after, BOB, seen)
    assert models.get("gate", "1").state is ModelState.DEPRECATED

    aliases.set("gate", "champion", "2", BY, 0)
    with pytest.raises(ModelChangedError, match="revision 1, and you saw 0"):
        aliases.set("gate", "champion", "2", BOB, 0)
    assert aliases.set("gate", "champion", "2", BOB, 1).revision == 2
    with pytest.raises(ModelChangedError, match="revision 2, and you saw 1"):
        aliases.remove("gate", "champion", BY, 1)
    aliases.remove("gate", "champion", BY, 2)


def test_of_two_who_act_at_once_one_is_told(models: Catalogue, aliases: Aliases) -> None:
    add(models, "1", "2", "3", "4", "5")
    refused: list[str] = []

    def point(version: str) -> None:
        try:
            aliases.set("gate", "champion", version, BY, 0)
        except ModelChangedError as error:
            refused.append(str(error))

    together(*(lambda version=version: point(version) for version in "12345"))
    assert len(refused) == 4
    [one] = aliases.of("gate")
    assert one.revision == 1


def test_of_two_releases_of_one_number_one_stands(models: Catalogue) -> None:
    add(models, "1", "2", "3", "4")
    refused: list[str] = []

    def release(version: str) -> None:
        try:
            models.release("gate", version, 1, BY)
        except RegistryError as error:
            refused.append(str(error))

    together(*(lambda version=version: release(version) for version in "1234"))
    assert len(refused) == 3
    assert sorted(str(one.release) for one in models.page()) == ["1", "None", "None", "None"]


def test_an_alias_stands_for_what_may_run(
    models: Catalogue, aliases: Aliases, audit: Audit, clock: Clock
) -> None:
    models.add("gate", "0", ONE, BY)
    add(models, "1", "2")
    with pytest.raises(RegistryError, match="gate 0 is candidate: an alias stands for"):
        aliases.set("gate", "champion", "0", BY)
    with pytest.raises(UnknownModelError, match="no model 'gate' of version '9'"):
        aliases.set("gate", "champion", "9", BY)
    made = aliases.set("gate", "champion", "1", BY)
    assert (made.version, made.revision, made.set_by) == ("1", 1, "user:ada")
    assert made.set_ns == clock.now_ns
    aliases.set("gate", "challenger", "2", BY)
    assert aliases.set("gate", "champion", "2", BOB).revision == 2
    assert [(one.alias, one.version) for one in aliases.of("gate")] == [
        ("challenger", "2"), ("champion", "2"),
    ]  # fmt: skip
    assert aliases.of("yard") == []
    with pytest.raises(UnknownModelError, match="no alias 'third'"):
        aliases.remove("gate", "third", BY)
    for odd in ("x", "Champion", "../x", "a b"):
        with pytest.raises(RegistryError, match="alias .* is not allowed"):
            aliases.set("gate", odd, "1", BY)
    assert [line[2:] for line in told(audit) if line[1] == "model.alias"][2:] == [
        ("gate champion none -> 1", "done"),
        ("gate challenger none -> 2", "done"),
        ("gate champion 1 -> 2", "done"),
        ("gate third -> none", "refused: there is no alias 'third' of 'gate'"),
    ]


def test_what_an_alias_names_is_not_deprecated_and_falls_with_a_revocation(
    models: Catalogue, aliases: Aliases, audit: Audit
) -> None:
    add(models, "1", "2")
    models.release("gate", "1", 1, BY)
    for alias, version in (("champion", "1"), ("safe-one", "1"), ("challenger", "2")):
        aliases.set("gate", alias, version, BY)
    with pytest.raises(RegistryError, match="is the champion and the safe-one of its name"):
        models.change("gate", "1", ModelState.DEPRECATED, BY)
    models.change("gate", "1", ModelState.REVOKED, BOB)
    assert [(one.alias, one.version) for one in aliases.of("gate")] == [("challenger", "2")]
    assert told(audit)[-3:] == [
        ("key:bob", "model.alias", "gate champion 1 -> none", "done: it is revoked"),
        ("key:bob", "model.alias", "gate safe-one 1 -> none", "done: it is revoked"),
        ("key:bob", "model.revoke", "gate 1", "done"),
    ]


def test_aliases_of_a_name_are_bounded(models: Catalogue, aliases: Aliases) -> None:
    add(models, "1")
    for number in range(MAX_ALIASES):
        aliases.set("gate", f"alias-{number}", "1", BY)
    with pytest.raises(RegistryError, match="remove one first"):
        aliases.set("gate", "one-more", "1", BY)
    aliases.set("gate", "alias-0", "1", BY)


def test_models_are_read_page_by_page(models: Catalogue, aliases: Aliases) -> None:
    add(models, "1", "10", "2", "1.0+rc-1")
    add(models, "1", name="arch")
    add(models, "3", "4", name="yard")
    models.release("yard", "3", 8, BY)
    aliases.set("yard", "champion", "3", BY)

    everything = models.page()
    assert [one.name for one in everything] == ["arch", *["gate"] * 4, "yard", "yard"]
    seen: list[Model] = []
    after = ("", "")
    while page := models.page(after=after, limit=2):
        seen += page
        after = page[-1].name, page[-1].version
    assert seen == everything
    assert {one.version for one in models.page("gate")} == {"1", "10", "2", "1.0+rc-1"}
    [released] = models.page(state=ModelState.RELEASED)
    assert (released.name, released.version) == ("yard", "3")
    assert models.page("gate", state=ModelState.RELEASED) == []

    families = models.families(limit=2)
    assert [(one.name, one.versions) for one in families] == [("arch", 1), ("gate", 4)]
    [yard] = models.families("gate")
    assert (yard.versions, yard.newest_release, yard.aliases) == (2, 8, {"champion": "3"})
    assert models.families("yard") == []


def test_engines_are_listed_once_a_board(
    models: Catalogue, database: FleetDatabase, audit: Audit, clock: Clock
) -> None:
    engines = Engines(database, audit, clock)
    add(models, "1", "2")
    assert engines.add("gate", "1", ORIN, ONE, 9, BY)
    assert not engines.add("gate", "1", ORIN, ONE, 9, BOB)
    with pytest.raises(RegistryError, match=f"SM87, TensorRT 10.3, JetPack 6.2 .*{ONE}, not {TWO}"):
        engines.add("gate", "1", ORIN, TWO, 9, BY)
    engines.add("gate", "1", Board("SM120", "10.3"), TWO, 5, BY)
    engines.add("gate", "2", ORIN, TWO, 5, BY)
    first, second = engines.of("gate", "1")
    assert (str(first.board), first.sha256) == ("SM120, TensorRT 10.3", TWO)
    assert (second.board, second.size_bytes, second.added_by) == (ORIN, 9, "user:ada")
    assert engines.find("gate", "2", ORIN) is not None
    assert engines.find("gate", "2", Board("SM87", "8.6", "5.1")) is None
    with pytest.raises(UnknownModelError):
        engines.add("gate", "9", ORIN, ONE, 9, BY)
    models.change("gate", "1", ModelState.REVOKED, BY)
    with pytest.raises(RegistryError, match="revoked for good"):
        engines.add("gate", "1", Board("SM86", "10.3"), ONE, 9, BY)


def test_what_there_is_not_is_told(models: Catalogue) -> None:
    for act in (
        lambda: models.get("gate", "1"),
        lambda: models.release("gate", "1", 1, BY),
        lambda: models.keep_report("gate", "1", GOOD, BY),
        lambda: models.change("gate", "1", ModelState.DEPRECATED, BY),
        lambda: models.revoke("gate", "1", BY, Cause.SIGNATURE),
    ):
        with pytest.raises(UnknownModelError, match="no model 'gate' of version '1'"):
            act()


def test_a_database_that_does_not_answer_is_told(url: str, clock: Clock) -> None:
    with closing(FleetDatabase(url)) as database:
        models = Catalogue(database, Audit(database), clock)
        with database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE models")
        with pytest.raises(StoreAwayError):
            models.add("gate", "1", ONE, BY)
        with pytest.raises(StoreAwayError):
            models.page()
        assert Audit(database).page() == []
