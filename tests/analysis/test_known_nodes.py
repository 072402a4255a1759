"""What a newer PostgreSQL could put into a tree never passes for the known case beside it."""

import psycopg
import pytest

from dbkit.analysis import describe
from dbkit.analysis.lostproof import LossCause
from dbkit.tenancy import find_crossings

_SCHEMA = """
create table item (id integer primary key, tenant integer not null, name text not null);
create view shown as select item.id, item.name from item left join item as other using (id);
create unique index on item (lower(name)) where tenant > 0;
"""
# a superuser may write into a tree: the body of each new function is edited as it is made
_NEWER = """
create cast (text as pg_node_tree) without function;
create function edit() returns event_trigger language plpgsql as $$
begin
    update pg_catalog.pg_proc
    set prosqlbody = replace(
        prosqlbody::text, current_setting('newer.old'), current_setting('newer.new')
    )::pg_node_tree
    where pronamespace = pg_my_temp_schema() and prosqlbody is not null;
end $$;
create event trigger editing on ddl_command_end when tag in ('CREATE FUNCTION')
execute function edit();
"""
_EDITED_VIEW = """
update pg_catalog.pg_rewrite set ev_action = replace(ev_action::text, $1, $2)::pg_node_tree
where ev_class = 'shown'::regclass
"""
_EDITED_INDEX = """
update pg_catalog.pg_index set indpred = replace(indpred::text, $1, $2)::pg_node_tree
where indrelid = 'item'::regclass and indpred is not null
"""

# a statement, what stands in its tree, what stands there instead, and what is then not known
UNKNOWN = [
    (
        "insert into item values (1, 1, 'x') on conflict (id) do nothing returning id",
        ":action 1", ":action 3", "ONCONFLICTEXPR.action 3",
    ),
    (
        "select item.id from item left join item as other using (id)",
        ":jointype 1", ":jointype 4", "jointype 4",
    ),
    ("select id from item where id = 1", "{QUERY ", "{QUERY :all true ", "QUERY.all"),
    ("select id from item where id = 1", "{QUERY ", "{QUERY :all {X} ", "QUERY.all"),
    ("select id from item where id = 1", "{QUERY ", "{QUERY :all (i 1) ", "QUERY.all"),
    (
        "with one as (select id from item where id = 1) select id from one",
        "{COMMONTABLEEXPR ", "{COMMONTABLEEXPR :twice 2 ", "COMMONTABLEEXPR.twice",
    ),
    ("select id from item where id = 1", ":rtekind 0", ":rtekind 10", "rtekind 10"),
    ("select id from item where id = 1", ":rtekind 0", ":rtekind 5", "without values_lists"),
    ("select id from item where id = 1", ":relkind r", ":relkind g", "relkind g"),
    ("select id from item where id = 1", "{OPEXPR ", "{OPEREXPR ", "OPEREXPR"),
    (
        "select id from item where id = 1 and name = 'x'",
        ":boolop and", ":boolop xor", "BOOLEXPR.boolop xor",
    ),
    ("select 1 union select id from item", ":op 1", ":op 4", "SETOPERATIONSTMT.op 4"),
    (
        "select exists (select from item)", ":subLinkType 0", ":subLinkType 8", "subLinkType 8",
    ),
    (
        "select first_value(id) over (order by id) from item",
        "{WINDOWFUNC ", "{WINDOWFUNC :ignore_nulls 1 ", "WINDOWFUNC.ignore_nulls",
    ),
    (
        "select count(*) over (order by id rows 1 preceding) from item",
        ":frameOptions ", ":frameOptions 999", "WINDOWCLAUSE.frameOptions",
    ),
    ("select count(*) from item", ":aggkind n", ":aggkind x", "AGGREF.aggkind x"),
    ("select id is null from item", ":nulltesttype 0", ":nulltesttype 2", "nulltesttype 2"),
    ("select id from item limit 1", ":limitOption 0", ":limitOption 7", "QUERY.limitOption 7"),
    ("delete from item where id = 1 returning id", ":commandType 4", ":commandType 8", "8"),
    ("select $1::integer", ":paramkind 0", ":paramkind 6", "PARAM.paramkind 6"),
    (
        "select id from item where (id > 0) is true",
        ":booltesttype 0", ":booltesttype 6", "BOOLEANTEST.booltesttype 6",
    ),
]  # fmt: skip
# what a newer server may well say, too, and what changes nothing
KNOWN = [":all false", ":all 0", ":all <>", ":all ()", ":all (b)", ":place -1"]


@pytest.fixture
def newer(empty: psycopg.Connection) -> psycopg.Connection:
    """A connection to a server that makes trees as they are not made today."""
    empty.execute(_SCHEMA.encode())
    empty.execute(_NEWER.encode())
    return empty


def _edit(connection: psycopg.Connection, old: str, new: str) -> None:
    connection.execute(
        "select set_config('newer.old', %s, false), set_config('newer.new', %s, false)", (old, new)
    )


@pytest.mark.parametrize(("text", "old", "new", "unknown"), UNKNOWN)
def test_what_is_not_known_proves_nothing_and_is_told(
    newer: psycopg.Connection, text: str, old: str, new: str, unknown: str
) -> None:
    _edit(newer, old, new)

    described = describe(newer, text)

    assert described.lost is not None
    assert described.lost.cause is LossCause.UNKNOWN
    assert unknown in described.lost.reason
    assert all(unknown in column.why for column in described.columns)
    assert not described.at_most_one
    assert not described.at_least_one
    assert described.is_ordered is None
    assert all(parameter.nullable for parameter in described.parameters)
    [crossing] = find_crossings(newer, text, [], tenant="tenant")
    assert crossing.kind == "unknown"
    assert unknown in crossing.message


@pytest.mark.parametrize("field", KNOWN)
def test_a_new_field_that_says_nothing_takes_no_proof_away(
    newer: psycopg.Connection, field: str
) -> None:
    _edit(newer, "{QUERY ", f"{{QUERY {field} ")

    described = describe(newer, "select id from item where id = 1")

    assert described.lost is None
    assert described.at_most_one
    assert not described.columns[0].nullable


def test_nothing_is_known_of_a_view_with_a_part_that_is_not(newer: psycopg.Connection) -> None:
    _edit(newer, "{X ", "{X ")
    assert not describe(newer, "select name from shown").columns[0].nullable

    newer.execute("begin")
    psycopg.RawCursor(newer).execute(_EDITED_VIEW, (":jointype 1", ":jointype 6"))
    described = describe(newer, "select name from shown where id = 1")
    crossings = find_crossings(newer, "select id from shown", [], tenant="tenant")
    newer.execute("rollback")

    assert described.lost is None
    assert described.columns[0].why == "nothing is known of shown"
    assert not described.at_most_one
    assert [crossing.kind for crossing in crossings] == ["unknown"]
    assert "nothing is known of the view shown" in crossings[0].message


def test_an_index_with_a_part_that_is_not_known_is_no_unique_key(
    newer: psycopg.Connection,
) -> None:
    _edit(newer, "{X ", "{X ")
    text = "select id from item where lower(name) = 'x' and tenant > 0"
    assert describe(newer, text).at_most_one

    newer.execute("begin")
    psycopg.RawCursor(newer).execute(_EDITED_INDEX, ("{OPEXPR ", "{OPEXPR :lazy true "))
    described = describe(newer, text)
    newer.execute("rollback")

    assert not described.at_most_one
