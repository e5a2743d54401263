from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from appraisal.models.made import (
    ALICE,
    BOB,
    EVE,
    NOW,
    ROOT,
    codes,
    judge,
    rule,
    scanned,
    signed,
)
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal import Outcome
from lotabots.appraisal.controls import Basis, ControlResult, ControlResults, Status, Waived
from lotabots.appraisal.models import (
    Mode,
    ModelVerdict,
    Previous,
    ScannedFile,
    Signer,
    SignerKind,
    count_distinct,
    load_model_policy,
)
from lotabots.models import FileEntry, Finding, Severity

STRONG = "require: [strong_manifest, tensor_root]"


def test_a_model_that_an_allowed_signer_signed_is_accepted() -> None:
    verdict = judge(rule(STRONG))
    assert verdict.outcome is verdict.enforced is Outcome.ACCEPTED
    assert verdict.findings == ()
    assert (verdict.signers, verdict.root, verdict.rule) == ((ALICE,), ROOT, "acme/llama-*")


def test_a_verdict_has_the_same_bytes_again_and_is_read_from_them() -> None:
    verdict = judge(rule(), now=NOW + timedelta(microseconds=7), signed=signed(EVE))
    again = judge(rule(), signed=signed(EVE))
    assert verdict.canonical() == again.canonical()
    assert ModelVerdict.read(verdict.canonical()) == verdict
    assert verdict.digest != judge(rule()).digest


CASES: list[tuple[str, str, dict[str, Any], Outcome, set[str]]] = [
    ("nobody signed", "", {"signed": None}, Outcome.REJECTED, {"MODEL-UNSIGNED"}),
    ("no signature held", "", {"signed": signed()}, Outcome.REJECTED, {"MODEL-UNSIGNED"}),
    (
        "a stranger signed",
        "",
        {"signed": signed(EVE)},
        Outcome.REJECTED,
        {"MODEL-NAME-UNSIGNED", "MODEL-SIGNERS-TOO-FEW", "MODEL-SIGNER-NOT-ALLOWED"},
    ),
    (
        "a stranger signed too",
        "",
        {"signed": signed(ALICE, EVE)},
        Outcome.ACCEPTED,
        {"MODEL-SIGNER-NOT-ALLOWED"},
    ),
    (
        "one of two signed",
        "threshold: 2",
        {},
        Outcome.REJECTED,
        {"MODEL-NAME-UNSIGNED", "MODEL-SIGNERS-TOO-FEW"},
    ),
    (
        "one signed twice",
        "threshold: 2",
        {"signed": signed(ALICE, ALICE)},
        Outcome.REJECTED,
        {"MODEL-NAME-UNSIGNED", "MODEL-SIGNERS-TOO-FEW"},
    ),
    ("two of two signed", "threshold: 2", {"signed": signed(ALICE, BOB)}, Outcome.ACCEPTED, set()),
    (
        "the rule has expired",
        'expires: "2026-05-31T00:00:00Z"',
        {},
        Outcome.REJECTED,
        {"MODEL-RULE-EXPIRED"},
    ),
    (
        "the statement has expired",
        "",
        {"signed": signed(ALICE, not_after=datetime(2026, 5, 2, tzinfo=UTC))},
        Outcome.REJECTED,
        {"MODEL-STATEMENT-EXPIRED"},
    ),
    ("signed long ago", "max_age: 30d", {}, Outcome.REJECTED, {"MODEL-SIGNATURE-TOO-OLD"}),
    ("signed lately", "max_age: 32d", {}, Outcome.ACCEPTED, set()),
    (
        "signed tomorrow",
        "max_age: 30d",
        {"signed": signed(ALICE, signed_at=NOW + timedelta(days=1))},
        Outcome.REJECTED,
        {"MODEL-SIGNATURE-TOO-OLD"},
    ),
    (
        "signed some time",
        "max_age: 30d",
        {"signed": signed(ALICE, signed_at=None)},
        Outcome.INCONCLUSIVE,
        {"MODEL-SIGNATURE-UNDATED"},
    ),
    (
        "signed under another name",
        "",
        {"signed": signed(ALICE, name="acme/llama-1b")},
        Outcome.REJECTED,
        {"MODEL-NAME-DIFFERS"},
    ),
    (
        "signed under half a name",
        "",
        {"signed": signed(ALICE, name="llama-8b")},
        Outcome.ACCEPTED,
        {"MODEL-NAME-UNSIGNED"},
    ),
    (
        "signed under no name",
        "",
        {"signed": signed(ALICE, name="")},
        Outcome.ACCEPTED,
        {"MODEL-NAME-UNSIGNED"},
    ),
    (
        "another version than signed",
        "",
        {"version": "1.5.0"},
        Outcome.REJECTED,
        {"MODEL-VERSION-DIFFERS"},
    ),
    (
        "only an older bundle",
        STRONG,
        {"signed": signed(ALICE, strong=(), tensor_root="", version="")},
        Outcome.REJECTED,
        {"MODEL-NAME-UNSIGNED", "MODEL-STRONG-MISSING", "MODEL-TENSOR-ROOT-MISSING"},
    ),
    (
        "the strong statement is a stranger's",
        STRONG,
        {"signed": signed(ALICE, EVE, strong=(EVE,))},
        Outcome.REJECTED,
        {
            "MODEL-NAME-UNSIGNED",
            "MODEL-STRONG-MISSING",
            "MODEL-TENSOR-ROOT-MISSING",
            "MODEL-SIGNER-NOT-ALLOWED",
        },
    ),
    (
        "the strong statement is of one signer of two",
        f"threshold: 2\n{STRONG}",
        {"signed": signed(ALICE, BOB, strong=(ALICE,))},
        Outcome.REJECTED,
        {"MODEL-STRONG-MISSING", "MODEL-TENSOR-ROOT-MISSING", "MODEL-NAME-UNSIGNED"},
    ),
    (
        "a weak digest",
        "",
        {"signed": signed(ALICE, algorithm="blake2b")},
        Outcome.REJECTED,
        {"MODEL-HASH-REFUSED"},
    ),
    (
        "something is left out",
        "allow_ignore: [.git]",
        {"signed": signed(ALICE, ignored=(".git", ".github/x"))},
        Outcome.REJECTED,
        {"MODEL-IGNORED-REFUSED"},
    ),
    (
        "only what may be is left out",
        "allow_ignore: [.git]",
        {"signed": signed(ALICE, ignored=(".git/config",))},
        Outcome.ACCEPTED,
        set(),
    ),
    (
        "digests were remembered",
        "",
        {"signed": signed(ALICE, cached=True)},
        Outcome.ACCEPTED,
        {"MODEL-DIGEST-CACHED"},
    ),
    ("nobody scanned", "", {"scanned": None}, Outcome.INCONCLUSIVE, {"MODEL-NOT-SCANNED"}),
    (
        "a signed file was not scanned",
        "",
        {"scanned": scanned(files=scanned().files[:1])},
        Outcome.INCONCLUSIVE,
        {"MODEL-FILE-NOT-SCANNED"},
    ),
    (
        "a format that the rule has not",
        "formats: [json]",
        {},
        Outcome.REJECTED,
        {"MODEL-FORMAT-REFUSED"},
    ),
    (
        "a scan more lenient than the rule",
        "",
        {"scanned": scanned(templates=frozenset({"a" * 64}), pickle=True)},
        Outcome.REJECTED,
        {"MODEL-SCAN-LENIENT"},
    ),
    (
        "a scan by the rule",
        f"templates: [{'a' * 64}]",
        {"scanned": scanned(templates=frozenset({"a" * 64}))},
        Outcome.ACCEPTED,
        set(),
    ),
    ("no controls", "controls: [core]", {}, Outcome.INCONCLUSIVE, {"CONTROL-NOT-EVALUATED"}),
]


