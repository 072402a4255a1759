"""Write the generated files of a package, and remove those that are no longer generated."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dbkit.codegen.errors import ForeignFile
from dbkit.codegen.lockfile import LOCK
from dbkit.codegen.module import MARK


class Written(NamedTuple):
    """Which files of a package were written, and which were removed."""

    changed: tuple[Path, ...]
    removed: tuple[Path, ...]


def write_package(texts: Mapping[Path, str]) -> Written:
    """Write what differs from the disk, the lock file last; refuse to overwrite another's file."""
    written = find_changes(texts)
    for path in written.changed:
        if path.name != LOCK and path.exists() and not _is_generated(path):
            raise ForeignFile(str(path))
    for path in texts:
        path.parent.mkdir(parents=True, exist_ok=True)
    for path in sorted(written.changed, key=lambda path: path.name == LOCK):
        _replace(path, texts[path])
    for path in written.removed:
        path.unlink()
    return written


def find_changes(texts: Mapping[Path, str]) -> Written:
    """Say which files would be written and which removed, and change nothing."""
    stale = sorted(
        path
        for folder in {path.parent for path in texts}
        for path in folder.glob("*.py")
        if path not in texts and _is_generated(path)
    )
    changed = [path for path, text in texts.items() if not _holds(path, text)]
    return Written(tuple(changed), tuple(stale))


def _replace(path: Path, text: str) -> None:
    # renamed into place, so that a reader sees the old file or the new one, never half of it
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(text.encode())
    temporary.replace(path)


def _holds(path: Path, text: str) -> bool:
    # git may change the line ends to those of the operating system
    return path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") == text.encode()


def _is_generated(path: Path) -> bool:
    head = path.read_text(encoding="utf-8", errors="replace")[:500]
    # an empty __init__.py may be overwritten as well
    return MARK in head or not head.strip()
