"""What verification and scan found, in the words that a verdict uses; how a rule wants a scan."""

import msgspec

from lotabots.appraisal.models.facts import Signed, Signer, SignerKind
from lotabots.appraisal.models.policy import ModelRule
from lotabots.appraisal.models.scanned import PICKLES, Scanned, ScannedFile
from lotabots.models import Signer as VerifiedSigner
from lotabots.models import Verified
from lotabots.models.scan import Options, ScanReport

_DIGEST = "sha256:"
_UNKNOWN = "unknown"


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


def scan_options(rule: ModelRule | None) -> Options:
    """How a scan is to be made for this rule: it lets pass what the rule does, and no more."""
    if rule is None:
        return Options()
    return Options(
        allow_pickle=bool(rule.formats & PICKLES),
        approved_templates=frozenset(_DIGEST + one for one in rule.templates),
        pinned_code=frozenset(_DIGEST + one for one in rule.pinned_code),
    )


def scanned_of(report: ScanReport, options: Options) -> Scanned:
    """What the scan said, and what it was told to let pass."""
    return Scanned(
        files=tuple(
            ScannedFile(
                path=file.path,
                format="" if file.format == _UNKNOWN else file.format,
                size=file.size,
            )
            for file in report.files
        ),
        findings=report.findings,
        templates=frozenset(one.removeprefix(_DIGEST) for one in options.approved_templates),
        pinned_code=frozenset(one.removeprefix(_DIGEST) for one in options.pinned_code),
        pickle=options.allow_pickle,
    )
