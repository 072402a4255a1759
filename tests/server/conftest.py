"""Servers that a test may kill, and other processes that use them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import dbkit
from dbkit.server import Binaries, EmbeddedServer

from .processes import Actor, StartActor, wrap

ROOT = Path(dbkit.__file__).parent.parent
QUICK = {"fsync": "off"}
_ROOM = 1 << 30


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder that other accounts may pass through; in memory where there is room."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp's name is nobody else's
    fits = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
    folder = Path(tempfile.mkdtemp(prefix="dbkit-", dir=memory if fits else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def folder(parent: Path) -> Iterator[Path]:
    """The folder of a server that does not exist yet."""
    folder = parent / ".dbkit"
    yield folder
    EmbeddedServer(folder).reset(force=True)


@pytest.fixture
def embedded(folder: Path, binaries: Binaries) -> EmbeddedServer:
    """A server that is not started yet."""
    return EmbeddedServer(folder, binaries=binaries, settings=QUICK)


@pytest.fixture
def started(embedded: EmbeddedServer) -> EmbeddedServer:
    """A server that is up."""
    embedded.start()
    return embedded


@pytest.fixture
def slow(binaries: Binaries, parent: Path) -> Binaries:
    """Programs whose server takes a second before it begins."""
    return wrap(binaries, parent, postgres='case "$*" in *-D*) sleep 1 ;; esac')


@pytest.fixture
def actor(binaries: Binaries) -> Iterator[StartActor]:
    """Start other processes in sessions of their own; those still there at the end are killed."""
    actors: list[Actor] = []

    def start(
        folder: Path,
        *words: str,
        programs: Path | None = binaries.bin,
        account: str = "",
        options: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> Actor:
        command = [sys.executable, *options, str(Path(__file__).with_name("actor.py"))]
        process = subprocess.Popen(
            [*command, account, str(programs or ""), str(folder), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | (environment or {}),
            start_new_session=True,
        )
        actors.append(Actor(process))
        return actors[-1]

    yield start
    for started in actors:
        if started.process.poll() is None:
            os.killpg(started.process.pid, signal.SIGKILL)
        started.process.communicate()


@pytest.fixture
def ordinary(parent: Path) -> Iterator[str]:
    """The name of an ordinary account that owns a folder; only root can be somebody else."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another account")
    shutil.chown(parent, "nobody")
    yield "nobody"
    shutil.chown(parent, "root")
