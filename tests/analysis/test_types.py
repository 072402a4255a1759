"""Every type is read together with the types it is made of."""

import psycopg
import pytest

from dbkit.analysis import describe
from dbkit.pgtypes.pgtype import PgType, TypeKind
from tests.conftest import skip_without_vector


def type_of(connection: psycopg.Connection, expression: str) -> PgType:
    [column] = describe(connection, f"select {expression}").columns
    return column.type


@pytest.mark.parametrize(
    ("expression", "name", "kind"),
    [
        ("1", "int4", TypeKind.BASE),
        ("'a'::\"char\"", "char", TypeKind.BASE),
        ("'a'::char(3)", "bpchar", TypeKind.BASE),
        ("'{}'::jsonb", "jsonb", TypeKind.BASE),
        ("'1 2'::int2vector", "int2vector", TypeKind.BASE),
        ("now()", "timestamptz", TypeKind.BASE),
        ("'author'::regclass", "regclass", TypeKind.BASE),
        ("row(1)", "record", TypeKind.PSEUDO),
        ("null", "text", TypeKind.BASE),
    ],
)
def test_a_plain_type_is_just_itself(
    expression: str, name: str, kind: TypeKind, library: psycopg.Connection
) -> None:
    pgtype = type_of(library, expression)

    assert (pgtype.schema, pgtype.name, pgtype.kind, pgtype.of) == ("pg_catalog", name, kind, None)


def test_an_array_knows_its_elements_of_any_dimension(library: psycopg.Connection) -> None:
    plane = type_of(library, "array[array['calm'::mood]]")

    assert plane.kind is TypeKind.ARRAY
    assert plane.of is not None
    assert (plane.of.kind, plane.of.oid) == (TypeKind.ARRAY, plane.oid)
    assert plane.of.of is not None
    assert (plane.of.of.name, plane.of.of.kind, plane.of.of.labels) == (
        "mood",
        TypeKind.ENUM,
        ("calm", "wild"),
    )


def test_a_composite_knows_its_fields(library: psycopg.Connection) -> None:
    pgtype = type_of(library, "row('a', 1)::address")

    assert pgtype.kind is TypeKind.COMPOSITE
    assert [(name, field.name) for name, field in pgtype.fields] == [
        ("street", "text"),
        ("number", "int4"),
    ]


def test_an_array_of_domains_knows_what_they_are_made_of(library: psycopg.Connection) -> None:
    pgtype = type_of(library, "array[1::positive]")

    assert pgtype.of is not None
    assert (pgtype.of.name, pgtype.of.kind) == ("positive", TypeKind.DOMAIN)
    assert pgtype.of.of is not None
    assert pgtype.of.of.name == "int4"


@pytest.mark.parametrize(
    ("expression", "kind", "of"),
    [
        ("int4range(1, 2)", TypeKind.RANGE, "int4"),
        ("'{}'::tstzmultirange", TypeKind.MULTIRANGE, "timestamptz"),
    ],
)
def test_a_range_knows_its_subtype(
    expression: str, kind: TypeKind, of: str, library: psycopg.Connection
) -> None:
    pgtype = type_of(library, expression)

    assert pgtype.kind is kind
    assert pgtype.of is not None
    assert pgtype.of.name == of


def test_an_enum_with_odd_labels_and_a_type_with_an_odd_name_are_read_as_they_are(
    empty: psycopg.Connection,
) -> None:
    empty.execute("""create schema "A b" create table "T ,(" ("c d" integer, "é""{}" text)""")
    empty.execute("""create type "A b"."e,{" as enum ('a,b', 'c"d', 'é', ' ', '{}')""")

    row = type_of(empty, """null::"A b"."T ,(" """)
    labels = type_of(empty, """null::"A b"."e,{" """)

    assert (row.schema, row.name) == ("A b", "T ,(")
    assert [name for name, _ in row.fields] == ["c d", 'é"{}']
    assert labels.labels == ("a,b", 'c"d', "é", " ", "{}")


def test_a_type_of_an_extension_is_known_by_its_name(
    empty: psycopg.Connection, empty_url: str
) -> None:
    skip_without_vector("myloware", empty_url)
    empty.execute("create extension vector")

    pgtype = type_of(empty, "'[1,2]'::vector")

    assert (pgtype.name, pgtype.kind) == ("vector", TypeKind.BASE)


def test_a_type_is_asked_for_once_on_a_connection(library: psycopg.Connection) -> None:
    assert type_of(library, "row('a', 1)::address") is type_of(library, "row('b', 2)::address")
