"""One answer over HTTP: bounded in size, time and where it may come from."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cloud.identity.authority import CertificateAuthority
from cloud.identity.files import CA_FILE, CERTIFICATE_FILE, KEY_FILE
from cloud.identity.identities import Role, identify
from cloud.identity.settings import IdentitySettings
from edge.ota.connections import Connections, Line, Reply
from edge.ota.fetch import Fetch, Transfer
from edge.ota.settings import FetchSettings, OtaSettings
from tests.support.file_server import Answer, FileServer, serve
from tests.support.processes import wait_until
from tests.support.trusting_device import refused
from wayside.net import TlsSettings

CONTENT = b"metadata" * 100


def fetch(
    stop: threading.Event | None = None, tls: TlsSettings | None = None, **limits: Any
) -> Fetch:
    settings = OtaSettings(tls=tls, fetch=FetchSettings(**limits))
    return Fetch(settings, stop or threading.Event())


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "ota-fetch"]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    wait_until(lambda: not threads(), "threads of transfers end")


def test_a_small_file_comes_whole() -> None:
    with FileServer(serve(CONTENT)) as server:
        assert fetch().whole(f"{server.url}/metadata/1.root.json", 10_000) == CONTENT
    assert server.requests == [("/metadata/1.root.json", None)]


def test_one_connection_serves_one_question_after_the_other() -> None:
    """A TLS handshake for each would be most of what an idle device costs."""

    def respond(path: str, wanted: str | None) -> Answer:
        if path == "/2.root.json":
            return Answer(404, {"Content-Length": "9"}, b"not there")
        return serve(CONTENT)(path, wanted)

    asked = fetch()
    with FileServer(respond, keeps_connections=True) as server, contextlib.closing(asked):
        for _ in range(3):
            assert asked.whole(f"{server.url}/2.root.json", 10_000) is None
            assert asked.whole(f"{server.url}/timestamp.json", 10_000) == CONTENT
        asked.close()
    assert len(server.requests) == 6
    assert server.connections == 1


def test_a_download_and_a_look_meanwhile_keep_a_connection_each() -> None:
    asked = fetch()
    with (
        FileServer(serve(CONTENT), keeps_connections=True) as server,
        contextlib.closing(asked),
    ):
        for _ in range(2):
            with asked.open(f"{server.url}/a") as one, asked.open(f"{server.url}/b") as two:
                assert b"".join(one.chunks()) == b"".join(two.chunks()) == CONTENT
        asked.close()
    assert server.connections == 2


@pytest.mark.parametrize("status", [403, 404, 410])
def test_what_is_not_there_is_none(status: int) -> None:
    with FileServer(lambda *_: Answer(status)) as server:
        assert fetch().whole(server.url, 10) is None


@pytest.mark.parametrize("status", [400, 401, 206, 204, 429, 500, 503, 304])
def test_another_answer_is_unreachable(status: int) -> None:
    with FileServer(lambda *_: Answer(status)) as server, refused("unreachable", str(status)):
        fetch().whole(server.url, 10)


def test_a_file_that_says_that_it_is_longer_is_endless() -> None:
    with FileServer(serve(CONTENT)) as server, refused("endless", "has 800 bytes, 799 at most"):
        fetch().whole(server.url, 799)


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 4096


def test_a_file_without_an_end_is_endless() -> None:
    answer = Answer(drip=endless())
    with FileServer(lambda *_: answer) as server, refused("endless", "goes on after 10000 bytes"):
        fetch().whole(server.url, 10_000)


def test_a_file_that_breaks_off_is_truncated() -> None:
    short = Answer(200, {"Content-Length": "900"}, CONTENT)
    with FileServer(lambda *_: short) as server, refused("truncated", "breaks off"):
        fetch().whole(server.url, 10_000)


@pytest.mark.parametrize("text", ["-5", "x", "1e9", "", "9" * 40])
def test_a_length_that_is_none_is_not_believed(text: str) -> None:
    answer = Answer(200, {"Content-Length": text}, CONTENT)
    with FileServer(lambda *_: answer) as server, refused("endless"):
        fetch().whole(server.url, 100)


def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with refused("unreachable", "refused"):
            fetch().whole(f"http://127.0.0.1:{port}/", 10)


def test_somebody_who_is_silent_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with refused("unreachable", "timed out"):
            fetch(answer_timeout_s=0.2).whole(f"http://127.0.0.1:{silent.getsockname()[1]}/", 10)


def test_somebody_who_speaks_no_http_is_unreachable() -> None:
    def speak(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.sendall(b"220 mail.example.com ESMTP\r\n" * 3)
        connection.close()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=speak, args=(listener,))
        thread.start()
        with refused("unreachable"):
            fetch().whole(f"http://127.0.0.1:{listener.getsockname()[1]}/", 10)
        thread.join()


def drip(gap_s: float, end: threading.Event) -> Iterator[bytes]:
    while not end.wait(gap_s):
        yield b"x"


def test_a_body_that_drips_is_given_up_by_its_rate() -> None:
    end = threading.Event()
    with FileServer(lambda *_: Answer(drip=drip(0.02, end))) as server:
        with refused("unreachable", "sends less than 1000 bytes a second over 1 s"):
            fetch(min_bytes_per_s=1000, slow_window_s=1).whole(server.url, 10_000)
        end.set()


def test_headers_that_drip_are_given_up_by_their_rate() -> None:
    """Each byte resets a socket's own timeout, so that would wait for ever."""
    end = threading.Event()

    def speak(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            try:
                while not end.wait(0.02):
                    connection.sendall(b"x")
            except OSError:
                end.set()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=speak, args=(listener,))
        thread.start()
        with refused("unreachable", "sends less than"):
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            fetch(min_bytes_per_s=1000, slow_window_s=1).whole(url, 10_000)
        wait_until(end.is_set, "the connection was cut")
        thread.join()


