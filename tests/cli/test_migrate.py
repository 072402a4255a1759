"""`dbkit migrate` and `dbkit rollback`: what they do, say and end with."""

import json
import re

import pytest

from tests.cli.seen import contents, leftovers, refusal
from tests.project import Project

ORDERS = "create table orders (id integer);"


@pytest.fixture
def shop(project: Project) -> Project:
    """The project with two migrations, none applied."""
    project.migration("0001_orders", ORDERS, "drop table orders;")
    project.migration(
        "0002_price",
        "alter table orders add column price integer;\ncreate index on orders (price);",
        "alter table orders drop column price;",
    )
    return project


def test_migrate_says_a_line_for_each_migration(shop: Project) -> None:
    ran = shop.dbkit("migrate")

    assert (ran.returncode, ran.stdout) == (0, "")
    assert re.fullmatch(
        r"shop: 0001_orders applied in \d\.\d\d s \(1 statement\)\n"
        r"shop: 0002_price applied in \d\.\d\d s \(2 statements\)\n",
        ran.stderr,
    )
    assert shop.rows("select version from schema_version order by 1") == [(1,), (2,)]


def test_migrate_with_nothing_pending_says_so(shop: Project) -> None:
    shop.dbkit("migrate")

    ran = shop.dbkit("migrate")

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "shop: up to date at version 2\n", "")


def test_migrate_stops_at_the_version_asked_for(shop: Project) -> None:
    ran = shop.dbkit("migrate", "shop", "--to", "1", "--json")

    assert ran.stderr == ""
    assert json.loads(ran.stdout) == {
        "systems": [
            {
                "name": "shop",
                "from": 0,
                "version": 1,
                "migrations": ["0001_orders"],
                "objects": [],
                "left_out": [],
                "dropped": [],
                "ahead": [],
                "half_done": [],
                "undone": [],
            }
        ]
    }
    assert shop.status()["version"] == 1


def test_a_plan_says_what_would_run_and_writes_nothing(shop: Project) -> None:
    ran = shop.dbkit("migrate", "--plan")

    assert ran.returncode == 0
    assert ran.stdout == "shop: from version 0 to 2, would run\n  0001_orders\n  0002_price\n"
    assert contents(shop) == {}


def test_a_plan_for_a_program_has_the_shape_of_a_run(shop: Project) -> None:
    [planned] = json.loads(shop.dbkit("migrate", "--plan", "--json").stdout)["systems"]

    [ran] = json.loads(shop.dbkit("migrate", "--json").stdout)["systems"]

    assert planned == ran
    assert planned["migrations"] == ["0001_orders", "0002_price"]


def test_a_plan_refuses_what_the_run_would_refuse(shop: Project) -> None:
    shop.migration("0003_broken", "begin;")

    planned = refusal(shop.dbkit("migrate", "--plan"))

    assert planned.startswith("migrations/shop/0003_broken.sql:1:1: 'begin' does not belong")
    assert contents(shop) == {}
    assert planned == refusal(shop.dbkit("migrate"))
    assert leftovers(shop) == {}


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        (3, "the newest migration is 2"),
        (
            1,
            "it is at 2; what going back would undo is shown by: dbkit rollback shop --to 1 --plan",
        ),
    ],
)
def test_migrate_names_the_way_to_a_version_it_cannot_go_to(
    shop: Project, to: int, reason: str
) -> None:
    shop.dbkit("migrate")

    ran = shop.dbkit("migrate", "--to", str(to))

    assert refusal(ran) == f"shop cannot go to version {to}: {reason}"


def test_migrate_applies_the_objects_and_says_so(shop: Project) -> None:
    shop.object("cheap", "create view cheap as select id from orders where price < 10;")

    ran = shop.dbkit("migrate")

    assert ran.stderr.endswith("shop: applied: sql/shop/_objects/cheap.sql\n")
    assert shop.rows("select * from cheap") == []


