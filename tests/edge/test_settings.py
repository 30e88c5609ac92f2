"""The agent's settings file: what is right, what is wrong, and where."""

from pathlib import Path

import pytest
import yaml

from edge.settings import EdgeSettings, load
from tests.support.records import registered
from tests.support.small_agent import small_agent
from tests.support.tiny_detector import write_tiny_model
from wayside.errors import SettingsError


def written(folder: Path, text: str) -> Path:
    write_tiny_model(folder)
    file = folder / "edge.yaml"
    file.write_text(text)
    return file


def problems(file: Path) -> list[str]:
    """What is said about a file, without its name."""
    with pytest.raises(SettingsError) as error:
        load(file)
    return [line.removeprefix(f"{file}:") for line in str(error.value).splitlines()]


LEAST = """\
device: gate-1
model: {name: yolox-nano}
cameras:
  - {id: yard, source: 0}
"""


def test_little_is_enough_and_the_rest_has_defaults(tmp_path: Path) -> None:
    settings = load(written(tmp_path, LEAST))

    assert settings == EdgeSettings.model_validate(
        {
            "device": "gate-1",
            "model": {"name": "yolox-nano"},
            "cameras": [{"id": "yard", "source": 0}],
            "data_dir": tmp_path / "wayside-data",
        }
    )
    assert settings.when_done == "drain"
    assert settings.mqtt.host == "127.0.0.1"


def test_paths_are_meant_from_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "etc"
    small_agent(
        folder,
        status={"file": "status.json"},
        mqtt={"username": "gate-1", "password_file": "secret"},
    )
    monkeypatch.chdir(tmp_path)

    settings = load(Path("etc/edge.yaml"))

    assert settings.data_dir == folder / "data"
    assert settings.status.file == folder / "status.json"
    assert settings.mqtt.password_file == folder / "secret"
    assert settings.model.name == str(folder / "tiny.yaml")
    assert settings.cameras[0].source == str(folder / "yard.mp4")


def test_a_manifest_elsewhere_is_named_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_tiny_model(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    for name in (str(manifest), "~/tiny.yaml"):
        settings = load(small_agent(tmp_path / "etc", model={"name": name}))
        assert settings.model.name == str(manifest)


def test_every_mistake_is_told_at_once_each_with_line_key_and_remedy(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
device: gate/1
model: {name: tiny.yaml, confidense: 0.3}
cameras:
  - id: yard
    source: yard.mp4
    pace: fast
    zones: [{id: door, points: [[0, 0], [1, 1], [1, 0], [0, 1]]}]
mqtt: {port: 70000}
""",
    )

    assert sorted(problems(file)) == [
        "1: device: id 'gate/1' is not allowed: 3 to 63 characters, lower-case letters, digits "
        "and '-', starting with a letter",
        "2: model.confidense: is unknown; allowed: confidence, engine, name, tensorrt, threads; "
        "did you mean 'confidence'?",
        "6: cameras[0].pace: Input should be 'lossless' or 'live', not 'fast'",
        "7: cameras[0].zones[0]: the outline of zone 'door' crosses or touches itself: the edges "
        "after its points 1 and 3 meet; name the corners in the order of a walk around",
        "8: mqtt.port: Input should be less than or equal to 65535, not 70000",
    ]


def test_names_that_do_not_fit_are_told_at_once(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
device: gate-1
model: {name: tiny.yaml}
cameras:
  - {id: yard, source: yard.mp4}
  - id: yard
    source: yard.mp4
    lines: [{id: kerb, points: [[0, 0], [1, 1]]}]
    rules:
      - {id: over, kind: line, line: kerb, classes: [car, lorry]}
""",
    )

    assert problems(file) == [
        "5: cameras[1].id: 'yard' stands twice, first in cameras[0]",
        "9: cameras[1].rules[0].classes[1]: the model has no class 'lorry'; "
        "known: person, car, dog",
    ]


def test_a_rule_on_a_line_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
device: gate-1
model: {name: tiny.yaml}
cameras:
  - id: yard
    source: yard.mp4
    lines: [{id: kerb, points: [[0, 0], [1, 1]]}]
    rules:
      - {id: over, kind: line, line: curb}
""",
    )

    assert problems(file) == ["8: cameras[0].rules[0].line: there is no line 'curb'; known: kerb"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "yolo-nano",
            "2: model.name: no network of the zoo is called 'yolo-nano'; there are yolox-nano, "
            "fastestdet, twinlitenet; did you mean 'yolox-nano'?",
        ),
        (
            "twinlitenet",
            "2: model.name: 'twinlitenet' is for segmentation; cameras take networks for detection",
        ),
        (
            "gone.yaml",
            "2: model.name: {folder}/gone.yaml: cannot be read: No such file or directory; "
            "check the path and who may read it",
        ),
        ("half.yaml", "{folder}/half.yaml:1: version: is missing"),
    ],
)
def test_a_model_that_cannot_be_used_is_told_by_its_own_place(
    tmp_path: Path, name: str, said: str
) -> None:
    manifest = yaml.safe_load((write_tiny_model(tmp_path)).read_text())
    del manifest["version"]
    (tmp_path / "half.yaml").write_text(yaml.safe_dump(manifest, default_flow_style=True))
    file = written(tmp_path, LEAST.replace("yolox-nano", name))

    assert problems(file) == [said.format(folder=tmp_path)]


def test_a_tracker_that_contradicts_the_model_is_refused(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
device: gate-1
model: {name: tiny.yaml, confidence: 0.3}
cameras: [{id: yard, source: yard.mp4}]
tracker: {high_confidence: 0.4}
""",
    )

    assert problems(file) == [
        "4: tracker: low_confidence <= high_confidence <= new_confidence must hold, not "
        "low_confidence 0.15, high_confidence 0.4, new_confidence 0.3 (what is not set follows "
        "the model's confidence, 0.3)"
    ]


