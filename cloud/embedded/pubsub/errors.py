"""Errors of the embedded Pub/Sub server.

StatusError               an answer other than OK, with Google's status code and words
StartError (cloud.errors) the server cannot start: the message says what to do
"""

import grpc


class StatusError(Exception):
    """What a request is answered with instead of a response."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


def invalid(details: str) -> StatusError:
    """The request will never be right."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, details)


def not_found(name: str) -> StatusError:
    """There is no schema, topic or subscription of this name."""
    return StatusError(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={name}).")


def already_exists(name: str) -> StatusError:
    """There is one of this name."""
    return StatusError(
        grpc.StatusCode.ALREADY_EXISTS, f"Resource already exists in the project (resource={name})."
    )


def unsupported(what: str) -> StatusError:
    """Google has it, this server has not."""
    return StatusError(
        grpc.StatusCode.UNIMPLEMENTED, f"{what}: not supported by the embedded Pub/Sub server"
    )


def unavailable(why: str) -> StatusError:
    """Try again."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, why)
