"""Say in which folder the generated package of a system lies."""

import re
from pathlib import Path

from dbkit.codegen.errors import NoPackage, UnusablePackage
from dbkit.settings import System

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def package_folder(system: System, root: Path) -> Path:
    """Give the folder of a system's package.

    It is below `src` where its top package is there, and for a project inside a package, which
    has dbkit.toml beside `__init__.py`, in that package if its dotted name says so.
    """
    return root.joinpath(*_folder_names(system, root))


def way_up(system: System, root: Path) -> str:
    """Give the path from the package's folder up to the project's, as in `../..`."""
    return "/".join(".." for _ in _folder_names(system, root))


def _folder_names(system: System, root: Path) -> list[str]:
    names = _package_names(system)
    around = _names_of(root)
    if around and names[: len(around)] == around and len(names) > len(around):
        return names[len(around) :]
    return ["src", *names] if (root / "src" / names[0]).is_dir() else names


def _package_names(system: System) -> list[str]:
    if system.package is None:
        raise NoPackage(system.name)
    if not _DOTTED.fullmatch(system.package):
        raise UnusablePackage(system.name, system.package)
    return system.package.split(".")


def _names_of(folder: Path) -> list[str]:
    """Give the dotted name of a folder that is a package, as its parts; else none."""
    if not (folder / "__init__.py").is_file():
        return []
    return [*_names_of(folder.parent), folder.name]
