"""Challenge, evidence, verdict, result: the service to which nodes prove themselves."""

from lotabots.attestation.anchors import trusted_anchors
from lotabots.attestation.serve import HANDLERS, service
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.watching import service as watchdog

__all__ = ["HANDLERS", "AttestationSettings", "service", "trusted_anchors", "watchdog"]
