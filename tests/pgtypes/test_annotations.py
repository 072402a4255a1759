"""Each PostgreSQL type is the Python type a careful person would have written."""

import pytest

from dbkit.pgtypes import (
    NestedClass,
    class_name,
    column_type,
    parameter_type,
    python_type,
    type_name,
)
from dbkit.pgtypes.column import Column, Shape
from dbkit.pgtypes.pgtype import PgType, TypeKind


def base(name: str) -> PgType:
    return PgType(1, "pg_catalog", name, TypeKind.BASE)


def array(of: PgType) -> PgType:
    return PgType(2, of.schema, f"_{of.name}", TypeKind.ARRAY, of)


MOOD = PgType(16500, "public", "mood", TypeKind.ENUM, labels=("so so", "it's"))
SCORE = PgType(16501, "public", "score", TypeKind.DOMAIN, base("int2"))
PLACE = PgType(
    16502,
    "public",
    "home_place",
    TypeKind.COMPOSITE,
    fields=(("street", base("text")), ("moods", array(MOOD))),
)
ODD = PgType(16503, "public", "odd", TypeKind.COMPOSITE, fields=(("a b", base("int4")),))
SPAN = PgType(16504, "public", "span", TypeKind.RANGE, base("float8"))
SPANS = PgType(16505, "public", "spans", TypeKind.MULTIRANGE, base("timestamptz"))
RECORD = PgType(2249, "pg_catalog", "record", TypeKind.PSEUDO)


ANNOTATIONS: list[tuple[PgType, str, set[str]]] = [
    (base("bool"), "bool", set()),
    (base("int2"), "int", set()),
    (base("int8"), "int", set()),
    (base("float4"), "float", set()),
    (base("numeric"), "Decimal", {"decimal.Decimal"}),
    (base("varchar"), "str", set()),
    (base("bytea"), "bytes", set()),
    (base("uuid"), "UUID", {"uuid.UUID"}),
    (base("date"), "date", {"datetime.date"}),
    (base("timetz"), "time", {"datetime.time"}),
    (base("timestamptz"), "datetime", {"datetime.datetime"}),
    (base("interval"), "timedelta", {"datetime.timedelta"}),
    (base("jsonb"), "Json", {"dbkit.pgtypes.Json"}),
    (base("cidr"), "Cidr", {"dbkit.pgtypes.Cidr"}),
    (base("vector"), "list[float]", set()),
    (base("ltree"), "str", set()),
    (array(base("uuid")), "list[UUID | None]", {"uuid.UUID"}),
    (array(base("jsonb")), "list[Json]", {"dbkit.pgtypes.Json"}),
    (MOOD, "Literal['so so', \"it's\"]", {"typing.Literal"}),
    (SCORE, "int", set()),
    (PLACE, "HomePlace", {"typing.Literal"}),
    (ODD, "tuple[int | None]", set()),
    (SPAN, "Range[float]", {"psycopg.types.range.Range"}),
    (
        SPANS,
        "Multirange[datetime]",
        {"psycopg.types.multirange.Multirange", "datetime.datetime"},
    ),
    (RECORD, "tuple[object, ...]", set()),
]


@pytest.mark.parametrize(
    ("type_", "annotation", "imports"),
    ANNOTATIONS,
    ids=lambda value: value.name if isinstance(value, PgType) else "",
)
def test_a_type_is_written_as_a_person_would(
    type_: PgType, annotation: str, imports: set[str]
) -> None:
    python = python_type(type_)

    assert python.annotation == annotation
    assert python.imports == imports


def test_proven_elements_are_never_none() -> None:
    assert python_type(array(base("int4")), element_nullable=False).annotation == "list[int]"


def test_a_composite_is_a_class_whose_fields_may_be_none() -> None:
    python = python_type(array(PLACE))

    assert python.annotation == "list[HomePlace | None]"
    assert python.classes == (
        NestedClass(
            "HomePlace",
            (
                ("street", "str | None"),
                ("moods", "list[Literal['so so', \"it's\"] | None] | None"),
            ),
        ),
    )
    assert python.converted


