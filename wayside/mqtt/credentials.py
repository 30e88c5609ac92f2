"""The files that say who we are to the broker, each named by its key when it is no good."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from wayside.errors import MqttSettingsError
from wayside.mqtt.refusals import AttentiveSocket
from wayside.mqtt.settings import MqttSettings
from wayside.net import TlsSettings

_log = structlog.get_logger(__name__)


def tls_context(settings: MqttSettings) -> ssl.SSLContext | None:
    """The TLS client's context, None for plain text.

    Raises:
        MqttSettingsError: a file cannot be read, or is no certificate or key.
    """
    tls = settings.tls
    if tls is None:
        return None
    # First without our own certificate, for OpenSSL's errors do not say which file it was.
    with _named(f"mqtt.tls.ca_file: {tls.ca_file}", "PEM certificates"):
        context = tls.model_copy(update={"cert_file": None}).context()
    if tls.cert_file is not None:
        context = _with_our_own(tls)
    context.sslsocket_class = AttentiveSocket
    return context


class FreshTls:
    """The TLS client's context of the files as they are now: certificates are renewed.

    Args:
        settings: that name the files.

    Raises:
        MqttSettingsError: a file cannot be read, or is no certificate or key.
    """

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings
        self._seen = _stamps(settings)
        self._context = tls_context(settings)

    def context(self) -> ssl.SSLContext | None:
        """Of the files where they have changed; of those before while the new ones are no good."""
        seen = _stamps(self._settings)
        if seen == self._seen:
            return self._context
        try:
            self._context = tls_context(self._settings)
        except MqttSettingsError as error:
            _log.warning("changed credentials cannot be used", reason=str(error))
        else:
            self._seen = seen
            _log.info("changed credentials are used")
        return self._context


def _stamps(settings: MqttSettings) -> tuple[tuple[int, ...], ...]:
    """By what a file that was exchanged is told from the one before; links are followed."""
    tls = settings.tls
    files = (tls.ca_file, tls.cert_file, tls.key_file) if tls is not None else ()
    return tuple(_stamp(file) for file in files if file is not None)


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _with_our_own(tls: TlsSettings) -> ssl.SSLContext:
    own = f"mqtt.tls.cert_file: {tls.cert_file}"
    if tls.key_file is not None:
        own += f", mqtt.tls.key_file: {tls.key_file}"
    with _named(own, "a PEM certificate and its key"):
        return tls.context()


def check_password(settings: MqttSettings) -> None:
    """Return when the password can be read.

    Raises:
        MqttSettingsError: it cannot; the message names key and file.
    """
    try:
        settings.password()
    except (OSError, UnicodeDecodeError) as error:
        raise MqttSettingsError(password_problem(settings, error)) from error


def password_problem(settings: MqttSettings, error: OSError | UnicodeDecodeError) -> str:
    """What is wrong with the password file, with its key."""
    file = f"mqtt.password_file: {settings.password_file}"
    if isinstance(error, OSError):
        return _unreadable(file, error)
    return f"{file} is not UTF-8 text; its first line should be the password"


@contextmanager
def _named(file: str, expected: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as error:
        raise MqttSettingsError(f"{file}: no {expected}: {error.reason or error}") from error
    except OSError as error:
        raise MqttSettingsError(_unreadable(file, error)) from error


def _unreadable(file: str, error: OSError) -> str:
    return f"{file} cannot be read: {error.strerror}; check the path and who may read it"
