"""What the commands share whose change people sign: keys that sign here, or a file that travels."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import configured
from cloud.commands.passphrase import asker
from cloud.errors import RepositoryError

if TYPE_CHECKING:
    from cloud.app.repository import Desk, Hands
    from cloud.repository.proposal import Proposal

KeyFiles = Annotated[
    list[Path] | None,
    typer.Option("--key", help="private key that signs here; may be repeated"),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="write a proposal to be signed elsewhere, instead of publishing at once"
    ),
]


def desk_of(config: Path | None, store: Path | None = None) -> "Desk":
    """Where the caller changes the repository of the settings.

    Raises:
        SettingsError: the settings are refused.
    """
    from cloud.app.repository import Desk
    from cloud.commands.actor import person_here

    return Desk(configured(config), person_here(), store)


def hands_of(
    keys: list[Path] | None,
    out: Path | None,
    passphrase_files: list[Path] | None,
    *,
    may_gap: bool = False,
) -> "Hands":
    """What the caller brings along to get a change signed.

    Raises:
        SigningKeyError: passphrase files and keys do not go together.
    """
    from cloud.app.repository import Hands

    return Hands(keys or [], asker(keys or [], passphrase_files), out, may_gap)


def carry_out(desk: "Desk", proposal: "Proposal | None", hands: "Hands") -> None:
    """Publish a change, or write it down for others to sign.

    Args:
        desk: where it is changed.
        proposal: None: it stands already, and is shown again.
        hands: keys, or the file to write.

    Raises:
        CloudError: it cannot be published or written; the message says what is lacking.
    """
    if proposal is None:
        shown = desk.refresh()
        typer.echo(f"it stands already; devices get timestamp {shown.timestamp}")
        return
    proposal = desk.signed(proposal, hands)
    if hands.out is not None:
        from cloud.app.proposal_file import write_proposal

        write_proposal(hands.out, proposal)
        say_missing(proposal, hands.out)
        return
    if not hands.keys:
        raise RepositoryError(
            "name the keys that sign here by --key, or a file by --out to have it signed elsewhere"
        )
    shown = desk.publish(proposal, may_gap=hands.may_gap)
    typer.echo(f"{proposal.purpose}: in force, devices get timestamp {shown.timestamp}")


def say_missing(proposal: "Proposal", file: Path) -> None:
    """Say who has to sign a proposal's file yet, and what comes next."""
    missing = proposal.missing()
    for line in missing:
        typer.echo(line)
    if missing:
        typer.echo(f"next: `wayside-cloud repository sign {file} --key NAME.pem`")
    else:
        typer.echo(f"all have signed; next: `wayside-cloud repository publish {file}`")
