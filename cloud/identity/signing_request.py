"""Signing requests (PKCS #10, RFC 2986): whose key somebody has, and nothing else. No I/O.

A request's subject and extensions are its sender's own words: they are not read, the CA writes
its own.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from cloud.errors import RequestRefusedError
from protos.enrolment import MAX_PEM_CHARS


def requested_key(pem: str) -> ec.EllipticCurvePublicKey:
    """The key that a request asks a certificate for; who made the request holds its private part.

    Raises:
        RequestRefusedError: it is none, its signature is not by its key, or the key is of another
            kind than the CA's own (EC P-256).
    """
    if len(pem) > MAX_PEM_CHARS:
        raise RequestRefusedError(f"the signing request is longer than {MAX_PEM_CHARS} characters")
    try:
        request = x509.load_pem_x509_csr(pem.encode("ascii"))
        key = request.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise RequestRefusedError("the signing request is no PKCS #10 in PEM") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestRefusedError("the signing request's key is not EC P-256")
    if not _is_signed(request):
        raise RequestRefusedError("the signing request is not signed by its own key")
    return key


def _is_signed(request: x509.CertificateSigningRequest) -> bool:
    try:
        return request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
