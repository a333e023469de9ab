"""Chance: a number drawn by a seed, the same every time, on every machine and in SQL.

Promise: pure, and the only place that draws; who is in a bucket or held out stays so for ever (tests/segments/test_chance.py).
"""

import hashlib


def draw(seed: bytes, size: int) -> int:
    """A number from 0 up to, not including, 256 ** size: the first bytes of the seed's SHA-256."""
    return int.from_bytes(hashlib.sha256(seed).digest()[:size])