def test_an_object_whose_file_is_gone_is_dropped_only_when_asked(shop: Project) -> None:
    file = shop.object("cheap", "create view cheap as select id from orders;")
    shop.dbkit("migrate")
    file.unlink()

    kept = shop.dbkit("migrate")
    planned = shop.dbkit("migrate", "--plan", "--drop-gone")
    dropped = shop.dbkit("migrate", "--drop-gone", "--json")

    assert kept.stdout == "shop: up to date at version 2\n"
    assert planned.stdout.endswith("would run\n  drop what cheap.sql made\n")
    assert json.loads(dropped.stdout)["systems"][0]["dropped"] == ["cheap.sql"]
    assert shop.rows("select to_regclass('cheap')") == [(None,)]


def test_what_the_server_says_beside_the_result_is_passed_on(project: Project) -> None:
    project.migration("0001_talk", "do $$ begin raise warning 'slow ahead'; end $$;")

    ran = project.dbkit("migrate")

    assert ran.stderr.startswith("shop: warning: slow ahead\n")


def test_rollback_undoes_the_newest(shop: Project) -> None:
    shop.dbkit("migrate")

    ran = shop.dbkit("rollback", "shop")

    assert (ran.returncode, ran.stdout) == (0, "")
    assert re.fullmatch(r"shop: 0002_price rolled back in \d\.\d\d s \(1 statement\)\n", ran.stderr)
    assert shop.rows("select version from schema_version") == [(1,)]


def test_rollback_undoes_as_many_as_asked_and_none_below_zero(shop: Project) -> None:
    shop.dbkit("migrate")

    ran = shop.dbkit("rollback", "shop", "--steps", "5", "--json")
    again = shop.dbkit("rollback", "shop")

    [system] = json.loads(ran.stdout)["systems"]
    assert (system["from"], system["version"]) == (2, 0)
    assert system["migrations"] == ["0002_price", "0001_orders"]
    assert again.stdout == "shop: nothing to undo at version 0\n"
    assert shop.rows("select to_regclass('orders'), count(*) from schema_version") == [(None, 0)]


def test_a_planned_rollback_writes_nothing(shop: Project) -> None:
    shop.dbkit("migrate")
    before = contents(shop)

    ran = shop.dbkit("rollback", "shop", "--to", "0", "--plan")

    assert ran.stdout == "shop: from version 2 to 0, would undo\n  0002_price\n  0001_orders\n"
    assert contents(shop) == before


def test_a_planned_rollback_refuses_what_the_rollback_would_refuse(shop: Project) -> None:
    shop.dbkit("migrate")
    shop.migration("0001_orders", ORDERS, "drop table orders;\n\\echo done\n")

    planned = refusal(shop.dbkit("rollback", "shop", "--to", "0", "--plan"))

    assert planned.startswith("migrations/shop/0001_orders.rollback.sql:2:1: '\\echo' is a command")
    assert planned == refusal(shop.dbkit("rollback", "shop", "--to", "0"))
    assert shop.status()["version"] == 2


def test_a_rollback_that_fails_has_undone_nothing(shop: Project) -> None:
    shop.migration(
        "0002_price",
        (shop.root / "migrations/shop/0002_price.sql").read_text(),
        "alter table orders drop column price;\nselect foo;",
    )
    shop.dbkit("migrate")
    before = contents(shop)

    message = refusal(shop.dbkit("rollback", "shop"))

    assert message.splitlines() == [
        'migrations/shop/0002_price.rollback.sql:2:8: column "foo" does not exist',
        "select foo;",
        "       ^",
    ]
    assert contents(shop) == before


def test_rollback_to_a_later_version_names_migrate(shop: Project) -> None:
    ran = shop.dbkit("rollback", "shop", "--to", "2")

    assert refusal(ran) == (
        "shop cannot go to version 2: it is at 0; go forward with: dbkit migrate shop"
    )


@pytest.mark.parametrize("plan", [(), ("--plan",)])
def test_a_missing_rollback_is_refused_before_anything_is_undone(
    shop: Project, plan: tuple[str, ...]
) -> None:
    shop.dbkit("migrate")
    (shop.root / "migrations/shop/0001_orders.rollback.sql").unlink()
    before = contents(shop)

    ran = shop.dbkit("rollback", "shop", "--to", "0", *plan)

    assert refusal(ran) == (
        "migrations/shop/0001_orders.rollback.sql does not exist, so migration 1 cannot be undone "
        "and nothing was; write that file"
    )
    assert contents(shop) == before
