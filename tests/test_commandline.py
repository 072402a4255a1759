"""A command that is forked for a test is like one that a shell starts."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.commandline import run_dbkit
from tests.project import Project

_MADE = "create table made as select current_setting('application_name') as variable;\n"


@pytest.fixture(autouse=True)
def forking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are forked, whatever was asked of this run."""
    monkeypatch.delenv("DBKIT_THOROUGH", raising=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["migrate", "--help"],
        ["status"],
        ["status", "--json"],
        ["status", "nowhere"],
        ["nonsense"],
        ["check"],
        ["migrate", "--plan"],
    ],
    ids=" ".join,
)
def test_a_forked_command_ends_and_prints_as_a_started_one(
    arguments: list[str], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.migration("0001_orders", "create table orders (id integer primary key);\n")
    environment = {**os.environ, "SHOP_DATABASE_URL": project.url}

    forked = run_dbkit(arguments, project.root, environment)
    monkeypatch.setenv("DBKIT_THOROUGH", "1")
    started = run_dbkit(arguments, project.root, environment)

    assert forked.args != started.args
    assert forked.returncode == started.returncode
    assert forked.stdout == started.stdout
    assert forked.stderr == started.stderr


def test_a_forked_command_has_the_folder_and_the_variables_that_it_is_given(
    project: Project,
) -> None:
    project.migration("0001_made", _MADE)

    ran = project.dbkit("migrate", PGAPPNAME="forked")

    assert (ran.args[0], ran.returncode) == ("dbkit", 0)
    assert project.rows("select variable from made") == [("forked",)]


def test_commands_run_at_the_same_time(project: Project) -> None:
    project.migration("0001_slow", "select pg_sleep(0.3);\ncreate table slow (id integer);\n")

    with ThreadPoolExecutor(3) as people:
        ran = [*people.map(project.dbkit, ["migrate"] * 3)]

    assert [each.returncode for each in ran] == [0, 0, 0]
    assert sum("applied" in each.stderr for each in ran) == 1


def test_what_python_reads_when_it_starts_is_read_by_a_start(project: Project) -> None:
    ran = project.dbkit("status", "--json", PYTHONUNBUFFERED="yes")

    assert ran.args[0] == sys.executable
