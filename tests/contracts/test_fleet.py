"""API keys and the audit: what they promise, on a real SQLite file and a real PostgreSQL."""

import threading
from contextlib import closing
from dataclasses import replace

import pytest

from cloud.errors import AccessError, KeyRefusedError, StoreAwayError, UnknownKeyError
from cloud.fleet.api_key import Role
from cloud.fleet.audit import BEGUN, Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.keys import Keys
from cloud.fleet.schema import METADATA
from tests.support.fleet import Clock
from tests.support.processes import together

BY = Actor("user:root", "here")
MINUTE_NS = 60 * 10**9
DAY_NS = 86_400 * 10**9


@pytest.fixture
def audit(database: FleetDatabase, clock: Clock) -> Audit:
    return Audit(database, clock)


@pytest.fixture
def keys(database: FleetDatabase, audit: Audit, clock: Clock) -> Keys:
    return Keys(database, audit, clock)


def test_a_key_opens_until_it_expires(keys: Keys, clock: Clock) -> None:
    new, made = keys.create("night shift", Role.OPERATOR, BY, days=2)
    assert made.created_by == "user:root"
    assert replace(keys.verify(new.text), last_used_ns=None) == made
    clock.now_ns += 2 * DAY_NS - 1
    assert keys.verify(new.text).role is Role.OPERATOR
    clock.now_ns += 1
    with pytest.raises(KeyRefusedError, match="has expired") as error:
        keys.verify(new.text)
    assert error.value.key_id == new.key_id


def test_a_key_that_is_revoked_opens_nothing(keys: Keys, audit: Audit, clock: Clock) -> None:
    new, _ = keys.create("grafana", Role.VIEWER, BY)
    first = keys.revoke(new.key_id, BY)
    clock.now_ns += 5
    assert keys.revoke(new.key_id, BY) == first
    with pytest.raises(KeyRefusedError, match="is revoked"):
        keys.verify(new.text)
    with pytest.raises(UnknownKeyError, match="aaaaaaaaaaaa"):
        keys.revoke("aaaaaaaaaaaa", BY)

    assert [(entry.action, entry.target, entry.outcome) for entry in audit.page()] == [
        ("key.create", f"{new.key_id} viewer grafana", "done"),
        ("key.revoke", new.key_id, "done"),
        ("key.revoke", new.key_id, "revoked before"),
        ("key.revoke", "aaaaaaaaaaaa", "unknown"),
    ]


def test_only_the_whole_key_opens(keys: Keys) -> None:
    new, _ = keys.create("grafana", Role.VIEWER, BY)
    last = "A" if new.text[-1] != "A" else "B"
    unknown = new.text.replace(new.key_id, "a" * 12)
    for wrong in ("", "wayside", new.key_id, new.text[:-1] + last, new.text + "A", unknown):
        with pytest.raises(KeyRefusedError, match="not valid") as error:
            keys.verify(wrong)
        assert error.value.key_id is None


@pytest.mark.parametrize("label", ["", " x", "x" * 101, "a\nb", "<b>", "é\0"])
def test_labels_that_would_spoil_a_list_are_refused(keys: Keys, label: str) -> None:
    with pytest.raises(AccessError, match="label"):
        keys.create(label, Role.VIEWER, BY)


@pytest.mark.parametrize("days", [-1, 0, 3651])
def test_no_key_lives_for_ever(keys: Keys, days: int) -> None:
    with pytest.raises(AccessError, match="1 to 3650"):
        keys.create("x", Role.VIEWER, BY, days)


def test_the_last_use_is_kept_to_the_minute(keys: Keys, clock: Clock) -> None:
    new, made = keys.create("grafana", Role.VIEWER, BY)
    assert made.last_used_ns is None
    first_ns = clock.now_ns
    keys.verify(new.text)
    clock.now_ns += MINUTE_NS - 1
    keys.verify(new.text)
    assert keys.page()[0].last_used_ns == first_ns
    clock.now_ns += 1
    keys.verify(new.text)
    assert keys.page()[0].last_used_ns == first_ns + MINUTE_NS


def test_a_key_in_many_hands_is_refused_from_the_moment_of_its_revocation(keys: Keys) -> None:
    new, _ = keys.create("grafana", Role.VIEWER, BY)
    revoked, opened_after, hands = threading.Event(), [], threading.Barrier(5)

    def use() -> None:
        hands.wait()
        for _ in range(1000):
            too_late = revoked.is_set()
            try:
                keys.verify(new.text)
            except KeyRefusedError:
                return
            opened_after.append(too_late)

    def take_away() -> None:
        hands.wait()
        keys.revoke(new.key_id, BY)
        revoked.set()

    together(use, use, use, use, take_away)
    assert True not in opened_after


def test_keys_come_page_by_page(keys: Keys) -> None:
    made = sorted(keys.create(f"key {n}", Role.VIEWER, BY)[0].key_id for n in range(3))
    assert [key.key_id for key in keys.page(limit=2)] == made[:2]
    assert [key.key_id for key in keys.page(after=made[1])] == made[2:]


def test_no_key_is_made_without_an_entry_of_the_audit(database: FleetDatabase) -> None:
    class Broken(Audit):
        def note(self, *arguments: object, **more: object) -> int:
            raise StoreAwayError("no room")

    keys = Keys(database, Broken(database))
    with pytest.raises(StoreAwayError):
        keys.create("x", Role.ADMIN, BY)
    assert list(keys.page()) == []


def test_nothing_that_is_kept_opens_anything(keys: Keys, database: FleetDatabase) -> None:
    new, _ = keys.create("grafana", Role.VIEWER, BY)
    keys.verify(new.text)
    keys.revoke(new.key_id, BY)
    secret = new.text.split("_", 2)[2]
    with database.reading() as connection:
        kept = [str(connection.execute(table.select()).all()) for table in METADATA.sorted_tables]
    assert new.key_id in "".join(kept)
    assert secret not in "".join(kept)
    assert secret not in repr(new)


def test_entries_of_the_audit_stay_open_until_they_end(audit: Audit, clock: Clock) -> None:
    number = audit.begin(Actor("key:abc", "10.0.0.1"), "POST /v1/x")
    [entry] = audit.page()
    assert (entry.at_ns, entry.actor, entry.origin) == (clock.now_ns, "key:abc", "10.0.0.1")
    assert (entry.action, entry.target, entry.outcome) == ("POST /v1/x", "", BEGUN)
    audit.end(number, "201")
    assert audit.page()[0].outcome == "201"
    audit.begin(BY, "x" * 500)
    assert audit.page(after=number)[0].action == "x" * 200


def test_who_follows_the_audit_misses_nothing(database: FleetDatabase, url: str) -> None:
    seen: list[int] = []
    written = threading.Event()

    def follow() -> None:
        while True:
            is_last = written.is_set()
            page = Audit(database).page(seen[-1] if seen else 0, 7)
            seen.extend(entry.number for entry in page)
            if is_last and not page:
                return

    def write() -> None:
        with closing(FleetDatabase(url)) as other:
            tables = [Audit(database), Audit(other), Audit(other)]
            together(*(lambda t=t: [t.begin(BY, "x") for _ in range(30)] for t in tables))
        written.set()

    together(follow, write)
    assert len(seen) == len(set(seen)) == 90
