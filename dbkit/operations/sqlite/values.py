"""Turn what SQLite keeps in a cell into what COPY wants for a column of PostgreSQL's.

SQLite keeps any value in any column; PostgreSQL does not. Each type has one function, which
gives the text that the type reads, or raises `Misfit` with the reason.
"""

import ipaddress
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from math import isinf
from typing import NamedTuple
from uuid import UUID

Cell = int | float | str | bytes | None
Convert = Callable[[Cell], str]

_TRUE, _FALSE = {"1", "true", "t", "yes", "y", "on"}, {"0", "false", "f", "no", "n", "off"}
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


class SqliteColumn(NamedTuple):
    """A column that values go into."""

    name: str
    # pg_type's name of the base type
    type: str
    # the most characters of a varchar, the precision and the scale of a numeric
    length: int | None = None
    precision: int | None = None
    scale: int | None = None


def converter(column: SqliteColumn) -> Convert:
    """Return the function that makes a column's text of whatever SQLite has."""
    match column.type:
        case "int2" | "int4" | "int8":
            return _integer(_RANGES[column.type])
        case "numeric":
            return _numeric(column.precision, column.scale or 0)
        case "text" | "varchar" | "bpchar" | "name" | "citext":
            return _text(column.length)
        case _:
            return _SIMPLE.get(column.type, _any)


def shown(value: Cell) -> str:
    """Write a value as a report shows it: short, and with its quotes."""
    text = "null" if value is None else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


_LONGEST = 80


def _integer(limit: int) -> Convert:
    def convert(value: Cell) -> str:
        number = value if isinstance(value, int) else _decimal(value, "an integer")
        if isinstance(number, Decimal) and not (
            number.is_finite() and number == number.to_integral_value()
        ):
            raise Misfit("is not an integer")
        if not -limit <= number < limit:
            raise Misfit(f"is out of range, at most {limit - 1}")
        return str(int(number))

    return convert


def _numeric(precision: int | None, scale: int) -> Convert:
    def convert(value: Cell) -> str:
        number = _decimal(value, "a number")
        if precision is not None and not number.is_nan() and not _fits(number, precision, scale):
            raise Misfit(f"has more than {precision - scale} digits before the point")
        return str(number)

    return convert


def _decimal(value: Cell, wanted: str) -> Decimal:
    """Read a number exactly, of whatever size."""
    try:
        # repr, because it is the shortest text that means this very float
        number = Decimal(repr(value) if isinstance(value, float) else _plain(value, wanted))
    except InvalidOperation:
        raise Misfit(f"is not {wanted}") from None
    return number


def _plain(value: Cell, wanted: str) -> str | int:
    # Python reads 1_000 as a number, and nobody else does
    if not isinstance(value, str | int) or "_" in str(value):
        raise Misfit(f"is not {wanted}")
    return value


def _fits(number: Decimal, precision: int, scale: int) -> bool:
    """Tell whether a number has not too many digits before the point."""
    digits = precision - scale
    if number.is_infinite() or (number and number.adjusted() >= digits):
        return False
    if not number or number.adjusted() < digits - 1:
        return True
    # rounding may add one; as the server does it, and with room for all digits
    room = Context(precision + 2, ROUND_HALF_UP, MIN_EMIN, MAX_EMAX)
    return number.quantize(Decimal(1).scaleb(-scale), context=room).adjusted() < digits


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
    try:
        number = value if isinstance(value, float) else float(_plain(value, "a number"))
    except (OverflowError, ValueError):
        raise Misfit("is not a number") from None
    if isinf(number) and isinstance(value, str) and "inf" not in value.lower():
        raise Misfit("is out of range")
    return repr(number)


def _moment(value: Cell) -> str:
    """Read a text as ISO 8601, an integer as seconds since 1970, a small float as a Julian day.

    What names no zone is UTC, as SQLite's own clock is.
    """
    text = value.strip() if isinstance(value, str) else ""
    if not _MOMENT.fullmatch(text):
        number = _clock(value)
        if number is None:
            raise Misfit("is not a date and time as ISO 8601 writes it")
        return _from_number(number).isoformat(sep=" ")
    try:
        datetime.fromisoformat(_python_moment(text))
    except ValueError as error:
        raise Misfit(f"is not a date and time: {error}") from None
    return text.replace(",", ".")


def _moment_without_zone(value: Cell) -> str:
    """As `_moment`, but in UTC: PostgreSQL would pass over a zone without a word."""
    text = _moment(value)
    if not _ZONE.fullmatch(text):
        return text
    moment = datetime.fromisoformat(_python_moment(text)).astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(sep=" ")


def _python_moment(text: str) -> str:
    """Write a zone as Python reads it: right behind the time."""
    day, clock = text[:11], text[11:]
    return day + clock.replace("UTC", "Z").replace(" ", "")


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
    return _moment(value)[:10]


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
        _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise Misfit(f"is not JSON: {error}") from None
    return text


def _jsonb(value: Cell) -> str:
    text = _json(value)
    if _NUL_IN_JSON.search(text):
        raise Misfit("contains a NUL character, which no jsonb can")
    return text


def _refuse_constant(name: str) -> object:
    message = f"{name} is no JSON number"
    raise ValueError(message)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


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
    "jsonb": _jsonb,
    "bytea": _bytes,
    "uuid": _uuid,
    "inet": _inet,
}
