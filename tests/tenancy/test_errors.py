"""An error of a statement that binds the tenant says nothing of another tenant's row."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dbkit.analysis import Catalog
from dbkit.server import EmbeddedServer
from dbkit.tenancy import Ownership, find_crossings
from tests.tenancy.two_tenants import numbered

CASES = [
    (expected.strip(), text)
    for expected, separator, text in (
        line.partition(" | ")
        for line in (Path(__file__).parent / "errors.txt").read_text().splitlines()
    )
    if separator
]
_SCHEMA = """
create domain positive as integer check (value > 0);
create table settings (
    id integer primary key,
    tenant_id integer not null,
    value text,
    pattern text,
    amount integer,
    numbers integer[],
    document jsonb,
    made_at timestamptz
);
create table workflows (id integer primary key, tenant_id integer not null, name text);
create table options (
    id integer primary key,
    workflow_id integer not null references workflows (id),
    value text,
    document jsonb
);
create table countries (code text);
create view setting_numbers as
select id, tenant_id, value::integer as n
from settings;
create function told(number integer) returns boolean language plpgsql immutable
as $$ begin raise notice '%', number; return true; end $$;
"""


@pytest.fixture(scope="session")
def settings_url(server: EmbeddedServer) -> str:
    """The URL of a database with settings of tenants."""
    server.ensure_database("settings_of_tenants")
    with psycopg.connect(server.url("settings_of_tenants"), autocommit=True) as connection:
        connection.execute(_SCHEMA.encode())
    return server.url("settings_of_tenants")


@pytest.fixture
def settings(settings_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the settings of tenants, in autocommit mode."""
    with psycopg.connect(settings_url, autocommit=True) as connection:
        yield connection


def kinds_of(connection: psycopg.Connection, text: str) -> set[str]:
    statement, names = numbered(text)
    found = find_crossings(
        connection,
        statement,
        names,
        tenant="tenant_id",
        ownership=Ownership(Catalog(connection), "tenant_id"),
    )
    return {crossing.kind for crossing in found}


@pytest.mark.parametrize(("expected", "text"), CASES, ids=[text for _, text in CASES])
def test_a_call_that_can_fail_on_another_tenant_s_row_is_named(
    expected: str, text: str, settings: psycopg.Connection
) -> None:
    assert kinds_of(settings, text) == ({"error"} if expected == "tells" else set())


STORED = "of the other tenant"
TELLING = (
    "select s.id from settings as s where s.value::integer > 5 and s.tenant_id = 1",
    "select s.id from settings as s where 'x' ~ s.pattern and s.tenant_id = 1",
    (
        "select n from (select s.value::integer as n from settings as s where s.tenant_id = 1) as x"
        " where n > 5 and n < 9"
    ),
)
GUARDED = (
    (
        "select s.id from settings as s"
        " where case when s.tenant_id = 1 then s.value::integer > 5 end and s.tenant_id = 1"
    ),
    "select s.value::integer from settings as s where s.tenant_id = 1 order by 1",
    (
        "select sum(s.value::integer) filter (where s.pattern ~ s.pattern) from settings as s"
        " where s.tenant_id = 1"
    ),
)


