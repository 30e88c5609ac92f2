"""A model into a store: whole or not at all, once and for ever."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import onnx
import pytest

from models.checksum import sha256_of
from models.errors import ChecksumError, EngineError, ManifestError, RecordError
from models.record.digest import digest_of
from models.record.reading import read_record
from models.record.record import Metric, Parent
from models.record.register import Who, register
from models.record.store import Store
from models.record.verify import verify
from tests.support.processes import wait_until
from tests.support.records import (
    WHO,
    bright_onnx,
    files_of,
    pictures,
    registered,
    rewritable,
    submission,
    write_model,
)
from tests.support.tiny_detector import tiny_manifest

ROOT = Path(__file__).parents[3]


def test_a_record_holds_everything_and_its_digest_is_its_bytes(tmp_path: Path) -> None:
    done = registered(tmp_path)

    record, digest, size = done.read
    assert done.is_new
    assert done.folder == tmp_path / "store" / "gate" / "1"
    content = (done.folder / "record.json").read_bytes()
    assert (digest_of(content), len(content)) == (digest, size)
    assert (done.folder / "record.sha256").read_text() == f"{digest}  record.json\n"
    assert record.registered.by == "ada"
    assert record.registered.at == "2026-01-31T12:00:00Z"
    assert record.registered.code == WHO.code
    assert record.manifest.classes == ("person", "car", "dog")
    assert record.configuration == {"epochs": 30, "lr": 0.001}
    assert [one.value for one in record.metrics] == [0.61, 0.42]
    assert {one.role for one in record.artefacts} == {
        "network", "licence", "chart", "golden-picture", "golden-expected",
    }  # fmt: skip
    on_disk = {path.relative_to(done.folder).as_posix() for path in files_of(done.folder)}
    assert on_disk == {one.path for one in record.artefacts} | {"record.json", "record.sha256"}
    assert not any(path.stat().st_mode & 0o222 for path in files_of(done.folder))


def test_coreutils_agrees_with_the_digest(tmp_path: Path) -> None:
    folder = registered(tmp_path).folder

    done = subprocess.run(["sha256sum", "--check", "--strict", "record.sha256"], cwd=folder,
                          capture_output=True, text=True, check=False)  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "record.json: OK\n")


def test_the_same_once_more_is_the_same_whoever_says_it(tmp_path: Path) -> None:
    first = registered(tmp_path)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in files_of(tmp_path)}
    later = Who("bob", datetime(2027, 1, 1, tzinfo=timezone.utc), "0.2.0")

    again = register(submission(tmp_path / "model"), Store(tmp_path / "store"), later)

    assert not again.is_new
    assert again.read == first.read
    store = [path for path in files_of(tmp_path / "store") if path.name != ".lock"]
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in store} == {
        path: seen for path, seen in before.items() if path in store
    }


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"configuration": {"epochs": 31}}, "configuration"),
        ({"metrics": ()}, "metrics"),
        ({"charts": ()}, "artefacts"),
        ({"pictures": pictures(2)}, "artefacts, golden"),
    ],
)
def test_other_content_of_the_same_version_is_refused(
    tmp_path: Path, changes: dict[str, Any], part: str
) -> None:
    first = registered(tmp_path)

    with pytest.raises(RecordError, match=rf"other content \({part}\).*never overwritten"):
        registered(tmp_path, **changes)

    assert read_record(first.folder) == first.read
    assert verify(first.folder).problems == []
    assert not (tmp_path / "store" / ".staging").exists()


def test_another_network_of_the_same_version_is_refused(tmp_path: Path) -> None:
    registered(tmp_path)
    other = write_model(tmp_path / "other", bright_onnx(score=0.8))

    with pytest.raises(RecordError, match="raise the manifest's `version`"):
        register(submission(tmp_path / "other", other), Store(tmp_path / "store"), WHO)


def test_every_flipped_byte_is_named(tmp_path: Path) -> None:
    folder = rewritable(registered(tmp_path).folder)
    assert verify(folder).problems == []

    for path in files_of(folder):
        good = path.read_bytes()
        middle = len(good) // 2
        path.write_bytes(good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])

        problems = verify(folder).problems

        assert problems, path
        assert any(str(path) in line or path.name in line for line in problems), (path, problems)
        assert all("\n" not in line for line in problems)
        path.write_bytes(good)
    assert verify(folder).problems == []


def test_a_killed_register_leaves_nothing_that_the_next_does_not_sweep(tmp_path: Path) -> None:
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, str(tmp_path)], cwd=ROOT)
    try:
        wait_until((tmp_path / "store/.staging/LICENSE").exists, "a register that is under way")
    finally:
        victim.kill()
        victim.wait()
    assert not (tmp_path / "store" / "gate").exists()
    (tmp_path / "store/.staging/golden").mkdir()
    (tmp_path / "store/.staging/golden/0.png").write_bytes(b"half")

    done = registered(tmp_path)

    assert done.is_new
    assert verify(done.folder).problems == []
    assert not (tmp_path / "store" / ".staging").exists()


VICTIM = """
import sys
import threading
from pathlib import Path
from models.record.register import register
from models.record.store import Store
from tests.support.records import WHO, submission

folder = Path(sys.argv[1])

class Endless(list):
    def __iter__(self):
        threading.Event().wait()

