"""Our verification of a model as a program, for the time until `lotabots model verify` is there.

model_verify.py MODEL BUNDLE KEY [CACHE]: exits with 0 if somebody trusted signed exactly this.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from lotabots.models import Leniency, Options, Trust, load_public_key, open_bundle, verify_opened
from lotabots.models.cache import read_cache
from lotabots.models.read import hash_tree, open_folder


def main() -> int:
    model, bundle, key, *rest = map(Path, sys.argv[1:])
    now = datetime.now(UTC)
    trust = Trust(keys=(load_public_key(key.read_bytes()),))
    opened = open_bundle(bundle.read_bytes(), trust, Leniency(), now)
    cache = read_cache(rest[0], bytes(32), time.time_ns()) if rest else None
    if opened.manifest is None:
        return 1
    with open_folder(model) as tree:
        hashed = hash_tree(tree, algorithm=opened.manifest.algorithm, cache=cache)
        verified = verify_opened(opened, None, hashed, tree, now, Options())
    return 0 if verified.holds else 1


if __name__ == "__main__":
    sys.exit(main())
