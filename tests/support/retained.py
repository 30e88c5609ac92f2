"""What a broker keeps of a device."""

import paho.mqtt.subscribe

from protos import topics
from protos.codec import decode
from protos.v1.device_state_pb2 import DeviceState


def device_state(port: int, device: str) -> DeviceState:
    """The newest state of a device; waits until there is one.

    Args:
        port: of the broker.
        device: id of the device.
    """
    topic = topics.state(device)
    message = paho.mqtt.subscribe.simple(topic, port=port)  # type: ignore[no-untyped-call]
    return decode(DeviceState, message.payload)
