"""PostgreSQL's programs are found where they are, and missed in one sentence."""

import os
from pathlib import Path

import pytest

from dbkit.server import Binaries, find_binaries
from dbkit.server.errors import BrokenBinaries, NoPostgres, NotBinaries

from .processes import StartActor


def test_the_newest_of_the_wheel_is_found_first() -> None:
    assert find_binaries().major == 18


@pytest.mark.parametrize("version", ["16", "18"])
def test_a_major_version_of_the_wheel_can_be_asked_for(version: str) -> None:
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
    assert str(NoPostgres("16")).startswith("no PostgreSQL 16 was found")


def test_programs_that_do_not_run_are_told_of(tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("no program")
        (tmp_path / name).chmod(0o755)

    with pytest.raises(BrokenBinaries, match="postgres does not run"):
        _ = find_binaries(str(tmp_path)).major
