"""Say where the generated package of a system lies."""

import re
from pathlib import Path

from dbkit.codegen.errors import NoPackage, UnusablePackage
from dbkit.settings import System

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def package_folder(system: System, root: Path) -> Path:
    """Return the folder of a system's package; it is in `src` if its top package is there."""
    return root.joinpath(*_way_down(system, root))


def way_up(system: System, root: Path) -> str:
    """Return the relative path from the package's folder to the project's."""
    return "/".join(".." for _ in _way_down(system, root))


def _way_down(system: System, root: Path) -> list[str]:
    names = _names(system)
    return ["src", *names] if (root / "src" / names[0]).is_dir() else names


def _names(system: System) -> list[str]:
    if system.package is None:
        raise NoPackage(system.name)
    if not _DOTTED.fullmatch(system.package):
        raise UnusablePackage(system.name, system.package)
    return system.package.split(".")
