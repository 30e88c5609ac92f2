"""The compose file, as far as the rules of its specification tell without Docker."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from cloud.api.settings import ApiTlsSettings
from cloud.cli import app
from cloud.identity.authority import CertificateAuthority
from cloud.identity.identities import Role, identify
from cloud.identity.settings import IdentitySettings
from cloud.settings import PREFIX, CloudSettings
from cloud.store.settings import InfluxDbSettings
from tests.support.api_server import api_server
from wayside.settings import load

FOLDER = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, one in SERVICES.items() if "build" in one)
TEXT = (FOLDER / "compose.yaml").read_text()
README = (FOLDER / "README.md").read_text()
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.]+)?")
KEYS = {
    "build", "cap_drop", "command", "configs", "depends_on", "deploy", "environment", "healthcheck",
    "image", "init", "logging", "network_mode", "networks", "ports", "profiles", "read_only",
    "restart", "secrets", "security_opt", "shm_size", "stop_grace_period", "tmpfs", "user",
    "volumes",
}  # fmt: skip
"""Keys of a service that we use, each of the Compose Specification."""


each_service = pytest.mark.parametrize("name", sorted(SERVICES))


def interpolated(text: str) -> str:
    """With every variable at its default."""
    return VARIABLE.sub(lambda found: found[2] or "", text)


def sources(name: str, key: str) -> set[str]:
    """Names of the configs or secrets that a service has."""
    given = SERVICES[name].get(key, [])
    return {one if isinstance(one, str) else one["source"] for one in given}


def run_secrets(name: str) -> set[str]:
    """What lies under /run/secrets in a service."""
    given = SERVICES[name].get("secrets", [])
    return {f"/run/secrets/{one if isinstance(one, str) else one['target']}" for one in given}


def mounts(name: str) -> Iterator[tuple[str, str, str]]:
    """Source, target and mode of each volume of a service."""
    for volume in SERVICES[name].get("volumes", []):
        source, target, *mode = volume.split(":")
        yield source, target, mode[0] if mode else "rw"


def loaded(**environ: str) -> CloudSettings:
    """The settings as a service of ours reads them."""
    given = {key: interpolated(text) for key, text in SERVICES["serve"]["environment"].items()}
    path = FOLDER / "config/cloud-compose.yaml"
    return load(path, CloudSettings, prefix=PREFIX, environ={**given, **environ})


@pytest.fixture
def settings() -> CloudSettings:
    return loaded()


def test_all_that_is_named_exists() -> None:
    for kind in ("configs", "secrets"):
        used = {source for name in SERVICES for source in sources(name, kind)}
        assert used == set(COMPOSE[kind])
    networks = {one for service in SERVICES.values() for one in service.get("networks", [])}
    assert networks == set(COMPOSE["networks"])
    named = {src for name in SERVICES for src, _, _ in mounts(name) if src[0] not in "./"}
    assert named == set(COMPOSE["volumes"])
    assert all((FOLDER / one["file"]).is_file() for one in COMPOSE["configs"].values())
    folders = [src for name in SERVICES for src, _, _ in mounts(name) if src.startswith("./")]
    assert all((FOLDER / src).is_dir() for src in folders if not src.startswith("./secrets"))
    for one in OURS:
        build = SERVICES[one]["build"]
        assert (FOLDER / build["context"] / build["dockerfile"]).is_file()


def test_secrets_lie_where_no_one_commits_them() -> None:
    files = [one["file"] for one in COMPOSE["secrets"].values()]
    assert all(file.startswith("./secrets/") for file in files)
    assert "/secrets/" in (FOLDER / ".gitignore").read_text().splitlines()
    assert not re.search(r"(password|token)\w*: *[^/\s]*$", TEXT.lower(), re.MULTILINE)


@each_service
def test_service_has_known_keys_and_a_pinned_image(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= KEYS
    assert PINNED.fullmatch(interpolated(service["image"])), service["image"]


@each_service
def test_service_may_do_nothing_that_it_need_not(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    user = service["user"].split(":")[0]
    assert user.isdecimal()
    assert int(user) > 0
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}


@each_service
def test_service_comes_back_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    if name in ("migrate", "tools", "validate"):
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    if name != "pod":  # an image of one program, with nothing that could ask
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@each_service
def test_dependencies_can_be_met(name: str) -> None:
    service = SERVICES[name]
    mode = service.get("network_mode", "")
    if mode:
        assert not {"networks", "ports"} & set(service), "not allowed beside network_mode"
        assert mode == "none" or mode.removeprefix("service:") in SERVICES
    for other, how in service.get("depends_on", {}).items():
        assert not SERVICES[other].get("profiles") or how["required"] is False
        match how["condition"]:
            case "service_healthy":
                assert "healthcheck" in SERVICES[other]
            case "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no"
            case condition:
                assert condition == "service_started"


def test_only_what_is_documented_is_reachable() -> None:
    published = {port: name for name, one in SERVICES.items() for port in one.get("ports", [])}
    assert published == {"8443:8443": "pod", "8883:8883": "mosquitto",
                         "127.0.0.1:3000:3000": "grafana"}  # fmt: skip
    for port in published:
        assert f"`{port.removesuffix(':' + port.split(':')[-1])}`" in README


def test_databases_and_pubsub_have_no_way_out() -> None:
    internal = {name for name, one in COMPOSE["networks"].items() if one.get("internal")}
    for name in ("influxdb", "postgresql"):
        assert set(SERVICES[name]["networks"]) <= internal
    assert "postgresql" not in {
        name for name, one in SERVICES.items() if "dashboards" in one.get("networks", [])
    }
    assert SERVICES["pubsub"]["network_mode"] == "service:pod"
    assert SERVICES["tools"]["network_mode"] == "none"


def test_broker_never_sees_the_key_of_the_ca() -> None:
    found = {target: source for source, target, _ in mounts("mosquitto")}
    assert found["/wayside/ca/root.key"] == "/dev/null"
    assert all(mode == "ro" for _, _, mode in mounts("mosquitto"))
    holders = {name for name in SERVICES for source, _, _ in mounts(name) if source == "./secrets"}
    assert holders == {"tools"}
    folders = {name for name in SERVICES for source, _, _ in mounts(name) if "/ca" in source}
    assert folders == {"mosquitto", "serve"}


def test_what_runs_a_strangers_network_holds_no_key_and_has_no_way_out(
    settings: CloudSettings,
) -> None:
    keys = ("./secrets/repository-keys", str(settings.repository.keys_folder), "ro")
    assert keys in mounts("serve")
    assert [source for source, _, _ in mounts("validate")] == ["serve"]
    assert sources("validate", "secrets") == {"ca", "pgpass"}
    assert COMPOSE["secrets"]["ca"]["file"].endswith("ca.pem"), "the certificate, not the key"
    assert SERVICES["validate"]["networks"] == ["store"]
    room = re.search(r"/tmp:size=(\d+)m", SERVICES["validate"]["tmpfs"][0])
    assert room is not None
    assert int(room[1]) * 2**20 > settings.models.max_model_bytes


def test_the_process_that_enrols_devices_has_the_ca(settings: CloudSettings) -> None:
    assert settings.enrolment.enabled
    assert settings.enrolment.broker_host == "cloud.example.org"
    assert ("./secrets/ca", str(settings.identity.folder), "rw") in mounts("serve")
    assert f"{settings.enrolment.broker_port}:8883" in SERVICES["mosquitto"]["ports"]


@pytest.mark.parametrize("name", OURS)
def test_command_is_one_of_wayside_cloud(name: str) -> None:
    command = SERVICES[name].get("command", ["--help"])
    words = [word for word in command if not word.startswith(("-", "/"))]
    options = {word for word in command if word.startswith("-")}
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    help_text = re.sub(r"\x1b\[[0-9;]*m", "", shown.output)
    assert all(re.search(rf"(^|[ │]){option}\b", help_text, re.MULTILINE) for option in options)


def test_settings_are_valid_and_fit_the_services(settings: CloudSettings) -> None:
    assert settings.api.requires_key
    assert f"{settings.api.port}:{settings.api.port}" in SERVICES["pod"]["ports"]
    assert settings.mqtt.host in SERVICES
    assert settings.mqtt.port == settings.identity.listener.port == 8883
    assert isinstance(settings.store, InfluxDbSettings)
    assert urlsplit(settings.store.url).hostname in SERVICES
    init = SERVICES["influxdb"]["environment"]
    assert settings.store.org == init["DOCKER_INFLUXDB_INIT_ORG"]
    assert settings.store.bucket == init["DOCKER_INFLUXDB_INIT_BUCKET"]
    database = make_url(settings.fleet.url)
    assert database.host in SERVICES
    assert database.database == SERVICES["postgresql"]["environment"]["POSTGRES_DB"]
    assert database.username == SERVICES["postgresql"]["environment"]["POSTGRES_USER"]
    assert settings.pubsub is not None
    assert settings.bus.endpoint == f"{settings.pubsub.host}:{settings.pubsub.port}"


def test_google_is_one_variable_away() -> None:
    assert loaded(WAYSIDE_CLOUD__BUS__ENDPOINT="null").bus.endpoint is None
    assert SERVICES["pubsub"]["profiles"] == ["embedded"]
    example = dict(
        line.split("#")[0].strip().split("=")
        for line in (FOLDER / "env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    defaults = dict(VARIABLE.findall(TEXT))
    assert example == {**defaults, "COMPOSE_PROFILES": "embedded"}


def test_files_of_the_settings_are_there_in_the_services(settings: CloudSettings) -> None:
    tls, store, api = settings.mqtt.tls, settings.store, settings.api.tls
    assert tls is not None
    assert api is not None
    assert isinstance(store, InfluxDbSettings)
    for bridge in ("bridge-1", "bridge-2"):
        assert {str(tls.ca_file), str(tls.cert_file), str(tls.key_file)} == run_secrets(bridge)
    needed = {str(api.certificate_file), str(api.key_file), str(store.token_file)}
    needed |= {str(store.ca_file), SERVICES["serve"]["environment"]["PGPASSFILE"]}
    assert needed == run_secrets("serve")
    keys = [SERVICES[name]["secrets"][2]["source"] for name in ("bridge-1", "bridge-2")]
    assert len(set(keys)) == 2, "each bridge has a key of its own"


@each_service
def test_secrets_that_a_service_names_are_given_to_it(name: str) -> None:
    service = {key: value for key, value in SERVICES[name].items() if key != "secrets"}
    named = set(re.findall(r"/run/secrets/[\w-]+", str(service)))
    if name in ("pubsub", "tools", "bridge-1", "bridge-2"):  # have no use for the database's
        named.discard("/run/secrets/pgpass")
    assert named <= run_secrets(name)


@pytest.mark.parametrize("name", ["serve", "pubsub"])
def test_health_check_fails_where_nobody_answers(name: str) -> None:
    _, python, *arguments = SERVICES[name]["healthcheck"]["test"]
    assert python == "python"
    port = "8443" if name == "serve" else "8085"
    with socket.socket() as taken:  # bound, and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        code = arguments[1].replace(port, str(taken.getsockname()[1]))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "refused" in done.stderr or "cannot be read" in done.stderr


def test_health_check_of_serve_succeeds_against_the_api_over_tls(tmp_path: Path) -> None:
    authority = CertificateAuthority.create(IdentitySettings(folder=tmp_path / "ca"))
    authority.issue(identify(Role.SERVER, "api", ["cloud.example.org"]), tmp_path / "api")
    tls = ApiTlsSettings(
        certificate_file=tmp_path / "api/cert.pem", key_file=tmp_path / "api/key.pem"
    )
    *_, code = SERVICES["serve"]["healthcheck"]["test"]
    with api_server(tmp_path, requires_key=True, tls=tls) as api:
        code = code.replace("8443", str(api.client.base_url.port))
        code = code.replace("/run/secrets/api-cert", str(tls.certificate_file))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_health_check_of_pubsub_succeeds_where_somebody_answers() -> None:
    *_, code = SERVICES["pubsub"]["healthcheck"]["test"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = code.replace("8085", str(server.getsockname()[1]))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
