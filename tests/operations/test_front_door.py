"""An operation loads what it needs, and not what another operation needs."""

import subprocess
import sys

import pytest

import dbkit.operations
from tests.plain import plain_environment


def _loaded_with(name: str) -> set[str]:
    program = f"import sys; from dbkit.operations import {name}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("name", "needless"),
    [
        ("write_backup", {"sqlite3", "dbkit.loading", "dbkit.operations.adopting"}),
        ("import_file", {"dbkit.loading", "dbkit.operations.backups"}),
        ("read_health", {"sqlite3", "dbkit.migrations", "dbkit.operations.backups"}),
    ],
)
def test_an_operation_does_not_load_what_it_does_not_need(name: str, needless: set[str]) -> None:
    loaded = _loaded_with(name)

    assert loaded & needless == set()


@pytest.mark.parametrize("name", dbkit.operations.__all__)
def test_a_name_of_the_front_door_can_be_imported(name: str) -> None:
    assert getattr(dbkit.operations, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dbkit.operations.nothing  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
