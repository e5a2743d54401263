"""Whether certificates are revoked, from supplied OCSP responses and CRLs alone.

For each certificate, the words about it that its issuer (or the issuer's responder) validly signed:

1. a word from the future (beyond the clock skew allowed) counts for nothing;
2. `revoked`, however old, is final;
3. else the newest word counts;
4. `good` that is older than the age allowed is `stale`;
5. passing nextUpdate is admissible while the age is: NVIDIA's responses live 24 hours, which an
   air-gapped site cannot follow. `grace` says that it happened.

With no such word: `invalid` if something spoke of the certificate without the right to, `missing`
if nothing did. Neither is ever read as good.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, TypeAlias

import msgspec

from lotabots.evidence import Caches, Facts, Finding
from lotabots.evidence.schemes.nvidia_gpu.certs import Certificate
from lotabots.evidence.schemes.nvidia_gpu.codes import finding
from lotabots.evidence.schemes.nvidia_gpu.crl import Crl, is_of, prove_crl, statement_of
from lotabots.evidence.schemes.nvidia_gpu.ocsp import OcspResponse, prove_ocsp
from lotabots.evidence.schemes.nvidia_gpu.standing import Source, Standing, Statement
from lotabots.kernel import format_duration, format_time

SKEW = timedelta(minutes=5)
"""How far in the future a source's clock may be."""
MAX_SOURCES = 16
"""Most sources of one kind looked at for one certificate, newest first."""

Link: TypeAlias = tuple[Certificate, Certificate]
"""A certificate and its issuer, whose link was verified."""

_ORDER = tuple(Standing)
_CODES: Mapping[Standing, str] = {
    Standing.STALE: "NV-REV-STALE",
    Standing.MISSING: "NV-REV-MISSING",
    Standing.UNKNOWN: "NV-REV-UNKNOWN",
    Standing.INVALID: "NV-REV-INVALID",
    Standing.HOLD: "NV-REV-HOLD",
    Standing.REVOKED: "NV-REV-REVOKED",
}


@dataclass(frozen=True, slots=True)
class RevocationData:
    """OCSP responses by the serial numbers they speak of, CRLs by issuer name; unproven."""

    ocsp: Mapping[int, tuple[OcspResponse, ...]]
    crls: Mapping[bytes, tuple[Crl, ...]]


class CertificateStanding(msgspec.Struct, frozen=True):
    """Where one certificate stands, and on whose word."""

    certificate: Certificate
    standing: Standing
    statement: Statement | None
    """The word that decided; None when nothing valid was said."""
    age: timedelta | None
    grace: bool
    """The word has passed its nextUpdate and is within the age allowed."""
    reason: str
    """Why the sources that spoke count for nothing; empty otherwise."""


class Revocation(msgspec.Struct, frozen=True):
    """The standing of every certificate that was asked about."""

    certificates: tuple[CertificateStanding, ...]
    max_age: timedelta

    @property
    def standing(self) -> Standing:
        """The worst of them; `missing` if nothing was asked."""
        return max(
            (held.standing for held in self.certificates),
            key=_ORDER.index,
            default=Standing.MISSING,
        )

    def facts(self) -> Facts:
        """What policies see: the worst standing, the greatest age, sources, whether in grace."""
        facts: Facts = {
            "status": self.standing.value,
            "grace": any(held.grace for held in self.certificates),
        }
        ages = [held.age for held in self.certificates if held.age is not None]
        sources = {held.statement.source for held in self.certificates if held.statement}
        if ages:
            facts["age_seconds"] = int(max(ages).total_seconds())
            facts["source"] = _source(sources)
        return facts

    def findings(self, subject: str) -> tuple[Finding, ...]:
        """One finding for each certificate that is not in good standing."""
        accused = [held for held in self.certificates if held.standing in _CODES]
        if not accused:
            return ()
        within = f"at most {format_duration(self.max_age)} ago"
        return tuple(
            finding(
                _CODES[held.standing],
                subject,
                expected=f"{_shown(held.certificate)} good, {within}",
                measured=_measured(held),
            )
            for held in accused
        )


def device_links(chain: Sequence[Certificate]) -> tuple[Link, ...]:
    """The links to check of a device chain: certificates 2 to 4. No responder knows the leaf."""
    return tuple(pairwise(chain[1:]))


def rim_links(chain: Sequence[Certificate]) -> tuple[Link, ...]:
    """The links to check of a RIM's chain: all but the root."""
    return tuple(pairwise(chain))


def check_revocation(
    links: Iterable[Link],
    data: RevocationData,
    *,
    now: datetime,
    max_age: timedelta,
    caches: Caches,
) -> Revocation:
    """The standing of each certificate once, in the order given."""
    asked = {child.sha256: (child, issuer) for child, issuer in links}
    held = (
        _stand(child, _words(child, issuer, data, caches), now, max_age)
        for child, issuer in asked.values()
    )
    return Revocation(tuple(held), max_age)


def _words(
    child: Certificate, issuer: Certificate, data: RevocationData, caches: Caches
) -> list[Statement | str]:
    """Everything said of the certificate: proven statements, and why the others are not."""
    said: list[Statement | str] = []
    serial = child.parsed.serial_number
    for response in data.ocsp.get(serial, ())[:MAX_SOURCES]:
        words = prove_ocsp(response, issuer, caches)
        said.extend((words,) if isinstance(words, str) else words.get(serial, ()))
    # The issuer's name is written out only if there is something to find by it.
    crls = data.crls.get(issuer.subject.public_bytes(), ()) if data.crls else ()
    for crl in crls[:MAX_SOURCES]:
        if is_of(crl, issuer):
            revoked = prove_crl(crl, issuer, caches)
            said.append(revoked if isinstance(revoked, str) else statement_of(crl, revoked, serial))
    return said


def _stand(
    child: Certificate, words: Sequence[Statement | str], now: datetime, max_age: timedelta
) -> CertificateStanding:
    if not words:
        return CertificateStanding(child, Standing.MISSING, None, None, False, "")
    refusals = [word for word in words if isinstance(word, str)]
    statements = [word for word in words if isinstance(word, Statement)]
    timely = [word for word in statements if word.this_update <= now + SKEW]
    if len(timely) < len(statements):
        refusals.append("it was made in the future")
    if not timely:
        reason = "; ".join(refusals[:3])
        return CertificateStanding(child, Standing.INVALID, None, None, False, reason)
    word = max(timely, key=_weight)
    age = max(now - word.this_update, timedelta())
    standing = word.standing
    if standing is Standing.GOOD and age > max_age:
        standing = Standing.STALE
    passed = word.next_update is not None and now > word.next_update
    return CertificateStanding(child, standing, word, age, passed and standing is Standing.GOOD, "")


def _weight(word: Statement) -> tuple[bool, datetime, int]:
    """Revoked is final; else the newest counts, and of equally new ones the worse."""
    return word.standing is Standing.REVOKED, word.this_update, _ORDER.index(word.standing)


def _source(sources: set[Source]) -> Literal["ocsp", "crl", "mixed"]:
    return next(iter(sources)) if len(sources) == 1 else "mixed"


def _measured(held: CertificateStanding) -> str:
    where = f"serial {held.certificate.parsed.serial_number:x}"
    if held.statement is None:
        return f"{held.standing}: {held.reason} ({where})" if held.reason else f"nothing ({where})"
    said = format_time(held.statement.this_update)
    return f"{held.standing} by {held.statement.source} of {said} ({where})"


def _shown(certificate: Certificate) -> str:
    """A certificate's name for a message, cut: an attacker may have written it."""
    return repr(certificate.name[:64])
