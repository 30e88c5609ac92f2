"""An idle device on a network of its own, and what goes over that network.

    unshare --net python -m tests.support.quiet_scene FOLDER CAMERAS SECONDS LOOK_EVERY_S

The broker takes certificates only, and the repository is behind TLS too. Nothing else speaks on
this network, so the loopback device counts what a modem would: bytes of IP, headers, handshakes
and acknowledgements included, both ways. Prints what it counted as JSON.
"""

import json
import ssl
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import yaml

from cloud.identity.identities import Role, identify
from tests.support.file_server import FileServer
from tests.support.line import Program
from tests.support.processes import wait_until
from tests.support.records import bright_onnx, registered, write_model
from tests.support.secure_broker import SecureBroker
from tests.support.signed_repository import SignedRepository, answer
from tests.support.small_agent import DEVICE, small_agent
from tests.support.small_cloud import SmallCloud

HEADER_BYTES = 14
"""Of Ethernet, which loopback counts and a modem does not have."""

HEARTBEAT_BYTES = 300
"""More than a probe of the connection takes within a second, and less than any heartbeat."""

SETTLED_S = 5.0


@dataclass(frozen=True, slots=True)
class Counted:
    """What went over the network, both ways.

    Attributes:
        bytes: of IP.
        seconds: from the end of one heartbeat to the end of another; where there were no two, all.
        heartbeats: within them.
        looks: into the repository, within the whole time.
        all_bytes: in the whole time.
    """

    bytes: int
    seconds: float
    heartbeats: int
    looks: int
    all_bytes: int


def ip_bytes() -> int:
    """That loopback has carried in this process' network so far."""
    for line in Path("/proc/self/net/dev").read_text().splitlines():
        name, _, figures = line.partition(":")
        if name.strip() == "lo":
            received, packets = (int(figure) for figure in figures.split()[:2])
            return received - packets * HEADER_BYTES
    raise RuntimeError("/proc/self/net/dev: there is no loopback")


def config(
    folder: Path, broker: SecureBroker, repository: FileServer, cameras: int, look_every_s: float
) -> Path:
    """Settings of an agent on whose cameras nothing is ever seen; a fleet's own for the rest."""
    mqtt = broker.issue(DEVICE).model_dump(mode="json")
    small = small_agent(
        folder,
        model={"name": str(folder / "own" / "gate.yaml")},
        cameras=[
            {"id": f"entrance-{n}", "source": f"synthetic://c{n}?width=64&height=64&fps=5"}
            for n in range(cameras)
        ],
        mqtt={key: mqtt[key] for key in ("host", "port", "tls")},
        ota={
            "url": repository.url, "root_file": "root.json", "tls": mqtt["tls"],
            "look_every_s": look_every_s,
        },
        status={"file": "status.json", "interval_s": 0.2},
        when_done=None,
    )  # fmt: skip
    if look_every_s < 3600:  # only looks are of interest, then
        settings = yaml.safe_load(small.read_text())
        small.write_text(yaml.safe_dump({**settings, "heartbeat": {"interval_s": 3600}}))
    return small


def signed(folder: Path) -> SignedRepository:
    """A repository with a family and one release."""
    repository = SignedRepository(folder / "repository")
    model = write_model(folder / "offered" / "model", version="9")
    registered(folder / "offered", model=model)
    repository.release(folder / "offered" / "store" / "gate" / "9")
    return repository


def settled() -> None:
    """Return when nothing has gone over the network for a while."""
    seen, since_s = ip_bytes(), time.monotonic()

    def is_still() -> bool:
        nonlocal seen, since_s
        if (now := ip_bytes()) != seen:
            seen, since_s = now, time.monotonic()
        return time.monotonic() - since_s > SETTLED_S

    wait_until(is_still, "a quiet network", 60)


def counted(seconds: float, server: FileServer) -> Counted:
    """Count for so long."""
    looked, begin_s, begin = looks(server), time.monotonic(), ip_bytes()
    samples, ends = [(0.0, 0)], list[tuple[float, int]]()
    while samples[-1][0] < seconds:
        time.sleep(1.0)  # between two samples
        samples.append((time.monotonic() - begin_s, ip_bytes() - begin))
        if samples[-1][1] - samples[-2][1] > HEARTBEAT_BYTES:
            ends.append(samples[-1])
    whole = (ends[0], ends[-1]) if len(ends) > 1 else (samples[0], samples[-1])
    (first_s, first), (last_s, last) = whole
    beats, looked = max(len(ends) - 1, 0), looks(server) - looked
    return Counted(last - first, last_s - first_s, beats, looked, samples[-1][1])


def has_nothing_to_say(folder: Path, agent: Program) -> bool:
    """Whether the cloud has every event, that of each camera's start included."""
    assert agent.running, agent.output[-3000:]
    try:
        told = json.loads((folder / "status.json").read_text())
    except FileNotFoundError:
        return False
    has_begun = all(camera["frames_inferred"] for camera in told["cameras"])
    is_empty = not told["outbox"]["rows"] and not told["outbox"]["staged"]
    return has_begun and is_empty


def looks(server: FileServer) -> int:
    return sum(path.endswith("/timestamp.json") for path, _ in server.requests)


def main(folder: Path, cameras: int, seconds: float, look_every_s: float) -> Counted:
    """Run the scene; the network is this process' own, and nothing in it is up yet."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    folder.mkdir(parents=True)
    broker = SecureBroker(folder / "broker")
    broker.authority.issue(identify(Role.SERVER, "updates", ["127.0.0.1"]), folder / "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server" / "cert.pem", folder / "server" / "key.pem")
    repository = signed(folder)
    write_model(folder / "own", bright_onnx(score=0.01), version="1.0.0")
    (folder / "root.json").write_bytes(repository.root_bytes)
    respond = partial(answer, repository.folder)
    cloud = SmallCloud(broker.issue("bridge", Role.SERVICE))
    broker.write_config()
    broker.process.start()
    with FileServer(respond, context, keeps_connections=True) as server:
        settings = config(folder, broker, server, cameras, look_every_s)
        with Program("edge.cli", ["run", "-c", str(settings)], folder / "agent.log") as agent:
            cloud.start()
            agent.start()
            wait_until(lambda: has_nothing_to_say(folder, agent), "all events to be stored", 60)
            cloud.stop()
            settled()
            found = counted(seconds, server)
            assert agent.running, agent.output[-3000:]
    broker.process.stop()
    return found


if __name__ == "__main__":
    where, cameras, seconds, look_every_s = sys.argv[1:]
    print(json.dumps(asdict(main(Path(where), int(cameras), float(seconds), float(look_every_s)))))
