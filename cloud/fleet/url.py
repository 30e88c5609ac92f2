"""The URL of the fleet's database: usable, without secrets, of a server that proves who it is."""

from pathlib import Path

from pydantic import ValidationInfo
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from wayside.net import is_loopback
from wayside.paths import from_file

_FORM = "must be sqlite:///FILE or postgresql://HOST/DATABASE"
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})
_POSTGRESQL = frozenset({"postgresql", "postgresql+psycopg"})
_SECRETS = frozenset({"password", "passfile", "sslpassword"})
_CERTIFICATES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")


def checked_url(url: str, validation: ValidationInfo) -> str:
    """The URL, with files relative to the settings' own.

    Raises:
        ValueError: it names no database that Wayside uses, holds a password, or leads to another
            machine without a verified certificate.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError(_FORM) from error
    if parsed.drivername not in _SQLITE | _POSTGRESQL:
        raise ValueError(_FORM)
    if parsed.password is not None or _SECRETS & set(parsed.query):
        raise ValueError("must not hold a password; use PGPASSWORD or ~/.pgpass")
    if parsed.drivername in _POSTGRESQL:
        return _postgresql(parsed, validation).render_as_string()
    if parsed.database not in (None, ":memory:"):
        path = from_file(Path(parsed.database), validation)
        return parsed.set(database=str(path)).render_as_string()
    return url


def _postgresql(url: URL, validation: ValidationInfo) -> URL:
    """The URL of a server on this machine, or of one that proves who it is.

    The host must stand in the URL: libpq would take it from PGHOST or from a service file, and
    nobody could tell here where states and keys go.
    """
    hosts = _hosts(url)
    if not hosts or "service" in url.query:
        raise ValueError("must name the server: postgresql://HOST/DATABASE, or ?host=/FOLDER")
    for host in hosts:
        if not host.startswith("/") and not is_loopback(host) and not _is_verified(url):
            raise ValueError(
                f"{host!r} is another machine: add ?sslmode=verify-full, and sslrootcert=FILE "
                "where its CA is your own"
            )
    return url.update_query_dict(
        {
            name: str(from_file(Path(file), validation))
            for name, file in url.query.items()
            if name in _CERTIFICATES and isinstance(file, str) and file != "system"
        }
    )


def _hosts(url: URL) -> list[str]:
    """Every server that libpq might speak to."""
    named = [url.host] if url.host else []
    for key in ("host", "hostaddr"):
        given = url.query.get(key, ())
        named += [given] if isinstance(given, str) else given
    # SQLAlchemy writes `HOST:PORT` in a query; an IPv6 address has more than one colon.
    hosts = [host for several in named for host in several.split(",")]
    return [host.split(":")[0] if host.count(":") == 1 else host for host in hosts]


def _is_verified(url: URL) -> bool:
    return url.query.get("sslmode") == "verify-full"
