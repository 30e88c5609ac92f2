"""What a record says, in words. It may come from a stranger, so nothing in it moves the cursor."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from models.record.record import Record

_LABEL = 12


def tell(label: str, text: str) -> None:
    """A line of a label and a text."""
    typer.echo(f"  {label:{_LABEL}} {plain(text)}")


def plain(text: str) -> str:
    """The text with `?` for what cannot be printed."""
    return "".join(one if one.isprintable() else "?" for one in text)


def size_text(size: int) -> str:
    """So many bytes, in the unit that suits them."""
    for unit, of in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= of:
            return f"{size / of:.1f} {unit}"
    return f"{size} bytes"


def code_text(record: "Record") -> str:
    """The commit, and whether it tells everything."""
    code = record.registered.code
    if code is None:
        return "from no git checkout"
    dirty = " with changes that are in no commit" if code.is_dirty else ""
    where = f" of {code.repository}" if code.repository else ""
    return f"commit {code.commit[:12]}{where}{dirty}"


def golden_text(record: "Record") -> str:
    """What is compared and how far it may be off; empty without golden inputs."""
    golden = record.golden
    if golden is None:
        return ""
    values = sum(one.samples for one in golden.outputs)
    pictures = "1 picture" if len(golden.cases) == 1 else f"{len(golden.cases)} pictures"
    compared = f"{values:,} raw values each, off by {golden.tolerance.output:g} at most; " * (
        values > 0
    )
    return f"{pictures}: {compared}finds agree to {golden.tolerance.agreement:.0%} at least"


def made_text(record: "Record") -> str:
    """How the network came from its parent; empty where it says nothing."""
    made = record.manifest.made
    if made is None:
        return ""
    method = f" ({made.method})" if made.method else ""
    told = [f"by {made.by}{method}, looked at on {made.frames} frames"]
    if made.figure is not None and made.original is not None and made.reached is not None:
        told.append(f"{made.figure} {made.reached:.1%} of its parent's {made.original:.1%}")
    if made.difference is not None:
        told.append(f"raw outputs differ by {made.difference:.1g} at most")
    if made.left_out:
        told.append(f"{len(made.left_out)} layers left in floating point")
    return ", ".join(told)
