"""Files that are gone on with where they were cut off, and never taken wrong."""

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.ota.downloads import Downloads
from edge.ota.fetch import Fetch
from edge.ota.port import Target
from edge.ota.settings import FetchSettings, OtaSettings
from tests.support.file_server import Answer, FileServer, Respond, serve
from tests.support.trusting_device import refused

CONTENT = os.urandom(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SIZE = len(CONTENT)
QUICK = {"retry_initial_s": 0.001, "retry_max_s": 0.001, "min_free_bytes": 0}


def downloads(
    url: str, stop: threading.Event | None = None,
    free_bytes: Callable[[Path], int] = lambda _: 10**12, **limits: Any,
) -> Downloads:  # fmt: skip
    stop = stop or threading.Event()
    settings = OtaSettings(fetch=FetchSettings(**{**QUICK, **limits}))
    return Downloads(url, Fetch(settings, stop), stop, free_bytes=free_bytes)


def no_matter(_: int) -> None:
    """Nobody watches."""


def get(url: str, into: Path, **options: Any) -> None:
    downloads(url, **options).blob(SHA256, SIZE, into, no_matter)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def cut(after: int, content: bytes = CONTENT) -> Respond:
    """A server whose every answer ends after so many bytes of the file."""
    good = serve(content)

    def respond(path: str, wanted: str | None) -> Answer:
        answer = good(path, wanted)
        start = len(content) - len(answer.body)
        answer.body = answer.body[: max(0, after - start)]
        return answer

    return respond


def test_a_blob_comes_whole_and_its_progress_is_told(tmp_path: Path) -> None:
    told: list[int] = []
    with FileServer(serve(CONTENT)) as server:
        downloads(server.url).blob(SHA256, SIZE, tmp_path / "blob", told.append)
    assert (tmp_path / "blob").read_bytes() == CONTENT
    assert server.requests == [(f"/blobs/{SHA256}", None)]
    assert told == sorted(told)
    assert told[-1] == SIZE
    assert names(tmp_path) == ["blob"]


def test_metadata_is_asked_for_twice_at_most() -> None:
    answers = [Answer(200, {"Content-Length": "9"}, b"{"), Answer(body=b"{}")]
    with FileServer(lambda *_: answers.pop(0)) as server:
        assert downloads(server.url).metadata("2.root.json", 100) == b"{}"
        server.respond = lambda *_: Answer(503)
        with refused("unreachable", "503"):
            downloads(server.url).metadata("2.root.json", 100)
        server.respond = lambda *_: Answer(404)
        assert downloads(server.url).metadata("2.root.json", 100) is None
    assert [path for path, _ in server.requests] == ["/metadata/2.root.json"] * 5


def test_a_record_lies_under_its_hash(tmp_path: Path) -> None:
    target = Target("gate", "1.0+cuda", 1, SHA256, SIZE, None)
    with FileServer(serve(CONTENT)) as server:
        downloads(server.url).record(target, tmp_path / "record.json", no_matter)
    assert server.requests == [(f"/targets/gate/1.0%2Bcuda/{SHA256}.record.json", None)]
    assert (tmp_path / "record.json").read_bytes() == CONTENT


@pytest.mark.parametrize("tenths", range(10))
def test_a_file_that_was_cut_at_each_tenth_is_gone_on_with_from_there(
    tmp_path: Path, tenths: int
) -> None:
    after = SIZE * tenths // 10
    with FileServer(cut(after)) as server:
        with refused("truncated", "breaks off"):
            get(server.url, tmp_path / "blob", attempts=2)
        part = tmp_path / "blob.part"
        assert part.stat().st_size == after
        assert not (tmp_path / "blob").exists()
        server.respond = serve(CONTENT)
        server.requests.clear()
        get(server.url, tmp_path / "blob")
    wanted = f"bytes={after}-" if after else None
    assert server.requests == [(f"/blobs/{SHA256}", wanted)]
    assert (tmp_path / "blob").read_bytes() == CONTENT
    assert not part.exists()


def test_a_line_that_breaks_at_each_tenth_is_gone_on_with_within_one_call(tmp_path: Path) -> None:
    ends = [SIZE * tenths // 10 for tenths in range(1, 10)]

    def respond(path: str, wanted: str | None) -> Answer:
        return cut(ends.pop(0) if ends else SIZE)(path, wanted)

    with FileServer(respond) as server:
        get(server.url, tmp_path / "blob", attempts=2)
    assert len(server.requests) == 10
    assert (tmp_path / "blob").read_bytes() == CONTENT


def test_attempts_that_bring_nothing_are_counted_in_a_row(tmp_path: Path) -> None:
    with FileServer(lambda *_: Answer(503)) as server, refused("unreachable", "503"):
        get(server.url, tmp_path / "blob", attempts=4)
    assert len(server.requests) == 4


def test_a_wrong_file_is_tampered_and_its_part_deleted(tmp_path: Path) -> None:
    wrong = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with FileServer(serve(wrong)) as server, refused("tampered", SHA256[:12], "it was deleted"):
        get(server.url, tmp_path / "blob")
    assert names(tmp_path) == []


def test_a_wrong_part_is_deleted_and_the_next_try_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "blob.part").write_bytes(b"\0" * 1000)
    with FileServer(serve(CONTENT)) as server:
        with refused("tampered"):
            get(server.url, tmp_path / "blob")
        get(server.url, tmp_path / "blob")
    assert [wanted for _, wanted in server.requests] == ["bytes=1000-", None]
    assert (tmp_path / "blob").read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "blob.part").write_bytes(CONTENT + b"more")
    with FileServer(serve(CONTENT)) as server:
        get(server.url, tmp_path / "blob")
    assert server.requests == [(f"/blobs/{SHA256}", None)]


