"""Write a Python value as JSON, and read JSON as a value of a Python type."""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any, cast
from uuid import UUID

from psycopg.types import json as psycopg_json

from dbkit.pgtypes.building import Build, builder


def json_text(value: object) -> str:
    """Write a value as JSON: dataclasses, msgspec and pydantic models, ids and moments included.

    A value that JSON has no form for, NaN among them, is a ValueError.
    """
    if isinstance(value, psycopg_json.Json | psycopg_json.Jsonb):
        value = value.obj
    try:
        return json.dumps(value, default=_written, allow_nan=False, ensure_ascii=False)
    except TypeError as error:
        raise ValueError(str(error)) from error


@cache
def json_reader(annotation: Any) -> Callable[[str | bytes, str], Any]:  # noqa: ANN401
    """Give what reads JSON as this type and names the path of what does not fit."""
    make: Build = builder(annotation)
    # a fraction goes through Decimal, so that a field of that type gets all its digits
    return lambda text, path: make(json.loads(text, parse_float=Decimal), path)


def _written(value: object) -> object:  # noqa: PLR0911 - one line for each kind of value
    if hasattr(value, "__pydantic_validator__"):
        return import_module("pydantic").TypeAdapter(type(value)).dump_python(value, mode="json")
    if hasattr(value, "__struct_fields__"):
        return import_module("msgspec").to_builtins(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, set | frozenset | tuple):
        values = cast("set[object] | frozenset[object] | tuple[object, ...]", value)
        return list(values)
    message = f"JSON has no form for {type(value).__name__}"
    raise TypeError(message)


def _number(value: Decimal) -> int | float:
    """Write a Decimal as a number, where Python's json keeps all of it."""
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    if Decimal(repr(number)) == value:
        return number
    message = f"JSON would lose digits of {value}; pass a str"
    raise TypeError(message)
