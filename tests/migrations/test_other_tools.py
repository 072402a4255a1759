"""A file that was written for another tool is refused before anything of it is run."""

import pytest

from tests.cli.seen import leftovers, refusal
from tests.project import Project

FILE = "migrations/shop/0001_users.sql"
UP, DOWN = "create table users (id integer);", "drop table users;"


def _both(up: str, down: str) -> str:
    return f"{up}\n{UP}\n\n{down}\n{DOWN}\n"


@pytest.mark.parametrize(
    ("text", "place", "header", "origin"),
    [
        (_both("-- migrate:up", "-- migrate:down"), "1:1", "-- migrate:up", ("dbmate", "dbmate")),
        (
            _both("-- migrate:up transaction:false", "-- migrate:down"),
            "1:1",
            "-- migrate:up transaction:false",
            ("dbmate", "dbmate"),
        ),
        (_both("-- +goose Up", "-- +goose Down"), "1:1", "-- +goose Up", ("goose", "goose")),
        (_both("--+goose up", "--+goose down"), "1:1", "--+goose up", ("goose", "goose")),
        (
            _both("-- Users.\n  -- +migrate Up", "-- +migrate Down"),
            "2:3",
            "-- +migrate Up",
            ("sql-migrate", "sql-migrate"),
        ),
        (
            _both("--liquibase formatted sql\n--changeset ada:1", "--rollback drop table users;"),
            "1:1",
            "--liquibase formatted sql",
            ("Liquibase", ""),
        ),
        (_both("--changeset ada:1", ""), "1:1", "--changeset ada:1", ("Liquibase", "")),
        (
            _both("", "---- create above / drop below ----"),
            "4:1",
            "---- create above / drop below ----",
            ("tern", ""),
        ),
        (
            _both("-- Up Migration\r", "-- Down Migration"),
            "1:1",
            "-- Up Migration",
            ("node-pg-migrate", ""),
        ),
    ],
)
def test_a_header_of_another_tool_is_the_one_fault(
    project: Project, text: str, place: str, header: str, origin: tuple[str, str]
) -> None:
    tool, known_as = origin
    project.migration("0001_users", f"{text}commit;\n")

    message = refusal(project.dbkit("migrate"))

    remedy = (
        f"bring the folder over with: dbkit import {known_as} migrations/shop shop"
        if known_as
        else "put what undoes the migration into its .rollback.sql, and take these lines out"
    )
    assert message.startswith(
        f"{FILE}:{place}: `{header}` is a header line of {tool}, and dbkit would run all that "
        f"stands below it, also what undoes the migration; {remedy}\n"
    )
    assert message.count("\n") == 2
    assert leftovers(project) == {}


def test_a_header_of_another_tool_in_a_rollback_is_refused(project: Project) -> None:
    project.migration("0001_users", UP, f"-- migrate:down\n{DOWN}\n-- migrate:up\n{UP}")
    assert project.dbkit("migrate").returncode == 0

    message = refusal(project.dbkit("rollback", "shop"))

    assert message.startswith("migrations/shop/0001_users.rollback.sql:1:1: `-- migrate:down` is")
    assert project.status()["version"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "-- We migrate: up to now nobody had an id.\n" + UP,
        "-- Up migration of the users, as it was.\n" + UP,
        "/*\n-- migrate:up\n*/\n" + UP,
        UP + "\nselect '\n-- migrate:down\n';",
        UP + "\ncreate function f() returns text language sql as $$\n-- +goose Up\nselect ''$$;",
        UP + "\ncopy users from stdin;\n\\.\n-- changeset of ada: none\n",
        UP + "\nselect 1; -- migrate:down",
        UP + "\ncreate table notes (text text);\ncopy notes from stdin;\n-- migrate:down\n\\.\n",
    ],
)
def test_words_that_only_look_like_a_header_are_left_alone(project: Project, text: str) -> None:
    project.migration("0001_users", text)

    ran = project.dbkit("migrate")

    assert ran.returncode == 0, ran
    assert "users" in leftovers(project)


@pytest.mark.parametrize(
    ("text", "place", "placeholder"),
    [
        ("create table ${schema}.users (id integer);", "1:14", "${schema}"),
        (f'{UP}\ngrant select on users to "${{app.role}}";', "2:27", "${app.role}"),
        ("create table users_${tenant-1} (id integer);", "1:20", "${tenant-1}"),
        ("create table users (at timestamp default ${flyway:now});", "1:42", "${flyway:now}"),
    ],
)
def test_a_placeholder_in_code_is_refused(
    project: Project, text: str, place: str, placeholder: str
) -> None:
    project.migration("0001_users", text)

    message = refusal(project.dbkit("migrate"))

    assert message.partition("\n")[0] == (
        f"{FILE}:{place}: {placeholder} is a placeholder, which Flyway replaces and dbkit does "
        "not; write the text that is to stand here"
    )
    assert leftovers(project) == {}


@pytest.mark.parametrize(
    "text",
    [
        "create table users (greeting text default 'Hello ${name}');",
        "create table users (greeting text default $$Hello ${name}$$);",
        "create function greet() returns text language sql as $_$ select '${name}' $_$;\n" + UP,
        UP + "\n-- as ${schema} was\n/* and ${schema} */\n",
        UP + "\nprepare one (integer) as select id from users where id = $1;",
        "create table users (notes text);\ncopy users from stdin;\n${name}\n\\.\n",
    ],
)
def test_the_same_in_a_text_is_a_text(project: Project, text: str) -> None:
    project.migration("0001_users", text)

    ran = project.dbkit("migrate")

    assert ran.returncode == 0, ran


@pytest.mark.parametrize("header", ["", "-- transactional: false\n"])
@pytest.mark.parametrize("text", ["", "-- Number 1 is kept free.\n", "/* nothing */;\n"])
def test_a_migration_without_a_statement_is_recorded(
    project: Project, header: str, text: str
) -> None:
    project.migration("0001_nothing", header + text, "-- nothing\n")
    project.migration("0002_users", UP, DOWN)

    ran = project.dbkit("migrate")

    assert ran.returncode == 0, ran
    assert project.rows("select version from schema_version order by 1") == [(1,), (2,)]
    assert project.dbkit("rollback", "shop", "--to", "0").returncode == 0
    assert project.dbkit("migrate").returncode == 0
    assert project.dbkit("status").returncode == 0


def test_a_migration_that_nobody_wrote_yet_is_not_recorded(project: Project) -> None:
    project.dbkit("new", "shop", "users")

    ran = project.dbkit("migrate")

    assert refusal(ran) == (
        f"{FILE}: is as dbkit new made it; write the change, or say in its first line why there "
        "is none"
    )
    assert leftovers(project) == {}
