"""Challenge, evidence, verdict, result: the service that judges nodes."""
