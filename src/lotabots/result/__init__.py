"""The signed attestation result, and the one door through which relying parties admit it."""
