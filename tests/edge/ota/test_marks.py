"""The marks never fall, whatever happens in whatever order."""

import copy

from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import MetaFile, Root, Snapshot, Timestamp

from edge.ota.marks import MAX_VOUCHED, Marks
from edge.ota.port import Target
from tests.support.small_repository import SmallRepository, new_key

FAMILIES = ("gate", "lane")


def target(family: str, release: int) -> Target:
    return Target(family, f"1.{release}", release, f"{release:064x}", 10, None)


def roots() -> list[Root]:
    """Four roots; the third and the fourth withdraw a key of timestamp, then of snapshot."""
    made = SmallRepository()
    found = []
    for version, rotated in enumerate((None, None, "timestamp", "snapshot"), start=1):
        if rotated is not None:
            made.give_keys(rotated)
        made.root.version = version
        found.append(copy.deepcopy(made.root))
    return found


ROOTS = roots()

versions = st.integers(1, 50)
families = st.sampled_from(FAMILIES)
events = st.one_of(
    st.tuples(st.just("root"), st.sampled_from(ROOTS)),
    st.tuples(st.just("timestamp"), st.tuples(versions, versions)),
    st.tuples(st.just("snapshot"), st.tuples(versions, versions)),
    st.tuples(st.just("taken"), st.tuples(st.sampled_from(("targets", "family-gate")), versions)),
    st.tuples(st.just("rules"), st.tuples(families, versions, st.frozensets(versions, max_size=4))),
    st.tuples(st.just("vouched"), st.tuples(families, versions)),
    st.tuples(st.just("time"), st.integers(0, 10**9)),
)


def after(marks: Marks, event: tuple[str, object]) -> Marks:
    match event:
        case "root", Root() as root:
            return marks.with_root(root)
        case "timestamp", (int() as version, int() as snapshot):
            return marks.with_timestamp(Timestamp(version, snapshot_meta=MetaFile(snapshot)))
        case "snapshot", (int() as version, int() as role):
            meta = {"targets.json": MetaFile(role), "family-gate.json": MetaFile(role)}
            return marks.with_snapshot(Snapshot(version, meta=meta))
        case "taken", (str() as role, int() as version):
            return marks.with_taken(role, version)
        case "rules", (str() as family, int() as floor, frozenset() as revoked):
            return marks.with_rules(family, floor, revoked)
        case "vouched", (str() as family, int() as release):
            return marks.with_vouched(target(family, release))
        case "time", int() as time_s:
            return marks.with_time(time_s)
    raise AssertionError(event)


FIRST = Marks().with_root(ROOTS[0])
"""Every device begins with a root."""


def marks_after(those: list[tuple[str, object]]) -> Marks:
    marks = FIRST
    for event in those:
        marks = after(marks, event)
    return marks


def assert_not_below(later: Marks, earlier: Marks) -> None:
    assert later.root >= earlier.root
    assert later.time_s >= earlier.time_s
    for family in FAMILIES:
        assert later.floors.get(family, 0) >= earlier.floors.get(family, 0)
        assert later.revoked.get(family, frozenset()) >= earlier.revoked.get(family, frozenset())
    if not earlier.timestamp_keys - later.timestamp_keys:
        assert later.timestamp >= earlier.timestamp
        if not earlier.snapshot_keys - later.snapshot_keys:
            assert later.snapshot >= earlier.snapshot
    if not earlier.snapshot_keys - later.snapshot_keys:
        for one, other in ((later.listed, earlier.listed), (later.taken, earlier.taken)):
            assert all(one.get(role, 0) >= version for role, version in other.items())


@given(st.lists(events, max_size=30))
def test_no_order_of_events_lowers_a_mark(those: list[tuple[str, object]]) -> None:
    marks = FIRST
    for event in those:
        later = after(marks, event)
        assert_not_below(later, marks)
        marks = later


@given(st.lists(events, max_size=15), st.lists(events, max_size=15))
def test_two_copies_come_to_what_neither_is_above(
    some: list[tuple[str, object]], more: list[tuple[str, object]]
) -> None:
    """Either copy may be the older one: what is read from both is never below one of them."""
    early, late = marks_after(some), marks_after([*some, *more])
    for joined in (early.joined(late), late.joined(early)):
        assert_not_below(joined, early)
        assert_not_below(joined, late)
    assert late.joined(late) == late
    assert early.joined(late).root == late.joined(early).root == max(early.root, late.root)


@given(st.lists(events, max_size=15), st.sampled_from(ROOTS[:2]))
def test_going_the_way_of_roots_again_changes_nothing(
    those: list[tuple[str, object]], root: Root
) -> None:
    marks = marks_after([*those, ("root", ROOTS[3])])
    assert marks.with_root(root) == marks


def test_a_withdrawn_key_counts_anew_what_it_signed_and_nothing_else() -> None:
    marks = marks_after(
        [
            ("root", ROOTS[0]), ("timestamp", (40, 30)), ("snapshot", (30, 20)),
            ("taken", ("targets", 20)), ("rules", ("gate", 5, frozenset({3}))), ("time", 77),
        ]
    )  # fmt: skip
    assert marks.with_root(ROOTS[1]).timestamp == 40
    rotated = marks.with_root(ROOTS[2])
    assert (rotated.timestamp, rotated.snapshot) == (0, 0)
    assert rotated.listed == marks.listed
    both = rotated.with_timestamp(Timestamp(1)).with_root(ROOTS[3])
    assert (both.timestamp, both.snapshot, both.listed, both.taken) == (1, 0, {}, {})
    assert (both.floors, both.revoked, both.time_s) == ({"gate": 5}, {"gate": frozenset({3})}, 77)


def test_another_key_beside_the_old_one_counts_nothing_anew() -> None:
    more = copy.deepcopy(ROOTS[0])
    more.add_key(new_key().public_key, "timestamp")
    more.version = 2
    marks = marks_after([("root", ROOTS[0]), ("timestamp", (40, 30))])
    assert marks.with_root(more).timestamp == 40


def test_what_was_vouched_for_is_remembered_the_newest_last_and_bounded() -> None:
    marks = Marks()
    for release in [*range(1, MAX_VOUCHED + 2), 5]:
        marks = marks.with_vouched(target("gate", release))
    kept = [one.release for one in marks.vouched["gate"]]
    assert len(kept) == MAX_VOUCHED
    assert kept[0] == 2
    assert kept[-1] == 5
    assert marks.families == {"gate"}
