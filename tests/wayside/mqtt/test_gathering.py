"""A socket that reads all that is there and gathers what is written."""

import contextlib
import socket
from collections import deque
from collections.abc import Iterator

import pytest

from wayside.mqtt.gathering import GatheringSocket

PUBACK = b"\x40\x02\x00\x01"
DISCONNECT = b"\xe0\x00"
FULL = 64 * 1024


@pytest.fixture
def ahead() -> "deque[bytes]":
    return deque()


@pytest.fixture
def pair(ahead: "deque[bytes]") -> Iterator[tuple[GatheringSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(5)
    yield GatheringSocket(ours, ahead), theirs
    ours.close()
    theirs.close()


Pair = tuple[GatheringSocket, socket.socket]


def test_what_came_together_is_read_in_parts(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"abcdef")
    assert not ours.has_received
    assert ours.recv(2) == b"ab"
    assert ours.has_received
    assert ours.recv(100) == b"cdef"
    assert not ours.has_received
    with pytest.raises(BlockingIOError):
        ours.recv(1)


def test_the_end_is_read_after_what_came_before_it(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"abc")
    theirs.close()
    assert ours.recv(1) == b"a"
    assert ours.recv(9) == b"bc"
    assert ours.recv(9) == b""


def test_what_is_written_goes_out_when_it_is_flushed(pair: Pair) -> None:
    ours, theirs = pair
    assert ours.send(PUBACK) == 4
    assert ours.send(PUBACK) == 4
    assert ours.wants_write
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(100)
    ours.flush()
    assert theirs.recv(100) == PUBACK * 2
    assert not ours.wants_write


def test_what_goes_ahead_goes_before_the_next_packet_and_by_the_next_flush(
    pair: Pair, ahead: "deque[bytes]"
) -> None:
    ours, theirs = pair
    ours.send(b"first")
    ahead.extend([PUBACK, PUBACK])
    ours.send(b"second")
    ahead.append(PUBACK)
    ours.flush()
    assert theirs.recv(100) == b"first" + PUBACK * 2 + b"second" + PUBACK
    ahead.append(PUBACK)
    ours.send(DISCONNECT)
    assert theirs.recv(100) == PUBACK + DISCONNECT


def test_a_goodbye_goes_out_at_once_after_what_was_gathered(pair: Pair) -> None:
    ours, theirs = pair
    ours.send(PUBACK)
    assert ours.send(DISCONNECT) == 2
    assert theirs.recv(100) == PUBACK + DISCONNECT


def test_a_peer_that_reads_nothing_holds_up_further_packets_and_loses_none(pair: Pair) -> None:
    ours, theirs = pair
    packets = [bytes([number]) * 30_000 for number in range(1, 100)]
    taken = 0
    with contextlib.suppress(BlockingIOError):
        for packet in packets:
            taken += ours.send(packet)
    assert taken < sum(map(len, packets))
    assert ours.wants_write
    with pytest.raises(BlockingIOError):
        ours.send(DISCONNECT)
    ours.flush()  # there is no room: nothing happens

    received = bytearray()
    while len(received) < taken:
        ours.flush()
        received += theirs.recv(FULL)
    assert received == b"".join(packets)[:taken]
    assert not ours.wants_write


def test_an_error_of_a_flush_is_told_by_the_next_read(pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()
    ours.send(PUBACK)
    ours.flush()
    assert ours.has_received
    with pytest.raises(BrokenPipeError):
        ours.recv(1)


def test_shutdown_ends_it_for_both(pair: Pair) -> None:
    ours, theirs = pair
    ours.shutdown()
    assert theirs.recv(1) == b""
    assert ours.recv(1) == b""
    ours.close()
    assert ours.fileno() == -1
