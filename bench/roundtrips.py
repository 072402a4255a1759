"""Count round trips on the wire: how often the client waits for what it sent to be answered."""

import selectors
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path


class Wire:
    """A socket between clients and a server, which counts as it passes bytes on."""

    def __init__(self, folder: Path, server: Path) -> None:
        self._server = server
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / server.name))
        self._listening.listen()
        self._lock = threading.Lock()
        self._trips = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def counted(self) -> Generator[list[int]]:
        """Put into a list, at the end of the block, how many round trips were made in it."""
        counted: list[int] = []
        with self._lock:
            before = self._trips
        yield counted
        with self._lock:
            counted.append(self._trips - before)

    def close(self) -> None:
        """Take no more clients."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        ways = selectors.DefaultSelector()
        ways.register(client, selectors.EVENT_READ, server)
        ways.register(server, selectors.EVENT_READ, client)
        is_asking = False
        with client, server, ways, suppress(OSError):
            while True:
                for key, _ in ways.select():
                    source, target = key.fileobj, key.data
                    assert isinstance(source, socket.socket)  # noqa: S101 - of both it is one
                    if not (passed := source.recv(1 << 16)):
                        return
                    # counted before it is passed on, so that who got an answer sees the count
                    if source is client:
                        is_asking = True
                    elif is_asking:
                        is_asking = False
                        with self._lock:
                            self._trips += 1
                    target.sendall(passed)
