"""What the verification of signatures found, in the words that a verdict uses."""

import msgspec

from lotabots.appraisal.models.facts import Signed, Signer, SignerKind
from lotabots.models import Signer as VerifiedSigner
from lotabots.models import Verified


def signed_of(verified: Verified) -> Signed:
    """What the signatures say; without a signer where none of them holds."""
    manifest, strong = verified.manifest, verified.strong
    signed = Signed(
        signers=() if manifest is None else tuple(map(_signer, verified.signers)),
        root=verified.identity,
        files=verified.files,
        algorithm="" if manifest is None else manifest.algorithm.value,
        findings=verified.findings,
        ignored=verified.ignored,
        cached=verified.cached,
    )
    if strong is None:
        return signed
    return msgspec.structs.replace(
        signed,
        strong=tuple(map(_signer, verified.strong_signers)),
        tensor_root=strong.tensor_root.hex() if verified.tensors_compared else "",
        name=strong.name,
        version=strong.version,
        counter=strong.counter,
        signed_at=strong.signed_at,
        not_after=strong.not_after,
        derived_from=strong.derived_from,
    )


def _signer(signer: VerifiedSigner) -> Signer:
    return Signer(
        kind=SignerKind(signer.kind),
        id=signer.id,
        key_sha256=signer.key_sha256,
        root_sha256=signer.root_sha256,
        issuer=signer.issuer,
    )
