"""What the fleet may say of a device's cameras."""

import pytest

from edge.rules.settings import CameraRulesSettings
from wayside.errors import SettingsError
from wayside.remote_rules import KEYS, read_rules


def refusal(content: bytes, max_bytes: int = 1000) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_rules(content, "rules.yaml", max_bytes)
    return [str(problem) for problem in caught.value.problems]


def test_it_is_what_a_camera_may_be_told_of_its_rules() -> None:
    assert set(KEYS) == set(CameraRulesSettings.model_fields)


def test_by_camera_what_replaces_its_own() -> None:
    content = b"cameras:\n- id: gate\n  zones: []\n- {id: yard, rules: [{id: at-yard}]}\n"
    rules = {"rules": [{"id": "at-yard"}]}
    assert read_rules(content, "x") == {"gate": {"zones": []}, "yard": rules}


def test_nothing_said_is_another_thing_than_no_cameras() -> None:
    assert read_rules(b"", "x") is None
    assert read_rules(b"# nothing yet\n", "x") is None
    assert read_rules(b"cameras: []", "x") == {}


def test_every_mistake_is_told_with_its_line() -> None:
    assert refusal(b"device: x\ncameras:\n- id: gate\n  source: 0\n- id: gate\n- 5\n") == [
        "rules.yaml:1: device: only the device's own settings say it; the cloud may say cameras",
        "rules.yaml:4: cameras[0].source: only the device's own settings say it; the cloud may say "
        "ground, lines, objects, rules, zones",
        "rules.yaml:5: cameras[1].id: 'gate' stands twice",
        "rules.yaml:6: cameras[2]: must be a mapping with the `id` of a camera",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff", "rules.yaml: is not UTF-8 text"),
        (b"cameras: [", "rules.yaml:1: is no YAML"),
        (b"cameras:", "rules.yaml:1: cameras: must be a list of cameras"),
        (b"cameras:\n- id: 5\n", "rules.yaml:2: cameras[0]: must be a mapping with the `id`"),
        (b"#" * 1001, "rules.yaml: larger than 1000 bytes"),
    ],
)
def test_what_cannot_be_read_is_refused(content: bytes, told: str) -> None:
    assert refusal(content)[0].startswith(told)
