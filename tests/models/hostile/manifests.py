"""Signatures that are forged, broken or lie, each over a good model; and odd ones that are good.

`case` is the number in the list of what the reference implementation gets wrong (our research,
section 2.4). Everything is made here, with keys of this run.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography.x509.oid import ExtendedKeyUsageOID
from models.hostile import Control, Hostile
from models.signing.material import (
    KEY,
    MODEL,
    NOW,
    STRANGER,
    TRUST,
    Authority,
    LinkedTree,
    hashed,
    link,
    resigned,
    sharded,
    signed,
    statement_in,
    strong_of,
    value_of,
)

from lotabots.kernel import canonical, sha256_hex
from lotabots.models import (
    Algorithm,
    Leniency,
    Manifest,
    MemoryTree,
    Options,
    Resource,
    Tree,
    Trust,
    manifest_of,
    sign_manifest,
    sign_strong,
)
from lotabots.models.statement import legacy_pre_authentication

Files = Mapping[str, bytes]
LENIENT = Leniency(legacy=True, no_hint=True, symlinks=True)


@dataclass(frozen=True, kw_only=True)
class Signed(Control):
    """A model with its signature: it must be accepted."""

    bundle: Callable[[], bytes] = lambda: signed(MODEL)
    tree: Callable[[], Tree] = lambda: MemoryTree(MODEL)
    strong: Callable[[], bytes] | None = None
    trust: Callable[[], Trust] = lambda: TRUST
    options: Options = field(default_factory=Options)
    algorithm: Algorithm = Algorithm.SHA256
    case: int | None = None


@dataclass(frozen=True, kw_only=True)
class Forged(Hostile, Signed):
    """A model with a signature that must be refused with this code."""

    def __str__(self) -> str:
        return f"{self.id}-{self.name}"


def edited(change: Callable[[Any], object], bundle: bytes | None = None) -> bytes:
    """The bundle with something changed in its JSON, its signature left as it is."""
    value = value_of(bundle or signed(MODEL))
    change(value)
    return canonical(value)


def restated(change: Callable[[Any], object], bundle: bytes | None = None) -> bytes:
    """The statement changed and signed again by the trusted key."""
    value = statement_in(bundle or signed(MODEL))
    change(value)
    return resigned(value)


def rooted(change: Callable[[list[dict[str, str]]], object]) -> bytes:
    """The resources changed, the root made to fit them, and all signed again."""

    def edit(statement: Any) -> None:
        resources = statement["predicate"]["resources"]
        change(resources)
        raw = b"".join(bytes.fromhex(one["digest"]) for one in resources)
        statement["subject"][0]["digest"]["sha256"] = sha256_hex(raw)

    return restated(edit)


def serialized(**changed: Any) -> bytes:
    return restated(lambda s: s["predicate"]["serialization"].update(changed))


def renamed(old: str, new: str) -> bytes:
    def change(resources: list[dict[str, str]]) -> None:
        next(one for one in resources if one["name"] == old)["name"] = new

    return rooted(change)


def flipped() -> bytes:
    def change(value: Any) -> None:
        payload = bytearray(base64.b64decode(value["dsseEnvelope"]["payload"]))
        payload[len(payload) // 2] ^= 1
        value["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()

    return edited(change)


def claimed_by(hint: str) -> bytes:
    """Signed by a stranger, who says that a trusted key did it."""
    return edited(
        lambda v: v["verificationMaterial"]["publicKey"].update(hint=hint),
        signed(MODEL, STRANGER),
    )


def twice_signed() -> bytes:
    stranger = value_of(signed(MODEL, STRANGER))["dsseEnvelope"]["signatures"]
    return edited(lambda v: v["dsseEnvelope"]["signatures"].extend(stranger))


def doubled_key() -> bytes:
    text = canonical(statement_in(signed(MODEL)))
    return resigned(text.replace(b'{"_type"', b'{"predicateType":"x","_type"', 1))


def doubled_bundle_key() -> bytes:
    return signed(MODEL).replace(b'{"dsseEnvelope"', b'{"mediaType":"x","dsseEnvelope"', 1)


def oldest(files: Files = MODEL) -> bytes:
    """The statement of model-signing 0.2: files are its subjects."""
    entries = hashed(MemoryTree(files)).files
    return resigned(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": "https://model_signing/Digests/v0.1",
            "predicate": {"unused": "Unused, just passed due to API requirements"},
            "subject": [
                {"name": one.path, "digest": {"sha256": one.digest.hex()}} for one in entries
            ],
        }
    )


def with_old_encoding() -> bytes:
    value = value_of(signed(MODEL))
    payload = base64.b64decode(value["dsseEnvelope"]["payload"])
    signature = KEY.sign(legacy_pre_authentication(payload))
    value["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    return canonical(value)


def shards(change: Callable[[list[Resource]], object] = lambda _: None, size: int = 4) -> bytes:
    manifest = sharded(MODEL, size)
    resources = list(manifest.resources)
    change(resources)
    given = {name: getattr(manifest, name) for name in Manifest.__struct_fields__}
    return sign_manifest(Manifest(**{**given, "resources": tuple(resources)}), KEY)


def labelled(size: int) -> bytes:
    """Shards whose algorithm is written as the reference writes it."""

    def change(statement: Any) -> None:
        for one in statement["predicate"]["resources"]:
            one["algorithm"] = f"sha256-sharded-{size}"

    return restated(change, shards())


def sized(size: object) -> bytes:
    def change(statement: Any) -> None:
        statement["predicate"]["serialization"]["shard_size"] = size

    return restated(change, shards())


def without_empty() -> dict[str, bytes]:
    return {path: data for path, data in MODEL.items() if data}


def chained(**changed: Any) -> Callable[[], tuple[bytes, Trust]]:
    """A bundle of a certificate, and the trust in its authority; `ca_` changes the authority."""

    def make() -> tuple[bytes, Trust]:
        above = {key[3:]: value for key, value in changed.items() if key.startswith("ca_")}
        own = {key: value for key, value in changed.items() if not key.startswith("ca_")}
        root = Authority()
        authority = Authority("intermediate", root, **above)
        chain = [authority.leaf(KEY, **own), authority.loaded]
        files = hashed(MemoryTree(MODEL)).files
        manifest = manifest_of("model", files, Algorithm.SHA256)
        return sign_manifest(manifest, KEY, chain), Trust(roots=(root.loaded,))

    return make


def forged_chain(name: str, expect: str, **changed: Any) -> Forged:
    made: list[tuple[bytes, Trust]] = []

    def once() -> tuple[bytes, Trust]:
        made or made.append(chained(**changed)())
        return made[0]

    return Forged(
        id="H19",
        name=name,
        expect=expect,
        bundle=lambda: once()[0],
        trust=lambda: once()[1],
    )


def keyless() -> bytes:
    authority = Authority()

    def change(value: Any) -> None:
        der = base64.b64encode(authority.leaf(KEY).der).decode()
        value["verificationMaterial"] = {"certificate": {"rawBytes": der}, "tlogEntries": []}

    return edited(change)


def deep() -> bytes:
    return b'{"mediaType":' + b"[" * 10_000 + b"]" * 10_000 + b"}"


def plus(files: Files, *gone: str) -> Callable[[], Tree]:
    kept = {path: data for path, data in MODEL.items() if path not in gone}
    return lambda: MemoryTree({**kept, **files})


def moved(old: str, new: str) -> Callable[[], Tree]:
    return plus({new: MODEL[old]}, old)


def linked(path: str, target: str, *gone: str) -> Callable[[], Tree]:
    kept = {name: data for name, data in MODEL.items() if name not in gone}
    return lambda: LinkedTree(kept, (link(path, target),))


def allowing_links() -> bytes:
    return serialized(allow_symlinks=True)


def bundle_case(
    id_: str, name: str, expect: str, bundle: Callable[[], bytes], **more: Any
) -> Forged:
    return Forged(id=id_, name=name, expect=expect, bundle=bundle, **more)


def tree_case(id_: str, name: str, expect: str, tree: Callable[[], Tree], **more: Any) -> Forged:
    return Forged(id=id_, name=name, expect=expect, tree=tree, **more)


def second_digest(resources: list[dict[str, str]]) -> None:
    """The first file twice, first with a wrong digest: some take the last, some the first."""
    resources.insert(0, {**resources[0], "digest": "00" * 32})


SHARDS: tuple[Forged, ...] = (
    bundle_case("H17", "size-zero", "MANIFEST-SHARD-SIZE", lambda: sized(0)),
    bundle_case("H17", "size-negative", "MANIFEST-SHARD-SIZE", lambda: sized(-4)),
    bundle_case("H17", "size-huge", "MANIFEST-SHARD-SIZE", lambda: sized(1e308)),
    bundle_case("H17", "size-half", "MANIFEST-SHARD-SIZE", lambda: sized(4.5)),
    bundle_case("H17", "size-true", "MANIFEST-SHARD-SIZE", lambda: sized(True)),
    bundle_case("H17", "size-of-one-on-a-file", "MANIFEST-SHARD", lambda: sized(1)),
    bundle_case("H18", "hole", "MANIFEST-SHARD", lambda: shards(lambda r: r.pop(1))),
    bundle_case(
        "H18",
        "overlap",
        "MANIFEST-SHARD",
        lambda: shards(lambda r: r.append(Resource(r[0].path, r[0].digest, 2, 6))),
    ),
    bundle_case(
        "H18",
        "last-shard-missing",
        "FILE-MODIFIED",
        lambda: shards(lambda r: r.remove([one for one in r if one.path == r[0].path][-1])),
    ),
    tree_case(
        "H24",
        "empty-file-added",
        "FILE-EXTRA",
        lambda: MemoryTree({**without_empty(), "__init__.py": b""}),
        bundle=shards,
        case=3,
    ),
    tree_case(
        "H24",
        "empty-file-deleted",
        "FILE-MISSING",
        lambda: MemoryTree(without_empty()),
        bundle=shards,
        strong=lambda: sign_strong(strong_of(MODEL, oms_root=sharded(MODEL, 4).root), KEY),
        case=3,
    ),
)
SHARDS += (
    bundle_case("H11", "shards-of-another-size", "MANIFEST-ALGORITHM", lambda: labelled(8)),
    bundle_case(
        "H11",
        "shards-where-there-are-files",
        "MANIFEST-ALGORITHM",
        lambda: rooted(lambda r: r[0].update(algorithm="sha256-sharded-4")),
    ),
)
CHAINS = (
    forged_chain("leaf-expired", "CHAIN-TIME", end=NOW - timedelta(seconds=1)),
    forged_chain("leaf-not-valid-yet", "CHAIN-TIME", start=NOW + timedelta(seconds=1)),
    forged_chain("issuer-expired", "CHAIN-TIME", ca_end=NOW - timedelta(seconds=1)),
    forged_chain("issuer-without-ca-flag", "CHAIN-CA", ca_ca=False),
    forged_chain("issuer-that-may-not-issue", "CHAIN-CA", ca_key_cert_sign=False),
    forged_chain("leaf-for-servers", "CHAIN-USAGE", purposes=[ExtendedKeyUsageOID.SERVER_AUTH]),
    forged_chain("leaf-that-may-issue", "CHAIN-LEAF", ca=True, key_cert_sign=True),
    forged_chain("leaf-that-may-not-sign", "CHAIN-USAGE", digital_signature=False),
)
CASES: tuple[Forged, ...] = (
    bundle_case("H01", "payload-byte-flipped", "SIGNATURE-INVALID", flipped),
    bundle_case("H02", "wrong-key", "KEY-UNKNOWN", lambda: signed(MODEL, STRANGER)),
    bundle_case(
        "H02",
        "wrong-key-right-hint",
        "SIGNATURE-INVALID",
        lambda: claimed_by(KEY.public.hint),
    ),
    bundle_case(
        "H03",
        "hint-stripped",
        "KEY-HINT-MISSING",
        lambda: edited(lambda v: v["verificationMaterial"].update(publicKey={})),
        case=19,
    ),
    bundle_case("H04", "key-twice-in-statement", "STATEMENT-JSON", doubled_key, case=15),
    bundle_case("H04", "key-twice-in-bundle", "BUNDLE-JSON", doubled_bundle_key),
    bundle_case(
        "H05", "resource-twice", "MANIFEST-DUPLICATE", lambda: rooted(second_digest), case=14
    ),
    bundle_case(
        "H06", "name-up", "MANIFEST-PATH", lambda: renamed("config.json", "../config.json")
    ),
    bundle_case(
        "H06", "name-absolute", "MANIFEST-PATH", lambda: renamed("config.json", "/etc/passwd")
    ),
    bundle_case(
        "H07",
        "name-with-dot",
        "MANIFEST-PATH",
        lambda: renamed("config.json", "./config.json"),
        case=16,
    ),
    bundle_case(
        "H07",
        "name-with-two-slashes",
        "MANIFEST-PATH",
        lambda: renamed("tokenizer/special", "tokenizer//special"),
    ),
    bundle_case(
        "H07",
        "name-with-backslash",
        "MANIFEST-PATH",
        lambda: renamed("tokenizer/special", "tokenizer\\special"),
    ),
    bundle_case(
        "H07",
        "name-with-nul",
        "MANIFEST-PATH",
        lambda: renamed("tokenizer/special", "tokenizer/special\0.txt"),
    ),
    bundle_case(
        "H08", "case", "PATH-COLLISION", lambda: renamed("tokenizer/special", "CONFIG.json")
    ),
    bundle_case(
        "H08",
        "unicode-form",
        "PATH-COLLISION",
        lambda: rooted(
            lambda r: r.extend({**r[0], "name": name} for name in ("caf\u00e9", "cafe\u0301"))
        ),
    ),
    tree_case("H08", "case-on-disk", "PATH-COLLISION", plus({"Config.JSON": b"{}"})),
    bundle_case(
        "H09", "everything-ignored", "MANIFEST-IGNORE", lambda: serialized(ignore_paths=["."])
    ),
    bundle_case(
        "H09", "folder-ignored", "MANIFEST-IGNORE", lambda: serialized(ignore_paths=["weights/"])
    ),
    tree_case(
        "H09",
        "weights-ignored",
        "FILE-IGNORED-READ",
        plus({"weights/lora.safetensors": b"other"}),
        bundle=lambda: serialized(ignore_paths=["weights"]),
    ),
    bundle_case("H10", "no-resources", "MANIFEST-EMPTY", lambda: rooted(list.clear), case=13),
    bundle_case(
        "H10",
        "no-resources-all-ignored",
        "MANIFEST-EMPTY",
        lambda: restated(
            lambda s: (
                s["predicate"].update(resources=[]),
                s["predicate"]["serialization"].update(ignore_paths=["."]),
            )
        ),
        case=17,
    ),
    bundle_case(
        "H11",
        "other-algorithm",
        "MANIFEST-ALGORITHM",
        lambda: rooted(lambda r: r[0].update(algorithm="blake3")),
    ),
    bundle_case("H11", "list", "MANIFEST-ALGORITHM", lambda: serialized(hash_type=[])),
    bundle_case("H11", "md5", "MANIFEST-ALGORITHM", lambda: serialized(hash_type="md5")),
    bundle_case(
        "H12",
        "root-of-others",
        "MANIFEST-ROOT",
        lambda: restated(lambda s: s["subject"][0]["digest"].update(sha256="ab" * 32)),
    ),
    bundle_case("H13", "second-signature-unknown", "SIGNATURE-INVALID", twice_signed, case=18),
    bundle_case(
        "H14",
        "payload-type",
        "BUNDLE-PAYLOAD-TYPE",
        lambda: edited(lambda v: v["dsseEnvelope"].update(payloadType="text/plain")),
        case=22,
    ),
    bundle_case(
        "H14",
        "statement-of-another-version",
        "STATEMENT-TYPE",
        lambda: restated(lambda s: s.update(_type="https://in-toto.io/Statement/v0.1")),
    ),
    bundle_case(
        "H14",
        "two-kinds-of-material",
        "BUNDLE-SHAPE",
        lambda: edited(
            lambda v: v["verificationMaterial"].update(certificate={"rawBytes": "AAAA"})
        ),
    ),
    bundle_case("H15", "predicate-of-0.1", "MANIFEST-LEGACY", oldest),
    bundle_case("H16", "old-encoding", "SIGNATURE-LEGACY", with_old_encoding),
    *SHARDS,
    *CHAINS,
    bundle_case("H20", "no-log-entry", "SIGSTORE-UNTRUSTED", keyless),
    bundle_case(
        "H21",
        "older-version",
        "STRONG-ROLLBACK",
        lambda: signed(MODEL),
        strong=lambda: sign_strong(strong_of(MODEL, counter=3), KEY),
        options=Options(minimum_counter=4),
    ),
    bundle_case("H22", "200-megabytes", "BUNDLE-JSON", lambda: b" " * 200_000_000),
    bundle_case("H22", "10000-deep", "BUNDLE-JSON", deep),
    bundle_case("H22", "many-lists", "BUNDLE-JSON", lambda: b"[" + b"[]," * 10_000_000 + b"[]]"),
    tree_case("H23", "extra-code", "FILE-EXTRA", plus({"modeling_x.py": b"print()"})),
    tree_case(
        "H23",
        "extra-code-ignored",
        "FILE-IGNORED-READ",
        plus({"modeling_x.py": b"print()"}),
        options=Options(ignore=("modeling_x.py",)),
        case=20,
    ),
    tree_case("H23", "extra-text", "FILE-EXTRA", plus({"NOTES": b"hello"})),
    tree_case("H25", "code-in-git", "FILE-IGNORED-READ", plus({".git/x.py": b""}), case=10),
    tree_case(
        "H25",
        "file-in-git-referred-to",
        "FILE-IGNORED-READ",
        plus({".git/objects/ab": b""}),
        options=Options(referenced=frozenset((".git/objects/ab",))),
    ),
    tree_case("H26", "link-added", "FILE-SYMLINK", linked("weights", "/etc/passwd")),
    tree_case(
        "H26",
        "link-to-outside",
        "FILE-SYMLINK",
        linked("config.json", "../../etc/passwd", "config.json"),
        bundle=allowing_links,
        options=Options(leniency=LENIENT),
    ),
    tree_case(
        "H27",
        "link-to-folder",
        "FILE-SYMLINK",
        linked("more", "tokenizer"),
        bundle=allowing_links,
        options=Options(leniency=LENIENT),
        case=12,
    ),
    tree_case(
        "H27",
        "link-to-an-unsigned-file-of-the-model",
        "FILE-SYMLINK",
        lambda: LinkedTree(
            {
                **{path: data for path, data in MODEL.items() if path != "config.json"},
                "NOTES": MODEL["config.json"],
            },
            (link("config.json", "NOTES"),),
        ),
        bundle=allowing_links,
        options=Options(leniency=LENIENT, ignore=("NOTES",)),
    ),
    tree_case("H30", "renamed", "FILE-RENAMED", moved("config.json", "settings.json")),
    tree_case(
        "H30",
        "swapped-names",
        "FILE-MODIFIED",
        plus(
            {
                "model-1.safetensors": MODEL["model-2.safetensors"],
                "model-2.safetensors": MODEL["model-1.safetensors"],
            }
        ),
    ),
    bundle_case(
        "H32",
        "no-unicode",
        "STATEMENT-JSON",
        lambda: resigned(canonical(statement_in(signed(MODEL))).replace(b"config", b"c\xffnfig")),
    ),
    bundle_case(
        "H32",
        "half-a-character",
        "STATEMENT-JSON",
        lambda: resigned(canonical(statement_in(signed(MODEL))).replace(b"config", b"\\ud800")),
    ),
)

WITH_COLON = {"a:b": b"12345678", "a:0:4": b"xy"}
SORTED = {"a/b": b"1", "a-b": b"2", "a.b": b"3"}


def in_order(*names: str) -> bytes:
    """Signed in the order in which the reference writes these names."""
    statement = statement_in(signed(SORTED))
    statement["predicate"]["resources"].sort(key=lambda one: names.index(one["name"]))
    raw = b"".join(bytes.fromhex(one["digest"]) for one in statement["predicate"]["resources"])
    statement["subject"][0]["digest"]["sha256"] = sha256_hex(raw)
    return resigned(statement)


def float_sized() -> bytes:
    """As protobuf's Struct writes a whole number."""
    text = canonical(statement_in(shards()))
    return resigned(text.replace(b'"shard_size":4', b'"shard_size":4.0'))


