"""Turn what SQLite keeps in a cell into what COPY wants for a column of PostgreSQL's.

SQLite keeps any value in any column; PostgreSQL does not. Each type has one function, which
gives the text that the type reads, or raises `Misfit` with the reason.
"""

import ipaddress
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple
from uuid import UUID

Cell = int | float | str | bytes | None
Convert = Callable[[Cell], str]

_TRUE, _FALSE = {"1", "true", "t", "yes", "on"}, {"0", "false", "f", "no", "off"}
_RANGES = {"int2": 1 << 15, "int4": 1 << 31, "int8": 1 << 63}
# what Python's, SQLite's and JavaScript's clocks write
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"(?:[ T]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?))?)?"
)
# of fewer digits it may be a year, or a date without its dashes
_CLOCK = re.compile(r"-?\d{9,13}|-?\d+\.\d+")
_ZONE = re.compile(r".*:.*(?:Z|UTC|[+-]\d\d(?::?\d\d)?)")
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
# 2440587.5 is the Julian day of 1970-01-01; no clock since 1970 has been as low as this in seconds
_UNIX_EPOCH_DAY, _LAST_JULIAN_DAY = 2440587.5, 5373484.5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Misfit(ValueError):
    """A value is none of its column's type."""


class Column(NamedTuple):
    """A column that values go into."""

    name: str
    # pg_type's name of the base type
    type: str
    # the most characters of a varchar, the precision and the scale of a numeric
    length: int | None = None
    precision: int | None = None
    scale: int | None = None


def converter(column: Column) -> Convert:
    """Return the function that makes a column's text of whatever SQLite has."""
    match column.type:
        case "int2" | "int4" | "int8":
            return _integer(_RANGES[column.type])
        case "numeric":
            return _numeric(column.precision, column.scale)
        case "text" | "varchar" | "bpchar" | "name" | "citext":
            return _text(column.length)
        case _:
            return _SIMPLE.get(column.type, _any)


