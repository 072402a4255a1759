"""Ask a server without the driver: its pid file, its socket, and the first bytes of a login."""

import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

PORT = 5432
_SOCKET = f".s.PGSQL.{PORT}"
_PROTOCOL = 3 << 16
_LOGIN_SECONDS = 10.0

# the smallest limit of the systems we know: macOS has 104 bytes with the closing zero, Linux 108
_LONGEST_ADDRESS = 103


@dataclass(frozen=True)
class PidFile:
    """What the server wrote into postmaster.pid."""

    pid: int
    ready: bool


def read_pid_file(data: Path) -> PidFile | None:
    """Read postmaster.pid; a killed server leaves it behind, so it proves nothing alone."""
    try:
        first, *_, last = (data / "postmaster.pid").read_text(errors="replace").splitlines()
        return PidFile(int(first), ready=last.strip() == "ready")
    except (OSError, ValueError):
        return None


def remove_traces(data: Path, socket_folder: Path) -> None:
    """Remove the files that a killed server left behind.

    They hold its process id. If another program of the same user has that id now, PostgreSQL
    takes it for a running server and refuses to start.
    """
    for trace in (data / "postmaster.pid", socket_folder / f"{_SOCKET}.lock"):
        trace.unlink(missing_ok=True)


def fits_an_address(socket_folder: Path) -> bool:
    """Say whether clients can name a socket in this folder: libpq splits a host at commas."""
    return (
        "," not in str(socket_folder)
        and len(os.fsencode(socket_folder / _SOCKET)) <= _LONGEST_ADDRESS
    )


def is_listening(socket_folder: Path) -> bool:
    """Say whether a server listens in this folder."""
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        try:
            client.connect(os.fspath(socket_folder / _SOCKET))
        except BlockingIOError:  # its queue of new clients is full: so there is a server
            return True
        except OSError:
            return False
    return True


def has_database(socket_folder: Path, name: str) -> bool | None:
    """Begin a login to learn whether a database exists; None if the answer does not say."""
    words = ("user", "postgres", "database", name, "")
    message = struct.pack("!I", _PROTOCOL) + b"".join(word.encode() + b"\0" for word in words)
    with socket.socket(socket.AF_UNIX) as client, client.makefile("rb") as answers:
        client.settimeout(_LOGIN_SECONDS)
        try:
            client.connect(os.fspath(socket_folder / _SOCKET))
            client.sendall(struct.pack("!I", len(message) + 4) + message)
            # the server accepts the login before it looks the database up; notices may come between
            while (head := answers.read(5))[:1] in (b"R", b"N"):
                answers.read(int.from_bytes(head[1:]) - 4)
            if head[:1] == b"E":
                missing = b"\0C3D000\0" in answers.read(int.from_bytes(head[1:]) - 4)
                return False if missing else None
        except OSError:
            return None
    return True if head[:1] == b"S" else None