@pytest.fixture
def shared(settings: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A connection in a transaction, after which the rows of two tenants are gone again."""
    with settings.transaction(force_rollback=True):
        settings.execute(
            "insert into settings (id, tenant_id, value, pattern)"
            " values (1, 1, '7', 'x'), (2, 2, %s, '(')",
            (STORED,),
        )
        # the cheaper condition is looked at first, and here it is not the tenant's
        settings.execute(
            "create function equal(integer, integer) returns boolean language internal"
            " immutable strict cost 10000 as 'int4eq'"
        )
        yield settings


def error_of(connection: psycopg.Connection, text: str) -> str:
    try:
        with connection.transaction():
            connection.execute(text.encode())
    except psycopg.Error as error:
        return str(error)
    return ""


@pytest.mark.parametrize("text", TELLING)
def test_such_an_error_is_real(text: str, shared: psycopg.Connection) -> None:
    # what the planner may choose by itself is forced here
    costly = text.replace("s.tenant_id = 1", "equal(s.tenant_id, 1)")

    error = error_of(shared, costly)

    assert STORED in error or "parentheses () not balanced" in error


@pytest.mark.parametrize("text", GUARDED)
def test_what_is_called_safe_does_not_fail(text: str, shared: psycopg.Connection) -> None:
    costly = text.replace("s.tenant_id = 1", "equal(s.tenant_id, 1)")

    assert error_of(shared, costly) == ""


POLICIES = [
    ("using (tenant_id = current_setting('app.tenant_id')::integer)", True),
    ("using (current_setting('app.tenant_id')::integer = tenant_id and amount > 0)", True),
    ("for select using (tenant_id = current_setting('app.tenant_id')::integer)", True),
    ("using (tenant_id <> current_setting('app.tenant_id')::integer)", False),
    ("using (tenant_id = amount)", False),
    ("using (true)", False),
    ("for delete using (tenant_id = current_setting('app.tenant_id')::integer)", False),
    ("to pg_monitor using (tenant_id = current_setting('app.tenant_id')::integer)", False),
    (
        "using (tenant_id = current_setting('app.tenant_id')::integer or amount = 1)",
        False,
    ),
]


@pytest.mark.parametrize(("policy", "is_shield"), POLICIES)
def test_row_level_security_of_the_role_that_asks_is_a_shield(
    policy: str, is_shield: bool, shared: psycopg.Connection
) -> None:
    text = "select s.id from settings as s where s.value::integer > 5 and s.tenant_id = :tenant_id"
    shared.execute(
        "create role setting_reader; grant select on settings, setting_numbers to setting_reader;"
        "alter table settings enable row level security"
    )
    shared.execute(f"create policy own on settings {policy}".encode())

    of_the_owner = kinds_of(shared, text)
    shared.execute("set local role setting_reader")
    of_the_reader = kinds_of(shared, text)
    of_a_view = kinds_of(shared, "select n from setting_numbers where tenant_id = :tenant_id")

    assert of_the_owner == of_a_view == {"error"}
    assert of_the_reader == (set() if is_shield else {"error"})


def test_a_second_policy_that_permits_more_is_no_shield(shared: psycopg.Connection) -> None:
    text = "select s.id from settings as s where s.value::integer > 5 and s.tenant_id = :tenant_id"
    own = "tenant_id = current_setting('app.tenant_id')::integer"
    shared.execute(
        "create role setting_reader; grant select on settings to setting_reader;"
        "alter table settings enable row level security;"
        "create policy everything on settings using (true)"
    )
    shared.execute(f"create policy own on settings using ({own})".encode())
    shared.execute("set local role setting_reader")
    permitted = kinds_of(shared, text)
    shared.execute("reset role")
    shared.execute(f"create policy only_own on settings as restrictive using ({own})".encode())
    shared.execute("set local role setting_reader")

    assert permitted == {"error"}
    assert kinds_of(shared, text) == set()
    shared.execute("set local app.tenant_id = 1")
    assert error_of(shared, text.replace(":tenant_id", "1")) == ""


def test_a_message_names_the_call_and_the_column(settings: psycopg.Connection) -> None:
    text = (
        "select id from settings as s where tenant_id = $1 and value::integer > 1 and $2 ~ pattern"
    )

    found = find_crossings(settings, text, ("tenant_id", "text"), tenant="tenant_id")

    remedy = (
        "can fail before the row of another tenant is left out, and the error tells of it; move "
        "it into the list of a query that binds the table itself, or into "
        "`case when … = :'tenant_id' then … end`"
    )
    assert {crossing.message for crossing in found} == {
        f"the cast to integer of s.value {remedy}",
        f"`~` of s.pattern {remedy}",
    }
