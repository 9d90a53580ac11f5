"""Damage of the kinds that disks, networks and attackers do, from a seeded generator."""

from __future__ import annotations

import random
from collections.abc import Callable

PAGE = 4096
MAX_RUN = 64
EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
"""Integers at which lengths, offsets and counts go wrong."""


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One to three mutations, never none: equal bytes are mutated again."""
    damaged = data
    while damaged == data:
        for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
            damaged = rng.choice(MUTATIONS)(damaged, rng)
    return damaged


def place(data: bytes, rng: random.Random) -> int:
    """A position: mostly anywhere, but often in the first or last 2 KiB, where headers and footers are."""
    if not data:
        return 0
    edge = min(len(data), 2048)
    low, high = rng.choices(((0, len(data)), (0, edge), (len(data) - edge, len(data))), (4, 1, 1))[0]
    return rng.randrange(low, high)


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    """One to eight flipped bits."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if data else 0):
        damaged[place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def truncate(data: bytes, rng: random.Random) -> bytes:
    """The end is missing."""
    return data[: place(data, rng)]


def splice(data: bytes, rng: random.Random) -> bytes:
    """A region is overwritten by another one of the file."""
    source, target, length = place(data, rng), place(data, rng), rng.randrange(1, PAGE)
    piece = data[source : source + length]
    return data[:target] + piece + data[target + len(piece) :]


def zero_page(data: bytes, rng: random.Random) -> bytes:
    """A page, or what the file has of it, is zero."""
    start = place(data, rng) // PAGE * PAGE
    piece = data[start : start + PAGE]
    return data[:start] + bytes(len(piece)) + data[start + PAGE :]


def random_run(data: bytes, rng: random.Random) -> bytes:
    """A few bytes are noise."""
    start, length = place(data, rng), rng.randrange(1, MAX_RUN)
    return data[:start] + rng.randbytes(min(length, len(data) - start)) + data[start + length :]


def insert(data: bytes, rng: random.Random) -> bytes:
    """A few bytes too many, noise or repeated."""
    start, length = place(data, rng), rng.randrange(1, MAX_RUN)
    piece = rng.choice((rng.randbytes(length), data[start : start + length]))
    return data[:start] + piece + data[start:]


def remove(data: bytes, rng: random.Random) -> bytes:
    """A few bytes are missing."""
    start = place(data, rng)
    return data[:start] + data[start + rng.randrange(1, MAX_RUN) :]


def edge_integer(data: bytes, rng: random.Random) -> bytes:
    """A little- or big-endian integer at which arithmetic goes wrong, as a length or an offset may be."""
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice(EDGES) % (1 << 8 * size)
    start = place(data, rng) // size * size
    piece = value.to_bytes(size, rng.choice(("little", "big")))[: len(data) - start]
    return data[:start] + piece + data[start + size :]


Mutation = Callable[[bytes, random.Random], bytes]
MUTATIONS: tuple[Mutation, ...] = (
    *(flip_bits, flip_bits, flip_bits, edge_integer, edge_integer, edge_integer),
    *(random_run, random_run, truncate, splice, zero_page, insert, remove),
)
