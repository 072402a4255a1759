"""What yoyo passes over in silence about files, numbers and commands, and dbkit does not."""

import json
from pathlib import Path

import pytest

from dbkit.errors import MigrationError
from tests.project import Project

ORDERS = "create table orders (id integer);"
DROP_ORDERS = "drop table orders;"


@pytest.fixture
def three(project: Project) -> Project:
    """A project at version 3: one column came with each migration."""
    project.migration("0001_orders", ORDERS, DROP_ORDERS)
    for number, name in ((2, "two"), (3, "three")):
        project.migration(
            f"000{number}_{name}",
            f"alter table orders add column {name} text;",
            f"alter table orders drop column {name};",
        )
    migrate(project)
    return project


def migration(project: Project, name: str) -> Path:
    return project.root / "migrations" / "shop" / f"{name}.sql"


def migrate(project: Project) -> None:
    with project.connect() as connection:
        project.runner(connection).migrate()


def columns(project: Project) -> list[str]:
    rows = project.rows(
        "select column_name from information_schema.columns "
        "where table_name = 'orders' order by ordinal_position"
    )
    return [name for (name,) in rows]


def test_y02_an_edited_migration_is_refused(three: Project) -> None:
    migration(three, "0002_two").write_text("alter table orders add column two integer;")

    refused = three.dbkit("migrate")

    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "error: migrations/shop/0002_two.sql was edited after it ran ("
    )
    assert refused.stderr.endswith(
        "put its text back and make the change a new migration, "
        'or accept it with: dbkit repair shop 2 --because "WHY"; a database for development can '
        "be made as the files are: dbkit migrate shop --follow --plan\n"
    )
    assert three.dbkit("status").returncode == 3


def test_y02_a_migration_whose_comments_and_layout_changed_is_the_same(three: Project) -> None:
    migration(three, "0002_two").write_bytes(
        b"\xef\xbb\xbf-- Said better now.\r\nalter table orders\r\n    add column two text;\r\n"
    )

    assert three.dbkit("status").returncode == 0


def test_y02_a_string_that_changed_by_a_space_is_an_edit(project: Project) -> None:
    path = project.migration("0001_greeting", "create table greeting as select 'a b' as text;")
    project.dbkit("migrate")

    path.write_text("create table greeting as select 'a  b' as text;")

    assert project.dbkit("status").returncode == 3


def test_y02_a_deleted_migration_is_missed(three: Project) -> None:
    migration(three, "0002_two").unlink()
    migration(three, "0002_two.rollback").unlink()

    status = three.dbkit("status")

    assert status.returncode == 3
    assert "migration 0002_two was applied to this database, but its file is gone" in status.stdout


def test_y02_a_renamed_migration_is_not_run_again(three: Project) -> None:
    for suffix in ("", ".rollback"):
        path = migration(three, f"0003_three{suffix}")
        path.rename(migration(three, f"0003_trois{suffix}"))

    refused = three.dbkit("migrate")

    assert refused.returncode == 1
    assert "number 3 was applied as 0003_three" in refused.stderr
    assert columns(three) == ["id", "two", "three"]


def test_y07_a_migration_without_a_rollback_file_is_neither_undone_nor_forgotten(
    three: Project,
) -> None:
    migration(three, "0002_two.rollback").unlink()

    refused = three.dbkit("rollback", "shop", "--to", "0")

    assert refused.returncode == 1
    assert refused.stderr == (
        "error: migrations/shop/0002_two.rollback.sql does not exist, so migration 2 "
        "cannot be undone and nothing was; write that file\n"
    )
    assert columns(three) == ["id", "two", "three"]
    assert three.status()["version"] == 3


def test_y07_what_was_rolled_back_can_be_applied_again(three: Project) -> None:
    back = three.dbkit("rollback", "shop", "--to", "0")
    again = three.dbkit("migrate")

    assert (back.returncode, again.returncode) == (0, 0)
    assert columns(three) == ["id", "two", "three"]


def test_y08_migrating_to_a_version_runs_all_that_come_before_it(project: Project) -> None:
    for number in range(1, 5):
        project.migration(f"000{number}_table", f"create table table_{number} ();")

    project.dbkit("migrate", "shop", "--to", "3")

    assert [applied["version"] for applied in project.status()["applied"]] == [1, 2, 3]
    assert [pending["version"] for pending in project.status()["pending"]] == [4]


def test_y08_rolling_back_to_a_version_undoes_all_that_come_after_it(three: Project) -> None:
    three.dbkit("rollback", "shop", "--to", "1")

    assert columns(three) == ["id"]
    assert [applied["version"] for applied in three.status()["applied"]] == [1]


