"""Models in a server's registry from the command line: the whole story, and each refusal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from plugins.flaky import Flaky, flaky
from plugins.models import safetensors
from plugins.people import People
from plugins.shell import Shell

from lotabots.cli.model import served
from lotabots.evidence import Level
from lotabots.kernel import LotaError, Role, VerificationKeys
from lotabots.models import load_signing_key
from lotabots.result import Need, Required, admit, read_result, read_status_list
from lotabots.runtime.clock import utc_now

pytestmark = pytest.mark.anyio

FILES = {
    "README.md": b"# Tiny\n",
    "config.json": b'{"model_type": "tiny"}',
    "model.safetensors": safetensors({"a": [1.0, 2.0], "b": [3.0]}),
}
VERSION = "1.0"


def pem_of(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Story:
    """Two operators, a model on a disk, the key that signs it, and the policy that trusts it."""

    def __init__(self, people: People, place: Path) -> None:
        self.people = people
        self.place = place
        self.folder = place / "tiny"
        self.key = place / "signer.pem"
        self.trust = place / "trust.json"
        self.ada = Shell(people, place / "ada")
        self.bob = Shell(people, place / "bob")

    def write(self, files: Mapping[str, bytes] = FILES) -> None:
        for name, data in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)

    async def sign(self, version: str = VERSION, **files: bytes) -> str:
        """The digest of the model, now with this version of it on the disk."""
        self.write(files)
        signed = await self.ada.done(
            *("model", "sign", str(self.folder), "--key", str(self.key), "-o", "json"),
            *("--name", "acme/tiny", "--model-version", version),
            *("--counter", version.replace(".", "")),
        )
        return str(json.loads(signed)["identity"])

    async def trusted(self) -> str:
        added = await self.ada.done(
            "model", "trust", "add", str(self.trust), "--activate", "-o", "json"
        )
        return str(json.loads(added)["id"])

    async def register(self, *more: str) -> Any:
        return json.loads(
            await self.ada.done("model", "register", str(self.folder), "-o", "json", *more)
        )

    async def accepted(self, version: str = VERSION, **files: bytes) -> str:
        """The digest of this version, signed, registered, uploaded and accepted."""
        digest = await self.sign(version, **files)
        await self.trusted()
        await self.ada.done("model", "register", str(self.folder), "--verify")
        return digest

    async def in_production(self, model: str, move: str = "promote") -> None:
        more = ("--rollback",) if move == "rollback" else ()
        await self.bob.done("model", "approve", model, "--stage", "production", *more)
        await self.ada.done("model", move, model, "--stage", "production")


@pytest.fixture
async def story(people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    """Both have tokens, which costs less than to log in, and no policy is in force yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(served, "AGAIN_SECONDS", 0.01)
    story = Story(people, tmp_path)
    story.write()
    story.key.write_bytes(pem_of(ec.generate_private_key(ec.SECP256R1())))
    pem = load_signing_key(story.key.read_bytes()).public.pem.decode()
    rule = {"match": "acme/*", "mode": "enforce", "signers": [{"key": pem}]}
    rule |= {"require": ["strong_manifest", "tensor_root"]}
    story.trust.write_text(json.dumps({"name": "acme", "rules": [rule]}))
    for shell in (story.ada, story.bob):
        token = people.api.tokens.token(Role.OPERATOR, user_id=uuid4())
        shell.environ["LOTABOTS_TOKEN"] = token
    return story


async def test_a_model_goes_from_a_disk_to_production_and_its_result_is_admitted(
    story: Story, people: People
) -> None:
    ada, bob = story.ada, story.bob
    for shell in (ada, bob):
        shell.environ["LOTABOTS_TOKEN"] = ""
        await shell.log_in((await people.made(Role.OPERATOR))["username"])
    digest = await story.sign()
    policy = await story.trusted()
    said = await ada.done("model", "register", str(story.folder))
    assert digest in said
    verdict = await ada.done("model", "judge", "acme/tiny@1.0")
    assert verdict.startswith("accepted  acme/tiny 1.0")
    await story.in_production(digest)
    shown = await bob.done("model", "show", digest)
    assert "production" in shown
    [listed] = json.loads(await bob.done("model", "list", "-o", "json"))["items"]
    assert (listed["digest"], listed["stages"]) == (digest, ["production"])
    session = story.place / "session.pem"
    session.write_bytes(pem_of(ec.generate_private_key(ec.SECP256R1())))
    token = await bob.done("model", "result", digest, "--key", str(session))
    admission = await admitted(people, token, digest, policy)
    assert admission.admitted, admission.reasons


