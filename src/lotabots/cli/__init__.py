"""The command line."""

from lotabots.cli.root import main

__all__ = ["main"]
