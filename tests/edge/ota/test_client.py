"""Metadata from the network into the store: what is taken, what is refused, and what stays."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations, MetaFile, TargetFile, Targets

from edge.errors import OtaError
from edge.ota.high_water import NAMES
from edge.ota.verify import Limits
from tests.support.small_repository import DAY_S, NOW_S, SmallRepository, new_key
from tests.support.trusting_device import Device, refused

ROLES = ("timestamp", "snapshot", "targets", "family-gate")


def versions(device: Device) -> dict[str, int]:
    """What is kept, by role."""
    return {
        path.stem: json.loads(path.read_bytes())["signed"]["version"]
        for path in device.trusted.glob("*.json")
    }


def take_all(device: Device) -> None:
    with device.client() as client:
        client.refresh()
        client.role("family-gate")


def test_a_refresh_takes_roots_timestamp_snapshot_and_targets_in_this_order(
    device: Device,
) -> None:
    take_all(device)
    assert device.source.asked == [
        "2.root.json", "timestamp.json", "2.snapshot.json", "1.targets.json", "2.family-gate.json",
    ]  # fmt: skip
    assert versions(device) == {
        "root": 1, "timestamp": 2, "snapshot": 2, "targets": 1, "family-gate": 2,
    }  # fmt: skip


def test_an_idle_device_asks_for_the_next_root_and_the_timestamp_and_writes_nothing(
    device: Device,
) -> None:
    take_all(device)
    device.source.asked.clear()
    before = {path: path.stat().st_mtime_ns for path in device.folder.rglob("*.json")}
    take_all(device)
    assert device.source.asked == ["2.root.json", "timestamp.json"]
    assert {path: path.stat().st_mtime_ns for path in device.folder.rglob("*.json")} == before


def test_what_is_kept_is_what_came_byte_for_byte(
    device: Device, repository: SmallRepository
) -> None:
    repository.publish_root()
    take_all(device)
    assert (device.trusted / "root.json").read_bytes() == repository.files["metadata/2.root.json"]
    kept = (device.trusted / "family-gate.json").read_bytes()
    assert kept == repository.files["metadata/2.family-gate.json"]


def test_a_chain_of_roots_is_followed_one_by_one_and_the_middle_ones_may_have_expired(
    device: Device, repository: SmallRepository
) -> None:
    old = repository.keys["root"]
    new = repository.give_keys("root", 3, 2)
    repository.publish_root(signers=[*old[:2], *new[:2]], days=-1)
    repository.publish_root()
    device.refresh()
    assert versions(device)["root"] == 3


def test_a_last_root_that_has_expired_is_kept_and_nothing_below_it_is_taken(
    device: Device, repository: SmallRepository
) -> None:
    device.refresh()
    repository.publish_root(days=-1)
    repository.publish()
    with refused("expired", "root: version 2 expired at 2027-02-28"):
        device.refresh()
    assert versions(device)["root"] == 2
    assert versions(device)["timestamp"] == 2


def test_more_new_roots_than_the_limit_are_endless(
    tmp_path: Path, repository: SmallRepository
) -> None:
    for _ in range(4):
        repository.publish_root()
    device = Device(tmp_path, repository, limits=Limits(root_rotations=3))
    with refused("endless", "more than 3 new versions"):
        device.refresh()
    device.refresh()
    assert versions(device)["root"] == 5


@pytest.mark.parametrize("role", ROLES)
def test_an_expired_role_is_refused_by_its_name(
    device: Device, repository: SmallRepository, role: str
) -> None:
    take_all(device)
    key = role.removeprefix("family-")
    repository.publish(*([] if key in {"snapshot", "timestamp"} else [key]), lives={key: -1})
    with refused("expired", f"{role}: version", "expired at 2027-02-28 12:00 UTC"):
        take_all(device)
    assert versions(device)[role] == (1 if role == "targets" else 2)


Damage = Callable[[Path], object]
DAMAGES: dict[str, Damage] = {
    "zeroed": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "gone": lambda path: path.unlink(),
    "garbage": lambda path: path.write_bytes(b'{"signed": 5}'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("role", [*ROLES, "root", "roots/2.root"])
def test_a_damaged_file_is_fetched_again(
    device: Device, repository: SmallRepository, role: str, damage: Damage
) -> None:
    repository.publish_root()
    take_all(device)
    path = device.trusted / f"{role}.json"
    whole = path.read_bytes()
    damage(path)
    take_all(device)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_with_every_metadata_file_damaged_a_rollback_is_still_refused(
    device: Device, repository: SmallRepository, damage: Damage
) -> None:
    before = dict(repository.files)
    repository.release("gate", "1.2.0", 3)
    repository.publish("gate", "targets")
    take_all(device)
    for path in device.trusted.rglob("*.json"):
        damage(path)
    device.source.files = before
    with refused("rolled-back", "timestamp: is version 2, 3 was trusted before"):
        take_all(device)


def test_with_one_copy_of_the_marks_damaged_the_other_holds(
    device: Device, repository: SmallRepository
) -> None:
    before = dict(repository.files)
    repository.publish("gate")
    take_all(device)
    for name in NAMES:
        kept = (device.folder / name).read_bytes()
        (device.folder / name).write_bytes(b"\0" * len(kept))
        for path in device.trusted.rglob("*.json"):
            path.unlink(missing_ok=True)
        device.source.files = before
        with refused("rolled-back"):
            take_all(device)
        device.source.files = repository.files
        take_all(device)
        assert (device.folder / name).read_bytes() == kept


def test_with_the_marks_gone_the_metadata_still_tells_a_rollback(
    device: Device, repository: SmallRepository
) -> None:
    before = dict(repository.files)
    repository.publish("gate")
    take_all(device)
    for name in NAMES:
        (device.folder / name).unlink()
    device.source.files = before
    with refused("rolled-back"):
        take_all(device)


def test_files_put_back_in_time_do_not_bring_the_time_back(
    device: Device, repository: SmallRepository
) -> None:
    take_all(device)
    old = {path: path.read_bytes() for path in device.trusted.rglob("*.json")}
    before = dict(repository.files)
    repository.rule("gate", floor=2)
    repository.publish("gate", "targets")
    take_all(device)
    for path, data in old.items():
        path.write_bytes(data)
    with device.client() as client, refused("not-readable", "family-gate"):
        client.kept_role("family-gate")
    device.source.files = before
    with refused("rolled-back"):
        take_all(device)


def test_a_server_that_hides_new_roots_is_found_out_where_they_were_trusted(
    device: Device, repository: SmallRepository
) -> None:
    before = dict(repository.files)
    repository.publish_root()
    device.refresh()
    for path in device.trusted.rglob("*root.json"):
        path.unlink()
    device.source.files = before
    with refused("rolled-back", "root: version 1 is the newest", "version 2 was trusted before"):
        device.refresh()


def test_a_thief_of_the_online_keys_cannot_put_back_a_role_a_snapshot_or_a_timestamp(
    device: Device, repository: SmallRepository
) -> None:
    old_role = repository.snapshot.meta["family-gate.json"]
    repository.publish("gate")
    take_all(device)
    repository.snapshot.meta["family-gate.json"] = old_role
    repository.publish()
    with refused("rolled-back", "its family-gate: is version 2, 3 was trusted before"):
        device.refresh()
    del repository.snapshot.meta["family-gate.json"]
    repository.publish()
    with refused("rolled-back", "no longer lists family-gate"):
        device.refresh()
    repository.snapshot.version = 1
    repository.publish()
    with refused("rolled-back", "its snapshot: is version 2, 5 was trusted before"):
        device.refresh()


def test_a_thief_of_the_online_keys_cannot_mix_what_was_signed_apart(
    tmp_path: Path,
) -> None:
    repository = SmallRepository("gate", hashes=False)
    device = Device(tmp_path, repository)
    repository.publish("gate")
    old = repository.files["metadata/2.family-gate.json"]
    repository.publish("gate")
    repository.files["metadata/3.family-gate.json"] = old
    with refused("mixed", "family-gate: is version 2, snapshot 3 names version 3"):
        take_all(device)


def test_a_thief_of_the_online_keys_cannot_freeze_a_device_longer_than_the_offline_keys_allow(
    device: Device, repository: SmallRepository
) -> None:
    device.refresh()
    repository.publish(lives={"snapshot": 4000, "timestamp": 4000})
    device.clock.now_s = NOW_S + 181 * DAY_S
    with refused("expired", "targets: version 1 expired"):
        device.refresh()


def test_a_thief_of_the_online_keys_cannot_sign_targets_or_a_family(
    device: Device, repository: SmallRepository
) -> None:
    thief = repository.keys["snapshot"]
    repository.publish_role("targets", repository.targets, signers=thief)
    repository.publish()
    with refused("wrong-key", "targets: is signed by", "root 1 has targets signed by"):
        device.refresh()
    repository.publish_role("targets", repository.targets)
    repository.publish_role("gate", repository.families["gate"], signers=thief)
    repository.publish()
    with refused("wrong-key", "family-gate"):
        take_all(device)


def delegate(above: Targets, role: str, key: CryptoSigner, path: str) -> None:
    if above.delegations is None:
        above.delegations = Delegations({}, {})
    assert above.delegations.roles is not None
    above.delegations.roles[role] = DelegatedRole(role, [], 1, terminating=False, paths=[path])
    above.add_key(key.public_key, role)


def show(repository: SmallRepository, role: str, signed: Targets, key: CryptoSigner) -> None:
    """The server has it from now on; the next snapshot lists its version, and no hash."""
    signed.expires = repository.at + timedelta(days=100)
    repository.files[f"metadata/{signed.version}.{role}.json"] = repository.sign(signed, [key])
    repository.snapshot.meta[f"{role}.json"] = MetaFile(signed.version)


SIDES = {"left": "a/*", "right": "b/*"}


def branches(repository: SmallRepository, below: str) -> dict[str, CryptoSigner]:
    """Two roles that give a third, under the same name, each its own path and key."""
    keys = {side: new_key() for side in SIDES}
    for side, path in SIDES.items():
        own, signed = new_key(), Targets(version=1)
        delegate(repository.targets, side, own, path)
        delegate(signed, below, keys[side], path)
        show(repository, side, signed, own)
    return keys


def release() -> Targets:
    """Lists what both sides may be asked for."""
    paths = ("a/x", "b/x")
    return Targets(version=1, targets={path: TargetFile.from_data(path, b"x") for path in paths})


def test_a_role_is_believed_by_the_keys_of_whoever_leads_to_it(
    device: Device, repository: SmallRepository
) -> None:
    """TUF specification 1.0.x, 5.6.3: a name that two delegate gives neither the other's paths."""
    keys = branches(repository, "release")
    show(repository, "release", release(), keys["left"])
    repository.publish("targets")
    with device.client() as client:
        client.refresh()
        assert client.find("a/x").role == "release"
        with refused("wrong-key", "release: is signed by", "right has release signed by"):
            client.find("b/x")