async def admitted(people: People, token: str, digest: str, policy: str) -> Any:
    """What a relying party says that asks for this model under this policy."""
    api = people.api
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", None)).content)
    status = read_status_list((await api.get("/v1/status", None)).text, keys)
    found = read_result(token, keys)
    need = Need(
        issuer=found.issuer,
        audience=found.audience,
        policies=frozenset({policy}),
        required=(Required(kind="model", count=1, level=Level.CLAIMED),),
    )
    return admit(found, f"model:{digest}", need, status, utc_now())


async def test_whoever_registered_a_model_does_not_approve_it_and_nothing_moves_before(
    story: Story,
) -> None:
    model = await story.accepted()
    stage = ("--stage", "production")
    assert await story.ada.refused("model", "promote", model, *stage) == "MODEL_NOT_APPROVED"
    assert await story.ada.refused("model", "approve", model, *stage) == "MODEL_APPROVAL_OWN"
    session = story.place / "session.pem"
    session.write_bytes(pem_of(ec.generate_private_key(ec.SECP256R1())))
    unapproved = await story.ada.run("model", "result", model, "--key", str(session))
    assert unapproved.return_value == 1
    assert "rejected" in unapproved.stderr


async def test_a_stage_goes_back_by_an_approval_of_its_own(story: Story) -> None:
    first = await story.accepted("1.0")
    await story.in_production(first)
    second = await story.accepted("1.1", **{"README.md": b"# Tiny, again\n"})
    await story.in_production(second)
    stage = ("--stage", "production")
    assert await story.ada.refused("model", "promote", first, *stage) == "MODEL_NOT_NEWER"
    assert await story.ada.refused("model", "rollback", first, *stage) == "MODEL_NOT_APPROVED"
    await story.in_production(first, "rollback")
    moves = json.loads(await story.bob.done("model", "show", first, "-o", "json"))["moves"]
    assert sorted((one["number"], one["version"], one["move"]) for one in moves) == [
        (1, "1.0", "promote"), (2, "1.1", "promote"), (3, "1.0", "rollback"),
    ]  # fmt: skip


async def test_every_answer_is_one_json_document_where_that_is_asked_for(story: Story) -> None:
    model = await story.sign()
    policy = await story.trusted()
    await story.register()
    json_ = ("-o", "json")
    judged = json.loads(await story.ada.done("model", "judge", model, *json_))
    assert judged["verdict"]["outcome"] == judged["verification"]["outcome"] == "accepted"
    stage = ("--stage", "staging")
    [approval] = json.loads(await story.bob.done("model", "approve", model, *stage, *json_))
    assert (approval["stage"], approval["move"]) == ("staging", "promote")
    moved = json.loads(await story.ada.done("model", "promote", model, *stage, *json_))
    assert (moved["number"], moved["digest"]) == (1, model)
    assert json.loads(
        await story.ada.done("model", "upload", model, str(story.folder), *json_)
    ) == {"digest": model, "uploaded": []}
    [listed] = json.loads(await story.ada.done("model", "trust", "list", *json_))
    assert listed == {"id": policy, "active": True}
    assert json.loads(await story.ada.done("model", "trust", "show", policy, *json_))["source"]
    activated = json.loads(await story.ada.done("model", "trust", "activate", policy, *json_))
    assert activated["active"]
    queued = json.loads(await story.ada.done("model", "judge", model, "--no-wait", *json_))
    assert queued["digest"] == model


async def test_files_are_uploaded_only_where_the_server_lacks_them(story: Story) -> None:
    await story.sign()
    made = await story.register("--no-upload")
    assert not any(one["uploaded"] for one in made["files"])
    sent = (await story.register())["sent"]
    assert sent == sorted(FILES)
    assert (await story.register())["sent"] == []
    again = ("model", "upload", "acme/tiny@1", str(story.folder), "--again", "-o", "json")
    assert json.loads(await story.ada.done(*again))["uploaded"] == sorted(FILES)


@pytest.mark.parametrize("more", [(), ("--hash", "blake3"), ("--no-strong",)])
async def test_a_model_of_one_file_is_registered_however_it_was_signed(
    story: Story, more: tuple[str, ...]
) -> None:
    file = str(story.folder / "model.safetensors")
    named = ("--name", "acme/one", "--version", "2")
    signed = ("--key", str(story.key), "--name", "acme/one", "--model-version", "2")
    await story.ada.done("model", "sign", file, *signed, *more)
    source = json.loads(story.trust.read_text())
    source["rules"][0]["require"] = []
    story.trust.write_text(json.dumps(source))
    await story.trusted()
    verdict = await story.ada.done("model", "register", file, *named, "--verify", "-o", "json")
    assert json.loads(verdict)["verdict"]["outcome"] == "accepted", verdict


