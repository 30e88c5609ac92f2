"""How a device asks for its certificate over HTTP: what both ends must agree on to the byte.

    POST /v1/enrolments      a claim token and a signing request (PKCS #10, RFC 2986, PEM)
    GET  /v1/renewals/nonce  a word of the cloud's, which a renewal must carry, and its time
    POST /v1/renewals        the certificate of now, a signing request of a new key, and a
                             signature by the key of now over what `renewal_proof` makes of both

Both are answered with the certificate, the CA's, and where broker and repository are.
"""

ENROLMENTS_PATH = "/v1/enrolments"
NONCE_PATH = "/v1/renewals/nonce"
RENEWALS_PATH = "/v1/renewals"

SERIAL_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,63}"
"""Serial numbers of boards."""

NONCE_PATTERN = r"[A-Za-z0-9._-]{1,200}"
"""What a nonce may look like to a device; only the cloud knows what stands in it."""

MAX_PEM_CHARS = 8_192
"""Of a signing request or a certificate; a P-256 one has less than 1,000."""

_PURPOSE = b"wayside certificate renewal 1"


def renewal_proof(device: str, nonce: str, request: str) -> bytes:
    """What the key of now signs (ECDSA with SHA-256) to have a new key certified.

    Args:
        device: its id.
        nonce: as the cloud gave it.
        request: the signing request of the new key, as it is sent; it may hold line breaks, the
            parts before it cannot, so no two renewals have one proof.
    """
    return b"\n".join((_PURPOSE, device.encode(), nonce.encode(), request.encode()))
