"""With what a server is spoken to: the token, and TLS."""

import ssl

from cloud.errors import StartError
from cloud.store.settings import InfluxDbSettings


def access_of(settings: InfluxDbSettings) -> tuple[str, ssl.SSLContext | None]:
    """The token, empty where there is none, and the TLS context, None for plain HTTP.

    Raises:
        StartError: the token or the CA cannot be read.
    """
    try:
        token = settings.token()
        if not settings.url.startswith("https:"):
            return token, None
        return token, ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, KeyError) as error:
        raise StartError(f"store {settings.url}: token or CA cannot be read: {error}") from error
