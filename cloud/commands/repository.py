"""wayside-cloud repository: which models devices may take, signed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from cloud.commands.passphrase import PassphraseFiles, asker, new_passphrase
from cloud.commands.signed import KeyFiles, Out, carry_out, desk_of, hands_of, say_missing
from cloud.errors import RepositoryError
from wayside.cli import EXIT_FAILED, group

if TYPE_CHECKING:
    from cloud.repository.signing import PublicKey

app = group("The signed repository: which models devices may take.")
keys_app = group("Keys that sign: made here, held by people, or lying on the server.")
family_app = group("Families: the models of one name, and who signs for them.")
app.add_typer(keys_app, name="keys")
app.add_typer(family_app, name="family")

StoreFolder = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="folder of records that `wayside-models register` wrote; default: the registry",
    ),
]
FamilyName = Annotated[str, typer.Argument(metavar="FAMILY", help="name of the models")]
VersionName = Annotated[str, typer.Argument(metavar="VERSION", help="as its manifest has it")]
RoleText = Annotated[
    str, typer.Argument(metavar="ROLE", help="root, targets, snapshot, timestamp or family:NAME")
]
PublicFiles = Annotated[
    list[Path] | None, typer.Option(help="public half of a key, NAME.pub; may be repeated")
]


@keys_app.command("create")
def create_key(
    role: Annotated[str, typer.Option(help="root, targets, snapshot, timestamp or family:NAME")],
    holder: Annotated[str, typer.Option(help="who holds it, for people")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="file for the private half, NAME.pem; default for snapshot and "
            "timestamp: in repository.keys_folder"
        ),
    ] = None,
    passphrase_file: PassphraseFiles = None,
    config: ConfigFile = None,
) -> None:
    """Make a key: NAME.pem stays with its holder, NAME.pub goes to whoever keeps the repository."""
    from cloud.repository.roles import ONLINE, role_of
    from cloud.repository.signing import create_key as create
    from cloud.repository.signing import key_text

    of = role_of(role)
    folder = configured(config).repository.keys_folder
    if out is None:
        if of not in ONLINE:
            raise RepositoryError(f"a key of {role} is not for this server: name its file by --out")
        out = folder / f"{of}.pem"
    passphrase = None if of in ONLINE else new_passphrase(out, passphrase_file)
    public = create(out, of, holder, passphrase)
    typer.echo(f"made a key of {role} for {key_text(public.key)}: {out}, {out.with_suffix('.pub')}")
    typer.echo(f"its id is {public.key.keyid}")


@app.command()
def init(
    public: PublicFiles = None,
    threshold: Annotated[
        int, typer.Option(min=2, help="signatures that root and targets need")
    ] = 2,
    key: KeyFiles = None,
    out: Out = None,
    passphrase_file: PassphraseFiles = None,
    config: ConfigFile = None,
) -> None:
    """Begin a repository, signed by holders of root and of targets.

    Keys of snapshot and timestamp are those in repository.keys_folder, unless --public names any.
    """
    from cloud.repository import changes

    desk, hands = desk_of(config), hands_of(key, out, passphrase_file)
    publics = desk.with_own_keys(_publics(public))
    proposal = changes.init(publics, threshold, desk.asked())
    carry_out(desk, proposal, hands)
    if out is None:
        typer.echo("devices trust metadata/1.root.json: give it to them with their software")


@family_app.command("add")
def add_family(
    name: FamilyName,
    public: PublicFiles = None,
    key: KeyFiles = None,
    out: Out = None,
    passphrase_file: PassphraseFiles = None,
    config: ConfigFile = None,
) -> None:
    """Let keys sign for a family; signed by holders of targets, and by one of these keys."""
    from cloud.repository import changes

    desk, hands = desk_of(config), hands_of(key, out, passphrase_file)
    publics = _publics(public)
    carry_out(desk, changes.add_family(desk.standing(), name, publics, desk.asked()), hands)


@app.command()
def release(
    family: FamilyName,
    version: VersionName,
    min_agent: Annotated[
        str | None, typer.Option(help="oldest version of the agent that can run it")
    ] = None,
    digest: Annotated[
        str | None,
        typer.Option(metavar="SHA256", help="that its record must have, from whoever you trust"),
    ] = None,
    key: KeyFiles = None,
    out: Out = None,
    store: StoreFolder = None,
    passphrase_file: PassphraseFiles = None,
    config: ConfigFile = None,
) -> None:
    """Let devices take a version, under the family's next release number."""
    from cloud.repository import changes
    from cloud.repository.publishing import check_releasable

    desk, hands = desk_of(config, store), hands_of(key, out, passphrase_file)
    standing = desk.standing()
    with desk.registry() as registry:
        check_releasable(registry, family, version)
        record = registry.record(family, version)
    changes.check_digest(record, f"{family} {version}", digest)
    proposal = changes.release(standing, family, version, record, min_agent, desk.asked())
    carry_out(desk, proposal, hands)
    if proposal is None:
        desk.note(family, version)


