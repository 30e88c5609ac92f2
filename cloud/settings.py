"""The cloud's YAML file: one for all its processes.

Everything has a default that works on one machine, derived from `data_dir` and from where the
local broker and Pub/Sub listen. Environment variables override single values:
`WAYSIDE_CLOUD__API__PORT=9000`.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from cloud.api.settings import ApiSettings
from cloud.bridge.settings import BridgeSettings
from cloud.bus.settings import BusSettings
from cloud.embedded.broker.settings import BrokerSettings
from cloud.embedded.settings import PubsubServerSettings
from cloud.fleet.settings import FleetSettings
from cloud.ingest.settings import IngestSettings
from cloud.store.settings import StoreSettings
from wayside import settings
from wayside.logging import LogSettings
from wayside.mqtt.settings import MqttSettings

PREFIX = "WAYSIDE_CLOUD"
_DATA_DIR = "wayside-data"


class CloudSettings(BaseModel):
    """All that the cloud's processes need to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(description=f"where everything is kept; default: {_DATA_DIR}")
    log: LogSettings = LogSettings()
    broker: BrokerSettings | None = Field(description="null: you run a broker, named in `mqtt`")
    mqtt: MqttSettings = Field(description="the broker that the bridge speaks to")
    pubsub: PubsubServerSettings | None = Field(description="null: `bus` names another Pub/Sub")
    bus: BusSettings = Field(description="the Pub/Sub that everybody speaks to")
    bridge: BridgeSettings = BridgeSettings()
    ingest: IngestSettings = IngestSettings()
    store: StoreSettings = Field(description="where events are kept")
    fleet: FleetSettings = Field(description="where the state of devices is kept")
    api: ApiSettings = ApiSettings()

    @model_validator(mode="before")
    @classmethod
    def _derive_defaults(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, dict):
            return given
        values = {"data_dir": _DATA_DIR, "broker": {}, "pubsub": {}, "store": {}, "fleet": {},
                  "mqtt": {}, "bus": {}, **given}  # fmt: skip
        base: Path = (info.context or {}).get("base") or Path.cwd()
        if isinstance(values["data_dir"], str | Path):
            values["data_dir"] = base / Path(values["data_dir"]).expanduser()
            _default(values, "pubsub", "data_dir", values["data_dir"] / "pubsub")
            _default(values, "fleet", "url", f"sqlite:///{values['data_dir'] / 'fleet.sqlite'}")
            _default(values, "store", "kind", "duckdb")
            if isinstance(values["store"], dict) and values["store"]["kind"] == "duckdb":
                _default(values, "store", "path", values["data_dir"] / "events.duckdb")
        _derive_address(values, "broker", "mqtt", BrokerSettings.model_fields["port"].default)
        if isinstance(values["pubsub"], dict):
            host = values["pubsub"].get("host", "127.0.0.1")
            port = values["pubsub"].get("port", PubsubServerSettings.model_fields["port"].default)
            _default(values, "bus", "endpoint", f"{host}:{port}")
        else:
            _default(values, "bus", "endpoint", None)
        return values


def load(path: Path | None) -> CloudSettings:
    """The settings of a file, or the defaults with the environment's overrides.

    Raises:
        SettingsError: the file or a variable is refused; every problem with its line.
    """
    if path is None:
        return settings.parse("", "defaults", CloudSettings, prefix=PREFIX)
    return settings.load(path, CloudSettings, prefix=PREFIX)


def _default(values: dict[str, Any], section: str, key: str, value: object) -> None:
    if isinstance(values[section], dict) and key not in values[section]:
        values[section] = {**values[section], key: value}


def _derive_address(values: dict[str, Any], server: str, client: str, port: int) -> None:
    """Let the client speak to the server of this machine, where there is one."""
    if isinstance(values[server], dict):
        _default(values, client, "host", values[server].get("host", "127.0.0.1"))
        _default(values, client, "port", values[server].get("port", port))
