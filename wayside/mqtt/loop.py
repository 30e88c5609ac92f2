"""The network loop of one client, run by the thread that owns its connection.

paho lets others run its loop: they read, write and look after keep-alive when it is time, and are
told when another thread has something to be written. All that came is handled before anything is
written, and all that is to be written goes out by one system call.

Reference: https://eclipse.dev/paho/files/paho.mqtt.python/html/client.html#external-event-loop-support
"""

import contextlib
import select
import socket
from typing import Any

import paho.mqtt.client as paho

from wayside.mqtt.gathering import GatheringClient, GatheringSocket

_TICK_S = 1.0
"""How often keep-alive is looked after."""

_PUBACK = 0x4002_0000
"""Type 4, two bytes follow: the id."""

_PACKETS = 256
"""Read at most before something is written: a broker that never stops must not hold it up."""


class NetworkLoop:
    """Reads and writes for a client. One thread takes its turns, any may have it woken.

    Args:
        client: not connected yet.
    """

    def __init__(self, client: GatheringClient) -> None:
        self._client = client
        self._woken, self._waking = socket.socketpair()
        self._woken.setblocking(False)
        self._waking.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._woken, select.POLLIN)
        self._waits_for = 0
        self._has_acks = False
        self._was_woken = False
        client.on_socket_register_write = self._wake

    def ack(self, mid: int) -> None:
        """Acknowledge a message of QoS 1, by the next turn; any thread may.

        Not by paho's `ack`, which costs four times this and is a fifth of what a message costs
        a bridge. A PUBACK with nothing but the id says success (MQTT 5, 3.4.2.1; 3.1.1, 3.4).
        It goes before any packet that paho is given later: who unsubscribes once all is
        acknowledged knows by the answer that the broker has nothing left.
        """
        self._client.ahead.append((_PUBACK | mid).to_bytes(4, "big"))
        if not self._has_acks:
            self._has_acks = True
            self._wake_up()

    def turn(self, wait_s: float = _TICK_S) -> None:
        """Wait for something to be done, and do it; returns at once without a connection.

        Args:
            wait_s: at most; a tick of keep-alive ends it earlier.
        """
        client = self._client
        sock = _socket_of(client)
        if sock is None:
            return
        ready = self._ready(sock, wait_s)
        if sock.has_received or ready & ~select.POLLOUT:
            self._read(sock)
        # Woken, it is called with nothing to write as well: paho notes after it has queued a packet
        # that it has called us, and calls no more until `loop_write` has found the queue empty.
        if self._was_woken or client.want_write():
            self._was_woken = False
            client.loop_write()
        if _socket_of(client) is sock:
            self._has_acks = False  # before it takes them: who adds one later has it sent later
            sock.flush()
        client.loop_misc()

    def close(self) -> None:
        """Let go of what wakes it."""
        self._client.on_socket_register_write = None
        self._woken.close()
        self._waking.close()

    def _ready(self, sock: GatheringSocket, wait_s: float) -> int:
        """What poll(2) finds of the socket."""
        wanted = select.POLLIN
        if self._client.want_write() or sock.wants_write:
            wanted |= select.POLLOUT
        if wanted != self._waits_for:
            self._poll.register(sock, wanted)
            self._waits_for = wanted
        wait_s = 0.0 if sock.has_received else min(wait_s, _TICK_S)
        ready = dict(self._poll.poll(max(0.0, wait_s) * 1000))
        if self._woken.fileno() in ready:
            self._was_woken = True
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)
        return ready.get(sock.fileno(), 0)

    def _read(self, sock: GatheringSocket) -> None:
        client = self._client
        for _ in range(_PACKETS):
            client.loop_read()
            if _socket_of(client) is not sock or not sock.has_received:
                return

    def _wake(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        """paho has something to be written, which another thread has given it."""
        self._wake_up()

    def _wake_up(self) -> None:
        """Have the turn that waits go on."""
        with contextlib.suppress(OSError):  # it is full, or there are no more turns
            self._waking.send(b"\0")


def _socket_of(client: paho.Client) -> GatheringSocket | None:
    sock = client.socket()
    return sock if isinstance(sock, GatheringSocket) else None
