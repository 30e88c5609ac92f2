"""`make demo-ota`: a camera gets a better model under signature, and sends a worse one back."""

import contextlib
import functools
import http.server
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape

from deploy.demo.__main__ import FOLDER, prepared
from deploy.demo.operator import Operator
from deploy.demo.parts import DemoError, Program, ask, read_status, start_agent, start_cloud
from deploy.demo.scene import DEVICE, Scene
from deploy.demo.street import BETTER, FAMILY, OWN, WORSE, Model, write
from wayside.errors import WaysideError
from wayside.process import stop_on_signals

TRIAL = {"block_s": 1, "least_blocks": 12, "least_frames": 60, "latency_share": 3}
"""Shorter than any fleet should have it: twelve seconds of each model."""

END_S = 180.0


def main() -> int:
    """Run the demo; the exit code is 0 when the better model stayed and the worse one went."""
    console = Console(highlight=False)
    stop_on_signals()
    try:
        _run(console, prepared(console, FOLDER / time.strftime("ota-%Y-%m-%dT%H-%M-%S")))
    except WaysideError as error:
        console.print("[red]demo:[/]", escape(str(error)))
        return 1
    return 0


def _run(console: Console, scene: Scene) -> None:
    console.print("starting broker, Pub/Sub, store, API and bridge …")
    with contextlib.ExitStack() as ends:
        cloud = start_cloud(scene)
        ends.callback(cloud.stop)
        operator = Operator(scene, console)
        console.print("\n[bold]The ceremony[/]: keys that never meet, two of three to sign\n")
        operator.begin_repository()
        console.print(f"\n[bold]{FAMILY} {BETTER.version} and {WORSE.version}[/] are released\n")
        for model in (BETTER, WORSE):
            operator.release(model, scene.source)
        url = ends.enter_context(_static_host(operator.repository))
        _give_updates(scene, operator.repository, url)
        agent = start_agent(scene)
        ends.callback(agent.stop)
        _wait_for_frames(scene, agent)
        for model, expected in ((BETTER, "committed"), (WORSE, "rolled-back")):
            console.print(f"\n[bold]{FAMILY} {model.version}[/] is ordered: it {model.told}\n")
            operator.order(DEVICE, model)
            _watch(console, scene, agent, model, expected)
        agent.stop()
        _summary(console, scene)


@contextlib.contextmanager
def _static_host(folder: Path) -> Iterator[str]:
    """A plain file server on loopback, as any would do; its URL."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _give_updates(scene: Scene, repository: Path, url: str) -> None:
    """The agent's settings: its own model, where updates are, and the root that it trusts."""
    own = write(OWN, scene.folder / f"{FAMILY}-{OWN.version}")
    shutil.copy(repository / "metadata" / "1.root.json", scene.folder / "root.json")
    settings: dict[str, Any] = yaml.safe_load(scene.edge_config.read_text())
    camera = settings["cameras"][0]
    if Path(camera["source"]).is_file():
        camera |= {"pace": "live", "loop": True}
    settings |= {
        "model": {"name": str(own.resolve())},
        "ota": {
            "url": url, "root_file": "root.json", "probation": TRIAL,
            "fetch": {"min_free_bytes": 0},
        },
        "status": {"file": "status.json", "interval_s": 0.5},
    }  # fmt: skip
    scene.edge_config.write_text(yaml.safe_dump(settings, sort_keys=False))


def _wait_for_frames(scene: Scene, agent: Program) -> None:
    deadline_s = time.monotonic() + END_S
    while True:
        agent.require()
        status = read_status(scene)
        if status is not None and status["cameras"][0]["frames_inferred"] > 10:
            return
        if time.monotonic() > deadline_s:
            raise DemoError(f"no frame after {END_S:g} s; see {agent.log}")
        time.sleep(0.2)


def _watch(console: Console, scene: Scene, agent: Program, model: Model, expected: str) -> None:
    """Show each state of an update until it has ended as expected.

    Raises:
        DemoError: it has ended otherwise, or has not.
    """
    shown, deadline_s = 0, time.monotonic() + END_S
    while time.monotonic() < deadline_s:
        agent.require()
        answer = ask(scene, f"/v1/devices/{DEVICE}/updates") or {"updates": []}
        update = next((u for u in answer["updates"] if u["to_version"] == model.version), None)
        steps = update["steps"] if update else []
        for step in steps[shown:]:
            console.print(f"  {step['state']:<12} {escape(step['detail'] or '')}", soft_wrap=True)
        shown = len(steps)
        if steps and steps[-1]["state"] in _ENDS:
            if steps[-1]["state"] != expected:
                raise DemoError(f"{FAMILY} {model.version} ended as {steps[-1]['state']}")
            return
        time.sleep(0.2)
    raise DemoError(f"{FAMILY} {model.version} has not ended after {END_S:g} s; see {agent.log}")


_ENDS = {
    "committed", "rejected", "failed-no-change", "rolled-back", "failed-unable-to-roll-back",
    "timed-out", "cancelled", "superseded",
}  # fmt: skip


def _summary(console: Console, scene: Scene) -> None:
    status = read_status(scene)
    assert status is not None, "it was read before"
    camera, serving = status["cameras"][0], status["models"][0]
    lost = camera["frames_captured"] - camera["frames_inferred"] - sum(camera["dropped"].values())
    console.print(
        f"\n[bold]{FAMILY} {serving['version']}[/] serves. Of {camera['frames_captured']:,} frames "
        f"{camera['frames_inferred']:,} were inferred, {lost} lost by a swap, "
        f"{sum(camera['dropped'].values())} replaced by newer ones as on any live camera."
    )


if __name__ == "__main__":
    sys.exit(main())
