"""Every command that a message prints is followed as it stands, and nothing is lost or made up."""

import json
from collections.abc import Callable, Mapping

import pytest

from tests.cli.following import commands, follow, lost, rows
from tests.project import Project

TABLES = ("orders", "items", "prices")
FOLDER = "migrations/shop"


def _migration(project: Project, number: int, table: str) -> None:
    project.migration(
        f"{number:04}_{table}",
        f"create table {table} (id integer);\ninsert into {table} values ({number});\n",
        f"drop table {table};",
    )


def _applied(project: Project, count: int = 3) -> None:
    for number, table in enumerate(TABLES[:count], start=1):
        _migration(project, number, table)
    assert project.dbkit("migrate").returncode == 0


def _edited(project: Project) -> None:
    _applied(project)
    project.migration("0001_orders", "create table orders (id bigint);\n", "drop table orders;")


def _renamed(project: Project) -> None:
    _applied(project)
    for path in (project.root / FOLDER).glob("0002_*"):
        path.rename(path.with_name(path.name.replace("items", "goods")))


def _twice(project: Project) -> None:
    _applied(project, 2)
    _migration(project, 2, "prices")


def _gap(project: Project) -> None:
    _applied(project, 1)
    _migration(project, 3, "prices")


def _moved(project: Project) -> None:
    _applied(project)
    for path in (project.root / FOLDER).glob("0003_*"):
        path.rename(path.with_name(path.name.replace("0003", "0004")))
    _migration(project, 3, "more")


def _missing(project: Project) -> None:
    _applied(project)
    for path in (project.root / FOLDER).glob("0002_*"):
        path.unlink()
    _migration(project, 4, "more")


def _hole(project: Project) -> None:
    _applied(project)
    with project.connect() as connection:
        connection.execute("drop table items")
        connection.execute("delete from schema_version where version = 2")
        connection.execute("delete from dbkit._yoyo_migration where migration_id = '0002_items'")


def _by_hand(project: Project) -> None:
    _applied(project, 1)
    _migration(project, 2, "items")
    with project.connect() as connection:
        connection.execute("insert into schema_version (version, description) values (2, 'items')")


def _by_yoyo(project: Project) -> None:
    _applied(project, 1)
    _migration(project, 2, "items")
    _migration(project, 3, "prices")
    _plain_yoyo(project, "create table items (id integer)", "0002_items")
    _plain_yoyo(project, "create table prices (id integer)", "0003_prices")


def _by_yoyo_with_a_hole(project: Project) -> None:
    _applied(project, 1)
    _migration(project, 2, "items")
    _migration(project, 3, "prices")
    _plain_yoyo(project, "create table prices (id integer)", "0003_prices")


def _rolled_back_by_yoyo(project: Project) -> None:
    _applied(project)
    with project.connect() as connection:
        connection.execute("drop table items, prices")
        connection.execute(
            "delete from dbkit._yoyo_migration where migration_id in ('0002_items', '0003_prices')"
        )


def _one_rolled_back_by_yoyo(project: Project) -> None:
    _applied(project)
    with project.connect() as connection:
        connection.execute("drop table items")
        connection.execute("delete from dbkit._yoyo_migration where migration_id = '0002_items'")


def _plain_yoyo(project: Project, sql: str, name: str) -> None:
    """Do what yoyo without dbkit's backend does: run, and write its own mark alone."""
    with project.connect() as connection:
        connection.execute(sql.encode())
        connection.execute(
            "insert into dbkit._yoyo_migration (migration_hash, migration_id, applied_at_utc) "
            "values (encode(sha256(convert_to(%s, 'UTF8')), 'hex'), %s, now())",
            (name, name),
        )


def _not_empty(project: Project) -> None:
    for number, table in enumerate(TABLES, start=1):
        _migration(project, number, table)
    with project.connect() as connection:
        connection.execute("create table orders (id integer)")
        connection.execute("create table other (id integer)")


def _foreign_ledger(project: Project) -> None:
    _migration(project, 1, "orders")
    with project.connect() as connection:
        connection.execute("create table schema_version (version int4 not null)")
        connection.execute("insert into schema_version values (7)")


def _foreign_names(project: Project) -> None:
    path = project.root / FOLDER / "V1__orders.sql"
    path.write_text("create table orders (id integer);\n")


def _foreign_header(project: Project) -> None:
    project.migration(
        "0001_orders", "-- migrate:up\ncreate table orders ();\n-- migrate:down\ndrop table orders;"
    )


def _unfinished(project: Project) -> None:
    _applied(project, 2)
    project.migration(
        "0003_prices",
        "-- transactional: false\ncreate table prices (id integer);\ncall pg_terminate();\n",
    )
    with project.connect() as connection:
        connection.execute(
            "create procedure pg_terminate() language plpgsql as $$ begin "
            "insert into items values (9); commit; "
            "perform pg_terminate_backend(pg_backend_pid()); end $$"
        )
    project.dbkit("migrate")


SITUATIONS: Mapping[str, Callable[[Project], None]] = {
    "EditedMigration": _edited,
    "RenamedMigration": _renamed,
    "DuplicateVersion": _twice,
    "GapInVersions": _gap,
    "MovedMigration": _moved,
    "MissingMigration": _missing,
    "HoleInLedger": _hole,
    "WrittenByHand": _by_hand,
    "RecordedByYoyoAlone": _by_yoyo,
    "RecordedByYoyoAlone, with a hole": _by_yoyo_with_a_hole,
    "UnmarkedByYoyo": _rolled_back_by_yoyo,
    "UnmarkedByYoyo, one of them": _one_rolled_back_by_yoyo,
    "NotEmpty": _not_empty,
    "ForeignLedger": _foreign_ledger,
    "ForeignFiles": _foreign_names,
    "ForeignHeader": _foreign_header,
    "UnfinishedMigration": _unfinished,
}


def _errors(project: Project) -> dict[str, str]:
    ran = project.dbkit("migrate", "--json")
    assert ran.returncode == 1, ran
    told: dict[str, str] = {}
    for fault in json.loads(ran.stdout)["error"]["faults"]:
        told[fault["class"]] = f"{told.get(fault['class'], '')}\n{fault['message']}"
    return told


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize("followed", ["all", "the first", "the last"])
def test_a_command_that_is_followed_loses_no_rows_and_records_nothing_that_is_not_there(
    project: Project, name: str, followed: str
) -> None:
    SITUATIONS[name](project)
    told = _errors(project)
    before = rows(project)

    assert name.partition(",")[0] in told
    printed = commands("\n".join(told.values()))
    chosen = {"all": printed, "the first": printed[:1], "the last": printed[-1:]}[followed]
    for command in chosen:
        follow(project, command)
    # a migration that is run afterwards goes through, or is refused; it loses nothing either
    ran = project.dbkit("migrate")
    after = rows(project)
    assert "already exists" not in ran.stderr
    assert not lost(before, after)


def test_the_commands_of_a_sentence_are_found() -> None:
    sentence = (
        "bring it back, see: dbkit status shop --show 3, or: dbkit rollback shop --to 2 --plan; or "
        'accept it with: dbkit repair shop 3 --because "WHY"; '
        "or import it: dbkit import flyway migrations/shop shop"
    )

    assert commands(sentence) == [
        "status shop --show 3",
        "rollback shop --to 2 --plan",
        'repair shop 3 --because "WHY"',
        "import flyway migrations/shop shop",
    ]
