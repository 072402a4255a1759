"""The front door to what PostgreSQL's types are in Python."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbkit.pgtypes.addresses import Cidr, Inet
    from dbkit.pgtypes.annotations import (
        Fields,
        NestedClass,
        PyType,
        TypeNamer,
        are_fields,
        class_name,
        column_type,
        parameter_type,
        python_type,
    )
    from dbkit.pgtypes.building import Unfit, builder, named_type
    from dbkit.pgtypes.column import Column, Shape, may_be_infinity
    from dbkit.pgtypes.differences import first_difference
    from dbkit.pgtypes.infinity import Infinity
    from dbkit.pgtypes.json_type import Json, JsonLike
    from dbkit.pgtypes.json_values import json_reader, json_text
    from dbkit.pgtypes.pgtype import PgType, TypeKind, element_of
    from dbkit.pgtypes.typenames import type_name
    from dbkit.pgtypes.vector import VectorBinaryLoader, VectorLoader, vector_binary, vector_text

__all__ = [
    "Cidr",
    "Column",
    "Fields",
    "Inet",
    "Infinity",
    "Json",
    "JsonLike",
    "NestedClass",
    "PgType",
    "PyType",
    "Shape",
    "TypeKind",
    "TypeNamer",
    "Unfit",
    "VectorBinaryLoader",
    "VectorLoader",
    "are_fields",
    "builder",
    "class_name",
    "column_type",
    "element_of",
    "first_difference",
    "json_reader",
    "json_text",
    "may_be_infinity",
    "named_type",
    "parameter_type",
    "python_type",
    "type_name",
    "vector_binary",
    "vector_text",
]

# a generated module needs few of them, and is to be imported quickly
_MODULES = {
    "Cidr": "addresses",
    "Column": "column",
    "Fields": "annotations",
    "Inet": "addresses",
    "Infinity": "infinity",
    "Json": "json_type",
    "JsonLike": "json_type",
    "NestedClass": "annotations",
    "PgType": "pgtype",
    "PyType": "annotations",
    "Shape": "column",
    "TypeKind": "pgtype",
    "TypeNamer": "annotations",
    "Unfit": "building",
    "VectorBinaryLoader": "vector",
    "VectorLoader": "vector",
    "are_fields": "annotations",
    "builder": "building",
    "class_name": "annotations",
    "column_type": "annotations",
    "element_of": "pgtype",
    "first_difference": "differences",
    "json_reader": "json_values",
    "json_text": "json_values",
    "may_be_infinity": "column",
    "named_type": "building",
    "parameter_type": "annotations",
    "python_type": "annotations",
    "type_name": "typenames",
    "vector_binary": "vector",
    "vector_text": "vector",
}

if not TYPE_CHECKING:
    from dbkit.doors import lazy_door

    __getattr__ = lazy_door(__name__, _MODULES)
