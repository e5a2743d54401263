"""One file by its content: its format, its header or its text, and what is wrong with it alone."""

from dataclasses import dataclass, field

from lotabots.kernel import Json, LotaError, sha256_hex, strict_json
from lotabots.models.findings import Finding, finding
from lotabots.models.formats import FORMATS, HEAD, Format
from lotabots.models.repository.options import Options
from lotabots.models.scanning.magic import byte_code, could_be_text, is_pointer, text_of
from lotabots.models.scanning.names import LOADED_BY_PICKLE, TEXT, promised
from lotabots.models.types import Content, FileKind, Listed, Parsed, Tree

MAX_TEXT = 64 * 1024 * 1024
"""Bytes of one file of text; a tokenizer with 262,144 tokens has 33 MB."""
MAX_TEXTS = 96 * 1024 * 1024
"""Bytes of all files of text together."""
MAX_DEPTH = 64


@dataclass
class Reading:
    """What is read of a tree, file by file."""

    tree: Tree
    options: Options
    formats: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    documents: dict[str, Json] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    parsed: dict[str, Parsed] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    text_bytes: int = 0

    def read(self, listed: Listed) -> list[Finding]:
        """Reads one name of the tree; returns what is wrong with it."""
        path = listed.path
        self.formats[path] = "unknown"
        self.sizes[path] = listed.size
        match listed.kind:
            case FileKind.SYMLINK:
                self.formats[path] = "link"
                return [finding("SCAN-LINK", path, measured=listed.target)]
            case FileKind.OTHER:
                self.formats[path] = "special"
                return [finding("SCAN-SPECIAL", path)]
            case FileKind.REGULAR:
                pass
        try:
            return self._content(path, self.tree.content(path))
        except LotaError as error:
            return [finding("SCAN-UNREADABLE", path, measured=error.code)]

    def _content(self, path: str, content: Content) -> list[Finding]:
        head = content.read(0, min(HEAD, content.size))
        if kind := byte_code(head):
            self.formats[path] = "program"
            return [finding("SCAN-EXECUTABLE", path, measured=kind)]
        known = next((each for each in FORMATS if each.sniff(head)), None)
        # A script is judged as the text that it is, so that one that was read can be pinned.
        if known is not None and (known.name != "script" or not could_be_text(head)):
            return self._known(path, content, known)
        if is_pointer(head):
            self.formats[path] = "pointer"
            return [finding("SCAN-POINTER", path)]
        if could_be_text(head):
            return self._text(path, content)
        return self._unknown(path, head)

    def _known(self, path: str, content: Content, known: Format) -> list[Finding]:
        self.formats[path] = known.name
        parsed = known.parse(path, content)
        self.formats[path] = parsed.format
        self.parsed[path] = parsed
        return [*parsed.findings, *self._allowed(path, parsed.format)]

    def _allowed(self, path: str, name: str) -> list[Finding]:
        """Whether the options allow the format, and whether the name is true."""
        found: list[Finding] = []
        pickle = name in LOADED_BY_PICKLE
        if pickle and not self.options.allow_pickle:
            found.append(finding("SCAN-PICKLE", path, measured=name))
        elif not pickle and name not in self.options.formats:
            found.append(finding("SCAN-FORMAT", path, measured=name))
        expected = promised(path)
        # A pickle under a name that promises nothing is one that its loader has to know of.
        if (expected or pickle) and name not in expected:
            words = " or ".join(sorted(expected)) or "no pickle"
            found.append(finding("SCAN-DISGUISED", path, expected=words, measured=name))
        return found

    def _unknown(self, path: str, head: bytes) -> list[Finding]:
        expected = promised(path)
        words = " or ".join(sorted(expected))
        measured = f"begins with {head[:8].hex()}"
        # A name that promises text is read as text by loaders, and this is none.
        code = "SCAN-DISGUISED" if expected == TEXT else "SCAN-UNKNOWN"
        return [finding(code, path, expected=words, measured=measured)]

    def _text(self, path: str, content: Content) -> list[Finding]:
        size = content.size
        if size > MAX_TEXT or self.text_bytes + size > MAX_TEXTS:
            return [finding("SCAN-TOO-LARGE", path, expected=str(MAX_TEXT), measured=str(size))]
        data = content.read(0, size)
        text = text_of(data)
        if text is None:
            return self._unknown(path, data)
        self.text_bytes += size
        self.formats[path] = "text"
        self.texts[path] = text
        self.digests[path] = "sha256:" + sha256_hex(data)
        found = self._allowed(path, "text")
        if path.lower().endswith(".json"):
            found += self._document(path, data)
        return found

    def _document(self, path: str, data: bytes) -> list[Finding]:
        try:
            self.documents[path] = strict_json(data, max_bytes=MAX_TEXT, max_depth=MAX_DEPTH)
        except LotaError as error:
            twice = error.code == "JSON_DUPLICATE_KEY"
            code = "CONFIG-AMBIGUOUS" if twice else "CONFIG-MALFORMED"
            return [finding(code, path, measured=error.code)]
        return []