def test_a_role_is_believed_anew_where_what_leads_to_it_is_another(
    device: Device, repository: SmallRepository
) -> None:
    """The same, one step lower: what leads to the release has one name and two contents."""
    middle_keys = branches(repository, "middle")
    release_keys = {side: new_key() for side in SIDES}
    middles = {side: Targets(version=1) for side in SIDES}
    for side, path in SIDES.items():
        delegate(middles[side], "release", release_keys[side], path)
    show(repository, "release", release(), release_keys["left"])
    show(repository, "middle", middles["left"], middle_keys["left"])
    repository.publish("targets")
    with device.client() as client:
        client.refresh()
        assert client.find("a/x").role == "release"
        show(repository, "middle", middles["right"], middle_keys["right"])
        with refused("wrong-key", "release: is signed by", "middle has release signed by"):
            client.find("b/x")


def test_a_role_that_was_believed_is_not_asked_for_again(
    device: Device, repository: SmallRepository
) -> None:
    keys = branches(repository, "release")
    show(repository, "release", release(), keys["left"])
    repository.publish("targets")
    with device.client() as client:
        client.refresh()
        client.find("a/x")
        device.source.asked.clear()
        (device.trusted / "release.json").unlink()
        assert client.find("a/x").role == "release"
        assert device.source.asked == []


