"""Start, stop and address the PostgreSQL server that lives in a project's folder."""

import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dbkit.server.binaries import Binaries, find_binaries
from dbkit.server.errors import DidNotStop, NeverStarted, ServerHeld, UnusableFolder
from dbkit.server.filelocks import held, locked, opened, other_holders, try_lock
from dbkit.server.interruption import unwinding
from dbkit.server.launch import (
    add_statement_counter,
    compose_command,
    create_data,
    empty_large_log,
    launch,
    read_major,
    require_major,
)
from dbkit.server.listening import (
    PORT,
    has_database,
    is_listening,
    read_pid_file,
    remove_traces,
)
from dbkit.server.missingextensions import advise
from dbkit.server.serverfolder import ServerFolder

_POLL = 0.01
_SHUTDOWN_SECONDS = 60.0  # a fast shutdown writes everything to the disk first
_LEFTOVER_SECONDS = 5.0  # the other processes of a killed server end, unless one is at work


@dataclass(frozen=True)
class ServerStatus:
    """The state of an embedded server at one moment."""

    running: bool
    pid: int | None
    major: int | None
    data: Path
    socket_folder: Path | None
    holders: tuple[int, ...]


class EmbeddedServer:
    """The PostgreSQL server of one folder; any number of processes may use it at once."""

    def __init__(
        self,
        folder: Path,
        *,
        binaries: Callable[[], Binaries] | Binaries | None = None,
        settings: Mapping[str, str] | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = ServerFolder(Path(os.path.realpath(folder)))
        self._find = binaries if callable(binaries) else lambda: binaries or find_binaries()
        self._settings = settings or {}
        self._progress = progress

    def start(self) -> None:
        """Start the server unless it is up; its data are created the first time."""
        is_up = self._is_up()
        empty_large_log(self._folder.log)
        if is_up:
            return
        with self._changing():
            self._start()

    def stop(self, *, force: bool = False) -> bool:
        """Roll back all open transactions and end the server; False if none was up."""
        if not self._folder.exists():
            return False
        with self._changing():
            self._refuse_if_held(force=force)
            return self._stop()

    def reset(self, *, force: bool = False) -> None:
        """Stop the server and delete its data."""
        if not self._folder.exists():
            return
        with self._changing():
            self._refuse_if_held(force=force)
            self._stop()
            self._folder.clear()

    def status(self) -> ServerStatus:
        """Say what is there; nothing is changed, and no lock is waited for."""
        folder = self._folder
        exists = folder.exists()
        running = exists and self._is_listening()
        pid_file = read_pid_file(folder.data)
        return ServerStatus(
            running=running,
            pid=pid_file.pid if running and pid_file else None,
            major=read_major(folder.data) if exists else None,
            data=folder.data,
            socket_folder=folder.socket_folder() if running else None,
            holders=other_holders(folder.holders),
        )

    def url(self, database: str) -> str:
        """Return the URL of a database, as libpq reads it."""
        # with the port, because libpq would take the one in PGPORT otherwise
        host = quote(str(self._folder.socket_folder()), safe="")
        return f"postgresql://postgres@/{quote(database, safe='')}?host={host}&port={PORT}"

    def has_database(self, name: str) -> bool:
        """Say whether the database exists; the server has to be up."""
        return bool(has_database(self._folder.socket_folder(), name))

    def ensure_database(self, name: str) -> bool:
        """Create the database if it is missing, and say whether it was."""
        if has_database(self._folder.socket_folder(), name):
            return False
        import psycopg  # noqa: PLC0415 - slow to load, and needed only here
        from psycopg import sql  # noqa: PLC0415 - as above

        create = sql.SQL("create database {} template template0")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            try:
                connection.execute(create.format(sql.Identifier(name)))
            # another process made it at the same time
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return False
        return True

    @contextmanager
    def hold(self) -> Generator[None]:
        """Keep other processes from stopping the server; enter before `start`, and it stays up."""
        with ExitStack() as stack:
            with self._changing():
                stack.enter_context(held(self._folder.holders))
            try:
                yield
            except Exception as error:
                advise(error, self._find)
                raise

    def _start(self) -> None:
        folder = self._folder
        binaries = self._find()
        folder.prepare()
        with opened(folder.running) as running:
            if self._wait_for_others(running):
                return
            require_major(folder.data, binaries)
            self._create_data(binaries, running)
            folder.close_to_others()
            account, sockets = folder.account, folder.socket_folder()
            programs = binaries.usable_by(account, folder.copies)
            remove_traces(folder.data, sockets)
            self._say(f"starting the embedded PostgreSQL {binaries.major}")
            settings = add_statement_counter(programs, folder.data, account, self._settings)
            launch(
                compose_command(programs, folder.data, sockets, settings),
                account,
                log=folder.log,
                running=running,
                is_up=self._is_up,
            )

    def _create_data(self, binaries: Binaries, running: int) -> None:
        folder = self._folder
        if not folder.data.exists():
            folder.open_to_initdb()
            self._say(
                f"creating the embedded PostgreSQL {binaries.major} in {folder.path.name} "
                "(once, about a second)"
            )
            programs = binaries.usable_by(folder.account, folder.copies)
            create_data(folder.data, programs, folder.account, running=running)

    def _wait_for_others(self, running: int) -> bool:
        """Wait until no process of an earlier server is left; True if that server comes up.

        It comes up by itself when the process that started it was killed. While it listens we
        wait: it will be up, or it will end. What is left of a killed server may never end, so
        we do not wait for it long.
        """
        deadline = time.monotonic() + _LEFTOVER_SECONDS
        while (listening := self._is_listening()) or not try_lock(running):
            if self._is_up():
                return True
            if not listening and time.monotonic() > deadline:
                raise DidNotStop(self._folder.path, self._pid(), _LEFTOVER_SECONDS)
            time.sleep(_POLL)
        return False

    def _stop(self) -> bool:
        pid = self._pid() if self._is_listening() else None
        if pid is not None:
            # with the server's account: a wrong pid in the file can end no other user's process
            kill = ["/bin/sh", "-c", 'kill -s INT "$1"', "sh", str(pid)]
            self._folder.account.run(kill)
        patience = _SHUTDOWN_SECONDS if pid else _LEFTOVER_SECONDS
        deadline = time.monotonic() + patience
        with opened(self._folder.running) as running:
            while self._is_listening() or not try_lock(running):
                if time.monotonic() > deadline:
                    raise DidNotStop(self._folder.path, self._pid(), patience)
                time.sleep(_POLL)
        return pid is not None

    def _is_up(self) -> bool:
        pid_file = read_pid_file(self._folder.data)
        return pid_file is not None and pid_file.ready and self._is_listening()

    def _is_listening(self) -> bool:
        try:
            return self._folder.exists() and is_listening(self._folder.socket_folder())
        except NeverStarted:
            return False

    def _pid(self) -> int | None:
        pid_file = read_pid_file(self._folder.data)
        return pid_file.pid if pid_file else None

    def _refuse_if_held(self, *, force: bool) -> None:
        pids = other_holders(self._folder.holders)
        if pids and not force:
            raise ServerHeld(self._folder.path, pids)

    @contextmanager
    def _changing(self) -> Generator[None]:
        """Let no other process start or stop this server meanwhile."""
        try:
            self._folder.create()
            with unwinding(), locked(self._folder.lock, waiting=self._say_waiting):
                yield
        except OSError as error:
            path = "" if error.filename in {None, str(self._folder.path)} else str(error.filename)
            reason = ": ".join(filter(None, [error.strerror or str(error), path]))
            raise UnusableFolder(self._folder.path, reason) from error

    def _say_waiting(self) -> None:
        self._say("waiting for another process that starts or stops the embedded server")

    def _say(self, message: str) -> None:
        if self._progress is not None:
            self._progress(message)
