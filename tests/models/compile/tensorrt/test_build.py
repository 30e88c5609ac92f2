"""The process that builds, with the real TensorRT-RTX; and with modules that break it."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from models.checksum import sha256_of
from models.compile.tensorrt.build import Job, build
from models.compile.tensorrt.cache import EngineCache
from models.compile.tensorrt.options import Batch, Options
from models.errors import EngineError
from tests.support.processes import wait_until
from tests.support.real_assets import real_network
from tests.support.tiny_onnx import Node, onnx_bytes

ROOT = Path(__file__).parents[4]
NEVER = threading.Event()


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    nodes = [Node("Add", ("x", "x"), "twice"), Node("Mul", ("x", "x"), "square")]
    outputs: dict[str, tuple[int | str, ...]] = {"twice": ("n", 3), "square": ("n", 3)}
    path.write_bytes(onnx_bytes(nodes, {"x": ("n", 3)}, outputs))
    return path


def job(onnx: Path, library: str = "tensorrt_rtx", options: Options | None = None) -> Job:
    return Job(
        library, onnx, sha256_of(onnx), options or Options(batch=Batch(1, 2, 4)),
        onnx.parent / ".net.part", onnx.parent / "timing",
    )  # fmt: skip


def ignore(share: float) -> None:
    """Nobody watches."""


def the_process() -> int:
    """The process that builds for this one."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [int(pid) for path in children for pid in path.read_text().split()]
    (found,) = [
        pid for pid in pids if b"tensorrt.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return found


@pytest.fixture
def yolox(tmp_path: Path) -> Job:
    """A build that tells its progress, and waits at its end, so that it is always caught at it.

    Its part is a pipe, and who opens one to write waits until somebody reads.
    """
    pytest.importorskip("tensorrt_rtx")
    _, path = real_network("yolox-nano")
    os.mkfifo(tmp_path / ".part")
    return Job("tensorrt_rtx", path, sha256_of(path), Options(), tmp_path / ".part", tmp_path / "t")


def test_an_engine_stands_in_its_part_and_progress_was_told(onnx: Path) -> None:
    pytest.importorskip("tensorrt_rtx")
    shares: list[float] = []

    whole = build(job(onnx), shares.append, NEVER, 60.0)

    content = (onnx.parent / ".net.part").read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (whole.size_bytes, whole.sha256)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert whole.build_s > 0
    assert {path.name for path in onnx.parent.iterdir()} == {"net.onnx", ".net.part"}


def test_it_gives_way_to_everything_else(yolox: Job) -> None:
    seen: list[tuple[int, int, str]] = []

    stop = threading.Event()

    def look(share: float) -> None:
        pid = the_process()
        killed_first = Path(f"/proc/{pid}/oom_score_adj").read_text().strip()
        seen.append(
            (os.getpriority(os.PRIO_PROCESS, pid), os.sched_getscheduler(pid), killed_first)
        )

        if share == 1.0:
            stop.set()

    with pytest.raises(EngineError, match="called off"):
        build(yolox, look, stop, 60.0)

    assert set(seen) == {(19, os.SCHED_IDLE, "1000")}


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_killed_at_any_moment_it_leaves_nothing(yolox: Job, share: float) -> None:
    killed: list[int] = []

    def kill(done: float) -> None:  # what was told before it died still comes in afterwards
        if done >= share and not killed:
            killed.append(the_process())
            os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(EngineError, match=r"yolox_nano.*the build was killed"):
        build(yolox, kill, NEVER, 60.0)

    assert list(yolox.part.parent.iterdir()) == []


def test_called_off_it_ends_at_once(yolox: Job) -> None:
    stop = threading.Event()
    pids: list[int] = []

    def call_off(share: float) -> None:
        pids.append(the_process())
        stop.set()

    with pytest.raises(EngineError, match="called off"):
        build(yolox, call_off, stop, 60.0)

    assert not Path(f"/proc/{pids[0]}").exists()
    assert list(yolox.part.parent.iterdir()) == []


def test_too_slow_it_is_given_up(yolox: Job) -> None:
    with pytest.raises(EngineError, match=r"the build took more than 0.05 s and was ended"):
        build(yolox, ignore, NEVER, 0.05)

    assert list(yolox.part.parent.iterdir()) == []


COMPILE = """
import sys, threading
from pathlib import Path
from models.compile.tensorrt.cache import EngineCache
from models.compile.tensorrt.compiler import Compiler
from models.compile.tensorrt.options import Options
compiler = Compiler.of_machine(EngineCache(Path(sys.argv[1])))
tell = lambda share: print(share, flush=True)
compiler.compile("net", Path(sys.argv[2]), Options(), tell, threading.Event())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_does_not_outlive_who_waits_and_the_next_one_sweeps(
    yolox: Job, tmp_path: Path, number: signal.Signals
) -> None:
    cache = EngineCache(tmp_path / "engines")
    with subprocess.Popen(
        [sys.executable, "-c", COMPILE, str(cache.folder), str(yolox.onnx)],
        stdout=subprocess.PIPE,
    ) as waiting:
        assert waiting.stdout is not None
        assert float(waiting.stdout.readline()) > 0
        (pid,) = children_of(waiting.pid)
        (cache.folder / f".{'0' * 32}.part").write_bytes(b"of this build")
        waiting.send_signal(number)
        waiting.wait(20)

    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the build")
    assert not list(cache.folder.glob("*.engine"))
    with cache.building(NEVER, 20.0):
        assert [path.name for path in cache.folder.iterdir()] == [".lock"]


def test_while_a_build_lives_nobody_else_builds_there(yolox: Job, tmp_path: Path) -> None:
    """Whoever waited for it was killed, and the build is stopped: it cannot end, and may write."""
    tries = (tmp_path / f"engines-{number}" for number in range(20))
    cache, pid = next(caught for folder in tries if (caught := a_stopped_build(folder, yolox.onnx)))
    try:
        with pytest.raises(EngineError, match="another build there"), cache.building(NEVER, 0.2):
            pytest.fail("two build at once")
    finally:
        os.kill(pid, signal.SIGCONT)

    with cache.building(NEVER, 20.0):
        assert [path.name for path in cache.folder.iterdir()] == [".lock"]


def a_stopped_build(folder: Path, onnx: Path) -> tuple[EngineCache, int] | None:
    """A build that was stopped, whose parent was killed; None where it had ended before that."""
    cache = EngineCache(folder)
    with subprocess.Popen(
        [sys.executable, "-c", COMPILE, str(folder), str(onnx)], stdout=subprocess.PIPE
    ) as waiting:
        assert waiting.stdout is not None
        assert float(waiting.stdout.readline()) > 0
        children = children_of(waiting.pid)
        for pid in children:
            os.kill(pid, signal.SIGSTOP)
        # It gives way to everybody, so it may take a while until it has stopped.
        wait_until(lambda: all(state_of(pid) in "TZ" for pid in children), "a build that stops")
        has_stopped = bool(children) and state_of(children[0]) == "T"
        waiting.kill()
        waiting.wait(20)
    if has_stopped:
        return cache, children[0]
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return None


def state_of(pid: int) -> str:
    """Of proc(5): T is stopped, Z has ended."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def children_of(pid: int) -> list[int]:
    """Process ids of what a process of one thread started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes a module `tensorrt` that the process that builds will import."""

    def write(text: str) -> None:
        folder = tmp_path / "modules"
        folder.mkdir()
        (folder / "tensorrt.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")

    return write


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("import os; os._exit(3)", "the build ended with exit code 3", id="exit"),
        pytest.param(
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            "the build ended with signal 11", id="segfault",
        ),
        pytest.param("raise ZeroDivisionError('by zero')",
                     "exit code 1: ZeroDivisionError: by zero", id="traceback"),
        pytest.param("__version__ = '8.4.1'", "TensorRT 8.4.1 is too old: 8.6 or newer is needed",
                     id="too old"),
        pytest.param("import libnvinfer_of_another_version", "tensorrt cannot be loaded: No module",
                     id="half installed"),
        pytest.param("print('{\"done\": 1}'); import os; os._exit(4)",
                     "the build ended with exit code 4", id="prints as if it were a message"),
    ],
)  # fmt: skip
def test_a_library_that_breaks_ends_the_build_and_nothing_else(
    onnx: Path, module: Callable[[str], None], text: str, told: str
) -> None:
    module(text)

    with pytest.raises(EngineError) as error:
        build(job(onnx, "tensorrt"), ignore, NEVER, 60.0)

    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert not (onnx.parent / ".net.part").exists()


