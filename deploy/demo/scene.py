"""What the demo shows: a source, a network, and the settings of both ends."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from models import zoo
from models.progress import Progress

DEVICE = "demo-cam-01"
NETWORK = "yolox-nano"
VIDEO = "cctv-people"


@dataclass(frozen=True, slots=True)
class Scene:
    """Files and addresses of one demo.

    Attributes:
        folder: everything that the demo writes.
        source: file, URL or USB index, as the agent takes it.
        cloud_config: settings of `wayside-cloud up`.
        edge_config: settings of `wayside-edge run`.
        status_file: where the agent says how it is.
        api: URL of the API.
    """

    folder: Path
    source: str
    cloud_config: Path
    edge_config: Path
    status_file: Path
    api: str


def prepare(folder: Path, progress_of: Callable[[str], Progress]) -> Scene:
    """Fetch what is needed and write both settings files.

    Raises:
        AssetError: the network or the video is not to be had; it says which variable to set.
        OSError: the folder cannot be written.
    """
    zoo.network(NETWORK, progress_of(NETWORK))
    given = os.environ.get("SOURCE", "")
    source = given or str(zoo.video(VIDEO, progress_of(VIDEO)))
    folder.mkdir(parents=True, exist_ok=True)
    broker, pubsub, api = _free_ports(3)
    scene = Scene(
        folder=folder,
        source=source,
        cloud_config=folder / "cloud.yaml",
        edge_config=folder / "edge.yaml",
        status_file=folder / "status.json",
        api=f"http://127.0.0.1:{api}",
    )
    scene.status_file.unlink(missing_ok=True)
    cloud = {
        "data_dir": "cloud",
        "broker": {"port": broker},
        "pubsub": {"port": pubsub},
        "api": {"port": api},
    }
    scene.cloud_config.write_text(yaml.safe_dump(cloud, sort_keys=False))
    agent = _agent(source if "://" in source else _absolute(source), broker)
    scene.edge_config.touch(mode=0o600)  # the source may hold a password
    scene.edge_config.write_text(yaml.safe_dump(agent, sort_keys=False))
    return scene


def _agent(source: str, broker_port: int) -> dict[str, Any]:
    """An agent with one zone and one line across a picture of any camera."""
    camera = {
        "id": "demo-camera",
        "source": source,
        "zones": [{"id": "lower-half", "points": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}],
        "lines": [{"id": "right-third", "points": [[0.8, 0.99], [0.8, 0.3]]}],
        "rules": [
            {"id": "near-us", "kind": "zone", "zone": "lower-half"},
            {"id": "to-the-right", "kind": "line", "line": "right-third"},
        ],
    }
    return {
        "device": DEVICE,
        "data_dir": "agent",
        "mqtt": {"port": broker_port},
        "model": {"name": NETWORK},
        "heartbeat": {"interval_s": 5},
        "status": {"file": "status.json"},
        "cameras": [camera],
    }


def _absolute(source: str) -> str:
    return source if source.isdecimal() else str(Path(source).resolve())


def _free_ports(count: int) -> list[int]:
    """Ports on which nobody listens; held together, so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
