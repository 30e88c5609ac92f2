"""Slots: what is committed serves, whatever became of the disk."""

from pathlib import Path

import pytest

from edge.errors import OtaError
from edge.ota.slots import Active, Slot, Slots
from models.record.digest import digest_of
from models.record.reading import RECORD, read_record
from tests.support.fake_ota import FakeTrust
from tests.support.records import files_of
from wayside.disk import RealDisk

FAMILY = "gate"


@pytest.fixture
def trust(folder: Path) -> FakeTrust:
    trust = FakeTrust()
    for place in sorted((folder / "store" / FAMILY).iterdir()):
        trust.release(FAMILY, place)
    return trust


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return Slots(tmp_path / "models" / FAMILY, RealDisk())


def bring(slots: Slots, folder: Path, version: str, commit: bool = True) -> Path:
    """A version into a slot."""
    source = folder / "store" / FAMILY / version
    read = read_record(source)
    paths = {one.sha256: source / one.path for one in read.record.artefacts}
    slots.stage(source / RECORD, paths.__getitem__)
    place = slots.place(Slot(version, int(version), read.digest, f"roll-out-{version}"))
    if commit:
        slots.commit(read.digest)
    return place


def flip(path: Path) -> None:
    """One bit of a file's middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.unlink()
    path.write_bytes(content)


def recovered(slots: Slots, trust: FakeTrust) -> tuple[str | None, list[str]]:
    """Which version serves after a start, and the codes of what was wrong."""
    found = slots.recover(lambda record: trust.check_offline(FAMILY, record))
    again = slots.recover(lambda record: trust.check_offline(FAMILY, record))
    assert (again.folder, again.slot) == (found.folder, found.slot), "it is settled"
    return found.slot.version if found.slot else None, [code for code, _ in found.problems]


def test_two_slots_take_turns_and_hold_what_tritons_layout_has(
    slots: Slots, folder: Path, trust: FakeTrust
) -> None:
    assert recovered(slots, trust) == (None, [])
    assert bring(slots, folder, "1").name == "1"
    assert bring(slots, folder, "2").name == "2"
    assert bring(slots, folder, "3").name == "1"
    assert recovered(slots, trust) == ("3", [])
    assert slots.active.committed == "1"
    assert slots.active.slots["2"].version == "2"
    network = slots.folder / "1" / "network.onnx"
    assert (slots.folder / "1" / "model.onnx").samefile(network)
    assert sorted(path.name for path in slots.folder.iterdir()) == ["1", "2", "active.json"]


def test_a_slot_on_trial_never_serves_by_itself(
    slots: Slots, folder: Path, trust: FakeTrust
) -> None:
    bring(slots, folder, "1")
    bring(slots, folder, "2", commit=False)
    assert recovered(slots, trust) == ("1", [])
    assert slots.trial is not None
    slots.discard()
    assert slots.trial is None
    assert not (slots.folder / "2").exists()
    with pytest.raises(OtaError, match="no slot is on trial"):
        slots.commit("ab" * 32)


def test_any_flipped_bit_of_the_committed_slot_has_the_other_one_serve(
    slots: Slots, folder: Path, trust: FakeTrust
) -> None:
    bring(slots, folder, "1")
    bring(slots, folder, "2")
    names = [path.relative_to(slots.folder / "2") for path in files_of(slots.folder / "2")]
    assert len(names) > 5
    for name in names:
        if name.name == "record.sha256":
            continue  # for people and sha256sum; nothing follows from it
        if slots.active.committed != "2":
            bring(slots, folder, "2")
        place = slots.folder / str(slots.active.committed) / name
        flip(place)
        assert recovered(slots, trust) == ("1", ["tampered"]), name
        assert sorted(slots.active.slots) == ["1"]


def test_both_damaged_leave_the_settings_own_model(
    slots: Slots, folder: Path, trust: FakeTrust
) -> None:
    bring(slots, folder, "1")
    bring(slots, folder, "2")
    flip(slots.folder / "1" / "network.onnx")
    (slots.folder / "2" / RECORD).unlink()
    assert recovered(slots, trust) == (None, ["tampered", "tampered"])
    assert slots.active == Active()


def test_what_was_revoked_gives_way_and_damaged_metadata_does_not_take_the_incumbent(
    slots: Slots, folder: Path, trust: FakeTrust
) -> None:
    bring(slots, folder, "1")
    bring(slots, folder, "2")
    trust.is_damaged = True
    assert recovered(slots, trust) == ("2", ["not-readable"])
    trust.is_damaged = False
    trust.withdrawn[FAMILY] = {2}
    assert recovered(slots, trust) == ("1", ["revoked"])


def test_a_record_that_nobody_vouches_for_does_not_serve(
    slots: Slots, folder: Path, trust: FakeTrust
) -> None:
    bring(slots, folder, "1")
    del trust.releases[FAMILY, "1"]
    assert recovered(slots, trust) == (None, ["unknown-target"])


@pytest.mark.parametrize("content", [b"", b"\0" * 300, b"{}", b'{"schema":1}'])
def test_a_damaged_active_file_has_the_settings_own_model_serve(
    slots: Slots, folder: Path, trust: FakeTrust, content: bytes
) -> None:
    bring(slots, folder, "1")
    (slots.folder / "active.json").write_bytes(content)
    found = slots.recover(lambda record: trust.check_offline(FAMILY, record))
    assert (found.folder, found.has_fallen) == (None, True)
    assert found.problems[0][0] == "not-readable"
    assert (slots.folder / "1" / RECORD).is_file(), "nothing is thrown away"
    bring(slots, folder, "2")
    assert recovered(slots, trust) == ("2", [])


def test_what_is_half_staged_is_gone_after_a_start(
    slots: Slots, folder: Path, trust: FakeTrust
) -> None:
    bring(slots, folder, "1")
    source = folder / "store" / FAMILY / "2"
    paths = {one.sha256: source / one.path for one in read_record(source).record.artefacts}
    slots.stage(source / RECORD, paths.__getitem__)
    (slots.folder / "2").mkdir()
    assert recovered(slots, trust) == ("1", [])
    assert sorted(path.name for path in slots.folder.iterdir()) == ["1", "active.json"]


def test_a_commit_that_was_taken_back_has_the_slot_before_serve(
    slots: Slots, folder: Path, trust: FakeTrust
) -> None:
    bring(slots, folder, "1")
    bring(slots, folder, "2")
    slots.discard("roll-out-2")
    assert recovered(slots, trust) == ("1", [])


def test_a_trial_of_what_is_committed_already_takes_nothing_with_it(
    slots: Slots, folder: Path, trust: FakeTrust
) -> None:
    bring(slots, folder, "1")
    source = folder / "store" / FAMILY / "1"
    read = read_record(source)
    paths = {one.sha256: source / one.path for one in read.record.artefacts}
    slots.stage(source / RECORD, paths.__getitem__)
    slots.place(Slot("1", 1, read.digest, "roll-out-9"))
    slots.discard("roll-out-9")
    slots.discard("roll-out-9")  # again: it was killed before it was told
    assert recovered(slots, trust) == ("1", [])


def test_what_is_committed_may_be_adopted_by_another_order_for_the_same_record(
    slots: Slots, folder: Path
) -> None:
    digest = read_record(folder / "store" / FAMILY / "1").digest
    assert not slots.adopt(digest, "roll-out-9")
    bring(slots, folder, "1")
    assert slots.adopt(digest, "roll-out-9")
    assert slots.active.slots["1"].deployment == "roll-out-9"
    assert not slots.adopt("ab" * 32, "roll-out-10")


def test_artefacts_of_slots_are_there_to_be_linked(slots: Slots, folder: Path) -> None:
    bring(slots, folder, "1")
    for sha256, path in slots.artefacts().items():
        assert digest_of(path.read_bytes()) == sha256
