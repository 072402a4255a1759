"""What somebody replaced by hand is noticed, and nothing else is taken for it."""

import pytest

from tests.migrations.test_objects import KINDS, OURS, migrate, shop
from tests.project import Project

__all__ = ["shop"]

BOOKS = "dbkit._dbkit_object"
REPLACED = {
    "view": "create or replace view made as select id + 1 as id from orders",
    "materialized view": "drop materialized view made; "
    "create materialized view made as select 2 as id",
    "function": "create or replace function made(x integer) returns integer language sql "
    "as 'select x + 1'",
    "procedure": "create or replace procedure made() language sql begin atomic; end",
    "aggregate": "create or replace aggregate made (integer) (sfunc = int4mul, stype = integer)",
    "trigger": "create or replace trigger made after update on orders for each row "
    "execute function keep()",
    "policy": "alter policy made on orders using (secret is not null)",
}
HARMLESS = {
    "view": "grant select on made to public; comment on view made is 'x'; "
    "alter table orders rename id to number",
    "materialized view": "refresh materialized view made; alter table orders rename id to number",
    "function": "grant execute on function made to public; comment on function made is 'x'",
    "procedure": "alter table orders rename id to number; "
    "revoke execute on procedure made from public; alter table orders rename number to id",
    "aggregate": "revoke execute on function made from public",
    "trigger": "alter table orders disable trigger made",
    "policy": "alter table orders rename secret to hidden",
}


def by_hand(project: Project, *statements: str) -> None:
    with project.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def replaced(project: Project) -> list[str]:
    found: list[str] = project.status()["objects"]["replaced"]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_replaced_by_hand_is_told_and_put_back(shop: Project, kind: str) -> None:
    shop.object("made", KINDS[kind][0])
    migrate(shop)
    before = shop.rows(f"select definition from {BOOKS}")
    first = shop.dbkit("status")

    by_hand(shop, REPLACED[kind])
    status = shop.dbkit("status")
    told = replaced(shop)
    outcome = migrate(shop)

    assert first.returncode == 0
    assert status.returncode == 2
    assert " was replaced by hand; dbkit migrate shop puts the file's back" in status.stdout
    assert told == ["made.sql"]
    assert outcome.objects == (f"{OURS}/made.sql",)
    assert shop.rows(f"select definition from {BOOKS}") == before
    assert shop.dbkit("status").returncode == 0


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_is_done_beside_a_definition_is_no_replacement(shop: Project, kind: str) -> None:
    shop.object("made", KINDS[kind][0])
    migrate(shop)

    by_hand(shop, HARMLESS[kind])

    assert replaced(shop) == []
    assert shop.dbkit("status").returncode == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_made_again_by_hand_is_no_replacement(shop: Project, kind: str) -> None:
    sql, _ = KINDS[kind]
    shop.object("made", sql)
    migrate(shop)
    [(kind_made, identity)] = shop.rows(f"select type, identity from {BOOKS}")

    by_hand(shop, f"drop {kind_made} {identity}", sql)

    assert replaced(shop) == []


def test_an_option_of_a_view_that_somebody_changed_is_put_back(shop: Project) -> None:
    shop.object("made", "create view made with (security_barrier) as select id from orders;")
    migrate(shop)

    by_hand(shop, "alter view made reset (security_barrier)")
    told = replaced(shop)
    migrate(shop)

    assert told == ["made.sql"]
    assert shop.rows("select reloptions from pg_class where relname = 'made'") == [
        (["security_barrier=true"],)
    ]


def test_a_definition_of_another_version_of_the_server_is_not_compared(shop: Project) -> None:
    shop.object("made", "create view made as select id from orders;")
    migrate(shop)

    by_hand(shop, f"update {BOOKS} set state = 'of old', definition = '9:' || repeat('0', 64)")
    told = replaced(shop)
    shop.object("other", "create view other as select 1 as one;")
    migrate(shop)

    assert told == []
    assert shop.rows(f"select count(*) from {BOOKS} where definition like '9:%'") == [(0,)]


def test_a_rename_by_a_migration_is_known_after_it(shop: Project) -> None:
    shop.object("made", "create view made as select id from orders;")
    migrate(shop)
    shop.migration("0002_rename", "alter table orders rename id to number;")
    migrate(shop)

    # as if the database had been dumped and restored: the rows are new, what they say is not
    by_hand(shop, f"update {BOOKS} set state = 'restored'")

    assert replaced(shop) == []


def test_a_ledger_of_an_earlier_dbkit_is_filled_by_the_next_run(shop: Project) -> None:
    shop.object("made", "create or replace view made as select id from orders;")
    migrate(shop)
    by_hand(
        shop, f"alter table {BOOKS} drop column state, drop column definition, drop column kept"
    )
    first = shop.dbkit("status")
    shop.migration("0002_more", "create table more ();")
    migrate(shop)

    by_hand(shop, REPLACED["view"])

    assert first.returncode == 0
    assert replaced(shop) == ["made.sql"]


def test_what_is_replaced_stays_told_while_its_file_cannot_be_applied(shop: Project) -> None:
    shop.migration("0002_more", "alter table orders add more text;")
    path = shop.object("made", "create or replace view made as select id from orders;")
    migrate(shop, to=1)
    by_hand(shop, REPLACED["view"])
    path.write_text("create or replace view made as select id, more from orders;")

    half = shop.dbkit("migrate", "shop", "--to", "1")

    assert half.returncode == 0
    assert replaced(shop) == ["made.sql"]
