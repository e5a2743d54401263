"""`lotabots verify gpu`: NVIDIA evidence judged offline, with every reason."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click

from lotabots.appraisal import (
    Inputs,
    Outcome,
    Part,
    Policy,
    Verdict,
    appraise,
    builtin_policy,
    load_policy,
)
from lotabots.cli.output import EXIT_OF, output_option, paint, print_json, print_table, say
from lotabots.cli.values import DurationValue, NonceValue, TimeValue, read_file
from lotabots.evidence import (
    Caches,
    Context,
    Evidence,
    Facts,
    Finding,
    GivenNonce,
    ReferenceFiles,
    expected_nonce,
)
from lotabots.evidence.schemes.nvidia_gpu import (
    NVIDIA_ANCHORS,
    as_finding,
    prepare,
    read_evidence_file,
)
from lotabots.kernel import LotaError, format_time
from lotabots.runtime.appraiser import this_appraiser
from lotabots.runtime.clock import utc_now

NODE = "local"
DEVICE_FACTS = ("chip", "id", "pdi", "driver", "vbios", "fwid", "mode")


@click.command("gpu")
@click.argument("evidence", type=Path, nargs=-1, required=True)
@click.option("--chain", type=Path, help="PEM chain, for evidence that does not bring its own.")
@click.option("--nonce", type=NonceValue(), required=True, help="What every device must carry.")
@click.option(
    "--reference", "references", type=Path, multiple=True, help="RIMs, OCSP, CRLs; a folder."
)
@click.option("--at", type=TimeValue(), help="Judge as of this time instead of now.")
@click.option("--max-revocation-age", type=DurationValue(), help="Default: the policy's (30d).")
@click.option(
    "--policy", "policy_file", type=Path, help="A policy instead of the built-in default."
)
@output_option
def gpu(
    evidence: Sequence[Path],
    chain: Path | None,
    nonce: bytes,
    references: Sequence[Path],
    at: datetime | None,
    max_revocation_age: timedelta | None,
    policy_file: Path | None,
    output: str,
) -> int:
    """Verify EVIDENCE of one node offline: raw bytes, hex text, or NVIDIA's JSON list.

    Several files are one node. A nonce inside EVIDENCE is never trusted.
    """
    policy = load_policy(read_file(policy_file)) if policy_file else builtin_policy("default")
    if max_revocation_age is not None:
        policy = policy.with_max_revocation_age(max_revocation_age)
    files = reference_files(references)
    now = at or utc_now()
    caches = Caches()
    try:
        devices = read_devices(evidence, read_file(chain) if chain else b"", caches)
    except LotaError as error:
        return report_unreadable(error, policy, now, output)
    inputs = Inputs(
        evidence=tuple(devices),
        challenge=GivenNonce(nonce),
        reference=files,
        policy=policy,
        anchors=NVIDIA_ANCHORS,
        now=now,
        node=NODE,
    )
    verdict = appraise(inputs, caches, this_appraiser())
    return report(verdict, ignored_files(inputs, caches), output)


def read_devices(paths: Sequence[Path], chain: bytes, caches: Caches) -> list[Evidence]:
    """The devices of all files, numbered through. Raises what the first unreadable file gives."""
    counts: dict[str, int] = {}
    devices = []
    for path in paths:
        for device in read_evidence_file(read_file(path), chain, caches):
            kind = device.subject.rstrip("0123456789")
            index = counts.get(kind, 0)
            counts[kind] = index + 1
            devices.append(
                Evidence(
                    scheme=device.scheme,
                    subject=f"{kind}{index}",
                    data=device.data,
                    certificates=device.certificates,
                )
            )
    return devices


def reference_files(folders: Sequence[Path]) -> ReferenceFiles:
    """Every file below these folders, in any layout; a file that is named itself counts too."""
    files: dict[str, bytes] = {}
    for folder in folders:
        if not folder.exists():
            raise FileNotFoundError(2, "No such file or folder", str(folder))
        paths = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        files.update((str(path), read_file(path)) for path in paths if path.is_file())
    return ReferenceFiles.of(files)


def ignored_files(inputs: Inputs, caches: Caches) -> list[dict[str, str]]:
    """What could not be used, and why; parsed already, so this costs nothing."""
    context = Context(
        nonces=expected_nonce(inputs.challenge, ()),
        reference=inputs.reference,
        anchors=inputs.anchors,
        now=inputs.moment,
        max_revocation_age=inputs.policy.max_revocation_age,
        caches=caches,
    )
    return [{"name": name, "reason": reason} for name, reason in prepare(context).ignored]


def device_json(part: Part) -> dict[str, object]:
    """One device as the JSON names it."""
    facts: Facts = dict(part.facts)  # type: ignore[arg-type]
    measured = facts.get("measurements")
    return {
        "subject": part.subject,
        "class": facts.get("class", part.kind),
        **{name: facts.get(name) for name in DEVICE_FACTS},
        "level": part.level,
        "verdict": part.outcome,
        "measurements": measured
        if isinstance(measured, dict)
        else {"compared": 0, "matched": 0, "mismatched": [], "skipped": []},
        "revocation": facts.get("revocation"),
        "rim": facts.get("rim"),
        "findings": part.findings,
    }


def report(verdict: Verdict, ignored: list[dict[str, str]], output: str) -> int:
    """Prints the verdict; returns its exit code."""
    if output == "json":
        print_json(
            {
                "verdict": verdict.outcome,
                "devices": [device_json(part) for part in verdict.parts],
                "topology": verdict.facts.get("topology", {}),
                "findings": verdict.findings,
                "policy": verdict.policy_id,
                "at": format_time(verdict.evaluated_at),
                "appraiser": verdict.appraiser,
                "reference_digest": verdict.reference_digest,
                "collateral_digest": verdict.collateral_digest,
                "ignored": ignored,
            }
        )
        return EXIT_OF[verdict.outcome]
    click.echo(
        f"{paint(verdict.outcome)}  at {format_time(verdict.evaluated_at)}  {verdict.policy_id}"
    )
    print_table(
        ["device", "verdict", "level", "chip", "driver", "vbios", "mode", "fwid", "measured"],
        [device_row(part) for part in verdict.parts],
    )
    print_findings(verdict.findings)
    if ignored:
        say(f"{len(ignored)} file(s) are no usable reference: -o json lists them.")
    return EXIT_OF[verdict.outcome]


def device_row(part: Part) -> list[str]:
    """One device as a row for people."""
    device = device_json(part)
    measured = device["measurements"]
    compared = f"{measured['matched']}/{measured['compared']}" if isinstance(measured, dict) else ""
    words = [str(device[name] or "-") for name in ("chip", "driver", "vbios", "mode", "fwid")]
    return [part.subject, paint(part.outcome), str(part.level), *words, compared]


def print_findings(findings: Sequence[Finding]) -> None:
    """Every reason, with what was expected and measured, and what to do; the same reason once.

    Where verification itself names a reason, the policy rules that fail for it are only listed.
    """
    found = [finding for finding in findings if not finding.rule]
    rules = sorted({finding.rule for finding in findings if finding.rule})
    reasons: dict[tuple[str, ...], list[str]] = {}
    for finding in found or findings:
        name = finding.rule or finding.code
        key = (name, finding.title, finding.expected, finding.measured, finding.fix)
        reasons.setdefault(key, []).append(finding.subject)
    for (name, title, expected, measured, fix), subjects in reasons.items():
        click.echo(f"\n{click.style(name, bold=True)}  {title}  ({', '.join(subjects)})")
        click.echo(f"  expected  {expected}\n  measured  {measured}\n  do        {fix}")
    if found and rules:
        click.echo(f"\nPolicy rules not met: {', '.join(rules)}")


def report_unreadable(error: LotaError, policy: Policy, now: datetime, output: str) -> int:
    """The verdict on evidence that cannot even be taken apart: rejected."""
    finding = as_finding(error, "node")
    if output == "json":
        print_json(
            {
                "verdict": Outcome.REJECTED,
                "devices": [],
                "topology": {},
                "findings": [finding],
                "policy": policy.id,
                "at": format_time(now),
                "appraiser": this_appraiser(),
                "ignored": [],
            }
        )
    else:
        click.echo(paint(Outcome.REJECTED))
        print_findings([finding])
    return EXIT_OF[Outcome.REJECTED]
