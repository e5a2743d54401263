"""The log's own keys: Ed25519 for every verifier there is, ML-DSA-44 for when that is broken."""

from lotabots.kernel import sha256
from lotabots.runtime.keyring import Keyring
from lotabots.tlog import Algorithm, NoteSigner

_NAMES = {Algorithm.ED25519: "audit-log-ed25519", Algorithm.ML_DSA_44: "audit-log-ml-dsa-44"}


def log_signers(keyring: Keyring, origin: str) -> tuple[NoteSigner, ...]:
    """Who signs checkpoints, the same in every process with this master key.

    Without an origin the log is named after its Ed25519 key, so that no two installations have one
    name. Raises `TLOG_KEY` for an origin that cannot be a name.
    """
    seeds = {algorithm: keyring.derive(name) for algorithm, name in _NAMES.items()}
    if not origin:
        key = NoteSigner(Algorithm.ED25519, "unnamed", seeds[Algorithm.ED25519]).verifier.public
        origin = f"lotabots/{sha256(key).hex()[:16]}"
    return tuple(NoteSigner(algorithm, origin, seed) for algorithm, seed in seeds.items())
