"""Search for a statement that is described wrongly.

    python -m tests.analysis.fuzzing [SEED [SECONDS [SERVER]]]

SERVER is the PostgreSQL to search on, as in DBKIT_TEST_POSTGRES. A seed with a slash,
such as `7/123`, is that of one world, and tries that alone.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from dbkit.server import EmbeddedServer, find_binaries
from tests.analysis.fuzzing.trials import search, try_world


def main(arguments: Sequence[str]) -> int:
    """Search, tell each fault as it is found, and say at the end what was tried."""
    seed = arguments[0] if arguments else str(time.time_ns())
    seconds = float(arguments[1]) if len(arguments) > 1 else 60
    binaries = find_binaries(arguments[2] if len(arguments) > 2 else None)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # the server's account has to pass through, where we are root
        quick = {"fsync": "off", "full_page_writes": "off"}
        server = EmbeddedServer(Path(folder) / "server", binaries=binaries, settings=quick)
        server.start()
        try:
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                return _search(connection, seed, seconds)
        finally:
            server.reset(force=True)


def _search(connection: psycopg.Connection, seed: str, seconds: float) -> int:
    told, text = 0, "nothing was tried"
    if "/" in seed:
        faults = [fault for trial in try_world(connection, seed) for fault in trial.faults]
        sys.stdout.write("\n\n".join(faults) + "\n")
        return bool(faults)
    for tally, faults in search(connection, seed, seconds=seconds):
        for fault in faults[told:]:
            sys.stdout.write(f"{fault}\n-- after: {tally}\n\n")
            sys.stdout.flush()
        told, text = len(faults), str(tally)
    version = connection.info.server_version // 10_000
    sys.stdout.write(f"PostgreSQL {version}, seed {seed}: {told} faults, {text}\n")
    return bool(told)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
