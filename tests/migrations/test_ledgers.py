"""A ledger belongs to one system in one schema, and its books are kept apart from the tables."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.cli.seen import refusal
from tests.project import Project

ORDERS = "create table orders (id integer);\n"
PRICE = "alter table orders add column price integer;\n"
DEAR = "create or replace view dear as select id from orders where price > 9;\n"
# made by dbkit before ledgers had a system, by the three files above
OF_VERSION_1 = Path(__file__).parents[1] / "files/ledgers/version_1.sql"
RELATIONS = """
select format('%s.%s', relnamespace::regnamespace, relname)
from pg_class
where
    relkind in ('r', 'v')
    and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
order by 1
"""
TENANT = "create role {0} superuser login; create schema {0}; alter role {0} set search_path = {0}"
BOOKS = [
    "_dbkit_journal",
    "_dbkit_object",
    "_dbkit_script",
    "_yoyo_log",
    "_yoyo_migration",
    "_yoyo_version",
]


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with two migrations and a view."""
    project.migration("0001_orders", ORDERS, "drop table orders;\n")
    project.migration("0002_price", PRICE, "alter table orders drop column price;\n")
    project.object("dear", DEAR)
    return project


@pytest.fixture
def earlier(shop: Project) -> Project:
    """The project with a database that an earlier dbkit has migrated."""
    with shop.connect() as connection:
        connection.execute(OF_VERSION_1.read_text().encode())
    return shop


@pytest.fixture
def two(project: Project) -> Project:
    """A project with two systems, `shop` and `blog`, in one database."""
    (project.root / "pyproject.toml").write_text(
        "[tool.dbkit.systems.shop]\n[tool.dbkit.systems.blog]\n"
    )
    project.migration("0001_orders", ORDERS, "drop table orders;\n")
    folder = project.root / "migrations" / "blog"
    folder.mkdir()
    (folder / "0001_posts.sql").write_text("create table posts (id integer);\n")
    (folder / "0001_posts.rollback.sql").write_text("drop table posts;\n")
    project.environment["BLOG_DATABASE_URL"] = project.url
    return project


def relations(project: Project) -> list[str]:
    """Return the tables and views of the database, with their schemas."""
    return [name for (name,) in project.rows(RELATIONS)]


