"""Records of models as strangers may send them, and a registry to send them to."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cloud.blobs.folder import FolderBlobs
from cloud.blobs.port import Blobs
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.registry.registry import Registry
from cloud.registry.settings import ModelSettings, ValidationSettings
from models.record.digest import canonical
from tests.support.fleet import fleet_file
from tests.support.records import registered, rewritable, write_model

BY = Actor("user:ada", "here")

TOLD_GOOD = (
    sys.executable, "-c",
    """print('{"begins": "it"}'); print('{"examined": {"findings": []}}')""",
)  # fmt: skip
"""In the place of the process that looks at a model: finds nothing, and takes no second."""

SMALL = ModelSettings(validation=ValidationSettings(timeout_s=60, memory_mb=1024))
"""Limits for tests: what needs more than a gigabyte is not waited for."""


def record(folder: Path, **changes: Any) -> Path:
    """The folder of a good record, `gate 1` unless told otherwise; files may be changed.

    Args:
        folder: for it and what it is made of.
        changes: of the manifest.
    """
    model = write_model(folder / "model", **changes)
    return rewritable(registered(folder, model=model).folder)


def rewritten(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The same folder, whose record says something else, in canonical form and with its digest."""
    document = json.loads((folder / "record.json").read_bytes())
    change(document)
    content = canonical(document)
    (folder / "record.json").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    (folder / "record.sha256").write_text(f"{digest}  record.json\n")
    return folder


def with_network(folder: Path, onnx: bytes) -> Path:
    """The same folder with another network, whole by all its digests; golden files stay."""
    (folder / "network.onnx").write_bytes(onnx)
    sha256 = hashlib.sha256(onnx).hexdigest()

    def change(document: dict[str, Any]) -> None:
        document["manifest"]["sha256"] = sha256
        [network] = [one for one in document["artefacts"] if one["role"] == "network"]
        network.update(sha256=sha256, size=len(onnx))

    return rewritten(folder, change)


@contextmanager
def model_registry(
    folder: Path, settings: ModelSettings = SMALL, blobs: Blobs | None = None
) -> Iterator[Registry]:
    """A registry over a SQLite file and a folder of blobs, in a folder."""
    with closing(FleetDatabase(fleet_file(folder / "fleet.sqlite"))) as database:
        kept = blobs or FolderBlobs(folder / "blobs")
        yield Registry(database, Audit(database), kept, settings)
