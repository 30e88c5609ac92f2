"""A settings file is refused whole, and every mistake is told with its line."""

from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from wayside.errors import Problem, SettingsError
from wayside.settings import MAX_BYTES, dotted, load, parse


class Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: str
    seconds: float = Field(5.0, gt=0)


class Camera(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    pace: Literal["live", "asap"] = "live"
    rules: list[Rule] = Field(default_factory=list)


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    port: int = Field(1883, ge=1, le=65535)
    cameras: dict[str, Camera] = Field(default_factory=dict)
    folder: Path = Path("state")

    @field_validator("device")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        if "/" in value:
            raise ValueError(f"device {value!r} must not hold a '/'")
        return value

    @field_validator("folder")
    @classmethod
    def _beside_the_file(cls, value: Path, info: ValidationInfo) -> Path:
        base = (info.context or {}).get("base")
        return base / value if base is not None else value


GOOD = """\
device: gate-1
port: 1884
cameras:
  gate:
    url: rtsp://camera/stream
    rules:
      - zone: door
        seconds: 2
folder: data
"""


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(text, "edge.yaml", Settings)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_file_is_a_frozen_model(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(GOOD)
    settings = load(file, Settings)
    assert settings.port == 1884
    assert settings.cameras["gate"].rules == [Rule(zone="door", seconds=2)]
    assert settings.folder == tmp_path / "data"


def test_every_mistake_is_told_with_its_line() -> None:
    text = GOOD.replace("gate-1", "a/b").replace("1884", "99999").replace("seconds: 2", "second: 2")
    assert problems(text) == [
        "edge.yaml:1: device: device 'a/b' must not hold a '/'",
        "edge.yaml:2: port: Input should be less than or equal to 65535, not 99999",
        "edge.yaml:8: cameras.gate.rules[0].second: is unknown; allowed: seconds, zone; "
        "did you mean 'seconds'?",
    ]


def test_a_missing_key_is_told_where_it_is_missed() -> None:
    assert problems(GOOD.replace("    url: rtsp://camera/stream\n", "    pace: asap\n")) == [
        "edge.yaml:4: cameras.gate.url: is missing"
    ]


def test_a_choice_names_what_is_allowed() -> None:
    (problem,) = problems("device: gate-1\ncameras:\n  gate:\n    url: x\n    pace: fast\n")
    assert problem.startswith("edge.yaml:5: cameras.gate.pace:")
    assert "'live' or 'asap'" in problem


def test_a_key_of_the_wrong_kind_and_a_long_value_are_told_shortly() -> None:
    (problem,) = problems("device: [" + "x, " * 100 + "x]\n")
    assert problem.startswith("edge.yaml:1: device:")
    assert len(problem) < 200


def test_a_key_that_stands_twice_is_refused() -> None:
    assert problems("device: a\nport: 1\nport: 2\n") == [
        "edge.yaml:3: port: stands twice, first in line 2"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("device: [1", "edge.yaml:1: is no YAML"),
        (
            "mqtt:\n\tport: 1\n",
            r"edge.yaml:2: is no YAML: found character '\t' that cannot start any token; indent "
            "with spaces, not with tabs",
        ),
        ("- a\n- b\n", "edge.yaml:1: must be a mapping of keys to values"),
        ("device: a\x01b\n", "edge.yaml: is no YAML: unacceptable character"),
        ("device: &x\n  - *x\n", "edge.yaml:1: device[0]: holds itself by an alias"),
        ("device: !!python/object:os.system x\n", "edge.yaml:1: is no YAML"),
        (
            "port: 1\ndevice: 2026-02-30\n",
            "edge.yaml:2: is no YAML: a value that looks like timestamp and is none; put it in "
            "quotes if it is a text",
        ),
        ("device: 0x_\n", "edge.yaml:1: is no YAML: a value that looks like int and is none"),
        ("device: !!bool maybe\n", "edge.yaml:1: is no YAML: a value that looks like bool"),
        ("device: !!timestamp x\n", "edge.yaml:1: is no YAML: a value that looks like timestamp"),
        (f"device: {'[' * 3000}{']' * 3000}\n", "edge.yaml: is nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_told(text: str, expected: str) -> None:
    assert problems(text)[0].startswith(expected)


def test_an_empty_file_misses_what_is_required() -> None:
    assert problems("") == ["edge.yaml: device: is missing"]


def test_the_environment_overrides_single_values(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(GOOD)
    environ = {
        "WAYSIDE_EDGE__PORT": "8883",
        "WAYSIDE_EDGE__CAMERAS__GATE__RULES__0__SECONDS": "7.5",
        "WAYSIDE_EDGE__CAMERAS__YARD__URL": "file.mp4",
        "WAYSIDE_EDGEPORT": "1",
        "OTHER__PORT": "2",
    }
    settings = load(file, Settings, prefix="WAYSIDE_EDGE", environ=environ)
    assert settings.port == 8883
    assert settings.cameras["gate"].rules[0].seconds == 7.5
    assert settings.cameras["yard"].url == "file.mp4"
    assert load(file, Settings, environ=environ).port == 1884


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory() -> None:
    names = "abcdefghijkl"
    text = "a: &a [x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in pairwise(names)
    )
    (problem,) = problems(text)
    assert problem.endswith(": holds too many values, by aliases")


@pytest.mark.parametrize(
    "value", ["@hunter2", "*hunter2", "!hunter2 x", "%hunter2", "a: hunter2: b"]
)
def test_a_variable_that_is_no_yaml_is_shown_to_nobody(value: str) -> None:
    environ = {"WAYSIDE_EDGE__DEVICE": value}
    with pytest.raises(SettingsError, match=r"^WAYSIDE_EDGE__DEVICE: is no YAML: ") as caught:
        parse("device: a\n", "edge.yaml", Settings, prefix="WAYSIDE_EDGE", environ=environ)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("WAYSIDE_EDGE__PORT", "many", "WAYSIDE_EDGE__PORT: port: Input should be a valid integer"),
        ("WAYSIDE_EDGE__PORT", "[1", "WAYSIDE_EDGE__PORT: is no YAML"),
        ("WAYSIDE_EDGE__PORT", "0b_", "WAYSIDE_EDGE__PORT: is no YAML: a value that looks like"),
        ("WAYSIDE_EDGE__PORT", "[" * 3000, "WAYSIDE_EDGE__PORT: is nested too deeply"),
        ("WAYSIDE_EDGE__PORT__X", "1", "WAYSIDE_EDGE__PORT__X: port.x: names no place"),
        ("WAYSIDE_EDGE__CAMERAS__GATE__RULES__9__ZONE", "a",
         "WAYSIDE_EDGE__CAMERAS__GATE__RULES__9__ZONE: cameras.gate.rules[9].zone: names no"),
        ("WAYSIDE_EDGE__PROT", "1", "WAYSIDE_EDGE__PROT: prot: is unknown; allowed:"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_environment_names_the_variable(
    tmp_path: Path, variable: str, value: str, expected: str
) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(GOOD)
    with pytest.raises(SettingsError) as caught:
        load(file, Settings, prefix="WAYSIDE_EDGE", environ={variable: value})
    assert str(caught.value).startswith(expected)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(SettingsError) as caught:
            load(path, Settings)
        return str(caught.value)

    missing, binary, large = tmp_path / "none", tmp_path / "binary", tmp_path / "large"
    binary.write_bytes(b"\xff\xfe\x00")
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    assert "cannot be read: No such file" in refused(missing)
    assert "cannot be read: Is a directory" in refused(tmp_path)
    assert "is not UTF-8 text" in refused(binary)
    assert f"larger than {MAX_BYTES} bytes" in refused(large)


def test_a_problem_without_line_or_key_reads_well() -> None:
    assert str(Problem("f", 0, "", "m")) == "f: m"
    assert dotted(("a", 0, "b")) == "a[0].b"


@pytest.mark.parametrize(
    "value", ["rtsp://admin:secret@camera/1", ["rtsp://admin:secret@camera/1"], {"a": "secret"}]
)
def test_what_could_hold_a_password_is_not_repeated(value: object) -> None:
    class Holder(BaseModel):
        number: int

    with pytest.raises(SettingsError) as refused:
        parse(yaml.safe_dump({"number": value}), "edge.yaml", Holder)
    assert "number" in str(refused.value)
    assert "secret" not in str(refused.value)
