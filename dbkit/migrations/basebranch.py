"""Ask git which migrations another branch has."""

import subprocess
from pathlib import Path

from dbkit.migrations.errors import NoBase

_SUFFIX = ".sql"
_ROLLBACK = ".rollback.sql"
_SECONDS = 60


def names_at(folder: Path, ref: str) -> set[str]:
    """Return the names of the migrations that a folder has at a branch or commit."""
    listed = _git(folder, ref, "ls-tree", "-z", "--name-only", f"{ref}^{{commit}}")
    names = listed.decode(errors="replace").split("\0")
    return {
        name.removesuffix(_SUFFIX)
        for name in names
        if name.endswith(_SUFFIX) and not name.endswith(_ROLLBACK)
    }


def _git(folder: Path, ref: str, *arguments: str) -> bytes:
    command = ["git", "-C", str(folder), *arguments]
    try:
        ran = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoBase(ref, str(error)) from error
    if ran.returncode != 0:
        lines = ran.stderr.decode(errors="replace").strip().splitlines()
        raise NoBase(ref, lines[-1] if lines else f"git ended with {ran.returncode}")
    return ran.stdout
