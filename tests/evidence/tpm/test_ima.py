"""IMA lists are taken apart line by line, each hash recomputed, and replayed into PCR 10."""

from collections.abc import Sequence
from hashlib import sha1, sha256
from pathlib import Path

import pytest
from evidence.tpm.logs import (
    ima_log,
    ima_pcr,
    measured,
    outcome,
    published,
    template_data,
    violation,
)
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.schemes.tpm.ima import MAX_ENTRIES, Entry, read_ima, replay
from lotabots.kernel import LotaError

ZERO = bytes(32)
REFUSED = {"TPM-IMA-MALFORMED", "TPM-IMA-FALSE", "TPM-IMA-TEMPLATE"}
REAL = "ima-keylime/ascii_runtime_measurements"
SHORT = tuple(f"ima-keylime/ima-log-sha{size}" for size in (1, 256, 384, 512))
BASH = f"sha256:{'ab' * 32}"
LIST = [measured(f"/usr/bin/{name}") for name in "abcdefgh"]
PATHS = st.text(st.characters(codec="utf-8", exclude_characters=" \0"), min_size=1, max_size=20)


def refusal(log: str) -> str:
    with pytest.raises(LotaError) as caught:
        read_ima(log)
    return caught.value.code


def one(line: tuple[str, bytes]) -> Entry:
    (entry,) = read_ima(line[0])
    assert entry.extension == line[1]
    return entry


def test_every_hash_of_the_published_list_is_recomputed(vectors: Path) -> None:
    entries = read_ima(published(vectors, REAL).decode())
    assert len(entries) == 826
    assert all(entry.digest.startswith("sha1:") and not entry.violation for entry in entries)
    assert (entries[0].path, entries[2].path) == ("boot_aggregate", "/bin/sh")


def test_the_published_list_extends_the_pcr_by_sha256_of_its_fields(vectors: Path) -> None:
    text = published(vectors, REAL).decode()
    value = ZERO
    for line in text.splitlines():
        _, shown, _, digest, path = line.split(" ")
        data = template_data(path.encode(), digest)
        assert sha1(data).hexdigest() == shown
        value = sha256(value + sha256(data).digest()).digest()
    assert replay(read_ima(text), ZERO, value) == 826


@pytest.mark.parametrize("name", SHORT)
def test_published_lists_of_each_hash_are_read(vectors: Path, name: str) -> None:
    entries = read_ima(published(vectors, name).decode())
    algorithm = name.rpartition("-")[2]
    assert [entry.digest.split(":")[0] for entry in entries] == [algorithm] * 2
    # The lists of SHA-1, 384 and 512 begin with a hash of zeros, as a violation has it.
    assert [entry.violation for entry in entries] == [algorithm != "sha256", False]


def test_any_changed_character_of_the_published_list_is_found(vectors: Path) -> None:
    text = published(vectors, REAL).decode()
    value = ZERO
    for entry in read_ima(text):
        value = sha256(value + entry.extension).digest()
    for at in range(0, len(text), 997):
        changed = text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]
        code = outcome(read_ima, changed)
        assert code in REFUSED or replay(read_ima(changed), ZERO, value) is None


@pytest.mark.parametrize(
    ("template", "digest", "more"),
    [
        ("ima-ng", BASH, None),
        ("ima-ng", f"sha512:{'ab' * 64}", None),
        ("ima-sig", BASH, b"\x03\x02\x04signature"),
        ("ima-sig", BASH, b""),
        ("ima-buf", BASH, b"a command line"),
        ("ima-ngv2", f"ima:{BASH}", None),
        ("ima-ngv2", f"verity:{BASH}", None),
        ("ima-sigv2", f"verity:{BASH}", b"signature"),
    ],
)
def test_an_entry_of_each_template_is_read(template: str, digest: str, more: bytes | None) -> None:
    entry = one(measured("/usr/bin/bash", digest, template, more))
    assert (entry.path, entry.digest, entry.violation) == ("/usr/bin/bash", digest, False)


def test_an_entry_of_the_oldest_template_has_its_path_in_256_bytes() -> None:
    data = b"\xab" * 20 + b"/bin/sh".ljust(256, b"\0")
    line = f"10 {sha1(data).hexdigest()} ima {'ab' * 20} /bin/sh\n"
    entry = one((line, sha256(data).digest()))
    assert (entry.path, entry.digest) == ("/bin/sh", f"sha1:{'ab' * 20}")
    assert refusal(line.replace("/bin/sh", "/" * 256)) == "TPM-IMA-MALFORMED"


def test_a_violation_extends_by_ones_and_proves_nothing_of_its_line() -> None:
    entry = one(violation("/var/log/journal"))
    assert entry.violation
    assert entry.extension == b"\xff" * 32


