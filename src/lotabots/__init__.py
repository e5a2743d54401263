"""LotaBots: proof that a GPU node is genuine, securely configured and runs the approved model."""

__version__ = "0.1.0"
