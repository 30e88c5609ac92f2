"""What may run on a device: by the key of its family, whatever the server or an order says."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import OtaError
from edge.ota.takeable import require_ordered
from tests.support.small_repository import DAY_S, SmallRepository
from tests.support.trusting_device import Device, refused

OFFLINE = OtaError("unreachable", "no network", is_passing=True)


def test_a_release_is_vouched_for(device: Device, repository: SmallRepository) -> None:
    record = repository.release("gate", "1.2.0", 3, min_agent="0.1.0")
    repository.publish("gate")
    with device.trust() as trust:
        trust.refresh()
        target = trust.target("gate", "1.2.0")
    assert (target.family, target.version, target.release) == ("gate", "1.2.0", 3)
    assert target.sha256 == hashlib.sha256(record).hexdigest()
    assert (target.length, target.min_agent) == (len(record), "0.1.0")


@pytest.mark.parametrize(
    ("family", "version"),
    [("gate", "9.9"), ("other", "1.0"), ("gate", "../lane/3.0"), ("gate/1.0.0", "x"), ("", "")],
)
def test_what_nobody_lists_is_unknown(device: Device, family: str, version: str) -> None:
    with device.trust() as trust:
        trust.refresh()
        with refused("unknown-target"):
            trust.target(family, version)


def test_before_the_first_refresh_nothing_is_vouched_for(device: Device) -> None:
    with device.trust() as trust, refused("unreachable", "no whole metadata is trusted yet"):
        trust.target("gate", "1.0.0")


def test_a_key_of_one_family_says_nothing_of_another(
    device: Device, repository: SmallRepository
) -> None:
    repository.families["gate"].targets.update(repository.families["lane"].targets)
    del repository.families["lane"].targets["lane/3.0/record.json"]
    repository.publish("gate", "lane")
    with device.trust() as trust:
        trust.refresh()
        with refused("unknown-target", "lane/3.0/record.json"):
            trust.target("lane", "3.0")


def test_the_role_above_the_families_releases_nothing(
    device: Device, repository: SmallRepository
) -> None:
    """Floors are the family's; what is listed elsewhere would have none."""
    repository.targets.targets.update(repository.families["gate"].targets)
    repository.publish("targets")
    with device.trust() as trust:
        trust.refresh()
        with refused("unknown-target", "is listed by targets, not by family-gate"):
            trust.target("gate", "1.0.0")


def test_below_the_floor_is_refused_and_the_floor_is_known(
    device: Device, repository: SmallRepository
) -> None:
    repository.rule("gate", floor=2)
    repository.publish("gate")
    with device.trust() as trust:
        assert trust.floor("gate") == 0
        trust.refresh()
        with refused("below-floor", "gate 1.0.0: is release 1, releases from 2 on"):
            trust.target("gate", "1.0.0")
        assert trust.target("gate", "1.1.0").release == 2
        assert trust.floor("gate") == 2
        assert trust.floor("lane") == 0


def test_an_order_below_the_floor_is_refused_whatever_a_stolen_server_says(
    device: Device, repository: SmallRepository
) -> None:
    """The thief has server and online keys, and the metadata of before the floor was raised."""
    before = repository.timestamp.snapshot_meta
    repository.rule("gate", floor=2)
    repository.publish("gate")
    with device.trust() as trust:
        trust.refresh()
        trust.target("gate", "1.1.0")
    repository.timestamp.snapshot_meta = before
    repository.publish_timestamp()
    with device.trust() as trust:
        with refused("rolled-back"):
            trust.refresh()
        with refused("below-floor"):
            trust.target("gate", "1.0.0")
        assert trust.floor("gate") == 2


def test_a_lower_floor_lowers_nothing(device: Device, repository: SmallRepository) -> None:
    repository.rule("gate", floor=2, revoked=[7])
    repository.publish("gate")
    with device.trust() as trust:
        trust.refresh()
        trust.target("gate", "1.1.0")
        repository.rule("gate", floor=0)
        repository.publish("gate")
        trust.refresh()
        assert trust.floor("gate") == 2
        assert trust.revoked("gate") == {7}
        with refused("below-floor"):
            trust.target("gate", "1.0.0")


def test_a_revoked_release_is_refused_and_stays_revoked(
    device: Device, repository: SmallRepository
) -> None:
    with device.trust() as trust:
        trust.refresh()
        trust.target("gate", "1.1.0")
        repository.rule("gate", revoked=[2])
        repository.publish("gate")
        trust.refresh()
        assert trust.revoked("gate") == {2}
        with refused("revoked", "gate 1.1.0: release 2 was revoked"):
            trust.target("gate", "1.1.0")
    device.source.error = OFFLINE
    with device.trust() as trust:
        assert trust.revoked("gate") == {2}


def test_a_family_that_cannot_be_had_holds_up_no_other(
    device: Device, repository: SmallRepository
) -> None:
    with device.trust() as trust:
        trust.refresh()
        trust.target("gate", "1.0.0")
        trust.target("lane", "3.0")
        repository.rule("lane", floor=1, revoked=[9])
        repository.publish("gate", "lane", lives={"gate": -1})
        trust.refresh()
        assert trust.revoked("lane") == {9}
        with refused("expired", "family-gate"):
            trust.target("gate", "1.0.0")


def test_an_agent_that_is_too_old_takes_nothing(
    device: Device, repository: SmallRepository
) -> None:
    repository.release("gate", "2.0.0", 3, min_agent="0.2.0")
    repository.publish("gate")
    with device.trust() as trust:
        trust.refresh()
        with refused("agent-too-old", "needs an agent 0.2.0, this is 0.1.0"):
            trust.target("gate", "2.0.0")


