"""Killed at every write, and whatever else happens in whatever order: nothing falls back."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import OtaError
from edge.ota.durable import write_durably
from edge.ota.repository import Repository
from tests.support.small_repository import DAY_S, NOW_S, SmallRepository
from tests.support.trusting_device import Device


class KilledError(Exception):
    """The process was killed."""


class Killer:
    """Writes durably until the write that a test chose.

    Args:
        at: number of that write, from 1; 0: none.
        is_after: it is killed once that write is done, not before.
    """

    def __init__(self, at: int = 0, *, is_after: bool = False) -> None:
        self.writes: list[str] = []
        self._at = at
        self._is_after = is_after

    def __call__(self, path: Path, data: bytes) -> None:
        self.writes.append(path.name)
        if len(self.writes) != self._at:
            write_durably(path, data)
            return
        if self._is_after:
            write_durably(path, data)
        else:
            path.with_name(f".{path.name}.part").write_bytes(data[: len(data) // 2])
        raise KilledError


def take(device: Device, version: str) -> None:
    with device.trust() as trust:
        trust.refresh()
        trust.target("gate", version)


def news(repository: SmallRepository) -> None:
    """A new root with other online keys, a higher floor, a revocation, a release."""
    repository.give_keys("timestamp")
    repository.publish_root()
    repository.release("gate", "1.2.0", 3)
    repository.rule("gate", floor=2, revoked=[1])
    repository.publish("gate", "targets")


def contents(device: Device) -> dict[str, bytes]:
    return {
        str(path.relative_to(device.folder)): path.read_bytes()
        for path in device.folder.rglob("*.json")
    }


@pytest.mark.parametrize("is_after", [False, True], ids=["before a write", "after a write"])
def test_killed_at_every_write_a_device_goes_on_and_forgets_nothing(
    tmp_path: Path, repository: SmallRepository, is_after: bool
) -> None:
    record = repository.files[next(name for name in repository.files if "gate/1.1.0/" in name)]
    device = Device(tmp_path / "device", repository)
    take(device, "1.1.0")
    shutil.copytree(device.folder, tmp_path / "before")
    old = dict(repository.files)
    news(repository)

    device.write = counted = Killer()
    take(device, "1.2.0")
    expected = contents(device)
    assert {"2.root.json", "high_water.json", "family-gate.json"} <= set(counted.writes)

    for at in range(1, len(counted.writes) + 1):
        shutil.rmtree(device.folder)
        shutil.copytree(tmp_path / "before", device.folder)
        device.write = Killer(at, is_after=is_after)
        with pytest.raises(KilledError):
            take(device, "1.2.0")
        device.write = write_durably
        with device.trust() as trust:  # at boot: no network yet
            assert trust.check_offline("gate", record).release == 2
            was_trusted = trust.floor("gate")
        if (device.trusted / "roots/2.root.json").exists():
            device.source.files = old
            with pytest.raises(OtaError):  # by its key, or for its version
                take(device, "1.1.0")
            device.source.files = repository.files
        take(device, "1.2.0")
        assert contents(device) == expected, f"killed at write {at}, of {counted.writes[at - 1]}"
        with device.trust() as trust:
            assert trust.floor("gate") == 2 >= was_trusted
            assert trust.revoked("gate") == {1}


Act = Callable[[SmallRepository, Device], object]


def damage(at: int, byte: int | None) -> Act:
    """One of the files under `trusted`, or one copy of the marks: changed, zeroed or gone."""

    def act(_: SmallRepository, device: Device) -> None:
        files = sorted([*device.trusted.rglob("*.json"), device.folder / "high_water.json"])
        path = files[at % len(files)]
        if not path.exists():
            return
        data = bytearray(path.read_bytes())
        if byte is None:
            path.unlink()
        elif byte == 0:
            path.write_bytes(b"\0" * len(data))
        else:
            data[at % len(data)] = byte
            path.write_bytes(data)

    return act


def rule(floor: int, revoked: list[int]) -> Act:
    def act(repository: SmallRepository, _: Device) -> None:
        repository.rule("gate", floor=floor, revoked=revoked)
        repository.publish("gate")

    return act


def rotate(role: str, version: int) -> Act:
    def act(repository: SmallRepository, _: Device) -> None:
        repository.give_keys(role)
        repository.publish_root()
        signed = repository.timestamp if role == "timestamp" else repository.snapshot
        signed.version = version
        repository.publish()

    return act


def clock(days: int, is_kept: bool) -> Act:
    def act(_: SmallRepository, device: Device) -> None:
        device.clock.now_s, device.clock.is_kept = NOW_S + days * DAY_S, is_kept

    return act


def show_old(share: float) -> Act:
    """The server shows files as they were once; a thief has taken it."""

    def act(repository: SmallRepository, device: Device) -> None:
        kept = repository.history
        device.source.files = dict(kept[int(share * (len(kept) - 1))])

    return act


def show_new(repository: SmallRepository, device: Device) -> None:
    device.source.files = repository.files


releases = st.integers(0, 4)
ACTS: st.SearchStrategy[Act] = st.one_of(
    st.builds(damage, st.integers(0, 1000), st.one_of(st.none(), st.integers(0, 255))),
    st.builds(rule, releases, st.lists(st.integers(1, 4), max_size=2)),
    st.builds(rotate, st.sampled_from(("timestamp", "snapshot")), st.integers(1, 9)),
    st.builds(clock, st.sampled_from((-20_000, -1, 0, 0, 0, 400)), st.booleans()),
    st.builds(show_old, st.floats(0, 1)),
    st.just(show_new),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ACTS, min_size=3, max_size=12))
def test_in_no_order_of_events_anything_falls(acts: list[Act]) -> None:
    repository = SmallRepository("gate")
    for release in (1, 2, 3, 4):
        repository.release("gate", f"1.{release}", release)
    repository.publish("gate")
    with tempfile.TemporaryDirectory() as folder:
        device = Device(Path(folder), repository)
        take(device, "1.1")
        floor, revoked, root = 0, frozenset[int](), 1
        for act in acts:
            act(repository, device)
            repository.history.append(dict(repository.files))
            with device.client() as client:
                trust = Repository(client, "0.1.0")
                with contextlib.suppress(OtaError):
                    trust.refresh()
                taken = {release for release in (1, 2, 3, 4) if is_taken(trust, release)}
                assert client.marks.root >= root
                assert trust.floor("gate") >= floor
                assert trust.revoked("gate") >= revoked
                floor, revoked = trust.floor("gate"), trust.revoked("gate")
                assert not taken & revoked
                assert not taken or min(taken) >= floor
                root = client.marks.root


def is_taken(trust: Repository, release: int) -> bool:
    try:
        return trust.target("gate", f"1.{release}").release == release
    except OtaError:
        return False