def shown(value: Cell) -> str:
    """Write a value as a report shows it: short, and with its quotes."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


_LONGEST = 80


def _integer(limit: int) -> Convert:
    def convert(value: Cell) -> str:
        number = value
        if isinstance(number, str):
            try:
                number = int(number)
            except ValueError:
                number = _float(number, "an integer")
        if isinstance(number, float):
            if not number.is_integer():
                raise Misfit("is not an integer")
            number = int(number)
        if not isinstance(number, int):
            raise Misfit("is not an integer")
        if not -limit <= number < limit:
            raise Misfit(f"is out of range, at most {limit - 1}")
        return str(number)

    return convert


def _numeric(precision: int | None, scale: int | None) -> Convert:
    def convert(value: Cell) -> str:
        if isinstance(value, bytes) or value is None:
            raise Misfit("is not a number")
        try:
            # repr, because it is the shortest text that means this very float
            number = Decimal(value if isinstance(value, str | int) else repr(value))
        except InvalidOperation:
            raise Misfit("is not a number") from None
        if precision is not None and number.is_finite():
            digits = precision - (scale or 0)
            if abs(round(number, scale or 0)) >= Decimal(10) ** digits:
                raise Misfit(f"has more than {digits} digits before the point")
        return str(number)

    return convert


def _text(length: int | None) -> Convert:
    def convert(value: Cell) -> str:
        if isinstance(value, bytes):
            raise Misfit("is a BLOB, and the column takes text")
        text = str(value)
        if "\0" in text:
            raise Misfit("contains a NUL character, which no text of PostgreSQL's can")
        if length is not None and len(text) > length:
            raise Misfit(f"has {len(text)} characters, at most {length} fit")
        return text

    return convert


def _boolean(value: Cell) -> str:
    word = str(value).lower()
    if isinstance(value, bytes) or word not in _TRUE | _FALSE:
        raise Misfit("is neither true nor false")
    return "t" if word in _TRUE else "f"


def _float_text(value: Cell) -> str:
    return repr(_float(value, "a number"))


def _float(value: Cell, wanted: str) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - None and bytes raise
    except (TypeError, ValueError):
        raise Misfit(f"is not {wanted}") from None


def _moment(value: Cell) -> str:
    """Read a text as ISO 8601, an integer as seconds since 1970, a small float as a Julian day.

    What names no zone is UTC, as SQLite's own clock is.
    """
    number = _clock(value)
    if number is not None:
        return _from_number(number).isoformat(sep=" ")
    if not isinstance(value, str) or not _MOMENT.fullmatch(value.strip()):
        raise Misfit("is not a date and time as ISO 8601 writes it")
    try:
        # nine digits of a second are read by PostgreSQL and not by Python
        datetime.fromisoformat(_python_moment(value.strip()))
    except ValueError as error:
        raise Misfit(f"is not a date and time: {error}") from None
    return value.strip().replace(",", ".")


def _moment_without_zone(value: Cell) -> str:
    """As `_moment`, but in UTC: PostgreSQL would pass over a zone without a word."""
    text = _moment(value)
    if not _ZONE.fullmatch(text):
        return text
    plain = text.replace("UTC", "Z").replace(" Z", "Z")
    moment = datetime.fromisoformat(re.sub(r" ([+-])", r"\1", plain)).astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(sep=" ")


def _python_moment(text: str) -> str:
    plain = re.sub(r"[.,]\d+", "", text).replace("UTC", "Z").replace(" Z", "Z")
    return re.sub(r" ([+-])", r"\1", plain)


def _clock(value: Cell) -> float | None:
    """Give a number of seconds or of days, also as a column of texts has kept it."""
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value if isinstance(value, int | float) else None


def _from_number(value: float) -> datetime:
    seconds = value
    if isinstance(value, float) and 0 < value <= _LAST_JULIAN_DAY:
        seconds = (value - _UNIX_EPOCH_DAY) * 86_400
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise Misfit("is no number of seconds since 1970") from None


def _date(value: Cell) -> str:
    number = _clock(value)
    if number is not None:
        return _from_number(number).date().isoformat()
    moment = _moment(value)
    return date.fromisoformat(moment[:10]).isoformat()


def _time(value: Cell) -> str:
    try:
        return time.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise Misfit("is not a time of day") from None


def _json(value: Cell) -> str:
    if isinstance(value, int | float):
        return _finite(json.dumps(value))
    text = _decoded(value)
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Misfit(f"is not JSON: {error}") from None
    if _NUL_IN_JSON.search(text):
        raise Misfit("contains a NUL character, which no jsonb can")
    return text


def _refuse_constant(name: str) -> object:
    message = f"{name} is no JSON number"
    raise ValueError(message)


def _finite(text: str) -> str:
    if text in {"NaN", "Infinity", "-Infinity"}:
        raise Misfit(f"is not JSON: {text} is no JSON number")
    return text


def _decoded(value: Cell) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Misfit("is a BLOB that is not UTF-8") from None
    return str(value)


def _bytes(value: Cell) -> str:
    content = value if isinstance(value, bytes) else str(value).encode()
    return "\\x" + content.hex()


def _uuid(value: Cell) -> str:
    try:
        return str(UUID(bytes=value) if isinstance(value, bytes) else UUID(str(value)))
    except ValueError:
        raise Misfit("is not a UUID") from None


def _inet(value: Cell) -> str:
    try:
        ipaddress.ip_interface(str(value))
    except ValueError:
        raise Misfit("is not an IP address") from None
    return str(value)


def _any(value: Cell) -> str:
    """Pass a text on; the server is the judge of its own types."""
    if isinstance(value, bytes):
        raise Misfit("is a BLOB, and the column takes text")
    return str(value)


_SIMPLE: dict[str, Convert] = {
    "bool": _boolean,
    "float4": _float_text,
    "float8": _float_text,
    "timestamptz": _moment,
    "timestamp": _moment_without_zone,
    "date": _date,
    "time": _time,
    "json": _json,
    "jsonb": _json,
    "bytea": _bytes,
    "uuid": _uuid,
    "inet": _inet,
}
