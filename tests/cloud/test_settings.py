"""What the cloud's settings make of a file, and what they say of a bad one."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud.settings import CloudSettings, load
from cloud.store.settings import DuckDbSettings, InfluxDbSettings
from wayside.errors import Problem, SettingsError
from wayside.settings import parse


def settings(text: str = "", base: Path = Path("/etc/wayside"), **environ: str) -> CloudSettings:
    return parse(
        text, "cloud.yaml", CloudSettings, prefix="WAYSIDE_CLOUD", environ=environ, base=base
    )


def problems(text: str) -> tuple[Problem, ...]:
    try:
        settings(text)
    except SettingsError as error:
        return error.problems
    return ()


def refused(text: str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        settings(text)
    return str(error.value).splitlines()


def test_everything_is_kept_in_data_dir_beside_the_file() -> None:
    found = settings("data_dir: kept")
    kept = Path("/etc/wayside/kept")
    assert found.data_dir == kept
    assert found.pubsub is not None
    assert found.pubsub.data_dir == kept / "pubsub"
    assert found.store == DuckDbSettings(path=kept / "events.duckdb")
    assert found.fleet.url == f"sqlite:///{kept}/fleet.sqlite"
    assert found.blobs.folder == kept / "blobs"


def test_defaults_are_kept_in_the_folder_one_is_in(tmp_path: Path) -> None:
    assert load(None).data_dir == Path.cwd() / "wayside-data"


def test_file_named_without_a_folder_gives_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cloud.yaml").write_text("data_dir: kept")
    monkeypatch.chdir(tmp_path)
    assert load(Path("cloud.yaml")).data_dir == tmp_path / "kept"


def test_paths_of_a_file_are_meant_from_its_folder() -> None:
    found = settings(
        "pubsub: {data_dir: messages}\n"
        "store: {kind: influxdb, token_file: token, ca_file: ca.pem}\n"
        "fleet: {url: 'sqlite:///devices.sqlite'}\n"
        "mqtt: {password_file: secrets/mqtt}\n"
    )
    folder = Path("/etc/wayside")
    assert found.pubsub is not None
    assert found.pubsub.data_dir == folder / "messages"
    assert isinstance(found.store, InfluxDbSettings)
    assert (found.store.token_file, found.store.ca_file) == (folder / "token", folder / "ca.pem")
    assert found.fleet.url == f"sqlite:///{folder}/devices.sqlite"
    assert found.mqtt.password_file == folder / "secrets/mqtt"
    assert settings("store: {path: e.duckdb}").store == DuckDbSettings(path=folder / "e.duckdb")


@pytest.mark.parametrize(
    "url", ["postgresql://db.example/wayside?sslmode=verify-full", "sqlite://"]
)
def test_other_databases_stay_as_they_are_named(url: str) -> None:
    assert settings(f"fleet: {{url: '{url}'}}").fleet.url == url


def test_bridge_speaks_to_our_broker_and_pubsub() -> None:
    found = settings("broker: {host: 127.0.0.2, port: 1999}\npubsub: {port: 9000}\n")
    assert (found.mqtt.host, found.mqtt.port) == ("127.0.0.2", 1999)
    assert found.bus.endpoint == "127.0.0.1:9000"


def test_what_is_given_goes_before_what_is_derived() -> None:
    found = settings("mqtt: {port: 2000, username: me}\nbus: {endpoint: 'localhost:1'}\n")
    assert (found.mqtt.host, found.mqtt.port, found.mqtt.username) == ("127.0.0.1", 2000, "me")
    assert found.bus.endpoint == "localhost:1"


def test_without_our_own_servers_the_others_are_asked() -> None:
    found = settings("broker: null\npubsub: null\nmqtt: {host: b.example, tls: {}}\n")
    assert (found.broker, found.pubsub, found.bus.endpoint) == (None, None, None)
    assert (found.mqtt.host, found.mqtt.port) == ("b.example", 1883)


def test_bridge_does_not_try_mqtt_5_on_amqtt() -> None:
    assert settings("broker: {kind: amqtt}").mqtt.protocol == "3.1.1"
    assert settings("broker: {kind: mosquitto}").mqtt.protocol == "auto"


@pytest.mark.parametrize("mqtt", ["mqtt: {protocol: 3.1.1}", "broker: {kind: amqtt}"])
def test_identity_is_not_left_unchecked(mqtt: str) -> None:
    with pytest.raises(SettingsError, match="identity_property cannot be checked on MQTT 3.1.1"):
        settings(f"{mqtt}\nbridge: {{identity_property: publisher}}\n")
    assert settings("bridge: {identity_property: publisher}").bridge.identity_property


def test_heading_with_nothing_below_it_means_the_defaults() -> None:
    names = ("log", "mqtt", "bus", "bridge", "ingest", "store", "fleet", "api")
    assert settings("".join(f"{name}:\n" for name in names)) == settings()
    assert settings("mqtt:\nbus:\nbroker: null\npubsub: null\n").mqtt.port == 1883


def test_ipv6_loopback_works_and_is_written_with_brackets_in_addresses() -> None:
    found = settings("broker: {host: '::1'}\npubsub: {host: '[::1]'}\napi: {host: '::1'}\n")
    assert found.pubsub is not None
    assert (found.mqtt.host, found.pubsub.host) == ("::1", "::1")
    assert found.bus.endpoint == "[::1]:8085"


def test_environment_overrides_and_the_rest_follows() -> None:
    found = settings(
        "data_dir: kept", WAYSIDE_CLOUD__BROKER__PORT="2883", WAYSIDE_CLOUD__DATA_DIR="/var/w"
    )
    assert found.mqtt.port == 2883
    assert found.store == DuckDbSettings(path=Path("/var/w/events.duckdb"))


def test_what_is_dumped_loads_as_the_same_anywhere(tmp_path: Path) -> None:
    """`up` hands its settings to its parts in a file in another folder."""
    for text in ("broker: {kind: amqtt}", "store: {kind: influxdb, token_file: t}", "pubsub: null"):
        found = settings(text)
        dumped = yaml.safe_dump(found.model_dump(mode="json"))
        assert settings(dumped, base=tmp_path) == found


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("\nbroker: 3", ["cloud.yaml:2: broker: Input should be"]),
        ("\npubsub: []", ["cloud.yaml:2: pubsub: Input should be"]),
        ("\ndata_dir: 7", ["cloud.yaml:2: data_dir: Input is not a valid path"]),
        ("\nstore: x", ["cloud.yaml:2: store: "]),
        ("store: {url: 'http://127.0.0.1:8086'}", ["cloud.yaml:1: store: say which kind it is"]),
        ("store: {kind: mysql}", ["cloud.yaml:1: store"]),
        ("bus: 4", ["cloud.yaml:1: bus: Input should be"]),
        ("fleet: {url: [1]}", ["cloud.yaml:1: fleet.url: Input should be a valid string"]),
        ("mqtt: []", ["cloud.yaml:1: mqtt: Input should be"]),
        ("broker: {host: 5}", ["cloud.yaml:1: broker.host: Input should be a valid string, not 5"]),
        ("pubsub: {host: 10.0.0.1}", ["cloud.yaml:1: pubsub.host: the embedded Pub/Sub server on"]),
        ("api: {host: 0.0.0.0}", ["cloud.yaml:1: api.host: the API on '0.0.0.0' would be"]),
        ("bus: {endpoint: '::1:8085'}", ["cloud.yaml:1: bus.endpoint: '::1:8085' is ambiguous"]),
        ("api: {port: 1883}", ["cloud.yaml:1: api.port and broker.port are both 1883"]),
        ("[1]", ["cloud.yaml:1: must be a mapping"]),
        (
            "data_dir: 7\nbroker: {prot: 1}\napi: {port: 0}",
            ["cloud.yaml:1: data_dir: ", "cloud.yaml:2: broker.prot: is unknown; ",
             "cloud.yaml:3: api.port: "],
        ),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line(text: str, lines: list[str]) -> None:
    said = refused(text)
    assert len(said) == len(lines), said
    for line, start in zip(said, lines, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize("odd", [None, 3, "x", [], {}, {"x": 1}, {1: 2}, [[]], True, 1.5])
@pytest.mark.parametrize("key", list(CloudSettings.model_fields))
def test_odd_values_are_taken_or_refused_and_never_crash(key: str, odd: Any) -> None:
    text = yaml.safe_dump({key: odd}, default_flow_style=True)
    assert {problem.line for problem in problems(text)} <= {1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("repository: {keys_folder: kept/repository/keys}", "repository.keys_folder"),
        ("repository: {keys_folder: kept/blobs/../repository}", "repository.keys_folder"),
        ("identity: {folder: kept/repository/ca}", "identity.folder"),
        ("repository: {blobs: {url: 'file:kept'}, keys_folder: keys}\nblobs: {url: 'gs://bucket'}",
         "data_dir"),
    ],
)  # fmt: skip
def test_no_private_key_lies_in_what_is_served(text: str, says: str) -> None:
    [line] = refused(f"data_dir: kept\n{text}")
    assert f"{says} /etc/wayside/" in line
    assert "which is served to everybody: name another folder" in line


def test_what_is_served_lies_apart_from_pictures() -> None:
    for public, private in (("kept", "kept/blobs"), ("kept/blobs/x", "kept/blobs")):
        [line] = refused(f"repository: {{blobs: {{url: 'file:{public}'}}}}\n"
                         f"blobs: {{url: 'file:{private}'}}\n")  # fmt: skip
        assert "must lie apart from blobs.url" in line
    assert not problems("repository: {blobs: {url: 'gs://public'}, keys_folder: kept}")
