"""Errors of the wire.

WireError
├── InvalidIdError      an id that does not match its pattern: refuse the request that carried it
├── InvalidTopicError   a topic that is none of Wayside's: dead-letter the message
└── InvalidPayloadError bytes that are no message of the expected type: dead-letter the message
"""


class WireError(ValueError):
    """Something that came over the wire, or was about to go, breaks its rules."""


class InvalidIdError(WireError):
    """An id does not match the pattern of its kind."""


class InvalidTopicError(WireError):
    """A topic does not belong to Wayside's layout."""


class InvalidPayloadError(WireError):
    """A payload is too large, cut off, or not a message of the expected type."""
