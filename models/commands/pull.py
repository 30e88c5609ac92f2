"""wayside-models pull."""

from typing import Annotated

import typer

from models.commands.terminal import bar


def pull(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="networks and videos of the zoo")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="show what there is, and fetch nothing")] = (
        False
    ),
) -> None:
    """Fetch networks and sample videos; a download that broke off goes on."""
    from models import zoo
    from models.assets import fetch

    if show:
        _list()
        return
    if not names:
        raise typer.BadParameter("name at least one, or ask with --list", param_hint="NAME")
    for asset in [zoo.asset(name) for name in names]:
        with bar(asset.name, "bytes") as update:
            path = fetch(asset, update)
        typer.echo(f"{asset.name}  {path}")


def _list() -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from models import zoo
    from models.assets import Places

    contents, places = zoo.contents(), Places.of_user()
    table = Table("name", "what", "licence", "here", box=box.SIMPLE_HEAD, pad_edge=False)
    for network in contents.networks:
        spec = network.manifest.input
        what = f"{network.manifest.head.task}, {spec.width}x{spec.height}"
        table.add_row(network.manifest.name, what, network.manifest.licence,
                      "yes" if places.holds(network.asset) else "")  # fmt: skip
    for video in contents.videos:
        here = "yes" if places.holds(video.asset) else ""
        table.add_row(video.name, f"video: {video.title}", video.licence, here)
    Console().print(table)
