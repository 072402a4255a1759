"""Read values that psycopg reads wrongly, or as what generated code does not promise."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from struct import Struct
from typing import Any, NoReturn, cast

from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import AdaptersMap, Loader, Transformer
from psycopg.pq import Format
from psycopg.types import datetime as datetimes
from psycopg.types.string import TextBinaryLoader, TextLoader

from dbkit.runtime.wirevalues import INFINITY, MINUS_INFINITY

_INTERVAL = Struct("!qii").unpack
# a part in quotes, in which each quote and each backslash is doubled, or one without
_PART = re.compile(rb'"((?:[^"\\]|""|\\.)*)"|([^,]*)', re.DOTALL)
_DOUBLED = re.compile(rb'"(")|\\(.)', re.DOTALL)


class IntervalLoader(datetimes.IntervalLoader):
    """Read the text of an interval; of infinity, psycopg's own loader makes no time at all."""

    def load(self, data: Buffer) -> timedelta:
        """Turn the text form into a timedelta, of 30 days for a month and 365 for a year."""
        if bytes(data).endswith(b"infinity"):
            message = "a timedelta has no infinity"
            raise ValueError(message)
        return super().load(data)


class IntervalBinaryLoader(Loader):
    """Read the numbers of an interval; psycopg's own loader is wrong about millions of years."""

    format = Format.BINARY

    def load(self, data: Buffer) -> timedelta:
        """Turn the binary form into a timedelta, of 30 days for a month and 365 for a year."""
        microseconds, days, months = _INTERVAL(data)
        years, rest = divmod(abs(months), 12)
        in_days = 365 * years + 30 * rest
        return timedelta(days + (in_days if months > 0 else -in_days), 0, microseconds)


class RowLoader(Loader):
    """Read the text of a row, whose parts have these types."""

    parts: Sequence[int]

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        """Find how the parts are read."""
        super().__init__(oid, context)
        self._transformer = Transformer(context)
        self._transformer.set_loader_types(self.parts, self.format)

    def load(self, data: Buffer) -> tuple[Any, ...]:
        """Turn the text form into a tuple."""
        text = bytes(data)[1:-1]
        # a row of one null looks like one without parts
        parts = _parts(text) if self.parts else []
        if len(parts) != len(self.parts):
            message = f"expected {len(self.parts)} parts, got {len(parts)}"
            raise ValueError(message)
        return self._transformer.load_sequence(parts)


def row_loader(parts: Sequence[int]) -> type[RowLoader]:
    """Return the loader of a row whose parts have these types."""
    return type("RowLoader", (RowLoader,), {"parts": tuple(parts)})


def _parts(text: bytes) -> list[bytes | None]:
    parts: list[bytes | None] = []
    position = -1
    while position < len(text):
        match = cast("re.Match[bytes]", _PART.match(text, position + 1))
        quoted, plain = match.groups()
        parts.append((plain or None) if quoted is None else _DOUBLED.sub(rb"\1\2", quoted))
        position = match.end()
    return parts


class Utf8Loader(Loader):
    """Read a text as UTF-8, whatever the connection calls it."""

    def load(self, data: Buffer) -> str:
        """Turn the bytes into a text."""
        return str(data, "utf-8")


class Utf8BinaryLoader(Utf8Loader):
    """The same in the binary form."""

    format = Format.BINARY


class JsonLoader(Loader):
    """Read json in the client's encoding; psycopg's own loader takes all of it for UTF-8."""

    version = 0

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        """Find the encoding."""
        super().__init__(oid, context)
        self._text = Transformer(context).get_loader(_TEXT, self.format)

    def load(self, data: Buffer) -> Any:  # noqa: ANN401 - json is anything
        """Parse it."""
        return json.loads(self._text.load(bytes(data)[self.version :]))


class JsonBinaryLoader(JsonLoader):
    """The same in the binary form, of the type json."""

    format = Format.BINARY


class JsonbBinaryLoader(JsonBinaryLoader):
    """The same in the binary form of jsonb, which begins with a version number."""

    version = 1


_TEXT = 25
_JSON, _JSONB = 114, 3802
# those that psycopg reads as text, and any that it does not know
TEXTS = ("text", "varchar", "bpchar", "name", '"char"', "xml")
_UNKNOWN = 0


def read_as_utf8(adapters: AdaptersMap) -> None:
    """Have every text read as UTF-8, also where the connection says SQL_ASCII."""
    for name in TEXTS:
        adapters.register_loader(name, Utf8Loader)
        adapters.register_loader(name, Utf8BinaryLoader)
    adapters.register_loader(_UNKNOWN, Utf8Loader)


class UnknownBinaryLoader(Loader):
    """Refuse what is inside a row of unknown parts and is of a type without a known binary form."""

    format = Format.BINARY

    def load(self, data: Buffer) -> NoReturn:  # noqa: ARG002 - it is refused unread
        """Refuse it."""
        message = "a type without a known binary form, inside a row whose parts are not known"
        raise ValueError(message)


def read_own_forms(adapters: AdaptersMap) -> None:
    """Have intervals and json read as this module reads them."""
    adapters.register_loader(_UNKNOWN, UnknownBinaryLoader)
    # psycopg has none of xml, and gives its bytes
    adapters.register_loader("xml", TextLoader)
    adapters.register_loader("xml", TextBinaryLoader)
    adapters.register_loader("interval", IntervalLoader)
    adapters.register_loader("interval", IntervalBinaryLoader)
    adapters.register_loader(_JSON, JsonLoader)
    adapters.register_loader(_JSON, JsonBinaryLoader)
    adapters.register_loader(_JSONB, JsonLoader)
    adapters.register_loader(_JSONB, JsonbBinaryLoader)


def read_infinity(adapters: AdaptersMap) -> None:
    """Have the infinity of dates, moments and intervals read as its word."""
    for name, loader, infinity, minus_infinity in _ENDLESS:
        words = {infinity: INFINITY, minus_infinity: MINUS_INFINITY}
        adapters.register_loader(name, _infinite(loader, words))


def _infinite(loader: type[Loader], words: dict[bytes, str]) -> type[Loader]:
    def load(self: Loader, data: Buffer) -> object:
        word = words.get(bytes(data))
        return loader.load(self, data) if word is None else word

    return type(f"Infinite{loader.__name__}", (loader,), {"load": load})


_INT4, _INT8 = (b"\x7f\xff\xff\xff", b"\x80\0\0\0"), (b"\x7f" + b"\xff" * 7, b"\x80" + bytes(7))
_WORDS = (INFINITY.encode(), MINUS_INFINITY.encode())
_THREE = tuple(eight + four + four for eight, four in zip(_INT8, _INT4, strict=True))
_ENDLESS: tuple[tuple[str, type[Loader], bytes, bytes], ...] = (
    ("date", datetimes.DateLoader, *_WORDS),
    ("date", datetimes.DateBinaryLoader, *_INT4),
    ("timestamp", datetimes.TimestampLoader, *_WORDS),
    ("timestamp", datetimes.TimestampBinaryLoader, *_INT8),
    ("timestamptz", datetimes.TimestamptzLoader, *_WORDS),
    ("timestamptz", datetimes.TimestamptzBinaryLoader, *_INT8),
    ("interval", IntervalLoader, *_WORDS),
    ("interval", IntervalBinaryLoader, _THREE[0], _THREE[1]),
)