made = submission(folder / "model", pictures=Endless([0]))
register(made, Store(folder / "store"), WHO)
"""


def test_of_two_at_once_one_writes(tmp_path: Path) -> None:
    made = submission(tmp_path / "model")

    with ThreadPoolExecutor(4) as pool:
        store = Store(tmp_path / "store")
        done = list(pool.map(lambda _: register(made, store, WHO), range(4)))

    assert sorted(one.is_new for one in done) == [False, False, False, True]
    assert len({one.read.digest for one in done}) == 1


def test_a_child_names_its_parent(tmp_path: Path) -> None:
    parent = registered(tmp_path)
    sha256 = parent.read.record.manifest.sha256
    made = {"by": "halve", "frames": 4, "figure": "agreement", "original": 1.0, "reached": 0.99}
    model = write_model(tmp_path / "child", bright_onnx(weight=2e-4), version="1-fp16",
                        parent=sha256, made=made)  # fmt: skip

    child = register(submission(tmp_path / "child", model, parent=parent.folder),
                     Store(tmp_path / "store"), WHO)  # fmt: skip

    assert child.read.record.parent == Parent(name="gate", version="1", digest=parent.read.digest)
    assert child.read.record.manifest.made is not None
    assert verify(child.folder).parent == "gate 1, as recorded"


def test_a_child_of_another_network_is_refused(tmp_path: Path) -> None:
    parent = registered(tmp_path)
    model = write_model(tmp_path / "child", version="2", parent="e" * 64)

    with pytest.raises(RecordError, match=r"made from eeeeeeeeeeee\.\.\.; name that one's record"):
        register(submission(tmp_path / "child", model, parent=parent.folder),
                 Store(tmp_path / "store"), WHO)  # fmt: skip


def _broken_png(folder: Path) -> dict[str, Any]:
    (folder / "loss.png").write_bytes(b"GIF89a")
    return {"charts": [folder / "loss.png"]}


def _same_chart(folder: Path) -> dict[str, Any]:
    (folder / "b").mkdir()
    charts = [folder / "a.svg", folder / "b" / "A.svg"]
    for chart in charts:
        chart.write_text("<svg/>")
    return {"charts": charts}


def _odd_chart(folder: Path) -> dict[str, Any]:
    (folder / "très bien.svg").write_text("<svg/>")
    return {"charts": [folder / "très bien.svg"]}


def _other_licence(folder: Path) -> dict[str, Any]:
    (folder / "MIT").write_text("Permission is hereby granted, free of charge, to any person")
    return {"licence_file": folder / "MIT"}


def _unmeasured(folder: Path) -> dict[str, Any]:
    return {"data_sets": ()}


def _unknown_class(folder: Path) -> dict[str, Any]:
    metric = Metric(name="map50", value=0.5, class_name="lorry", samples=3, data_set="d" * 64)
    return {"metrics": (metric,)}


def _no_parent(folder: Path) -> dict[str, Any]:
    return {"parent": folder}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_broken_png, r"loss\.png: is no PNG and no SVG"),
        (_same_chart, r"another chart is called A\.svg"),
        (_odd_chart, r"très bien\.svg: its name must be a relative path of letters.*rename it"),
        (_other_licence, "does not read like Apache-2.0"),
        (_unmeasured, "map50 is of no data set of the record"),
        (_unknown_class, "class 'lorry', which the model does not have"),
        (_no_parent, r"record\.json: cannot be read: No such file"),
    ],
)
def test_what_is_refused_leaves_nothing(
    tmp_path: Path, change: Callable[[Path], dict[str, Any]], expected: str
) -> None:
    (tmp_path / "model").mkdir()
    write_model(tmp_path / "model")
    changes = change(tmp_path / "model")

    with pytest.raises(RecordError, match=expected) as caught:
        registered(tmp_path, **changes)

    assert "\n" not in str(caught.value)
    store = tmp_path / "store"
    assert [path for path in store.rglob("*") if path.name != ".lock"] == []


def test_a_network_that_is_not_the_manifests_is_refused(tmp_path: Path) -> None:
    made = submission(tmp_path / "model")
    (tmp_path / "model" / "gate.onnx").write_bytes(bright_onnx(score=0.7))
    with pytest.raises(ChecksumError):
        register(made, Store(tmp_path / "store"), WHO)

    write_model(tmp_path / "other", b"no network")
    with pytest.raises(EngineError):
        register(submission(tmp_path / "other", tmp_path / "other" / "gate.yaml"),
                 Store(tmp_path / "store"), WHO)  # fmt: skip

    unfit = replace(made, manifest=made.manifest.model_copy(update={"classes": ("one",)}))
    write_model(tmp_path / "model")
    with pytest.raises(ManifestError, match="with 1 classes"):
        register(unfit, Store(tmp_path / "store"), WHO)
    assert not (tmp_path / "store" / "gate").exists()


def test_a_network_with_weights_in_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model" / "gate.onnx"
    write_model(tmp_path / "model")
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="weights.bin",
              size_threshold=0)  # fmt: skip
    changed = tiny_manifest(sha256=sha256_of(path), name="gate")
    made = replace(submission(tmp_path / "spare"), manifest=changed, path=path)

    with pytest.raises(RecordError, match=r"model/gate\.onnx: does not run without what lies"):
        register(made, Store(tmp_path / "store"), WHO)


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")

    with pytest.raises(RecordError, match="store: cannot be written: File exists"):
        registered(tmp_path)


def test_a_place_that_holds_something_else_is_not_touched(tmp_path: Path) -> None:
    place = tmp_path / "store" / "gate" / "1"
    place.mkdir(parents=True)
    (place / "notes.txt").write_text("mine")

    with pytest.raises(RecordError, match="gate/1: cannot be written: Directory not empty"):
        registered(tmp_path)

    assert [path.name for path in place.iterdir()] == ["notes.txt"]
