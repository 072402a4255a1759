"""Say where the generated package of a system lies."""

import re
from pathlib import Path

from dbkit.errors.generating import NoPackage, UnusablePackage
from dbkit.settings import System

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def package_folder(system: System, root: Path) -> Path:
    """Say which folder the package of a system is."""
    return root.joinpath(*_names(system))


def way_up(system: System) -> str:
    """Say how one goes from the package's folder to the project's."""
    return "/".join(".." for _ in _names(system))


def _names(system: System) -> list[str]:
    if system.package is None:
        raise NoPackage(system.name)
    if not _DOTTED.fullmatch(system.package):
        raise UnusablePackage(system.name, system.package)
    return system.package.split(".")
