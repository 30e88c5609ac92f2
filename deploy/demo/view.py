"""The live view in the terminal, and the summary."""

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from deploy.demo.parts import Program, ask, read_status
from deploy.demo.scene import DEVICE, Scene

_REFRESH_S = 0.25
_PLAIN_EVERY_S = 3.0


def curl_lines(scene: Scene) -> list[str]:
    """Three questions that anybody can ask while the demo runs."""
    return [
        f"curl '{scene.api}/v1/devices'",
        f"curl '{scene.api}/v1/events?kind=line-crossed&limit=5'",
        f"curl '{scene.api}/v1/counts?interval_s=60&group_by=kind'",
    ]


def stored(scene: Scene) -> dict[str, int]:
    """Events that the store holds, by kind."""
    answer = ask(scene, "/v1/counts?since=0&interval_s=31536000&group_by=kind") or {"rows": []}
    totals: dict[str, int] = {}
    for row in answer["rows"]:
        kind = row["group"]["kind"]
        totals[kind] = totals.get(kind, 0) + row["count"]
    return totals


def watch(console: Console, scene: Scene, agent: Program, stop: Callable[[], bool]) -> None:
    """Show the line at work until the agent ends or the user has seen enough."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=8, transient=True) as live:
            _until_ended(agent, stop, lambda: live.update(_panel(scene)), _REFRESH_S)
    else:
        _until_ended(agent, stop, lambda: console.print(_line(scene)), _PLAIN_EVERY_S)


def summary(console: Console, scene: Scene) -> None:
    """Say what went in at one end and what came out at the other."""
    status, kinds = read_status(scene), stored(scene)
    if status is None:
        console.print("The agent ended before it said anything; see agent.log.")
        return
    table = Table(title="What came out", title_justify="left", show_header=False)
    for camera in status["cameras"]:
        table.add_row("frames inferred", f"{camera['frames_inferred']:,}")
        table.add_row("frames dropped", f"{sum(camera['dropped'].values()):,}")
        table.add_row("events made", f"{camera['events']:,}")
    table.add_row("events stored", f"{sum(kinds.values()):,}", end_section=True)
    for kind, count in sorted(kinds.items()):
        table.add_row(f"  {kind}", f"{count:,}")
    table.add_section()
    table.add_row("left in the outbox", f"{status['outbox']['rows']:,}")
    console.print(table)


def _until_ended(
    agent: Program, stop: Callable[[], bool], show: Callable[[], None], every_s: float
) -> None:
    shown_s = 0.0
    while agent.running and not stop():
        if time.monotonic() - shown_s >= every_s:
            show()
            shown_s = time.monotonic()
        time.sleep(0.05)
    agent.require()


def _panel(scene: Scene) -> RenderableType:
    status = read_status(scene)
    if status is None:
        return Panel("the agent loads the network …", title="Wayside")
    camera, outbox, forwarder = status["cameras"][0], status["outbox"], status["forwarder"]
    table = Table.grid(padding=(0, 3))
    for _ in range(4):
        table.add_column(justify="right")
    table.add_row("[dim]frames/s", "[dim]tracks", "[dim]latency", "[dim]events made")
    table.add_row(
        f"[bold]{camera['fps']:.1f}", f"[bold]{camera['live_tracks']}",
        f"[bold]{camera['latency_ms']:.0f} ms", f"[bold]{camera['events']:,}",
    )  # fmt: skip
    table.add_row()
    table.add_row("[dim]outbox rows", "[dim]on the way", "[dim]receipt after", "[dim]rows stored")
    table.add_row(
        f"[bold]{outbox['rows']:,}", f"[bold]{forwarder['on_the_way']}",
        f"[bold]{1000 * (forwarder['receipt_s'] or 0):.0f} ms",
        f"[bold green]{sum(stored(scene).values()):,}",
    )  # fmt: skip
    return Panel(
        Group(table, "", _bar(camera)), title=f"Wayside: {DEVICE}", subtitle=scene.api, expand=False
    )


def _bar(camera: dict[str, Any]) -> RenderableType:
    total = camera["total_frames"]
    if not total:
        return f"[dim]frame {camera['frames_inferred']:,}, Ctrl-C ends"
    bar = Progress(TextColumn("video"), BarColumn(40), TextColumn("{task.percentage:.0f} %"))
    bar.add_task("", total=total, completed=camera["frames_inferred"])
    return bar


def _line(scene: Scene) -> str:
    status = read_status(scene)
    if status is None:
        return "the agent loads the network …"
    camera, outbox = status["cameras"][0], status["outbox"]
    return (
        f"frame {camera['frames_inferred']:,}  {camera['fps']:.1f} frames/s  "
        f"{camera['live_tracks']} tracks  "
        f"{camera['events']:,} events  outbox {outbox['rows']:,}  "
        f"stored {sum(stored(scene).values()):,}"
    )