def test_one_of_two_needed_signatures_is_too_few(
    device: Device, repository: SmallRepository
) -> None:
    one = repository.keys["targets"][:1]
    repository.publish_role("targets", repository.targets, signers=one)
    repository.publish()
    with refused("bad-signature", "targets: has 1 valid signatures", "2 are needed"):
        device.refresh()


def test_rotated_online_keys_count_versions_anew_and_floors_do_not(
    device: Device, repository: SmallRepository
) -> None:
    repository.timestamp.version = repository.snapshot.version = 100_000
    repository.rule("gate", floor=2)
    repository.publish("gate")
    with device.trust() as trust:
        trust.refresh()
        trust.target("gate", "1.1.0")
    for role in ("timestamp", "snapshot"):
        repository.give_keys(role)
    repository.publish_root()
    repository.timestamp.version = repository.snapshot.version = 4
    repository.publish()
    with device.trust() as trust:
        trust.refresh()
        assert trust.floor("gate") == 2
    assert versions(device)["timestamp"] == 5


def test_another_key_beside_the_old_one_counts_nothing_anew(
    device: Device, repository: SmallRepository
) -> None:
    repository.timestamp.version = 50
    repository.publish()
    device.refresh()
    key = repository.keys["targets"][0]
    repository.root.add_key(key.public_key, "timestamp")
    repository.publish_root()
    repository.timestamp.version = 10
    repository.publish()
    with refused("rolled-back", "timestamp: is version 11, 51 was trusted before"):
        device.refresh()


