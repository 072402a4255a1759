"""Say of each PostgreSQL type which Python values it takes, and write them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_interface,
)
from struct import calcsize, pack
from typing import Any, NamedTuple, cast
from uuid import UUID

from psycopg.adapt import Dumper
from psycopg.types import bool as bools
from psycopg.types import datetime as datetimes
from psycopg.types import net, numeric, string
from psycopg.types import uuid as uuids
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from dbkit.pgtypes import PgType, TypeKind, element_of, json_text, vector_binary, vector_text
from dbkit.runtime.wirevalues import INFINITY, MINUS_INFINITY, Encoder, Unbindable, Write

_MOST_DIMENSIONS = 6
# types whose binary form is their text
_PLAIN_TEXT = frozenset(
    {"text", "varchar", "bpchar", "name", "char", '"char"', "xml", "citext", "unknown"}
)


def make_encoder(type_: PgType, encoding: str, *, infinity: bool = False) -> Encoder:
    """Give what writes the values of a type, `encoding` being the client's.

    `infinity` takes the word for a date, a moment or an interval as well.
    """
    encoder = _chosen(type_, encoding, infinity=infinity)
    if encoding == "utf-8":
        return encoder
    # quotes are put around texts in UTF-8: in GBK, half of a character may look like one
    text = partial(_transcoded, _chosen(type_, "utf-8", infinity=infinity).text, encoding)
    return replace(encoder, text=text)


def _transcoded(write: Write, encoding: str, value: object) -> bytes:
    return _encoded(write(value).decode(), encoding)


def _chosen(  # noqa: PLR0911 - one answer for each kind of type
    type_: PgType, encoding: str, *, infinity: bool
) -> Encoder:
    def of(inner: PgType) -> Encoder:
        return _chosen(inner, encoding, infinity=infinity)

    match type_.kind:
        case TypeKind.DOMAIN if type_.of is not None:
            return of(type_.of)
        case TypeKind.ARRAY:
            element = element_of(type_)
            return _array_encoder(element, of(element), _dimensions(type_))
        case TypeKind.COMPOSITE:
            return _row_encoder(
                tuple(name for name, _ in type_.fields),
                tuple(field.oid for _, field in type_.fields),
                tuple(of(field) for _, field in type_.fields),
            )
        case TypeKind.RANGE if type_.of is not None:
            return _range_encoder(of(type_.of))
        case TypeKind.MULTIRANGE if type_.of is not None:
            return _multirange_encoder(_range_encoder(of(type_.of)))
        case TypeKind.ENUM:
            # an enum's binary form is its label
            return make_scalar_encoder("text", encoding)
        case _:
            encoder = make_scalar_encoder(type_.name, encoding)
            return _with_infinity(type_.name, encoder) if infinity else encoder


def _dimensions(type_: PgType) -> int:
    if type_.kind is not TypeKind.ARRAY or type_.of is None:
        return 0
    return 1 + _dimensions(type_.of)


def _with_infinity(name: str, encoder: Encoder) -> Encoder:
    """Take infinity as well, by its word."""
    binary, words = encoder.binary, _ENDLESS.get(name)
    if words is None or binary is None:
        return encoder
    return Encoder(
        lambda value: value.encode() if _is_infinity(value) else encoder.text(value),
        lambda value: words[value] if _is_infinity(value) else binary(value),
    )


def _is_infinity(value: object) -> bool:
    return isinstance(value, str) and value in {INFINITY, MINUS_INFINITY}


def _ends(form: str) -> dict[str, bytes]:
    sizes = [1 << (8 * calcsize(part) - 1) for part in form]
    return {
        INFINITY: pack(f"!{form}", *(size - 1 for size in sizes)),
        MINUS_INFINITY: pack(f"!{form}", *(-size for size in sizes)),
    }


_ENDLESS = {
    "date": _ends("i"),
    "timestamp": _ends("q"),
    "timestamptz": _ends("q"),
    "interval": _ends("qii"),
}


def is_binary(type_: PgType) -> bool:
    """Whether values of this type can come back in binary, and be understood."""
    inner = [field for _, field in type_.fields] + ([type_.of] if type_.of else [])
    if inner:
        return all(map(is_binary, inner))
    # without known parts, a row is read by what its binary form tells of them
    if type_.kind is TypeKind.ENUM or type_.name == "record":
        return True
    return make_scalar_encoder(type_.name, "utf-8").binary is not None


class _Flat(NamedTuple):
    """The values of nested lists one after the other, and how many are in each dimension."""

    values: list[object]
    dimensions: tuple[int, ...]


def _array_encoder(element: PgType, inner: Encoder, dimensions: int) -> Encoder:
    # a list may be a value of its own, of json; then it is as deep as is declared
    deepest = dimensions if inner.takes_lists else _MOST_DIMENSIONS + 1
    flatten = partial(_flatten, deepest=deepest)
    comma = element.delimiter.encode()

    def text(value: object) -> bytes:
        flat = flatten(value)
        written = [_element(inner.text, item) for item in flat.values]
        if not written:
            return b"{}"
        for size in reversed(flat.dimensions):
            written = [
                b"{%s}" % comma.join(written[start : start + size])
                for start in range(0, len(written), size)
            ]
        return written[0]

    def binary(write: Write, value: object) -> bytes:
        flat = flatten(value)
        dimensions = flat.dimensions if flat.values else ()
        written = [
            pack(
                f"!iiI{2 * len(dimensions)}i",
                len(dimensions),
                0,  # whether there are NULLs: the server looks for itself
                element.oid,
                *(part for size in dimensions for part in (size, 1)),
            )
        ]
        written += (_sized(write, item) for item in flat.values)
        return b"".join(written)

    # as the element of an array it is behind a domain, and one value
    return Encoder(text, inner.binary and partial(binary, inner.binary), takes_lists=True)


def _flatten(value: object, *, deepest: int) -> _Flat:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        message = f"expected a list, got {type(value).__name__}"
        raise Unbindable(message)
    values: list[object] = list(cast("Sequence[object]", value))
    dimensions = [len(values)]
    # a tuple may be a composite value
    while len(dimensions) < deepest and values and isinstance(values[0], list):
        size = len(cast("list[object]", values[0]))
        lists = [cast("list[object]", item) for item in values if isinstance(item, list)]
        if len(lists) < len(values) or any(len(item) != size for item in lists):
            message = "the lists in it differ in length or in depth"
            raise Unbindable(message)
        dimensions.append(size)
        values = [item for inner in lists for item in inner]
    if len(dimensions) > _MOST_DIMENSIONS:
        message = f"{len(dimensions)} dimensions, where PostgreSQL has {_MOST_DIMENSIONS} at most"
        raise Unbindable(message)
    return _Flat(values, tuple(dimensions))


def _row_encoder(
    names: tuple[str, ...], oids: tuple[int, ...], inner: tuple[Encoder, ...]
) -> Encoder:
    def values_of(value: object) -> tuple[object, ...]:
        if is_dataclass(value) and not isinstance(value, type):
            values = tuple(getattr(value, field.name) for field in fields(value))
        else:
            _expect(value, tuple)
            values = cast("tuple[object, ...]", value)
        if len(values) != len(names):
            message = f"expected {len(names)} values ({', '.join(names)}), got {len(values)}"
            raise Unbindable(message)
        return values

    def text(value: object) -> bytes:
        pairs = zip(inner, values_of(value), strict=True)
        return b"(%s)" % b",".join(
            b"" if part is None else _element(encoder.text, part) for encoder, part in pairs
        )

    writes = _all_binary(inner)
    if writes is None:
        return Encoder(text)

    def binary(value: object) -> bytes:
        parts = zip(oids, writes, values_of(value), strict=True)
        return pack("!i", len(oids)) + b"".join(
            pack("!I", oid) + _sized(write, part) for oid, write, part in parts
        )

    return Encoder(text, binary)


def _range_encoder(inner: Encoder) -> Encoder:
    def text(value: Any) -> bytes:  # noqa: ANN401 - what a caller passed in spite of its types
        _expect(value, Range)
        if value.isempty:
            return b"empty"
        lower, upper = (
            b"" if bound is None else _element(inner.text, bound)
            for bound in (value.lower, value.upper)
        )
        opening, closing = value.bounds.encode()[:1], value.bounds.encode()[1:]
        return b"%s%s,%s%s" % (opening, lower, upper, closing)

    def binary(write: Write, value: Any) -> bytes:  # noqa: ANN401 - as above
        _expect(value, Range)
        if value.isempty:
            return b"\x01"
        flags = (
            (2 if value.lower_inc else 0)
            | (4 if value.upper_inc else 0)
            | (8 if value.lower is None else 0)
            | (16 if value.upper is None else 0)
        )
        bounds = [_sized(write, bound) for bound in (value.lower, value.upper) if bound is not None]
        return bytes([flags]) + b"".join(bounds)

    return Encoder(text, inner.binary and partial(binary, inner.binary))


def _multirange_encoder(inner: Encoder) -> Encoder:
    def ranges(value: object) -> list[Range[object]]:
        _expect(value, Multirange, list, tuple)
        return list(cast("Sequence[Range[object]]", value))

    def text(value: object) -> bytes:
        return b"{%s}" % b",".join(map(inner.text, ranges(value)))

    def binary(write: Write, value: object) -> bytes:
        parts = ranges(value)
        return pack("!i", len(parts)) + b"".join(_sized(write, part) for part in parts)

    return Encoder(text, inner.binary and partial(binary, inner.binary))


def _element(write: Write, value: object) -> bytes:
    """Write a part of a text form, quoted so that nothing in it means anything."""
    if value is None:
        return b"NULL"
    written = write(value)
    return b'"%s"' % written.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def _sized(write: Callable[[Any], bytes], value: object) -> bytes:
    """Write a part of a binary form: its length, -1 for a NULL, and its bytes."""
    if value is None:
        return b"\xff\xff\xff\xff"
    written = write(value)
    return pack("!i", len(written)) + written


def _all_binary(inner: tuple[Encoder, ...]) -> tuple[Write, ...] | None:
    writes = tuple(encoder.binary for encoder in inner if encoder.binary is not None)
    return writes if len(writes) == len(inner) else None


def make_scalar_encoder(name: str, encoding: str) -> Encoder:
    """Give the encoder of a type that is made of no other types."""
    if encoder := _SCALARS.get(name):
        return encoder
    if name == "json":
        write = partial(_json, encoding)
        return Encoder(write, write, takes_lists=True)
    if name == "jsonb":
        write = partial(_json, encoding)
        return Encoder(write, lambda value: b"\x01" + write(value), takes_lists=True)
    write = partial(_string, encoding)
    if name in _PLAIN_TEXT:
        return Encoder(write, write, scalar="text" if encoding == "utf-8" else "")
    # of a type that is not listed, the binary form is not known
    return Encoder(write)


def _expect(value: object, *classes: type) -> None:
    """Refuse a value of another class; bool is no int here, and datetime no date."""
    if type(value) in classes:
        return
    odd = (isinstance(value, bool) and bool not in classes) or (
        isinstance(value, datetime) and datetime not in classes
    )
    if odd or not isinstance(value, classes):
        expected = " or ".join(cls.__name__ for cls in classes)
        message = f"expected {expected}, got {type(value).__name__}"
        raise Unbindable(message)


def _string(encoding: str, value: object) -> bytes:
    _expect(value, str)
    # that of a class of its own is what it holds, whatever its str() says
    text = str.__str__(cast("str", value))
    if "\0" in text:
        raise Unbindable(_NUL)
    return _encoded(text, encoding)


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        bad = text[error.start]
        message = f"character {bad!a} at {error.start} has no form in {encoding}"
        raise Unbindable(message) from None


def _json(encoding: str, value: object) -> bytes:
    try:
        text = json_text(value)
    except (ValueError, RecursionError) as error:
        raise Unbindable(str(error)) from error
    if "\\u0000" in text and _ESCAPED_NUL.search(text):
        raise Unbindable(_NUL)
    return _encoded(text, encoding)


_NUL = "a NUL character, which PostgreSQL has no place for"
# after a backslash that is not escaped itself
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def _dumped(dumper: type[Dumper], check: Callable[[Any], Any]) -> Write:
    """Write what passes a check the way psycopg does."""
    dump = dumper(object).dump

    def write(value: object) -> bytes:
        try:
            written = dump(check(value))
        except (OverflowError, ValueError) as error:
            raise Unbindable(str(error)) from error
        # only a None among ranges' bounds is dumped as nothing
        return bytes(written or b"")

    return write


def _integer(lowest: int, highest: int) -> Callable[[object], int]:
    def check(value: Any) -> int:  # noqa: ANN401 - what a caller passed in spite of its types
        _expect(value, int)
        number = int(value)
        if lowest <= number <= highest:
            return number
        message = f"out of range, which is {lowest} to {highest}"
        raise Unbindable(message)

    return check


def _float(value: Any) -> float:  # noqa: ANN401 - as above
    _expect(value, float, int)
    return float(value)


def _decimal(value: Any) -> Decimal:  # noqa: ANN401 - as above
    _expect(value, Decimal, float, int)
    # the shortest text that means this float, not the binary fraction behind it
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _instance(*classes: type) -> Callable[[Any], Any]:
    def check(value: object) -> object:
        _expect(value, *classes)
        return value

    return check


def _moment(cls: type[time | datetime], *, zone: bool) -> Callable[[Any], Any]:
    """Refuse a moment without the zone its type needs, and one with a zone its type drops."""

    def check(value: Any) -> object:  # noqa: ANN401 - as above
        _expect(value, cls)
        if (value.utcoffset() is not None) is zone:
            return value
        message = (
            f"expected a {cls.__name__} with a time zone"
            if zone
            else f"expected a {cls.__name__} without a time zone, which would be dropped"
        )
        raise Unbindable(message)

    return check


def _hexadecimal(value: bytes | bytearray | memoryview) -> bytes:
    return b"\\x" + bytes(_BYTES(value)).hex().encode()


def _interval(value: timedelta) -> bytes:
    _expect(value, timedelta)
    # ISO 8601 reads the same whatever IntervalStyle is
    return f"P{value.days}DT{value.seconds}.{value.microseconds:06}S".encode()


_HOSTS = (IPv4Address, IPv4Interface, IPv6Address, IPv6Interface)


def _interface(value: Any) -> IPv4Interface | IPv6Interface:  # noqa: ANN401 - as above
    _expect(value, *_HOSTS)
    # an address without a prefix is the one with the longest
    return ip_interface(value)


def _address(*classes: type) -> Write:
    def write(value: object) -> bytes:
        _expect(value, *classes)
        return str(value).encode()

    return write


def _vector(write: Write, value: object) -> bytes:
    _expect(value, list, tuple)
    try:
        return write(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Unbindable(str(error)) from error


def _both(text: type[Dumper], binary: type[Dumper], check: Callable[[Any], Any]) -> Encoder:
    return Encoder(_dumped(text, check), _dumped(binary, check))


_BYTES = _instance(bytes, bytearray, memoryview)
_NETWORKS = (IPv4Network, IPv6Network)
_SCALARS: dict[str, Encoder] = {
    "bool": _both(bools.BoolDumper, bools.BoolBinaryDumper, _instance(bool)),
    "int2": _both(
        numeric.Int2Dumper, numeric.Int2BinaryDumper, _integer(-(1 << 15), (1 << 15) - 1)
    ),
    "int4": _both(
        numeric.Int4Dumper, numeric.Int4BinaryDumper, _integer(-(1 << 31), (1 << 31) - 1)
    ),
    "int8": _both(
        numeric.Int8Dumper, numeric.Int8BinaryDumper, _integer(-(1 << 63), (1 << 63) - 1)
    ),
    "oid": _both(numeric.OidDumper, numeric.OidBinaryDumper, _integer(0, (1 << 32) - 1)),
    "float4": _both(numeric.Float4Dumper, numeric.Float4BinaryDumper, _float),
    "float8": _both(numeric.FloatDumper, numeric.FloatBinaryDumper, _float),
    "numeric": _both(numeric.DecimalDumper, numeric.DecimalBinaryDumper, _decimal),
    "bytea": Encoder(_hexadecimal, _dumped(string.BytesBinaryDumper, _BYTES)),
    "uuid": _both(uuids.UUIDDumper, uuids.UUIDBinaryDumper, _instance(UUID)),
    "date": _both(datetimes.DateDumper, datetimes.DateBinaryDumper, _instance(date)),
    "time": _both(datetimes.TimeDumper, datetimes.TimeBinaryDumper, _moment(time, zone=False)),
    "timetz": _both(datetimes.TimeTzDumper, datetimes.TimeTzBinaryDumper, _moment(time, zone=True)),
    "timestamp": _both(
        datetimes.DatetimeNoTzDumper,
        datetimes.DatetimeNoTzBinaryDumper,
        _moment(datetime, zone=False),
    ),
    "timestamptz": _both(
        datetimes.DatetimeDumper, datetimes.DatetimeBinaryDumper, _moment(datetime, zone=True)
    ),
    "interval": Encoder(_interval, _dumped(datetimes.TimedeltaBinaryDumper, _instance(timedelta))),
    "inet": Encoder(_address(*_HOSTS), _dumped(net.InterfaceBinaryDumper, _interface)),
    "cidr": Encoder(_address(*_NETWORKS), _dumped(net.NetworkBinaryDumper, _instance(*_NETWORKS))),
    "vector": Encoder(
        partial(_vector, vector_text), partial(_vector, vector_binary), takes_lists=True
    ),
}
for _name, _encoder in _SCALARS.items():
    _encoder.scalar = _name
