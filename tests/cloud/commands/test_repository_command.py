"""wayside-cloud repository: from keys on several machines to what a device sees."""

import re
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.blobs.folder import FolderBlobs
from cloud.cli import app
from cloud.commands.actor import person_here
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from cloud.registry.registry import Registry
from tests.support.model_records import BY, TOLD_GOOD
from tests.support.records import registered, write_model
from tests.support.signed_repository import served
from tests.support.tuf_client import TufClient

PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of records of `gate`, 1.0.0 and 1.1.0."""
    folder = tmp_path_factory.mktemp("models")
    for version in ("1.0.0", "1.1.0"):
        model = write_model(folder / "model", version=version)
        registered(folder, model=model)
    return folder / "store"


class World:
    """A server, and three people with a machine each."""

    def __init__(self, folder: Path, store: Path) -> None:
        self.folder, self.store = folder, store
        self.config = folder / "cloud.yaml"
        self.config.write_text("data_dir: kept\n")
        for name in ("ada", "bob", "eve"):
            (folder / name).mkdir()

    def run(self, *words: str, stdin: str | None = None, passphrase: str | None = PASSPHRASE,
            ) -> Result:  # fmt: skip
        """On the server, or on any machine that needs no settings."""
        if words[0] != "sign":
            words = (*words, "-c", str(self.config))
        environment = {"WAYSIDE_PASSPHRASE": passphrase, "COLUMNS": "200"}
        runner = CliRunner()
        return runner.invoke(app, ["repository", *words], input=stdin, env=environment)

    def done(self, *words: str, **options: str | None) -> str:
        result = self.run(*words, **options)
        assert result.exit_code == 0, result.output
        return result.output

    def fails(self, *words: str, **options: str | None) -> str:
        """Its one line on stderr."""
        result = self.run(*words, **options)
        assert result.exit_code == 1, result.output
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert PASSPHRASE not in result.output
        return lines[0]

    def key(self, who: str, role: str) -> Path:
        path = self.folder / who / f"{role.replace(':', '-')}.pem"
        if not path.exists():
            self.done("keys", "create", "--role", role, "--holder", who, "--out", str(path))
        return path

    def public(self, who: str, role: str) -> str:
        return str(self.key(who, role).with_suffix(".pub"))

    def all_public(self) -> list[str]:
        """Those of the people; the server finds its own."""
        for role in ("snapshot", "timestamp"):
            if not (self.folder / f"kept/repository-keys/{role}.pem").exists():
                self.done("keys", "create", "--role", role, "--holder", "server")
        people = [self.public(who, role) for role in ("root", "targets")
                  for who in ("ada", "bob", "eve")]  # fmt: skip
        return [word for path in people for word in ("--public", path)]

    def begin(self) -> None:
        """All on one machine."""
        keys = [str(self.key(who, role)) for role in ("root", "targets") for who in ("ada", "bob")]
        signed = [word for path in keys for word in ("--key", path)]
        self.done("init", *self.all_public(), *signed)
        self.done("family", "add", "gate", "--public", self.public("eve", "family:gate"),
                  "--key", str(self.key("eve", "family:gate")),
                  "--key", str(self.key("ada", "targets")),
                  "--key", str(self.key("eve", "targets")))  # fmt: skip

    def gate(self, *words: str) -> str:
        return self.done(*words, "--key", str(self.key("eve", "family:gate")))

    def release(self, version: str) -> str:
        return self.gate("release", "gate", version, "--store", str(self.store))

    def models(self, *words: str) -> Result:
        return CliRunner().invoke(
            app, ["models", *words, "-c", str(self.config)],
            env={"WAYSIDE_PASSPHRASE": PASSPHRASE, "COLUMNS": "200"},
        )  # fmt: skip

    def released(self, version: str = "1.0.0") -> None:
        """By way of the registry, where nobody looked at it in earnest."""
        self.begin()
        kept = self.folder / "kept"
        with closing(FleetDatabase(f"sqlite:///{kept}/fleet.sqlite")) as database:
            registry = Registry(database, Audit(database), FolderBlobs(kept / "blobs"))
            registry.add(self.store / "gate" / version, BY)
            registry.validate("gate", version, BY, TOLD_GOOD)
        self.gate("release", "gate", version)

    def see(self, version: str) -> int | None:
        with served(self.folder / "kept/repository") as server:
            root = (self.folder / "kept/repository/metadata/1.root.json").read_bytes()
            device = TufClient(self.folder / "device", root, server.url)
            target = device.target("gate", version)
        return None if target is None else int(target.custom["release"])


@pytest.fixture
def world(tmp_path: Path, store: Path) -> World:
    return World(tmp_path, store)


def test_all_on_one_machine(world: World) -> None:
    world.begin()
    assert "release gate 1.0.0 as 1: in force" in world.release("1.0.0")
    assert "release gate 1.1.0 as 2: in force" in world.release("1.1.0")
    assert "it stands already" in world.release("1.1.0")
    world.gate("floor", "gate", "2")
    assert "it stands already" in world.gate("floor", "gate", "2")
    assert [world.see(version) for version in ("1.0.0", "1.1.0")] == [1, 2]
    world.gate("revoke", "gate", "1.0.0", "--store", str(world.store))
    assert "it stands already" in world.gate("revoke", "gate", "1.0.0", "--store", str(world.store))
    assert [world.see(version) for version in ("1.0.0", "1.1.0")] == [None, 2]
    assert "devices get timestamp" in world.done("refresh")

    shown = world.done("status")
    assert re.search(r"root +1 +until .* UTC  2 of 3: ada \([0-9a-f]{8}\), bob ", shown)
    assert re.search(r"family:gate +5 +until .* UTC  1 of 1: eve ", shown)
    assert "gate: floor 2, 1 releases" in shown
    assert re.search(r"^ +1  1\.0\.0 +revoked$", shown, re.MULTILINE)


def test_who_changes_what_is_signed_stands_in_the_audit(world: World) -> None:
    world.begin()
    world.release("1.0.0")
    world.gate("floor", "gate", "1")
    with closing(FleetDatabase(f"sqlite:///{world.folder}/kept/fleet.sqlite")) as database:
        entries = Audit(database).page()
    assert {one.actor for one in entries} == {person_here().name}
    assert [(one.action, one.target, one.outcome) for one in entries] == [
        ("repository.publish", "root 1, targets 1", "done"),
        ("repository.publish", "targets 2, family:gate 1", "done"),
        ("repository.publish", "family:gate 2", "done"),
        ("repository.publish", "family:gate 3", "done"),
    ]


def test_a_change_waits_for_no_audit(world: World) -> None:
    world.config.write_text("data_dir: kept\nfleet:\n  url: sqlite:////dev/null/fleet.sqlite\n")
    world.begin()
    assert "release gate 1.0.0 as 1: in force" in world.release("1.0.0")
    assert world.see("1.0.0") == 1


def test_the_registry_gives_the_models_and_hears_of_them(world: World) -> None:
    world.begin()
    models = world.models
    assert models("add", str(world.store / "gate/1.0.0")).exit_code == 0
    gate = str(world.key("eve", "family:gate"))
    assert "gate 1.0.0 is CANDIDATE in the registry" in world.fails(
        "release", "gate", "1.0.0", "--key", gate
    )
    result = models("validate", "gate", "1.0.0")
    assert result.exit_code == 0, result.output
    world.gate("release", "gate", "1.0.0")
    world.gate("release", "gate", "1.0.0")
    assert world.see("1.0.0") == 1
    assert "released" in models("show", "gate", "1.0.0").output
    world.gate("revoke", "gate", "1.0.0")
    world.gate("revoke", "gate", "1.0.0")
    assert world.see("1.0.0") is None
    assert "revoked" in models("show", "gate", "1.0.0").output


def test_a_revocation_waits_for_no_database(world: World) -> None:
    world.released()
    settings = world.config.read_text()
    world.config.write_text("data_dir: kept\nfleet:\n  url: sqlite:////dev/null/fleet.sqlite\n")
    gate = str(world.key("eve", "family:gate"))
    said = world.fails("revoke", "gate", "1.0.0", "--key", gate)
    assert "revoke gate 1.0.0: in force, but not everybody has heard of it: fleet" in said
    assert "run the same command again" in said
    assert world.see("1.0.0") is None
    status = world.run("status")
    assert status.exit_code == 1
    assert "nobody knows what the registry says: fleet database" in status.stderr

    world.config.write_text(settings)
    status = world.run("status")
    assert (status.exit_code, status.stderr) == (
        1,
        "gate 1.0.0 was revoked as release 1, and the registry has not heard of it: `wayside-cloud "
        "repository revoke gate 1.0.0`\n",
    )
    assert "it stands already" in world.gate("revoke", "gate", "1.0.0")
    assert "revoked" in world.models("show", "gate", "1.0.0").output
    world.done("status")


def test_what_is_revoked_in_the_registry_is_revoked_on_devices_first(world: World) -> None:
    world.released()
    revoke = ("revoke", "gate", "1.0.0", "--yes")
    refused = world.models(*revoke)
    assert refused.exit_code == 1
    assert "gate 1.0.0 is release 1, which devices run until its family's key" in refused.stderr
    stale = world.models(*revoke, "--key", str(world.key("eve", "family:gate")), "--seen", "1")
    assert (stale.exit_code, "changed meanwhile" in stale.stderr) == (1, True)
    assert "released" in world.models("show", "gate", "1.0.0").output
    done = world.models(*revoke, "--key", str(world.key("eve", "family:gate")))
    assert (done.exit_code, "revoke gate 1.0.0: in force" in done.stdout) == (0, True)
    assert world.see("1.0.0") is None
    assert "gate 1.0.0 is revoked since" in world.models("show", "gate", "1.0.0").output
    assert world.models(*revoke).exit_code == 0
    assert world.done("status").count("revoked") == 1


def test_devices_hear_of_a_revocation_at_once(world: World) -> None:
    world.released()

    def cloud(*words: str) -> str:
        result = CliRunner().invoke(app, [*words, "-c", str(world.config)])
        assert result.exit_code == 0, result.output
        return result.stdout

    for device in ("cam-box", "yard-box", "old-box"):
        cloud("devices", "register", device)
    cloud("desired", "model", "cam-box", "gate", "1.0.0")
    cloud("desired", "model", "old-box", "gate", "1.0.0")
    cloud("devices", "decommission", "old-box")
    world.gate("revoke", "gate", "1.0.0")
    assert "cam-box shall be revision 2" in cloud("desired", "show", "cam-box")
    assert "model           gate 1.0.0" in cloud("desired", "show", "cam-box")
    assert "yard-box shall be revision 0" in cloud("desired", "show", "yard-box")
    assert "old-box shall be revision 1" in cloud("desired", "show", "old-box")


def test_who_has_no_key_has_a_revocation_signed_elsewhere(world: World) -> None:
    world.released()
    file = world.folder / "revoke.json"
    said = world.models("revoke", "gate", "1.0.0", "--yes", "--out", str(file)).stdout
    assert f"next: `wayside-cloud repository sign {file}" in said
    assert "released" in world.models("show", "gate", "1.0.0").output, "nothing is half-done"
    world.done("sign", str(file), "--yes", "--key", str(world.key("eve", "family:gate")))
    world.done("publish", str(file))
    assert world.see("1.0.0") is None
    assert "gate 1.0.0 is revoked since" in world.models("show", "gate", "1.0.0").output


def test_a_revocation_in_the_registry_alone_is_told_until_it_is_signed(world: World) -> None:
    world.released()
    assert world.done("status")
    alone = world.models("revoke", "gate", "1.0.0", "--yes", "--registry-alone")
    assert "devices run release 1 still: `wayside-cloud repository revoke gate 1.0.0`" in (
        alone.stdout
    )
    assert world.see("1.0.0") == 1
    status = world.run("status")
    assert status.exit_code == 1
    assert status.stderr == (
        "gate 1.0.0 is revoked in the registry, and devices run it as release 1: `wayside-cloud "
        "repository revoke gate 1.0.0`\n"
    )
    world.gate("revoke", "gate", "1.0.0")
    assert world.see("1.0.0") is None
    world.done("status")


def test_who_signs_can_tell_a_registry_that_lies(world: World) -> None:
    world.begin()
    gate = str(world.key("eve", "family:gate"))
    release = ("release", "gate", "1.0.0", "--store", str(world.store))
    assert "its record is sha256" in world.fails(*release, "--digest", "ab" * 32, "--key", gate)
    file = world.folder / "release.json"
    world.done(*release, "--out", str(file))
    before = file.read_bytes()
    sign = ("sign", str(file), "--yes", "--key", gate)
    said = world.fails(*sign, "--record", str(world.store / "gate/1.1.0"))
    assert "the proposal releases gate 1.0.0 (" in said
    assert file.read_bytes() == before
    assert "record.json: cannot be read" in world.fails(*sign, "--record", str(world.folder))
    world.done(*sign, "--record", str(world.store / "gate/1.0.0"))
    world.done("publish", str(file), "--store", str(world.store))

    file = world.folder / "floor.json"
    world.done("floor", "gate", "1", "--out", str(file))
    assert "the proposal releases nothing" in world.fails(
        "sign", str(file), "--yes", "--key", gate, "--record", str(world.store / "gate/1.0.0")
    )


def test_who_only_looks_makes_no_folder(world: World) -> None:
    assert "there is no repository in file://" in world.fails("status")
    assert not (world.folder / "kept/repository").exists()
    assert "no key of snapshot was named" in world.fails(
        "init", "--public", world.public("ada", "root"), "--public", world.public("ada", "targets"),
        "--out", str(world.folder / "init.json"),
    )  # fmt: skip


def test_each_signs_at_home_and_the_file_travels(world: World) -> None:
    file = world.folder / "init.json"
    said = world.done("init", *world.all_public(), "--out", str(file))
    assert "2 of 2 signatures missing" in said
    assert not (world.folder / "kept/repository").exists()
    for who, role in (("ada", "root"), ("bob", "root"), ("ada", "targets"), ("eve", "targets")):
        said = world.done("sign", str(file), "--key", str(world.key(who, role)), stdin="y\n")
    assert "all have signed" in said
    assert "root is signed by 2 of: ada" in said
    world.done("publish", str(file))
    world.done("publish", str(file))

    file = world.folder / "family.json"
    world.done("family", "add", "gate", "--public", world.public("eve", "family:gate"),
               "--out", str(file))  # fmt: skip
    for who, role in (("eve", "family:gate"), ("ada", "targets"), ("bob", "targets")):
        world.done("sign", str(file), "--yes", "--key", str(world.key(who, role)))
    world.done("publish", str(file))

    file = world.folder / "release.json"
    world.done("release", "gate", "1.0.0", "--store", str(world.store), "--min-agent", "0.1.0",
               "--out", str(file))  # fmt: skip
    root = str(world.folder / "kept/repository/metadata/1.root.json")
    said = world.done("sign", str(file), "--key", str(world.key("eve", "family:gate")),
                      "--root", root, stdin="y\n")  # fmt: skip
    assert "--root" not in said
    assert "RELEASES gate 1.0.0 as 1, for agents from 0.1.0 on" in said
    assert "family:gate, version 2 (version 1 is in force):" in said
    world.done("publish", str(file), "--store", str(world.store))
    assert world.see("1.0.0") == 1


def test_who_says_no_has_signed_nothing(world: World) -> None:
    world.begin()
    file = world.folder / "renew.json"
    world.done("renew", "root", "--out", str(file))
    before = file.read_bytes()
    result = world.run("sign", str(file), "--key", str(world.key("ada", "root")), stdin="n\n")
    assert result.exit_code == 1
    assert file.read_bytes() == before


def test_mistakes_are_one_line_each(world: World) -> None:
    assert "there is no repository in file://" in world.fails("status")
    assert "there is no repository" in world.fails("refresh")
    world.begin()
    gate, root = str(world.key("eve", "family:gate")), str(world.key("ada", "root"))
    release = ("release", "gate", "1.0.0", "--store", str(world.store))
    assert "the passphrase is wrong" in world.fails(*release, "--key", gate, passphrase="not it")
    assert "may sign nothing of this; who may: eve (" in world.fails(*release, "--key", root)
    assert "name the keys that sign here by --key" in world.fails(*release)
    assert re.search(r"signed by ada \(.*\), 1 of 2 signatures missing; who can sign: (bob|eve) ",
                     world.fails("renew", "root", "--key", root))  # fmt: skip
    assert "there is no family door" in world.fails("floor", "door", "2", "--key", gate)
    assert "a floor of 2 would leave no release" in world.fails("floor", "gate", "2", "--key", gate)
    assert "gate 9.9 is no release" in world.fails("revoke", "gate", "9.9", "--key", gate)
    assert "renewed by `repository refresh`" in world.fails("renew", "timestamp", "--key", root)
    assert "no key 'zoe'; its keys: ada" in world.fails(
        "rotate", "root", "--remove", "zoe", "--key", root
    )
    assert "was made for targets, not for root" in world.fails(
        "rotate", "root", "--add", world.public("ada", "targets"), "--key", root
    )
    assert "there is no model 'gate' of version '1.0.0'" in world.fails(
        "release", "gate", "1.0.0", "--key", gate
    )
    assert "name its file by --out" in world.fails(
        "keys", "create", "--role", "root", "--holder", "zoe"
    )
    assert "none of root, targets" in world.fails("renew", "roots", "--key", root)
    broken = world.folder / "broken.json"
    broken.write_text('{"wayside_proposal": 2}')
    assert "broken.json: is no proposal" in world.fails("sign", str(broken), "--key", root)
    assert "there is a repository here already" in world.fails(
        "init", *world.all_public()[2:], "--public", world.public("zoe", "root"),
        "--key", str(world.key("bob", "root")),
    )  # fmt: skip


def test_two_proposals_of_the_same_and_the_slower_is_told(world: World) -> None:
    world.begin()
    world.release("1.0.0")
    files = [world.folder / name for name in ("first.json", "second.json")]
    for file in files:
        world.gate("floor", "gate", "1", "--out", str(file))
    assert "is there already" in world.fails("floor", "gate", "1", "--out", str(files[0]))
    world.release("1.1.0")
    assert "propose it anew" in world.fails("publish", str(files[0]))


def test_a_passphrase_comes_from_a_file_or_is_typed(world: World) -> None:
    path = world.folder / "phrase"
    path.write_text(f"{PASSPHRASE}\nmore\n")
    pem = world.folder / "zoe.pem"
    words = ("keys", "create", "--role", "root", "--holder", "Zoë", "--out", str(pem))
    world.done(*words, "--passphrase-file", str(path), passphrase=None)
    file = world.folder / "init.json"
    world.done("init", *world.all_public(), "--public", str(pem.with_suffix(".pub")),
               "--out", str(file))  # fmt: skip
    world.done("sign", str(file), "--yes", "--key", str(pem), "--passphrase-file", str(path),
               passphrase=None)  # fmt: skip
    said = world.done("sign", str(file), "--yes", "--key", str(pem), passphrase=None,
                      stdin=f"{PASSPHRASE}\n")  # fmt: skip
    assert "signed by Zoë" in said
    (world.folder / "odd").write_bytes(b"\xff\xfe")
    for name, says in (("none", "none: cannot be read: No such file"), ("odd", "odd: is no text")):
        assert says in world.fails(
            "sign", str(file), "--yes", "--key", str(pem),
            "--passphrase-file", str(world.folder / name),
        )  # fmt: skip
    assert "2 passphrase files for 1 keys" in world.fails(
        "sign", str(file), "--yes", "--key", str(pem),
        "--passphrase-file", str(path), "--passphrase-file", str(path),
    )  # fmt: skip


def test_keys_are_rotated_and_the_server_needs_no_new_settings(world: World) -> None:
    world.begin()
    world.release("1.0.0")
    folder = world.folder / "kept/repository-keys"
    world.done("keys", "create", "--role", "timestamp", "--holder", "server 2",
               "--out", str(folder / "timestamp-2.pem"))  # fmt: skip
    world.done("rotate", "timestamp", "--add", str(folder / "timestamp-2.pub"),
               "--remove", "server", "--key", str(world.key("ada", "root")),
               "--key", str(world.key("bob", "root")))  # fmt: skip
    (folder / "timestamp.pem").unlink()
    assert world.see("1.0.0") == 1
    world.done("refresh")
    assert world.see("1.0.0") == 1
    assert "1 of 1: server 2 (" in world.done("status")


def test_status_tells_what_will_bite(world: World) -> None:
    world.config.write_text("data_dir: kept\nrepository:\n  expiry:\n    timestamp_days: 3\n")
    world.begin()
    world.done("status")
    world.config.write_text("data_dir: kept\nrepository:\n  warn_online_days: 4\n")
    result = world.run("status")
    assert result.exit_code == 1
    assert re.fullmatch(
        r"timestamp 2 ends at .* UTC, in [23] days: `wayside-cloud repository refresh`\n",
        result.stderr,
    )
