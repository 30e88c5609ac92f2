"""The least that can take messages as the bridge does: paho, which acknowledges and forgets.

    python -m benchmarks.bare_subscriber PORT RECEIVE_MAXIMUM FILTER...

It prints a line once it is subscribed, and one for each message on END_TOPIC.
"""

import socket
import sys
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

END_TOPIC = "bench/end"


def main(port: int, receive_maximum: int, filters: list[str]) -> None:
    """Take messages until the broker goes."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id="bare-subscriber",
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
        manual_ack=True,
    )

    def on_message(client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        client.ack(message.mid, message.qos)

    def on_end(client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        client.ack(message.mid, message.qos)
        print("end", flush=True)

    def on_socket_open(client: paho.Client, userdata: Any, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    client.on_message = on_message
    client.on_socket_open = on_socket_open
    client.on_subscribe = lambda *_: print("subscribed", flush=True)
    client.message_callback_add(END_TOPIC, on_end)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = receive_maximum
    client.connect("127.0.0.1", port, clean_start=True, properties=properties)
    client.subscribe([(item, 1) for item in [*filters, END_TOPIC]])
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
