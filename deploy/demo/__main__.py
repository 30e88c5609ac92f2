"""From nothing to the summary."""

import contextlib
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from deploy.demo.parts import start_agent, start_cloud
from deploy.demo.scene import Scene, prepare
from deploy.demo.view import curl_lines, summary, watch
from edge.capture.redaction import redact
from models.progress import Progress as Download
from wayside.errors import WaysideError
from wayside.process import stop_on_signals

FOLDER = Path("demo-data")
"""Each run has a folder of its own in here."""


def main() -> int:
    """Run the demo; the exit code is 0 when everything went well."""
    console = Console(highlight=False)
    try:
        _run(console)
    except WaysideError as error:
        console.print("[red]demo:[/]", escape(str(error)))
        return 1
    return 0


def _run(console: Console) -> None:
    stop = stop_on_signals()
    scene = prepared(console, FOLDER / time.strftime("%Y-%m-%dT%H-%M-%S"))
    console.print("starting broker, Pub/Sub, store, API and bridge …")
    with contextlib.ExitStack() as ends:
        cloud = start_cloud(scene)
        ends.callback(cloud.stop)
        console.print(f"\nThe API answers at [bold]{scene.api}/docs[/], for example:\n")
        for line in curl_lines(scene):
            console.print(f"  {line}", soft_wrap=True)
        console.print()
        agent = start_agent(scene)
        ends.callback(agent.stop)
        watch(console, scene, agent, stop.is_set)
        agent.stop()
        summary(console, scene)
    console.print(
        f"\nTo ask on: wayside-cloud up -c {scene.cloud_config}   (logs in {scene.folder}/)"
    )


def prepared(console: Console, folder: Path) -> Scene:
    """What a demo shows, in a new folder, with progress bars while it is fetched."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as bars:

        def progress_of(name: str) -> Download:
            task = bars.add_task(f"fetching {name}", total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        scene = prepare(folder, progress_of)
    console.print("source:", redact(scene.source), markup=False)
    return scene


if __name__ == "__main__":
    sys.exit(main())
