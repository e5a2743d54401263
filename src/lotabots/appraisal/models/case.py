"""What a check of a model may look at: everything known, and the one rule that decides."""

from datetime import datetime

import msgspec

from lotabots.appraisal.controls import ControlResults
from lotabots.appraisal.models.facts import Previous, Signed, Signer
from lotabots.appraisal.models.policy import ModelRule
from lotabots.appraisal.models.scanned import Scanned
from lotabots.appraisal.models.trusted import TrustedSigner, count_distinct


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One model and the rule that it is held against."""

    name: str
    version: str
    signed: Signed | None
    scanned: Scanned | None
    controls: ControlResults | None
    rule: ModelRule
    previous: Previous | None
    now: datetime

    def allowed(self) -> tuple[Signer, ...]:
        """The verified signers that the rule trusts at this moment."""
        if self.signed is None:
            return ()
        trusted = self.trusted()
        return tuple(
            signer
            for signer in self.signed.signers
            if any(one.is_signer(signer) for one in trusted)
        )

    def trusted(self) -> tuple[TrustedSigner, ...]:
        """The signers that the rule trusts at this moment."""
        return tuple(one for one in self.rule.signers if not one.lapsed(self.now))

    def strong(self) -> Signed | None:
        """What was signed, if as many signed the strong statement as the rule wants.

        Name, version and time stand there alone: one signer of two could else make an old model,
        which both once signed, a new one.
        """
        signed = self.signed
        if signed is None or not self.rule.signers:
            return None
        enough = count_distinct(self.trusted(), signed.strong) >= self.rule.threshold
        return signed if enough else None
