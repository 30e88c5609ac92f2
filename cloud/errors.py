"""Errors of the cloud.

CloudError
├── BusError               Pub/Sub: try again
│   └── BusRefusedError    Pub/Sub will never take this: dead-letter it
├── StoreError
│   ├── StoreAwayError     the database does not answer: try again, acknowledge nothing
│   ├── StoreRefusedError  the database refuses the data: dead-letter it
│   └── QueryError         the question is out of range: the caller asks another one
└── StartError             a part of `wayside-cloud up` cannot start: the message says what to do
"""

from wayside.errors import WaysideError


class CloudError(WaysideError):
    """Something about the cloud."""


class BusError(CloudError):
    """Pub/Sub does not do what was asked."""


class BusRefusedError(BusError):
    """Pub/Sub will never take this message."""


class StoreError(CloudError):
    """The store."""


class StoreAwayError(StoreError):
    """The store does not answer now."""


class StoreRefusedError(StoreError):
    """The store will never take this."""


class QueryError(StoreError):
    """A question that the store does not answer."""


class StartError(CloudError):
    """A part that cannot be started."""
