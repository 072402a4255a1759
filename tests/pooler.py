"""pgbouncer between a test and its server, where the machine has one."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dbkit.server.account import Account

# Debian's is not on the path of an ordinary account
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(
    PGBOUNCER is None, reason="pgbouncer is not on this machine, so this test did not run"
)

PoolMode = Literal["session", "transaction", "statement"]


@contextmanager
def pooler(url: str, mode: PoolMode, *, servers: int = 2, **others: str) -> Generator[str]:
    """Start pgbouncer in front of a database, and give the URL through it.

    It has so few connections to the server that clients get each other's all the time. `others`
    are more of its settings. It is started again when it ends: 1.18 may do so, with "bad client
    state", when a client whose query it is cancelling goes.
    """
    program = PGBOUNCER
    assert program is not None
    database = conninfo_to_dict(url)
    owner = Path(str(database["host"])).stat()
    # the socket of an embedded server is closed to every other account
    account = Account(owner.st_uid, owner.st_gid)
    folder = Path(tempfile.mkdtemp(prefix="dbkit-pooler-", dir="/tmp"))
    settings = folder / "pgbouncer.ini"
    # every role of the server logs in as itself, whenever it was made
    (folder / "users").write_text(f'"{database["user"]}" ""\n')
    settings.write_text(
        f"""
[databases]
* = host={database["host"]} port={database["port"]} auth_user={database["user"]}
[pgbouncer]
listen_port = 6432
listen_addr =
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
admin_users = {database["user"]}
auth_query = select rolname, '' from pg_catalog.pg_roles where rolname = $1
pool_mode = {mode}
default_pool_size = {servers}
ignore_startup_parameters = extra_float_digits,options
max_client_conn = 1000
logfile = {folder}/log
"""
        + "".join(f"{name} = {value}\n" for name, value in others.items())
    )
    if not account.is_ours:
        os.chown(folder, account.uid, account.gid)

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [program, "-q", settings],
            user=None if account.is_ours else account.uid,
            group=None if account.is_ours else account.gid,
            extra_groups=None if account.is_ours else [],
            cwd="/",
        )

    process = start()
    ends = threading.Event()

    def keep_up() -> None:
        nonlocal process
        while not ends.wait(0.2):
            if process.poll() is not None:
                process = start()

    keeper = threading.Thread(target=keep_up)
    try:
        through = make_conninfo(
            host=str(folder), port=6432, user=database["user"], dbname=database["dbname"]
        )
        _wait_for(through, process)
        keeper.start()
        yield through
    finally:
        ends.set()
        if keeper.is_alive():
            keeper.join()
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            continue
        return
    message = f"pgbouncer ended with {process.returncode}"
    raise RuntimeError(message)


def wait_for_logins(through: str) -> None:
    """Wait until pgbouncer logs in nowhere, so that it hinders nobody who drops a database."""
    with psycopg.connect(through, dbname="pgbouncer", autocommit=True) as console:
        while True:
            pools = console.pgconn.exec_(b"show pools")
            at = [pools.fname(column) for column in range(pools.nfields)].index(b"sv_login")
            if all(pools.get_value(row, at) == b"0" for row in range(pools.ntuples)):
                return
            time.sleep(0.01)
