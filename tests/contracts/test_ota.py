"""What holds for everybody who says what may run here, and for everybody who brings it.

A repository of the suite is anything that vouches for records of a folder: the fake, and a signed
one over HTTP.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.errors import OtaError
from edge.ota.client import Time
from edge.ota.port import Fetcher, Trust
from edge.ota.settings import FetchSettings, OtaSettings
from edge.ota.trust import open_trust
from models.record.digest import digest_of
from models.record.reading import RECORD, read_record
from models.record.register import register
from models.record.store import Store
from tests.support.fake_ota import FakeFetcher, FakeTrust
from tests.support.records import WHO, submission, write_model
from tests.support.signed_repository import SignedRepository, served

FAMILY = "gate"


@dataclass
class Bench:
    """A repository with two releases of a family, and the other end of it.

    Attributes:
        trust: believes nothing yet.
        fetcher: of the same repository.
        folders: of the records, by version.
        raise_floor: has the floor of the family be this release.
        revoke: has a release be revoked.
    """

    trust: Trust
    fetcher: Fetcher
    folders: dict[str, Path]
    raise_floor: Callable[[int], None]
    revoke: Callable[[int], None]

    def bytes_of(self, version: str) -> bytes:
        return (self.folders[version] / RECORD).read_bytes()


@contextlib.contextmanager
def fake(folders: dict[str, Path]) -> Iterator[Bench]:
    trust = FakeTrust()
    for folder in folders.values():
        trust.release(FAMILY, folder)

    def raise_floor(release: int) -> None:
        trust.floors[FAMILY] = release

    def revoke(release: int) -> None:
        trust.withdrawn.setdefault(FAMILY, set()).add(release)

    yield Bench(trust, FakeFetcher(trust, chunk_bytes=1000), folders, raise_floor, revoke)


@contextlib.contextmanager
def signed(folders: dict[str, Path]) -> Iterator[Bench]:
    """Signed by the cloud's own code, served over HTTP, and trusted by a device of its own."""
    place = next(iter(folders.values())).parents[2]
    repository = SignedRepository(place / "repository")
    for folder in folders.values():
        repository.release(folder)
    (place / "root.json").write_bytes(repository.root_bytes)

    def revoke(release: int) -> None:
        repository.revoke(list(folders)[release - 1])

    with served(repository.folder) as server:
        settings = OtaSettings(
            url=server.url,
            root_file=place / "root.json",
            fetch=FetchSettings(attempts=1, min_free_bytes=0),
        )
        time = Time(lambda: repository.now().timestamp(), lambda: True)
        with open_trust(
            settings, place / "data", threading.Event(), families=[FAMILY], device_time=time
        ) as device:
            yield Bench(device.trust, device.fetcher, folders, repository.floor, revoke)


@pytest.fixture(params=[fake, signed], ids=["fake", "signed"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    folders = {}
    for version in ("1", "2"):
        model = write_model(tmp_path / f"model-{version}", version=version)
        made = register(
            submission(tmp_path / f"model-{version}", model), Store(tmp_path / "store"), WHO
        )
        folders[version] = made.folder
    make: Callable[[dict[str, Path]], contextlib.AbstractContextManager[Bench]] = request.param
    with make(folders) as made_bench:
        yield made_bench


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(OtaError) as refused:
        call()
    assert refused.value.detail
    return refused.value.code


def test_a_target_is_the_record_that_was_signed(bench: Bench) -> None:
    bench.trust.refresh()
    for release, version in enumerate(bench.folders, 1):
        target = bench.trust.target(FAMILY, version)
        content = bench.bytes_of(version)
        assert (target.family, target.version, target.release) == (FAMILY, version, release)
        assert (target.sha256, target.length) == (digest_of(content), len(content))
        assert bench.trust.check_offline(FAMILY, content) == target


def test_what_was_never_released_is_no_target(bench: Bench) -> None:
    bench.trust.refresh()
    assert code_of(lambda: bench.trust.target(FAMILY, "9")) == "unknown-target"
    assert code_of(lambda: bench.trust.target("another-family", "1")) == "unknown-target"
    other = bench.bytes_of("1") + b" "
    assert code_of(lambda: bench.trust.check_offline(FAMILY, other)) == "unknown-target"


def test_floors_and_revocations_are_told(bench: Bench) -> None:
    bench.trust.refresh()
    assert (bench.trust.floor(FAMILY), bench.trust.revoked(FAMILY)) == (0, frozenset())
    bench.raise_floor(2)
    bench.revoke(1)
    bench.trust.refresh()
    assert (bench.trust.floor(FAMILY), bench.trust.revoked(FAMILY)) == (2, frozenset({1}))
    content = bench.bytes_of("1")
    codes = ("revoked", "unknown-target", "below-floor")
    assert code_of(lambda: bench.trust.check_offline(FAMILY, content)) in codes


def test_a_release_is_fetched_whole_and_progress_is_told(bench: Bench, tmp_path: Path) -> None:
    bench.trust.refresh()
    target = bench.trust.target(FAMILY, "1")
    seen: list[int] = []
    bench.fetcher.record(target, tmp_path / "record", seen.append)
    assert (tmp_path / "record").read_bytes() == bench.bytes_of("1")
    assert seen[-1] == target.length
    for one in read_record(bench.folders["1"]).record.artefacts:
        seen.clear()
        bench.fetcher.blob(one.sha256, one.size, tmp_path / one.sha256, seen.append)
        assert (tmp_path / one.sha256).read_bytes() == (bench.folders["1"] / one.path).read_bytes()
        assert seen == sorted(seen)
        assert seen[-1] == one.size


class _EnoughError(Exception):
    pass


def test_what_was_called_off_is_gone_on_with(bench: Bench, tmp_path: Path) -> None:
    bench.trust.refresh()
    artefacts: Sequence[tuple[int, str]] = sorted(
        (one.size, one.sha256) for one in read_record(bench.folders["1"]).record.artefacts
    )
    size, sha256 = artefacts[-1]

    def enough(received: int) -> None:
        raise _EnoughError

    with pytest.raises(_EnoughError):
        bench.fetcher.blob(sha256, size, tmp_path / "blob", enough)
    assert not (tmp_path / "blob").exists()
    bench.fetcher.blob(sha256, size, tmp_path / "blob", lambda received: None)
    assert digest_of((tmp_path / "blob").read_bytes()) == sha256


def test_what_is_not_there_cannot_be_had(bench: Bench, tmp_path: Path) -> None:
    bench.trust.refresh()
    with pytest.raises(OtaError) as refused:
        bench.fetcher.blob("00" * 32, 10, tmp_path / "blob", lambda received: None)
    assert refused.value.is_passing
    assert not (tmp_path / "blob").exists()
