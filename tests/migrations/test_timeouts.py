"""How long a statement of a migration may wait for a lock, and how long it may run."""

import pytest

from dbkit.migrations.timeouts import Timeouts, read_duration
from tests.project import Project

SEEN = (
    "create table seen as select current_setting('lock_timeout') as lock, "
    "current_setting('statement_timeout') as statement;\n"
)
OUTSIDE = "-- transactional: false\n"
OWN = "-- lock-timeout: 2s\n-- statement-timeout: 1h\n"


@pytest.mark.parametrize("header", ["", OUTSIDE])
def test_a_file_has_limits_of_its_own_over_those_of_the_command_line(
    project: Project, header: str
) -> None:
    project.migration("0001_own", f"{header}{OWN}{SEEN}")
    project.migration("0002_given", f"{header}{SEEN.replace('seen', 'given')}")

    ran = project.dbkit("migrate", "--lock-timeout", "500ms", "--statement-timeout", "10min")

    assert ran.returncode == 0, ran.stderr
    assert project.rows("select * from seen") == [("2s", "1h")]
    assert project.rows("select * from given") == [("500ms", "10min")]


def test_a_rollback_has_them_as_well(project: Project) -> None:
    project.migration("0001_one", "select 1;", f"{OWN}{SEEN}")
    project.migration("0002_two", "select 1;", SEEN.replace("seen", "given"))
    project.dbkit("migrate")

    ran = project.dbkit("rollback", "shop", "--to", "0", "--lock-timeout", "1s")

    assert ran.returncode == 0, ran.stderr
    assert project.rows("select * from seen") == [("2s", "1h")]
    assert project.rows("select * from given") == [("1s", "0")]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("2s", 2), ("1.5min", 90), ("1 h", 3600), ("1d", 86400), ("0s", 0)],
)
def test_a_time_has_a_number_and_its_unit(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["5", "", "2 sec", "1h30min", "-1s", "off", "1us", "0.1ms", "99d"])
def test_any_other_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"needs a number and its unit|24 days|millisecond"):
        read_duration(text)


def test_a_wrong_time_in_a_file_is_told_with_its_place(project: Project) -> None:
    project.migration("0001_wrong", f"-- lock-timeout: 5\n{SEEN}")
    project.migration("0002_late", f"{SEEN}-- statement-timeout: 5s\nselect 1;\n")

    refused = project.dbkit("migrate")
    wrong = project.dbkit("migrate", "--lock-timeout", "5")

    assert (
        "0001_wrong.sql:1:1: `-- lock-timeout: 5` needs a number and its unit, "
        "ms, s, min, h or d, as in 500ms, 2s or 1h"
    ) in refused.stderr
    assert "0002_late.sql:2:1: `-- statement-timeout: 5s` has no effect" in refused.stderr
    assert wrong.returncode == 64
    assert "'5' needs a number and its unit" in wrong.stderr


@pytest.mark.parametrize("header", ["", OUTSIDE])
def test_a_limit_of_the_database_that_ends_a_migration_is_named(
    project: Project, header: str
) -> None:
    [(name,)] = project.rows("select current_database()")
    with project.connect() as connection:
        connection.execute(f"alter database {name} set statement_timeout = '200ms'".encode())
    path = project.migration("0001_slow", f"{header}select pg_sleep(1);\n")

    failed = project.dbkit("migrate")
    path.write_text(f"{header}-- statement-timeout: 1min\nselect pg_sleep(1);\n")
    passed = project.dbkit("migrate")

    assert (
        "hint: the statement_timeout of this database, 200ms, has ended it; give this file a "
        "limit of its own with `-- statement-timeout: 1h` on its first line"
    ) in failed.stderr
    assert (failed.returncode, passed.returncode) == (1, 0), passed.stderr


def test_what_a_file_says_nothing_of_the_run_says() -> None:
    assert Timeouts(lock=1).over(Timeouts(2, 3)) == Timeouts(1, 3)