def migrated(project: Project, *arguments: str, **environment: str) -> str:
    """Migrate, and return what was said."""
    ran = project.dbkit("migrate", *arguments, **environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def searching(url: str, path: str) -> str:
    """Return a URL whose client chooses the search path."""
    return make_conninfo(url, options=f"-csearch_path={path}")


def problems(project: Project) -> list[tuple[str, int | None]]:
    return [(problem["kind"], problem["version"]) for problem in project.status()["problems"]]


def test_the_books_are_in_a_schema_of_their_own(shop: Project) -> None:
    migrated(shop)

    assert relations(shop) == [
        *(f"dbkit.{name}" for name in BOOKS),
        "public.dear",
        "public.orders",
        "public.schema_version",
    ]


def test_the_documented_insert_works_and_the_row_is_told_as_written_by_hand(
    shop: Project,
) -> None:
    migrated(shop)
    shop.migration("0003_more", "create table more ();", "drop table more;")
    with shop.connect() as connection:
        connection.execute("insert into schema_version (version, description) values (3, 'More')")

    refused = refusal(shop.dbkit("migrate"))

    assert problems(shop) == [("by hand", 3)]
    assert refused == (
        "row 3 of public.schema_version was written by hand, so nothing says whether "
        "migrations/shop/0003_more.sql ran; if it did not, delete the row: "
        "delete from public.schema_version where version = 3; if it did, accept the row "
        'with: dbkit repair shop 3 --because "WHY"'
    )


@pytest.mark.parametrize("ran", [True, False])
def test_both_ways_out_of_a_row_written_by_hand_are_safe(shop: Project, *, ran: bool) -> None:
    migrated(shop)
    shop.migration("0003_more", "create table more ();", "drop table more;")
    with shop.connect() as connection:
        connection.execute("insert into schema_version (version, description) values (3, 'More')")
        if ran:
            connection.execute("create table more ()")
        else:
            connection.execute("delete from public.schema_version where version = 3")

    repair = ("repair", "shop", "3", "--because", "it was made by hand")
    done = shop.dbkit(*repair) if ran else shop.dbkit("migrate")

    assert done.returncode == 0, done.stderr
    assert shop.dbkit("status").returncode == 0
    assert "public.more" in relations(shop)
    assert shop.dbkit("rollback", "shop").returncode == 0


def test_a_row_written_by_hand_whose_number_no_file_has_is_to_be_deleted(shop: Project) -> None:
    migrated(shop)
    with shop.connect() as connection:
        connection.execute("insert into schema_version (version, description) values (9, 'More')")

    refused = refusal(shop.dbkit("migrate"))

    assert refused == (
        "row 9 of public.schema_version was written by hand, and no file has that number; bring "
        "the file back, or delete the row: delete from public.schema_version where version = 9"
    )


def test_a_ledger_of_an_earlier_dbkit_is_read_as_it_stands(earlier: Project) -> None:
    before = relations(earlier)

    status = earlier.status()
    ran = migrated(earlier)

    assert (status["version"], status["pending"], status["problems"]) == (2, [], [])
    assert ran == "shop: up to date at version 2\n"
    assert relations(earlier) == before


def test_a_ledger_of_an_earlier_dbkit_is_brought_over_by_the_next_run_that_writes(
    earlier: Project,
) -> None:
    [before] = earlier.rows("select json_agg(l order by version) from schema_version as l")
    earlier.migration("0003_more", "create table more ();", "drop table more;")

    migrated(earlier)
    after = earlier.rows("select to_jsonb(l) from schema_version as l order by version")

    assert relations(earlier) == [
        *(f"dbkit.{name}" for name in BOOKS),
        "public.dear",
        "public.more",
        "public.orders",
        "public.schema_version",
    ]
    # no row was touched
    told: list[dict[str, Any]] = [
        {key: row[key] for key in kept} for (row,), kept in zip(after, before[0], strict=False)
    ]
    assert told == before[0]
    assert earlier.dbkit("status").returncode == 0
    assert earlier.dbkit("rollback", "shop", "--to", "0").returncode == 0
    assert earlier.status()["version"] == 0


@pytest.mark.parametrize("arguments", [("rollback", "shop"), ("force", "shop", "1")])
def test_any_command_that_writes_brings_an_earlier_ledger_over(
    earlier: Project, arguments: tuple[str, ...]
) -> None:
    done = earlier.dbkit(*arguments)

    assert done.returncode == 0, done.stderr
    assert "dbkit._yoyo_migration" in relations(earlier)
    assert earlier.status()["version"] == 1


def test_an_earlier_ledger_that_somebody_reads_for_long_stays_as_it_is(earlier: Project) -> None:
    earlier.migration("0003_more", "create table more ();", "drop table more;")
    with (
        earlier.connect() as connection,
        earlier.connect() as reading,
        reading.transaction(),
    ):
        reading.execute("select * from _yoyo_migration")
        earlier.runner(connection, lock_timeout=0.2).migrate()

    assert "public._yoyo_migration" in relations(earlier)
    assert earlier.dbkit("status").returncode == 0


def test_the_ledger_of_a_role_that_may_make_no_schema_stays_beside_the_tables(
    shop: Project,
) -> None:
    role = sql.Identifier("r" + str(conninfo_to_dict(shop.url)["dbname"])[6:])
    with shop.connect() as connection:
        connection.execute(sql.SQL("create role {} login").format(role))
        connection.execute(sql.SQL("grant create on schema public to {}").format(role))
    url = make_conninfo(shop.url, user=role.as_string(None).strip('"'))

    migrated(shop, SHOP_DATABASE_URL=url)
    status = shop.dbkit("status", SHOP_DATABASE_URL=url)
    back = shop.dbkit("rollback", "shop", "--to", "0", SHOP_DATABASE_URL=url)
    left = relations(shop)
    with shop.connect() as connection:
        connection.execute(sql.SQL("drop owned by {}").format(role))
        connection.execute(sql.SQL("drop role {}").format(role))

    assert (status.returncode, back.returncode) == (0, 0), back.stderr
    assert left == [*(f"public.{name}" for name in BOOKS), "public.schema_version"]


def test_two_systems_in_one_schema_have_a_ledger_each(two: Project) -> None:
    migrated(two)

    assert two.dbkit("status").returncode == 0
    assert two.rows("select name, dbkit_system from schema_version") == [("0001_orders", "shop")]
    assert two.rows("select name, dbkit_system from schema_version_blog") == [
        ("0001_posts", "blog")
    ]
    assert [name for name in relations(two) if not name.startswith("dbkit")] == [
        "public.orders",
        "public.posts",
        "public.schema_version",
        "public.schema_version_blog",
    ]
    assert {name.partition(".")[0] for name in relations(two)} == {"dbkit", "dbkit_blog", "public"}
    assert two.dbkit("rollback", "blog").returncode == 0
    assert two.rows("select count(*) from schema_version") == [(1,)]


def test_two_systems_that_begin_at_once_have_a_ledger_each(two: Project) -> None:
    runs = [two.start("migrate", system) for system in ("shop", "blog") * 3]

    ended = [run.communicate()[1] for run in runs]

    assert [run.returncode for run in runs] == [0] * 6, ended
    assert two.dbkit("status").returncode == 0


def test_the_second_system_is_told_nothing_of_the_first(two: Project) -> None:
    migrated(two, "shop")
    (two.root / "migrations/shop/0001_orders.sql").write_text("create table other ();")

    status = two.dbkit("status", "blog")
    plan = two.dbkit("migrate", "blog", "--plan")

    assert (status.returncode, plan.returncode) == (2, 0), plan.stderr
    assert "0001_posts" in plan.stdout


def test_a_ledger_of_an_earlier_dbkit_that_holds_other_names_is_another_systems(
    two: Project,
) -> None:
    with two.connect() as connection:
        connection.execute(OF_VERSION_1.read_text().encode())

    migrated(two, "blog")

    assert two.rows("select name from schema_version_blog") == [("0001_posts",)]
    assert two.rows("select name from schema_version order by 1") == [
        ("0001_orders",),
        ("0002_price",),
    ]
    assert two.rows("select count(*) from _yoyo_migration") == [(2,)]


def test_each_tenant_has_its_own_tables_and_ledger(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("create schema a; create schema b")

    for tenant in ("a", "b"):
        migrated(shop, SHOP_DATABASE_URL=searching(shop.url, tenant))
    migrated(shop)
    back = shop.dbkit("rollback", "shop", SHOP_DATABASE_URL=searching(shop.url, "b"))

    assert back.returncode == 0, back.stderr
    assert shop.rows("select version from a.schema_version order by 1") == [(1,), (2,)]
    assert shop.rows("select version from b.schema_version") == [(1,)]
    names = {name.partition(".")[0] for name in relations(shop)}
    assert names >= {"a", "b", "dbkit_a", "dbkit_b"}
    assert {"a.orders", "b.orders"} <= {*relations(shop)}


def test_a_first_tenant_leaves_the_schema_of_everybody_to_itself(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("create schema a")

    migrated(shop, SHOP_DATABASE_URL=searching(shop.url, "a"))
    before = shop.status()
    told = migrated(shop)

    assert before["version"] == 0
    assert "up to date" not in told
    assert {"a.orders", "public.orders"} <= {*relations(shop)}
    assert shop.rows("select version from a.schema_version order by 1") == [(1,), (2,)]


def test_a_tenant_is_a_role_with_its_own_search_path(shop: Project) -> None:
    database = str(conninfo_to_dict(shop.url)["dbname"])
    tenants = [f"{letter}{database[6:]}" for letter in "ab"]
    with shop.connect() as connection:
        for tenant in tenants:
            connection.execute(sql.SQL(TENANT).format(sql.Identifier(tenant)))
    urls = [make_conninfo(shop.url, user=tenant) for tenant in tenants]

    told = [migrated(shop, SHOP_DATABASE_URL=url) for url in urls]
    made = relations(shop)
    again = [migrated(shop, SHOP_DATABASE_URL=url) for url in urls]
    with shop.connect() as connection:
        for tenant in tenants:
            connection.execute(
                sql.SQL("drop owned by {0} cascade; drop role {0}").format(sql.Identifier(tenant))
            )

    assert "up to date" not in "".join(told)
    assert {f"{tenant}.orders" for tenant in tenants} <= {*made}
    assert again == ["shop: up to date at version 2\n"] * 2


def test_a_run_in_one_schema_does_not_wait_for_a_run_in_another(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("create schema a; create schema b")
    shop.migration("0003_wait", "select pg_advisory_xact_lock(77)")
    with shop.connect() as holding:
        holding.execute("select pg_advisory_lock(77)")
        waiting = shop.start("migrate", SHOP_DATABASE_URL=searching(shop.url, "a"))
        while not holding.execute("select from pg_locks where not granted").fetchall():
            pass
        other = shop.dbkit(
            "migrate", "--to", "2", "--wait", "1", SHOP_DATABASE_URL=searching(shop.url, "b")
        )
        holding.execute("select pg_advisory_unlock(77)")

        _, errors = waiting.communicate()

    assert other.returncode == 0, other.stderr
    assert waiting.returncode == 0, errors


def test_the_search_path_of_a_session_holds_for_every_migration_and_stays(shop: Project) -> None:
    shop.migration("0003_away", "create schema away; set search_path = away;", "drop schema away;")
    shop.migration("0004_more", "create table more ();", "drop table more;")
    with shop.connect() as connection:
        connection.execute("create schema a; set search_path = a")
        shop.runner(connection).migrate()
        path = connection.execute("show search_path").fetchone()
        shop.runner(connection).rollback(0)
        left = connection.execute("select to_regclass('a.orders'), to_regclass('a.schema_version')")

        assert path == ("a",)
        assert left.fetchone() == (None, "schema_version")


def test_a_search_path_that_a_migration_set_does_not_outlive_the_run(shop: Project) -> None:
    (shop.root / "sql/shop/_objects/dear.sql").unlink()
    shop.migration("0003_away", "create schema away; set search_path = away;", "drop schema away;")
    with shop.connect() as connection:
        shop.runner(connection).migrate()

        assert shop.runner(connection).migrate().after == 3
        assert connection.execute("show search_path").fetchone() == ('"$user", public',)


def test_a_ledger_keeps_its_books_when_its_schema_is_renamed(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("create schema a")
        # an object is known by the name of its schema too
        (shop.root / "sql/shop/_objects/dear.sql").unlink()
        migrated(shop, SHOP_DATABASE_URL=searching(shop.url, "a"))
        connection.execute("alter schema a rename to b")

    told = migrated(shop, SHOP_DATABASE_URL=searching(shop.url, "b"))

    assert told == "shop: up to date at version 2\n"


def test_two_ledgers_never_share_their_books(two: Project) -> None:
    # the second system of `public`, and the first of `blog`, would both have `dbkit_blog`
    with two.connect() as connection:
        connection.execute("create schema blog")
    migrated(two)

    migrated(two, "shop", SHOP_DATABASE_URL=searching(two.url, "blog"))

    books = {name.partition(".")[0] for name in relations(two)} - {"public", "blog"}
    assert len(books) == 3
    assert two.rows("select count(*) from dbkit_blog._yoyo_migration") == [(1,)]
    assert two.dbkit("status", "shop", SHOP_DATABASE_URL=searching(two.url, "blog")).returncode == 0


def test_a_schema_that_was_dropped_leaves_no_marks_behind(shop: Project) -> None:
    migrated(shop)
    with shop.connect() as connection:
        connection.execute("drop schema public cascade; create schema public")

    migrated(shop)

    assert "public.orders" in relations(shop)
    assert shop.dbkit("status").returncode == 0


def test_a_second_system_whose_role_may_make_no_schema_is_told_so(two: Project) -> None:
    migrated(two, "shop")
    role = sql.Identifier("r" + str(conninfo_to_dict(two.url)["dbname"])[6:])
    with two.connect() as connection:
        connection.execute(sql.SQL("create role {} login").format(role))
        connection.execute(sql.SQL("grant create on schema public to {}").format(role))
    url = make_conninfo(two.url, user=role.as_string(None).strip('"'))

    refused = refusal(two.dbkit("migrate", "blog", BLOG_DATABASE_URL=url))
    with two.connect() as connection:
        connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(role))

    assert refused.splitlines()[0].endswith("; migrate with a role that may create tables there")
    assert refused.startswith("permission denied for ")


def yoyo(
    project: Project, command: str, scheme: str, more: str
) -> subprocess.CompletedProcess[str]:
    """Run yoyo's own command line on the database."""
    parts = conninfo_to_dict(project.url)
    url = (
        f"{scheme}://{parts['user']}@/{parts['dbname']}"
        f"?host={parts['host']}&port={parts['port']}{more}"
    )
    return subprocess.run(
        [
            *(sys.executable, "-m", "yoyo", command, "--batch", "--no-config-file"),
            *("--database", url, "migrations/shop"),
        ],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_plain_yoyo_reads_the_marks_in_the_schema_of_the_books(shop: Project) -> None:
    migrated(shop, "--to", "1")

    listed = yoyo(shop, "list", "postgresql+psycopg", "&schema=dbkit").stdout

    assert [line.split()[:2] for line in listed.splitlines()[2:]] == [
        ["A", "0001_orders"],
        ["U", "0002_price"],
    ]


def test_what_yoyo_began_through_dbkit_is_the_systems_that_has_its_files(two: Project) -> None:
    began = yoyo(two, "apply", "postgresql+dbkit", "")

    migrated(two)

    assert began.returncode == 0, began.stderr
    assert two.dbkit("status").returncode == 0
    assert two.rows("select name from schema_version_blog") == [("0001_posts",)]


def test_yoyo_cannot_say_which_of_two_systems_is_meant(two: Project) -> None:
    migrated(two)

    refused = yoyo(two, "apply", "postgresql+dbkit", "")

    assert refused.returncode != 0
    assert "has the ledgers of several systems (shop, blog)" in refused.stderr
