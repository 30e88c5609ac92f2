"""An application on a port, until told to stop."""

import threading

import structlog
import uvicorn
from fastapi import FastAPI

from cloud.api.settings import ApiTlsSettings, LimitsSettings
from cloud.errors import StartError
from wayside.net import host_port
from wayside.process import frozen_heap

_log = structlog.get_logger(__name__)


def answer(
    app: FastAPI,
    host: str,
    port: int,
    what: str,
    stop: threading.Event,
    tls: ApiTlsSettings | None = None,
    limits: LimitsSettings | None = None,
) -> None:
    """Serve HTTP until told to stop; requests under way are finished.

    Args:
        app: what answers.
        host: where it listens.
        port: TCP port.
        what: it is, for messages: `the API`.
        stop: set from outside.
        tls: the server's certificate; None: plain HTTP.
        limits: of connections; None: the defaults. Bodies are the application's.

    Raises:
        StartError: it cannot listen there, or the certificate cannot be used.
    """
    limits = limits or LimitsSettings()
    # Headers of proxies are not believed: anybody can send them, and the audit names the origin.
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False,
        timeout_graceful_shutdown=5, server_header=False, proxy_headers=False,
        timeout_keep_alive=limits.keep_alive_s, limit_concurrency=limits.max_connections,
        http="h11", h11_max_incomplete_event_size=limits.max_header_bytes,
        ssl_certfile=tls.certificate_file if tls else None,
        ssl_keyfile=tls.key_file if tls else None,
    )  # fmt: skip
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise StartError(f"{what}: its certificate or key cannot be used: {error}") from error
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="http", daemon=True)
    thread.start()
    _log.info(
        "http answers", what=what, url=f"{'https' if tls else 'http'}://{host_port(host, port)}"
    )
    with frozen_heap():
        while thread.is_alive() and not stop.wait(0.2):
            continue
    server.should_exit = True
    thread.join()
    if not stop.is_set():
        raise StartError(f"{what} cannot listen on {host_port(host, port)}")
