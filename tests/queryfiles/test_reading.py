"""What a query file says of itself."""

import pytest

from dbkit.queryfiles import Allowance, Choice, Query, QueryKind, QueryParameter
from dbkit.queryfiles.errors import StateOfTheCaller
from dbkit.sqltext import Source
from tests.queryfiles.reading import parse_queries


def read(text: str, path: str = "sql/shop/runs/list_recent.sql") -> Query:
    (query,) = parse_queries(Source(path, text), "runs")
    return query


DESIGN = r"""-- Runs of one project, newest first.
-- :many
\if :{?max_runs} \else \set max_runs 20 \endif
select
    run.run_id,
    run.status
from runs as run
where
    run.project = :'project'
\if :{?status}
    and run.status = :'status'
\endif
order by run.created_at desc, run.run_id
limit :'max_runs';
"""


def test_the_query_of_the_design_reads_as_it_is_meant() -> None:
    query = read(DESIGN)

    without, with_status = query.combinations
    assert (query.subject, query.name, query.kind) == ("runs", "list_recent", QueryKind.MANY)
    assert (query.path, query.line) == ("sql/shop/runs/list_recent.sql", 4)
    assert query.documentation == "Runs of one project, newest first."
    assert query.parameters == (
        QueryParameter("project"),
        QueryParameter("max_runs", default="20"),
        QueryParameter("status", omittable=True),
    )
    assert (without.given, without.parameters) == (frozenset(), ("project", "max_runs"))
    assert with_status.given == {"status"}
    assert with_status.parameters == ("project", "status", "max_runs")
    assert with_status.text == (
        "select\n    run.run_id,\n    run.status\nfrom runs as run\nwhere\n"
        "    run.project = $1\n    and run.status = $2\n"
        "order by run.created_at desc, run.run_id\nlimit $3"
    )


@pytest.mark.parametrize("kind", list(QueryKind))
def test_every_kind_is_a_word_of_its_own_line(kind: QueryKind) -> None:
    assert read(f"-- :{kind}\nselect 1;").kind is kind
    assert read(f"--:{kind}  \r\nselect 1;\r\n").kind is kind


def test_the_documentation_keeps_its_paragraphs_and_its_indentation() -> None:
    query = read(
        "\n--   One.\n--     indented\n--   :many\n--\n--\n--   Two.\n\n--   Three: all of them.\n"
        "--   total: not null\n\\if :{?x} \\else \\set x 1 \\endif\n--   Below a default.\n"
        "select :'x'; -- not this\n-- nor that\n"
    )

    assert query.documentation == (
        "One.\n  indented\n\nTwo.\n\nThree: all of them.\n\nBelow a default."
    )


def test_a_header_line_narrows_only_where_it_has_the_form() -> None:
    query = read(
        "-- :many\n"
        "-- total: not null\n"
        "--status:nullable\n"
        "-- payload: myapp.types.Payload\n"
        "-- payload: not  null\n"
        "-- name: not null\n"
        "-- title: nullable\n"
        "-- note: this is documentation\n"
        "-- the total: not null\n"
        "-- total: Payload\n"
        "select :'status';"
    )

    assert query.narrowed == (
        ("total", "not null"),
        ("status", "nullable"),
        ("payload", "myapp.types.Payload"),
        ("payload", "not null"),
        ("name", "not null"),
        ("title", "nullable"),
    )
    assert query.documentation == (
        "note: this is documentation\nthe total: not null\ntotal: Payload"
    )


def test_a_query_that_crosses_tenants_says_why_and_so_does_its_documentation() -> None:
    query = read(
        "-- Every secret of an old key.\n-- across tenants: a key is for all of them\n"
        "-- :many\nselect 1 as number;"
    )

    assert query.across_tenants == "a key is for all of them"
    assert query.documentation == (
        "Every secret of an old key.\n\nAcross tenants: a key is for all of them."
    )


def test_a_query_that_says_nothing_of_tenants_crosses_none() -> None:
    query = read("-- Goes across tenants: no.\n-- :many\nselect 1 as number;")

    assert query.across_tenants is None
    assert query.documentation == "Goes across tenants: no."


def test_a_query_names_the_class_that_its_rows_share() -> None:
    query = read("-- Runs.\n-- row: Run\n-- :many\nselect 1 as id, 2 as size;")

    assert query.row_class == "Run"
    assert query.documentation == "Runs."


def test_a_query_that_names_no_class_shares_none() -> None:
    assert read("-- The row: the newest.\n-- :many\nselect 1;").row_class is None


def test_a_column_called_row_may_be_narrowed_beside_the_class_of_the_rows() -> None:
    query = read(
        "-- :many\n-- row: not null\n-- row: myapp.types.Row\n-- row: Run\n"
        "select 1 as row, 2 as size;"
    )

    assert query.narrowed == (("row", "not null"), ("row", "myapp.types.Row"))
    assert query.row_class == "Run"


def test_identifiers_called_row_and_allow_have_their_lists() -> None:
    query = read(
        "-- :many\n-- row: Run, step\n-- allow: id, at\n"
        'select :"row".id from :"row" order by :"allow";'
    )

    assert query.choices == (Choice("row", ("Run", "step")), Choice("allow", ("id", "at")))
    assert (query.row_class, query.allowed) == (None, ())


