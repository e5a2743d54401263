"""Tokenizers: one id for each token in all of their files, and a row of the embedding for each id.

The formats are those of tokenizers (tokenizer.json: `model.vocab`, `added_tokens`) and of
transformers (tokenizer_config.json: `added_tokens_decoder`; added_tokens.json; vocab.json).
A vocabulary with two tokens swapped reads every text as another one, and no weight has changed.
"""

from collections.abc import Iterator, Mapping

from lotabots.kernel import Json, canonical, sha256_hex
from lotabots.models.findings import Finding, finding
from lotabots.models.repository.view import View, folder_of, name_of
from lotabots.models.types import Parsed

MOST = 20
"""Findings about one file."""
_SOURCES = ("tokenizer.json", "vocab.json", "added_tokens.json", "tokenizer_config.json")


def check(view: View) -> Iterator[Finding]:
    """Refuses vocabularies that contradict themselves, the approved ones or the embedding."""
    folders = sorted({folder_of(p) for p in view.documents if name_of(p) in _SOURCES})
    for folder in folders:
        yield from _folder(view, folder)
    for path, parsed in view.parsed.items():
        if parsed.format == "sentencepiece":
            yield from _pieces(view, path, parsed)


def vocabulary_digest(tokens: Mapping[str, int]) -> str:
    """The digest by which a vocabulary is approved: SHA-256 of its RFC 8785 form, `sha256:...`."""
    return "sha256:" + sha256_hex(canonical(dict(tokens)))


def vocabularies(view: View) -> dict[str, dict[str, int]]:
    """Every readable vocabulary with its added tokens, by the path of the file that holds it."""
    found: dict[str, dict[str, int]] = {}
    for path in view.documents:
        if name_of(path) in {"tokenizer.json", "vocab.json"}:
            claims = _claims(path, view.documents[path])
            if claims:
                found[path] = dict(claims)
    return found


def _folder(view: View, folder: str) -> Iterator[Finding]:
    by_token: dict[str, int] = {}
    by_id: dict[int, str] = {}
    for name in _SOURCES:
        path = folder + name
        if path not in view.documents:
            continue
        claims = _claims(path, view.documents[path])
        if claims is None:
            yield finding("TOKENIZER-MALFORMED", path)
            continue
        count = 0
        for token, number in claims:
            same_token, same_id = (
                by_token.setdefault(token, number),
                by_id.setdefault(number, token),
            )
            if (same_token, same_id) != (number, token) and count < MOST:
                count += 1
                expected = (
                    f"{same_token} {_shown(token)}"
                    if same_token != number
                    else (f"{number} {_shown(same_id)}")
                )
                measured = f"{number} {_shown(token)}"
                yield finding("TOKENIZER-COLLISION", path, expected=expected, measured=measured)
        approved = view.options.approved_tokenizers
        if approved and name in {"tokenizer.json", "vocab.json"}:
            digest = vocabulary_digest(dict(claims))
            if digest not in approved:
                yield finding("TOKENIZER-DRIFT", path, measured=digest)
    yield from _rows(view, folder, max(by_id, default=-1))


def _pieces(view: View, path: str, parsed: Parsed) -> Iterator[Finding]:
    """Whether a vocabulary of SentencePiece is an approved one, and fits the embedding."""
    digest, count = parsed.facts.get("vocabulary_digest"), parsed.facts.get("vocabulary")
    approved = view.options.approved_tokenizers
    if approved and digest not in approved:
        yield finding("TOKENIZER-DRIFT", path, measured=str(digest))
    if isinstance(count, int):
        yield from _rows(view, folder_of(path), count - 1)


def _shown(token: str) -> str:
    return repr(token[:40])


def _claims(path: str, document: Json) -> list[tuple[str, int]] | None:
    """Each token with its id, as one file says it; None if the file has another shape."""
    if not isinstance(document, dict):
        return None
    match name_of(path):
        case "tokenizer.json":
            return _tokenizer(document)
        case "tokenizer_config.json":
            added = document.get("added_tokens_decoder", {})
            if not isinstance(added, dict):
                return None
            pairs: list[tuple[object, object]] = [
                (value.get("content") if isinstance(value, dict) else None, _decimal(key))
                for key, value in added.items()
            ]
        case _:
            pairs = list(document.items())
    return _checked(pairs)


def _tokenizer(document: dict[str, Json]) -> list[tuple[str, int]] | None:
    model, added = document.get("model"), document.get("added_tokens") or []
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    pairs: list[tuple[object, object]] = []
    if isinstance(vocabulary, dict):
        pairs += vocabulary.items()
    elif isinstance(vocabulary, list):  # Unigram: [token, score] in the order of ids
        pairs += [
            (each[0] if isinstance(each, list) and each else None, number)
            for number, each in enumerate(vocabulary)
        ]
    else:
        return None
    if not isinstance(added, list):
        return None
    for each in added:
        if not isinstance(each, dict):
            return None
        pairs.append((each.get("content"), each.get("id")))
    return _checked(pairs)


def _checked(pairs: list[tuple[object, object]]) -> list[tuple[str, int]] | None:
    found = [
        (token, number)
        for token, number in pairs
        if isinstance(token, str) and type(number) is int and number >= 0
    ]
    return found if len(found) == len(pairs) else None


def _decimal(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _rows(view: View, folder: str, last: int) -> Iterator[Finding]:
    """The largest id has a row in the embedding, which has as many as are configured."""
    config = view.object_at(f"{folder}config.json")
    size = config.get("vocab_size")
    for path, parsed in view.headers(folder).items():
        rows = parsed.facts.get("embedding_rows")
        if not isinstance(rows, int) or parsed.format == "gguf":
            continue
        if last >= rows:
            yield finding("TOKENIZER-ROWS", path, expected=f"id {last}", measured=f"{rows} rows")
        if isinstance(size, int) and size != rows:
            yield finding(
                "TOKENIZER-ROWS", path, expected=f"vocab_size {size}", measured=f"{rows} rows"
            )
