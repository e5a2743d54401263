"""The TPMs of one node judged: from their bytes to claims, in numbered steps.

1 the evidence has its form; 2 the TPM declared in its place is one that the node enrolled; 3 its
endorsement key leads to a trusted root; 4 its attestation key may attest; 5 the quote is signed by
that key; 6 it signs what follows from this challenge and the manifest; 7 the manifest is of this
session and lists exactly what was sent; 8 the PCR values are those that were signed; 9 clock and
counters go on from the newest quote that held; 10 the PCRs are judged. A failure ends only what
depends on it, so that one run reports everything.
"""

from collections.abc import Sequence

from lotabots.evidence import (
    Claims,
    Context,
    DerivedChallenge,
    EnrolledTpm,
    Evidence,
    Level,
    NodeClaims,
    manifest,
    root_nonce,
)
from lotabots.evidence.schemes.tpm.chain import EkChain, verify_ek_chain
from lotabots.evidence.schemes.tpm.clock import boot_status
from lotabots.evidence.schemes.tpm.format import TpmEvidence, read_evidence
from lotabots.evidence.schemes.tpm.keys import check_attestation_key
from lotabots.evidence.schemes.tpm.leaves import check_leaves, check_session, read_manifest
from lotabots.evidence.schemes.tpm.measurements import judge_measurements
from lotabots.evidence.schemes.tpm.public import Public
from lotabots.evidence.schemes.tpm.quote import (
    PCRS,
    Quote,
    covers,
    read_attest,
    read_signature,
    verifies,
)
from lotabots.evidence.schemes.tpm.reference import load_reference
from lotabots.evidence.schemes.tpm.roots import load_roots
from lotabots.evidence.schemes.tpm.trial import Trial
from lotabots.kernel import canonical, equal, sha256, sha256_hex

KIND = "tpm"


def verify_tpms(evidence: Sequence[Evidence], context: Context) -> NodeClaims:
    """The claims of every TPM of a node. Nothing raises; nothing stops early."""
    claims, between = [], []
    for item in evidence:
        trial = Trial(item.subject, context)
        claims.append(_verify(trial, item))
        between.extend(trial.between)
    roots = load_roots(context.reference, context.caches)
    reference = load_reference(context.reference, context.caches)
    return NodeClaims(
        devices=tuple(claims),
        facts={},
        findings=tuple(between),
        reference_digest=sha256_hex(canonical([roots.digest, reference.digest])),
    )


def _verify(trial: Trial, item: Evidence) -> Claims:
    evidence = trial.attempt(read_evidence, item.data)
    tpm = _enrolled(trial)
    chain = None if tpm is None else _check_chain(trial, tpm)
    key = None if tpm is None else trial.attempt(check_attestation_key, tpm.ak_public, trial.caches)
    if tpm is not None:
        trial.facts["ak"] = {"status": "invalid" if key is None else "valid"}
    quote = None if evidence is None else trial.attempt(read_attest, evidence.quote)
    proven = holds = False
    if evidence is not None and quote is not None:
        signed = key is not None and _check_signature(trial, key, evidence)
        fresh = _check_nonce(trial, quote, evidence)
        covered = _check_manifest(trial, quote, evidence, signed=signed and fresh)
        if signed and key is not None and tpm is not None:
            proven = True
            trial.facts |= {"class": KIND, "id": tpm.device_id}
            forward = _check_clock(trial, quote)
            measured = _check_pcrs(trial, quote, key, evidence)
            holds = fresh and covered and forward and measured
    return _claims(trial, chain, proven=proven, holds=holds)


def _claims(trial: Trial, chain: EkChain | None, *, proven: bool, holds: bool) -> Claims:
    anchor = None if chain is None else chain.anchor
    level = Level.NONE
    if proven:
        level = Level.ATTESTED if anchor is not None and holds else Level.CLAIMED
    simulated = anchor is not None and anchor.simulated
    trial.facts["level"] = level.value
    if anchor is not None:
        trial.facts["simulated"] = simulated
    return Claims(
        subject=trial.subject,
        kind=KIND,
        level=level,
        simulated=simulated,
        facts=trial.facts,
        findings=tuple(trial.findings),
    )


def _enrolled(trial: Trial) -> EnrolledTpm | None:
    """The TPM that is declared in this place, as the node enrolled it."""
    declared = trial.context.declared.get(trial.subject)
    for tpm in trial.context.tpms:
        if tpm.device_id == declared:
            return tpm
    trial.find("TPM-NOT-ENROLLED", "an enrolled TPM", declared or "none declared in this place")
    return None


