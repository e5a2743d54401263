"""What a check of a model may look at: everything known, and the one rule that decides."""

from datetime import datetime

import msgspec

from lotabots.appraisal.controls import ControlResults
from lotabots.appraisal.models.facts import Previous, Signed, Signer
from lotabots.appraisal.models.policy import ModelRule
from lotabots.appraisal.models.scanned import Scanned


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
        trusted = [one for one in self.rule.signers if not one.lapsed(self.now)]
        return tuple(
            signer
            for signer in self.signed.signers
            if any(one.is_signer(signer) for one in trusted)
        )

    def strong(self) -> Signed | None:
        """What was signed, if one of those who are allowed signed the strong statement."""
        if self.signed is None:
            return None
        allowed = self.allowed()
        return self.signed if any(one in allowed for one in self.signed.strong) else None
