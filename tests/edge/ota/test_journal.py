"""What the journal held is there, or it says that it is not."""

import errno
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.ota.journal import Entries, Journal, Report
from edge.ota.life import Ending, Intent, Life, Order
from edge.ota.port import Target
from edge.ota.states import State
from tests.support.fake_ota import figures
from tests.support.ota_disk import RefusingDisk
from wayside.disk import RealDisk

LIFE = Life(
    Order("gate", "2", "roll-out-7", "ab" * 32, 5), State.PROBATION, "code", "détail", 9, "1",
    Target("gate", "2", 7, "ab" * 32, 900, "0.1.0"), 1000, 1000, State.DOWNLOADING, False, 2, 3.5,
    100.25, 50.0, 1, True, figures(), Intent.ROLL_BACK,
    Ending(State.TIMED_OUT, "x", "y"), Order("gate", "3", "roll-out-8"),
)  # fmt: skip
REPORT = Report("roll-out-7", 9, "0a0b")
ENTRIES = Entries({"gate": LIFE}, (REPORT,), {"gate": REPORT}, 17)


def journal(folder: Path) -> Journal:
    return Journal(folder / "ota" / "journal.json", RealDisk())


def test_it_holds_what_was_written(tmp_path: Path) -> None:
    assert journal(tmp_path).read() == (Entries(), "")
    journal(tmp_path).write(ENTRIES)
    assert journal(tmp_path).read() == (ENTRIES, "")
    assert [path.name for path in (tmp_path / "ota").iterdir()] == ["journal.json"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_damage_is_told_and_the_damaged_file_is_kept_for_people(
    tmp_path: Path, data: st.DataObject
) -> None:
    written = journal(tmp_path)
    written.write(ENTRIES)
    path = tmp_path / "ota" / "journal.json"
    content = path.read_bytes()
    if data.draw(st.booleans(), label="torn"):
        damaged = content[: data.draw(st.integers(0, len(content) - 2))]
    else:
        at = data.draw(st.integers(0, len(content) - 2))
        flipped = content[at] ^ 1 << data.draw(st.integers(0, 7))
        damaged = content[:at] + bytes([flipped]) + content[at + 1 :]
    path.write_bytes(damaged)
    entries, problem = written.read()
    if entries != ENTRIES:  # a key's case, say, may be read as it was
        assert entries == Entries(was_lost=True)
        assert str(path) in problem
        assert path.with_suffix(".unreadable").read_bytes() == damaged
        assert not path.exists()


def test_another_schema_is_told(tmp_path: Path) -> None:
    journal(tmp_path).write(ENTRIES)
    path = tmp_path / "ota" / "journal.json"
    path.write_bytes(path.read_bytes().replace(b'"schema":1', b'"schema":2'))
    assert "is of schema 2, and this agent knows 1" in journal(tmp_path).read()[1]


@pytest.mark.parametrize("point", [1, 2, 3, 4])
def test_what_cannot_be_written_leaves_what_was(tmp_path: Path, point: int) -> None:
    journal(tmp_path).write(ENTRIES)
    refusing = Journal(tmp_path / "ota" / "journal.json", RefusingDisk(point, errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        refusing.write(Entries(revision=18))
    left = journal(tmp_path).read()[0]
    assert left == (ENTRIES if point < 4 else Entries(revision=18)), "it was only not yet durable"
