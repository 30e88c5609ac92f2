"""wayside-cloud deadletter: what was refused for good, and why."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from cloud.bridge.routing import Registry
from cloud.bus.dead_letters import DeadLetter
from cloud.commands.configured import ConfigFile, configured
from cloud.deadletter.choice import Choice
from cloud.deadletter.replay import Replayed, replay
from cloud.deadletter.text import at, payload_text, visible
from cloud.errors import CloudError
from cloud.settings import CloudSettings
from wayside.cli import group

if TYPE_CHECKING:
    from cloud.bus.dead_letter_box import DeadLetterBox, Found

_LEASE_S = 60
_REPLAY_LEASE_S = 600
"""The most that Pub/Sub allows; a person may think about the question for a while."""

app = group("Messages that were refused for good: look at them, send them again.")

Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="messages at most")]
Within = Annotated[
    float, typer.Option("--within", min=0.1, max=50.0, help="seconds of looking at most")
]
Quiet = Annotated[
    float,
    typer.Option("--quiet", min=0.2, max=30.0, help="seconds of silence that end the looking"),
]
Reason = Annotated[str, typer.Option("--reason", help="only those whose reason holds this text")]
Device = Annotated[str, typer.Option("--device", help="only those of this device")]


@dataclass(frozen=True, slots=True)
class _Search:
    """How long to look, and for how many."""

    max_letters: int
    within_s: float
    quiet_s: float


@app.command("list")
def list_letters(
    config: ConfigFile = None,
    reason: Reason = "",
    device: Device = "",
    limit: Limit = 1000,
    within: Within = 20.0,
    quiet: Quiet = 4.0,
) -> None:
    """List what lies there, and leave it there.

    What another program holds at this moment is not seen; look again in a minute.
    """
    settings = configured(config)
    with _found(settings, _Search(limit, within, quiet), _LEASE_S) as (_, found):
        choice = Choice(reason=reason, device=device)
        chosen = [letter for letter in found.letters if choice.takes(letter)]
        _print_table(chosen)
        _print_count(len(chosen), found)


@app.command()
def show(
    message_id: Annotated[str, typer.Argument(help="as `list` shows it")],
    config: ConfigFile = None,
    limit: Limit = 1000,
    within: Within = 20.0,
    quiet: Quiet = 4.0,
) -> None:
    """Show one message with all that it says, and leave it there."""
    settings = configured(config)
    with _found(settings, _Search(limit, within, quiet), _LEASE_S) as (_, found):
        for letter in found.letters:
            if letter.message_id == message_id:
                _print_letter(letter)
                return
        raise _none_such(found)


@app.command("replay")
def replay_letters(
    message_ids: Annotated[list[str] | None, typer.Argument(help="as `list` shows them")] = None,
    config: ConfigFile = None,
    reason: Reason = "",
    device: Device = "",
    everything: Annotated[bool, typer.Option("--all", help="all that lie there")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    limit: Limit = 1000,
    within: Within = 20.0,
    quiet: Quiet = 4.0,
) -> None:
    """Publish messages where they came from, and only then take them out.

    What is still wrong with them will bring them back. One may be published twice where the
    connection breaks at the end; the store keeps each event once.
    """
    choice = Choice(frozenset(message_ids or ()), reason, device)
    if choice.is_everything != everything:
        raise typer.BadParameter("name messages, --reason or --device, or else --all")
    settings = configured(config)
    with _found(settings, _Search(limit, within, quiet), _REPLAY_LEASE_S) as (box, found):
        chosen = [letter for letter in found.letters if choice.takes(letter)]
        if not chosen:
            raise _none_such(found)
        if not yes and (everything or len(chosen) > 1):
            typer.confirm(
                f"publish {len(chosen)} of {len(found.letters)} messages again?", abort=True
            )
        results = _replay(settings, box, chosen)
    _print_replayed(results)
    if not found.complete:
        typer.echo("there may be more: say it again, or raise --limit and --within")
    if any(not one.topic for one in results):
        raise typer.Exit(1)


@contextmanager
def _found(
    settings: CloudSettings, search: _Search, lease_s: int
) -> "Iterator[tuple[DeadLetterBox, Found]]":
    """What lies there; put back at the end, whatever comes. What was taken out stays out."""
    from cloud.bus.dead_letter_box import DeadLetterBox

    with closing(DeadLetterBox(settings.bus, search.quiet_s)) as box:
        found = box.collect(search.max_letters, search.within_s, lease_s)
        try:
            yield box, found
        finally:
            box.put_back(found.letters)


def _replay(
    settings: CloudSettings, box: "DeadLetterBox", letters: Sequence[DeadLetter]
) -> list[Replayed]:
    from cloud.bus.google_publisher import GooglePublisher

    bridge = settings.bridge
    registry = Registry(settings.bus.project, bridge.registry, bridge.region)
    with closing(GooglePublisher(settings.bus)) as publisher:
        steps = iter(track(range(len(letters)), "publishing", console=_console(stderr=True)))

        def on_done(count: int) -> None:
            for _ in range(count):
                next(steps)

        results = replay(letters, registry, publisher, box, on_done)
        next(steps, None)
        return results


def _console(*, stderr: bool = False) -> Console:
    """Plain text where nobody watches, and then wide enough to be searched line by line."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 500
    return console


def _print_table(letters: Sequence[DeadLetter]) -> None:
    if not letters:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("message", "refused at", "device", "from", "bytes", "reason"):
        justify = "right" if heading == "bytes" else "left"
        table.add_column(heading, overflow="fold", justify=justify)  # type: ignore[arg-type]
    for letter in letters:
        cells = (
            letter.message_id, at(letter.published_ns), letter.device, letter.source,
            str(letter.size_bytes), letter.reason,
        )  # fmt: skip
        table.add_row(*(Text(visible(cell)) for cell in cells))
    _console().print(table)


def _print_count(shown: int, found: "Found") -> None:
    if not found.letters and found.complete:
        typer.echo("the dead letter is empty")
        return
    more = "" if found.complete else "; there may be more, raise --limit and --within"
    typer.echo(f"{shown} of {len(found.letters)} messages{more}")


def _print_letter(letter: DeadLetter) -> None:
    typer.echo(f"message     {letter.message_id}")
    typer.echo(f"refused at  {at(letter.published_ns)}")
    typer.echo(f"bytes       {letter.size_bytes}, {len(letter.data)} of them kept")
    for name, value in sorted(letter.attributes.items()):
        typer.echo(f"{visible(name)}: {visible(value)}")
    typer.echo(f"\n{payload_text(letter)}")


def _print_replayed(results: Sequence[Replayed]) -> None:
    for one in results:
        became = f"published to {one.topic}" if one.topic else f"stays: {one.why}"
        typer.echo(f"{one.letter.message_id}  {visible(became)}")


def _none_such(found: "Found") -> CloudError:
    more = "" if found.complete else ", and there may be more: raise --limit and --within"
    return CloudError(
        f"none of the {len(found.letters)} messages found is meant{more}; what another program "
        "holds at this moment is not seen"
    )
