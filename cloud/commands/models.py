"""wayside-cloud models: the registry, from a record's folder to what may run in the field."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from cloud.commands.passphrase import PassphraseFiles
from cloud.commands.signed import KeyFiles, Out, carry_out, desk_of, hands_of
from cloud.errors import RepositoryError
from wayside.cli import group

if TYPE_CHECKING:
    from cloud.app.repository import Desk
    from cloud.fleet.audit import Actor
    from cloud.registry.model import Alias, Model
    from cloud.registry.registry import Registry

app = group("Models: which there are, how far they came, what stands for them.")
alias_app = group("Aliases: which version of a name is its champion, its challenger, or another.")
engine_app = group("Engines: what boards have compiled already; listed, and trusted by nobody yet.")
app.add_typer(alias_app, name="alias")
app.add_typer(engine_app, name="engine")

_PAGE = 500
_ROW = "{:<24}  {:<16}  {:<10}  {:<7}  {:<17}  {:<12}  {}"
_LABEL = 12

Name = Annotated[str, typer.Argument(metavar="NAME", help="of the model, as in `yard-people`")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="of the model, as in `1.2.0`")]
AliasName = Annotated[str, typer.Argument(metavar="ALIAS", help="`champion` or another id")]
Seen = Annotated[
    int | None,
    typer.Option("--seen", metavar="REVISION", help="refuse where it is another one by now"),
]


class StateName(str, Enum):
    """The states by their names, for the help."""

    CANDIDATE = "candidate"
    VALIDATED = "validated"
    RELEASED = "released"
    DEPRECATED = "deprecated"
    REVOKED = "revoked"


@app.command()
def add(
    record: Annotated[
        Path, typer.Argument(metavar="RECORD", help="folder that `wayside-models register` wrote")
    ],
    digest: Annotated[
        str | None,
        typer.Option(metavar="SHA256", help="that it should have, from whoever you trust"),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Take a model in, as a candidate: its record and files by sha256, for ever.

    Nothing of it is run. The same once more is harmless; another record of the same name and
    version is refused. Nothing is ever removed: what is bad is revoked.
    """
    with _registry(config) as registry:
        model, is_new = registry.add(record, _actor(), digest)
    typer.echo(f"{_named(model)} is {model.state.value}{'' if is_new else ', as it was before'}")
    typer.echo(f"digest {model.digest}")


@app.command("list")
def list_models(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="only its versions")] = None,
    state: Annotated[StateName | None, typer.Option(help="only those")] = None,
    config: ConfigFile = None,
) -> None:
    """List models with their states, releases and aliases."""
    from cloud.registry.states import ModelState

    wanted = ModelState(state.value) if state is not None else None
    typer.echo(
        _ROW.format("NAME", "VERSION", "STATE", "RELEASE", "ADDED", "DIGEST", "ALIASES").rstrip()
    )
    with _registry(config) as registry:

        def page(after: tuple[str, str]) -> "list[Model]":
            return list(registry.models.page(name, after, _PAGE, wanted))

        aliases: dict[str, Sequence[Alias]] = {}  # of the name that is listed
        for model in _all(page):
            if model.name not in aliases:
                aliases = {model.name: registry.aliases.of(model.name)}
            typer.echo(_line(model, aliases[model.name]))


@app.command()
def show(name: Name, version: Version, config: ConfigFile = None) -> None:
    """Show how far a model came, and what its last validation found."""
    with _registry(config) as registry:
        model = registry.get(name, version)
        aliases = [one.alias for one in registry.aliases.of(name) if one.version == version]
        engines = registry.engines.of(name, version)
    _tell_standing(model)
    _tell("digest", model.digest)
    _tell("release", "none" if model.release is None else f"{model.release}")
    _tell("revision", f"{model.revision}")
    _tell("added", f"{_date(model.added_ns)} by {model.added_by}")
    _tell("aliases", ", ".join(aliases) or "none")
    for engine in engines:
        _tell("engine", f"{engine.board}: {engine.sha256}, {engine.size_bytes:,} bytes")
    _tell_report(model)


