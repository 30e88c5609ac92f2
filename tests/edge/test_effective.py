"""What an agent would run with, and who says so."""

from pathlib import Path

import pytest

from tests.support.edge_command import call
from tests.support.small_agent import small_agent

CAMERA = {
    "id": "yard", "source": "rtsp://admin:s3cret@192.0.2.1/live",
    "zones": [{"id": "gate", "points": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.1]]}],
}  # fmt: skip


def lines(*arguments: str | Path) -> list[str]:
    result = call("config", *arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


def test_each_value_is_shown_with_who_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = small_agent(tmp_path, cameras=[CAMERA])
    monkeypatch.setenv("WAYSIDE_EDGE__MQTT__PORT", "1884")
    monkeypatch.setenv("WAYSIDE_EDGE__TRACKER", "{lost_s: 3.0}")
    text = file.read_text().splitlines()
    at = {name: text.index(f"- id: {name}") + 1 for name in ("yard",)}

    found = lines("-c", file)

    assert f'cameras[0].id: "yard"  # edge.yaml:{at["yard"]}' in found
    assert "mqtt.port: 1884  # WAYSIDE_EDGE__MQTT__PORT" in found
    assert "tracker.lost_s: 3.0  # WAYSIDE_EDGE__TRACKER" in found
    [points] = [line for line in found if line.startswith("cameras[0].zones[0].points: ")]
    assert points.startswith("cameras[0].zones[0].points: [[0.1, 0.2], [0.3, 0.4], [0.5, 0.1]]")
    assert not any(line.endswith("# default") for line in found)
    assert "s3cret" not in "".join(found)
    assert any(line.startswith('cameras[0].source: "rtsp://***@192.0.2.1/live"') for line in found)


def test_effective_shows_defaults_too_and_can_be_read_again(tmp_path: Path) -> None:
    file = small_agent(tmp_path)
    found = lines("-c", file, "--effective")
    assert "mqtt.keepalive_s: 45  # default" in found
    assert f"tracker.low_confidence: 0.25  # follows model {tmp_path}/tiny.yaml" in found
    assert len(found) == len({line.partition(": ")[0] for line in found})
    assert len(found) > 50


def test_every_network_is_shown_and_what_the_tracker_has_from_it(tmp_path: Path) -> None:
    cameras = [
        {"id": "yard", "source": "yard.mp4", "model": "people"},
        {
            "id": "dash",
            "source": "yard.mp4",
            "areas": [{"model": "lanes", "rules": [{"id": "keep-lane", "kind": "lane-departure"}]}],
        },
    ]
    models = {
        "lanes": {"name": "twinlitenet"},
        "people": {"name": "tiny.yaml", "confidence": 0.8},
    }
    file = small_agent(tmp_path, cameras=cameras, models=models)
    at = file.read_text().splitlines().index("    name: twinlitenet") + 1

    found = lines("-c", file, "--effective")

    assert f'models.lanes.name: "twinlitenet"  # edge.yaml:{at}' in found
    assert 'models.people.engine: "auto"  # default' in found
    assert "cameras[1].areas[0].rules[0].min_s: 0.4  # default" in found
    followed = f"follows model {tmp_path}/tiny.yaml; 0.4 with models.people"
    assert f"tracker.low_confidence: 0.25  # {followed}" in found


def test_refused_settings_are_refused_here_too(tmp_path: Path) -> None:
    result = call("config", "-c", small_agent(tmp_path, device="gate/1"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "id 'gate/1' is not allowed" in result.stderr


def test_a_secret_is_shown_as_the_file_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_USER", "s3cret")
    camera = {**CAMERA, "source": "/dev/${file:which}"}
    (tmp_path / "which").write_text("video7\n")
    file = small_agent(tmp_path, cameras=[camera], mqtt={"username": "${BROKER_USER}"})
    found = lines("-c", file)
    assert any(line.startswith('mqtt.username: "${BROKER_USER}"  # edge.yaml:') for line in found)
    assert any(line.startswith('cameras[0].source: "/dev/${file:which}"') for line in found)
