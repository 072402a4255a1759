"""A PostgreSQL server and a folder that last as long as a measurement."""

import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dbkit.server import EmbeddedServer

# what the embedded server counts of each statement costs every contestant the same
_UNCOUNTED = {"pg_stat_statements.track": "none", "compute_query_id": "off"}


@contextmanager
def scratch(settings: Mapping[str, str]) -> Generator[tuple[EmbeddedServer, Path]]:
    """Run a server with these settings and keep a folder for as long as a measurement lasts."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder
    folder = Path(tempfile.mkdtemp(prefix="dbkit-bench-", dir=memory if memory.is_dir() else None))
    folder.chmod(0o711)  # if we are root, the server's account has to pass through
    server = EmbeddedServer(folder / "server", settings={**_UNCOUNTED, **settings})
    server.start()
    try:
        yield server, folder
    finally:
        server.reset(force=True)
        shutil.rmtree(folder)