def test_json_can_be_a_type_of_the_users_own() -> None:
    python = python_type(base("jsonb"), json_type="myapp.types.Payload")

    assert python.annotation == "Payload"
    assert python.imports == {"myapp.types.Payload"}
    assert python.converted


@pytest.mark.parametrize(
    ("type_", "annotation"),
    [
        (base("numeric"), "Decimal | float"),
        (array(base("int4")), "Sequence[int | None]"),
        (base("vector"), "Sequence[float]"),
        (base("jsonb"), "JsonLike"),
        (PLACE, "HomePlace"),
        (SPAN, "Range[float]"),
    ],
    ids=lambda value: value.name if isinstance(value, PgType) else "",
)
def test_a_parameter_takes_all_that_can_be_sent(type_: PgType, annotation: str) -> None:
    assert parameter_type(type_).annotation == annotation


def test_a_nullable_parameter_takes_none() -> None:
    assert parameter_type(base("text"), nullable=True).annotation == "str | None"


def run_with_steps() -> Column:
    step = Shape(
        "object",
        "step",
        (
            Column("id", base("uuid"), nullable=False),
            Column("took", base("interval"), nullable=True),
            Column("tags", array(base("text")), nullable=False),
        ),
    )
    item = Column("", base("jsonb"), nullable=False, shape=step)
    return Column("steps", base("jsonb"), nullable=False, shape=Shape("list", "", (item,)))


def test_a_shape_is_typed_to_the_leaf() -> None:
    python = column_type(run_with_steps())

    assert python.annotation == "list[Step]"
    assert python.classes == (
        NestedClass("Step", (("id", "UUID"), ("took", "str | None"), ("tags", "list[str | None]"))),
    )
    assert python.imports == {"uuid.UUID"}
    assert python.converted


def test_a_row_of_an_outer_join_may_be_none() -> None:
    author = Shape("row", "authors", (Column("id", base("int4"), nullable=False),))

    python = column_type(Column("author", RECORD, nullable=True, shape=author))

    assert python.annotation == "Authors | None"


def test_keys_that_are_no_names_stay_json() -> None:
    odd = Shape("object", "", (Column("a b", base("int4"), nullable=False),))

    assert column_type(Column("x", base("json"), nullable=True, shape=odd)).annotation == "Json"


def test_the_caller_may_name_the_classes() -> None:
    python = python_type(PLACE, name_class=lambda suggested, _: f"{suggested}_2")

    assert python.annotation == "home_place_2"
    assert python.classes[0].name == "home_place_2"


@pytest.mark.parametrize(
    ("suggested", "name"),
    [("step_runs", "StepRuns"), ("Step", "Step"), ("2fa", "Row2fa"), ("none", "RowNone")],
)
def test_a_class_is_named_for_what_it_holds(suggested: str, name: str) -> None:
    assert class_name(suggested, ()) == name


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        (base("int4"), "int4"),
        (base("char"), '"char"'),
        (array(base("uuid")), "uuid[]"),
        (MOOD, "mood"),
        (array(MOOD), "mood[]"),
        (PgType(1, "apart", "mood", TypeKind.ENUM), "apart.mood"),
        (PgType(1, "Apart", 'so"so', TypeKind.ENUM), '"Apart"."so""so"'),
        # words that the grammar keeps for itself
        (PgType(1, "public", "order", TypeKind.COMPOSITE), '"order"'),
        (PgType(1, "public", "merge_action", TypeKind.COMPOSITE), '"merge_action"'),
        (PgType(1, "apart", "decimal", TypeKind.COMPOSITE), 'apart."decimal"'),
        # a name that PostgreSQL's own type has already
        (PgType(1, "public", "point", TypeKind.ENUM), "public.point"),
    ],
    ids=str,
)
def test_a_type_is_named_so_that_any_database_finds_it(type_: PgType, name: str) -> None:
    assert type_name(type_) == name
