"""What people do before a model may run on a camera, command by command."""

import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from deploy.demo.parts import DemoError
from deploy.demo.scene import Scene
from deploy.demo.street import FAMILY, Model, write

PEOPLE = ("ada", "grace", "edsger")


class Operator:
    """Runs commands, and shows each as it would be typed.

    Args:
        scene: of the demo.
        console: to show them on.

    Attributes:
        repository: folder of the signed repository, which any static host may serve.
    """

    def __init__(self, scene: Scene, console: Console) -> None:
        self.repository = scene.folder / "cloud" / "repository"
        self._scene, self._console = scene, console
        self._keys = scene.folder / "keys"
        self._keys.mkdir(mode=0o700)
        self._environment = os.environ | {"WAYSIDE_PASSPHRASE": secrets.token_urlsafe(24)}

    def begin_repository(self) -> None:
        """Keys of three people, of whom two must sign, of the server, and of the family."""
        for person in PEOPLE:
            for role in ("root", "targets"):
                self._key(role, person, f"{role}-{person}")
        for role in ("snapshot", "timestamp"):
            self._key(role, "the server")
        self._key(f"family:{FAMILY}", "whoever trains it", FAMILY)
        halves = [half for half in self._keys.glob("*.pub") if half.stem != FAMILY]
        halves += (self._scene.folder / "cloud" / "repository-keys").glob("*.pub")
        publics = [word for half in sorted(halves) for word in ("--public", str(half))]
        two = [f"{role}-{person}" for role in ("root", "targets") for person in PEOPLE[:2]]
        self._cloud("repository", "init", *publics, *self._signed_by(two))
        family = str(self._keys / f"{FAMILY}.pub")
        signers = self._signed_by([*two[2:], FAMILY])
        self._cloud("repository", "family", "add", FAMILY, "--public", family, *signers)

    def release(self, model: Model, golden: str) -> None:
        """A model registered, taken in, validated and signed.

        Args:
            model: which.
            golden: video whose frames become its golden inputs.
        """
        store = self._scene.folder / "models"
        manifest = write(model, self._scene.folder / f"{FAMILY}-{model.version}")
        self._run(
            "models.cli", "register", "--model", str(manifest), "--store", str(store),
            "--golden", golden,
        )  # fmt: skip
        self._cloud("models", "add", str(store / FAMILY / model.version))
        self._cloud("models", "validate", FAMILY, model.version)
        self._cloud("repository", "release", FAMILY, model.version, *self._signed_by([FAMILY]))

    def order(self, device: str, model: Model) -> None:
        """A model for a device."""
        self._cloud("desired", "model", device, FAMILY, model.version)

    def _key(self, role: str, holder: str, name: str | None = None) -> None:
        out = ["--out", str(self._keys / f"{name}.pem")] if name else []
        self._cloud("repository", "keys", "create", "--role", role, "--holder", holder, *out)

    def _signed_by(self, names: Sequence[str]) -> list[str]:
        return [word for name in names for word in ("--key", str(self._keys / f"{name}.pem"))]

    def _cloud(self, *arguments: str) -> None:
        self._run("cloud.cli", *arguments, "-c", str(self._scene.cloud_config))

    def _run(self, module: str, *arguments: str) -> None:
        program = {"cloud.cli": "wayside-cloud", "models.cli": "wayside-models"}[module]
        shown = shlex.join(_shown(word, self._scene.folder) for word in arguments)
        self._console.print(f"[dim]$ {program} {escape(shown)}", soft_wrap=True)
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], capture_output=True, text=True,
            env=self._environment, check=False,
        )  # fmt: skip
        if done.returncode:
            raise DemoError(f"{program} {shown}: {done.stdout}{done.stderr}".strip())


def _shown(word: str, folder: Path) -> str:
    return word.removeprefix(f"{folder}{os.sep}") or "."
