"""The data folder: made once, whole or not at all, and only opened by its own major version."""

import shutil
from collections.abc import Callable
from pathlib import Path

from dbkit.server.account import Account
from dbkit.server.binaries import Binaries
from dbkit.server.errors import InitdbFailed, OtherMajorVersion
from dbkit.server.log import telling

# from here on the server brings Unicode's rules itself; before, the machine's C.UTF-8 has them
_FIRST_WITH_BUILTIN_LOCALE = 17


def read_major(data: Path) -> int | None:
    """Return the major version that made the data, or None if there are none."""
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def require_major(data: Path, binaries: Binaries) -> None:
    """Refuse data of another major version than the programs."""
    found = read_major(data)
    if found is not None and found != binaries.major:
        raise OtherMajorVersion(data, found, binaries.major)


def create_data(
    data: Path, binaries: Binaries, account: Account, *, running: int, say: Callable[[], None]
) -> None:
    """Make the data folder unless it is there: beside its place, then renamed into it."""
    unfinished = data.with_name("data.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    if data.exists():
        return
    say()
    try:
        finished = account.run(
            [binaries.initdb, *_options(binaries.major), "-D", unfinished], inherit=[running]
        )
        if finished.status != 0:
            raise InitdbFailed(data, telling(finished.output))
        unfinished.rename(data)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _options(major: int) -> list[str]:
    options = [
        "--username=postgres",
        # who may enter the socket's folder, 0700, is who may be the superuser
        "--auth-local=trust",
        "--auth-host=reject",
        "--encoding=UTF8",
        "--locale=C",
    ]
    if major >= _FIRST_WITH_BUILTIN_LOCALE:
        return [*options, "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [*options, "--lc-ctype=C.UTF-8"]