@given(PATHS)
def test_any_path_is_read_whole(path: str) -> None:
    before, line, after = measured("/a"), measured(path), measured("/b")
    entries = read_ima(ima_log([before, line, after]))
    assert [entry.path for entry in entries] == ["/a", path, "/b"]
    assert entries[1].extension == line[1]


def test_a_path_that_is_no_utf8_is_sent_as_one_character_for_each_byte() -> None:
    raw = b"/tmp/caf\xe9"
    data = template_data(raw, BASH)
    entry = one(
        (
            f"10 {sha1(data).hexdigest()} ima-ng {BASH} {raw.decode('latin-1')}\n",
            sha256(data).digest(),
        )
    )
    assert entry.path == "/tmp/caf\\xe9"


@pytest.mark.parametrize(
    ("log", "code"),
    [
        ("\n", "TPM-IMA-MALFORMED"),
        ("10 ", "TPM-IMA-MALFORMED"),
        ("10 \n", "TPM-IMA-MALFORMED"),
        (LIST[0][0][:-1], "TPM-IMA-MALFORMED"),
        (LIST[0][0].replace("10 ", "11 ", 1), "TPM-IMA-MALFORMED"),
        (LIST[0][0] + LIST[1][0].replace("10 ", "11 ", 1), "TPM-IMA-MALFORMED"),
        (LIST[0][0].replace(" /usr", "  /usr"), "TPM-IMA-MALFORMED"),
        (LIST[0][0].replace("sha256:", "sha256:0"), "TPM-IMA-MALFORMED"),
        (LIST[0][0].replace("sha256:", "SHA256:"), "TPM-IMA-MALFORMED"),
        (LIST[0][0].replace("ima-ng", "ima-ngv2"), "TPM-IMA-MALFORMED"),
        (LIST[0][0].replace("ima-ng", "ima-sig"), "TPM-IMA-MALFORMED"),
        (
            measured("/a", template="ima-sig", more=b"x")[0].replace(" 78", " 7"),
            "TPM-IMA-MALFORMED",
        ),
        (LIST[0][0].replace("ima-ng", "ima-modsig"), "TPM-IMA-TEMPLATE"),
        (LIST[0][0].replace("ima-ng", "d|n"), "TPM-IMA-TEMPLATE"),
        (LIST[0][0].replace("/usr/bin/a", "/usr/bin/b"), "TPM-IMA-FALSE"),
        (LIST[0][0].replace("sha256:", "sha512:"), "TPM-IMA-FALSE"),
        (LIST[0][0].upper().replace("IMA-NG SHA256:", "ima-ng sha256:"), "TPM-IMA-MALFORMED"),
        (LIST[0][0] * (MAX_ENTRIES + 1), "TPM-LIMIT-IMA"),
    ],
)
def test_what_is_no_list_is_refused(log: str, code: str) -> None:
    assert refusal(log) == code


@given(st.text(max_size=200) | st.text(max_size=100).map(LIST[0][0].__add__))
def test_any_text_is_a_list_or_is_refused(log: str) -> None:
    code = outcome(read_ima, log)
    assert code in REFUSED or len(read_ima(log)) <= log.count("\n")


def test_a_list_that_ends_within_a_line_is_refused_wherever_it_ends() -> None:
    log = ima_log(LIST[:2])
    ends = {0, len(LIST[0][0]), len(log)}
    for end in range(len(log)):
        if end not in ends:
            assert refusal(log[:end]) == "TPM-IMA-MALFORMED"
    assert read_ima("") == ()


@given(st.integers(0, len(LIST)), st.integers(0, len(LIST)))
def test_a_replay_in_parts_is_the_replay_in_one_go(first: int, second: int) -> None:
    start, end = sorted((first, second))
    entries = read_ima(ima_log(LIST))
    middle, last = ima_pcr(LIST[:start]), ima_pcr(LIST[:end])
    assert replay(entries, ZERO, last) == end
    assert replay(entries, ZERO, middle) == start
    assert replay(read_ima(ima_log(LIST[start:])), middle, last) == end - start


def test_entries_behind_the_quoted_value_are_not_part_of_it() -> None:
    assert replay(read_ima(ima_log(LIST)), ZERO, ima_pcr(LIST[:3])) == 3


@pytest.mark.parametrize(
    "other",
    [LIST[1:], LIST[:-1], [LIST[1], LIST[0], *LIST[2:]], [*LIST[:4], LIST[3], *LIST[4:]]],
)
def test_entries_left_out_added_or_exchanged_do_not_lead_to_the_pcr(
    other: Sequence[tuple[str, bytes]],
) -> None:
    assert replay(read_ima(ima_log(other)), ZERO, ima_pcr(LIST)) is None


@pytest.mark.long
def test_a_list_of_the_greatest_length_is_read() -> None:
    entries = read_ima("".join(measured(f"/f/{n}")[0] for n in range(MAX_ENTRIES)))
    assert len(entries) == MAX_ENTRIES
