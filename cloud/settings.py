"""The cloud's YAML file: one for all its processes.

Everything has a default that works on one machine, derived from `data_dir` and from where the
local broker and Pub/Sub listen. Environment variables override single values:
`WAYSIDE_CLOUD__API__PORT=9000`. `deploy/config/cloud.yaml` shows every key.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from cloud.api.settings import ApiSettings
from cloud.archive.settings import ArchiveSettings
from cloud.blobs.settings import BlobSettings
from cloud.bridge.settings import BridgeSettings
from cloud.bus.settings import BusSettings
from cloud.embedded.broker.settings import BrokerSettings
from cloud.embedded.settings import PubsubServerSettings
from cloud.enrolment.settings import EnrolmentSettings
from cloud.evidence.settings import EvidenceSettings
from cloud.fleet.settings import FleetSettings
from cloud.identity.settings import IdentitySettings
from cloud.ingest.settings import IngestSettings, PushSettings
from cloud.registry.settings import ModelSettings
from cloud.repository.settings import RepositorySettings
from cloud.store.settings import StoreSettings
from wayside import settings
from wayside.logging import LogSettings
from wayside.mqtt.settings import MqttSettings
from wayside.net import host_port
from wayside.paths import SettingsPath

PREFIX = "WAYSIDE_CLOUD"
_DATA_DIR = Path("wayside-data")


class CloudSettings(BaseModel):
    """All that the cloud's processes need to know.

    A section's defaults may come from the sections above it, hence the order of the fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: SettingsPath = Field(
        _DATA_DIR, validate_default=True, description="folder where everything is kept"
    )
    log: LogSettings = LogSettings()
    broker: BrokerSettings | None = Field(
        BrokerSettings(), description="null: you run a broker, named in `mqtt`"
    )
    mqtt: MqttSettings = Field(
        {}, validate_default=True, description="the broker that the bridge speaks to"
    )
    pubsub: PubsubServerSettings | None = Field(
        {}, validate_default=True, description="null: `bus` names another Pub/Sub"
    )
    bus: BusSettings = Field(
        {}, validate_default=True, description="the Pub/Sub that everybody speaks to"
    )
    bridge: BridgeSettings = BridgeSettings()
    ingest: IngestSettings = IngestSettings()
    push: PushSettings = PushSettings()
    store: StoreSettings = Field({}, validate_default=True, description="where events are kept")
    blobs: BlobSettings = Field(
        {}, validate_default=True, description="where the archive and pictures are kept"
    )
    archive: ArchiveSettings = ArchiveSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    fleet: FleetSettings = Field(
        {}, validate_default=True, description="where the state of devices is kept"
    )
    identity: IdentitySettings = Field(
        {}, validate_default=True, description="certificates of devices, services and servers"
    )
    models: ModelSettings = ModelSettings()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    repository: RepositorySettings = Field(
        {}, validate_default=True, description="signed updates, as files for any static host"
    )
    api: ApiSettings = ApiSettings()

    @field_validator(
        "log",
        "bridge",
        "ingest",
        "archive",
        "evidence",
        "push",
        "models",
        "enrolment",
        "api",
        mode="before",
    )
    @classmethod
    def _empty_means_the_defaults(cls, given: object) -> object:
        return _derived(given)

    @field_validator("mqtt", mode="before")
    @classmethod
    def _speaks_to_our_broker(cls, given: object, validation: ValidationInfo) -> object:
        broker: BrokerSettings | None = validation.data.get("broker")
        if broker is None:
            return _derived(given)
        # amqtt does not answer MQTT 5 at all; trying it first would cost `connect_timeout_s`.
        protocol = "3.1.1" if broker.kind == "amqtt" else "auto"
        return _derived(given, host=broker.host, port=broker.port, protocol=protocol)

    @field_validator("pubsub", mode="before")
    @classmethod
    def _keeps_messages_in_data_dir(cls, given: object, validation: ValidationInfo) -> object:
        if given is None:
            return None
        return _derived(given, data_dir=_data_dir(validation) / "pubsub")

    @field_validator("bus", mode="before")
    @classmethod
    def _speaks_to_our_pubsub(cls, given: object, validation: ValidationInfo) -> object:
        if "pubsub" not in validation.data:
            return _derived(given)
        server: PubsubServerSettings | None = validation.data["pubsub"]
        return _derived(given, endpoint=host_port(server.host, server.port) if server else None)

    @field_validator("store", mode="before")
    @classmethod
    def _keeps_events_in_data_dir(cls, given: object, validation: ValidationInfo) -> object:
        if isinstance(given, Mapping):
            if given.get("kind", "duckdb") != "duckdb":
                return given
            if "kind" not in given and set(given) - {"path"}:
                raise ValueError("say which kind it is, duckdb or influxdb, in `kind`")
        return _derived(given, kind="duckdb", path=_data_dir(validation) / "events.duckdb")

    @field_validator("blobs", mode="before")
    @classmethod
    def _keeps_blobs_in_data_dir(cls, given: object, validation: ValidationInfo) -> object:
        return _derived(given, url=(_data_dir(validation) / "blobs").absolute().as_uri())

    @field_validator("fleet", mode="before")
    @classmethod
    def _keeps_devices_in_data_dir(cls, given: object, validation: ValidationInfo) -> object:
        return _derived(given, url=f"sqlite:///{_data_dir(validation) / 'fleet.sqlite'}")

    @field_validator("identity", mode="before")
    @classmethod
    def _keeps_the_ca_in_data_dir(cls, given: object, validation: ValidationInfo) -> object:
        return _derived(given, folder=_data_dir(validation) / "ca")

    @field_validator("repository", mode="before")
    @classmethod
    def _keeps_the_repository_in_data_dir(cls, given: object, validation: ValidationInfo) -> object:
        folder = _data_dir(validation)
        section = _derived(given, blobs=None, keys_folder=folder / "repository-keys")
        if not isinstance(section, Mapping):
            return section
        url = (folder / "repository").absolute().as_uri()
        return {**section, "blobs": _derived(section["blobs"], url=url)}

    @model_validator(mode="after")
    def _what_is_public_lies_apart(self) -> "CloudSettings":
        public, private = self.repository.blobs.url.rstrip("/"), self.blobs.url.rstrip("/")
        if f"{public}/".startswith(f"{private}/") or f"{private}/".startswith(f"{public}/"):
            raise ValueError(
                f"repository.blobs.url {public} is served to everybody and must lie apart from "
                f"blobs.url {private}, which holds pictures of events"
            )
        return self

    @model_validator(mode="after")
    def _no_key_is_public(self) -> "CloudSettings":
        public = self.repository.blobs.folder
        if public is None:
            return self
        for name, folder in (
            ("data_dir", self.data_dir),
            ("repository.keys_folder", self.repository.keys_folder),
            ("identity.folder", self.identity.folder),
        ):
            if folder.resolve().is_relative_to(public.resolve()):
                raise ValueError(
                    f"{name} {folder} lies in repository.blobs.url {public}, which is served to "
                    "everybody: name another folder"
                )
        return self

    @model_validator(mode="after")
    def _identity_can_be_checked(self) -> "CloudSettings":
        if self.bridge.identity_property is not None and self.mqtt.protocol == "3.1.1":
            raise ValueError(
                "bridge.identity_property cannot be checked on MQTT 3.1.1, which has no user "
                "properties: set mqtt.protocol to 5 for a broker that knows it, or remove the one"
            )
        return self

    @model_validator(mode="after")
    def _each_listens_on_a_port_of_its_own(self) -> "CloudSettings":
        taken: dict[int, str] = {}
        for key, section in (("broker", self.broker), ("pubsub", self.pubsub), ("api", self.api)):
            if section is None:
                continue
            if section.port in taken:
                raise ValueError(f"{key}.port and {taken[section.port]} are both {section.port}")
            taken[section.port] = f"{key}.port"
        return self


def load(path: Path | None) -> CloudSettings:
    """The settings of a file, or the defaults with the environment's overrides.

    Raises:
        SettingsError: the file or a variable is refused; every problem with its line.
    """
    if path is None:
        return settings.parse("", "the defaults", CloudSettings, prefix=PREFIX, base=Path.cwd())
    return settings.load(path, CloudSettings, prefix=PREFIX)


def _derived(given: object, **defaults: object) -> object:
    """A section with defaults below what is given; what is no section is left to be refused.

    A heading with nothing but comments below it is None in YAML, and means the defaults.
    """
    if given is None:
        return defaults
    return {**defaults, **given} if isinstance(given, Mapping) else given


def _data_dir(validation: ValidationInfo) -> Path:
    """Where things are kept; a `data_dir` that was refused is one mistake, not five."""
    found: Path = validation.data.get("data_dir", _DATA_DIR)
    return found
