"""A statement is said to keep to one tenant only if it does, whatever rows other tenants have."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from dbkit.analysis import Catalog
from dbkit.server import EmbeddedServer
from dbkit.tenancy import Ownership, find_crossings
from tests.tenancy.tenant_statements import Made
from tests.tenancy.two_tenants import (
    ONE,
    fill,
    numbered,
    others,
    run,
    without,
)

HERE = Path(__file__).parent
CASES = [
    (expected.strip(), text)
    for expected, separator, text in (
        line.partition(" | ")
        for name in ("tenancy.txt", "adversarial.txt")
        for line in (HERE / name).read_text().splitlines()
    )
    if separator
]

TAKEN = "values (:other, :tenant_id"
# our own ids, the other tenant's, and none
ARGUMENTS = [(1, 2), (501, 502), (999, 501)]


@pytest.fixture(scope="session")
def tenants_url(server: EmbeddedServer) -> str:
    """The URL of a database with tables of tenants, without a row."""
    server.ensure_database("tenants")
    with psycopg.connect(server.url("tenants"), autocommit=True) as connection:
        connection.execute((HERE / "tenants.sql").read_bytes())
    return server.url("tenants")


@pytest.fixture(scope="module")
def tenants(tenants_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the tables of tenants, in autocommit mode."""
    with psycopg.connect(tenants_url, autocommit=True) as connection:
        yield connection


def messages_of(
    connection: psycopg.Connection, text: str, ownership: Ownership | None = None
) -> list[str]:
    statement, names = numbered(text)
    crossings = find_crossings(
        connection, statement, names, tenant="tenant_id", ownership=ownership
    )
    return [crossing.message for crossing in crossings]


def called(text: str, arguments: tuple[int, int]) -> tuple[str, list[int]]:
    statement, names = numbered(text)
    values = {"tenant_id": ONE, "other": arguments[0], "third": arguments[1]}
    return statement, [values[name] for name in names]


@pytest.mark.parametrize(("expected", "text"), CASES, ids=[text for _, text in CASES])
def test_a_statement_is_bound_only_where_every_relation_is(
    expected: str, text: str, tenants: psycopg.Connection
) -> None:
    messages = messages_of(tenants, text)

    assert bool(messages) == (expected == "unbound"), messages


def leaks(connection: psycopg.Connection, statements: list[str]) -> set[str]:
    """Return the statements that return, change or reveal another tenant's rows."""
    leaking: set[str] = set()
    with connection.transaction(force_rollback=True):
        fill(connection)
        alone = {
            (text, arguments): run(connection, *called(text, arguments))
            for text in statements
            for arguments in (ARGUMENTS if ":other" in text else ARGUMENTS[:1])
        }
        for hidden in others(connection):
            for (text, arguments), expected in alone.items():
                seen = run(connection, *called(text, arguments))
                # a key that all tenants share shows whether it is taken
                is_same = seen == expected or TAKEN in text
                if not isinstance(seen, str):
                    is_same = is_same or without(seen, hidden) == expected
                    is_same = is_same and all(
                        rows <= seen.left[table] for table, rows in hidden.items()
                    )
                if not is_same:
                    leaking.add(text)
    return leaking


def test_what_is_bound_is_the_same_whatever_another_tenant_has(
    tenants: psycopg.Connection,
) -> None:
    assert leaks(tenants, [text for expected, text in CASES if expected == "bound"]) == set()


def test_most_of_what_is_not_bound_does_leak(tenants: psycopg.Connection) -> None:
    unbound = [text for expected, text in CASES if expected == "unbound"]

    assert len(leaks(tenants, unbound)) > len(unbound) / 2


def test_no_statement_made_by_chance_is_bound_and_leaks(tenants: psycopg.Connection) -> None:
    bound: list[str] = []
    ownership = Ownership(Catalog(tenants), "tenant_id")
    for seed in range(200):
        text = Made(seed).statement()
        with suppress(psycopg.ProgrammingError):
            bound += [] if messages_of(tenants, text, ownership) else [text]

    assert len(bound) > 15
    assert leaks(tenants, bound) == set()


