"""Errors of models.

ModelError
├── ManifestError      a manifest cannot be used: mend the file
├── AssetError         a file cannot be had: the message says which variable or command helps
│   └── ChecksumError  a file is not what its sha256 says: it is never used
├── GraphError         an ONNX file is damaged, or no network that we can use
├── RecordError        a model's record is damaged, or what should be registered is refused
├── EngineError        a network cannot be loaded, or fails while it runs
├── MediaError         a picture or video file cannot be read or written: name another
└── LabelError         labels of pictures cannot be used: mend the file
"""

from wayside.errors import WaysideError


class ModelError(WaysideError):
    """Something about a model."""


class ManifestError(ModelError):
    """A manifest that contradicts itself or its network."""


class AssetError(ModelError):
    """A file that cannot be had."""


class ChecksumError(AssetError):
    """A file whose bytes are not those that were promised."""


class GraphError(ModelError):
    """An ONNX file that is damaged, or no network that we can use."""


class RecordError(ModelError):
    """A record that is damaged, or cannot be written of what was given."""


class EngineError(ModelError):
    """A network that cannot be loaded or run."""


class MediaError(ModelError):
    """A picture or video file that cannot be read or written."""


class LabelError(ModelError):
    """Labels that contradict themselves, their pictures or the network."""


def one_line(error: Exception) -> str:
    """What a library's error says, without its line breaks."""
    return " ".join(str(error).split())
