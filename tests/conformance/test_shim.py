"""The shim does what the suite's CLIENT-CLI.md asks of a client."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from tuf.api.metadata import TargetFile

from tests.conformance.shim import main
from tests.support.file_server import Answer, FileServer
from tests.support.small_repository import SmallRepository

ROOT = Path(__file__).parents[2]
CONTENT = b"target file contents"


@pytest.fixture
def repository() -> SmallRepository:
    made = SmallRepository("gate", at=datetime.now(timezone.utc))
    for role, path in (
        (made.targets, "path/to/file.txt"),
        (made.families["gate"], "gate/1/record.json"),
    ):
        role.targets[path] = TargetFile.from_data(path, CONTENT)
        folder, _, name = path.rpartition("/")
        sha256 = role.targets[path].hashes["sha256"]
        made.files[f"targets/{folder}/{sha256}.{name}"] = CONTENT
    made.publish("gate", "targets")
    return made


@pytest.fixture
def server(repository: SmallRepository) -> Iterator[FileServer]:
    def respond(path: str, _: str | None) -> Answer:
        content = repository.files.get(path.lstrip("/"))
        if content is None:
            return Answer(404, {"Content-Length": "0"})
        return Answer(200, {"Content-Length": str(len(content))}, content)

    with FileServer(respond) as running:
        yield running


class Client:
    """The shim, called as the suite calls it, but within this process."""

    def __init__(
        self, folder: Path, server: FileServer, root: bytes, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._capsys = capsys
        self.metadata, self.targets = folder / "metadata", folder / "targets"
        self.metadata.mkdir()
        self.targets.mkdir()
        self.url = server.url
        (folder / "root.json").write_bytes(root)
        assert self.run("init", str(folder / "root.json")) == (0, "")

    def run(self, command: str, *more: str, **options: str | tuple[str, ...]) -> tuple[int, str]:
        """Exit status and what it said; several values are said one after the other."""
        flags = [
            word
            for name, values in options.items()
            for value in ((values,) if isinstance(values, str) else values)
            for word in (f"--{name.replace('_', '-')}", value)
        ]
        status = main(["--metadata-dir", str(self.metadata), *flags, command, *more])
        return status, self._capsys.readouterr().err

    def refresh(self) -> tuple[int, str]:
        return self.run("refresh", metadata_url=f"{self.url}/metadata")

    def download(self, *names: str) -> tuple[int, str]:
        return self.run(
            "download", metadata_url=f"{self.url}/metadata", target_name=names,
            target_base_url=f"{self.url}/targets", target_dir=str(self.targets),
        )  # fmt: skip

    def versions(self) -> dict[str, int]:
        return {
            path.stem: json.loads(path.read_bytes())["signed"]["version"]
            for path in self.metadata.glob("*.json")
        }


def test_the_suite_can_drive_our_verifier(
    tmp_path: Path,
    server: FileServer,
    repository: SmallRepository,
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = Client(tmp_path, server, repository.first_root, capsys)
    assert client.versions() == {"root": 1}
    assert server.requests == []

    assert client.refresh() == (0, "")
    assert client.versions() == {"root": 1, "timestamp": 2, "snapshot": 2, "targets": 2}

    for name in ("path/to/file.txt", "gate/1/record.json"):
        assert client.download(name) == (0, "")
    assert [path.read_bytes() for path in client.targets.iterdir()] == [CONTENT, CONTENT]
    server.requests.clear()
    assert client.download("path/to/file.txt") == (0, "")
    assert not [path for path, _ in server.requests if path.startswith("/targets/")]

    status, said = client.download("missing")
    assert status == 1
    assert said.startswith("unknown-target: missing: is listed by no role")

    old = dict(repository.files)
    repository.publish()
    assert client.refresh() == (0, "")
    repository.files.update(old)
    status, said = client.refresh()
    assert (status, said.partition(":")[0]) == (1, "rolled-back")
    assert client.versions()["timestamp"] == 3


def test_several_targets_are_taken_in_their_order_until_one_is_refused(
    tmp_path: Path,
    server: FileServer,
    repository: SmallRepository,
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = Client(tmp_path, server, repository.first_root, capsys)
    status, said = client.download("gate/1/record.json", "missing", "path/to/file.txt")
    assert status == 1
    assert said.startswith("unknown-target: missing:")
    assert [path.name for path in client.targets.iterdir()] == ["gate%2F1%2Frecord.json"]
    assert [path for path, _ in server.requests].count("/metadata/timestamp.json") == 1


def test_a_root_that_is_none_fails_before_anything_is_asked(
    tmp_path: Path,
    server: FileServer,
    repository: SmallRepository,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = repository.first_root.replace(b'"version":1', b'"version":2')
    client = Client(tmp_path, server, broken, capsys)
    status, said = client.refresh()
    assert status == 1
    assert said.startswith("bad-signature: root:")
    assert server.requests == []


def test_the_shim_is_a_program_whose_exit_status_says_it(tmp_path: Path) -> None:
    command = [
        str(ROOT / "tests/conformance/shim.py"), "--metadata-dir", str(tmp_path),
        "--metadata-url", "http://127.0.0.1:9/metadata", "refresh",
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path},
    )  # fmt: skip
    assert done.returncode == 1
    assert "anchor" in done.stderr