OF_A_VERSION = [
    (
        18,
        "bound",
        (
            "insert into users (id, tenant_id, email) values (1, :tenant_id, 'x') "
            "on conflict (tenant_id, email) do update set email = 'z' returning old.email, new.id"
        ),
    ),
    (
        18,
        "unbound",
        (
            "insert into users (id, tenant_id, email) values (:other, :tenant_id, 'x') "
            "on conflict (id) do update set email = 'z' returning old.email"
        ),
    ),
    (
        18,
        "unbound",
        (
            "with r as (update runs set workflow_id = :other where tenant_id = :tenant_id "
            "and workflow_id in (select id from workflows where tenant_id = :tenant_id) "
            "returning new.workflow_id) "
            "select s.id from steps as s join r on r.workflow_id = s.workflow_id"
        ),
    ),
    (
        17,
        "unbound",
        (
            "merge into runs as r using (select id from workflows "
            "where tenant_id = :tenant_id) as w "
            "on r.workflow_id = w.id and r.tenant_id = :tenant_id "
            "when not matched by source then delete"
        ),
    ),
    (
        17,
        "bound",
        (
            "merge into runs as r using (select id from workflows "
            "where tenant_id = :tenant_id) as w "
            "on r.workflow_id = w.id and r.tenant_id = :tenant_id "
            "when not matched by source and r.tenant_id = :tenant_id then update set status = 'x' "
            "when matched then delete returning merge_action(), r.id, w.id"
        ),
    ),
]


@pytest.mark.parametrize(("since", "expected", "text"), OF_A_VERSION)
def test_what_only_a_newer_server_has_is_followed_too(
    since: int, expected: str, text: str, tenants: psycopg.Connection
) -> None:
    if tenants.info.server_version < since * 10_000:
        pytest.skip(f"only PostgreSQL {since} has this")

    assert bool(messages_of(tenants, text)) == (expected == "unbound")
    assert leaks(tenants, [text] if expected == "bound" else []) == set()


def test_the_tenant_may_have_another_name_and_be_text(empty: psycopg.Connection) -> None:
    empty.execute(
        "create table accounts (code varchar(20) primary key);"
        "create table files (id integer, account_id varchar(20) not null references accounts);"
    )

    def is_crossing(text: str) -> bool:
        return bool(find_crossings(empty, text, ("account_id",), tenant="account_id"))

    assert not is_crossing("select id from files where account_id = $1")
    assert not is_crossing("insert into files (id, account_id) values (1, $1)")
    assert not is_crossing("select code from accounts where code = $1")
    assert not is_crossing(
        "select f.id from files as f join accounts as a on f.account_id = a.code where a.code = $1"
    )
    # these find another account equal
    assert is_crossing("select id from files where account_id = $1::varchar(2)")
    assert is_crossing("select id from files where account_id like $1")
    assert is_crossing("select id from files where account_id::char(3) = $1")
    assert is_crossing("insert into files (id, account_id) values (1, $1::varchar(2))")


@pytest.fixture
def loose(empty: psycopg.Connection) -> psycopg.Connection:
    """A database with a collation in which different texts are equal."""
    try:
        empty.execute(
            "create collation loose (provider = icu, locale = 'und', deterministic = false)"
        )
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("only ICU has such collations, and this PostgreSQL is built without it")
    return empty


def test_a_collation_that_is_not_exact_may_find_another_tenant_equal(
    loose: psycopg.Connection,
) -> None:
    loose.execute(
        "create table files (id integer, account_id text not null);"
        'create table notes (id integer, account_id text collate "loose" not null);'
    )

    def is_crossing(text: str) -> bool:
        return bool(find_crossings(loose, text, ("account_id",), tenant="account_id"))

    assert not is_crossing("select id from files where account_id = $1")
    assert is_crossing('select id from files where account_id = $1 collate "loose"')
    assert is_crossing("select id from notes where account_id = $1")


