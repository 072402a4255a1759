"""Say of each PostgreSQL type with one value which Python values it takes, and write them."""

from collections.abc import Callable
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
from typing import Any
from uuid import UUID

from psycopg.adapt import Dumper
from psycopg.types import bool as bools
from psycopg.types import datetime as datetimes
from psycopg.types import net, numeric, string
from psycopg.types import uuid as uuids

from dbkit.pgtypes import json_text, vector_binary, vector_text
from dbkit.runtime.wirevalues import Encoder, Unbindable, Write


def scalar_encoder(name: str, encoding: str) -> Encoder:
    """Give the encoder of a type that is made of no other types."""
    if found := _FIXED.get(name):
        return found
    if name == "json":
        write = partial(_json, encoding)
        return Encoder(write, write, takes_lists=True)
    if name == "jsonb":
        write = partial(_json, encoding)
        return Encoder(write, lambda value: b"\x01" + write(value), takes_lists=True)
    write = partial(_string, encoding)
    # the binary form of these is their text; of all others it is not known
    return Encoder(write, write if name in PLAIN_TEXT else None)


PLAIN_TEXT = frozenset(
    {"text", "varchar", "bpchar", "name", "char", '"char"', "xml", "citext", "unknown"}
)


def expect(value: object, *classes: type) -> None:
    """Refuse a value of another class; bool is no int here, and datetime no date."""
    if type(value) in classes:
        return
    odd = (isinstance(value, bool) and bool not in classes) or (
        isinstance(value, datetime) and datetime not in classes
    )
    if odd or not isinstance(value, classes):
        expected = " or ".join(one.__name__ for one in classes)
        message = f"expected {expected}, got {type(value).__name__}"
        raise Unbindable(message)


def _string(encoding: str, value: object) -> bytes:
    expect(value, str)
    text = str(value)
    if "\0" in text:
        message = "a NUL character, which PostgreSQL has no place for"
        raise Unbindable(message)
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        bad = text[error.start]
        message = f"character {bad!a} at {error.start} has no form in {encoding}"
        raise Unbindable(message) from None


def _json(encoding: str, value: object) -> bytes:
    try:
        return json_text(value).encode(encoding)
    except UnicodeEncodeError as error:
        message = f"character {value!a:.60} has no form in {encoding}"
        raise Unbindable(message) from error
    except (ValueError, RecursionError) as error:
        raise Unbindable(str(error)) from error


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
        expect(value, int)
        number = int(value)
        if lowest <= number <= highest:
            return number
        message = f"out of range, which is {lowest} to {highest}"
        raise Unbindable(message)

    return check


def _float(value: Any) -> float:  # noqa: ANN401 - as above
    expect(value, float, int)
    return float(value)


def _decimal(value: Any) -> Decimal:  # noqa: ANN401 - as above
    expect(value, Decimal, float, int)
    # the shortest text that means this float, not the binary fraction behind it
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _of(*classes: type) -> Callable[[Any], Any]:
    def check(value: object) -> object:
        expect(value, *classes)
        return value

    return check


def _moment(cls: type[time | datetime], *, zone: bool) -> Callable[[Any], Any]:
    """Refuse a moment without the zone its type needs, and one with a zone its type drops."""

    def check(value: Any) -> object:  # noqa: ANN401 - as above
        expect(value, cls)
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
    expect(value, timedelta)
    # ISO 8601 reads the same whatever IntervalStyle is
    return f"P{value.days}DT{value.seconds}.{value.microseconds:06}S".encode()


_HOSTS = (IPv4Address, IPv4Interface, IPv6Address, IPv6Interface)


def _interface(value: Any) -> IPv4Interface | IPv6Interface:  # noqa: ANN401 - as above
    expect(value, *_HOSTS)
    # an address without a prefix is the one with the longest
    return ip_interface(value)


def _address(*classes: type) -> Write:
    def write(value: object) -> bytes:
        expect(value, *classes)
        return str(value).encode()

    return write


def _vector(write: Write, value: object) -> bytes:
    expect(value, list, tuple)
    try:
        return write(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Unbindable(str(error)) from error


def _both(text: type[Dumper], binary: type[Dumper], check: Callable[[Any], Any]) -> Encoder:
    return Encoder(_dumped(text, check), _dumped(binary, check))


_BYTES = _of(bytes, bytearray, memoryview)
_NETWORKS = (IPv4Network, IPv6Network)
_FIXED: dict[str, Encoder] = {
    "bool": _both(bools.BoolDumper, bools.BoolBinaryDumper, _of(bool)),
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
    "uuid": _both(uuids.UUIDDumper, uuids.UUIDBinaryDumper, _of(UUID)),
    "date": _both(datetimes.DateDumper, datetimes.DateBinaryDumper, _of(date)),
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
    "interval": Encoder(_interval, _dumped(datetimes.TimedeltaBinaryDumper, _of(timedelta))),
    "inet": Encoder(_address(*_HOSTS), _dumped(net.InterfaceBinaryDumper, _interface)),
    "cidr": Encoder(_address(*_NETWORKS), _dumped(net.NetworkBinaryDumper, _of(*_NETWORKS))),
    "vector": Encoder(
        partial(_vector, vector_text), partial(_vector, vector_binary), takes_lists=True
    ),
}
