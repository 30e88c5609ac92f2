"""OpenVINO's own troubles, told in one line, and nothing told to anybody else."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import EngineError
from tests.support.tiny_onnx import Node, constant_network, onnx_bytes

adapter: Any = pytest.importorskip("models.engines.openvino", exc_type=ModuleNotFoundError)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "network.onnx"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"", b"this is no network", b"\x08" * 4000])
def test_a_file_that_is_no_onnx_is_an_engine_error_of_one_line(
    tmp_path: Path, content: bytes
) -> None:
    path = written(tmp_path, content)

    with pytest.raises(EngineError, match="cannot be loaded as ONNX") as caught:
        adapter.OpenVinoEngine(path)

    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert "src/" not in str(caught.value)


def test_an_operator_that_nobody_knows_is_an_engine_error(tmp_path: Path) -> None:
    path = written(
        tmp_path, onnx_bytes([Node("Frobnicate", ("x",), "y")], {"x": (1,)}, {"y": (1,)})
    )
    with pytest.raises(EngineError, match="Frobnicate"):
        adapter.OpenVinoEngine(path)


def test_a_missing_file_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"none\.onnx: cannot be loaded"):
        adapter.OpenVinoEngine(tmp_path / "none.onnx")


def test_a_device_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    path = written(tmp_path, constant_network((1, 3), np.zeros((1, 2), np.float32)))
    with pytest.raises(EngineError, match=r"finds no TPU here, only .*CPU.*; see that its driver"):
        adapter.OpenVinoEngine(path, device="TPU")


def test_auto_is_named_by_what_it_became(tmp_path: Path) -> None:
    path = written(tmp_path, constant_network((1, 3), np.zeros((1, 2), np.float32)))
    engine = adapter.OpenVinoEngine(path, device="AUTO")
    device = engine.name.removeprefix("openvino/")
    assert device
    assert "AUTO" not in device
    engine.close()
    assert engine.name == f"openvino/{device}"


def test_what_it_compiles_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    path = written(tmp_path, constant_network((1, 3), np.ones((1, 2), np.float32)))
    adapter.OpenVinoEngine(path, device="AUTO", cache=kept).close()
    assert kept.stat().st_mode & 0o777 == 0o700

    kept.chmod(0o777)
    with pytest.raises(EngineError, match="kept: other users may write it"):
        adapter.OpenVinoEngine(path, device="AUTO", cache=kept)


def test_several_threads_for_one_frame_give_the_same(tmp_path: Path) -> None:
    path = written(
        tmp_path, onnx_bytes([Node("Exp", ("x",), "y")], {"x": (64, 64)}, {"y": (64, 64)})
    )
    x = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    for intra_threads in (1, 2):
        y = adapter.OpenVinoEngine(path, intra_threads).run(x)[0]
        np.testing.assert_allclose(y, np.exp(x), rtol=1e-5)


WATCHED = """
import sys
reached = []
watched = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.fork", "os.posix_spawn")
sys.addaudithook(lambda event, _: reached.append(event) if event in watched else None)
{load}
print("telemetry", sorted(name for name in sys.modules if name == "openvino_telemetry.main"))
print("reached", reached)
"""


def told(home: Path, load: str) -> str:
    """What a fresh process, on a machine where nobody opted out, did while it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED.format(load=load)], capture_output=True, text=True,
        check=True, timeout=60, env={"HOME": str(home), "PATH": "/usr/bin:/bin"}, cwd=Path.cwd(),
    )  # fmt: skip
    return done.stdout


def test_nobody_is_told_that_it_is_used(tmp_path: Path) -> None:
    path = written(tmp_path, constant_network((1, 3), np.zeros((1, 2), np.float32)))
    home = tmp_path / "home"
    home.mkdir()

    ours = told(
        home,
        "import numpy\nfrom pathlib import Path\n"
        "from models.engines.openvino import OpenVinoEngine\n"
        f"engine = OpenVinoEngine(Path({str(path)!r}))\n"
        "engine.run(numpy.zeros((1, 3), numpy.float32))\nengine.close()",
    )

    assert ours == "telemetry []\nreached []\n"
    assert list(home.iterdir()) == []
