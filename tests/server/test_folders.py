"""Where a server can live, as whom, and what is refused."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dbkit.server import Binaries, EmbeddedServer, find_binaries
from dbkit.server.account import Account
from dbkit.server.errors import (
    ClusterGone,
    DidNotStart,
    ForeignFolder,
    InitdbFailed,
    LineBreakInPath,
    NeverStarted,
    OtherMajorVersion,
    UnusableFolder,
)

from .processes import StartActor, run_sql, wrap

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to drop to another account")


@pytest.fixture
def closed(parent: Path) -> Iterator[Path]:
    """A project whose parent folder is closed to everybody else, as root's home is."""
    project = parent / "home" / "project"
    project.mkdir(parents=True)
    project.parent.chmod(0o700)
    yield project
    EmbeddedServer(project / ".dbkit").reset(force=True)


@pytest.fixture
def nobody() -> Account:
    """The account that many services of a machine run with."""
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


@as_root
def test_root_runs_the_server_as_an_account_of_nobody_else(started: EmbeddedServer) -> None:
    data = started.status().data

    owner = data.stat().st_uid
    assert owner not in {entry.pw_uid for entry in pwd.getpwall()}
    assert Path(f"/proc/{started.status().pid}").stat().st_uid == owner


@as_root
def test_data_of_an_account_that_others_run_with_are_taken_from_it(
    started: EmbeddedServer, folder: Path, nobody: Account
) -> None:
    run_sql(started, "create table kept as select 42 as answer")
    started.stop()
    data = started.status().data
    (others := folder.parent / "others").touch()
    (data / "planted").symlink_to(others)
    subprocess.run(["chown", "-hR", "nobody", data.parent], check=True)
    assert nobody.can_enter(data)

    started.start()

    assert run_sql(started, "select answer from kept") == 42
    owners = {path.lstat().st_uid for path in (data.parent, *data.parent.rglob("*"))}
    assert owners == {data.stat().st_uid}
    assert others.stat().st_uid == 0
    assert not nobody.can_enter(data.parent)


@as_root
def test_data_that_were_deleted_by_hand_are_made_again(started: EmbeddedServer) -> None:
    started.stop()
    shutil.rmtree(started.status().data)

    started.start()

    assert run_sql(started, "select 1") == 1


@as_root
def test_a_closed_parent_folder_stays_closed(closed: Path, binaries: Binaries) -> None:
    before = [folder.stat().st_mode for folder in (closed, *closed.parents)]
    embedded = EmbeddedServer(closed / ".dbkit", binaries=binaries)

    embedded.start()

    assert run_sql(embedded, "select 1") == 1
    assert [folder.stat().st_mode for folder in (closed, *closed.parents)] == before
    data = embedded.status().data
    assert not data.is_relative_to(closed)
    assert EmbeddedServer(closed / ".dbkit").status().data == data
    embedded.reset()
    assert not data.parent.parent.exists()


@as_root
def test_programs_the_account_cannot_read_are_copied_once(closed: Path, binaries: Binaries) -> None:
    package = binaries.bin.parent.parent
    hidden = closed / package.name / binaries.bin.parent.name
    shutil.copytree(binaries.bin.parent, hidden)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, closed / libraries.name)
    embedded = EmbeddedServer(closed / ".dbkit", binaries=Binaries(hidden / "bin"))
    embedded.start()
    first = _program(embedded)

    embedded.stop()
    embedded.start()

    assert _program(embedded) == first
    assert not first.is_relative_to(hidden)
    embedded.reset()
    assert not first.exists()


@as_root
def test_data_that_vanished_are_missed(closed: Path, binaries: Binaries) -> None:
    embedded = EmbeddedServer(closed / ".dbkit", binaries=binaries)
    embedded.start()
    embedded.stop()
    shutil.rmtree(embedded.status().data.parent)

    with pytest.raises(ClusterGone, match="begin anew with `dbkit server reset`"):
        embedded.start()

    embedded.reset()
    embedded.start()
    assert run_sql(embedded, "select 1") == 1


