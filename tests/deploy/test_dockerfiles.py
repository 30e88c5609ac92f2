"""The Dockerfiles, by rules, as there is no Docker to build them with."""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cloud.registry.worker import LIBRARIES

tomllib = importlib.import_module("tomllib")  # of Python 3.11; the type checker stands on 3.10
ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "deploy/docker").glob("*.Dockerfile"))
PINNED = re.compile(r"[\w./-]+:r?\d+\.\d+(\.\d+)?(-[\w.-]+)?")
LABELS = {"title", "description", "version", "licenses"}
PACKAGES = {"wayside", "protos", "models", "edge", "cloud"}
SOURCES = PACKAGES | {"pyproject.toml", "requirements.lock", "README.md", "LICENSE"}
Instruction = tuple[str, str]

every_file = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])


def instructions(path: Path) -> list[Instruction]:
    """Names and arguments, continued lines joined, comments left out."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    text = re.sub(r"\\\n", " ", "\n".join(lines))
    return [
        (name, arguments.strip())
        for name, _, arguments in (line.partition(" ") for line in text.splitlines() if line)
    ]


def stages(path: Path) -> list[list[Instruction]]:
    """The instructions of each stage, with its FROM."""
    found: list[list[Instruction]] = []
    for one in instructions(path):
        if one[0] == "FROM":
            found.append([])
        found[-1].append(one)
    return found


def given(stage: Sequence[Instruction], name: str) -> list[str]:
    """The arguments of every instruction of a name."""
    return [arguments for instruction, arguments in stage if instruction == name]


def health_code(path: Path) -> str:
    [check] = given(stages(path)[-1], "HEALTHCHECK")
    program, option, code = json.loads(check.partition("CMD ")[2])
    assert (program, option) == ("python", "-c")
    return str(code)


def test_there_is_an_image_for_cloud_edge_and_jetson() -> None:
    names = [path.stem for path in FILES]
    assert names == ["cloud", "edge-jetson", "edge", "validate"]


def test_what_looks_at_models_is_in_its_image_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    sections = project["optional-dependencies"]

    def distributions(name: str) -> set[str]:
        [run] = [
            run for stage in stages(ROOT / f"deploy/docker/{name}.Dockerfile")
            for run in given(stage, "RUN") if "--extra" in run
        ]  # fmt: skip
        extras = set(re.findall(r"--extra (\w+)", run))
        if "wayside[jetson]" in {one for extra in extras for one in sections[extra]}:
            extras.add("jetson")
        named = [one for extra in extras for one in sections[extra]]
        return {re.split(r"[^\w-]", one)[0] for one in named}

    found = {"cv2": "opencv-python", "onnx": "onnx", "onnxruntime": "onnxruntime"}
    needed = {found[library] for library in LIBRARIES}
    assert needed <= distributions("validate")
    assert not needed & distributions("cloud")
    assert distributions("cloud") < distributions("validate")


@every_file
def test_bases_are_pinned(path: Path) -> None:
    own: set[str] = set()
    for stage in stages(path):
        base, _, name = stage[0][1].partition(" AS ")
        assert base in own or PINNED.fullmatch(base), base
        own.add(name)


@every_file
def test_image_is_of_a_small_last_stage_that_builds_nothing(path: Path) -> None:
    last = stages(path)[-1]
    assert len(stages(path)) >= 3
    assert given(last, "COPY") == ["--from=build /opt/wayside /opt/wayside"]
    assert not [run for run in given(last, "RUN") if " pip " in run or "hatchling" in run]


@every_file
def test_image_runs_as_nobody_in_particular(path: Path) -> None:
    last = stages(path)[-1]
    assert given(last, "USER") == ["10001:10001"]
    names = [name for name, _ in last]
    assert names.index("USER") > names.index("RUN")
    assert names.index("USER") < names.index("ENTRYPOINT")
    [entry], [command] = given(last, "ENTRYPOINT"), given(last, "CMD")
    assert json.loads(entry)[0] in ("wayside-cloud", "wayside-edge")
    assert json.loads(command)[0] in ("run", "serve", "models")


@every_file
def test_image_says_what_it_is(path: Path) -> None:
    [label] = given(stages(path)[-1], "LABEL")
    found = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]+)"', label))
    assert set(found) == LABELS
    project = (ROOT / "pyproject.toml").read_text()
    assert f'\nversion = "{found["version"]}"\n' in project
    assert f'\nlicense = "{found["licenses"]}"\n' in project


@every_file
def test_only_what_the_wheel_is_built_from_is_copied(path: Path) -> None:
    copied: set[str] = set()
    for stage in stages(path)[:-1]:
        for arguments in given(stage, "COPY"):
            if not arguments.startswith("--from="):
                copied |= set(arguments.split()[:-1])
        assert not given(stage, "ADD")
    assert copied == SOURCES
    assert all((ROOT / name).exists() for name in copied)


@every_file
def test_everything_installed_is_checked_by_its_hash(path: Path) -> None:
    runs = [run for stage in stages(path) for run in given(stage, "RUN")]
    installs = [one for run in runs for one in run.split("&&") if "pip install" in one]
    assert len(installs) == (4 if path.stem == "edge-jetson" else 3)
    for install in installs:
        is_checked = "--verify-hashes" in install and re.search(
            r"-c (requirements|jetson)\.lock", install
        )
        is_our_wheel = "--no-deps --no-index" in install and "/wheels/" in install
        assert is_checked or is_our_wheel, install


def test_jetson_has_a_numpy_for_the_systems_cv2_and_the_lock_for_the_rest(tmp_path: Path) -> None:
    [run] = [r for r in given(stages(ROOT / "deploy/docker/edge-jetson.Dockerfile")[2], "RUN")
             if "> jetson.lock" in r]  # fmt: skip
    made = run.partition("&& uv ")[0]
    (tmp_path / "requirements.lock").write_text((ROOT / "requirements.lock").read_text())
    subprocess.run(["sh", "-c", made], cwd=tmp_path, check=True)
    lock, jetson = ((tmp_path / name).read_text() for name in ("requirements.lock", "jetson.lock"))
    pins = set(re.findall(r"^\S+==\S+", jetson, re.MULTILINE))
    assert {pin for pin in pins if pin.startswith("numpy==")} == {"numpy==1.26.4"}
    other = {pin for pin in re.findall(r"^\S+==\S+", lock, re.MULTILINE) if "numpy" not in pin}
    added = re.findall(r"^(\S+==\S+) --hash=sha256:[0-9a-f]{64}$", jetson, re.MULTILINE)
    assert {"numpy==1.26.4", "pycuda==2026.1"} <= set(added)
    assert pins - set(added) == other - set(added)
    removed = re.findall(r"^numpy==(?:.*\\\n)+.*\n", lock, re.MULTILINE)
    left = jetson.count("--hash") - len(added)
    assert left == lock.count("--hash") - sum(block.count("--hash") for block in removed)


def test_jetson_runs_engines_of_tensorrt_by_a_pycuda_of_its_own_cuda() -> None:
    build = stages(ROOT / "deploy/docker/edge-jetson.Dockerfile")[2]
    runs = given(build, "RUN")
    [compiled] = [run for run in runs if "--extra tensorrt" in run]
    assert compiled.startswith("PATH=/usr/local/cuda/bin:$PATH uv pip install ")
    assert "--no-build-isolation-package pycuda" in compiled
    [tools] = [run for run in runs if "apt-get install" in run]
    assert {"g++", "python3-dev", "python3-setuptools", "python3-wheel"} <= set(tools.split())
    assert "find_spec('pycuda._driver')" in runs[-1]
    with_numpy = [run for run in runs if "--extra jetson" in run]
    assert with_numpy.index(compiled) == 1  # NumPy is there before it is compiled against it


@pytest.mark.parametrize("name", ["edge", "edge-jetson"])
def test_health_of_the_agent_is_its_status_file(name: str, tmp_path: Path) -> None:
    path = ROOT / f"deploy/docker/{name}.Dockerfile"
    status = tmp_path / "status.json"
    shown = "/run/wayside/status.json"
    [environment] = given(stages(path)[-1], "ENV")
    assert f"WAYSIDE_EDGE__STATUS__FILE={shown}" in environment
    code = health_code(path).replace(shown, str(status))

    def health() -> int:
        return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode

    assert health() == 1
    status.write_text("{}")
    assert health() == 0


def test_health_of_serve_is_asked_where_its_settings_say(tmp_path: Path) -> None:
    settings = tmp_path / "cloud.yaml"
    settings.write_text("api: {port: 1}\n")
    code = health_code(ROOT / "deploy/docker/cloud.Dockerfile")
    code = code.replace("/etc/wayside/cloud.yaml", str(settings))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "no answer" in done.stderr


def test_build_context_holds_what_is_copied_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:].rstrip("/") for rule in rules if rule.startswith("!")} == SOURCES
