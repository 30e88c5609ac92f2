"""`serve` and `bridge` between real servers, each in a thread that can be told to stop."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from cloud.app.bridge import run_bridge
from cloud.app.ready import ReadyRoute
from cloud.app.serve import run_serve
from cloud.errors import BusError, IdentityError, StartError
from cloud.identity.authority import CertificateAuthority
from cloud.settings import CloudSettings
from protos.enrolment import NONCE_PATH
from tests.support.mosquitto import mosquitto
from tests.support.processes import ServerProcess, free_port, wait_until
from tests.support.pubsub import embedded_pubsub


@pytest.fixture(scope="module")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = embedded_pubsub(tmp_path_factory.mktemp("pubsub"))
    server.start()
    yield server
    server.stop()


def settings(folder: Path, pubsub_port: int, **sections: Any) -> CloudSettings:
    written = {
        "data_dir": folder,
        "pubsub": None,
        "bus": {"endpoint": f"127.0.0.1:{pubsub_port}"},
        "api": {"port": free_port()},
        **sections,
    }
    return CloudSettings.model_validate(written)


@contextmanager
def running(program: Callable[[threading.Event], None]) -> Iterator[None]:
    """The program in a thread, ended in order; its error is the test's."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            program(stop)
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    for error in errors:
        raise error


def get(chosen: CloudSettings, path: str) -> tuple[int, Any]:
    try:
        with urlopen(f"http://127.0.0.1:{chosen.api.port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_serve_gets_ready_and_lets_go_of_its_file(tmp_path: Path, pubsub: ServerProcess) -> None:
    chosen = settings(tmp_path, pubsub.port)
    route = ReadyRoute("127.0.0.1", chosen.api.port)
    with running(lambda stop: run_serve(chosen, stop)):
        wait_until(route.is_ready, "readiness")
        assert get(chosen, "/v1/devices")[0] == 200
    assert not route.is_ready()
    with running(lambda stop: run_serve(chosen, stop)):  # the file and the port are free again
        wait_until(route.is_ready, "readiness")


def test_serve_enrols_devices_where_it_has_the_ca(tmp_path: Path, pubsub: ServerProcess) -> None:
    chosen = settings(tmp_path, pubsub.port, enrolment={"enabled": True})
    with (
        pytest.raises(IdentityError, match="make one with `wayside-cloud ca init`"),
        running(lambda stop: run_serve(chosen, stop)),
    ):
        pass
    CertificateAuthority.create(chosen.identity)
    with running(lambda stop: run_serve(chosen, stop)):
        wait_until(ReadyRoute("127.0.0.1", chosen.api.port).is_ready, "readiness")
        status, answer = get(chosen, NONCE_PATH)
        assert (status, list(answer)) == (200, ["nonce", "time_s"])


def test_serve_without_its_influxdb_lives_and_says_what_it_lacks(
    tmp_path: Path, pubsub: ServerProcess
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    chosen = settings(tmp_path, pubsub.port, store={"kind": "influxdb", "url": url})
    route = ReadyRoute("127.0.0.1", chosen.api.port)
    with running(lambda stop: run_serve(chosen, stop)):
        wait_until(lambda: route.is_ready() or "no answer" not in route.reason, "an answer")
        assert not route.is_ready()
        assert route.reason == "the store does not answer now; try again"
        assert get(chosen, "/readyz")[0] == 503
        assert get(chosen, "/healthz") == (200, {"status": "ok"})


def test_serve_names_a_port_that_is_taken(tmp_path: Path, pubsub: ServerProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        chosen = settings(tmp_path, pubsub.port, api={"port": port})
        with pytest.raises(StartError, match=rf"port {port} is taken; set api\.port"):
            run_serve(chosen, threading.Event())


def test_pubsub_that_is_not_there_is_named(tmp_path: Path) -> None:
    port = free_port()
    chosen = settings(tmp_path, port, bus={"endpoint": f"127.0.0.1:{port}", "start_timeout_s": 0.1})
    for program in (run_serve, run_bridge):
        with pytest.raises(BusError, match=rf"127\.0\.0\.1:{port} did not answer within 0\.1 s"):
            program(chosen, threading.Event())


def test_bridge_is_ready_once_the_broker_answers(tmp_path: Path, pubsub: ServerProcess) -> None:
    broker = mosquitto(tmp_path / "broker")
    mqtt = {"port": broker.port, "retry_initial_s": 0.05, "retry_max_s": 0.1}
    chosen = settings(tmp_path, pubsub.port, mqtt=mqtt)
    ready = tmp_path / "ready"
    with running(lambda stop: run_bridge(chosen, stop, ready)):
        assert not ready.exists()
        broker.start()
        wait_until(ready.exists, "the bridge")
    broker.stop()


def test_bridge_that_is_stopped_before_it_was_ready_never_says_it_was(
    tmp_path: Path, pubsub: ServerProcess
) -> None:
    chosen = settings(tmp_path, pubsub.port, mqtt={"port": free_port()})
    stop = threading.Event()
    stop.set()
    run_bridge(chosen, stop, tmp_path / "ready")
    assert not (tmp_path / "ready").exists()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 503 No\r\nContent-Length: 18\r\n\r\n" + b'{"detail": "dry"}\n', "dry"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nhm", "b'hm'"),
        (b"SSH-2.0-OpenSSH\r\n", "no answer: SSH-2.0-OpenSSH"),
    ],
)
def test_route_tells_what_another_program_answers(answer: bytes, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        route = ReadyRoute("127.0.0.1", server.getsockname()[1])
        assert not route.is_ready()
        thread.join()
    assert route.reason.strip() == reason
