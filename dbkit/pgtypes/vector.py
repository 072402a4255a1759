"""Read and write pgvector's `vector` as a list of floats."""

import json
from collections.abc import Iterable
from struct import pack, unpack_from

from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

_HEAD = 4


class VectorLoader(Loader):
    """Read `[1,2]`, which is a list as JSON writes it."""

    def load(self, data: Buffer) -> list[float]:
        """Turn the text form into numbers."""
        return [float(number) for number in json.loads(bytes(data))]


class VectorBinaryLoader(Loader):
    """Read the number of dimensions, two unused bytes, and that many float4."""

    format = Format.BINARY

    def load(self, data: Buffer) -> list[float]:
        """Turn the binary form into numbers."""
        data = bytes(data)
        (dimensions,) = unpack_from("!H", data)
        return list(unpack_from(f"!{dimensions}f", data, _HEAD))


def vector_text(numbers: Iterable[float]) -> bytes:
    """Write numbers as pgvector's text."""
    return b"[%s]" % b",".join(repr(float(number)).encode() for number in numbers)


def vector_binary(numbers: Iterable[float]) -> bytes:
    """Write numbers as pgvector's `vector_send` would."""
    components = [float(number) for number in numbers]
    return pack(f"!HH{len(components)}f", len(components), 0, *components)
