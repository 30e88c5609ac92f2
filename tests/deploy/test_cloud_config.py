"""The settings file that comes with Wayside shows every key, explained, with its default."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from cloud.api.settings import ApiTlsSettings
from cloud.settings import CloudSettings, load
from cloud.store.settings import InfluxDbSettings
from wayside.net import TlsSettings
from wayside.settings import parse

FILE = Path(__file__).parents[2] / "deploy/config/cloud.yaml"
TEXT = FILE.read_text()
ALTERNATIVE = re.compile(r"^# store:.*\n(?:# .*\n)+", re.MULTILINE)
KEY = re.compile(r"^ *(?:# )? *(?:# )?([a-z_]+):(?: +([^ #]\S*))? *(#.*)?$")


def uncommented(text: str) -> str:
    """With every key that stands in a comment as a key."""
    return re.sub(r"^( *)# ( *[a-z_]+:( |$).*)$", r"\1\2", text, flags=re.MULTILINE)


def document(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text))


def keys(section: dict[str, Any], prefix: str = "") -> set[str]:
    """Dotted keys of all values."""
    found: set[str] = set()
    for key, value in section.items():
        place = f"{prefix}{key}"
        found |= keys(value, f"{place}.") if isinstance(value, dict) else {place}
    return found


def fields(model: BaseModel, prefix: str = "") -> set[str]:
    """Dotted keys of all fields of a model and of the models in it."""
    found: set[str] = set()
    for name in type(model).model_fields:
        value = getattr(model, name)
        place = f"{prefix}{name}"
        found |= fields(value, f"{place}.") if isinstance(value, BaseModel) else {place}
    return found


@pytest.fixture
def defaults() -> CloudSettings:
    return parse("", "", CloudSettings, base=FILE.parent)


def test_file_as_it_is_says_the_defaults(defaults: CloudSettings) -> None:
    assert load(FILE) == defaults


def test_every_key_is_there_with_its_default(defaults: CloudSettings) -> None:
    text = uncommented(ALTERNATIVE.sub("", TEXT))
    with_tls = defaults.mqtt.model_copy(update={"tls": TlsSettings()})
    api_tls = ApiTlsSettings(
        certificate_file=FILE.parent / "api.crt", key_file=FILE.parent / "api.key"
    )
    with_https = defaults.api.model_copy(update={"tls": api_tls})
    everything = defaults.model_copy(update={"mqtt": with_tls, "api": with_https})
    assert keys(document(text)) == fields(everything)
    assert parse(text, str(FILE), CloudSettings, base=FILE.parent) == everything


def test_other_store_is_there_with_its_defaults() -> None:
    block = ALTERNATIVE.search(TEXT)
    assert block is not None
    store = document(block[0].replace("# ", "", 1).replace("\n# ", "\n"))["store"]
    assert keys(store) == set(InfluxDbSettings.model_fields)
    assert InfluxDbSettings.model_validate(store) == InfluxDbSettings(kind="influxdb")


def test_every_value_is_explained() -> None:
    shown = [found for line in TEXT.splitlines() if (found := KEY.match(line))]
    assert len(shown) > 60
    assert [found[1] for found in shown if found[2] and not found[3]] == []
