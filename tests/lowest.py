"""Write the lowest versions that pyproject.toml allows, as constraints for pip."""

import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement


def read_lowest_versions(pyproject: Path) -> dict[str, str]:
    """Return the lowest version of each package that the library, its extras and tests need."""
    document = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    requirements = [
        *document["project"]["dependencies"],
        *chain(*document["project"]["optional-dependencies"].values()),
        *_group(document["dependency-groups"], "test"),
    ]
    versions: dict[str, str] = {}
    for requirement in map(Requirement, requirements):
        if requirement.name == document["project"]["name"]:
            continue
        lowest = [item.version for item in requirement.specifier if item.operator == ">="]
        if not lowest:
            sys.exit(f"{pyproject}: {requirement} has no lowest version; write >= and a version")
        versions[requirement.name] = lowest[0]
    return versions


def _group(groups: dict[str, list[Any]], name: str) -> Iterator[str]:
    for item in groups[name]:
        if isinstance(item, str):
            yield item
        else:
            yield from _group(groups, item["include-group"])


if __name__ == "__main__":
    for name, version in read_lowest_versions(Path("pyproject.toml")).items():
        print(f"{name}=={version}")  # noqa: T201 - it is a program
