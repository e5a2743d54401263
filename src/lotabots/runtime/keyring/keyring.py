"""The signing keys of each purpose, in the database; the private part sealed under a master key."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import Literal, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lotabots.kernel import (
    KeySet,
    Kind,
    LotaError,
    SigningKey,
    VerificationKeys,
    VerifyingKey,
    hkdf_sha512,
)
from lotabots.runtime.database import Database, Transaction

MEMORY_SECONDS = 30.0
"""How long a process may sign with keys that were rotated since. `next` is published long before
it signs and `previous` until its tokens have expired, so this is never seen."""

_NONCE_BYTES = 12  # of AES-GCM (NIST SP 800-38D); random, for a handful of keys under one key

Place: TypeAlias = Literal["previous", "current", "next"]


class _Row(msgspec.Struct, frozen=True):
    kid: str
    place: Place
    public_jwk: dict[str, str]
    sealed: bytes


class Keyring:
    """Key sets by purpose, the same in every process that shares the database and the master key.

    Who may write the database may add a public key: it is as trusted here as the code.
    """

    def __init__(self, database: Database, master_key: bytes) -> None:
        self._database = database
        self._master_key = master_key
        self._seal = AESGCM(master_key)
        self._remembered: dict[str, tuple[float, KeySet]] = {}

    async def load(self, purpose: str) -> KeySet:
        """The keys to sign with, made on first use; several processes at once agree on them.

        Raises `KEYRING_SEAL_BROKEN` if they were sealed under another master key, `DATABASE_*`.
        """
        until, keys = self._remembered.get(purpose, (0.0, None))
        if keys is not None and monotonic() < until:
            return keys
        async with self._database.transaction(None) as tx:
            rows = await _rows(tx, purpose)
            if not rows:
                await tx.lock(_lock_name(purpose))
                rows = await _rows(tx, purpose)  # again: whoever held the lock has made them
                if not rows:
                    await self._add(tx, purpose, "current", tx.began)
                    await self._add(tx, purpose, "next", tx.began)
                    rows = await _rows(tx, purpose)
        return self._remember(purpose, rows)

    async def verifying(self, purpose: str) -> VerificationKeys:
        """The public keys that a token of this purpose may be signed with, straight from the store.

        Needs no master key once the keys exist.
        """
        async with self._database.transaction(None) as tx:
            rows = await _rows(tx, purpose)
        if not rows:
            return (await self.load(purpose)).verifying()
        return VerificationKeys(VerifyingKey.from_jwk(row.public_jwk) for row in rows)

    def derive(self, name: str) -> bytes:
        """32 secret bytes that every process with this master key gets for this name."""
        return hkdf_sha512(self._master_key, f"lotabots/v1/derived/{name}".encode(), 32)

    async def rotate(self, purpose: str, now: datetime) -> KeySet:
        """The keys after `next` has become `current`, and `current` `previous`.

        Leave at least a token's whole life between two rotations: the old `previous` is gone.
        """
        await self.load(purpose)
        async with self._database.transaction(None) as tx:
            await tx.lock(_lock_name(purpose))
            table = "runtime.signing_keys"
            sql = f"delete from {table} where purpose = $1 and place = 'previous'"  # noqa: S608
            await tx.execute(sql, purpose)
            move = (
                f"update {table} set place = $3, placed_at = $4 where purpose = $1 and place = $2"  # noqa: S608
            )
            await tx.execute(move, purpose, "current", "previous", now)
            await tx.execute(move, purpose, "next", "current", now)
            await self._add(tx, purpose, "next", now)
            rows = await _rows(tx, purpose)
        return self._remember(purpose, rows)

    def _remember(self, purpose: str, rows: Sequence[_Row]) -> KeySet:
        keys = {row.place: self._open(purpose, row) for row in rows}
        if "current" not in keys:
            detail = f"The keyring has no current key for {purpose}."
            raise LotaError(Kind.INTERNAL, "KEYRING_SEAL_BROKEN", detail, purpose=purpose)
        key_set = KeySet(keys["current"], keys.get("previous"), keys.get("next"))
        self._remembered[purpose] = (monotonic() + MEMORY_SECONDS, key_set)
        return key_set

    async def _add(self, tx: Transaction, purpose: str, place: Place, now: datetime) -> None:
        key = SigningKey(generate_private_key(SECP256R1()))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._seal.encrypt(nonce, key.to_pem(), _bound_to(purpose, key.kid))
        await tx.execute(
            "insert into runtime.signing_keys"
            " (kid, purpose, place, public_jwk, sealed, created_at, placed_at)"
            " values ($1, $2, $3, $4, $5, $6, $6)",
            key.kid, purpose, place, key.jwk_public(), sealed, now,
        )  # fmt: skip

    def _open(self, purpose: str, row: _Row) -> SigningKey:
        nonce, sealed = row.sealed[:_NONCE_BYTES], row.sealed[_NONCE_BYTES:]
        try:
            key = SigningKey.from_pem(
                self._seal.decrypt(nonce, sealed, _bound_to(purpose, row.kid))
            )
        except (InvalidTag, ValueError) as error:
            detail = "A signing key does not open with this master key."
            raise LotaError(
                Kind.INTERNAL, "KEYRING_SEAL_BROKEN", detail, purpose=purpose, kid=row.kid
            ) from error
        return key


async def _rows(tx: Transaction, purpose: str) -> list[_Row]:
    return await tx.fetch(
        "select kid, place, public_jwk, sealed from runtime.signing_keys where purpose = $1",
        purpose,
        into=_Row,
    )


def _lock_name(purpose: str) -> str:
    return f"keyring/{purpose}"


def _bound_to(purpose: str, kid: str) -> bytes:
    """What the seal covers beside the key: it cannot be moved to another purpose or name."""
    return f"lotabots/v1/keyring/{purpose}/{kid}".encode()
