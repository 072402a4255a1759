"""A database is made when it is missing, and only then."""

from pathlib import Path

import psycopg
import pytest

from dbkit.server import EmbeddedServer

from .processes import StartActor, run_sql


@pytest.mark.parametrize("name", ["app", 'An "odd" name/ü'])
def test_a_missing_database_is_created_once(started: EmbeddedServer, name: str) -> None:
    assert started.ensure_database(name)
    assert not started.ensure_database(name)

    with psycopg.connect(started.url(name)) as connection:
        assert connection.info.dbname == name


def test_an_existing_database_is_seen_without_psycopg(
    started: EmbeddedServer, folder: Path, actor: StartActor
) -> None:
    started.ensure_database("app")

    other = actor(folder, "ensure=app", "psycopg")

    assert other.hear("created") == "False"
    assert other.hear("psycopg") == "False"


def test_processes_that_create_it_at_once_all_succeed(
    started: EmbeddedServer, folder: Path, actor: StartActor
) -> None:
    actors = [actor(folder, "ensure=app") for _ in range(4)]

    created = [process.hear("created") for process in actors]

    assert sorted(created) == ["False", "False", "False", "True"]
    assert run_sql(started, "select count(*) from pg_database where datname = 'app'") == 1


def test_somebody_in_the_template_database_is_no_hindrance(started: EmbeddedServer) -> None:
    with psycopg.connect(started.url("template1")):
        assert started.ensure_database("app")
