"""The front door to what PostgreSQL's types are in Python."""

from dbkit.queries.pytypes.annotations import (
    MadeClass,
    PyType,
    class_name,
    column_type,
    parameter_type,
    python_type,
)
from dbkit.queries.pytypes.building import Unfit, builder, named_type
from dbkit.queries.pytypes.json_type import Json, JsonLike
from dbkit.queries.pytypes.json_values import json_reader, json_text
from dbkit.queries.pytypes.names import type_name
from dbkit.queries.pytypes.vector import (
    VectorBinaryLoader,
    VectorLoader,
    vector_binary,
    vector_text,
)

__all__ = [
    "Json",
    "JsonLike",
    "MadeClass",
    "PyType",
    "Unfit",
    "VectorBinaryLoader",
    "VectorLoader",
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