def test_a_part_that_is_the_whole_file_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "blob.part").write_bytes(CONTENT)
    get("http://127.0.0.1:9", tmp_path / "blob")
    assert (tmp_path / "blob").read_bytes() == CONTENT


def test_a_file_that_is_there_already_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(CONTENT)
    told: list[int] = []
    downloads("http://127.0.0.1:9").blob(SHA256, SIZE, tmp_path / "blob", told.append)
    assert told == [SIZE]


def test_a_damaged_file_in_its_place_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"\0" * SIZE)
    with FileServer(serve(CONTENT)) as server:
        get(server.url, tmp_path / "blob")
    assert (tmp_path / "blob").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_whole_file_again(tmp_path: Path) -> None:
    (tmp_path / "blob.part").write_bytes(CONTENT[:1000])
    with FileServer(lambda *_: Answer(200, {"Content-Length": str(SIZE)}, CONTENT)) as server:
        get(server.url, tmp_path / "blob")
    assert (tmp_path / "blob").read_bytes() == CONTENT


def test_a_server_that_says_it_has_more_is_endless_and_the_part_is_kept(tmp_path: Path) -> None:
    (tmp_path / "blob.part").write_bytes(CONTENT[:1000])
    longer = CONTENT + b"more"
    with FileServer(serve(longer)) as server, refused("endless", f"{SIZE} are signed"):
        get(server.url, tmp_path / "blob")
    assert (tmp_path / "blob.part").read_bytes() == CONTENT[:1000]


def endless() -> Any:
    while True:
        yield b"x" * 65_536


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Answer(200, {"Content-Length": str(SIZE + 1)}, CONTENT + b"x"),
        lambda: Answer(200, {}, CONTENT + b"x"),
        lambda: Answer(200, {}, drip=endless()),
    ],
    ids=["by its length", "without a length", "without an end"],
)
def test_more_bytes_than_are_signed_are_endless(
    tmp_path: Path, answer: Callable[[], Answer]
) -> None:
    with FileServer(lambda *_: answer()) as server, refused("endless"):
        get(server.url, tmp_path / "blob")
    left = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert left <= SIZE


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": f"bytes 5-{SIZE - 1}/{SIZE}"},
        {"Content-Range": "bytes x"},
        {"Content-Range": f"bytes */{SIZE}"},
        {},
    ],
    ids=str,
)
def test_a_server_that_goes_on_at_another_byte_is_not_believed(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    (tmp_path / "blob.part").write_bytes(CONTENT[:1000])

    def respond(path: str, wanted: str | None) -> Answer:
        return serve(CONTENT)(path, None) if wanted is None else Answer(206, headers, b"x" * 10)

    with FileServer(respond) as server:
        get(server.url, tmp_path / "blob", attempts=2)
    assert [wanted for _, wanted in server.requests] == ["bytes=1000-", None]
    assert (tmp_path / "blob").read_bytes() == CONTENT


def test_a_server_that_has_less_than_is_signed_is_truncated(tmp_path: Path) -> None:
    with FileServer(serve(CONTENT[:-1])) as server, refused("truncated"):
        get(server.url, tmp_path / "blob", attempts=2)


def test_a_server_that_does_not_have_the_rest_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "blob.part").write_bytes(CONTENT[:-1])

    def respond(path: str, wanted: str | None) -> Answer:
        return serve(CONTENT)(path, None) if wanted is None else Answer(416)

    with FileServer(respond) as server:
        get(server.url, tmp_path / "blob", attempts=2)
    assert (tmp_path / "blob").read_bytes() == CONTENT


