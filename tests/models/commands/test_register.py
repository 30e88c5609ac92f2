"""wayside-models register, verify and show, as their users call them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from models.cli import app
from models.media import write_picture
from models.record.reading import read_record
from tests.support.records import pictures, rewritable, write_model


def call(*arguments: object) -> Result:
    given = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, given, prog_name="wayside-models")


def refusal(result: Result) -> str:
    """The one line in which a command says why it failed."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a data scientist has in a folder."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path)
    (tmp_path / "val" / "night").mkdir(parents=True)
    (tmp_path / "val" / "dataset.yaml").write_text(
        "split: val\nlicence: CC-BY-4.0\nsource: https://example.org/gate\n"
    )
    for number, picture in enumerate(pictures()):
        write_picture(tmp_path / "val" / "night" / f"{number}.png", picture)
    (tmp_path / "metrics.json").write_text(json.dumps([
        {"metric": "map50", "value": 0.61, "samples": 3, "data": "gate-val"},
        {"metric": "map50", "value": 0.4, "class": "person", "condition": "night",
         "samples": 2, "data": "gate-val"},
    ]))  # fmt: skip
    (tmp_path / "train.yaml").write_text("epochs: 30\noptimiser: {name: sgd, lr: 0.01}\n")
    (tmp_path / "recall.svg").write_text("<svg/>")
    return tmp_path


def register_all(*more: object) -> Result:
    return call(
        "register", "--model", "gate.yaml", "--store", "store", "--data", "gate-val=val",
        "--metrics", "metrics.json", "--chart", "recall.svg", "--config", "train.yaml",
        "--golden", "val", "--by", "ada", *more,
    )  # fmt: skip


def test_a_model_is_registered_shown_verified_and_used(here: Path) -> None:
    told = register_all()

    assert told.exit_code == 0, told.stderr
    digest = read_record(here / "store/gate/1").digest
    lines = [line.strip() for line in told.stdout.splitlines()]
    assert lines[0] == "store/gate/1: registered"
    assert lines[1].split() == ["digest", digest]
    assert "Apache-2.0, whose text travels with it" in told.stdout
    assert "gate-val (3 files)" in told.stdout

    shown = call("show", "store/gate/1").stdout
    for part in (digest, "by ada", "3: person, car, dog", "map50", "0.61", "night", "CC-BY-4.0",
                 "golden/0.png", "recall.svg", "lr: 0.01", "3 pictures"):  # fmt: skip
        assert part in shown, part
    assert "\x1b" not in shown

    verified = call("verify", "store/gate/1", "--digest", digest)
    assert verified.exit_code == 0, verified.stderr
    assert verified.stdout.startswith("store/gate/1: as it was registered\n")
    assert "3 pictures on onnxruntime/CPU, raw values off by 0, finds agree" in verified.stdout

    seen = call("predict", here / "val", "--model", "store/gate/1", "--out", here / "seen")
    assert "3 frames, seen: 3 person" in seen.stdout


def test_golden_inputs_are_verified_on_the_engine_that_is_named(here: Path) -> None:
    pytest.importorskip("openvino")
    register_all()

    verified = call("verify", "store/gate/1", "--engine", "openvino/CPU")
    assert verified.exit_code == 0, verified.stderr
    assert "3 pictures on openvino/CPU, raw values off by" in verified.stdout

    line = refusal(call("verify", "store/gate/1", "--engine", "abacus"))
    assert line.startswith("wayside-models: no engine is called 'abacus'; there are auto, ")
    told = call("verify", "store/gate/1", "--engine", "litert/CPU")
    assert told.exit_code == 1
    assert "engine litert/CPU does not run ONNX files" in told.stderr


def test_once_more_says_so_and_other_content_is_refused(here: Path) -> None:
    register_all()

    again = register_all()
    assert again.exit_code == 0
    assert again.stdout.startswith("store/gate/1: the same was registered before\n")

    (here / "train.yaml").write_text("epochs: 31\n")
    line = refusal(register_all())
    assert line == (
        "wayside-models: store/gate/1: is registered already, with other content "
        "(configuration), and is never overwritten; raise the manifest's `version`"
    )