async def test_a_model_of_many_files_signed_with_blake3_is_accepted(story: Story) -> None:
    story.write()
    named = ("--name", "acme/tiny", "--model-version", "1.0", "--hash", "blake3")
    await story.ada.done("model", "sign", str(story.folder), "--key", str(story.key), *named)
    await story.trusted()
    verdict = await story.ada.done("model", "register", str(story.folder), "--verify")
    assert "accepted  acme/tiny 1.0" in verdict


async def test_a_file_that_changed_since_is_not_taken_and_named(story: Story) -> None:
    model = await story.sign()
    await story.register("--no-upload")
    story.write({"config.json": FILES["config.json"].replace(b"tiny", b"tinY")})
    result = await story.ada.run("model", "upload", model, str(story.folder))
    assert isinstance(result.exception, LotaError)
    assert result.exception.code == "MODEL_UPLOAD_DIGEST"
    assert result.exception.detail.startswith("config.json: ")
    (story.folder / "config.json").unlink()
    refused = await story.ada.refused("model", "upload", model, str(story.folder))
    assert refused == "MODEL_FILES_DIFFER"


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({"more.json": b"{}"}, ()),
        ({"config.json": b'{"model_type": "tinY"}'}, ()),
        ({}, ("--ignore", "config.json")),
        ({}, ("--name", "acme/other")),
        ({}, ("--version", "1.1")),
    ],
)
async def test_what_its_own_signature_contradicts_is_not_registered(
    story: Story, files: Mapping[str, bytes], options: tuple[str, ...]
) -> None:
    await story.sign()
    story.write(files)
    refused = await story.ada.refused("model", "register", str(story.folder), *options)
    assert refused == "MODEL_SIGNED_OTHERWISE"
    assert json.loads(await story.ada.done("model", "list", "-o", "json"))["items"] == []


async def test_what_git_left_in_the_folder_is_left_out_when_told(story: Story) -> None:
    digest = await story.sign()
    story.write({".gitattributes": b"*.bin binary\n"})
    refused = await story.ada.refused("model", "register", str(story.folder))
    assert refused == "MODEL_SIGNED_OTHERWISE"
    assert (await story.register("--ignore", ".gitattributes"))["digest"] == digest


async def test_what_is_no_regular_file_is_no_part_of_a_model(story: Story) -> None:
    (story.folder / "link.json").symlink_to("config.json")
    named = ("--name", "acme/tiny", "--version", "1")
    register = ("model", "register", str(story.folder), *named)
    assert await story.ada.refused(*register) == "MODEL_UNREADABLE"
    await story.ada.done(*register, "--ignore", "link.json")


@pytest.mark.parametrize(
    "words",
    [
        ("register", "PATH"),
        ("register", "PATH", "--name", "tiny", "--version", "1.0"),
        ("register", "PATH", "--name", "acme/tiny", "--version", "v1"),
        ("judge", "acme/tiny"),
        ("show", "489aa862"),
        ("result", "0" * 64, "--key", "ED25519"),
    ],
)
async def test_wrong_use_is_said_before_a_server_is_asked(
    story: Story, words: tuple[str, ...]
) -> None:
    key = story.place / "ed25519.pem"
    key.write_bytes(pem_of(ed25519.Ed25519PrivateKey.generate()))
    places = {"PATH": str(story.folder), "ED25519": str(key)}
    result = await story.ada.run("model", *(places.get(one, one) for one in words))
    assert getattr(result.exception, "exit_code", None) == 2, result.exception


async def test_a_model_that_is_not_there_is_not_found_by_either_name(story: Story) -> None:
    for model in ("0" * 64, "acme/tiny@7"):
        assert await story.ada.refused("model", "show", model) == "MODEL_NOT_FOUND"


async def test_a_version_is_found_however_it_is_written_and_on_every_page(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "PAGE", 1)
    for version in ("1.0", "1.1", "1.2"):
        await story.sign(version, **{"README.md": version.encode()})
        await story.register("--no-upload")
    shown = await story.ada.run("model", "show", "acme/tiny@1", "-o", "json")
    assert (json.loads(shown.stdout)["version"], shown.return_value) == ("1.0", 3)


async def test_without_a_policy_there_is_no_verdict_and_it_is_said_what_to_do(
    story: Story,
) -> None:
    await story.sign()
    result = await story.ada.run("model", "register", str(story.folder), "--verify")
    assert result.return_value == 4
    assert "MODEL_POLICY_NONE" in result.stderr
    assert "What to do" in result.stderr


