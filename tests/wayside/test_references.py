"""Secrets that a settings file names: put in, and shown to nobody."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from wayside.errors import SettingsError
from wayside.settings import load, parse, references


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = ""
    port: int = Field(1, le=9999)
    more: list[str] = Field(default_factory=list)

    @field_validator("source")
    @classmethod
    def _is_short(cls, source: str) -> str:
        if len(source) > 40:
            raise ValueError(f"{source} is too long")
        return source


def loaded(folder: Path, text: str, **environ: str) -> Settings:
    file = folder / "agent.yaml"
    file.write_text(text)
    return load(file, Settings, environ=environ)


def refusal(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, text, **environ)
    return str(caught.value).removeprefix(f"{folder}/")


def test_a_variable_and_a_file_stand_for_secrets(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("00 12\nsecond line\n")
    found = loaded(tmp_path, "source: rtsp://a:${PW}@b/${file:pin}${X}\nport: ${PORT}\n",
                   PW="s3:cret@#", X="", PORT="88")  # fmt: skip
    assert found.source == "rtsp://a:s3:cret@#@b/00 12"
    assert found.port == 88


def test_what_a_secret_holds_is_not_looked_at_again(tmp_path: Path) -> None:
    found = loaded(tmp_path, "source: ${A}\nmore: ['$${A}', '$5', '$$', '{}']\n", A="${B}", B="no")
    assert found.source == "${B}"
    assert found.more == ["${A}", "$5", "$$", "{}"]


def test_an_alias_is_resolved_as_well(tmp_path: Path) -> None:
    found = loaded(tmp_path, "more: &x ['${A}', '$${A}']\nsource: ''\n", A="1")
    assert found.more == ["1", "${A}"]


def test_a_file_of_the_service_manager_goes_before_one_beside_the_settings(tmp_path: Path) -> None:
    given = tmp_path / "credentials"
    given.mkdir()
    (given / "pw").write_text("given")
    for name in ("pw", "own"):
        (tmp_path / name).write_text("mine")
    text = "more: ['${file:pw}', '${file:own}']"
    assert loaded(tmp_path, text, CREDENTIALS_DIRECTORY=str(given)).more == ["given", "mine"]
    assert loaded(tmp_path, text).more == ["mine", "mine"]


def test_what_is_not_there_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\nx")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "large").write_text("x" * 70_000)
    expected = {
        "${PW}": "${PW}: the environment has no variable PW",
        "${file:nope}": f"${{file:nope}}: {tmp_path}/nope cannot be read: "
        "No such file or directory",
        "${file:.}": f"${{file:.}}: {tmp_path} cannot be read: Is a directory",
        "${file:empty}": f"${{file:empty}}: {tmp_path}/empty has an empty first line",
        "${file:binary}": f"${{file:binary}}: {tmp_path}/binary is not UTF-8 text",
        "${file:large}": f"${{file:large}}: {tmp_path}/large is too large for a secret",
        "${file:}": "${file:} names no file",
        "${file:~no-such-user/pin}": "${file:~no-such-user/pin} is in the home of nobody; write "
        "the whole path",
    }
    for reference, told in expected.items():
        said = refusal(tmp_path, f"port: 1\nsource: 'x{reference}'\n")
        assert said == f"agent.yaml:2: source: {told}"
    said = refusal(tmp_path, 'source: "${file:a\\0b}"\n')
    assert said.endswith("names no file")
    said = refusal(tmp_path, "more:\n- a\n- ${a-b}\n")
    assert said.startswith("agent.yaml:3: more[1]: ${a-b} names neither a variable")


def test_a_text_without_a_folder_names_no_file() -> None:
    with pytest.raises(SettingsError, match="names no file"):
        parse("source: ${file:x}", "sent", Settings, environ={})


def test_no_error_shows_a_secret(tmp_path: Path) -> None:
    secret = "s3cret-\\-'-" * 10
    said = refusal(tmp_path, "source: ${PW}\nport: ${PW}\nmore: {a: b}", PW=secret)
    assert [line.removeprefix(f"{tmp_path}/") for line in said.splitlines()][:2] == [
        "agent.yaml:1: source: ${PW} is too long",
        "agent.yaml:2: port: Input should be a valid integer, unable to parse string as an "
        "integer, not '${PW}'",
    ]


def test_what_may_be_shown_of_them(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("source: rtsp://a:${PW}@b/\nmore: [x, '${PW}']\n")
    assert references(file, environ={"PW": "x"}) == {
        ("source",): "rtsp://a:${PW}@b/",
        ("more", 1): "${PW}",
    }
