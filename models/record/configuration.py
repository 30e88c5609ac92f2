"""How a model was trained and compiled, as its maker's file says it: YAML or JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import JsonValue, TypeAdapter, ValidationError

from models.errors import RecordError
from models.record.digest import canonical
from models.record.reading import bounded_bytes

MAX_BYTES = 64 * 1024
MAX_VALUES = 10_000
MAX_DEPTH = 20

_PLAIN: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def read_configuration(path: Path) -> Mapping[str, JsonValue]:
    """The plain values of a file.

    Raises:
        RecordError: it cannot be read, is no mapping, or holds what JSON cannot: dates, NaN.
    """
    content = bounded_bytes(path, MAX_BYTES, may_be_link=True)
    try:
        document = yaml.safe_load(content)
        if _values(document, {}) > MAX_VALUES:
            raise RecordError(f"{path}: holds more than {MAX_VALUES:,} values")
        plain = _PLAIN.validate_python(document, strict=True)
        canonical(plain)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RecordError(f"{path}:{line}: is no YAML: {error.problem}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"{path}: {where or 'the file'}: must be plain (texts, numbers, lists, and mappings "
            f"of texts), not {first['input']!r:.60}; put quotes around a date"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecordError(f"{path}: cannot be kept: {' '.join(str(error).split())}") from error
    return plain


def _values(node: Any, known: dict[int, int], depth: int = 0) -> int:
    """How many values a document is of, its aliases written out; each is counted once."""
    if depth > MAX_DEPTH:
        raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
    if not isinstance(node, dict | list):
        return 1
    if id(node) not in known:
        children = node.values() if isinstance(node, dict) else node
        known[id(node)] = 1 + sum(_values(child, known, depth + 1) for child in children)
    return known[id(node)]