async def test_a_model_that_is_refused_says_why_and_its_exit_code_is_1(story: Story) -> None:
    await story.sign(**{"modeling_tiny.py": b"import os\n"})
    await story.trusted()
    await story.register()
    for command in ("judge", "show"):
        result = await story.ada.run("model", command, "acme/tiny@1.0")
        assert result.return_value == 1
        assert "modeling_tiny.py" in result.stdout


async def test_what_nobody_uploaded_is_inconclusive_and_its_exit_code_is_3(story: Story) -> None:
    await story.sign()
    source = json.loads(story.trust.read_text())
    source["rules"][0]["require"] = []
    story.trust.write_text(json.dumps(source))
    await story.trusted()
    await story.register("--no-upload")
    result = await story.ada.run("model", "judge", "acme/tiny@1.0")
    assert result.return_value == 3


async def test_a_policy_that_does_not_load_is_not_sent(story: Story) -> None:
    story.trust.write_text("name: acme\nrules: [{match: acme/*, mode: enforce}]\n")
    code = await story.ada.refused("model", "trust", "add", str(story.trust))
    assert code.startswith("MODEL_POLICY")
    assert json.loads(await story.ada.done("model", "trust", "list", "-o", "json")) == []


async def through(story: Story, way: Flaky) -> Shell:
    """Another operator, whose way to the server is this one."""
    shell = Shell(story.people, story.place / "carol")
    shell.environ["LOTABOTS_SERVER"] = way.url
    await shell.log_in((await story.people.made(Role.OPERATOR))["username"])
    return shell


async def test_an_upload_that_breaks_off_is_begun_again(story: Story) -> None:
    story.write({"large.bin": bytes(range(256)) * 4096})
    digest = await story.sign()
    await story.register("--no-upload")
    async with flaky(story.people.api.servers.url) as way:
        carol = await through(story, way)
        # Of the first connection, which asks for the model, everything; then one breaks off in a
        # file, and the server is away for two more.
        way.cuts = [1 << 30, 1 << 30, 1 << 30, 300_000, 0, 0]
        await carol.done("model", "upload", digest, str(story.folder))
        assert way.broken == 3
    shown = json.loads((await story.ada.run("model", "show", digest, "-o", "json")).stdout)
    assert all(one["uploaded"] for one in shown["files"])


async def test_a_verdict_is_waited_for_while_the_server_is_away(story: Story) -> None:
    digest = await story.sign()
    await story.trusted()
    await story.register()
    async with flaky(story.people.api.servers.url) as way:
        carol = await through(story, way)
        way.cuts = [1 << 30, 0, 1 << 30, 0, 0]
        result = await carol.run("model", "judge", digest)
        assert (result.return_value, way.broken) == (0, 3), result.output
    assert result.stderr.count("The server is away") == 2, result.stderr


async def test_events_that_break_off_are_followed_anew(story: Story) -> None:
    digest = await story.sign()
    await story.trusted()
    await story.register()
    async with flaky(story.people.api.servers.url) as way:
        carol = await through(story, way)
        way.marks = [b"event: "]
        result = await carol.run("model", "judge", digest)
        assert result.return_value == 0, result.output
        if not way.broken:
            pytest.skip("the verdict was there before the first event")
        assert "The server is away" in result.stderr


async def test_a_server_that_was_never_there_is_not_waited_for(story: Story) -> None:
    nowhere = {"LOTABOTS_SERVER": "http://127.0.0.1:1", "LOTABOTS_TOKEN": "x"}
    code = await story.ada.refused("model", "judge", "0" * 64, **nowhere)
    assert code == "SERVER_UNREACHABLE"


async def test_a_large_upload_that_is_refused_says_what_the_server_said(story: Story) -> None:
    story.write({"large.bin": bytes(8 << 20)})
    digest = await story.sign()
    await story.register("--no-upload")
    viewer = Shell(story.people, story.place / "viewer")
    await viewer.log_in((await story.people.made(Role.VIEWER))["username"])
    refused = await viewer.refused("model", "upload", digest, str(story.folder))
    assert refused == "PERMISSION_DENIED"


async def test_a_version_that_is_taken_is_refused_with_the_digest_that_has_it(
    story: Story,
) -> None:
    digest = await story.sign()
    await story.register("--no-upload")
    await story.sign(**{"README.md": b"# Other\n"})
    result = await story.ada.run("model", "register", str(story.folder))
    assert isinstance(result.exception, LotaError)
    assert (result.exception.code, result.exception.details) == (
        "MODEL_VERSION_TAKEN", {"digest": digest}
    )  # fmt: skip
