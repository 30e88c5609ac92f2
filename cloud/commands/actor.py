"""Who types a command, for the audit."""

import os
import pwd
import socket

from cloud.fleet.audit import Actor


def person_here() -> Actor:
    """The account on this machine under which the program runs."""
    # Not by $USER, which anybody may set; a container's user may have no name.
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return Actor(f"user:{name}", socket.gethostname())