@app.command()
def floor(
    family: FamilyName,
    number: Annotated[int, typer.Argument(metavar="RELEASE", min=1, help="the lowest to take")],
    key: KeyFiles = None,
    out: Out = None,
    passphrase_file: PassphraseFiles = None,
    config: ConfigFile = None,
) -> None:
    """Let no device take an older release, for ever."""
    from cloud.repository import changes

    desk, hands = desk_of(config), hands_of(key, out, passphrase_file)
    carry_out(desk, changes.floor(desk.standing(), family, number, desk.asked()), hands)


@app.command()
def revoke(
    family: FamilyName,
    version: VersionName,
    key: KeyFiles = None,
    out: Out = None,
    store: StoreFolder = None,
    passphrase_file: PassphraseFiles = None,
    config: ConfigFile = None,
) -> None:
    """Take a version from every device, for ever; where it serves, it stops."""
    from cloud.repository import changes

    desk, hands = desk_of(config, store), hands_of(key, out, passphrase_file)
    proposal = changes.revoke(desk.standing(), family, version, desk.asked())
    carry_out(desk, proposal, hands)
    if proposal is None:
        desk.note(family, version)


@app.command()
def rotate(
    role: RoleText,
    add: PublicFiles = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(help="holder, or beginning of the id, of a key that goes; may be repeated"),
    ] = None,
    key: KeyFiles = None,
    out: Out = None,
    old_key_is_lost: Annotated[
        bool,
        typer.Option("--old-key-is-lost", help="of snapshot or timestamp: accept a short gap"),
    ] = False,
    passphrase_file: PassphraseFiles = None,
    config: ConfigFile = None,
) -> None:
    """Change the keys of a role."""
    from cloud.repository import changes
    from cloud.repository.roles import role_of

    desk = desk_of(config)
    hands = hands_of(key, out, passphrase_file, may_gap=old_key_is_lost)
    proposal = changes.rotate(
        desk.standing(), role_of(role), _publics(add), remove or [], desk.asked()
    )
    carry_out(desk, proposal, hands)


@app.command()
def renew(
    role: RoleText,
    key: KeyFiles = None,
    out: Out = None,
    passphrase_file: PassphraseFiles = None,
    config: ConfigFile = None,
) -> None:
    """Sign root, targets or a family as it is, for longer."""
    from cloud.repository import changes
    from cloud.repository.roles import role_of

    desk, hands = desk_of(config), hands_of(key, out, passphrase_file)
    carry_out(desk, changes.renew(desk.standing(), role_of(role), desk.asked()), hands)


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="the proposal; gets your signature")],
    key: KeyFiles = None,
    root: Annotated[
        Path | None,
        typer.Option(help="N.root.json, kept since your key was made: proves what is in force"),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            help="folder of the record as it was registered: nothing is signed that releases "
            "another one"
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask whether to sign")] = False,
    passphrase_file: PassphraseFiles = None,
) -> None:
    """Sign a proposal, on a machine that needs neither repository nor settings."""
    from cloud.app.proposal_file import check_releases, read_proposal, read_root, rewrite_proposal
    from cloud.app.repository import utc_now
    from cloud.repository.provenance import check_provenance
    from cloud.repository.signing import read_private
    from cloud.repository.words import describe

    if not key:
        raise RepositoryError("name the private key that signs: --key NAME.pem")
    proposal, ask = read_proposal(file), asker(key, passphrase_file)
    check_provenance(proposal, read_root(root) if root else None, utc_now())
    if record is not None:
        check_releases(proposal, record)
    for line in describe(proposal):
        typer.echo(line)
    if root is None and proposal.roots:
        typer.echo(
            "what is in force is as the proposal says; --root N.root.json proves it", err=True
        )
    if not yes:
        typer.confirm("Sign this?", abort=True, err=True)
    for path in key:
        proposal = proposal.signed_with(read_private(path, ask))
    rewrite_proposal(file, proposal)
    say_missing(proposal, file)


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="the proposal, signed by enough")],
    store: StoreFolder = None,
    old_key_is_lost: Annotated[
        bool,
        typer.Option("--old-key-is-lost", help="of snapshot or timestamp: accept a short gap"),
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Bring a signed proposal into force."""
    from cloud.app.proposal_file import read_proposal

    desk, proposal = desk_of(config, store), read_proposal(file)
    shown = desk.publish(proposal, may_gap=old_key_is_lost)
    typer.echo(f"{proposal.purpose}: in force, devices get timestamp {shown.timestamp}")


@app.command()
def refresh(config: ConfigFile = None) -> None:
    """Sign timestamp and snapshot anew; from cron, at least daily, any number at once."""
    shown = desk_of(config).refresh()
    which = "a new snapshot" if shown.is_new_snapshot else "snapshot"
    typer.echo(f"devices get timestamp {shown.timestamp}, {which} {shown.snapshot}")


@app.command()
def status(config: ConfigFile = None) -> None:
    """Show every role, and what will bite; exit code 1 where something will."""
    from cloud.repository.words import status_lines

    desk = desk_of(config)
    standing = desk.standing()
    for line in status_lines(standing):
        typer.echo(line)
    found = desk.alarms(standing)
    for alarm in found:
        typer.echo(alarm, err=True)
    if found:
        raise typer.Exit(EXIT_FAILED)


def _publics(paths: list[Path] | None) -> "list[PublicKey]":
    from cloud.repository.signing import read_public

    return [read_public(path) for path in paths or ()]
