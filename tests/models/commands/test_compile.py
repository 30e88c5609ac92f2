"""wayside-models compile, with the real TensorRT-RTX."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from models.cli import app
from models.compile.tensorrt.cache import EngineCache
from models.compile.tensorrt.record import parse_record
from tests.support.real_assets import real_network
from tests.support.tiny_detector import write_tiny_model

pytest.importorskip("tensorrt_rtx")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "engines"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path)


def call(cache: Path, *arguments: object) -> Result:
    command = ["compile", "--cache", str(cache), *map(str, arguments)]
    result = CliRunner().invoke(app, command, env={"COLUMNS": "200"})
    assert "Traceback" not in result.output
    return result


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def test_a_network_is_compiled_into_the_cache_and_then_taken_from_there(
    cache: Path, model: Path
) -> None:
    first = call(cache, "--model", model)
    second = call(cache, "--model", model)

    (engine,) = cache.glob("*.engine")
    assert first.exit_code == second.exit_code == 0
    assert first.stdout.startswith(f"{engine}: {engine.stat().st_size:,} bytes, built in ")
    assert "was kept" in second.stdout


def test_a_file_is_written_with_its_record_beside_it(
    cache: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tiny.engine"

    result = call(cache, "--model", model, "--out", out, "--compute-capability", "8.9")

    assert result.exit_code == 0
    assert result.stdout.startswith(f"{out}: ")
    record = parse_record(out.with_suffix(".json").read_text())
    assert record.is_of(out.read_bytes())
    assert (record.model, record.parts.compute_capability) == ("tiny", "8.9")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--precision", "fp16"), "`wayside-models halve`"),
        (("--precision", "fp8"), "precision 'fp8' is unknown"),
        (("--batch", "8:1:1"), "must be min:opt:max, rising, from 1"),
        (("--batch", "1:1:8"), "cannot be 1:1:8: free it with `wayside-models prepare --free-"),
        (("--dla", "0"), "sees no DLA core 0 on this machine"),
        (("--compute-capability", "4.2"), "knows no compute capability '4.2'"),
        (("--timeout-s", "1", "--out", "/nowhere/tiny.engine"), "there is no folder /nowhere"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_a_line_and_leaves_nothing(
    cache: Path, model: Path, arguments: tuple[str, ...], told: str
) -> None:
    result = call(cache, "--model", model, *arguments)

    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert told in line
    assert not cache.exists() or names(cache) == set()


def test_what_is_there_is_not_overwritten(cache: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.engine"
    out.write_text("precious")

    result = call(cache, "--model", model, "--out", out)

    assert result.stderr == f"root: {out}: is there already, and is not overwritten\n"
    assert out.read_text() == "precious"


def test_engines_are_listed_and_broken_ones_removed(cache: Path, model: Path) -> None:
    assert "no engines" in call(cache, "--list").stdout
    assert call(cache, "--sweep").exit_code == 0
    assert call(cache, "--model", model).exit_code == 0
    listed = call(cache, "--list").stdout
    (engine,) = cache.glob("*.engine")
    assert "tiny" in listed
    assert engine.stem[:8] in listed
    engine.write_bytes(engine.read_bytes()[:-1])

    swept = call(cache, "--sweep", "--list")

    assert {line.split()[1] for line in swept.stdout.splitlines()[:2]} == {
        str(engine), str(engine.with_suffix(".json")),
    }  # fmt: skip
    assert names(cache) == set()


def test_nothing_to_do_is_a_mistake(cache: Path) -> None:
    assert call(cache).exit_code == 2


def test_ctrl_c_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    """On a terminal of its own, whose Ctrl-C goes to every process that belongs to it.

    On a busy machine a build may be over before the key is pressed: then another is begun.
    """
    real_network("yolox-nano")
    codes: list[int] = []
    while not codes or (codes[-1] == 0 and len(codes) < 5):
        place = tmp_path / str(len(codes))
        codes.append(_interrupted(cache / place.name, place.with_suffix(".engine")))
    assert codes[-1] == 128 + signal.SIGINT
    with EngineCache(cache / place.name).building(threading.Event(), 20.0):  # nobody builds now
        assert names(cache / place.name) == set()
    assert not place.with_suffix(".engine").exists()


def _interrupted(cache: Path, out: Path) -> int:
    """Exit code of a build in which Ctrl-C was pressed once its bar was there."""
    command = ["compile", "--model", "yolox-nano", "--cache", str(cache), "--out", str(out)]
    program = f"from models.cli import app; app({command!r})"
    terminal, its_end = os.openpty()
    with subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-c", program],
        stdin=its_end, stdout=its_end, stderr=its_end,
    ) as process:  # fmt: skip
        os.close(its_end)
        seen = b""
        while b"/100" not in seen:  # the bar shows that it is building
            seen += os.read(terminal, 1024)
        os.write(terminal, b"\x03")
        while _read_on(terminal):
            pass
    os.close(terminal)
    return process.returncode


def _read_on(terminal: int) -> bool:
    try:
        return bool(os.read(terminal, 1024))
    except OSError:  # what a terminal says once nobody is left on it
        return False
