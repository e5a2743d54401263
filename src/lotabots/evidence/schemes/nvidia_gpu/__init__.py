"""NVIDIA GPU and NVSwitch evidence: format, verification, reference values, revocation."""
