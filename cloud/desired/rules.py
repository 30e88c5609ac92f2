"""Rules for a device, as somebody wrote them: refused here where the device would refuse them.

What zones and rules may be, only the device can tell in full, for it alone knows its cameras and
what their networks find. It refuses what does not fit, whole, and says so.
"""

from protos.errors import InvalidIdError
from protos.ids import check_id
from wayside.errors import Problem, SettingsError
from wayside.remote_rules import read_rules

MAX_RULES_BYTES = 256 * 1024
"""A DesiredState must stay well below the largest payload of the wire, 1 MiB."""


def checked_rules(content: bytes, name: str) -> bytes:
    """The rules as they go down; empty where the device shall follow its own file again.

    Args:
        content: YAML in UTF-8, see `wayside.remote_rules`.
        name: what it is called in errors.

    Raises:
        SettingsError: it is no YAML, too large, or says what only the device may; every mistake
            with its line.
    """
    cameras = read_rules(content, name, MAX_RULES_BYTES)
    if cameras is None:
        told = "says nothing; `cameras: []` gives the rules back to the device's own file"
        raise SettingsError([Problem(name, 0, "", told)])
    try:
        for camera in cameras:
            check_id(camera, "camera")
    except InvalidIdError as error:
        raise SettingsError([Problem(name, 0, "cameras", str(error))]) from error
    return content if cameras else b""