def test_git_sees_nothing_of_the_server(parent: Path, binaries: Binaries) -> None:
    embedded = EmbeddedServer(parent / ".dbkit", binaries=binaries)

    embedded.start()

    git = ["git", "-c", "safe.directory=*", "-C", str(parent)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    seen = subprocess.run(
        [*git, "status", "--porcelain"], check=True, capture_output=True, text=True
    )
    assert seen.stdout == ""
    embedded.reset()


def test_an_ordinary_account_runs_its_own_server(
    parent: Path, ordinary: str, actor: StartActor
) -> None:
    folder = parent / ".dbkit"

    starter = actor(folder, "start", "ensure=app", "stop", account=ordinary)

    starter.hear("pid")
    assert starter.hear("created") == "True"
    assert starter.hear("stopped") == "True"
    assert folder.owner() == ordinary
    shutil.rmtree(folder)


def test_the_folder_of_somebody_else_is_refused(
    parent: Path, folder: Path, started: EmbeddedServer, ordinary: str, actor: StartActor
) -> None:
    assert "belongs to root" in actor(folder, "start", account=ordinary).hear("ForeignFolder")

    theirs = parent / "theirs"
    theirs.mkdir()
    shutil.chown(theirs, ordinary)
    with pytest.raises(ForeignFolder, match=f"belongs to {ordinary}: run as {ordinary}"):
        EmbeddedServer(theirs).start()
    assert started.stop()


def test_a_folder_that_cannot_be_written_is_refused(
    parent: Path, ordinary: str, actor: StartActor
) -> None:
    (parent / "project").mkdir()

    starter = actor(parent / "project" / ".dbkit", "start", account=ordinary)

    assert "cannot be used (Permission denied)" in starter.hear("UnusableFolder")


@pytest.mark.parametrize("name", ["missing/.dbkit", "file"])
def test_a_place_that_cannot_be_a_folder_is_refused(
    parent: Path, binaries: Binaries, name: str
) -> None:
    (parent / "file").touch()

    with pytest.raises(UnusableFolder, match="cannot be used"):
        EmbeddedServer(parent / name, binaries=binaries).start()


def test_data_of_another_major_version_are_refused(folder: Path) -> None:
    old = EmbeddedServer(folder, binaries=find_binaries("16"))
    new = EmbeddedServer(folder, binaries=find_binaries("18"))
    old.start()
    run_sql(old, "create table kept ()")
    old.stop()

    with pytest.raises(OtherMajorVersion, match="PostgreSQL 16 and the programs are PostgreSQL 18"):
        new.start()

    old.start()
    assert run_sql(old, "select 'kept'::regclass is not null") is True


def test_a_full_disk_leaves_nothing_half_done(parent: Path, binaries: Binaries) -> None:
    folder = parent / "small" / ".dbkit"
    folder.parent.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=755", "dbkit", str(folder.parent)]
    mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    if mounted:
        reason, programs = "No space left on device", binaries
    else:
        reason, programs = "File too large", wrap(binaries, parent, initdb="ulimit -f 4000")

    try:
        with pytest.raises(InitdbFailed, match=reason):
            EmbeddedServer(folder, binaries=programs).start()

        assert not list((folder / "cluster").iterdir())
        if mounted:
            grow = ["mount", "-o", "remount,size=90m", str(folder.parent)]
            subprocess.run(grow, check=True)
            _fill_and_free(EmbeddedServer(folder, binaries=binaries), folder.parent)
    finally:
        if mounted:
            subprocess.run(["umount", folder.parent], check=True)


def _fill_and_free(server: EmbeddedServer, disk: Path) -> None:
    server.start()
    run_sql(server, "create table kept as select 42 as answer")
    killed = server.status().pid
    assert killed is not None
    # the next start has to make a file of the log
    run_sql(server, "select pg_switch_wal()")
    os.kill(killed, signal.SIGKILL)
    server.stop()
    with (disk / "full").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 12))

    with pytest.raises(DidNotStart, match=r"No space left on device .*; free some space on that"):
        server.start()
    (disk / "full").unlink()
    server.start()

    assert run_sql(server, "select answer from kept") == 42
    server.stop()


def test_a_path_with_a_line_break_is_refused(parent: Path, binaries: Binaries) -> None:
    (parent / "a\nb").mkdir()

    with pytest.raises(LineBreakInPath, match=r"a\\nb/.dbkit', because the path has a line break"):
        EmbeddedServer(parent / "a\nb" / ".dbkit", binaries=binaries).start()


def test_a_copied_project_has_a_server_of_its_own(parent: Path, binaries: Binaries) -> None:
    deep = parent / ("d" * 100)
    deep.mkdir()
    embedded = EmbeddedServer(deep / ".dbkit", binaries=binaries)
    embedded.start()
    copied = EmbeddedServer(deep / "copy", binaries=binaries)
    subprocess.run(["cp", "-a", deep / ".dbkit", deep / "copy"], check=True)

    copied.start()

    assert copied.url("postgres") != embedded.url("postgres")
    assert copied.status().pid != embedded.status().pid
    copied.reset()
    assert run_sql(embedded, "select 1") == 1
    embedded.reset()


def test_a_socket_folder_that_others_can_enter_is_not_used(
    parent: Path, binaries: Binaries
) -> None:
    deep = parent / ("d" * 100)
    deep.mkdir()
    embedded = EmbeddedServer(deep / ".dbkit", binaries=binaries)
    embedded.start()
    squatted = embedded.status().socket_folder
    embedded.stop()
    assert squatted is not None
    squatted.chmod(0o755)

    with pytest.raises(NeverStarted):
        embedded.url("postgres")
    embedded.start()

    assert embedded.status().socket_folder != squatted
    assert run_sql(embedded, "select 1") == 1
    embedded.reset()
    squatted.rmdir()


def _program(server: EmbeddedServer) -> Path:
    return Path(f"/proc/{server.status().pid}/exe").readlink()
