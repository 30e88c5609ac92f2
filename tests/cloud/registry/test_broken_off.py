"""An `add` that is broken off at any moment: no row without its files, and begun again it ends."""

import subprocess
import sys
from pathlib import Path

from obstore.store import MemoryStore

from cloud.blobs.obstore import ObstoreBlobs
from cloud.errors import BlobsAwayError
from cloud.registry.check import check
from tests.support.model_records import BY, model_registry, record

ROOT = Path(__file__).parents[3]
VICTIM = """
import os, signal, sys
from pathlib import Path
from cloud.blobs.folder import FolderBlobs
from tests.support.model_records import BY, model_registry

class Fatal(FolderBlobs):
    left = 14

    def put(self, key, data, content_type):
        is_new = super().put(key, data, content_type)
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return is_new

with model_registry(Path(sys.argv[1]), blobs=Fatal(Path(sys.argv[1]) / "blobs")) as registry:
    registry.add(Path(sys.argv[2]), BY)
"""


class Failing(ObstoreBlobs):
    """Blobs in memory that take so many, and then none."""

    def __init__(self, left: int) -> None:
        super().__init__(MemoryStore(), "memory")
        self.left = left

    def put(self, key: str, data: bytes, content_type: str) -> bool:
        if self.left == 0:
            raise BlobsAwayError("blobs memory: full")
        self.left -= 1
        return super().put(key, data, content_type)


def test_at_every_file_that_cannot_be_put_nothing_is_added(tmp_path: Path) -> None:
    folder = record(tmp_path / "made")
    puts = 0
    while True:
        blobs = Failing(puts)
        with model_registry(tmp_path / str(puts), blobs=blobs) as registry:
            try:
                registry.add(folder, BY)
                break
            except BlobsAwayError:
                assert registry.models.page() == []
            blobs.left = -1
            assert registry.add(folder, BY)[1]
            checked = check(registry, lambda done: None)
            assert (checked.problems, checked.orphans) == ([], [])
        puts += 1
    artefacts = len(registry.artefacts("gate", "1"))
    assert puts == artefacts + 1, "each file, then the record"


def test_an_add_that_is_killed_before_its_row_leaves_files_that_are_named(tmp_path: Path) -> None:
    folder = record(tmp_path / "made")
    with model_registry(tmp_path) as registry:
        command = [sys.executable, "-c", VICTIM, str(tmp_path), str(folder)]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == -9
        assert registry.models.page() == []
        assert len(check(registry, lambda done: None).orphans or ()) == 14

        assert registry.add(folder, BY)[1]
        checked = check(registry, lambda done: None)
        assert (checked.problems, checked.orphans) == ([], [])