def test_code_that_lies_in_the_working_folder_is_not_run(
    onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorrt_rtx")
    planted = tmp_path / "planted"
    ran = tmp_path / "ran"
    for name in ("json.py", "models/__init__.py", "tensorrt_rtx.py"):
        path = planted / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"open({str(ran)!r}, 'w').close()\n")
    monkeypatch.chdir(planted)
    monkeypatch.setenv("PYTHONPATH", "")

    assert build(job(onnx), ignore, NEVER, 60.0).size_bytes > 0

    assert not ran.exists()


def test_the_process_runs_the_code_that_asked_for_it(
    onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout that only a running interpreter has on its path, and a network named from it."""
    pytest.importorskip("tensorrt_rtx")
    checkout = tmp_path / "checkout"
    for package in ("models", "wayside", "protos"):
        shutil.copytree(ROOT / package, checkout / package)
    worker = checkout / "models" / "compile" / "tensorrt" / "worker.py"
    worker.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n{worker.read_text()}")
    started = f"import sys; sys.path.insert(0, 'checkout')\n{BUILD}"
    monkeypatch.delenv("PYTHONPATH", raising=False)

    arguments = ["net.onnx", sha256_of(onnx), "tensorrt_rtx"]
    subprocess.run([sys.executable, "-c", started, *arguments], cwd=tmp_path, check=True)

    assert (tmp_path / "ran").exists()


def test_what_tensorrt_measured_is_kept_for_the_next_build(
    onnx: Path, module: Callable[[str], None]
) -> None:
    module(
        "import sys\n"
        "from tests.support.recorded_tensorrt import Recorded\n"
        "sys.modules[__name__] = Recorded('10.3.0').library.module\n"
    )
    asked = job(onnx, "tensorrt", Options())

    whole = build(asked, ignore, NEVER, 60.0)

    assert whole.size_bytes == len(b"engine")
    assert asked.timing.read_bytes() == b"timings"


def test_a_network_that_changed_while_it_waited_is_refused(onnx: Path) -> None:
    asked = job(onnx)
    onnx.write_bytes(onnx.read_bytes() + b"\0")

    with pytest.raises(EngineError, match="changed while its build was waited for"):
        build(asked, ignore, NEVER, 60.0)


def test_a_full_disk_is_said(onnx: Path) -> None:
    pytest.importorskip("tensorrt_rtx")
    asked = job(onnx)
    asked.part.symlink_to("/dev/full")

    with pytest.raises(EngineError, match="the engine: No space left on device"):
        build(asked, ignore, NEVER, 60.0)

    assert not asked.part.is_symlink()


BUILD = """
import sys, threading
from pathlib import Path
from models.compile.tensorrt.build import Job, build
from models.compile.tensorrt.options import Options
onnx, digest, library = Path(sys.argv[1]), *sys.argv[2:]
job = Job(library, onnx, digest, Options(), onnx.with_name(".part"), onnx.with_name("timing"))
build(job, lambda share: None, threading.Event(), 600.0)
"""


def test_a_build_that_hangs_ends_with_who_waits_even_without_util_linux(
    onnx: Path, module: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """setpriv would end it; without it, as in some containers, the pipe must do."""
    hangs = onnx.with_name("hangs")
    module(f"import threading; open({str(hangs)!r}, 'w'); threading.Event().wait(60)")
    monkeypatch.setenv("PATH", "")
    command = [sys.executable, "-c", BUILD, str(onnx), sha256_of(onnx), "tensorrt"]
    with subprocess.Popen(command) as waiting:
        wait_until(hangs.exists, "the build to hang")
        (pid,) = children_of(waiting.pid)
        waiting.kill()
        waiting.wait(20)

    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the build")
