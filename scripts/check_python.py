"""Says in one line what is wrong with this Python, or nothing. Runs on any Python 3."""

import importlib.util
import sys

OLDEST, NEWEST = (3, 11), (3, 13)


def fault():
    """One line that says what is wrong and what to do, or None."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return (
            "LotaBots needs Python 3.11 to 3.13; this is {}.{}. "
            "Name another one: make PYTHON=python3.12 ...".format(*sys.version_info[:2])
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        return (
            "This Python cannot make a virtual environment (no venv or ensurepip module). "
            "On Debian and Ubuntu: apt-get install python3-venv"
        )
    return None


if __name__ == "__main__":
    message = fault()
    if message:
        sys.exit(message)
