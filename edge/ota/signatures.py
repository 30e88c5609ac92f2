"""Has a document been signed by who may sign it (TUF specification 1.0.x, section 5)?"""

from tuf.api.metadata import Key, Root, Targets

from edge.ota.documents import Document, S
from edge.ota.refusal import refusal
from edge.ota.states import Code


def require_signed(delegator: Root | Targets, role: str, document: Document[S], by: str) -> None:
    """Refuse a document that too few of a role's keys have signed.

    A key counts once, under however many ids it is listed.

    Args:
        delegator: the trusted metadata that names the role's keys and threshold.
        role: that must have signed.
        document: by itself.
        by: what the delegator is called in messages, as "root 3".

    Raises:
        OtaError: `wrong-key` where none of the role's keys has signed anything of it,
            `bad-signature` where the valid signatures are too few.
    """
    try:
        keyids = delegator.get_delegated_role(role).keyids
        result = delegator.get_verification_result(
            role, document.payload, dict(document.signatures)
        )
    except ValueError as error:
        raise refusal(Code.WRONG_KEY, f"{document.role}: {by} names no role {role!r}") from error
    if not set(keyids) & set(document.signatures):
        theirs = ", ".join(sorted(keyid[:8] for keyid in document.signatures)) or "nobody"
        ours = ", ".join(sorted(keyid[:8] for keyid in keyids))
        raise refusal(
            Code.WRONG_KEY,
            f"{document.role}: is signed by {theirs}; {by} has {role} signed by {ours}",
        )
    signed = len({_public(key) for key in result.signed.values()})
    if signed < result.threshold:
        raise refusal(
            Code.BAD_SIGNATURE,
            f"{document.role}: has {signed} valid signatures of the keys that {by} names; "
            f"{result.threshold} are needed",
        )


def public_keys(delegator: Root | Targets, role: str) -> frozenset[str]:
    """The public keys of a role, each once, in a form that compares."""
    found = delegator.get_delegated_role(role)
    return frozenset(
        _public(delegator.get_key(keyid)) for keyid in found.keyids if _is_known(delegator, keyid)
    )


def _is_known(delegator: Root | Targets, keyid: str) -> bool:
    try:
        delegator.get_key(keyid)
    except ValueError:
        return False
    return True


def _public(key: Key) -> str:
    public = "".join(str(key.keyval.get("public", "")).split())
    return public.lower() if key.keytype == "ed25519" else public
