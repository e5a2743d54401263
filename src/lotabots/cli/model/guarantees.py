"""What verification of a model proved, in words: each guarantee, by what, and what it lacks."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from lotabots.cli.output import paint, print_table, printable
from lotabots.models import Finding, Hashed, Method, Signer, Verified

MOST = 20
"""Findings of one verdict that are told to a person; JSON has them all."""


class Guarantee(NamedTuple):
    """One thing that one would like to be sure of."""

    what: str
    holds: bool
    by: str


def guarantees(verified: Verified) -> tuple[Guarantee, ...]:
    """What the signatures guarantee of this model, once there is no finding that refuses it."""
    manifest, strong = verified.manifest, verified.strong
    if manifest is None or not verified.signers:
        return (Guarantee("signer", False, "no signature by anybody whom you trust holds"),)
    unsigned = "not signed: there is no strong statement"
    sharded = manifest.method is Method.SHARDS
    codes = {one.code for one in verified.findings}
    named = not codes & {"FILE-UNNAMED", "FILE-RENAMED", "PATH-COLLISION"}
    differing = sum(one.code.startswith("TENSOR-") for one in verified.findings)
    tensors = f"{strong.tensor_count} tensors" if strong is not None else ""
    ends = strong.not_after if strong is not None else None
    return (
        Guarantee("signer", True, _how(verified.signers[0])),
        Guarantee(
            "contents",
            not codes & {"FILE-MODIFIED", "FILE-MISSING", "FILE-UNREAD", "FILE-RENAMED"},
            f"{manifest.algorithm} of {len(manifest.resources)} signed files or shards",
        ),
        Guarantee("nothing else", not codes & _MORE, f"{len(verified.ignored)} files left out"),
        Guarantee("names", named, "in the manifest" if named else "not those that were signed"),
        Guarantee(
            "empty files",
            strong is not None or not sharded,
            unsigned if sharded and strong is None else "listed",
        ),
        Guarantee(
            "identity",
            strong is not None,
            "names, sizes and digests under one root" if strong is not None else unsigned,
        ),
        Guarantee(
            "tensors",
            verified.tensors_compared,
            f"{tensors} compared"
            if verified.tensors_compared
            else f"{differing} differ"
            if differing
            else "not compared one by one",
        ),
        Guarantee(
            "age",
            strong is not None,
            f"counter {strong.counter}, {f'until {ends}' if ends else 'no end'}"
            if strong is not None
            else f"{unsigned}; an older version would not be noticed",
        ),
    )


_MORE = {"FILE-EXTRA", "FILE-IGNORED-READ", "FILE-SYMLINK", "FILE-TYPE"}


def _how(signer: Signer) -> str:
    match signer.kind:
        case "key":
            return "by key; as long as nobody else has it"
        case "certificate":
            return f"by certificate, valid until {signer.not_after}; not checked for revocation"
        case _:
            return f"by identity; in the public log since {signer.signed_at}"


def verified_json(verified: Verified, hashed: Hashed) -> dict[str, object]:
    """The verification as JSON."""
    strong = verified.strong
    return {
        "model": {
            "identity": verified.identity,
            "oms_root": verified.root,
            "algorithm": hashed.algorithm,
            "files": len(verified.files),
            "bytes": sum(entry.size for entry in verified.files),
            "cached": verified.cached,
            "ignored": verified.ignored,
        },
        "signers": verified.signers,
        "strong": None
        if strong is None
        else {
            "name": strong.name,
            "version": strong.version,
            "counter": strong.counter,
            "tensors": strong.tensor_count,
            "tensor_root": strong.tensor_root.hex(),
            "derived_from": strong.derived_from,
            "signers": verified.strong_signers,
        },
        "guarantees": [one._asdict() for one in guarantees(verified)],
        "findings": [finding_json(one) for one in verified.findings],
    }


def finding_json(one: Finding) -> dict[str, object]:
    """A finding with its meaning and fix."""
    return {
        "code": one.code,
        "severity": one.severity,
        "path": one.path,
        "tensor": one.tensor,
        "offset": one.offset,
        "title": one.title,
        "expected": one.expected,
        "measured": one.measured,
        "fix": one.fix,
    }


def print_verified(
    outcome: str, verified: Verified, hashed: Hashed, more: Sequence[object]
) -> None:
    """One screen: the verdict, who signed, what is wrong, what is guaranteed and what is not."""
    size = sum(entry.size for entry in verified.files)
    name = verified.strong.name if verified.strong is not None else ""
    click.echo(f"{paint(outcome)}  {printable(name)}  {len(verified.files)} files, {size} bytes")
    for signer in verified.signers:
        click.echo(f"signed by  {signer.kind} {printable(signer.id)}")
    if verified.identity:
        click.echo(f"identity   {verified.identity}")
        click.echo(f"OMS root   {verified.root} ({hashed.algorithm})")
    if verified.cached:
        click.echo("cached     digests of unchanged files were remembered, not computed")
    findings: list[Finding] = [*verified.findings]
    known = {(one.code, one.path) for one in findings}
    for reason in more:
        code, path = getattr(reason, "code", ""), getattr(reason, "path", "")
        if (code, path) not in known:
            findings.append(
                Finding(
                    **{name: getattr(reason, name) for name in ("code", "severity", "path")},
                    tensor=getattr(reason, "tensor", ""),
                    expected=getattr(reason, "expected", ""),
                    measured=getattr(reason, "measured", ""),
                )
            )
    _print_findings(findings)
    click.echo()
    rows = [(one.what, "yes" if one.holds else "no", one.by) for one in guarantees(verified)]
    print_table(("guarantee", "holds", "by"), rows)


def _print_findings(findings: Sequence[Finding]) -> None:
    order = {"reject": 0, "inconclusive": 1, "warning": 2}
    ordered = sorted(findings, key=lambda one: order[one.severity])
    for one in ordered[:MOST]:
        where = " ".join(word for word in (one.path, one.tensor and f"tensor {one.tensor}") if word)
        click.echo(f"\n{click.style(one.code, bold=True)}  {one.severity}  {printable(where)}")
        click.echo(f"  {one.title}")
        if one.expected or one.measured:
            click.echo(f"  expected {printable(one.expected)}, measured {printable(one.measured)}")
        click.echo(f"  do       {one.fix}")
    if len(ordered) > MOST:
        click.echo(f"\nand {len(ordered) - MOST} more: -o json lists them all.")
