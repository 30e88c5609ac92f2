"""The engines of a folder."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.compile.tensorrt.cache import EngineCache
from models.compile.tensorrt.record import EngineRecord, KeyParts
from models.errors import EngineError

ENGINE = b"an engine, for all the cache knows" * 100
NEVER = threading.Event()


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines", keep=2)


def parts(**changes: Any) -> KeyParts:
    return KeyParts.model_validate({
        "onnx_sha256": "0" * 64, "library": "tensorrt", "library_version": "10.3.0",
        "gpu": "Orin (8.7)", "precision": "onnx", "batch": None, "workspace_mb": None,
        "dla_core": None, "compute_capability": None, **changes,
    })  # fmt: skip


def keep(cache: EngineCache, of: KeyParts, model: str = "net", engine: bytes = ENGINE) -> None:
    record = EngineRecord(
        model=model, parts=of, sha256=hashlib.sha256(engine).hexdigest(), size_bytes=len(engine),
        build_s=1.0,
    )  # fmt: skip
    with cache.building(NEVER, 1.0):
        cache.part_path(of).write_bytes(engine)
        cache.commit(record)


def names(cache: EngineCache) -> set[str]:
    return {path.suffix for path in cache.folder.iterdir()} - {""}


def test_an_engine_comes_back_as_it_was_kept(cache: EngineCache) -> None:
    assert cache.read(parts()) is None

    keep(cache, parts())

    found = cache.read(parts())
    assert found is not None
    assert found[0] == ENGINE
    assert found[1].parts == parts()
    assert names(cache) == {".engine", ".json"}


def truncated(engine: Path, record: Path) -> None:
    engine.write_bytes(ENGINE[:-1])


def emptied(engine: Path, record: Path) -> None:
    engine.write_bytes(b"")


def flipped(engine: Path, record: Path) -> None:
    engine.write_bytes(bytes([ENGINE[0] ^ 1]) + ENGINE[1:])


def torn_record(engine: Path, record: Path) -> None:
    record.write_text(record.read_text()[:50])


def binary_record(engine: Path, record: Path) -> None:
    record.write_bytes(b"\xff\xfe")


def foreign(engine: Path, record: Path) -> None:
    """A file that was copied from another board under this one's name."""
    record.write_text(record.read_text().replace("Orin (8.7)", "Xavier (7.2)"))


BREAKS = [truncated, emptied, flipped, torn_record, binary_record, foreign]


@pytest.mark.parametrize("break_it", BREAKS, ids=lambda f: f.__name__)
def test_a_broken_engine_is_never_given_out(
    cache: EngineCache, break_it: Callable[[Path, Path], None]
) -> None:
    keep(cache, parts())
    break_it(cache.engine_path(parts()), cache.folder / f"{parts().key}.json")

    with pytest.raises(EngineError, match=parts().key):
        cache.read(parts())

    keep(cache, parts())
    assert cache.read(parts()) is not None


@pytest.mark.parametrize("what", ["engine", "json", ""], ids=["engine", "record", "folder"])
def test_what_others_may_have_written_is_never_given_out(cache: EngineCache, what: str) -> None:
    keep(cache, parts())
    open_to_all = cache.folder / f"{parts().key}.{what}" if what else cache.folder
    open_to_all.chmod(0o777)

    with pytest.raises(EngineError, match=f"{open_to_all}: other users may write it"):
        cache.read(parts())
    if not what:
        with pytest.raises(EngineError, match="chmod go-w"), cache.building(NEVER, 1.0):
            pytest.fail("others may write there")


