"""A primary and its standby, of the server under test, one of which takes over from the other."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dbkit.server import Binaries, EmbeddedServer

_DATABASE = "shop"
_NEEDED_MEMORY = 1 << 30
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "40",
}


@dataclass
class Replicas:
    """Two servers, and the URL that finds the one that may be written to."""

    primary: EmbeddedServer
    standby: EmbeddedServer

    @property
    def url(self) -> str:
        """The URL with both hosts."""
        parts = [conninfo_to_dict(server.url(_DATABASE)) for server in (self.primary, self.standby)]
        hosts = ",".join(str(part["host"]) for part in parts)
        return (
            f"host={hosts} port={parts[0]['port']} user=postgres dbname={_DATABASE} "
            "target_session_attrs=read-write"
        )

    def run(self, server: EmbeddedServer, *statements: bytes) -> None:
        """Run statements on one of the servers."""
        with psycopg.connect(server.url(_DATABASE), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def catch_up(self) -> None:
        """Wait until the standby has all that the primary has."""
        with psycopg.connect(self.primary.url(_DATABASE), autocommit=True) as connection:
            while (
                connection.execute(
                    "select from pg_stat_replication where replay_lsn >= pg_current_wal_flush_lsn()"
                ).fetchone()
                is None
            ):
                time.sleep(0.01)

    def promote(self) -> None:
        """Let the standby take over."""
        self.run(self.standby, b"select pg_promote()")


@contextmanager
def replicas(binaries: Binaries) -> Generator[Replicas]:
    """Start a primary with one table, and a standby that follows it."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder
    fits = memory.is_dir() and shutil.disk_usage(memory).free > _NEEDED_MEMORY
    folder = Path(tempfile.mkdtemp(prefix="dbkit-replicas-", dir=memory if fits else None))
    folder.chmod(0o711)
    primary = EmbeddedServer(folder / "first", binaries=binaries, settings=_SETTINGS)
    primary.start()
    address = conninfo_to_dict(primary.url(_DATABASE))
    follow = {
        **_SETTINGS,
        "primary_conninfo": f"host={address['host']} port={address['port']} user=postgres",
        "recovery_target_timeline": "latest",
        "wal_retrieve_retry_interval": "100ms",
    }
    standby = EmbeddedServer(folder / "second", binaries=binaries, settings=follow)
    try:
        primary.ensure_database(_DATABASE)
        with psycopg.connect(primary.url(_DATABASE)) as connection:
            connection.execute("create table notes (n integer not null, writer integer not null)")
        # a cold copy of the data: the binaries under test may lack pg_basebackup
        standby.start()
        standby.stop()
        primary.stop()
        data = standby.status().data
        shutil.rmtree(data)
        subprocess.run(["cp", "-a", primary.status().data, data], check=True)
        shutil.copy2(data / "PG_VERSION", data / "standby.signal")
        subprocess.run(
            ["chown", f"--reference={data / 'PG_VERSION'}", data / "standby.signal"], check=True
        )
        primary.start()
        standby.start()
        both = Replicas(primary, standby)
        both.catch_up()
        yield both
    finally:
        primary.reset(force=True)
        standby.reset(force=True)
        shutil.rmtree(folder)