def _check_chain(trial: Trial, tpm: EnrolledTpm) -> EkChain:
    context = trial.context
    chain = verify_ek_chain(
        tpm.ek_certificates,
        device_id=tpm.device_id,
        reference=context.reference,
        anchors=context.anchors.tpm,
        now=context.now,
        caches=context.caches,
    )
    trial.facts["chain"] = chain.facts()
    if chain.problem is not None:
        trial.find(chain.problem.code, chain.problem.expected, chain.problem.measured)
    return chain


def _check_signature(trial: Trial, key: Public, evidence: TpmEvidence) -> bool:
    """Whether the enrolled key signed the quote."""
    signature = trial.attempt(read_signature, evidence.signature)
    signed = signature is not None and verifies(key, evidence.quote, signature)
    trial.facts["signature"] = "valid" if signed else "invalid"
    if signature is not None and not signed:
        trial.find("TPM-SIGNATURE-INVALID", "a signature of the enrolled key", "another")
    return signed


def _check_nonce(trial: Trial, quote: Quote, evidence: TpmEvidence) -> bool:
    """Whether the quote carries what follows from the challenge and the manifest beside it."""
    challenge = trial.context.challenge
    expected = None
    if isinstance(challenge, DerivedChallenge):
        expected = root_nonce(challenge.seed(), sha256(evidence.manifest))
    fresh = expected is not None and equal(quote.extra, expected)
    trial.facts["nonce"] = "match" if fresh else "mismatch"
    if not fresh:
        trial.find(
            "TPM-NONCE-MISMATCH",
            "no challenge to a whole node" if expected is None else expected.hex(),
            quote.extra.hex(),
        )
    return fresh


def _check_manifest(trial: Trial, quote: Quote, evidence: TpmEvidence, *, signed: bool) -> bool:
    """Whether the manifest is exactly the one of this session, this boot and what was sent."""
    challenge = trial.context.challenge
    trial.facts["manifest"] = {"status": "differs"}
    if not isinstance(challenge, DerivedChallenge):
        return False
    counters = (quote.reset_count, quote.restart_count)
    if equal(evidence.manifest, manifest(challenge, counters, trial.context.leaves)):
        trial.facts["manifest"] = {"status": "match"}
        return True
    named = trial.attempt(read_manifest, evidence.manifest)
    if named is not None:
        trial.findings.extend(check_session(named, challenge, counters, trial.subject))
        # Unsigned it says nothing about anybody's evidence.
        if signed:
            trial.between.extend(check_leaves(named, trial.context.leaves))
    return False


def _check_clock(trial: Trial, quote: Quote) -> bool:
    """Whether clock and counters go on from the newest quote that held."""
    state = trial.context.tpm_state
    status = boot_status(quote, state)
    trial.facts["boot"] = {
        "status": status,
        "reset_count": quote.reset_count,
        "restart_count": quote.restart_count,
        "clock": quote.clock,
    }
    trial.facts["firmware"] = f"{quote.firmware:016x}"
    if state is not None and status == "backwards":
        trial.find(
            "TPM-CLOCK-BACKWARDS",
            f"after reset {state.reset_count}, restart {state.restart_count}, {state.clock} ms",
            f"reset {quote.reset_count}, restart {quote.restart_count}, {quote.clock} ms",
        )
    return status != "backwards"


def _check_pcrs(trial: Trial, quote: Quote, key: Public, evidence: TpmEvidence) -> bool:
    """Whether the PCRs are those asked for, with the signed values; then what they say."""
    trial.facts["quote"] = {"bank": "sha256", "pcrs": list(quote.pcrs)}
    if quote.pcrs != PCRS:
        trial.find("TPM-PCR-SELECTION", f"PCRs {list(PCRS)}", f"PCRs {list(quote.pcrs)}")
    if not covers(quote, evidence.pcrs, key.scheme_hash):
        trial.find("TPM-PCR-DIGEST", "the values that were signed", "others")
        return False
    state = trial.context.tpm_state
    reference = load_reference(trial.context.reference, trial.caches)
    measured = judge_measurements(
        quoted=evidence.pcrs,
        event_log=evidence.event_log,
        ima=evidence.ima,
        state=state,
        rebooted=boot_status(quote, state) != "same",
        reference=reference,
        caches=trial.caches,
    )
    trial.facts |= measured.facts
    # If one of these files is revoked, so is what stands on it.
    used = reference.used(measured.stands_on, of_files=measured.ima_entries > 0)
    trial.facts["reference"] = {"sha256": [*used]}
    for problem in measured.findings:
        trial.find(problem.code, problem.expected, problem.measured)
    return quote.pcrs == PCRS
