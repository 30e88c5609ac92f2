"""Records to release, and repositories that hold some."""

from pathlib import Path

import pytest

from tests.support.records import bright_onnx, registered, write_model

VERSIONS = ("1.0.0", "1.1.0", "1.2.0+b7")


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of real records of the model `gate`, by version."""
    folder = tmp_path_factory.mktemp("records")
    found = {}
    for number, version in enumerate(VERSIONS):
        onnx = bright_onnx(0.9 - number / 10)
        model = write_model(folder / version / "model", onnx, version=version)
        registered(folder / version, model=model)
        found[version] = folder / version / "store" / "gate" / version
    return found