def test_withdrawn_keys_of_targets_end_the_trust_in_what_they_signed_at_once(
    device: Device, repository: SmallRepository
) -> None:
    with device.client() as client:
        client.refresh()
        repository.give_keys("targets", 3, 2)
        repository.publish_root()
        del repository.files["metadata/timestamp.json"]
        with refused("unreachable"):
            client.refresh()
        with refused("unreachable", "no whole metadata is trusted yet"):
            client.role("family-gate")


def test_after_a_refresh_that_failed_what_was_trusted_is_still_there(
    device: Device, repository: SmallRepository
) -> None:
    with device.client() as client:
        client.refresh()
        repository.publish("gate")
        del repository.files["metadata/3.snapshot.json"]
        with refused("mixed", "lists version 3 and has no 3.snapshot.json"):
            client.refresh()
        assert client.role("family-gate").version == 2


def test_offline_the_whole_metadata_of_before_is_used_until_it_expires(device: Device) -> None:
    take_all(device)
    device.source.error = OtaError("unreachable", "no network", is_passing=True)
    with device.client() as client:
        assert client.find("gate/1.1.0/record.json").role == "family-gate"
        device.clock.now_s += 2 * DAY_S
        with refused("expired", "timestamp"):
            client.find("gate/1.1.0/record.json")


def test_a_timestamp_of_the_same_version_changes_nothing(
    device: Device, repository: SmallRepository
) -> None:
    device.refresh()
    repository.timestamp.unrecognized_fields["x-note"] = "another"
    repository.publish_timestamp(bump=False)
    device.refresh()
    assert "x-note" not in (device.trusted / "timestamp.json").read_text()


def test_a_second_process_is_refused_clearly(device: Device) -> None:
    with device.client(), refused("read-only", "another process uses it"), device.client():
        pass
    device.refresh()


@pytest.mark.parametrize("now_s", [0.0, -1e12, NOW_S - 365 * DAY_S])
def test_a_clock_in_the_past_makes_nothing_valid_again(
    device: Device, repository: SmallRepository, now_s: float
) -> None:
    device.refresh()
    for name in device.trusted.glob("*.json"):
        name.unlink()
    repository.at -= timedelta(days=30)
    repository.publish()
    device.clock.now_s, device.clock.is_kept = now_s, False
    with refused("expired", "timestamp", "2027-03-01 12:00 UTC at least", "the clock is wrong"):
        device.refresh()


def test_a_clock_in_the_past_does_not_keep_a_device_from_what_is_valid(device: Device) -> None:
    device.refresh()
    device.clock.now_s, device.clock.is_kept = 63_072_000.0, False
    device.refresh()


def test_a_clock_ahead_that_nothing_keeps_is_named_and_raises_nothing(device: Device) -> None:
    device.refresh()
    device.clock.now_s, device.clock.is_kept = NOW_S + 400 * DAY_S, False
    with refused("clock", "if the clock is right, which says 2028-04-04", "Set the clock"):
        device.refresh()
    device.clock.now_s, device.clock.is_kept = NOW_S + 60, True
    device.refresh()


def test_a_clock_ahead_that_a_service_keeps_raises_no_floor_beyond_what_is_valid(
    device: Device, repository: SmallRepository
) -> None:
    device.refresh()
    device.clock.now_s = NOW_S + 400 * DAY_S
    with refused("expired"):
        device.refresh()
    device.clock.now_s = NOW_S + 0.9 * DAY_S
    device.refresh()
    device.clock.now_s = NOW_S + 60
    repository.at += timedelta(minutes=1)
    repository.publish()
    device.refresh()


def test_a_device_that_is_to_move_to_another_repository_says_what_to_do(
    device: Device, repository: SmallRepository
) -> None:
    device.refresh()
    other = SmallRepository("gate")
    device.anchor, device.source.files = other.first_root, other.files
    with refused("wrong-key", "another repository", "remove the folder `ota`"):
        device.refresh()
    repository.publish_root()
    device.anchor, device.source.files = repository.first_root, repository.files
    device.refresh()
    device.anchor = repository.files["metadata/2.root.json"]
    device.refresh()  # a newer root of the same one may come with a newer agent
    (device.trusted / "roots" / "2.root.json").write_bytes(b"")
    device.refresh()