def test_a_conflict_in_an_index_that_is_less_exact_may_be_another_tenant_s(
    loose: psycopg.Connection,
) -> None:
    loose.execute("create table files (account_id text not null, name text)")
    text = (
        "insert into files (account_id, name) values ($1, 'x') "
        "on conflict (account_id, name) do update set name = 'y'"
    )

    loose.execute('create unique index loosely on files (account_id collate "loose", name)')
    loosely = find_crossings(loose, text, ("account_id",), tenant="account_id")
    loose.execute("drop index loosely")
    loose.execute("create unique index exactly on files (account_id, name)")
    exactly = find_crossings(loose, text, ("account_id",), tenant="account_id")

    assert [crossing.kind for crossing in loosely] == ["write"]
    assert exactly == ()


def test_a_key_of_a_parent_of_tables_is_none_of_its_children_s(empty: psycopg.Connection) -> None:
    empty.execute(
        "create table runs (id integer primary key, tenant_id integer not null);"
        "create table old_runs () inherits (runs)"
    )
    again = "update runs set id = id where id in (select id from runs where tenant_id = $1)"

    assert find_crossings(empty, again, ("tenant_id",), tenant="tenant_id")


def test_a_foreign_key_that_is_never_checked_proves_nothing(empty: psycopg.Connection) -> None:
    empty.execute(
        "create table workflows (id integer primary key, tenant_id integer not null);"
        "create table steps (id integer, workflow_id integer not null references workflows)"
    )
    if empty.info.server_version < 180000:
        pytest.skip("a foreign key is always checked before PostgreSQL 18")

    alone = find_crossings(empty, "select id from steps", (), tenant="tenant_id")
    empty.execute("alter table steps alter constraint steps_workflow_id_fkey not enforced")
    unenforced = find_crossings(empty, "select id from steps", (), tenant="tenant_id")

    assert [crossing.name for crossing in alone] == ["steps"]
    assert unenforced == ()


def test_a_table_with_a_rule_may_write_more_than_is_seen(empty: psycopg.Connection) -> None:
    empty.execute(
        "create table runs (id integer primary key, tenant_id integer not null);"
        "create table logs (id integer, tenant_id integer not null);"
        "create rule more as on delete to runs do also delete from logs"
    )

    [fault] = find_crossings(
        empty, "delete from runs where tenant_id = $1", ("tenant_id",), tenant="tenant_id"
    )

    assert fault.message == (
        "runs is a table with rules, and what is written is not seen; write to a table"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "select id from workflows as w",
            (
                "workflows as w is not bound to a tenant; "
                "say `w.tenant_id = :'tenant_id'` where it has to hold"
            ),
        ),
        (
            "select id from edges",
            (
                "edges is not bound to a tenant, and is one's through steps or workflows; "
                "join it to that by the foreign key, and bind that"
            ),
        ),
        (
            "insert into steps (id, workflow_id, name) values (1, :other, 'x')",
            (
                "steps gets a row whose workflow_id may be another tenant's; "
                "take it from a bound workflows"
            ),
        ),
        (
            "delete from adapters where tenant_id = :tenant_id or tenant_id is null",
            (
                "adapters is written where it is everybody's, too; "
                "say `adapters.tenant_id = :'tenant_id'` alone"
            ),
        ),
        (
            "select count_all()",
            (
                "count_all() may read any tenant's rows, and its body is not seen; "
                "pass it :'tenant_id'"
            ),
        ),
    ],
)
def test_a_fault_says_what_would_be_right(
    text: str, message: str, tenants: psycopg.Connection
) -> None:
    assert messages_of(tenants, text) == [message]
