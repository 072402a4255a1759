"""A server is stopped by who asks for it, but not under somebody who uses it."""

import signal
from pathlib import Path

import psycopg
import pytest

from dbkit.server import EmbeddedServer
from dbkit.server.errors import NeverStarted, ServerHeld

from .processes import StartActor, run_sql


def test_stopping_ends_the_sessions_of_others(started: EmbeddedServer) -> None:
    with psycopg.connect(started.url("postgres")) as idle:
        stopped = started.stop()

        assert stopped
        assert not started.status().running
        with pytest.raises(psycopg.OperationalError):
            idle.execute("select 1")


def test_stopping_what_does_not_run_says_so_and_makes_nothing(
    embedded: EmbeddedServer, folder: Path
) -> None:
    assert not embedded.stop()
    assert not folder.exists()


def test_a_server_in_use_is_not_stopped_and_its_users_are_named(
    started: EmbeddedServer, folder: Path, actor: StartActor
) -> None:
    holders = [actor(folder, "hold") for _ in range(2)]
    for holder in holders:
        holder.hear("held")
    pids = tuple(sorted(holder.process.pid for holder in holders))

    with pytest.raises(ServerHeld, match=f"used by processes {pids[0]}, {pids[1]}"):
        started.stop()
    with pytest.raises(ServerHeld):
        started.reset()

    assert started.status().holders == pids
    assert run_sql(started, "select 1") == 1
    assert started.stop(force=True)


def test_a_killed_user_holds_nothing(
    started: EmbeddedServer, folder: Path, actor: StartActor
) -> None:
    holder = actor(folder, "hold")
    holder.hear("held")

    holder.kill(signal.SIGKILL)

    assert started.status().holders == ()
    assert started.stop()


def test_the_files_of_killed_users_are_swept_away(
    started: EmbeddedServer, folder: Path, actor: StartActor
) -> None:
    killed = actor(folder, "hold")
    killed.hear("held")
    killed.kill(signal.SIGKILL)

    with started.hold():
        files = list((folder / "holders").iterdir())

    assert len(files) == 1
    assert not list((folder / "holders").iterdir())


def test_our_own_hold_does_not_keep_us_from_stopping(
    started: EmbeddedServer, folder: Path, actor: StartActor
) -> None:
    with started.hold():
        other = actor(folder, "stop")

        assert "used by process" in other.hear("ServerHeld")
        assert started.stop()


def test_holding_comes_before_the_first_start(embedded: EmbeddedServer) -> None:
    with embedded.hold():
        embedded.start()

    assert run_sql(embedded, "select 1") == 1


def test_reset_deletes_the_data_and_a_start_makes_new_ones(started: EmbeddedServer) -> None:
    run_sql(started, "create table forgotten ()")
    data = started.status().data

    started.reset()

    assert not data.exists()
    with pytest.raises(NeverStarted):
        started.url("postgres")
    started.start()
    assert run_sql(started, "select to_regclass('forgotten')") is None