def test_a_query_says_which_rules_are_silenced_and_why() -> None:
    query = read(
        "-- allow: many-without-order, the caller sorts, and differently each time\n"
        "-- Runs.\n--allow:uncertain_one ,a trigger holds it to one\n-- :many\nselect 1;"
    )

    assert query.allowed == (
        Allowance("many-without-order", "the caller sorts, and differently each time", 1),
        Allowance("uncertain_one", "a trigger holds it to one", 3),
    )
    assert query.documentation == "Runs."


def test_an_identifier_is_one_of_those_listed() -> None:
    query = read(
        "-- :many\n-- sort: created_at, updatedAt , created_at\n-- note: a, b\n"
        '\\if :{?way} \\else \\set way up \\endif\n-- way: up, down\nselect x.:"sort", :"way";'
    )

    assert query.choices == (
        Choice("sort", ("created_at", "updatedAt")),
        Choice("way", ("up", "down"), default="up"),
    )
    assert query.parameters == ()
    assert query.documentation == "note: a, b"
    assert [combination.text for combination in query.combinations] == [
        'select x."created_at", "up"',
        'select x."created_at", "down"',
        'select x."updatedAt", "up"',
        'select x."updatedAt", "down"',
    ]


@pytest.mark.parametrize(
    "text",
    [
        "':x'",
        "E'\\' :x'",
        "$$ :x $$",
        "$a$ :'x' $$ :x $a$",
        "/* :x /* :'x' */ */ 1",
        '":x"',
        "a::x",
        "a[1:2]",
        "a[b :2]",
        "'%x%' like '%' || 7 % 2",
        "'-- name: fake :one'",
        "a \\: b",
        "x @> y",
        "@ x",
        ":: 'x'",
    ],
)
def test_what_only_looks_like_a_parameter_is_none(text: str) -> None:
    query = read(f"-- :one\nselect {text};")

    assert query.parameters == ()
    assert query.combinations[0].text == f"select {text}".replace("\\:", ":")


@pytest.mark.parametrize("form", [":'x'", ":x"])
@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("{}::interval", "$1::interval"),
        ("a[{}]", "a[$1]"),
        ("f({},{})", "f($1,$1)"),
        ("a={}", "a=$1"),
        ("now() at time zone {}", "now() at time zone $1"),
        ("date\n as date_, {}", "date\n as date_, $1"),
        ("'a'/**/ {}", "'a'/**/ $1"),
    ],
)
def test_a_parameter_is_a_number_wherever_it_stands(form: str, text: str, sent: str) -> None:
    query = read("-- :one\nselect " + text.replace("{}", form))

    assert query.combinations[0].text == f"select {sent}"
    assert query.combinations[0].parameters == ("x",)


def test_a_parameter_is_omittable_where_some_combination_does_without_it() -> None:
    query = read(
        "-- :many\nselect :'everywhere', 1\n"
        "\\if :{?a}\n, :'a', :'with_a', :'both'\n"
        "\\if :{?b}\n, :'b'\n\\endif\n"
        "\\else\n, :'without_a', :'both'\n\\endif\n"
        "\\if :{?flag}\n, 2\n\\endif\n;"
    )

    assert query.parameters == (
        QueryParameter("everywhere"),
        QueryParameter("both"),
        QueryParameter("a", omittable=True),
        QueryParameter("with_a", omittable=True),
        QueryParameter("b", omittable=True),
        QueryParameter("without_a", omittable=True),
        QueryParameter("flag", omittable=True, flag=True),
    )
    assert query.documentation.splitlines() == [
        "`with_a` is to be given with `a`.",
        "`b` counts only with `a`.",
        "`without_a` is to be given without `a`.",
    ]


def test_a_part_of_something_with_a_default_is_always_in() -> None:
    query = read(
        "-- :many\n\\if :{?x}\n\\else\n    \\set x 20\n\\endif\n"
        "select 1\n\\if :{?x}\n, :'x'\n\\endif\n;"
    )

    assert query.parameters == (QueryParameter("x", default="20"),)
    assert [combination.text for combination in query.combinations] == ["select 1\n, $1"]
    assert query.combinations[0].given == frozenset()


def test_something_with_a_default_may_stand_outside_its_part_and_needs_no_mention() -> None:
    query = read(
        "-- :many\n\\if :{?x} \\else \\set x 20 \\endif\n"
        "select :'x'\n\\if :{?a}\n\\if :{?x}\n, :'a', :'b'\n\\endif\n\\endif\n;"
    )

    assert [parameter.name for parameter in query.parameters] == ["x", "a", "b"]
    assert query.documentation == "`b` is to be given with `a`."


def test_a_column_called_name_may_be_narrowed_in_a_file_of_one_query() -> None:
    query = read("-- :many\n-- name: nullable\nselect 1 as name;")

    assert query.narrowed == (("name", "nullable"),)


def test_what_ends_a_statement_is_left_out() -> None:
    for end in ("", ";", "\n;\n", " ;; ", ";\n-- done\n/* done */", "\n\n"):
        assert read(f"-- :one\nselect 1{end}").combinations[0].text == "select 1"


def test_a_copy_over_the_wire_is_refused_however_its_text_ends() -> None:
    for end in ("", "\n", "\n\\.\n", "\n\n"):
        with pytest.raises(StateOfTheCaller, match="with the kind :copy, which loads them"):
            read(f"-- :copy\ncopy runs (run_id) from stdin;{end}")
