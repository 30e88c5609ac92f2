"""The licence's text that travels with a model."""

import re
from pathlib import Path

from models.errors import RecordError
from models.record.reading import bounded_bytes

MAX_BYTES = 512 * 1024

_NAMES = ("LICENSE", "LICENCE", "COPYING")
"""What such files' names begin with."""

_SAYS = {
    "Apache-2.0": "apache license version 2.0",
    "MIT": "permission is hereby granted, free of charge, to any person obtaining a copy",
    "BSD-3-Clause": "neither the name of",
    "BSD-2-Clause": "redistributions of source code must retain the above copyright notice",
    "GPL-3.0-only": "gnu general public license version 3",
    "GPL-3.0-or-later": "gnu general public license version 3",
    "AGPL-3.0-only": "gnu affero general public license version 3",
    "AGPL-3.0-or-later": "gnu affero general public license version 3",
}
"""Words that stand in the text of a licence, in small letters and with single spaces."""


def licence_beside(network_path: Path, spdx: str) -> Path:
    """The file beside a network that holds its licence: `person.LICENSE` or else `LICENSE`.

    Raises:
        RecordError: there is none, or nobody can tell which of several it is.
    """
    remedy = f"name the text of {spdx} that came with the network: --licence-file FILE"
    for prefix in (f"{network_path.stem}.", ""):
        names = tuple(prefix + name for name in _NAMES)
        folder = network_path.absolute().parent
        found = sorted(path for path in folder.iterdir() if path.name.startswith(names))
        if len(found) > 1:
            told = ", ".join(path.name for path in found)
            raise RecordError(f"{network_path.parent}: holds {told}; {remedy}")
        if found:
            return found[0]
    raise RecordError(f"{network_path}: no LICENSE lies beside it; {remedy}")


def read_licence(path: Path, spdx: str) -> bytes:
    """The text, where it reads like the licence that the manifest names.

    Raises:
        RecordError: it is no text, or of another licence.
    """
    content = bounded_bytes(path, MAX_BYTES, may_be_link=True)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: is not UTF-8 text") from error
    words = " ".join(re.sub(r"[^\w.,]+", " ", text.lower()).replace("2.0,", "2.0").split())
    if not words:
        raise RecordError(f"{path}: is empty; it should hold the text of {spdx}")
    expected = [_SAYS[one] for one in re.split(r" (?:AND|OR|WITH) ", spdx) if one in _SAYS]
    if expected and not any(says in words for says in expected):
        raise RecordError(
            f"{path}: does not read like {spdx}, which the manifest names: name another file, or "
            "correct the manifest's `licence`"
        )
    return content
