"""The files a verifier needs to judge simulated nodes: manifests, OCSP, CRLs, approved versions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from re import sub

from msgspec import json

from lotabots.evidence import ReferenceFiles
from lotabots.simulator.authorities import device_root, identity, provisioner, rim_chain, rim_root
from lotabots.simulator.certificates import Authority
from lotabots.simulator.chips import MODELS, Model
from lotabots.simulator.collateral import Answer, Subject, crl, ocsp_response
from lotabots.simulator.collateral_faults import CRLS, OCSP
from lotabots.simulator.devices import Device
from lotabots.simulator.faults import Fault
from lotabots.simulator.fleet import Node
from lotabots.simulator.golden import manifests
from lotabots.simulator.rim_faults import RIMS, Case
from lotabots.simulator.rims import current, rim_file, signer
from lotabots.simulator.tpm import REFERENCE_NAME, tpm_reference


class Revocation(StrEnum):
    """Where the standing of certificates is to be read from."""

    PUBLISHED = "published"
    """As NVIDIA publishes it: OCSP for every certificate, CRLs for what the roots issued."""
    OCSP = "ocsp"
    CRL = "crl"
    """A CRL of every issuer and no OCSP: what a site without network would carry in."""
    NONE = "none"


Files = dict[str, bytes]


def reference_files(
    now: datetime,
    nodes: Iterable[Node],
    *,
    revocation: Revocation = Revocation.PUBLISHED,
) -> ReferenceFiles:
    """Everything needed to judge these nodes at `now` (aware, UTC), their planted faults included.

    A fault of a manifest holds for every node that needs that manifest, one of a TPM's reference
    values for every TPM; one of OCSP or a CRL for the one device, and for a CRL for all of its
    issuer.
    """
    nodes = tuple(nodes)
    now = now.replace(microsecond=0)
    devices = [(device, node.fault_of(device.subject)) for node in nodes for device in node.devices]
    files = {"approved-versions.json": approved_versions()}
    if any(node.tpm for node in nodes):
        tpm_values = tpm_reference(node.tpm_fault for node in nodes if node.tpm_fault)
        files |= {} if tpm_values is None else {REFERENCE_NAME: tpm_values}
    files.update(_manifests(devices, now))
    chains = _device_subjects(devices)
    rims = _rim_subjects(devices, now)
    if revocation in {Revocation.PUBLISHED, Revocation.OCSP}:
        files.update(_ocsp([*chains, *rims], now))
    if revocation is Revocation.PUBLISHED:
        roots = {device_root().name, rim_root().name}
        listed = [(s, fault) for s, fault in (*chains, *rims) if s.issuer.name in roots]
        files.update(_crls(listed, now))
    if revocation is Revocation.CRL:
        files.update(_crls([*chains, *rims], now))
    return ReferenceFiles.of(files)


def approved_versions() -> bytes:
    """The versions that the simulated operator approves: the good ones are the floor."""
    return json.encode(
        {
            "schema": "lotabots/approved-versions/v1",
            "versions": [_approved(model) for model in MODELS.values()],
        }
    )


def _approved(model: Model) -> dict[str, object]:
    rules: dict[str, object] = {"chip": model.chip.value, "vbios": {"min": model.vbios}}
    if model.driver:
        rules["driver"] = {"min": model.driver}
    return rules


Faulty = tuple[Subject, Fault | None]


def _manifests(devices: Sequence[tuple[Device, Fault | None]], now: datetime) -> Files:
    files: dict[str, bytes | None] = {}
    for device, _ in devices:
        for manifest in manifests(device.identity.model, device.firmware):
            files[f"rim/{manifest.id}.xml"] = rim_file(manifest, current(now))
    for device, fault in devices:
        if fault and (change := RIMS.get(fault)):
            manifest = manifests(device.identity.model, device.firmware)[0]
            files[f"rim/{manifest.id}.xml"] = change(Case(device, manifest, now))
    return {name: data for name, data in files.items() if data is not None}


def _device_subjects(devices: Sequence[tuple[Device, Fault | None]]) -> list[Faulty]:
    """The three certificates between leaf and root of every device.

    A fault is the BROM's unless it is of another certificate by name.
    """
    found: dict[int, Faulty] = {}
    for device, fault in devices:
        model = device.identity.model
        brom = Subject(device.identity.brom.certificate, provisioner(model))
        issuer = Subject(provisioner(model).certificate, identity(model))
        upper = Subject(identity(model).certificate, device_root())
        of_issuer = fault is Fault.PROVISIONER_REVOKED
        of_brom = not of_issuer and fault is not Fault.RIM_SIGNER_REVOKED
        found[brom.certificate.serial_number] = (brom, fault if of_brom else None)
        if of_issuer:
            found[issuer.certificate.serial_number] = (issuer, fault)
        for subject in (issuer, upper):
            found.setdefault(subject.certificate.serial_number, (subject, None))
    return list(found.values())


def _rim_subjects(devices: Sequence[tuple[Device, Fault | None]], now: datetime) -> list[Faulty]:
    """Signer and both CAs of every product that has a manifest."""
    revoked = {d.identity.model.chip for d, fault in devices if fault is Fault.RIM_SIGNER_REVOKED}
    subjects: list[Faulty] = []
    for chip in sorted({device.identity.model.chip for device, _ in devices}):
        lower, upper, root = rim_chain(chip)
        leaf = signer(chip, current(now)).chain[0]
        subjects += [
            (Subject(leaf, lower), Fault.RIM_SIGNER_REVOKED if chip in revoked else None),
            (Subject(lower.certificate, upper), None),
            (Subject(upper.certificate, root), None),
        ]
    return subjects


def _ocsp(subjects: Iterable[Faulty], now: datetime) -> Files:
    files: Files = {}
    for subject, fault in subjects:
        change = OCSP.get(fault) if fault else None
        data = (
            change(subject, now)
            if change
            else ocsp_response(Answer(subject=subject, this_update=now))
        )
        if data is not None:
            files[f"ocsp/{subject.certificate.serial_number:x}.der"] = data
    return files


def _crls(subjects: Iterable[Faulty], now: datetime) -> Files:
    """One CRL for each issuer; a fault in any of its certificates decides which."""
    issuers: dict[str, tuple[Authority, bytes | None]] = {}
    for subject, fault in subjects:
        name = subject.issuer.name
        if fault and (change := CRLS.get(fault)):
            issuers[name] = (subject.issuer, change(subject, now))
        elif name not in issuers:
            issuers[name] = (subject.issuer, crl(subject.issuer, now))
    return {
        f"crl/{sub('[^a-z0-9]+', '-', name.lower())}.crl": data
        for name, (_, data) in issuers.items()
        if data is not None
    }