@pytest.mark.parametrize(
    ("more", "changes", "outcome", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_the_rule_decides(
    more: str, changes: dict[str, Any], outcome: Outcome, expected: set[str]
) -> None:
    verdict = judge(rule(more), **changes)
    assert (verdict.outcome, codes(verdict)) == (outcome, expected)


@pytest.mark.parametrize(
    ("version", "root", "code"),
    [
        ("1.3.9", ROOT, "MODEL-VERSION-ROLLBACK"),
        ("1.4", "9" * 64, "MODEL-VERSION-REUSED"),
        ("one", ROOT, "MODEL-VERSION-UNORDERED"),
        ("1.4.0", ROOT, None),
        ("1.4.1", "9" * 64, None),
        ("1.10.0", "9" * 64, None),
    ],
)
def test_an_older_version_than_the_accepted_one_is_refused(
    version: str, root: str, code: str | None
) -> None:
    verdict = judge(
        rule(),
        version=version,
        signed=signed(ALICE, version=version, root=root),
        previous=Previous(version="1.4.0", root=ROOT),
    )
    assert codes(verdict) == ({code} if code else set())


@pytest.mark.parametrize(
    ("least", "version", "code"),
    [
        ("1.4.0", "1.4.0", None),
        ("1.4.1", "1.4.0", "MODEL-VERSION-TOO-OLD"),
        ("2.0.0", "", "MODEL-VERSION-UNSIGNED"),
        ("1.0.0", "new", "MODEL-VERSION-UNORDERED"),
    ],
)
def test_a_version_below_the_minimum_or_that_nobody_signed_is_no_pass(
    least: str, version: str, code: str | None
) -> None:
    verdict = judge(
        rule(f"min_version: {least}\nrequire: [strong_manifest]"),
        version=version,
        signed=signed(ALICE, version=version),
    )
    assert codes(verdict) == ({code} if code else set())


def test_a_signer_counts_until_its_date() -> None:
    text = rule().replace("      - key", '      - until: "2026-06-01T12:00:00Z"\n        key', 1)
    assert judge(text).outcome is Outcome.ACCEPTED
    late = judge(text, now=NOW + timedelta(seconds=1))
    assert codes(late) >= {"MODEL-SIGNER-EXPIRED", "MODEL-SIGNERS-TOO-FEW"}
    assert late.outcome is Outcome.REJECTED


def policy_of(*rules: tuple[str, str]) -> str:
    text = "".join(
        f"  - match: '{match}'\n    mode: enforce\n    signers: [{{key: {signer.key_sha256}}}]\n"
        for match, signer in (
            (match, {"alice": ALICE, "bob": BOB, "eve": EVE}[name]) for match, name in rules
        )
    )
    return f"name: models\nrules:\n{text}"


@pytest.mark.parametrize(
    ("rules", "decides"),
    [
        ((("*/*", "eve"), ("acme/*", "alice")), "acme/*"),
        ((("acme/llama-8b", "alice"), ("acme/llama-*", "eve")), "acme/llama-8b"),
        ((("acme/*", "alice"), ("*/llama-8b", "eve")), "acme/*"),
        ((("acme/*-8b", "eve"), ("acme/llama-*", "alice")), "acme/llama-*"),
        ((("other/*", "alice"),), None),
        ((("acme/*-8b", "alice"), ("acme/lla*", "alice")), None),
        (
            (("acme/*l*8b", "alice"), ("acme/l*l*b", "alice"), ("acme/llama-8b", "alice")),
            "acme/llama-8b",
        ),
    ],
)
def test_the_most_specific_rule_decides_alone(
    rules: tuple[tuple[str, str], ...], decides: str | None
) -> None:
    verdict = judge(policy_of(*rules))
    if decides is None:
        assert verdict.outcome is Outcome.REJECTED
        assert codes(verdict) <= {"MODEL-NO-RULE", "MODEL-RULE-TIE"}
    else:
        assert (verdict.outcome, verdict.rule) == (Outcome.ACCEPTED, decides)


def test_warn_accepts_with_warnings_and_says_what_enforce_would_have_said() -> None:
    verdict = judge(rule(mode="warn"), signed=signed(EVE))
    assert (verdict.outcome, verdict.enforced) == (Outcome.ACCEPTED, Outcome.REJECTED)
    assert {reason.severity for reason in verdict.findings} == {Severity.WARNING}
    assert "MODEL-SIGNERS-TOO-FEW" in codes(verdict)


def test_warn_does_not_overlook_what_nobody_looked_at() -> None:
    assert judge(rule(mode="warn"), scanned=None).outcome is Outcome.INCONCLUSIVE


def test_off_judges_nothing_and_is_no_pass() -> None:
    verdict = judge(rule(mode="'off'"))
    assert (verdict.outcome, verdict.mode) == (Outcome.INCONCLUSIVE, Mode.OFF)
    assert codes(verdict) == {"MODEL-NOT-JUDGED"}


def test_findings_of_verifying_and_scanning_count() -> None:
    found = Finding(code="MODEL-UNSIGNED", severity=Severity.REJECT, path="a.bin")
    for changes in (
        {"signed": signed(ALICE, findings=(found,))},
        {"scanned": scanned(findings=(found,))},
    ):
        assert judge(rule(), **changes).outcome is Outcome.REJECTED


def test_code_that_the_scan_let_pass_must_be_pinned_by_the_rule() -> None:
    digest = "c" * 64
    code = ScannedFile(path="modeling.py", format="python", size=9)
    found = Finding(code="CODE-PINNED", severity=Severity.WARNING, path="modeling.py")
    told = scanned(
        files=(*scanned().files, code), findings=(found,), pinned_code=frozenset({digest})
    )
    pinned = judge(rule(f"remote_code: {{pinned: [{digest}]}}"), scanned=told)
    assert pinned.outcome is Outcome.ACCEPTED
    assert judge(rule(), scanned=told).outcome is Outcome.REJECTED


def results(status: Status, until: datetime | None = None) -> ControlResults:
    waived = until and Waived(by="x", until=until, reason="r", instead_of=Status.FAIL)
    one = ControlResult(
        id="LB-X",
        title="t",
        status=status,
        basis=Basis.COMPUTED,
        expected="e",
        measured="m",
        fix="f",
        waived=waived,
    )
    return ControlResults(
        root=ROOT,
        packs=("core",),
        catalogue_digest="0" * 64,
        results=(one,),
        members={"core": ("LB-X",)},
    )


@pytest.mark.parametrize(
    ("status", "until", "outcome"),
    [
        (Status.PASS, None, Outcome.ACCEPTED),
        (Status.NOT_APPLICABLE, None, Outcome.ACCEPTED),
        (Status.FAIL, None, Outcome.REJECTED),
        (Status.UNKNOWN, None, Outcome.INCONCLUSIVE),
        (Status.WAIVED, NOW, Outcome.ACCEPTED),
        (Status.WAIVED, NOW - timedelta(seconds=1), Outcome.REJECTED),
        (Status.WAIVED, None, Outcome.REJECTED),
    ],
)
def test_controls_that_the_rule_asks_for_decide(
    status: Status, until: datetime | None, outcome: Outcome
) -> None:
    verdict = judge(rule("controls: [core]"), controls=results(status, until))
    assert verdict.outcome is outcome
    assert judge(rule(), controls=results(status, until)).outcome is Outcome.ACCEPTED


def test_controls_of_another_model_are_not_this_ones() -> None:
    other = msgspec.structs.replace(results(Status.PASS), root="9" * 64)
    verdict = judge(rule("controls: [core]"), controls=other)
    assert codes(verdict) == {"CONTROL-NOT-EVALUATED"}


def test_a_pack_with_a_control_that_was_not_evaluated_is_no_pass() -> None:
    given_results = results(Status.PASS)
    partial = ControlResults(
        root=ROOT,
        packs=("core",),
        catalogue_digest="",
        results=given_results.results,
        members={"core": ("LB-X", "LB-Y")},
    )
    verdict = judge(rule("controls: [core]"), controls=partial)
    assert codes(verdict) == {"CONTROL-NOT-EVALUATED"}


signer_strategy = st.builds(
    Signer,
    kind=st.sampled_from(SignerKind),
    id=st.sampled_from(["a" * 64, "e" * 64, "CN=x", ""]),
    key_sha256=st.sampled_from(["c" * 64, "e" * 64, "d" * 64]),
    root_sha256=st.sampled_from(["", "a" * 64]),
    issuer=st.sampled_from(["", "https://issuer.example"]),
)


@given(
    signers=st.lists(signer_strategy, max_size=4),
    more=st.sampled_from(
        ["", STRONG, "threshold: 2", "max_age: 365d", "formats: [safetensors, json]"]
    ),
    given_scan=st.sampled_from([None, scanned()]),
    given_controls=st.sampled_from([None, results(Status.PASS)]),
    version=st.sampled_from(["1.4.0", "9.0.0", ""]),
    files=st.sampled_from([(), signed().files, (FileEntry(path="x", size=1, digest=b""),)]),
)
def test_without_an_allowed_signer_nothing_is_ever_accepted(
    signers: list[Signer],
    more: str,
    given_scan: Any,
    given_controls: Any,
    version: str,
    files: Any,
) -> None:
    """Nobody in these lists is Alice or Bob, however alike their names are."""
    proof = signed(*signers, files=files)
    verdict = judge(
        rule(more), signed=proof, scanned=given_scan, controls=given_controls, version=version
    )
    assert verdict.outcome is Outcome.REJECTED


@given(st.lists(st.sampled_from("abcd"), max_size=6), st.integers(1, 4))
def test_accepted_means_that_the_threshold_was_met(who: list[str], threshold: int) -> None:
    keys = [Signer(kind=SignerKind.KEY, id=x * 64, key_sha256=x * 64) for x in who]
    lines = "".join(f"      - key: {x * 64}\n" for x in "abcd")
    text = (
        "name: t\nrules:\n  - match: acme/*\n    mode: enforce\n    signers:\n"
        f"{lines}    threshold: {threshold}\n"
    )
    verdict = judge(text, signed=signed(*keys))
    assert (verdict.outcome is Outcome.ACCEPTED) is (len(set(who)) >= threshold)


def test_one_key_under_two_names_counts_once_and_one_name_with_two_keys_too() -> None:
    text = (
        "name: t\nrules:\n  - match: a/b\n    mode: enforce\n    signers:\n"
        f"      - key: {ALICE.key_sha256}\n"
        "      - sigstore: {identity: alice, issuer: idp}\n"
        "      - sigstore: {identity: bob, issuer: idp}\n"
    )
    trusted = load_model_policy(text.encode()).rules[0].signers

    def person(name: str, key: Signer) -> Signer:
        return Signer(kind=SignerKind.SIGSTORE, id=name, issuer="idp", key_sha256=key.key_sha256)

    assert count_distinct(trusted, [ALICE, person("alice", ALICE)]) == 1
    assert count_distinct(trusted, [person("alice", BOB), person("alice", EVE)]) == 1
    assert count_distinct(trusted, [ALICE, person("alice", ALICE), person("bob", EVE)]) == 2
    assert count_distinct(trusted, [ALICE, person("alice", ALICE), person("alice", BOB)]) == 2
