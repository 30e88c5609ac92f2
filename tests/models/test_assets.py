"""Assets come from the user's folder, the cache or the internet, and are always checked."""

import hashlib
import threading
from pathlib import Path

import pytest

from models.assets import Asset, Places, fetch, find
from models.download import Limits
from models.errors import AssetError, ChecksumError
from tests.support.file_server import Answer, FileServer, serve

CONTENT = b"a network"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NOWHERE = "https://127.0.0.1:1/net.onnx"


def asset(url: str = NOWHERE) -> Asset:
    return Asset("net", url, SHA256, "zoo/net.onnx")


def places(tmp_path: Path) -> Places:
    return Places((tmp_path / "assets",), tmp_path / "cache", Limits(attempts=1))


def put(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "assets" / "zoo" / "net.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_the_folder_is_asked_first(tmp_path: Path) -> None:
    path = put(tmp_path, CONTENT)

    assert fetch(asset(), places=places(tmp_path)) == path
    assert not (tmp_path / "cache").exists()


def test_what_was_downloaded_once_is_in_the_cache(tmp_path: Path) -> None:
    with FileServer(serve(CONTENT)) as server:
        first = fetch(asset(f"{server.url}/net.onnx"), places=places(tmp_path))
        again = fetch(asset(f"{server.url}/net.onnx"), places=places(tmp_path))

    assert first == again
    assert first.read_bytes() == CONTENT
    assert first.suffix == ".onnx"
    assert len(server.requests) == 1


def test_a_wrong_file_in_the_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = put(tmp_path, b"something else")

    with pytest.raises(ChecksumError) as caught:
        fetch(asset(), places=places(tmp_path))

    assert SHA256 in str(caught.value)
    assert hashlib.sha256(b"something else").hexdigest() in str(caught.value)
    assert path.exists()


def test_a_wrong_file_in_the_cache_is_deleted_and_the_next_try_heals(tmp_path: Path) -> None:
    with FileServer(serve(CONTENT)) as server:
        wanted = asset(f"{server.url}/net.onnx")
        cached = fetch(wanted, places=places(tmp_path))
        cached.write_bytes(b"bit rot")

        with pytest.raises(ChecksumError, match=SHA256):
            fetch(wanted, places=places(tmp_path))

        assert not cached.exists()
        assert fetch(wanted, places=places(tmp_path)).read_bytes() == CONTENT


def test_where_nothing_works_the_user_is_told_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"set WAYSIDE_ASSETS .* as zoo/net\.onnx \(from https"):
        fetch(asset(), places=places(tmp_path))


def test_a_wrong_download_is_a_checksum_error_and_leaves_nothing(tmp_path: Path) -> None:
    with FileServer(serve(b"evil")) as server, pytest.raises(ChecksumError, match=SHA256):
        fetch(asset(f"{server.url}/net.onnx"), places=places(tmp_path))

    left = [path.name for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]
    assert left == []


def test_a_cache_that_cannot_be_written_is_an_asset_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")

    with pytest.raises(AssetError, match=r"cannot be written.*WAYSIDE_ASSETS"):
        fetch(asset(), places=places(tmp_path))


def test_two_that_want_the_same_file_download_it_once(tmp_path: Path) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def respond(path: str, wanted: str | None) -> Answer:
        asked.set()
        go_on.wait(10)
        return serve(CONTENT)(path, wanted)

    found: list[Path] = []
    with FileServer(respond) as server:
        wanted = asset(f"{server.url}/net.onnx")
        threads = [
            threading.Thread(target=lambda: found.append(fetch(wanted, places=places(tmp_path))))
            for _ in range(2)
        ]
        threads[0].start()
        assert asked.wait(10)
        threads[1].start()
        go_on.set()
        for thread in threads:
            thread.join()

    assert len(found) == 2
    assert found[0] == found[1]
    assert len(server.requests) == 1


def test_the_variable_names_the_folder_and_an_empty_one_none(tmp_path: Path) -> None:
    assert Places.of_user({"WAYSIDE_ASSETS": str(tmp_path)}).folders == (tmp_path,)
    assert Places.of_user({"WAYSIDE_ASSETS": ""}).folders == ()


def test_without_the_variable_it_is_shared_beside_the_project() -> None:
    project = Path(__file__).resolve().parents[2]

    assert project.parent / "shared" in Places.of_user({}).folders


def test_holds_looks_without_checking_or_fetching(tmp_path: Path) -> None:
    assert not places(tmp_path).holds(asset())
    assert find(asset(), places(tmp_path)) is None
    put(tmp_path, b"whatever")

    assert places(tmp_path).holds(asset())
