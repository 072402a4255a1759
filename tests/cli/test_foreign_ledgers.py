"""A `schema_version` table that somebody else made is refused, and never written into."""

import pytest

from tests.cli.seen import contents, refusal
from tests.project import Project

# as the tools themselves make them
TERN = """
create table schema_version (version int4 not null);
insert into schema_version (version) values (7);
"""
FLYWAY = """
create table "schema_version" (
    "installed_rank" int not null,
    "version" varchar(50),
    "description" varchar(200) not null,
    "type" varchar(20) not null,
    "script" varchar(1000) not null,
    "checksum" integer,
    "installed_by" varchar(100) not null,
    "installed_on" timestamp not null default now(),
    "execution_time" integer not null,
    "success" boolean not null
);
alter table "schema_version" add constraint "schema_version_pk" primary key ("installed_rank");
create index "schema_version_s_idx" on "schema_version" ("success");
insert into "schema_version" values
(1, '1', 'orders', 'SQL', 'V1__orders.sql', 1996767037, 'me', '2024-01-01', 12, true);
"""
PGMIGRATE = """
create type public.schema_version_type as enum ('auto', 'manual');
create table public.schema_version (
    version bigint not null primary key,
    description text not null,
    type public.schema_version_type not null default 'auto',
    installed_by text not null,
    installed_on timestamp without time zone default now() not null
);
insert into schema_version values (1, 'orders', 'auto', 'me', '2024-01-01');
"""
DOCUMENTED = """
create table schema_version (
    version integer primary key,
    applied_at timestamptz default current_timestamp,
    description text
);
insert into schema_version values (1, '2024-01-01', 'Initial schema');
"""
VIEW = "create view schema_version as select 3 as release;"


@pytest.mark.parametrize(
    ("made", "maker"),
    [
        (TERN, "tern"),
        (FLYWAY, "Flyway"),
        (PGMIGRATE, "pgmigrate"),
        (DOCUMENTED, "hand, as the documented table of three columns"),
        (VIEW, "another tool"),
    ],
    ids=["tern", "Flyway", "pgmigrate", "documented", "view"],
)
def test_it_is_refused_by_every_command_and_stays_as_it_was(
    project: Project, made: str, maker: str
) -> None:
    project.migration("0001_orders", "create table orders (id integer);", "drop table orders;")
    with project.connect() as connection:
        connection.execute(made.encode())
    before = contents(project)

    calls = ("migrate", "migrate --plan", "rollback shop", "force shop 1")
    refused = [refusal(project.dbkit(*call.split())) for call in calls]
    status = project.status()

    sentence = (
        f"the table public.schema_version was made by {maker}, and dbkit does not write into it; "
        "rename it, then find out where the database stands with dbkit adopt, "
        "or point dbkit at another database"
    )
    assert refused == [sentence] * len(calls)
    assert status["problems"] == [{"kind": "foreign", "version": None, "message": sentence}]
    assert contents(project) == before


def test_one_in_a_schema_that_is_not_searched_is_none_of_our_business(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")
    with project.connect() as connection:
        connection.execute("create schema theirs")
        connection.execute("create table theirs.schema_version (version int4 not null)")
        connection.execute("insert into theirs.schema_version values (7)")

    ran = project.dbkit("migrate")

    assert ran.returncode == 0
    assert project.rows("select version from public.schema_version") == [(1,)]
    assert project.rows("select * from theirs.schema_version") == [(7,)]


def test_a_database_whose_ledger_is_renamed_as_advised_is_adopted(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")
    project.migration("0002_note", "alter table orders add column note text;")
    with project.connect() as connection:
        connection.execute(f"{TERN}; create table orders (id integer)".encode())
    refused = refusal(project.dbkit("adopt", "shop"))
    with project.connect() as connection:
        connection.execute("alter table schema_version rename to tern_version")

    adopted = project.dbkit("adopt", "shop")

    assert "rename it, then find out where the database stands with dbkit adopt" in refused
    assert "shop: not ours, and left alone: table tern_version\n" in adopted.stdout
    assert "recorded at version 1 of 2" in adopted.stdout
    assert project.dbkit("migrate").returncode == 0
    assert project.rows("select version from tern_version") == [(7,)]