def of_one_file(name: str) -> bytes:
    manifest = manifest_of("a.gguf", hashed(MemoryTree({"a.gguf": b"1"})).files, Algorithm.SHA256)
    statement = json.loads(json.dumps(manifest.statement().payload()))
    statement["predicate"]["resources"][0]["name"] = name
    return resigned(statement)


CONTROLS: tuple[Signed, ...] = (
    Signed(name="plain"),
    Signed(name="shards", bundle=shards, tree=lambda: MemoryTree(without_empty())),
    Signed(
        name="shard-size-as-a-float",
        bundle=float_sized,
        tree=lambda: MemoryTree(without_empty()),
        case=2,
    ),
    Signed(
        name="shards-as-the-reference-names-them",
        bundle=lambda: labelled(4),
        tree=lambda: MemoryTree(without_empty()),
    ),
    Signed(
        name="colon-in-shards",
        bundle=lambda: sign_manifest(sharded(WITH_COLON, 3), KEY),
        tree=lambda: MemoryTree(WITH_COLON),
        case=5,
    ),
    Signed(
        name="blake2b",
        bundle=lambda: signed(MODEL, algorithm=Algorithm.BLAKE2B),
        algorithm=Algorithm.BLAKE2B,
        case=6,
    ),
    Signed(
        name="order-of-the-reference",
        bundle=lambda: in_order("a/b", "a-b", "a.b"),
        tree=lambda: MemoryTree(SORTED),
        case=7,
    ),
    Signed(
        name="eleven-shards-in-order-of-numbers",
        bundle=lambda: sign_manifest(sharded({"w": b"0123456789abcdefghijkl"}, 2), KEY),
        tree=lambda: MemoryTree({"w": b"0123456789abcdefghijkl"}),
        case=8,
    ),
    Signed(
        name="one-file-without-name",
        bundle=lambda: of_one_file("."),
        tree=lambda: MemoryTree({"b.gguf": b"1"}),
        case=9,
    ),
    Signed(
        name="one-file-with-name",
        bundle=lambda: of_one_file("a.gguf"),
        tree=lambda: MemoryTree({"a.gguf": b"1"}),
    ),
    Signed(
        name="git-files",
        tree=plus({".git/HEAD": b"ref", ".github/CODEOWNERS": b"*", ".gitattributes": b""}),
        case=10,
    ),
    Signed(
        name="links-allowed-by-both",
        bundle=lambda: restated(
            lambda st: st["predicate"]["serialization"].update(allow_symlinks=True),
            signed({"a.bin": b"w", "b.bin": b"w"}),
        ),
        tree=lambda: LinkedTree({"a.bin": b"w"}, (link("b.bin", "a.bin"),)),
        options=Options(leniency=LENIENT),
        case=11,
    ),
    Signed(
        name="signature-inside",
        tree=plus({"model.sig": b"..."}),
        options=Options(excluded=frozenset(("model.sig",))),
        case=21,
    ),
    Signed(
        name="empty-file-in-shards-that-the-strong-statement-lists",
        bundle=shards,
        strong=lambda: sign_strong(strong_of(MODEL, oms_root=sharded(MODEL, 4).root), KEY),
        case=3,
    ),
    Signed(name="predicate-of-0.1", bundle=oldest, options=Options(leniency=LENIENT)),
    Signed(name="old-encoding", bundle=with_old_encoding, options=Options(leniency=LENIENT)),
    Signed(
        name="hint-stripped-where-allowed",
        bundle=lambda: edited(lambda v: v["verificationMaterial"].update(publicKey={})),
        options=Options(leniency=LENIENT),
        case=19,
    ),
)
