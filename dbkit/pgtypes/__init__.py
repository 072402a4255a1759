"""The front door to what PostgreSQL's types are in Python."""

from dbkit.pgtypes.addresses import Cidr, Inet
from dbkit.pgtypes.annotations import (
    Fields,
    MadeClass,
    PyType,
    TypeNamer,
    are_fields,
    class_name,
    column_type,
    parameter_type,
    python_type,
)
from dbkit.pgtypes.building import Unfit, builder, named_type
from dbkit.pgtypes.column import Column, Shape
from dbkit.pgtypes.json_type import Json, JsonLike
from dbkit.pgtypes.json_values import json_reader, json_text
from dbkit.pgtypes.pgtype import PgType, TypeKind
from dbkit.pgtypes.typenames import type_name
from dbkit.pgtypes.vector import VectorBinaryLoader, VectorLoader, vector_binary, vector_text

__all__ = [
    "Cidr",
    "Column",
    "Fields",
    "Inet",
    "Json",
    "JsonLike",
    "MadeClass",
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
    "json_reader",
    "json_text",
    "named_type",
    "parameter_type",
    "python_type",
    "type_name",
    "vector_binary",
    "vector_text",
]
