"""The signing keys of each purpose, in the database; the private part sealed under a master key."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

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
from lotabots.runtime.cache import Cache, Caches
from lotabots.runtime.database import Database, Transaction
from lotabots.runtime.events import Topic, publish
from lotabots.runtime.keyring import rows
from lotabots.runtime.keyring.rows import ListedKey, Place, Row

REST = timedelta(hours=1)
"""The least time between two rotations: longer than whatever a key signs lives, and than a relying
party may keep the published set. Sooner, `previous` would go while its tokens are about, and
`next` would sign before everyone has seen it."""
PURPOSES = 16
"""Purposes whose keys are remembered; there are a handful."""

_NONCE_BYTES = 12  # of AES-GCM (NIST SP 800-38D); random, for a handful of keys under one key


class Keyring:
    """Key sets by purpose, the same in every process that shares the database and the master key.

    Who may write the database may add a public key: it is as trusted here as the code.
    """

    def __init__(self, database: Database, master_key: bytes, caches: Caches | None = None) -> None:
        """Without `caches` every use reads the database."""
        self._database = database
        self._master_key = master_key
        self._seal = AESGCM(master_key)
        self._signing: Cache[KeySet] | None = None
        self._verifying: Cache[VerificationKeys] | None = None
        if caches is not None:
            self._signing = caches.open("signing-keys", topic=Topic.KEYS, entries=PURPOSES)
            self._verifying = caches.open("verifying-keys", topic=Topic.KEYS, entries=PURPOSES)

    async def load(self, purpose: str) -> KeySet:
        """The keys to sign with, made on first use; several processes at once agree on them.

        Raises `KEYRING_SEAL_BROKEN` if they were sealed under another master key, `DATABASE_*`.
        """
        if self._signing is None:
            return await self._load(purpose)
        return await self._signing.get(purpose, lambda: self._load(purpose))

    async def verifying(self, purpose: str) -> VerificationKeys:
        """The public keys that a token of this purpose may be signed with.

        Needs no master key once the keys exist.
        """
        if self._verifying is None:
            return await self._load_public(purpose)
        return await self._verifying.get(purpose, lambda: self._load_public(purpose))

    def derive(self, name: str) -> bytes:
        """32 secret bytes that every process with this master key gets for this name."""
        return hkdf_sha512(self._master_key, f"lotabots/v1/derived/{name}".encode(), 32)

    async def rotate(self, tx: Transaction, purpose: str, *, rest: timedelta = REST) -> None:
        """Makes `next` the current key, `current` the previous one, and a new next one.

        The old previous one is gone. Every process signs with the new one once this is committed.
        Raises `KEY_PURPOSE_UNKNOWN`, and `KEY_ROTATED_LATELY` before the current key is `rest` old
        in its place.
        """
        held = await self._hold(tx, purpose)
        if tx.began - held["current"].placed_at < rest:
            detail = f"The keys for {purpose} were rotated at {held['current'].placed_at}."
            raise LotaError(Kind.CONFLICT, "KEY_ROTATED_LATELY", detail, purpose=purpose)
        if "previous" in held:
            await rows.remove(tx, held["previous"].kid)
        await rows.move(tx, held["current"].kid, "previous", tx.began)
        await self._advance(tx, purpose, held)
        await publish(tx, Topic.KEYS, purpose)

    async def revoke(self, tx: Transaction, purpose: str, kid: str) -> Place:
        """The place that this key had: it is gone, and what it signed is refused from now on.

        A current key is followed by the next one, which everyone has seen already. Within a second
        of the commit no process accepts what the key signed. Raises `KEY_PURPOSE_UNKNOWN`,
        `KEY_NOT_HELD`.
        """
        held = await self._hold(tx, purpose)
        place = next((place for place, key in held.items() if key.kid == kid), None)
        if place is None:
            detail = f"No key for {purpose} has this kid."
            raise LotaError(Kind.NOT_FOUND, "KEY_NOT_HELD", detail, purpose=purpose, kid=kid)
        await rows.remove(tx, kid)
        match place:
            case "current":
                await self._advance(tx, purpose, held)
            case "next":
                await self._add(tx, purpose, "next", tx.began)
            case "previous":
                pass
        await publish(tx, Topic.KEYS, purpose)
        return place

    async def listed(self, tx: Transaction) -> list[ListedKey]:
        """Every key of every purpose, without what is secret."""
        return await rows.listed(tx)

    async def _load(self, purpose: str) -> KeySet:
        async with self._database.transaction(None) as tx:
            found = await rows.of_purpose(tx, purpose)
            # Under the lock again: whoever held it may have made them.
            if not found and not await rows.hold(tx, purpose):
                await self._add(tx, purpose, "current", tx.began)
                await self._add(tx, purpose, "next", tx.began)
            found = found or await rows.of_purpose(tx, purpose)
        return self._key_set(purpose, found)

    async def _load_public(self, purpose: str) -> VerificationKeys:
        async with self._database.transaction(None) as tx:
            found = await rows.of_purpose(tx, purpose)
        if not found:
            return (await self.load(purpose)).verifying()
        return VerificationKeys(VerifyingKey.from_jwk(row.public_jwk) for row in found)

    async def _hold(self, tx: Transaction, purpose: str) -> dict[Place, ListedKey]:
        held = await rows.hold(tx, purpose)
        if "current" not in held or "next" not in held:
            detail = f"There are no keys for {purpose}: they are made on first use."
            raise LotaError(Kind.NOT_FOUND, "KEY_PURPOSE_UNKNOWN", detail, purpose=purpose)
        return held

    async def _advance(self, tx: Transaction, purpose: str, held: dict[Place, ListedKey]) -> None:
        """Makes `next` the current key, whose place is empty, and a new next one."""
        await rows.move(tx, held["next"].kid, "current", tx.began)
        await self._add(tx, purpose, "next", tx.began)

    def _key_set(self, purpose: str, found: Sequence[Row]) -> KeySet:
        keys = {row.place: self._open(purpose, row) for row in found}
        if "current" not in keys:
            detail = f"The keyring has no current key for {purpose}."
            raise LotaError(Kind.INTERNAL, "KEYRING_SEAL_BROKEN", detail, purpose=purpose)
        return KeySet(keys["current"], keys.get("previous"), keys.get("next"))

    async def _add(self, tx: Transaction, purpose: str, place: Place, now: datetime) -> None:
        key = SigningKey(generate_private_key(SECP256R1()))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._seal.encrypt(nonce, key.to_pem(), _bound_to(purpose, key.kid))
        await rows.add(tx, key.kid, purpose, place, key.jwk_public(), sealed, now)

    def _open(self, purpose: str, row: Row) -> SigningKey:
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


def _bound_to(purpose: str, kid: str) -> bytes:
    """What the seal covers beside the key: it cannot be moved to another purpose or name."""
    return f"lotabots/v1/keyring/{purpose}/{kid}".encode()
