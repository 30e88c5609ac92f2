"""What a device shall be, and the message that says it. No I/O."""

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from cloud.errors import DeviceError
from models.manifest import Version
from protos.codec import SCHEMA, encode
from protos.errors import InvalidIdError
from protos.ids import check_id
from protos.v1.desired_state_pb2 import DesiredState

MAX_TARGETS = 16
"""Model families that a device can be ordered to run."""

MAX_REVISION = 2**62
"""A device that claims to have seen a higher one is not believed."""

_DIGEST_BYTES = 32
_VERSION = TypeAdapter(Version)


@dataclass(frozen=True, slots=True)
class Target:
    """A model that a device shall run: an order, which says nothing of what may be trusted.

    Attributes:
        family: the model's name.
        version: of the model.
        deployment: id of the order, which the device's reports repeat.
        sha256: of the model's record; empty: as the signed repository says.
        ordered_ns: cloud's clock.
        ordered_by: as in the audit.
        revision: at which it was ordered.
    """

    family: str
    version: str
    deployment: str
    sha256: bytes
    ordered_ns: int
    ordered_by: str
    revision: int


@dataclass(frozen=True, slots=True)
class Desired:
    """What a device shall be.

    Attributes:
        device: its id.
        revision: of this state; 0: nothing was ever said.
        changed_ns: when it became this, by the cloud's clock.
        changed_by: who did that, as in the audit.
        rules: YAML for `DesiredState.config_yaml`; empty: the device's own file says.
        rules_revision: at which the rules were last changed; 0: never.
        targets: in the order of their families.
    """

    device: str
    revision: int = 0
    changed_ns: int = 0
    changed_by: str = ""
    rules: bytes = b""
    rules_revision: int = 0
    targets: tuple[Target, ...] = ()

    @property
    def message(self) -> bytes:
        """The DesiredState for its config topic; the same bytes whenever it is told again."""
        state = DesiredState(
            schema=SCHEMA,
            device=self.device,
            revision=self.revision,
            issued_ns=self.changed_ns,
            config_yaml=self.rules,
        )
        for target in self.targets:
            state.targets.add(
                name=target.family,
                version=target.version,
                deployment=target.deployment,
                sha256=target.sha256,
            )
        return encode(state)


def check_order(family: str, version: str, sha256: bytes) -> None:
    """Return where an order can be written down.

    Raises:
        DeviceError: no model or version may be called so, or the digest is none.
    """
    try:
        check_id(family, "model")
        _VERSION.validate_python(version)
    except InvalidIdError as error:
        raise DeviceError(str(error)) from error
    except ValidationError as error:
        told = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise DeviceError(f"version: {told}") from error
    if sha256 and len(sha256) != _DIGEST_BYTES:
        raise DeviceError(f"a SHA-256 has {_DIGEST_BYTES} bytes, and not {len(sha256)}")
