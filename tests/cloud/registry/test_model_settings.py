"""Limits of models, as a settings file says them."""

import pytest
from pydantic import ValidationError

from cloud.registry.settings import ModelSettings, ValidationSettings
from cloud.settings import CloudSettings
from wayside.errors import SettingsError
from wayside.settings import parse


def test_a_heading_alone_means_the_defaults() -> None:
    assert parse("models:\n", "cloud.yaml", CloudSettings).models == ModelSettings()


def test_operators_are_named_in_a_list() -> None:
    text = "models: {validation: {operators: [Conv, Relu], domains: [ai.onnx, com.microsoft]}}"
    validation = parse(text, "cloud.yaml", CloudSettings).models.validation
    assert validation.operators == ("Conv", "Relu")
    assert validation.domains == ("ai.onnx", "com.microsoft")
    with pytest.raises(SettingsError, match=r"models.validation.operators"):
        parse(text.replace("Relu", "'rm -rf'"), "cloud.yaml", CloudSettings)


def test_limits_that_nothing_can_meet_are_refused() -> None:
    with pytest.raises(ValidationError, match="max_opset must be at least min_opset"):
        ValidationSettings(min_opset=20, max_opset=19)
    with pytest.raises(ValidationError, match="domains"):
        ValidationSettings(domains=())
