"""Signed, versioned bundles of reference values and collateral."""
