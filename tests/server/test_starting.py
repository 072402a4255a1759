"""A server comes up once, stays up, and is found by whoever looks for it."""

import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from dbkit.server import Binaries, EmbeddedServer
from dbkit.server.errors import DidNotStart

from .conftest import QUICK
from .processes import StartActor, run_sql


def test_a_second_start_finds_the_server_of_the_first(folder: Path, binaries: Binaries) -> None:
    messages: list[str] = []
    embedded = EmbeddedServer(folder, binaries=binaries, progress=messages.append)
    embedded.start()
    first = embedded.status()

    embedded.start()

    assert embedded.status() == first
    assert [message.partition(" ")[0] for message in messages] == ["creating", "starting"]


def test_finding_a_server_that_is_up_needs_no_programs_and_no_psycopg(
    started: EmbeddedServer, folder: Path, actor: StartActor
) -> None:
    # without site-packages there is neither
    other = actor(folder, "start", "psycopg", programs=None, options=("-S",))

    assert other.hear("pid") == str(started.status().pid)
    assert other.hear("psycopg") == "False"


def test_data_survive_a_stop(started: EmbeddedServer) -> None:
    run_sql(started, "create table kept as select 42 as answer")
    first = started.status().pid

    assert started.stop()
    started.start()

    assert run_sql(started, "select answer from kept") == 42
    assert started.status().pid != first


@pytest.mark.parametrize("processes", [2, 8])
def test_processes_that_start_it_at_once_get_one_server(
    folder: Path, actor: StartActor, processes: int
) -> None:
    actors = [actor(folder, "start") for _ in range(processes)]

    pids = {process.hear("pid") for process in actors}

    assert len(pids) == 1


def test_it_outlives_the_process_group_and_the_session_of_its_starter(
    embedded: EmbeddedServer, folder: Path, actor: StartActor
) -> None:
    starter = actor(folder, "start", "sleep")
    pid = starter.hear("pid")

    os.killpg(starter.process.pid, signal.SIGHUP)
    os.killpg(starter.process.pid, signal.SIGKILL)
    starter.process.wait()

    assert run_sql(embedded, "select 1") == 1
    assert str(embedded.status().pid) == pid


def test_nothing_listens_on_the_network_whatever_the_settings_say(
    folder: Path, binaries: Binaries
) -> None:
    embedded = EmbeddedServer(folder, binaries=binaries, settings={"listen_addresses": "*"})

    embedded.start()

    assert run_sql(embedded, "show listen_addresses") == ""
    assert not _network_sockets(embedded.status().pid)


def test_data_and_socket_are_closed_to_others(started: EmbeddedServer) -> None:
    status = started.status()

    assert status.socket_folder is not None
    assert status.data.stat().st_mode & 0o777 == 0o700
    assert status.socket_folder.stat().st_mode & 0o777 == 0o700


def test_text_is_unicode_whatever_the_locale(folder: Path, actor: StartActor) -> None:
    actor(folder, "start", environment={"LANG": "xx_XX.nonsense"}).hear("pid")
    embedded = EmbeddedServer(folder)

    assert run_sql(embedded, "show server_encoding") == "UTF8"
    assert run_sql(embedded, "select upper('é') || lower('Ж')") == "Éж"
    assert run_sql(embedded, "select 'Z' < 'a'") is True


def test_psql_reads_the_address_whatever_the_environment_says(
    started: EmbeddedServer, binaries: Binaries
) -> None:
    started.ensure_database("an odd/name?")

    answer = subprocess.run(
        [binaries.psql, started.url("an odd/name?"), "-Atc", "select current_database()"],
        env={"PGPORT": "1", "PGHOST": "nowhere", "PGUSER": "nobody", "PGDATABASE": "none"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout == "an odd/name?\n"


@pytest.mark.parametrize(
    "name",
    ["d" * 100, 'it\'s, a "test" 100% $HOME é'],
    ids=["deep", "odd"],
)
def test_a_server_lives_in_a_deep_or_odd_folder(
    parent: Path, binaries: Binaries, name: str
) -> None:
    (parent / name).mkdir()
    embedded = EmbeddedServer(parent / name / ".dbkit", binaries=binaries)

    embedded.start()

    status = embedded.status()
    assert run_sql(embedded, "select 1") == 1
    assert status.data.is_relative_to(parent / name)
    assert status.socket_folder is not None
    embedded.reset()
    assert not status.socket_folder.exists()


def test_a_setting_that_is_wrong_is_named(folder: Path, binaries: Binaries) -> None:
    embedded = EmbeddedServer(folder, binaries=binaries, settings={"shared_bufers": "1"})

    with pytest.raises(DidNotStart, match='unrecognized configuration parameter "shared_bufers"'):
        embedded.start()


def test_an_error_in_the_configuration_file_is_quoted(
    started: EmbeddedServer, embedded: EmbeddedServer
) -> None:
    started.stop()
    with (started.status().data / "postgresql.conf").open("a") as file:
        file.write("work_mem = plenty\n")

    with pytest.raises(DidNotStart, match='invalid value for parameter "work_mem": "plenty"'):
        embedded.start()


@pytest.mark.parametrize(
    ("given", "loaded"),
    [
        ({}, "pg_stat_statements"),
        ({"shared_preload_libraries": "plpgsql"}, "plpgsql,pg_stat_statements"),
    ],
    ids=["none", "another"],
)
def test_statements_are_counted_where_the_library_is(
    folder: Path, binaries: Binaries, given: dict[str, str], loaded: str
) -> None:
    if not binaries.has_library("pg_stat_statements"):
        pytest.skip("this PostgreSQL has no contrib modules")
    embedded = EmbeddedServer(folder, binaries=binaries, settings=QUICK | given)

    embedded.start()

    assert run_sql(embedded, "show shared_preload_libraries") == loaded
    assert run_sql(embedded, "create extension pg_stat_statements") is None
    assert run_sql(embedded, "select count(*) > 0 from pg_stat_statements") is True


def test_a_large_log_is_emptied_while_the_server_writes_on(
    started: EmbeddedServer, folder: Path
) -> None:
    with (folder / "log").open("ab") as log:
        log.truncate(9 * 1024 * 1024)

    started.start()
    run_sql(started, "do $$ begin raise warning 'still heard'; end $$")

    written = (folder / "log").read_text()
    assert re.search("still heard", written)
    assert len(written) < 10_000


def _network_sockets(pid: int | None) -> list[str]:
    files = _open_files(Path("/proc", str(pid)))
    for process in Path("/proc").glob("[0-9]*"):
        # a child may end meanwhile; then there is nothing to read, or nobody may
        with suppress(FileNotFoundError, PermissionError):
            if _parent_of(process) == pid:
                files += _open_files(process)
    tables = [Path("/proc/net", name) for name in ("tcp", "tcp6", "udp", "udp6")]
    lines = [line for table in tables if table.exists() for line in table.read_text().splitlines()]
    return [line for line in lines if f"socket:[{line.split()[9]}]" in files]


def _open_files(process: Path) -> list[str]:
    names: list[str] = []
    for file in (process / "fd").iterdir():
        # one may be closed between being listed and being looked at
        with suppress(FileNotFoundError):
            names.append(file.readlink().name)
    return names


def _parent_of(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except FileNotFoundError:
        return None