def test_what_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with FileServer(lambda *_: Answer(404)) as server, refused("unreachable", "no such file"):
        get(server.url, tmp_path / "blob", attempts=1)


def test_a_server_that_drips_is_given_up_and_what_came_is_kept(tmp_path: Path) -> None:
    end = threading.Event()

    def drip() -> Any:
        yield CONTENT[:1000]
        while not end.wait(0.02):
            yield b"x"

    with FileServer(lambda *_: Answer(200, {"Content-Length": str(SIZE)}, drip=drip())) as server:
        with refused("unreachable", "sends less than 100000 bytes a second"):
            limits = {"min_bytes_per_s": 100_000, "slow_window_s": 1, "attempts": 1}
            get(server.url, tmp_path / "blob", **limits)
        end.set()
    assert (tmp_path / "blob.part").read_bytes()[:1000] == CONTENT[:1000]


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    with FileServer(serve(CONTENT)) as server:
        with refused(
            "no-space", f"{SIZE} bytes are to come, {SIZE + 9} are free, of which 10 stay"
        ):
            get(
                server.url, tmp_path / "blob", free_bytes=lambda _: SIZE + 9, min_free_bytes=10
            )  # fmt: skip
        assert server.requests == []
        get(server.url, tmp_path / "blob", free_bytes=lambda _: SIZE + 10, min_free_bytes=10)


def test_a_disk_that_fills_up_gets_its_room_back(tmp_path: Path) -> None:
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("no /dev/full")
    (tmp_path / "blob.part").symlink_to("/dev/full")
    with FileServer(serve(CONTENT)) as server, refused("no-space"):
        get(server.url, tmp_path / "blob")
    assert names(tmp_path) == []


def test_a_disk_that_cannot_make_it_durable_is_said(tmp_path: Path) -> None:
    (tmp_path / "blob.part").symlink_to("/dev/null")  # takes all, and cannot be synced
    with FileServer(serve(CONTENT)) as server, refused("read-only", "blob.part"):
        get(server.url, tmp_path / "blob")
    assert not (tmp_path / "blob").exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "blob.part").mkdir()
    with FileServer(serve(CONTENT)) as server, refused("read-only", "blob.part"):
        get(server.url, tmp_path / "blob")
    assert server.requests == []


def test_a_stop_ends_a_wait_for_the_next_attempt(tmp_path: Path) -> None:
    stop = threading.Event()

    def respond(*_: object) -> Answer:
        stop.set()
        return Answer(503)

    with FileServer(respond) as server, refused("unreachable"):
        get(server.url, tmp_path / "blob", stop=stop, retry_initial_s=60, retry_max_s=3600)
    assert len(server.requests) == 1


def test_who_is_told_of_progress_may_end_it(tmp_path: Path) -> None:
    class EnoughError(Exception):
        pass

    def enough(have: int) -> None:
        if have > 100_000:
            raise EnoughError

    with FileServer(serve(CONTENT)) as server:
        with pytest.raises(EnoughError):
            downloads(server.url).blob(SHA256, SIZE, tmp_path / "blob", enough)
        part = (tmp_path / "blob.part").read_bytes()
        assert part == CONTENT[: len(part)] != b""
        get(server.url, tmp_path / "blob")


def test_no_name_of_a_blob_leads_elsewhere(tmp_path: Path) -> None:
    with refused("tampered", "is no sha256"):
        downloads("http://127.0.0.1:9").blob("../x", 1, tmp_path / "blob", no_matter)


def test_a_rate_limit_holds_back_and_is_not_the_servers_slowness(tmp_path: Path) -> None:
    """The bucket's own arithmetic is tested apart; here, that it is asked and nobody is blamed."""
    with FileServer(serve(CONTENT)) as server:
        get(
            server.url, tmp_path / "blob", max_bytes_per_s=10**6, min_bytes_per_s=10**6,
            slow_window_s=1,
        )  # fmt: skip
    assert (tmp_path / "blob").read_bytes() == CONTENT