@app.command()
def validate(name: Name, version: Version, config: ConfigFile = None) -> None:
    """Look at a model's network and run its golden pictures, in a process of its own.

    VALIDATED where nothing speaks against it. Else a line for each finding, exit code 1, and it is
    a candidate; `models show` tells the findings again.
    """
    with _registry(config) as registry:
        model = registry.validate(name, version, _actor())
    _tell_standing(model)
    _tell_report(model)
    if model.report is None or not model.report.is_good:
        raise typer.Exit(1)


@app.command()
def deprecate(name: Name, version: Version, seen: Seen = None, config: ConfigFile = None) -> None:
    """Have nobody choose a released model any more; devices that run it go on."""
    _change(config, name, version, StateName.DEPRECATED, seen)


@app.command()
def restore(name: Name, version: Version, seen: Seen = None, config: ConfigFile = None) -> None:
    """Take a deprecated model back: it is released, as it was signed."""
    _change(config, name, version, StateName.RELEASED, seen)


@app.command()
def revoke(
    name: Name,
    version: Version,
    yes: Annotated[bool, typer.Option("--yes", help="without asking")] = False,
    seen: Seen = None,
    key: KeyFiles = None,
    out: Out = None,
    registry_alone: Annotated[
        bool,
        typer.Option(
            "--registry-alone", help="of a release: devices go on running it until it is signed"
        ),
    ] = False,
    passphrase_file: PassphraseFiles = None,
    config: ConfigFile = None,
) -> None:
    """Revoke a model for good: it is released no more, and no alias names it.

    Devices believe the signed repository alone. So what is released is revoked there first, by the
    family's key (--key, or --out to have it signed elsewhere), and then in the registry.
    """
    from cloud.registry.acts import check_seen
    from cloud.repository import changes

    hands, desk = hands_of(key, out, passphrase_file), desk_of(config)
    with _registry(config) as registry:
        model = registry.get(name, version)
    check_seen(f"model {name} {version}", model.revision, seen)
    number = _number_on_devices(desk, model)
    is_signed = number is not None and not registry_alone
    if is_signed and not (key or out):
        raise RepositoryError(
            f"{name} {version} is release {number}, which devices run until its family's key has "
            "revoked it: --key NAME.pem, or --out FILE to have it signed elsewhere; or "
            "--registry-alone, which stops no device"
        )
    if not yes:
        typer.confirm(f"Revoke {name} {version} for good?", abort=True)
    if is_signed:
        standing = desk.standing()
        carry_out(desk, changes.revoke(standing, name, version, desk.asked()), hands)
        return
    _change(config, name, version, StateName.REVOKED, seen)
    if number is not None:
        typer.echo(
            f"devices run release {number} still: `wayside-cloud repository revoke {name} "
            f"{version}`; until then `repository status` says so"
        )


@app.command()
def check(config: ConfigFile = None) -> None:
    """Read every file of every model, and name what is missing, damaged, or of no model.

    Exit code 1 where something is missing or damaged.
    """
    from cloud.registry.check import check as run
    from models.commands.shown import size_text
    from models.commands.terminal import bar

    with _registry(config) as registry, bar("checked", "models") as update:
        checked = run(registry, lambda done: update(done, None))
    for problem in checked.problems:
        typer.echo(f"wayside-cloud: {problem}", err=True)
    for key, size_bytes in checked.orphans or ():
        typer.echo(f"{key}: is of no model, {size_text(size_bytes)}")
    if checked.orphans is None:
        typer.echo("what is of no model cannot be told while a record cannot be read")
    elif checked.orphans:
        typer.echo(
            f"{len(checked.orphans)} orphans: left by an `add` that was broken off, or of one that "
            "is under way"
        )
    typer.echo(
        f"{checked.models} models, {checked.files} files, {size_text(checked.size_bytes)}: "
        f"{f'{len(checked.problems)} problems' if checked.problems else 'all there'}"
    )
    if checked.problems:
        raise typer.Exit(1)


@alias_app.command("set")
def set_alias(
    name: Name, alias: AliasName, version: Version, seen: Seen = None, config: ConfigFile = None
) -> None:
    """Have an alias stand for a version that is validated or released."""
    with _registry(config) as registry:
        before = {one.alias: one.version for one in registry.aliases.of(name)}.get(alias, "none")
        made = registry.aliases.set(name, alias, version, _actor(), seen)
    typer.echo(f"{alias} of {name}: {before} -> {made.version}")


