"""A licence's text is found beside a network, and is of the licence that the manifest names."""

from pathlib import Path

import pytest

from models.errors import RecordError
from models.record.licence import licence_beside, read_licence
from tests.support.records import LICENCE

MIT = "MIT License\n\nPermission is hereby granted, free of\ncharge, to any person obtaining a copy"


def test_the_networks_own_comes_before_the_folders(tmp_path: Path) -> None:
    onnx = tmp_path / "gate[1].onnx"
    with pytest.raises(RecordError, match=r"no LICENSE lies beside it; .*MIT.*--licence-file FILE"):
        licence_beside(onnx, "MIT")

    (tmp_path / "LICENCE.md").write_text(MIT)
    assert licence_beside(onnx, "MIT") == tmp_path / "LICENCE.md"
    (tmp_path / "gate[1].LICENSE.txt").write_text(MIT)
    assert licence_beside(onnx, "MIT") == tmp_path / "gate[1].LICENSE.txt"
    (tmp_path / "gate[1].COPYING").write_text(MIT)
    with pytest.raises(RecordError, match=r"holds gate\[1\]\.COPYING, gate\[1\]\.LICENSE\.txt"):
        licence_beside(onnx, "MIT")


def test_a_text_is_of_the_licence_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "LICENSE"
    path.write_text(MIT)

    assert read_licence(path, "MIT") == MIT.encode()
    assert read_licence(path, "Apache-2.0 OR MIT") == MIT.encode()
    assert read_licence(path, "LicenseRef-Ours") == MIT.encode()
    assert read_licence(LICENCE, "Apache-2.0") == LICENCE.read_bytes()
    link = tmp_path / "gate.LICENSE"
    link.symlink_to("LICENSE")
    assert read_licence(link, "MIT") == MIT.encode()
    for other in ("Apache-2.0", "BSD-3-Clause", "AGPL-3.0-only"):
        with pytest.raises(RecordError, match=f"does not read like {other}"):
            read_licence(path, other)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b" \n", "is empty"), (b"\xff\xfe", "is not UTF-8"), (b"x" * 600_000, "at most 524,288")],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "LICENSE"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=expected):
        read_licence(path, "LicenseRef-Ours")
