"""What `returning` shows is what was assigned, unless the table stores something else."""

import psycopg
import pytest

from dbkit.analysis import describe

_TABLES = """
create table note (
    id integer primary key,
    body text,
    size integer,
    added timestamptz default now(),
    doubled integer generated always as (size * 2) stored
);
create function other() returns trigger language plpgsql as
'begin new.body = null; return new; end';
insert into note (id, body, size) values (1, 'a', 1), (2, null, null);
"""
# what is said of `returning body, size, added`
CASES = {
    "update note set body = 'x'": "!??",
    "update note set body = coalesce(body, ''), size = size + 1 where size is not null": "!!?",
    "update note set size = 1 where body > ''": "!!?",
    "update note set body = body || 'x'": "???",
    "update note set body = (select n.body), added = default from note as n where n.id = note.id": (
        "??!"
    ),
    "update note set (body, size) = ('x', 1)": "!!?",
    "update note set (body, size) = (select 'x', 1)": "???",
    "update note set body = n.id::text from note as n where n.id = note.id": "!??",
    "update note set body = n.body from note as n where n.id = note.id and n.body > ''": "!??",
    "update note set body = (select max(m.id)::text from note as m where m.body = note.body)": (
        "???"
    ),
    "update note set body = case when size is null then 'x' else size::text end": "!??",
    "insert into note (id, body) values (3, 'x')": "!?!",
    "insert into note (id, body, size) values (3, 'x', 1), (4, 'y', 2)": "!!!",
    "insert into note (id, body, size) values (3, 'x', 1), (4, 'y', null)": "!?!",
    "insert into note (id, added) values (3, null), (4, default)": "???",
    "insert into note (id, body, added) values (3, 'x', default)": "!?!",
    "insert into note (id, body, size) select id + 9, body, id from note where body > ''": "!!!",
    "insert into note values (3)": "??!",
    "insert into note (id, body) values (1, 'x') on conflict (id) do update"
    " set body = excluded.body": "!??",
    "insert into note (id, body, size) values (1, 'x', 1) on conflict (id) do update"
    " set size = note.size + excluded.size": "???",
    "insert into note (id, body, size) values (1, 'x', 1) on conflict (id) do update"
    " set size = coalesce(note.size, 0) + excluded.size, body = excluded.body || 'y'": "!!?",
    "insert into note (id, body) values (1, 'x') on conflict do nothing": "!?!",
}


@pytest.fixture
def notes(empty: psycopg.Connection) -> psycopg.Connection:
    """A database with notes of which nearly everything may be null."""
    empty.execute(_TABLES.encode())
    return empty


@pytest.mark.parametrize("text", CASES)
def test_a_column_is_what_was_assigned(text: str, notes: psycopg.Connection) -> None:
    written = f"{text} returning note.body, note.size, note.added"

    described = describe(notes, written)

    marks = "".join("?" if column.nullable else "!" for column in described.columns)
    assert marks == CASES[text]
    for row in notes.execute(written.encode()).fetchall():
        shown = "".join("?" if value is None else "!" for value in row)
        assert all(mark == "?" or value == "!" for mark, value in zip(marks, shown, strict=True))


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("create trigger t before update on note for each row execute function other()", "note"),
        ("create trigger t before insert on note for each row execute function other()", "note"),
        (
            (
                "create table child () inherits (note);"
                "create trigger t before update on child for each row execute function other()"
            ),
            "note",
        ),
        (
            "create table child (body text generated always as (null) stored) inherits (note)",
            "note",
        ),
        ("create rule r as on update to note do also select 1", "note"),
        ("create view seen as select * from note", "seen"),
        (
            (
                "create table parted (id integer, body text, size integer) partition by list (id);"
                "create table part partition of parted for values in (1);"
                "create trigger t before insert on parted for each row execute function other()"
            ),
            "part",
        ),
        (
            (
                "create table parted (id integer, body text, size integer) partition by list (id);"
                "create table part partition of parted for values in (1);"
                "create trigger t before insert on part for each row execute function other()"
            ),
            "parted",
        ),
        (
            (
                "create foreign data wrapper nothing;"
                "create server far foreign data wrapper nothing;"
                "create foreign table child () inherits (note) server far"
            ),
            "note",
        ),
    ],
)
def test_a_table_that_may_store_something_else_is_not_believed(
    change: str, table: str, notes: psycopg.Connection
) -> None:
    try:
        notes.execute(change.encode())
    except psycopg.errors.InvalidColumnDefinition:
        pytest.skip("this PostgreSQL computes no column of a child alone")

    described = describe(notes, f"update {table} set body = 'x' returning body")

    assert described.columns[0].nullable


def test_a_computed_column_is_not_what_it_was_before(notes: psycopg.Connection) -> None:
    text = "update note set size = null where doubled > 0 returning doubled"

    assert describe(notes, text).columns[0].nullable
    assert notes.execute(text.encode()).fetchall() == [(None,)]


def test_a_merge_shows_what_each_of_its_actions_assigns(notes: psycopg.Connection) -> None:
    if notes.info.server_version < 170_000:
        pytest.skip("merge returns nothing before PostgreSQL 17")
    head = "merge into note as n using (values (1), (9)) as v (id) on n.id = v.id"
    update, insert = "when matched then update set", "when not matched then insert (id, body)"
    back = "returning n.body, n.size, n.added"
    marks = {
        f"{head} {update} body = 'x' {insert} values (v.id, 'y') {back}": "!??",
        f"{head} {update} size = 1 {insert} values (v.id, 'y') {back}": "???",
        f"{head} {insert} values (v.id, 'y') {back}": "!?!",
        f"{head} {update} body = 'x' when not matched then do nothing {back}": "!??",
        f"{head} when matched then delete {insert} values (v.id, 'y') {back}": "???",
    }

    for text, expected in marks.items():
        columns = describe(notes, text).columns
        assert "".join("?" if column.nullable else "!" for column in columns) == expected


def test_the_old_row_is_the_one_that_was_looked_for(notes: psycopg.Connection) -> None:
    if notes.info.server_version < 180_000:
        pytest.skip("the old row is shown since PostgreSQL 18")
    text = "update note set body = null where body > '' returning old.body, new.body, old.size"

    described = describe(notes, text)

    assert [column.nullable for column in described.columns] == [False, True, True]
    assert notes.execute(text.encode()).fetchall() == [("a", None, 1)]
