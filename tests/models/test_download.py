"""Downloads go on where they broke off, stay within bounds, and never leave a wrong file."""

import hashlib
import threading
from pathlib import Path

import pytest

from models.download import Limits, download
from models.errors import AssetError, ChecksumError
from tests.support.file_server import Answer, FileServer, Respond, serve

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def no_pause(seconds: float) -> None:
    """The tests wait for nothing."""


def get(server: FileServer, target: Path, limits: Limits | None = None) -> None:
    download(f"{server.url}/file", SHA256, target, limits or Limits(), pause=no_pause)


def breaks_off(times: int, after: int) -> Respond:
    """A server whose first answers end early."""
    good = serve(CONTENT)
    left = [times]

    def respond(path: str, wanted: str | None) -> Answer:
        answer = good(path, wanted)
        if left[0]:
            left[0] -= 1
            answer.body = answer.body[:after]
        return answer

    return respond


def test_a_file_is_fetched_and_its_progress_told(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    with FileServer(serve(CONTENT)) as server:
        target = tmp_path / "file.bin"
        download(f"{server.url}/file", SHA256, target, Limits(), lambda *step: told.append(step))

    assert target.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_a_connection_that_breaks_is_gone_on_with_within_one_call(tmp_path: Path) -> None:
    with FileServer(breaks_off(2, after=1000)) as server:
        get(server, tmp_path / "file.bin")

    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, "bytes=1000-", "bytes=2000-"]


def test_a_server_that_falls_silent_is_given_up_and_gone_on_with(tmp_path: Path) -> None:
    over = threading.Event()
    length = {"Content-Length": str(len(CONTENT))}

    def respond(path: str, wanted: str | None) -> Answer:
        if wanted is None:
            return Answer(200, length, CONTENT[:500], hold=over)
        return serve(CONTENT)(path, wanted)

    with FileServer(respond) as server:
        get(server, tmp_path / "file.bin", Limits(stalled_s=0.1))
        over.set()

    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, "bytes=500-"]


def test_the_next_call_goes_on_where_the_last_one_gave_up(tmp_path: Path) -> None:
    target = tmp_path / "file.bin"
    with FileServer(breaks_off(1, after=70_000)) as server:
        with pytest.raises(AssetError, match=r"broke off after 70000 of 1048576 bytes"):
            get(server, target, Limits(attempts=1))
        assert not target.exists()
        get(server, target)

    assert target.read_bytes() == CONTENT
    assert server.requests[-1][1] == "bytes=70000-"


def test_a_part_that_is_the_whole_file_only_needs_checking(tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    with FileServer(serve(CONTENT)) as server:
        get(server, tmp_path / "file.bin")

    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT + b"more")
    with FileServer(serve(CONTENT)) as server:
        get(server, tmp_path / "file.bin")

    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_it_all_again(tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(b"x" * 100)
    with FileServer(lambda path, _: serve(CONTENT)(path, None)) as server:
        get(server, tmp_path / "file.bin")

    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_server_that_goes_on_elsewhere_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:100])

    def respond(path: str, wanted: str | None) -> Answer:
        return serve(CONTENT)(path, "bytes=50-" if wanted else None)

    with FileServer(respond) as server:
        get(server, tmp_path / "file.bin")

    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_wrong_file_is_deleted_and_both_digests_are_named(tmp_path: Path) -> None:
    wrong = b"not it"
    with FileServer(serve(wrong)) as server, pytest.raises(ChecksumError) as caught:
        get(server, tmp_path / "file.bin")

    assert SHA256 in str(caught.value)
    assert hashlib.sha256(wrong).hexdigest() in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length_told", [True, False])
def test_a_file_that_is_too_large_is_given_up(tmp_path: Path, length_told: bool) -> None:
    def respond(path: str, wanted: str | None) -> Answer:
        answer = serve(CONTENT)(path, wanted)
        return answer if length_told else Answer(200, {}, answer.body)

    limits = Limits(max_bytes=300_000)
    with FileServer(respond) as server, pytest.raises(AssetError, match="larger than 300000"):
        get(server, tmp_path / "file.bin", limits)

    assert list(tmp_path.iterdir()) == []


def test_time_is_bounded_and_what_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:100])

    with FileServer(serve(CONTENT)) as server, pytest.raises(AssetError, match="took longer"):
        get(server, tmp_path / "file.bin", Limits(total_s=0.0))

    assert server.requests == []
    assert (tmp_path / "file.bin.part").read_bytes() == CONTENT[:100]


def test_a_server_that_says_no_is_asked_once(tmp_path: Path) -> None:
    with (
        FileServer(lambda *_: Answer(404)) as server,
        pytest.raises(AssetError, match="404 Not Found"),
    ):
        get(server, tmp_path / "file.bin")

    assert len(server.requests) == 1


def test_a_server_in_trouble_is_asked_again(tmp_path: Path) -> None:
    answers = iter([Answer(503), serve(CONTENT)("/file", None)])
    with FileServer(lambda *_: next(answers)) as server:
        get(server, tmp_path / "file.bin")

    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_server_that_is_away_is_an_asset_error(tmp_path: Path) -> None:
    with FileServer(serve(CONTENT)) as server:
        pass  # it is gone again

    with pytest.raises(AssetError, match=r"refused.*\(4 attempts\)"):
        get(server, tmp_path / "file.bin")


def test_a_redirect_is_followed(tmp_path: Path) -> None:
    def respond(path: str, wanted: str | None) -> Answer:
        if path == "/file":
            return Answer(302, {"Location": "/elsewhere"})
        return serve(CONTENT)(path, wanted)

    with FileServer(respond) as server:
        get(server, tmp_path / "file.bin")

    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("location", ["http://example.com/file", "ftp://127.0.0.1/file"])
def test_a_redirect_away_from_https_is_not_followed(tmp_path: Path, location: str) -> None:
    with (
        FileServer(lambda *_: Answer(302, {"Location": location})) as server,
        pytest.raises(AssetError, match="only https is downloaded"),
    ):
        get(server, tmp_path / "file.bin")


@pytest.mark.parametrize("url", ["http://example.com/x", "ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_only_https_is_downloaded(tmp_path: Path, url: str) -> None:
    with pytest.raises(AssetError, match="only https is downloaded"):
        download(url, SHA256, tmp_path / "file.bin", Limits())
