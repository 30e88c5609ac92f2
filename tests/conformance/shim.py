#!/usr/bin/env python3
"""Our verifier as the client that theupdateframework's conformance suite drives.

    git clone https://github.com/theupdateframework/tuf-conformance PATH
    make conformance CONFORMANCE=PATH

The suite brings repositories of its own, with other keys, roles and paths than ours, so this speaks
to `edge.ota.client`, below floors and families. It plays with the clock: nothing is remembered of
the time here, and no agent was built.

Where we refuse what the specification leaves open, the suite does not look: more than 256 new roots
at once, 32 roles in a search, 64 keys or signatures of a role; files beyond their limits; JSON with
fractions, doubled keys, or deeper than 32 levels. What is refused on purpose though the suite
expects it would stand, each with its reason, in `shim.py.xfails`, where the suite looks for it.
"""

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

from tuf.api.metadata import TargetFile

from edge.errors import OtaError
from edge.ota.client import Client, Time
from edge.ota.durable import make_folder, write_durably
from edge.ota.fetch import Fetch
from edge.ota.high_water import HighWater
from edge.ota.settings import FetchSettings, OtaSettings
from edge.ota.trusted_store import TrustedStore
from edge.ota.verify import require_content

TIME = Time(time.time, lambda: False, datetime(1970, 1, 1, tzinfo=timezone.utc))


class PlainSource:
    """Metadata below one URL."""

    def __init__(self, url: str, fetch: Fetch) -> None:
        self._url = url.rstrip("/")
        self._fetch = fetch

    def metadata(self, name: str, max_bytes: int) -> bytes | None:
        """A file's bytes; see `edge.ota.client.Source`."""
        return self._fetch.whole(f"{self._url}/{name}", max_bytes)


def init(folder: Path, root: Path) -> None:
    """Believe a root."""
    make_folder(folder / "anchor")
    for path in (folder / "anchor" / "root.json", folder / "root.json"):
        write_durably(path, root.read_bytes())


def download(client: Client, fetch: Fetch, names: Sequence[str], url: str, folder: Path) -> None:
    """Take the newest metadata, and targets one after the other, until one is refused."""
    client.refresh()
    for name in names:
        take(client, fetch, name, url, folder)


def take(client: Client, fetch: Fetch, name: str, url: str, folder: Path) -> None:
    """Take a target where it is not there yet."""
    file = client.find(name).target
    into = folder / quote(name, safe="")
    if not is_there(file, into):
        found = fetch.whole(f"{url.rstrip('/')}/{place(client, file)}", file.length)
        if found is None:
            raise OtaError("unreachable", f"{name}: the server has no such file")
        require_content(name, file, found, "the metadata")
        write_durably(into, found)


def place(client: Client, file: TargetFile) -> str:
    """Where a target lies, below the URL of targets."""
    if not client.view().root.consistent_snapshot:
        return quote(file.path)
    folder, slash, name = file.path.rpartition("/")
    return quote(f"{folder}{slash}{next(iter(file.hashes.values()))}.{name}")


def is_there(file: TargetFile, path: Path) -> bool:
    """The target was downloaded before."""
    try:
        require_content(path.name, file, path.read_bytes(), "the metadata")
    except (OSError, OtaError):
        return False
    return True


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """As the suite's CLIENT-CLI.md has them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metadata-dir", type=Path, required=True)
    parser.add_argument("--metadata-url", default="")
    parser.add_argument("--target-name", action="append", default=[])
    parser.add_argument("--target-base-url")
    parser.add_argument("--target-dir", type=Path)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init").add_argument("trusted_root", type=Path)
    commands.add_parser("refresh")
    commands.add_parser("download")
    return parser.parse_args(arguments)


def run(asked: argparse.Namespace) -> None:
    """One command."""
    if asked.command == "init":
        init(asked.metadata_dir, asked.trusted_root)
        return
    fetch = Fetch(OtaSettings(fetch=FetchSettings()), threading.Event())
    source = PlainSource(asked.metadata_url, fetch)
    anchor = (asked.metadata_dir / "anchor" / "root.json").read_bytes()
    marks = HighWater(asked.metadata_dir / "marks")
    with TrustedStore(asked.metadata_dir) as store:
        client = Client(anchor, store, marks, source, TIME)
        if asked.command == "refresh":
            client.refresh()
        else:
            download(client, fetch, asked.target_name, asked.target_base_url, asked.target_dir)


def main(arguments: Sequence[str]) -> int:
    """0, or 1 and one line that says why."""
    try:
        run(parse(arguments))
    except (OtaError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
