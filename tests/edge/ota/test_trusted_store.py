"""The folder of trusted metadata."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge.ota.trusted_store import TrustedStore
from tests.support.trusting_device import refused


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    with TrustedStore(tmp_path / "trusted") as store:
        assert store.read("timestamp") is None
        store.keep("timestamp", b"{}")
        assert store.read("timestamp") == b"{}"
        store.keep_root(2, b"{ }")
        assert store.read("root") == store.read_root(2) == b"{ }"
        assert store.read_root(3) is None


@pytest.mark.parametrize("role", ["?", "#", "/delegated", "../delegated", "..", ".", "a/b/../../c"])
def test_no_name_of_a_role_leads_out_of_the_folder(tmp_path: Path, role: str) -> None:
    folder = tmp_path / "a" / "trusted"
    with TrustedStore(folder) as store:
        store.keep(role, b"{}")
        assert store.read(role) == b"{}"
    written = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.parent for path in written} == {folder}


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with TrustedStore(tmp_path) as store, refused("not-readable", "too long"):
        store.keep("r" * 201, b"{}")


def test_another_process_has_to_wait_for_its_end(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom edge.errors import OtaError\n"
        "from edge.ota.trusted_store import TrustedStore\n"
        "try:\n    TrustedStore(Path(sys.argv[1]))\n"
        "except OtaError as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with TrustedStore(tmp_path):
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("read-only: ")
    assert "only one agent may run in a data_dir" in said
    again = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert again == ""


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with refused("read-only", "Not a directory"):
        TrustedStore(tmp_path / "file" / "trusted")
