"""Byte-exact evidence of GPU nodes that do not exist, under a root of its own."""