@alias_app.command("remove")
def remove_alias(
    name: Name, alias: AliasName, seen: Seen = None, config: ConfigFile = None
) -> None:
    """Have no alias of this name; the version that it stood for stays as it is."""
    with _registry(config) as registry:
        registry.aliases.remove(name, alias, _actor(), seen)
    typer.echo(f"{name} has no {alias}")


@engine_app.command("add")
def add_engine(
    name: Name,
    version: Version,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="what the board compiled")],
    gpu: Annotated[str, typer.Option(help="compute capability, as in SM87")],
    tensorrt: Annotated[str, typer.Option(help="its version, as in 10.3")],
    jetpack: Annotated[str, typer.Option(help="its version, as in 6.2; empty: none")] = "",
    config: ConfigFile = None,
) -> None:
    """List an engine beside its model; no device takes it, as nothing signed names it."""
    from cloud.registry.model import Board

    board = Board(gpu, tensorrt, jetpack)
    with _registry(config) as registry:
        engine, is_new = registry.add_engine(name, version, board, file, _actor())
    typer.echo(
        f"{name} {version} for {board}: {engine.sha256}{'' if is_new else ', as it was before'}"
    )


def _change(
    config: Path | None, name: str, version: str, after: StateName, seen: int | None
) -> "Model":
    from cloud.registry.model import check_names
    from cloud.registry.states import ModelState

    check_names(name, version)
    with _registry(config) as registry:
        model = registry.models.change(name, version, ModelState(after.value), _actor(), seen)
    _tell_standing(model)
    return model


def _number_on_devices(desk: "Desk", model: "Model") -> int | None:
    """The release that devices may run a model as, also where the registry has not heard of it."""
    standing = desk.find_standing()
    # A repository that is somewhere else cannot be asked.
    return model.release if standing is None else standing.number_of(model.name, model.version)


@contextmanager
def _registry(config: Path | None) -> "Iterator[Registry]":
    from cloud.blobs.opened import open_blobs
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.registry.registry import Registry

    settings = configured(config)
    with closing(FleetDatabase(settings.fleet.url)) as database:
        blobs = open_blobs(settings.blobs)
        yield Registry(database, Audit(database), blobs, settings.models)


def _actor() -> "Actor":
    from cloud.commands.actor import person_here

    return person_here()


def _all(page: "Callable[[tuple[str, str]], list[Model]]") -> "Iterator[Model]":
    after = ("", "")
    while found := page(after):
        yield from found
        after = found[-1].name, found[-1].version


def _line(model: "Model", aliases: "Sequence[Alias]") -> str:
    names = [one.alias for one in aliases if one.version == model.version]
    release = "-" if model.release is None else f"{model.release}"
    return _ROW.format(
        model.name, model.version, model.state.value, release, _date(model.added_ns),
        model.digest[:12], ", ".join(names),
    ).rstrip()  # fmt: skip


def _tell_standing(model: "Model") -> None:
    typer.echo(f"{_named(model)} is {model.state.value} since {_date(model.changed_ns)}")


def _tell_report(model: "Model") -> None:
    report = model.report
    if report is None:
        _tell("validated", "never")
        return
    verdict = "nothing speaks against it" if report.is_good else f"{len(report.findings)} findings"
    _tell("validated", f"{_date(report.at_ns)} by {report.by}: {verdict}")
    for finding in report.findings:
        _tell("finding", finding)
    facts = report.facts
    if facts is not None:
        off = "" if facts.difference is None else f"raw values off by {facts.difference:.1g}, "
        _tell("golden", f"{facts.cases} pictures on {facts.engine}, {off}finds agree to "
                        f"{facts.agreement:.1%}")  # fmt: skip
        _tell("graph", f"{facts.nodes} operators of opset {facts.opset}, {facts.weight_bytes:,} "
                       "bytes of weights")  # fmt: skip


def _tell(label: str, text: str) -> None:
    typer.echo(f"  {label:{_LABEL}} {text}")


def _named(model: "Model") -> str:
    return f"{model.name} {model.version}"


def _date(time_ns: int) -> str:
    """UTC, to the minute."""
    return f"{datetime.fromtimestamp(time_ns // 10**9, timezone.utc):%Y-%m-%dT%H:%MZ}"
