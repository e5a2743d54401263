"""Programs that lie beside the weights as text: refused, unless somebody read and pinned them."""

import re
from collections.abc import Iterator

from lotabots.models.findings import Finding, finding
from lotabots.models.repository.view import View, name_of

_PROGRAM = re.compile(
    r".*\.(?:py|pyi|pyw|pyx|pxd|ipynb|sh|bash|zsh|fish|csh|bat|cmd|ps1|psm1|vbs|js|mjs|cjs|ts|rb|pl"
    r"|php|lua|r|jl|java|go|rs|c|cc|cpp|cxx|h|hpp|cu|cuh|metal|swift|kt|scala)"
    r"|Makefile|Dockerfile|Jenkinsfile|setup\.cfg|pyproject\.toml",
    re.IGNORECASE,
)


def check(view: View) -> Iterator[Finding]:
    """Refuses every file of text that is a program, by its name or by its first line."""
    for path, text in view.texts.items():
        shebang = text.removeprefix("\ufeff").startswith("#!")
        if not shebang and not _PROGRAM.fullmatch(name_of(path)):
            continue
        digest = view.digests[path]
        pinned = digest in view.options.pinned_code
        why = text.split("\n", 1)[0] if shebang else name_of(path)
        code = "CODE-PINNED" if pinned else "PROGRAM-SCRIPT" if shebang else "CODE-FILE"
        yield finding(code, path, expected=digest, measured=why)
