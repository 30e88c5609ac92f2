"""The rules, one by one, and that no byte of any file can be changed unnoticed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tuf.api.metadata import DelegatedRole, Delegations, Root, Signed, TargetFile, Targets

from edge.errors import OtaError
from edge.ota import verify
from edge.ota.documents import read
from edge.ota.marks import Marks
from edge.ota.verify import Limits
from tests.support.small_repository import SmallRepository, new_key
from tests.support.trusting_device import refused

MADE = SmallRepository("gate")
MADE.release("gate", "1.0.0", 1)
MADE.publish("gate", "targets")
MADE.publish_root()

FILES = {
    "root": "2.root.json", "timestamp": "timestamp.json", "snapshot": "2.snapshot.json",
    "targets": "2.targets.json", "gate": "2.family-gate.json",
}  # fmt: skip


def first() -> Root:
    return verify.first_root(MADE.first_root).signed


Believe = Callable[[bytes], Signed]
BELIEVED: dict[str, Believe] = {
    "root": lambda data: verify.next_root(first(), data).signed,
    "timestamp": lambda data: verify.timestamp_of(first(), data).signed,
    "snapshot": lambda data: verify.snapshot_of(first(), data).signed,
    "targets": lambda data: verify.role_of(first(), "targets", data, "root 1").signed,
    "gate": lambda data: verify.role_of(MADE.targets, "family-gate", data, "targets").signed,
}


def file(role: str) -> bytes:
    return MADE.files[f"metadata/{FILES[role]}"]


@pytest.mark.parametrize("role", FILES)
def test_what_was_signed_is_believed(role: str) -> None:
    assert BELIEVED[role](file(role)).version == 2


@pytest.mark.parametrize("role", FILES)
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_byte_can_be_changed_so_that_it_means_something_else(
    role: str, data: st.DataObject
) -> None:
    whole = file(role)
    at = data.draw(st.integers(0, len(whole) - 1))
    kind = data.draw(st.sampled_from(["other", "gone", "more", "cut"]))
    byte = data.draw(st.binary(min_size=1, max_size=1))
    rest = {"other": byte + whole[at + 1 :], "gone": whole[at + 1 :], "more": byte + whole[at:]}
    mutated = whole[:at] + rest.get(kind, b"")
    expected = BELIEVED[role](whole)
    try:
        believed = BELIEVED[role](mutated)
    except OtaError:
        return
    assert believed == expected


@settings(max_examples=40)
@given(st.binary(max_size=300))
def test_bytes_of_chance_are_refused(data: bytes) -> None:
    for believe in BELIEVED.values():
        with pytest.raises(OtaError):
            believe(data)


def test_a_root_must_be_signed_by_itself() -> None:
    made = SmallRepository()
    with refused("wrong-key", "the root itself"):
        verify.first_root(made.sign(made.root, [new_key()]))


def test_a_next_root_must_be_signed_by_the_one_before_and_by_itself() -> None:
    made = SmallRepository()
    trusted = verify.first_root(made.first_root).signed
    old = made.keys["root"]
    new = made.give_keys("root", 3, 2)
    with refused("wrong-key", "root 1"):
        verify.next_root(trusted, made.publish_root(version=2, signers=new))
    with refused("wrong-key", "root 2 itself"):
        verify.next_root(trusted, made.publish_root(version=2, signers=old))
    with refused("bad-signature", "root 1", "has 1 valid"):
        verify.next_root(trusted, made.publish_root(version=2, signers=[old[0], *new]))
    with refused("bad-signature", "root 2 itself", "has 1 valid"):
        verify.next_root(trusted, made.publish_root(version=2, signers=[*old, new[0]]))
    both = made.publish_root(version=2, signers=[*old[:2], *new[1:]])
    assert verify.next_root(trusted, both).signed.version == 2


@pytest.mark.parametrize(("version", "code"), [(1, "rolled-back"), (3, "mixed")])
def test_roots_follow_one_another_without_a_gap(version: int, code: str) -> None:
    made = SmallRepository()
    trusted = verify.first_root(made.first_root).signed
    with refused(code, f"is version {version}, 2 was expected after 1"):
        verify.next_root(trusted, made.publish_root(version=version))


def next_snapshot(made: SmallRepository, data: bytes, marks: Marks | None = None) -> Any:
    return verify.next_snapshot(made.root, made.timestamp, data, marks or Marks())


def test_a_snapshot_is_the_one_that_the_timestamp_names() -> None:
    made = SmallRepository("gate")
    old = made.files["metadata/1.snapshot.json"]
    made.publish("gate")
    assert next_snapshot(made, made.files["metadata/2.snapshot.json"]).signed.version == 2
    with refused("tampered", "snapshot", "the timestamp", "does not match"):
        next_snapshot(made, old)
    made.timestamp.snapshot_meta.hashes = made.timestamp.snapshot_meta.length = None
    with refused("mixed", "snapshot: is version 1, the timestamp names version 2"):
        next_snapshot(made, old)


def test_a_hash_that_nobody_can_compute_matches_nothing() -> None:
    made = SmallRepository("gate")
    made.timestamp.snapshot_meta.hashes = {"sha0": "00"}
    with refused("tampered", "sha0"):
        next_snapshot(made, made.files["metadata/1.snapshot.json"])


def test_a_role_is_the_one_that_the_snapshot_lists() -> None:
    made = SmallRepository("gate", hashes=False)
    old = made.files["metadata/1.family-gate.json"]
    made.publish("gate")
    new = made.files["metadata/2.family-gate.json"]

    def take(data: bytes) -> Any:
        return verify.next_role(made.targets, "family-gate", made.snapshot, data, "targets")

    assert take(new).signed.version == 2
    with refused("mixed", "family-gate: is version 1, snapshot 2 names version 2"):
        take(old)
    del made.snapshot.meta["family-gate.json"]
    with refused("mixed", "snapshot 2 does not list it"):
        take(new)


def graph(*delegations: tuple[str, str, bool, str]) -> tuple[Targets, dict[str, Targets]]:
    """Roles by name, from (who, to whom, terminating, path pattern)."""
    roles: dict[str, Targets] = {"targets": Targets()}
    for by, to, terminating, pattern in delegations:
        above, _ = roles[by], roles.setdefault(to, Targets())
        above.delegations = above.delegations or Delegations({}, {})
        assert above.delegations.roles is not None
        above.delegations.roles[to] = DelegatedRole(to, [], 1, terminating, paths=[pattern])
    return roles["targets"], roles


def visited(path: str, *delegations: tuple[str, str, bool, str], most: int = 32) -> list[str]:
    top, roles = graph(*delegations)
    seen: list[str] = []

    def load(_: Targets, by: str, role: str) -> Targets:
        seen.append(f"{by}>{role}")
        return roles[role]

    with refused("unknown-target", path):
        verify.find(path, top, load, Limits(roles=most))
    return seen


def test_roles_are_searched_depth_first_in_their_order() -> None:
    assert visited(
        "x", ("targets", "a", False, "*"), ("targets", "b", False, "*"), ("a", "c", False, "*")
    ) == ["targets>a", "a>c", "targets>b"]


def test_a_terminating_delegation_ends_the_search_beside_it() -> None:
    tree = (("targets", "a", True, "*"), ("targets", "b", False, "*"), ("a", "c", False, "*"))
    assert visited("x", *tree) == ["targets>a", "a>c"]
    inner = (("targets", "a", False, "*"), ("targets", "b", False, "*"), ("a", "c", True, "*"))
    assert visited("x", *inner) == ["targets>a", "a>c"]


def test_a_role_is_asked_only_for_paths_that_it_was_given() -> None:
    tree = (
        ("targets", "a", True, "gate/*/record.json"),
        ("targets", "b", True, "lane/*/record.json"),
    )
    assert visited("lane/1/record.json", *tree) == ["targets>b"]
    assert visited("gate/1/2/record.json", *tree) == []
    assert visited("gate/../lane/record.json", *tree) == []


def test_circles_end_and_the_number_of_roles_is_bounded() -> None:
    circle = (("targets", "a", False, "*"), ("a", "b", False, "*"), ("b", "a", False, "*"))
    assert visited("x", *circle) == ["targets>a", "a>b"]
    wide = tuple(("targets", f"r{n}", False, "*") for n in range(50))
    assert len(visited("x", *wide, most=10)) == 9


def test_the_most_trusted_role_that_lists_a_target_is_believed() -> None:
    top, roles = graph(("targets", "a", False, "*"), ("targets", "b", False, "*"))
    for role in ("a", "b"):
        roles[role].targets["x"] = TargetFile(1, {"sha256": role}, "x")
    found = verify.find("x", top, lambda _above, _by, role: roles[role])
    assert (found.role, found.target.hashes["sha256"]) == ("a", "a")


def test_limits_hold_for_each_file() -> None:
    small = Limits(root_bytes=9, timestamp_bytes=9, snapshot_bytes=9, targets_bytes=9)
    takes: dict[str, Callable[[bytes], object]] = {
        "root": lambda data: verify.next_root(first(), data, small),
        "timestamp": lambda data: verify.timestamp_of(first(), data, small),
        "snapshot": lambda data: verify.snapshot_of(first(), data, small),
        "targets": lambda data: verify.role_of(first(), "targets", data, "root", small),
    }
    for role, take in takes.items():
        with refused("endless", role, "9 at most"):
            take(file(role))


def test_of_tuf_only_its_types_are_used() -> None:
    """Its client has none of our promises, and its repository is no stable API."""
    folder = Path(verify.__file__).parent
    imports = {
        line.split()[1]
        for path in folder.glob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith(("from tuf", "import tuf"))
    }
    assert imports == {"tuf.api.metadata", "tuf.api.exceptions", "tuf.api.serialization"}


def test_a_document_that_is_read_is_not_yet_believed() -> None:
    """`read` takes it, whoever signed; only the rules say whether it counts."""
    made = SmallRepository()
    data = made.sign(made.root, [new_key()])
    assert read(Root, "root", data, 64 * 1024).signed.version == 1
    with pytest.raises(OtaError):
        verify.first_root(data)
