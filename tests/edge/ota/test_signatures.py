"""Who has signed counts once, and only who may."""

import copy
from datetime import timedelta

import pytest
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Root

from edge.ota.documents import Document, read
from edge.ota.signatures import public_keys, require_signed
from tests.support.small_repository import NOW, SmallRepository, new_key
from tests.support.trusting_device import refused


def document(repository: SmallRepository, *signers: CryptoSigner) -> Document[Root]:
    return read(Root, "root", repository.sign(repository.root, signers), 64 * 1024)


def test_as_many_signatures_as_the_threshold_are_enough(repository: SmallRepository) -> None:
    keys = repository.keys["root"]
    require_signed(repository.root, "root", document(repository, *keys[:2]), "root 1")
    require_signed(repository.root, "root", document(repository, *keys[1:], new_key()), "root 1")


def test_too_few_are_a_bad_signature(repository: SmallRepository) -> None:
    with refused("bad-signature", "root: has 1 valid signatures", "root 1", "2 are needed"):
        require_signed(
            repository.root, "root", document(repository, repository.keys["root"][0]), "root 1"
        )


def test_strangers_are_the_wrong_key(repository: SmallRepository) -> None:
    stranger = new_key()
    with refused("wrong-key", f"is signed by {stranger.public_key.keyid[:8]}"):
        require_signed(repository.root, "root", document(repository, stranger), "root 1")
    with refused("wrong-key", "is signed by nobody"):
        require_signed(repository.root, "root", document(repository), "root 1")


def test_a_role_that_nobody_delegates_to_has_no_key(repository: SmallRepository) -> None:
    with refused("wrong-key", "names no role 'family-none'"):
        require_signed(repository.targets, "family-none", document(repository), "targets")


def test_a_key_under_two_ids_counts_once(repository: SmallRepository) -> None:
    """Ids are what metadata says they are: a thief of one key could list it twice."""
    one = repository.keys["root"][0]
    public = one.public_key
    upper = {"public": public.keyval["public"].upper()}
    twin = SSlibKey("f" * 64, public.keytype, public.scheme, upper)
    root = copy.deepcopy(repository.root)
    root.add_key(twin, "root")
    metadata = document(repository, one)
    signature = copy.copy(metadata.signatures[public.keyid])
    signature.keyid = twin.keyid
    doubled = Document(
        "root", metadata.data, metadata.signed, metadata.payload,
        {**metadata.signatures, twin.keyid: signature},
    )  # fmt: skip
    assert (
        len(root.get_verification_result("root", doubled.payload, dict(doubled.signatures)).signed)
        == 2
    )
    with refused("bad-signature", "has 1 valid signatures"):
        require_signed(root, "root", doubled, "root 1")


def test_a_signature_over_other_bytes_counts_nothing(repository: SmallRepository) -> None:
    keys = repository.keys["root"]
    signed = document(repository, *keys)
    repository.root.expires = NOW + timedelta(days=1)
    other = document(repository)
    forged = Document("root", other.data, other.signed, other.payload, signed.signatures)
    with refused("bad-signature", "has 0 valid signatures"):
        require_signed(repository.root, "root", forged, "root 1")


@pytest.mark.parametrize("role", ["root", "timestamp"])
def test_public_keys_are_those_of_the_role(repository: SmallRepository, role: str) -> None:
    expected = {key.public_key.keyval["public"] for key in repository.keys[role]}
    assert public_keys(repository.root, role) == expected
    repository.root.roles[role].keyids.append("0" * 64)  # whose key is not there
    assert public_keys(repository.root, role) == expected


def test_keys_of_other_kinds_are_verified_too(repository: SmallRepository) -> None:
    """Theirs are written over several lines, which canonical JSON leaves as they are."""
    for signer in (CryptoSigner.generate_ecdsa(), CryptoSigner.generate_rsa()):
        repository.root.add_key(signer.public_key, "root")
        repository.root.roles["root"].threshold = 1
        metadata = document(repository, signer)
        assert "\n" in signer.public_key.keyval["public"]
        require_signed(repository.root, "root", metadata, "root 1")
