"""Rules that the fleet sends: taken whole or not at all, and nothing but rules."""

from pathlib import Path

import pytest
import yaml

from edge.desired import Desired, DesiredFile, load_with_desired, read_desired
from edge.settings import load
from protos.codec import encode
from protos.errors import WireError
from protos.v1.desired_state_pb2 import DesiredState
from tests.support.edge_command import call
from tests.support.small_agent import DEVICE, small_agent
from wayside.errors import SettingsError

ZONES = [{"id": "gate", "points": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.1]]}]
RULES = [{"id": "at-gate", "kind": "zone", "zone": "gate"}]


def message(config: object, revision: int = 7, device: str = DEVICE) -> bytes:
    text = config if isinstance(config, bytes) else yaml.safe_dump(config).encode()
    return encode(DesiredState(schema=1, device=device, revision=revision, config_yaml=text))


def kept(folder: Path, config: object) -> Path:
    """A settings file of an agent that was sent something."""
    file = small_agent(folder)
    (folder / "data").mkdir(exist_ok=True)
    DesiredFile(folder / "data", DEVICE).keep(message(config))
    return file


def refusal(config: object, device: str = DEVICE) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_desired(message(config, device=device), DEVICE)
    return [str(problem) for problem in caught.value.problems]


def test_rules_of_the_cloud_go_before_those_of_the_file(tmp_path: Path) -> None:
    file = kept(tmp_path, {"cameras": [{"id": "yard", "zones": ZONES, "rules": RULES}]})
    settings, desired = load_with_desired(file)
    assert desired.revision == 7
    assert [zone.id for zone in settings.cameras[0].zones] == ["gate"]
    assert [rule.id for rule in settings.cameras[0].rules] == ["at-gate"]
    assert settings.cameras[0].source == load(file).cameras[0].source


def test_effective_says_who_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYSIDE_EDGE__CAMERAS__0__OBJECTS__UPDATE_S", "3")
    sent = {"id": "yard", "zones": ZONES, "rules": RULES, "objects": {"update_s": 5}}
    found = call("config", "-c", kept(tmp_path, {"cameras": [sent]})).stdout.splitlines()
    assert 'cameras[0].rules[0].id: "at-gate"  # the cloud\'s revision 7' in found
    variable = "WAYSIDE_EDGE__CAMERAS__0__OBJECTS__UPDATE_S"
    assert f"cameras[0].objects.update_s: 3.0  # {variable}" in found
    assert any(line.startswith("cameras[0].source: ") and "edge.yaml:" in line for line in found)


def test_a_device_may_keep_to_its_own_file(tmp_path: Path) -> None:
    kept(tmp_path, {"cameras": [{"id": "yard", "zones": ZONES}]})
    settings, desired = load_with_desired(small_agent(tmp_path, remote={"rules": False}))
    assert (settings.cameras[0].zones, desired) == ((), Desired())


def test_nothing_but_rules_is_taken() -> None:
    said = refusal(
        b"device: gate-2\ncameras:\n- id: yard\n  source: gst://filesink location=/x\n- zones: []\n"
    )
    allowed = "ground, lines, objects, rules, zones"
    assert said == [
        "the cloud's revision 7:1: device: only the device's own settings say it; the cloud may "
        "say cameras",
        "the cloud's revision 7:4: cameras[0].source: only the device's own settings say it; the "
        f"cloud may say {allowed}",
        "the cloud's revision 7:5: cameras[1]: must be a mapping with the `id` of a camera",
    ]


def test_a_secret_of_the_device_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "s3cret")
    rules = [{**RULES[0], "zone": "${PW}"}]
    desired = read_desired(message({"cameras": [{"id": "yard", "rules": rules}]}), DEVICE)
    with pytest.raises(SettingsError) as caught:
        load(small_agent(tmp_path), desired.over)
    assert "id '${PW}' is not allowed" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (b"\xff", "the cloud's revision 7: is not UTF-8 text"),
        (b"cameras: [", "the cloud's revision 7:1: is no YAML"),
        (b"- 1", "the cloud's revision 7:1: must be a mapping"),
        ({"cameras": 5}, "the cloud's revision 7:1: cameras: must be a list of cameras"),
        ({"cameras": [{"id": "yard"}] * 2}, "'yard' stands twice"),
        (b"a: 2026-02-30", "the cloud's revision 7:1: is no YAML: a value that looks like timest"),
        (b"[" * 3000, "the cloud's revision 7: is nested too deeply"),
        (b"#" * 1_048_000, ""),
    ],
)
def test_what_cannot_be_read_is_refused(config: object, told: str) -> None:
    if told:
        assert told in refusal(config)[0]
    else:
        assert read_desired(message(config), DEVICE) == Desired(7)


def test_what_is_meant_for_another_device_is_refused() -> None:
    assert refusal({}, device="gate-2") == ["the cloud's revision 7: is for device 'gate-2'"]
    with pytest.raises(WireError):
        read_desired(b"\xff", DEVICE)


def test_a_camera_that_is_not_there_is_told(tmp_path: Path) -> None:
    desired = read_desired(message({"cameras": [{"id": "yord", "zones": ZONES}]}), DEVICE)
    with pytest.raises(SettingsError) as caught:
        load(small_agent(tmp_path), desired.over)
    assert str(caught.value) == (
        "the cloud's revision 7: cameras: there is no camera 'yord' on this device; it has yard"
    )


def test_what_no_longer_fits_or_is_damaged_leaves_the_file_in_force(tmp_path: Path) -> None:
    file = kept(tmp_path, {"cameras": [{"id": "yard", "rules": RULES}]})
    settings, desired = load_with_desired(file)
    assert (settings, desired) == (load(file), Desired())
    (tmp_path / "data" / "desired.pb").write_bytes(b"\xff\xff")
    assert load_with_desired(file) == (load(file), Desired())


def test_rules_of_a_camera_that_the_file_has_no_more_are_left_out(tmp_path: Path) -> None:
    cameras = [{"id": "yard", "zones": ZONES}, {"id": "shed", "zones": ZONES}]
    settings, desired = load_with_desired(kept(tmp_path, {"cameras": cameras}))
    assert [[zone.id for zone in camera.zones] for camera in settings.cameras] == [["gate"]]
    assert desired.revision == 7


def test_what_is_kept_is_whole(tmp_path: Path) -> None:
    file = DesiredFile(tmp_path, DEVICE)
    assert file.read() == Desired()
    file.keep(message({}, revision=1))
    file.keep(message({}, revision=2))
    assert file.read() == Desired(2)
    assert [path.name for path in tmp_path.iterdir()] == ["desired.pb"]
