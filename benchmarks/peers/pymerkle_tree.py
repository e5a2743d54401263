"""pymerkle 7.0.0 (GPL, so in an environment of its own): append, prove and verify in memory.

usage: pymerkle_tree.py; then one JSON object a line on stdin, answered with a JSON number a line:
{"append": N} seconds for N entries of 200 bytes; {"prove": N} and {"verify": N} microseconds of CPU
for one, over N proofs of random entries of that tree. {"durable": N} and {"singly": N} seconds by
the clock for N entries of 400 bytes into a new SQLite file: 256 in a commit, and one.
"""

import json
import random
import sys
import tempfile
import time
from pathlib import Path

from pymerkle import InmemoryTree, SqliteTree, verify_inclusion

tree = InmemoryTree(algorithm="sha256")
chance = random.Random(7)


def append(count: int) -> float:
    entries = [chance.randbytes(200) for _ in range(count)]
    start = time.process_time()
    tree.append_entries(entries)
    return time.process_time() - start


def prove(count: int) -> float:
    size = tree.get_size()
    for index in (chance.randint(1, size) for _ in range(200)):
        tree.prove_inclusion(index, size)  # fills its cache of subtrees
    start = time.process_time()
    for _ in range(count):
        tree.prove_inclusion(chance.randint(1, size), size)
    return (time.process_time() - start) / count * 1e6


def verify(count: int) -> float:
    size = tree.get_size()
    root = tree.get_root(size)
    index = chance.randint(1, size)
    base, proof = tree.get_leaf(index), tree.prove_inclusion(index, size)
    start = time.process_time()
    for _ in range(count):
        verify_inclusion(base, root, proof)
    return (time.process_time() - start) / count * 1e6


def durable(count: int, in_commit: int = 256) -> float:
    entries = [chance.randbytes(400) for _ in range(count)]
    with tempfile.TemporaryDirectory(prefix="pymerkle-") as folder:
        store = SqliteTree(str(Path(folder) / "log.db"), algorithm="sha256")
        start = time.perf_counter()
        for at in range(0, count, in_commit):
            store.append_entries(entries[at : at + in_commit])
        seconds = time.perf_counter() - start
        store.close()
    return seconds


def singly(count: int) -> float:
    return durable(count, 1)


TASKS = {"append": append, "prove": prove, "verify": verify, "durable": durable, "singly": singly}

for line in sys.stdin:
    [(task, count)] = json.loads(line).items()
    print(json.dumps(TASKS[task](count)), flush=True)