def test_what_is_kept_is_for_its_user_alone(cache: EngineCache) -> None:
    keep(cache, parts())
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert (cache.folder / f"{parts().key}.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("half", [".json", ".engine"])
def test_half_of_an_engine_is_none_and_is_swept(cache: EngineCache, half: str) -> None:
    keep(cache, parts())
    (cache.folder / f"{parts().key}{half}").unlink()

    assert cache.read(parts()) is None
    with cache.building(NEVER, 1.0):
        assert len(cache.sweep()) == 1
    assert names(cache) == set()


def test_a_sweep_leaves_whole_engines_and_reads_them_only_when_asked(cache: EngineCache) -> None:
    keep(cache, parts())
    keep(cache, parts(gpu=None))
    truncated(cache.engine_path(parts()), Path())

    with cache.building(NEVER, 1.0):
        assert cache.sweep() == []
        gone = cache.sweep(check_bytes=True)

    assert {path.stem for path in gone} == {parts().key}
    assert cache.read(parts(gpu=None)) is not None


def test_what_was_used_longest_ago_goes_first(cache: EngineCache) -> None:
    batches = ["1:1:1", "1:1:2", "1:1:3"]
    for batch in batches[:2]:
        keep(cache, parts(batch=batch))
    keep(cache, parts(batch="1:1:9"), model="another")
    assert cache.read(parts(batch=batches[0])) is not None  # used just now

    keep(cache, parts(batch=batches[2]))

    left = {entry.record.parts.batch for entry in cache.entries()}
    assert left == {batches[0], batches[2], "1:1:9"}
    assert not cache.engine_path(parts(batch=batches[1])).exists()


def test_entries_come_with_the_last_used_first_whatever_the_clock_says(cache: EngineCache) -> None:
    """Records that another program touched in the years to come, and a clock that is behind."""
    batches = ["1:1:1", "1:1:2", "1:1:3"]
    cache = EngineCache(cache.folder, keep=3)
    for batch in batches:
        keep(cache, parts(batch=batch))
        ahead_s = 1e10 + int(batch[-1])
        os.utime(cache.folder / f"{parts(batch=batch).key}.json", (ahead_s, ahead_s))

    assert cache.read(parts(batch=batches[1])) is not None
    assert cache.read(parts(batch=batches[0])) is not None

    last_first = [entry.record.parts.batch for entry in cache.entries()]
    assert last_first == ["1:1:1", "1:1:2", "1:1:3"]


def test_what_was_just_built_stays_where_the_clock_is_behind(cache: EngineCache) -> None:
    """A board without a battery: every engine that is there is of the future."""
    batches = ["1:1:1", "1:1:2", "1:1:3"]
    for batch in batches[:2]:
        keep(cache, parts(batch=batch))
        os.utime(cache.folder / f"{parts(batch=batch).key}.json", (1e10, 1e10))

    keep(cache, parts(batch=batches[2]))

    assert cache.read(parts(batch=batches[2])) is not None
    assert len(cache.entries()) == 2


def test_of_one_engine_that_is_kept_it_is_the_one_just_built(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path / "engines", keep=1)
    for batch in ("1:1:1", "1:1:2"):
        keep(cache, parts(batch=batch))

    assert [entry.record.parts.batch for entry in cache.entries()] == ["1:1:2"]


def test_whoever_builds_finds_no_halves_of_others(cache: EngineCache) -> None:
    keep(cache, parts())
    (cache.folder / f".{parts().key}.part").write_bytes(b"half")
    (cache.folder / f".{parts().key}.json.part").write_text("{")
    (cache.folder / f".{cache.timing_path(parts()).name}.part").write_bytes(b"half")

    with cache.building(NEVER, 1.0):
        assert names(cache) == {".engine", ".json"}


STRANGERS = ("labels.json", "package.json", "yolo_trtexec.engine", ".notes.part", "timing", ".part")


def test_files_of_others_are_left_alone(cache: EngineCache) -> None:
    cache.folder.mkdir()
    for name in STRANGERS:
        (cache.folder / name).write_text("{}")
    keep(cache, parts())
    (cache.folder / f"{parts().key}.json").unlink()

    with cache.building(NEVER, 1.0):
        gone = cache.sweep(check_bytes=True)

    assert gone == [cache.engine_path(parts())]
    assert {path.name for path in cache.folder.iterdir()} == {*STRANGERS, ".lock"}


HOLD = """
import sys, threading
from pathlib import Path
from models.compile.tensorrt.cache import EngineCache
with EngineCache(Path(sys.argv[1])).building(threading.Event(), 1.0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_builds_and_the_other_waits_until_the_one_is_gone(cache: EngineCache) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(cache.folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        late = pytest.raises(EngineError, match="another build there has taken more than 0.2 s")
        with late, cache.building(NEVER, 0.2):
            pytest.fail("two build at once")
        called_off = threading.Event()
        called_off.set()
        with pytest.raises(EngineError, match="called off"), cache.building(called_off, 60.0):
            pytest.fail("two build at once")
        holder.kill()
        with cache.building(NEVER, 20.0) as lock:
            assert os.fstat(lock)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(EngineError, match="file/engines: engines cannot be kept there"),
        EngineCache(tmp_path / "file" / "engines").building(NEVER, 1.0),
    ):
        pytest.fail("there is no such folder")


def test_what_was_measured_on_another_gpu_or_by_another_version_is_not_mixed(
    cache: EngineCache,
) -> None:
    paths = {
        cache.timing_path(parts(**change))
        for change in ({}, {"gpu": "Orin (8.6)"}, {"gpu": None}, {"library_version": "10.4.0"})
    }

    assert len(paths) == 4
    assert all(path.parent == cache.folder for path in paths)