def test_little_is_enough_and_what_is_missing_is_told(here: Path) -> None:
    told = call("register", "--model", "gate.yaml", "--store", "store")

    assert told.exit_code == 0, told.stderr
    assert "nobody will know what it learnt from" in told.stdout
    assert "nobody will know how good it was" in told.stdout
    assert "name --golden" in told.stdout
    assert "what the network does was not looked at" in call("verify", "store/gate/1").stdout
    assert "metrics" not in call("show", "store/gate/1").stdout


def test_a_child_shows_how_it_was_made_and_from_what(here: Path) -> None:
    register_all()
    read = read_record(here / "store/gate/1")
    made = {
        "by": "quantise", "frames": 9, "figure": "agreement", "original": 1.0, "reached": 0.964,
        "method": "minmax", "left_out": ["conv-1", "conv-2"],
    }  # fmt: skip
    write_model(here / "child", version="1-int8", parent=read.record.manifest.sha256, made=made)

    told = call("register", "--model", "child/gate.yaml", "--store", "store", "--parent",
                "store/gate/1")  # fmt: skip

    assert told.exit_code == 0, told.stderr
    shown = " ".join(call("show", "store/gate/1-int8").stdout.split())
    assert f"parent gate 1, {read.digest}" in shown
    assert (
        "made by quantise (minmax), looked at on 9 frames, agreement 96.4% of its parent's 100.0%, "
        "2 layers left in floating point"
    ) in shown
    assert "gate 1, as recorded" in call("verify", "store/gate/1-int8").stdout


def test_verify_tells_each_problem_in_a_line_and_fails(here: Path) -> None:
    register_all()
    folder = rewritable(here / "store" / "gate" / "1")
    (folder / "LICENSE").write_text("mine")
    (folder / "golden" / "0.f32").unlink()

    told = call("verify", "store/gate/1")

    assert told.exit_code == 1
    assert told.stdout.startswith("store/gate/1: 2 problems\n")
    assert told.stderr.splitlines() == [
        "wayside-models: store/gate/1/LICENSE: is of 4 bytes, recorded were 11,358",
        "wayside-models: store/gate/1/golden/0.f32: cannot be read: No such file or directory",
    ]


def test_nothing_in_a_strangers_record_moves_the_cursor(here: Path) -> None:
    write_model(here, source="https://example.org\x1b[2J")
    call("register", "--model", "gate.yaml", "--store", "store")

    shown = call("show", "store/gate/1")

    assert shown.exit_code == 0
    assert "example.org?[2J" in shown.stdout


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--licence-file", "gone", "gone: cannot be read: No such file or directory"),
        ("--golden", "gone.png", "gone.png: there is no such file"),
        ("--metrics", "recall.svg", "recall.svg: metrics are read from .json or .csv"),
        ("--config", "gone.yaml", "cannot be read"),
        ("--parent", "val", "val/record.json: cannot be read: No such file or directory"),
        ("--data", "other=gone", "gone: there is no such folder"),
    ],
)
def test_what_is_refused_is_one_line(here: Path, option: str, value: str, expected: str) -> None:
    line = refusal(call("register", "--model", "gate.yaml", "--store", "store", option, value))

    assert line.startswith("wayside-models: ")
    assert expected in line
    assert not (here / "store" / "gate").exists()


@pytest.mark.parametrize("text", ["val", "gate-val=", "Gate=val"])
def test_a_data_set_needs_a_name_and_a_folder(here: Path, text: str) -> None:
    told = call("register", "--model", "gate.yaml", "--store", "store", "--data", text)

    assert told.exit_code == 2
    assert "--data" in told.stderr


def test_without_a_licence_nothing_is_registered(here: Path) -> None:
    (here / "LICENSE").unlink()

    line = refusal(call("register", "--model", "gate.yaml", "--store", "store"))

    assert line == (
        "wayside-models: gate.onnx: no LICENSE lies beside it; name the text of Apache-2.0 that "
        "came with the network: --licence-file FILE"
    )


def test_show_and_verify_of_no_record_are_one_line(here: Path) -> None:
    for command in ("show", "verify"):
        line = refusal(call(command, "val"))
        assert line == "wayside-models: val/record.json: cannot be read: No such file or directory"
