"""Make the two functions of a statement: one writes the values of a call, one builds its rows.

Each is put together as a short Python source of exactly what the statement needs, and compiled
once. The source has the numbers of parameters and columns and the field names of the row class,
never a value. For an id and a flag that may be null, the first reads:

    def bound(values):
        v0, v1, = values
        return (
            pack_int4(v0) if v0.__class__ is int else w0(v0),
            None if v1 is None else TRUE if v1 is True else FALSE if v1 is False else w1(v1),
        )
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from keyword import iskeyword
from struct import Struct
from typing import Any, TypeAlias, cast
from uuid import UUID

from dbkit.pgtypes import PgType, TypeKind
from dbkit.runtime.jsonreading import DIGITS, LONG, JsonReader, has_no_long_number, parse
from dbkit.runtime.wirevalues import AsText, Encoder, Unbindable

Bound: TypeAlias = Callable[[Sequence[object]], Sequence[bytes | None]]
Built: TypeAlias = Callable[[list[tuple[Any, ...]]], list[Any]]

_TEXTS = frozenset({"text", "varchar", "bpchar", "name", "citext", "xml", "char", '"char"'})


def _refuse(_: object) -> bytes:
    """Send the call the long way, which writes any value, or refuses it by its name."""
    raise Unbindable


_NAMES: dict[str, object] = {
    "UUID": UUID,
    "AsText": AsText,
    "NUL": "\0",
    "TRUE": b"\1",
    "FALSE": b"\0",
    "refuse": _refuse,
    "parse": parse,
    "LONG": LONG,
    "SPACE": b" ",
    "DIGITS": DIGITS,
    "has_no_long_number": has_no_long_number,
    "pack_int2": Struct("!h").pack,
    "pack_int4": Struct("!i").pack,
    "pack_int8": Struct("!q").pack,
    "pack_float8": Struct("!d").pack,
}


def make_bound(
    types: Sequence[tuple[PgType, Encoder]],
    nullable: Sequence[bool],
    used: Sequence[bool],
    count: int,
    encoding: str,
) -> Bound:
    """Make what writes the values of a call; it raises whatever it raises for an odd one.

    `used` says of each value whether the text has it; it is empty where all are. `count` is of
    the values with those that only choose a text.
    """
    names = [f"v{number}" for number in range(len(types))]
    writes = {
        f"w{number}": encoder.binary or encoder.text for number, (_, encoder) in enumerate(types)
    }
    lines: list[str] = []
    for number, ((type_, _), may_be_none) in enumerate(zip(types, nullable, strict=True)):
        written = _written(type_, encoding).format(f"v{number}", f"w{number}")
        if used and not used[number]:
            written = "None"
        elif may_be_none:
            written = f"None if v{number} is None else {written}"
        lines.append(written)
    targets = [*names, *["_"] * (count - len(names))]
    source = "\n".join(
        [
            f"def make({', '.join(writes)}):",
            "    def bound(values):",
            f"        {', '.join(targets)}, = values" if targets else "        () = values",
            "        return (",
            *(f"            {line}," for line in lines),
            "        )",
            "    return bound",
        ]
    )
    bound: Bound = _compiled(source)(*writes.values())
    return bound


def _written(type_: PgType, encoding: str) -> str:
    """Give the expression that writes `{0}`, by the encoder `{1}` where it is not plain.

    What takes a list or an object has no use for a str, and refuses an AsText.
    """
    while type_.kind is TypeKind.DOMAIN and type_.of is not None:
        type_ = type_.of
    if type_.kind is TypeKind.ENUM or (type_.kind is TypeKind.BASE and type_.name in _TEXTS):
        return _UTF8 if encoding == "utf-8" else "{1}({0})"
    if type_.kind is TypeKind.BASE:
        return _EXPRESSIONS.get(type_.name, "{1}({0})")
    return "{1}({0})"


_UTF8 = "{0}.encode() if {0}.__class__ is str and NUL not in {0} else refuse({0})"
# PostgreSQL's own text of a json value is no string in json
_JSON = "refuse({0}) if isinstance({0}, AsText) else {1}({0})"
_EXPRESSIONS = {
    "int2": "pack_int2({0}) if {0}.__class__ is int else {1}({0})",
    "int4": "pack_int4({0}) if {0}.__class__ is int else {1}({0})",
    "int8": "pack_int8({0}) if {0}.__class__ is int else {1}({0})",
    "float8": "pack_float8({0}) if {0}.__class__ is float else {1}({0})",
    "uuid": "{0}.bytes if {0}.__class__ is UUID else {1}({0})",
    "bool": "TRUE if {0} is True else FALSE if {0} is False else {1}({0})",
    "json": _JSON,
    "jsonb": _JSON,
}


def make_built(
    row: Callable[..., Any] | None,
    nullable: Sequence[bool],
    converters: Sequence[tuple[int, Callable[[Any], Any]]],
    refuse_null: Callable[[Sequence[object]], None],
) -> Built:
    """Make what builds the rows of a result from its values, and notices a null that cannot be.

    `row` is called with the values of a row; it is None where the only value is the row.
    """
    names = [f"v{number}" for number in range(len(nullable))]
    given: dict[str, Any] = {"refuse_null": refuse_null}
    ending = _ending(row, names, given)
    start = [f"{', '.join(names)}, = values" if names else "() = values"]
    proven = [name for name, may_be in zip(names, nullable, strict=True) if not may_be]
    if proven:
        start += [f"if {' or '.join(f'{name} is None' for name in proven)}: refuse_null(values)"]
    careful: list[tuple[int, str]] = []
    quick: list[tuple[int, str]] = []
    # plain json, of which a whole column can be read by one parser
    json_columns: list[int] = []
    for step, (number, convert) in enumerate(converters):
        given[f"c{step}"] = convert
        call = f"c{step}(v{number})"
        careful.append((number, call))
        if isinstance(convert, JsonReader):
            json_columns.append(number)
            # the byte before jsonb is no digit
            whole = f"v{number}" if convert.at else f"(SPACE + v{number})"
            test = f"is_plain or LONG not in {whole}.translate(DIGITS)"
            call = f"parse(v{number}[{convert.at}:]) if {test} else {call}"
        quick.append((number, call))

    def loop(conversions: Sequence[tuple[int, str]]) -> list[str]:
        calls = [
            (f"if v{number} is not None: " if nullable[number] else "") + f"v{number} = {call}"
            for number, call in conversions
        ]
        return [
            "all_made = []",
            "add = all_made.append",
            "for values in rows:",
            *(f"    {line}" for line in [*start, *calls, *ending]),
            "return all_made",
        ]

    lines = ["def built(rows):", *_indented(loop(careful))]
    if json_columns:
        lines = [
            "def careful(rows):",
            *_indented(loop(careful)),
            "def built(rows):",
            f"    is_plain = len(rows) > 1 and has_no_long_number(rows, {tuple(json_columns)})",
            "    try:",
            *_indented(_indented(loop(quick))),
            "    except ValueError:",
            "        return careful(rows)",
        ]
    source = "\n".join([f"def make({', '.join(given)}):", *_indented(lines), "    return built"])
    built: Built = _compiled(source)(*given.values())
    return built


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _ending(row: Callable[..., Any] | None, names: list[str], given: dict[str, Any]) -> list[str]:
    """Say how the values of one row become the row, and is added to those that are made."""
    if row is None:
        return ["add(v0)"]
    slots = fillable_slots(row, len(names))
    twin = None if slots is None else _twin(row, slots)
    given["row"] = row
    if slots is None or twin is None:
        return [f"add(row({', '.join(names)}))"]
    given |= {"twin": twin, "new": object.__new__}
    return [
        "made = new(twin)",
        *(f"made.{slot} = {name}" for slot, name in zip(slots, names, strict=True)),
        "made.__class__ = row",
        "add(made)",
    ]


def fillable_slots(row: Callable[..., Any] | None, count: int) -> tuple[str, ...] | None:
    """Return the slots of a class of rows whose objects can be filled without calling it.

    None where calling the class could do anything else than set its slots.
    """
    if not (isinstance(row, type) and is_dataclass(row)):
        return None
    slots = tuple(field.name for field in fields(row))
    # what a class of the decorator's has is made by exec
    written = getattr(row.__init__, "__code__", None)
    if (
        row.__mro__ != (row, object)
        or row.__dict__.get("__slots__") != slots
        or len(slots) != count
        or not slots
        or not all(field.init and not field.kw_only for field in fields(row))
        or not all(slot.isidentifier() and not iskeyword(slot) for slot in slots)
        or any(name in row.__dict__ for name in ("__post_init__", "__new__"))
        or written is None
        or written.co_filename != "<string>"
    ):
        return None
    return slots


def _twin(row: Callable[..., Any], slots: tuple[str, ...]) -> type | None:
    """Return a class of the same slots, whose objects can be filled and then become rows.

    A frozen dataclass sets each field through a call, which is half of what a row costs.
    """
    twin = type("_Twin", (), {"__slots__": slots})
    try:
        object.__setattr__(twin(), "__class__", row)
    except TypeError:
        return None
    return twin


# a program may load and drop queries as long as it runs
@lru_cache(maxsize=1024)
def _compiled(source: str) -> Callable[..., Any]:
    namespace = dict(_NAMES)
    exec(compile(source, "<made by dbkit.runtime.makers>", "exec"), namespace)  # noqa: S102 - made of numbers and field names alone
    return cast("Callable[..., Any]", namespace["make"])
