"""Nobody else's: a real Mosquitto with the configuration that we write, and all its clients."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud.bridge.bridge import Bridge
from cloud.bridge.settings import BridgeSettings
from cloud.bus import topology
from cloud.errors import IdentityError
from cloud.identity.authority import CertificateAuthority, utc_now
from cloud.identity.eviction import evict, reload_broker
from cloud.identity.identities import Role, identify
from protos import codec, topics
from protos.ids import Lane
from tests.protos import samples
from tests.support.fake_bus import FakeBus
from tests.support.processes import wait_until
from tests.support.secure_broker import Party, SecureBroker
from wayside.mqtt.messages import SUCCESS, Will
from wayside.mqtt.settings import MqttSettings

DEVICE = "gate-cam-01"
OTHER = "gate-cam-02"
ALARMS = topics.events(DEVICE, Lane.ALARM)
COMMAND = {"deviceId": DEVICE, "subFolder": "commands/receipts"}
NOT_AUTHORIZED = 0x87
WAIT_S = 10.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    broker = SecureBroker(tmp_path_factory.mktemp("secure"))
    broker.issue("watcher", Role.SERVICE)
    broker.write_config()
    broker.process.start()
    yield broker
    broker.process.stop()


@pytest.fixture
def watcher(broker: SecureBroker) -> Iterator[Party]:
    """A service, which may read what devices say and write what they read."""
    filters = (topics.EVENTS_FILTER, topics.STATE_FILTER)
    with connected(Party(broker.issue("watcher", Role.SERVICE), "any-name", filters)) as party:
        yield party


def connected(party: Party) -> Party:
    """A party that is connected and subscribed before the block begins."""

    class Connected(Party):
        def __enter__(self) -> Party:
            super().__enter__()
            wait_until(lambda: self.connections, f"connection of {self.client_id}")
            # Refused, but answered only after the SUBSCRIBE before it.
            self.session.publish("/nobody/may", b"", "barrier")
            assert self.pubacks.get(timeout=WAIT_S) == ("barrier", NOT_AUTHORIZED)
            return self

    return Connected(party.settings, party.client_id, party.filters, party.will)


def reason_of_refusal(settings: MqttSettings, client_id: str = DEVICE) -> str:
    """What the session says of why it has no connection."""
    with capture_logs() as logs, Party(settings, client_id) as party:
        wait_until(lambda: any(item["event"] == "mqtt not connected" for item in logs), "refusal")
        assert not party.connections
    return str(next(item["reason"] for item in logs if item["event"] == "mqtt not connected"))


def test_device_speaks_on_its_own_topics(broker: SecureBroker, watcher: Party) -> None:
    with connected(Party(broker.issue(DEVICE), DEVICE)) as device:
        device.session.publish(ALARMS, b"alarm", "alarm")
        device.session.publish(topics.state(DEVICE), b"state", "state", retain=True)
        heard = {watcher.heard.get(timeout=WAIT_S).topic for _ in range(2)}
        assert heard == {ALARMS, topics.state(DEVICE)}
        assert device.pubacks.get(timeout=WAIT_S) == ("alarm", SUCCESS)
        assert device.pubacks.get(timeout=WAIT_S) == ("state", SUCCESS)
        device.session.publish(topics.state(DEVICE), b"", "forget", retain=True)
        assert watcher.heard.get(timeout=WAIT_S).payload == b""


@pytest.mark.parametrize(
    "topic",
    [
        topics.events(OTHER, Lane.ALARM),
        topics.state(OTHER),
        topics.config(DEVICE),
        topics.config(OTHER),
        topics.command(OTHER, topics.RECEIPTS),
        topics.presence("bridge"),
        "/devices/gate-cam-01/anything",
        "$SYS/broker/uptime",
    ],
)
def test_device_is_refused_every_other_topic(
    broker: SecureBroker, watcher: Party, topic: str
) -> None:
    with connected(Party(broker.issue(DEVICE), DEVICE)) as device:
        device.session.publish(topic, b"forged", "forged")
        assert device.pubacks.get(timeout=WAIT_S) == ("forged", NOT_AUTHORIZED)
        device.session.publish(ALARMS, b"own", "own")
        assert watcher.heard.get(timeout=WAIT_S).payload == b"own"


def test_device_hears_its_own_orders_and_nobody_elses(broker: SecureBroker, watcher: Party) -> None:
    everything = (
        "#", "/devices/#", topics.commands_filter(OTHER), topics.EVENTS_FILTER, "/bridges/#",
    )  # fmt: skip
    with (
        connected(Party(broker.issue("curious-cam"), "curious-cam", everything)) as curious,
        connected(Party(broker.issue(OTHER), OTHER)) as other,
    ):
        other.session.publish(topics.events(OTHER, Lane.ALARM), b"secret", "event")
        assert watcher.heard.get(timeout=WAIT_S).payload == b"secret"
        watcher.session.publish(topics.config(OTHER), b"secret", "config")
        watcher.session.publish(topics.command(OTHER, "restart"), b"secret", "command")
        watcher.session.publish(topics.presence("bridge"), b"secret", "presence")
        watcher.session.publish(topics.command("curious-cam", "restart"), b"yours", "last")
        assert curious.heard.get(timeout=WAIT_S).payload == b"yours"
        assert watcher.pubacks.get(timeout=WAIT_S)[1] != NOT_AUTHORIZED


def test_device_cannot_leave_a_will_for_another(broker: SecureBroker, watcher: Party) -> None:
    for topic in (topics.state(OTHER), topics.state(DEVICE)):
        will = Will(topic, b"will", retain=False)
        with connected(Party(broker.issue(DEVICE), DEVICE, will=will)) as device:
            evict(broker.authority, identify(Role.DEVICE, DEVICE), "127.0.0.1", broker.port)
            wait_until(partial(len, device.ends), "an end without a goodbye")
    assert watcher.heard.get(timeout=WAIT_S).topic == topics.state(DEVICE)


def test_nobody_takes_another_ones_client_id(broker: SecureBroker, watcher: Party) -> None:
    with connected(Party(broker.issue(DEVICE), DEVICE)) as device:
        with connected(Party(broker.issue(OTHER), DEVICE)) as thief:
            thief.session.publish(topics.events(OTHER, Lane.ALARM), b"as myself", "event")
            assert watcher.heard.get(timeout=WAIT_S).payload == b"as myself"
            thief.session.publish(ALARMS, b"as the other", "forged")
            assert thief.pubacks.get(timeout=WAIT_S) == ("event", SUCCESS)
            assert thief.pubacks.get(timeout=WAIT_S) == ("forged", NOT_AUTHORIZED)
        assert device.session.connected
        assert device.ends == []


def test_no_certificate_no_connection(broker: SecureBroker) -> None:
    assert reason_of_refusal(broker.client()).endswith(
        "refuses our certificate: there is none: set mqtt.tls.cert_file and mqtt.tls.key_file"
    )


def test_expired_certificate(broker: SecureBroker) -> None:
    settings = broker.issue(DEVICE, now=lambda: utc_now() - timedelta(days=400))
    assert "our certificate: it has expired" in reason_of_refusal(settings)


def test_certificate_of_another_ca(broker: SecureBroker, tmp_path: Path) -> None:
    other = broker.settings.model_copy(update={"folder": tmp_path / "ca"})
    settings = broker.issue(DEVICE, authority=CertificateAuthority.create(other))
    assert "not signed by the broker's CA" in reason_of_refusal(settings)


def test_certificate_of_a_server_is_none_for_a_client(broker: SecureBroker) -> None:
    settings = broker.issue(DEVICE, Role.SERVER)
    assert "refuses our certificate" in reason_of_refusal(settings)


def test_revocation_cuts_the_live_session_for_good(broker: SecureBroker) -> None:
    victim = identify(Role.DEVICE, "stolen-cam")
    settings = broker.issue(victim.common_name)
    bystander = Party(broker.issue(OTHER), OTHER)
    with connected(bystander) as innocent, connected(Party(settings, "stolen-cam")) as stolen:
        broker.authority.revoke(victim)
        reload_broker(broker.pid_file)
        evict(broker.authority, victim, "127.0.0.1", broker.port)
        wait_until(lambda: stolen.ends, "the end of the revoked session")
        assert len(stolen.connections) == 1
        assert "it was revoked" in reason_of_refusal(settings, "stolen-cam")
        assert not stolen.session.connected
        assert len(stolen.connections) == 1
        assert innocent.session.connected
        assert innocent.ends == []
    again = broker.issue(victim.common_name)
    with connected(Party(again, "stolen-cam")) as replaced:
        assert replaced.session.connected, "a new certificate counts"


def test_each_revocation_counts_even_within_one_second(broker: SecureBroker) -> None:
    for name in ("stolen-one", "stolen-two"):
        settings = broker.issue(name)
        broker.authority.revoke(identify(Role.DEVICE, name))
        reload_broker(broker.pid_file)
        evict(broker.authority, identify(Role.DEVICE, name), "127.0.0.1", broker.port)
        assert "it was revoked" in reason_of_refusal(settings, name)


def test_eviction_says_when_the_broker_has_not_read_the_list(broker: SecureBroker) -> None:
    victim = identify(Role.DEVICE, "late-cam")
    broker.issue(victim.common_name)
    broker.authority.revoke(victim)
    with pytest.raises(IdentityError, match="still takes revoked certificates"):
        evict(broker.authority, victim, "127.0.0.1", broker.port, timeout_s=0.2)
    with pytest.raises(IdentityError, match="127.0.0.1:1 .*refused"):
        evict(broker.authority, victim, "127.0.0.1", 1, timeout_s=0)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_remembered_tls_session_is_no_way_around_a_revocation(
    broker: SecureBroker, version: ssl.TLSVersion
) -> None:
    name = f"resuming-{version.name.lower().replace('_', '-')}"
    tls = broker.issue(name).tls
    assert tls is not None
    context = tls.context()
    context.maximum_version = version
    session = _first_answer(context, broker.port, name)
    assert session is not None
    assert _first_answer(context, broker.port, name, session), "else this test proves nothing"
    broker.authority.revoke(identify(Role.DEVICE, name))
    reload_broker(broker.pid_file)
    evict(broker.authority, identify(Role.DEVICE, name), "127.0.0.1", broker.port)
    with (
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REVOKED"),
        socket.create_connection(("127.0.0.1", broker.port), timeout=WAIT_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as secure,
    ):
        secure.recv(1)


def _first_answer(
    context: ssl.SSLContext, port: int, name: str, session: ssl.SSLSession | None = None
) -> ssl.SSLSession | None:
    """Connect by MQTT 3.1.1 and be taken; returns what TLS would resume this session by."""
    header = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(name).to_bytes(2, "big") + name.encode()
    with (
        socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as secure,
    ):
        secure.sendall(bytes([0x10, len(header)]) + header)
        assert secure.recv(4) == b"\x20\x02\x00\x00"
        assert secure.session_reused is (session is not None)
        return secure.session


def test_bridge_works_with_a_certificate_of_its_own(broker: SecureBroker) -> None:
    bus = FakeBus()
    settings = broker.issue("bridge-1", Role.SERVICE)
    broker.write_config()
    reload_broker(broker.pid_file)
    bridge = Bridge(BridgeSettings(), settings, "wayside", bus.publisher(), bus.subscriber())
    bridge.start()
    try:
        wait_until(lambda: bridge.connected, "the bridge's connection")
        own = (topics.commands_filter(DEVICE), topics.config(DEVICE))
        with connected(Party(broker.issue(DEVICE), DEVICE, own)) as device:
            device.session.publish(ALARMS, codec.encode(samples.event_batch()), "batch")
            assert device.pubacks.get(timeout=WAIT_S) == ("batch", SUCCESS)
            wait_until(lambda: bus.published, "the batch on the bus")
            assert bus.published[0][0] == topology.EVENTS
            for folder in ("commands/receipts", "config"):
                bus.take_in(topology.DOWNLINK, b"down", {"deviceId": DEVICE, "subFolder": folder})
                assert device.heard.get(timeout=WAIT_S).payload == b"down"
    finally:
        bridge.stop()


def test_bridges_of_the_older_protocol_hear_each_other(broker: SecureBroker) -> None:
    bus = FakeBus()
    names = ("older-1", "older-2")
    parts = [
        broker.issue(name, Role.SERVICE).model_copy(update={"protocol": "3.1.1"}) for name in names
    ]
    broker.write_config()
    reload_broker(broker.pid_file)
    quick = BridgeSettings(presence_interval_s=0.2, presence_timeout_s=0.8)
    bridges = [Bridge(quick, own, "wayside", bus.publisher(), bus.subscriber()) for own in parts]
    with ExitStack() as ends:
        for bridge in bridges:
            bridge.start()
            ends.callback(bridge.stop)
        wait_until(lambda: all(bridge.settled for bridge in bridges), "one to be active")
        own_topics = (topics.commands_filter(DEVICE),)
        device = ends.enter_context(connected(Party(broker.issue(DEVICE), DEVICE, own_topics)))
        for name in ("first", "second"):
            device.session.publish(ALARMS, codec.encode(samples.event_batch()), name)
            assert device.pubacks.get(timeout=WAIT_S) == (name, SUCCESS)
            bus.take_in(topology.DOWNLINK, b"down", COMMAND)
            assert device.heard.get(timeout=WAIT_S).payload == b"down"
        bridges[0].stop()
        bridges[1].stop()
        topics_of_all = [topic for topic, _ in bus.published]
        assert topics_of_all.count(topology.EVENTS) == 2, "each message once, of two bridges"
