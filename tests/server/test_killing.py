"""However a server or its user is killed, the next start brings it back whole."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import psycopg
import pytest

from dbkit.server import Binaries, EmbeddedServer
from dbkit.server import embedded as module
from dbkit.server.errors import DidNotStop

from .processes import StartActor, run_sql, wait_until, wrap


def test_a_killed_server_comes_back_with_its_data(started: EmbeddedServer) -> None:
    run_sql(started, "create table kept as select 42 as answer")

    _kill_server(started)
    stopped = started.stop()
    started.start()

    assert not stopped
    assert run_sql(started, "select answer from kept") == 42


def test_a_busy_remainder_of_a_killed_server_is_told_of(
    started: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LEFTOVER_SECONDS", 0.2)
    busy = psycopg.connect(started.url("postgres"), autocommit=True)
    remainder = busy.info.backend_pid
    thread = threading.Thread(target=_work_long, args=(busy,))
    thread.start()
    wait_until(lambda: run_sql(started, _COUNT_BUSY) == 1)
    _kill_server(started)

    with pytest.raises(DidNotStop, match=r"has not ended in 0\.2 s"):
        started.start()

    os.kill(remainder, signal.SIGKILL)
    thread.join()
    busy.close()
    started.start()
    assert run_sql(started, "select 1") == 1


def test_a_stale_pid_that_another_program_has_now_does_not_matter(
    started: EmbeddedServer, folder: Path
) -> None:
    data, sockets = started.status().data, started.status().socket_folder
    assert sockets is not None
    owner = data.stat()
    _kill_server(started)
    ours = owner.st_uid == os.geteuid()
    with subprocess.Popen(["sleep", "600"], user=None if ours else owner.st_uid) as other:
        for stale in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            _, rest = stale.read_text().split("\n", 1)
            stale.write_text(f"{other.pid}\n{rest}")

        started.start()

        assert run_sql(started, "select 1") == 1
        assert other.poll() is None
        other.kill()
    assert (folder / "cluster" / "data").resolve() == data


def test_a_lock_file_left_over_locks_nothing(embedded: EmbeddedServer, folder: Path) -> None:
    folder.mkdir(mode=0o711)
    folder.chmod(0o711)
    for name in ("lock", "running"):
        (folder / name).write_text("12345")

    embedded.start()

    assert run_sql(embedded, "select 1") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", [0.02, 0.2])
def test_a_signal_during_initdb_leaves_nothing_half_done(
    embedded: EmbeddedServer,
    folder: Path,
    actor: StartActor,
    number: signal.Signals,
    moment: float,
) -> None:
    starter = actor(folder, "start")
    starter.hear("creating")
    time.sleep(moment)

    starter.kill(number)

    assert starter.process.returncode != 0
    assert not list((folder / "cluster").iterdir())
    embedded.start()
    assert run_sql(embedded, "select 1") == 1


def test_an_initdb_that_hangs_ends_with_its_starter(
    folder: Path, parent: Path, binaries: Binaries, actor: StartActor
) -> None:
    hanging = wrap(binaries, parent, initdb="sleep 600")
    starter = actor(folder, "start", programs=hanging.bin)
    starter.hear("creating")
    wait_until(lambda: _is_run(hanging.initdb))

    starter.kill(signal.SIGTERM)

    assert not _is_run(hanging.initdb)


def test_the_initdb_of_a_killed_starter_is_waited_for(
    embedded: EmbeddedServer, folder: Path, parent: Path, binaries: Binaries, actor: StartActor
) -> None:
    slow = wrap(binaries, parent, initdb="sleep 1")
    starter = actor(folder, "start", programs=slow.bin)
    starter.hear("creating")
    wait_until(lambda: _is_run(slow.initdb))

    starter.kill(signal.SIGKILL)
    embedded.start()

    assert not _is_run(slow.initdb)
    assert run_sql(embedded, "select 1") == 1
    assert [path.name for path in (folder / "cluster").iterdir() if path.is_dir()] == ["data"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_ends_the_server(
    started: EmbeddedServer,
    folder: Path,
    slow: Binaries,
    actor: StartActor,
    number: signal.Signals,
) -> None:
    started.stop()
    starter = actor(folder, "start", programs=slow.bin)
    starter.hear("starting")
    time.sleep(0.2)

    starter.kill(number)

    assert starter.process.returncode != 0
    time.sleep(1.2)
    assert not started.status().running
    started.start()
    assert run_sql(started, "select 1") == 1


def test_a_starter_killed_during_the_start_leaves_a_server_that_is_found(
    started: EmbeddedServer, folder: Path, slow: Binaries, actor: StartActor
) -> None:
    started.stop()
    starter = actor(folder, "start", programs=slow.bin)
    starter.hear("starting")
    time.sleep(0.2)

    starter.kill(signal.SIGKILL)
    started.start()

    assert run_sql(started, "select 1") == 1


def test_a_folder_moved_while_its_server_runs_does_not_harm_the_next_one(
    started: EmbeddedServer, folder: Path
) -> None:
    moved = EmbeddedServer(folder.with_name("moved"))
    folder.rename(folder.with_name("moved"))
    started.start()

    assert moved.stop()

    assert run_sql(started, "select 1") == 1
    moved.reset()


_BUSY = "select count(*) from generate_series(1, 100000000000) busy"
_COUNT_BUSY = "select count(*) from pg_stat_activity where query like '%busy' and state = 'active'"


def _work_long(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute(_BUSY)


def _kill_server(server: EmbeddedServer) -> None:
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.status().running)


def _is_run(program: Path) -> bool:
    processes = Path("/proc").glob("[0-9]*/cmdline")
    return any(str(program).encode() in _read(process) for process in processes)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
