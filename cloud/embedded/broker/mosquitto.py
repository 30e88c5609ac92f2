"""Mosquitto with a generated configuration; its persistence is not needed (decision 5)."""

import shutil
from pathlib import Path

from cloud.embedded.broker.settings import BrokerSettings

_CONFIG = """\
# Written by wayside-cloud; changes are overwritten.
listener {port} {host}
# Started by root it would change its user, which clears the signal that ends it with its parent
# (prctl(2), PR_SET_PDEATHSIG), and outlive us. Started by anybody else this means nothing.
user root
allow_anonymous true
persistence false
max_queued_messages {max_queued_messages}
max_inflight_messages 64
max_packet_size {max_packet_bytes}
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages false
"""


def find_mosquitto() -> str | None:
    """Path of the program, also where Debian puts it out of a user's PATH."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def mosquitto_command(program: str, settings: BrokerSettings, folder: Path) -> list[str]:
    """The command that runs it, after its configuration was written into the folder.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "mosquitto.conf"
    config.write_text(_CONFIG.format(**settings.model_dump()), encoding="utf-8")
    return [program, "-c", str(config)]
