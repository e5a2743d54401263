"""Runs in a peer's environment: its own command line on each path of stdin, its exit codes out.

Arguments: module and function of the command line, then its arguments before the path.
"""

import contextlib
import importlib
import io
import json
import sys

answers = sys.stdout
module, function, *arguments = sys.argv[1:]
main = getattr(importlib.import_module(module), function)
for line in sys.stdin:
    sys.argv = [module, *arguments, line.rstrip("\n")]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main()
    except SystemExit as stop:
        code = stop.code
    except BaseException as error:  # noqa: BLE001 — whatever it does, it did not accept
        code = type(error).__name__
    answers.write(json.dumps(code if isinstance(code, int | str) else 0) + "\n")
    answers.flush()
