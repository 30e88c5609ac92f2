"""The serial number of a board."""

from pathlib import Path

from edge.identity.serial import board_serial


def test_a_device_tree_tells_it(tmp_path: Path) -> None:
    told = tmp_path / "serial-number"
    told.write_bytes(b"1424223012345\0")
    assert board_serial([tmp_path / "missing", told]) == "1424223012345"


def test_what_is_none_is_passed_over(tmp_path: Path) -> None:
    for name, content in (("a", b""), ("b", b"To be filled"), ("c", b"\xff\xfe"), ("d", b"9" * 99)):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    passed = [tmp_path / name for name in ("folder", "a", "b", "c", "d")]
    assert board_serial(passed) == ""
    (tmp_path / "good").write_text("SN-7\n")
    assert board_serial([*passed, tmp_path / "good"]) == "SN-7"


def test_a_board_of_this_kind_or_none_is_an_answer() -> None:
    assert isinstance(board_serial(), str)