def test_a_camera_that_would_lose_who_stands_still_is_refused(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
device: gate-1
model: {name: tiny.yaml}
cameras:
  - id: yard
    source: 0
    motion:
      verify_s: 1.2
tracker: {lost_s: 2.0}
""",
    )

    assert problems(file) == [
        "7: cameras[0].motion.verify_s: 1.2 is more than half of tracker.lost_s (2): who stands "
        "still would be lost; 1 at most"
    ]


def test_a_password_in_a_source_is_in_no_error(tmp_path: Path) -> None:
    source = "rtsp://admin:s3cret@10.0.0.7/stream"
    file = small_agent(
        tmp_path,
        cameras=[{"id": "yard", "source": source, "pace": "lossless", "loop": "often"}],
    )

    said = problems(file)

    assert said
    assert "s3cret" not in "".join(said)


def test_a_broker_on_another_machine_needs_tls(tmp_path: Path) -> None:
    (said,) = problems(small_agent(tmp_path, mqtt={"host": "broker.example.org"}))

    assert "add a `tls` section" in said


def test_the_environment_overrides_single_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = small_agent(tmp_path)
    monkeypatch.setenv("WAYSIDE_EDGE__MQTT__PORT", "1884")
    monkeypatch.setenv("WAYSIDE_EDGE__CAMERAS__0__SOURCE", "rtsp://10.0.0.7/stream")
    monkeypatch.setenv("WAYSIDE_EDGE__DEVICE", "gate-2")

    settings = load(file)

    assert settings.mqtt.port == 1884
    assert settings.cameras[0].source == "rtsp://10.0.0.7/stream"
    assert settings.device == "gate-2"


def test_a_mistake_in_the_environment_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYSIDE_EDGE__CAMERAS__0__ID", "Yard 1")

    (said,) = problems(small_agent(tmp_path))

    assert said.startswith("WAYSIDE_EDGE__CAMERAS__0__ID: cameras[0].id: id 'Yard 1'")


def test_a_model_may_be_a_records_folder_seen_from_the_file(tmp_path: Path) -> None:
    folder = registered(tmp_path / "models").folder
    relative = folder.relative_to(tmp_path)

    settings = load(written(tmp_path, LEAST.replace("yolox-nano", str(relative))))

    assert settings.model.name == str(folder)
    (folder / "record.json").unlink()
    assert problems(tmp_path / "edge.yaml") == [
        f"2: model.name: {folder}/record.json: cannot be read: No such file or directory"
    ]


def test_an_engine_that_is_nowhere_is_refused_with_those_there_are(tmp_path: Path) -> None:
    for engine in ("auto", "openvino/CPU"):
        made = load(small_agent(tmp_path, model={"name": "tiny.yaml", "engine": engine}))
        assert made.model.engine == engine
    with pytest.raises(SettingsError, match=r"model\.engine: no engine is called 'gpu'; there are"):
        load(small_agent(tmp_path, model={"name": "tiny.yaml", "engine": "gpu"}))
    for engine in ("tensorrt/GPU", "tensorrt_rtx/GPU"):
        with pytest.raises(SettingsError, match=rf"model\.engine: {engine} would be built before"):
            load(small_agent(tmp_path, model={"name": "tiny.yaml", "engine": engine}))
    both = {"name": "tiny.yaml", "engine": "openvino/CPU", "tensorrt": {"enabled": True}}
    with pytest.raises(SettingsError, match="engine 'openvino/CPU' is chosen by name"):
        load(small_agent(tmp_path, model=both))


SEVERAL = """\
device: gate-1
model: {name: tiny.yaml}
models:
  lanes: {name: twinlitenet}
  people: {name: fastestdet}
cameras:
  - {id: yard, source: yard.mp4}
  - id: dash
    source: dash.mp4
    model: people
    max_fps: 10
    areas:
      - model: lanes
        max_fps: 5
        rules: [{id: keep-lane, kind: lane-departure}]
"""


def test_cameras_name_their_networks(tmp_path: Path) -> None:
    settings = load(written(tmp_path, SEVERAL))

    assert [*settings.models_in_use] == [None, "lanes", "people"]
    yard, dash = settings.cameras
    assert (list(yard.models), list(dash.models)) == ([None], ["people", "lanes"])
    assert (dash.max_fps, dash.areas[0].max_fps) == (10, 5)


def test_a_model_that_every_camera_replaces_is_not_in_use(tmp_path: Path) -> None:
    other = SEVERAL.replace("source: yard.mp4}", "source: yard.mp4, model: people}")
    assert [*load(written(tmp_path, other)).models_in_use] == ["lanes", "people"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("model: people", "model: peple",
         "10: cameras[1].model: there is no 'peple' in `models`; known: lanes, people"),
        ("model: people", "model: lanes",
         "10: cameras[1].model: 'lanes' is for segmentation and finds no objects; what finds "
         "areas is named in `areas`"),
        ("- model: lanes", "- model: road",
         "13: cameras[1].areas[0].model: there is no 'road' in `models`; known: lanes, people"),
        ("- model: lanes", "- model: people",
         "13: cameras[1].areas[0].model: 'people' is for detection; `areas` need one for "
         "segmentation"),
        ("kind: lane-departure", "kind: lane-departure, lines: kerb",
         "15: cameras[1].areas[0].rules[0].lines: the model has no class 'kerb'; known: "
         "drivable-area, lane-line"),
        ("[{id: keep-lane, kind: lane-departure}]", "[]",
         "13: cameras[1].areas[0]: has no rules, so what 'lanes' finds is told nobody: add some"),
        ("name: twinlitenet", "name: twinlite",
         "4: models.lanes.name: no network of the zoo is called 'twinlite'; there are "
         "yolox-nano, fastestdet, twinlitenet; did you mean 'twinlitenet'?"),
        ("    model: people\n", "",
         "5: models.people: no camera uses it; name it in one's `model` or `areas`, or take it "
         "away"),
        ("max_fps: 5", "max_fps: 5\n        min_fps: 6",
         "13: cameras[1].areas[0]: min_fps 6 is more than max_fps 5"),
    ],
)  # fmt: skip
def test_networks_that_do_not_fit_are_told_by_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    found = problems(written(tmp_path, SEVERAL.replace(old, new, 1)))
    assert said in found


def test_what_stands_twice_in_areas_is_told(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        SEVERAL
        + """\
      - model: lanes
        rules: [{id: keep-lane, kind: segmentation}]
""",
    )

    assert problems(file) == [
        "16: cameras[1].areas[1].model: 'lanes' stands twice, first in areas[0]; join their rules",
        "17: cameras[1].areas[1].rules[0].id: 'keep-lane' stands twice, first in areas[0].rules[0]",
    ]