@pytest.mark.parametrize("is_begun", [False, True], ids=["before the answer", "in the body"])
def test_a_stop_is_heeded_at_once(is_begun: bool) -> None:
    stop, end, asked = threading.Event(), threading.Event(), threading.Event()

    def never() -> Iterator[bytes]:
        end.wait()
        yield b""

    def respond(*_: object) -> Answer:
        asked.set()
        if not is_begun:
            end.wait()
        return Answer(200, {"Content-Length": "1000"}, b"x", drip=never())

    with FileServer(respond) as server:

        def stop_when_asked() -> None:
            asked.wait()
            stop.set()

        stopper = threading.Thread(target=stop_when_asked)
        stopper.start()
        with refused("unreachable", "the agent stops"):
            fetch(stop).whole(server.url, 10_000)
        stopper.join()
        end.set()


def moved(place: str) -> Answer:
    return Answer(302, {"Location": place})


def test_redirects_are_followed_a_few_times() -> None:
    def respond(path: str, _: str | None) -> Answer:
        left = int(path.strip("/"))
        return moved(f"/{left - 1}") if left else Answer(body=CONTENT)

    with FileServer(respond) as server:
        assert fetch().whole(f"{server.url}/3", 10_000) == CONTENT
        with refused("unreachable", "more than 3 redirects"):
            fetch().whole(f"{server.url}/4", 10_000)


@pytest.mark.parametrize(
    "place", ["http://example.com/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "//example.com/"]
)
def test_no_redirect_leads_to_plain_text_elsewhere(place: str) -> None:
    with FileServer(lambda *_: moved(place)) as server, refused("unreachable"):
        fetch().whole(server.url, 10)
    assert len(server.requests) == 1


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    folder = tmp_path_factory.mktemp("ca") / "ca"
    return CertificateAuthority.create(IdentitySettings(folder=folder))


@pytest.fixture
def pems(authority: CertificateAuthority, tmp_path: Path) -> Path:
    """Certificates of a server and of a device, in folders of these names."""
    server = identify(Role.SERVER, "updates", ["127.0.0.1"])
    authority.issue(server, tmp_path / "server")
    authority.issue(identify(Role.DEVICE, "gate-1"), tmp_path / "device")
    return tmp_path


def tls_server(pems: Path, *, asks_for_certificate: bool = False) -> FileServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pems / "server" / CERTIFICATE_FILE, pems / "server" / KEY_FILE)
    if asks_for_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pems / "server" / CA_FILE)
    return FileServer(serve(CONTENT), context)


def test_tls_is_spoken_with_whom_the_ca_vouches_for(pems: Path) -> None:
    tls = TlsSettings(ca_file=pems / "device" / CA_FILE)
    with tls_server(pems) as server:
        assert fetch(tls=tls).whole(server.url, 10_000) == CONTENT
        with refused("unreachable", "certificate"):
            fetch().whole(server.url, 10_000)
        with refused("unreachable", "localhost"):
            fetch(tls=tls).whole(server.url.replace("127.0.0.1", "localhost"), 10_000)


def test_a_server_that_asks_for_a_certificate_gets_the_devices(pems: Path) -> None:
    device = pems / "device"
    own = TlsSettings(
        ca_file=device / CA_FILE,
        cert_file=device / CERTIFICATE_FILE,
        key_file=device / KEY_FILE,
    )
    with tls_server(pems, asks_for_certificate=True) as server:
        assert fetch(tls=own).whole(server.url, 10_000) == CONTENT
        with refused("unreachable"):
            fetch(tls=TlsSettings(ca_file=device / CA_FILE)).whole(server.url, 10_000)


def test_no_redirect_leads_from_tls_to_plain_text(pems: Path) -> None:
    tls = TlsSettings(ca_file=pems / "device" / CA_FILE)
    with FileServer(serve(CONTENT)) as plain, tls_server(pems) as server:
        server.respond = lambda *_: moved(plain.url)
        with refused("unreachable", "a redirect to plain text"):
            fetch(tls=tls).whole(server.url, 10_000)
    assert plain.requests == []


def test_a_file_of_tls_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    with refused("unreachable", "ota.tls"):
        fetch(tls=TlsSettings(ca_file=tmp_path / "none.pem"))
    (tmp_path / "bad.pem").write_text("no certificate")
    with refused("unreachable", "ota.tls"):
        fetch(tls=TlsSettings(ca_file=tmp_path / "bad.pem"))


def test_the_environments_proxy_is_asked_but_not_for_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FileServer(serve(CONTENT)) as proxy, FileServer(serve(CONTENT)) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", "//ada:secret@"))
        assert fetch().whole(server.url, 10_000) == CONTENT
        assert proxy.requests == []
        with refused("unreachable", "501"):  # it is no proxy, and says so to CONNECT
            fetch().whole("https://192.0.2.1/x", 10_000)
        monkeypatch.setenv("no_proxy", "192.0.2.1")
        with refused("unreachable", "192.0.2.1"):
            fetch(connect_timeout_s=0.2).whole("https://192.0.2.1/x", 10_000)


class Surprising(Connections):
    """Where something happens that nobody thought of."""

    def ask(self, url: str, headers: Mapping[str, str], line: Line) -> Reply:
        raise RuntimeError("a surprise")


def test_whatever_breaks_an_answer_ends_the_question_and_no_agent() -> None:
    settings = FetchSettings()
    connections = Surprising(settings, ssl.create_default_context())
    transfer = Transfer(connections, settings, "http://127.0.0.1:9/x", {}, threading.Event())
    with refused("unreachable", "RuntimeError"), transfer:
        pass
