"""What a model's files are and ask for, without loading any of it: an allow-list that fails closed.

Every name in the tree is accounted for. What is of no known format, cannot be parsed, or is too
large to read is inconclusive, never clean. A format follows from the content, never from the name.
"""

from collections.abc import Callable, Iterator

from lotabots.kernel import Json
from lotabots.models.findings import Finding, finding
from lotabots.models.repository import (
    adapters,
    cards,
    configs,
    external,
    indexes,
    licences,
    programs,
    prompts,
    secrets,
    tokenizers,
    variants,
)
from lotabots.models.repository.cards import front_matter
from lotabots.models.repository.options import Base, Options
from lotabots.models.repository.templates import template_digest
from lotabots.models.repository.tokenizers import vocabulary_digest
from lotabots.models.repository.view import View, by_folder
from lotabots.models.scanning.files import Reading
from lotabots.models.scanning.report import ScannedFile, ScanReport, ordered
from lotabots.models.types import FileKind, Tree

MAX_FILES = 20_000
"""Names in a tree."""

CHECKS: tuple[Callable[[View], Iterator[Finding]], ...] = (
    configs.check,
    programs.check,
    prompts.check,
    tokenizers.check,
    indexes.check,
    external.check,
    adapters.check,
    variants.check,
    cards.check,
    licences.check,
    secrets.check,
)
"""What is looked for across files; one module each."""


def scan(tree: Tree, options: Options | None = None) -> ScanReport:
    """The report on a tree. Raises nothing, whatever the bytes are."""
    options = options or Options()
    reading = Reading(tree, options)
    findings: list[Finding] = list(tree.findings)
    listed = tree.listed
    told = {each.path for each in tree.findings}
    for each in listed[:MAX_FILES]:
        # A link or a pipe that the tree has already told about is not told about twice.
        odd = each.kind is not FileKind.REGULAR and each.path in told
        found = reading.read(each)
        findings += () if odd else found
    if len(listed) > MAX_FILES:
        expected, measured = str(MAX_FILES), str(len(listed))
        findings.append(finding("SCAN-TOO-LARGE", expected=expected, measured=measured))
    if not listed:
        findings.append(finding("SCAN-EMPTY"))
    paths = tuple(each.path for each in listed)
    view = View(
        paths=paths,
        folders=by_folder(paths),
        texts=reading.texts,
        documents=reading.documents,
        digests=reading.digests,
        sizes=reading.sizes,
        parsed=reading.parsed,
        options=options,
    )
    named = external.named(view)
    unknown = {each.path for each in findings if each.code == "SCAN-UNKNOWN"}
    reading.formats.update(dict.fromkeys(named & unknown, "onnx-data"))
    findings = [each for each in findings if each.path not in named or each.code != "SCAN-UNKNOWN"]
    for check in CHECKS:
        findings += check(view)
    every = ordered(findings)
    by_path: dict[str, list[Finding]] = {}
    for each_finding in every:
        by_path.setdefault(each_finding.path, []).append(each_finding)
    return ScanReport(
        files=tuple(
            ScannedFile(
                path=each.path,
                format=reading.formats.get(each.path, "unknown"),
                size=each.size,
                findings=tuple(by_path.get(each.path, ())),
                facts=reading.parsed[each.path].facts if each.path in reading.parsed else {},
            )
            for each in listed
        ),
        findings=every,
        tensors=tuple(
            tensor for path in sorted(view.parsed) for tensor in view.parsed[path].tensors
        ),
        facts=_facts(view),
    )


def _facts(view: View) -> dict[str, Json]:
    """What the repository states, for whoever judges more than this scan does."""
    card = cards.front_matter("README.md", view.texts.get("README.md", "")).values
    text = next(
        (path for path in view.texts if path in {"LICENSE", "LICENSE.txt", "LICENSE.md"}), ""
    )
    recognised, similarity = licences.recognise(view.texts.get(text, ""))
    formats: dict[str, Json] = {}
    for parsed in view.parsed.values():
        count = formats.get(parsed.format, 0)
        formats[parsed.format] = (count if isinstance(count, int) else 0) + 1
    return {
        "card": card,
        "config": view.documents.get("config.json"),
        "formats": formats,
        "parameters": cards.parameters(view, ""),
        "quantised": [
            *sorted({how for each in view.parsed.values() if (how := variants.quantised(each))})
        ],
        "licence": {
            "named": licences.named_licence("README.md", view.texts.get("README.md", "")),
            "text": text,
            "recognised": recognised,
            "similarity": round(similarity, 3),
        },
        "templates": [
            {"path": each.path, "name": each.name, "digest": template_digest(each.source)}
            for each in prompts.templates(view)[: prompts.MOST]
        ],
        "tokenizers": _tokenizers(view),
    }


def _tokenizers(view: View) -> dict[str, Json]:
    """The digest of each vocabulary, by which it is approved."""
    found: dict[str, Json] = {
        path: parsed.facts["vocabulary_digest"]
        for path, parsed in view.parsed.items()
        if "vocabulary_digest" in parsed.facts
    }
    for path, tokens in tokenizers.vocabularies(view).items():
        found[path] = vocabulary_digest(tokens)
    return found


__all__ = ["CHECKS", "Base", "Options", "ScanReport", "ScannedFile", "front_matter", "scan"]
