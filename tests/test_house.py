"""The house: sizes, layers' roots, the tree that ARCHITECTURE.md shows, what the wheel holds."""

import ast
import importlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

tomllib = importlib.import_module("tomllib")  # of Python 3.11; the type checker stands on 3.10
ROOT = Path(__file__).parents[1]
PACKAGES = ("wayside", "protos", "models", "edge", "cloud")
MAX_LINES = 400
MAX_FUNCTION_LINES = 60


def _modules() -> list[Path]:
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return sorted(path for path in found if not path.name.endswith("_pb2.py"))


def _programs() -> list[Path]:
    return sorted(path for room in ("deploy", "benchmarks") for path in (ROOT / room).rglob("*.py"))


def _tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return listing.stdout.splitlines()


@pytest.mark.parametrize(
    "path", _modules() + _programs(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_module_is_of_a_size_to_be_read(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize("package", [p.parent for p in _modules() if p.name == "__init__.py"],
                         ids=lambda path: str(path.relative_to(ROOT)))  # fmt: skip
def test_package_docstring_is_a_map_and_nothing_else(package: Path) -> None:
    tree = ast.parse((package / "__init__.py").read_text())
    if package.name == "v1":
        assert not tree.body
        return
    docstring = ast.get_docstring(tree) or ""
    assert docstring
    assert len(tree.body) == 1, "an __init__ holds no logic"
    rooms = {p.name for p in package.iterdir() if p.suffix == ".py" and p.name != "__init__.py"}
    rooms |= {f"{p.name}/" for p in package.iterdir() if (p / "__init__.py").exists()}
    named = set(re.findall(r"^([\w/]+(?:\.py|/)) ", docstring, re.MULTILINE))
    assert named == rooms, "the docstring names the package's modules, one a line"


def test_layers_cover_every_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(settings["root_packages"]) == set(PACKAGES)
    (layers,) = [c["layers"] for c in settings["contracts"] if c["type"] == "layers"]
    assert {name for layer in layers for name in layer.split(" | ")} == set(PACKAGES)
    on_disk = {p.parent.name for p in ROOT.glob("*/py.typed")}
    assert on_disk == set(PACKAGES)


def test_architecture_shows_the_tree_as_it_is() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    (block,) = re.findall(r"<!-- tree -->\n```text\n(.*?)```", text, re.DOTALL)
    shown: set[str] = set()
    folders: list[str] = []
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        folders[depth:] = [name]
        shown.add("".join(folders))
    tracked = _tracked()
    expected = {f"{path.split('/')[0]}/" for path in tracked if "/" in path and path[0] != "."}
    expected |= {path for path in tracked if "/" not in path and not path.startswith(".")}
    for package in PACKAGES:
        for path in tracked:
            parts = path.split("/")
            if parts[0] == package and len(parts) > 2:
                expected.add(f"{package}/{parts[1]}/")
    expected |= {
        f"{'/'.join(p.split('/')[:2])}/" for p in tracked if re.match(r"(tests|docs)/.+/", p)
    }
    assert shown == expected


def test_wheel_holds_the_packages_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    held = {name for name in names if ".dist-info/" not in name}
    kinds = (".py", ".pyi", ".proto", ".yaml", "py.typed")
    expected = {
        path for path in _tracked() if path.split("/")[0] in PACKAGES and path.endswith(kinds)
    }
    assert held == expected
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_documents_link_to_what_exists() -> None:
    links = [
        (document, target)
        for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text())
        if "://" not in target
    ]
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document, target in links
        if not (document.parent / target).exists()
    ]
    assert links
    assert not broken
