"""The bridge as a process."""

import threading
from contextlib import ExitStack
from pathlib import Path

from cloud.settings import CloudSettings
from wayside.process import frozen_heap


def run_bridge(settings: CloudSettings, stop: threading.Event, ready: Path | None = None) -> None:
    """Pass messages both ways until told to stop.

    Args:
        settings: the cloud's.
        stop: set from outside.
        ready: a file that is made once the broker and Pub/Sub have both answered, and it is known
            which bridge takes the devices' messages.

    Raises:
        BusError: Pub/Sub does not answer, or its topics cannot be made.
        MqttSettingsError: certificates or password cannot be read.
    """
    from cloud.bridge.bridge import Bridge
    from cloud.bus.apply import ensure
    from cloud.bus.google_publisher import GooglePublisher
    from cloud.bus.google_subscriber import GoogleSubscriber

    with ExitStack() as ends:
        ensure(settings.bus)
        publisher = GooglePublisher(settings.bus)
        ends.callback(publisher.close)
        subscriber = GoogleSubscriber(settings.bus)
        ends.callback(subscriber.close)
        bridge = Bridge(settings.bridge, settings.mqtt, settings.bus.project, publisher, subscriber)
        bridge.start()
        ends.callback(bridge.stop)
        while ready is not None and not stop.wait(0.05):
            if bridge.settled:
                ready.touch()
                break
        with frozen_heap():
            stop.wait()
