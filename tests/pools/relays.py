"""A host between a client and the server, which may fall silent: it takes all and says nothing."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from psycopg.conninfo import conninfo_to_dict

_PORTION = 1 << 16


class Relay:
    """Forwards connections to the server until it falls silent."""

    def __init__(self, url: str) -> None:
        self._target = conninfo_to_dict(url)
        self._speaks = threading.Event()
        self._speaks.set()
        self._is_closed = False
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def first(self) -> str:
        """A URL that names this host first, and the server itself after it."""
        target = self._target
        port = self._listener.getsockname()[1]
        return (
            f"host=127.0.0.1,{target['host']} port={port},{target.get('port') or 5432} "
            f"user={target.get('user') or 'postgres'} dbname={target['dbname']} "
            f"password='{target.get('password') or ''}'"
        )

    def fall_silent(self) -> None:
        """Answer nothing any more, and take new connections without a word."""
        self._speaks.clear()

    def close(self) -> None:
        """End all connections."""
        self._is_closed = True
        self._speaks.set()
        for end in (self._listener, *self._sockets):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._connect()
                self._sockets += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _connect(self) -> socket.socket:
        host, port = str(self._target["host"]), int(self._target.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while portion := source.recv(_PORTION):
                self._speaks.wait()
                if self._is_closed:
                    return
                target.sendall(portion)
            target.shutdown(socket.SHUT_WR)


@contextmanager
def relay(url: str) -> Generator[Relay]:
    """Give a relay to the server of a URL."""
    made = Relay(url)
    try:
        yield made
    finally:
        made.close()