def test_y09_numbers_count_and_not_their_letters(project: Project) -> None:
    for number in range(10, 0, -1):
        project.migration(f"{number}_step", f"create table step_{number} ();")

    migrate(project)

    made = project.rows("select relname from pg_class where relname like 'step_%' order by oid")
    assert [name for (name,) in made] == [f"step_{number}" for number in range(1, 11)]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ["0001_orders", "0002_cats", "0002_dogs"],
            "migrations/shop/0002_dogs.sql: number 2 is taken by migrations/shop/0002_cats.sql",
        ),
        (["0001_orders", "0003_dogs"], "migrations/shop/0003_dogs.sql: number 2 is expected here"),
        (["0000_orders"], "migrations/shop/0000_orders.sql: numbers start at 1"),
        (["0001_orders", "dogs"], "migrations/shop/dogs.sql: a migration is named NNNN_name.sql"),
    ],
    ids=["duplicate", "gap", "zero", "no number"],
)
def test_y09_numbers_that_do_not_follow_one_another_are_refused(
    project: Project, names: list[str], sentence: str
) -> None:
    for name in names:
        project.migration(name, "select 1;")

    with pytest.raises(MigrationError) as refused:
        migrate(project)

    assert str(refused.value).startswith(sentence)
    assert project.rows("select to_regclass('schema_version')") == [(None,)]


def test_y09_a_migration_that_arrives_late_under_a_taken_number_is_refused(
    three: Project,
) -> None:
    for suffix in ("", ".rollback"):
        migration(three, f"0002_two{suffix}").unlink()
    three.migration("0002_late", "create table late ();")

    refused = three.dbkit("migrate")

    assert refused.returncode == 1
    assert "number 2 was applied as 0002_two" in refused.stderr
    assert three.rows("select to_regclass('late')") == [(None,)]


def test_y23_a_folder_that_is_not_there_is_an_error(project: Project) -> None:
    (project.root / "migrations" / "shop").rename(project.root / "migrations" / "sohp")

    refused = project.dbkit("migrate")

    assert refused.returncode == 1
    assert refused.stderr.startswith("error: migrations/shop: this folder does not exist")


def test_y23_status_ends_with_two_where_something_is_pending(three: Project) -> None:
    up_to_date = three.dbkit("status")
    three.migration("0004_four", "select 4;")
    pending = three.dbkit("status")

    assert (up_to_date.returncode, pending.returncode) == (0, 2)


def test_y23_a_plan_says_what_would_run_and_runs_nothing(project: Project) -> None:
    project.migration("0001_orders", ORDERS)

    plan = project.dbkit("migrate", "--plan")
    for_programs = project.dbkit("migrate", "--plan", "--json")

    assert plan.stdout == "shop: from version 0 to 1, would run\n  0001_orders\n"
    [system] = json.loads(for_programs.stdout)["systems"]
    assert (system["from"], system["version"], system["migrations"]) == (0, 1, ["0001_orders"])
    assert project.rows(
        "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
    )[0] == (0,)


def test_y23_a_plan_of_a_rollback_undoes_nothing(three: Project) -> None:
    plan = three.dbkit("rollback", "shop", "--steps", "2", "--plan")

    assert plan.stdout == "shop: from version 3 to 1, would undo\n  0003_three\n  0002_two\n"
    assert three.status()["version"] == 3


def test_y23_json_says_everything_that_a_program_asks(three: Project) -> None:
    three.migration("0004_four", "select 4;")

    status = three.status()

    assert (status["name"], status["version"], status["problems"]) == ("shop", 3, [])
    assert status["pending"] == [{"version": 4, "name": "0004_four"}]
    assert [sorted(applied) for applied in status["applied"]] == [
        ["applied_at", "checksum", "name", "note", "version"]
    ] * 3


def test_y27_there_is_no_option_that_is_taken_and_does_nothing(project: Project) -> None:
    refused = [project.dbkit("migrate", option) for option in ("-1", "--one")]

    assert [ran.returncode for ran in refused] == [64, 64]
    assert "No such option" in refused[0].stderr


def test_y27_migrations_that_depend_on_each_other_are_refused_in_one_sentence(
    project: Project,
) -> None:
    project.migration("0001_orders", f"-- depends: 0002_more\n{ORDERS}")
    project.migration("0002_more", "-- depends: 0001_orders\nselect 1;")

    refused = project.dbkit("migrate")

    assert refused.returncode == 1
    assert refused.stderr == (
        "error: migrations/shop/0001_orders.sql:1:1: `-- depends: 0002_more` names 0002_more, and "
        "no earlier migration is called that; migrations run in the order of their numbers\n"
        "-- depends: 0002_more\n^\n"
    )


def test_y27_the_ledger_knows_the_moment_the_duration_the_checksum_and_the_user(
    three: Project,
) -> None:
    [(kind, moment, milliseconds, checksum, user)] = three.rows(
        "select pg_typeof(applied_at)::text, applied_at between now() - interval '1 minute' and "
        "now(), milliseconds >= 0, dbkit_checksum, applied_by = current_user "
        "from schema_version where version = 1"
    )

    assert (kind, moment, milliseconds, user) == ("timestamp with time zone", True, True, True)
    assert checksum == three.status()["applied"][0]["checksum"]
    assert len(checksum) == 64
