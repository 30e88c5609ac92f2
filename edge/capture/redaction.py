"""What may be shown of a source: no user, no password."""

import re

_PLAIN_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_USER = re.compile(r"(?:(?<=/)|^)[^/:]+:.*@")
_PLAIN_URL = re.compile(r"([^@/?#]*@)?([A-Za-z0-9._:\[\]-]+)(/[^@?#]*)?([?#][^@]*)?")


def redact(source: str) -> str:
    """A source without credentials: user, password and query become `***`.

    Cameras take passwords in the path as well (`/user=admin_password=...`), so one with a
    `=` goes too. Whatever can be read in two ways, such as an `@` behind the host, is
    hidden from the scheme on; so is all of a GStreamer pipeline, whose elements take passwords
    in many ways. What was meant as a URL and lacks its scheme is taken for a path, and hides its
    user as well.
    """
    scheme, separator, rest = source.partition("://")
    if not separator:
        return _USER.sub("***@", source)
    if _PLAIN_SCHEME.fullmatch(scheme) is None:
        return "***://***"
    match = None if scheme.lower() == "gst" else _PLAIN_URL.fullmatch(rest)
    if match is None:
        return f"{scheme}://***"
    user, host, path, query = match.groups(default="")
    return (
        f"{scheme}://{'***@' if user else ''}{host}"
        f"{'/***' if '=' in path else path}{query[:1] + '***' if query else ''}"
    )


def without(text: str, source: str) -> str:
    """A text of another program in which a source may stand, with the source redacted.

    Whatever else looks like a URL with a user in it is hidden too, for programs write URLs in
    forms of their own.
    """
    if "://" in source:
        text = text.replace(source, redact(source))
    return re.sub(r"://\S*@", "://***@", text)
