"""What systemd is told, by a socket as its own."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from wayside.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_each_sign_is_one_datagram(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready("2 cameras")
    notifier.alive()
    notifier.stopping()
    notifier.close()
    notifier.alive()  # after the end nothing is told, and nothing breaks
    told = [manager.recv(1000) for _ in range(3)]
    assert told == [b"READY=1\nSTATUS=2 cameras", b"WATCHDOG=1", b"STOPPING=1"]


def test_the_abstract_namespace_is_known() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0wayside-test-{os.getpid()}")
        listening.settimeout(5)
        notifier = Notifier({"NOTIFY_SOCKET": f"@wayside-test-{os.getpid()}"})
        notifier.alive()
        assert listening.recv(1000) == b"WATCHDOG=1"
        notifier.close()


def test_children_do_not_tell_in_our_place(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    notifier = Notifier()
    assert "NOTIFY_SOCKET" not in os.environ
    notifier.alive()
    assert manager.recv(1000) == b"WATCHDOG=1"
    notifier.close()


def test_nobody_who_listens_is_no_reason_to_end(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}):
        notifier = Notifier(environ)
        notifier.ready("")
        notifier.alive()
        notifier.close()


def test_a_manager_that_reads_nothing_holds_nobody_up(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    for _ in range(10_000):
        notifier.alive()
    notifier.close()


def test_a_manager_that_is_busy_at_the_start_hears_of_it_later(manager: socket.socket) -> None:
    other = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    for _ in range(2_000):  # more than its queue takes
        other.alive()
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready("2 cameras")
    assert b"READY=1" not in b"".join(heard(manager))
    notifier.alive()
    notifier.alive()
    assert heard(manager) == [b"READY=1\nSTATUS=2 cameras", b"WATCHDOG=1", b"WATCHDOG=1"]
    other.close()
    notifier.close()


def heard(manager: socket.socket) -> list[bytes]:
    """What waits for the manager."""
    manager.setblocking(False)
    said = []
    with suppress(BlockingIOError):
        while True:
            said.append(manager.recv(1000))
    return said
