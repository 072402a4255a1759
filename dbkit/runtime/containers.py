"""Write the types that are made of other types: arrays, composites and ranges."""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from struct import pack
from typing import Any, NamedTuple, cast

from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from dbkit.pgtypes import PgType, TypeKind
from dbkit.runtime.scalars import expect, scalar_encoder
from dbkit.runtime.wirevalues import Encoder, Unbindable, Write

_MOST_DIMENSIONS = 6


def encoder(  # noqa: PLR0911 - one answer for each kind of type
    type_: PgType, encoding: str
) -> Encoder:
    """Give what writes the values of a type, `encoding` being the client's."""
    match type_.kind:
        case TypeKind.DOMAIN if type_.of is not None:
            return encoder(type_.of, encoding)
        case TypeKind.ARRAY if type_.of is not None:
            return _array_encoder(type_.of, encoder(type_.of, encoding))
        case TypeKind.COMPOSITE:
            return _row_encoder(
                tuple(name for name, _ in type_.fields),
                tuple(field.oid for _, field in type_.fields),
                tuple(encoder(field, encoding) for _, field in type_.fields),
            )
        case TypeKind.RANGE if type_.of is not None:
            return _range_encoder(encoder(type_.of, encoding))
        case TypeKind.MULTIRANGE if type_.of is not None:
            return _multirange_encoder(_range_encoder(encoder(type_.of, encoding)))
        case TypeKind.ENUM:
            # an enum's binary form is its label
            return scalar_encoder("text", encoding)
        case _:
            return scalar_encoder(type_.name, encoding)


def is_binary(type_: PgType) -> bool:
    """Whether values of this type can come back in binary, and be understood."""
    inner = [field for _, field in type_.fields] + ([type_.of] if type_.of else [])
    if inner:
        return all(map(is_binary, inner))
    if type_.kind is TypeKind.ENUM or type_.name == "record":
        return True
    return scalar_encoder(type_.name, "utf-8").binary is not None


class _Flat(NamedTuple):
    """The values of nested lists one after the other, and how many are in each dimension."""

    values: list[object]
    dimensions: tuple[int, ...]


def _array_encoder(element: PgType, inner: Encoder) -> Encoder:
    # a tuple may be a composite value, and a list a json one
    nested = () if inner.takes_lists else (list,)
    flatten = partial(_flatten, nested=nested)

    def text(value: object) -> bytes:
        flat = flatten(value)
        written = [_element(inner.text, one) for one in flat.values]
        if not written:
            return b"{}"
        for size in reversed(flat.dimensions):
            written = [
                b"{%s}" % b",".join(written[start : start + size])
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
        written += (_sized(write, one) for one in flat.values)
        return b"".join(written)

    # as the element of an array it is behind a domain, and one value
    return Encoder(text, inner.binary and partial(binary, inner.binary), takes_lists=True)


def _flatten(value: object, *, nested: tuple[type, ...]) -> _Flat:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        message = f"expected a list, got {type(value).__name__}"
        raise Unbindable(message)
    values: list[object] = list(cast("Sequence[object]", value))
    dimensions = [len(values)]
    while nested and values and isinstance(values[0], nested):
        inner = cast("list[list[object]]", values)
        size = len(inner[0])
        if not all(isinstance(one, nested) and len(one) == size for one in inner):
            message = "the lists in it differ in length or in depth"
            raise Unbindable(message)
        dimensions.append(size)
        values = [one for part in inner for one in part]
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
            expect(value, tuple)
            values = cast("tuple[object, ...]", value)
        if len(values) != len(names):
            message = f"expected {len(names)} values ({', '.join(names)}), got {len(values)}"
            raise Unbindable(message)
        return values

    def text(value: object) -> bytes:
        pairs = zip(inner, values_of(value), strict=True)
        return b"(%s)" % b",".join(
            b"" if one is None else _element(each.text, one) for each, one in pairs
        )

    writes = _all_binary(inner)
    if writes is None:
        return Encoder(text)

    def binary(value: object) -> bytes:
        parts = zip(oids, writes, values_of(value), strict=True)
        return pack("!i", len(oids)) + b"".join(
            pack("!I", oid) + _sized(write, one) for oid, write, one in parts
        )

    return Encoder(text, binary)


def _range_encoder(inner: Encoder) -> Encoder:
    def text(value: Any) -> bytes:  # noqa: ANN401 - what a caller passed in spite of its types
        expect(value, Range)
        if value.isempty:
            return b"empty"
        lower, upper = (
            b"" if bound is None else _element(inner.text, bound)
            for bound in (value.lower, value.upper)
        )
        opening, closing = value.bounds.encode()[:1], value.bounds.encode()[1:]
        return b"%s%s,%s%s" % (opening, lower, upper, closing)

    def binary(write: Write, value: Any) -> bytes:  # noqa: ANN401 - as above
        expect(value, Range)
        if value.isempty:
            return b"\x01"
        flags = (
            (2 if value.lower_inc else 0)
            | (4 if value.upper_inc else 0)
            | (8 if value.lower is None else 0)
            | (16 if value.upper is None else 0)
        )
        bounds = [_sized(write, one) for one in (value.lower, value.upper) if one is not None]
        return bytes([flags]) + b"".join(bounds)

    return Encoder(text, inner.binary and partial(binary, inner.binary))


def _multirange_encoder(inner: Encoder) -> Encoder:
    def ranges(value: object) -> list[Range[object]]:
        expect(value, Multirange, list, tuple)
        return list(cast("Sequence[Range[object]]", value))

    def text(value: object) -> bytes:
        return b"{%s}" % b",".join(map(inner.text, ranges(value)))

    def binary(write: Write, value: object) -> bytes:
        listed = ranges(value)
        return pack("!i", len(listed)) + b"".join(_sized(write, one) for one in listed)

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
    writes = tuple(each.binary for each in inner if each.binary is not None)
    return writes if len(writes) == len(inner) else None