def test_an_order_that_means_another_record_is_refused(device: Device) -> None:
    with device.trust() as trust:
        trust.refresh()
        target = trust.target("gate", "1.0.0")
    with refused("order-mismatch"):
        require_ordered(target, hashlib.sha256(b"another").hexdigest())


def test_a_record_in_a_slot_is_known_offline_long_after_everything_has_expired(
    device: Device, repository: SmallRepository
) -> None:
    record = repository.release("gate", "1.2.0", 3)
    repository.publish("gate")
    with device.trust() as trust:
        trust.refresh()
        target = trust.target("gate", "1.2.0")
    device.source.error = OFFLINE
    device.clock.now_s += 4000 * DAY_S
    with device.trust() as trust:
        assert trust.check_offline("gate", record) == target


def test_a_record_that_was_only_listed_is_known_offline_too(
    device: Device, repository: SmallRepository
) -> None:
    record = repository.release("gate", "1.2.0", 3)
    repository.publish("gate")
    with device.trust() as trust:
        trust.refresh()
        trust.target("gate", "1.0.0")
    device.source.error = OFFLINE
    with device.trust() as trust:
        assert trust.check_offline("gate", record).version == "1.2.0"
    for path in device.trusted.rglob("*.json"):
        path.unlink()
    with device.trust() as trust:
        assert trust.check_offline("gate", record).version == "1.2.0"


def test_a_record_that_was_taken_is_known_with_all_metadata_damaged_or_no_longer_listing_it(
    device: Device, repository: SmallRepository
) -> None:
    record = repository.files[next(name for name in repository.files if "gate/1.0.0/" in name)]
    with device.trust() as trust:
        trust.refresh()
        target = trust.target("gate", "1.0.0")
        del repository.families["gate"].targets["gate/1.0.0/record.json"]
        repository.rule("gate", floor=2)
        repository.publish("gate")
        trust.refresh()
        assert trust.check_offline("gate", record) == target
    for path in device.trusted.rglob("*.json"):
        path.write_bytes(b"\0" * 100)
    device.source.error = OFFLINE
    with device.trust() as trust:
        assert trust.check_offline("gate", record) == target


def test_a_record_with_one_bit_changed_or_of_another_family_was_never_vouched_for(
    device: Device, repository: SmallRepository
) -> None:
    record = repository.files[next(name for name in repository.files if "gate/1.0.0/" in name)]
    with device.trust() as trust:
        trust.refresh()
        trust.target("gate", "1.0.0")
        trust.target("lane", "3.0")
        with refused("unknown-target", "gate: nobody vouched for record"):
            trust.check_offline("gate", bytes([record[0] ^ 1]) + record[1:])
        with refused("unknown-target", "lane"):
            trust.check_offline("lane", record)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody may write there, not even root, who runs tests in containers."""
    root = os.geteuid() == 0
    places = [folder, *folder.rglob("*")]
    for path in places:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in places:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_disk_that_has_become_read_only_is_still_asked(repository: SmallRepository) -> None:
    record = repository.files[next(name for name in repository.files if "gate/1.1.0/" in name)]
    with tempfile.TemporaryDirectory(dir="/tmp") as place:  # which everybody may enter
        Path(place).chmod(0o755)
        device = Device(Path(place) / "device", repository)
        with device.trust() as trust:
            trust.refresh()
            trust.target("gate", "1.1.0")
        repository.rule("gate", revoked=[1])
        repository.publish("gate")
        with read_only(device.folder), device.trust() as trust:
            assert trust.check_offline("gate", record).release == 2
            with refused("read-only", "cannot be written"):
                trust.refresh()
            assert trust.check_offline("gate", record).release == 2
        device.refresh()


def test_a_revoked_record_may_not_serve_any_more(
    device: Device, repository: SmallRepository
) -> None:
    record = repository.files[next(name for name in repository.files if "gate/1.1.0/" in name)]
    with device.trust() as trust:
        trust.refresh()
        trust.target("gate", "1.1.0")
        repository.rule("gate", revoked=[2])
        repository.publish("gate")
        trust.refresh()
    device.source.error = OFFLINE
    with device.trust() as trust, refused("revoked"):
        trust.check_offline("gate", record)


def test_with_nothing_whole_and_nothing_remembered_nothing_can_be_said(device: Device) -> None:
    with device.trust() as trust, refused("not-readable", "family-gate"):
        trust.check_offline("gate", b"{}")


def test_a_full_disk_keeps_no_device_from_learning_what_was_revoked(
    device: Device, repository: SmallRepository
) -> None:
    with device.trust() as trust:
        trust.refresh()
        trust.target("gate", "1.1.0")
    record = repository.files[next(name for name in repository.files if "gate/1.1.0/" in name)]
    repository.publish_root()
    repository.release("gate", "1.2.0", 3)
    repository.rule("gate", floor=2, revoked=[2])
    repository.publish("gate", "targets")

    def full(path: Path, data: bytes) -> None:
        raise OtaError("no-space", f"{path}: full", is_passing=True)

    before = {path: path.read_bytes() for path in device.folder.rglob("*.json")}
    device.write = full
    with device.trust() as trust:
        with refused("no-space", "full"):
            trust.refresh()
        assert (trust.floor("gate"), trust.revoked("gate")) == (2, frozenset({2}))
        with refused("revoked"):
            trust.check_offline("gate", record)
        with refused("no-space"):  # what cannot be remembered is not taken
            trust.target("gate", "1.2.0")
    assert {path: path.read_bytes() for path in device.folder.rglob("*.json")} == before
