"""The zoo's list, and what its names lead to."""

import os
from pathlib import Path

import pytest

from models import zoo
from models.assets import Places
from models.download import Limits
from models.errors import AssetError, ManifestError, RecordError
from protos.ids import check_id
from tests.support.real_assets import real_asset
from tests.support.records import registered, rewritable
from tests.support.tiny_detector import write_tiny_model
from wayside.errors import SettingsError


def nowhere(tmp_path: Path) -> Places:
    """No file, and no way to one."""
    return Places((), tmp_path / "cache", Limits(attempts=1, total_s=0))


def test_the_list_holds_what_it_should() -> None:
    assert zoo.names() == ("yolox-nano", "fastestdet", "twinlitenet")
    assert zoo.video_names() == ("cctv-people", "dashcam-lanes", "dashcam-cars")


DETECTORS = [entry for entry in zoo.contents().networks if entry.manifest.head.task == "detection"]


@pytest.mark.parametrize("network", DETECTORS, ids=lambda entry: entry.asset.name)
def test_a_network_knows_cocos_classes_by_valid_ids(network: zoo.Network) -> None:
    classes = network.manifest.classes

    assert len(classes) == 80
    assert [check_id(name) for name in classes] == list(classes)
    assert (classes[0], classes[9], classes[62], classes[79]) == (
        "person", "traffic-light", "tv-monitor", "toothbrush",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["yolox-nano", "fastestdet", "twinlitenet"])
def test_a_network_is_its_manifest_and_its_file(name: str) -> None:
    path = real_asset(name)

    manifest, onnx_path = zoo.network(name)

    assert manifest.name == name
    assert onnx_path == path


@pytest.mark.parametrize("name", ["cctv-people", "dashcam-lanes", "dashcam-cars"])
def test_a_video_is_a_file(name: str) -> None:
    real_asset(name)

    assert zoo.video(name).suffix == ".mp4"


def test_an_unknown_name_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="did you mean 'yolox-nano'"):
        zoo.network("yolo-nano")
    with pytest.raises(AssetError, match=r"there are yolox-nano, fastestdet, twinlitenet$"):
        zoo.network("qqqqqqq")
    with pytest.raises(AssetError, match="did you mean 'cctv-people'"):
        zoo.video("cctv-persons")
    with pytest.raises(AssetError, match="did you mean 'dashcam-cars'"):
        zoo.asset("dashcam-car")


def test_without_file_and_internet_the_user_is_told_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"WAYSIDE_ASSETS.*zoo/yolox_nano\.onnx"):
        zoo.network("yolox-nano", places=nowhere(tmp_path))
    with pytest.raises(AssetError, match=r"WAYSIDE_ASSETS.*media/cctv-people\.mp4"):
        zoo.video("cctv-people", places=nowhere(tmp_path))


def test_a_manifests_path_leads_to_the_network_beside_it(tmp_path: Path) -> None:
    manifest, onnx_path = zoo.resolve(str(write_tiny_model(tmp_path)))

    assert manifest.name == "tiny"
    assert onnx_path == tmp_path / "tiny.onnx"


def test_a_manifest_is_read_without_fetching_its_network(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path)
    (tmp_path / "tiny.onnx").unlink()

    assert zoo.manifest(str(path)).name == "tiny"
    assert zoo.manifest("fastestdet").input.width == 352
    with pytest.raises(AssetError, match="did you mean 'fastestdet'"):
        zoo.manifest("fastest-det")


def test_a_name_that_is_no_path_is_looked_up(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="did you mean 'fastestdet'"):
        zoo.resolve("fastest-det", places=nowhere(tmp_path))


def test_a_manifest_without_its_network_says_where_it_should_lie(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path)
    (tmp_path / "tiny.onnx").unlink()

    with pytest.raises(ManifestError, match=r"beside it as tiny\.onnx or tiny\.tflite$"):
        zoo.resolve(str(path))


def test_a_manifests_network_may_be_a_tflite_file_and_is_one_of_both(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path)
    (tmp_path / "tiny.tflite").write_bytes(b"another network")
    with pytest.raises(ManifestError, match=r"tiny\.onnx and tiny\.tflite both lie beside it"):
        zoo.resolve(str(path))

    (tmp_path / "tiny.onnx").unlink()
    assert zoo.resolve(str(path))[1] == tmp_path / "tiny.tflite"


def test_a_manifest_that_is_not_there_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        zoo.resolve(str(tmp_path / "none.yaml"))


def test_a_records_folder_is_its_manifest_and_its_network(tmp_path: Path) -> None:
    done = registered(tmp_path)

    manifest, onnx_path = zoo.resolve(str(done.folder))

    assert manifest == done.read.record.manifest == zoo.manifest(f"{done.folder}/")
    assert onnx_path == done.folder / "network.onnx"


def test_a_folder_without_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"record\.json: cannot be read: No such file"):
        zoo.resolve(str(tmp_path))
    with pytest.raises(RecordError, match=r"here/record\.json: cannot be read"):
        zoo.manifest("./not/here")


def test_a_records_network_that_is_no_plain_file_is_never_opened(tmp_path: Path) -> None:
    network = rewritable(registered(tmp_path).folder) / "network.onnx"
    network.parent.chmod(0o755)
    network.unlink()
    os.mkfifo(network)
    with pytest.raises(RecordError, match="network.onnx: is no plain file"):
        zoo.resolve(str(network.parent))
    network.unlink()
    network.symlink_to("/dev/zero")
    with pytest.raises(RecordError, match="network.onnx: is no plain file"):
        zoo.resolve(str(network.parent))


def test_a_name_without_a_slash_is_the_zoos_whatever_lies_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(tmp_path).folder.rename(tmp_path / "fastestdet")
    monkeypatch.chdir(tmp_path)
    assert zoo.manifest("fastestdet").name == "fastestdet"
    assert zoo.manifest("./fastestdet").name == "gate"
