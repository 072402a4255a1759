"""Convert values of SQLite into the text that COPY reads for a column of PostgreSQL.

SQLite stores any value in any column; PostgreSQL does not. For each type there is one function,
which returns the text that the type reads, or raises `Misfit` with the reason.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from math import isinf
from typing import NamedTuple
from uuid import UUID

SqliteValue = int | float | str | bytes | None
Convert = Callable[[SqliteValue], str]

_TRUE, _FALSE = {"1", "true", "t", "yes", "y", "on"}, {"0", "false", "f", "no", "n", "off"}
_RANGES = {"int2": 1 << 15, "int4": 1 << 31, "int8": 1 << 63}
# a date, or a date and time, as Python, SQLite and JavaScript write it
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"(?:[ T]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?))?)?"
)
# seconds since 1970 as text; with fewer digits it may be a year, or a date without dashes
_TIMESTAMP_NUMBER = re.compile(r"-?\d{9,13}|-?\d+\.\d+")
_ZONE = re.compile(r".*:.*(?:Z|UTC|[+-]\d\d(?::?\d\d)?)")
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
# the Julian days of 1970-01-01 and of 9999-12-31: a float up to the last is read as a Julian day,
# because as seconds it would be in the first weeks of 1970
_UNIX_EPOCH_DAY, _LAST_JULIAN_DAY = 2440587.5, 5373484.5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# how COPY writes null, and the characters it escapes
_NULL = "\\N"
_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_ESCAPES = str.maketrans(_ESCAPED)
_NOT_NULL = "is refused, because the column takes no null"


class Misfit(ValueError):
    """A value cannot be converted to the type of its column."""


class TargetColumn(NamedTuple):
    """A column of PostgreSQL that values go into."""

    name: str
    # the name of the base type in pg_type, as in int4
    type: str
    # the length of a varchar; the precision and the scale of a numeric
    length: int | None = None
    precision: int | None = None
    scale: int | None = None


def converter(column: TargetColumn) -> Convert:
    """Return the function that converts values of SQLite for a column."""
    match column.type:
        case "int2" | "int4" | "int8":
            return _integer(_RANGES[column.type])
        case "numeric":
            return _numeric(column.precision, column.scale or 0)
        case "text" | "varchar" | "bpchar" | "name" | "citext":
            return _text(column.length)
        case _:
            return _CONVERTERS.get(column.type, _unchanged)


def shown(value: SqliteValue) -> str:
    """Return a value as a report shows it: quoted, and not too long."""
    text = "null" if value is None else repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


_MAX_SHOWN = 80


def write_cells(
    values: Sequence[SqliteValue], convert: Convert, *, not_null: bool
) -> tuple[list[str], dict[int, str]]:
    """Return the cells of a column as COPY reads them, and the reason of each misfit by its index.

    A whole column is converted at once, because it is faster: the rare cases, an escape and a
    null, are looked for once a column instead of once a cell.
    """
    try:
        cells = ["" if value is None else convert(value) for value in values]
        misfits: dict[int, str] = {}
    except Misfit:
        cells, misfits = _one_by_one(values, convert)
    joined = "".join(cells)
    if any(character in joined for character in _ESCAPED):
        cells = [cell.translate(_ESCAPES) for cell in cells]
    nulls = [index for index, value in enumerate(values) if value is None] if None in values else []
    if not_null:
        misfits |= dict.fromkeys(nulls, _NOT_NULL)
    for index in {*nulls, *misfits}:
        cells[index] = _NULL
    return cells, misfits


def _one_by_one(
    values: Sequence[SqliteValue], convert: Convert
) -> tuple[list[str], dict[int, str]]:
    cells: list[str] = []
    misfits: dict[int, str] = {}
    for index, value in enumerate(values):
        try:
            cells.append("" if value is None else convert(value))
        except Misfit as misfit:
            cells.append("")
            misfits[index] = str(misfit)
    return cells, misfits


def _integer(limit: int) -> Convert:
    def convert(value: SqliteValue) -> str:
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
    def convert(value: SqliteValue) -> str:
        number = _decimal(value, "a number")
        if precision is not None and not number.is_nan() and not _fits(number, precision, scale):
            raise Misfit(f"has more than {precision - scale} digits before the point")
        return str(number)

    return convert


def _decimal(value: SqliteValue, wanted: str) -> Decimal:
    """Read a number of any size exactly."""
    try:
        # repr returns the shortest text that is read as the same float
        number = Decimal(repr(value) if isinstance(value, float) else _plain(value, wanted))
    except InvalidOperation:
        raise Misfit(f"is not {wanted}") from None
    return number


def _plain(value: SqliteValue, wanted: str) -> str | int:
    # Python reads 1_000 as a number; SQLite and PostgreSQL do not
    if not isinstance(value, str | int) or "_" in str(value):
        raise Misfit(f"is not {wanted}")
    return value


def _fits(number: Decimal, precision: int, scale: int) -> bool:
    """Return whether a number, rounded to its scale, has few enough digits before the point."""
    digits = precision - scale
    if number.is_infinite() or (number and number.adjusted() >= digits):
        return False
    if not number or number.adjusted() < digits - 1:
        return True
    # rounding may add a digit; it is rounded as the server rounds, with enough precision
    context = Context(precision + 2, ROUND_HALF_UP, MIN_EMIN, MAX_EMAX)
    return number.quantize(Decimal(1).scaleb(-scale), context=context).adjusted() < digits


def _text(length: int | None) -> Convert:
    def convert(value: SqliteValue) -> str:
        if isinstance(value, bytes):
            raise Misfit("is a BLOB, and the column takes text")
        text = str(value)
        if "\0" in text:
            raise Misfit("contains a NUL character, which PostgreSQL does not store in text")
        if length is not None and len(text) > length:
            raise Misfit(f"has {len(text)} characters, at most {length} fit")
        return text

    return convert


def _boolean(value: SqliteValue) -> str:
    word = str(value).lower()
    if isinstance(value, bytes) or word not in _TRUE | _FALSE:
        raise Misfit("is neither true nor false")
    return "t" if word in _TRUE else "f"


def _float_text(value: SqliteValue) -> str:
    try:
        number = value if isinstance(value, float) else float(_plain(value, "a number"))
    except (OverflowError, ValueError):
        raise Misfit("is not a number") from None
    if isinf(number) and isinstance(value, str) and "inf" not in value.lower():
        raise Misfit("is out of range")
    return repr(number)


def _timestamp(value: SqliteValue) -> str:
    """Read a text as ISO 8601, an integer as seconds since 1970, a small float as a Julian day.

    A text without a time zone is in UTC, as the times of SQLite's own functions are.
    """
    text = value.strip() if isinstance(value, str) else ""
    if not _TIMESTAMP.fullmatch(text):
        number = _timestamp_number(value)
        if number is None:
            raise Misfit("is not a date and time as ISO 8601 writes it")
        return _from_number(number).isoformat(sep=" ")
    try:
        datetime.fromisoformat(_python_timestamp(text))
    except ValueError as error:
        raise Misfit(f"is not a date and time: {error}") from None
    return text.replace(",", ".")


def _timestamp_without_zone(value: SqliteValue) -> str:
    """As `_timestamp`, but converted to UTC: PostgreSQL would ignore the zone silently."""
    text = _timestamp(value)
    if not _ZONE.fullmatch(text):
        return text
    in_utc = datetime.fromisoformat(_python_timestamp(text)).astimezone(UTC)
    return in_utc.replace(tzinfo=None).isoformat(sep=" ")


def _python_timestamp(text: str) -> str:
    """Write a time zone as Python reads it: directly after the time."""
    day, time_of_day = text[:11], text[11:]
    return day + time_of_day.replace("UTC", "Z").replace(" ", "")


def _timestamp_number(value: SqliteValue) -> float | None:
    """Return a number of seconds or days, which a column of text may hold as text."""
    if isinstance(value, str) and _TIMESTAMP_NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value if isinstance(value, int | float) else None


def _from_number(value: float) -> datetime:
    seconds = value
    if isinstance(value, float) and 0 < value <= _LAST_JULIAN_DAY:
        seconds = (value - _UNIX_EPOCH_DAY) * 86_400
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise Misfit("is out of range for seconds since 1970") from None


def _date(value: SqliteValue) -> str:
    return _timestamp(value)[:10]


def _time(value: SqliteValue) -> str:
    try:
        return time.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise Misfit("is not a time of day") from None


def _json(value: SqliteValue) -> str:
    if isinstance(value, int | float):
        return _finite(json.dumps(value))
    text = _decoded(value)
    try:
        _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise Misfit(f"is not JSON: {error}") from None
    return text


def _jsonb(value: SqliteValue) -> str:
    text = _json(value)
    if _NUL_IN_JSON.search(text):
        raise Misfit("contains a NUL character, which PostgreSQL does not store in jsonb")
    return text


def _refuse_constant(name: str) -> object:
    message = f"{name} is no JSON number"
    raise ValueError(message)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _finite(text: str) -> str:
    if text in {"NaN", "Infinity", "-Infinity"}:
        raise Misfit(f"is not JSON: {text} is no JSON number")
    return text


def _decoded(value: SqliteValue) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Misfit("is a BLOB that is not UTF-8") from None
    return str(value)


def _bytes(value: SqliteValue) -> str:
    content = value if isinstance(value, bytes) else str(value).encode()
    return "\\x" + content.hex()


def _uuid(value: SqliteValue) -> str:
    try:
        return str(UUID(bytes=value) if isinstance(value, bytes) else UUID(str(value)))
    except ValueError:
        raise Misfit("is not a UUID") from None


def _inet(value: SqliteValue) -> str:
    try:
        ipaddress.ip_interface(str(value))
    except ValueError:
        raise Misfit("is not an IP address") from None
    return str(value)


def _unchanged(value: SqliteValue) -> str:
    """Return a text as it is; the server decides whether its type can read it."""
    if isinstance(value, bytes):
        raise Misfit("is a BLOB, and the column takes text")
    return str(value)


_CONVERTERS: dict[str, Convert] = {
    "bool": _boolean,
    "float4": _float_text,
    "float8": _float_text,
    "timestamptz": _timestamp,
    "timestamp": _timestamp_without_zone,
    "date": _date,
    "time": _time,
    "json": _json,
    "jsonb": _jsonb,
    "bytea": _bytes,
    "uuid": _uuid,
    "inet": _inet,
}
